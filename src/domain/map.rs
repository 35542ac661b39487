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
#[derive(Debug, Clone, Default)]
pub struct DriverMap {
    conductors: BTreeMap<ConductorName, Conductor>,
    standings: BTreeMap<Pair, Standing>,
    active: BTreeMap<Pair, BTreeSet<ConductorName>>,
    /// The conductors that support each pair, whether they count or not.
    supporters: BTreeMap<Pair, BTreeSet<ConductorName>>,
    /// What changed since the last [`settle`](Self::settle): the conductors as they were then.
    before: BTreeMap<ConductorName, Option<Conductor>>,
}

/// Two maps are equal if they know the same, whenever that was committed.
impl PartialEq for DriverMap {
    fn eq(&self, other: &Self) -> bool {
        self.conductors == other.conductors && self.standings == other.standings
    }
}

impl Eq for DriverMap {}

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
        map.settle();
        map
    }

    /// What changed so far is committed.
    pub fn settle(&mut self) {
        self.before.clear();
    }

    /// The conductors that changed since the last [`settle`](Self::settle).
    pub fn changed(&self) -> impl Iterator<Item = &ConductorName> {
        self.before.keys()
    }

    /// A conductor as it was at the last [`settle`](Self::settle), if it changed since.
    #[must_use]
    pub fn before(&self, name: &ConductorName) -> Option<&Conductor> {
        self.before.get(name)?.as_ref()
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
            self.remove(name);
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
    pub fn unnamed(&self, gone: &BTreeSet<ConductorName>) -> Vec<Pair> {
        let named = |pair: &Pair| {
            let supporters = self.supporters.get(pair);
            supporters.is_some_and(|names| names.iter().any(|name| !gone.contains(name)))
        };
        let pairs = self.standings.keys();
        pairs.filter(|pair| !named(pair)).cloned().collect()
    }

    /// Forgets a pair that no conductor makes active: it counts as never having had one.
    pub fn forget_pair(&mut self, pair: &Pair) {
        if !self.active.contains_key(pair) {
            self.standings.remove(pair);
        }
    }

    fn put(&mut self, conductor: Conductor) {
        let name = conductor.name.clone();
        let before = self.conductors.get(&name).cloned();
        self.before.entry(name.clone()).or_insert(before);
        let same_pairs = self.conductors.get(&name).is_some_and(|before| {
            before.group == conductor.group
                && before.drivers == conductor.drivers
                && before.counts_as_active() == conductor.counts_as_active()
        });
        if !same_pairs {
            self.remove(&name);
            for pair in conductor.pairs() {
                if conductor.counts_as_active() {
                    let names = self.active.entry(pair.clone()).or_default();
                    names.insert(name.clone());
                }
                let names = self.supporters.entry(pair).or_default();
                names.insert(name.clone());
            }
        }
        self.conductors.insert(name, conductor);
    }

    fn remove(&mut self, name: &ConductorName) {
        let Some(before) = self.conductors.remove(name) else {
            return;
        };
        for pair in before.pairs() {
            for names_of in [&mut self.active, &mut self.supporters] {
                if let Some(names) = names_of.get_mut(&pair) {
                    names.remove(name);
                    if names.is_empty() {
                        names_of.remove(&pair);
                    }
                }
            }
        }
    }

    /// The conductors that support `pair`, whether they count or not.
    pub fn supporters(&self, pair: &Pair) -> impl Iterator<Item = &Conductor> {
        let names = self.supporters.get(pair).into_iter().flatten();
        names.filter_map(|name| self.conductors.get(name))
    }

    /// How many conductors are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.conductors.len()
    }

    /// Whether no conductor is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conductors.is_empty()
    }

    /// How many pairs have a standing.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.standings.len()
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
