//! The only place that knows the AMQP client library: sessions, topology, consuming, publishing,
//! dead letters. Names of queues and exchanges are settings; nothing outside this folder spells them.

mod message;

pub use message::{Delivery, Outgoing, Published};
