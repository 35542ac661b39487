//! The active driver map: which conductors make which pair active.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::change::{Change, Standing, Turn};
use super::conductor::{Conductor, Life};
use super::ids::{ConductorName, Pair};

/// Every conductor that is known, what each pair should be, and who makes it so.
///
/// Guarantee: after every [`apply`](Self::apply), a pair has the standing `Active` exactly if a
/// conductor that counts supports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DriverMap {
    conductors: BTreeMap<ConductorName, Conductor>,
    standings: BTreeMap<Pair, Standing>,
    active: BTreeMap<Pair, BTreeSet<ConductorName>>,
}

impl DriverMap {
    /// The map as stored.
    #[must_use]
    pub fn load(
        conductors: impl IntoIterator<Item = Conductor>,
        standings: impl IntoIterator<Item = (Pair, Standing)>,
    ) -> Self {
        let mut map = Self {
            standings: standings.into_iter().collect(),
            ..Self::default()
        };
        for conductor in conductors {
            map.put(conductor);
        }
        map
    }

    /// Makes one turn so that no conductor brought about.
    pub fn turn(&mut self, turn: &Turn) {
        self.standings.insert(turn.pair.clone(), turn.to);
    }

    /// Makes a decision's change so.
    pub fn apply(&mut self, change: &Change) {
        if let Some(conductor) = &change.conductor {
            self.put(conductor.clone());
        }
        for turn in &change.turns {
            self.turn(turn);
        }
    }

    /// Puts every deadline off by `stall`.
    pub fn postpone(&mut self, stall: Duration) {
        for conductor in self.conductors.values_mut() {
            conductor.heard = conductor.heard.plus(stall);
            if let Life::Leaving { until } = &mut conductor.life {
                *until = until.plus(stall);
            }
        }
    }

    /// Forgets a conductor that does not count; returns whether it was known and gone.
    pub fn forget(&mut self, name: &ConductorName) -> bool {
        let gone = self
            .conductors
            .get(name)
            .is_some_and(|known| !known.counts_as_active());
        if gone {
            self.conductors.remove(name);
        }
        gone
    }

    /// Conductors that do not count and have been gone since before `before_ms`.
    #[must_use]
    pub fn gone_since(&self, before_ms: u64) -> Vec<ConductorName> {
        self.conductors
            .values()
            .filter(|known| !known.counts_as_active() && known.since_ms < before_ms)
            .map(|known| known.name.clone())
            .collect()
    }

    /// Pairs that have a standing and that no conductor names, but those in `gone`.
    #[must_use]
    pub fn unnamed(&self, gone: &[ConductorName]) -> Vec<Pair> {
        let mut unnamed: BTreeSet<Pair> = self.standings.keys().cloned().collect();
        for conductor in self.conductors.values() {
            if !gone.contains(&conductor.name) {
                for pair in conductor.pairs() {
                    unnamed.remove(&pair);
                }
            }
        }
        unnamed.into_iter().collect()
    }

    /// Forgets a pair that no conductor makes active: it counts as never having had one.
    pub fn forget_pair(&mut self, pair: &Pair) {
        if !self.active.contains_key(pair) {
            self.standings.remove(pair);
        }
    }

    fn put(&mut self, conductor: Conductor) {
        if let Some(before) = self.conductors.remove(&conductor.name) {
            for pair in before.pairs() {
                if let Some(names) = self.active.get_mut(&pair) {
                    names.remove(&before.name);
                    if names.is_empty() {
                        self.active.remove(&pair);
                    }
                }
            }
        }
        if conductor.counts_as_active() {
            for pair in conductor.pairs() {
                self.active
                    .entry(pair)
                    .or_default()
                    .insert(conductor.name.clone());
            }
        }
        self.conductors.insert(conductor.name.clone(), conductor);
    }

    /// One conductor.
    #[must_use]
    pub fn conductor(&self, name: &ConductorName) -> Option<&Conductor> {
        self.conductors.get(name)
    }

    /// All conductors, by name.
    pub fn conductors(&self) -> impl Iterator<Item = &Conductor> {
        self.conductors.values()
    }

    /// What `pair` should be; `None`: it never had an active conductor.
    #[must_use]
    pub fn standing(&self, pair: &Pair) -> Option<Standing> {
        self.standings.get(pair).copied()
    }

    /// All pairs that have a standing.
    pub fn standings(&self) -> impl Iterator<Item = (&Pair, Standing)> {
        self.standings
            .iter()
            .map(|(pair, standing)| (pair, *standing))
    }

    /// All pairs whose nodes should be out.
    pub fn lost(&self) -> impl Iterator<Item = &Pair> {
        self.standings()
            .filter(|(_, standing)| *standing == Standing::Lost)
            .map(|(pair, _)| pair)
    }

    /// Whether any conductor but `except` makes `pair` active.
    #[must_use]
    pub fn active_without(&self, pair: &Pair, except: &ConductorName) -> bool {
        self.active
            .get(pair)
            .is_some_and(|names| names.iter().any(|name| name != except))
    }

    /// How many conductors make each pair active; pairs without one are absent.
    pub fn active(&self) -> impl Iterator<Item = (&Pair, usize)> {
        self.active.iter().map(|(pair, names)| (pair, names.len()))
    }
}
