//! The deciding loop's connection: the fence, and one method for each of its transactions.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};

use super::super::{
    Chunk, Intake, Ledger, Memory, Request, Rows, StoreError, Sweep, Takeover, Window,
};
use super::open::{Link, TransactionWatch, Writer};
use super::{int, sql, uint};
use crate::config::Database;
use crate::domain::ids::{ConductorName, EventId, Pair};
use crate::failpoints;

/// [`Ledger`] on SQLite; owns one dedicated connection.
pub struct SqliteLedger {
    link: Link,
}

/// The counters that the fence guards, as read under it.
pub(super) struct Counters {
    pub(super) epoch: u64,
    pub(super) seq: u64,
    pub(super) last_announcement: u64,
    pub(super) last_decision: u64,
}

/// A fenced, writing transaction: the write lock is ours and so is the epoch.
pub(super) struct Unit<'c> {
    pub(super) tx: Transaction<'c, Sqlite>,
    pub(super) counters: Counters,
}

impl SqliteLedger {
    /// Does not open the file yet.
    ///
    /// # Errors
    /// [`StoreError::Schema`] if the URL is none for SQLite.
    pub fn new(database: &Database, watch: Arc<dyn TransactionWatch>) -> Result<Self, StoreError> {
        Ok(Self {
            link: Link::new(database, watch, Writer::Ledger)?,
        })
    }

    /// Runs `work` in one transaction under the fence. After an error nothing of the connection is
    /// used again.
    async fn fenced<T>(
        &mut self,
        epoch: u64,
        now_ms: u64,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Unit<'_>) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let watch = Arc::clone(&self.link.watch);
        let connection = self.link.connection().await?;
        let outcome = async {
            let tx = begin(connection).await?;
            watch.entered(Writer::Ledger);
            let Some(mut unit) = fence(tx, epoch, now_ms).await? else {
                return Ok(None);
            };
            let value = work(&mut unit).await?;
            let Counters {
                seq,
                last_announcement,
                last_decision,
                ..
            } = unit.counters;
            sqlx::query(sql::COUNTERS)
                .bind(int(seq))
                .bind(int(last_announcement))
                .bind(int(last_decision))
                .execute(&mut *unit.tx)
                .await?;
            failpoints::reached("before-commit");
            unit.tx.commit().await?;
            failpoints::reached("after-commit");
            Ok(Some(value))
        }
        .await;
        match outcome {
            Ok(Some(value)) => {
                watch.left(Writer::Ledger);
                Ok(value)
            }
            Ok(None) => {
                self.link.drop_connection();
                Err(StoreError::Fenced(epoch))
            }
            Err(fault) => {
                self.link.drop_connection();
                Err(StoreError::from_sqlx(doing, fault))
            }
        }
    }

    /// Runs `work` without a transaction of ours: for looking.
    async fn look<T>(
        &mut self,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let connection = self.link.connection().await?;
        let outcome = work(connection).await;
        outcome.map_err(|fault| {
            self.link.drop_connection();
            StoreError::from_sqlx(doing, fault)
        })
    }
}

/// Begins with the write lock in hand.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
    connection.begin_with("BEGIN IMMEDIATE").await
}

async fn fence(
    mut tx: Transaction<'_, Sqlite>,
    epoch: u64,
    now_ms: u64,
) -> Result<Option<Unit<'_>>, sqlx::Error> {
    let row: Option<(i64, i64, i64, i64)> = sqlx::query_as(sql::FENCE)
        .bind(int(now_ms))
        .bind(int(epoch))
        .fetch_optional(&mut *tx)
        .await?;
    Ok(
        row.map(|(epoch, seq, last_announcement, last_decision)| Unit {
            tx,
            counters: Counters {
                epoch: uint(epoch),
                seq: uint(seq),
                last_announcement: uint(last_announcement),
                last_decision: uint(last_decision),
            },
        }),
    )
}

impl Ledger for SqliteLedger {
    async fn stream(&mut self) -> Result<String, StoreError> {
        self.look("read the stream", async |connection| {
            sqlx::query_scalar(sql::STREAM).fetch_one(connection).await
        })
        .await
    }

    async fn prove(&mut self) -> Result<(), StoreError> {
        for statement in sql::SCHEMA {
            self.look("check the schema", async |connection| {
                sqlx::query(*statement).execute(connection).await
            })
            .await?;
        }
        let watch = Arc::clone(&self.link.watch);
        let connection = self.link.connection().await?;
        let outcome = async {
            let mut tx = begin(connection).await?;
            watch.entered(Writer::Ledger);
            let done = sqlx::query(sql::PROVE).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(done.rows_affected())
        }
        .await;
        let changed = outcome.map_err(|fault| {
            self.link.drop_connection();
            StoreError::from_sqlx("prove that writing works", fault)
        })?;
        self.link.watch.left(Writer::Ledger);
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::Schema(
                "the tables are empty: run `nodewarden migrate`".to_owned(),
            ))
        }
    }

    async fn take_epoch(&mut self, holder: &str, now_ms: u64) -> Result<Takeover, StoreError> {
        let watch = Arc::clone(&self.link.watch);
        let connection = self.link.connection().await?;
        let outcome = async {
            let mut tx = begin(connection).await?;
            watch.entered(Writer::Ledger);
            let (stream, epoch): (String, i64) = sqlx::query_as(sql::TAKE_EPOCH)
                .bind(holder)
                .bind(int(now_ms))
                .bind(int(now_ms))
                .fetch_one(&mut *tx)
                .await?;
            let memory = super::memory::read(&mut tx).await?;
            tx.commit().await?;
            Ok((stream, epoch, memory))
        }
        .await;
        match outcome {
            Ok((stream, epoch, memory)) => {
                watch.left(Writer::Ledger);
                Ok(Takeover {
                    stream,
                    epoch: uint(epoch),
                    memory: memory?,
                })
            }
            Err(fault) => {
                self.link.drop_connection();
                Err(StoreError::from_sqlx("take the epoch", fault))
            }
        }
    }

    async fn step_down(&mut self, epoch: u64, now_ms: u64) -> Result<(), StoreError> {
        self.fenced(epoch, now_ms, "step down", async |unit| {
            sqlx::query(sql::STEP_DOWN).execute(&mut *unit.tx).await?;
            Ok(())
        })
        .await
    }

    async fn resume(&mut self, epoch: u64) -> Result<Memory, StoreError> {
        self.fenced(epoch, 0, "read the memory again", async |unit| {
            super::memory::read(&mut unit.tx).await
        })
        .await?
    }

    async fn recall(
        &mut self,
        events: &[(ConductorName, EventId)],
    ) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, StoreError> {
        self.look("recall events", async |connection| {
            super::intake::recall(connection, events).await
        })
        .await
    }

    async fn commit_intake(&mut self, epoch: u64, intake: &Intake) -> Result<(), StoreError> {
        self.fenced(
            epoch,
            intake.now_ms,
            "commit a batch of events",
            async |unit| super::intake::commit(unit, intake).await,
        )
        .await
    }

    async fn take_out(
        &mut self,
        epoch: u64,
        pair: &Pair,
        window: &Window,
    ) -> Result<Chunk, StoreError> {
        self.fenced(
            epoch,
            window.now_ms,
            "take nodes out of service",
            async |unit| super::reconcile::take_out(unit, pair, window).await,
        )
        .await
    }

    async fn give_back(
        &mut self,
        epoch: u64,
        pair: Option<&Pair>,
        window: &Window,
    ) -> Result<Chunk, StoreError> {
        self.fenced(epoch, window.now_ms, "give nodes back", async |unit| {
            super::reconcile::give_back(unit, pair, window).await
        })
        .await
    }

    async fn put_right(&mut self, epoch: u64, window: &Window) -> Result<Chunk, StoreError> {
        self.fenced(epoch, window.now_ms, "put marks right", async |unit| {
            super::reconcile::put_right(unit, window).await
        })
        .await
    }

    async fn first_after(
        &mut self,
        of: Rows<'_>,
        after: &str,
    ) -> Result<Option<String>, StoreError> {
        self.look("look for a row", async |connection| {
            super::reconcile::first_after(connection, of, after).await
        })
        .await
    }

    async fn begin_sweep(&mut self, epoch: u64, sweep: &Sweep) -> Result<Vec<Pair>, StoreError> {
        self.fenced(epoch, sweep.now_ms, "begin a sweep", async |unit| {
            super::sweep::begin(unit, sweep).await
        })
        .await
    }

    async fn requests(&mut self) -> Result<Vec<Request>, StoreError> {
        self.look("read requests", async |connection| {
            let rows: Vec<(i64, String, String)> =
                sqlx::query_as(sql::REQUESTS).fetch_all(connection).await?;
            Ok(rows
                .into_iter()
                .map(|(number, kind, argument)| Request {
                    number: uint(number),
                    kind,
                    argument,
                })
                .collect())
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
                sqlx::query(sql::FORGET)
                    .bind(&request.argument)
                    .execute(&mut *unit.tx)
                    .await?;
            }
            sqlx::query(sql::ANSWER)
                .bind(int(now_ms))
                .bind(result)
                .bind(int(request.number))
                .execute(&mut *unit.tx)
                .await?;
            Ok(())
        })
        .await
    }
}
