//! One conductor's life: what each event makes of what is known about it.
//!
//! The rules are those of the outside contract ("In: conductors publish"); each branch of
//! [`after_event`] is one of its sentences.

use std::collections::BTreeSet;
use std::time::Duration;

use super::event::{Event, EventKind, Statement};
use super::ids::{ConductorName, Driver, Group, Incarnation, Pair};
use super::time::{Mono, Now};
use crate::words::words;

/// What is known about one conductor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conductor {
    /// Its name.
    pub name: ConductorName,
    /// The newest start of it that we know.
    pub incarnation: Incarnation,
    /// The group of its last statement.
    pub group: Group,
    /// The drivers of its last statement; none if that incarnation never made one.
    pub drivers: BTreeSet<Driver>,
    /// It is lost after that long without a heartbeat; `None`: silence proves nothing.
    pub heartbeat_timeout: Option<Duration>,
    /// Where its life stands.
    pub life: Life,
    /// The latest `sent_at_ms` of this incarnation, on the conductor's own clock.
    pub last_sent_at_ms: Option<u64>,
    /// When its last real sign of life was received, ms since 1970 UTC on our clock.
    pub last_sign_at_ms: u64,
    /// When `life` last changed its kind, ms since 1970 UTC.
    pub since_ms: u64,
    /// When its last sign of life was received, on the monotonic clock of this process.
    pub heard: Mono,
}

/// Where a conductor's life stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It joined and nothing ended that.
    Active,
    /// A planned restart: it counts as active until then.
    Leaving {
        /// The end of the hold.
        until: Mono,
    },
    /// It left; only a higher incarnation brings it back.
    Left,
    /// It was found silent; `joined` or a heartbeat of the same incarnation revives it.
    TimedOut,
}

words! {
    /// A [`Life`] in one word.
    ConductorState, "a conductor's state" {
        /// [`Life::Active`]
        Active = "active",
        /// [`Life::Leaving`]
        Leaving = "leaving",
        /// [`Life::Left`]
        Left = "left",
        /// [`Life::TimedOut`]
        TimedOut = "timed_out",
    }
}

impl Life {
    /// In one word.
    #[must_use]
    pub fn state(self) -> ConductorState {
        match self {
            Self::Active => ConductorState::Active,
            Self::Leaving { .. } => ConductorState::Leaving,
            Self::Left => ConductorState::Left,
            Self::TimedOut => ConductorState::TimedOut,
        }
    }
}

impl ConductorState {
    /// Whether a conductor in it counts as active.
    #[must_use]
    pub fn counts_as_active(self) -> bool {
        matches!(self, Self::Active | Self::Leaving)
    }
}

impl Conductor {
    /// Whether it counts as active: alive, or in a planned restart.
    #[must_use]
    pub fn counts_as_active(&self) -> bool {
        self.life.state().counts_as_active()
    }

    /// The pairs that it supports, whether it counts or not.
    pub fn pairs(&self) -> impl Iterator<Item = Pair> + '_ {
        self.drivers.iter().map(|driver| Pair {
            group: self.group.clone(),
            driver: driver.clone(),
        })
    }
}

words! {
    /// What became of an event about one conductor.
    Outcome, "an outcome" {
        /// It changed what is known.
        Applied = "applied",
        /// It changed nothing but when the conductor was last heard.
        Refreshed = "refreshed",
        /// It is about an older incarnation, an ended one, or a time before a later sign of life.
        Stale = "stale",
        /// A bare heartbeat or a time-out of a conductor that is not known: activates nothing.
        Unknown = "unknown",
        /// A bare heartbeat of an incarnation whose `joined` was not seen: keeps the known one alive.
        NewerUnjoined = "newer_unjoined",
    }
}

/// The conductor after `event`, or `None` if nothing about it is to be changed.
///
/// `cap` is the longest planned restart that is honoured.
#[must_use]
pub fn after_event(
    known: Option<&Conductor>,
    event: &Event,
    now: Now,
    cap: Duration,
) -> (Outcome, Option<Conductor>) {
    if known.is_some_and(|known| event.incarnation < known.incarnation) {
        return (Outcome::Stale, None);
    }
    match &event.kind {
        EventKind::Joined(statement) => restate(known, event, statement, now, false),
        EventKind::Heartbeat(Some(statement)) => restate(known, event, statement, now, true),
        EventKind::Heartbeat(None) => beat(known, event, now),
        EventKind::Left { back_within, .. } => {
            leave(known, event, back_within.map(|d| d.min(cap)), now)
        }
        EventKind::HeartbeatTimeout { last_seen_ms, .. } => {
            time_out(known, event, *last_seen_ms, now)
        }
    }
}

/// A complete statement: it replaces group, drivers and time-outs as a whole.
fn restate(
    known: Option<&Conductor>,
    event: &Event,
    statement: &Statement,
    now: Now,
    keeps_timeout: bool,
) -> (Outcome, Option<Conductor>) {
    let same = known.filter(|known| known.incarnation == event.incarnation);
    if same.is_some_and(|same| matches!(same.life, Life::Left | Life::Leaving { .. })) {
        return (Outcome::Stale, None);
    }
    let kept_timeout = known
        .filter(|_| keeps_timeout)
        .and_then(|known| known.heartbeat_timeout);
    let stayed_active = same.is_some_and(|same| same.life == Life::Active);
    let next = Conductor {
        name: event.conductor.clone(),
        incarnation: event.incarnation,
        group: statement.group.clone(),
        drivers: statement.drivers.clone(),
        heartbeat_timeout: statement.heartbeat_timeout.or(kept_timeout),
        life: Life::Active,
        last_sent_at_ms: same
            .and_then(|same| same.last_sent_at_ms)
            .max(event.sent_at_ms),
        last_sign_at_ms: now.wall_ms,
        since_ms: known
            .filter(|_| stayed_active)
            .map_or(now.wall_ms, |known| known.since_ms),
        heard: now.mono,
    };
    let unchanged = stayed_active
        && same.is_some_and(|same| {
            same.group == next.group
                && same.drivers == next.drivers
                && same.heartbeat_timeout == next.heartbeat_timeout
        });
    let outcome = if unchanged {
        Outcome::Refreshed
    } else {
        Outcome::Applied
    };
    (outcome, Some(next))
}

/// A bare heartbeat.
fn beat(known: Option<&Conductor>, event: &Event, now: Now) -> (Outcome, Option<Conductor>) {
    let Some(known) = known else {
        return (Outcome::Unknown, None);
    };
    let newer = event.incarnation > known.incarnation;
    let mut next = Conductor {
        last_sign_at_ms: now.wall_ms,
        heard: now.mono,
        ..known.clone()
    };
    match known.life {
        Life::Active if newer => (Outcome::NewerUnjoined, Some(next)),
        _ if newer => (Outcome::NewerUnjoined, None),
        Life::Active => {
            next.last_sent_at_ms = known.last_sent_at_ms.max(event.sent_at_ms);
            (Outcome::Refreshed, Some(next))
        }
        Life::TimedOut => {
            next.last_sent_at_ms = known.last_sent_at_ms.max(event.sent_at_ms);
            next.life = Life::Active;
            next.since_ms = now.wall_ms;
            (Outcome::Applied, Some(next))
        }
        Life::Leaving { .. } | Life::Left => (Outcome::Stale, None),
    }
}

/// The end that a conductor announces itself; `hold` is a planned restart, already capped.
fn leave(
    known: Option<&Conductor>,
    event: &Event,
    hold: Option<Duration>,
    now: Now,
) -> (Outcome, Option<Conductor>) {
    let hold_until = hold
        .filter(|hold| !hold.is_zero())
        .map(|hold| now.mono.plus(hold));
    let Some(known) = known else {
        // Remembered, so that a `joined` of the same incarnation that comes late activates nothing.
        let gone = Conductor {
            name: event.conductor.clone(),
            incarnation: event.incarnation,
            group: Group::parse("").expect("a group may be empty"),
            drivers: BTreeSet::new(),
            heartbeat_timeout: None,
            life: Life::Left,
            last_sent_at_ms: event.sent_at_ms,
            last_sign_at_ms: now.wall_ms,
            since_ms: now.wall_ms,
            heard: now.mono,
        };
        return (Outcome::Applied, Some(gone));
    };
    let newer = event.incarnation > known.incarnation;
    let life = match (known.life, hold_until) {
        (Life::Left, _) if !newer => return (Outcome::Stale, None),
        // A later `left` of the same incarnation does not shorten a hold; it may lengthen it.
        (Life::Leaving { until }, Some(later)) if !newer => Life::Leaving {
            until: until.max(later),
        },
        (Life::Leaving { until }, None) if !newer => Life::Leaving { until },
        // That of a newer one ends all older ones, their planned restarts too, and may begin its own.
        (Life::Active | Life::Leaving { .. }, Some(until)) => Life::Leaving { until },
        // A conductor that does not count is not made to count by a promise to come back.
        (Life::Active | Life::Leaving { .. }, None) | (Life::TimedOut | Life::Left, _) => {
            Life::Left
        }
    };
    if life == known.life && !newer {
        return (Outcome::Stale, None);
    }
    let next = Conductor {
        incarnation: event.incarnation,
        since_ms: if life.state() == known.life.state() {
            known.since_ms
        } else {
            now.wall_ms
        },
        life,
        last_sent_at_ms: known
            .last_sent_at_ms
            .filter(|_| !newer)
            .max(event.sent_at_ms),
        last_sign_at_ms: now.wall_ms,
        heard: now.mono,
        ..known.clone()
    };
    (Outcome::Applied, Some(next))
}

/// The end that another party reports.
fn time_out(
    known: Option<&Conductor>,
    event: &Event,
    last_seen_ms: Option<u64>,
    now: Now,
) -> (Outcome, Option<Conductor>) {
    let Some(known) = known else {
        return (Outcome::Unknown, None);
    };
    let newer = event.incarnation > known.incarnation;
    if !newer {
        let lived_later = matches!((known.last_sent_at_ms, last_seen_ms), (Some(sent), Some(seen)) if sent > seen);
        if lived_later || known.life != Life::Active {
            return (Outcome::Stale, None);
        }
    }
    let mut next = silenced(known, now);
    if newer {
        // Nothing is known of what the newer incarnation served, so a bare heartbeat of it must
        // not revive the drivers of the older one.
        next.incarnation = event.incarnation;
        next.drivers = BTreeSet::new();
        next.last_sent_at_ms = None;
    }
    (Outcome::Applied, Some(next))
}

/// `known` after it was found silent: by an event, or by its own deadline.
#[must_use]
pub fn silenced(known: &Conductor, now: Now) -> Conductor {
    Conductor {
        life: Life::TimedOut,
        since_ms: if known.life == Life::TimedOut {
            known.since_ms
        } else {
            now.wall_ms
        },
        ..known.clone()
    }
}
