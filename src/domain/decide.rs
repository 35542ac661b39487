//! The rule: what an event, or a silence, makes of the driver map. A [`Turn`] says what a pair
//! *should* be from now on; reconcile makes it so.

use std::collections::BTreeSet;
use std::time::Duration;

use super::change::{Cause, CauseKind, Change, Standing, Turn, Verdict};
use super::conductor::{self, Conductor, Life, Outcome};
use super::event::Event;
use super::ids::{ConductorName, Pair};
use super::map::DriverMap;
use super::time::Now;

/// What follows from `event`, received at `now`.
///
/// `back_within_cap` is the longest planned restart that is honoured.
#[must_use]
pub fn decide(map: &DriverMap, event: &Event, now: Now, back_within_cap: Duration) -> Change {
    let known = map.conductor(&event.conductor);
    let (outcome, next) = conductor::after_event(known, event, now, back_within_cap);
    let kind = CauseKind::Event {
        id: event.id.clone(),
        event_type: event.kind.event_type(),
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
            (Some(gone), CauseKind::RestartOverdue)
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
        .filter(|conductor| conductor.counts_as_active())
        .map(|conductor| conductor.pairs().collect())
        .unwrap_or_default()
}

/// The latest sign of life among all known conductors of `pair`, the changing one included.
fn last_good(
    map: &DriverMap,
    pair: &Pair,
    before: Option<&Conductor>,
    next: &Conductor,
) -> Option<u64> {
    let supports = |conductor: &&Conductor| {
        conductor.group == pair.group && conductor.drivers.contains(&pair.driver)
    };
    let others = map.supporters(pair).filter(|other| other.name != next.name);
    let changing = (before.as_ref().is_some_and(&supports) || supports(&next)).then_some(next);
    others
        .chain(changing)
        .map(|conductor| conductor.last_sign_at_ms)
        .max()
}
