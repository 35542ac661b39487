//! What reconcile has still to look at. Kept in memory alone: whoever takes over looks at
//! everything, so nothing can be forgotten.

use std::collections::{HashSet, VecDeque};

use crate::config::Mode;
use crate::domain::change::Standing;
use crate::domain::ids::Pair;
use crate::domain::map::DriverMap;
use crate::domain::time::Mono;
use crate::store::WindowDone;

/// A walk over nodes or holds, a window at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) over: Over,
    /// Up to where it is done.
    pub(super) after: String,
    /// A smaller window than usual, while a row that cannot be handled is looked for.
    pub(super) nodes: Option<u32>,
    /// A row was passed because somebody else has locked it: the walk is not the last one.
    pub(super) left_behind: bool,
    /// How many times the usual size its windows may have: looking is cheaper than changing.
    pub(super) scale: u32,
    /// Not before: it is a walk for what the last one left behind.
    pub(super) from: Mono,
}

impl Walk {
    fn new(over: Over, from: Mono) -> Self {
        Self {
            over,
            after: String::new(),
            nodes: None,
            left_behind: false,
            scale: 1,
            from,
        }
    }
}

/// What is walked over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Over {
    /// The nodes of a lost pair, or the holds of an active one.
    Pair(Pair),
    /// All holds.
    Holds,
    /// All nodes, for marks that are nobody's.
    Nodes,
}

/// See [`Walk::scale`].
const MOST_SCALE: u32 = 16;

/// After so many windows for pairs that turned, one goes to the walks that look at everything.
const URGENT_IN_A_ROW: u32 = 4;

/// The walks to do. Each gets its turn: neither a pair that turns again and again nor a long sweep
/// keeps the others waiting for ever.
#[derive(Debug)]
pub(super) struct Pending {
    /// Decisions are only observed: nothing is ever to do.
    observing: bool,
    /// Pairs that turned, the first one first.
    urgent: VecDeque<Walk>,
    /// Looks at everything: after a takeover, a doubt, and by the sweep.
    routine: VecDeque<Walk>,
    /// Windows for urgent walks since the last one for a routine walk.
    in_a_row: u32,
}

impl Pending {
    pub(super) fn new(mode: Mode) -> Self {
        Self {
            observing: mode == Mode::Observe,
            urgent: VecDeque::new(),
            routine: VecDeque::new(),
            in_a_row: 0,
        }
    }

    /// A pair turned: look at it soon, from its beginning.
    pub(super) fn turned(&mut self, pair: &Pair) {
        if self.observing {
            return;
        }
        self.forget(&Over::Pair(pair.clone()));
        self.urgent
            .push_back(Walk::new(Over::Pair(pair.clone()), Mono::default()));
    }

    /// Look at everything, after what is urgent. A walk that is under way goes on.
    pub(super) fn everything(&mut self, map: &DriverMap) {
        if self.observing {
            return;
        }
        let present: HashSet<Over> = self.walks().map(|walk| walk.over.clone()).collect();
        let pairs = map.lost().map(|pair| Over::Pair(pair.clone()));
        let missing = pairs
            .chain([Over::Holds, Over::Nodes])
            .filter(|over| !present.contains(over));
        let missing: Vec<Walk> = missing
            .map(|over| Walk::new(over, Mono::default()))
            .collect();
        self.routine.extend(missing);
    }

    /// Look at everything from the beginning: nodes that a walk has passed may have been given back
    /// by an operator since.
    pub(super) fn anew(&mut self, map: &DriverMap) {
        for walk in self.urgent.iter_mut().chain(&mut self.routine) {
            *walk = Walk::new(walk.over.clone(), Mono::default());
        }
        self.everything(map);
    }

    /// The next walk to go on with. Before an own tick has come back, and during a pause, no node
    /// may be taken out (`may_take`); returns go on.
    pub(super) fn next(&self, map: &DriverMap, may_take: bool, now: Mono) -> Option<&Walk> {
        let may = |walk: &&Walk| {
            walk.from <= now
                && match &walk.over {
                    Over::Pair(pair) => may_take || map.standing(pair) != Some(Standing::Lost),
                    Over::Holds | Over::Nodes => true,
                }
        };
        let urgent = self.urgent.iter().find(may);
        let routine = self.routine.iter().find(may);
        if self.in_a_row >= URGENT_IN_A_ROW {
            routine.or(urgent)
        } else {
            urgent.or(routine)
        }
    }

    /// A window was done; the walk goes on at its `next`, or is over. One that left rows behind
    /// begins again at `again`. One that changes little may look at more at once.
    pub(super) fn done(&mut self, over: &Over, chunk: &WindowDone, nodes: u32, again: Mono) {
        let urgent = self.urgent.iter().any(|walk| walk.over == *over);
        self.in_a_row = if urgent { self.in_a_row + 1 } else { 0 };
        let mut walks = self.urgent.iter_mut().chain(&mut self.routine);
        let Some(walk) = walks.find(|walk| walk.over == *over) else {
            return;
        };
        walk.left_behind |= chunk.locked > 0;
        match &chunk.next {
            Some(next) => {
                walk.after.clone_from(next);
                walk.nodes = None;
                walk.scale = if chunk.changed * 10 < u64::from(nodes) {
                    (walk.scale * 2).min(MOST_SCALE)
                } else {
                    1
                };
            }
            None if walk.left_behind => *walk = Walk::new(over.clone(), again),
            None => self.forget(over),
        }
    }

    /// The window failed for good: look at fewer rows, after everybody else had a turn.
    pub(super) fn narrow(&mut self, over: &Over, nodes: u32) {
        for walks in [&mut self.urgent, &mut self.routine] {
            if let Some(at) = walks.iter().position(|walk| walk.over == *over)
                && let Some(mut walk) = walks.remove(at)
            {
                walk.nodes = Some(nodes);
                walks.push_back(walk);
            }
        }
    }

    /// The window failed, for now: everybody else first.
    pub(super) fn put_back(&mut self, over: &Over) {
        for walks in [&mut self.urgent, &mut self.routine] {
            if let Some(at) = walks.iter().position(|walk| walk.over == *over)
                && let Some(mut walk) = walks.remove(at)
            {
                walk.scale = 1;
                walks.push_back(walk);
            }
        }
    }

    /// How many walks are to do.
    pub(super) fn len(&self) -> usize {
        self.walks().count()
    }

    fn walks(&self) -> impl Iterator<Item = &Walk> {
        self.urgent.iter().chain(&self.routine)
    }

    fn forget(&mut self, over: &Over) {
        self.urgent.retain(|walk| walk.over != *over);
        self.routine.retain(|walk| walk.over != *over);
    }
}
