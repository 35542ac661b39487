//! From a message as delivered to what it says, or to the reason why it is refused.

use sha2::{Digest, Sha256};

use super::body::{self, Format};
use super::fields::{Fields, MS_MAX, TIMEOUT_MAX_MS, TIMEOUT_MIN_MS, required};
use super::incoming::{INTERVALS_PER_TIMEOUT, REASON_BYTES};
use super::probe::Probe;
use super::publishers::Publishers;
use super::receipt;
use super::refusal::{Reason, Refusal, excerpt};
use super::tick::Tick;
use super::{BODY_BYTES, DRIVERS, JSON, MSGPACK};
use crate::domain::event::{Event, EventKind, EventType, Statement};
use crate::domain::ids::{ConductorName, Driver, EventId, Group, INCARNATION_MAX, Incarnation};
use crate::domain::receipt::Receipt;
use crate::message::{Delivery, PROBE_KEY, PROBE_TYPE, RECEIPT_TYPE, TICK_TYPE};
use crate::words::Word;

/// What a good message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A conductor, or its watcher, published a lifecycle event.
    Event {
        /// The event.
        event: Event,
        /// SHA-256 over the type, a zero byte, and the body: the same id with another digest is a conflict.
        digest: [u8; 32],
    },
    /// A tick of this or another replica came back.
    Tick(Tick),
    /// A probe of this or another replica came back, or something that poses as one; `None`: it cannot
    /// be read. Never refused: it says nothing about any conductor.
    Probe(Option<Probe>),
    /// How far a subscriber is. Says nothing about any conductor.
    Receipt(Receipt),
}

/// The messages that may come in.
#[derive(Clone, Copy)]
enum Kind {
    Event(EventType),
    Tick,
    Probe,
    Receipt,
}

/// Reads `delivery`. With `publishers`, events must carry the `user_id` of somebody who may speak for that conductor.
/// Errors: [`Refusal`], always a permanent fault of the message itself.
pub fn decode(delivery: &Delivery, publishers: Option<&Publishers>) -> Result<Incoming, Refusal> {
    check_size(&delivery.body)?;
    let read = |format| Ok(Fields::new(body::read(&delivery.body, format)?));
    let kind = kind(delivery)?;
    let format = format(delivery);
    let event_type = match kind {
        Kind::Event(event_type) => event_type,
        Kind::Tick => return Tick::from_fields(&read(format?)?).map(Incoming::Tick),
        Kind::Receipt => return receipt::from_fields(&read(format?)?).map(Incoming::Receipt),
        Kind::Probe => {
            let fields = format.and_then(read).ok();
            let probe = fields.and_then(|fields| Probe::from_fields(&fields));
            return Ok(Incoming::Probe(probe));
        }
    };
    let format = format?;
    let id = event_id(delivery.message_id.as_deref())?;
    let event = event(event_type, id, &read(format)?)?;
    if let Some(publishers) = publishers {
        publishers.check(delivery.user_id.as_deref(), event.conductor.as_str())?;
    }
    let digest = digest(delivery.effective_type(), &delivery.body);
    Ok(Incoming::Event { event, digest })
}

fn check_size(body: &[u8]) -> Result<(), Refusal> {
    match body.len() {
        0 => Err(Refusal::new(Reason::EmptyBody, "the body is empty")),
        length if length > BODY_BYTES => Err(Refusal::new(
            Reason::TooLarge,
            format!("the body has {length} bytes; at most {BODY_BYTES} are allowed"),
        )),
        _ => Ok(()),
    }
}

fn kind(delivery: &Delivery) -> Result<Kind, Refusal> {
    let name = delivery.effective_type();
    // First: a login that may publish receipts must not pass for a conductor, nor the other way round.
    if delivery.by_subscriber {
        return match name {
            RECEIPT_TYPE => Ok(Kind::Receipt),
            _ => unknown(name, " as one of a subscriber"),
        };
    }
    // A login that may publish to the exchange of the conductors must not pass for a replica.
    if name == TICK_TYPE && delivery.exchange.is_empty() {
        return Ok(Kind::Tick);
    }
    // The other way round: only what came the conductors' way proves it.
    if name == PROBE_TYPE && delivery.routing_key == PROBE_KEY && !delivery.exchange.is_empty() {
        return Ok(Kind::Probe);
    }
    match EventType::parse(name) {
        Some(event_type) => Ok(Kind::Event(event_type)),
        None => unknown(name, ""),
    }
}

fn unknown(name: &str, from: &str) -> Result<Kind, Refusal> {
    let detail = format!("message type {} is unknown{from}", excerpt(name));
    Err(Refusal::new(Reason::UnknownType, detail))
}

fn format(delivery: &Delivery) -> Result<Format, Refusal> {
    let encoding = delivery.content_encoding.as_deref().unwrap_or_default();
    if !is_plain(encoding) {
        return Err(Refusal::new(
            Reason::UnknownContentEncoding,
            format!("content_encoding {} is not supported", excerpt(encoding)),
        ));
    }
    Format::of(delivery.content_type.as_deref(), &delivery.body).ok_or_else(|| {
        Refusal::new(
            Reason::UnknownContentType,
            format!(
                "content_type {} is neither {MSGPACK} nor {JSON}",
                excerpt(delivery.content_type.as_deref().unwrap_or_default())
            ),
        )
    })
}

/// Whether an encoding is what AMQP clients set by themselves although nothing is encoded, however they spell UTF-8.
fn is_plain(encoding: &str) -> bool {
    let letters = encoding.chars().filter(char::is_ascii_alphanumeric);
    let letters: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let plain = [
        "", "identity", "binary", "8bit", "7bit", "utf8", "utf8sig", "ascii", "usascii",
    ];
    encoding.is_ascii() && plain.contains(&letters.as_str())
}

fn event_id(message_id: Option<&str>) -> Result<EventId, Refusal> {
    let text = message_id
        .ok_or_else(|| Refusal::new(Reason::MissingMessageId, "message_id is missing"))?;
    EventId::parse(text).map_err(|fault| {
        let detail = format!("message_id {fault}: {}", excerpt(text));
        Refusal::new(Reason::BadMessageId, detail)
    })
}

fn digest(message_type: &str, body: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(message_type)
        .chain_update([0])
        .chain_update(body)
        .finalize()
        .into()
}

fn event(event_type: EventType, id: EventId, fields: &Fields) -> Result<Event, Refusal> {
    let conductor = required("conductor", fields.name("conductor", ConductorName::parse)?)?;
    let incarnation = fields.number("incarnation", 0, INCARNATION_MAX)?;
    let incarnation = required("incarnation", incarnation.and_then(Incarnation::new))?;
    let kind = match event_type {
        EventType::Joined => EventKind::Joined(required("drivers", statement(fields)?)?),
        EventType::Heartbeat => EventKind::Heartbeat(statement(fields)?),
        EventType::Left => EventKind::Left {
            back_within: fields.duration("back_within_ms", 0, MS_MAX)?,
            reason: fields.text("reason")?.map(words),
        },
        EventType::HeartbeatTimeout => EventKind::HeartbeatTimeout {
            last_seen_ms: fields.time_ms("last_seen_ms")?,
            detected_by: fields.text("detected_by")?.map(words),
        },
    };
    Ok(Event {
        id,
        conductor,
        incarnation,
        sent_at_ms: fields.time_ms("sent_at_ms")?,
        kind,
    })
}

/// The complete statement, where `drivers` is given. All of its fields are checked either way.
fn statement(fields: &Fields) -> Result<Option<Statement>, Refusal> {
    let group = fields.name("conductor_group", Group::parse)?;
    let timeout = fields.duration("heartbeat_timeout_ms", TIMEOUT_MIN_MS, TIMEOUT_MAX_MS)?;
    let interval = fields.duration("heartbeat_interval_ms", 1, MS_MAX)?;
    if let (Some(timeout), Some(interval)) = (timeout, interval)
        && timeout < interval.saturating_mul(INTERVALS_PER_TIMEOUT)
    {
        return Err(Refusal::new(
            Reason::BadInterval,
            format!(
                "heartbeat_timeout_ms is {} and must be at least {INTERVALS_PER_TIMEOUT} times \
                 heartbeat_interval_ms, which is {}",
                timeout.as_millis(),
                interval.as_millis()
            ),
        ));
    }
    let drivers = fields.names("drivers", Driver::parse)?;
    if let Some(drivers) = drivers.as_ref().filter(|drivers| drivers.len() > DRIVERS) {
        let detail = format!(
            "drivers names {}; at most {DRIVERS} are allowed",
            drivers.len()
        );
        return Err(Refusal::new(Reason::TooManyDrivers, detail));
    }
    Ok(drivers.map(|drivers| Statement {
        group: group.unwrap_or_else(|| Group::parse("").expect("a group may be empty")),
        drivers,
        heartbeat_timeout: timeout,
    }))
}

/// Free words for humans: cut and made one line rather than refused, because losing a `left` over
/// its reason would be worse than a shorter reason.
fn words(text: &str) -> String {
    let end = text.floor_char_boundary(REASON_BYTES);
    text[..end].replace(char::is_control, " ")
}
