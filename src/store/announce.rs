//! Fixing the boundaries of messages over a run of changes, in the transaction that made them (I4).

use super::connection::values;
use super::ledger::Unit;

/// How the body of an announcement is made from its rows. A binary that makes it otherwise must
/// use another number, and keep making the old ones.
pub const FORMAT: i64 = 1;

/// The header of one or more announcements over a run of changes.
pub struct Header<'a> {
    pub message_type: &'static str,
    /// Of the hold; `None` for a position.
    pub decision: Option<u64>,
    pub reason: Option<&'a str>,
    pub released_by: Option<u64>,
    pub decided_at_ms: u64,
    pub now_ms: u64,
}

/// Fixes the messages over the changes `first` to `last`.
pub async fn announce(
    unit: &mut Unit<'_>,
    header: &Header<'_>,
    first: u64,
    last: u64,
    nodes_per_message: u32,
) -> Result<(), sqlx::Error> {
    let mut first = first;
    while first <= last {
        let end = last.min(first + u64::from(nodes_per_message) - 1);
        one(unit, header, first, end).await?;
        first = end + 1;
    }
    Ok(())
}

/// Announces how far the stream is.
pub async fn announce_position(unit: &mut Unit<'_>, now_ms: u64) -> Result<(), sqlx::Error> {
    let seq = unit.counters.seq;
    let header = Header {
        message_type: "node.position",
        decision: None,
        reason: None,
        released_by: None,
        decided_at_ms: now_ms,
        now_ms,
    };
    one(unit, &header, seq, seq).await
}

async fn one(
    unit: &mut Unit<'_>,
    header: &Header<'_>,
    first: u64,
    last: u64,
) -> Result<(), sqlx::Error> {
    unit.counters.last_announcement += 1;
    let values = values![
        unit.counters.last_announcement,
        header.message_type,
        header.decision,
        header.reason,
        header.released_by,
        first,
        last,
        unit.counters.epoch,
        header.decided_at_ms,
        header.now_ms,
        FORMAT,
    ];
    unit.connection.execute(unit.sql.announce, values).await?;
    Ok(())
}

/// Adds to the number of nodes that a decision moved.
pub async fn count(unit: &mut Unit<'_>, decision: u64, nodes: u64) -> Result<(), sqlx::Error> {
    if nodes > 0 {
        let values = values![nodes, decision];
        unit.connection
            .execute(unit.sql.count_nodes, values)
            .await?;
    }
    Ok(())
}
