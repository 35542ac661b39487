//! What conductors, or their watchers, say.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ids::{ConductorName, Driver, EventId, Group, Incarnation, Pair};
use crate::words::words;

/// One lifecycle event of one conductor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `message_id`.
    pub id: EventId,
    /// Whom it is about.
    pub conductor: ConductorName,
    /// Which start of that conductor it is about.
    pub incarnation: Incarnation,
    /// The publisher's clock, ms since 1970 UTC; compared only with times of the same clock.
    pub sent_at_ms: Option<u64>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a conductor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// It started, or says again what it serves.
    Joined(Statement),
    /// It lives. With a statement it says all that `Joined` says; without one ("bare") only that.
    Heartbeat(Option<Statement>),
    /// It stopped by itself.
    Left {
        /// A planned restart: count it as active that long from receipt.
        back_within: Option<Duration>,
        /// The publisher's words.
        reason: Option<String>,
    },
    /// Somebody else found it silent.
    HeartbeatTimeout {
        /// The `sent_at_ms` of the last thing that was seen from it.
        last_seen_ms: Option<u64>,
        /// What noticed it.
        detected_by: Option<String>,
    },
}

words! {
    /// The routing key and `type` of the message that carries an event.
    EventType, "a type of event" {
        /// [`EventKind::Joined`]
        Joined = "conductor.joined",
        /// [`EventKind::Heartbeat`]
        Heartbeat = "conductor.heartbeat",
        /// [`EventKind::Left`]
        Left = "conductor.left",
        /// [`EventKind::HeartbeatTimeout`]
        HeartbeatTimeout = "conductor.heartbeat_timeout",
    }
}

impl EventKind {
    /// What the conductor says that it serves, if the event says it.
    #[must_use]
    pub fn statement(&self) -> Option<&Statement> {
        match self {
            Self::Joined(statement) | Self::Heartbeat(Some(statement)) => Some(statement),
            Self::Heartbeat(None) | Self::Left { .. } | Self::HeartbeatTimeout { .. } => None,
        }
    }

    /// The type of the message that carries it.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        match self {
            Self::Joined(_) => EventType::Joined,
            Self::Heartbeat(_) => EventType::Heartbeat,
            Self::Left { .. } => EventType::Left,
            Self::HeartbeatTimeout { .. } => EventType::HeartbeatTimeout,
        }
    }
}

/// What a conductor serves and how it will be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The group that it serves.
    pub group: Group,
    /// The drivers that it supports; may be none.
    pub drivers: BTreeSet<Driver>,
    /// Lost after that long without a heartbeat (1 s to 1 h). `None`: not watched (`Joined`), or as
    /// known before (`Heartbeat`).
    pub heartbeat_timeout: Option<Duration>,
}

impl Statement {
    /// The pairs that this statement makes active.
    pub fn pairs(&self) -> impl Iterator<Item = Pair> + '_ {
        self.drivers.iter().map(|driver| Pair {
            group: self.group.clone(),
            driver: driver.clone(),
        })
    }
}
