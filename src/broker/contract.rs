//! What a session with the broker offers, real and simulated alike: a place in line, the way out for
//! announcements, and the end of both.

use std::time::Duration;

use super::{BrokerError, Unpublished};
use crate::message::{Delivery, Outgoing, Published, Refused};

/// The queue of conductors' events in one session, which every error ends: what was not
/// acknowledged comes again.
pub trait Queue {
    /// Waits up to `wait` for a first delivery, then takes what is there already, at most `most`. May be abandoned.
    async fn receive(&mut self, most: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError>;

    /// Returns once all is here that the broker had delivered before the call: what is received after that
    /// and not at once, it delivered later.
    async fn catch_up(&mut self) -> Result<(), BrokerError>;

    /// Acknowledges every delivery up to and including `tag`.
    async fn acknowledge_through(&mut self, tag: u64) -> Result<(), BrokerError>;

    /// Puts copies of these deliveries safely into the queue of refused messages; acknowledges none.
    /// `false`: the broker takes nothing from us at the moment. Then, as after an error, some copies may be there.
    /// [`BrokerError::Refused`]: that queue does not take them.
    async fn refuse(&mut self, refused: &[Refused]) -> Result<bool, BrokerError>;

    /// Sends a tick through the queue. No confirm is awaited: while one is missing, or the broker blocks us, none
    /// is sent, and the worker notices that no tick comes back. Fails too if a confirm is late, or the user may not
    /// publish ticks.
    async fn send_tick(&mut self, body: Vec<u8>) -> Result<(), BrokerError>;

    /// Sends a probe the way of conductors' events, through their exchange; nothing waits for its confirm either.
    async fn send_probe(&mut self, body: Vec<u8>) -> Result<(), BrokerError>;

    /// Why a probe found no way into the queue, if one was returned since the last call.
    fn returned_probe(&mut self) -> Result<Option<String>, BrokerError>;

    /// Whether the broker takes nothing from us at the moment (an alarm).
    fn blocked(&self) -> bool;

    /// Makes the next part of the topology if it is missing, where that is ours to do; a failure is logged.
    /// Whether others follow: all at once would keep the loop for longer than an own tick may take.
    async fn repair(&mut self) -> Result<bool, BrokerError>;
}

/// What the relay asks for after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// Another channel of the connection in use.
    Channel,
    /// A connection of the relay's own, with a channel on it.
    Connection,
}

/// Where announcements go: a way to the broker that can be made fresh.
pub trait Announcer {
    /// Publishes in order and awaits every confirm, also while the broker blocks us; results in
    /// that order. After an error the messages' fate is unknown, and nothing more goes this way.
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, Unpublished>;

    /// Goes on with something fresh; after an error, with what was in use.
    async fn renew(&mut self, how: Fresh) -> Result<(), BrokerError>;

    /// Why the broker takes nothing from us at the moment (memory or disk alarm), if it said so.
    fn blocked(&self) -> Option<String>;
}

/// What a session has with the broker.
pub trait Line {
    /// A place in line.
    type Queue: Queue;

    /// Gets in line at the events queue, on a channel of its own and with a new consumer tag.
    async fn consume(&self, session_id: &str) -> Result<Self::Queue, BrokerError>;

    /// Leaves the line: what is unacknowledged goes back to its place.
    async fn leave(&self, queue: Self::Queue) -> Result<(), BrokerError>;

    /// Why the broker takes nothing from us (an alarm), if it said so.
    fn blocked(&self) -> Option<String>;

    /// Takes leave politely; each connection gets at most the time limit.
    async fn close(self);

    /// The hard stop, of a fenced session too: the broker hands the queue over.
    fn sever(&self);
}
