//! [`OwnBroker`]: a RabbitMQ of a test's own, which it may restart, stop and set up.

use std::path::PathBuf;
use std::process::Command;

use crate::deployment::{file, free_ports};

/// A broker; it is stopped with the test.
pub struct OwnBroker {
    folder: tempfile::TempDir,
    /// Where AMQP answers. The tenth port from there on is the test's to use.
    pub port: u16,
}

impl OwnBroker {
    /// Starts one without plugins.
    pub fn start() -> Self {
        Self::with_plugins("", |_| String::new())
    }

    /// Starts one with these plugins (names with commas) and these lines in its settings, which may
    /// name the port that is left free for them.
    pub fn with_plugins(plugins: &str, settings: impl Fn(u16) -> String) -> Self {
        // The last is for what the settings name.
        let port = free_ports(11);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("extra.conf"), settings(port + 10)).expect("written");
        std::fs::write(folder.path().join("extra.plugins"), format!("[{plugins}]."))
            .expect("written");
        let broker = Self { folder, port };
        broker.run(&["start"], &[&port.to_string()]);
        broker
    }

    fn script() -> PathBuf {
        file("tests/servers/rabbitmq")
    }

    /// Runs the script for this broker.
    pub fn run(&self, before: &[&str], after: &[&str]) {
        let output = Command::new(Self::script())
            .args(before)
            .arg(self.folder.path())
            .args(after)
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{before:?} {after:?}: {output:?}");
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        let _ = Command::new(Self::script())
            .arg("stop")
            .arg(self.folder.path())
            .output();
    }
}
