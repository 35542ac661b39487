//! The deciding loop's connection: the fence, and one method for each of its transactions.

use std::collections::HashMap;
use std::sync::Arc;

use super::connection::{Connection, values};
use super::link::{Link, TransactionWatch, Verdict, Writer};
use super::sql::{Inventory, Statements};
use super::{
    Chunk, Intake, Ledger, Memory, Pause, Request, Rows, StoreError, Sweep, Takeover, Window,
    inventory,
};
use crate::config::{self, Database, Mode};
use crate::domain::ids::{ConductorName, Driver, EventId, Group, Pair};
use crate::failpoints;

/// [`Ledger`] on a database; owns one dedicated connection.
pub struct SqlLedger {
    link: Link,
    settings: config::Inventory,
    /// Known once the tables have been looked at.
    inventory: Option<Arc<Inventory>>,
}

/// The counters that the fence guards, as read under it.
pub struct Counters {
    pub epoch: u64,
    pub seq: u64,
    pub last_announcement: u64,
    pub last_decision: u64,
    /// What the holder does with its decisions; nobody has held it yet: `None`.
    pub mode: Option<String>,
}

/// A fenced, writing transaction: the right to write is ours until its end.
pub struct Unit<'c> {
    pub connection: &'c mut Connection,
    pub sql: &'static Statements,
    pub inventory: &'c Inventory,
    pub counters: Counters,
}

impl SqlLedger {
    /// Does not connect yet.
    ///
    /// # Errors
    /// [`StoreError::Schema`] if the URL cannot be used.
    pub fn new(
        database: &Database,
        inventory: impl Into<config::Inventory>,
        watch: Arc<dyn TransactionWatch>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            link: Link::new(database, watch, Writer::Ledger)?,
            settings: inventory.into(),
            inventory: None,
        })
    }

    /// The statements over the nodes, which may depend on the table that is found.
    async fn inventory(&mut self) -> Result<Arc<Inventory>, StoreError> {
        if let Some(inventory) = &self.inventory {
            return Ok(Arc::clone(inventory));
        }
        let connection = self.link.connection().await?;
        let found = Arc::new(inventory::of(connection, &self.settings).await?);
        self.inventory = Some(Arc::clone(&found));
        Ok(found)
    }

    /// Runs `work` in one transaction under the fence. After an error nothing of the connection is
    /// used again.
    async fn fenced<T>(
        &mut self,
        epoch: u64,
        now_ms: impl Into<Option<u64>>,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Unit<'_>) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let now_ms: Option<u64> = now_ms.into();
        let inventory = self.inventory().await?;
        let sql = self.link.statements;
        let outcome = self.link.transaction(doing, async |connection| {
            let held = connection
                .execute(sql.fence, values![now_ms, epoch])
                .await?;
            if held == 0 {
                return Ok(Verdict::Abandon);
            }
            let mut unit = Unit::under_the_fence(connection, sql, &inventory).await?;
            let value = work(&mut unit).await?;
            unit.save().await?;
            failpoints::reached("before-commit");
            Ok(Verdict::Commit(value))
        });
        let value = outcome.await?.ok_or(StoreError::Fenced(epoch))?;
        failpoints::reached("after-commit");
        Ok(value)
    }
}

impl<'c> Unit<'c> {
    /// The counters are read once the fence row is locked by having been changed.
    pub async fn under_the_fence(
        connection: &'c mut Connection,
        sql: &'static Statements,
        inventory: &'c Inventory,
    ) -> Result<Self, sqlx::Error> {
        let row = connection.fetch_one(sql.counters, &[]).await?;
        Ok(Self {
            counters: Counters {
                epoch: row.uint("epoch")?,
                seq: row.uint("seq")?,
                last_announcement: row.uint("last_announcement")?,
                last_decision: row.uint("last_decision")?,
                mode: row.maybe_text("mode")?,
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
        self.connection
            .execute(self.sql.save_counters, values)
            .await?;
        Ok(())
    }
}

impl Ledger for SqlLedger {
    async fn stream(&mut self) -> Result<String, StoreError> {
        let sql = self.link.statements;
        self.link
            .look("read the stream", async |connection| {
                connection.fetch_one(sql.stream, &[]).await?.text("stream")
            })
            .await
    }

    async fn prove(&mut self) -> Result<(), StoreError> {
        let sql = self.link.statements;
        self.link
            .look("check the schema", async |connection| {
                for statement in sql.schema {
                    connection.execute(statement, &[]).await?;
                }
                Ok(())
            })
            .await?;
        self.inventory = None;
        self.inventory().await?;
        let changed = self
            .link
            .transaction("prove that writing works", async |connection| {
                Ok(Verdict::Commit(connection.execute(sql.prove, &[]).await?))
            })
            .await?;
        if changed == Some(1) {
            Ok(())
        } else {
            Err(StoreError::Schema(
                "the tables are empty: run `nodewarden migrate`".to_owned(),
            ))
        }
    }

    async fn take_epoch(
        &mut self,
        holder: &str,
        mode: Mode,
        now_ms: u64,
    ) -> Result<Takeover, StoreError> {
        let sql = self.link.statements;
        let taken = self
            .link
            .transaction("take the epoch", async |connection| {
                let values = values![holder, now_ms, mode.as_str()];
                connection.execute(sql.take_epoch, values).await?;
                let row = connection.fetch_one(sql.counters, &[]).await?;
                let (stream, epoch) = (row.text("stream")?, row.uint("epoch")?);
                let memory = super::memory::read(connection, sql).await?;
                Ok(Verdict::Commit((stream, epoch, memory)))
            })
            .await?;
        let (stream, epoch, memory) = taken.expect("it is never abandoned");
        Ok(Takeover {
            stream,
            epoch,
            memory: memory?,
        })
    }

    async fn step_down(&mut self, epoch: u64, now_ms: u64) -> Result<(), StoreError> {
        self.fenced(epoch, now_ms, "step down", async |unit| {
            unit.connection.execute(unit.sql.step_down, &[]).await?;
            Ok(())
        })
        .await
    }

    async fn resume(&mut self, epoch: u64) -> Result<Memory, StoreError> {
        self.fenced(epoch, None, "read the memory again", async |unit| {
            super::memory::read(unit.connection, unit.sql).await
        })
        .await?
    }

    async fn recall(
        &mut self,
        events: &[(ConductorName, EventId)],
    ) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, StoreError> {
        let sql = self.link.statements;
        self.link
            .look("recall events", async |connection| {
                super::intake::recall(connection, sql, events).await
            })
            .await
    }

    async fn commit_intake(&mut self, epoch: u64, intake: &Intake) -> Result<(), StoreError> {
        let doing = "commit a batch of events";
        self.fenced(epoch, intake.now_ms, doing, async |unit| {
            super::intake::commit(unit, intake).await
        })
        .await
    }

    async fn take_out(
        &mut self,
        epoch: u64,
        pair: &Pair,
        window: &Window,
    ) -> Result<Chunk, StoreError> {
        let doing = "take nodes out of service";
        self.fenced(epoch, window.now_ms, doing, async |unit| {
            super::take_out::take_out(unit, pair, window).await
        })
        .await
    }

    async fn give_back(
        &mut self,
        epoch: u64,
        pair: Option<&Pair>,
        window: &Window,
    ) -> Result<Chunk, StoreError> {
        self.fenced(epoch, window.now_ms, "give nodes back", async |unit| {
            super::give_back::give_back(unit, pair, window).await
        })
        .await
    }

    async fn put_right(&mut self, epoch: u64, window: &Window) -> Result<Chunk, StoreError> {
        self.fenced(epoch, window.now_ms, "put marks right", async |unit| {
            super::give_back::put_right(unit, window).await
        })
        .await
    }

    async fn first_after(
        &mut self,
        of: Rows<'_>,
        after: &str,
    ) -> Result<Option<String>, StoreError> {
        let inventory = self.inventory().await?;
        let sql = self.link.statements;
        self.link
            .look("look for a row", async |connection| {
                super::walk::first_after(connection, sql, &inventory, of, after).await
            })
            .await
    }

    async fn begin_sweep(&mut self, epoch: u64, sweep: &Sweep) -> Result<Vec<Pair>, StoreError> {
        self.fenced(epoch, sweep.now_ms, "begin a sweep", async |unit| {
            super::sweep::begin(unit, sweep).await
        })
        .await
    }

    async fn unknown_pairs(&mut self, most: u32) -> Result<Vec<Pair>, StoreError> {
        let inventory = self.inventory().await?;
        self.link
            .look("look for unknown drivers", async |connection| {
                let rows = connection
                    .fetch(&inventory.unknown_pairs, values![most])
                    .await?;
                let mut pairs = Vec::with_capacity(rows.len());
                for row in rows {
                    let group = Group::parse(&row.text("conductor_group")?);
                    let driver = Driver::parse(&row.text("driver")?);
                    if let (Ok(group), Ok(driver)) = (group, driver) {
                        pairs.push(Pair { group, driver });
                    }
                }
                Ok(pairs)
            })
            .await
    }

    async fn pause(&mut self) -> Result<Option<Pause>, StoreError> {
        let sql = self.link.statements;
        self.link
            .look("look for a pause", async |connection| {
                super::pause::read(connection, sql).await
            })
            .await
    }

    async fn end_pause(&mut self, epoch: u64, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        self.fenced(epoch, now_ms, "end the pause", async |unit| {
            super::pause::end(unit.connection, unit.sql, id).await
        })
        .await
    }

    async fn requests(&mut self) -> Result<Vec<Request>, StoreError> {
        let sql = self.link.statements;
        self.link
            .look("read requests", async |connection| {
                let rows = connection.fetch(sql.requests, &[]).await?;
                rows.iter()
                    .map(|row| {
                        Ok(Request {
                            number: row.uint("number")?,
                            kind: row.text("kind")?,
                            argument: row.text("argument")?,
                        })
                    })
                    .collect()
            })
            .await
    }

    async fn answer_forget(
        &mut self,
        epoch: u64,
        request: &Request,
        forget: bool,
        result: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.fenced(epoch, now_ms, "answer a request", async |unit| {
            if forget {
                let values = values![&request.argument];
                unit.connection.execute(unit.sql.forget, values).await?;
            }
            let values = values![now_ms, result, request.number];
            unit.connection.execute(unit.sql.answer, values).await?;
            Ok(())
        })
        .await
    }
}
