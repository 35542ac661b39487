//! Gives back what need not be out, and keeps the rest as it should be, a window at a time.

use std::collections::BTreeMap;

use crate::domain::announcement::{AnnouncementType, BackReason};
use crate::domain::ids::Pair;
use crate::store::database::connection::{Above, Value, values};
use crate::store::database::row::Row;
use crate::store::records::{Rows, Window, WindowDone};
use crate::store::tables;
use crate::store::write::announce::{Header, announce, count};
use crate::store::write::complete::{complete, holds_no_more};
use crate::store::write::fenced::Fenced;
use crate::store::write::mark::mark_in;
use crate::store::write::walk::{self, Found};

/// Decisions that one transaction completes at most (L1).
pub const COMPLETED_AT_ONCE: u32 = 1000;

pub async fn give_back(
    unit: &mut Fenced<'_>,
    pair: Option<&Pair>,
    window: &Window,
) -> Result<WindowDone, sqlx::Error> {
    let of = pair.map_or(Rows::Holds, Rows::HoldsOf);
    let found = find(unit, of, window).await?;
    let mut chunk = WindowDone::default();
    if let Some(last) = &found.last {
        let inventory = unit.inventory;
        let released = match pair {
            Some(_) => {
                let statements = &inventory.release_of_pair;
                release_of(unit, statements, &found.decisions, last, window).await?
            }
            None => release(unit, &inventory.release, &[], last, window).await?,
        };
        chunk.changed = released.nodes();
        match pair {
            Some(_) if chunk.changed < found.seen => {
                let left = left_out(unit, &found.decisions, last, window).await?;
                chunk.locked = left.values().sum();
            }
            Some(_) => {}
            // What a pair's walk leaves is the business of the walk over all holds: a pair's window
            // may span every uuid there is.
            None => keep_marked(unit, last, window).await?,
        }
    }
    // What the other decisions hold is left for a walk of its own.
    chunk.locked += u64::from(found.more);
    chunk.next = found.next(window);
    if chunk.next.is_none() && chunk.locked == 0 {
        match pair {
            Some(pair) if window.completes => {
                chunk.completed = complete(unit, pair, window.now_ms).await?;
                if chunk.completed.is_some() {
                    holds_no_more(unit, &[pair]).await?;
                }
            }
            Some(_) => {}
            None => {
                let most = window.nodes.min(COMPLETED_AT_ONCE);
                let values = values![window.now_ms, most];
                let sql = unit.sql.complete_restored;
                if unit.connection.execute(sql, values).await? == u64::from(most) {
                    // There may be more: again behind the last row.
                    chunk.next = Some(window.after.clone());
                }
            }
        }
    }
    Ok(chunk)
}

async fn find(unit: &mut Fenced<'_>, of: Rows<'_>, window: &Window) -> Result<Found, sqlx::Error> {
    walk::window(
        unit.connection,
        unit.sql,
        unit.inventory,
        of,
        &window.after,
        window.nodes,
    )
    .await
}

/// Ends the holds of the window by these decisions.
pub async fn release_of(
    unit: &mut Fenced<'_>,
    statements: &[(String, String)],
    decisions: &[u64],
    last: &str,
    window: &Window,
) -> Result<Released, sqlx::Error> {
    let of = listed(5, decisions);
    let statements: Vec<String> = statements
        .iter()
        .map(|(begins, ends)| format!("{begins}{of}{ends}"))
        .collect();
    let decisions: Vec<Value<'_>> = decisions.iter().copied().map(Value::from).collect();
    release(unit, &statements, &decisions, last, window).await
}

/// Placeholders for these decisions, from `first` on.
pub fn listed(first: usize, decisions: &[u64]) -> String {
    let numbers = (first..first + decisions.len()).map(|number| format!("${number}"));
    numbers.collect::<Vec<_>>().join(", ")
}

/// How many holds ended.
#[derive(Default)]
pub struct Released {
    /// By the decision that held them.
    pub of: BTreeMap<u64, u64>,
    /// By the decision that ended them.
    pub by: BTreeMap<u64, u64>,
}

impl Released {
    /// In all.
    pub fn nodes(&self) -> u64 {
        self.of.values().sum()
    }
}

/// Ends holds of the window. `of`: the statements' values after the window.
pub async fn release(
    unit: &mut Fenced<'_>,
    statements: &[String],
    of: &[Value<'_>],
    last: &str,
    window: &Window,
) -> Result<Released, sqlx::Error> {
    let base = unit.counters.seq;
    for statement in statements {
        let from = unit.counters.seq;
        let mut values: Vec<Value<'_>> = vec![
            from.into(),
            window.now_ms.into(),
            Above(&window.after).into(),
            last.into(),
        ];
        values.extend(of);
        unit.counters.seq += unit.connection.execute(statement, &values).await?;
        // At once: the next statement may see a node that was registered again meanwhile, and must
        // find no hold that has ended.
        if unit.counters.seq > from {
            let ended = values![from, unit.counters.seq];
            unit.connection.execute(unit.sql.end_holds, ended).await?;
        }
    }
    let end = unit.counters.seq;
    if end == base {
        return Ok(Released::default());
    }
    mark_in(unit, window.now_ms, base, end).await?;
    let runs = unit
        .connection
        .fetch(unit.sql.released, values![base, end])
        .await?;
    let mut runs_of = Vec::with_capacity(runs.len());
    let mut moved = Released::default();
    for run in runs {
        let (first, last) = (run.uint("first")?, run.uint("last")?);
        let (decision, released_by) = (run.uint("decision")?, run.maybe_uint("released_by")?);
        let header = Header {
            announcement_type: AnnouncementType::BackInService,
            decision: Some(decision),
            reason: Some(run.word::<BackReason>(tables::CHANGES, "back")?.as_str()),
            released_by,
            decided_at_ms: run.maybe_uint("decided_at_ms")?.unwrap_or(window.now_ms),
            now_ms: window.now_ms,
        };
        let nodes = last - first + 1;
        *moved.of.entry(decision).or_default() += nodes;
        if let Some(released_by) = released_by {
            *moved.by.entry(released_by).or_default() += nodes;
        }
        runs_of.push((header, first, last));
    }
    announce(unit, &runs_of, window.nodes_per_message).await?;
    count(unit, &moved.by).await?;
    Ok(moved)
}

/// How many holds of the window stay, by their decisions, because another session has locked their rows.
pub async fn left_out(
    unit: &mut Fenced<'_>,
    decisions: &[u64],
    last: &str,
    window: &Window,
) -> Result<BTreeMap<u64, u64>, sqlx::Error> {
    let (begins, ends) = &unit.inventory.left_out;
    if begins.is_empty() {
        return Ok(BTreeMap::new());
    }
    let statement = format!("{begins}{}{ends}", listed(3, decisions));
    let mut values: Vec<Value<'_>> = values![Above(&window.after), last].clone();
    values.extend(decisions.iter().copied().map(Value::from));
    by_decision(&unit.connection.fetch(&statement, &values).await?)
}

/// Numbers of nodes by decision, of those that have one.
pub fn by_decision(rows: &[Row]) -> Result<BTreeMap<u64, u64>, sqlx::Error> {
    let mut numbers = BTreeMap::new();
    for row in rows {
        if let Some(nodes) = row.maybe_uint("nodes")? {
            numbers.insert(row.uint("decision")?, nodes);
        }
    }
    Ok(numbers)
}

/// What stays held: labelled with the pair that its node needs now, and marked.
async fn keep_marked(
    unit: &mut Fenced<'_>,
    last: &str,
    window: &Window,
) -> Result<(), sqlx::Error> {
    let inventory = unit.inventory;
    unit.connection
        .execute(&inventory.relabel, values![Above(&window.after), last])
        .await?;
    // A mark that somebody lifted by hand is not set again during a pause: that takes a node out.
    let paused = crate::store::write::pause::read(unit.connection, unit.sql)
        .await?
        .is_some();
    if !inventory.mark_again.is_empty() && !paused {
        let values = values![window.now_ms, Above(&window.after), last];
        unit.connection
            .execute(&inventory.mark_again, values)
            .await?;
    }
    Ok(())
}

/// Unmarks what is marked and not held.
pub async fn unmark_strays(
    unit: &mut Fenced<'_>,
    window: &Window,
) -> Result<WindowDone, sqlx::Error> {
    let inventory = unit.inventory;
    if inventory.unmark_strays.is_empty() {
        return Ok(WindowDone::default());
    }
    let found = find(unit, Rows::Nodes, window).await?;
    if let Some(last) = &found.last {
        let values = values![window.now_ms, Above(&window.after), last];
        unit.connection
            .execute(&inventory.unmark_strays, values)
            .await?;
    }
    Ok(WindowDone {
        next: found.next(window),
        ..WindowDone::default()
    })
}
