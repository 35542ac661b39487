//! Taking a lost pair's nodes out, a window of them in a transaction. Rows locked elsewhere are
//! passed by and counted. State, hold and announcement go together (I3), numbers are given under
//! the fence (I4).

use std::collections::BTreeMap;

use crate::domain::announcement::{AnnouncementType, OutReason};
use crate::domain::ids::Pair;
use crate::store::database::connection::{Above, Connection, values};
use crate::store::look::from_row::out_reason;
use crate::store::records::{Rows, Window, WindowDone};
use crate::store::write::announce::{Header, announce, count};
use crate::store::write::complete::complete;
use crate::store::write::fenced::Fenced;
use crate::store::write::mark::mark_out;
use crate::store::write::{pause, walk};

pub async fn take_out(
    unit: &mut Fenced<'_>,
    pair: &Pair,
    window: &Window,
) -> Result<WindowDone, sqlx::Error> {
    // Under the fence: who pauses is serialised with us.
    if pause::read(unit.connection, unit.sql).await?.is_some() {
        return Ok(WindowDone {
            paused: true,
            ..WindowDone::default()
        });
    }
    let Some(decision) = decision(unit.connection, pair, window).await? else {
        return Ok(WindowDone::default());
    };
    let found = walk::window(
        unit.connection,
        unit.sql,
        unit.inventory,
        Rows::NodesOf(pair),
        &window.after,
        window.nodes,
    )
    .await?;
    let mut chunk = WindowDone {
        skipped: found.skipped,
        ..WindowDone::default()
    };
    if let Some(last) = &found.last {
        chunk.changed = hold(unit, pair, window, last, &decision).await?;
        if chunk.changed < found.seen {
            chunk.locked = left_in(unit, pair, window, last, decision.number).await?;
        }
    }
    chunk.next = found.next(window);
    if chunk.next.is_none() && chunk.locked == 0 && window.completes {
        chunk.completed = complete(unit, pair, window.now_ms).await?;
    }
    Ok(chunk)
}

/// The decision that the nodes go out by.
pub struct Decision {
    pub number: u64,
    decided_at_ms: u64,
    reason: OutReason,
    /// It is not carried out yet.
    pub open: bool,
}

/// The pair's decision; `None`: it is not lost, or its nodes stay in.
pub async fn decision(
    connection: &mut Connection,
    pair: &Pair,
    window: &Window,
) -> Result<Option<Decision>, sqlx::Error> {
    let statement = connection.sql().lost_decision;
    let Some(lost) = connection.fetch_first(statement, values![pair]).await? else {
        return Ok(None);
    };
    let reason = out_reason(&lost)?;
    let unwanted = reason == OutReason::DriverUnknown && !window.unknown;
    // What was only observed moves no node: it is decided again first.
    if unwanted || lost.maybe_flag("observed")?.unwrap_or(false) {
        return Ok(None);
    }
    Ok(Some(Decision {
        number: lost.uint("number")?,
        decided_at_ms: lost.uint("decided_at_ms")?,
        reason,
        open: lost.maybe_uint("completed_at_ms")?.is_none(),
    }))
}

/// Holds, marks and announces what of the window is to go out; returns how many nodes.
async fn hold(
    unit: &mut Fenced<'_>,
    pair: &Pair,
    window: &Window,
    last: &str,
    decision: &Decision,
) -> Result<u64, sqlx::Error> {
    let base = unit.counters.seq;
    let values = values![
        base,
        decision.number,
        window.now_ms,
        pair,
        Above(&window.after),
        last,
    ];
    let statement = &unit.inventory.hold;
    let changed = unit.connection.execute(statement, values).await?;
    if changed == 0 {
        return Ok(0);
    }
    unit.counters.seq += changed;
    mark_out(unit, window.now_ms, base, unit.counters.seq).await?;
    let header = Header {
        announcement_type: AnnouncementType::OutOfService,
        decision: Some(decision.number),
        reason: Some(decision.reason.as_str()),
        released_by: None,
        decided_at_ms: decision.decided_at_ms,
        now_ms: window.now_ms,
    };
    let run = [(header, base + 1, base + changed)];
    announce(unit, &run, window.nodes_per_message).await?;
    count(unit, &BTreeMap::from([(decision.number, changed)])).await?;
    Ok(changed)
}

/// How many rows of the window another session has locked.
async fn left_in(
    unit: &mut Fenced<'_>,
    pair: &Pair,
    window: &Window,
    last: &str,
    decision: u64,
) -> Result<u64, sqlx::Error> {
    let statement = &unit.inventory.left_in;
    if statement.is_empty() {
        return Ok(0);
    }
    let values = values![pair, Above(&window.after), last, decision];
    let left = unit.connection.fetch_one(statement, values).await?;
    left.uint("nodes")
}
