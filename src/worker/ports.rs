//! What the loop waits for: a queue, a ledger, a clock; real and simulated, so that a test can step
//! two workers against each other.

use std::time::Duration;

use crate::broker::BrokerError;
pub use crate::clock::Clock;
use crate::message::{Delivery, Refused};
pub use crate::store::{Ledger, Outbox};

/// The queue of conductors' events in one session, which every error ends: what was not
/// acknowledged comes again.
pub trait Queue {
    /// Waits up to `wait` for a first delivery, then takes what is there already, at most `most`.
    async fn receive(&mut self, most: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError>;

    /// Returns once all is here that the broker had delivered before the call: what is received after that
    /// and not at once, it delivered later.
    async fn catch_up(&mut self) -> Result<(), BrokerError>;

    /// Acknowledges every delivery up to and including `tag`.
    async fn acknowledge_through(&mut self, tag: u64) -> Result<(), BrokerError>;

    /// Puts copies of these deliveries safely into the queue of refused messages; acknowledges none.
    /// `false`: the broker takes nothing from us at the moment, and some copies may be there.
    async fn refuse(&mut self, refused: &[Refused]) -> Result<bool, BrokerError>;

    /// Sends a tick through the queue.
    async fn send_tick(&mut self, body: Vec<u8>) -> Result<(), BrokerError>;

    /// Sends a probe the way of conductors' events, through their exchange.
    async fn send_probe(&mut self, body: Vec<u8>) -> Result<(), BrokerError>;

    /// Why a probe found no way into the queue, if one was returned since the last call.
    fn returned_probe(&mut self) -> Result<Option<String>, BrokerError>;

    /// Whether the broker takes nothing from us at the moment (an alarm).
    fn blocked(&self) -> bool;

    /// Makes the next part of the topology if it is missing, where that is ours to do; a failure is logged.
    /// Whether others follow.
    async fn repair(&mut self) -> Result<bool, BrokerError>;
}
