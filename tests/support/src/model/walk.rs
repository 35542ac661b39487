//! Which rows a window covers.

use nodewarden::domain::ids::Pair;
use nodewarden::store::{Rows, Window};

use super::rows::LONGEST;
use super::unit::Unit;

/// Decisions of one pair that a window goes by, as in the real store.
const DECISIONS: usize = 50;

/// What a window covers.
#[derive(Debug, Default)]
pub struct Found {
    /// Its last row; `None`: there is no row left.
    pub last: Option<String>,
    /// How many rows it has.
    pub seen: u64,
    /// Of a pair's nodes: how many have a key longer than any message may carry.
    pub skipped: u64,
    /// Of a pair's holds: the decisions that hold them.
    pub decisions: Vec<u64>,
    /// Of a pair's holds: more decisions hold something than the window goes by.
    pub more: bool,
}

impl Found {
    /// Where the next window begins; `None`: this was the last.
    pub fn next(&self, window: &Window) -> Option<String> {
        let full = self.seen >= u64::from(window.nodes);
        self.last.clone().filter(|_| full)
    }

    fn of<'u>(uuids: impl Iterator<Item = &'u String>, limit: u32) -> Self {
        let mut found = Self::default();
        let mut last = None;
        for uuid in uuids.take(limit as usize) {
            found.seen += 1;
            found.skipped += u64::from(uuid.len() > LONGEST);
            last = Some(uuid);
        }
        found.last = last.cloned();
        found
    }
}

/// The next window of `of`.
pub fn window(unit: &mut Unit<'_>, of: Rows<'_>, after: &str, limit: u32) -> Found {
    let tables = &*unit.tables;
    let found = match of {
        Rows::NodesOf(pair) => {
            let nodes = tables.nodes_within(after, None);
            let of_pair = nodes.filter(|(_, node)| node.needs(pair));
            Found::of(of_pair.map(|(uuid, _)| uuid), limit)
        }
        Rows::HoldsOf(pair) => holds_of(unit, pair, after, limit),
        Rows::Holds => {
            let holds = tables.holds_within(after, None);
            Found::of(holds.map(|(_, change)| &change.uuid), limit)
        }
        Rows::Nodes => Found::of(
            tables.nodes_within(after, None).map(|(uuid, _)| uuid),
            limit,
        ),
    };
    unit.read += found.seen + 1;
    match of {
        Rows::NodesOf(_) => found,
        Rows::HoldsOf(_) | Rows::Holds | Rows::Nodes => Found {
            skipped: 0,
            ..found
        },
    }
}

fn holds_of(unit: &Unit<'_>, pair: &Pair, after: &str, limit: u32) -> Found {
    let tables = &*unit.tables;
    let of_pair = tables
        .holds_within(after, None)
        .filter(|(_, change)| tables.label(change).is_some_and(|by| by.pair == *pair));
    let of_pair: Vec<_> = of_pair.collect();
    let holding = |number: &u64| of_pair.iter().any(|(_, hold)| hold.decision == *number);
    let mut decisions: Vec<u64> = tables.numbers_of(pair).filter(holding).collect();
    let more = decisions.len() > DECISIONS;
    decisions.truncate(DECISIONS);
    let gone_by = of_pair
        .iter()
        .filter(|(_, hold)| decisions.contains(&hold.decision))
        .map(|(_, hold)| &hold.uuid);
    let found = Found::of(gone_by, limit);
    Found {
        decisions,
        more,
        ..found
    }
}
