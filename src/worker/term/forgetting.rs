//! [`Forgetting`]: what is gone and still to be forgotten.

use std::collections::{BTreeSet, VecDeque};

use crate::domain::change::Standing;
use crate::domain::ids::{ConductorName, Pair};
use crate::domain::map::DriverMap;
use crate::domain::time::Now;
use crate::store::Sweep;
use crate::worker::rules::Rules;
use crate::worker::window::WindowSize;

/// At most so many at once, however fast the database is.
const MOST: u32 = 1000;

/// What is still to be forgotten.
#[derive(Debug)]
pub(in crate::worker) struct Forgetting {
    conductors: VecDeque<ConductorName>,
    /// Pairs that no conductor names: forgotten if no node and no hold does either.
    unnamed: VecDeque<Pair>,
    /// Lost pairs that were only ever decided to be unknown.
    unwanted: VecDeque<Pair>,
    /// How many at once: each costs a statement or two.
    pub(in crate::worker) size: WindowSize,
}

impl Default for Forgetting {
    fn default() -> Self {
        Self {
            conductors: VecDeque::new(),
            unnamed: VecDeque::new(),
            unwanted: VecDeque::new(),
            size: WindowSize::of_statements(MOST),
        }
    }
}

impl Forgetting {
    /// What there is to forget now. What a sweep has begun is done first, or the last ones' turn
    /// might never come.
    pub(in crate::worker) fn begin(
        &mut self,
        map: &DriverMap,
        called_unknown: &BTreeSet<Pair>,
        rules: &Rules,
        now: Now,
    ) {
        if self.len() > 0 {
            return;
        }
        let after = u64::try_from(rules.forget_after.as_millis()).unwrap_or(u64::MAX);
        let conductors = map.gone_since(now.wall_ms.saturating_sub(after));
        let gone: BTreeSet<ConductorName> = conductors.iter().cloned().collect();
        self.unnamed = map.unnamed(&gone).into();
        self.unwanted = match rules.unknown_after {
            Some(_) => VecDeque::new(),
            None => {
                let lost = |pair: &&Pair| map.standing(pair) == Some(Standing::Lost);
                called_unknown.iter().filter(lost).cloned().collect()
            }
        };
        self.conductors = conductors.into();
    }

    /// How much is left to look at.
    pub(in crate::worker) fn len(&self) -> usize {
        self.conductors.len() + self.unnamed.len() + self.unwanted.len()
    }

    /// The next part, of one kind, as of `map`: what was heard again meanwhile is kept.
    pub(in crate::worker) fn next(&mut self, map: &DriverMap, now_ms: u64) -> Sweep {
        let mut part = Sweep {
            now_ms,
            ..Sweep::default()
        };
        let size = self.size.next() as usize;
        // The conductors first, that name pairs.
        if !self.conductors.is_empty() {
            part.forget = take(&mut self.conductors, size);
            part.forget.retain(|name| {
                map.conductor(name)
                    .is_some_and(|known| !known.counts_as_active())
            });
        } else if !self.unnamed.is_empty() {
            part.unnamed = take(&mut self.unnamed, size);
            part.unnamed
                .retain(|pair| map.supporters(pair).next().is_none());
        } else {
            part.unwanted = take(&mut self.unwanted, size);
        }
        part
    }
}

fn take<T>(all: &mut VecDeque<T>, size: usize) -> Vec<T> {
    all.drain(..size.min(all.len())).collect()
}
