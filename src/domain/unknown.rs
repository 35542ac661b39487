//! Pairs that nodes need and that never had a conductor: a typo at a node, or a conductor yet to come.
//!
//! A verdict needs a fresh tick, a known conductor, and the whole grace since this replica first saw the pair so,
//! without a sign of conductors that are not known well: their `joined` may be on its way (I7).

use std::collections::BTreeMap;
use std::time::Duration;

use super::change::{Cause, CauseKind, Standing, Turn, Verdict};
use super::conductor::Outcome;
use super::hearing::Hearing;
use super::ids::Pair;
use super::map::DriverMap;
use super::time::Mono;

/// Which pairs are unknown, and since when; kept in memory alone, so a takeover begins again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknown {
    since: BTreeMap<Pair, Mono>,
    /// When a bare heartbeat last came from a conductor, or an incarnation, that is not known. A time-out of
    /// one is no sign of it.
    doubted: Option<Mono>,
}

/// For how long what must last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graces {
    /// For a pair to be unknown.
    pub unknown: Duration,
    /// After a takeover or a gap of our own.
    pub reconnect: Duration,
}

impl Unknown {
    /// All pairs that nodes need and nothing was decided about. Nothing counts until a conductor is known.
    pub fn see(&mut self, pairs: &[Pair], map: &DriverMap, now: Mono) {
        let pairs = match map.conductors().next() {
            Some(_) => pairs,
            None => &[],
        };
        self.since = pairs
            .iter()
            .map(|pair| {
                let since = self.since.get(pair).copied().unwrap_or(now);
                (pair.clone(), since)
            })
            .collect();
    }

    /// Nodes need these no longer: should they again, the grace begins again.
    pub fn forget(&mut self, pairs: &[Pair]) {
        self.since.retain(|pair, _| !pairs.contains(pair));
    }

    /// A sign of life led to `outcome`.
    pub fn heard(&mut self, outcome: Outcome, now: Mono) {
        if matches!(outcome, Outcome::Unknown | Outcome::NewerUnjoined) {
            self.doubted = Some(now);
        }
    }

    /// Puts what began off by `stall`, a time in which we could not hear.
    pub fn postpone(&mut self, stall: Duration) {
        for since in self.since.values_mut().chain(&mut self.doubted) {
            *since = since.plus(stall);
        }
    }

    /// The pairs whose grace is over, judged against the sending instant of a fresh own tick.
    #[must_use]
    pub fn due(&self, map: &DriverMap, hearing: &Hearing, sent: Mono, graces: Graces) -> Vec<Pair> {
        let lasted = |began| hearing.lasted(began, graces.unknown, sent, graces.reconnect);
        let none_is_known = map.conductors().next().is_none();
        if none_is_known || self.doubted.is_some_and(|doubted| !lasted(doubted)) {
            return Vec::new();
        }
        self.since
            .iter()
            .filter(|(pair, since)| lasted(**since) && map.standing(pair).is_none())
            .map(|(pair, _)| pair.clone())
            .collect()
    }
}

/// The verdict about such a pair.
#[must_use]
pub fn verdict(pair: Pair) -> Turn {
    Turn {
        pair,
        to: Standing::Lost,
        verdict: Some(Verdict::Unknown),
        cause: Cause {
            conductor: None,
            kind: CauseKind::NeverSeen,
        },
        last_good_at_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::conductor::Life;
    use super::super::example::{at, conductor, living, pair};
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    const GRACES: Graces = Graces {
        unknown: Duration::from_secs(60),
        reconnect: Duration::from_secs(60),
    };

    /// A takeover at 0 s, with a fresh tick and probe at once.
    fn hearing() -> Hearing {
        let mut hearing = Hearing::from(at(0));
        hearing.tick(at(0), at(0));
        hearing.probe(at(0), at(0));
        hearing
    }

    /// A map in which one conductor serves `a`.
    fn map() -> DriverMap {
        DriverMap::load([conductor("c", &["a"])], [(pair("a"), Standing::Active)])
    }

    /// `z` was seen at 100 s.
    fn seen() -> Unknown {
        let mut unknown = Unknown::default();
        unknown.see(&[pair("z")], &map(), at(100));
        unknown
    }

    #[test]
    fn a_pair_is_due_once_its_grace_is_over_and_everything_that_speaks_against_it() {
        type Case = (&'static str, fn(&mut Unknown, &mut DriverMap), u64, bool);
        #[rustfmt::skip]
        let table: &[Case] = &[
            ("before its grace is over", |_, _| {}, 160, false),
            ("after it", |_, _| {}, 161, true),
            ("seen again: it began when it was first seen", |u, m| u.see(&[pair("z")], m, at(150)), 161, true),
            ("not seen in between: it begins again", |u, m| { u.see(&[], m, at(120)); u.see(&[pair("z")], m, at(150)); }, 161, false),
            ("corrected since", |u, m| u.see(&[], m, at(150)), 1000, false),
            ("it has a standing by now", |_, m| m.turn(&verdict(pair("z"))), 161, false),
            ("somebody is heard that is not known", |u, _| u.heard(Outcome::Unknown, at(150)), 161, false),
            ("an incarnation is heard that did not join", |u, _| u.heard(Outcome::NewerUnjoined, at(150)), 161, false),
            ("long enough after that", |u, _| u.heard(Outcome::Unknown, at(150)), 211, true),
            ("other events say nothing about it", |u, _| u.heard(Outcome::Applied, at(150)), 161, true),
            ("time in which we could not hear counts for nothing", |u, _| u.postpone(S(2)), 161, false),
            ("and no longer than it lasted", |u, _| u.postpone(S(2)), 163, true),
            ("no conductor is known", |_, m| *m = DriverMap::default(), 1000, false),
            ("one that left is known, too", |_, m| *m = DriverMap::load([living(Life::Left, "c", &["a"])], []), 161, true),
        ];
        for (what, then, sent, expected) in table {
            let (mut unknown, mut map) = (seen(), map());
            then(&mut unknown, &mut map);
            let due = unknown.due(&map, &hearing(), at(*sent), GRACES);
            let expected = if *expected {
                vec![pair("z")]
            } else {
                Vec::new()
            };
            assert_eq!(due, expected, "{what}");
        }
    }

    #[test]
    fn what_is_seen_while_no_conductor_is_known_counts_for_nothing() {
        let mut unknown = Unknown::default();
        unknown.see(&[pair("z")], &DriverMap::default(), at(100));
        assert_eq!(unknown, Unknown::default());
    }

    #[test]
    fn nothing_is_due_while_deaf() {
        let mut hearing = hearing();
        hearing.no_way(at(0));
        assert_eq!(seen().due(&map(), &hearing, at(1000), GRACES), []);
    }

    #[test]
    fn the_verdict_names_no_conductor_and_no_sign_of_life() {
        let expected = Turn {
            pair: pair("z"),
            to: Standing::Lost,
            verdict: Some(Verdict::Unknown),
            cause: Cause {
                conductor: None,
                kind: CauseKind::NeverSeen,
            },
            last_good_at_ms: None,
        };
        assert_eq!(verdict(pair("z")), expected);
    }
}
