//! Silences: conductors whose deadline passed before an own tick was sent that has come back.
//!
//! A mass of them may fall due at one instant, after each takeover for example. So the tick only
//! collects them; they are ended a bounded number at a time (L1), each judged again by what is known
//! then, with ticks, stops and operators' commands in between.

use super::batch::{Batch, log_decisions};
use super::end::{Fault, Step};
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::Place;
use crate::telemetry;

/// Ends as many silent conductors as fit into one transaction.
pub(super) async fn end_silent<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
    step: &mut Step,
) -> Result<(), Fault> {
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    let Some(rows) = (!term.silent.is_empty()).then(|| term.rows.next()) else {
        return Ok(());
    };
    let now = clock.now();
    let commit = place.commit(|term| {
        let mut ids = || clock.id();
        let mut batch = Batch::new(term, rules, now, &mut ids);
        while batch.rows() < rows && batch.end_next_silent() {}
        batch.finish()
    });
    let Some(commit) = commit else {
        return Ok(());
    };
    let written = match commit.prepared.writes_nothing() {
        true => Ok(()),
        false => ledger.commit(commit.epoch, &commit.prepared.findings).await,
    };
    let outcome = commit.outcome(written);
    let took = clock.now().mono.since(now.mono);
    let (done, ()) = match outcome {
        Ok(done) => done,
        Err(fault) => return Err(too_much(place, fault)),
    };
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    term.rows.took(rows, done.rows, took);
    telemetry::INTAKE.took(took);
    log_decisions(&done.findings, term.epoch);
    step.worked = true;
    Ok(())
}

/// A transaction that failed may have been too much at once: the next one is smaller.
pub(super) fn too_much(place: &mut Place, fault: crate::store::StoreError) -> Fault {
    place.shrink();
    fault.into()
}
