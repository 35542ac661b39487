//! Losses that were only observed, under `decide.mode = "observe"`, and are now to be carried out: each
//! is decided again, now and by this epoch, for the same cause. What was observed stays as it is.

use std::collections::BTreeMap;

use super::end::{Fault, Step};
use super::left_alone;
use super::lines::log_decisions;
use super::pausing::Pausing;
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::silence::too_much;
use super::term::{Place, Term};
use crate::config::Mode;
use crate::domain::change::{Turn, Verdict};
use crate::domain::ids::Pair;
use crate::domain::time::Mono;
use crate::store::{DecisionRecord, Findings, StandingRecord, StoreError};
use crate::telemetry;

/// Rows that a verdict comes to: it, the one before it, and the standing.
pub(super) const ROWS: u64 = 3;

/// What of the observed losses these rules carry out, by pair.
pub(super) fn wanted(observed: Vec<Turn>, rules: &Rules) -> BTreeMap<Pair, Turn> {
    let carried_out =
        |turn: &Turn| turn.verdict != Some(Verdict::Unknown) || rules.unknown_after.is_some();
    let wanted = match rules.mode {
        Mode::Observe => Vec::new(),
        Mode::Enforce => observed,
    };
    let wanted = wanted.into_iter().filter(carried_out);
    wanted.map(|turn| (turn.pair.clone(), turn)).collect()
}

pub(super) async fn redecide<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    pausing: &Pausing,
    step: &mut Step,
) -> Result<(), Fault> {
    // Events that were queued before the takeover may still change what they were about.
    let now = clock.now();
    let ready = |place: &mut Place| {
        let term = place.deciding()?;
        let ready = term.hearing.proven() && !pausing.is_on() && next(term, now.mono).is_some();
        ready.then(|| term.rows.next())
    };
    let Some(rows) = ready(place) else {
        return Ok(());
    };
    let commit = place.commit(|term| {
        let mut findings = Findings {
            now_ms: now.wall_ms,
            ..Findings::default()
        };
        while ROWS * (findings.decisions.len() as u64) < u64::from(rows) {
            let next = next(term, now.mono);
            let Some(turn) = next.and_then(|pair| term.observed.remove(&pair)) else {
                break;
            };
            if term.map.standing(&turn.pair) != Some(turn.to) {
                continue;
            }
            term.turned(&turn.pair);
            findings.standings.push(StandingRecord {
                pair: turn.pair.clone(),
                standing: turn.to,
            });
            findings.decisions.push(DecisionRecord {
                id: clock.id(),
                verdict: turn.verdict.unwrap_or(Verdict::Lost),
                turn,
                decided_at_ms: now.wall_ms,
            });
        }
        findings
    });
    let Some(commit) = commit else {
        return Ok(());
    };
    let written = match commit.prepared.decisions.is_empty() {
        true => Ok(()),
        false => ledger.commit(commit.epoch, &commit.prepared).await,
    };
    let pairs: Vec<Pair> = commit.prepared.pairs().cloned().collect();
    let (findings, ()) = match commit.outcome(written) {
        Ok(done) => done,
        Err(fault) if fault.is_about_rows() => {
            step.worked = true;
            not_stored(place, "observed", pairs, &fault, now.mono);
            return Ok(());
        }
        Err(fault) => return Err(too_much(place, fault)),
    };
    if let Some(term) = place.deciding() {
        log_decisions(&findings, term.epoch);
    }
    step.worked = true;
    Ok(())
}

fn next(term: &Term, now: Mono) -> Option<Pair> {
    let mut pairs = term.observed.keys();
    pairs.find(|pair| !term.left_pairs.has(pair, now)).cloned()
}

/// Verdicts that the database will never take together: half of them, down to the one that is at
/// fault. Its pair stays as it is.
pub(super) fn not_stored(
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::change::{Cause, CauseKind, Standing};
    use crate::domain::example::pair;

    fn observed(driver: &str, verdict: Verdict) -> Turn {
        Turn {
            pair: pair(driver),
            to: Standing::Lost,
            verdict: Some(verdict),
            cause: Cause {
                conductor: None,
                kind: CauseKind::Silence,
            },
            last_good_at_ms: Some(900),
        }
    }

    #[test]
    fn what_is_decided_again_depends_on_the_rules() {
        let (lost, unknown) = (
            observed("a", Verdict::Lost),
            observed("z", Verdict::Unknown),
        );
        type Case = (&'static str, fn(&mut Rules), Vec<Turn>);
        let table: [Case; 3] = [
            ("what is lost", |_| {}, vec![lost.clone()]),
            (
                "unknown pairs where they are to go out",
                |rules| rules.unknown_after = Some(Duration::ZERO),
                vec![lost.clone(), unknown.clone()],
            ),
            (
                "nothing while it is only observed again",
                |rules| rules.mode = Mode::Observe,
                Vec::new(),
            ),
        ];
        for (what, set, expected) in table {
            let mut rules = Rules::example();
            set(&mut rules);
            let wanted = wanted(vec![unknown.clone(), lost.clone()], &rules);
            assert_eq!(wanted.into_values().collect::<Vec<_>>(), expected, "{what}");
        }
    }
}
