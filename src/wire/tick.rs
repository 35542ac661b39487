//! Our own ticks: what each replica sends through the queue to learn how it stands with it.

use std::time::Duration;

use serde::Serialize;

use super::fields::{Fields, MS_MAX, required};
use super::refusal::{Reason, Refusal, excerpt};
use super::to_msgpack;

/// What one tick says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The history of the database that the sender works on, a UUID in text.
    pub stream: String,
    /// The sender's session, a UUID in text: only a session's own ticks tell it anything.
    pub session: String,
    /// The sender's monotonic clock in whole microseconds, which means nothing to others.
    pub sent: Duration,
}

#[derive(Serialize)]
struct TickOnTheWire<'a> {
    stream: &'a str,
    session: &'a str,
    sent_us: u64,
}

impl Tick {
    /// As MessagePack, to be sent with type [`TICK_TYPE`](crate::message::TICK_TYPE) through the default exchange.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        to_msgpack(&TickOnTheWire {
            stream: &self.stream,
            session: &self.session,
            sent_us: u64::try_from(self.sent.as_micros()).unwrap_or(MS_MAX),
        })
    }

    pub(super) fn from_fields(fields: &Fields) -> Result<Self, Refusal> {
        let sent_us = required("sent_us", fields.number("sent_us", 0, MS_MAX)?)?;
        Ok(Self {
            stream: uuid(fields, "stream")?,
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
