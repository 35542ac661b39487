//! Losses that were only observed, under `decide.mode = "observe"`, and are now to be carried out: each
//! is decided again, now and by this epoch, for the same cause. What was observed stays as it is.

use std::collections::BTreeMap;

use super::batch::log_decisions;
use super::end::{Fault, Step};
use super::pausing::Pausing;
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::silence::too_much;
use super::term::Place;
use crate::config::Mode;
use crate::domain::change::{Turn, Verdict};
use crate::domain::ids::Pair;
use crate::store::{DecisionRecord, Findings, StandingRecord};

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

/// Decides again about as many as fit into one transaction.
pub(super) async fn redecide<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    pausing: &Pausing,
    step: &mut Step,
) -> Result<(), Fault> {
    // Events that were queued before the takeover may still change what they were about.
    let ready = |place: &mut Place| {
        let term = place.deciding()?;
        let ready = !term.observed.is_empty() && term.hearing.proven() && !pausing.is_on();
        ready.then(|| term.rows.next())
    };
    let Some(rows) = ready(place) else {
        return Ok(());
    };
    let now = clock.now();
    let commit = place.commit(|term| {
        let mut findings = Findings {
            now_ms: now.wall_ms,
            ..Findings::default()
        };
        while findings.decisions.len() * 3 < rows as usize {
            let Some((_, turn)) = term.observed.pop_first() else {
                break;
            };
            if term.map.standing(&turn.pair) != Some(turn.to) {
                continue;
            }
            term.pending.turned(&turn.pair);
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
    let (findings, ()) = commit
        .outcome(written)
        .map_err(|fault| too_much(place, fault))?;
    if let Some(term) = place.deciding() {
        log_decisions(&findings, term.epoch);
    }
    step.worked = true;
    Ok(())
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
