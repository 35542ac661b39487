//! Import of nodes: looks first, and writes only what differs, some rows in a transaction, so that
//! nothing else that writes waits for long.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::config::Database;
use crate::store::database::connection::{Above, Connection, Value, placeholders, values};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::StoreError;
use crate::store::database::link::{Outcome, WriterConnection};
use crate::store::database::row::Row;
use crate::store::inventory;

/// One node to insert or update; `None` stays as it is, or at the column's default.
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
    /// Nodes that were, and were written because something differed.
    pub updated: u64,
    /// Nodes that were as they are to be; nothing was written.
    pub unchanged: u64,
}

impl std::ops::AddAssign for ImportCount {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
    }
}

/// Rows in one statement; with at most five columns far below every limit for parameters.
const ROWS: usize = 1000;

/// Below that a commit costs more than its rows.
const FEWEST: usize = 50;

/// A transaction aims at half of that at most (L1).
const AIM: Duration = Duration::from_millis(125);

/// One import: a connection, and what was learnt about its speed.
pub struct Importer {
    link: WriterConnection,
    rows: usize,
}

impl Importer {
    /// Looks at the table first.
    /// Errors: [`StoreError`]: it is not ours, or cannot be reached.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        let mut link = WriterConnection::of_command(database)?;
        inventory::refuse_foreign(link.connection().await?).await?;
        Ok(Self { link, rows: ROWS })
    }

    /// How many nodes fit a transaction, as measured.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inserts or updates those of `nodes` that differ from what is there, all or none of them; at
    /// most [`rows`](Self::rows) at once. Never writes `service_state`; deletes nothing.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a transaction took; decides nothing about nodes"
    )]
    pub async fn write(&mut self, nodes: &[NodeUpsert]) -> Result<ImportCount, StoreError> {
        let looked = self.link.look("look at nodes", async |connection| {
            differing(connection, nodes).await
        });
        let (different, count) = looked.await?;
        if different.is_empty() {
            return Ok(count);
        }
        let began = Instant::now();
        let written = self.link.transaction("import nodes", async |connection| {
            // A statement writes one set of columns.
            for same in different.chunk_by(|one, other| shape(one) == shape(other)) {
                upsert(connection, same).await?;
            }
            Ok(Outcome::Commit(()))
        });
        let written = written.await;
        let (took, few) = (began.elapsed(), different.len() < self.rows / 2);
        if written.is_err() || took > AIM {
            self.rows = (self.rows / 2).max(FEWEST);
        } else if took < AIM / 4 && !few {
            self.rows = (self.rows * 2).min(ROWS);
        }
        written.map(|_| count)
    }

    /// How many nodes there are.
    pub async fn known(&mut self) -> Result<u64, StoreError> {
        let counted = self.link.look("count the nodes", async |connection| {
            let statement = "SELECT count(*) AS nodes FROM nodes";
            connection.fetch_one(statement, &[]).await?.uint("nodes")
        });
        counted.await
    }

    /// The next nodes above the uuid `after`, with their names.
    pub async fn above(
        &mut self,
        after: &str,
        most: u32,
    ) -> Result<Vec<(String, Option<String>)>, StoreError> {
        let statement = "SELECT uuid, name FROM nodes WHERE uuid > $1 ORDER BY uuid LIMIT $2";
        let looked = self.link.look("look at nodes", async |connection| {
            let rows = connection
                .fetch(statement, values![Above(after), most])
                .await?;
            let named = rows
                .iter()
                .map(|row| Ok((row.text("uuid")?, row.maybe_text("name")?)));
            named.collect()
        });
        looked.await
    }
}

/// Imports all `nodes`; `progress` is told how many are done.
/// Errors: [`StoreError`]; what was done is there, and doing it again is safe.
pub async fn import(
    database: &Database,
    nodes: &[NodeUpsert],
    mut progress: impl FnMut(u64),
) -> Result<ImportCount, StoreError> {
    let mut importer = Importer::open(database).await?;
    let mut count = ImportCount::default();
    let mut rest = nodes;
    while !rest.is_empty() {
        let (some, more) = rest.split_at(importer.rows().min(rest.len()));
        count += importer.write(some).await?;
        rest = more;
        progress((nodes.len() - rest.len()) as u64);
    }
    Ok(count)
}

/// Those that are not there as they are to be, by the columns that are to be written.
async fn differing<'n>(
    connection: &mut Connection,
    nodes: &'n [NodeUpsert],
) -> Result<(Vec<&'n NodeUpsert>, ImportCount), sqlx::Error> {
    let known = known(connection, nodes).await?;
    let mut count = ImportCount::default();
    let mut different = Vec::new();
    for node in nodes {
        match known.get(&node.uuid) {
            Some(row) if is_so(node, row)? => count.unchanged += 1,
            Some(_) => {
                count.updated += 1;
                different.push(node);
            }
            None => {
                count.added += 1;
                different.push(node);
            }
        }
    }
    different.sort_by_key(|node| shape(node));
    Ok((different, count))
}

/// The rows of these nodes, by their keys.
async fn known(
    connection: &mut Connection,
    nodes: &[NodeUpsert],
) -> Result<HashMap<String, Row>, sqlx::Error> {
    let rows = match side_by_side(connection, nodes).await? {
        Some(rows) => rows,
        None => {
            let values: Vec<Value<'_>> = nodes.iter().map(|node| (&node.uuid).into()).collect();
            let each = each(connection.dialect(), nodes.len());
            connection.fetch(&each, &values).await?
        }
    };
    rows.into_iter()
        .map(|row| Ok((row.text("uuid")?, row)))
        .collect()
}

/// All rows from the first of these nodes to the last; `None` where many others are among them. A file comes
/// in the order of keys, so that a table of the same nodes has them side by side. PostgreSQL reads such a range
/// whole before it ends at the limit.
async fn side_by_side(
    connection: &mut Connection,
    nodes: &[NodeUpsert],
) -> Result<Option<Vec<Row>>, sqlx::Error> {
    let uuids = || nodes.iter().map(|node| node.uuid.as_str());
    let (Some(first), Some(last)) = (uuids().min(), uuids().max()) else {
        return Ok(Some(Vec::new()));
    };
    if connection.dialect() == Dialect::Postgres {
        return Ok(None);
    }
    let most = nodes.len() * 2;
    let statement = format!(
        "SELECT {COLUMNS} FROM nodes WHERE uuid >= $1 AND uuid <= $2 ORDER BY uuid LIMIT $3"
    );
    let values = values![first, last, most as u64];
    let rows = connection.fetch(&statement, values).await?;
    Ok((rows.len() < most).then_some(rows))
}

const COLUMNS: &str = "uuid, name, driver, conductor_group, maintenance";

/// So many nodes, each looked up.
fn each(dialect: Dialect, nodes: usize) -> String {
    match dialect {
        // One look-up for each: for a list of them, a table that was filled just now is read whole.
        Dialect::Postgres => format!(
            "SELECT n.* FROM (VALUES {}) AS k (uuid) CROSS JOIN LATERAL
                (SELECT {COLUMNS} FROM nodes WHERE uuid = k.uuid COLLATE \"C\" LIMIT 1) AS n",
            placeholders(nodes, 1)
        ),
        Dialect::Sqlite | Dialect::MySql => format!(
            "SELECT {COLUMNS} FROM nodes WHERE uuid IN {}",
            placeholders(1, nodes)
        ),
    }
}

/// Whether the row has all that the node says.
fn is_so(node: &NodeUpsert, row: &Row) -> Result<bool, sqlx::Error> {
    let has = |column, said: Option<&str>| {
        let text = row.maybe_text(column)?;
        Ok::<_, sqlx::Error>(text.as_deref() == said)
    };
    Ok(has("driver", Some(&node.driver))?
        && match &node.name {
            Some(name) => has("name", name.as_deref())?,
            None => true,
        }
        && match &node.conductor_group {
            Some(group) => has("conductor_group", Some(group))?,
            None => true,
        }
        && (node.maintenance.is_none() || row.maybe_flag("maintenance")? == node.maintenance))
}

fn shape(node: &NodeUpsert) -> (bool, bool, bool) {
    (
        node.name.is_some(),
        node.conductor_group.is_some(),
        node.maintenance.is_some(),
    )
}

async fn upsert(connection: &mut Connection, nodes: &[&NodeUpsert]) -> Result<(), sqlx::Error> {
    let (name, group, maintenance) = shape(nodes[0]);
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
