//! The only place that knows SQL and the database library.
//!
//! One contract for the deciding loop ([`Ledger`]), one for the relay ([`Outbox`]), one for those
//! who only look ([`Reader`]), and what operators' commands write ([`Operator`]). Every method of the
//! first two is exactly one transaction. The code is written once; the statements of each dialect are
//! in files of their own (`sql/`), by the same names in the same order, and the tables in
//! `schemas/sql/`.

mod contract;
mod database;
mod inventory;
mod ironic;
mod look;
mod migrate;
mod records;
mod sql;
mod tables;
mod write;

pub use contract::{Ledger, Outbox};
pub use database::durability::weak_durability;
pub use database::error::StoreError;
pub use database::link::{TransactionWatch, Unwatched, Writer};
pub use ironic::conductors::{ConductorsOfIronic, IronicConductor, make_bridge_tables};
pub use ironic::numbers::NumberOfConductor;
pub use look::reader::Reader;
pub use look::views::{
    ActionView, ConductorView, DecisionView, DriverView, HoldReason, HoldView, NodeFacts, NodeLine,
    Observed, Overview, PairFacts, RequestView, ServiceState, SnapshotPage,
};
pub use migrate::{migrate, prepare};
pub use records::{
    Completed, ConductorRecord, DecisionRecord, EventRecord, Findings, Keeping, Memory, Prune,
    Request, RequestKind, Rows, StandingRecord, Surveyed, Sweep, Takeover, Window, WindowDone,
};
pub use write::import::{ImportCount, Importer, NodeUpsert, import};
pub use write::ledger::SqlLedger;
pub use write::operator::{Held, NewStream, Operator};
pub use write::outbox::SqlOutbox;
pub use write::pause::Pause;
pub use write::sweep::request;
