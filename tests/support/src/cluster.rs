//! [`Cluster`]: replicas as processes of the real binary, a real broker, a real database, and a
//! [`Listener`] that checks what they announce.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::database::{Kind, Scratch};
use crate::deployment::{binary, broker, free_port};
use crate::waiting::{DEADLINE, eventually};
use nodewarden::broker::{Emitter, Line, Subscriber};
use nodewarden::config::{Amqp, Brokers, Database, InventoryKind};
use nodewarden::message::{Delivery, Outgoing, Published};
use nodewarden::store::{self, NodeUpsert, Overview, Reader};
use nodewarden::wire::out::{NodeBackInService, NodeOutOfService};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How long a busy machine may take beyond what is promised.
pub const BUSY: Duration = Duration::from_secs(20);

/// One database, one set of names at the broker, and the replicas that share them.
pub struct Cluster {
    folder: tempfile::TempDir,
    scratch: Scratch,
    pub amqp: Amqp,
    pub database: Database,
    pub reader: Reader,
    settings: Vec<String>,
    emitter: Emitter,
    events: u64,
}

impl Cluster {
    /// On the broker that all tests share.
    pub async fn new() -> Self {
        Self::on(Kind::chosen()).await
    }

    /// On the broker that all tests share, and on this kind of database whatever the environment says.
    pub async fn on(kind: Kind) -> Self {
        Self::at(&broker(), kind).await
    }

    pub async fn at(url: &str, kind: Kind) -> Self {
        Self::over(url, Scratch::migrated_of(kind).await).await
    }

    /// On this database, which has our tables.
    pub async fn over(url: &str, scratch: Scratch) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let amqp = Amqp {
            url: Brokers::new(url),
            events_exchange: format!("f.{unique}.events"),
            events_queue: format!("f.{unique}.queue"),
            nodes_exchange: format!("f.{unique}.nodes"),
            receipts_exchange: format!("f.{unique}.receipts"),
            dead_letters_queue: format!("f.{unique}.dead"),
            ..Amqp::default()
        };
        let database = scratch.database.clone();
        let settings = vec![
            format!("amqp.url={url}"),
            "amqp.heartbeat=1s".into(),
            format!("amqp.events_exchange={}", amqp.events_exchange),
            format!("amqp.events_queue={}", amqp.events_queue),
            format!("amqp.nodes_exchange={}", amqp.nodes_exchange),
            format!("amqp.receipts_exchange={}", amqp.receipts_exchange),
            format!("amqp.dead_letters_queue={}", amqp.dead_letters_queue),
            format!("database.url={}", database.url.expose()),
            "database.transaction_limit=5s".into(),
            "decide.reconnect_grace=2s".into(),
            "decide.chunk_nodes=10".into(),
            "publish.nodes_per_message=4".into(),
        ];
        // Topology before the first event; a worker would do it as well.
        let session = nodewarden::broker::Session::open(&amqp, "test")
            .await
            .unwrap();
        session.close().await;
        Self {
            reader: Reader::new(&database, InventoryKind::Native).unwrap(),
            emitter: Emitter::open(&amqp, "test").await.unwrap(),
            folder,
            scratch,
            amqp,
            database,
            settings,
            events: 0,
        }
    }

    /// Another database on the same queues.
    pub async fn twin(&self) -> Self {
        let mut twin = Self::at(self.amqp.url.urls()[0].expose(), self.scratch.kind).await;
        let ours = |setting: &&String| setting.starts_with("amqp.");
        let theirs = |setting: &&String| !setting.starts_with("amqp.");
        twin.settings = self
            .settings
            .iter()
            .filter(ours)
            .chain(twin.settings.iter().filter(theirs))
            .cloned()
            .collect();
        twin
    }

    /// Starts a replica and waits until it is in line.
    pub async fn replica(&self, name: &str, more: &[&str]) -> Replica {
        let replica = self.start(name, more);
        replica.role(&["standby", "active"]).await;
        replica
    }

    /// Starts a replica.
    pub fn start(&self, name: &str, more: &[&str]) -> Replica {
        self.start_by(Command::new(binary()), name, more)
    }

    /// Starts a replica by a command that its arguments are still to be added to.
    pub fn start_by(&self, mut command: Command, name: &str, more: &[&str]) -> Replica {
        let log = self.folder.path().join(format!("{name}.log"));
        let port = free_port();
        command
            .arg("run")
            .arg("--http-listen")
            .arg(format!("127.0.0.1:{port}"));
        for setting in &self.settings {
            command.arg("--set").arg(setting);
        }
        let child = command
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Replica { child, port, log }
    }

    /// The file that arms the place of a doomed one.
    pub fn armed(&self) -> PathBuf {
        self.folder.path().join("armed")
    }

    /// A replica that dies or freezes at a place once it is armed.
    pub async fn doomed(&self, name: &str, place: &str, more: &[&str]) -> (Replica, PathBuf) {
        let file = self.armed();
        let mut settings = vec!["--fail-point", place, "--fail-point-file"];
        settings.push(file.to_str().unwrap());
        settings.extend(more);
        let replica = self.replica(name, &settings).await;
        (replica, file)
    }

    pub async fn nodes(&self, driver: &str, count: usize) -> BTreeSet<String> {
        let nodes: Vec<NodeUpsert> = (0..count)
            .map(|n| NodeUpsert {
                uuid: format!("{driver}-{n:05}"),
                name: None,
                driver: driver.into(),
                conductor_group: None,
                maintenance: Some(n % 5 == 0),
            })
            .collect();
        store::import(&self.database, &nodes, |_| {}).await.unwrap();
        nodes.into_iter().map(|node| node.uuid).collect()
    }

    /// Publishes an event as its publishers should: again with the same id until it is confirmed.
    pub async fn publish(&mut self, message_type: &str, body: &serde_json::Value) -> String {
        self.events += 1;
        let id = format!("e{}", self.events);
        let message = Outgoing {
            exchange: self.amqp.events_exchange.clone(),
            routing_key: message_type.into(),
            message_id: id.clone(),
            message_type: message_type.into(),
            content_type: "application/json".into(),
            timestamp_s: 0,
            expires_after_ms: None,
            body: serde_json::to_vec(body).unwrap(),
        };
        let amqp = self.amqp.clone();
        let emitter = &mut self.emitter;
        eventually("the event is confirmed", async || {
            match emitter
                .publish(std::slice::from_ref(&message))
                .await
                .as_deref()
            {
                Ok([Published::Confirmed]) => Some(()),
                _ => {
                    if let Ok(fresh) = Emitter::open(&amqp, "test").await {
                        *emitter = fresh;
                    }
                    None
                }
            }
        })
        .await;
        id
    }

    pub async fn joined(&mut self, conductor: &str, incarnation: u64, drivers: &[&str]) -> String {
        let body = serde_json::json!({"conductor": conductor, "incarnation": incarnation, "drivers": drivers});
        self.publish("conductor.joined", &body).await
    }

    pub async fn left(&mut self, conductor: &str, incarnation: u64) -> String {
        let body = serde_json::json!({"conductor": conductor, "incarnation": incarnation});
        self.publish("conductor.left", &body).await
    }

    pub async fn listen(&self) -> Listener {
        Listener {
            subscriber: Subscriber::open(&self.amqp, "a listening test")
                .await
                .unwrap(),
            messages: BTreeMap::new(),
            changes: BTreeMap::new(),
        }
    }

    pub async fn overview(&self) -> Overview {
        eventually("the database answers", async || {
            self.reader.overview().await.ok()
        })
        .await
    }

    /// What is out of service, by the holds; checks that the table `nodes` says the same.
    pub async fn out(&self) -> BTreeSet<String> {
        let page = eventually("the database answers", async || {
            self.reader.snapshot("", 100_000).await.ok()
        })
        .await;
        page.nodes.into_iter().map(|hold| hold.uuid).collect()
    }

    pub async fn wait_out(&self, expected: &BTreeSet<String>) {
        let what = format!("{} nodes are out of service", expected.len());
        eventually(&what, async || {
            (self.out().await == *expected).then_some(())
        })
        .await;
    }

    /// Every decision, oldest first: verdict, driver, cause, nodes.
    pub async fn decisions(&self) -> Vec<String> {
        let mut decisions = self.reader.decisions(10_000).await.unwrap();
        decisions.reverse();
        decisions
            .iter()
            .map(|decision| {
                format!(
                    "{} {} by {} {}, {} nodes",
                    decision.driver,
                    decision.verdict,
                    decision.cause_conductor.as_deref().unwrap_or("nobody"),
                    decision
                        .cause_event_id
                        .as_deref()
                        .unwrap_or(decision.cause.as_str()),
                    decision.nodes
                )
            })
            .collect()
    }

    pub async fn sql(&self, query: &str) -> String {
        self.scratch.text(query).await
    }

    /// Runs statements as any user of the tables might.
    pub async fn run_sql(&self, statements: &str) {
        self.scratch.run(statements).await;
    }

    /// From now on a trigger leaves the mark of the node `uuid` as it is.
    pub async fn ignore_update_of(&self, uuid: &str) {
        self.scratch.ignore_update_of(uuid).await;
    }

    /// What a command of an operator says, and how it ends.
    pub fn command(&self, words: &[&str]) -> std::process::Output {
        let mut command = Command::new(binary());
        command.args(words).stdin(Stdio::null());
        for setting in &self.settings {
            command.arg("--set").arg(setting);
        }
        command.output().unwrap()
    }
}

/// One process.
pub struct Replica {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Replica {
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Signals what it started: its watchdog, or of a command the replica.
    pub fn signal_child(&self, signal: Signal) {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let children = std::fs::read_to_string(children).unwrap();
        let children: Vec<i32> = children
            .split_whitespace()
            .map(|pid| pid.parse().unwrap())
            .collect();
        assert_eq!(children.len(), 1, "one child");
        kill_process(Pid::from_raw(children[0]).unwrap(), signal).unwrap();
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Signals its whole process group, as a terminal does.
    pub fn signal_group(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process_group(pid, signal).unwrap();
    }

    /// How it ended, if it has.
    pub fn try_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the replica ends", async || child.try_wait().unwrap()).await
    }

    /// Waits until `/readyz` says one of these roles.
    pub async fn role(&self, roles: &[&str]) -> String {
        let what = format!("the role is one of {roles:?}; log:\n{}", self.log());
        eventually(&what, async || {
            let answer = get(self.port, "/readyz").await?;
            let role = answer["role"].as_str()?.to_owned();
            roles.contains(&role.as_str()).then_some(role)
        })
        .await
    }

    pub async fn get(&self, path: &str) -> serde_json::Value {
        eventually("HTTP answers", async || get(self.port, path).await).await
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

async fn get(port: u16, path: &str) -> Option<serde_json::Value> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(2), ask)
        .await
        .ok()?
        .ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// A scheduler that keeps all it hears and checks the rules of the contract.
pub struct Listener {
    subscriber: Subscriber,
    /// Each message by its id: a repeat must be the same.
    messages: BTreeMap<String, Delivery>,
    /// Each change by its `seq`.
    changes: BTreeMap<u64, String>,
}

impl Listener {
    async fn hear(&mut self) {
        let Ok(deliveries) = self
            .subscriber
            .receive(256, Duration::from_millis(20))
            .await
        else {
            return;
        };
        for mut delivery in deliveries {
            delivery.tag = 0;
            let id = delivery
                .message_id
                .clone()
                .expect("every announcement has an id");
            let changes: Vec<(u64, String)> = match delivery.message_type.as_deref() {
                Some("node.out_of_service") => {
                    rmp_serde::from_slice::<NodeOutOfService>(&delivery.body)
                        .unwrap()
                        .nodes
                        .into_iter()
                        .map(|node| (node.seq, format!("-{}", node.uuid)))
                        .collect()
                }
                Some("node.back_in_service") => {
                    rmp_serde::from_slice::<NodeBackInService>(&delivery.body)
                        .unwrap()
                        .nodes
                        .into_iter()
                        .map(|node| (node.seq, format!("+{}", node.uuid)))
                        .collect()
                }
                _ => Vec::new(),
            };
            for (seq, change) in changes {
                let before = self.changes.entry(seq).or_insert_with(|| change.clone());
                assert_eq!(*before, change, "seq {seq} means two things");
            }
            if let Some(before) = self.messages.get(&id) {
                assert_eq!(*before, delivery, "a repeat is the same to the byte (I4)");
            }
            self.messages.insert(id, delivery);
        }
    }

    /// Waits until all changes up to `seq` were announced; returns them in order, and checks that
    /// none is missing.
    pub async fn heard(&mut self, seq: u64) -> Vec<String> {
        self.heard_from(1, seq).await
    }

    /// As `heard`, for who began to listen later.
    pub async fn heard_from(&mut self, first: u64, last: u64) -> Vec<String> {
        let expected: Vec<u64> = (first..=last).collect();
        let end = Instant::now() + DEADLINE;
        while self.changes.len() < expected.len() {
            let heard: Vec<_> = self.changes.keys().collect();
            assert!(
                Instant::now() < end,
                "heard {heard:?} and not all of {first} to {last}"
            );
            self.hear().await;
        }
        let seqs: Vec<u64> = self.changes.keys().copied().collect();
        assert_eq!(seqs, expected);
        self.changes.values().cloned().collect()
    }

    /// Waits for the first change after those that were heard.
    pub async fn next(&mut self) {
        let before = self.changes.len();
        let end = Instant::now() + DEADLINE;
        while self.changes.len() == before {
            assert!(Instant::now() < end, "nothing is announced");
            self.hear().await;
        }
    }
}

/// The watchdog killed a replica whose transactions may last 5 s, and named the one that it was in once it was
/// armed: the event's, or one of those that were left to do for the event before.
pub fn assert_killed_in_a_transaction(log: &str) {
    let said = |doing: &str| {
        let said = format!("the transaction \"{doing}\" is open for 5s; killing process");
        log.contains(&format!("nodewarden watchdog: {said}"))
    };
    let of = [
        "commit a batch of events",
        "give nodes back",
        "begin a sweep",
    ];
    assert!(of.into_iter().any(said), "{log}");
}

/// The changes `sign` + uuid, in order.
pub fn signed(sign: char, nodes: &BTreeSet<String>) -> Vec<String> {
    nodes.iter().map(|uuid| format!("{sign}{uuid}")).collect()
}
