//! The events that a bridge makes. Pure.
//!
//! A `message_id` is a digest of all that the event says: two bridges that say the same of a conductor
//! repeat each other. Where a repeat must count again, a *stamp* (this bridge, this look) goes in: see
//! [`late`] and [`lives`].
//!
//! `joined` and heartbeats carry no `heartbeat_timeout_ms`: a bridge that dies must not end conductors
//! (I7). Only a bridge that looks says their end.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::look::Registered;
use crate::domain::event::{Event, EventKind, Statement};
use crate::domain::ids::{ConductorName, EventId, Incarnation};

/// The same in every bridge, so that their events can be repeats of each other.
pub const DETECTED_BY: &str = "nodewarden bridge ironic";

/// It started, or serves something else now.
pub(super) fn joined(name: &ConductorName, registered: &Registered, sign_ms: Option<u64>) -> Event {
    let kind = EventKind::Joined(statement(registered));
    event(name, registered.incarnation, sign_ms, kind, "")
}

/// It lives and serves this. Stamped where `updated_at` never moves: a new sign of life.
pub(super) fn lives(
    name: &ConductorName,
    registered: &Registered,
    sign_ms: Option<u64>,
    stamp: &str,
) -> Event {
    let kind = EventKind::Heartbeat(Some(statement(registered)));
    event(name, registered.incarnation, sign_ms, kind, stamp)
}

/// It stopped by itself, or its row was deleted. Where it is expected back within some time, it is told without
/// its time: the same from each bridge and at each look, so that no repeat makes it longer.
pub(super) fn left(
    name: &ConductorName,
    incarnation: Incarnation,
    back_within: Option<Duration>,
    sign_ms: Option<u64>,
    reason: &str,
) -> Event {
    let sign_ms = sign_ms.filter(|_| back_within.is_none());
    let kind = EventKind::Left {
        back_within,
        reason: Some(reason.to_owned()),
    };
    event(name, incarnation, sign_ms, kind, "")
}

/// It is silent. Always stamped: another bridge may have revived it since the same was said.
pub(super) fn late(
    name: &ConductorName,
    incarnation: Incarnation,
    last_seen_ms: Option<u64>,
    stamp: &str,
) -> Event {
    let kind = EventKind::HeartbeatTimeout {
        last_seen_ms,
        detected_by: Some(DETECTED_BY.to_owned()),
    };
    event(name, incarnation, None, kind, stamp)
}

fn statement(registered: &Registered) -> Statement {
    Statement {
        group: registered.group.clone(),
        drivers: registered.drivers.clone(),
        heartbeat_timeout: None,
    }
}

fn event(
    name: &ConductorName,
    incarnation: Incarnation,
    sent_at_ms: Option<u64>,
    kind: EventKind,
    stamp: &str,
) -> Event {
    let mut digest = Sha256::new();
    // No name holds a zero byte, so nothing runs into its neighbour.
    let mut add = |part: &str| digest.update([part.as_bytes(), &[0]].concat());
    add(kind.event_type().as_str());
    add(name.as_str());
    add(&incarnation.to_string());
    add(&sent_at_ms.map(|at| at.to_string()).unwrap_or_default());
    match &kind {
        EventKind::Joined(statement) | EventKind::Heartbeat(Some(statement)) => {
            add(statement.group.as_str());
            statement
                .drivers
                .iter()
                .for_each(|driver| add(driver.as_str()));
        }
        EventKind::Heartbeat(None) => {}
        EventKind::Left {
            reason,
            back_within,
        } => {
            add(reason.as_deref().unwrap_or_default());
            if let Some(within) = back_within {
                add(&within.as_millis().to_string());
            }
        }
        EventKind::HeartbeatTimeout { last_seen_ms, .. } => {
            add(&last_seen_ms.map(|at| at.to_string()).unwrap_or_default());
        }
    }
    add(stamp);
    // 128 bits are enough to never meet.
    let digest = digest.finalize();
    let id: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Event {
        id: EventId::parse(&format!("ironic-{id}")).expect("a digest is a name"),
        conductor: name.clone(),
        incarnation,
        sent_at_ms,
        kind,
    }
}
