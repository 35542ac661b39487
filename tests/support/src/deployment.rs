//! [`Deployment`]: a whole nodewarden as its operators have it. The real binary, a database file,
//! unique names at the broker, and the processes around it. Ends what it started, by its own id.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub use crate::waiting::eventually_blocking as eventually;

/// The broker to test with. Without one the test fails: a skipped test proves nothing.
pub fn broker() -> String {
    std::env::var("NODEWARDEN_TEST_AMQP_URL")
        .expect("NODEWARDEN_TEST_AMQP_URL must name a RabbitMQ; tests/servers/rabbitmq starts one")
}

/// The Python that has pika, msgpack and jsonschema.
pub fn python() -> Command {
    let python = std::env::var_os("NODEWARDEN_TEST_PYTHON");
    let mut command = Command::new(python.unwrap_or_else(|| "/usr/bin/python3".into()));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A file of the project.
pub fn file(path: &str) -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    project.expect("we are in tests/support").join(path)
}

/// The binary; cargo builds it before it runs a test of the package.
pub fn binary() -> PathBuf {
    built("nodewarden", "--bins")
}

/// An example; cargo builds examples beside the tests.
pub fn example(name: &str) -> PathBuf {
    built(&format!("examples/{name}"), "--examples")
}

fn built(path: &str, what: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let path = folder.join(path);
    assert!(
        path.exists(),
        "{} is not built: cargo build {what}",
        path.display()
    );
    path
}

/// One database file and one set of names at the broker.
pub struct Deployment {
    folder: tempfile::TempDir,
    pub events_exchange: String,
    pub events_queue: String,
    pub nodes_exchange: String,
    pub receipts_exchange: String,
    pub dead_letters_queue: String,
    started: Mutex<u32>,
}

impl Default for Deployment {
    fn default() -> Self {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            events_exchange: format!("i.{unique}.events"),
            events_queue: format!("i.{unique}.queue"),
            nodes_exchange: format!("i.{unique}.nodes"),
            receipts_exchange: format!("i.{unique}.receipts"),
            dead_letters_queue: format!("i.{unique}.dead"),
            started: Mutex::default(),
        }
    }
}

impl Deployment {
    /// The command with all settings of this deployment.
    pub fn command(&self, settings: &[&str], words: &[&str]) -> Command {
        let database = self.folder.path().join("nodewarden.db");
        let mut command = Command::new(binary());
        command.args(words);
        for setting in [
            format!("amqp.url={}", broker()),
            "amqp.heartbeat=1s".into(),
            format!("amqp.events_exchange={}", self.events_exchange),
            format!("amqp.events_queue={}", self.events_queue),
            format!("amqp.nodes_exchange={}", self.nodes_exchange),
            format!("amqp.receipts_exchange={}", self.receipts_exchange),
            format!("amqp.dead_letters_queue={}", self.dead_letters_queue),
            format!("database.url=sqlite://{}", database.display()),
            "decide.reconnect_grace=2s".into(),
        ] {
            command.arg("--set").arg(setting);
        }
        for setting in settings {
            command.arg("--set").arg(setting);
        }
        command.stdin(Stdio::null());
        command
    }

    /// What a command prints; it must succeed.
    pub fn run(&self, words: &[&str]) -> String {
        let output = self.command(&[], words).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {told}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// What a command answers to machines.
    pub fn ask(&self, words: &[&str]) -> Value {
        let answer = self.run(&[words, &["--output", "json"]].concat());
        serde_json::from_str(&answer).expect("JSON")
    }

    /// Starts a replica; returns once it decides.
    pub fn replica(&self, settings: &[&str]) -> Replica {
        let replica = self.start(settings);
        replica.active();
        replica
    }

    /// Starts a replica.
    pub fn start(&self, settings: &[&str]) -> Replica {
        self.start_at(free_port(), settings)
    }

    /// Starts a replica whose HTTP answers on a port that is known already.
    pub fn start_at(&self, port: u16, settings: &[&str]) -> Replica {
        let mut started = self.started.lock().expect("no panic meanwhile");
        *started += 1;
        let log = self.folder.path().join(format!("replica-{started}.log"));
        let child = self
            .command(
                settings,
                &["run", "--http-listen", &format!("127.0.0.1:{port}")],
            )
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("it starts");
        Replica { child, port, log }
    }
}

/// What a server on a port of this host answers, if it does.
pub fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(15)))
        .ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Below the ports that the kernel gives to connections, and beside those of the tests' servers.
const PORTS: std::ops::Range<u16> = 22_000..32_000;

/// A free port that no other test gets as long as this process lives: its namesake in UDP, which
/// nothing uses, is held for that long.
pub fn free_port() -> u16 {
    free_ports(1)
}

/// The first of so many in a row.
pub fn free_ports(count: u16) -> u16 {
    static TAKEN: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());
    let mut taken = TAKEN.lock().expect("no panic");
    // Processes begin at different places, so that a search is short.
    let spread = u32::try_from(PORTS.len()).expect("small");
    let first = (std::process::id().wrapping_mul(97) + taken.len() as u32) % spread;
    let ports = (0..spread).map(|step| PORTS.start + ((first + step) % spread) as u16);
    let hold = |port: u16| {
        let _listens = TcpListener::bind(("127.0.0.1", port)).ok()?;
        UdpSocket::bind(("127.0.0.1", port)).ok()
    };
    let (port, held) = ports
        .filter_map(|port| {
            Some((
                port,
                (port..port + count).map(hold).collect::<Option<Vec<_>>>()?,
            ))
        })
        .next()
        .expect("free ports");
    taken.extend(held);
    port
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).expect("a process id");
    kill_process(Pid::from_raw(pid).expect("not 0"), signal).expect("it is ours");
}

/// One `nodewarden run`.
pub struct Replica {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Replica {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log is there")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its HTTP answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until it is ready and decides.
    pub fn active(&self) {
        eventually("the replica decides", || {
            let (status, answer) = self.try_get("/readyz")?;
            (status == 200 && answer["role"] == "active").then_some(())
        });
    }

    pub fn http_get(&self, path: &str) -> (u16, Value) {
        eventually(&format!("{path} answers"), || self.try_get(path))
    }

    /// What it answers that is no JSON.
    pub fn text(&self, path: &str) -> String {
        eventually(&format!("{path} answers"), || get(self.port, path)).1
    }

    fn try_get(&self, path: &str) -> Option<(u16, Value)> {
        let (status, body) = get(self.port, path)?;
        Some((status, serde_json::from_str(&body).ok()?))
    }

    /// Asks it to stop; it must end with 0.
    pub fn stop(mut self) {
        signal(&self.child, Signal::TERM);
        let ended = eventually("the replica ends", || {
            self.child.try_wait().expect("it is our child")
        });
        assert_eq!(ended.code(), Some(0), "{}", self.log());
    }

    /// Kills it without a word.
    pub fn kill9(mut self) {
        signal(&self.child, Signal::KILL);
        self.child.wait().expect("it is our child");
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), self.log());
        }
    }
}

/// Any other process, and the lines that it has printed so far.
pub struct Other {
    name: String,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Other {
    pub fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|fault| panic!("{name} does not start: {fault}"));
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                heard.lock().expect("no panic meanwhile").push(line);
            }
        });
        Self {
            name: name.into(),
            child,
            lines,
        }
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic meanwhile").clone()
    }

    /// Waits for a line of which `read` makes something.
    pub fn says<T>(&self, what: &str, read: impl Fn(&str) -> Option<T>) -> T {
        eventually(&format!("{} says {what}", self.name), || {
            self.lines().iter().find_map(|line| read(line))
        })
    }

    pub fn signal(&self, what: Signal) {
        signal(&self.child, what);
    }

    /// Waits for its end; its exit code, if no signal ended it.
    pub fn ended(&mut self) -> Option<i32> {
        let what = format!("{} ends", self.name);
        eventually(&what, || self.child.try_wait().expect("it is our child")).code()
    }

    /// Kills it without a word.
    pub fn kill9(mut self) {
        self.signal(Signal::KILL);
        self.ended();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.name, self.lines().join("\n"));
        }
    }
}
