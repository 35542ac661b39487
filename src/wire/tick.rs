//! Our own ticks: what each replica sends through the queue to learn how it stands with it.

use std::time::Duration;

use serde::Serialize;

use super::fields::{COUNT_MAX, Fields, MS_MAX, required};
use super::refusal::{Reason, Refusal, excerpt};
use super::to_msgpack;
use crate::domain::committed::Committed;

/// What one tick says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The history of the database that the sender works on, a UUID in text.
    pub stream: String,
    /// The sender's session, a UUID in text: only a session's own ticks tell it anything.
    pub session: String,
    /// The sender's monotonic clock in whole microseconds, which means nothing to others.
    pub sent: Duration,
    /// What the sender knows to be committed in that stream; nothing, if it is of an older version or counts
    /// what no database counts to.
    pub committed: Option<Committed>,
}

#[derive(Serialize)]
struct TickOnTheWire<'a> {
    stream: &'a str,
    session: &'a str,
    sent_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commits: Option<u64>,
}

impl Tick {
    /// As MessagePack, to be sent with type [`TICK_TYPE`](crate::message::TICK_TYPE) through the default exchange.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let committed = self.committed.as_ref();
        to_msgpack(&TickOnTheWire {
            stream: &self.stream,
            session: &self.session,
            sent_us: u64::try_from(self.sent.as_micros()).unwrap_or(MS_MAX),
            epoch: committed.map(|committed| committed.epoch),
            seq: committed.map(|committed| committed.seq),
            commits: committed.map(|committed| committed.commits),
        })
    }

    pub(super) fn from_fields(fields: &Fields) -> Result<Self, Refusal> {
        let sent_us = required("sent_us", fields.number("sent_us", 0, MS_MAX)?)?;
        let stream = uuid(fields, "stream")?;
        // What is no count says nothing. To refuse the tick would make its sender deaf.
        let count = |field| fields.number(field, 0, COUNT_MAX).ok().flatten();
        let counts = (count("epoch"), count("seq"), count("commits"));
        let committed = match counts {
            (Some(epoch), Some(seq), Some(commits)) => Some(Committed {
                stream: stream.clone(),
                epoch,
                seq,
                commits,
            }),
            _ => None,
        };
        Ok(Self {
            committed,
            stream,
            session: uuid(fields, "session")?,
            sent: Duration::from_micros(sent_us),
        })
    }
}

fn uuid(fields: &Fields, field: &str) -> Result<String, Refusal> {
    let text = required(field, fields.text(field)?)?;
    if uuid::Uuid::try_parse(text).is_err() {
        let detail = format!("{field} is not a UUID: {}", excerpt(text));
        return Err(Refusal::new(Reason::OutOfBounds, detail));
    }
    Ok(text.to_owned())
}
