//! Errors of the database, classified where they are understood.

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::sqlite::SqliteError;

use crate::config::tls_advice;
use crate::domain::committed::Loss;
use crate::store::database::row::Nonsense;

/// What went wrong, and what that means for the caller.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another replica holds the epoch. Nothing was written; this session must end.
    #[error("another replica has taken over since epoch {0}")]
    Fenced(u64),
    /// The database has less than is known to be committed. Nothing was written, but for the beginning of a
    /// new stream if the epoch was ours; this session must end.
    #[error("the database has lost {0}")]
    Lost(Box<Loss>),
    /// It may pass by itself (locked, unreachable, disk full); whether a commit happened is
    /// unknown.
    #[error("{doing}: {}", said(cause))]
    Transient {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        cause: sqlx::Error,
    },
    /// It will fail again with the same input.
    #[error("{doing}: {}", said(cause))]
    Permanent {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        cause: sqlx::Error,
    },
    /// It cannot be opened for now: out of reach, or a wrong password, name or right.
    #[error("open the database: {}", said(.0))]
    Unopened(sqlx::Error),
    /// SQLite cannot open its file: there is none, or this user may not use it. May pass as well.
    #[error("{doing}: {}", said(cause))]
    NoFile {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        cause: sqlx::Error,
    },
    /// Tables or columns are missing: `nodewarden migrate` makes those of ours.
    #[error("{doing}: {what}: run `nodewarden migrate`, or grant the right that is missing")]
    Missing {
        /// What was tried.
        doing: &'static str,
        /// What the database says.
        what: String,
    },
    /// A right is missing; the text says which.
    #[error("{0}")]
    Denied(String),
    /// The schema is not ours, or not as it should be.
    #[error("{0}")]
    Schema(String),
    /// The database's URL cannot be used.
    #[error("{0}")]
    Url(String),
    /// What was read makes no sense; another program wrote to our tables.
    #[error("{0}")]
    Corrupt(String),
}

impl StoreError {
    /// The tables are there and have no rows.
    pub(in crate::store) fn empty() -> Self {
        Self::Schema("the tables are empty: run `nodewarden migrate`".to_owned())
    }

    /// Whether the rows are to blame: the same call fails again, and one about other rows may not.
    #[must_use]
    pub fn is_about_rows(&self) -> bool {
        matches!(self, Self::Permanent { .. } | Self::Corrupt(_))
    }

    /// Whether trying again can help without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transient { .. } | Self::Unopened(_) | Self::NoFile { .. } => true,
            Self::Fenced(_)
            | Self::Lost(_)
            | Self::Permanent { .. }
            | Self::Missing { .. }
            | Self::Denied(_)
            | Self::Schema(_)
            | Self::Url(_)
            | Self::Corrupt(_) => false,
        }
    }

    /// Whether the database could not even be opened.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unopened(_) | Self::NoFile { .. })
    }

    /// Classifies what the library reported while `doing`.
    pub(in crate::store) fn from_sqlx(doing: &'static str, cause: sqlx::Error) -> Self {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the library may add errors, and what is not known to be wrong is tried again"
        )]
        let class = match &cause {
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
            Class::Missing => {
                let what = said(&cause);
                Self::Missing { doing, what }
            }
            Class::Right if is_denied(&cause) => Self::Denied(denied(doing, &cause)),
            Class::Right => Self::Schema(format!(
                "{doing}: {}: run `nodewarden migrate`, or grant the right that is missing",
                said(&cause)
            )),
            Class::Input => Self::Permanent { doing, cause },
            Class::NoFile => Self::NoFile { doing, cause },
            Class::Passing => Self::Transient { doing, cause },
        }
    }

    /// Whether the server takes no writes at the moment: a standby, or one that is set read-only.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let Self::Transient { cause, .. } = self else {
            return false;
        };
        let Some(fault) = cause.as_database_error() else {
            return false;
        };
        if let Some(fault) = fault.try_downcast_ref::<MySqlDatabaseError>() {
            // 1290 is any option that forbids a statement.
            return matches!(fault.number(), 1792 | 1836)
                || (fault.number() == 1290 && fault.message().contains("read"));
        }
        match sqlite_code(fault) {
            Some(code) => code == 8,
            None => fault.code().as_deref() == Some("25006"),
        }
    }

    /// What is wrong with the disk or the file, if the database says that.
    #[must_use]
    pub fn storage(&self) -> Option<Storage> {
        let (Self::Transient { cause, .. }
        | Self::Permanent { cause, .. }
        | Self::NoFile { cause, .. }
        | Self::Unopened(cause)) = self
        else {
            return None;
        };
        let fault = cause.as_database_error()?;
        if let Some(fault) = fault.try_downcast_ref::<MySqlDatabaseError>() {
            // The disk, a table.
            return matches!(fault.number(), 1021 | 1114).then_some(Storage::Full);
        }
        match sqlite_code(fault) {
            Some(10) => Some(Storage::Failing),
            Some(11) => Some(Storage::Damaged),
            Some(13) => Some(Storage::Full),
            Some(26) => Some(Storage::Foreign),
            Some(_) => None,
            None => (fault.code().as_deref() == Some("53100")).then_some(Storage::Full),
        }
    }

    /// Classifies what the library reported while tables were made, after trying again in vain.
    pub(in crate::store) fn migrating(fault: MigrateError) -> Self {
        let doing = "create or upgrade the tables";
        let (MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) = fault
        else {
            let hint = if matches!(fault, MigrateError::VersionMismatch(_)) {
                " (were they created with another inventory.kind, or by another build?)"
            } else {
                ""
            };
            return Self::Schema(format!("{doing}: {fault}{hint}"));
        };
        let why = said(&source);
        let fault = Self::from_sqlx(doing, source);
        match fault.is_transient() {
            true => fault,
            // Others advise to run what just failed.
            false => Self::Schema(format!("{doing}: {why}")),
        }
    }

    /// Classifies what the library reported while a connection was opened.
    pub(in crate::store) fn opening(cause: sqlx::Error) -> Self {
        let doing = "open the database";
        match cause.as_database_error().map(class_of) {
            Some(Class::NoFile) => Self::NoFile { doing, cause },
            _ => Self::Unopened(cause),
        }
    }
}

/// What may be wrong with where a database keeps its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// There is no room.
    Full,
    /// SQLite's file is damaged.
    Damaged,
    /// The file is none of SQLite's.
    Foreign,
    /// Reading or writing SQLite's file fails.
    Failing,
}

/// Whether a right is missing: SQLSTATE 42501, or what MySQL and MariaDB report as 42000 with these numbers.
pub(in crate::store) fn is_denied(source: &sqlx::Error) -> bool {
    let Some(fault) = source.as_database_error() else {
        return false;
    };
    match fault.try_downcast_ref::<MySqlDatabaseError>() {
        Some(fault) => matches!(fault.number(), 1044 | 1142 | 1143 | 1227 | 1370),
        // The second: no schema in which a table could be made.
        None => matches!(fault.code().as_deref(), Some("42501" | "3F000")),
    }
}

/// Which right, and how it is given.
fn denied(doing: &str, source: &sqlx::Error) -> String {
    let said = said(source);
    let grant = match said.strip_prefix("permission denied for schema ") {
        Some(schema) => format!(
            "an owner of the database gives it: GRANT CREATE, USAGE ON SCHEMA {schema} TO our user"
        ),
        None => "grant the right that is missing".to_owned(),
    };
    format!("{doing}: {said}: {grant}")
}

/// Why tables could not be made, if a right is missing for it.
pub(in crate::store) fn denied_migration(fault: &MigrateError) -> Option<StoreError> {
    let (MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) = fault else {
        return None;
    };
    is_denied(source).then(|| StoreError::Denied(denied("create or upgrade the tables", source)))
}

/// Whether what a migration makes is there: a table, a column or an index of that name. For MySQL, which cannot
/// take back what a process made that was killed then.
pub(in crate::store) fn is_made_already(fault: &MigrateError) -> bool {
    const MADE: [u16; 3] = [1050, 1060, 1061];
    let MigrateError::ExecuteMigration(source, _) = fault else {
        return false;
    };
    let fault = source.as_database_error();
    let fault = fault.and_then(|fault| fault.try_downcast_ref::<MySqlDatabaseError>());
    fault.is_some_and(|fault| MADE.contains(&fault.number()))
}

/// Whether a table or a column is missing.
pub(in crate::store) fn is_missing(fault: &sqlx::Error) -> bool {
    let class = fault.as_database_error().map(class_of);
    matches!(class, Some(Class::Missing))
}

/// Whether SQLite's file is locked by somebody.
pub(in crate::store) fn is_busy(fault: &sqlx::Error) -> bool {
    fault.as_database_error().and_then(sqlite_code) == Some(5)
}

/// SQLite's own code of a fault of its: the low byte of an extended one (<https://www.sqlite.org/rescode.html>).
fn sqlite_code(fault: &dyn DatabaseError) -> Option<u32> {
    fault.try_downcast_ref::<SqliteError>()?;
    let code = fault.code().unwrap_or_default();
    // None of SQLite's is zero.
    Some(code.parse::<u32>().map_or(0, |code| code & 0xff))
}

/// The database's own words, without the library's before them.
fn said(source: &sqlx::Error) -> String {
    if let Some(said) = tls(source) {
        return said;
    }
    if let sqlx::Error::Protocol(why) = source {
        return format!(
            "what answers there does not speak the protocol of this database as nodewarden does: {why}"
        );
    }
    source
        .as_database_error()
        .map_or_else(|| source.to_string(), |fault| fault.message().to_owned())
}

/// What is wrong with the TLS of the server, and what to do about it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "no other kind of error is about TLS"
)]
fn tls(source: &sqlx::Error) -> Option<String> {
    let said = match source {
        sqlx::Error::Tls(fault) => fault.to_string(),
        // A handshake that fails is one to the library as well.
        sqlx::Error::Io(fault) => fault.to_string(),
        _ => return None,
    };
    let advice = tls_advice(&said)?;
    Some(format!("TLS: {said}: {advice}"))
}

/// Whom a database's error blames.
enum Class {
    /// Missing tables or columns: the change of the schema must be put right.
    Missing,
    /// Missing rights, or a statement that this schema does not understand.
    Right,
    /// The rows: constraint violations, values that the database cannot take. It fails again.
    Input,
    NoFile,
    /// Something that may pass: busy, deadlock, serialisation, disk full, read only, shut down.
    Passing,
}

fn class_of(fault: &dyn DatabaseError) -> Class {
    if let Some(fault) = fault.try_downcast_ref::<MySqlDatabaseError>() {
        if MYSQL_INPUT.contains(&fault.number()) {
            return Class::Input;
        }
        if MYSQL_FULL.contains(&fault.number()) {
            return Class::Passing;
        }
    }
    match sqlite_code(fault) {
        Some(code) => of_sqlite(code, fault.message()),
        None => of_sqlstate(&fault.code().unwrap_or_default()),
    }
}

/// HY000 of MySQL and MariaDB for which a row is to blame: a column without a default (1364), a
/// text that does not fit (1366), a CHECK (3819)
/// (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>).
const MYSQL_INPUT: [u16; 3] = [1364, 1366, 3819];

/// 42000 of MySQL and MariaDB for limits that others may exhaust: connections of this user (1203), its
/// resources of the hour (1226), prepared statements of the server (1461).
const MYSQL_FULL: [u16; 3] = [1203, 1226, 1461];

/// SQLSTATE's first two characters are its class
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>); MySQL's HY000 has what fits
/// none, among it lock time-outs and a read-only server.
fn of_sqlstate(code: &str) -> Class {
    // PostgreSQL's undefined_table and undefined_column, and those of MySQL and MariaDB (1146, 1054).
    if matches!(code, "42P01" | "42703" | "42S02" | "42S22") {
        return Class::Missing;
    }
    match code.get(..2) {
        // Data exceptions, integrity constraints, triggers that refuse (MySQL's SIGNAL, PL/pgSQL's
        // RAISE).
        Some("22" | "23" | "44" | "45" | "P0") => Class::Input,
        // No right to use it; no such function; invalid schema or catalogue name.
        Some("3D" | "3F" | "42") => Class::Right,
        _ => Class::Passing,
    }
}

/// All that is wrong with a statement is ERROR (1): only the words tell which.
fn of_sqlite(code: u32, message: &str) -> Class {
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    match code {
        1 if says(&["no such table", "no such column", "has no column"]) => Class::Missing,
        1 if says(&["no such", "syntax error"]) => Class::Right,
        // CANTOPEN.
        14 => Class::NoFile,
        // TOOBIG, CONSTRAINT (a trigger's ABORT too), MISMATCH, RANGE: the rows are to blame.
        18 | 19 | 20 | 25 => Class::Input,
        _ => Class::Passing,
    }
}
