//! Which rows a window covers: from where the last one ended, so many, no more.

use crate::store::database::connection::{Connection, Value, values};
use crate::store::database::row::Row;
use crate::store::records::{Rows, Window};
use crate::store::sql::{Inventory, Statements};

/// What a window covers.
pub struct Found {
    /// Its last row; `None`: there is no row left.
    pub last: Option<String>,
    /// How many rows it has.
    pub seen: u64,
}

impl Found {
    pub fn read(row: &Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            last: row.maybe_text("last")?,
            seen: row.uint("seen")?,
        })
    }

    /// Where the next window begins; `None`: this was the last.
    pub fn next(self, window: &Window) -> Option<String> {
        self.last.filter(|_| self.seen >= u64::from(window.nodes))
    }
}

/// The next window of `of`, in its row's columns.
pub async fn window(
    connection: &mut Connection,
    sql: &Statements,
    inventory: &Inventory,
    of: Rows<'_>,
    after: &str,
    limit: u32,
) -> Result<Row, sqlx::Error> {
    let over_pair: [Value<'_>; 4];
    let over_all = [Value::from(after), Value::from(limit)];
    let (statement, values): (&str, &[Value<'_>]) = match of {
        Rows::NodesOf(pair) => {
            let (driver, group) = (pair.driver.as_str(), pair.group.as_str());
            over_pair = *values![driver, group, after, limit];
            (&inventory.pair_window, &over_pair)
        }
        Rows::HoldsOf(pair) => {
            let (driver, group) = (pair.driver.as_str(), pair.group.as_str());
            over_pair = *values![after, limit, driver, group];
            (sql.holds_window_of_pair, &over_pair)
        }
        Rows::Holds => (sql.holds_window, &over_all),
        Rows::Nodes => (&inventory.all_window, &over_all),
    };
    connection.fetch_one(statement, values).await
}

/// The first row after the uuid `after`.
pub async fn first_after(
    connection: &mut Connection,
    sql: &Statements,
    inventory: &Inventory,
    of: Rows<'_>,
    after: &str,
) -> Result<Option<String>, sqlx::Error> {
    let row = window(connection, sql, inventory, of, after, 1).await?;
    Ok(Found::read(&row)?.last)
}
