//! [`Retention`]: what is kept for too long and still to be dropped.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::receipt::Receipts;
use crate::store::{Keeping, Prune};
use crate::worker::window::WindowSize;

/// At most so many rows in one transaction, however fast the database is.
const MOST_ROWS: u32 = 20_000;

/// What is still to be dropped.
#[derive(Debug)]
pub(in crate::worker) struct Retention {
    pub(in crate::worker) due: VecDeque<(Prune, u64)>,
    pub(in crate::worker) rows: WindowSize,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            due: VecDeque::new(),
            rows: WindowSize::up_to(MOST_ROWS),
        }
    }
}

impl Retention {
    /// Everything is looked at again, as of `now_ms`. A kind whose `keep` is `None` is left alone.
    pub(in crate::worker) fn begin(
        &mut self,
        keeping: Keeping,
        drop_events: bool,
        receipts: &Receipts,
        now_ms: u64,
    ) {
        let before = |keep: Duration| {
            now_ms.saturating_sub(u64::try_from(keep.as_millis()).unwrap_or(u64::MAX))
        };
        // All of them are remembered: most sweeps find none that is due, and commit nothing.
        let old_receipts = receipts.has_older(before(keeping.announced));
        self.due = [
            (Prune::Events, drop_events.then_some(keeping.events)),
            (Prune::Changes, Some(keeping.announced)),
            (Prune::Announcements, Some(keeping.announced)),
            (Prune::Decisions, Some(keeping.decisions)),
            (Prune::Requests, Some(keeping.decisions)),
            (Prune::Receipts, old_receipts.then_some(keeping.announced)),
        ]
        .into_iter()
        .filter_map(|(what, keep)| Some((what, before(keep?))))
        .collect();
    }

    /// How many kinds are still to be looked at.
    pub(in crate::worker) fn len(&self) -> usize {
        self.due.len()
    }
}
