//! A model that has less than is known to be committed begins a new stream, as the real store does.

use std::time::Duration;

use nodewarden::domain::committed::{Committed, Loss};
use nodewarden::store::{Began, Known};

use super::rows::{Singles, StreamRow};

/// What the real store leaves for takeovers that no replica heard of.
pub const UNHEARD_EPOCHS: u64 = 1000;

/// For how long no node is taken out after a loss.
const WAITS: Duration = Duration::from_secs(90);

/// Where it stands.
pub fn committed(one: &Singles) -> Committed {
    Committed {
        stream: one.stream.clone(),
        epoch: one.epoch,
        seq: one.seq,
        commits: one.commits,
    }
}

/// Whether its history came after `stream`.
pub fn came_after(one: &Singles, stream: &str) -> bool {
    let known = |row: &StreamRow| {
        row.known
            .as_ref()
            .is_some_and(|known| known.stream == stream)
    };
    let mut streams = one.streams.iter();
    streams.any(|row| row.found.stream == stream || known(row))
}

/// What it lacks of what is `known`, standing at `found`.
pub fn lost(one: &Singles, known: Option<Committed>, found: Committed) -> Option<Loss> {
    let known = known.filter(|known| known.is_missing_from(&found))?;
    if known.stream != found.stream && came_after(one, &known.stream) {
        return None;
    }
    Some(Loss { known, found })
}

/// A new history, in which no replica may write before it takes an epoch.
pub fn begin_stream(one: &mut Singles, knowing: &Known, loss: &Loss, now_ms: Option<u64>) {
    let Loss { known, found } = loss;
    let stream = knowing.next_stream();
    one.pause = one.pause.take().or_else(|| knowing.pause());
    one.streams.push(StreamRow {
        stream: stream.clone(),
        began_at_ms: now_ms.or(one.committed_at_ms).unwrap_or_default(),
        known: Some(known.clone()),
        found: found.clone(),
        waits: WAITS,
    });
    one.stream = stream;
    one.epoch = known.epoch.max(found.epoch) + UNHEARD_EPOCHS;
    one.commits = known.commits.max(found.commits) + 1;
    one.holder = None;
}

/// How the stream began, if it did because commits were lost.
pub fn began(one: &Singles) -> Option<Began> {
    let row = one.streams.iter().find(|row| row.stream == one.stream)?;
    Some(Began {
        loss: Loss {
            known: row.known.clone()?,
            found: row.found.clone(),
        },
        at_ms: row.began_at_ms,
        waits: row.waits,
    })
}
