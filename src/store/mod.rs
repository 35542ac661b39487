//! The only place that knows SQL and the database library.
//!
//! One contract for the deciding loop ([`Ledger`]) and one for the relay ([`Outbox`]), each method
//! one transaction; [`Reader`] only looks, [`Operator`] writes for commands. Code is written once;
//! `sql/` has the statements of each dialect, `schemas/sql/` the tables.

mod alone;
mod contract;
#[cfg(feature = "counting")]
pub mod counting;
mod database;
mod inventory;
mod ironic;
mod known;
mod look;
mod migrate;
mod records;
mod sql;
mod tables;
mod trust;
mod write;

pub use contract::{Ledger, Outbox};
pub use database::durability::weak_durability;
pub use database::error::{Storage, StoreError};
pub use database::link::{TransactionWatch, Unwatched, Writer};
pub use ironic::conductors::{ConductorsOfIronic, IronicConductor, make_bridge_tables};
pub use ironic::numbers::NumberOfConductor;
pub use known::Known;
pub use look::reader::Reader;
pub use look::views::{
    ActionView, ConductorView, DecisionView, DriverView, Gone, HoldReason, HoldView, IgnoredView,
    NodeFacts, NodeLine, Observed, Overview, PairFacts, RefusedView, RequestView, ServiceState,
    SnapshotPage, SubscriberView,
};
pub use migrate::{migrate, prepare};
pub use records::{
    Began, Completed, ConductorRecord, Counts, CountsWindow, DecisionRecord, EventRecord,
    FORGOTTEN, Findings, HearingNote, Keeping, Memory, Prune, Request, RequestKind, Rows,
    StandingRecord, Surveyed, Sweep, Takeover, Window, WindowDone,
};
pub use write::import::{ImportCount, Importer, NodeUpsert, import};
pub use write::ledger::SqlLedger;
pub use write::operator::{Held, NewStream, Operator};
pub use write::outbox::SqlOutbox;
pub use write::pause::Pause;
pub use write::sweep::request;
