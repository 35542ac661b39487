//! Several small pairs of one transaction: what was decided about them last, and which fit.

use std::collections::{BTreeMap, HashMap};

use crate::domain::announcement::OutReason;
use crate::domain::change::Standing;
use crate::domain::ids::Pair;
use crate::store::database::connection::{Connection, Value};
use crate::store::database::row::Row;
use crate::store::look::from_row::out_reason;
use crate::store::records::{Completed, Window, WindowDone};
use crate::store::tables;
use crate::store::write::count::key;

/// The last decision about a pair.
pub struct Decision {
    pub number: u64,
    pub decided_at_ms: u64,
    standing: Standing,
    id: String,
    observed: bool,
    /// It is not carried out yet.
    pub open: bool,
    nodes: u64,
    /// Of a lost pair.
    pub reason: Option<OutReason>,
}

impl Decision {
    fn read(row: &Row) -> Result<Self, sqlx::Error> {
        let standing = row.word(tables::PAIRS, "state")?;
        Ok(Self {
            number: row.uint("number")?,
            decided_at_ms: row.uint("decided_at_ms")?,
            standing,
            id: row.text("decision_id")?,
            observed: row.maybe_flag("observed")?.unwrap_or(false),
            open: row.maybe_uint("completed_at_ms")?.is_none(),
            nodes: row.uint("nodes")?,
            reason: match standing {
                Standing::Lost => Some(out_reason(row)?),
                Standing::Active => None,
            },
        })
    }

    /// Whether it is to be carried out now.
    pub fn applies(&self, to: Standing, window: &Window) -> bool {
        let unwanted = self.reason == Some(OutReason::DriverUnknown) && !window.unknown;
        let idle = to == Standing::Lost && (unwanted || self.observed);
        self.standing == to && !idle
    }
}

/// What a transaction did for the pairs that fit into it, by their places.
pub type Moved = BTreeMap<usize, OfPair>;

/// Of one pair.
#[derive(Default)]
pub struct OfPair {
    /// How many nodes changed.
    pub changed: u64,
    /// How many rows another session has locked.
    pub locked: u64,
    /// How many nodes the pair's last decision moved in this transaction.
    pub counted: u64,
}

impl OfPair {
    pub fn completes(&self, decision: &Decision, window: &Window) -> bool {
        self.locked == 0 && window.completes && decision.open
    }

    pub fn done(&self, decision: &Decision, window: &Window) -> WindowDone {
        WindowDone {
            changed: self.changed,
            locked: self.locked,
            completed: self.completes(decision, window).then(|| Completed {
                decision_id: decision.id.clone(),
                nodes: decision.nodes + self.counted,
            }),
            ..WindowDone::default()
        }
    }
}

/// The last decision about each pair, by its place.
pub async fn of_pairs(
    connection: &mut Connection,
    pairs: &[Pair],
) -> Result<BTreeMap<usize, Decision>, sqlx::Error> {
    let places = places(pairs);
    let keys = pairs.iter().map(<[Value<'_>; 2]>::from);
    let rows = connection.fetch_by(connection.sql().decisions_of_pairs, keys);
    let mut decisions = BTreeMap::new();
    for row in rows.await? {
        if let Some(at) = places.get(&key(&row)?) {
            decisions.insert(*at, Decision::read(&row)?);
        }
    }
    Ok(decisions)
}

/// At which place each pair stands, by group and driver.
pub fn places(pairs: &[Pair]) -> HashMap<(String, String), usize> {
    let key = |pair: &Pair| (pair.group.to_string(), pair.driver.to_string());
    pairs.iter().map(key).zip(0..).collect()
}

/// The room of a window, for pairs as they come.
pub struct Room {
    each: u64,
    left: u64,
    /// How many rows those have that took of it.
    pub taken: u64,
}

impl Room {
    pub fn of(window: &Window, pairs: usize) -> Self {
        Self {
            each: window.of_each(pairs),
            left: window.nodes.into(),
            taken: 0,
        }
    }

    /// Takes the room of a pair with so many rows, if that is known and it fits.
    pub fn takes(&mut self, size: Option<u64>) -> bool {
        let Some(size) = size.filter(|size| *size <= self.each.min(self.left)) else {
            return false;
        };
        self.left -= size;
        self.taken += size;
        true
    }
}
