//! What happens once each sweep besides looking at nodes, and operators' requests.

use std::time::Duration;

use crate::config::Database;
use crate::domain::ids::Pair;
use crate::store::database::connection::{Connection, values};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::StoreError;
use crate::store::database::open::Purpose;
use crate::store::records::{RequestKind, Sweep};
use crate::store::sql;
use crate::store::write::announce::announce_position;
use crate::store::write::fenced::Fenced;

/// How long a request that was answered is kept, for the command that waits for it.
const ANSWERED: Duration = Duration::from_secs(24 * 3600);

pub async fn begin(unit: &mut Fenced<'_>, sweep: &Sweep) -> Result<Vec<Pair>, sqlx::Error> {
    let Sweep {
        keeping, now_ms, ..
    } = *sweep;
    let (connection, sql) = (&mut *unit.connection, unit.sql);
    for conductor in &sweep.restarting {
        let remaining = conductor.restart_remaining.unwrap_or_default();
        let values = values![remaining, now_ms, conductor.name.as_str()];
        connection.execute(sql.keep_remainder, values).await?;
    }
    if let Some((id, remaining)) = &sweep.pause {
        let values = values![*remaining, now_ms, id];
        connection.execute(sql.keep_pause, values).await?;
    }
    for conductor in &sweep.forget {
        connection
            .execute(sql.forget, values![conductor.as_str()])
            .await?;
    }
    let mut forgotten = Vec::new();
    for pair in &sweep.unnamed {
        let values = values![pair];
        let unneeded = connection
            .fetch_first(&unit.inventory.unneeded, values)
            .await?;
        if unneeded.is_some() {
            connection.execute(sql.forget_pair, values).await?;
            forgotten.push(pair.clone());
        }
    }
    for pair in &sweep.unwanted {
        let values = values![pair];
        if connection.execute(sql.forget_unknown, values).await? > 0 {
            forgotten.push(pair.clone());
        }
    }
    for (statement, kept) in [
        (sql.drop_events, keeping.events),
        (sql.drop_changes, keeping.announced),
        (sql.drop_announcements, keeping.announced),
        (sql.drop_decisions, keeping.decisions),
        (sql.drop_requests, ANSWERED),
    ] {
        let kept_ms = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
        let before = now_ms.saturating_sub(kept_ms);
        connection.execute(statement, values![before]).await?;
    }
    if sweep.announces {
        announce_position(unit, now_ms).await?;
    }
    Ok(forgotten)
}

/// Asks the deciding replica for something; returns the request's number.
///
/// # Errors
/// [`StoreError`]; nothing is asked then.
pub async fn request(
    database: &Database,
    kind: RequestKind,
    argument: &str,
    now_ms: u64,
) -> Result<u64, StoreError> {
    let sql = sql::statements(Dialect::of(database)?);
    let mut connection = Connection::open(database, Purpose::Write).await?;
    let work = async {
        connection
            .execute(sql.request, values![kind.as_str(), argument, now_ms])
            .await?;
        connection
            .fetch_one(sql.request_number, &[])
            .await?
            .uint("number")
    };
    work.await
        .map_err(|fault| StoreError::from_sqlx("record the request", fault))
}
