//! What the store asks a [`Connection`]; with the feature `counting`, tests of scale measure it.

use crate::store::database::connection::{Connection, Value};
#[cfg(feature = "counting")]
use crate::store::database::measured;
use crate::store::database::row::Row;

impl Connection {
    /// Runs a statement; returns how many rows it wrote (or, for an update, found to write).
    /// Errors: Whatever the database reports, or that it did not answer in time.
    pub async fn execute(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<u64, sqlx::Error> {
        #[cfg(feature = "counting")]
        let count = measured::before(self, statement, values).await?;
        let outcome = self.execute_uncounted(statement, values).await;
        #[cfg(feature = "counting")]
        measured::after(self, count, statement).await?;
        outcome
    }

    /// Runs a query and returns all its rows.
    pub async fn fetch(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        #[cfg(feature = "counting")]
        let count = measured::before(self, statement, values).await?;
        let outcome = self.fetch_uncounted(statement, values).await;
        #[cfg(feature = "counting")]
        measured::after(self, count, statement).await?;
        outcome
    }

    /// The first row of a query, if there is one.
    pub async fn fetch_first(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, sqlx::Error> {
        Ok(self.fetch(statement, values).await?.into_iter().next())
    }

    /// The row of a query that always has one.
    /// Errors: As [`execute`](Self::execute), and if there is none.
    pub async fn fetch_one(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<Row, sqlx::Error> {
        self.fetch_first(statement, values)
            .await?
            .ok_or(sqlx::Error::RowNotFound)
    }
}
