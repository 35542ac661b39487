//! The set-based statements of a mass loss alone, over all nodes of a pair in one transaction: no
//! fence, no windows, no announcements. What the whole way from an event to a subscriber is
//! measured against (`tests/bench/mass-loss`); nothing of the service uses it.

use std::time::{Duration, Instant};

use crate::config::Database;
use crate::domain::ids::Pair;
use crate::store::database::connection::{Connection, Value, values};
use crate::store::database::dialect::Dialect;
use crate::store::database::error::StoreError;
use crate::store::database::open::Purpose;
use crate::store::records::Rows;
use crate::store::sql::{self, Inventory, Statements};
use crate::store::write::walk::{self, Found};

/// A database with the product's tables, in which no replica works.
pub struct Yardstick {
    database: Database,
    sql: &'static Statements,
    inventory: Inventory,
    pair: Pair,
    last: String,
    seq: u64,
}

/// More than any pair has.
const ALL: u32 = 10_000_000;

impl Yardstick {
    /// For all nodes of `pair`; records one decision about it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn over(database: &Database, pair: &Pair) -> Result<Self, StoreError> {
        let dialect = Dialect::of(database)?;
        let (sql, inventory) = (sql::statements(dialect), sql::native(dialect));
        let mut connection = Connection::open(database, Purpose::Write).await?;
        let (group, driver) = (pair.group.as_str(), pair.driver.as_str());
        let work = async {
            let (none, no_time) = (None::<&str>, None::<i64>);
            let decision = values![
                1_u64,
                "yardstick",
                group,
                driver,
                "lost",
                "event",
                none,
                none,
                none,
                no_time,
                1_u64,
                0_u64,
                false,
            ];
            connection.execute(sql.decided, decision).await?;
            // What is held for it may come back.
            let standing = values![group, driver, "active", 0_u64, 1_u64];
            connection.execute(sql.stand, standing).await?;
            let of = Rows::NodesOf(pair);
            let row = walk::window(&mut connection, sql, &inventory, of, "", ALL).await?;
            Found::read(&row)
        };
        let found = work.await.map_err(failed)?;
        let last = found.last.ok_or_else(|| failed(sqlx::Error::RowNotFound))?;
        Ok(Self {
            database: database.clone(),
            sql,
            inventory,
            pair: pair.clone(),
            last,
            seq: 0,
        })
    }

    /// Holds and marks all; how many nodes, and how long from BEGIN to the reply to COMMIT.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn out(&mut self) -> Result<(u64, Duration), StoreError> {
        // Servers end connections that are idle between two rounds.
        let mut connection = Connection::open(&self.database, Purpose::Write).await?;
        let inventory = &self.inventory;
        let (group, driver) = (self.pair.group.as_str(), self.pair.driver.as_str());
        let began = Instant::now();
        let work = async {
            connection.command(self.sql.begin).await?;
            let hold = values![self.seq, 1_u64, 1_u64, driver, group, "", &self.last];
            let nodes = connection.execute(&inventory.hold, hold).await?;
            let mark = values![1_u64, self.seq, self.seq + nodes, "yardstick"];
            connection.execute(&inventory.mark_out, mark).await?;
            connection.command("COMMIT").await?;
            Ok(nodes)
        };
        let nodes = work.await.map_err(failed)?;
        self.seq += nodes;
        Ok((nodes, began.elapsed()))
    }

    /// Releases and unmarks all that are held, as [`out`](Self::out).
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn back(&mut self) -> Result<(u64, Duration), StoreError> {
        // Servers end connections that are idle between two rounds.
        let mut connection = Connection::open(&self.database, Purpose::Write).await?;
        let inventory = &self.inventory;
        let (group, driver) = (self.pair.group.as_str(), self.pair.driver.as_str());
        let began = Instant::now();
        let work = async {
            connection.command(self.sql.begin).await?;
            let mut seq = self.seq;
            for statement in &inventory.release_of_pair {
                let values: [Value<'_>; 6] = *values![seq, 1_u64, "", &self.last, driver, group];
                seq += connection.execute(statement, &values).await?;
            }
            let ended = values![self.seq, seq];
            connection.execute(self.sql.end_holds, ended).await?;
            let unmark = values![1_u64, self.seq, seq];
            connection.execute(&inventory.mark_in, unmark).await?;
            connection.command("COMMIT").await?;
            Ok(seq)
        };
        let seq = work.await.map_err(failed)?;
        let nodes = seq - self.seq;
        self.seq = seq;
        Ok((nodes, began.elapsed()))
    }
}

fn failed(fault: sqlx::Error) -> StoreError {
    StoreError::from_sqlx("measure", fault)
}
