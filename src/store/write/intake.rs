//! Writing what a batch of events led to, with a statement for many rows.

use std::collections::HashMap;

use crate::domain::change::{CauseKind, Verdict};
use crate::domain::ids::{ConductorName, EventId, Pair};
use crate::store::database::connection::{Connection, Value, placeholders, values};
use crate::store::records::{ConductorRecord, DecisionRecord, EventRecord, Findings};
use crate::store::sql::Statements;
use crate::store::write::fenced::Fenced;

/// Rows in one statement. SQLite takes 32,766 parameters; the widest row here has eleven.
const ROWS: usize = 500;

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

pub async fn commit(unit: &mut Fenced<'_>, intake: &Findings) -> Result<(), sqlx::Error> {
    for events in intake.events.chunks(ROWS) {
        remember(unit, events, intake.now_ms).await?;
    }
    for conductors in intake.conductors.chunks(ROWS) {
        save_conductors(unit, conductors, intake.now_ms).await?;
    }
    let mut last_decision: HashMap<&Pair, u64> = HashMap::new();
    for decision in &intake.decisions {
        let number = record(unit, decision, intake.observed).await?;
        last_decision.insert(&decision.turn.pair, number);
    }
    for standing in &intake.standings {
        let values = values![
            &standing.pair,
            standing.standing.as_str(),
            intake.now_ms,
            last_decision.get(&standing.pair).copied(),
        ];
        unit.connection.execute(unit.sql.stand, values).await?;
    }
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

async fn save_conductors(
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

/// Records one decision and completes the one that it overtakes; returns its number.
async fn record(
    unit: &mut Fenced<'_>,
    decision: &DecisionRecord,
    observed: bool,
) -> Result<u64, sqlx::Error> {
    unit.counters.last_decision += 1;
    let number = unit.counters.last_decision;
    let turn = &decision.turn;
    let (event_id, event) = match &turn.cause.kind {
        CauseKind::Event { id, event_type } => (Some(id.as_str()), Some(event_type.as_str())),
        CauseKind::Silence | CauseKind::RestartOverdue | CauseKind::NeverSeen => (None, None),
    };
    let overtaken = values![decision.decided_at_ms, &turn.pair, number];
    unit.connection
        .execute(unit.sql.overtaken, overtaken)
        .await?;
    let decided = values![
        number,
        &decision.id,
        &turn.pair,
        decision.verdict.as_str(),
        turn.cause.kind.word().as_str(),
        event_id,
        event,
        turn.cause.conductor.as_ref().map(|name| name.as_str()),
        turn.last_good_at_ms,
        unit.counters.epoch,
        decision.decided_at_ms,
        observed,
    ];
    unit.connection.execute(unit.sql.decided, decided).await?;
    if observed {
        let nodes = would_move(unit, decision).await?;
        let values = values![decision.decided_at_ms, nodes, number];
        unit.connection.execute(unit.sql.observed, values).await?;
    }
    Ok(number)
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
