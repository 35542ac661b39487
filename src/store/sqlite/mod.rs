//! SQLite: one file, one host, many processes.
//!
//! Write-ahead log, `synchronous = FULL` (a commit that was reported survives a power cut), and
//! `BEGIN IMMEDIATE` for every writing transaction, so that it either has the file's one write
//! lock from the start or has not begun.

mod intake;
mod inventory;
mod ledger;
mod memory;
mod open;
mod outbox;
mod reader;
mod reconcile;
mod sql;
mod sweep;
mod views;

pub use inventory::import;
pub use ledger::SqliteLedger;
pub use open::{TransactionWatch, Unwatched, Writer, migrate};
pub use outbox::SqliteOutbox;
pub use reader::SqliteReader;
pub use sweep::request;

/// A number for a column: the database has no unsigned integers. Nothing we count comes near 2⁶³.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A text from a column of somebody else's, which need not be UTF-8. The same bytes always give the
/// same text, so what is announced stays a function of stored rows (I4).
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|fault| String::from_utf8_lossy(fault.as_bytes()).into_owned())
}

/// A number from a column; a negative one can only be somebody else's.
fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
