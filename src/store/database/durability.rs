//! Whether a commit that was reported survives a crash of the server or of its host.
//!
//! What is decided is announced once it is committed. Where a crash can take a commit back, the
//! stream goes back too, and gives `seq` numbers again that schedulers have seen already (I4). That is
//! the operators' choice to make, so it is said and nothing more.

use crate::config::Database;
use crate::store::database::connection::Connection;
use crate::store::database::dialect::Dialect;
use crate::store::database::error::StoreError;
use crate::store::database::open::Purpose;

/// SQLite: from FULL on, a commit is on disk
/// (<https://www.sqlite.org/pragma.html#pragma_synchronous>).
const SQLITE_FULL: i64 = 2;

/// What each of PostgreSQL's settings costs when it is off.
const POSTGRES: [(&str, &str); 3] = [
    (
        "fsync",
        "a crash of the server's host can lose commits and leave the database corrupt",
    ),
    (
        "full_page_writes",
        "a crash of the server's host can leave the database corrupt",
    ),
    (
        "synchronous_commit",
        "a crash of the server loses the commits of its last moments",
    ),
];

/// A sentence for each setting with which a crash can lose commits.
pub async fn weak_durability(database: &Database) -> Result<Vec<String>, StoreError> {
    let mut connection = Connection::open(database, Purpose::Write).await?;
    let looked = match connection.dialect() {
        Dialect::Sqlite => sqlite(&mut connection).await,
        Dialect::Postgres => postgres(&mut connection).await,
        Dialect::MySql => mysql(&mut connection).await,
    };
    looked.map_err(|fault| StoreError::from_sqlx("read how durable commits are", fault))
}

/// We set it ourselves on each connection that writes; this says whether it was taken.
async fn sqlite(connection: &mut Connection) -> Result<Vec<String>, sqlx::Error> {
    let row = connection.fetch_one("PRAGMA synchronous", &[]).await?;
    let level = row.int("synchronous")?;
    let weak = format!("PRAGMA synchronous is {level}: a crash of the host can lose commits");
    Ok((level < SQLITE_FULL).then_some(weak).into_iter().collect())
}

/// As they are for our own sessions: a user or a database can have values of its own.
async fn postgres(connection: &mut Connection) -> Result<Vec<String>, sqlx::Error> {
    let mut sentences = Vec::new();
    for (name, cost) in POSTGRES {
        let statement = "SELECT current_setting($1) AS setting";
        let row = connection.fetch_one(statement, &[name.into()]).await?;
        if row.text("setting")? == "off" {
            sentences.push(format!("{name} is off: {cost}"));
        }
    }
    Ok(sentences)
}

async fn mysql(connection: &mut Connection) -> Result<Vec<String>, sqlx::Error> {
    let statement = "SELECT CAST(@@global.innodb_flush_log_at_trx_commit AS SIGNED) AS flush,
        CAST(@@global.sync_binlog AS SIGNED) AS binlog_sync, CAST(@@global.log_bin AS SIGNED) AS binlog";
    let row = connection.fetch_one(statement, &[]).await?;
    let (flush, sync) = (row.int("flush")?, row.int("binlog_sync")?);
    let mut sentences = Vec::new();
    if flush != 1 {
        sentences.push(format!(
            "innodb_flush_log_at_trx_commit is {flush}, not 1: a crash of the server's host loses \
             the commits of its last second"
        ));
    }
    if row.int("binlog")? != 0 && sync != 1 {
        sentences.push(format!(
            "sync_binlog is {sync}, not 1, and the binary log is on: a crash of the server's host \
             can lose commits there that replicas then never see"
        ));
    }
    Ok(sentences)
}
