//! One connection to whichever database it is: statements in, plain rows out.
//!
//! The library's own database-independent layer translates no placeholders and knows few types, so
//! this is a thin one of our own: numbered placeholders (`$1`) everywhere, a handful of types, a
//! time limit on everything. Transactions are begun and ended with the dialect's own words; after
//! any error the connection is to be dropped, never used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Connection as _, Executor, MySqlConnection, PgConnection, SqliteConnection,
};

use crate::store::database::dialect::Dialect;
use crate::store::database::row::Row;
use crate::store::database::way::{self, Way};

/// How long a statement may take. Servers end theirs sooner (`open.rs`); for one that never
/// answers.
const STATEMENT_LIMIT: Duration = Duration::from_secs(60);

/// SQLite asks after so many of its instructions whether to go on: about each millisecond.
const PROGRESS_EACH: i32 = 10_000;

/// A value for a placeholder. The absent ones keep their type, which PostgreSQL wants to know.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Int(Option<i64>),
    Text(Option<&'a str>),
    /// The key above which rows are walked; empty: from the first on.
    Above(&'a str),
    Bytes(&'a [u8]),
    Flag(bool),
}

/// What becomes a value, and how; an absent one of the same type becomes NULL.
macro_rules! becomes {
    ($($kind:ident($type:ty): |$value:ident| $into:expr;)*) => {
        $(impl<'a> From<$type> for Value<'a> {
            fn from($value: $type) -> Self {
                Self::$kind($into)
            }
        })*
    };
}

becomes! {
    Int(i64): |number| Some(number);
    Int(u32): |number| Some(number.into());
    Int(u64): |number| Some(bounded(number));
    Int(Duration): |duration| Some(bounded(duration.as_millis()));
    Int(Option<i64>): |number| number;
    Int(Option<u64>): |number| number.map(bounded);
    Int(Option<Duration>): |duration| duration.map(|duration| bounded(duration.as_millis()));
    Text(&'a str): |text| Some(text);
    Text(&'a String): |text| Some(text);
    Text(Option<&'a str>): |text| text;
    Bytes(&'a [u8]): |bytes| bytes;
    Flag(bool): |flag| flag;
}

/// The key above which rows are walked; empty: from the first on.
pub struct Above<'a>(pub &'a str);

impl<'a> From<Above<'a>> for Value<'a> {
    fn from(Above(key): Above<'a>) -> Self {
        Self::Above(key)
    }
}

/// What is before every key that MySQL can have: it compares as if the shorter text had spaces at its end, and a
/// key that begins with a tab would be before the empty one.
const BEFORE_ALL: &str = match std::str::from_utf8(&[0; 255]) {
    Ok(text) => text,
    Err(_) => unreachable!(),
};

fn above(key: &str) -> Option<&str> {
    Some(key)
}

fn above_padded(key: &str) -> Option<&str> {
    Some(if key.is_empty() { BEFORE_ALL } else { key })
}

/// Nothing we count comes near 2⁶³, and no database here has larger numbers.
fn bounded(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Something that takes one place or more among the values of a statement.
pub trait Bind<'a> {
    fn bind(self, values: &mut Vec<Value<'a>>);
}

impl<'a, V: Into<Value<'a>>> Bind<'a> for V {
    fn bind(self, values: &mut Vec<Value<'a>>) {
        values.push(self.into());
    }
}

/// The values for `$1`, `$2`, … of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &{
            let mut values: Vec<$crate::store::database::connection::Value<'_>> = Vec::new();
            $($crate::store::database::connection::Bind::bind($value, &mut values);)*
            values
        }
    };
}
pub(in crate::store) use values;

/// A connection to one of the databases, and how far away that is.
pub struct Connection {
    pub(in crate::store) link: Link,
    pub(in crate::store) way: Way,
}

impl From<Link> for Connection {
    fn from(link: Link) -> Self {
        let way = Way::default();
        Self { link, way }
    }
}

/// The library's connection.
pub enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

macro_rules! bind {
    ($query:expr, $values:expr, $above:ident) => {
        $values.fold($query, |query, value| match *value {
            Value::Int(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Above(key) => query.bind($above(key)),
            Value::Bytes(bytes) => query.bind(bytes),
            Value::Flag(flag) => query.bind(flag),
        })
    };
}

/// Runs `$work` with `$query` made for the database at hand.
macro_rules! with_query {
    ($connection:expr, $statement:expr, $values:expr, |$query:ident, $link:ident| $work:expr) => {
        match $connection {
            Link::Sqlite($link) => {
                let $query = sqlx::query::<sqlx::Sqlite>(AssertSqlSafe($statement));
                let $query = bind!($query, $values.iter(), above);
                limited($work).await
            }
            Link::Postgres($link) => {
                let $query = sqlx::query::<sqlx::Postgres>(AssertSqlSafe($statement));
                let $query = bind!($query, $values.iter(), above);
                limited($work).await
            }
            Link::MySql($link) => {
                let (text, order) = positional($statement);
                let $query = sqlx::query::<sqlx::MySql>(AssertSqlSafe(text));
                let $query = bind!(
                    $query,
                    order.iter().map(|number| &$values[number - 1]),
                    above_padded
                );
                limited($work).await
            }
        }
    };
}

impl Connection {
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self.link {
            Link::Sqlite(_) => Dialect::Sqlite,
            Link::Postgres(_) => Dialect::Postgres,
            Link::MySql(_) => Dialect::MySql,
        }
    }

    /// On SQLite, whose statements run in this process: interrupts them once `given_up`. A server's are
    /// ended with their connection.
    /// Errors: The connection cannot be used.
    pub(in crate::store) async fn interrupt_when(
        &mut self,
        given_up: &Arc<AtomicBool>,
    ) -> Result<(), sqlx::Error> {
        if let Link::Sqlite(link) = &mut self.link {
            let given_up = Arc::clone(given_up);
            let goes_on = move || !given_up.load(Ordering::Relaxed);
            link.lock_handle()
                .await?
                .set_progress_handler(PROGRESS_EACH, goes_on);
        }
        Ok(())
    }

    /// Ends it, once the database has heard of that.
    pub(in crate::store) async fn close(self) -> Result<(), sqlx::Error> {
        match self.link {
            Link::Sqlite(link) => link.close().await,
            Link::Postgres(link) => link.close().await,
            Link::MySql(link) => link.close().await,
        }
    }

    /// As [`execute`](Self::execute), without being counted by tests of scale.
    pub(super) async fn execute_uncounted(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<u64, sqlx::Error> {
        let (trips, began) = (self.way.trips(statement), way::now());
        let outcome = with_query!(&mut self.link, statement, values, |query, link| async {
            Ok(query.execute(link).await?.rows_affected())
        });
        self.way.went(trips, began.elapsed());
        outcome
    }

    /// As [`fetch`](Self::fetch), without being counted by tests of scale.
    pub(super) async fn fetch_uncounted(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        let (trips, began) = (self.way.trips(statement), way::now());
        let outcome = with_query!(&mut self.link, statement, values, |query, link| async {
            let rows = query.fetch_all(link).await?;
            Ok(rows.into_iter().map(Row::from).collect())
        });
        self.way.went(trips, began.elapsed());
        outcome
    }

    /// Runs words that take no values and are not worth preparing: `BEGIN`, `COMMIT`, `SET`.
    pub async fn command(&mut self, words: &'static str) -> Result<(), sqlx::Error> {
        let (words, began) = (sqlx::raw_sql(words), way::now());
        let outcome = limited(async {
            match &mut self.link {
                Link::Sqlite(link) => link.execute(words).await.map(drop),
                Link::Postgres(link) => link.execute(words).await.map(drop),
                Link::MySql(link) => link.execute(words).await.map(drop),
            }
        })
        .await;
        self.way.went(1, began.elapsed());
        outcome
    }
}

async fn limited<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let outcome = tokio::time::timeout(STATEMENT_LIMIT, work).await;
    let slow = |_| {
        timed_out(format!(
            "no answer from the database for {STATEMENT_LIMIT:?}"
        ))
    };
    outcome.map_err(slow).flatten()
}

/// The fault of what took too long.
pub(in crate::store) fn timed_out(why: String) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, why))
}

/// `$1 … $2 … $1` as MySQL wants it: the text with `?`, and the order in which to bind.
fn positional(statement: &str) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(statement.len());
    let mut order = Vec::new();
    let mut rest = statement;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let digits = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(rest.len());
        match rest[..digits].parse() {
            Ok(number) => {
                order.push(number);
                text.push('?');
            }
            Err(_) => text.push('$'),
        }
        rest = &rest[digits..];
    }
    text.push_str(rest);
    (text, order)
}

/// Rows in one statement. SQLite takes 32,766 parameters; the widest row has fourteen.
pub(in crate::store) const ROWS: usize = 500;

impl Connection {
    /// Writes `rows`, many in a statement, which begins and ends like this.
    pub(in crate::store) async fn write_rows<'v, const N: usize>(
        &mut self,
        (begins, ends): (&str, &str),
        rows: impl Iterator<Item = [Value<'v>; N]>,
    ) -> Result<(), sqlx::Error> {
        let rows: Vec<_> = rows.collect();
        for some in rows.chunks(ROWS) {
            let statement = format!("{begins}{}{ends}", placeholders(some.len(), N));
            self.execute(&statement, some.as_flattened()).await?;
        }
        Ok(())
    }

    /// Asks for what belongs to `keys`, many in a statement, which begins and ends like this.
    pub(in crate::store) async fn fetch_by<'v, const N: usize>(
        &mut self,
        (begins, ends): (&str, &str),
        keys: impl Iterator<Item = [Value<'v>; N]>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let keys: Vec<_> = keys.collect();
        let mut rows = Vec::new();
        for some in keys.chunks(ROWS) {
            let statement = format!("{begins}{}{ends}", placeholders(some.len(), N));
            rows.extend(self.fetch(&statement, some.as_flattened()).await?);
        }
        Ok(rows)
    }
}

/// `($1, $2), ($3, $4)` and so on: placeholders for `rows` rows of `width` values.
pub(in crate::store) fn placeholders(rows: usize, width: usize) -> String {
    placeholders_from(1, rows, width)
}

/// The same, with `first` as the first number.
pub(in crate::store) fn placeholders_from(first: usize, rows: usize, width: usize) -> String {
    let row = |row: usize| {
        let number = |column| format!("${}", first + row * width + column);
        let numbers: Vec<String> = (0..width).map(number).collect();
        format!("({})", numbers.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    rows.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{placeholders, positional};

    #[test]
    fn numbered_placeholders_become_positional_ones_in_the_order_of_their_use() {
        let (text, order) = positional("SELECT '$', $2 WHERE a = $1 AND b > $12");
        assert_eq!(text, "SELECT '$', ? WHERE a = ? AND b > ?");
        assert_eq!(order, [2, 1, 12]);
    }

    #[test]
    fn placeholders_are_numbered_through_all_rows() {
        assert_eq!(placeholders(2, 3), "($1, $2, $3), ($4, $5, $6)");
    }
}
