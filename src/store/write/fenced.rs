//! The fenced transaction: what one may write while the epoch is ours, and the counters that it guards.

use crate::config::Mode;
use crate::domain::committed::Committed;
use crate::store::database::connection::{Connection, values};
use crate::store::sql::{Inventory, Statements};
use crate::store::tables;

/// The counters that the fence guards, as read under it.
pub struct Counters {
    pub stream: String,
    pub epoch: u64,
    /// This transaction is the last of them.
    pub commits: u64,
    pub seq: u64,
    pub last_announcement: u64,
    pub last_decision: u64,
    /// What the holder does with its decisions; `None`: no replica has held it yet.
    pub mode: Option<Mode>,
}

impl Counters {
    /// Where the database stands once this transaction is committed.
    pub fn committed(&self) -> Committed {
        Committed {
            stream: self.stream.clone(),
            epoch: self.epoch,
            seq: self.seq,
            commits: self.commits,
        }
    }

    /// Where it stood before.
    pub fn before(&self) -> Committed {
        Committed {
            commits: self.commits.saturating_sub(1),
            ..self.committed()
        }
    }
}

/// A fenced, writing transaction: the right to write is ours until its end.
pub struct Fenced<'c> {
    pub connection: &'c mut Connection,
    pub sql: &'static Statements,
    pub inventory: &'c Inventory,
    pub counters: Counters,
}

impl<'c> Fenced<'c> {
    /// The counters are read once the fence row is locked by having been changed.
    pub async fn under_the_fence(
        connection: &'c mut Connection,
        sql: &'static Statements,
        inventory: &'c Inventory,
    ) -> Result<Self, sqlx::Error> {
        let row = connection.fetch_one(sql.counters, &[]).await?;
        Ok(Self {
            counters: Counters {
                stream: row.text("stream")?,
                epoch: row.uint("epoch")?,
                commits: row.uint("commits")?,
                seq: row.uint("seq")?,
                last_announcement: row.uint("last_announcement")?,
                last_decision: row.uint("last_decision")?,
                mode: row.maybe_word(tables::STATE, "mode")?,
            },
            connection,
            sql,
            inventory,
        })
    }

    /// Writes the counters back: the last statement before the commit.
    pub async fn save(&mut self) -> Result<(), sqlx::Error> {
        let Counters {
            seq,
            last_announcement,
            last_decision,
            ..
        } = self.counters;
        let values = values![seq, last_announcement, last_decision];
        let saved = self.connection.execute(self.sql.save_counters, values);
        saved.await.map(drop)
    }
}
