//! The counts that looks go by, kept by the replica that decides: how many nodes need each pair, and
//! how many are held for it.
//!
//! Nodes are counted a window at a time, without a lock. Holds are counted as of one `seq`; a look adds
//! what the changes since then say, so that what it shows of them is never old (L2). Changes that come
//! in masses are folded into the counts, so that there are never many to add.

use std::collections::BTreeMap;

use crate::domain::ids::{Driver, Group, Pair};
use crate::store::database::connection::{Above, Connection, values};
use crate::store::database::row::Row;
use crate::store::records::{Counts, CountsWindow};
use crate::store::sql::Inventory;
use crate::store::write::fenced::Fenced;

/// So many times as many rows as are wanted are read at most, for those that are no names.
const WIDER: u32 = 16;

/// At most so many changes are folded in one transaction.
pub const FOLDED: u64 = 20_000;

/// Group and driver.
type Key = (String, String);

/// How many nodes, and how many are held.
type Pairs = BTreeMap<Key, (i64, i64)>;

/// Counts the nodes of the next window by pair.
pub async fn window(
    connection: &mut Connection,
    inventory: &Inventory,
    after: &str,
    limit: u32,
) -> Result<CountsWindow, sqlx::Error> {
    let asked = values![Above(after), limit];
    let end = connection.fetch_one(&inventory.count_end, asked).await?;
    let mut window = CountsWindow {
        last: end.maybe_text("last")?,
        seen: end.uint("seen")?,
        pairs: Vec::new(),
    };
    if let Some(last) = &window.last {
        let values = values![Above(after), last];
        for row in connection.fetch(&inventory.count_window, values).await? {
            window.pairs.push((key(&row)?, row.uint("nodes")?));
        }
    }
    Ok(window)
}

/// The holds as of one `seq`: that, and how many there are of each pair.
pub async fn holds(connection: &mut Connection) -> Result<(u64, BTreeMap<Key, u64>), sqlx::Error> {
    let (mut seq, mut held) = (0, BTreeMap::new());
    let statement = connection.sql().count_holds;
    for row in connection.fetch(statement, &[]).await? {
        seq = row.uint("seq")?;
        if row.maybe_int("nodes")?.is_some() {
            *held.entry(key(&row)?).or_default() += row.uint("nodes")?;
        }
    }
    Ok((seq, held))
}

/// What there is to compare with.
pub struct Kept {
    /// The counts that are kept.
    counts: Pairs,
    /// No count was ever kept whole: nothing is shown of these yet.
    first: bool,
    /// The holds as of one `seq`: that, and how many there are of each pair.
    seq: u64,
    held: BTreeMap<Key, u64>,
}

pub async fn kept(connection: &mut Connection) -> Result<Kept, sqlx::Error> {
    let sql = connection.sql();
    let counted = connection.fetch_first(sql.see_counted, &[]).await?;
    let mut counts = Pairs::new();
    for row in connection.fetch(sql.see_counts, &[]).await? {
        counts.insert(key(&row)?, (row.int("nodes")?, row.int("held")?));
    }
    let (seq, held) = holds(connection).await?;
    Ok(Kept {
        counts,
        first: counted.is_none(),
        seq,
        held,
    })
}

/// Writes what differs from the counts that are kept; returns whether that is all.
///
/// Of more than `most` pairs whose nodes differ, those of so many alone: the holds that are kept belong to
/// one `seq`, and change together with it. They are folded in as they come, so few of them differ.
pub async fn keep(
    unit: &mut Fenced<'_>,
    counts: &Counts,
    kept: &Kept,
    most: u32,
) -> Result<bool, sqlx::Error> {
    let mut wanted = Pairs::new();
    for pair in kept.counts.keys() {
        wanted.insert(pair.clone(), (0, 0));
    }
    for (pair, nodes) in &counts.pairs {
        wanted.entry(pair.clone()).or_default().0 = signed(*nodes);
    }
    for (pair, nodes) in &kept.held {
        wanted.entry(pair.clone()).or_default().1 = signed(*nodes);
    }
    wanted.retain(|pair, count| kept.counts.get(pair) != Some(count));
    let (connection, sql) = (&mut *unit.connection, unit.sql);
    let of = |pair: &Key| kept.counts.get(pair).copied().unwrap_or_default();
    let part = wanted
        .iter()
        .filter(|(pair, count)| kept.first || of(pair).0 != count.0)
        .map(|(pair, count)| {
            let held = if kept.first { count.1 } else { of(pair).1 };
            (pair.clone(), (count.0, held))
        });
    let part: Vec<_> = part.take(most as usize + 1).collect();
    if let Some(part) = part.get(..most as usize).filter(|it| it.len() < part.len()) {
        write(connection, sql.keep_counts, part).await?;
        return Ok(false);
    }
    let changed: Vec<_> = wanted.into_iter().collect();
    write(connection, sql.keep_counts, &changed).await?;
    connection.execute(sql.drop_counts, &[]).await?;
    let all: u64 = kept.held.values().sum();
    let values = values![counts.counted_at_ms, counts.nodes, all, kept.seq];
    connection.execute(sql.keep_counted, values).await?;
    Ok(true)
}

/// Folds the next changes into the counts; returns how many.
pub async fn fold(unit: &mut Fenced<'_>) -> Result<u64, sqlx::Error> {
    let (connection, sql) = (&mut *unit.connection, unit.sql);
    let Some(counted) = connection.fetch_first(sql.see_counted, &[]).await? else {
        return Ok(0);
    };
    let from = counted.uint("seq")?;
    let to = unit.counters.seq.min(from + FOLDED);
    if to <= from {
        return Ok(0);
    }
    let moved = moved(connection, from, to).await?;
    let all: i64 = moved.values().sum();
    let moved = moved.into_iter().map(|(pair, held)| (pair, (0, held)));
    let moved: Vec<_> = moved.collect();
    write(connection, sql.fold_counts, &moved).await?;
    let held = counted.int("held")?.saturating_add(all).max(0);
    connection
        .execute(sql.fold_counted, values![held, to])
        .await?;
    Ok(to - from)
}

/// By how much the changes above `from` and up to `to` changed what is held for each pair.
pub async fn moved(
    connection: &mut Connection,
    from: u64,
    to: u64,
) -> Result<BTreeMap<Key, i64>, sqlx::Error> {
    let mut moved = BTreeMap::new();
    let statement = connection.sql().moved;
    for row in connection.fetch(statement, values![from, to]).await? {
        *moved.entry(key(&row)?).or_default() += row.int("nodes")?;
    }
    Ok(moved)
}

async fn write(
    connection: &mut Connection,
    around: (&str, &str),
    pairs: &[(Key, (i64, i64))],
) -> Result<(), sqlx::Error> {
    let rows = pairs.iter().map(|((group, driver), (nodes, held))| {
        [group.into(), driver.into(), (*nodes).into(), (*held).into()]
    });
    connection.write_rows(around, rows).await
}

/// A pair as a row has it.
pub fn key(row: &Row) -> Result<Key, sqlx::Error> {
    Ok((row.text("conductor_group")?, row.text("driver")?))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Pairs that nodes needed when they were counted, and nothing was ever decided about.
pub async fn unknown_pairs(
    connection: &mut Connection,
    most: u32,
) -> Result<Vec<Pair>, sqlx::Error> {
    let sql = connection.sql();
    let mut asked = most;
    loop {
        let rows = connection.fetch(sql.unknown_pairs, values![asked]).await?;
        let mut pairs = Vec::with_capacity(rows.len());
        for row in &rows {
            let group = Group::parse(&row.text("conductor_group")?);
            let driver = Driver::parse(&row.text("driver")?);
            // No event can name what is no name.
            if let (Ok(group), Ok(driver)) = (group, driver) {
                pairs.push(Pair { group, driver });
            }
        }
        let all = (rows.len() as u64) < u64::from(asked) || asked >= most.saturating_mul(WIDER);
        if all || pairs.len() >= most as usize {
            pairs.truncate(most as usize);
            return Ok(pairs);
        }
        // What is no name must not keep out what is one.
        asked = asked.saturating_mul(2);
    }
}

/// Which of `pairs` nodes need now.
pub async fn needed(
    connection: &mut Connection,
    inventory: &Inventory,
    pairs: &[Pair],
) -> Result<Vec<Pair>, sqlx::Error> {
    let mut needed = Vec::new();
    for pair in pairs {
        let (statement, asked) = (&inventory.needed, values![pair]);
        let found = connection.fetch_first(statement, asked).await?;
        needed.extend(found.map(|_| pair.clone()));
    }
    Ok(needed)
}
