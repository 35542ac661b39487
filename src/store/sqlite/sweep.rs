//! What happens once each sweep besides looking at nodes, and operators' requests.

use std::time::Duration;

use sqlx::{Connection, SqliteConnection};

use super::super::{ConductorRecord, StoreError};
use super::ledger::Unit;
use super::open::options;
use super::reconcile::FORMAT;
use super::{int, sql};
use crate::config::Database;

/// How long a request that was answered is kept, for the command that waits for it.
const ANSWERED: Duration = Duration::from_secs(24 * 3600);

/// How long records are kept; older ones are dropped a bounded number at a time.
#[derive(Debug, Clone, Copy)]
pub struct Keeping {
    /// Events, after receipt.
    pub events: Duration,
    /// Changes and announcements, after they went out.
    pub announced: Duration,
    /// Decisions, after completion, unless a row that is kept speaks of them.
    pub decisions: Duration,
}

pub(super) async fn begin(
    unit: &mut Unit<'_>,
    holds: &[ConductorRecord],
    keeping: Keeping,
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    for hold in holds {
        let remaining = hold.hold_remaining.unwrap_or_default().as_millis();
        sqlx::query(sql::KEEP_REMAINDER)
            .bind(i64::try_from(remaining).unwrap_or(i64::MAX))
            .bind(int(now_ms))
            .bind(hold.name.as_str())
            .execute(&mut *unit.tx)
            .await?;
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
    Ok(())
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
