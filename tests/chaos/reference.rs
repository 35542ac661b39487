//! [`Reference`]: one worker that handles each event once, in the order in which the broker has them;
//! written from the contract alone. Only for conductors that time does nothing to.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Kind, Pair, Said};

/// What is decided of a pair, and the event that tipped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub pair: Pair,
    pub verdict: String,
    pub event: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Active,
    Left,
    TimedOut,
}

/// One conductor, as far as it was heard.
#[derive(Debug, Clone)]
pub struct Known {
    pub incarnation: u64,
    pub life: Life,
    pub group: String,
    pub drivers: BTreeSet<String>,
    /// The latest `sent_at_ms` of this incarnation.
    pub sent_at_ms: Option<u64>,
}

#[derive(Default)]
pub struct Reference {
    pub conductors: BTreeMap<String, Known>,
    handled: BTreeSet<(String, String)>,
    /// Whether a pair that was active once is active now.
    active: BTreeMap<Pair, bool>,
    pub decided: Vec<Verdict>,
}

impl Reference {
    pub fn lost(&self) -> BTreeSet<&Pair> {
        let lost = self.active.iter().filter(|(_, active)| !**active);
        lost.map(|(pair, _)| pair).collect()
    }

    /// Handles an event that the broker has.
    pub fn handle(&mut self, said: &Said) {
        if said.conflict || !self.handled.insert(said.key()) {
            return;
        }
        let known = self.conductors.get(&said.conductor);
        let Some(next) = next(known, said) else {
            return;
        };
        let before = known.map(pairs).unwrap_or_default();
        let after = pairs(&next);
        self.conductors.insert(said.conductor.clone(), next);
        for pair in before.union(&after) {
            self.look(pair, &said.id);
        }
    }

    fn look(&mut self, pair: &Pair, event: &str) {
        let active = self
            .conductors
            .values()
            .any(|known| pairs(known).contains(pair));
        let verdict = match (self.active.get(pair), active) {
            (Some(true), false) => "lost",
            (Some(false), true) => "restored",
            // One that no conductor ever served is not lost.
            (None, false) => return,
            _ => {
                self.active.insert(pair.clone(), active);
                return;
            }
        };
        self.active.insert(pair.clone(), active);
        self.decided.push(Verdict {
            pair: pair.clone(),
            verdict: verdict.to_owned(),
            event: event.to_owned(),
        });
    }
}

fn pairs(known: &Known) -> BTreeSet<Pair> {
    if known.life != Life::Active {
        return BTreeSet::new();
    }
    let pair = |driver: &String| (known.group.clone(), driver.clone());
    known.drivers.iter().map(pair).collect()
}

/// What a conductor is after an event; nothing if the event changes nothing.
fn next(known: Option<&Known>, said: &Said) -> Option<Known> {
    if known.is_some_and(|known| said.incarnation < known.incarnation) {
        return None;
    }
    let same = known.filter(|known| known.incarnation == said.incarnation);
    match (said.kind, &said.drivers) {
        (Kind::Joined | Kind::Heartbeat, Some(drivers)) => {
            if same.is_some_and(|known| known.life == Life::Left) {
                return None;
            }
            let before = same.and_then(|known| known.sent_at_ms);
            Some(Known {
                incarnation: said.incarnation,
                life: Life::Active,
                group: said.group.to_ascii_lowercase(),
                drivers: drivers.iter().cloned().collect(),
                sent_at_ms: before.max(Some(said.sent_at_ms)),
            })
        }
        (Kind::Joined | Kind::Heartbeat, None) => {
            let known = same.filter(|known| known.life != Life::Left)?;
            Some(Known {
                life: Life::Active,
                sent_at_ms: known.sent_at_ms.max(Some(said.sent_at_ms)),
                ..known.clone()
            })
        }
        (Kind::Left, _) => ended(known?, said, Life::Left),
        (Kind::TimedOut, _) => {
            let later = |known: &Known| known.sent_at_ms > said.last_seen_ms;
            if said.last_seen_ms.is_some() && same.is_some_and(later) {
                return None;
            }
            if same.is_some_and(|known| known.life == Life::Left) {
                return None;
            }
            ended(known?, said, Life::TimedOut)
        }
    }
}

fn ended(known: &Known, said: &Said, life: Life) -> Option<Known> {
    Some(Known {
        incarnation: said.incarnation,
        life,
        ..known.clone()
    })
}
