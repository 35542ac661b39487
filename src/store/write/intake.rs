//! Writing what a batch of events led to, with a statement for many rows.

use std::collections::HashMap;

use crate::domain::change::{CauseKind, Verdict};
use crate::domain::ids::{ConductorName, EventId, Pair};
use crate::domain::receipt::Receipt;
use crate::domain::unheeded::Note;
pub(in crate::store) use crate::store::database::connection::ROWS;
use crate::store::database::connection::{Bind as _, Connection, Value, placeholders_from, values};
use crate::store::records::{ConductorRecord, DecisionRecord, EventRecord, Findings};
use crate::store::write::fenced::Fenced;

pub async fn recall(
    connection: &mut Connection,
    events: &[(ConductorName, EventId)],
) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, sqlx::Error> {
    let keys = events
        .iter()
        .map(|(conductor, id)| [conductor.as_str().into(), id.as_str().into()]);
    let mut known = HashMap::new();
    for row in connection.fetch_by(connection.sql().recall, keys).await? {
        // What is not as we write it was not written by us and matches nothing.
        if let (Ok(conductor), Ok(id), Ok(digest)) = (
            ConductorName::parse(&row.text("conductor")?),
            EventId::parse(&row.text("message_id")?),
            <[u8; 32]>::try_from(row.bytes("digest")?),
        ) {
            known.insert((conductor, id), digest);
        }
    }
    Ok(known)
}

pub async fn commit(unit: &mut Fenced<'_>, findings: &Findings) -> Result<(), sqlx::Error> {
    remember(unit, &findings.events, findings.now_ms).await?;
    save_conductors(unit, &findings.conductors, findings.now_ms).await?;
    save_unheeded(unit, &findings.unheeded).await?;
    let last_decision = decide(unit, findings).await?;
    if let Some((stream, waits)) = &findings.waits {
        let left = values![*waits, stream];
        unit.connection.execute(unit.sql.keep_waiting, left).await?;
    }
    for subscriber in &findings.silent {
        let gone = values![subscriber.as_str()];
        unit.connection.execute(unit.sql.drop_receipt, gone).await?;
    }
    save_receipts(unit, &findings.receipts, findings.now_ms).await?;
    stand(unit, findings, &last_decision).await
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
    for (decisions, first) in findings.decisions.chunks(ROWS).zip((first..).step_by(ROWS)) {
        let pairs = decisions.iter().map(|each| &each.turn.pair);
        overtake(unit, pairs, findings.now_ms).await?;
        let rows = decisions.iter().zip(first..).map(|(decision, number)| {
            let overtaken = last[&decision.turn.pair] != number;
            let epoch = unit.counters.epoch;
            row(decision, number, overtaken, findings.observed, epoch)
        });
        let decided = (unit.sql.decided, "");
        unit.connection.write_rows(decided, rows).await?;
    }
    unit.counters.last_decision += findings.decisions.len() as u64;
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

/// The row of a decision. One that another of the same moment overtakes is complete.
fn row(
    decision: &DecisionRecord,
    number: u64,
    overtaken: bool,
    observed: bool,
    epoch: u64,
) -> [Value<'_>; 14] {
    let turn = &decision.turn;
    let (event_id, event) = match &turn.cause.kind {
        CauseKind::Event { id, event_type } => (Some(id.as_str()), Some(event_type.as_str())),
        CauseKind::Silence | CauseKind::RestartOverdue | CauseKind::NeverSeen => (None, None),
    };
    let conductor = turn.cause.conductor.as_ref().map(|name| name.as_str());
    let [group, driver] = (&turn.pair).into();
    [
        number.into(),
        (&decision.id).into(),
        group,
        driver,
        decision.verdict.as_str().into(),
        turn.cause.kind.word().as_str().into(),
        event_id.into(),
        event.into(),
        conductor.into(),
        turn.last_good_at_ms.into(),
        epoch.into(),
        decision.decided_at_ms.into(),
        overtaken.then_some(decision.decided_at_ms).into(),
        observed.into(),
    ]
}

async fn stand(
    unit: &mut Fenced<'_>,
    findings: &Findings,
    last_decision: &HashMap<&Pair, u64>,
) -> Result<(), sqlx::Error> {
    let rows = findings.standings.iter().map(|record| {
        let [group, driver] = (&record.pair).into();
        let (standing, now_ms) = (record.standing.as_str(), findings.now_ms);
        let decision = last_decision.get(&record.pair).copied();
        [
            group,
            driver,
            standing.into(),
            now_ms.into(),
            decision.into(),
        ]
    });
    unit.connection.write_rows(unit.sql.stand, rows).await
}

async fn remember(
    unit: &mut Fenced<'_>,
    events: &[EventRecord],
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let rows = events.iter().map(|event| {
        [
            event.conductor.as_str().into(),
            event.id.as_str().into(),
            event.digest.as_slice().into(),
            event.event_type.as_str().into(),
            event.outcome.as_str().into(),
            now_ms.into(),
        ]
    });
    let remember = (unit.sql.remember, "");
    unit.connection.write_rows(remember, rows).await
}

async fn save_unheeded(unit: &mut Fenced<'_>, notes: &[Note]) -> Result<(), sqlx::Error> {
    let rows = notes.iter().map(|note| {
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
    });
    let save = unit.sql.save_unheeded;
    unit.connection.write_rows(save, rows).await
}

async fn save_receipts(
    unit: &mut Fenced<'_>,
    receipts: &[Receipt],
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let rows = receipts.iter().map(|receipt| {
        [
            receipt.subscriber.as_str().into(),
            receipt.stream.as_str().into(),
            receipt.seq.into(),
            receipt.applied_at_ms.into(),
            now_ms.into(),
        ]
    });
    let save = unit.sql.save_receipts;
    unit.connection.write_rows(save, rows).await
}

/// Saves conductors as they are now.
pub async fn save_conductors(
    unit: &mut Fenced<'_>,
    conductors: &[ConductorRecord],
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let drivers = conductors.iter().map(|conductor| {
        let names: Vec<&str> = conductor.drivers.iter().map(|name| name.as_str()).collect();
        serde_json::json!(names).to_string()
    });
    let drivers: Vec<String> = drivers.collect();
    let rows = conductors.iter().zip(&drivers).map(|(conductor, drivers)| {
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
    });
    let save = unit.sql.save_conductors;
    unit.connection.write_rows(save, rows).await
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
    let (statement, pair) = (&unit.inventory.count_pair, values![&decision.turn.pair]);
    let row = unit.connection.fetch_one(statement, pair).await?;
    let nodes = row.uint("nodes")?;
    Ok(match decision.verdict {
        // Those that the loss would have taken are in, and those of an earlier, carried out one held.
        Verdict::Restored => nodes + row.uint("held")?,
        Verdict::Lost | Verdict::Unknown => nodes,
    })
}
