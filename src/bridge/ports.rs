//! What the loop waits for: a database, a broker, a clock; real and simulated alike.

use std::time::Duration;

use super::look::{Remembered, Sighting};
use crate::broker::BrokerError;
pub use crate::clock::Clock;
use crate::message::{Outgoing, Published};

/// Why a look was not good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookFault {
    /// It took longer than it may; whatever it saw is forgotten.
    Slow(Duration),
    /// It, or the write of our own row, failed. A sentence for people, without secrets.
    Failed(String),
}

impl std::fmt::Display for LookFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Slow(limit) => write!(
                f,
                "looking took longer than {}",
                humantime::format_duration(*limit)
            ),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// Ironic's database.
pub trait Lookout {
    /// Writes our row and `to_remember`, then reads what is remembered, our row and both tables,
    /// within about its time limit. After a [`LookFault`] nothing was seen.
    async fn look(&mut self, to_remember: &[Remembered]) -> Result<Sighting, LookFault>;
}

/// The broker.
pub trait Voice {
    /// Makes sure that there is a session; fails if there is no broker, or it says no.
    async fn open(&mut self) -> Result<(), BrokerError>;

    /// Publishes all in order and awaits each answer. After an error it is unknown what the broker
    /// has, and the next [`open`](Self::open) begins a new session.
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, BrokerError>;

    /// Why the broker does not read from us at the moment, if it said so.
    fn blocked(&self) -> Option<String>;
}
