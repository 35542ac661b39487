//! What this replica remembers while it decides, and whether that may be trusted.
//!
//! Memory moves ahead of the database before each commit, whose reply may be lost. So a commit goes
//! through [`Place::commit`] alone: it calls the term doubtful as memory moves, and trusts it again
//! only with a success in hand. A future that is dropped half way, or any error, leaves the doubt;
//! then [`Place::rebuild`] is the one way back.

mod counting;
mod forgetting;
mod probing;
mod retention;
mod wall_clock;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) use self::counting::Counting;
pub(super) use self::forgetting::Forgetting;
pub(super) use self::probing::Probing;
pub(super) use self::retention::Retention;
pub(super) use self::wall_clock::WallClock;

use super::left_alone::LeftAlone;
use super::pending::{MOST_SCALE, Pending};
use super::recovery::Recovery;
use super::set_size::Together;
use super::window::WindowSize;
use crate::config::Mode;
use crate::domain::change::Turn;
use crate::domain::hearing::Hearing;
use crate::domain::ids::{ConductorName, Pair, SubscriberName};
use crate::domain::map::DriverMap;
use crate::domain::receipt::Receipts;
use crate::domain::time::Mono;
use crate::domain::unheeded::Unheeded;
use crate::domain::unknown::Unknown;
use crate::store::StoreError;

/// The right to decide, and what it is decided by. Held from the first delivery on.
pub(super) struct Term {
    pub(super) epoch: u64,
    /// When it began.
    pub(super) began: Mono,
    pub(super) map: DriverMap,
    pub(super) hearing: Hearing,
    pub(super) probing: Probing,
    pub(super) pending: Pending,
    pub(super) next_sweep: Mono,
    /// What remains of planned restarts could not be stored: the next sweep goes without.
    pub(super) sweep_alone: bool,
    /// Ticks that were sent since one of them came back.
    pub(super) unanswered: u32,
    /// An own tick came back: see what operators ask for.
    pub(super) look_at_requests: bool,
    /// What came of conductors and did not count.
    pub(super) unheeded: Unheeded,
    /// Pairs that never had a conductor.
    pub(super) unknown: Unknown,
    /// Lost pairs of which a predecessor decided so.
    pub(super) called_unknown: BTreeSet<Pair>,
    /// The sending instant of an own tick that came back fresh: judge what is unknown against it.
    pub(super) fresh: Option<Mono>,
    /// The conductors that were silent when that came back, by deadline; each is judged once more,
    /// by what is known then.
    pub(super) silent: VecDeque<ConductorName>,
    /// The sending instant that silence is judged against.
    pub(super) judged: Mono,
    /// Losses that were only observed, to decide again; a pair that turned since is none of them.
    pub(super) observed: BTreeMap<Pair, Turn>,
    /// Silent conductors, and verdicts about pairs, that could not be stored.
    pub(super) left_conductors: LeftAlone<ConductorName>,
    pub(super) left_pairs: LeftAlone<Pair>,
    /// Requests that could not be answered, by number.
    pub(super) left_requests: LeftAlone<u64>,
    /// How far subscribers are.
    pub(super) receipts: Receipts,
    /// When the next subscriber too many is refused by name.
    pub(super) next_refusal: Mono,
    /// What each has applied since that was measured, and when it said so.
    pub(super) applied: BTreeMap<SubscriberName, (u64, u64)>,
    /// What old records are dropped by.
    pub(super) wall_clock: WallClock,
    /// What is kept for too long.
    pub(super) retention: Retention,
    /// What is gone for too long.
    pub(super) forgetting: Forgetting,
    /// How many nodes there are.
    pub(super) counting: Counting,
    /// The stream began because commits were lost.
    pub(super) recovery: Option<Recovery>,
    /// How many nodes the next window may have.
    pub(super) windows: WindowSize,
    /// How many pairs may be carried out together next.
    pub(super) together: Together,
    /// How many may be looked at together next.
    pub(super) looks_together: Together,
    /// How many nodes the next look may have.
    pub(super) looks: WindowSize,
    /// How many rows the next transaction of decisions may write.
    pub(super) rows: WindowSize,
}

/// Rows that one transaction of decisions may write: as for windows of nodes, measured.
const MOST_ROWS: u32 = 20_000;

impl Term {
    /// A term that begins at `now` with what is stored.
    pub(super) fn new(epoch: u64, map: DriverMap, mode: Mode, chunk_nodes: u32, now: Mono) -> Self {
        let mut pending = Pending::new(mode);
        pending.everything(&map);
        Self {
            epoch,
            began: now,
            map,
            hearing: Hearing::from(now),
            probing: Probing::from(now),
            pending,
            next_sweep: now,
            sweep_alone: false,
            unanswered: 0,
            look_at_requests: false,
            unheeded: Unheeded::default(),
            unknown: Unknown::default(),
            called_unknown: BTreeSet::new(),
            fresh: None,
            silent: VecDeque::new(),
            judged: now,
            observed: BTreeMap::new(),
            left_conductors: LeftAlone::default(),
            left_pairs: LeftAlone::default(),
            left_requests: LeftAlone::default(),
            receipts: Receipts::default(),
            next_refusal: now,
            applied: BTreeMap::new(),
            wall_clock: WallClock::default(),
            retention: Retention::default(),
            forgetting: Forgetting::default(),
            counting: Counting::default(),
            recovery: None,
            windows: WindowSize::up_to(chunk_nodes),
            together: Together::default(),
            looks_together: Together::default(),
            looks: WindowSize::up_to(chunk_nodes.saturating_mul(MOST_SCALE)),
            rows: WindowSize::up_to(MOST_ROWS),
        }
    }

    /// A pair turns: it is looked at from its beginning, and by the decision of this epoch. Called
    /// before the commit, whose reply may be lost: a walk under way has passed nodes that must be
    /// looked at again if it happened, and a look at a pair that did not turn changes nothing.
    pub(super) fn turned(&mut self, pair: &Pair) {
        self.observed.remove(pair);
        self.pending.turned(pair);
        // Where nothing was to do, much may be now.
        self.looks.begin_again();
    }
}

/// Where this replica stands.
#[derive(Default)]
pub(super) struct Place(State);

#[derive(Default)]
enum State {
    /// It waits in line and remembers nothing.
    #[default]
    InLine,
    /// It decides, and what it remembers is what is stored.
    Deciding(Box<Term>),
    /// It decides, and what it remembers may be ahead of the database.
    Doubtful(Box<Term>),
}

impl Place {
    /// The term has begun.
    pub(super) fn begin(&mut self, term: Term) {
        self.0 = State::Deciding(Box::new(term));
    }

    /// The term, to look at, doubtful or not.
    pub(super) fn term(&self) -> Option<&Term> {
        match &self.0 {
            State::InLine => None,
            State::Deciding(term) | State::Doubtful(term) => Some(term),
        }
    }

    /// The term, doubtful or not, for what the database has no part in.
    pub(super) fn term_mut(&mut self) -> Option<&mut Term> {
        match &mut self.0 {
            State::InLine => None,
            State::Deciding(term) | State::Doubtful(term) => Some(term),
        }
    }

    /// The term, to decide by; `None` in line and while in doubt.
    pub(super) fn deciding(&mut self) -> Option<&mut Term> {
        match &mut self.0 {
            State::Deciding(term) => Some(term),
            State::InLine | State::Doubtful(_) => None,
        }
    }

    /// How many rows the next transaction of decisions may write; the first of a takeover as well.
    pub(super) fn rows(&self) -> u32 {
        let measured = self.term().map(|term| term.rows);
        measured
            .unwrap_or_else(|| WindowSize::up_to(MOST_ROWS))
            .next()
    }

    /// Whether memory must be read again before anything else.
    pub(super) fn in_doubt(&self) -> bool {
        matches!(self.0, State::Doubtful(_))
    }

    /// The database seems to have less than is known: memory must be read again.
    pub(super) fn doubt(&mut self) {
        self.0 = match std::mem::take(&mut self.0) {
            State::Deciding(term) => State::Doubtful(term),
            other @ (State::InLine | State::Doubtful(_)) => other,
        };
    }

    /// Moves the memory with `prepare`, towards a commit: from here until its
    /// [`outcome`](Commit::outcome) the term is in doubt. `None`: there is nothing to decide by, or `prepare`
    /// found nothing to commit; then it must not have moved what is stored.
    pub(super) fn commit<F>(
        &mut self,
        prepare: impl FnOnce(&mut Term) -> Option<F>,
    ) -> Option<Commit<'_, F>> {
        let term = self.deciding()?;
        let epoch = term.epoch;
        let prepared = prepare(term)?;
        self.doubt();
        Some(Commit {
            place: self,
            epoch,
            prepared,
        })
    }

    /// Ends a doubt with the memory as committed, made from what was remembered.
    pub(super) fn rebuild(&mut self, committed: impl FnOnce(&Term) -> DriverMap) {
        match std::mem::take(&mut self.0) {
            State::Doubtful(mut term) => {
                term.map = committed(&term);
                term.unheeded.settle();
                term.hearing.take_back();
                term.pending.everything(&term.map);
                self.0 = State::Deciding(term);
            }
            other @ (State::InLine | State::Deciding(_)) => self.0 = other,
        }
    }
}

/// A commit on its way. Dropped, it leaves the doubt.
#[must_use]
pub(super) struct Commit<'p, F> {
    place: &'p mut Place,
    pub(super) epoch: u64,
    /// What is to be committed.
    pub(super) prepared: F,
}

impl<F> Commit<'_, F> {
    /// What the database answered. Only a success ends the doubt.
    /// Errors: Those of `written`. It is unknown then what the database has.
    pub(super) fn outcome<T>(self, written: Result<T, StoreError>) -> Result<(F, T), StoreError> {
        let written = written?;
        if let State::Doubtful(mut term) = std::mem::take(&mut self.place.0) {
            term.map.settle();
            term.unheeded.settle();
            term.hearing.settle();
            self.place.0 = State::Deciding(term);
        }
        Ok((self.prepared, written))
    }
}

#[cfg(test)]
mod tests {
    use super::super::walks::Over;
    use super::*;
    use crate::domain::change::Standing;
    use crate::domain::example::{at, name, pair};
    use crate::domain::unknown;

    fn deciding() -> Place {
        let mut place = Place::default();
        let map = DriverMap::default();
        place.begin(Term::new(7, map, Mode::Enforce, 1000, Mono::default()));
        place
    }

    fn lost() -> StoreError {
        StoreError::Corrupt("the reply was lost".to_owned())
    }

    #[test]
    fn a_commit_that_is_confirmed_leaves_no_doubt() {
        let mut place = deciding();
        let commit = place.commit(|term| Some(term.epoch)).unwrap();
        assert_eq!(commit.outcome(Ok("stored")).unwrap(), (7, "stored"));
        assert!(place.deciding().is_some());
    }

    #[test]
    fn nothing_to_commit_leaves_no_doubt() {
        let mut place = deciding();
        assert!(place.commit(|_| None::<()>).is_none());
        assert!(place.deciding().is_some());
    }

    #[test]
    fn a_commit_that_fails_leaves_a_doubt_until_memory_is_read_again() {
        let mut place = deciding();
        let commit = place.commit(|_| Some(())).unwrap();
        assert!(commit.outcome(Err::<(), _>(lost())).is_err());
        assert!(place.in_doubt() && place.deciding().is_none() && place.term().is_some());
        assert!(
            place.commit(|_| Some(())).is_none(),
            "nothing is decided in doubt"
        );
        place.rebuild(|_| DriverMap::default());
        assert!(place.deciding().is_some());
    }

    #[test]
    fn a_commit_that_is_dropped_half_way_leaves_a_doubt() {
        let mut place = deciding();
        assert!(
            place.commit(|_| Some(())).is_some(),
            "prepared, and dropped"
        );
        assert!(place.in_doubt());
    }

    #[test]
    fn a_doubt_keeps_what_was_heard_and_takes_the_memory_as_committed() {
        let mut place = deciding();
        let ahead = DriverMap::load([], [(pair("ahead"), Standing::Lost)]);
        let _ = place.commit(|term| {
            term.hearing.tick(at(1), at(1));
            term.hearing.probe(at(1), at(1));
            term.map = ahead;
            term.silent.push_back(name("c1"));
            Some(())
        });
        let committed = DriverMap::load([], [(pair("a"), Standing::Lost)]);
        place.rebuild(|_| committed.clone());
        let term = place.deciding().unwrap();
        assert_eq!(term.map, committed);
        assert!(!term.hearing.proven() && !term.hearing.deaf());
        assert_eq!(term.silent, [name("c1")], "it is judged by what is known");
        assert_eq!(term.pending.len(), 3, "the pair, all holds, all nodes");
    }

    #[test]
    fn a_pair_that_turns_rests_on_no_observed_decision_any_more() {
        let mut place = deciding();
        let term = place.deciding().unwrap();
        for driver in ["a", "b"] {
            let turn = unknown::verdict(pair(driver));
            term.observed.insert(turn.pair.clone(), turn);
        }
        term.turned(&pair("a"));
        assert_eq!(term.observed.keys().collect::<Vec<_>>(), [&pair("b")]);
        let next = term.pending.next(&term.map, true, at(0));
        assert_eq!(next.map(|walk| &walk.over), Some(&Over::Pair(pair("a"))));
    }
}
