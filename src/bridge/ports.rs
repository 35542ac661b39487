//! What the loop waits for: a database to look at, a broker to speak to, a clock. Real ones and
//! simulated ones implement them alike.

use std::time::Duration;

use super::look::Sighting;
use super::numbers::Remembered;
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
    /// Writes our own row and what is `to_remember`, then reads what is remembered, our row and both
    /// tables. Never takes longer than its time limit by much.
    /// Errors: [`LookFault`]: nothing was seen.
    async fn look(&mut self, to_remember: &[Remembered]) -> Result<Sighting, LookFault>;
}

/// The broker.
pub trait Voice {
    /// Makes sure that there is a session.
    /// Errors: There is no broker, or it says no.
    async fn open(&mut self) -> Result<(), BrokerError>;

    /// Publishes all in order, and waits for the broker's answer for each. After an error the
    /// session is over, and the next [`open`](Self::open) begins a new one.
    /// Errors: It is unknown which of them the broker has.
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, BrokerError>;

    /// Why the broker does not read from us at the moment, if it said so.
    fn blocked(&self) -> Option<String>;
}
