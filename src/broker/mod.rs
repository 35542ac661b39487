//! The only place that knows the AMQP client library: sessions, topology, consuming, publishing,
//! dead letters. Names of queues and exchanges are settings; nothing outside this folder spells them.
//!
//! A session is two connections: what is consumed and acknowledged travels on one, what is
//! published on the other, because a broker short of memory or disk stops reading from connections
//! that publish. Sessions are never repaired: any doubt ends them and the caller opens a new one.

mod announcements;
mod confirmed;
mod consumer;
mod dead_letters;
mod deliveries;
mod emitter;
mod error;
mod in_flight;
mod link;
mod probes;
mod publisher;
mod session;
mod subscriber;
mod ticks;
mod topology;
mod url;

pub use announcements::Announcements;
pub use consumer::Consumer;
pub use dead_letters::{
    DeadLetter, DeadLetterContent, DeadLetters, Foreign, Kept, Requeued, Which,
};
pub use emitter::{Emitter, publish_event};
pub use error::BrokerError;
pub use publisher::Publisher;
pub use session::Session;
pub use subscriber::Subscriber;
pub use url::{UrlFault, check_url};

/// `app_id` of everything that is published here.
const APP_ID: &str = "nodewarden";
