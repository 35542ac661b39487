//! Looking: connections that only read, each answer from one consistent read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::config::{self, Database};
use crate::domain::change::Verdict;
use crate::domain::ids::Pair;
use crate::store::database::connection::{Above, Connection, Value, values};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::StoreError;
use crate::store::database::open::Purpose;
use crate::store::database::row::Row;
use crate::store::database::way;
use crate::store::inventory;
use crate::store::look::from_row::hold;
use crate::store::look::node::{node, row_of, spellings};
use crate::store::look::pairs::{conductors, counted, pairs};
use crate::store::look::snapshot::Snapshot;
use crate::store::look::views::{
    ConductorView, DriverView, NodeFacts, Observed, Overview, RequestView, SnapshotPage,
    SubscriberView,
};
use crate::store::records::HearingNote;
use crate::store::sql::{self, Statements};
use crate::store::tables;
use crate::store::trust::Trust;
use crate::store::write::{count, lost, pause};

/// At most so many looks at once: enough for a scheduler's snapshot beside metrics and a person.
const CONNECTIONS: usize = 4;

/// Connections this old are dialled again: of several hosts another one may take the writes by now, and the one
/// that did before shows a past.
const RENEWED_AFTER: Duration = Duration::from_secs(60);

/// How long to wait for one of them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks, never writes. Cheap to clone; bounded in connections and in time.
#[derive(Clone)]
pub struct Reader {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    settings: config::Inventory,
    sql: &'static Statements,
    turns: Semaphore,
    renewed_after: Duration,
    /// Connections whose last look ended well; one left half way is dropped.
    idle: Mutex<Vec<Snapshot>>,
}

impl Reader {
    /// Does not connect yet; fails if the URL cannot be used.
    pub fn new(
        database: &Database,
        inventory: impl Into<config::Inventory>,
    ) -> Result<Self, StoreError> {
        Self::renewing(database, inventory, RENEWED_AFTER)
    }

    /// The same, with connections that are dialled again once they are so old.
    pub fn renewing(
        database: &Database,
        inventory: impl Into<config::Inventory>,
        renewed_after: Duration,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            inner: Arc::new(Inner {
                database: database.clone(),
                settings: inventory.into(),
                sql: sql::statements(Dialect::of(database)?),
                turns: Semaphore::new(CONNECTIONS),
                renewed_after,
                idle: Mutex::default(),
            }),
        })
    }

    pub(super) async fn read<T>(
        &self,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Snapshot) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let failed = |fault| StoreError::from_sqlx(doing, fault);
        let turn = tokio::time::timeout(PATIENCE, self.inner.turns.acquire()).await;
        let _turn = turn
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| failed(sqlx::Error::PoolTimedOut))?;
        let mut look = self.begin(doing).await?;
        let value = work(&mut look).await.map_err(failed)?;
        look.connection.command("ROLLBACK").await.map_err(failed)?;
        self.idle().push(look);
        Ok(value)
    }

    /// The rows of one statement.
    pub(super) async fn list<T>(
        &self,
        doing: &'static str,
        statement: fn(&Statements) -> &'static str,
        asked: &[Value<'_>],
        read: fn(&Row) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        self.read(doing, async |look| {
            let rows = look.connection.fetch(statement(look.sql), asked).await?;
            rows.iter().map(read).collect()
        })
        .await
    }

    /// A connection with a consistent read begun; a server may have closed one that was kept.
    async fn begin(&self, doing: &'static str) -> Result<Snapshot, StoreError> {
        let Inner {
            database,
            settings,
            sql,
            renewed_after,
            ..
        } = &*self.inner;
        let now = way::now();
        let kept = self.idle().pop();
        let kept = kept.filter(|look| now.duration_since(look.since) < *renewed_after);
        if let Some(mut look) = kept
            && look.connection.command(sql.begin_look).await.is_ok()
        {
            return Ok(look);
        }
        let mut connection = Connection::open(database, Purpose::Look).await?;
        let inventory = inventory::of(&mut connection, settings, Trust::Looks).await?;
        connection
            .command(sql.begin_look)
            .await
            .map_err(|fault| StoreError::from_sqlx(doing, fault))?;
        Ok(Snapshot {
            connection,
            since: now,
            sql,
            inventory,
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Snapshot>> {
        let idle = self.inner.idle.lock();
        idle.unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the database stands.
    pub async fn overview(&self) -> Result<Overview, StoreError> {
        self.read("read where the database stands", overview).await
    }

    /// What is out of service, above the uuid `after`, at most `limit` nodes.
    pub async fn snapshot(&self, after: &str, limit: u32) -> Result<SnapshotPage, StoreError> {
        self.read("read a snapshot", async |look| {
            let position = look.connection.fetch_one(look.sql.position, &[]).await?;
            let asked = values![Above(after), limit];
            let rows = look.connection.fetch(look.sql.snapshot, asked).await?;
            let nodes = rows.iter().map(hold).collect::<Result<Vec<_>, _>>()?;
            let full = nodes.len() == usize::try_from(limit).unwrap_or(usize::MAX);
            let next = nodes.last().filter(|_| full);
            let next = next.map(|last| last.uuid.clone());
            Ok(SnapshotPage {
                stream: position.text("stream")?,
                epoch: position.uint("epoch")?,
                seq: position.uint("seq")?,
                nodes,
                next,
            })
        })
        .await
    }

    /// Every pair that a conductor or a node names, by group and driver.
    pub async fn drivers(&self) -> Result<Vec<DriverView>, StoreError> {
        self.read("read the drivers", async |look| {
            Ok(pairs(look).await?.into_values().collect())
        })
        .await
    }

    /// The same, and when their nodes were counted; `None`: never yet.
    pub async fn counted_drivers(&self) -> Result<(Option<u64>, Vec<DriverView>), StoreError> {
        self.read("read the drivers", async |look| {
            let counted = counted(look).await?;
            let drivers = pairs(look).await?.into_values().collect();
            Ok((counted.map(|counted| counted.at_ms), drivers))
        })
        .await
    }

    /// How many nodes are held, of one pair or in all: counted now, in time proportional to them.
    pub async fn held(&self, of: Option<&Pair>) -> Result<u64, StoreError> {
        self.read("count what is held", async |look| {
            let (_, held) = count::holds(&mut look.connection).await?;
            let is_asked = |(group, driver): &(String, String)| {
                of.is_none_or(|pair| group == pair.group.as_str() && driver == pair.driver.as_str())
            };
            let asked = held.iter().filter(|(pair, _)| is_asked(pair));
            Ok(asked.map(|(_, nodes)| nodes).sum())
        })
        .await
    }

    /// Every conductor, by name.
    pub async fn conductors(&self) -> Result<Vec<ConductorView>, StoreError> {
        self.read("read the conductors", conductors).await
    }

    /// What was only observed since `since_ms`.
    pub async fn observed(&self, since_ms: u64) -> Result<Observed, StoreError> {
        self.read("read what was observed", async |look| {
            let asked = values![since_ms];
            let mut observed = Observed::default();
            for row in look.connection.fetch(look.sql.see_observed, asked).await? {
                let (decisions, nodes) = (row.uint("decisions")?, row.uint("nodes")?);
                if row.word::<Verdict>(tables::DECISIONS, "verdict")? == Verdict::Restored {
                    observed.returns += decisions;
                    observed.nodes_back += nodes;
                } else {
                    observed.losses += decisions;
                    observed.nodes_out += nodes;
                }
            }
            Ok(observed)
        })
        .await
    }

    /// One node by uuid, or by a name that only one node has; `None`: there is none.
    pub async fn node(&self, uuid_or_name: &str) -> Result<Option<NodeFacts>, StoreError> {
        self.read("read a node", async |look| {
            for asked in spellings(uuid_or_name) {
                if let Some(row) = row_of(look, &asked).await? {
                    return node(look, &row).await.map(Some);
                }
            }
            Ok(None)
        })
        .await
    }

    /// The uuids of nodes with this name: all, or the first two.
    pub async fn named(&self, name: &str) -> Result<Vec<String>, StoreError> {
        self.read("read nodes of a name", async |look| {
            let (statement, asked) = (&look.inventory.see_node_by_name, values![name]);
            let named = look.connection.fetch(statement, asked).await?;
            named.iter().map(|row| row.text("uuid")).collect()
        })
        .await
    }

    /// One node by uuid alone; `None`: there is none.
    pub async fn node_by_uuid(&self, uuid: &str) -> Result<Option<NodeFacts>, StoreError> {
        self.read("read a node", async |look| {
            for asked in spellings(uuid) {
                let (statement, key) = (&look.inventory.see_node, values![&asked]);
                let found = look.connection.fetch_first(statement, key).await?;
                // A collation may take another key for this one.
                match found {
                    Some(row) if row.text("uuid")? == asked => {
                        return node(look, &row).await.map(Some);
                    }
                    Some(_) | None => {}
                }
            }
            Ok(None)
        })
        .await
    }

    /// How far subscribers are, by name.
    pub async fn subscribers(&self) -> Result<Vec<SubscriberView>, StoreError> {
        self.read("read the receipts", async |look| {
            let position = look.connection.fetch_one(look.sql.position, &[]).await?;
            let (stream, seq) = (position.text("stream")?, position.uint("seq")?);
            let rows = look.connection.fetch(look.sql.see_receipts, &[]).await?;
            rows.iter()
                .map(|row| subscriber(row, &stream, seq))
                .collect()
        })
        .await
    }

    /// What became of a request.
    pub async fn request(&self, number: u64) -> Result<RequestView, StoreError> {
        self.read("read a request", async |look| {
            let asked = values![number];
            let row = look.connection.fetch_first(look.sql.see_request, asked);
            let row = row.await?;
            let result = row.map(|row| row.maybe_text("result")).transpose()?;
            Ok(RequestView {
                result: result.flatten(),
            })
        })
        .await
    }
}

async fn overview(look: &mut Snapshot) -> Result<Overview, sqlx::Error> {
    let position = look.connection.fetch_one(look.sql.position, &[]).await?;
    let outbox = look.connection.fetch_one(look.sql.outbox, &[]).await?;
    let counted = counted(look).await?;
    let (epoch, holder) = (position.uint("epoch")?, position.maybe_text("holder")?);
    let (statement, asked) = (look.sql.noted_hearing, values![epoch]);
    let noted = look.connection.fetch_first(statement, asked).await?;
    let noted = noted.filter(|_| holder.is_some());
    let stream = position.text("stream")?;
    Ok(Overview {
        hearing: noted.as_ref().map(hearing).transpose()?,
        began: lost::began(&mut look.connection, &stream).await?,
        stream,
        epoch,
        seq: position.uint("seq")?,
        holder,
        taken_at_ms: position.maybe_uint("taken_at_ms")?,
        committed_at_ms: position.maybe_uint("committed_at_ms")?,
        mode: position.maybe_word(tables::STATE, "mode")?,
        pause: pause::read(&mut look.connection, look.sql).await?,
        last_announcement: position.uint("last_announcement")?,
        announced: outbox.uint("announced")?,
        outbox_oldest_ms: outbox.maybe_uint("oldest_ms")?,
        counted_at_ms: counted.as_ref().map(|counted| counted.at_ms),
        nodes: counted.as_ref().map_or(0, |counted| counted.nodes),
        nodes_out_of_service: counted.as_ref().map_or(0, |counted| counted.held),
    })
}

fn hearing(row: &Row) -> Result<HearingNote, sqlx::Error> {
    let troubles = row.text("troubles")?;
    Ok(HearingNote {
        unproven_since_ms: row.maybe_uint("unproven_since_ms")?,
        unproven: Duration::from_millis(row.uint("unproven_ms")?),
        deaf: row.uint("deaf")? > 0,
        troubles: troubles.lines().map(str::to_owned).collect(),
        noted_at_ms: row.uint("noted_at_ms")?,
    })
}

fn subscriber(row: &Row, stream: &str, last: u64) -> Result<SubscriberView, sqlx::Error> {
    let (follows, seq) = (row.text("stream")?, row.uint("seq")?);
    let applied_at_ms = row.uint("applied_at_ms")?;
    let behind = match follows == stream {
        true => last.saturating_sub(seq),
        false => last,
    };
    let next_ms = match follows == stream {
        true => row.maybe_uint("next_ms")?,
        false => None,
    };
    Ok(SubscriberView {
        subscriber: row.text("subscriber")?,
        stream: follows,
        seq,
        applied_at_ms,
        heard_at_ms: row.uint("heard_at_ms")?,
        behind,
        // The change itself is kept for a while alone; what is left is older than the receipt.
        waiting_since_ms: (behind > 0).then(|| next_ms.unwrap_or(applied_at_ms)),
    })
}
