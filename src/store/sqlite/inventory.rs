//! Import of nodes: all of a file or nothing, many rows in a statement.

use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection};

use super::super::{ImportCount, NodeUpsert, StoreError};
use super::ledger::begin;
use super::open::options;
use super::{sql, uint};
use crate::config::Database;

/// Rows in one statement; with at most five columns far below SQLite's 32,766 parameters.
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
    let mut connection = SqliteConnection::connect_with(&options(database)?)
        .await
        .map_err(|fault| StoreError::from_sqlx("open the database", fault))?;
    let work = async {
        let mut tx = begin(&mut connection).await?;
        let mut count = ImportCount::default();
        let mut done = 0;
        // A statement writes one set of columns, so it takes a run of rows of the same shape.
        for same in nodes.chunk_by(|one, other| shape(one) == shape(other)) {
            for some in same.chunks(ROWS) {
                let known = known(&mut tx, some).await?;
                count.updated += known;
                count.added += some.len() as u64 - known;
                upsert(&mut tx, some).await?;
                done += some.len() as u64;
                progress(done);
            }
        }
        tx.commit().await?;
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

async fn known(
    connection: &mut SqliteConnection,
    nodes: &[NodeUpsert],
) -> Result<u64, sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new(sql::UPSERT_COUNT_KNOWN);
    let mut list = query.separated(", ");
    for node in nodes {
        list.push_bind(&node.uuid);
    }
    list.push_unseparated(")");
    let known: i64 = query.build_query_scalar().fetch_one(connection).await?;
    Ok(uint(known))
}

async fn upsert(
    connection: &mut SqliteConnection,
    nodes: &[NodeUpsert],
) -> Result<(), sqlx::Error> {
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
    let mut query = QueryBuilder::<Sqlite>::new(sql::UPSERT);
    query.push(format!("(uuid, {}) ", written.join(", ")));
    query.push_values(nodes, |mut row, node| {
        row.push_bind(&node.uuid);
        if let Some(name) = &node.name {
            row.push_bind(name);
        }
        row.push_bind(&node.driver);
        if let Some(group) = &node.conductor_group {
            row.push_bind(group);
        }
        if let Some(maintenance) = node.maintenance {
            row.push_bind(maintenance);
        }
    });
    let over: Vec<String> = written
        .iter()
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    query.push(format!(
        " ON CONFLICT (uuid) DO UPDATE SET {}",
        over.join(", ")
    ));
    query.build().execute(connection).await?;
    Ok(())
}
