//! Writing what a batch of events led to, with a statement for many rows.

use std::collections::HashMap;

use crate::domain::change::{CauseKind, Verdict};
use crate::domain::ids::{ConductorName, EventId, Pair};
use crate::domain::receipt::Receipt;
use crate::domain::unheeded::Note;
use crate::store::database::connection::{
    Bind as _, Connection, Value, placeholders, placeholders_from, values,
};
use crate::store::records::{
    ConductorRecord, DecisionRecord, EventRecord, Findings, StandingRecord,
};
use crate::store::sql::Statements;
use crate::store::write::fenced::Fenced;

/// Rows in one statement. SQLite takes 32,766 parameters; the widest row here has eleven.
pub const ROWS: usize = 500;

pub async fn recall(
    connection: &mut Connection,
    sql: &Statements,
    events: &[(ConductorName, EventId)],
) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, sqlx::Error> {
    let mut known = HashMap::new();
    for some in events.chunks(ROWS) {
        let (before, after) = sql.recall;
        let statement = format!("{before}{}{after}", placeholders(some.len(), 2));
        let values: Vec<Value<'_>> = some
            .iter()
            .flat_map(|(conductor, id)| [conductor.as_str().into(), id.as_str().into()])
            .collect();
        for row in connection.fetch(&statement, &values).await? {
            // What is not as we write it was not written by us and matches nothing.
            if let (Ok(conductor), Ok(id), Ok(digest)) = (
                ConductorName::parse(&row.text("conductor")?),
                EventId::parse(&row.text("message_id")?),
                <[u8; 32]>::try_from(row.bytes("digest")?),
            ) {
                known.insert((conductor, id), digest);
            }
        }
    }
    Ok(known)
}

pub async fn commit(unit: &mut Fenced<'_>, findings: &Findings) -> Result<(), sqlx::Error> {
    for events in findings.events.chunks(ROWS) {
        remember(unit, events, findings.now_ms).await?;
    }
    for conductors in findings.conductors.chunks(ROWS) {
        save_conductors(unit, conductors, findings.now_ms).await?;
    }
    for notes in findings.unheeded.chunks(ROWS) {
        save_unheeded(unit, notes).await?;
    }
    let last_decision = decide(unit, findings).await?;
    if let Some((stream, waits)) = &findings.waits {
        let left = values![*waits, stream];
        unit.connection.execute(unit.sql.keep_waiting, left).await?;
    }
    for subscriber in &findings.silent {
        let gone = values![subscriber.as_str()];
        unit.connection.execute(unit.sql.drop_receipt, gone).await?;
    }
    for receipts in findings.receipts.chunks(ROWS) {
        save_receipts(unit, receipts, findings.now_ms).await?;
    }
    for standings in findings.standings.chunks(ROWS) {
        stand(unit, standings, findings.now_ms, &last_decision).await?;
    }
    Ok(())
}

/// Records the decisions, which complete those that they overtake; the last number of each pair.
async fn decide<'f>(
    unit: &mut Fenced<'_>,
    findings: &'f Findings,
) -> Result<HashMap<&'f Pair, u64>, sqlx::Error> {
    let mut last: HashMap<&Pair, u64> = HashMap::new();
    let first = unit.counters.last_decision + 1;
    for (decision, number) in findings.decisions.iter().zip(first..) {
        last.insert(&decision.turn.pair, number);
    }
    let mut number = first;
    for decisions in findings.decisions.chunks(ROWS) {
        let pairs = decisions.iter().map(|each| &each.turn.pair);
        overtake(unit, pairs, findings.now_ms).await?;
        let mut values: Vec<Value<'_>> = Vec::with_capacity(decisions.len() * DECISION);
        for decision in decisions {
            let overtaken = last[&decision.turn.pair] != number;
            row(
                decision,
                number,
                overtaken,
                findings.observed,
                unit.counters.epoch,
                &mut values,
            );
            number += 1;
        }
        let rows = placeholders(decisions.len(), DECISION);
        let statement = format!("{}{rows}", unit.sql.decided);
        unit.connection.execute(&statement, &values).await?;
    }
    unit.counters.last_decision = number - 1;
    if findings.observed {
        for (decision, number) in findings.decisions.iter().zip(first..) {
            observe(unit, decision, number).await?;
        }
    }
    Ok(last)
}

/// What was decided about these pairs, at most [`ROWS`], completes now if it is open.
pub async fn overtake<'p>(
    unit: &mut Fenced<'_>,
    pairs: impl ExactSizeIterator<Item = &'p Pair>,
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let (before, after) = unit.sql.overtaken;
    let rows = placeholders_from(2, pairs.len(), 2);
    let mut values: Vec<Value<'_>> = vec![now_ms.into()];
    for pair in pairs {
        pair.bind(&mut values);
    }
    let statement = format!("{before}{rows}{after}");
    unit.connection.execute(&statement, &values).await?;
    Ok(())
}

/// Values in a row of a decision.
const DECISION: usize = 14;

/// The row of a decision. One that another of the same moment overtakes is complete.
fn row<'v>(
    decision: &'v DecisionRecord,
    number: u64,
    overtaken: bool,
    observed: bool,
    epoch: u64,
    values: &mut Vec<Value<'v>>,
) {
    let turn = &decision.turn;
    let (event_id, event) = match &turn.cause.kind {
        CauseKind::Event { id, event_type } => (Some(id.as_str()), Some(event_type.as_str())),
        CauseKind::Silence | CauseKind::RestartOverdue | CauseKind::NeverSeen => (None, None),
    };
    values.extend_from_slice(values![
        number,
        &decision.id,
        &turn.pair,
        decision.verdict.as_str(),
        turn.cause.kind.word().as_str(),
        event_id,
        event,
        turn.cause.conductor.as_ref().map(|name| name.as_str()),
        turn.last_good_at_ms,
        epoch,
        decision.decided_at_ms,
        overtaken.then_some(decision.decided_at_ms),
        observed,
    ]);
}

async fn stand(
    unit: &mut Fenced<'_>,
    standings: &[StandingRecord],
    now_ms: u64,
    last_decision: &HashMap<&Pair, u64>,
) -> Result<(), sqlx::Error> {
    let (before, after) = unit.sql.stand;
    let mut values: Vec<Value<'_>> = Vec::with_capacity(standings.len() * 5);
    for StandingRecord { pair, standing } in standings {
        let decision = last_decision.get(pair).copied();
        values.extend_from_slice(values![pair, standing.as_str(), now_ms, decision]);
    }
    let statement = format!("{before}{}{after}", placeholders(standings.len(), 5));
    unit.connection.execute(&statement, &values).await?;
    Ok(())
}

async fn remember(
    unit: &mut Fenced<'_>,
    events: &[EventRecord],
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let statement = format!("{}{}", unit.sql.remember, placeholders(events.len(), 6));
    let values: Vec<Value<'_>> = events
        .iter()
        .flat_map(|event| {
            [
                event.conductor.as_str().into(),
                event.id.as_str().into(),
                event.digest.as_slice().into(),
                event.event_type.as_str().into(),
                event.outcome.as_str().into(),
                now_ms.into(),
            ]
        })
        .collect();
    unit.connection.execute(&statement, &values).await?;
    Ok(())
}

async fn save_unheeded(unit: &mut Fenced<'_>, notes: &[Note]) -> Result<(), sqlx::Error> {
    let (before, over) = unit.sql.save_unheeded;
    let statement = format!("{before}{}{over}", placeholders(notes.len(), 10));
    let values: Vec<Value<'_>> = notes
        .iter()
        .flat_map(|note| {
            let (refused, ignored) = (note.refused.as_ref(), note.ignored.as_ref());
            [
                note.conductor.as_str().into(),
                refused.map(|it| it.why.as_str()).into(),
                refused.map(|it| it.count).into(),
                refused.map(|it| it.since_ms).into(),
                refused.map(|it| it.last_ms).into(),
                note.remaining.into(),
                ignored.map(|it| it.incarnation.get()).into(),
                ignored.map(|it| it.count).into(),
                ignored.map(|it| it.since_ms).into(),
                ignored.map(|it| it.last_ms).into(),
            ]
        })
        .collect();
    unit.connection.execute(&statement, &values).await?;
    Ok(())
}

async fn save_receipts(
    unit: &mut Fenced<'_>,
    receipts: &[Receipt],
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let (before, over) = unit.sql.save_receipts;
    let statement = format!("{before}{}{over}", placeholders(receipts.len(), 5));
    let values: Vec<Value<'_>> = receipts
        .iter()
        .flat_map(|receipt| {
            [
                receipt.subscriber.as_str().into(),
                receipt.stream.as_str().into(),
                receipt.seq.into(),
                receipt.applied_at_ms.into(),
                now_ms.into(),
            ]
        })
        .collect();
    unit.connection.execute(&statement, &values).await?;
    Ok(())
}

/// Saves conductors as they are now.
pub async fn save_conductors(
    unit: &mut Fenced<'_>,
    conductors: &[ConductorRecord],
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let (before, over) = unit.sql.save_conductors;
    let statement = format!("{before}{}{over}", placeholders(conductors.len(), 11));
    let drivers: Vec<String> = conductors
        .iter()
        .map(|conductor| {
            let names: Vec<&str> = conductor.drivers.iter().map(|name| name.as_str()).collect();
            serde_json::json!(names).to_string()
        })
        .collect();
    let values: Vec<Value<'_>> = conductors
        .iter()
        .zip(&drivers)
        .flat_map(|(conductor, drivers)| {
            [
                conductor.name.as_str().into(),
                conductor.incarnation.get().into(),
                conductor.group.as_str().into(),
                drivers.into(),
                conductor.heartbeat_timeout.into(),
                conductor.state.as_str().into(),
                conductor.restart_remaining.into(),
                conductor.restart_remaining.map(|_| now_ms).into(),
                conductor.last_sent_at_ms.into(),
                conductor.last_sign_at_ms.into(),
                conductor.since_ms.into(),
            ]
        })
        .collect();
    unit.connection.execute(&statement, &values).await?;
    Ok(())
}

/// Records what a decision that is only observed would move now.
async fn observe(
    unit: &mut Fenced<'_>,
    decision: &DecisionRecord,
    number: u64,
) -> Result<(), sqlx::Error> {
    let nodes = would_move(unit, decision).await?;
    let values = values![decision.decided_at_ms, nodes, number];
    unit.connection.execute(unit.sql.observed, values).await?;
    Ok(())
}

/// How many nodes a decision that is only observed would move now.
async fn would_move(unit: &mut Fenced<'_>, decision: &DecisionRecord) -> Result<u64, sqlx::Error> {
    let pair = &decision.turn.pair;
    let values = values![pair];
    let row = unit
        .connection
        .fetch_one(&unit.inventory.count_pair, values)
        .await?;
    let nodes = row.uint("nodes")?;
    Ok(match decision.verdict {
        // Those that the loss would have taken are in, and those of an earlier, carried out one held.
        Verdict::Restored => nodes + row.uint("held")?,
        Verdict::Lost | Verdict::Unknown => nodes,
    })
}
