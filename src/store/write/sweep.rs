//! What happens once each sweep besides looking at nodes, retention, and operators' requests.

use crate::config::Database;
use crate::domain::ids::Pair;
use crate::store::database::connection::{Connection, values};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::StoreError;
use crate::store::database::link::{Outcome, WriterConnection};
use crate::store::records::{Prune, Request, RequestKind, Sweep};
use crate::store::sql::{self, Inventory, Statements};
use crate::store::write::announce::announce_position;
use crate::store::write::fenced::Fenced;
use crate::store::write::intake::{ROWS, overtake, save_conductors};
use crate::store::write::pause;

pub async fn begin(unit: &mut Fenced<'_>, sweep: &Sweep) -> Result<Vec<Pair>, sqlx::Error> {
    let now_ms = sweep.now_ms;
    for conductors in sweep.restarting.chunks(ROWS) {
        save_conductors(unit, conductors, now_ms).await?;
    }
    let (connection, sql) = (&mut *unit.connection, unit.sql);
    if let Some((id, remaining)) = &sweep.pause {
        let values = values![*remaining, now_ms, id];
        connection.execute(sql.keep_pause, values).await?;
    }
    for conductor in &sweep.forget {
        connection
            .execute(sql.forget, values![conductor.as_str()])
            .await?;
        connection
            .execute(sql.forget_unheeded, values![conductor.as_str()])
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
    // No walk will complete what was decided about them, and what is not complete is never dropped.
    for pairs in forgotten.chunks(ROWS) {
        overtake(unit, pairs.iter(), now_ms).await?;
    }
    if sweep.announces {
        announce_position(unit, now_ms).await?;
    }
    Ok(forgotten)
}

/// What of a sweep is to be written: those pairs that no node and no hold needs. Takes no lock.
pub async fn needed(
    connection: &mut Connection,
    sql: &Statements,
    inventory: &Inventory,
    sweep: &Sweep,
) -> Result<Sweep, sqlx::Error> {
    let mut needed = Sweep {
        unnamed: Vec::new(),
        unwanted: Vec::new(),
        ..sweep.clone()
    };
    for (pairs, statement, due) in [
        (
            &sweep.unnamed,
            inventory.unneeded.as_str(),
            &mut needed.unnamed,
        ),
        (&sweep.unwanted, sql.unwanted, &mut needed.unwanted),
    ] {
        for pair in pairs {
            let found = connection.fetch_first(statement, values![pair]).await?;
            due.extend(found.map(|_| pair.clone()));
        }
    }
    Ok(needed)
}

/// Drops at most `most` rows of a kind that are from before `before_ms`, oldest first; returns how many.
pub async fn prune(
    unit: &mut Fenced<'_>,
    what: Prune,
    before_ms: u64,
    most: u32,
) -> Result<u64, sqlx::Error> {
    let sql = unit.sql;
    let statement = match what {
        Prune::Events => sql.drop_events,
        Prune::Changes => sql.drop_changes,
        Prune::Announcements => sql.drop_announcements,
        Prune::Decisions => sql.drop_decisions,
        Prune::Requests => sql.drop_requests,
        Prune::Receipts => sql.drop_receipts,
    };
    unit.connection
        .execute(statement, values![before_ms, most])
        .await
}

/// What operators ask for and is not done yet.
pub async fn requests(
    connection: &mut Connection,
    sql: &Statements,
) -> Result<Vec<Request>, sqlx::Error> {
    let rows = connection.fetch(sql.requests, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Request {
                number: row.uint("number")?,
                // What is asked for is all that is looked for.
                kind: RequestKind::Forget,
                // What is no text names no conductor, and is answered so.
                argument: row.text("argument").unwrap_or_default(),
            })
        })
        .collect()
}

/// Asks the deciding replica for something, on behalf of `by`; returns the request's number.
pub async fn request(
    database: &Database,
    kind: RequestKind,
    argument: &str,
    by: &str,
    now_ms: u64,
) -> Result<u64, StoreError> {
    let sql = sql::statements(Dialect::of(database)?);
    let mut link = WriterConnection::of_command(database)?;
    let by = pause::kept(by);
    let number = link
        .transaction("record the request", async |connection| {
            let values = values![kind.as_str(), argument, &by, now_ms];
            let number = pause::numbered(connection, sql, sql.request, values).await?;
            Ok(Outcome::Commit(number))
        })
        .await?;
    Ok(number.expect("it is never abandoned"))
}

/// Answers a request to forget a conductor; removes it if `forget`.
pub async fn answer_forget(
    unit: &mut Fenced<'_>,
    request: &Request,
    forget: bool,
    result: &str,
    now_ms: u64,
) -> Result<(), sqlx::Error> {
    if forget {
        let values = values![&request.argument];
        unit.connection.execute(unit.sql.forget, values).await?;
        let forgotten = unit.sql.forget_unheeded;
        unit.connection.execute(forgotten, values).await?;
    }
    let values = values![now_ms, result, request.number];
    unit.connection.execute(unit.sql.answer, values).await?;
    Ok(())
}
