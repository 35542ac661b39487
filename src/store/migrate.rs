//! Creating and upgrading the tables. Additive: a newer schema is welcome to an older binary.

use std::time::Duration;

use sqlx::migrate::{Migration, Migrator};

use crate::config::{self, Database, InventoryKind};
use crate::store::alone;
use crate::store::database::connection::{Connection, Link, values};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::{StoreError, denied_migration};
use crate::store::database::open::Purpose;
use crate::store::inventory;
use crate::store::trust::Trust;

static SQLITE: Migrator = sqlx::migrate!("schemas/sql/sqlite");
static SQLITE_IRONIC: Migrator = sqlx::migrate!("schemas/sql/sqlite/ironic");
static POSTGRES: Migrator = sqlx::migrate!("schemas/sql/postgres");
static POSTGRES_NATIVE: Migrator = sqlx::migrate!("schemas/sql/postgres/native");
static MYSQL: Migrator = sqlx::migrate!("schemas/sql/mysql");
static MYSQL_NATIVE: Migrator = sqlx::migrate!("schemas/sql/mysql/native");

/// Creates or upgrades the tables, and gives the database the history `stream` (a UUID) if it has
/// none. In an Ironic's database only our own are made. Safe to repeat.
pub async fn migrate(
    database: &Database,
    inventory: impl Into<config::Inventory>,
    stream: &str,
) -> Result<(), StoreError> {
    let (dialect, inventory) = (Dialect::of(database)?, inventory.into());
    let mut connection = Connection::open(database, Purpose::Migrate).await?;
    refuse_encoding(&mut connection).await?;
    // Before anything is made beside the tables of another program.
    match inventory.kind {
        InventoryKind::Native => inventory::refuse_foreign(&mut connection).await?,
        InventoryKind::Ironic => {
            drop(inventory::of(&mut connection, &inventory, Trust::Revision).await?)
        }
    }
    if dialect == Dialect::MySql {
        alone::alone(&mut connection, stream).await?;
    }
    let upgraded = upgrade(&mut connection, inventory.kind, stream).await;
    if dialect == Dialect::MySql {
        alone::done(&mut connection, stream).await;
    }
    upgraded?;
    let closed = connection.close().await;
    closed.map_err(|fault| StoreError::from_sqlx("found the stream", fault))
}

async fn upgrade(
    connection: &mut Connection,
    kind: InventoryKind,
    stream: &str,
) -> Result<(), StoreError> {
    let dialect = connection.dialect();
    let migrator = migrator(dialect, kind);
    // Two replicas that start together on a new file race here; the loser finds the work done.
    let mut tries = 0;
    loop {
        let outcome = match &mut connection.link {
            Link::Sqlite(link) => migrator.run(link).await,
            Link::Postgres(link) => migrator.run(link).await,
            Link::MySql(link) => migrator.run(link).await,
        };
        let Err(fault) = outcome else { break };
        tries += 1;
        if let Some(denied) = denied_migration(&fault) {
            return Err(denied);
        }
        if tries == 5 {
            return Err(StoreError::migrating(fault));
        }
        if dialect == Dialect::MySql {
            alone::mend(connection, &fault).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let sql = connection.sql();
    let found = async {
        let stream = values![stream];
        connection.execute(sql.create_stream, stream).await?;
        connection.execute(sql.create_relay, &[]).await.map(drop)
    };
    let found = found.await;
    found.map_err(|fault| StoreError::from_sqlx("found the stream", fault))
}

/// PostgreSQL's other encodings than UTF8 cannot hold every name: such an event would fail, and all
/// behind it wait. (MySQL: our columns have their own character set; SQLite: Unicode alone.)
async fn refuse_encoding(connection: &mut Connection) -> Result<(), StoreError> {
    const LOOK: &str = "SELECT current_setting('server_encoding') AS encoding";
    if connection.dialect() != Dialect::Postgres {
        return Ok(());
    }
    let row = connection.fetch_one(LOOK, &[]).await;
    let encoding = row.and_then(|row| row.text("encoding"));
    let encoding =
        encoding.map_err(|fault| StoreError::from_sqlx("read the database's encoding", fault))?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(StoreError::Schema(format!(
        "the database's encoding is {encoding}, which cannot hold every name: make one with \
         CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and move the tables there with pg_dump and psql"
    )))
}

/// Before a replica starts: upgrades an SQLite file, which one host has; a server's tables are the
/// operator's and only looked at. [`StoreError::Schema`] says what to do.
pub async fn prepare(
    database: &Database,
    inventory: impl Into<config::Inventory>,
    stream: &str,
) -> Result<(), StoreError> {
    let (dialect, inventory) = (Dialect::of(database)?, inventory.into());
    if dialect == Dialect::Sqlite {
        return migrate(database, inventory, stream).await;
    }
    let mut connection = Connection::open(database, Purpose::Look).await?;
    refuse_encoding(&mut connection).await?;
    let filled = are_filled(&mut connection).await;
    if !filled.map_err(|fault| StoreError::from_sqlx("check the schema", fault))? {
        return Err(StoreError::empty());
    }
    inventory::of(&mut connection, &inventory, Trust::Revision).await?;
    Ok(())
}

/// Whether our tables have their first rows; fails where one or a column of it is missing.
pub(super) async fn are_filled(connection: &mut Connection) -> Result<bool, sqlx::Error> {
    let sql = connection.sql();
    for statement in sql.schema {
        connection.execute(statement, &[]).await?;
    }
    Ok(connection.fetch_first(sql.stream, &[]).await?.is_some())
}

/// Our tables, and `nodes` where it is ours. SQLite's first schema had both in one file, so an
/// Ironic's database has a set of its own there.
fn migrator(dialect: Dialect, kind: InventoryKind) -> Migrator {
    let native = kind == InventoryKind::Native;
    let sets: &[&Migrator] = match (dialect, native) {
        (Dialect::Sqlite, true) => &[&SQLITE],
        (Dialect::Sqlite, false) => &[&SQLITE_IRONIC],
        (Dialect::Postgres, true) => &[&POSTGRES, &POSTGRES_NATIVE],
        (Dialect::Postgres, false) => &[&POSTGRES],
        (Dialect::MySql, true) => &[&MYSQL, &MYSQL_NATIVE],
        (Dialect::MySql, false) => &[&MYSQL],
    };
    let migrations: Vec<Migration> = sets
        .iter()
        .flat_map(|set| set.migrations.iter().cloned())
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.set_ignore_missing(true);
    migrator.dangerous_set_table_name("nodewarden_migrations");
    migrator
}
