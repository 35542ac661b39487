//! Retention: old records go in small transactions, one a step, until nothing is due (L2); each
//! sweep begins it again.

use super::cost::Spent;
use super::end::{Fault, Step};
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::Place;
use crate::store::Prune;
use crate::telemetry;

/// Drops what fits into one transaction.
pub(super) async fn drop_old<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
    step: &mut Step,
) -> Result<(), Fault> {
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    let Some((what, before_ms)) = term.retention.due.front().copied() else {
        return Ok(());
    };
    let (rows, began) = (term.retention.rows.next(), clock.now().mono);
    let dropped = ledger.prune(term.epoch, what, before_ms, rows).await;
    let dropped = match dropped.map_err(Fault::from) {
        Ok(dropped) => dropped,
        Err(end @ Fault::End(_)) => return Err(end),
        Err(Fault::Store(fault)) => {
            // Old rows that another session has locked are no reason to hold up decisions (L4); of a database
            // that is gone the next look tells. It may have been too much at once.
            let now = clock.now().mono;
            if term.retention.failed(now, rules.sweep_interval) {
                tracing::warn!(
                    fault = telemetry::error_chain(&fault),
                    "old {what:?} cannot be dropped; tried again ten sweeps later"
                );
            }
            step.worked = true;
            return Ok(());
        }
    };
    if what == Prune::Receipts {
        term.receipts.forget(before_ms);
    }
    let spent = Spent::since(began, clock, ledger);
    term.retention.rows.took(rows, dropped, spent);
    if dropped < u64::from(rows) {
        term.retention.due.pop_front();
    }
    step.worked = true;
    Ok(())
}
