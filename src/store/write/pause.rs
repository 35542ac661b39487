//! The pause, at most one row, written under the fence: while it is there, no transaction takes a
//! node out.

use std::time::Duration;

use crate::store::database::connection::{Connection, Value, values};
use crate::store::database::row::Row;
use crate::store::records::RequestKind;
use crate::store::sql::Statements;

/// A pause, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Its UUID: one that takes its place has another.
    pub id: String,
    /// Why, in its operator's words.
    pub reason: String,
    /// Who.
    pub who: String,
    /// Since when, ms since 1970 UTC.
    pub paused_at_ms: u64,
    /// What is left as of `noted_at_ms`, on the deciding replica's monotonic clock; `None`: until
    /// resumed.
    pub remaining: Option<Duration>,
    /// When that was written, ms since 1970 UTC: for people.
    pub noted_at_ms: u64,
}

impl Pause {
    /// About when it ends by itself, ms since 1970 UTC: for people.
    #[must_use]
    pub fn until_ms(&self) -> Option<u64> {
        let remaining = u64::try_from(self.remaining?.as_millis()).unwrap_or(u64::MAX);
        Some(self.noted_at_ms.saturating_add(remaining))
    }
}

/// The pause, if there is one.
pub async fn read(
    connection: &mut Connection,
    sql: &Statements,
) -> Result<Option<Pause>, sqlx::Error> {
    let row = connection.fetch_first(sql.pause, &[]).await?;
    row.as_ref().map(pause).transpose()
}

/// Ends the pause `id`, if it is still the one; returns whether it was.
pub async fn end(connection: &mut Connection, id: &str) -> Result<bool, sqlx::Error> {
    let statement = connection.sql().end_pause;
    Ok(connection.execute(statement, values![id]).await? > 0)
}

/// Writes a pause where there is none.
pub async fn begin(connection: &mut Connection, pause: &Pause) -> Result<(), sqlx::Error> {
    let values = values![
        &pause.id,
        &pause.reason,
        &pause.who,
        pause.paused_at_ms,
        pause.remaining,
    ];
    let statement = connection.sql().begin_pause;
    connection.execute(statement, values).await.map(drop)
}

/// The longest name that is kept: in the widest letters it fits the column of every database.
const WHO: usize = 250;

/// As much of the name of one who did something as is kept.
pub fn kept(who: &str) -> String {
    who.chars().take(WHO).collect()
}

/// Notes for the history what was done, and by whom; the number of that.
pub async fn note(
    connection: &mut Connection,
    kind: RequestKind,
    who: &str,
    what: &str,
    now_ms: u64,
) -> Result<u64, sqlx::Error> {
    let (sql, who) = (connection.sql(), kept(who));
    let values = values![kind.as_str(), &who, now_ms, what];
    numbered(connection, sql, sql.note_done, values).await
}

/// Inserts a request; its number.
pub async fn numbered(
    connection: &mut Connection,
    sql: &Statements,
    insert: &str,
    values: &[Value<'_>],
) -> Result<u64, sqlx::Error> {
    let row = match sql.request_number {
        None => connection.fetch_one(insert, values).await?,
        Some(number) => {
            connection.execute(insert, values).await?;
            connection.fetch_one(number, &[]).await?
        }
    };
    row.uint("number")
}

fn pause(row: &Row) -> Result<Pause, sqlx::Error> {
    Ok(Pause {
        id: row.text("pause_id")?,
        reason: row.text("reason")?,
        who: row.text("who")?,
        paused_at_ms: row.uint("paused_at_ms")?,
        remaining: row.maybe_uint("remaining_ms")?.map(Duration::from_millis),
        noted_at_ms: row.uint("noted_at_ms")?,
    })
}
