//! Our probes, sent the conductors' way to learn whether it leads to the queue.

use serde::Serialize;

use super::fields::Fields;
use super::to_msgpack;

/// What one probe says. Anybody may forge one, so it only names what its sender remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The history of the database that the sender works on, a UUID in text.
    pub stream: String,
    /// The sender's session, a UUID in text.
    pub session: String,
    /// What only the sender can know: random, and new in each probe.
    pub nonce: String,
}

impl Probe {
    /// As MessagePack, for type [`PROBE_TYPE`](crate::message::PROBE_TYPE) and routing key
    /// [`PROBE_KEY`](crate::message::PROBE_KEY).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        to_msgpack(self)
    }

    pub(super) fn from_fields(fields: &Fields) -> Option<Self> {
        let text = |field| fields.text(field).ok().flatten().map(str::to_owned);
        Some(Self {
            stream: text("stream")?,
            session: text("session")?,
            nonce: text("nonce")?,
        })
    }
}
