//! The rule: what an event, or a silence, makes of the driver map.
//!
//! [`decide`] and [`decide_silence`] are total and synchronous and return data. Nothing happens to
//! a node here: a [`Turn`] says what a pair *should* be from now on; reconcile makes it so.

use std::collections::BTreeSet;
use std::time::Duration;

use super::conductor::{self, Conductor, Life, Outcome};
use super::event::Event;
use super::ids::{ConductorName, EventId, Pair};
use super::map::{DriverMap, Standing};
use super::time::Now;

/// What follows from one event or one silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What became of it.
    pub outcome: Outcome,
    /// The conductor as it is from now on; `None`: as before.
    pub conductor: Option<Conductor>,
    /// The pairs whose standing changes, in order of group and driver.
    pub turns: Vec<Turn>,
}

/// One pair whose standing changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Which.
    pub pair: Pair,
    /// What it should be from now on.
    pub to: Standing,
    /// The verdict to record; `None` where a pair becomes active for the first time, which takes
    /// nothing out and gives nothing back.
    pub verdict: Option<Verdict>,
    /// What tipped it.
    pub cause: Cause,
    /// When the pair's last real sign of life was received, ms since 1970 UTC on our clock.
    pub last_good_at_ms: Option<u64>,
}

/// A decision's verdict about a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its last active conductor is gone.
    Lost,
    /// It was lost and has an active conductor again.
    Restored,
    /// Nodes need it, and it never had one.
    Unknown,
}

impl Verdict {
    /// As written in tables and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Restored => "restored",
            Self::Unknown => "unknown",
        }
    }
}

/// What tipped a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The conductor whose life changed; `None`: there never was one.
    pub conductor: Option<ConductorName>,
    /// What changed it.
    pub kind: CauseKind,
}

/// What changed a conductor's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CauseKind {
    /// An event.
    Event {
        /// Its `message_id`.
        id: EventId,
        /// Its type.
        message_type: &'static str,
    },
    /// Its heartbeats stopped for longer than its time-out.
    Silence,
    /// It did not come back from a planned restart in time.
    HoldEnded,
    /// None was ever seen, for long enough.
    NeverSeen,
}

impl CauseKind {
    /// As written in tables.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Event { .. } => "event",
            Self::Silence => "silence",
            Self::HoldEnded => "hold_ended",
            Self::NeverSeen => "never_seen",
        }
    }
}

/// What follows from `event`, received at `now`.
///
/// `back_within_cap` is the longest planned restart that is honoured.
#[must_use]
pub fn decide(map: &DriverMap, event: &Event, now: Now, back_within_cap: Duration) -> Change {
    let known = map.conductor(&event.conductor);
    let (outcome, next) = conductor::live(known, event, now, back_within_cap);
    let kind = CauseKind::Event {
        id: event.id.clone(),
        message_type: event.kind.message_type(),
    };
    change(map, &event.conductor, outcome, next, kind)
}

/// What follows from the silence of `name`, whose deadline has passed.
///
/// Nothing, if no silence can end it.
#[must_use]
pub fn decide_silence(map: &DriverMap, name: &ConductorName, now: Now) -> Change {
    let (next, kind) = match map.conductor(name) {
        Some(known) if known.life == Life::Active => {
            (Some(conductor::silenced(known, now)), CauseKind::Silence)
        }
        Some(known) if matches!(known.life, Life::Leaving { .. }) => {
            let gone = Conductor {
                life: Life::Left,
                since_ms: now.wall_ms,
                ..known.clone()
            };
            (Some(gone), CauseKind::HoldEnded)
        }
        _ => (None, CauseKind::Silence),
    };
    change(map, name, Outcome::Applied, next, kind)
}

/// The turns that follow when conductor `name` becomes `next`.
fn change(
    map: &DriverMap,
    name: &ConductorName,
    outcome: Outcome,
    next: Option<Conductor>,
    kind: CauseKind,
) -> Change {
    let Some(next) = next else {
        return Change {
            outcome,
            conductor: None,
            turns: Vec::new(),
        };
    };
    let before = map.conductor(name);
    let counted = counted_pairs(before);
    let counts = counted_pairs(Some(&next));
    let cause = Cause {
        conductor: Some(name.clone()),
        kind,
    };
    let turns = counted
        .symmetric_difference(&counts)
        .filter(|pair| !map.active_without(pair, name))
        .map(|pair| {
            let to = if counts.contains(pair) {
                Standing::Active
            } else {
                Standing::Lost
            };
            let verdict = match (to, map.standing(pair)) {
                (Standing::Lost, _) => Some(Verdict::Lost),
                (Standing::Active, Some(Standing::Lost)) => Some(Verdict::Restored),
                (Standing::Active, _) => None,
            };
            Turn {
                pair: pair.clone(),
                to,
                verdict,
                cause: cause.clone(),
                last_good_at_ms: last_good(map, pair, before, &next),
            }
        })
        .collect();
    Change {
        outcome,
        conductor: Some(next),
        turns,
    }
}

fn counted_pairs(conductor: Option<&Conductor>) -> BTreeSet<Pair> {
    conductor
        .filter(|conductor| conductor.counts())
        .map(|conductor| conductor.pairs().collect())
        .unwrap_or_default()
}

/// The latest sign of life among all conductors that are known to support `pair`, the changing
/// one included, before and after.
fn last_good(
    map: &DriverMap,
    pair: &Pair,
    before: Option<&Conductor>,
    next: &Conductor,
) -> Option<u64> {
    let supports = |conductor: &&Conductor| {
        conductor.group == pair.group && conductor.drivers.contains(&pair.driver)
    };
    let others = map
        .conductors()
        .filter(|other| other.name != next.name)
        .filter(supports);
    let changing = (before.as_ref().is_some_and(&supports) || supports(&next)).then_some(next);
    others
        .chain(changing)
        .map(|conductor| conductor.last_sign_at_ms)
        .max()
}
