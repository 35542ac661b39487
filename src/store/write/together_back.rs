//! Giving back what several small pairs hold, by all their decisions at once.

use std::collections::{BTreeMap, HashMap};

use crate::domain::ids::Pair;
use crate::store::database::connection::{Bind as _, Value, placeholders_from};
use crate::store::records::Window;
use crate::store::write::count::key;
use crate::store::write::fenced::Fenced;
use crate::store::write::give_back::{by_decision, left_out, listed, release_of};
use crate::store::write::small_pairs::{Decision, Moved, OfPair, Room, places};
use crate::store::write::walk::DECISIONS;

/// A key that no other one is behind.
const BEHIND_ALL: &str = "\u{10ffff}";

/// Of one pair, what its decisions hold.
#[derive(Default)]
struct Holding {
    decisions: Vec<u64>,
    /// By too many decisions, or too much to be counted.
    large: bool,
    size: u64,
    last: String,
}

/// Gives back what fits.
pub async fn give_back(
    unit: &mut Fenced<'_>,
    decisions: &BTreeMap<usize, Decision>,
    pairs: &[Pair],
    window: &Window,
) -> Result<Moved, sqlx::Error> {
    let holding = holding(unit, pairs, window.of_each(pairs.len())).await?;
    let mut room = Room::of(window, pairs.len());
    let mut moved = Moved::new();
    let mut fit: HashMap<u64, usize> = HashMap::new();
    let mut last = "";
    for at in decisions.keys() {
        let Some(held) = holding.get(at) else {
            moved.insert(*at, OfPair::default());
            continue;
        };
        if room.takes((!held.large).then_some(held.size)) {
            moved.insert(*at, OfPair::default());
            fit.extend(held.decisions.iter().map(|number| (*number, *at)));
            last = last.max(&held.last);
        }
    }
    let mut numbers: Vec<u64> = fit.keys().copied().collect();
    numbers.sort_unstable();
    if numbers.is_empty() {
        return Ok(moved);
    }
    // MySQL has `a` behind `a\t`.
    if last.bytes().any(|byte| byte < b' ') {
        last = BEHIND_ALL;
    }
    let whole = Window {
        after: String::new(),
        ..window.clone()
    };
    let statements = &unit.inventory.release_of_pair;
    let released = release_of(unit, statements, &numbers, last, &whole).await?;
    let left = match released.nodes() < room.taken {
        true => left_out(unit, &numbers, last, &whole).await?,
        false => BTreeMap::new(),
    };
    for (number, at) in &fit {
        let of = moved.entry(*at).or_default();
        of.changed += released.of.get(number).copied().unwrap_or_default();
        of.locked += left.get(number).copied().unwrap_or_default();
    }
    for (at, of) in &mut moved {
        let by = decisions.get(at).map(|decision| decision.number);
        let by = by.and_then(|number| released.by.get(&number));
        of.counted = by.copied().unwrap_or_default();
    }
    Ok(moved)
}

/// What each pair holds, by its place.
async fn holding(
    unit: &mut Fenced<'_>,
    pairs: &[Pair],
    limit: u64,
) -> Result<HashMap<usize, Holding>, sqlx::Error> {
    let places = places(pairs);
    let (before, behind) = unit.sql.holding_of_pairs;
    let statement = format!("{before}{}{behind}", placeholders_from(2, pairs.len(), 2));
    let mut values: Vec<Value<'_>> = vec![limit.into()];
    for pair in pairs {
        pair.bind(&mut values);
    }
    let mut holding: HashMap<usize, Holding> = HashMap::new();
    for row in unit.connection.fetch(&statement, &values).await? {
        let Some(at) = places.get(&key(&row)?) else {
            continue;
        };
        let held = holding.entry(*at).or_default();
        held.large |= row.maybe_text("beyond")?.is_some();
        held.decisions.push(row.uint("number")?);
        held.last = row.text("last")?.max(std::mem::take(&mut held.last));
    }
    for held in holding.values_mut() {
        held.large |= held.decisions.len() > DECISIONS;
    }
    let small = holding.values().filter(|held| !held.large);
    let numbers: Vec<u64> = small
        .flat_map(|held| held.decisions.iter().copied())
        .collect();
    let sizes = sizes(unit, &numbers).await?;
    for held in holding.values_mut() {
        let sizes = held.decisions.iter().filter_map(|number| sizes.get(number));
        held.size = sizes.sum();
    }
    Ok(holding)
}

/// How much each decision holds.
async fn sizes(unit: &mut Fenced<'_>, numbers: &[u64]) -> Result<BTreeMap<u64, u64>, sqlx::Error> {
    if numbers.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (before, behind) = unit.sql.holds_of_each;
    let statement = format!("{before}{}{behind}", listed(1, numbers));
    let values: Vec<Value<'_>> = numbers.iter().copied().map(Value::from).collect();
    by_decision(&unit.connection.fetch(&statement, &values).await?)
}
