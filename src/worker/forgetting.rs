//! Forgetting conductors gone for too long and pairs that nothing names. Each sweep finds them;
//! they go a bounded number at a time (L1), one transaction a step.

use std::collections::{BTreeSet, VecDeque};

use super::end::{Fault, Step, is_about_rows};
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::{Place, Term};
use crate::domain::ids::{ConductorName, Pair};
use crate::domain::time::Now;
use crate::store::Sweep;
use crate::telemetry;

/// Of a kind in one transaction: up to two statements each, three seconds at 10 ms to the database.
const AT_ONCE: usize = 50;

/// What is still to be forgotten.
#[derive(Debug, Default)]
pub(super) struct Forgetting {
    conductors: VecDeque<ConductorName>,
    /// Pairs that no conductor names: forgotten if no node and no hold does either.
    unnamed: VecDeque<Pair>,
    /// Lost pairs, of which those are forgotten that were only ever decided to be unknown.
    unwanted: VecDeque<Pair>,
}

impl Forgetting {
    /// What there is to forget now.
    pub(super) fn of(term: &Term, rules: &Rules, now: Now) -> Self {
        let after = u64::try_from(rules.forget_after.as_millis()).unwrap_or(u64::MAX);
        let conductors = term.map.gone_since(now.wall_ms.saturating_sub(after));
        let gone: BTreeSet<ConductorName> = conductors.iter().cloned().collect();
        Self {
            unnamed: term.map.unnamed(&gone).into(),
            unwanted: match rules.unknown_after {
                Some(_) => VecDeque::new(),
                None => term.map.lost().cloned().collect(),
            },
            conductors: conductors.into(),
        }
    }

    /// How much is left to look at.
    pub(super) fn len(&self) -> usize {
        self.conductors.len() + self.unnamed.len() + self.unwanted.len()
    }

    /// The next part, as of `term`: what was heard again meanwhile is kept.
    fn next(&mut self, map: &crate::domain::map::DriverMap, now_ms: u64) -> Sweep {
        let mut forget = take(&mut self.conductors);
        forget.retain(|name| {
            map.conductor(name)
                .is_some_and(|known| !known.counts_as_active())
        });
        // Only once the conductors are gone that name them.
        let unnamed = match self.conductors.is_empty() && forget.is_empty() {
            true => take(&mut self.unnamed),
            false => Vec::new(),
        };
        let named = map.unnamed(&BTreeSet::new());
        let named: BTreeSet<&Pair> = named.iter().collect();
        Sweep {
            restarting: Vec::new(),
            forget,
            unnamed: unnamed
                .into_iter()
                .filter(|pair| named.contains(pair))
                .collect(),
            unwanted: take(&mut self.unwanted),
            announces: false,
            pause: None,
            now_ms,
        }
    }
}

fn take<T>(all: &mut VecDeque<T>) -> Vec<T> {
    all.drain(..AT_ONCE.min(all.len())).collect()
}

/// Forgets what fits into one transaction.
pub(super) async fn forget_gone<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    step: &mut Step,
) -> Result<(), Fault> {
    if place
        .deciding()
        .is_none_or(|term| term.forgetting.len() == 0)
    {
        return Ok(());
    }
    let now_ms = clock.now().wall_ms;
    let commit = place.commit(|term| {
        let part = term.forgetting.next(&term.map, now_ms);
        for name in &part.forget {
            term.map.forget(name);
            term.unheeded.forget(name);
        }
        part
    });
    let Some(commit) = commit else {
        return Ok(());
    };
    let forgotten = ledger.begin_sweep(commit.epoch, &commit.prepared).await;
    step.worked = true;
    let (part, forgotten) = match commit.outcome(forgotten) {
        Ok(done) => done,
        Err(fault) if is_about_rows(&fault) => {
            tracing::error!(
                fault = telemetry::error_chain(&fault),
                "what is gone cannot be forgotten; the next sweep tries again"
            );
            return Ok(());
        }
        Err(fault) => return Err(fault.into()),
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
