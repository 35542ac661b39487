//! A database that has less than is known to be committed begins a new stream, in the transaction that
//! found it so: on a certifying cluster a node that only lags behind cannot commit that.

use std::time::Duration;

use crate::domain::committed::{Committed, Loss, UNHEARD_EPOCHS};
use crate::store::database::connection::{Connection, values};
use crate::store::database::error::StoreError;
use crate::store::database::link::WriterConnection;
use crate::store::database::row::Row;
use crate::store::known::Known;
use crate::store::records::Began;
use crate::store::write::pause::{self, Pause};

/// For how long no node is taken out after a loss: each conductor says all of itself once a minute, and
/// one may be half a minute late.
const WAITS: Duration = Duration::from_secs(90);

/// Where the database stands, by a row of the state.
pub fn committed(row: &Row) -> Result<Committed, sqlx::Error> {
    told(row, ["stream", "epoch", "seq", "commits"])
}

fn told(row: &Row, [stream, epoch, seq, commits]: [&str; 4]) -> Result<Committed, sqlx::Error> {
    Ok(Committed {
        stream: row.text(stream)?,
        epoch: row.uint(epoch)?,
        seq: row.uint(seq)?,
        commits: row.uint(commits)?,
    })
}

/// Where it stands now.
pub async fn found(connection: &mut Connection) -> Result<Committed, sqlx::Error> {
    committed(&connection.fetch_one(connection.sql().counters, &[]).await?)
}

/// Whether the history of this database came after `stream`.
pub async fn came_after(connection: &mut Connection, stream: &str) -> Result<bool, sqlx::Error> {
    let statement = connection.sql().stream_after;
    let after = connection.fetch_first(statement, values![stream]).await?;
    Ok(after.is_some())
}

/// What a database that stands at `found` lacks of what is `known`. To be asked under the fence.
pub async fn lost(
    connection: &mut Connection,
    known: Option<Committed>,
    found: Committed,
) -> Result<Option<Loss>, sqlx::Error> {
    let Some(known) = known.filter(|known| known.is_missing_from(&found)) else {
        return Ok(None);
    };
    if known.stream != found.stream && came_after(connection, &known.stream).await? {
        return Ok(None);
    }
    Ok(Some(Loss { known, found }))
}

/// What the database seems to lack; if nothing, what it has is known.
pub async fn missing(
    link: &mut WriterConnection,
    knowing: &Known,
) -> Result<Option<Loss>, StoreError> {
    let known = knowing.furthest();
    let look = async |connection: &mut Connection| {
        let found = found(connection).await?;
        let loss = lost(connection, known, found.clone()).await?;
        Ok((found, loss))
    };
    let (found, loss) = link.look("look at what is committed", look).await?;
    if loss.is_none() {
        knowing.seen(found);
    }
    Ok(loss)
}

/// Not fenced, if the database's epoch is below ours: our taking it was lost.
pub async fn below(
    connection: &mut Connection,
    known: Option<Committed>,
    epoch: u64,
) -> Result<Option<Loss>, sqlx::Error> {
    let found = found(connection).await?;
    match found.epoch < epoch {
        true => lost(connection, known, found).await,
        false => Ok(None),
    }
}

/// The pause; what is known of it is renewed, unless commits seem to be lost, and it with them.
pub async fn pause(
    link: &mut WriterConnection,
    knowing: &Known,
) -> Result<Option<Pause>, StoreError> {
    let known = knowing.furthest();
    let look = async |connection: &mut Connection| {
        let sql = connection.sql();
        let pause = pause::read(connection, sql).await?;
        // Behind it: the database may go back in between.
        let found = found(connection).await?;
        let loss = lost(connection, known, found).await?;
        Ok((pause, loss.is_none()))
    };
    let (pause, is_whole) = link.look("look for a pause", look).await?;
    if is_whole {
        knowing.paused(pause.clone());
    }
    Ok(pause)
}

/// Gives the database a new history, which no replica may write in before it takes an epoch, and the pause
/// that it may have lost.
pub async fn begin_stream(
    connection: &mut Connection,
    knowing: &Known,
    loss: &Loss,
    now_ms: Option<u64>,
) -> Result<(), sqlx::Error> {
    let Loss { known, found } = loss;
    let sql = connection.sql();
    if let Some(pause) = knowing.pause()
        && pause::read(connection, sql).await?.is_none()
    {
        pause::begin(connection, &pause).await?;
    }
    let (of, commits) = ((Some(known), found), known.commits.max(found.commits) + 1);
    let stream = &knowing.next_stream();
    replace(connection, stream, of, WAITS, commits, now_ms).await
}

/// Notes why `stream` takes the place of the one at `found`, and begins it, beyond every epoch there was.
pub async fn replace(
    connection: &mut Connection,
    stream: &str,
    (known, found): (Option<&Committed>, &Committed),
    waits: Duration,
    commits: u64,
    now_ms: Option<u64>,
) -> Result<(), sqlx::Error> {
    let sql = connection.sql();
    let noted = values![
        stream,
        &found.stream,
        known.map(|known| known.stream.as_str()),
        known.map(|known| known.epoch),
        known.map(|known| known.seq),
        known.map(|known| known.commits),
        found.epoch,
        found.seq,
        found.commits,
        waits,
        now_ms,
    ];
    connection.execute(sql.note_stream, noted).await?;
    let epoch = known.map_or(0, |known| known.epoch).max(found.epoch) + UNHEARD_EPOCHS;
    let began = values![stream, epoch, commits];
    connection.execute(sql.new_stream, began).await.map(drop)
}

/// How `stream` began, if it did because commits were lost.
pub async fn began(
    connection: &mut Connection,
    stream: &str,
) -> Result<Option<Began>, sqlx::Error> {
    let statement = connection.sql().stream_began;
    let Some(row) = connection.fetch_first(statement, values![stream]).await? else {
        return Ok(None);
    };
    let known = ["known_stream", "known_epoch", "known_seq", "known_commits"];
    let found = ["previous", "found_epoch", "found_seq", "found_commits"];
    let (known, found) = (told(&row, known)?, told(&row, found)?);
    Ok(Some(Began {
        loss: Loss { known, found },
        at_ms: row.uint("began_at_ms")?,
        waits: Duration::from_millis(row.uint("waits_ms")?),
    }))
}
