//! What this process knows to be committed, of its own database and from other replicas: kept in memory,
//! longer than any session, so that a database that went back is recognised.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::committed::Committed;
use crate::store::write::pause::Pause;

/// The furthest point of the history that is known to be committed. Cheap to clone; clones share it. Only
/// what certainly was committed may get in: a COMMIT whose reply was lost is none.
#[derive(Debug, Clone, Default)]
pub struct Known(Arc<Mutex<Inner>>);

/// What no replica commits, or numbers, between two looks of another: years at any rate there is.
const MOST_COMMITS: u64 = 1 << 32;

/// What no replicas take between two looks of another.
const MOST_EPOCHS: u64 = 1_000_000;

#[derive(Debug, Default)]
struct Inner {
    furthest: Option<Committed>,
    /// What the database was last seen to have: what others say is measured against it.
    seen: Option<Committed>,
    next_stream: String,
    follows: Option<Committed>,
    pause: Option<Pause>,
}

impl Known {
    /// That point; `None`: nothing was seen of the database yet.
    #[must_use]
    pub fn furthest(&self) -> Option<Committed> {
        self.lock().furthest.clone()
    }

    /// Another replica says that it knows this. It counts in the stream that this process knows as that of
    /// its database, and if the database can have come so far since this process saw it.
    pub fn told(&self, other: &Committed) {
        let Inner { furthest, seen, .. } = &mut *self.lock();
        let (Some(known), Some(seen)) = (furthest, seen) else {
            return;
        };
        if is_plausible(seen, other) {
            known.learn(other);
        }
    }

    /// If commits are found to be lost, a stream of this id begins: a UUID that was never used.
    pub fn provide(&self, stream: String) {
        self.lock().next_stream = stream;
    }

    /// The database has this. Another stream takes the place of the one that was known: the caller
    /// knows that it came after.
    pub fn seen(&self, found: Committed) {
        let Inner { furthest, seen, .. } = &mut *self.lock();
        *seen = Some(found.clone());
        match furthest {
            Some(known) if known.stream == found.stream => known.learn(&found),
            known => *known = Some(found),
        }
    }

    /// The database had this, and the session in line had been given nothing by then: an epoch that it takes
    /// follows that one at once. One that another replica took since may have seen what comes after the
    /// deliveries of this session.
    pub fn follow(&self, found: Committed) {
        self.lock().follows = Some(found);
    }

    /// What an epoch must follow that is taken now; `None`: whatever there is.
    #[must_use]
    pub fn follows(&self) -> Option<Committed> {
        self.lock().follows.clone()
    }

    /// This is the pause, or there is none, in a database that misses nothing.
    pub fn paused(&self, pause: Option<Pause>) {
        self.lock().pause = pause;
    }

    /// The pause as it was last seen: a database that has lost it is paused all the same.
    #[must_use]
    pub fn pause(&self) -> Option<Pause> {
        self.lock().pause.clone()
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

/// Whether a database that was `seen` like that can have come as far as `other`.
fn is_plausible(seen: &Committed, other: &Committed) -> bool {
    let ahead = |other: u64, seen: u64| other.saturating_sub(seen);
    ahead(other.epoch, seen.epoch) <= MOST_EPOCHS
        && ahead(other.seq, seen.seq) <= MOST_COMMITS
        && ahead(other.commits, seen.commits) <= MOST_COMMITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: u64, seq: u64, commits: u64) -> Committed {
        Committed {
            stream: "s".to_owned(),
            epoch,
            seq,
            commits,
        }
    }

    #[test]
    fn what_no_database_can_have_come_to_is_not_believed_however_often_it_is_said() {
        let known = Known::default();
        known.told(&at(1, 2, 3));
        assert_eq!(known.furthest(), None, "nothing was seen yet");
        known.seen(at(1, 2, 3));
        for forged in [
            at(1, 2, 4 + MOST_COMMITS),
            at(1, 3 + MOST_COMMITS, 3),
            at(2 + MOST_EPOCHS, 2, 3),
            at(1 << 53, 1 << 53, 1 << 53),
        ] {
            known.told(&forged);
            assert_eq!(known.furthest(), Some(at(1, 2, 3)), "{forged:?}");
        }
        let far = at(1 + MOST_EPOCHS, 2 + MOST_COMMITS, 3 + MOST_COMMITS);
        known.told(&far);
        assert_eq!(known.furthest(), Some(far.clone()));
        // What was said moves no bound: only what is seen does.
        known.told(&at(1, 2, 4 + MOST_COMMITS));
        assert_eq!(known.furthest(), Some(far));
    }
}
