//! How a step goes, and how a session ends.

use crate::broker::BrokerError;
use crate::domain::committed::Loss;
use crate::store::StoreError;

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Step {
    /// Deliveries handled and acknowledged.
    pub handled: usize,
    /// Nodes that changed; there is something to announce.
    pub moved: u64,
    /// Whether something else was done (a window without a change, a sweep).
    pub worked: bool,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// Another replica holds the epoch, or took one while this one had its first deliveries in hand. Nothing
    /// more may be done with what it remembers, or with what it has.
    #[error("another replica has taken over since epoch {0}")]
    Fenced(u64),
    /// The database went back. A new stream has begun, or will with the next takeover.
    #[error("the database has lost {0}")]
    Lost(Box<Loss>),
    /// A replica on another database consumes the same queue.
    #[error(
        "a replica of another database (stream {0}) ticks on our queue: \
         stop it, or give it a queue of its own; nothing is acknowledged meanwhile"
    )]
    ForeignStream(String),
    /// The broker.
    #[error("broker: {0}")]
    Broker(#[from] BrokerError),
    /// The database, in a way that waiting in place did not heal.
    #[error("database: {0}")]
    Store(StoreError),
    /// This replica stands still although broker and database answer.
    #[error("{0}; the session begins again")]
    Wedged(&'static str),
}

/// What interrupts a step: the end of the session, or a fault of the database to sit out.
pub(super) enum Fault {
    End(End),
    /// The database failed. What a commit was about is in doubt already.
    Store(StoreError),
}

impl From<End> for Fault {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<StoreError> for Fault {
    fn from(fault: StoreError) -> Self {
        match fault {
            StoreError::Fenced(epoch) => Self::End(End::Fenced(epoch)),
            StoreError::Lost(loss) => Self::End(End::Lost(loss)),
            StoreError::Transient { .. }
            | StoreError::Permanent { .. }
            | StoreError::Unopened(_)
            | StoreError::NoFile { .. }
            | StoreError::Missing { .. }
            | StoreError::Denied(_)
            | StoreError::Schema(_)
            | StoreError::Url(_)
            | StoreError::Corrupt(_) => Self::Store(fault),
        }
    }
}

impl From<BrokerError> for Fault {
    fn from(fault: BrokerError) -> Self {
        Self::End(End::Broker(fault))
    }
}

/// The result, if its fault is none, or one of rows alone that the caller leaves aside; all else interrupts the step.
pub(super) fn unless_about_rows<T>(
    result: Result<T, StoreError>,
) -> Result<Result<T, StoreError>, Fault> {
    match result {
        Err(fault) if !fault.is_about_rows() => Err(fault.into()),
        result => Ok(result),
    }
}
