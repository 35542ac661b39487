//! Retention: old records go in small transactions, one a step, until nothing is due (L2); each
//! sweep begins it again.

use super::cost::Spent;
use super::end::{Fault, Step};
use super::ports::{Clock, Ledger};
use super::term::Place;
use crate::store::Prune;
use crate::telemetry;

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
        Err(fault) if fault.is_about_rows() => {
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
    let (took, way) = (clock.now().mono.since(began), ledger.way());
    term.retention.rows.took(rows, dropped, Spent { took, way });
    if dropped < u64::from(rows) {
        term.retention.due.pop_front();
    }
    step.worked = true;
    Ok(())
}
