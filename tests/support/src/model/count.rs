//! The counts that looks go by.

use std::collections::BTreeMap;

use nodewarden::domain::ids::{Driver, Group, Pair};
use nodewarden::store::{Counts, CountsWindow};

use super::rows::{CountRow, Counted, LONGEST, Node};
use super::tables::Tables;
use super::unit::Unit;

/// At most so many changes are folded in one transaction, as in the real store.
const FOLDED: u64 = 20_000;

/// Group and driver.
type Key = (String, String);

/// Counts the nodes of the next window by pair; a place is a uuid.
pub fn window(unit: &mut Unit<'_>, after: &str, limit: u32) -> CountsWindow {
    let mut window = CountsWindow {
        last: None,
        seen: 0,
        pairs: Vec::new(),
    };
    let mut pairs: BTreeMap<Key, u64> = BTreeMap::new();
    for (uuid, node) in unit.tables.nodes_within(after, None).take(limit as usize) {
        window.last = Some(uuid.clone());
        window.seen += 1;
        if let Some(key) = counted_as(node) {
            *pairs.entry(key).or_default() += 1;
        }
    }
    window.pairs = pairs.into_iter().collect();
    unit.read += window.seen + 1;
    window
}

/// Group and driver of a node, if they are short enough to be names.
fn counted_as(node: &Node) -> Option<Key> {
    let (group, driver) = (node.group(), node.driver.as_deref()?);
    let named = (1..=LONGEST).contains(&driver.len()) && group.len() <= LONGEST;
    named.then(|| (group.to_ascii_lowercase(), driver.to_owned()))
}

/// Keeps what was counted, with the holds as of now; of more than `most` pairs whose nodes differ, those of
/// so many alone. Returns whether that is all.
pub fn keep(unit: &mut Unit<'_>, counts: &Counts, most: usize) -> bool {
    let mut wanted: BTreeMap<Key, CountRow> = BTreeMap::new();
    for (pair, nodes) in &counts.pairs {
        wanted.entry(pair.clone()).or_default().nodes = signed(*nodes);
    }
    let mut held = 0;
    for (_, hold) in unit.tables.holds() {
        if let Some(by) = unit.tables.label(hold) {
            wanted.entry(key(&by.pair)).or_default().held += 1;
            held += 1;
        }
    }
    let first = unit.tables.one.counted.is_none();
    let mut part: BTreeMap<Key, CountRow> = BTreeMap::new();
    for key in wanted.keys().chain(unit.tables.counts.keys()) {
        let row = wanted.get(key).copied().unwrap_or_default();
        let before = unit.tables.counts.get(key).copied();
        let kept = before.unwrap_or_default();
        if first && before != Some(row) {
            part.insert(key.clone(), row);
        } else if !first && kept.nodes != row.nodes {
            let held = kept.held;
            part.insert(key.clone(), CountRow { held, ..row });
        }
    }
    if part.len() > most {
        for (key, row) in part.into_iter().take(most) {
            unit.tables.counts.put(key, row);
        }
        return false;
    }
    wanted.retain(|_, row| *row != CountRow::default());
    let kept: Vec<Key> = unit.tables.counts.keys().cloned().collect();
    for key in kept {
        if !wanted.contains_key(&key) {
            unit.tables.counts.drop_row(&key);
        }
    }
    for (key, row) in wanted {
        if unit.tables.counts.get(&key) != Some(&row) {
            unit.tables.counts.put(key, row);
        }
    }
    unit.tables.one.counted = Some(Counted {
        counted_at_ms: counts.counted_at_ms,
        nodes: counts.nodes,
        held,
        seq: unit.tables.one.seq,
    });
    true
}

/// Folds the next changes into the counts; returns how many.
pub fn fold(unit: &mut Unit<'_>) -> u64 {
    let Some(counted) = unit.tables.one.counted else {
        return 0;
    };
    let (from, seq) = (counted.seq, unit.tables.one.seq);
    let to = seq.min(from + FOLDED);
    if to <= from {
        return 0;
    }
    let moved = moved(unit.tables, from, to);
    let all: i64 = moved.values().sum();
    for (key, held) in moved {
        let mut row = unit.tables.counts.get(&key).copied().unwrap_or_default();
        row.held += held;
        unit.tables.counts.put(key, row);
    }
    unit.tables.one.counted = Some(Counted {
        held: counted.held.saturating_add_signed(all),
        seq: to,
        ..counted
    });
    to - from
}

/// By how much the changes above `from` and up to `to` changed what is held for each pair.
fn moved(tables: &Tables, from: u64, to: u64) -> BTreeMap<Key, i64> {
    let mut moved = BTreeMap::new();
    for change in tables.changes.range(from + 1..=to).map(|(_, row)| row) {
        if let Some(by) = tables.label(change) {
            let by_one = match change.back {
                None => 1,
                Some(_) => -1,
            };
            *moved.entry(key(&by.pair)).or_default() += by_one;
        }
    }
    moved
}

/// Counted pairs that nothing was ever decided about, at most `most`.
pub fn unknown_pairs(unit: &mut Unit<'_>, most: u32) -> Vec<Pair> {
    let tables = &*unit.tables;
    let counted = tables.counts.iter().filter(|(_, row)| row.nodes > 0);
    let named = counted.filter_map(|(key, _)| named(key));
    let unknown = named.filter(|pair| !tables.pairs.contains_key(pair));
    let unknown: Vec<Pair> = unknown.take(most as usize).collect();
    unit.read += unknown.len() as u64 + 1;
    unknown
}

/// The pair of a count; `None`: no event can name it.
fn named((group, driver): &Key) -> Option<Pair> {
    let (group, driver) = (Group::parse(group).ok()?, Driver::parse(driver).ok()?);
    Some(Pair { group, driver })
}

fn key(pair: &Pair) -> Key {
    let (group, driver) = (pair.group.as_str(), pair.driver.as_str());
    (group.to_owned(), driver.to_owned())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
