//! [`Forgetting`]: what is gone and still to be forgotten.

use std::collections::{BTreeSet, VecDeque};

use crate::domain::ids::{ConductorName, Pair};
use crate::domain::map::DriverMap;
use crate::domain::time::Now;
use crate::store::Sweep;
use crate::worker::rules::Rules;

/// Of a kind in one transaction: up to two statements each, three seconds at 10 ms to the database.
const AT_ONCE: usize = 50;

/// What is still to be forgotten.
#[derive(Debug, Default)]
pub(in crate::worker) struct Forgetting {
    conductors: VecDeque<ConductorName>,
    /// Pairs that no conductor names: forgotten if no node and no hold does either.
    unnamed: VecDeque<Pair>,
    /// Lost pairs, of which those are forgotten that were only ever decided to be unknown.
    unwanted: VecDeque<Pair>,
}

impl Forgetting {
    /// What there is to forget now.
    pub(in crate::worker) fn of(map: &DriverMap, rules: &Rules, now: Now) -> Self {
        let after = u64::try_from(rules.forget_after.as_millis()).unwrap_or(u64::MAX);
        let conductors = map.gone_since(now.wall_ms.saturating_sub(after));
        let gone: BTreeSet<ConductorName> = conductors.iter().cloned().collect();
        Self {
            unnamed: map.unnamed(&gone).into(),
            unwanted: match rules.unknown_after {
                Some(_) => VecDeque::new(),
                None => map.lost().cloned().collect(),
            },
            conductors: conductors.into(),
        }
    }

    /// How much is left to look at.
    pub(in crate::worker) fn len(&self) -> usize {
        self.conductors.len() + self.unnamed.len() + self.unwanted.len()
    }

    /// The next part, as of `map`: what was heard again meanwhile is kept.
    pub(in crate::worker) fn next(&mut self, map: &DriverMap, now_ms: u64) -> Sweep {
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
