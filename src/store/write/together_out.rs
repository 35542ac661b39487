//! Taking the nodes of several small pairs out: state, hold and announcement go together (I3), in order of
//! the pairs' decisions, so that those of one lie next to each other (I4).

use std::collections::BTreeMap;

use crate::domain::announcement::AnnouncementType;
use crate::store::database::connection::{Connection, Value, values};
use crate::store::records::{Surveyed, Window};
use crate::store::sql::Inventory;
use crate::store::write::announce::{Header, announce, count};
use crate::store::write::fenced::Fenced;
use crate::store::write::give_back::{by_decision, listed};
use crate::store::write::mark::mark_out;
use crate::store::write::small_pairs::{Decision, Moved, OfPair, Room};

/// Takes out what fits; of `pairs` pairs, those with `decisions` may go.
pub async fn take_out(
    unit: &mut Fenced<'_>,
    decisions: &BTreeMap<usize, Decision>,
    pairs: usize,
    window: &Window,
) -> Result<Moved, sqlx::Error> {
    let (limit, inventory) = (window.of_each(pairs), unit.inventory);
    let sizes = fitting(unit.connection, inventory, decisions, pairs, window).await?;
    let mut fit: BTreeMap<u64, (usize, &Decision)> = BTreeMap::new();
    let mut moved = Moved::new();
    for (at, decision, size) in sizes {
        moved.insert(at, OfPair::default());
        if size > 0 {
            fit.insert(decision.number, (at, decision));
        }
    }
    let numbers: Vec<u64> = fit.keys().copied().collect();
    if numbers.is_empty() {
        return Ok(moved);
    }
    for (decision, nodes) in hold(unit, &fit, &numbers, limit, window).await? {
        if let Some(of) = fit.get(&decision).and_then(|(at, _)| moved.get_mut(at)) {
            (of.changed, of.counted) = (nodes, nodes);
        }
    }
    if inventory.left_in.is_empty() {
        return Ok(moved);
    }
    // However many were held: a node may have been registered meanwhile.
    for (decision, nodes) in
        of_each(unit.connection, &inventory.untaken_each, limit, &numbers).await?
    {
        if let Some(of) = fit.get(&decision).and_then(|(at, _)| moved.get_mut(at)) {
            of.locked = nodes;
        }
    }
    Ok(moved)
}

/// Holds, marks and announces; returns how many nodes of each decision.
async fn hold(
    unit: &mut Fenced<'_>,
    fit: &BTreeMap<u64, (usize, &Decision)>,
    numbers: &[u64],
    limit: u64,
    window: &Window,
) -> Result<BTreeMap<u64, u64>, sqlx::Error> {
    let base = unit.counters.seq;
    let (before, behind) = &unit.inventory.hold_each;
    let statement = format!("{before}{}{behind}", listed(4, numbers));
    let mut values: Vec<Value<'_>> = values![base, window.now_ms, limit].clone();
    values.extend(numbers.iter().copied().map(Value::from));
    let changed = unit.connection.execute(&statement, &values).await?;
    if changed == 0 {
        return Ok(BTreeMap::new());
    }
    let end = base + changed;
    unit.counters.seq = end;
    mark_out(unit, window.now_ms, base, end).await?;
    let taken = unit.sql.taken;
    let mut held = BTreeMap::new();
    let mut runs = Vec::new();
    for run in unit.connection.fetch(taken, values![base, end]).await? {
        let (first, last) = (run.uint("first")?, run.uint("last")?);
        let number = run.uint("decision")?;
        held.insert(number, last - first + 1);
        let decision = fit.get(&number).map(|(_, decision)| *decision);
        let header = Header {
            announcement_type: AnnouncementType::OutOfService,
            decision: Some(number),
            reason: decision
                .and_then(|it| it.reason)
                .map(|reason| reason.as_str()),
            released_by: None,
            decided_at_ms: decision.map_or(window.now_ms, |it| it.decided_at_ms),
            now_ms: window.now_ms,
        };
        runs.push((header, first, last));
    }
    announce(unit, &runs, window.nodes_per_message).await?;
    count(unit, &held).await?;
    Ok(held)
}

/// What is to be done in pairs with these `decisions`, of `pairs` pairs: whether a node of those that fit is to
/// go out, by their places. Takes no lock.
pub async fn survey(
    connection: &mut Connection,
    inventory: &Inventory,
    decisions: &BTreeMap<usize, Decision>,
    pairs: usize,
    window: &Window,
) -> Result<BTreeMap<usize, Surveyed>, sqlx::Error> {
    let limit = window.of_each(pairs);
    let mut found = BTreeMap::new();
    for (at, decision, seen) in fitting(connection, inventory, decisions, pairs, window).await? {
        let looked = Surveyed {
            seen,
            open: decision.open,
            ..Surveyed::default()
        };
        found.insert(at, looked);
    }
    let fit = |at: &usize| decisions.get(at).map(|decision| decision.number);
    let numbers: Vec<u64> = found.keys().filter_map(fit).collect();
    let untaken = of_each(connection, &inventory.untaken_each, limit, &numbers).await?;
    for (at, found) in &mut found {
        let nodes = fit(at).and_then(|number| untaken.get(&number));
        found.work = nodes.is_some_and(|nodes| *nodes > 0);
    }
    Ok(found)
}

/// Which of these decisions fit into a window, and how many nodes each has to walk over.
async fn fitting<'d>(
    connection: &mut Connection,
    inventory: &Inventory,
    decisions: &'d BTreeMap<usize, Decision>,
    pairs: usize,
    window: &Window,
) -> Result<Vec<(usize, &'d Decision, u64)>, sqlx::Error> {
    let numbers: Vec<u64> = decisions.values().map(|decision| decision.number).collect();
    let (limit, statement) = (window.of_each(pairs), &inventory.size_of_each);
    let sizes = of_each(connection, statement, limit, &numbers).await?;
    let mut room = Room::of(window, pairs);
    let sized = decisions.iter().filter_map(|(at, decision)| {
        let size = sizes.get(&decision.number).copied();
        let size = size.filter(|_| room.takes(size))?;
        Some((*at, decision, size))
    });
    Ok(sized.collect())
}

/// A number of nodes for each of these decisions, where it has one.
async fn of_each(
    connection: &mut Connection,
    (before, behind): &(String, String),
    limit: u64,
    numbers: &[u64],
) -> Result<BTreeMap<u64, u64>, sqlx::Error> {
    if numbers.is_empty() || before.is_empty() {
        return Ok(BTreeMap::new());
    }
    let statement = format!("{before}{}{behind}", listed(2, numbers));
    let mut values: Vec<Value<'_>> = vec![limit.into()];
    values.extend(numbers.iter().copied().map(Value::from));
    by_decision(&connection.fetch(&statement, &values).await?)
}
