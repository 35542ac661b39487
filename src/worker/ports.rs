//! What the loop waits for: a queue, a ledger, a clock; real and simulated, so that a test can step
//! two workers against each other.

pub use crate::broker::{Announcer, Fresh, Line, Queue};
pub use crate::clock::Clock;
pub use crate::store::{Ledger, Outbox};
