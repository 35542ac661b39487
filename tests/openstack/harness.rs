//! [`RealOpenStack`]: Keystone, Placement, Nova's API, and Nova's own code at the other end of a pipe.
//! Stories share one, and stay apart: each has an aggregate and nodes of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nodewarden_tests::deployment::{file, free_ports};
use nodewarden_tests::fleet::Cloud;
use serde_json::{Value, json};

/// A running part of OpenStack; it ends with the last story that holds it.
pub struct RealOpenStack {
    folder: tempfile::TempDir,
    port: u16,
    nova: Mutex<Pipe>,
}

struct Pipe {
    child: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

fn script() -> Command {
    let script = std::env::var_os("NODEWARDEN_TEST_OPENSTACK").expect(
        "NODEWARDEN_TEST_OPENSTACK must name tests/servers/openstack; its `venv` installs what it runs",
    );
    assert!(file("tests/servers/openstack").exists());
    Command::new(script)
}

impl RealOpenStack {
    /// The one that runs, or a new one.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<RealOpenStack>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start());
        *shared = Arc::downgrade(&started);
        started
    }

    /// One of a story's own, which may stop parts of it for long.
    pub fn start() -> Self {
        Self::with_tokens_of(3600)
    }

    /// One of a story's own, whose tokens live that many seconds.
    pub fn with_tokens_of(seconds: u32) -> Self {
        let database = std::env::var("NODEWARDEN_TEST_MYSQL_URL").expect(
            "NODEWARDEN_TEST_MYSQL_URL must name a MariaDB; tests/servers/mariadb starts one",
        );
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_ports(3);
        let started = script()
            .arg("start")
            .arg(folder.path())
            .args([&port.to_string(), &database, &seconds.to_string()])
            .output()
            .expect("it runs");
        assert!(started.status.success(), "{started:?}");
        let mut child = script()
            .arg("nova")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let say = child.stdin.take().expect("piped");
        let hear = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            folder,
            port,
            nova: Mutex::new(Pipe { child, say, hear }),
        }
    }

    /// Nova's own code does `command`; what it answers.
    fn nova(&self, command: &Value) -> Value {
        let mut pipe = self.nova.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(pipe.say, "{command}").expect("it listens");
        let mut line = String::new();
        pipe.hear.read_line(&mut line).expect("it answers");
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|fault| {
            let log = std::fs::read_to_string(self.folder.path().join("log/nova-code"));
            panic!("{command}: {fault}: {line}\n{}", log.unwrap_or_default())
        });
        assert_eq!(answer.get("error"), None, "{command}");
        answer["ok"].clone()
    }

    /// A new isolated aggregate, and how `placement` logs in to use it.
    pub fn cloud(&self) -> Cloud {
        let name = format!("nodewarden-{}", uuid::Uuid::new_v4());
        let aggregate = self.nova(&json!({ "do": "aggregate", "name": name }));
        Cloud {
            auth_url: format!("http://127.0.0.1:{}/v3", self.port),
            username: "nodewarden",
            password: "nodewarden",
            region: "RegionOne",
            aggregate: aggregate.as_str().expect("a UUID").to_owned(),
            authority: None,
        }
    }

    /// The same for `placement` with `pair_aggregates`, whose user needs more rights.
    pub fn cloud_of_pairs(&self) -> Cloud {
        Cloud {
            username: "pairs",
            password: "pairs",
            ..self.cloud()
        }
    }

    /// The aggregate of a pair (`GROUP/DRIVER`) that goes with that of `cloud`, once it is there.
    pub fn aggregate_of_pair(&self, cloud: &Cloud, pair: &str) -> Option<String> {
        let ours = self.nova(&json!({ "do": "name_of", "aggregate": cloud.aggregate }));
        let name = format!("{}:{pair}", ours.as_str().expect("a name"));
        let found = self.nova(&json!({ "do": "aggregate_named", "name": name }));
        found.as_str().map(str::to_owned)
    }

    /// Providers of thousands of nodes; that of the first exists.
    pub fn many(&self, nodes: &[String]) {
        self.nova(&json!({ "do": "many", "nodes": nodes }));
    }

    /// Memberships of thousands of nodes.
    pub fn join_many(&self, nodes: &[String], aggregate: &str) {
        self.nova(&json!({ "do": "join_many", "nodes": nodes, "aggregate": aggregate }));
    }

    /// The aggregates of which Nova offers a request nothing.
    pub fn forbidden(&self) -> BTreeSet<String> {
        let answer = self.nova(&json!({ "do": "forbidden" }));
        serde_json::from_value(answer).expect("a list")
    }

    /// Nova's pass over its nodes, of which these are in maintenance; `refresh`: its caches have run out.
    pub fn pass(&self, nodes: &[String], maintenance: &BTreeSet<String>, refresh: bool) {
        let nodes: BTreeMap<&String, bool> = nodes
            .iter()
            .map(|uuid| (uuid, maintenance.contains(uuid)))
            .collect();
        self.nova(&json!({ "do": "pass", "nodes": nodes, "refresh": refresh }));
    }

    /// Which of `nodes` Nova offers to a request now.
    pub fn offered(&self, nodes: &[String]) -> BTreeSet<String> {
        let answer = self.nova(&json!({ "do": "candidates" }));
        let all: BTreeSet<&str> = answer
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let offered = nodes.iter().filter(|uuid| all.contains(uuid.as_str()));
        offered.cloned().collect()
    }

    /// Nova claims a node for an instance.
    pub fn claim(&self, node: &str) -> bool {
        self.nova(&json!({ "do": "claim", "node": node })) == true
    }

    /// Somebody puts a node into another aggregate.
    pub fn join(&self, node: &str, aggregate: &str) {
        self.nova(&json!({ "do": "join", "node": node, "aggregate": aggregate }));
    }

    /// The aggregates of a node.
    pub fn aggregates_of(&self, node: &str) -> Vec<String> {
        let answer = self.nova(&json!({ "do": "aggregates_of", "node": node }));
        serde_json::from_value(answer).expect("a list")
    }

    /// The provider goes away.
    pub fn delete(&self, node: &str) {
        self.nova(&json!({ "do": "delete", "node": node }));
    }

    /// Stops or continues one of its services.
    pub fn signal(&self, service: &str, signal: &str) {
        let status = script()
            .arg("signal")
            .arg(self.folder.path())
            .args([service, signal])
            .status()
            .expect("it runs");
        assert!(status.success());
    }

    /// Every request to Placement of ours so far: method, path, status.
    pub fn our_requests(&self) -> Vec<(String, String, String)> {
        self.our_requests_to("placement")
    }

    /// How often our token did not count.
    pub fn refusals_of_ours(&self) -> usize {
        let requests = ["nova", "placement"].map(|service| self.our_requests_to(service));
        let refused = |(_, _, status): &&(String, String, String)| status == "401";
        requests.iter().flatten().filter(refused).count()
    }

    /// How often Placement took what we wrote about one of `nodes`.
    pub fn writes_of_ours(&self, nodes: &[String]) -> usize {
        let requests = self.our_requests();
        let is_write = |(method, path, status): &&(String, String, String)| {
            let of_them = nodes.iter().any(|uuid| path.contains(uuid.as_str()));
            method == "PUT" && status == "200" && of_them
        };
        requests.iter().filter(is_write).count()
    }

    pub fn our_requests_to(&self, service: &str) -> Vec<(String, String, String)> {
        let file = self.folder.path().join(format!("log/{service}.requests"));
        let log = std::fs::read_to_string(file).expect("a log");
        log.lines()
            .filter_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
                [agent, method, path, status] if agent.starts_with("nodewarden/") => {
                    Some((method.to_owned(), path.to_owned(), status.to_owned()))
                }
                _ => None,
            })
            .collect()
    }
}

impl Drop for RealOpenStack {
    fn drop(&mut self) {
        let pipe = self.nova.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = pipe.child.kill();
        let _ = pipe.child.wait();
        let _ = script().arg("stop").arg(self.folder.path()).status();
    }
}
