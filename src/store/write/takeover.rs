//! Taking the next epoch; in a database that lost commits, in a new stream.

use crate::config::Mode;
use crate::domain::committed::Committed;
use crate::store::database::connection::values;
use crate::store::database::error::StoreError;
use crate::store::database::link::{Outcome, WriterConnection};
use crate::store::known::Known;
use crate::store::records::Takeover;
use crate::store::write::{lost, memory};

/// In one transaction, with the memory as of then.
pub async fn take(
    link: &mut WriterConnection,
    knowing: &Known,
    holder: &str,
    mode: Mode,
    now_ms: u64,
) -> Result<Takeover, StoreError> {
    let known = knowing.furthest();
    let follows = knowing.follows();
    let taken = link
        .transaction("take the epoch", async |connection| {
            let take_epoch = connection.sql().take_epoch;
            let values = values![holder, now_ms, mode.as_str()];
            connection.execute(take_epoch, values).await?;
            let mut taken = lost::found(connection).await?;
            let before = Committed {
                epoch: taken.epoch.saturating_sub(1),
                commits: taken.commits.saturating_sub(1),
                ..taken.clone()
            };
            if (follows.as_ref()).is_some_and(|one| !one.is_in_the_epoch_of(&before)) {
                return Ok(Outcome::RollBack);
            }
            if let Some(loss) = lost::lost(connection, known, before).await? {
                lost::begin_stream(connection, knowing, &loss, Some(now_ms)).await?;
                connection.execute(take_epoch, values).await?;
                taken = lost::found(connection).await?;
            }
            let began = lost::began(connection, &taken.stream).await?;
            let memory = memory::read(connection).await?;
            Ok(Outcome::Commit((taken, began, memory)))
        })
        .await?;
    let Some((taken, began, memory)) = taken else {
        return Err(StoreError::Fenced(follows.map_or(0, |one| one.epoch)));
    };
    knowing.seen(taken.clone());
    Ok(Takeover {
        stream: taken.stream,
        epoch: taken.epoch,
        memory: memory?,
        began,
    })
}
