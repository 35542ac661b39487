//! A row of an answer, whichever database gave it.

use sqlx::Row as _;
use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::words::Word;

/// How much of an unknown word is quoted.
const EXCERPT_CHARS: usize = 40;

/// A row that another program wrote: travels as the library's error, becomes
/// [`StoreError::Corrupt`](super::error::StoreError::Corrupt).
#[derive(Debug, thiserror::Error)]
#[error("table {table}: {what}")]
pub struct Nonsense {
    pub table: &'static str,
    pub what: String,
}

impl From<Nonsense> for sqlx::Error {
    fn from(nonsense: Nonsense) -> Self {
        Self::Decode(nonsense.into())
    }
}

pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
    MySql(MySqlRow),
}

macro_rules! from {
    ($($kind:ident: $row:ty),*) => {
        $(impl From<$row> for Row {
            fn from(row: $row) -> Self {
                Self::$kind(row)
            }
        })*
    };
}

from! { Sqlite: SqliteRow, Postgres: PgRow, MySql: MySqlRow }

/// The row has a variant for each database; `$read` reads whichever it is.
macro_rules! each {
    ($row:expr, |$inner:ident| $read:expr) => {
        match $row {
            Row::Sqlite($inner) => $read,
            Row::Postgres($inner) => $read,
            Row::MySql($inner) => $read,
        }
    };
}

/// An error says that there is no such column, or not what is asked for in it.
impl Row {
    pub fn maybe_int(&self, column: &str) -> Result<Option<i64>, sqlx::Error> {
        each!(self, |row| row.try_get(column))
    }

    pub fn int(&self, column: &str) -> Result<i64, sqlx::Error> {
        present(column, self.maybe_int(column)?)
    }

    /// A number that cannot be negative; a negative one was written by another program, and is 0.
    pub fn uint(&self, column: &str) -> Result<u64, sqlx::Error> {
        Ok(self.int(column)?.try_into().unwrap_or(0))
    }

    pub fn maybe_uint(&self, column: &str) -> Result<Option<u64>, sqlx::Error> {
        let number = self.maybe_int(column)?;
        Ok(number.map(|number| number.try_into().unwrap_or(0)))
    }

    /// A text or NULL. Bytes that are not UTF-8 (SQLite) always give the same text (I4).
    pub fn maybe_text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        Ok(self.maybe_bytes(column)?.map(|bytes| {
            String::from_utf8(bytes)
                .unwrap_or_else(|fault| String::from_utf8_lossy(fault.as_bytes()).into_owned())
        }))
    }

    pub fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        present(column, self.maybe_text(column)?)
    }

    /// A word of a closed list, or NULL; `table` is where the column stands.
    pub fn maybe_word<W: Word>(
        &self,
        table: &'static str,
        column: &str,
    ) -> Result<Option<W>, sqlx::Error> {
        let Some(text) = self.maybe_text(column)? else {
            return Ok(None);
        };
        let word = W::parse(&text).ok_or_else(|| {
            let shown: String = text.chars().take(EXCERPT_CHARS).collect();
            let what = format!("column {column}: {shown:?} is not {}", W::WHAT);
            Nonsense { table, what }
        });
        Ok(Some(word?))
    }

    /// A word of a closed list.
    pub fn word<W: Word>(&self, table: &'static str, column: &str) -> Result<W, sqlx::Error> {
        present(column, self.maybe_word(table, column)?)
    }

    pub fn bytes(&self, column: &str) -> Result<Vec<u8>, sqlx::Error> {
        present(column, self.maybe_bytes(column)?)
    }

    /// Yes, no or NULL. SQLite takes any text into any column; one that means neither is none of them.
    pub fn maybe_flag(&self, column: &str) -> Result<Option<bool>, sqlx::Error> {
        if let Self::Sqlite(row) = self
            && let Ok(Some(text)) = row.try_get::<Option<String>, _>(column)
        {
            return Ok(match text.trim().to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "1" => Some(true),
                "false" | "f" | "no" | "0" => Some(false),
                _ => None,
            });
        }
        each!(self, |row| row.try_get(column))
    }

    /// Text and binary columns alike, as they were sent.
    fn maybe_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
        each!(self, |row| row.try_get_unchecked(column))
    }
}

fn present<T>(column: &str, value: Option<T>) -> Result<T, sqlx::Error> {
    value.ok_or_else(|| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "it is NULL".into(),
    })
}
