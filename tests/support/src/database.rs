//! A database of a test's own, on whichever server this run is about: SQLite, or the PostgreSQL or
//! MySQL/MariaDB that the environment names. `NODEWARDEN_TEST_STORE` chooses; tests/run runs the
//! suites that use this once for each.

use nodewarden::config::{Database, InventoryKind, SecretUrl};
use nodewarden::store;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

/// The first column of rows as text: a number in digits, yes and no as 1 and 0, NULL as nothing.
macro_rules! texts {
    ($rows:expr) => {
        $rows
            .iter()
            .map(|row| {
                row.try_get::<Option<String>, _>(0)
                    .or_else(|_| number(row.try_get::<Option<i64>, _>(0)))
                    .or_else(|_| number(row.try_get::<Option<i32>, _>(0)))
                    .or_else(|_| {
                        number(row.try_get::<Option<bool>, _>(0).map(|b| b.map(i32::from)))
                    })
                    .or_else(|_| {
                        let bytes: Option<Vec<u8>> = row.try_get(0)?;
                        Ok::<_, sqlx::Error>(bytes.map(|b| String::from_utf8(b).unwrap()))
                    })
                    .unwrap()
                    .unwrap_or_default()
            })
            .collect()
    };
}

fn number<T: ToString>(
    value: Result<Option<T>, sqlx::Error>,
) -> Result<Option<String>, sqlx::Error> {
    value.map(|value| value.map(|value| value.to_string()))
}

/// What a test keeps its tables in. Gone when it is dropped.
pub struct Scratch {
    pub database: Database,
    pub kind: Kind,
    /// Who may make databases there; nothing for a file.
    server: Option<String>,
    name: String,
    _folder: tempfile::TempDir,
}

/// Which database a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
    MySql,
}

impl Kind {
    /// As the environment says; SQLite if it says nothing.
    pub fn chosen() -> Self {
        match std::env::var("NODEWARDEN_TEST_STORE").as_deref() {
            Err(_) | Ok("sqlite") => Self::Sqlite,
            Ok("postgres") => Self::Postgres,
            Ok("mysql") => Self::MySql,
            Ok(other) => panic!("NODEWARDEN_TEST_STORE is sqlite, postgres or mysql, not {other}"),
        }
    }

    /// The server's URL, with a user who may make databases.
    fn server(self) -> String {
        let name = match self {
            Self::Sqlite => unreachable!("a file has no server"),
            Self::Postgres => "NODEWARDEN_TEST_POSTGRES_URL",
            Self::MySql => "NODEWARDEN_TEST_MYSQL_URL",
        };
        std::env::var(name).unwrap_or_else(|_| {
            panic!("{name} must name a server; tests/run starts one and says so")
        })
    }
}

impl Scratch {
    /// With our tables in it.
    pub async fn migrated() -> Self {
        Self::migrated_of(Kind::chosen()).await
    }

    /// With our tables in it, whatever the environment says.
    pub async fn migrated_of(kind: Kind) -> Self {
        let scratch = Self::of(kind).await;
        store::migrate(
            &scratch.database,
            InventoryKind::Native,
            &nodewarden::clock::new_id(),
        )
        .await
        .unwrap();
        scratch
    }

    /// Without any table.
    pub async fn of(kind: Kind) -> Self {
        Self::at(kind, (kind != Kind::Sqlite).then(|| kind.server())).await
    }

    /// Without any table, on this server.
    pub async fn at(kind: Kind, server: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("t_{}", uuid::Uuid::new_v4().simple());
        let url = match &server {
            None => {
                let path = folder.path().join(format!("{name}.db"));
                std::fs::write(&path, []).unwrap();
                format!("sqlite://{}", path.display())
            }
            Some(server) => {
                run(server, &format!("CREATE DATABASE {name}")).await;
                format!("{}/{name}", server.rsplit_once('/').expect("a database").0)
            }
        };
        Self {
            database: Database {
                url: SecretUrl::new(&url),
                ..Database::default()
            },
            kind,
            server,
            name,
            _folder: folder,
        }
    }

    /// Runs statements as any user of the tables might.
    pub async fn run(&self, statements: &str) {
        run(self.database.url.expose(), statements).await;
    }

    /// The first column of the first row, as text; empty for NULL.
    pub async fn text(&self, query: &str) -> String {
        let mut rows = self.list(query).await;
        assert!(!rows.is_empty(), "no row: {query}");
        rows.swap_remove(0)
    }

    /// The first column of every row, as text; empty for NULL.
    pub async fn list(&self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        let url = self.database.url.expose();
        match self.kind {
            Kind::Sqlite => {
                let mut link = sqlx::SqliteConnection::connect(url).await.unwrap();
                texts!(sqlx::query(query).fetch_all(&mut link).await.unwrap())
            }
            Kind::Postgres => {
                let mut link = sqlx::PgConnection::connect(url).await.unwrap();
                texts!(sqlx::query(query).fetch_all(&mut link).await.unwrap())
            }
            Kind::MySql => {
                let mut link = sqlx::MySqlConnection::connect(url).await.unwrap();
                texts!(sqlx::query(query).fetch_all(&mut link).await.unwrap())
            }
        }
    }

    /// Ends every other session with this database, as a server does with idle ones; a file has none.
    pub async fn end_sessions(&self) {
        match self.kind {
            Kind::Sqlite => {}
            Kind::Postgres => {
                let ended = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
                assert!(!self.list(ended).await.is_empty(), "no session");
            }
            Kind::MySql => {
                let sessions = "SELECT CAST(id AS CHAR(20)) FROM information_schema.processlist
                    WHERE db = database() AND id <> connection_id()";
                let ids = self.list(sessions).await;
                assert!(!ids.is_empty(), "no session");
                for id in ids {
                    // One that ended meanwhile is unknown.
                    let _ = try_run(self.database.url.expose(), &format!("KILL {id}")).await;
                }
            }
        }
    }

    /// Keeps a copy of the rows of all tables of ours.
    pub async fn copy(&self) {
        for table in self.tables().await {
            self.run(&format!(
                "DROP TABLE IF EXISTS copy_of_{table}; CREATE TABLE copy_of_{table} AS SELECT * FROM {table}"
            ))
            .await;
        }
    }

    /// All tables are as they were copied, at one moment, as a database that went back has them.
    pub async fn restore(&self) {
        let begin = match self.kind {
            Kind::Sqlite => "BEGIN IMMEDIATE",
            Kind::Postgres => "BEGIN",
            Kind::MySql => "START TRANSACTION",
        };
        let numbers = match self.kind {
            Kind::Postgres => "OVERRIDING SYSTEM VALUE",
            Kind::Sqlite | Kind::MySql => "",
        };
        let mut restore = begin.to_owned();
        for table in self.tables().await {
            restore.push_str(&format!(
                "; DELETE FROM {table}; INSERT INTO {table} {numbers} SELECT * FROM copy_of_{table}"
            ));
        }
        self.run(&format!("{restore}; COMMIT")).await;
    }

    async fn tables(&self) -> Vec<String> {
        let all = match self.kind {
            Kind::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
            Kind::Postgres => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
                 WHERE table_schema = current_schema()"
            }
            Kind::MySql => {
                "SELECT CAST(table_name AS CHAR) FROM information_schema.tables
                 WHERE table_schema = database()"
            }
        };
        let mut tables = self.list(all).await;
        tables.retain(|name| {
            name == "nodes" || name.starts_with("nodewarden_") && name != "nodewarden_migrations"
        });
        tables
    }

    /// From now on a trigger refuses to write the mark of the node `uuid`.
    pub async fn refuse_update_of(&self, uuid: &str) {
        let trigger = match self.kind {
            Kind::Sqlite => format!(
                "CREATE TRIGGER stubborn BEFORE UPDATE OF service_state ON nodes WHEN new.uuid = '{uuid}'
                 BEGIN SELECT raise(ABORT, 'not this one'); END"
            ),
            Kind::Postgres => format!(
                "CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
                 CREATE TRIGGER stubborn BEFORE UPDATE OF service_state ON nodes
                 FOR EACH ROW WHEN (new.uuid = '{uuid}') EXECUTE FUNCTION stubborn()"
            ),
            Kind::MySql => format!(
                "CREATE TRIGGER stubborn BEFORE UPDATE ON nodes FOR EACH ROW BEGIN
                 IF new.uuid = '{uuid}' AND NOT new.service_state <=> old.service_state
                 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END"
            ),
        };
        self.run(&trigger).await;
    }

    /// From now on a trigger leaves the mark of the node `uuid` as it is, and reports no error.
    pub async fn ignore_update_of(&self, uuid: &str) {
        let trigger = match self.kind {
            Kind::Sqlite => format!(
                "CREATE TRIGGER stubborn BEFORE UPDATE OF service_state ON nodes WHEN new.uuid = '{uuid}'
                 BEGIN SELECT raise(IGNORE); END"
            ),
            Kind::Postgres => format!(
                "CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN RETURN NULL; END $$;
                 CREATE TRIGGER stubborn BEFORE UPDATE OF service_state ON nodes
                 FOR EACH ROW WHEN (new.uuid = '{uuid}') EXECUTE FUNCTION stubborn()"
            ),
            // It counts as changed even so.
            Kind::MySql => format!(
                "CREATE TRIGGER stubborn BEFORE UPDATE ON nodes FOR EACH ROW BEGIN
                 IF new.uuid = '{uuid}' THEN SET new.service_state = old.service_state; END IF; END"
            ),
        };
        self.run(&trigger).await;
    }

    /// From now on a trigger refuses to add the node `uuid`.
    pub async fn refuse_insert_of(&self, uuid: &str) {
        let trigger = match self.kind {
            Kind::Sqlite => format!(
                "CREATE TRIGGER stubborn BEFORE INSERT ON nodes WHEN new.uuid = '{uuid}'
                 BEGIN SELECT raise(ABORT, 'not this one'); END"
            ),
            Kind::Postgres => format!(
                "CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
                 CREATE TRIGGER stubborn BEFORE INSERT ON nodes
                 FOR EACH ROW WHEN (new.uuid = '{uuid}') EXECUTE FUNCTION stubborn()"
            ),
            Kind::MySql => format!(
                "CREATE TRIGGER stubborn BEFORE INSERT ON nodes FOR EACH ROW BEGIN
                 IF new.uuid = '{uuid}' THEN
                 SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END"
            ),
        };
        self.run(&trigger).await;
    }

    /// From now on, writing the mark of the node `uuid` takes longer than a test.
    pub async fn slow_update_of(&self, uuid: &str) {
        let trigger = match self.kind {
            Kind::Sqlite => unreachable!("it cannot sleep"),
            Kind::Postgres => format!(
                "CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM pg_sleep(25); RETURN new; END $$;
                 CREATE TRIGGER stubborn BEFORE UPDATE OF service_state ON nodes
                 FOR EACH ROW WHEN (new.uuid = '{uuid}') EXECUTE FUNCTION stubborn()"
            ),
            Kind::MySql => format!(
                "CREATE TRIGGER stubborn BEFORE UPDATE ON nodes FOR EACH ROW BEGIN
                 IF new.uuid = '{uuid}' THEN
                 /*M! SELECT count(*) INTO @busy FROM nodes a, nodes b, nodes c
                     WHERE concat(a.uuid, b.uuid) > c.uuid; */
                 DO sleep(25); END IF; END"
            ),
        };
        self.run(&trigger).await;
    }

    /// An SQLite file with nothing in it.
    pub async fn create_file(&self) {
        run(
            &format!("{}?mode=rwc", self.database.url.expose()),
            "PRAGMA user_version = 0",
        )
        .await;
        // Its header is written with its first table.
        run(self.database.url.expose(), "CREATE TABLE other (n)").await;
    }

    /// The database for a user who may connect and do nothing else.
    pub async fn weak_user(&self) -> Database {
        let user = self.weak_name();
        let create = match self.kind {
            Kind::Sqlite => unreachable!("a file has no users"),
            Kind::Postgres => format!("CREATE USER {user} PASSWORD 'weak'"),
            Kind::MySql => format!(
                "CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'weak';
                 GRANT CREATE ON {}.* TO {user}@'127.0.0.1'",
                self.name
            ),
        };
        self.run(&create).await;
        let url = self.database.url.expose();
        let (scheme, _) = url.split_once("://").expect("a scheme");
        let (_, host) = url.split_once('@').expect("a host");
        Database {
            url: SecretUrl::new(&format!("{scheme}://{user}:weak@{host}")),
            ..Database::default()
        }
    }

    pub async fn drop_weak_user(&self) {
        let at = if self.kind == Kind::MySql {
            "@'127.0.0.1'"
        } else {
            ""
        };
        self.run(&format!("DROP USER {}{at}", self.weak_name()))
            .await;
    }

    fn weak_name(&self) -> String {
        format!("w{}", &self.name[..24])
    }

    /// It refuses no more.
    pub async fn allow_updates(&self) {
        let drop = match self.kind {
            Kind::Sqlite | Kind::MySql => "DROP TRIGGER stubborn",
            Kind::Postgres => "DROP FUNCTION stubborn() CASCADE",
        };
        self.run(drop).await;
    }

    /// A user's transaction in which `statement` was run; it lasts until it is dropped.
    pub async fn hold(&self, statement: &str) -> OpenTransaction {
        let url = self.database.url.expose();
        let statement = AssertSqlSafe(statement.to_owned());
        match self.kind {
            Kind::Sqlite => {
                let mut link = sqlx::SqliteConnection::connect(url).await.unwrap();
                link.execute("BEGIN IMMEDIATE").await.unwrap();
                link.execute(sqlx::raw_sql(statement)).await.unwrap();
                OpenTransaction::Sqlite(link)
            }
            Kind::Postgres => {
                let mut link = sqlx::PgConnection::connect(url).await.unwrap();
                link.execute("BEGIN").await.unwrap();
                link.execute(sqlx::raw_sql(statement)).await.unwrap();
                OpenTransaction::Postgres(link)
            }
            Kind::MySql => {
                let mut link = sqlx::MySqlConnection::connect(url).await.unwrap();
                link.execute(sqlx::raw_sql("START TRANSACTION"))
                    .await
                    .unwrap();
                link.execute(sqlx::raw_sql(statement)).await.unwrap();
                OpenTransaction::MySql(link)
            }
        }
    }
}

/// A user's open transaction.
pub enum OpenTransaction {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
    MySql(sqlx::MySqlConnection),
}

impl OpenTransaction {
    /// Another statement in the same transaction.
    pub async fn run(&mut self, statement: &'static str) {
        let statement = sqlx::raw_sql(statement);
        match self {
            Self::Sqlite(link) => link.execute(statement).await.map(drop),
            Self::Postgres(link) => link.execute(statement).await.map(drop),
            Self::MySql(link) => link.execute(statement).await.map(drop),
        }
        .unwrap();
    }

    /// Commits it.
    pub async fn commit(mut self) {
        self.run("COMMIT").await;
        match self {
            Self::Sqlite(link) => link.close().await,
            Self::Postgres(link) => link.close().await,
            Self::MySql(link) => link.close().await,
        }
        .unwrap();
    }

    /// Undoes it. Waiting for its end is what a drop cannot do.
    pub async fn undo(self) {
        match self {
            Self::Sqlite(link) => link.close().await.unwrap(),
            Self::Postgres(mut link) => {
                link.execute("ROLLBACK").await.unwrap();
                link.close().await.unwrap();
            }
            Self::MySql(mut link) => {
                link.execute(sqlx::raw_sql("ROLLBACK")).await.unwrap();
                link.close().await.unwrap();
            }
        }
    }
}

/// Runs statements on the database at `url`.
pub async fn run(url: &str, statements: &str) {
    try_run(url, statements).await.unwrap();
}

/// Runs statements on the database at `url`, which may refuse them.
pub async fn try_run(url: &str, statements: &str) -> Result<(), sqlx::Error> {
    let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
    if url.starts_with("sqlite:") {
        let mut link = sqlx::SqliteConnection::connect(url).await.unwrap();
        link.execute(statements).await.map(drop)
    } else if url.starts_with("postgres") {
        let mut link = sqlx::PgConnection::connect(url).await.unwrap();
        link.execute(statements).await.map(drop)
    } else {
        let mut link = sqlx::MySqlConnection::connect(url).await.unwrap();
        link.execute(statements).await.map(drop)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let drop = match self.kind {
            Kind::Sqlite => return,
            Kind::Postgres => format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
            Kind::MySql => format!("DROP DATABASE IF EXISTS {}", self.name),
        };
        let server = self.server.clone().expect("it has one");
        // A drop cannot wait, and the test's own runtime may be at its end.
        let _ = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(run(&server, &drop));
        })
        .join();
    }
}
