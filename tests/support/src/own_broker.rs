//! [`OwnBroker`]: a RabbitMQ of a test's own, which it may restart, stop and set up.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::deployment::file;

/// A broker; it is stopped with the test.
pub struct OwnBroker {
    folder: tempfile::TempDir,
    /// Where AMQP answers. The tenth port from there on is the test's to use.
    pub port: u16,
}

/// One broker chooses its ports and takes them before the next one looks: tests run side by side.
static STARTING: Mutex<()> = Mutex::new(());

impl OwnBroker {
    /// Starts one without plugins.
    pub fn start() -> Self {
        Self::with_plugins("", |_| String::new())
    }

    /// Starts one with these plugins (names with commas) and these lines in its settings, which may
    /// name the port that is left free for them.
    pub fn with_plugins(plugins: &str, settings: impl Fn(u16) -> String) -> Self {
        let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        // Eleven ports in a row that nobody has, below those that the kernel hands out.
        let first = u16::try_from(std::process::id() % 150).expect("below 150");
        let port = (0..150)
            .map(|step| 16_000 + (first + step) % 150 * 20)
            .find(|base| {
                (*base..=base + 10).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
            })
            .expect("eleven free ports in a row");
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
