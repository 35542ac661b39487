//! What operators' commands write by themselves, without any replica: guests under the fence, within
//! whatever epoch there is. The replica that decides is not disturbed: its counters are read under
//! the fence in each of its transactions.

use std::sync::Arc;

use crate::config::{self, Database, Mode};
use crate::domain::ids::Pair;
use crate::store::database::connection::{Connection, Value, values};
use crate::store::database::error::StoreError;
use crate::store::database::link::{Outcome, WriterConnection};
use crate::store::inventory;
use crate::store::records::{RequestKind, Rows, Window, WindowDone};
use crate::store::sql::{Inventory, Statements};
use crate::store::write::fenced::Fenced;
use crate::store::write::give_back;
use crate::store::write::pause;
use crate::store::write::pause::Pause;
use crate::store::write::walk::{self, Found};

/// How long ago its last commit may lie for a holder of the epoch to count as running.
const RUNNING_MS: u64 = 60_000;

/// Whose holds are given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'a> {
    /// All.
    Everything,
    /// Those of a pair.
    Of(&'a Pair),
    /// That of one node, by its uuid.
    Node(&'a str),
}

/// What became of the wish for a new stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewStream {
    /// It has begun.
    Begun,
    /// Nothing was changed: this holder has committed within the last minute.
    Running(String),
}

/// A command's connection to the database.
pub struct Operator {
    link: WriterConnection,
    settings: config::Inventory,
    /// Known once the table of nodes has been looked at.
    inventory: Option<Arc<Inventory>>,
}

impl Operator {
    /// Does not connect yet.
    ///
    /// # Errors
    /// [`StoreError::Schema`] if the URL cannot be used.
    pub fn new(
        database: &Database,
        inventory: impl Into<config::Inventory>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            link: WriterConnection::of_command(database)?,
            settings: inventory.into(),
            inventory: None,
        })
    }

    async fn guest<T>(
        &mut self,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Connection, &'static Statements) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let sql = self.link.statements;
        let outcome = self.link.transaction(doing, async |connection| {
            if connection.execute(sql.fence_any, &[]).await? == 0 {
                return Ok(Outcome::RollBack);
            }
            Ok(Outcome::Commit(work(connection, sql).await?))
        });
        outcome.await?.ok_or_else(|| {
            StoreError::Schema("the tables are empty: run `nodewarden migrate`".to_owned())
        })
    }

    /// Pauses; from its commit on no node is taken out. Returns the pause whose place it takes.
    ///
    /// # Errors
    /// [`StoreError`]; doing it again is safe.
    pub async fn pause(&mut self, wanted: &Pause) -> Result<Option<Pause>, StoreError> {
        self.guest("pause", async |connection, sql| {
            let before = pause::read(connection, sql).await?;
            if let Some(before) = &before {
                pause::end(connection, sql, &before.id).await?;
            }
            pause::begin(connection, sql, wanted).await?;
            let (who, at) = (&wanted.who, wanted.paused_at_ms);
            pause::note(connection, sql, RequestKind::Pause, who, &wanted.reason, at).await?;
            Ok(before)
        })
        .await
    }

    /// Ends the pause; returns the one that there was.
    ///
    /// # Errors
    /// [`StoreError`]; doing it again is safe.
    pub async fn resume(&mut self) -> Result<Option<Pause>, StoreError> {
        self.guest("resume", async |connection, sql| {
            let before = pause::read(connection, sql).await?;
            if let Some(before) = &before {
                pause::end(connection, sql, &before.id).await?;
            }
            Ok(before)
        })
        .await
    }

    /// Notes for the history what a command did, and by whom.
    ///
    /// # Errors
    /// [`StoreError`]; nothing may be noted then.
    pub async fn note(
        &mut self,
        kind: RequestKind,
        who: &str,
        what: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.guest("note what was done", async |connection, sql| {
            pause::note(connection, sql, kind, who, what, now_ms).await
        })
        .await
    }

    /// Gives back the next window of nodes, announced; [`WindowDone::locked`] counts those that somebody
    /// else has locked. `None`, and nothing is done, unless there is a pause or decisions are only
    /// observed: the next sweep would take them again.
    ///
    /// # Errors
    /// [`StoreError`]; doing it again is safe.
    pub async fn release(
        &mut self,
        held: Held<'_>,
        window: &Window,
    ) -> Result<Option<WindowDone>, StoreError> {
        let inventory = self.inventory().await?;
        self.guest("release nodes", async |connection, sql| {
            let mut unit = Fenced::under_the_fence(connection, sql, &inventory).await?;
            let observing = unit.counters.mode == Some(Mode::Observe);
            if !observing && pause::read(unit.connection, sql).await?.is_none() {
                return Ok(None);
            }
            let chunk = release(&mut unit, held, window).await?;
            unit.save().await?;
            Ok(Some(chunk))
        })
        .await
    }

    /// Gives the database a new history, the UUID `stream`, so that subscribers take a snapshot, and takes the right
    /// to write from its holder. Not while a replica seems to run, unless `force`.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed, or nothing is known.
    pub async fn new_stream(
        &mut self,
        stream: &str,
        now_ms: u64,
        force: bool,
    ) -> Result<NewStream, StoreError> {
        self.guest("begin a new stream", async |connection, sql| {
            let row = connection.fetch_one(sql.position, &[]).await?;
            let holder = row.maybe_text("holder")?;
            let committed = row.maybe_uint("committed_at_ms")?.unwrap_or_default();
            let running = holder.filter(|_| now_ms.saturating_sub(committed) < RUNNING_MS);
            if let Some(holder) = running.filter(|_| !force) {
                return Ok(NewStream::Running(holder));
            }
            connection.execute(sql.new_stream, values![stream]).await?;
            Ok(NewStream::Begun)
        })
        .await
    }

    async fn inventory(&mut self) -> Result<Arc<Inventory>, StoreError> {
        if let Some(inventory) = &self.inventory {
            return Ok(Arc::clone(inventory));
        }
        let connection = self.link.connection().await?;
        let found = Arc::new(inventory::of(connection, &self.settings).await?);
        self.inventory = Some(Arc::clone(&found));
        Ok(found)
    }
}

/// Ends the hold of one node, if there is one.
async fn release_node(
    unit: &mut Fenced<'_>,
    uuid: &str,
    window: &Window,
) -> Result<WindowDone, sqlx::Error> {
    let held = values![uuid];
    let found = unit.connection.fetch_first(unit.sql.see_hold, held).await?;
    if found.is_none() {
        return Ok(WindowDone::default());
    }
    let statements = &unit.inventory.release_by_hand_of_node;
    let changed = give_back::release(unit, statements, held, uuid, window).await?;
    Ok(WindowDone {
        changed,
        locked: u64::from(changed == 0),
        ..WindowDone::default()
    })
}

/// Ends the holds of one window.
async fn release(
    unit: &mut Fenced<'_>,
    held: Held<'_>,
    window: &Window,
) -> Result<WindowDone, sqlx::Error> {
    let inventory = unit.inventory;
    let none: &[Value<'_>] = &[];
    let (statements, of, more) = match held {
        Held::Everything => (&inventory.release_by_hand, Rows::Holds, none),
        Held::Of(pair) => {
            let of = Rows::HoldsOf(pair);
            (&inventory.release_by_hand_of_pair, of, &values![pair][..])
        }
        Held::Node(uuid) => return release_node(unit, uuid, window).await,
    };
    let (after, nodes) = (&window.after, window.nodes);
    let row = walk::window(unit.connection, unit.sql, inventory, of, after, nodes).await?;
    let found = Found::read(&row)?;
    let Some(last) = &found.last else {
        return Ok(WindowDone::default());
    };
    let changed = give_back::release(unit, statements, more, last, window).await?;
    Ok(WindowDone {
        changed,
        // Holds are written under the fence alone: what was seen and did not change was passed by.
        locked: found.seen.saturating_sub(changed),
        next: found.next(window),
        ..WindowDone::default()
    })
}
