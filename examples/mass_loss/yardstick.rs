//! The set-based statements of a mass loss alone, over all nodes of a pair in one transaction: no
//! fence, no windows, no announcements. What the whole way from an event to a subscriber is measured
//! against.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, SqliteConnection};

/// A copy of the product's tables, in which no replica works.
pub struct Yardstick {
    url: String,
    seq: u64,
}

/// One connection, to whichever database it is.
enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Database {
    async fn open(url: &str) -> anyhow::Result<Self> {
        let kind = url.split(':').next().unwrap_or_default();
        Ok(match kind {
            // As the product opens its file: what is compared must be as durable.
            "sqlite" => {
                let mut link = SqliteConnection::connect(url).await?;
                link.execute(sqlx::raw_sql(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;
                     PRAGMA wal_autocheckpoint = 10000",
                ))
                .await?;
                Self::Sqlite(link)
            }
            "postgres" => Self::Postgres(PgConnection::connect(url).await?),
            "mysql" => Self::MySql(MySqlConnection::connect(url).await?),
            other => bail!("no statements for {other}"),
        })
    }

    /// Runs one statement; how many rows it wrote.
    async fn run(&mut self, statement: &str) -> anyhow::Result<u64> {
        let query = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        let done = match self {
            Self::Sqlite(link) => link.execute(query).await.map(|done| done.rows_affected()),
            Self::Postgres(link) => link.execute(query).await.map(|done| done.rows_affected()),
            Self::MySql(link) => link.execute(query).await.map(|done| done.rows_affected()),
        };
        done.with_context(|| statement.to_owned())
    }

    /// Sets the state of the nodes whose change has a `seq` above `base`.
    fn set_state(&self, state: &str, base: u64) -> String {
        match self {
            Self::MySql(_) => format!(
                "UPDATE nodewarden_changes c STRAIGHT_JOIN nodes n FORCE INDEX (PRIMARY) ON n.uuid = c.uuid
                 SET n.service_state = '{state}', n.service_state_since_ms = 1 WHERE c.seq > {base}"
            ),
            Self::Sqlite(_) | Self::Postgres(_) => format!(
                "UPDATE nodes AS n SET service_state = '{state}', service_state_since_ms = 1
                 FROM nodewarden_changes c WHERE c.seq > {base} AND n.uuid = c.uuid
                 AND coalesce(n.service_state, '') <> '{state}'"
            ),
        }
    }

    fn end_holds(&self, base: u64) -> String {
        match self {
            Self::MySql(_) => format!(
                "UPDATE nodewarden_changes h JOIN nodewarden_changes b ON b.ends = h.seq SET h.held = NULL
                 WHERE b.seq > {base}"
            ),
            Self::Sqlite(_) | Self::Postgres(_) => format!(
                "UPDATE nodewarden_changes SET held = NULL
                 WHERE seq IN (SELECT ends FROM nodewarden_changes WHERE seq > {base})"
            ),
        }
    }
}

impl Yardstick {
    /// In the database at `url`, whose table of nodes has the nodes of one driver alone.
    pub fn over(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            seq: 0,
        }
    }

    /// Holds and marks all nodes of `driver`; how many, and how long from BEGIN to the reply to COMMIT.
    pub async fn out(&mut self, driver: &str) -> anyhow::Result<(u64, Duration)> {
        let base = self.seq;
        let hold = format!(
            "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms)
             SELECT {base} + row_number() OVER (ORDER BY n.uuid), n.uuid, n.name, n.uuid, 1, 1 FROM nodes n
             WHERE n.driver = '{driver}'
             AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = n.uuid)"
        );
        self.measure(async |database| {
            let nodes = database.run(&hold).await?;
            database
                .run(&database.set_state("out_of_service", base))
                .await?;
            Ok(nodes)
        })
        .await
    }

    /// Releases and unmarks all that are held, as [`out`](Self::out).
    pub async fn back(&mut self) -> anyhow::Result<(u64, Duration)> {
        let base = self.seq;
        let release = format!(
            "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
             SELECT {base} + row_number() OVER (ORDER BY n.uuid), n.uuid, n.name, NULL, c.decision, 1,
             'driver_restored', c.seq FROM nodewarden_changes c JOIN nodes n ON n.uuid = c.held"
        );
        self.measure(async |database| {
            let nodes = database.run(&release).await?;
            database.run(&database.end_holds(base)).await?;
            database
                .run(&database.set_state("in_service", base))
                .await?;
            Ok(nodes)
        })
        .await
    }

    /// One transaction, on a connection of its own: servers end those that are idle between rounds.
    async fn measure(
        &mut self,
        work: impl AsyncFnOnce(&mut Database) -> anyhow::Result<u64>,
    ) -> anyhow::Result<(u64, Duration)> {
        let mut database = Database::open(&self.url).await?;
        let began = Instant::now();
        database.run("BEGIN").await?;
        let nodes = work(&mut database).await?;
        database.run("COMMIT").await?;
        self.seq += nodes;
        Ok((nodes, began.elapsed()))
    }
}
