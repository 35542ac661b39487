//! Looking at the file: read-only connections, each answer from one read transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::sqlite::{SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{Connection, Row, Sqlite, SqliteConnection, Transaction};

use super::super::{
    ConductorView, DecisionView, DriverView, NodeFacts, Overview, PairFacts, RequestView,
    SnapshotPage, StoreError,
};
use super::open::read_only;
use super::views::{conductor, decision, hold};
use super::{int, sql, uint};
use crate::config::Database;

/// Looks at once at the most: enough for a scheduler's snapshot beside metrics and a person.
const CONNECTIONS: u32 = 4;

/// How long to wait for one of them.
const PATIENCE: Duration = Duration::from_secs(5);

/// See [`super::super::Reader`].
#[derive(Clone)]
pub struct SqliteReader {
    pool: SqlitePool,
}

/// Every pair with what is recorded about it, keyed by group and driver.
type Pairs = BTreeMap<(String, String), DriverView>;

impl SqliteReader {
    pub(in crate::store) fn new(database: &Database) -> Result<Self, StoreError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(read_only(database)?);
        Ok(Self { pool })
    }

    async fn read<T>(
        &self,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Transaction<'_, Sqlite>) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let outcome = async {
            let mut connection = self.pool.acquire().await?;
            let mut tx = connection.begin().await?;
            let value = work(&mut tx).await?;
            tx.rollback().await?;
            Ok(value)
        }
        .await;
        outcome.map_err(|fault| StoreError::from_sqlx(doing, fault))
    }

    pub(in crate::store) async fn overview(&self) -> Result<Overview, StoreError> {
        self.read("read where the database stands", async |tx| {
            overview(tx).await
        })
        .await
    }

    pub(in crate::store) async fn snapshot(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<SnapshotPage, StoreError> {
        self.read("read a snapshot", async |tx| {
            let position = sqlx::query(sql::POSITION).fetch_one(&mut **tx).await?;
            let rows = sqlx::query(sql::SNAPSHOT)
                .bind(after)
                .bind(limit)
                .fetch_all(&mut **tx)
                .await?;
            let nodes = rows.iter().map(hold).collect::<Result<Vec<_>, _>>()?;
            let next = nodes
                .last()
                .filter(|_| nodes.len() == usize::try_from(limit).unwrap_or(usize::MAX))
                .map(|last| last.uuid.clone());
            Ok(SnapshotPage {
                stream: position.try_get("stream")?,
                epoch: uint(position.try_get("epoch")?),
                seq: uint(position.try_get("seq")?),
                nodes,
                next,
            })
        })
        .await
    }

    pub(in crate::store) async fn drivers(&self) -> Result<Vec<DriverView>, StoreError> {
        self.read("read the drivers", async |tx| {
            Ok(pairs(tx).await?.into_values().collect())
        })
        .await
    }

    pub(in crate::store) async fn conductors(&self) -> Result<Vec<ConductorView>, StoreError> {
        self.read("read the conductors", async |tx| conductors(tx).await)
            .await
    }

    pub(in crate::store) async fn decisions(
        &self,
        limit: u32,
    ) -> Result<Vec<DecisionView>, StoreError> {
        self.read("read the decisions", async |tx| {
            let rows = sqlx::query(sql::SEE_DECISIONS)
                .bind(limit)
                .fetch_all(&mut **tx)
                .await?;
            rows.iter().map(decision).collect()
        })
        .await
    }

    pub(in crate::store) async fn node(
        &self,
        uuid_or_name: &str,
    ) -> Result<Option<NodeFacts>, StoreError> {
        self.read("read a node", async |tx| node(tx, uuid_or_name).await)
            .await
    }

    pub(in crate::store) async fn request(&self, number: u64) -> Result<RequestView, StoreError> {
        self.read("read a request", async |tx| {
            let row = sqlx::query(sql::SEE_REQUEST)
                .bind(int(number))
                .fetch_optional(&mut **tx)
                .await?;
            let result = row.map(|row| row.try_get("result")).transpose()?.flatten();
            Ok(RequestView { result })
        })
        .await
    }
}

async fn overview(connection: &mut SqliteConnection) -> Result<Overview, sqlx::Error> {
    let position = sqlx::query(sql::POSITION)
        .fetch_one(&mut *connection)
        .await?;
    let outbox = sqlx::query(sql::OUTBOX).fetch_one(&mut *connection).await?;
    let (nodes, held): (i64, i64) = sqlx::query_as(sql::COUNT_NODES_ALL)
        .fetch_one(connection)
        .await?;
    let maybe = |row: &SqliteRow, column: &str| {
        row.try_get::<Option<i64>, _>(column)
            .map(|value| value.map(uint))
    };
    Ok(Overview {
        stream: position.try_get("stream")?,
        epoch: uint(position.try_get("epoch")?),
        seq: uint(position.try_get("seq")?),
        holder: position.try_get("holder")?,
        taken_at_ms: maybe(&position, "taken_at_ms")?,
        committed_at_ms: maybe(&position, "committed_at_ms")?,
        last_announcement: uint(position.try_get("last_announcement")?),
        announced: uint(outbox.try_get("announced")?),
        outbox_oldest_ms: maybe(&outbox, "oldest_ms")?,
        nodes: uint(nodes),
        nodes_out_of_service: uint(held),
    })
}

async fn conductors(connection: &mut SqliteConnection) -> Result<Vec<ConductorView>, sqlx::Error> {
    let rows = sqlx::query(sql::SEE_CONDUCTORS)
        .fetch_all(connection)
        .await?;
    rows.iter().map(conductor).collect()
}

/// Every pair that a conductor or a node names.
async fn pairs(connection: &mut SqliteConnection) -> Result<Pairs, sqlx::Error> {
    let mut pairs = Pairs::new();
    let entry = |pairs: &mut Pairs, group: &str, driver: &str| {
        pairs
            .entry((group.to_owned(), driver.to_owned()))
            .or_insert_with(|| DriverView {
                conductor_group: group.to_owned(),
                driver: driver.to_owned(),
                state: "unknown",
                since_ms: None,
                until_ms: None,
                decision: None,
                conductors: Vec::new(),
                nodes_in_service: 0,
                nodes_out_of_service: 0,
            });
    };
    for row in sqlx::query(sql::SEE_PAIRS)
        .fetch_all(&mut *connection)
        .await?
    {
        let (group, driver): (String, String) =
            (row.try_get("conductor_group")?, row.try_get("driver")?);
        entry(&mut pairs, &group, &driver);
        let state: String = row.try_get("state")?;
        let number: Option<i64> = row.try_get("decision")?;
        let decision = match number {
            Some(number) => see_decision(connection, number).await?,
            None => None,
        };
        if let Some(view) = pairs.get_mut(&(group, driver)) {
            view.state = if state == "active" { "active" } else { "lost" };
            view.since_ms = Some(uint(row.try_get("since_ms")?));
            view.decision = decision;
        }
    }
    for conductor in conductors(connection).await? {
        for driver in &conductor.drivers {
            entry(&mut pairs, &conductor.conductor_group, driver);
            let key = (conductor.conductor_group.clone(), driver.clone());
            if let Some(view) = pairs.get_mut(&key) {
                count_conductor(view, &conductor);
            }
        }
    }
    let counts: Vec<(String, String, i64, i64)> = sqlx::query_as(sql::COUNT_PAIRS)
        .fetch_all(connection)
        .await?;
    for (group, driver, nodes, held) in counts {
        entry(&mut pairs, &group, &driver);
        if let Some(view) = pairs.get_mut(&(group, driver)) {
            view.nodes_in_service = uint(nodes - held);
            view.nodes_out_of_service = uint(held);
        }
    }
    for view in pairs.values_mut() {
        if view.state == "active" && view.until_ms.is_some() {
            view.state = "holding";
        }
    }
    Ok(pairs)
}

/// Adds a conductor to the pair that it supports. `until_ms` is set exactly if all that count are
/// in a planned restart.
fn count_conductor(view: &mut DriverView, conductor: &ConductorView) {
    let first = view.conductors.is_empty();
    match conductor.state.as_str() {
        "active" => view.until_ms = None,
        "leaving" if first || view.until_ms.is_some() => {
            let until = conductor.until_ms.unwrap_or(conductor.last_sign_at_ms);
            view.until_ms = view.until_ms.max(Some(until));
        }
        "leaving" => {}
        _ => return,
    }
    view.conductors.push(conductor.conductor.clone());
}

async fn node(
    connection: &mut SqliteConnection,
    uuid_or_name: &str,
) -> Result<Option<NodeFacts>, sqlx::Error> {
    let mut found = sqlx::query(sql::SEE_NODE)
        .bind(uuid_or_name)
        .fetch_optional(&mut *connection)
        .await?;
    if found.is_none() {
        let mut named = sqlx::query(sql::SEE_NODE_BY_NAME)
            .bind(uuid_or_name)
            .fetch_all(&mut *connection)
            .await?;
        found = (named.len() == 1).then(|| named.remove(0));
    }
    let Some(row) = found else {
        return Ok(None);
    };
    let uuid: String = row.try_get("uuid")?;
    let group: String = row.try_get("conductor_group")?;
    let driver: Option<String> = row.try_get("driver")?;
    let held: Option<(i64, i64, i64)> = sqlx::query_as(sql::SEE_HOLD)
        .bind(&uuid)
        .fetch_optional(&mut *connection)
        .await?;
    let hold = match held {
        Some((_, since_ms, number)) => see_decision(connection, number)
            .await?
            .map(|decision| (uint(since_ms), decision)),
        None => None,
    };
    let last = sqlx::query(sql::SEE_LAST_CHANGE)
        .bind(&uuid)
        .fetch_optional(&mut *connection)
        .await?;
    let last_back = match last {
        Some(last) => {
            let back: Option<String> = last.try_get("back")?;
            let since: i64 = last.try_get("since_ms")?;
            back.map(|back| (back, uint(since)))
        }
        None => None,
    };
    let pair = match &driver {
        Some(driver) => pairs(connection)
            .await?
            .remove(&(group.clone(), driver.clone())),
        None => None,
    };
    let pair = match pair {
        Some(view) => Some(PairFacts {
            gone: gone(connection, &view).await?,
            view,
        }),
        None => None,
    };
    Ok(Some(NodeFacts {
        uuid,
        name: row.try_get("name")?,
        conductor_group: group,
        driver,
        maintenance: row
            .try_get::<Option<bool>, _>("maintenance")?
            .unwrap_or(false),
        service_state: row
            .try_get::<Option<String>, _>("service_state")?
            .unwrap_or_default(),
        since_ms: row
            .try_get::<Option<i64>, _>("service_state_since_ms")?
            .map(uint),
        hold,
        last_back,
        pair,
    }))
}

/// The conductors that support the pair and do not count, newest sign of life first.
async fn gone(
    connection: &mut SqliteConnection,
    view: &DriverView,
) -> Result<Vec<ConductorView>, sqlx::Error> {
    let mut gone = conductors(connection).await?;
    gone.retain(|conductor| {
        conductor.conductor_group == view.conductor_group
            && conductor.drivers.contains(&view.driver)
            && !view.conductors.contains(&conductor.conductor)
    });
    gone.sort_by_key(|conductor| std::cmp::Reverse(conductor.last_sign_at_ms));
    Ok(gone)
}

async fn see_decision(
    connection: &mut SqliteConnection,
    number: i64,
) -> Result<Option<DecisionView>, sqlx::Error> {
    let row = sqlx::query(sql::SEE_DECISION)
        .bind(number)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(decision).transpose()
}
