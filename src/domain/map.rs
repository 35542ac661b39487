//! The active driver map: which conductors make which pair active.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::change::{Change, Standing, Turn};
use super::conductor::{Conductor, Life};
use super::ids::{ConductorName, Pair};

/// Every conductor that is known, what each pair should be, and which of them make it so.
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

    /// A conductor as it was at the last [`settle`](Self::settle).
    #[must_use]
    pub fn settled(&self, name: &ConductorName) -> Option<&Conductor> {
        match self.before.get(name) {
            Some(before) => before.as_ref(),
            None => self.conductor(name),
        }
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

    /// Puts every deadline off by `stall`, also of what a doubt may bring back.
    pub fn postpone(&mut self, stall: Duration) {
        let earlier = self.before.values_mut().flatten();
        for conductor in self.conductors.values_mut().chain(earlier) {
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

#[cfg(test)]
mod tests {
    use super::super::conductor::Outcome;
    use super::super::example::{at, conductor, living, name, pair};
    use super::super::time::Mono;
    use super::*;

    const RESTART: Life = Life::Leaving {
        until: Mono(Duration::from_secs(50)),
    };

    /// `c1` for `a` and `b`, `c2` for `b`, `gone` for `z`, and a pair that no conductor names.
    fn map() -> DriverMap {
        DriverMap::load(
            [
                conductor("c1", &["a", "b"]),
                living(RESTART, "c2", &["b"]),
                living(Life::Left, "gone", &["z"]),
            ],
            [
                (pair("a"), Standing::Active),
                (pair("b"), Standing::Active),
                (pair("old"), Standing::Lost),
                (pair("z"), Standing::Lost),
            ],
        )
    }

    fn active(map: &DriverMap) -> Vec<(Pair, usize)> {
        map.active()
            .map(|(pair, count)| (pair.clone(), count))
            .collect()
    }

    #[test]
    fn a_pair_is_active_by_every_conductor_that_counts_and_names_it() {
        type Case = (&'static str, Conductor, &'static [(&'static str, usize)]);
        #[rustfmt::skip]
        let table: &[Case] = &[
            ("as before", conductor("c1", &["a", "b"]), &[("a", 1), ("b", 2)]),
            ("fewer drivers", conductor("c1", &["b"]), &[("b", 2)]),
            ("other drivers", conductor("c1", &["x"]), &[("b", 1), ("x", 1)]),
            ("it left", living(Life::Left, "c1", &["a", "b"]), &[("b", 1)]),
            ("it was found silent", living(Life::TimedOut, "c1", &["a", "b"]), &[("b", 1)]),
            ("a planned restart counts", living(RESTART, "c1", &["a", "b"]), &[("a", 1), ("b", 2)]),
            ("one that was not known", conductor("c3", &["a"]), &[("a", 2), ("b", 2)]),
            ("one that was gone", conductor("gone", &["z"]), &[("a", 1), ("b", 2), ("z", 1)]),
        ];
        for (what, next, expected) in table {
            let mut map = map();
            map.apply(&Change {
                outcome: Outcome::Applied,
                conductor: Some(next.clone()),
                turns: Vec::new(),
            });
            let expected: Vec<(Pair, usize)> = expected
                .iter()
                .map(|(driver, count)| (pair(driver), *count))
                .collect();
            assert_eq!(active(&map), expected, "{what}");
            assert_eq!(map.conductor(&next.name), Some(next), "{what}");
        }
    }

    #[test]
    fn others_make_a_pair_active_only_if_they_count() {
        #[rustfmt::skip]
        let table = [
            ("nobody else", "a", "c1", false),
            ("another one in a planned restart", "b", "c1", true),
            ("one that has nothing to do with it", "a", "c2", true),
            ("only one that left", "z", "c1", false),
            ("a pair that is not known", "x", "c1", false),
        ];
        for (what, driver, except, expected) in table {
            let found = map().active_without(&pair(driver), &name(except));
            assert_eq!(found, expected, "{what}");
        }
    }

    #[test]
    fn only_a_conductor_that_does_not_count_is_forgotten() {
        for (text, expected) in [
            ("c1", false),
            ("c2", false),
            ("gone", true),
            ("never", false),
        ] {
            let mut map = map();
            assert_eq!(map.forget(&name(text)), expected, "{text}");
            let known = map.conductor(&name(text)).is_some();
            assert_eq!(known, !expected && text != "never", "{text}");
        }
    }

    #[test]
    fn gone_since_names_those_that_do_not_count_and_went_before() {
        assert_eq!(map().gone_since(1), [name("gone")]);
        assert_eq!(map().gone_since(0), []);
    }

    #[test]
    fn a_pair_is_unnamed_if_only_conductors_that_go_name_it() {
        let unnamed = |gone: &[&str]| map().unnamed(&gone.iter().map(|one| name(one)).collect());
        assert_eq!(unnamed(&[]), [pair("old")]);
        assert_eq!(unnamed(&["gone"]), [pair("old"), pair("z")]);
        let expected = [pair("a"), pair("old")];
        assert_eq!(unnamed(&["c1"]), expected, "b has c2");
    }

    #[test]
    fn a_pair_is_forgotten_unless_a_conductor_makes_it_active() {
        for (driver, expected) in [("a", Some(Standing::Active)), ("z", None), ("old", None)] {
            let mut map = map();
            map.forget_pair(&pair(driver));
            assert_eq!(map.standing(&pair(driver)), expected, "{driver}");
        }
    }

    #[test]
    fn supporters_of_a_pair_are_all_that_name_it_whether_they_count_or_not() {
        let mut map = map();
        let supporters = |map: &DriverMap, driver| {
            let pair = pair(driver);
            let found = map.supporters(&pair);
            found.map(|one| one.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(supporters(&map, "b"), [name("c1"), name("c2")]);
        assert_eq!(supporters(&map, "z"), [name("gone")]);
        map.forget(&name("gone"));
        assert_eq!(supporters(&map, "z"), []);
    }

    #[test]
    fn what_changed_is_known_as_it_was_until_it_is_settled() {
        let mut map = map();
        let left = |name| Change {
            outcome: Outcome::Applied,
            conductor: Some(living(Life::Left, name, &["b"])),
            turns: Vec::new(),
        };
        map.apply(&left("c1"));
        map.apply(&left("c1"));
        map.apply(&left("c3"));
        let changed: Vec<&ConductorName> = map.changed().collect();
        assert_eq!(changed, [&name("c1"), &name("c3")]);
        let before = conductor("c1", &["a", "b"]);
        assert_eq!(map.settled(&name("c1")), Some(&before), "not as in between");
        assert_eq!(map.settled(&name("c2")), map.conductor(&name("c2")));
        assert_eq!(map.settled(&name("c3")), None, "it was not known");
        map.settle();
        assert_eq!(map.changed().count(), 0);
        assert_eq!(map.settled(&name("c1")), map.conductor(&name("c1")));
    }

    #[test]
    fn a_stall_puts_every_deadline_off_and_changes_nothing_else() {
        let mut map = map();
        map.postpone(Duration::from_secs(3));
        let later = |conductor: Conductor| Conductor {
            heard: at(3),
            ..conductor
        };
        let restart = Life::Leaving { until: at(53) };
        let expected = [
            later(conductor("c1", &["a", "b"])),
            later(living(restart, "c2", &["b"])),
            later(living(Life::Left, "gone", &["z"])),
        ];
        assert_eq!(map.conductors().cloned().collect::<Vec<_>>(), expected);
        assert_eq!(active(&map), active(&self::map()));
    }

    #[test]
    fn i7_a_stall_also_puts_off_the_deadlines_as_they_were_before_a_commit_in_doubt() {
        let mut map = map();
        map.put(living(Life::Left, "c1", &["a"]));
        map.postpone(Duration::from_secs(3));
        let expected = Conductor {
            heard: at(3),
            ..conductor("c1", &["a", "b"])
        };
        assert_eq!(map.settled(&name("c1")), Some(&expected));
    }
}
