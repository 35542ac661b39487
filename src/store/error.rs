//! Errors of the database, classified where they are understood.

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
    /// The schema is missing, too old, or not ours.
    #[error("{0}")]
    Schema(String),
    /// What was read makes no sense; somebody else wrote to our tables.
    #[error("{0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether trying again can help without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    /// Classifies what the library reported while `doing`.
    pub(super) fn from_sqlx(doing: &'static str, source: sqlx::Error) -> Self {
        // A missing table or column is nobody's input: whoever changed the schema must put it right.
        if let sqlx::Error::Database(fault) = &source
            && (fault.message().contains("no such") || fault.message().contains("syntax error"))
        {
            return Self::Schema(format!("{doing}: {fault}: run `nodewarden migrate`"));
        }
        // Constraint violations, and values or statements that the database cannot take, fail
        // again; everything else (busy, input and output, closed connection) may not.
        let permanent = match &source {
            sqlx::Error::Database(fault) => fault.code().is_some_and(|code| is_input(&code)),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::TypeNotFound { .. } => true,
            _ => false,
        };
        if permanent {
            Self::Permanent { doing, source }
        } else {
            Self::Transient { doing, source }
        }
    }
}

/// Whether an SQLite result code blames the rows: TOOBIG (18), CONSTRAINT (19, a trigger's ABORT
/// too), MISMATCH (20), RANGE (25). An extended code carries the plain one in its low byte
/// (<https://www.sqlite.org/rescode.html>).
fn is_input(code: &str) -> bool {
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 18 | 19 | 20 | 25))
}
