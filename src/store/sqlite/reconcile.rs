//! Making the nodes as the decisions want them: a bounded window of nodes in a transaction, never
//! node by node. State, hold and announcement are written together (I3); the numbers are given
//! under the fence, so they are contiguous (I4).

use sqlx::{Row, SqliteConnection};

use super::super::{Chunk, Rows, Window};
use super::ledger::Unit;
use super::{int, sql, text, uint};
use crate::domain::announcement::OutReason;
use crate::domain::ids::Pair;

/// How the body of an announcement is made from its rows. A binary that makes it otherwise must
/// use another number, and keep making the old ones.
pub(super) const FORMAT: i64 = 1;

/// The header of one or more announcements over a run of changes.
struct Header<'a> {
    message_type: &'static str,
    decision: i64,
    reason: &'a str,
    released_by: Option<i64>,
    decided_at_ms: i64,
}

/// Changes that share a message: the hold's decision, the reason, the first and the last `seq`, the
/// decision that released them and when it was made.
type Run = (i64, String, i64, i64, Option<i64>, Option<i64>);

pub(super) async fn take_out(
    unit: &mut Unit<'_>,
    pair: &Pair,
    window: &Window,
) -> Result<Chunk, sqlx::Error> {
    let (driver, group) = (pair.driver.as_str(), pair.group.as_str());
    let lost: Option<(i64, i64)> = sqlx::query_as(sql::LOST_DECISION)
        .bind(driver)
        .bind(group)
        .fetch_optional(&mut *unit.tx)
        .await?;
    let Some((decision, decided_at_ms)) = lost else {
        return Ok(Chunk {
            next: None,
            changed: 0,
            skipped: 0,
        });
    };
    let (last, seen, skipped): (Option<Vec<u8>>, i64, i64) = sqlx::query_as(sql::PAIR_WINDOW)
        .bind(driver)
        .bind(group)
        .bind(&window.after)
        .bind(window.nodes)
        .fetch_one(&mut *unit.tx)
        .await?;
    let last = last.map(text);
    let mut changed = 0;
    if let Some(last) = &last {
        let base = unit.counters.seq;
        changed = sqlx::query(sql::HOLD)
            .bind(int(base))
            .bind(decision)
            .bind(int(window.now_ms))
            .bind(driver)
            .bind(group)
            .bind(&window.after)
            .bind(last)
            .execute(&mut *unit.tx)
            .await?
            .rows_affected();
        sqlx::query(sql::MARK_OUT)
            .bind(int(window.now_ms))
            .bind(driver)
            .bind(group)
            .bind(&window.after)
            .bind(last)
            .execute(&mut *unit.tx)
            .await?;
        unit.counters.seq += changed;
        let header = Header {
            message_type: "node.out_of_service",
            decision,
            reason: OutReason::DriverLost.as_str(),
            released_by: None,
            decided_at_ms,
        };
        announce(unit, &header, base + 1, base + changed, window).await?;
        count(unit, decision, changed).await?;
    }
    let next = (seen == i64::from(window.nodes)).then_some(last).flatten();
    if next.is_none() {
        complete(unit, pair, window.now_ms).await?;
    }
    Ok(Chunk {
        next,
        changed,
        skipped: uint(skipped),
    })
}

pub(super) async fn give_back(
    unit: &mut Unit<'_>,
    pair: Option<&Pair>,
    window: &Window,
) -> Result<Chunk, sqlx::Error> {
    let found = match pair {
        Some(pair) => sqlx::query_as(sql::HOLDS_WINDOW_OF_PAIR)
            .bind(&window.after)
            .bind(pair.driver.as_str())
            .bind(pair.group.as_str()),
        None => sqlx::query_as(sql::HOLDS_WINDOW).bind(&window.after),
    };
    let (last, seen): (Option<Vec<u8>>, i64) =
        found.bind(window.nodes).fetch_one(&mut *unit.tx).await?;
    let last = last.map(text);
    let mut changed = 0;
    if let Some(last) = &last {
        changed = release(unit, pair, last, window).await?;
        // What a pair's walk leaves is the business of the walk over all holds: a pair's window may
        // span every uuid there is.
        if pair.is_none() {
            keep_marked(unit, last, window).await?;
        }
    }
    let next = (seen == i64::from(window.nodes)).then_some(last).flatten();
    match (&next, pair) {
        (Some(_), _) => {}
        (None, Some(pair)) => complete(unit, pair, window.now_ms).await?,
        (None, None) => {
            sqlx::query(sql::COMPLETE_RESTORED)
                .bind(int(window.now_ms))
                .execute(&mut *unit.tx)
                .await?;
        }
    }
    Ok(Chunk {
        next,
        changed,
        skipped: 0,
    })
}

/// Ends the holds of the window that have a reason to end; returns how many.
async fn release(
    unit: &mut Unit<'_>,
    pair: Option<&Pair>,
    last: &str,
    window: &Window,
) -> Result<u64, sqlx::Error> {
    let base = unit.counters.seq;
    let statement = match pair {
        Some(_) => sql::RELEASE_OF_PAIR,
        None => sql::RELEASE,
    };
    let mut query = sqlx::query(statement)
        .bind(int(base))
        .bind(int(window.now_ms))
        .bind(&window.after)
        .bind(last);
    if let Some(pair) = pair {
        query = query.bind(pair.driver.as_str()).bind(pair.group.as_str());
    }
    let changed = query.execute(&mut *unit.tx).await?.rows_affected();
    if changed == 0 {
        return Ok(0);
    }
    unit.counters.seq += changed;
    sqlx::query(sql::END_HOLDS)
        .bind(int(base))
        .execute(&mut *unit.tx)
        .await?;
    sqlx::query(sql::MARK_IN)
        .bind(int(window.now_ms))
        .bind(int(base))
        .execute(&mut *unit.tx)
        .await?;
    let runs: Vec<Run> = sqlx::query_as(sql::RELEASED)
        .bind(int(base))
        .fetch_all(&mut *unit.tx)
        .await?;
    for (decision, reason, first, last, released_by, decided_at_ms) in runs {
        let header = Header {
            message_type: "node.back_in_service",
            decision,
            reason: &reason,
            released_by,
            decided_at_ms: decided_at_ms.unwrap_or(int(window.now_ms)),
        };
        announce(unit, &header, uint(first), uint(last), window).await?;
        if let Some(released_by) = released_by {
            count(unit, released_by, uint(last - first + 1)).await?;
        }
    }
    Ok(changed)
}

/// What stays held: labelled with the pair that its node needs now, and marked.
async fn keep_marked(unit: &mut Unit<'_>, last: &str, window: &Window) -> Result<(), sqlx::Error> {
    sqlx::query(sql::RELABEL)
        .bind(&window.after)
        .bind(last)
        .execute(&mut *unit.tx)
        .await?;
    sqlx::query(sql::MARK_AGAIN)
        .bind(int(window.now_ms))
        .bind(&window.after)
        .bind(last)
        .execute(&mut *unit.tx)
        .await?;
    Ok(())
}

pub(super) async fn put_right(unit: &mut Unit<'_>, window: &Window) -> Result<Chunk, sqlx::Error> {
    let (last, seen): (Option<Vec<u8>>, i64) = sqlx::query_as(sql::ALL_WINDOW)
        .bind(&window.after)
        .bind(window.nodes)
        .fetch_one(&mut *unit.tx)
        .await?;
    let last = last.map(text);
    if let Some(last) = &last {
        sqlx::query(sql::PUT_RIGHT)
            .bind(int(window.now_ms))
            .bind(&window.after)
            .bind(last)
            .execute(&mut *unit.tx)
            .await?;
    }
    let next = (seen == i64::from(window.nodes)).then_some(last).flatten();
    Ok(Chunk {
        next,
        changed: 0,
        skipped: 0,
    })
}

/// The first row after the uuid `after`.
pub(super) async fn first_after(
    connection: &mut SqliteConnection,
    of: Rows<'_>,
    after: &str,
) -> Result<Option<String>, sqlx::Error> {
    let of_pair = |statement: &'static str, pair: &Pair, after_first: bool| {
        let query = sqlx::query(statement);
        let (driver, group) = (pair.driver.to_string(), pair.group.to_string());
        if after_first {
            query.bind(after.to_owned()).bind(driver).bind(group)
        } else {
            query.bind(driver).bind(group).bind(after.to_owned())
        }
    };
    let query = match of {
        Rows::NodesOf(pair) => of_pair(sql::PAIR_WINDOW, pair, false),
        Rows::HoldsOf(pair) => of_pair(sql::HOLDS_WINDOW_OF_PAIR, pair, true),
        Rows::Holds => sqlx::query(sql::HOLDS_WINDOW).bind(after.to_owned()),
        Rows::Nodes => sqlx::query(sql::ALL_WINDOW).bind(after.to_owned()),
    };
    let row = query.bind(1).fetch_one(connection).await?;
    let first: Option<Vec<u8>> = row.try_get(0)?;
    Ok(first.map(text))
}

/// Fixes the messages over the changes `first` to `last`.
async fn announce(
    unit: &mut Unit<'_>,
    header: &Header<'_>,
    first: u64,
    last: u64,
    window: &Window,
) -> Result<(), sqlx::Error> {
    let mut first = first;
    while first <= last {
        let end = last.min(first + u64::from(window.nodes_per_message) - 1);
        unit.counters.last_announcement += 1;
        sqlx::query(sql::ANNOUNCE)
            .bind(int(unit.counters.last_announcement))
            .bind(header.message_type)
            .bind(header.decision)
            .bind(header.reason)
            .bind(header.released_by)
            .bind(int(first))
            .bind(int(end))
            .bind(int(unit.counters.epoch))
            .bind(header.decided_at_ms)
            .bind(int(window.now_ms))
            .bind(FORMAT)
            .execute(&mut *unit.tx)
            .await?;
        first = end + 1;
    }
    Ok(())
}

async fn count(unit: &mut Unit<'_>, decision: i64, nodes: u64) -> Result<(), sqlx::Error> {
    if nodes > 0 {
        sqlx::query(sql::COUNT_NODES)
            .bind(int(nodes))
            .bind(decision)
            .execute(&mut *unit.tx)
            .await?;
    }
    Ok(())
}

async fn complete(unit: &mut Unit<'_>, pair: &Pair, now_ms: u64) -> Result<(), sqlx::Error> {
    sqlx::query(sql::COMPLETE)
        .bind(int(now_ms))
        .bind(pair.driver.as_str())
        .bind(pair.group.as_str())
        .execute(&mut *unit.tx)
        .await?;
    Ok(())
}
