//! [`Retention`]: what is kept for too long and still to be dropped.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::receipt::Receipts;
use crate::domain::time::{Mono, Now};
use crate::store::{Keeping, Prune};
use crate::worker::window::WindowSize;

/// At most so many rows in one transaction, however fast the database is.
const MOST_ROWS: u32 = 20_000;

/// A kind that failed twice in a sweep is not looked at in so many: another session may have locked its rows,
/// and each try waits for them, during which nothing is heard.
const PUT_OFF: u32 = 10;

/// What is still to be dropped.
#[derive(Debug)]
pub(in crate::worker) struct Retention {
    pub(in crate::worker) due: VecDeque<(Prune, u64)>,
    pub(in crate::worker) rows: WindowSize,
    /// It failed in this sweep.
    failed: Option<Prune>,
    /// Until when each is left alone.
    put_off: Vec<(Prune, Mono)>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            due: VecDeque::new(),
            rows: WindowSize::up_to(MOST_ROWS),
            failed: None,
            put_off: Vec::new(),
        }
    }
}

impl Retention {
    /// Everything is looked at again that is not put off. A kind whose `keep` is `None` is left alone.
    pub(in crate::worker) fn begin(
        &mut self,
        keeping: Keeping,
        drop_events: bool,
        receipts: &Receipts,
        now: Now,
    ) {
        let before = |keep: Duration| {
            let keep = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
            now.wall_ms.saturating_sub(keep)
        };
        self.failed = None;
        self.put_off.retain(|(_, until)| *until > now.mono);
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
        .filter(|(what, _)| self.put_off.iter().all(|(other, _)| other != what))
        .filter_map(|(what, keep)| Some((what, before(keep?))))
        .collect();
    }

    /// The first kind could not be dropped; it is tried once more, smaller. Whether it is put off.
    pub(in crate::worker) fn failed(&mut self, now: Mono, sweep_interval: Duration) -> bool {
        self.rows.failed();
        let Some((what, _)) = self.due.front().copied() else {
            return false;
        };
        let again = self.failed.replace(what) == Some(what);
        if again {
            self.due.pop_front();
            self.put_off
                .push((what, now.plus(sweep_interval * PUT_OFF)));
        }
        again
    }

    /// How many kinds are still to be looked at.
    pub(in crate::worker) fn len(&self) -> usize {
        self.due.len()
    }
}
