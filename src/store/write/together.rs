//! Carrying out the decisions of several small pairs in one transaction, with statements for all of them:
//! many pairs may be lost at one instant, and each round trip to the database takes its time (L1).
//!
//! What a pair comes to is the same as alone: [`take_out`](super::take_out) and
//! [`give_back`](super::give_back) say how. Here is which pairs fit, and what they complete.

use std::collections::BTreeMap;

use crate::domain::change::Standing;
use crate::domain::ids::Pair;
use crate::store::database::connection::{Connection, Value};
use crate::store::records::{Surveyed, Window, WindowDone};
use crate::store::sql::Inventory;
use crate::store::write::complete::holds_no_more;
use crate::store::write::fenced::Fenced;
use crate::store::write::give_back::listed;
use crate::store::write::small_pairs::{Decision, Moved, OfPair, of_pairs};
use crate::store::write::{pause, together_back, together_out};

pub async fn carry_out(
    unit: &mut Fenced<'_>,
    to: Standing,
    pairs: &[Pair],
    window: &Window,
) -> Result<Vec<Option<WindowDone>>, sqlx::Error> {
    let paused = WindowDone {
        paused: true,
        ..WindowDone::default()
    };
    // Under the fence: who pauses is serialised with us.
    if to == Standing::Lost && pause::read(unit.connection, unit.sql).await?.is_some() {
        return Ok(vec![Some(paused); pairs.len()]);
    }
    let mut decisions = of_pairs(unit.connection, pairs).await?;
    decisions.retain(|_, decision| decision.applies(to, window));
    let moved = match to {
        Standing::Lost => together_out::take_out(unit, &decisions, pairs.len(), window).await?,
        Standing::Active => together_back::give_back(unit, &decisions, pairs, window).await?,
    };
    complete(unit, &decisions, &moved, window).await?;
    if to == Standing::Active {
        let done = |(at, of): (&usize, &OfPair)| {
            let decision = decisions.get(at)?;
            of.completes(decision, window).then(|| pairs.get(*at))?
        };
        let back: Vec<&Pair> = moved.iter().filter_map(done).collect();
        holds_no_more(unit, &back).await?;
    }
    let done = (0..pairs.len()).map(|at| match (decisions.get(&at), moved.get(&at)) {
        (Some(decision), Some(of)) => Some(of.done(decision, window)),
        // Too large.
        (Some(_), None) => None,
        // Nothing is to do.
        (None, _) => Some(WindowDone::default()),
    });
    Ok(done.collect())
}

/// What [`carry_out`] would find to do for lost pairs; `None` where they do not fit.
pub async fn survey(
    connection: &mut Connection,
    inventory: &Inventory,
    pairs: &[Pair],
    window: &Window,
) -> Result<Vec<Option<Surveyed>>, sqlx::Error> {
    let mut decisions = of_pairs(connection, pairs).await?;
    decisions.retain(|_, decision| decision.applies(Standing::Lost, window));
    let mut found =
        together_out::survey(connection, inventory, &decisions, pairs.len(), window).await?;
    let each = (0..pairs.len()).map(|at| match decisions.contains_key(&at) {
        true => found.remove(&at),
        false => Some(Surveyed::default()),
    });
    Ok(each.collect())
}

/// What is carried out completes, in one statement.
async fn complete(
    unit: &mut Fenced<'_>,
    decisions: &BTreeMap<usize, Decision>,
    moved: &Moved,
    window: &Window,
) -> Result<(), sqlx::Error> {
    let done = moved
        .iter()
        .filter_map(|(at, of)| Some((decisions.get(at)?, of)))
        .filter(|(decision, of)| of.completes(decision, window));
    let numbers: Vec<u64> = done.map(|(decision, _)| decision.number).collect();
    if numbers.is_empty() {
        return Ok(());
    }
    let (before, behind) = unit.sql.complete_each;
    let statement = format!("{before}{}{behind}", listed(2, &numbers));
    let mut values: Vec<Value<'_>> = vec![window.now_ms.into()];
    values.extend(numbers.iter().copied().map(Value::from));
    unit.connection.execute(&statement, &values).await?;
    Ok(())
}
