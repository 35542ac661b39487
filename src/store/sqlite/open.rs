//! Opening the file, creating and checking the tables.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};

use super::super::StoreError;
use super::sql;
use crate::config::Database;

/// How long a statement waits for the file's write lock before it counts as a trouble to retry.
/// Others hold it for milliseconds (a chunk) or, by a user's long transaction, for longer.
const BUSY: Duration = Duration::from_secs(5);

/// Tables from there on, made by this binary or an older one; a newer one is welcome (additive).
static MIGRATIONS: Migrator = sqlx::migrate!("schemas/sql/sqlite");

/// Is told when a writing transaction begins and ends, so that a process that is stuck inside one
/// can be ended (I9).
pub trait TransactionWatch: Send + Sync {
    /// The write lock is this writer's.
    fn entered(&self, writer: Writer);
    /// It is not any more.
    fn left(&self, writer: Writer);
}

/// Who writes: each has a connection of its own, and one at a time has the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The deciding loop.
    Ledger,
    /// The relay, when it records its progress.
    Relay,
}

/// No watch: for commands that end by themselves.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl TransactionWatch for Unwatched {
    fn entered(&self, _writer: Writer) {}
    fn left(&self, _writer: Writer) {}
}

/// A connection that is opened when needed and dropped at any doubt.
pub(super) struct Link {
    options: SqliteConnectOptions,
    open: Option<SqliteConnection>,
    pub(super) watch: Arc<dyn TransactionWatch>,
    writer: Writer,
}

impl Link {
    pub(super) fn new(
        database: &Database,
        watch: Arc<dyn TransactionWatch>,
        writer: Writer,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            options: options(database)?,
            open: None,
            watch,
            writer,
        })
    }

    /// The connection, opened if need be.
    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if self.open.is_none() {
            let connection = SqliteConnection::connect_with(&self.options)
                .await
                .map_err(|fault| StoreError::from_sqlx("open the database", fault))?;
            self.open = Some(connection);
        }
        Ok(self.open.as_mut().expect("opened above"))
    }

    /// Forgets the connection: an open transaction is rolled back by its end.
    pub(super) fn drop_connection(&mut self) {
        if self.open.take().is_some() {
            self.watch.left(self.writer);
        }
    }
}

impl Drop for Link {
    /// Who is dropped in the middle of a transaction (a relay whose session is over) has the lock no
    /// more, and the watchdog must know.
    fn drop(&mut self) {
        self.drop_connection();
    }
}

pub(super) fn options(database: &Database) -> Result<SqliteConnectOptions, StoreError> {
    Ok(named(database)?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full))
}

/// For looking. Sets no journal mode: that writes to a file which has another one.
pub(super) fn read_only(database: &Database) -> Result<SqliteConnectOptions, StoreError> {
    Ok(named(database)?.read_only(true))
}

fn named(database: &Database) -> Result<SqliteConnectOptions, StoreError> {
    let options = SqliteConnectOptions::from_str(database.url.expose()).map_err(|fault| {
        StoreError::Schema(format!("database.url {}: {fault}", database.url.redacted()))
    })?;
    Ok(options.create_if_missing(false).busy_timeout(BUSY))
}

/// Creates or upgrades the tables, and gives the database its stream if it has none.
///
/// # Errors
/// [`StoreError`]; running it again is safe.
pub async fn migrate(database: &Database) -> Result<(), StoreError> {
    let options = options(database)?.create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(|fault| StoreError::from_sqlx("open the database", fault))?;
    let mut migrator = Migrator {
        ..Migrator::DEFAULT
    };
    migrator.migrations = MIGRATIONS.migrations.clone();
    migrator.set_ignore_missing(true);
    migrator.dangerous_set_table_name("nodewarden_migrations");
    // Two replicas that start together on a new file race here; who loses finds the work done.
    let mut tries = 0;
    while let Err(fault) = migrator.run(&mut connection).await {
        tries += 1;
        if tries == 5 {
            return Err(StoreError::Schema(format!(
                "cannot create or upgrade the tables: {fault}"
            )));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let doing = "found the stream";
    for statement in [
        sqlx::query(sql::FOUND).bind(uuid::Uuid::new_v4().to_string()),
        sqlx::query(sql::FOUND_RELAY),
    ] {
        statement
            .execute(&mut connection)
            .await
            .map_err(|fault| StoreError::from_sqlx(doing, fault))?;
    }
    connection
        .close()
        .await
        .map_err(|fault| StoreError::from_sqlx("close the database", fault))
}
