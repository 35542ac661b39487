//! On MySQL and MariaDB: waits until no other process migrates this database, and lets a migration that
//! was broken off be made again.
//!
//! Tables cannot be made in a transaction there, so each of those migrations is one statement that does
//! no harm twice. A server's lock is unknown to the other nodes of a Galera cluster, so a row is taken as
//! well: of several that change it at the same time, certification lets one commit.

use std::time::Duration;

use sqlx::migrate::MigrateError;

use crate::store::database::connection::{Connection, values};
use crate::store::database::error::{StoreError, is_made_already};

/// Of the one server. A lock's name has at most 64 characters; MySQL 9 has no sha1() any more. The end
/// of the connection gives it back.
const LOCK: &str = "SELECT CAST(get_lock(concat('nodewarden.', left(sha2(database(), 256), 40)), 60) AS SIGNED) AS got";
const BROKEN_OFF: &str = "DELETE FROM nodewarden_migrations WHERE NOT success";
const IS_DONE: &str = "UPDATE nodewarden_migrations SET success = TRUE WHERE NOT success";

const CLUSTER: &str = "SHOW VARIABLES LIKE 'wsrep_on'";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS nodewarden_migrating
    (id BIGINT PRIMARY KEY NOT NULL, holder VARCHAR(64) NOT NULL, until_s BIGINT NOT NULL) ENGINE = InnoDB";
const ROW: &str = "INSERT IGNORE INTO nodewarden_migrating (id, holder, until_s) VALUES (1, '', 0)";
/// Longer than all migrations of a new database. One that takes longer stalls every node of the cluster,
/// so that nothing overtakes it; one that died holds the others up for that long.
const TAKE: &str = "UPDATE nodewarden_migrating SET holder = $1, until_s = unix_timestamp() + 60
    WHERE id = 1 AND until_s <= unix_timestamp()";
const GIVE: &str = "UPDATE nodewarden_migrating SET until_s = 0 WHERE id = 1 AND holder = $1";

/// How often the row is asked for, and how many times: for longer than one that died keeps it.
const EACH: Duration = Duration::from_millis(500);
const TIMES: u32 = 130;

/// Returns once no other process migrates; `us` is unlike the name of any other process.
pub(super) async fn alone(connection: &mut Connection, us: &str) -> Result<(), StoreError> {
    let waited = wait(connection, us).await;
    waited.map_err(|fault| StoreError::from_sqlx("wait for another migration to end", fault))
}

async fn wait(connection: &mut Connection, us: &str) -> Result<(), sqlx::Error> {
    let row = connection.fetch_one(LOCK, &[]).await?;
    if row.maybe_int("got")? != Some(1) {
        return Err(sqlx::Error::PoolTimedOut);
    }
    if clustered(connection).await? {
        let mut times = 0;
        while !take(connection, us).await? {
            times += 1;
            if times == TIMES {
                return Err(sqlx::Error::PoolTimedOut);
            }
            tokio::time::sleep(EACH).await;
        }
    }
    match connection.execute(BROKEN_OFF, &[]).await {
        Err(sqlx::Error::Database(fault)) if fault.code().as_deref() == Some("42S02") => Ok(()),
        done => done.map(drop),
    }
}

/// After a migration that failed: the note that it began is committed with the first change of a table, and no
/// other try would be made. What it makes may be there, by a process that was killed before it could note that.
pub(super) async fn mend(connection: &mut Connection, fault: &MigrateError) {
    let statement = match is_made_already(fault) {
        true => IS_DONE,
        false => BROKEN_OFF,
    };
    if let Err(fault) = connection.execute(statement, &[]).await {
        tracing::debug!(%fault, "mending the notes of migrations");
    }
}

/// Lets the next one migrate. Where that fails, it waits until ours has run out.
pub(super) async fn done(connection: &mut Connection, us: &str) {
    if let Ok(true) = clustered(connection).await {
        // Another node's migration may come between; once more is enough to spare it the wait.
        for _ in 0..2 {
            if connection.execute(GIVE, values![us]).await.is_ok() {
                return;
            }
        }
    }
}

async fn clustered(connection: &mut Connection) -> Result<bool, sqlx::Error> {
    let row = connection.fetch_first(CLUSTER, &[]).await?;
    Ok(row.is_some_and(|row| row.text("Value").is_ok_and(|value| value == "ON")))
}

async fn take(connection: &mut Connection, us: &str) -> Result<bool, sqlx::Error> {
    let take = async {
        connection.execute(TABLE, &[]).await?;
        connection.execute(ROW, &[]).await?;
        Ok(connection.execute(TAKE, values![us]).await? == 1)
    };
    match take.await {
        // Another node was faster.
        Err(sqlx::Error::Database(fault)) if fault.code().as_deref() == Some("40001") => Ok(false),
        taken => taken,
    }
}
