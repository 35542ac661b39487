//! [`OwnServer`]: a database server of a test's own, which it may restart, freeze and set up badly.

use std::path::PathBuf;
use std::process::Command;

use crate::database::Kind;
use crate::deployment::{file, free_port};

/// A server; it is stopped with the test, frozen or not.
pub struct OwnServer {
    kind: Kind,
    folder: tempfile::TempDir,
    port: u16,
}

impl OwnServer {
    /// Starts one with these lines added to its settings.
    pub fn start(kind: Kind, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("extra.conf"), settings).unwrap();
        let port = free_port();
        let server = Self { kind, folder, port };
        server.run(&["start"], &[&port.to_string()]);
        server
    }

    /// An asynchronous standby of this PostgreSQL.
    pub fn standby(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let kind = self.kind;
        let standby = Self { kind, folder, port };
        let of = self.folder.path().to_str().unwrap();
        standby.run(&["start"], &[&port.to_string(), of]);
        standby
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        self.run(&["promote"], &[]);
    }

    /// Ends all its processes at once; it stays away.
    pub fn kill(&self) {
        self.run(&["kill"], &[]);
    }

    /// Where it listens.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where it is at home.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Restarts it with these lines added to its settings instead of those from before.
    pub fn set_up(&self, settings: &str) {
        std::fs::write(self.folder.path().join("extra.conf"), settings).unwrap();
        self.restart();
    }

    pub fn restart(&self) {
        self.run(&["restart"], &[]);
    }

    /// Stops all its processes in the middle of what they do.
    pub fn freeze(&self) {
        self.run(&["freeze"], &[]);
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        self.run(&["thaw"], &[]);
    }

    pub fn url(&self) -> String {
        let (scheme, database) = match self.kind {
            Kind::Sqlite => unreachable!("a file has no server"),
            Kind::Postgres => ("postgres", "nodewarden"),
            Kind::MySql => ("mysql", "mysql"),
        };
        let port = self.port;
        format!("{scheme}://nodewarden:nodewarden@127.0.0.1:{port}/{database}")
    }

    fn script(&self) -> PathBuf {
        // `mysql` where the run is about that.
        let mysql = std::env::var("NODEWARDEN_TEST_MYSQL_SERVER");
        let mysql = mysql.unwrap_or_else(|_| "mariadb".into());
        let name = match self.kind {
            Kind::Sqlite => unreachable!("a file has no server"),
            Kind::Postgres => "postgres",
            Kind::MySql => &mysql,
        };
        file("tests/servers").join(name)
    }

    fn run(&self, before: &[&str], after: &[&str]) {
        let output = Command::new(self.script())
            .args(before)
            .arg(self.folder.path())
            .args(after)
            .output()
            .unwrap();
        assert!(output.status.success(), "{before:?} {after:?}: {output:?}");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = Command::new(self.script())
            .arg("stop")
            .arg(self.folder.path())
            .output();
    }
}
