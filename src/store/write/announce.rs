//! Fixing the boundaries of messages over a run of changes, in the transaction that made them (I4).

use crate::domain::announcement::AnnouncementType;
use crate::store::database::connection::{Value, placeholders, values};
use crate::store::write::fenced::Fenced;

/// How a body is made from its rows. One made otherwise needs another number, and the old ones
/// stay.
pub const FORMAT: i64 = 1;

/// Values in a row of an announcement.
const WIDTH: usize = 11;

/// Rows in one statement: far below every limit for parameters.
const ROWS: usize = 100;

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

/// Fixes the messages over the changes `first` to `last`.
pub async fn announce(
    unit: &mut Fenced<'_>,
    header: &Header<'_>,
    first: u64,
    last: u64,
    nodes_per_message: u32,
) -> Result<(), sqlx::Error> {
    let mut first = first;
    let mut runs = Vec::new();
    while first <= last {
        let end = last.min(first + u64::from(nodes_per_message) - 1);
        runs.push((first, end));
        first = end + 1;
    }
    for runs in runs.chunks(ROWS) {
        some(unit, header, runs).await?;
    }
    Ok(())
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
    some(unit, &header, &[(seq, seq)]).await
}

/// One message for each run, in one statement.
async fn some(
    unit: &mut Fenced<'_>,
    header: &Header<'_>,
    runs: &[(u64, u64)],
) -> Result<(), sqlx::Error> {
    let mut rows: Vec<Value<'_>> = Vec::new();
    for (first, last) in runs {
        unit.counters.last_announcement += 1;
        rows.extend_from_slice(values![
            unit.counters.last_announcement,
            header.announcement_type.as_str(),
            header.decision,
            header.reason,
            header.released_by,
            *first,
            *last,
            unit.counters.epoch,
            header.decided_at_ms,
            header.now_ms,
            FORMAT,
        ]);
    }
    let statement = format!("{}{}", unit.sql.announce, placeholders(runs.len(), WIDTH));
    unit.connection.execute(&statement, &rows).await?;
    Ok(())
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

/// Adds to the number of nodes that a decision moved.
pub async fn count(unit: &mut Fenced<'_>, decision: u64, nodes: u64) -> Result<(), sqlx::Error> {
    if nodes > 0 {
        let values = values![nodes, decision];
        unit.connection
            .execute(unit.sql.count_nodes, values)
            .await?;
    }
    Ok(())
}
