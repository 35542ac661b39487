//! [`Engine`]: a server of a test's own, a cluster of three, or one with a standby; a test may kill any of them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::deployment::file;

/// Ports of one engine: ten for each of three members.
const PORTS: u16 = 30;

/// Below all that are chosen elsewhere.
const FIRST_PORT: u16 = 19_000;

/// How many engines have ports of their own between the two.
const BLOCKS: u16 = 33;

/// One that runs.
pub struct Engine {
    script: PathBuf,
    members: Vec<Member>,
}

struct Member {
    folder: tempfile::TempDir,
    port: u16,
}

impl Engine {
    /// The script below `tests/servers`, how many are to run, and lines for their settings.
    pub fn start(script: &str, members: u16, settings: &str) -> Self {
        let base = free_ports();
        let member = |number| Member {
            folder: tempfile::tempdir().unwrap(),
            port: base + 10 * number,
        };
        let engine = Self {
            script: file("tests/servers").join(script),
            members: (0..members).map(member).collect(),
        };
        for member in &engine.members {
            std::fs::write(member.folder.path().join("extra.conf"), settings).unwrap();
        }
        let first = engine.members[0].folder.path().to_str().unwrap();
        engine.begin(0, &[]);
        std::thread::scope(|scope| {
            let engine = &engine;
            for number in 1..engine.members.len() {
                scope.spawn(move || engine.begin(number, &[first]));
            }
        });
        engine
    }

    fn begin(&self, number: usize, after: &[&str]) {
        let port = self.members[number].port.to_string();
        self.run(number, "start", &[&[port.as_str()], after].concat());
    }

    /// Ends a member with no word said; it stays away.
    pub fn kill(&self, number: usize) {
        self.run(number, "kill", &[]);
    }

    pub fn freeze(&self, number: usize) {
        self.run(number, "freeze", &[]);
    }

    pub fn thaw(&self, number: usize) {
        self.run(number, "thaw", &[]);
    }

    pub fn amqp(&self, number: usize) -> String {
        format!(
            "amqp://guest:guest@127.0.0.1:{}/%2f",
            self.members[number].port
        )
    }

    /// With a user who may make databases.
    pub fn mysql(&self, number: usize) -> String {
        let port = self.members[number].port;
        format!("mysql://nodewarden:nodewarden@127.0.0.1:{port}/mysql")
    }

    /// The same of a PostgreSQL.
    pub fn postgres(&self, number: usize) -> String {
        let port = self.members[number].port;
        format!("postgres://nodewarden:nodewarden@127.0.0.1:{port}/nodewarden")
    }

    /// Makes a standby a server of its own.
    pub fn promote(&self, number: usize) {
        self.run(number, "promote", &[]);
    }

    /// Starts a member again that was killed or stopped.
    pub fn again(&self, number: usize) {
        let first = self.members[0].folder.path().to_str().unwrap();
        let after = if number == 0 { &[][..] } else { &[first][..] };
        self.begin(number, after);
    }

    /// What `rabbitmqctl` says to these words.
    pub fn ctl(&self, number: usize, words: &[&str]) -> String {
        self.run(number, "ctl", words)
    }

    pub fn port(&self, number: usize) -> u16 {
        self.members[number].port
    }

    pub fn members(&self) -> usize {
        self.members.len()
    }

    fn run(&self, number: usize, what: &str, arguments: &[&str]) -> String {
        let output = Command::new(&self.script)
            .arg(what)
            .arg(self.members[number].folder.path())
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{what} {number} {arguments:?}: {output:?}"
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A cluster takes leave of its members slowly, and the first has what the others share.
        for what in ["kill", "stop"] {
            for member in &self.members {
                let _ = Command::new(&self.script)
                    .arg(what)
                    .arg(member.folder.path())
                    .output();
            }
        }
    }
}

/// The first of free ports in a row. Each block is given once, so that tests that run side
/// by side never choose the same.
fn free_ports() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap();
    for _ in 0..BLOCKS {
        let block = (spread + GIVEN.fetch_add(1, Ordering::Relaxed)) % BLOCKS;
        let base = FIRST_PORT + block * PORTS;
        let free = |port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (base..base + PORTS).all(free) {
            return base;
        }
    }
    panic!("no {PORTS} free ports in a row");
}
