//! What happens once each sweep besides looking at nodes, and retention.

use nodewarden::domain::change::{Standing, Verdict};
use nodewarden::domain::ids::{ConductorName, Pair};
use nodewarden::store::{Prune, Sweep};

use super::intake::{overtake, save, whole_ms};
use super::tables::Tables;
use super::unit::{Fault, Unit};

/// What of a sweep is to be written: those pairs that no node and no hold needs.
pub fn needed(unit: &mut Unit<'_>, sweep: &Sweep) -> Sweep {
    let tables = &*unit.tables;
    let unnamed = sweep.unnamed.iter().filter(|pair| unneeded(tables, pair));
    let unwanted = sweep.unwanted.iter().filter(|pair| unknown(tables, pair));
    unit.read += (sweep.unnamed.len() + sweep.unwanted.len()) as u64;
    Sweep {
        unnamed: unnamed.cloned().collect(),
        unwanted: unwanted.cloned().collect(),
        ..sweep.clone()
    }
}

/// No node needs the pair, and nothing is held for it.
fn unneeded(tables: &Tables, pair: &Pair) -> bool {
    tables.pairs.contains_key(pair) && !tables.needs_any(pair) && !tables.holds_any(pair)
}

/// The pair was decided to be unknown, and nothing is held for it.
fn unknown(tables: &Tables, pair: &Pair) -> bool {
    let row = tables.pairs.get(pair);
    let lost = row.filter(|row| row.standing == Standing::Lost);
    let by = lost.and_then(|row| tables.decisions.get(&row.decision?));
    by.is_some_and(|by| by.verdict == Verdict::Unknown) && !tables.holds_any(pair)
}

pub fn begin(unit: &mut Unit<'_>, sweep: &Sweep) -> Result<Vec<Pair>, Fault> {
    for conductor in &sweep.restarting {
        save(unit, conductor, sweep.now_ms)?;
    }
    if let Some((id, remaining)) = &sweep.pause
        && let Some(pause) = &mut unit.tables.one.pause
        && pause.id == *id
        && pause.remaining.is_some()
    {
        pause.remaining = Some(whole_ms(*remaining));
        pause.noted_at_ms = sweep.now_ms;
    }
    for conductor in &sweep.forget {
        forget(unit, conductor);
    }
    let mut forgotten = Vec::new();
    for pair in &sweep.unnamed {
        if unneeded(unit.tables, pair) {
            unit.tables.pairs.drop_row(pair);
            forgotten.push(pair.clone());
        }
    }
    for pair in &sweep.unwanted {
        if unknown(unit.tables, pair) {
            unit.tables.pairs.drop_row(pair);
            forgotten.push(pair.clone());
        }
    }
    for pair in &forgotten {
        overtake(unit, pair, sweep.now_ms);
    }
    if sweep.announces {
        unit.announce_position(sweep.now_ms);
    }
    Ok(forgotten)
}

/// Forgets a conductor that does not count, and what did not count of it.
pub fn forget(unit: &mut Unit<'_>, conductor: &ConductorName) {
    let tables = &mut *unit.tables;
    let row = tables.conductors.get(conductor);
    if row.is_some_and(|row| !row.record.state.counts_as_active()) {
        tables.conductors.drop_row(conductor);
    }
    if !tables.conductors.contains_key(conductor) {
        tables.unheeded.drop_row(conductor);
    }
}

/// Drops at most `most` rows of a kind that are from before `before_ms`, oldest first; returns how
/// many.
pub fn prune(unit: &mut Unit<'_>, what: Prune, before_ms: u64, most: u32) -> u64 {
    let tables = &mut *unit.tables;
    if what == Prune::Receipts {
        return forget_subscribers(tables, before_ms, most);
    }
    let mut due = due(tables, what);
    due.retain(|(at_ms, _)| *at_ms < before_ms);
    due.sort_unstable();
    due.truncate(most as usize);
    for (_, number) in &due {
        match what {
            Prune::Events => {
                let event = &tables.events[number];
                let key = (event.conductor.clone(), event.id.clone());
                tables.event_numbers.drop_row(&key);
                tables.events.drop_row(number);
            }
            Prune::Changes => {
                tables.changes.drop_row(number);
            }
            Prune::Announcements => {
                tables.announcements.drop_row(number);
            }
            Prune::Decisions => {
                let decision = tables.decisions[number].clone();
                tables.decision_numbers.drop_row(&decision.id);
                tables.decisions_of.drop_row(&(decision.pair, *number));
                tables.decisions.drop_row(number);
            }
            Prune::Requests => {
                tables.requests.drop_row(number);
            }
            Prune::Receipts => {}
        }
    }
    due.len() as u64
}

fn forget_subscribers(tables: &mut Tables, before_ms: u64, most: u32) -> u64 {
    let all = tables.receipts.iter();
    let mut due: Vec<_> = all
        .map(|(name, received)| (received.heard_at_ms, name.clone()))
        .filter(|(at_ms, _)| *at_ms < before_ms)
        .collect();
    due.sort_unstable();
    due.truncate(most as usize);
    for (_, name) in &due {
        tables.receipts.drop_row(name);
    }
    due.len() as u64
}

/// Rows of a kind that may go, with the time that they are from.
fn due(tables: &Tables, what: Prune) -> Vec<(u64, u64)> {
    let announced = tables.one.announced;
    match what {
        Prune::Events => {
            let events = tables.events.iter();
            events
                .map(|(number, row)| (row.received_at_ms, *number))
                .collect()
        }
        Prune::Changes => {
            let row = tables.announcements.get(&announced);
            let through = row.map_or(0, |row| row.last_seq);
            let ended = tables.changes.iter().filter(|(_, row)| !row.held);
            ended
                .filter(|(seq, _)| **seq <= through)
                .map(|(seq, row)| (row.since_ms, *seq))
                .collect()
        }
        Prune::Announcements => {
            let before = tables.announcements.range(..announced);
            before
                .map(|(number, row)| (row.committed_at_ms, *number))
                .collect()
        }
        Prune::Decisions => {
            let completed = tables
                .decisions
                .iter()
                .filter_map(|(number, row)| Some((row.completed_at_ms?, *number)));
            completed
                .filter(|(_, number)| !is_spoken_of(tables, *number))
                .collect()
        }
        Prune::Requests => {
            let done = tables.requests.iter();
            done.filter_map(|(number, row)| Some((row.done_at_ms?, *number)))
                .collect()
        }
        Prune::Receipts => Vec::new(),
    }
}

/// Whether a row that is kept speaks of the decision.
fn is_spoken_of(tables: &Tables, number: u64) -> bool {
    let by = Some(number);
    tables.pairs.values().any(|row| row.decision == by)
        || tables.holds().any(|(_, hold)| hold.decision == number)
        || tables
            .announcements
            .values()
            .any(|row| row.decision == by || row.released_by == by)
}
