//! [`Counting`]: what is being counted, of all nodes.

use crate::store::Counts;
use crate::worker::window::WindowSize;

/// At most so many nodes in one look, however fast the database is.
const MOST_NODES: u32 = 50_000;

/// At most so many rows of counts in one transaction.
const MOST_ROWS: u32 = 20_000;

/// So many nodes moved since the last count are folded into it: looks add up the rest.
const FOLD_AT: u64 = 10_000;

/// What is being counted.
#[derive(Debug)]
pub(in crate::worker) struct Counting {
    pub(in crate::worker) walk: Option<Walk>,
    pub(in crate::worker) nodes: WindowSize,
    /// How many rows of counts the next transaction may write.
    pub(in crate::worker) rows: WindowSize,
    /// Nodes that were moved since that was folded in.
    pub(in crate::worker) moved: u64,
}

#[derive(Debug)]
pub(in crate::worker) struct Walk {
    pub(in crate::worker) after: String,
    pub(in crate::worker) counts: Counts,
    /// All rows are counted.
    pub(in crate::worker) done: bool,
}

impl Default for Counting {
    fn default() -> Self {
        Self {
            walk: None,
            nodes: WindowSize::up_to(MOST_NODES),
            rows: WindowSize::up_to(MOST_ROWS),
            moved: 0,
        }
    }
}

impl Counting {
    /// All nodes are counted again, unless they just are.
    pub(in crate::worker) fn begin(&mut self, now_ms: u64) {
        self.walk.get_or_insert_with(|| Walk {
            after: String::new(),
            counts: Counts {
                counted_at_ms: now_ms,
                ..Counts::default()
            },
            done: false,
        });
    }

    /// Nodes went out or came back.
    pub(in crate::worker) fn moved(&mut self, nodes: u64) {
        self.moved += nodes;
    }

    /// Whether there is something to do.
    pub(in crate::worker) fn is_on(&self) -> bool {
        self.walk.is_some() || self.moved >= FOLD_AT
    }
}
