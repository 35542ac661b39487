//! Verdicts about pairs that never had a conductor (`decide.unknown_driver = "take_out"`): a sweep
//! asks which are so, a fresh tick may prove that one was so for long enough.

use super::end::{Fault, Step, unless_about_rows};
use super::lines::log_decisions;
use super::ports::{Clock, Ledger};
use super::redecide::{ROWS, not_stored};
use super::rules::Rules;
use super::silence::too_much;
use super::term::Place;
use crate::config::Mode;
use crate::domain::change::Verdict;
use crate::domain::ids::Pair;
use crate::domain::time::Now;
use crate::domain::unknown::{self, Graces};
use crate::store::{DecisionRecord, Findings, StandingRecord, StoreError};
use crate::telemetry;

/// At most so many pairs are watched.
const UNKNOWN_AT_ONCE: u32 = 1000;

/// At most so many are judged in one step: each costs a look-up, a round trip to the database (L1).
const LOOKED_UP: usize = 50;

/// The pairs that are so; `None` if they cannot be read: then nothing is decided about any.
pub(super) async fn pairs<L: Ledger>(ledger: &mut L) -> Result<Option<Vec<Pair>>, Fault> {
    read(ledger.unknown_pairs(UNKNOWN_AT_ONCE).await)
}

fn read(pairs: Result<Vec<Pair>, StoreError>) -> Result<Option<Vec<Pair>>, Fault> {
    let pairs = unless_about_rows(pairs)?.inspect_err(|fault| {
        tracing::error!(
            fault = telemetry::error_chain(fault),
            "pairs that never had a conductor cannot be read; the next sweep tries again"
        );
    });
    Ok(pairs.ok())
}

/// Decides about pairs whose grace is over.
pub(super) async fn judge<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
    step: &mut Step,
) -> Result<(), Fault> {
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    let (Some(grace), Some(sent)) = (rules.unknown_after, term.fresh.take()) else {
        return Ok(());
    };
    let graces = Graces {
        unknown: grace,
        reconnect: rules.reconnect_grace,
    };
    let now = clock.now();
    let mut due = term.unknown.due(&term.map, &term.hearing, sent, graces);
    due.retain(|pair| !term.left_pairs.has(pair, now.mono));
    if due.is_empty() {
        return Ok(());
    }
    // What does not fit into one transaction has its turn in the next step (L1).
    let most = (u64::from(term.rows.next()) / ROWS).max(1);
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(LOOKED_UP);
    if due.len() > most {
        due.truncate(most);
        term.fresh = Some(sent);
    }
    // The last sweep may be a minute old: a node that was corrected since must not be judged.
    // What cannot be read is decided later: its grace begins again.
    let pairs = read(ledger.needed(&due).await)?.unwrap_or_default();
    due.retain(|pair| !pairs.contains(pair));
    term.unknown.forget(&due);
    if pairs.is_empty() {
        return Ok(());
    }
    let commit = place.commit(|term| {
        let findings = verdicts(pairs, clock, rules, now);
        for decision in &findings.decisions {
            term.map.turn(&decision.turn);
            term.turned(&decision.turn.pair);
        }
        findings
    });
    let Some(commit) = commit else {
        return Ok(());
    };
    let written = ledger.commit(commit.epoch, &commit.prepared).await;
    let pairs: Vec<Pair> = commit.prepared.pairs().cloned().collect();
    let (findings, ()) = match commit.outcome(written) {
        Ok(done) => done,
        Err(fault) if fault.is_about_rows() => {
            step.worked = true;
            if let Some(term) = place.term_mut() {
                term.fresh = Some(sent);
            }
            not_stored(place, "unknown", pairs, &fault, now.mono);
            return Ok(());
        }
        Err(fault) => return Err(too_much(place, fault)),
    };
    if let Some(term) = place.deciding() {
        log_decisions(&findings, term.epoch);
        step.worked = true;
    }
    Ok(())
}

fn verdicts<C: Clock>(pairs: Vec<Pair>, clock: &C, rules: &Rules, now: Now) -> Findings {
    let decisions: Vec<DecisionRecord> = pairs
        .into_iter()
        .map(|pair| DecisionRecord {
            id: clock.id(),
            verdict: Verdict::Unknown,
            turn: unknown::verdict(pair),
            decided_at_ms: now.wall_ms,
        })
        .collect();
    Findings {
        now_ms: now.wall_ms,
        standings: decisions
            .iter()
            .map(|decision| StandingRecord {
                pair: decision.turn.pair.clone(),
                standing: decision.turn.to,
            })
            .collect(),
        decisions,
        observed: rules.mode == Mode::Observe,
        ..Findings::default()
    }
}
