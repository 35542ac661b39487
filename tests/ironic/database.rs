//! A database of one's own on the MariaDB of the tests; gone when dropped.

use std::future::Future;

use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

/// An empty database at first.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Makes one. Without a server the test fails: a skipped test proves nothing.
    pub fn create() -> Self {
        let url = std::env::var("NODEWARDEN_TEST_MYSQL_URL").expect(
            "NODEWARDEN_TEST_MYSQL_URL must name a MariaDB; tests/servers/mariadb starts one",
        );
        let (server, _) = url.rsplit_once('/').expect("mysql://…/DATABASE");
        let database = Self {
            server: server.to_owned(),
            name: format!("ironic_{}", uuid::Uuid::new_v4().simple()),
        };
        let create = format!("CREATE DATABASE {} CHARACTER SET utf8mb4", database.name);
        rows(url.clone(), create).expect("the database is made");
        database
    }

    /// As nodewarden's settings name it.
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// As Ironic's settings name it.
    pub fn sqlalchemy_url(&self) -> String {
        let rest = self.server.strip_prefix("mysql:").expect("mysql://");
        format!("mysql+pymysql:{rest}/{}?charset=utf8mb4", self.name)
    }

    /// Runs a statement; every value of what it selects as a text.
    pub fn sql(&self, statement: &str) -> Rows {
        rows(self.url(), statement.to_owned())
            .unwrap_or_else(|fault| panic!("{statement}: {fault}"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A test that failed has told why; nothing here may hide it.
        let _ = rows(self.url(), format!("DROP DATABASE {}", self.name));
    }
}

type Rows = Vec<Vec<Option<String>>>;

fn rows(url: String, statement: String) -> Result<Rows, sqlx::Error> {
    wait(async move {
        let mut connection = MySqlConnection::connect(&url).await?;
        // Not prepared: values come as texts, whatever their types are.
        let rows = sqlx::raw_sql(AssertSqlSafe(statement))
            .fetch_all(&mut connection)
            .await?;
        connection.close().await?;
        rows.iter()
            .map(|row| (0..row.len()).map(|n| row.try_get_unchecked(n)).collect())
            .collect()
    })
}

/// In a thread of its own, so that it can also be called from within a test's runtime.
fn wait<T: Send + 'static>(
    work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
) -> Result<T, sqlx::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    std::thread::spawn(move || runtime.block_on(work))
        .join()
        .expect("no panic")
}
