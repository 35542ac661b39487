//! SQLite: one file, one host, many processes.
//!
//! Write-ahead log, `synchronous = FULL` (a commit that was reported survives a power cut), and
//! `BEGIN IMMEDIATE` for every writing transaction, so that it either has the file's one write
//! lock from the start or has not begun.

mod intake;
mod inventory;
mod ledger;
mod open;
mod outbox;
mod reader;
mod reconcile;
mod sql;
mod sweep;

pub use inventory::import;
pub use ledger::SqliteLedger;
pub use open::{TransactionWatch, Unwatched, migrate};
pub use outbox::SqliteOutbox;
pub use reader::SqliteReader;
pub use sweep::{Keeping, request};

/// A number for a column: the database has no unsigned integers. Nothing we count comes near 2⁶³.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number from a column; a negative one can only be somebody else's.
fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
