//! Which statements a dialect has.

use super::{Statements, mysql, postgres, sqlite};
use crate::store::database::connection::Connection;
use crate::store::database::dialect::Dialect;

/// The statements over our own tables.
pub fn statements(dialect: Dialect) -> &'static Statements {
    match dialect {
        Dialect::Sqlite => &sqlite::STATEMENTS,
        Dialect::Postgres => &postgres::STATEMENTS,
        Dialect::MySql => &mysql::STATEMENTS,
    }
}

impl Connection {
    /// The statements over our own tables, as its database wants them.
    pub fn sql(&self) -> &'static Statements {
        statements(self.dialect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::common;

    /// The names of the statements that a dialect's file gives words of its own.
    fn named(file: &str) -> Vec<&str> {
        let body = file.split("= Statements {").nth(1).unwrap();
        body.lines()
            .filter_map(|line| line.strip_prefix("    "))
            .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn what_a_dialect_says_in_words_of_its_own_differs_from_the_common_words() {
        let common = common::COMMON.by_name();
        for (dialect, file) in [
            (Dialect::Sqlite, include_str!("sqlite.rs")),
            (Dialect::Postgres, include_str!("postgres.rs")),
            (Dialect::MySql, include_str!("mysql.rs")),
        ] {
            let theirs = statements(dialect).by_name();
            let different: Vec<&str> = theirs
                .iter()
                .zip(&common)
                .filter(|(ours, common)| ours != common)
                .map(|((name, _), _)| *name)
                .collect();
            assert_eq!(named(file), different, "{dialect:?}");
        }
    }
}
