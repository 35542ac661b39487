//! What this process knows to be committed, of its own database and from other replicas: kept in memory,
//! longer than any session, so that a database that went back is recognised.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::committed::Committed;

/// The furthest point of the history that is known to be committed. Cheap to clone; clones share it. Only
/// what certainly was committed may get in: a COMMIT whose reply was lost is none.
#[derive(Debug, Clone, Default)]
pub struct Known(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    furthest: Option<Committed>,
    next_stream: String,
}

impl Known {
    /// That point; `None`: nothing was seen of the database yet.
    #[must_use]
    pub fn furthest(&self) -> Option<Committed> {
        self.lock().furthest.clone()
    }

    /// Another replica knows this. It counts in the stream that this process knows as that of its database.
    pub fn told(&self, other: &Committed) {
        if let Some(known) = &mut self.lock().furthest {
            known.learn(other);
        }
    }

    /// If commits are found to be lost, a stream of this id begins: a UUID that was never used.
    pub fn provide(&self, stream: String) {
        self.lock().next_stream = stream;
    }

    /// The database has this. Another stream takes the place of the one that was known: whoever calls
    /// this knows that it came after it.
    pub fn seen(&self, found: Committed) {
        match &mut self.lock().furthest {
            Some(known) if known.stream == found.stream => known.learn(&found),
            known => *known = Some(found),
        }
    }

    /// The id for a stream that begins.
    #[must_use]
    pub fn next_stream(&self) -> String {
        self.lock().next_stream.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
