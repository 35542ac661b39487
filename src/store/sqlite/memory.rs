//! Reading the stored half of the driver map, and refusing rows that make no sense.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::super::{ConductorRecord, Memory, StoreError};
use super::{sql, uint};
use crate::domain::ids::{ConductorName, Driver, Group, Incarnation, Pair};
use crate::domain::map::Standing;

/// The driver map as stored. The inner error is a row that makes no sense.
pub(super) async fn read(
    connection: &mut SqliteConnection,
) -> Result<Result<Memory, StoreError>, sqlx::Error> {
    let conductors = sqlx::query(sql::CONDUCTORS)
        .fetch_all(&mut *connection)
        .await?;
    let standings: Vec<(String, String, String)> =
        sqlx::query_as(sql::STANDINGS).fetch_all(connection).await?;
    Ok(conductors
        .iter()
        .map(conductor)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|conductors| {
            let standings = standings
                .into_iter()
                .map(standing)
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Memory {
                conductors,
                standings,
            })
        }))
}

fn conductor(row: &SqliteRow) -> Result<ConductorRecord, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("table nodewarden_conductors: {what}"));
    let text = |column: &str| {
        row.try_get::<String, _>(column)
            .map_err(|fault| corrupt(&fault.to_string()))
    };
    let number = |column: &str| {
        row.try_get::<i64, _>(column)
            .map(uint)
            .map_err(|fault| corrupt(&fault.to_string()))
    };
    let maybe = |column: &str| {
        row.try_get::<Option<i64>, _>(column)
            .map(|value| value.map(uint))
            .map_err(|fault| corrupt(&fault.to_string()))
    };
    let drivers: Vec<String> =
        serde_json::from_str(&text("drivers")?).map_err(|fault| corrupt(&fault.to_string()))?;
    let drivers = drivers
        .iter()
        .map(|driver| Driver::parse(driver))
        .collect::<Result<BTreeSet<_>, _>>()
        .map_err(|fault| corrupt(&format!("a driver {fault}")))?;
    let state = match text("state")?.as_str() {
        "active" => "active",
        "leaving" => "leaving",
        "left" => "left",
        "timed_out" => "timed_out",
        other => return Err(corrupt(&format!("state {other:?}"))),
    };
    Ok(ConductorRecord {
        name: ConductorName::parse(&text("conductor")?)
            .map_err(|fault| corrupt(&format!("a name {fault}")))?,
        incarnation: Incarnation::new(number("incarnation")?)
            .ok_or_else(|| corrupt("incarnation"))?,
        group: Group::parse(&text("conductor_group")?)
            .map_err(|fault| corrupt(&format!("a group {fault}")))?,
        drivers,
        heartbeat_timeout: maybe("heartbeat_timeout_ms")?.map(Duration::from_millis),
        state,
        hold_remaining: maybe("hold_remaining_ms")?.map(Duration::from_millis),
        last_sent_at_ms: maybe("last_sent_at_ms")?,
        last_sign_at_ms: number("last_sign_at_ms")?,
        since_ms: number("since_ms")?,
    })
}

fn standing(
    (group, driver, state): (String, String, String),
) -> Result<(Pair, Standing), StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("table nodewarden_pairs: {what}"));
    let pair = Pair {
        group: Group::parse(&group).map_err(|fault| corrupt(&format!("a group {fault}")))?,
        driver: Driver::parse(&driver).map_err(|fault| corrupt(&format!("a driver {fault}")))?,
    };
    match state.as_str() {
        "active" => Ok((pair, Standing::Active)),
        "lost" => Ok((pair, Standing::Lost)),
        other => Err(corrupt(&format!("state {other:?}"))),
    }
}
