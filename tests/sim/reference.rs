//! [`Reference`]: the one worker of I1, which handles each event once, in queue order. It is shown what
//! a replica committed, does the same by itself, and must come to the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nodewarden::domain::change::{CauseKind, Standing, Turn, Verdict};
use nodewarden::domain::conductor::Life;
use nodewarden::domain::decide::{decide, decide_silence};
use nodewarden::domain::event::Event;
use nodewarden::domain::ids::{ConductorName, EventId, Pair};
use nodewarden::domain::map::DriverMap;
use nodewarden::domain::time::{Mono, Now};
use nodewarden::store::{ConductorRecord, Findings};

/// What an event is known by.
pub type Key = (ConductorName, EventId);

/// An event that was published, and its places in the queue: more than one, if it was published again.
#[derive(Debug, Clone)]
pub struct Published {
    pub event: Event,
    pub places: Vec<u64>,
    /// Those of them that an operator gave it, from among the dead letters.
    pub requeued: Vec<u64>,
}

/// The worker.
#[derive(Default, Clone)]
pub struct Reference {
    pub map: DriverMap,
    handled: BTreeSet<Key>,
    /// Handled so long ago that the database has dropped them.
    pruned: BTreeSet<Key>,
    /// Handled in a part of the history that is lost.
    lost: BTreeSet<Key>,
    last_place: u64,
    /// Losses that were only observed, and not decided again since.
    pub observed: BTreeMap<Pair, Turn>,
    /// Time-outs, and whether one has changed, are not compared.
    pub any_timeout: bool,
}

/// What one commit came to.
#[derive(Debug, Default)]
pub struct Came {
    /// The conductors that were found silent.
    pub silent: Vec<ConductorName>,
    /// Those whose planned restart is over.
    pub overdue: Vec<ConductorName>,
    pub turns: Vec<Turn>,
    /// Pairs that are found never to have had a conductor.
    pub unknown: Vec<Pair>,
    /// How many losses are decided again that were only observed.
    pub again: u64,
}

impl Reference {
    /// Whether the effects of an event are committed, or were.
    pub fn has(&self, key: &Key) -> bool {
        self.knows(key) || self.lost.contains(key)
    }

    /// Whether they are, in a database that may have lost some.
    pub fn knows(&self, key: &Key) -> bool {
        self.handled.contains(key) || self.pruned.contains(key)
    }

    /// The database remembers only these events.
    pub fn prunes(&mut self, remembered: impl Fn(&Key) -> bool) {
        let pruned = self.handled.extract_if(.., |key| !remembered(key));
        self.pruned.extend(pruned);
    }

    /// The database has gone back to `before`.
    pub fn goes_back(&mut self, before: Self) {
        let mut lost = std::mem::take(&mut self.lost);
        lost.append(&mut self.handled);
        lost.append(&mut self.pruned);
        *self = Self { lost, ..before };
    }

    /// Does what a replica has committed, and says what differs.
    pub fn follow(
        &mut self,
        findings: &Findings,
        published: &BTreeMap<Key, Published>,
        cap: Duration,
        now: Duration,
    ) -> Result<Came, String> {
        let now = Now {
            wall_ms: findings.now_ms,
            mono: Mono(now),
        };
        let mut came = Came::default();
        for record in &findings.events {
            let key = (record.conductor.clone(), record.id.clone());
            let known = published.get(&key);
            let known = known.ok_or_else(|| format!("{key:?} was never published"))?;
            if !self.handled.insert(key.clone()) {
                return Err(format!("I1: {key:?} is handled twice"));
            }
            let place = known.places.iter().find(|place| **place > self.last_place);
            let place = place.ok_or_else(|| {
                let (places, last) = (&known.places, self.last_place);
                format!("I1: {key:?} at {places:?} is handled after what came later, {last}")
            })?;
            if self.pruned.contains(&key) && !known.requeued.contains(place) {
                return Err(format!(
                    "I1: {key:?} is handled again, and was not requeued"
                ));
            }
            self.last_place = *place;
            let change = decide(&self.map, &known.event, now, cap);
            if change.outcome != record.outcome && !self.any_timeout {
                let (ours, theirs) = (change.outcome, record.outcome);
                return Err(format!("I1: {key:?} is {theirs:?}, and must be {ours:?}"));
            }
            self.map.apply(&change);
            came.turns.extend(change.turns);
        }
        let again = findings.conductors.is_empty() && self.has_observed(findings);
        if findings.events.is_empty() && again {
            came.again = findings.decisions.len() as u64;
            let decisions = findings.decisions.iter();
            came.turns = decisions.map(|decision| decision.turn.clone()).collect();
        } else if findings.events.is_empty() {
            self.end(findings, now, &mut came);
        }
        self.compare(findings, &came)?;
        for turn in came.turns.iter().filter(|turn| turn.verdict.is_some()) {
            let observed = findings.observed && turn.to == Standing::Lost;
            match observed {
                true => drop(self.observed.insert(turn.pair.clone(), turn.clone())),
                false => drop(self.observed.remove(&turn.pair)),
            }
        }
        Ok(came)
    }

    /// Whether all decisions are those that were only observed, each as it was.
    fn has_observed(&self, findings: &Findings) -> bool {
        let mut decisions = findings.decisions.iter();
        let observed = |turn: &Turn| self.observed.get(&turn.pair) == Some(turn);
        !findings.observed && decisions.all(|decision| observed(&decision.turn))
    }

    /// Silences: the last conductor of a pair decides, so those that decide nothing come first.
    fn end(&mut self, findings: &Findings, now: Now, came: &mut Came) {
        let causes = findings.decisions.iter();
        let mut deciding: Vec<ConductorName> = Vec::new();
        for name in causes.filter_map(|decision| decision.turn.cause.conductor.clone()) {
            if !deciding.contains(&name) {
                deciding.push(name);
            }
        }
        let others = findings.conductors.iter().map(|known| known.name.clone());
        let others = others.filter(|name| !deciding.contains(name));
        let names: Vec<ConductorName> = others.chain(deciding.iter().cloned()).collect();
        for name in names {
            let life = self.map.conductor(&name).map(|known| known.life);
            match life {
                Some(Life::Active) => came.silent.push(name.clone()),
                Some(Life::Leaving { .. }) => came.overdue.push(name.clone()),
                Some(Life::Left | Life::TimedOut) | None => {}
            }
            let change = decide_silence(&self.map, &name, now);
            self.map.apply(&change);
            came.turns.extend(change.turns);
        }
        let unknown = findings.decisions.iter().map(|decision| &decision.turn);
        for turn in unknown.filter(|turn| turn.cause.kind == CauseKind::NeverSeen) {
            if turn.verdict == Some(Verdict::Unknown) && self.map.standing(&turn.pair).is_none() {
                self.map.turn(turn);
                came.turns.push(turn.clone());
                came.unknown.push(turn.pair.clone());
            }
        }
    }

    fn compare(&self, findings: &Findings, came: &Came) -> Result<(), String> {
        let ours = came.turns.iter().filter(|turn| turn.verdict.is_some());
        let ours: Vec<&Turn> = ours.collect();
        let theirs = findings.decisions.iter().map(|decision| &decision.turn);
        let theirs: Vec<&Turn> = theirs.collect();
        if ours != theirs {
            return Err(format!(
                "I1: decided\n  {theirs:?}\n and must decide\n  {ours:?}\n for {findings:?}"
            ));
        }
        for theirs in &findings.conductors {
            let ours = self.map.conductor(&theirs.name);
            let ours = ours.map(|known| ConductorRecord {
                restart_remaining: theirs.restart_remaining,
                heartbeat_timeout: match self.any_timeout {
                    true => theirs.heartbeat_timeout,
                    false => known.heartbeat_timeout,
                },
                ..ConductorRecord::save(known, Mono::default())
            });
            if ours.as_ref() != Some(theirs) {
                return Err(format!(
                    "I1: stored\n  {theirs:?}\n and must be\n  {ours:?}"
                ));
            }
        }
        for stored in &findings.standings {
            if self.map.standing(&stored.pair) != Some(stored.standing) {
                return Err(format!("I1: stored {stored:?}"));
            }
        }
        Ok(())
    }
}
