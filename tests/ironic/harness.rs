//! [`RealIronic`]: a database, its API, as many conductors as a test wants, and nodes without
//! hardware. Several share the broker and stay apart: each gives its conductors unique names.

use std::path::{Path, PathBuf};
use std::process::Command;

use nodewarden_tests::deployment::{broker, eventually, free_port};
use serde_json::{Value, json};

use crate::api::Api;
use crate::database::Database;

/// What nodes and allocations say alike, so that they come together.
const RESOURCE_CLASS: &str = "baremetal";

/// A running Ironic; it ends, and its database goes, when this is dropped.
pub struct RealIronic {
    pub api: Api,
    database: Database,
    folder: tempfile::TempDir,
    unique: String,
}

impl RealIronic {
    /// With its API, and without conductors.
    pub fn start() -> Self {
        let port = free_port();
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let ironic = Self {
            api: Api { port },
            database: Database::create(),
            folder: tempfile::tempdir().expect("a folder"),
            unique: unique[..8].to_owned(),
        };
        let database = ironic.database.sqlalchemy_url();
        ironic.run("schema", &[&database]);
        ironic.run("start-api", &[&port.to_string(), &broker(), &database]);
        ironic
    }

    /// The database as nodewarden's settings name it.
    pub fn database_url(&self) -> String {
        self.database.url()
    }

    /// Runs a statement in it; every value of what it selects as a text.
    pub fn sql(&self, statement: &str) -> Vec<Vec<Option<String>>> {
        self.database.sql(statement)
    }

    /// What Ironic calls a conductor of this instance.
    pub fn host(&self, name: &str) -> String {
        format!("{name}-{}", self.unique)
    }

    /// Starts a conductor, or starts it again; returns once it serves the drivers.
    pub fn start_conductor(&self, name: &str, drivers: &[&str], group: &str) {
        self.start_conductor_with(&[], name, drivers, group);
    }

    /// Starts a conductor whose environment changes settings that its file shows otherwise.
    pub fn start_conductor_with(
        &self,
        environment: &[(&str, &str)],
        name: &str,
        drivers: &[&str],
        group: &str,
    ) {
        let host = self.host(name);
        let started = || self.log(&host).matches("Created RPC server").count();
        let before = started();
        let words = [host.as_str(), &drivers.join(","), group];
        let told = script("start-conductor", self.folder.path(), environment, &words);
        assert!(told.is_ok(), "ironic start-conductor {words:?}: {told:?}");
        // The rows in the database of one that was just killed look alive, too.
        eventually(&format!("conductor {name} listens"), || {
            (started() > before && self.conductor_lives(name)).then_some(())
        });
    }

    /// Asks a conductor to end, and waits until it has taken its leave.
    pub fn stop_conductor(&self, name: &str) {
        self.run("kill-conductor", &[&self.host(name)]);
    }

    /// Kills a conductor without a word.
    pub fn kill_conductor_9(&self, name: &str) {
        self.run("kill-conductor", &[&self.host(name), "-9"]);
    }

    /// Stops a conductor in the midst of what it does.
    pub fn freeze_conductor(&self, name: &str) {
        self.run("freeze-conductor", &[&self.host(name)]);
    }

    /// Lets it go on.
    pub fn thaw_conductor(&self, name: &str) {
        self.run("thaw-conductor", &[&self.host(name)]);
    }

    /// Whether Ironic takes a conductor for alive: it does for 10 s after the last heartbeat.
    pub fn conductor_lives(&self, name: &str) -> bool {
        let path = format!("/v1/conductors/{}", self.host(name));
        let (status, conductor) = self.api.ask("GET", &path, None);
        status == 200 && conductor["alive"] == true
    }

    /// Enrolls nodes and makes them available; their uuids. A conductor must serve the driver.
    pub fn enroll(&self, count: usize, driver: &str, group: &str) -> Vec<String> {
        let mut node = json!({
            "driver": driver,
            "conductor_group": group,
            "resource_class": RESOURCE_CLASS,
        });
        if driver == "manual-management" {
            // By itself it cannot tell whether a node is on.
            node["power_interface"] = "fake".into();
        }
        let nodes: Vec<String> = (0..count)
            .map(|_| {
                let made = self.api.create("/v1/nodes", &node);
                made["uuid"].as_str().expect("a uuid").to_owned()
            })
            .collect();
        // All of them one step, then all the next: each step takes Ironic a while.
        for (target, state) in [("manage", "manageable"), ("provide", "available")] {
            for node in &nodes {
                let path = format!("/v1/nodes/{node}/states/provision");
                self.api.order(&path, &json!({ "target": target }));
            }
            for node in &nodes {
                self.settled(node, "provision_state", state);
            }
        }
        // Without hardware nobody knows a power state until one was ordered, and Ironic gives away
        // no node without one.
        for node in &nodes {
            let path = format!("/v1/nodes/{node}/states/power");
            self.api.order(&path, &json!({ "target": "power off" }));
        }
        for node in &nodes {
            self.settled(node, "power_state", "power off");
        }
        nodes
    }

    fn settled(&self, uuid: &str, field: &str, value: &str) {
        eventually(&format!("{field} of {uuid} is {value}"), || {
            let node = self.node(uuid);
            assert_eq!(node["last_error"], Value::Null, "{node}");
            (node[field] == value && node["reservation"].is_null()).then_some(())
        });
    }

    /// A node as the API tells it.
    pub fn node(&self, uuid: &str) -> Value {
        self.api.get(&format!("/v1/nodes/{uuid}"))
    }

    /// Asks Ironic for a node, any or one of these: its uuid, or why there is none.
    pub fn allocate(&self, among: &[String]) -> Result<String, String> {
        let mut wish = json!({ "resource_class": RESOURCE_CLASS });
        if !among.is_empty() {
            wish["candidate_nodes"] = json!(among);
        }
        let asked = self.api.create("/v1/allocations", &wish);
        let path = format!(
            "/v1/allocations/{}",
            asked["uuid"].as_str().expect("a uuid")
        );
        eventually("the allocation is decided", || {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let allocation = self.api.get(&path);
            match allocation["state"].as_str() {
                Some("active") => Some(Ok(text(&allocation["node_uuid"]))),
                Some("error") => Some(Err(text(&allocation["last_error"]))),
                _ => None,
            }
        })
    }

    /// Sets maintenance as an operator does: the status (202 is yes) and what Ironic says.
    pub fn set_maintenance(&self, uuid: &str, reason: &str) -> (u16, Value) {
        let path = format!("/v1/nodes/{uuid}/maintenance");
        self.api
            .ask("PUT", &path, Some(&json!({ "reason": reason })))
    }

    /// Clears maintenance as an operator does: the status (202 is yes) and what Ironic says.
    pub fn clear_maintenance(&self, uuid: &str) -> (u16, Value) {
        let path = format!("/v1/nodes/{uuid}/maintenance");
        self.api.ask("DELETE", &path, None)
    }

    /// What the API (`api`) or a conductor (its [`RealIronic::host`]) has written.
    fn log(&self, name: &str) -> String {
        let path = self.folder.path().join("log").join(name);
        let bytes = std::fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn run(&self, command: &str, words: &[&str]) {
        let told = script(command, self.folder.path(), &[], words);
        assert!(told.is_ok(), "ironic {command} {words:?}: {told:?}");
    }
}

impl Drop for RealIronic {
    fn drop(&mut self) {
        let _ = script("stop", self.folder.path(), &[], &[]);
        if std::thread::panicking() {
            let logs = std::fs::read_dir(self.folder.path().join("log"));
            for log in logs.into_iter().flatten().flatten() {
                let name = log.file_name().to_string_lossy().into_owned();
                let text = self.log(&name);
                let from = text.lines().count().saturating_sub(20);
                let end: Vec<&str> = text.lines().skip(from).collect();
                eprintln!("--- Ironic's {name}, its end:\n{}", end.join("\n"));
            }
        }
    }
}

/// Without the script the test fails: a skipped test proves nothing.
fn script(
    command: &str,
    folder: &Path,
    environment: &[(&str, &str)],
    words: &[&str],
) -> Result<(), String> {
    let path = std::env::var_os("NODEWARDEN_TEST_IRONIC").map(PathBuf::from);
    let path = path.expect("NODEWARDEN_TEST_IRONIC must be the path of tests/servers/ironic");
    let output = Command::new(path)
        .arg(command)
        .arg(folder)
        .args(words)
        .envs(environment.iter().copied())
        .output()
        .map_err(|fault| fault.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}
