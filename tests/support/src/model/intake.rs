//! Writing what a batch of events led to.

use std::collections::HashMap;
use std::time::Duration;

use nodewarden::domain::change::Verdict;
use nodewarden::domain::ids::Pair;
use nodewarden::domain::receipt::Received;
use nodewarden::domain::unheeded::{Note, Refused};
use nodewarden::store::{ConductorRecord, DecisionRecord, EventRecord, Findings, StandingRecord};

use super::meddling::Row;
use super::rows::{ConductorRow, DecisionRow, EventRow, PairRow};
use super::unit::{Fault, Unit, next};

pub fn commit(unit: &mut Unit<'_>, findings: &Findings) -> Result<(), Fault> {
    for event in &findings.events {
        remember(unit, event, findings.now_ms)?;
    }
    for conductor in &findings.conductors {
        save(unit, conductor, findings.now_ms)?;
    }
    for note in &findings.unheeded {
        let row = as_stored(note);
        unit.tables.unheeded.put(note.conductor.clone(), row);
    }
    let last = decide(unit, findings)?;
    if let Some((stream, waits)) = &findings.waits {
        let mut streams = unit.tables.one.streams.iter_mut();
        if let Some(row) = streams.find(|row| row.stream == *stream) {
            row.waits = whole_ms(*waits);
        }
    }
    for subscriber in &findings.silent {
        unit.tables.receipts.drop_row(subscriber);
    }
    for receipt in &findings.receipts {
        let received = Received {
            receipt: receipt.clone(),
            heard_at_ms: findings.now_ms,
        };
        let receipts = &mut unit.tables.receipts;
        receipts.put(receipt.subscriber.clone(), received);
    }
    for record in &findings.standings {
        stand(unit, record, findings.now_ms, &last);
    }
    Ok(())
}

fn remember(unit: &mut Unit<'_>, event: &EventRecord, now_ms: u64) -> Result<(), Fault> {
    unit.may_write(Row::EventsOf(event.conductor.clone()))?;
    let key = (event.conductor.clone(), event.id.clone());
    if unit.tables.event_numbers.contains_key(&key) {
        return Err(Fault::Refused(format!("{key:?} is remembered already")));
    }
    let number = next(&unit.tables.events);
    unit.tables.event_numbers.put(key, number);
    let row = EventRow {
        conductor: event.conductor.clone(),
        id: event.id.clone(),
        digest: event.digest,
        event_type: event.event_type,
        outcome: event.outcome,
        received_at_ms: now_ms,
    };
    unit.tables.events.put(number, row);
    Ok(())
}

/// Saves a conductor as it is now.
pub fn save(unit: &mut Unit<'_>, record: &ConductorRecord, now_ms: u64) -> Result<(), Fault> {
    unit.may_write(Row::Conductor(record.name.clone()))?;
    let row = ConductorRow {
        record: ConductorRecord {
            heartbeat_timeout: record.heartbeat_timeout.map(whole_ms),
            restart_remaining: record.restart_remaining.map(whole_ms),
            ..record.clone()
        },
        noted_at_ms: record.restart_remaining.map(|_| now_ms),
    };
    unit.tables.conductors.put(record.name.clone(), row);
    Ok(())
}

/// A duration as a table keeps it.
pub fn whole_ms(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// A note as a table keeps it: without readings of a clock that no other process has.
fn as_stored(note: &Note) -> Note {
    let refused = note.refused.as_ref();
    let stored = |it: &Refused| Refused::stored(it.why.clone(), it.count, it.since_ms, it.last_ms);
    Note {
        refused: refused.map(stored),
        remaining: note.remaining.map(whole_ms),
        ..note.clone()
    }
}

/// Records the decisions, which complete those that they overtake; the last number of each pair.
fn decide<'f>(
    unit: &mut Unit<'_>,
    findings: &'f Findings,
) -> Result<HashMap<&'f Pair, u64>, Fault> {
    let first = unit.tables.one.last_decision + 1;
    let decisions = || findings.decisions.iter().zip(first..);
    let last: HashMap<&Pair, u64> = decisions()
        .map(|(decision, number)| (&decision.turn.pair, number))
        .collect();
    for pair in last.keys() {
        overtake(unit, pair, findings.now_ms);
    }
    for (decision, number) in decisions() {
        unit.may_write(Row::DecisionsOf(decision.turn.pair.clone()))?;
        let overtaken = last[&decision.turn.pair] != number;
        record(unit, decision, number, overtaken, findings.observed)?;
        unit.tables.one.last_decision = number;
    }
    if findings.observed {
        for (decision, number) in decisions() {
            let nodes = would_move(unit, decision);
            unit.tables.decisions.edit(&number, |row| {
                row.completed_at_ms = Some(decision.decided_at_ms);
                row.nodes = nodes;
            });
        }
    }
    Ok(last)
}

/// What was decided about the pair completes now if it is open.
pub fn overtake(unit: &mut Unit<'_>, pair: &Pair, now_ms: u64) {
    let decisions = &unit.tables.decisions;
    let open = |number: &u64| decisions[number].completed_at_ms.is_none();
    let open: Vec<u64> = unit.tables.numbers_of(pair).filter(open).collect();
    for number in open {
        let decisions = &mut unit.tables.decisions;
        decisions.edit(&number, |row| row.completed_at_ms = Some(now_ms));
    }
}

fn record(
    unit: &mut Unit<'_>,
    decision: &DecisionRecord,
    number: u64,
    overtaken: bool,
    observed: bool,
) -> Result<(), Fault> {
    let tables = &mut *unit.tables;
    if tables.decision_numbers.contains_key(&decision.id) {
        return Err(Fault::Refused(format!("{} is used already", decision.id)));
    }
    let turn = &decision.turn;
    let row = DecisionRow {
        id: decision.id.clone(),
        pair: turn.pair.clone(),
        verdict: decision.verdict,
        cause: turn.cause.clone(),
        last_good_at_ms: turn.last_good_at_ms,
        epoch: tables.one.epoch,
        decided_at_ms: decision.decided_at_ms,
        completed_at_ms: overtaken.then_some(decision.decided_at_ms),
        nodes: 0,
        observed,
    };
    tables.decision_numbers.put(decision.id.clone(), number);
    tables.decisions_of.put((turn.pair.clone(), number), ());
    tables.decisions.put(number, row);
    Ok(())
}

/// How many nodes a decision that is only observed would move now.
fn would_move(unit: &Unit<'_>, decision: &DecisionRecord) -> u64 {
    let tables = &*unit.tables;
    let pair = &decision.turn.pair;
    let of_pair = tables.nodes.iter().filter(|(_, node)| node.needs(pair));
    let moves = of_pair.filter(|(uuid, _)| match tables.held.contains_key(*uuid) {
        true => decision.verdict == Verdict::Restored,
        false => tables.may_be_taken(uuid),
    });
    moves.count() as u64
}

fn stand(
    unit: &mut Unit<'_>,
    record: &StandingRecord,
    now_ms: u64,
    last_decision: &HashMap<&Pair, u64>,
) {
    let before = unit.tables.pairs.get(&record.pair);
    let since_ms = match before {
        Some(row) if row.standing == record.standing => row.since_ms,
        Some(_) | None => now_ms,
    };
    let decided = last_decision.get(&record.pair).copied();
    let row = PairRow {
        standing: record.standing,
        since_ms,
        decision: decided.or(before.and_then(|row| row.decision)),
    };
    unit.tables.pairs.put(record.pair.clone(), row);
}
