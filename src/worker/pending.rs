//! What reconcile has still to look at. Kept in memory alone: whoever takes over looks at
//! everything, so nothing can be forgotten.

use std::collections::VecDeque;

use crate::domain::ids::Pair;
use crate::domain::map::{DriverMap, Standing};

/// A walk over nodes or holds, a window at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) over: Over,
    /// Up to where it is done.
    pub(super) after: String,
}

/// What is walked over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Over {
    /// The nodes of a lost pair, or the holds of an active one.
    Pair(Pair),
    /// All holds.
    Holds,
    /// All nodes, for marks that are nobody's.
    Nodes,
}

/// The walks to do, most urgent first.
#[derive(Debug, Default)]
pub(super) struct Pending {
    walks: VecDeque<Walk>,
}

impl Pending {
    /// A pair turned: look at it at once, from its beginning.
    pub(super) fn turned(&mut self, pair: &Pair) {
        self.forget(&Over::Pair(pair.clone()));
        self.walks.push_front(Walk {
            over: Over::Pair(pair.clone()),
            after: String::new(),
        });
    }

    /// Look at everything, after what is urgent. A walk that is under way goes on.
    pub(super) fn everything(&mut self, map: &DriverMap) {
        let pairs = map
            .standings()
            .filter(|(_, standing)| *standing == Standing::Lost)
            .map(|(pair, _)| Over::Pair(pair.clone()));
        for over in pairs.chain([Over::Holds, Over::Nodes]) {
            if !self.walks.iter().any(|walk| walk.over == over) {
                self.walks.push_back(Walk {
                    over,
                    after: String::new(),
                });
            }
        }
    }

    /// The first walk that may be gone on with. Before an own tick has come back (`proven`) no
    /// node is taken out; returns go on.
    pub(super) fn next(&self, map: &DriverMap, proven: bool) -> Option<&Walk> {
        self.walks.iter().find(|walk| match &walk.over {
            Over::Pair(pair) => proven || map.standing(pair) != Some(Standing::Lost),
            Over::Holds | Over::Nodes => true,
        })
    }

    /// A window was done; the walk goes on at `next`, or is over.
    pub(super) fn done(&mut self, over: &Over, next: Option<String>) {
        match next {
            Some(next) => {
                if let Some(walk) = self.walks.iter_mut().find(|walk| walk.over == *over) {
                    walk.after = next;
                }
            }
            None => self.forget(over),
        }
    }

    /// How many walks are to do.
    pub(super) fn len(&self) -> usize {
        self.walks.len()
    }

    fn forget(&mut self, over: &Over) {
        self.walks.retain(|walk| walk.over != *over);
    }
}
