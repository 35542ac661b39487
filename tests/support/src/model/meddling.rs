//! What may come between a caller and the model: faults, lost replies and time, decided by the test
//! for each call.

use nodewarden::domain::ids::{ConductorName, Pair};
use nodewarden::store::StoreError;

use super::tables::Tables;

/// A call of the ledger, the outbox or an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Whose connection it is.
    pub by: String,
    /// The method's name.
    pub op: &'static str,
    /// The epoch that it wants to write in, if any.
    pub epoch: Option<u64>,
    /// Before: how many rows it may be about at most. After: how many it read or wrote.
    pub rows: u64,
    /// What became of it.
    pub ended: Ended,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It has not begun.
    NotYet,
    /// It only looked.
    Looked,
    /// Its transaction was committed.
    Committed,
    /// Its transaction was rolled back.
    RolledBack,
}

/// What happens to a call before it begins.
#[derive(Debug)]
pub enum Before {
    /// Nothing.
    Goes,
    /// It fails; nothing is written.
    Fails(StoreError),
    /// It is told that another replica has taken over; nothing is written.
    Fenced,
    /// This one row cannot be written: if the call writes it, it fails for good, and all of it is
    /// rolled back.
    Refuses(Row),
}

/// What happens to a call after its end.
#[derive(Debug)]
pub enum After {
    /// It is answered.
    Replies,
    /// It is answered with this error, whatever was committed.
    Loses(StoreError),
}

/// Comes between. It is asked one call at a time, and must not call the model itself.
pub trait Meddling: Send {
    /// Asked before each call.
    fn before(&mut self, _call: &Call) -> Before {
        Before::Goes
    }

    /// Told of each call that reached the database, with the tables as they are now: the place for
    /// oracles, and for the time that it took.
    fn after(&mut self, _call: &Call, _tables: &Tables) -> After {
        After::Replies
    }
}

/// A row that the database refuses to write, as a trigger or a constraint might.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// The mark of the node with this uuid.
    MarkOf(String),
    /// Events of this conductor.
    EventsOf(ConductorName),
    /// What is known of this conductor.
    Conductor(ConductorName),
    /// Decisions about this pair.
    DecisionsOf(Pair),
}

/// A fault that may pass by itself.
pub fn passing(doing: &'static str) -> StoreError {
    let cause = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
    StoreError::Transient { doing, cause }
}

/// A fault that stays with the same input.
pub fn lasting(doing: &'static str, why: &str) -> StoreError {
    let cause = sqlx::Error::Decode(why.into());
    StoreError::Permanent { doing, cause }
}
