//! Import of nodes: all of a file or nothing, many rows in a statement.

use crate::config::Database;
use crate::store::database::connection::{Connection, Value, placeholders};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::StoreError;
use crate::store::database::lock::BUSY_COMMAND;
use crate::store::database::open::Purpose;
use crate::store::inventory;
use crate::store::sql;

/// One node to insert or to bring up to date. What is `None` stays as it is (or at the column's
/// default, for a new node).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeUpsert {
    /// Its key.
    pub uuid: String,
    /// Its name; `Some(None)`: it has none.
    pub name: Option<Option<String>>,
    /// Its driver.
    pub driver: String,
    /// Its conductor group.
    pub conductor_group: Option<String>,
    /// The operators' own mark.
    pub maintenance: Option<bool>,
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportCount {
    /// Nodes that were not there before.
    pub added: u64,
    /// Nodes that were.
    pub updated: u64,
}

/// Rows in one statement; with at most five columns far below every limit for parameters.
const ROWS: usize = 1000;

/// Inserts or updates all `nodes` in one transaction; `progress` is told how many are written.
///
/// Never writes `service_state`; deletes nothing.
///
/// # Errors
/// [`StoreError`]; nothing is imported then.
pub async fn import(
    database: &Database,
    nodes: &[NodeUpsert],
    mut progress: impl FnMut(u64),
) -> Result<ImportCount, StoreError> {
    let begin = sql::statements(Dialect::of(database)?).begin;
    let mut connection = Connection::open(database, Purpose::Write).await?;
    inventory::refuse_foreign(&mut connection).await?;
    let work = async {
        connection.begin(begin, BUSY_COMMAND).await?;
        let mut count = ImportCount::default();
        let mut done = 0;
        // A statement writes one set of columns, so it takes a run of rows of the same shape.
        for same in nodes.chunk_by(|one, other| shape(one) == shape(other)) {
            for some in same.chunks(ROWS) {
                let known = known(&mut connection, some).await?;
                count.updated += known;
                count.added += some.len() as u64 - known;
                upsert(&mut connection, some).await?;
                done += some.len() as u64;
                progress(done);
            }
        }
        connection.command("COMMIT").await?;
        Ok(count)
    };
    work.await
        .map_err(|fault| StoreError::from_sqlx("import nodes", fault))
}

fn shape(node: &NodeUpsert) -> (bool, bool, bool) {
    (
        node.name.is_some(),
        node.conductor_group.is_some(),
        node.maintenance.is_some(),
    )
}

async fn known(connection: &mut Connection, nodes: &[NodeUpsert]) -> Result<u64, sqlx::Error> {
    let statement = format!(
        "SELECT count(*) AS nodes FROM nodes WHERE uuid IN {}",
        placeholders(1, nodes.len())
    );
    let uuids: Vec<Value<'_>> = nodes.iter().map(|node| (&node.uuid).into()).collect();
    connection
        .fetch_one(&statement, &uuids)
        .await?
        .uint("nodes")
}

async fn upsert(connection: &mut Connection, nodes: &[NodeUpsert]) -> Result<(), sqlx::Error> {
    let (name, group, maintenance) = shape(&nodes[0]);
    let written: Vec<&str> = [
        (name, "name"),
        (true, "driver"),
        (group, "conductor_group"),
        (maintenance, "maintenance"),
    ]
    .into_iter()
    .filter_map(|(present, column)| present.then_some(column))
    .collect();
    let mut values: Vec<Value<'_>> = Vec::new();
    for node in nodes {
        values.push((&node.uuid).into());
        values.extend(node.name.as_ref().map(|name| Value::from(name.as_deref())));
        values.push((&node.driver).into());
        values.extend(node.conductor_group.as_ref().map(Value::from));
        values.extend(node.maintenance.map(Value::from));
    }
    let statement = format!(
        "INSERT INTO nodes (uuid, {}) VALUES {} {}",
        written.join(", "),
        placeholders(nodes.len(), written.len() + 1),
        over(connection.dialect(), &written),
    );
    connection.execute(&statement, &values).await?;
    Ok(())
}

/// What becomes of a row that is there already.
fn over(dialect: Dialect, written: &[&str]) -> String {
    let set = |new: fn(&str) -> String| {
        let columns: Vec<String> = written
            .iter()
            .map(|column| format!("{column} = {}", new(column)))
            .collect();
        columns.join(", ")
    };
    match dialect {
        Dialect::Sqlite | Dialect::Postgres => format!(
            "ON CONFLICT (uuid) DO UPDATE SET {}",
            set(|column| format!("excluded.{column}"))
        ),
        Dialect::MySql => format!(
            "ON DUPLICATE KEY UPDATE {}",
            set(|column| format!("VALUES({column})"))
        ),
    }
}
