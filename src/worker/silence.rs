//! Silences: conductors whose deadline passed before an own tick was sent that has come back.
//!
//! A mass of them may fall due at one instant, after each takeover for example. So the tick only
//! collects them; they are ended a bounded number at a time (L1), each judged again by what is known
//! then, with ticks, stops and operators' commands in between.

use super::batch::Batch;
use super::cost::Spent;
use super::end::{Fault, Step};
use super::left_alone;
use super::lines::log_decisions;
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::Place;
use super::unheeded;
use crate::domain::ids::ConductorName;
use crate::domain::time::Mono;
use crate::store::StoreError;
use crate::telemetry;

/// Ends as many silent conductors as fit into one transaction.
pub(super) async fn end_silent<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
    step: &mut Step,
) -> Result<(), Fault> {
    let (now, rows) = (clock.now(), place.rows());
    let commit = place.commit(|term| {
        if term.silent.is_empty() {
            return None;
        }
        let mut ids = || clock.id();
        let mut batch = Batch::new(term, rules, now, &mut ids);
        while batch.rows() < rows && batch.end_next_silent() {}
        // Notes ride with what comes: none of them is worth a silence.
        Some(batch.finish(0))
    });
    let Some(commit) = commit else {
        return Ok(());
    };
    let written = match commit.prepared.writes_nothing() {
        true => Ok(()),
        false => ledger.commit(commit.epoch, &commit.prepared.findings).await,
    };
    let ended = commit.prepared.findings.conductors.iter();
    let ended: Vec<ConductorName> = ended.map(|known| known.name.clone()).collect();
    let rows_written = commit.prepared.rows;
    let outcome = commit.outcome(written);
    let spent = Spent::since(now.mono, clock, ledger);
    let (done, ()) = match outcome {
        Ok(done) => done,
        Err(fault) if fault.is_about_rows() => {
            step.worked = true;
            not_stored(place, ended, rows_written, &fault, now.mono);
            return Ok(());
        }
        Err(fault) => return Err(too_much(place, fault)),
    };
    unheeded::told(place, &done, now);
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    term.rows.took(rows, done.rows, spent);
    telemetry::INTAKE.took(spent.took);
    log_decisions(&done.findings, term.epoch);
    step.worked = true;
    Ok(())
}

/// Silences that the database will never take together: half of them, down to the one conductor that
/// is at fault. It goes on counting as it did, and the others are not held up by it.
fn not_stored(
    place: &mut Place,
    mut ended: Vec<ConductorName>,
    rows: u64,
    fault: &StoreError,
    now: Mono,
) {
    let Some(term) = place.term_mut() else {
        return;
    };
    if ended.len() == 1
        && let Some(alone) = ended.pop()
    {
        left_alone::log("silence", alone.as_str(), fault);
        term.left_conductors.put(alone, now);
        return;
    }
    tracing::warn!(
        fault = telemetry::error_chain(fault),
        conductors = ended.len(),
        "silences cannot be stored together; storing fewer at once"
    );
    if !ended.is_empty() {
        term.rows.refused(rows);
    }
    for name in ended.into_iter().rev() {
        term.silent.push_front(name);
    }
}

/// A transaction of decisions that failed may have been too much at once: the next one is smaller.
pub(super) fn too_much(place: &mut Place, fault: StoreError) -> Fault {
    if let Some(term) = place.term_mut() {
        term.rows.failed();
    }
    fault.into()
}
