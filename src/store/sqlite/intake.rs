//! Writing what a batch of events led to, with a statement for many rows.

use std::collections::HashMap;

use sqlx::{Executor, QueryBuilder, Row, Sqlite, SqliteConnection};

use super::super::{ConductorRecord, DecisionRecord, EventRecord, Intake};
use super::ledger::Unit;
use super::{int, sql};
use crate::domain::decide::CauseKind;
use crate::domain::ids::{ConductorName, EventId, Pair};

/// Rows in one statement. SQLite takes 32,766 parameters; the widest row here has eleven.
const ROWS: usize = 500;

pub(super) async fn recall(
    connection: &mut SqliteConnection,
    events: &[(ConductorName, EventId)],
) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, sqlx::Error> {
    let mut known = HashMap::new();
    for some in events.chunks(ROWS) {
        let mut query = QueryBuilder::<Sqlite>::new(sql::RECALL);
        query.push_values(some, |mut row, (conductor, id)| {
            row.push_bind(conductor.as_str()).push_bind(id.as_str());
        });
        query.push(sql::RECALLED);
        for row in connection.fetch_all(query.build()).await? {
            let (conductor, id): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let digest: Vec<u8> = row.try_get(2)?;
            // What is not as we write it was not written by us and matches nothing.
            if let (Ok(conductor), Ok(id), Ok(digest)) = (
                ConductorName::parse(&conductor),
                EventId::parse(&id),
                <[u8; 32]>::try_from(digest),
            ) {
                known.insert((conductor, id), digest);
            }
        }
    }
    Ok(known)
}

pub(super) async fn commit(unit: &mut Unit<'_>, intake: &Intake) -> Result<(), sqlx::Error> {
    for events in intake.events.chunks(ROWS) {
        remember(unit, events, intake.now_ms).await?;
    }
    for conductors in intake.conductors.chunks(ROWS) {
        save_conductors(unit, conductors, intake.now_ms).await?;
    }
    let mut last_decision: HashMap<&Pair, u64> = HashMap::new();
    for decision in &intake.decisions {
        let number = record(unit, decision).await?;
        last_decision.insert(&decision.turn.pair, number);
    }
    for standing in &intake.standings {
        sqlx::query(sql::STAND)
            .bind(standing.pair.group.as_str())
            .bind(standing.pair.driver.as_str())
            .bind(standing.standing.as_str())
            .bind(int(intake.now_ms))
            .bind(last_decision.get(&standing.pair).map(|number| int(*number)))
            .execute(&mut *unit.tx)
            .await?;
    }
    Ok(())
}

async fn remember(
    unit: &mut Unit<'_>,
    events: &[EventRecord],
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new(sql::REMEMBER);
    query.push_values(events, |mut row, event| {
        row.push_bind(event.conductor.as_str())
            .push_bind(event.id.as_str())
            .push_bind(event.digest.as_slice())
            .push_bind(event.message_type)
            .push_bind(event.outcome.as_str())
            .push_bind(int(now_ms));
    });
    query.build().execute(&mut *unit.tx).await?;
    Ok(())
}

async fn save_conductors(
    unit: &mut Unit<'_>,
    conductors: &[ConductorRecord],
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new(sql::SAVE_CONDUCTORS);
    let ms =
        |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    query.push_values(conductors, |mut row, conductor| {
        let drivers: Vec<&str> = conductor
            .drivers
            .iter()
            .map(|driver| driver.as_str())
            .collect();
        row.push_bind(conductor.name.as_str())
            .push_bind(int(conductor.incarnation.get()))
            .push_bind(conductor.group.as_str())
            .push_bind(serde_json::json!(drivers).to_string())
            .push_bind(conductor.heartbeat_timeout.map(ms))
            .push_bind(conductor.state)
            .push_bind(conductor.hold_remaining.map(ms))
            .push_bind(conductor.hold_remaining.map(|_| int(now_ms)))
            .push_bind(conductor.last_sent_at_ms.map(int))
            .push_bind(int(conductor.last_sign_at_ms))
            .push_bind(int(conductor.since_ms));
    });
    query.push(sql::SAVE_CONDUCTORS_OVER);
    query.build().execute(&mut *unit.tx).await?;
    Ok(())
}

/// Records one decision and completes the one that it overtakes; returns its number.
async fn record(unit: &mut Unit<'_>, decision: &DecisionRecord) -> Result<u64, sqlx::Error> {
    unit.counters.last_decision += 1;
    let number = unit.counters.last_decision;
    let turn = &decision.turn;
    let (event_id, event) = match &turn.cause.kind {
        CauseKind::Event { id, message_type } => (Some(id.as_str()), Some(*message_type)),
        CauseKind::Silence | CauseKind::HoldEnded => (None, None),
    };
    sqlx::query(sql::OVERTAKEN)
        .bind(int(decision.decided_at_ms))
        .bind(turn.pair.driver.as_str())
        .bind(turn.pair.group.as_str())
        .bind(int(number))
        .execute(&mut *unit.tx)
        .await?;
    sqlx::query(sql::DECIDED)
        .bind(int(number))
        .bind(&decision.id)
        .bind(turn.pair.group.as_str())
        .bind(turn.pair.driver.as_str())
        .bind(decision.verdict.as_str())
        .bind(turn.cause.kind.as_str())
        .bind(event_id)
        .bind(event)
        .bind(turn.cause.conductor.as_str())
        .bind(turn.last_good_at_ms.map(int))
        .bind(int(unit.counters.epoch))
        .bind(int(decision.decided_at_ms))
        .execute(&mut *unit.tx)
        .await?;
    Ok(number)
}
