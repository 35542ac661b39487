//! Verdicts that no delivery brought: what they write, and what becomes of those that the database will
//! not take.

use super::end::{Fault, Step};
use super::left_alone;
use super::lines::log_decisions;
use super::ports::Ledger;
use super::silence::too_much;
use super::term::{Place, Term};
use crate::domain::change::{Turn, Verdict};
use crate::domain::ids::Pair;
use crate::domain::time::Mono;
use crate::store::{DecisionRecord, Findings, StandingRecord, StoreError};
use crate::telemetry;

/// Rows that a verdict comes to: it, the one before it, and the standing.
pub(super) const ROWS: u64 = 3;

/// Adds the verdict of `turn`, under a new `id`.
pub(super) fn add(findings: &mut Findings, turn: Turn, id: String) {
    findings.standings.push(StandingRecord {
        pair: turn.pair.clone(),
        standing: turn.to,
    });
    findings.decisions.push(DecisionRecord {
        id,
        verdict: turn.verdict.unwrap_or(Verdict::Lost),
        turn,
        decided_at_ms: findings.now_ms,
    });
}

/// Commits the verdicts that `prepare` finds, if it finds any. Returns whether they could be stored; `kind` says
/// in the log what they are.
pub(super) async fn commit<L: Ledger>(
    place: &mut Place,
    ledger: &mut L,
    now: Mono,
    step: &mut Step,
    kind: &'static str,
    prepare: impl FnOnce(&mut Term) -> Option<Findings>,
) -> Result<bool, Fault> {
    let Some(commit) = place.commit(prepare) else {
        return Ok(true);
    };
    let epoch = commit.epoch;
    let written = match commit.prepared.decisions.is_empty() {
        true => Ok(()),
        false => ledger.commit(epoch, &commit.prepared).await,
    };
    let pairs: Vec<Pair> = commit.prepared.pairs().cloned().collect();
    let stored = match commit.outcome(written) {
        Ok((findings, ())) => {
            log_decisions(&findings, epoch);
            true
        }
        Err(fault) if fault.is_about_rows() => {
            not_stored(place, kind, pairs, &fault, now);
            false
        }
        Err(fault) => return Err(too_much(place, fault)),
    };
    step.worked = true;
    Ok(stored)
}

/// Verdicts that the database will never take together: half of them, down to the one that is at
/// fault. Its pair stays as it is.
fn not_stored(
    place: &mut Place,
    kind: &'static str,
    mut pairs: Vec<Pair>,
    fault: &StoreError,
    now: Mono,
) {
    let Some(term) = place.term_mut() else {
        return;
    };
    if pairs.len() == 1
        && let Some(alone) = pairs.pop()
    {
        left_alone::log(kind, &alone.to_string(), fault);
        term.left_pairs.put(alone, now);
        return;
    }
    tracing::warn!(
        fault = telemetry::error_chain(fault),
        pairs = pairs.len(),
        "verdicts cannot be stored together; storing fewer at once"
    );
    term.rows.refused(ROWS * pairs.len() as u64);
}
