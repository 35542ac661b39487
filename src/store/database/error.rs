//! Errors of the database, classified where they are understood.

use sqlx::mysql::MySqlDatabaseError;

use crate::store::database::row::Nonsense;

/// What went wrong, and what that means for the caller.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another replica holds the epoch. Nothing was written; this session must end.
    #[error("another replica has taken over (our epoch is {0})")]
    Fenced(u64),
    /// It may go away by itself: locked, unreachable, disk full, reply lost. Whether a commit
    /// happened is unknown.
    #[error("{doing}: {source}")]
    Transient {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },
    /// It will fail again with the same input.
    #[error("{doing}: {source}")]
    Permanent {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },
    /// The tables are missing.
    #[error("{0}")]
    MissingTables(String),
    /// The schema is too old, or not ours, or a right to use it is missing.
    #[error("{0}")]
    Schema(String),
    /// The database's URL cannot be used.
    #[error("{0}")]
    Url(String),
    /// What was read makes no sense; somebody else wrote to our tables.
    #[error("{0}")]
    Corrupt(String),
}

/// What was tried when a connection could not be opened.
pub(in crate::store) const OPENING: &str = "open the database";

impl StoreError {
    /// Whether trying again can help without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    /// Whether the database is a file that cannot be opened (SQLite's CANTOPEN, 14).
    #[must_use]
    pub fn is_unopenable_file(&self) -> bool {
        let (Self::Transient { source, .. } | Self::Permanent { source, .. }) = self else {
            return false;
        };
        let code = source.as_database_error().and_then(|fault| fault.code());
        code.and_then(|code| code.parse::<u32>().ok())
            .is_some_and(|code| code & 0xff == 14)
    }

    /// Whether the database could not even be reached.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Transient { doing: OPENING, .. })
    }

    /// Classifies what the library reported while `doing`.
    pub(in crate::store) fn from_sqlx(doing: &'static str, source: sqlx::Error) -> Self {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the library may add errors, and what is not known to be wrong is tried again"
        )]
        let class = match &source {
            sqlx::Error::Decode(fault) if fault.is::<Nonsense>() => {
                return Self::Corrupt(format!("{doing}: {fault}"));
            }
            sqlx::Error::Database(fault) => class_of(fault.as_ref()),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::TypeNotFound { .. } => Class::Input,
            // Closed connections, time-outs, input and output.
            _ => Class::Passing,
        };
        match class {
            Class::Missing | Class::Schema => {
                let what = source
                    .as_database_error()
                    .map_or_else(|| source.to_string(), ToString::to_string);
                let why = format!(
                    "{doing}: {what}: run `nodewarden migrate`, or grant the right that is missing"
                );
                if matches!(class, Class::Missing) {
                    Self::MissingTables(why)
                } else {
                    Self::Schema(why)
                }
            }
            Class::Input => Self::Permanent { doing, source },
            Class::Passing => Self::Transient { doing, source },
        }
    }
}

/// Whom a database's error blames.
enum Class {
    /// Missing tables.
    Missing,
    /// Missing columns or rights: nobody's input, whoever changed the schema must put it
    /// right.
    Schema,
    /// The rows: constraint violations, values that the database cannot take. It fails again.
    Input,
    /// Something that may pass: busy, deadlock, serialisation, disk full, read only, shut down.
    Passing,
}

fn class_of(fault: &dyn sqlx::error::DatabaseError) -> Class {
    let code = fault.code().unwrap_or_default();
    if let Some(fault) = fault.try_downcast_ref::<MySqlDatabaseError>()
        && MYSQL_INPUT.contains(&fault.number())
    {
        return Class::Input;
    }
    if code.len() == 5 {
        return of_sqlstate(&code);
    }
    // SQLite has one code for all of these, and says which in words.
    let message = fault.message();
    if message.starts_with("no such table") {
        return Class::Missing;
    }
    let schema = ["no such", "has no column", "syntax error"];
    if schema.iter().any(|words| message.contains(words)) {
        Class::Schema
    } else if is_input(&code) {
        Class::Input
    } else {
        Class::Passing
    }
}

/// What MySQL and MariaDB report as HY000, and the rows are to blame for: a column without a default
/// (1364), a text that its column cannot hold (1366), a CHECK of MySQL (3819)
/// (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>).
const MYSQL_INPUT: [u16; 3] = [1364, 1366, 3819];

/// PostgreSQL and MySQL say SQLSTATE: its first two characters are the class
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>). MySQL and MariaDB report
/// what fits no class as HY000, among it lock time-outs and a read-only server.
fn of_sqlstate(code: &str) -> Class {
    // PostgreSQL's undefined_table; the same of MySQL and MariaDB (1146).
    if matches!(code, "42P01" | "42S02") {
        return Class::Missing;
    }
    match code.get(..2) {
        // Data exceptions, integrity constraints, triggers that refuse (MySQL's SIGNAL, PL/pgSQL's
        // RAISE).
        Some("22" | "23" | "44" | "45" | "P0") => Class::Input,
        // No such table, column or function; no right to use it; invalid schema or catalogue name.
        Some("3D" | "3F" | "42") => Class::Schema,
        _ => Class::Passing,
    }
}

/// Whether an SQLite result code blames the rows: TOOBIG (18), CONSTRAINT (19, a trigger's ABORT
/// too), MISMATCH (20), RANGE (25). An extended code carries the plain one in its low byte
/// (<https://www.sqlite.org/rescode.html>).
fn is_input(code: &str) -> bool {
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 18 | 19 | 20 | 25))
}
