//! Every pair that a conductor or a node names, put together from five tables; or one of them.

use std::collections::BTreeMap;

use crate::domain::change::{PairState, Standing, Verdict};
use crate::domain::conductor::ConductorState;
use crate::store::database::connection::values;
use crate::store::database::row::Row;
use crate::store::look::from_row::{conductor, decision};
use crate::store::look::snapshot::Snapshot;
use crate::store::look::views::{ConductorView, DriverView};
use crate::store::tables;
use crate::store::write::count;

/// At most so many changes are added to the counts that are kept. The replica that decides folds them
/// in long before; without one there are few.
const MOST_CHANGES: u64 = 200_000;

/// Every pair with what is recorded about it, keyed by group and driver.
pub type Pairs = BTreeMap<(String, String), DriverView>;

pub async fn conductors(look: &mut Snapshot) -> Result<Vec<ConductorView>, sqlx::Error> {
    let rows = look.connection.fetch(look.sql.see_conductors, &[]).await?;
    rows.iter().map(conductor).collect()
}

pub async fn pairs(look: &mut Snapshot) -> Result<Pairs, sqlx::Error> {
    let mut pairs = Pairs::new();
    for row in look.connection.fetch(look.sql.see_pairs, &[]).await? {
        let (group, driver) = count::key(&row)?;
        stand(entry(&mut pairs, group, driver), &row)?;
    }
    for conductor in conductors(look).await? {
        for driver in &conductor.drivers {
            let group = conductor.conductor_group.clone();
            count_conductor(entry(&mut pairs, group, driver.clone()), &conductor);
        }
    }
    if let Some(counted) = counted(look).await? {
        for row in look.connection.fetch(look.sql.see_counts, &[]).await? {
            let (group, driver) = count::key(&row)?;
            let view = entry(&mut pairs, group, driver);
            view.nodes_in_service = row.uint("nodes")?;
            view.nodes_out_of_service = row.uint("held")?;
        }
        for ((group, driver), moved) in counted.moved {
            let view = entry(&mut pairs, group, driver);
            view.nodes_out_of_service = view.nodes_out_of_service.saturating_add_signed(moved);
        }
        for view in pairs.values_mut() {
            view.counted_at_ms = Some(counted.at_ms);
            // All nodes, so far.
            let held = view.nodes_out_of_service;
            view.nodes_in_service = view.nodes_in_service.saturating_sub(held);
        }
    }
    pairs.values_mut().for_each(mark_holding);
    Ok(pairs)
}

/// What is counted, as of the last change.
pub struct Counted {
    /// When the nodes were.
    pub at_ms: u64,
    pub nodes: u64,
    pub held: u64,
    /// What is to be added to what is held for each pair.
    moved: BTreeMap<(String, String), i64>,
}

/// What is counted; `None`: no replica has counted yet.
pub async fn counted(look: &mut Snapshot) -> Result<Option<Counted>, sqlx::Error> {
    let (connection, sql) = (&mut look.connection, look.sql);
    let Some(row) = connection.fetch_first(sql.see_counted, &[]).await? else {
        return Ok(None);
    };
    let from = row.uint("seq")?;
    let moved = count::moved(connection, from, from.saturating_add(MOST_CHANGES)).await?;
    Ok(Some(Counted {
        at_ms: row.uint("counted_at_ms")?,
        nodes: row.uint("nodes")?,
        held: row
            .uint("held")?
            .saturating_add_signed(moved.values().sum()),
        moved,
    }))
}

/// One pair and the conductors of its group. Counting its nodes would pass over all of them.
pub async fn pair(
    look: &mut Snapshot,
    group: &str,
    driver: &str,
) -> Result<(DriverView, Vec<ConductorView>), sqlx::Error> {
    let mut view = nothing_known(group, driver);
    let (connection, sql) = (&mut look.connection, look.sql);
    let asked = values![group, driver];
    if let Some(row) = connection.fetch_first(sql.see_pair, asked).await? {
        stand(&mut view, &row)?;
    }
    let of_group = sql.see_conductors_of_group;
    let rows = connection.fetch(of_group, values![group]).await?;
    let conductors = rows.iter().map(conductor).collect::<Result<Vec<_>, _>>()?;
    for conductor in &conductors {
        if conductor.drivers.iter().any(|theirs| theirs == driver) {
            count_conductor(&mut view, conductor);
        }
    }
    mark_holding(&mut view);
    Ok((view, conductors))
}

/// Takes what is recorded about the pair.
fn stand(view: &mut DriverView, row: &Row) -> Result<(), sqlx::Error> {
    view.state = match row.word(tables::PAIRS, "state")? {
        Standing::Active => PairState::Active,
        Standing::Lost => PairState::Lost,
    };
    view.since_ms = Some(row.uint("since_ms")?);
    if row.maybe_int("number")?.is_some() {
        let decision = decision(row)?;
        if view.state == PairState::Lost && decision.verdict == Verdict::Unknown {
            view.state = PairState::Unknown;
        }
        view.decision = Some(decision);
    }
    Ok(())
}

/// A pair is held, once all its conductors are counted, if each is in a planned restart.
fn mark_holding(view: &mut DriverView) {
    if view.state == PairState::Active && view.until_ms.is_some() {
        view.state = PairState::Holding;
    }
}

fn entry(pairs: &mut Pairs, group: String, driver: String) -> &mut DriverView {
    pairs
        .entry((group, driver))
        .or_insert_with_key(|(group, driver)| nothing_known(group, driver))
}

fn nothing_known(group: &str, driver: &str) -> DriverView {
    DriverView {
        conductor_group: group.to_owned(),
        driver: driver.to_owned(),
        state: PairState::Unknown,
        since_ms: None,
        until_ms: None,
        decision: None,
        conductors: Vec::new(),
        away: Vec::new(),
        counted_at_ms: None,
        nodes_in_service: 0,
        nodes_out_of_service: 0,
    }
}

/// Adds a conductor to a pair of its own. `until_ms`: all that count are in a planned restart.
fn count_conductor(view: &mut DriverView, conductor: &ConductorView) {
    let first = view.conductors.is_empty();
    if conductor.state == ConductorState::Leaving {
        view.away.push(conductor.conductor.clone());
    }
    match conductor.state {
        ConductorState::Active => view.until_ms = None,
        ConductorState::Leaving if first || view.until_ms.is_some() => {
            let until = conductor.until_ms.unwrap_or(conductor.last_sign_at_ms);
            view.until_ms = view.until_ms.max(Some(until));
        }
        ConductorState::Leaving => {}
        ConductorState::Left | ConductorState::TimedOut => return,
    }
    view.conductors.push(conductor.conductor.clone());
}
