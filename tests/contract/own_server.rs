//! A database server of a story's own, which it may restart and set up badly.

use nodewarden_tests::database::Kind;

use std::path::{Path, PathBuf};
use std::process::Command;

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
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let server = Self { kind, folder, port };
        server.run(&["start"], &[&port.to_string()]);
        server
    }

    pub fn restart(&self) {
        self.run(&["restart"], &[]);
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
        let name = match self.kind {
            Kind::Sqlite => unreachable!("a file has no server"),
            Kind::Postgres => "postgres",
            Kind::MySql => "mariadb",
        };
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/servers")
            .join(name)
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
