//! Pairs that nodes need and that never had a conductor: a typing error at a node, or a conductor that
//! is yet to come.
//!
//! Not knowing is no proof. A verdict needs an own tick that came back fresh, a conductor that is known
//! at all (an empty map knows nothing), the whole grace since the pair was first seen so by this
//! replica, and as long without a sign of conductors that are not known well: their `joined` may be
//! on its way (I7).

use std::collections::BTreeMap;
use std::time::Duration;

use super::change::{Cause, CauseKind, Standing, Turn, Verdict};
use super::conductor::Outcome;
use super::hearing::Hearing;
use super::ids::Pair;
use super::map::DriverMap;
use super::time::Mono;

/// Which pairs are unknown, and since when; kept in memory alone, so a takeover begins anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknown {
    since: BTreeMap<Pair, Mono>,
    /// When a bare heartbeat last came from a conductor, or an incarnation, that is not known.
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
    /// All that nodes need and nothing was ever decided about, as of `now`. It counts for nothing as
    /// long as no conductor is known: the first one that joins is not the last.
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

    /// An event led to `outcome`.
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
        let nobody_is_known = map.conductors().next().is_none();
        if nobody_is_known || self.doubted.is_some_and(|doubted| !lasted(doubted)) {
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
