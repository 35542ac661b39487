//! What happens once each sweep besides looking at nodes, and operators' requests.

use std::time::Duration;

use sqlx::{Connection, SqliteConnection};

use super::super::{StoreError, Sweep};
use super::ledger::Unit;
use super::open::options;
use super::reconcile::FORMAT;
use super::{int, sql};
use crate::config::Database;
use crate::domain::ids::Pair;

/// How long a request that was answered is kept, for the command that waits for it.
const ANSWERED: Duration = Duration::from_secs(24 * 3600);

pub(super) async fn begin(unit: &mut Unit<'_>, sweep: &Sweep) -> Result<Vec<Pair>, sqlx::Error> {
    let Sweep {
        keeping, now_ms, ..
    } = *sweep;
    for hold in &sweep.holds {
        let remaining = hold.hold_remaining.unwrap_or_default().as_millis();
        sqlx::query(sql::KEEP_REMAINDER)
            .bind(i64::try_from(remaining).unwrap_or(i64::MAX))
            .bind(int(now_ms))
            .bind(hold.name.as_str())
            .execute(&mut *unit.tx)
            .await?;
    }
    for conductor in &sweep.forget {
        sqlx::query(sql::FORGET)
            .bind(conductor.as_str())
            .execute(&mut *unit.tx)
            .await?;
    }
    let mut forgotten = Vec::new();
    for pair in &sweep.unnamed {
        let dropped = sqlx::query(sql::FORGET_PAIR)
            .bind(pair.driver.as_str())
            .bind(pair.group.as_str())
            .execute(&mut *unit.tx)
            .await?
            .rows_affected();
        if dropped > 0 {
            forgotten.push(pair.clone());
        }
    }
    let before = |kept: Duration| {
        int(now_ms.saturating_sub(u64::try_from(kept.as_millis()).unwrap_or(u64::MAX)))
    };
    for (statement, kept) in [
        (sql::DROP_EVENTS, keeping.events),
        (sql::DROP_CHANGES, keeping.announced),
        (sql::DROP_ANNOUNCEMENTS, keeping.announced),
        (sql::DROP_DECISIONS, keeping.decisions),
        (sql::DROP_REQUESTS, ANSWERED),
    ] {
        sqlx::query(statement)
            .bind(before(kept))
            .execute(&mut *unit.tx)
            .await?;
    }
    unit.counters.last_announcement += 1;
    sqlx::query(sql::ANNOUNCE)
        .bind(int(unit.counters.last_announcement))
        .bind("node.position")
        .bind(None::<i64>)
        .bind(None::<&str>)
        .bind(None::<i64>)
        .bind(int(unit.counters.seq))
        .bind(int(unit.counters.seq))
        .bind(int(unit.counters.epoch))
        .bind(int(now_ms))
        .bind(int(now_ms))
        .bind(FORMAT)
        .execute(&mut *unit.tx)
        .await?;
    Ok(forgotten)
}

/// Asks the deciding replica for something; returns the request's number.
///
/// # Errors
/// [`StoreError`]; nothing is asked then.
pub async fn request(
    database: &Database,
    kind: &str,
    argument: &str,
    now_ms: u64,
) -> Result<u64, StoreError> {
    let mut connection = SqliteConnection::connect_with(&options(database)?)
        .await
        .map_err(|fault| StoreError::from_sqlx("open the database", fault))?;
    let number: i64 = sqlx::query_scalar(sql::REQUEST)
        .bind(kind)
        .bind(argument)
        .bind(int(now_ms))
        .fetch_one(&mut connection)
        .await
        .map_err(|fault| StoreError::from_sqlx("record the request", fault))?;
    Ok(super::uint(number))
}
