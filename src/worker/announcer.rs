//! What the relay waits for: a way to the broker that can be made fresh. The real one and a
//! simulated one implement it alike.

use crate::broker::BrokerError;
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
    /// Publishes in order and awaits every confirm; the result at each place is that message's.
    /// While the broker blocks us it waits.
    /// Errors: The session is over; what became of the messages is unknown.
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, BrokerError>;

    /// From now on everything goes out on something fresh.
    /// Errors: There is nothing fresh for now; what was in use stays in use.
    async fn renew(&mut self, how: Fresh) -> Result<(), BrokerError>;

    /// Why the broker takes nothing from us at the moment (memory or disk alarm), if it said so.
    fn blocked(&self) -> Option<String>;
}
