//! Retention: old records go in small transactions, one a step, until nothing is due (L2); each
//! sweep begins it again.

use std::collections::VecDeque;
use std::time::Duration;

use super::end::{Fault, Step, is_about_rows};
use super::ports::{Clock, Ledger};
use super::term::Place;
use super::window::WindowSize;
use crate::domain::receipt::Receipts;
use crate::store::{Keeping, Prune};
use crate::telemetry;

/// At most so many rows in one transaction, however fast the database is.
const MOST_ROWS: u32 = 20_000;

/// What is still to be dropped.
#[derive(Debug)]
pub(super) struct Retention {
    due: VecDeque<(Prune, u64)>,
    rows: WindowSize,
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
    pub(super) fn begin(
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
    pub(super) fn len(&self) -> usize {
        self.due.len()
    }
}

/// Drops what fits into one transaction.
pub(super) async fn drop_old<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    step: &mut Step,
) -> Result<(), Fault> {
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    let Some((what, before_ms)) = term.retention.due.front().copied() else {
        return Ok(());
    };
    let (rows, began) = (term.retention.rows.next(), clock.now().mono);
    let dropped = match ledger.prune(term.epoch, what, before_ms, rows).await {
        Ok(dropped) => dropped,
        Err(fault) if is_about_rows(&fault) => {
            tracing::error!(
                fault = telemetry::error_chain(&fault),
                "old {what:?} cannot be dropped; the next sweep tries again"
            );
            term.retention.due.pop_front();
            return Ok(());
        }
        Err(fault) => {
            // It may have been too much at once; and others shall have their turn.
            term.retention.rows.failed();
            term.retention.due.rotate_left(1);
            return Err(fault.into());
        }
    };
    if what == Prune::Receipts {
        term.receipts.forget(before_ms);
    }
    let took = clock.now().mono.since(began);
    term.retention.rows.took(rows, dropped, took);
    if dropped < u64::from(rows) {
        term.retention.due.pop_front();
    }
    step.worked = true;
    Ok(())
}
