//! What the relay waits for: a way to the broker that can be made fresh; real and simulated alike.

use crate::broker::{BrokerError, Unpublished};
use crate::message::{Outgoing, Published};

/// What the relay asks for after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// Another channel of the connection in use.
    Channel,
    /// A connection of the relay's own, with a channel on it.
    Connection,
}

/// Where announcements go.
pub trait Announcer {
    /// Publishes in order and awaits every confirm, also while the broker blocks us; results in
    /// that order. After an error the messages' fate is unknown, and nothing more goes this way.
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, Unpublished>;

    /// Goes on with something fresh; after an error, with what was in use.
    async fn renew(&mut self, how: Fresh) -> Result<(), BrokerError>;

    /// Why the broker takes nothing from us at the moment (memory or disk alarm), if it said so.
    fn blocked(&self) -> Option<String>;
}
