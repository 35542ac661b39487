//! The lifecycle events as they travel. [`encode_event`] writes them, the JSON Schemas of the messages are generated
//! from them; what arrives is read by [`decode`](super::decode()), which has a word for every fault.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::bounds::{Count, Drivers, GroupName, IntervalMs, Name, TimeoutMs};
use super::{MSGPACK, to_msgpack};
use crate::domain::event::{Event, EventKind, EventType, Statement};
use crate::message::Outgoing;

/// A time-out under three intervals is refused: two lost heartbeats must not end a conductor.
pub const INTERVALS_PER_TIMEOUT: u32 = 3;
/// Free words (`reason`, `detected_by`) are kept up to that many bytes: a paragraph, and small
/// beside everything else that is stored about an event.
pub const REASON_BYTES: usize = 1_000;

/// A conductor started, or says again what it serves. Repeated with the same incarnation it
/// replaces group, drivers and time-outs as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = EventType::Joined.as_str())]
pub struct ConductorJoined {
    /// The conductor: 1 to 255 bytes of UTF-8 without control characters.
    #[schemars(with = "Name")]
    pub conductor: String,
    /// Which start of that conductor, 0 to 2⁶³−1, higher at each start: use the start time in ms.
    #[schemars(with = "Count")]
    pub incarnation: u64,
    /// The group that it serves, at most 255 bytes; compared in ASCII lower case. Absent: the
    /// default group, whose name is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<GroupName>")]
    pub conductor_group: Option<String>,
    /// The drivers that it supports, each 1 to 255 bytes; may be none.
    #[schemars(with = "Drivers")]
    pub drivers: Vec<String>,
    /// Present: it will send heartbeats and is lost after that long without one. 1 s to 1 h.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TimeoutMs>")]
    pub heartbeat_timeout_ms: Option<u64>,
    /// How often it will send heartbeats. Refused if the time-out is under three of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IntervalMs>")]
    pub heartbeat_interval_ms: Option<u64>,
    /// The publisher's clock, ms since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Count>")]
    pub sent_at_ms: Option<u64>,
}

/// A conductor lives. With `drivers` it is a complete statement and does all that
/// `conductor.joined` does (a time-out that it leaves out stays as known).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = EventType::Heartbeat.as_str())]
pub struct ConductorHeartbeat {
    /// The conductor: 1 to 255 bytes of UTF-8 without control characters.
    #[schemars(with = "Name")]
    pub conductor: String,
    /// Which start of that conductor, 0 to 2⁶³−1.
    #[schemars(with = "Count")]
    pub incarnation: u64,
    /// As in `conductor.joined`; counts only together with `drivers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<GroupName>")]
    pub conductor_group: Option<String>,
    /// The drivers that it supports. Present, even if empty: the statement is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Drivers>")]
    pub drivers: Option<Vec<String>>,
    /// As in `conductor.joined`; counts only together with `drivers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TimeoutMs>")]
    pub heartbeat_timeout_ms: Option<u64>,
    /// As in `conductor.joined`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IntervalMs>")]
    pub heartbeat_interval_ms: Option<u64>,
    /// The publisher's clock, ms since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Count>")]
    pub sent_at_ms: Option<u64>,
}

/// A conductor stopped by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = EventType::Left.as_str())]
pub struct ConductorLeft {
    /// The conductor: 1 to 255 bytes of UTF-8 without control characters.
    #[schemars(with = "Name")]
    pub conductor: String,
    /// Which start of that conductor, 0 to 2⁶³−1.
    #[schemars(with = "Count")]
    pub incarnation: u64,
    /// A planned restart: it counts as active that long from receipt, at most the configured cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Count>")]
    pub back_within_ms: Option<u64>,
    /// Words for humans. Kept up to 1000 bytes, control characters become spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The publisher's clock, ms since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Count>")]
    pub sent_at_ms: Option<u64>,
}

/// Somebody else found a conductor silent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = EventType::HeartbeatTimeout.as_str())]
pub struct ConductorHeartbeatTimeout {
    /// The conductor: 1 to 255 bytes of UTF-8 without control characters.
    #[schemars(with = "Name")]
    pub conductor: String,
    /// Which start of that conductor, 0 to 2⁶³−1.
    #[schemars(with = "Count")]
    pub incarnation: u64,
    /// The `sent_at_ms` of the last thing seen from it. Stale when a later one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Count>")]
    pub last_seen_ms: Option<u64>,
    /// Who noticed. Kept up to 1000 bytes, control characters become spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected_by: Option<String>,
    /// The publisher's clock, ms since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Count>")]
    pub sent_at_ms: Option<u64>,
}

/// The message that carries `event` through `exchange`.
#[must_use]
pub fn event_message(event: &Event, exchange: &str, sent_at_ms: u64) -> Outgoing {
    let event_type = event.kind.event_type().as_str();
    Outgoing {
        exchange: exchange.to_owned(),
        routing_key: event_type.to_owned(),
        message_id: event.id.to_string(),
        message_type: event_type.to_owned(),
        content_type: MSGPACK.to_owned(),
        timestamp_s: sent_at_ms / 1000,
        expires_after_ms: None,
        body: encode_event(event),
    }
}

/// The body that carries `event`, as MessagePack with named fields. Its type is that of
/// `event.kind`, its `message_id` is `event.id`.
#[must_use]
pub fn encode_event(event: &Event) -> Vec<u8> {
    let conductor = event.conductor.to_string();
    let incarnation = event.incarnation.get();
    let sent_at_ms = event.sent_at_ms;
    match &event.kind {
        EventKind::Joined(statement) => to_msgpack(&ConductorJoined {
            conductor,
            incarnation,
            conductor_group: Some(statement.group.to_string()),
            drivers: drivers(statement),
            heartbeat_timeout_ms: statement.heartbeat_timeout.map(millis),
            heartbeat_interval_ms: None,
            sent_at_ms,
        }),
        EventKind::Heartbeat(statement) => {
            let said = statement.as_ref();
            to_msgpack(&ConductorHeartbeat {
                conductor,
                incarnation,
                conductor_group: said.map(|said| said.group.to_string()),
                drivers: said.map(drivers),
                heartbeat_timeout_ms: said.and_then(|said| said.heartbeat_timeout).map(millis),
                heartbeat_interval_ms: None,
                sent_at_ms,
            })
        }
        EventKind::Left {
            back_within,
            reason,
        } => to_msgpack(&ConductorLeft {
            conductor,
            incarnation,
            back_within_ms: back_within.map(millis),
            reason: reason.clone(),
            sent_at_ms,
        }),
        EventKind::HeartbeatTimeout {
            last_seen_ms,
            detected_by,
        } => to_msgpack(&ConductorHeartbeatTimeout {
            conductor,
            incarnation,
            last_seen_ms: *last_seen_ms,
            detected_by: detected_by.clone(),
            sent_at_ms,
        }),
    }
}

fn drivers(statement: &Statement) -> Vec<String> {
    statement.drivers.iter().map(ToString::to_string).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
