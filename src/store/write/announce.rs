//! Fixing the boundaries of messages over a run of changes, in the transaction that made them (I4).

use std::collections::BTreeMap;

use crate::domain::announcement::AnnouncementType;
use crate::store::database::connection::{Connection, ROWS, Value, values};
use crate::store::write::fenced::Fenced;

/// How a body is made from its rows. One made otherwise needs another number, and the old ones
/// stay.
pub const FORMAT: i64 = 1;

/// The header of one or more announcements over a run of changes.
pub struct Header<'a> {
    pub announcement_type: AnnouncementType,
    /// Of the hold; `None` for a position.
    pub decision: Option<u64>,
    pub reason: Option<&'a str>,
    pub released_by: Option<u64>,
    pub decided_at_ms: u64,
    pub now_ms: u64,
}

/// A run of changes: its messages' header, its first `seq`, its last.
pub type Run<'a> = (Header<'a>, u64, u64);

/// Fixes the messages over these runs of changes, in their order.
pub async fn announce(
    unit: &mut Fenced<'_>,
    runs: &[Run<'_>],
    nodes_per_message: u32,
) -> Result<(), sqlx::Error> {
    let mut messages = Vec::new();
    for (header, first, last) in runs {
        let mut first = *first;
        while first <= *last {
            let end = (*last).min(first + u64::from(nodes_per_message) - 1);
            messages.push((header, first, end));
            first = end + 1;
        }
    }
    write(unit, &messages).await
}

/// Announces how far the stream is.
pub async fn announce_position(unit: &mut Fenced<'_>, now_ms: u64) -> Result<(), sqlx::Error> {
    let seq = unit.counters.seq;
    let header = Header {
        announcement_type: AnnouncementType::Position,
        decision: None,
        reason: None,
        released_by: None,
        decided_at_ms: now_ms,
        now_ms,
    };
    write(unit, &[(&header, seq, seq)]).await
}

async fn write(
    unit: &mut Fenced<'_>,
    messages: &[(&Header<'_>, u64, u64)],
) -> Result<(), sqlx::Error> {
    let counters = &mut unit.counters;
    let rows = messages.iter().map(|(header, first, last)| {
        counters.last_announcement += 1;
        [
            counters.last_announcement.into(),
            header.announcement_type.as_str().into(),
            header.decision.into(),
            header.reason.into(),
            header.released_by.into(),
            (*first).into(),
            (*last).into(),
            counters.epoch.into(),
            header.decided_at_ms.into(),
            header.now_ms.into(),
            FORMAT.into(),
        ]
    });
    let announce = (unit.sql.announce, "");
    unit.connection.write_rows(announce, rows).await
}

/// Since when the change `seq` was waited for; `None`: it is not kept any more.
pub async fn waited_for(connection: &mut Connection, seq: u64) -> Result<Option<u64>, sqlx::Error> {
    let statement = connection.sql().see_change;
    let Some(row) = connection.fetch_first(statement, values![seq]).await? else {
        return Ok(None);
    };
    let decided = row.maybe_uint("decided_at_ms")?;
    let completed = row.maybe_uint("completed_at_ms")?;
    let since_ms = row.uint("since_ms")?;
    Ok(Some(waited_since(since_ms, decided, completed)))
}

/// Since when a change of `committed_ms` was waited for: its decision, unless that had moved all its nodes
/// before and this one was found later.
pub fn waited_since(committed_ms: u64, decided_ms: Option<u64>, completed_ms: Option<u64>) -> u64 {
    match (decided_ms, completed_ms) {
        (Some(decided), None) => decided,
        (Some(decided), Some(completed)) if completed >= committed_ms => decided,
        (Some(_), Some(_)) | (None, _) => committed_ms,
    }
}

/// Adds to the numbers of nodes that decisions moved.
pub async fn count(unit: &mut Fenced<'_>, moved: &BTreeMap<u64, u64>) -> Result<(), sqlx::Error> {
    let moved: Vec<_> = moved.iter().collect();
    for moved in moved.chunks(ROWS) {
        let (before, between, behind) = unit.sql.count_nodes;
        let places = 1..=moved.len();
        let cases = places
            .clone()
            .map(|at| format!(" WHEN ${} THEN ${}", at * 2 - 1, at * 2));
        let numbers: Vec<String> = places.map(|at| format!("${}", at * 2 - 1)).collect();
        let cases = cases.collect::<String>();
        let statement = format!("{before}{cases}{between}{}{behind}", numbers.join(", "));
        let mut values: Vec<Value<'_>> = Vec::with_capacity(moved.len() * 2);
        for (decision, nodes) in moved {
            values.extend_from_slice(values![**decision, **nodes]);
        }
        unit.connection.execute(&statement, &values).await?;
    }
    Ok(())
}
