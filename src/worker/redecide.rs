//! Losses that were only observed, under `decide.mode = "observe"`, and are now to be carried out: each
//! is decided again, now and by this epoch, for the same cause. What was observed stays as it is.

use std::collections::BTreeMap;

use super::end::{Fault, Step};
use super::pausing::Pausing;
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::{Place, Term};
use super::verdicts::{self, ROWS};
use crate::config::Mode;
use crate::domain::change::{Turn, Verdict};
use crate::domain::ids::Pair;
use crate::domain::time::Mono;
use crate::store::Findings;

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
    let now = clock.now();
    let prepare = |term: &mut Term| {
        // Events that were queued before the takeover may still change what they were about.
        if !term.hearing.proven() || pausing.is_on() || next(term, now.mono).is_none() {
            return None;
        }
        let rows = u64::from(term.rows.next());
        let mut findings = Findings {
            now_ms: now.wall_ms,
            ..Findings::default()
        };
        while ROWS * (findings.decisions.len() as u64) < rows {
            let next = next(term, now.mono);
            let Some(turn) = next.and_then(|pair| term.observed.remove(&pair)) else {
                break;
            };
            if term.map.standing(&turn.pair) == Some(turn.to) {
                term.turned(&turn.pair);
                verdicts::add(&mut findings, turn, clock.id());
            }
        }
        Some(findings)
    };
    verdicts::commit(place, ledger, now.mono, step, "observed", prepare).await?;
    Ok(())
}

fn next(term: &Term, now: Mono) -> Option<Pair> {
    let mut pairs = term.observed.keys();
    pairs.find(|pair| !term.left_pairs.has(pair, now)).cloned()
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
