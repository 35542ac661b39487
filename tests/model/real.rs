//! The real ledger, under the same hands: on an SQLite file, or on PostgreSQL.

use std::collections::BTreeMap;
use std::sync::Arc;

use nodewarden::config::InventoryKind;
use nodewarden::store::{self, Held, SqlLedger, SqlOutbox, Unwatched};
use nodewarden_tests::database::{Kind, OpenTransaction, Scratch};
use nodewarden_tests::model::{Mirror, Tables};

use crate::modelled::STREAM;
use crate::operations::{Act, Edit, FORGET, Op, What};
use crate::told::{Open, answer, told};

/// A database with our tables, and what is open on it.
pub struct Real {
    pub scratch: Scratch,
    mirror: Mirror,
    open: Open<SqlLedger, SqlOutbox>,
    locked: BTreeMap<String, OpenTransaction>,
}

/// All tables as a migration leaves them, on PostgreSQL.
const EMPTY: &str = "TRUNCATE nodes, nodewarden_events, nodewarden_conductors, nodewarden_unheeded, nodewarden_pairs,
    nodewarden_decisions, nodewarden_changes, nodewarden_announcements, nodewarden_requests, nodewarden_counts,
    nodewarden_counted, nodewarden_pause, nodewarden_hearing, nodewarden_proof, nodewarden_state, nodewarden_relay,
    nodewarden_streams, nodewarden_receipts RESTART IDENTITY";
const STATE: &str = "INSERT INTO nodewarden_state (id, stream, epoch, commits, seq, last_announcement, last_decision)
    VALUES (1, $1, 0, 0, 0, 0, 0)";
const RELAY: &str = "INSERT INTO nodewarden_relay (id, announced) VALUES (1, 0)";

impl Real {
    pub async fn new(kind: Kind) -> Self {
        let scratch = Scratch::migrated_of(kind).await;
        let mirror = Mirror::open(scratch.database.url.expose()).await;
        let open = opened(&scratch);
        Self {
            scratch,
            mirror,
            open,
            locked: BTreeMap::new(),
        }
    }

    /// Empties the tables, and opens all connections again.
    pub async fn begin(&mut self) {
        for (_, user) in std::mem::take(&mut self.locked) {
            user.undo().await;
        }
        self.open = opened(&self.scratch);
        if self.scratch.kind == Kind::Sqlite {
            self.mirror.save(&Tables::new(STREAM)).await;
            return;
        }
        self.mirror.run(EMPTY, &[]).await;
        self.mirror.run(STATE, &[Some(STREAM)]).await;
        self.mirror.run(RELAY, &[]).await;
    }

    /// What the tables hold.
    pub async fn tables(&mut self) -> Tables {
        self.mirror.load().await
    }

    /// Does it; returns what is told.
    pub async fn apply(&mut self, op: &Op) -> String {
        match &op.what {
            What::Replica(replica, call) => told(&mut self.open, *replica, call, op.now_ms).await,
            What::Operator(act) => operate(&self.scratch, act, op.now_ms).await,
            What::User(edit) => {
                // One who wants a locked row waits.
                if !self.locked.contains_key(edit.uuid()) {
                    write(&mut self.mirror, edit).await;
                }
                String::new()
            }
            What::Lock(uuid) => {
                self.lock(uuid).await;
                String::new()
            }
            What::Unlock(uuid) => {
                if let Some(user) = self.locked.remove(uuid) {
                    user.undo().await;
                }
                String::new()
            }
        }
    }

    async fn lock(&mut self, uuid: &str) {
        if self.scratch.kind != Kind::Sqlite && !self.locked.contains_key(uuid) {
            let lock = format!("SELECT 1 FROM nodes WHERE uuid = '{uuid}' FOR UPDATE");
            let user = self.scratch.hold(&lock).await;
            self.locked.insert(uuid.to_owned(), user);
        }
    }
}

fn opened(scratch: &Scratch) -> Open<SqlLedger, SqlOutbox> {
    let database = &scratch.database;
    let ledger = || SqlLedger::new(database, InventoryKind::Native, Arc::new(Unwatched)).unwrap();
    let outbox = || SqlOutbox::new(database, Arc::new(Unwatched)).unwrap();
    Open {
        ledgers: [ledger(), ledger()],
        outboxes: [outbox(), outbox()],
        epochs: [0; 2],
    }
}

/// Replaces all of a node that is there.
const REGISTER: &str = "INSERT INTO nodes (uuid, name, driver, conductor_group) VALUES ($1, $2, $3, $4)
    ON CONFLICT (uuid) DO UPDATE SET name = excluded.name, driver = excluded.driver,
        conductor_group = excluded.conductor_group, maintenance = FALSE, service_state = 'in_service',
        service_state_since_ms = NULL";

async fn write(mirror: &mut Mirror, edit: &Edit) {
    let (statement, texts) = match edit {
        Edit::Register(_, name, driver, group) => (
            REGISTER,
            vec![name.as_deref(), driver.as_deref(), group.as_deref()],
        ),
        Edit::Delete(_) => ("DELETE FROM nodes WHERE uuid = $1", vec![]),
        Edit::Driver(_, driver) => (
            "UPDATE nodes SET driver = $2 WHERE uuid = $1",
            vec![driver.as_deref()],
        ),
        Edit::Group(_, group) => (
            "UPDATE nodes SET conductor_group = $2 WHERE uuid = $1",
            vec![group.as_deref()],
        ),
        Edit::Mark(_, mark) => (
            "UPDATE nodes SET service_state = $2 WHERE uuid = $1",
            vec![mark.as_deref()],
        ),
        Edit::Name(_, name) => (
            "UPDATE nodes SET name = $2 WHERE uuid = $1",
            vec![name.as_deref()],
        ),
    };
    let mut all = vec![Some(edit.uuid())];
    all.extend(texts);
    mirror.run(statement, &all).await;
}

/// What an operator of the real store is told.
async fn operate(scratch: &Scratch, act: &Act, now_ms: u64) -> String {
    let database = &scratch.database;
    let mut operator = store::Operator::new(database, InventoryKind::Native).unwrap();
    match act {
        Act::Pause(pause) => answer(operator.pause(pause).await),
        Act::Resume => answer(operator.resume(now_ms).await),
        Act::Forget(name) => answer(store::request(database, FORGET, name, "kim", now_ms).await),
        Act::ReleaseAll(window) => answer(operator.release(Held::Everything, window).await),
        Act::ReleasePair(pair, window) => answer(operator.release(Held::Of(pair), window).await),
        Act::ReleaseNode(uuid, window) => answer(operator.release(Held::Node(uuid), window).await),
        Act::NewStream(stream, force) => answer(operator.new_stream(stream, now_ms, *force).await),
    }
}
