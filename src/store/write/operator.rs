//! What operators' commands write without a replica: under the fence, in whatever epoch there is.
//! The deciding replica reads its counters under the fence each time, so it is not disturbed.

use std::time::Duration;

use crate::config::{self, Database, Mode};
use crate::domain::ids::Pair;
use crate::store::database::connection::{Connection, values};
use crate::store::database::error::StoreError;
use crate::store::database::link::{Outcome, WriterConnection};
use crate::store::inventory::Inspected;
use crate::store::records::{RequestKind, Rows, Window, WindowDone};
use crate::store::sql::Statements;
use crate::store::trust::Trust;
use crate::store::write::fenced::Fenced;
use crate::store::write::pause::{self, Pause};
use crate::store::write::{give_back, lost, walk};

/// How long ago its last commit may lie at least for a holder of the epoch to count as running.
const RUNNING: Duration = Duration::from_secs(60);

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
    /// Nothing was changed: this holder has committed a short time ago.
    Running(String),
}

/// What the history is told of a command, in the transactions that do it.
#[derive(Debug, Clone)]
struct Noting {
    who: String,
    what: String,
    /// The row that tells of the transactions so far, and how many nodes they gave back.
    told: Option<(u64, u64)>,
}

/// A command's connection to the database.
pub struct Operator {
    link: WriterConnection,
    inventory: Inspected,
    running: Duration,
    noting: Option<Noting>,
}

impl Operator {
    /// Does not connect yet; fails if the URL cannot be used.
    pub fn new(
        database: &Database,
        inventory: impl Into<config::Inventory>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            link: WriterConnection::of_command(database)?,
            inventory: Inspected {
                settings: inventory.into(),
                trust: Trust::Columns,
                found: None,
            },
            running: RUNNING,
            noting: None,
        })
    }

    /// Notes for the history what [`resume`](Self::resume) and [`release`](Self::release) do and by whom, in
    /// the transactions that do it: `what` is given back.
    #[must_use]
    pub fn noted(self, who: &str, what: &str) -> Self {
        let (who, what) = (who.to_owned(), what.to_owned());
        let told = None;
        Self {
            noting: Some(Noting { who, what, told }),
            ..self
        }
    }

    /// Takes a holder whose last commit is no older for running; a minute at least.
    #[must_use]
    pub fn running_within(self, silence: Duration) -> Self {
        Self {
            running: silence.max(RUNNING),
            ..self
        }
    }

    /// How old the last commit of a holder may be that counts as running.
    #[must_use]
    pub fn running(&self) -> Duration {
        self.running
    }

    async fn guest<T>(
        &mut self,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Connection, &'static Statements) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let outcome = self.link.transaction(doing, async |connection| {
            let sql = connection.sql();
            if connection.execute(sql.fence_any, &[]).await? == 0 {
                return Ok(Outcome::RollBack);
            }
            Ok(Outcome::Commit(work(connection, sql).await?))
        });
        outcome.await?.ok_or_else(StoreError::empty)
    }

    /// Pauses; from its commit on no node is taken out. Returns the pause whose place it takes.
    pub async fn pause(&mut self, wanted: &Pause) -> Result<Option<Pause>, StoreError> {
        self.guest("pause", async |connection, sql| {
            let before = pause::read(connection, sql).await?;
            if let Some(before) = &before {
                pause::end(connection, &before.id).await?;
            }
            pause::begin(connection, wanted).await?;
            let (who, at) = (&wanted.who, wanted.paused_at_ms);
            let (kind, why) = (RequestKind::Pause, &wanted.reason);
            pause::note(connection, kind, who, why, at).await?;
            Ok(before)
        })
        .await
    }

    /// Ends the pause, at `now_ms`; returns the one that there was.
    pub async fn resume(&mut self, now_ms: u64) -> Result<Option<Pause>, StoreError> {
        let noting = self.noting.clone();
        self.guest("resume", async |connection, sql| {
            let before = pause::read(connection, sql).await?;
            if let Some(before) = &before {
                pause::end(connection, &before.id).await?;
                if let Some(Noting { who, .. }) = &noting {
                    let what = format!("ends the pause of {}: {}", before.who, before.reason);
                    let kind = RequestKind::Resume;
                    pause::note(connection, kind, who, &what, now_ms).await?;
                }
            }
            Ok(before)
        })
        .await
    }

    /// Gives back the next window, announced; [`WindowDone::locked`] counts rows locked elsewhere.
    /// `None`: nothing was done, for want of a pause or `observe`: the next sweep would take them
    /// again.
    pub async fn release(
        &mut self,
        held: Held<'_>,
        window: &Window,
    ) -> Result<Option<WindowDone>, StoreError> {
        let inventory = self.inventory.by(&mut self.link).await?;
        let mut noting = self.noting.clone();
        let done = self.guest("release nodes", async |connection, sql| {
            let mut unit = Fenced::under_the_fence(connection, sql, &inventory).await?;
            let observing = unit.counters.mode == Some(Mode::Observe);
            if !observing && pause::read(unit.connection, sql).await?.is_none() {
                return Ok(None);
            }
            let chunk = release(&mut unit, held, window).await?;
            unit.save().await?;
            if let Some(noting) = &mut noting {
                let connection = &mut *unit.connection;
                let (nodes, now_ms) = (chunk.changed, window.now_ms);
                noting.add(connection, nodes, now_ms).await?;
            }
            Ok(Some((chunk, noting)))
        });
        let Some((chunk, noting)) = done.await? else {
            return Ok(None);
        };
        self.noting = noting;
        Ok(Some(chunk))
    }

    /// The first node after `after` that is held so, or the one that is asked for.
    pub async fn first_held_after(
        &mut self,
        held: Held<'_>,
        after: &str,
    ) -> Result<Option<String>, StoreError> {
        let of = match held {
            Held::Everything => Rows::Holds,
            Held::Of(pair) => Rows::HoldsOf(pair),
            Held::Node(uuid) => return Ok(Some(uuid.to_owned())),
        };
        let (link, doing) = (&mut self.link, "look for a row");
        self.inventory
            .look(link, doing, async |connection, inventory| {
                let sql = connection.sql();
                walk::first_after(connection, sql, inventory, of, after).await
            })
            .await
    }

    /// Gives the database the history `stream` (a UUID) and takes the right to write from its
    /// holder. Not while a replica seems to run, unless `force`.
    pub async fn new_stream(
        &mut self,
        stream: &str,
        now_ms: u64,
        force: bool,
    ) -> Result<NewStream, StoreError> {
        let running = u64::try_from(self.running.as_millis()).unwrap_or(u64::MAX);
        self.guest("begin a new stream", async |connection, sql| {
            let row = connection.fetch_one(sql.position, &[]).await?;
            let holder = row.maybe_text("holder")?;
            let committed = row.maybe_uint("committed_at_ms")?.unwrap_or_default();
            let runs = now_ms.saturating_sub(committed) < running;
            if let Some(holder) = holder.filter(|_| runs && !force) {
                return Ok(NewStream::Running(holder));
            }
            let found = lost::committed(&row)?;
            // The database may have gone back without a replica that noticed it.
            let (of, commits) = ((None, &found), found.commits);
            let (waits, now_ms) = (Duration::ZERO, Some(now_ms));
            lost::replace(connection, stream, of, waits, commits, now_ms).await?;
            Ok(NewStream::Begun)
        })
        .await
    }
}

impl Noting {
    /// So many more nodes were given back.
    async fn add(
        &mut self,
        connection: &mut Connection,
        nodes: u64,
        now_ms: u64,
    ) -> Result<(), sqlx::Error> {
        if nodes == 0 {
            return Ok(());
        }
        let nodes = nodes + self.told.map_or(0, |(_, nodes)| nodes);
        let plural = if nodes == 1 { "" } else { "s" };
        let what = format!("{}: {nodes} node{plural}", self.what);
        let number = match self.told {
            Some((number, _)) => {
                let values = values![now_ms, &what, number];
                let answer = connection.sql().answer;
                connection.execute(answer, values).await?;
                number
            }
            None => {
                let kind = RequestKind::Release;
                pause::note(connection, kind, &self.who, &what, now_ms).await?
            }
        };
        self.told = Some((number, nodes));
        Ok(())
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
    let released = give_back::release(unit, statements, held, uuid, window).await?;
    let changed = released.nodes();
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
    let of = match held {
        Held::Everything => Rows::Holds,
        Held::Of(pair) => Rows::HoldsOf(pair),
        Held::Node(uuid) => return release_node(unit, uuid, window).await,
    };
    let (after, nodes) = (&window.after, window.nodes);
    let found = walk::window(unit.connection, unit.sql, inventory, of, after, nodes).await?;
    let Some(last) = &found.last else {
        return Ok(WindowDone::default());
    };
    let released = if found.decisions.is_empty() {
        let statements = &inventory.release_by_hand;
        give_back::release(unit, statements, &[], last, window).await?
    } else {
        let statements = &inventory.release_by_hand_of_pair;
        give_back::release_of(unit, statements, &found.decisions, last, window).await?
    };
    let changed = released.nodes();
    Ok(WindowDone {
        changed,
        // Holds are written under the fence alone: what was seen and did not change was passed by.
        locked: found.seen.saturating_sub(changed) + u64::from(found.more),
        next: found.next(window),
        ..WindowDone::default()
    })
}
