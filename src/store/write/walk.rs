//! Which rows a window covers: from where the last one ended, so many, no more.

use crate::store::database::connection::{Connection, values};
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
    let all = values![after, limit];
    match of {
        Rows::NodesOf(pair) => {
            let values = values![pair, after, limit];
            connection.fetch_one(&inventory.pair_window, values).await
        }
        Rows::HoldsOf(pair) => {
            let values = values![after, limit, pair];
            connection.fetch_one(sql.holds_window_of_pair, values).await
        }
        Rows::Holds => connection.fetch_one(sql.holds_window, all).await,
        Rows::Nodes => connection.fetch_one(&inventory.all_window, all).await,
    }
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
