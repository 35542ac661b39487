//! A model of the ledger in memory: [`Ledger`] and [`Outbox`] in plain collections, for simulations
//! that need thousands of schedules a second.
//!
//! ```ignore
//! let model = Model::new("00000000-0000-4000-8000-000000000000");
//! model.register("n1", Node::of("ipmi", "rack-1"));
//! let (mut ledger, mut outbox) = (model.ledger("replica 1"), model.outbox("replica 1"));
//! let epoch = ledger.take_epoch("replica 1", Mode::Enforce, now_ms).await?.epoch;
//! ```
//!
//! - **One model, many connections.** [`Model::ledger`], [`Model::outbox`] and [`Model::operator`]
//!   open as many as wanted; each call names the epoch that it writes in, as in the real store, and
//!   is fenced if another has been taken since. No call waits, so a future is ready when first polled.
//! - **Transactions are exact.** Each call is one; if it fails anywhere, a journal undoes all that it
//!   wrote (I3), counters and fence included.
//! - **Faults and time** come from [`Model::meddle`]: see [`Meddling`]. It is asked before each call
//!   (go on, fail, be fenced, refuse one row) and told after it how many rows it read or wrote, with
//!   the tables as they are then; it may lose the reply. [`Model::refuse`] refuses a row until
//!   [`Model::allow`].
//! - **Oracles** read everything: [`Model::look`], or a copy with [`Model::tables`].
//! - **Users** edit nodes at any time: [`register`](Model::register), [`edit`](Model::edit),
//!   [`delete`](Model::delete), [`lock`](Model::lock). A locked row is passed by and counted, as
//!   PostgreSQL does it. **Operators** pause, resume, release, ask to forget and begin a new stream:
//!   [`Operator`].
//! - **Lost commits**: [`Model::restore`] puts a copy of before back, as a restored backup does, or a
//!   standby that was behind; a process remembers what it [knows](ModelLedger::knowing).
//!
//! It is the store of nodewarden's own table of nodes; of an Ironic there is none. Keys are texts, and
//! tables hold words, not any text. Nodes are counted by uuid, as on the servers. The suite `contract`
//! holds it against what the real store promises, the suite `model` against SQLite and PostgreSQL by
//! random operations.
//!
//! [`Ledger`]: nodewarden::store::Ledger
//! [`Outbox`]: nodewarden::store::Outbox

mod count;
mod give_back;
mod intake;
mod ledger;
mod lost;
mod meddling;
mod mirror;
mod operator;
mod outbox;
mod rows;
mod statements;
mod survey;
mod sweep;
mod table;
mod tables;
mod take_out;
mod together;
mod unit;
mod walk;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nodewarden::domain::ids::Pair;
use nodewarden::store::StoreError;

pub use ledger::ModelLedger;
pub use meddling::{After, Before, Call, Ended, Meddling, Row, lasting, passing};
pub use mirror::Mirror;
pub use operator::Operator;
pub use outbox::ModelOutbox;
pub use rows::{
    AnnouncementRow, ChangeRow, ConductorRow, CountRow, Counted, DecisionRow, EventRow, LONGEST,
    Node, PairRow, RequestRow, Singles, StreamRow,
};
pub use table::Table;
pub use tables::Tables;

use unit::{Fault, Unit};

/// A database in memory; a clone is the same one.
#[derive(Clone)]
pub struct Model(Arc<Shared>);

struct Shared {
    held: Mutex<Inner>,
    meddling: Mutex<Option<Box<dyn Meddling>>>,
}

/// What committed transactions and users wrote.
#[derive(Debug, Default)]
pub struct News {
    /// By uuid: a node's row or its hold.
    pub nodes: BTreeSet<String>,
    pub pairs: BTreeSet<Pair>,
}

struct Inner {
    tables: Tables,
    /// Rows of nodes that a user's open transaction has locked.
    locked: BTreeSet<String>,
    refused: BTreeSet<Row>,
}

impl Model {
    /// An empty one, whose history has this UUID.
    pub fn new(stream: &str) -> Self {
        Self::of(Tables::new(stream))
    }

    /// One that holds this.
    pub fn of(tables: Tables) -> Self {
        Self(Arc::new(Shared {
            held: Mutex::new(Inner {
                tables,
                locked: BTreeSet::new(),
                refused: BTreeSet::new(),
            }),
            meddling: Mutex::new(None),
        }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A test that failed while it looked leaves nothing half way.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meddling(&self) -> MutexGuard<'_, Option<Box<dyn Meddling>>> {
        let meddling = self.0.meddling.lock();
        meddling.unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this comes between.
    pub fn meddle(&self, meddling: impl Meddling + 'static) {
        *self.meddling() = Some(Box::new(meddling));
    }

    /// A connection of the deciding loop of the replica `by`.
    pub fn ledger(&self, by: &str) -> ModelLedger {
        ModelLedger::new(self.clone(), by)
    }

    /// A connection of its relay.
    pub fn outbox(&self, by: &str) -> ModelOutbox {
        ModelOutbox::new(self.clone(), by)
    }

    /// A connection of an operator's commands.
    pub fn operator(&self) -> Operator {
        Operator::new(self.clone())
    }

    // --- looking ---------------------------------------------------------------------------------

    /// Looks at everything; must not call the model itself.
    pub fn look<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        look(&self.inner().tables)
    }

    /// A copy of everything.
    pub fn tables(&self) -> Tables {
        self.inner().tables.clone()
    }

    /// Puts a copy in place of everything: what was committed since is lost.
    pub fn restore(&self, tables: Tables) {
        self.inner().tables = tables;
    }

    /// What was written since the last call; at first, and after a [`restore`](Self::restore), nothing:
    /// the next call tells what came after this one.
    pub fn news(&self) -> News {
        let mut inner = self.inner();
        let Tables {
            nodes, held, pairs, ..
        } = &mut inner.tables;
        nodes.watch();
        held.watch();
        pairs.watch();
        let mut written = nodes.news();
        written.append(&mut held.news());
        News {
            nodes: written,
            pairs: pairs.news(),
        }
    }

    // --- users -----------------------------------------------------------------------------------

    /// Adds a node, or puts another in its place.
    pub fn register(&self, uuid: &str, node: Node) {
        self.users(|tables| tables.nodes.put(uuid.to_owned(), node));
    }

    /// Changes a node; returns whether there is one.
    pub fn edit(&self, uuid: &str, change: impl FnOnce(&mut Node)) -> bool {
        self.users(|tables| tables.nodes.edit(&uuid.to_owned(), change))
    }

    /// Removes a node; returns whether there was one.
    pub fn delete(&self, uuid: &str) -> bool {
        self.users(|tables| tables.nodes.drop_row(&uuid.to_owned()))
    }

    /// A user's open transaction has locked this row from now on.
    pub fn lock(&self, uuid: &str) {
        self.inner().locked.insert(uuid.to_owned());
    }

    /// It ended.
    pub fn unlock(&self, uuid: &str) {
        self.inner().locked.remove(uuid);
    }

    /// From now on this row cannot be written.
    pub fn refuse(&self, row: Row) {
        self.inner().refused.insert(row);
    }

    /// It can again.
    pub fn allow(&self, row: &Row) {
        self.inner().refused.remove(row);
    }

    fn users<T>(&self, work: impl FnOnce(&mut Tables) -> T) -> T {
        let mut inner = self.inner();
        let done = work(&mut inner.tables);
        inner.tables.commit();
        done
    }

    // --- calls -----------------------------------------------------------------------------------

    /// Runs one call, which is one transaction.
    fn call<T>(
        &self,
        mut call: Call,
        work: impl FnOnce(&mut Unit<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut meddling = self.meddling();
        let before = meddling.as_mut().map(|meddling| meddling.before(&call));
        let refuses = match before.unwrap_or(Before::Goes) {
            Before::Goes => None,
            Before::Fails(fault) => return Err(fault),
            Before::Fenced => return Err(StoreError::Fenced(call.epoch.unwrap_or_default())),
            Before::Refuses(row) => Some(row),
        };
        let mut inner = self.inner();
        let Inner {
            tables,
            locked,
            refused,
        } = &mut *inner;
        tables.begin();
        let mut unit = Unit::new(tables, locked, refused, refuses);
        let done = work(&mut unit);
        let wrote = unit.tables.written();
        call.rows = unit.read + wrote;
        call.ended = match (&done, wrote) {
            (Ok(_), 0) => Ended::Looked,
            (Ok(_), _) => Ended::Committed,
            (Err(_), _) => Ended::RolledBack,
        };
        match &done {
            Ok(_) => tables.commit(),
            Err(_) => tables.roll_back(),
        }
        let after = meddling
            .as_mut()
            .map(|meddling| meddling.after(&call, tables));
        match after.unwrap_or(After::Replies) {
            After::Replies => done.map_err(|fault| fault.told(call.op)),
            After::Loses(fault) => Err(fault),
        }
    }
}
