//! Creating and upgrading the tables. Additive: a newer schema is welcome to an older binary.

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::migrate::{Migration, Migrator};

use super::connection::{Connection, values};
use super::dialect::Dialect;
use super::open::Purpose;
use super::{StoreError, sql};
use crate::config::{Database, InventoryKind};

static SQLITE: Migrator = sqlx::migrate!("schemas/sql/sqlite");
static SQLITE_IRONIC: Migrator = sqlx::migrate!("schemas/sql/sqlite/ironic");
static POSTGRES: Migrator = sqlx::migrate!("schemas/sql/postgres");
static POSTGRES_NATIVE: Migrator = sqlx::migrate!("schemas/sql/postgres/native");
static MYSQL: Migrator = sqlx::migrate!("schemas/sql/mysql");
static MYSQL_NATIVE: Migrator = sqlx::migrate!("schemas/sql/mysql/native");

/// Creates or upgrades the tables, and gives the database its stream if it has none. With an
/// Ironic's database only tables of our own are made.
///
/// # Errors
/// [`StoreError`]; running it again is safe.
pub async fn migrate(database: &Database, kind: InventoryKind) -> Result<(), StoreError> {
    let dialect = Dialect::of(database)?;
    let mut connection = Connection::open(database, Purpose::Migrate).await?;
    let migrator = migrator(dialect, kind);
    // Two replicas that start together on a new file race here; who loses finds the work done.
    let mut tries = 0;
    loop {
        let outcome = match &mut connection {
            Connection::Sqlite(link) => migrator.run(link).await,
            Connection::Postgres(link) => migrator.run(link).await,
            Connection::MySql(link) => migrator.run(link).await,
        };
        let Err(fault) = outcome else { break };
        tries += 1;
        if tries == 5 {
            return Err(StoreError::Schema(format!(
                "cannot create or upgrade the tables: {fault}"
            )));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let found = async {
        let sql = sql::statements(dialect);
        let stream = uuid::Uuid::new_v4().to_string();
        connection.execute(sql.found, values![&stream]).await?;
        connection.execute(sql.found_relay, &[]).await?;
        match connection {
            Connection::Sqlite(link) => link.close().await,
            Connection::Postgres(link) => link.close().await,
            Connection::MySql(link) => link.close().await,
        }
    };
    found
        .await
        .map_err(|fault| StoreError::from_sqlx("found the stream", fault))
}

/// Our own tables, and the table of nodes where it is ours. The first SQLite schema had both in one
/// file, and what was once applied stays as it is: there an Ironic's database has a set of its own.
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
