//! Opening a connection, and how long anything on it may take. Servers end what is idle inside a
//! transaction and wait for locks for seconds only: a frozen owner must not keep its successor
//! waiting.

use std::str::FromStr;
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, MySqlConnection, PgConnection, SqliteConnection};

use crate::config::{Database, SecretUrl};
use crate::store::database::connection::{Connection, Link, timed_out};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::StoreError;
use crate::store::database::lock::BUSY;

/// How soon a file that others are opening is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// SQLite's page cache in KiB. A window of random uuids touches pages all over; 2 MB would thrash. With this, a
/// replica with a million held nodes takes 91 MiB, and no longer for a mass loss than with twice as much.
const CACHE: &str = "-16384";

/// The same for the relay, which reads in order.
pub const SMALL_CACHE: &str = "PRAGMA cache_size = -2048";

/// Pages in SQLite's log before a checkpoint (40 MB); 1,000 would stop every window of a mass loss.
const CHECKPOINT: &str = "10000";

/// How long dialling a server, and its handshake, may take.
const DIAL: Duration = Duration::from_secs(10);

/// The same for one of several hosts: after ten seconds a replica without a database leaves the
/// line.
const DIAL_OF_SEVERAL: Duration = Duration::from_secs(3);

/// PostgreSQL, in milliseconds. No generic plans: over never analysed tables one reads all rows.
const POSTGRES: [(&str, &str); 7] = [
    ("statement_timeout", "30000"),
    ("lock_timeout", "3000"),
    ("idle_in_transaction_session_timeout", "5000"),
    ("tcp_user_timeout", "10000"),
    ("plan_cache_mode", "force_custom_plan"),
    // It compiles for a second what then runs for a tenth of a millisecond.
    ("jit", "off"),
    // Joins go as they are written: without statistics it would begin with what it takes for one row.
    ("join_collapse_limit", "1"),
];

/// What statements of ours are written for, whatever ALTER ROLE or ALTER DATABASE say for others. (The
/// library says the encoding and the style of dates.)
const POSTGRES_RELIED_ON: [(&str, &str); 7] = [
    ("TimeZone", "UTC"),
    ("standard_conforming_strings", "on"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_deferrable", "off"),
    ("transform_null_equals", "off"),
    ("bytea_output", "hex"),
    ("statement_timeout", "0"),
];

/// What statements of ours are written for, whatever the server's defaults are for others: without
/// autocommit a single statement is never committed, and a COMMIT that chains begins a transaction.
/// (The library says the character set and the time zone.)
const MYSQL_RELIED_ON: &str = "SET SESSION autocommit = 1, SESSION completion_type = 0, SESSION sql_safe_updates = 0,
    SESSION sql_select_limit = DEFAULT, SESSION sql_auto_is_null = 0, SESSION default_storage_engine = InnoDB,
    SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,PIPES_AS_CONCAT'";

/// MySQL and MariaDB, in seconds. We drop an idle connection first (`link.rs`); one that is idle
/// inside a transaction belongs to a frozen process.
const MYSQL: &str = "SET SESSION innodb_lock_wait_timeout = 3, SESSION wait_timeout = 20;
    SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
const MYSQL_LOOK: &str = "SET SESSION innodb_lock_wait_timeout = 3, SESSION wait_timeout = 20;
    SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";
/// In seconds. While a change of a table waits for a session that has used the table and has not ended its
/// transaction, every other statement on that table waits behind it.
const MYSQL_MIGRATE: &str = "SET SESSION lock_wait_timeout = 3";
/// Only MariaDB knows these; MySQL answers with an error. What a window asks about each of its rows
/// (`EXISTS`) is looked up; MariaDB would gather the answers for all rows of the other table first.
const MARIADB: &str =
    "SET SESSION idle_write_transaction_timeout = 5, SESSION max_statement_time = 30,
     SESSION optimizer_switch = 'exists_to_in=off'";

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Write,
    /// Looking at several things that must fit together.
    Look,
    /// Making the tables: a file that is missing is created, and nothing is ended early.
    Migrate,
}

impl Connection {
    pub async fn open(database: &Database, purpose: Purpose) -> Result<Self, StoreError> {
        let hosts = database.url.hosts();
        if hosts.len() > 1 {
            return first_writable(database, hosts, purpose).await;
        }
        Self::open_one(database, purpose, DIAL).await
    }

    async fn open_one(
        database: &Database,
        purpose: Purpose,
        limit: Duration,
    ) -> Result<Self, StoreError> {
        let opening = async {
            match Dialect::of(database)? {
                Dialect::Sqlite => sqlite(database, purpose).await,
                Dialect::Postgres => postgres(database, purpose).await,
                Dialect::MySql => mysql(database, purpose).await,
            }
        };
        let opened = tokio::time::timeout(limit, opening).await;
        let slow = |_| StoreError::opening(timed_out(format!("no answer for {limit:?}")));
        opened.map_err(slow).flatten()
    }

    /// Whether this server takes writes. (A Galera node that is not ready answers with an error.)
    async fn is_writable(&mut self) -> Result<bool, sqlx::Error> {
        let statement = match self.dialect() {
            Dialect::Sqlite => return Ok(true),
            Dialect::Postgres => {
                "SELECT CAST(CASE WHEN pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'
                    THEN 1 ELSE 0 END AS BIGINT) AS refuses"
            }
            Dialect::MySql => "SELECT CAST(@@read_only AS SIGNED) AS refuses",
        };
        let row = self.fetch_one(statement, &[]).await?;
        Ok(row.int("refuses")? == 0)
    }
}

/// The first of several hosts that takes writes; what a standby shows is a past.
async fn first_writable(
    database: &Database,
    hosts: Vec<SecretUrl>,
    purpose: Purpose,
) -> Result<Connection, StoreError> {
    let mut refused = Vec::with_capacity(hosts.len());
    for url in hosts {
        let host = Database {
            url,
            ..database.clone()
        };
        let why = match writable(&host, purpose).await {
            Ok(Some(connection)) => return Ok(connection),
            Ok(None) => "it takes no writes: a standby".to_owned(),
            Err(fault @ StoreError::Url(_)) => return Err(fault),
            Err(fault) => fault.to_string(),
        };
        refused.push(format!("{}: {why}", host.url.redacted()));
    }
    let all = std::io::Error::other(format!("no host can be used: {}", refused.join("; ")));
    Err(StoreError::Unopened(sqlx::Error::Io(all)))
}

async fn writable(host: &Database, purpose: Purpose) -> Result<Option<Connection>, StoreError> {
    let mut connection = Connection::open_one(host, purpose, DIAL_OF_SEVERAL).await?;
    let looking = connection.is_writable();
    let writable = match tokio::time::timeout(DIAL_OF_SEVERAL, looking).await {
        Ok(writable) => writable.map_err(StoreError::opening)?,
        Err(_) => return Ok(None),
    };
    Ok(writable.then_some(connection))
}

async fn sqlite(database: &Database, purpose: Purpose) -> Result<Connection, StoreError> {
    let options = SqliteConnectOptions::from_str(database.url.expose())
        .map_err(|fault| bad_url(database, &fault))?
        .busy_timeout(BUSY)
        .disable_statement_logging()
        .create_if_missing(purpose == Purpose::Migrate);
    let options = match purpose {
        // Sets no journal mode: that writes to a file which has another one.
        Purpose::Look => options.read_only(true),
        Purpose::Write | Purpose::Migrate => options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", CACHE)
            .pragma("wal_autocheckpoint", CHECKPOINT),
    };
    // On a new file, the change to this journal mode meets others that open it, and SQLite does not wait
    // for them: the time of BUSY is spent here instead.
    let mut waited = Duration::ZERO;
    loop {
        match SqliteConnection::connect_with(&options).await {
            Ok(connection) => return Ok(Link::Sqlite(connection).into()),
            Err(sqlx::Error::Database(fault))
                if fault.code().as_deref() == Some("5") && waited < BUSY =>
            {
                tokio::time::sleep(AGAIN).await;
                waited += AGAIN;
            }
            Err(fault) => return Err(StoreError::opening(fault)),
        }
    }
}

async fn postgres(database: &Database, purpose: Purpose) -> Result<Connection, StoreError> {
    let mut options = PgConnectOptions::from_str(database.url.expose())
        .map_err(|fault| bad_url(database, &fault))?;
    if let Some(address) = database.url.ipv6_host() {
        options = options.host(address);
    }
    let options = options
        .application_name("nodewarden")
        .options(POSTGRES_RELIED_ON)
        .disable_statement_logging();
    let options = match purpose {
        Purpose::Look => options.options(POSTGRES),
        Purpose::Write => {
            let limit = statement_limit(database).as_millis().to_string();
            options
                .options(POSTGRES)
                .options([("statement_timeout", &limit)])
        }
        Purpose::Migrate => options.options([
            ("lock_timeout", "10000"),
            ("idle_in_transaction_session_timeout", "0"),
        ]),
    };
    let link = PgConnection::connect_with(&options).await;
    Ok(Link::Postgres(link.map_err(StoreError::opening)?).into())
}

/// What a transaction gives up must not hold locks at the server for much longer.
fn statement_limit(database: &Database) -> Duration {
    let limit = database.transaction_limit * 2 / 3;
    limit.min(Duration::from_secs(30))
}

async fn mysql(database: &Database, purpose: Purpose) -> Result<Connection, StoreError> {
    let url = database.url.expose();
    // The same server under its other name.
    let url = url
        .strip_prefix("mariadb://")
        .map_or_else(|| url.to_owned(), |rest| format!("mysql://{rest}"));
    let mut options = MySqlConnectOptions::from_str(&url)
        .map_err(|fault| bad_url(database, &fault))?
        .disable_statement_logging();
    if let Some(address) = database.url.ipv6_host() {
        options = options.host(address);
    }
    let opened = open_mysql(database, options, purpose).await;
    opened.map_err(StoreError::opening)
}

async fn open_mysql(
    database: &Database,
    options: MySqlConnectOptions,
    purpose: Purpose,
) -> Result<Connection, sqlx::Error> {
    let link = MySqlConnection::connect_with(&options).await?;
    let mut connection = Connection::from(Link::MySql(link));
    connection.command(MYSQL_RELIED_ON).await?;
    let settings = match purpose {
        Purpose::Write => MYSQL,
        Purpose::Look => MYSQL_LOOK,
        Purpose::Migrate => MYSQL_MIGRATE,
    };
    connection.command(settings).await?;
    if purpose != Purpose::Migrate && connection.is_mariadb().await? {
        connection.command(MARIADB).await?;
        if purpose == Purpose::Write {
            let limit = statement_limit(database).as_secs_f64();
            let limit = format!("SET SESSION max_statement_time = {limit:.3}");
            connection.execute(&limit, &[]).await?;
        }
    }
    Ok(connection)
}

impl Connection {
    async fn is_mariadb(&mut self) -> Result<bool, sqlx::Error> {
        let version = self.fetch_one("SELECT version() AS version", &[]).await?;
        Ok(version.text("version")?.contains("MariaDB"))
    }
}

fn bad_url(database: &Database, fault: &sqlx::Error) -> StoreError {
    // The library says the kind of its fault once for each layer.
    let said = fault.to_string().replace("error with configuration: ", "");
    StoreError::Url(format!(
        "{}: {said}; in user and password, percent-encode what is no letter or digit",
        database.url.redacted()
    ))
}
