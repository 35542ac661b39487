//! Which rows a window covers: from where the last one ended, so many, no more.
//!
//! The holds of a pair are found by its decisions that hold anything, named as numbers: a database
//! walks the index of a decision's holds from a bound on only for a number that it is given.

use crate::domain::ids::Pair;
use crate::store::database::connection::{Above, Connection, Value, values};
use crate::store::database::row::Row;
use crate::store::records::{Rows, Window};
use crate::store::sql::{Inventory, Statements};

/// Decisions of one pair that a window goes by. More than one or two hold something only where a pair
/// was lost again and again before its nodes were back.
pub const DECISIONS: usize = 50;

/// What a window covers.
#[derive(Default)]
pub struct Found {
    /// Its last row; `None`: there is no row left.
    pub last: Option<String>,
    /// How many rows it has.
    pub seen: u64,
    /// Of a pair's nodes: how many have a key longer than any message may carry.
    pub skipped: u64,
    /// Of a pair's holds: the decisions that hold them.
    pub decisions: Vec<u64>,
    /// Of a pair's holds: more decisions hold something than the window goes by.
    pub more: bool,
}

impl Found {
    fn read(row: &Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            last: row.maybe_text("last")?,
            seen: row.uint("seen")?,
            ..Self::default()
        })
    }

    /// Where the next window begins; `None`: this was the last.
    pub fn next(self, window: &Window) -> Option<String> {
        self.last.filter(|_| self.seen >= u64::from(window.nodes))
    }
}

/// The next window of `of`.
pub async fn window(
    connection: &mut Connection,
    sql: &Statements,
    inventory: &Inventory,
    of: Rows<'_>,
    after: &str,
    limit: u32,
) -> Result<Found, sqlx::Error> {
    let all = values![Above(after), limit];
    let row = match of {
        Rows::NodesOf(pair) => {
            let values = values![pair, Above(after), limit];
            let row = connection.fetch_one(&inventory.pair_window, values).await?;
            return Ok(Found {
                skipped: row.uint("skipped")?,
                ..Found::read(&row)?
            });
        }
        Rows::HoldsOf(pair) => return holds_of(connection, sql, pair, after, limit).await,
        Rows::Holds => connection.fetch_one(sql.holds_window, all).await?,
        Rows::Nodes => connection.fetch_one(&inventory.all_window, all).await?,
    };
    Found::read(&row)
}

async fn holds_of(
    connection: &mut Connection,
    sql: &Statements,
    pair: &Pair,
    after: &str,
    limit: u32,
) -> Result<Found, sqlx::Error> {
    let rows = connection
        .fetch(sql.holding, values![pair, Above(after)])
        .await?;
    let decisions: Result<Vec<u64>, _> = rows.iter().map(|row| row.uint("number")).collect();
    let mut decisions = decisions?;
    decisions.sort_unstable();
    let more = decisions.len() > DECISIONS;
    decisions.truncate(DECISIONS);
    if decisions.is_empty() {
        return Ok(Found::default());
    }
    let (begins, ends) = sql.holds_of;
    let each: Vec<String> = (3..3 + decisions.len())
        .map(|number| format!("{begins}${number}{ends}"))
        .collect();
    let (begins, ends) = sql.holds_window_of_pair;
    let statement = format!("{begins}{}{ends}", each.join(" UNION ALL "));
    let mut values: Vec<Value<'_>> = values![Above(after), limit].clone();
    values.extend(decisions.iter().copied().map(Value::from));
    let row = connection.fetch_one(&statement, &values).await?;
    Ok(Found {
        decisions,
        more,
        ..Found::read(&row)?
    })
}

/// The first row after the uuid `after`.
pub async fn first_after(
    connection: &mut Connection,
    sql: &Statements,
    inventory: &Inventory,
    of: Rows<'_>,
    after: &str,
) -> Result<Option<String>, sqlx::Error> {
    let found = window(connection, sql, inventory, of, after, 1).await?;
    Ok(found.last)
}
