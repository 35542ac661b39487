//! How the nodes of a window are counted by the pair that they need and by what holds them.
//!
//! SQLite would sort the rows of a window to count them, so there each row is a count of its own. MySQL needs longer
//! to turn a text into bytes than to count it, so it converts only the counts; as it ignores spaces at the end of a
//! text, it counts by lengths as well.

use super::words::{MYSQL_DRIVER, MYSQL_GROUP, Words};
use crate::store::database::dialect::Dialect::{MySql, Postgres, Sqlite};

/// The parts of a statement that counts the nodes of a window; `n` is a count.
pub struct ByPair {
    /// What names the pair of a count.
    pub columns: String,
    /// By what they are grouped, if they are.
    pub grouped: String,
    /// The driver as we compare it.
    pub driver: &'static str,
    /// The group in ASCII lower case.
    pub group: &'static str,
}

impl Words {
    /// Counts of nodes and their holds `c`.
    pub fn by_pair(&self) -> ByPair {
        let group = self.group();
        let grouped = match self.dialect {
            Sqlite => String::new(),
            Postgres => format!(" GROUP BY n.driver, {group}, c.decision"),
            MySql => " GROUP BY n.driver, n.conductor_group, octet_length(n.driver), \
                octet_length(n.conductor_group), c.decision"
                .to_owned(),
        };
        match self.dialect {
            Sqlite | Postgres => ByPair {
                columns: format!("n.driver, {group} AS conductor_group"),
                grouped,
                driver: "n.driver",
                group: "n.conductor_group",
            },
            MySql => ByPair {
                columns: "n.driver, coalesce(n.conductor_group, '') AS conductor_group".to_owned(),
                grouped,
                driver: MYSQL_DRIVER,
                group: MYSQL_GROUP,
            },
        }
    }

    /// For how many nodes of such a count a condition holds.
    pub fn counted(&self, condition: &str) -> String {
        match self.dialect {
            Sqlite => format!("CASE WHEN {condition} THEN 1 ELSE 0 END"),
            Postgres | MySql => format!("count(CASE WHEN {condition} THEN 1 END)"),
        }
    }
}
