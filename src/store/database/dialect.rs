//! Which database it is, told from the scheme of its URL.

use crate::config::Database;
use crate::store::database::error::StoreError;

/// A family of databases that understands the same statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
    /// MySQL and MariaDB.
    MySql,
}

impl Dialect {
    /// Told from the scheme of its URL.
    pub fn of(database: &Database) -> Result<Self, StoreError> {
        match database.url.expose().split("://").next() {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            Some("mysql" | "mariadb") => Ok(Self::MySql),
            _ => Err(StoreError::Url(format!(
                "{}: it must begin with sqlite://, postgres:// or mysql://",
                database.url.redacted()
            ))),
        }
    }
}
