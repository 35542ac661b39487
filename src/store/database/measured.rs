//! How many rows each statement reads, for tests of scale (L2). Exists only with the feature
//! `counting`, which release builds never have.
//!
//! Within [`reads`] each statement is measured as its database allows:
//!
//! - **PostgreSQL**: it is run once more, by EXPLAIN ANALYZE, and undone. Rows that a filter dropped count.
//! - **MariaDB, MySQL**: the session's counters `Handler_read_…`, before and after. What reading them
//!   adds is measured as well, and taken off.
//! - **SQLite**: the instructions of its machine; some dozens of them go into a row.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::database::connection::{Connection, Link, Value};
use crate::store::database::dialect::Dialect;

/// SQLite tells after so many instructions.
const EACH: i32 = 10;

/// Instructions of SQLite's machine that count as one row read.
const INSTRUCTIONS: u64 = 40;

tokio::task_local! {
    static READS: RefCell<Vec<Read>>;
}

/// What one statement read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Its text, as it was sent.
    pub statement: String,
    /// How many rows it read, of tables and indexes, wanted or not.
    pub rows: u64,
    /// How PostgreSQL did it; empty elsewhere.
    pub plan: String,
}

/// Runs `work`, which must run in the task that awaits it, and returns what its statements read.
pub async fn reads<T>(work: impl Future<Output = T>) -> (T, Vec<Read>) {
    READS
        .scope(RefCell::default(), async {
            let value = work.await;
            (value, READS.with(RefCell::take))
        })
        .await
}

/// A measurement that has begun.
pub(super) enum Count {
    /// Outside of [`reads`].
    Off,
    /// It is known already.
    Known(u64, String),
    /// What the session had read before, and what looking at that adds.
    Session { before: u64, looking: u64 },
    /// Counted while it runs.
    Running(Arc<AtomicU64>),
}

pub(super) async fn before(
    connection: &mut Connection,
    statement: &str,
    values: &[Value<'_>],
) -> Result<Count, sqlx::Error> {
    if READS.try_with(|_| ()).is_err() {
        return Ok(Count::Off);
    }
    match connection.dialect() {
        Dialect::Postgres => explained(connection, statement, values).await,
        Dialect::MySql => {
            let first = session(connection).await?;
            let before = session(connection).await?;
            Ok(Count::Session {
                before,
                looking: before - first,
            })
        }
        Dialect::Sqlite => {
            let count = Arc::new(AtomicU64::new(0));
            if let Link::Sqlite(link) = &mut connection.link {
                let steps = Arc::clone(&count);
                let mut handle = link.lock_handle().await?;
                handle.set_progress_handler(EACH, move || {
                    steps.fetch_add(1, Ordering::Relaxed);
                    true
                });
            }
            Ok(Count::Running(count))
        }
    }
}

pub(super) async fn after(
    connection: &mut Connection,
    count: Count,
    statement: &str,
) -> Result<(), sqlx::Error> {
    let mut plan = String::new();
    let rows = match count {
        Count::Off => return Ok(()),
        Count::Known(rows, explained) => {
            plan = explained;
            rows
        }
        Count::Session { before, looking } => {
            session(connection).await?.saturating_sub(before + looking)
        }
        Count::Running(steps) => {
            if let Link::Sqlite(link) = &mut connection.link {
                link.lock_handle().await?.remove_progress_handler();
            }
            steps.load(Ordering::Relaxed) * u64::from(EACH.unsigned_abs()) / INSTRUCTIONS
        }
    };
    let read = Read {
        statement: statement.to_owned(),
        rows,
        plan,
    };
    READS.with(|reads| reads.borrow_mut().push(read));
    Ok(())
}

async fn session(connection: &mut Connection) -> Result<u64, sqlx::Error> {
    let statement =
        "SELECT CAST(sum(variable_value) AS SIGNED) AS total FROM information_schema.session_status
        WHERE variable_name LIKE 'HANDLER\\_READ\\_%'";
    let rows = connection.fetch_uncounted(statement, &[]).await?;
    rows.first().ok_or(sqlx::Error::RowNotFound)?.uint("total")
}

/// Runs the statement and undoes what it did. One that fails is left to fail by itself.
async fn explained(
    connection: &mut Connection,
    statement: &str,
    values: &[Value<'_>],
) -> Result<Count, sqlx::Error> {
    let inside = connection.command("SAVEPOINT counted").await.is_ok();
    if !inside {
        connection.command("BEGIN").await?;
    }
    let explain = format!("EXPLAIN (ANALYZE, TIMING OFF) {statement}");
    let lines = connection.fetch_uncounted(&explain, values).await;
    connection
        .command(if inside {
            "ROLLBACK TO SAVEPOINT counted; RELEASE SAVEPOINT counted"
        } else {
            "ROLLBACK"
        })
        .await?;
    let Ok(lines) = lines else {
        return Ok(Count::Off);
    };
    let lines: Result<Vec<String>, sqlx::Error> =
        lines.iter().map(|line| line.text("QUERY PLAN")).collect();
    let lines = lines?;
    Ok(Count::Known(rows_of(&lines), lines.join("\n")))
}

/// The rows that the scans of a plan read, in all their loops, with those that a filter or a join
/// dropped.
fn rows_of(plan: &[String]) -> u64 {
    let number = |line: &str, after: &str| -> Option<u64> {
        let rest = line.split_once(after)?.1;
        let digits = rest.find(|letter: char| !letter.is_ascii_digit());
        rest[..digits.unwrap_or(rest.len())].parse().ok()
    };
    let (mut rows, mut loops) = (0, 0);
    for line in plan {
        if line.contains("(never executed)") {
            loops = 0;
        } else if let Some(times) = number(line, " loops=") {
            loops = times;
            if line.contains(" Scan ") {
                // One that finds nothing has looked all the same.
                rows += number(line, "(actual rows=").unwrap_or(0).max(1) * loops;
            }
        } else if let Some(removed) = line
            .contains("Rows Removed by")
            .then(|| number(line, ": "))
            .flatten()
        {
            rows += removed * loops;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::rows_of;

    #[test]
    fn rows_of_all_scans_in_all_their_loops_count_and_so_do_those_that_were_dropped() {
        let plan = [
            "Aggregate  (cost=1.0..2.0 rows=1 width=8) (actual rows=1 loops=1)",
            "  ->  Nested Loop  (cost=1.0..2.0 rows=9 width=8) (actual rows=30 loops=1)",
            "        ->  Seq Scan on nodes n  (cost=0..9 rows=9 width=8) (actual rows=10 loops=1)",
            "              Filter: (driver = 'a'::text)",
            "              Rows Removed by Filter: 990",
            "        ->  Index Only Scan using held on changes h  (cost=0..1 rows=1 width=8) (actual rows=0 loops=10)",
            "        ->  Index Scan using pk on pairs p  (cost=0..1 rows=1 width=8) (never executed)",
        ];
        assert_eq!(rows_of(&plan.map(str::to_owned)), 10 + 990 + 10);
    }
}
