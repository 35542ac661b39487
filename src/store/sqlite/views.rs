//! From rows to what those who look may see.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::{ConductorView, DecisionView, HoldView};
use super::{text, uint};

pub(super) fn hold(row: &SqliteRow) -> Result<HoldView, sqlx::Error> {
    let verdict: &str = row.try_get("verdict")?;
    Ok(HoldView {
        uuid: text(row.try_get("uuid")?),
        name: row.try_get::<Option<Vec<u8>>, _>("name")?.map(text),
        conductor_group: row.try_get("conductor_group")?,
        driver: row.try_get("driver")?,
        reason: if verdict == "unknown" {
            "driver_unknown"
        } else {
            "driver_lost"
        },
        decision_id: row.try_get("decision_id")?,
        since_ms: uint(row.try_get("since_ms")?),
    })
}

pub(super) fn conductor(row: &SqliteRow) -> Result<ConductorView, sqlx::Error> {
    let drivers: String = row.try_get("drivers")?;
    let drivers =
        serde_json::from_str(&drivers).map_err(|fault| sqlx::Error::Decode(fault.into()))?;
    let maybe = |column: &str| {
        row.try_get::<Option<i64>, _>(column)
            .map(|value| value.map(uint))
    };
    let (remaining, noted) = (maybe("hold_remaining_ms")?, maybe("hold_noted_at_ms")?);
    Ok(ConductorView {
        conductor: row.try_get("conductor")?,
        incarnation: uint(row.try_get("incarnation")?),
        conductor_group: row.try_get("conductor_group")?,
        drivers,
        state: row.try_get("state")?,
        since_ms: uint(row.try_get("since_ms")?),
        heartbeat_timeout_ms: row
            .try_get::<Option<i64>, _>("heartbeat_timeout_ms")?
            .map(uint),
        until_ms: remaining
            .zip(noted)
            .map(|(remaining, noted)| noted.saturating_add(remaining)),
        last_sign_at_ms: uint(row.try_get("last_sign_at_ms")?),
    })
}

pub(super) fn decision(row: &SqliteRow) -> Result<DecisionView, sqlx::Error> {
    Ok(DecisionView {
        number: uint(row.try_get("number")?),
        decision_id: row.try_get("decision_id")?,
        conductor_group: row.try_get("conductor_group")?,
        driver: row.try_get("driver")?,
        verdict: row.try_get("verdict")?,
        cause: row.try_get("cause")?,
        cause_event_id: row.try_get("cause_event_id")?,
        cause_event: row.try_get("cause_event")?,
        cause_conductor: row.try_get("cause_conductor")?,
        last_good_at_ms: row.try_get::<Option<i64>, _>("last_good_at_ms")?.map(uint),
        epoch: uint(row.try_get("epoch")?),
        decided_at_ms: uint(row.try_get("decided_at_ms")?),
        completed_at_ms: row.try_get::<Option<i64>, _>("completed_at_ms")?.map(uint),
        nodes: uint(row.try_get("nodes")?),
    })
}
