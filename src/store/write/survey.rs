//! Looking for work in a window, without lock or fence: a sweep writes only where something is to
//! do (L2). The fenced window acts by what it finds itself; the next sweep finds what comes later.

use crate::domain::ids::Pair;
use crate::store::database::connection::{Above, Connection, Value, values};
use crate::store::records::{Rows, Surveyed, Window};
use crate::store::sql::{Inventory, Statements};
use crate::store::write::take_out::decision;
use crate::store::write::{pause, walk};

/// One look.
pub struct Survey<'a> {
    connection: &'a mut Connection,
    sql: &'static Statements,
    inventory: &'a Inventory,
}

impl<'a> Survey<'a> {
    /// A look by this connection.
    pub fn by(connection: &'a mut Connection, inventory: &'a Inventory) -> Self {
        let sql = connection.sql();
        Self {
            connection,
            sql,
            inventory,
        }
    }

    /// What is to be done in the next window of `of`.
    pub async fn at(&mut self, of: Rows<'_>, window: &Window) -> Result<Surveyed, sqlx::Error> {
        match of {
            Rows::NodesOf(pair) => self.pair(pair, window).await,
            Rows::HoldsOf(_) => {
                let found = self.window(of, window).await?;
                Ok(Surveyed {
                    work: found.seen > 0,
                    open: true,
                    ..found
                })
            }
            Rows::Holds => self.holds(window).await,
            Rows::Nodes => self.nodes(window).await,
        }
    }

    /// Nodes of a lost pair. Nothing where taking out would do nothing, either.
    async fn pair(&mut self, pair: &Pair, window: &Window) -> Result<Surveyed, sqlx::Error> {
        let Some(decision) = decision(self.connection, pair, window).await? else {
            return Ok(Surveyed::default());
        };
        let mut found = self.window(Rows::NodesOf(pair), window).await?;
        if let Some(last) = &found.last {
            let values = values![pair, Above(&window.after), last, decision.number];
            found.work = self.any(&self.inventory.survey_pair, values).await?;
        }
        found.open = decision.open;
        Ok(found)
    }

    /// All holds.
    async fn holds(&mut self, window: &Window) -> Result<Surveyed, sqlx::Error> {
        let mut found = self.window(Rows::Holds, window).await?;
        if let Some(last) = &found.last {
            let values = values![Above(&window.after), last];
            let (holds, marks) = (&self.inventory.survey_holds, &self.inventory.survey_marks);
            let held = &self.inventory.survey_held;
            let may_work = held.is_empty() || self.any(held, values).await?;
            found.work = may_work
                && (self.any(holds, values).await?
                    || (self.any(marks, values).await? && !self.paused().await?));
        }
        if found.seen < u64::from(window.nodes) {
            found.open = self.is_open(self.sql.restored_open, &[]).await?;
        }
        Ok(found)
    }

    /// All nodes.
    async fn nodes(&mut self, window: &Window) -> Result<Surveyed, sqlx::Error> {
        let strays = &self.inventory.survey_strays;
        if strays.is_empty() {
            return Ok(Surveyed::default());
        }
        let mut found = self.window(Rows::Nodes, window).await?;
        if let Some(last) = &found.last {
            let values = values![Above(&window.after), last];
            found.work = self.any(strays, values).await?;
        }
        // Once in each walk.
        if window.after.is_empty() {
            found.skipped = self.keyless().await?;
        }
        Ok(found)
    }

    /// All nodes and all holds.
    pub async fn all(&mut self, window: &Window) -> Result<Surveyed, sqlx::Error> {
        let statement = &self.inventory.survey_all;
        if statement.is_empty() {
            return Ok(Surveyed {
                work: true,
                ..Surveyed::default()
            });
        }
        let mut found = self.window(Rows::Nodes, window).await?;
        let mut after = &window.after;
        if let Some(last) = &found.last {
            let values = values![Above(after), last, window.unknown];
            found.work = self.any(statement, values).await?;
            after = last;
        }
        if found.seen < u64::from(window.nodes) && !found.work {
            let (sql, inventory) = (self.sql, self.inventory);
            let behind = walk::first_after(self.connection, sql, inventory, Rows::Holds, after);
            found.work = behind.await?.is_some();
            let open = &inventory.survey_open;
            found.open = self.is_open(open, values![window.unknown]).await?
                || self.is_open(sql.restored_open, &[]).await?;
            if !found.work && !found.open {
                found.skipped = self.keyless().await?;
            }
        }
        Ok(found)
    }

    /// How many rows no walk comes to.
    async fn keyless(&mut self) -> Result<u64, sqlx::Error> {
        let keyless = &self.inventory.survey_keyless;
        if keyless.is_empty() {
            return Ok(0);
        }
        let rows = self.connection.fetch_one(keyless, &[]).await?;
        rows.uint("nodes")
    }

    /// Whether the statement counts any decision.
    async fn is_open(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<bool, sqlx::Error> {
        let row = self.connection.fetch_one(statement, values).await?;
        Ok(row.uint("decisions")? > 0)
    }

    async fn window(&mut self, of: Rows<'_>, window: &Window) -> Result<Surveyed, sqlx::Error> {
        let (sql, inventory, after) = (self.sql, self.inventory, &window.after);
        let found = walk::window(self.connection, sql, inventory, of, after, window.nodes);
        let found = found.await?;
        Ok(Surveyed {
            last: found.last,
            seen: found.seen,
            skipped: found.skipped,
            ..Surveyed::default()
        })
    }

    /// Whether the statement counts any node; one that does not apply counts none.
    async fn any(&mut self, statement: &str, values: &[Value<'_>]) -> Result<bool, sqlx::Error> {
        if statement.is_empty() {
            return Ok(false);
        }
        let row = self.connection.fetch_one(statement, values).await?;
        Ok(row.uint("nodes")? > 0)
    }

    /// A mark that somebody lifted by hand is not set again during a pause.
    async fn paused(&mut self) -> Result<bool, sqlx::Error> {
        Ok(pause::read(self.connection, self.sql).await?.is_some())
    }
}
