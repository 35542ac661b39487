//! Forgetting conductors gone for too long and pairs that nothing names. Each sweep finds them;
//! they go a bounded number at a time (L1), one transaction a step.

use super::end::{Fault, Step, unless_about_rows};
use super::ports::{Clock, Ledger};
use super::term::Place;
use crate::telemetry;

pub(super) async fn forget_gone<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    step: &mut Step,
) -> Result<(), Fault> {
    let now = clock.now();
    let mut size = 0;
    let commit = place.commit(|term| {
        if term.forgetting.len() == 0 {
            return None;
        }
        size = term.forgetting.size.next();
        let part = term.forgetting.next(&term.map, now.wall_ms);
        for name in &part.forget {
            term.map.forget(name);
            term.unheeded.forget(name);
        }
        Some(part)
    });
    let Some(commit) = commit else {
        return Ok(());
    };
    let forgotten = match commit.prepared.is_empty() {
        true => Ok(Vec::new()),
        false => ledger.begin_sweep(commit.epoch, &commit.prepared).await,
    };
    step.worked = true;
    let forgotten = commit.outcome(forgotten);
    let took = clock.now().mono.since(now.mono);
    if let Some(term) = place.term_mut() {
        match &forgotten {
            Ok((part, _)) => {
                let parts = part.forget.len() + part.unnamed.len() + part.unwanted.len();
                term.forgetting.size.took(size, parts as u64, took);
            }
            Err(_) => term.forgetting.size.failed(),
        }
    }
    let (part, forgotten) = match unless_about_rows(forgotten)? {
        Ok(done) => done,
        Err(fault) => {
            tracing::error!(
                fault = telemetry::error_chain(&fault),
                "what is gone cannot be forgotten; the next sweep tries again"
            );
            return Ok(());
        }
    };
    for name in &part.forget {
        tracing::info!(
            conductor = telemetry::printable(name.as_str()),
            "forgotten: gone for longer than decide.forget_after"
        );
    }
    if let Some(term) = place.deciding() {
        for pair in &forgotten {
            term.map.forget_pair(pair);
        }
    }
    Ok(())
}
