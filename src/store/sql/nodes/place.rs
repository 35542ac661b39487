//! Where a node lies in its table: all of them are read fastest in that order.

use super::words::Kind::{Ironic, Native};
use super::words::Words;
use crate::store::database::dialect::Dialect::{MySql, Postgres, Sqlite};

impl Words {
    /// The place of the node.
    pub fn place(&self) -> &'static str {
        match self.dialect {
            Sqlite => "n.rowid",
            Postgres | MySql => "n.uuid",
        }
    }

    /// Such a place, as the text that it travels as; the empty one is before all.
    pub fn place_of(&self, text: &str) -> String {
        match self.dialect {
            Sqlite => {
                format!("CAST(coalesce(nullif({text}, ''), '-9223372036854775808') AS INTEGER)")
            }
            Postgres | MySql => text.to_owned(),
        }
    }

    /// A place as text.
    pub fn place_as_text(&self, place: &str) -> String {
        match self.dialect {
            Sqlite => format!("CAST({place} AS TEXT)"),
            Postgres | MySql => place.to_owned(),
        }
    }

    /// The nodes, walked by place.
    pub fn nodes_by_place(&self) -> String {
        match (&self.kind, self.dialect) {
            (_, Sqlite | Postgres) => "nodes n".to_owned(),
            (Native, MySql) => "nodes n FORCE INDEX (PRIMARY)".to_owned(),
            (Ironic(keys), MySql) => format!("nodes n FORCE INDEX (`{}`)", keys.index),
        }
    }
}
