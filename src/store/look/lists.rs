//! Lists that may be long, a bounded page at a time: nodes, and what happened.

use crate::domain::ids::Pair;
use crate::store::database::connection::{Above, values};
use crate::store::database::error::StoreError;
use crate::store::database::row::Row;
use crate::store::look::from_row::{action, decision, node_line};
use crate::store::look::reader::Reader;
use crate::store::look::views::{ActionView, DecisionView, NodeLine};

impl Reader {
    /// Nodes above the uuid `after`, by uuid, at most `limit`; those of one pair, or all.
    pub async fn nodes(
        &self,
        of: Option<&Pair>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<NodeLine>, StoreError> {
        self.read("list nodes", async |look| {
            let (connection, inventory) = (&mut look.connection, &look.inventory);
            let rows = match of {
                None => {
                    let asked = values![Above(after), limit];
                    connection.fetch(&inventory.list, asked).await?
                }
                Some(pair) => {
                    let asked = values![Above(after), limit, pair];
                    connection.fetch(&inventory.list_of_pair, asked).await?
                }
            };
            rows.iter().map(|row| node_line(row, false)).collect()
        })
        .await
    }

    /// What is out of service, above the uuid `after`, by uuid, at most `limit`.
    pub async fn holds(&self, after: &str, limit: u32) -> Result<Vec<NodeLine>, StoreError> {
        let (doing, asked) = ("list what is out of service", values![Above(after), limit]);
        let line = |row: &Row| node_line(row, true);
        self.list(doing, |sql| sql.list_holds, asked, line).await
    }

    /// The newest decisions, newest first.
    pub async fn decisions(&self, limit: u32) -> Result<Vec<DecisionView>, StoreError> {
        let (doing, asked) = ("read the decisions", values![limit]);
        self.list(doing, |sql| sql.see_decisions, asked, decision)
            .await
    }

    /// Decisions below a number, newest first, at most `limit`.
    pub async fn past_decisions(
        &self,
        below: u64,
        limit: u32,
    ) -> Result<Vec<DecisionView>, StoreError> {
        let (doing, asked) = ("read past decisions", values![below, limit]);
        self.list(doing, |sql| sql.past_decisions, asked, decision)
            .await
    }

    /// What operators did, below a number, newest first, at most `limit`.
    pub async fn past_actions(
        &self,
        below: u64,
        limit: u32,
    ) -> Result<Vec<ActionView>, StoreError> {
        let (doing, asked) = ("read what operators did", values![below, limit]);
        self.list(doing, |sql| sql.past_requests, asked, action)
            .await
    }
}
