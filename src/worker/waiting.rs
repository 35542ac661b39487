//! The wait after a loss, stored while it runs: a successor goes on from there, and not from its beginning.

use super::end::{Fault, Step, unless_about_rows};
use super::ports::{Clock, Ledger};
use super::term::Place;
use crate::store::Findings;
use crate::telemetry;

/// Stores what is left to wait, if it is time.
pub(super) async fn keep<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    step: &mut Step,
) -> Result<(), Fault> {
    let now = clock.now();
    let commit = place.commit(|term| {
        let waits = term.recovery.as_mut()?.remainder(now.mono)?;
        Some(Findings {
            now_ms: now.wall_ms,
            waits: Some(waits),
            ..Findings::default()
        })
    });
    let Some(commit) = commit else {
        return Ok(());
    };
    let written = ledger.commit(commit.epoch, &commit.prepared).await;
    match unless_about_rows(commit.outcome(written))? {
        Ok((findings, ())) => {
            let recovery = place.deciding().and_then(|term| term.recovery.as_mut());
            if let (Some(recovery), Some((_, left))) = (recovery, findings.waits) {
                recovery.kept(left);
            }
            step.worked = true;
        }
        Err(fault) => tracing::error!(
            fault = telemetry::error_chain(&fault),
            "what is left to wait cannot be stored; it is tried again"
        ),
    }
    Ok(())
}
