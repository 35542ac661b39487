//! A writer's one connection: opened when needed, dropped at any doubt, watched in transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::config::Database;
use crate::store::database::connection::{Connection, timed_out};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::StoreError;
use crate::store::database::lock::{BUSY, BUSY_COMMAND, Fairness};
use crate::store::database::open::{Purpose, SMALL_CACHE};

/// An older idle connection is opened again: servers and firewalls end them.
const IDLE: Duration = Duration::from_secs(10);

/// Is told when writing transactions begin and end, to end a process that is stuck in one (I9).
pub trait TransactionWatch: Send + Sync {
    /// This writer has begun the transaction named `doing`, and may hold locks.
    fn entered(&self, writer: Writer, doing: &'static str);
    /// It has ended, and holds no lock any longer.
    fn left(&self, writer: Writer);
}

/// The writers: each has a connection of its own, and one at a time has the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The deciding loop.
    Ledger,
    /// The relay, when it records its progress.
    Relay,
}

/// No watch: for commands that end by themselves.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl TransactionWatch for Unwatched {
    fn entered(&self, _writer: Writer, _doing: &'static str) {}
    fn left(&self, _writer: Writer) {}
}

pub struct WriterConnection {
    database: Database,
    open: Option<(Connection, Instant)>,
    watch: Arc<dyn TransactionWatch>,
    writer: Writer,
    /// How long it waits for SQLite's lock.
    patience: Duration,
    fairness: Fairness,
    /// Interrupts what the open connection does, on SQLite.
    given_up: Arc<AtomicBool>,
    /// It is interrupted, and its end waited for.
    giving_up: bool,
    /// How long the round trips of the last transaction, or look, took.
    pub way: Duration,
}

impl WriterConnection {
    /// Does not connect yet; fails if the URL cannot be used.
    pub fn new(
        database: &Database,
        watch: Arc<dyn TransactionWatch>,
        writer: Writer,
    ) -> Result<Self, StoreError> {
        Dialect::of(database)?;
        Ok(Self {
            database: database.clone(),
            open: None,
            watch,
            writer,
            patience: BUSY,
            fairness: Fairness::default(),
            given_up: Arc::default(),
            giving_up: false,
            way: Duration::ZERO,
        })
    }

    /// For an operator's command: unwatched, since it ends by itself, and more patient.
    pub fn of_command(database: &Database) -> Result<Self, StoreError> {
        let mut link = Self::new(database, Arc::new(Unwatched), Writer::Ledger)?;
        link.patience = BUSY_COMMAND;
        Ok(link)
    }

    /// A transaction gives up, to be tried smaller, well before the watchdog would kill the
    /// process.
    pub fn limit(&self) -> Duration {
        self.database.transaction_limit * 2 / 3
    }

    /// Gives up a statement. A server rolls back when the connection ends; SQLite's, which runs in
    /// this process, is interrupted and awaited. What does not end even so (a dead disk) is the
    /// watchdog's.
    async fn give_up(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
        if !self.is_sqlite() {
            self.drop_connection();
        } else if let Some((connection, _)) = self.open.take() {
            self.giving_up = true;
            // Whatever it says, the connection is gone.
            drop(connection.close().await);
            self.drop_connection();
        }
    }

    fn is_sqlite(&self) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|(connection, _)| connection.dialect() == Dialect::Sqlite)
    }

    /// The connection, opened if need be.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a connection was idle; decides nothing about nodes"
    )]
    pub async fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        let now = Instant::now();
        let stale = |(connection, used): &(Connection, Instant)| {
            connection.dialect() != Dialect::Sqlite && now.duration_since(*used) > IDLE
        };
        if self.open.as_ref().is_some_and(stale) {
            self.drop_connection();
        }
        if self.open.is_none() {
            let mut connection = Connection::open(&self.database, Purpose::Write).await?;
            if self.writer == Writer::Relay && connection.dialect() == Dialect::Sqlite {
                let smaller = connection.command(SMALL_CACHE).await;
                smaller.map_err(StoreError::opening)?;
            }
            self.given_up = Arc::default();
            connection
                .interrupt_when(&self.given_up)
                .await
                .map_err(StoreError::opening)?;
            self.open = Some((connection, now));
        }
        let (connection, used) = self.open.as_mut().expect("opened above");
        *used = now;
        Ok(connection)
    }

    /// Runs `work` in one writing transaction; the watch knows from before its first lock until
    /// after its last. After an error the connection is gone, and nothing is known of the commit.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a lock was held; decides nothing about nodes"
    )]
    pub async fn transaction<T>(
        &mut self,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Connection) -> Result<Outcome<T>, sqlx::Error>,
    ) -> Result<Option<T>, StoreError> {
        let (watch, writer) = (Arc::clone(&self.watch), self.writer);
        let (patience, limit, mut slow) = (self.patience, self.limit(), false);
        let is_sqlite = self.is_sqlite();
        if is_sqlite {
            tokio::time::sleep(self.fairness.gap(Instant::now())).await;
        }
        self.way = Duration::ZERO;
        let connection = self.connection().await?;
        connection.way.begins();
        let mut taken = None;
        let outcome = async {
            let begun = connection.begin(patience);
            if is_sqlite {
                begun.await?;
            } else {
                // A server that has vanished says nothing (L4).
                let begun = tokio::time::timeout(limit, begun).await;
                begun.unwrap_or_else(|_| Err(too_slow("transaction", limit)))?;
            }
            taken = Some(Instant::now());
            watch.entered(writer, doing);
            let whole = async {
                let Outcome::Commit(value) = work(connection).await? else {
                    return Ok(None);
                };
                connection.command("COMMIT").await?;
                Ok(Some((value, connection.way.whole())))
            };
            match tokio::time::timeout(limit, whole).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    slow = true;
                    Err(too_slow("transaction", limit))
                }
            }
        }
        .await;
        if slow {
            self.give_up().await;
        }
        if let Some(taken) = taken {
            self.fairness.had(taken, Instant::now());
        }
        match outcome {
            Ok(Some((value, way))) => {
                self.watch.left(self.writer);
                self.way = way;
                Ok(Some(value))
            }
            // Its end rolls back.
            Ok(None) => {
                self.drop_connection();
                Ok(None)
            }
            Err(fault) => {
                self.drop_connection();
                Err(StoreError::from_sqlx(doing, fault))
            }
        }
    }

    /// Looks, without a transaction of ours, and as long as one may take: a server that has vanished says
    /// nothing (L4). After an error the connection is gone.
    pub async fn look<T>(
        &mut self,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let limit = self.limit();
        self.way = Duration::ZERO;
        let connection = self.connection().await?;
        connection.way.begins();
        let looked = async {
            let value = work(connection).await?;
            Ok((value, connection.way.whole()))
        };
        let outcome = match tokio::time::timeout(limit, looked).await {
            Ok(Ok((value, way))) => {
                self.way = way;
                Ok(value)
            }
            Ok(Err(fault)) => Err(fault),
            Err(_) => {
                // SQLite's end is awaited, and that is the watchdog's as in a transaction.
                self.watch.entered(self.writer, doing);
                self.give_up().await;
                Err(too_slow("look", limit))
            }
        };
        outcome.map_err(|fault| {
            self.drop_connection();
            StoreError::from_sqlx(doing, fault)
        })
    }

    /// Forgets the connection: an open transaction is rolled back by its end.
    pub fn drop_connection(&mut self) {
        if self.open.take().is_some() || self.giving_up {
            self.giving_up = false;
            self.watch.left(self.writer);
        }
    }
}

impl Drop for WriterConnection {
    /// One that is dropped inside a transaction, or while given up, has no lock: the watchdog must
    /// know.
    fn drop(&mut self) {
        self.drop_connection();
    }
}

/// What is to become of a transaction whose statements all succeeded.
pub enum Outcome<T> {
    Commit(T),
    /// Undo it: it had no right to write.
    RollBack,
}

/// The fault of a transaction or look that was given up after `limit`.
pub fn too_slow(what: &str, limit: Duration) -> sqlx::Error {
    timed_out(format!(
        "the {what} took longer than {limit:?}, two thirds of database.transaction_limit"
    ))
}
