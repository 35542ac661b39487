//! Taking the next epoch; in a database that lost commits, in a new stream.

use crate::config::Mode;
use crate::domain::committed::Committed;
use crate::store::database::connection::values;
use crate::store::database::error::StoreError;
use crate::store::database::link::{Outcome, WriterConnection};
use crate::store::known::Known;
use crate::store::records::Takeover;
use crate::store::write::{lost, memory};

/// In one transaction, with the memory as of then.
pub async fn take(
    link: &mut WriterConnection,
    knowing: &Known,
    holder: &str,
    mode: Mode,
    now_ms: u64,
) -> Result<Takeover, StoreError> {
    let sql = link.statements;
    let known = knowing.furthest();
    let follows = knowing.follows();
    let taken = link
        .transaction("take the epoch", async |connection| {
            let values = values![holder, now_ms, mode.as_str()];
            connection.execute(sql.take_epoch, values).await?;
            let mut taken = lost::committed(&connection.fetch_one(sql.counters, &[]).await?)?;
            let before = Committed {
                epoch: taken.epoch.saturating_sub(1),
                commits: taken.commits.saturating_sub(1),
                ..taken.clone()
            };
            if (follows.as_ref()).is_some_and(|one| !one.is_in_the_epoch_of(&before)) {
                return Ok(Outcome::RollBack);
            }
            if let Some(loss) = lost::lost(connection, sql, known, before).await? {
                lost::begin_stream(connection, sql, knowing, &loss, Some(now_ms)).await?;
                connection.execute(sql.take_epoch, values).await?;
                taken = lost::committed(&connection.fetch_one(sql.counters, &[]).await?)?;
            }
            let began = lost::began(connection, sql, &taken.stream).await?;
            let memory = memory::read(connection, sql).await?;
            Ok(Outcome::Commit((taken, began, memory)))
        })
        .await?;
    let Some((taken, began, memory)) = taken else {
        return Err(StoreError::Fenced(follows.map_or(0, |one| one.epoch)));
    };
    knowing.seen(taken.clone());
    Ok(Takeover {
        stream: taken.stream,
        epoch: taken.epoch,
        memory: memory?,
        began,
    })
}

/// Fails unless all tables are there, with their first rows.
pub async fn check_schema(link: &mut WriterConnection) -> Result<(), StoreError> {
    let sql = link.statements;
    let stream = link
        .look("check the schema", async |connection| {
            for statement in sql.schema {
                connection.execute(statement, &[]).await?;
            }
            connection.fetch_first(sql.stream, &[]).await
        })
        .await?;
    match stream {
        Some(_) => Ok(()),
        None => Err(StoreError::Schema(
            "the tables are empty: run `nodewarden migrate`".to_owned(),
        )),
    }
}
