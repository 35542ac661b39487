//! Walks over nodes and holds, and those of a queue in their order.

use std::collections::{BTreeMap, HashMap};

use crate::domain::ids::Pair;
use crate::domain::time::Mono;

/// A walk over nodes or holds, a window at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) over: Over,
    pub(super) after: String,
    /// A smaller window than usual, while a row that cannot be handled is looked for, and behind it.
    pub(super) nodes: Option<u32>,
    /// A row was passed because another session has locked it: the walk is not the last one.
    pub(super) left_behind: bool,
    /// How many times the usual size its windows may have: looking is cheaper than changing.
    pub(super) scale: u32,
    /// Not before: it is a walk for what the last one left behind.
    pub(super) from: Mono,
    /// How many walks in a row left rows behind.
    pub(super) rounds: u32,
}

impl Walk {
    pub(super) fn new(over: Over, from: Mono) -> Self {
        Self {
            over,
            after: String::new(),
            nodes: None,
            left_behind: false,
            scale: 1,
            from,
            rounds: 0,
        }
    }

    /// Whether it may begin now, and no row of it is known to be at fault.
    pub(super) fn begins(&self, now: Mono) -> bool {
        self.after.is_empty() && self.nodes.is_none() && !self.left_behind && self.from <= now
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Over {
    /// The nodes of a lost pair, or the holds of an active one.
    Pair(Pair),
    Holds,
    /// All nodes, for marks that belong to no hold.
    Nodes,
    /// All of these, only looked at: whether any of those walks has anything to do.
    Everything,
}

/// Walks in the order in which they get their turn, each found by what it is over.
#[derive(Debug, Default)]
pub(super) struct Walks {
    pub(super) in_order: BTreeMap<u64, Walk>,
    place: HashMap<Over, u64>,
    last: u64,
}

impl Walks {
    pub(super) fn push(&mut self, walk: Walk) {
        self.remove(&walk.over);
        self.last += 1;
        self.place.insert(walk.over.clone(), self.last);
        self.in_order.insert(self.last, walk);
    }

    pub(super) fn remove(&mut self, over: &Over) -> Option<Walk> {
        self.in_order.remove(&self.place.remove(over)?)
    }

    pub(super) fn get(&self, over: &Over) -> Option<&Walk> {
        self.in_order.get(self.place.get(over)?)
    }

    pub(super) fn get_mut(&mut self, over: &Over) -> Option<&mut Walk> {
        self.in_order.get_mut(self.place.get(over)?)
    }

    pub(super) fn contains(&self, over: &Over) -> bool {
        self.place.contains_key(over)
    }
}
