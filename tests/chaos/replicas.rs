//! [`Replicas`]: processes of the real binary, each started again after it ended, as an init system does.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::evidence::{End, Snapshot};
use nodewarden_tests::deployment::{binary, free_port};
use rustix::process::{Pid, Signal, kill_process};

/// How long one that ended by itself stays away, as a unit's `RestartSec`.
const AWAY: Duration = Duration::from_secs(1);

/// How long a replica may take to finish what is in hand after SIGTERM.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// How long an answer over HTTP may take; a frozen one gives none.
const PATIENCE: Duration = Duration::from_secs(1);

struct One {
    number: usize,
    settings: Vec<String>,
    port: u16,
    log: PathBuf,
    child: Option<Child>,
    start_at: Instant,
    /// Of each that no fault killed.
    ends: Vec<End>,
}

impl One {
    /// Whether its process has ended, which is noted.
    fn has_ended(&mut self, asked: bool) -> bool {
        if let Some(child) = &mut self.child
            && let Some(status) = child.try_wait().expect("it is our child")
        {
            self.ends.push(End {
                replica: self.number,
                asked,
                status: Some(status),
            });
            self.child = None;
            return true;
        }
        false
    }

    fn tend(&mut self) {
        if self.has_ended(false) {
            self.start_at = Instant::now() + AWAY;
        }
        if self.child.is_none() && Instant::now() >= self.start_at {
            let log = File::options().create(true).append(true).open(&self.log);
            let mut command = Command::new(binary());
            command.args(["run", "--http-listen", &format!("127.0.0.1:{}", self.port)]);
            for setting in &self.settings {
                command.arg("--set").arg(setting);
            }
            command.stdin(Stdio::null()).stdout(Stdio::null());
            let child = command.stderr(log.expect("a log")).spawn();
            self.child = Some(child.expect("it starts"));
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            let pid = i32::try_from(child.id()).expect("a process id");
            // It may have ended a moment ago; it is not waited for, so its id is still its own.
            let _ = kill_process(Pid::from_raw(pid).expect("not 0"), signal);
        }
    }
}

pub struct Replicas {
    all: Arc<Mutex<Vec<One>>>,
    tending: tokio::task::JoinHandle<()>,
}

impl Replicas {
    /// One for each list of settings.
    pub fn start(folder: &Path, settings: Vec<Vec<String>>) -> Self {
        let one = |(number, settings)| One {
            number,
            settings,
            port: free_port(),
            log: folder.join(format!("replica-{number}.log")),
            child: None,
            start_at: Instant::now(),
            ends: Vec::new(),
        };
        let all: Vec<One> = settings.into_iter().enumerate().map(one).collect();
        let all = Arc::new(Mutex::new(all));
        let tended = Arc::clone(&all);
        let tending = tokio::spawn(async move {
            loop {
                for one in tended.lock().expect("no panic").iter_mut() {
                    one.tend();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        Self { all, tending }
    }

    pub fn count(&self) -> usize {
        self.all.lock().expect("no panic").len()
    }

    /// Ends one with no word said; it comes back after `away`.
    pub fn kill(&self, number: usize, away: Duration) {
        let mut all = self.all.lock().expect("no panic");
        all[number].has_ended(false);
        if let Some(mut child) = all[number].child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        all[number].start_at = Instant::now() + away;
    }

    pub fn signal(&self, number: usize, signal: Signal) {
        self.all.lock().expect("no panic")[number].signal(signal);
    }

    /// The one that decides, if one says so.
    pub async fn active(&self) -> Option<usize> {
        let mut active = None;
        for number in 0..self.count() {
            if self.role(number).await.as_deref() == Some("active") {
                active = Some(number);
            }
        }
        active
    }

    pub async fn role(&self, number: usize) -> Option<String> {
        let answer = self.get(number, "/readyz").await?;
        Some(answer["role"].as_str()?.to_owned())
    }

    /// What one answers over HTTP, if it does.
    async fn get(&self, number: usize, path: &str) -> Option<serde_json::Value> {
        let port = self.all.lock().expect("no panic")[number].port;
        let ask = async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
            let request = format!("GET {path} HTTP/1.0\r\nHost: test\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = tokio::time::timeout(PATIENCE, ask).await.ok()?.ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The snapshot of the first that gives one.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        for number in 0..self.count() {
            let answer = self.get(number, "/v1/snapshot?limit=5000").await;
            if let Some(seq) = answer.as_ref().and_then(|answer| answer["seq"].as_u64()) {
                let nodes = answer?["nodes"].as_array()?.clone();
                let uuid = |node: &serde_json::Value| Some(node["uuid"].as_str()?.to_owned());
                let out = nodes.iter().filter_map(uuid).collect();
                return Some(Snapshot { seq, out });
            }
        }
        None
    }

    /// Asks all to end, waits, and says how each ended that no fault killed, now and before.
    pub async fn stop(&self) -> Vec<End> {
        self.tending.abort();
        let mut all = std::mem::take(&mut *self.all.lock().expect("no panic"));
        for one in &mut all {
            one.has_ended(false);
            one.signal(Signal::CONT);
            one.signal(Signal::TERM);
        }
        let end = Instant::now() + STOPS_WITHIN;
        while all.iter().any(|one| one.child.is_some()) && Instant::now() < end {
            for one in &mut all {
                one.has_ended(true);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for one in &mut all {
            one.has_ended(true);
            if let Some(mut child) = one.child.take() {
                let _ = child.kill();
                let _ = child.wait();
                one.ends.push(End {
                    replica: one.number,
                    asked: true,
                    status: None,
                });
            }
        }
        all.into_iter().flat_map(|one| one.ends).collect()
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        self.tending.abort();
        if let Ok(mut all) = self.all.lock() {
            for child in all.iter_mut().filter_map(|one| one.child.as_mut()) {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}
