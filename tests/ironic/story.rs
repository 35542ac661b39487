//! The whole of it: a real conductor is killed, its free nodes go into maintenance, Ironic refuses to
//! give them away, the conductor comes back, and exactly those nodes with it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nodewarden_tests::deployment::{Deployment, Other, eventually};
use serde_json::Value;

use crate::harness::RealIronic;

/// Ironic's own heartbeat time-out here, and what the target allows beside it.
const TIME_OUT: Duration = Duration::from_secs(10);
const MARGIN: Duration = Duration::from_secs(3);

/// nodewarden beside an Ironic: the rights of deploy/ironic, two replicas, two bridges.
pub struct Beside {
    pub deployment: Deployment,
    settings: Vec<String>,
}

impl Beside {
    pub fn new(ironic: &RealIronic, more: &[&str]) -> Self {
        let deployment = Deployment::default();
        let own = |url: &str| {
            let mut settings = vec![
                format!("database.url={url}"),
                "inventory.kind=ironic".to_owned(),
                "bridge.interval=500ms".to_owned(),
                "decide.sweep_interval=5s".to_owned(),
                format!("bridge.heartbeat_timeout={}s", TIME_OUT.as_secs()),
            ];
            settings.extend(more.iter().map(|setting| (*setting).to_owned()));
            settings
        };
        let administrator = ironic.database_url();
        let beside = Self {
            deployment,
            settings: own(&administrator),
        };
        beside.does(&["migrate"]);
        let user = format!("u_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        let grants = include_str!("../../deploy/ironic/grants-mysql.sql");
        let grants: String = grants
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect();
        for statement in grants.split(';').filter(|text| !text.trim().is_empty()) {
            ironic.sql(&statement.replace("'nodewarden'@", &format!("'{user}'@")));
        }
        let (_, server) = administrator.split_once('@').expect("a user");
        Self {
            settings: own(&format!("mysql://{user}:change%20me@{server}")),
            ..beside
        }
    }

    pub fn settings(&self) -> Vec<&str> {
        self.settings.iter().map(String::as_str).collect()
    }

    /// What a command prints; it must succeed.
    pub fn does(&self, words: &[&str]) -> String {
        let output = self.deployment.command(&self.settings(), words).output();
        let output = output.expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {told}");
        String::from_utf8(output.stdout).expect("text")
    }

    pub fn bridge(&self) -> Other {
        self.bridge_at("")
    }

    /// A bridge that answers at `listen`.
    pub fn bridge_at(&self, listen: &str) -> Other {
        let words = ["bridge", "ironic", "--listen", listen];
        Other::start(
            "bridge",
            &mut self.deployment.command(&self.settings(), &words),
        )
    }

    /// The nodes that a scheduler was told about, with what it was told last.
    pub fn told(tail: &Other) -> BTreeMap<String, String> {
        let mut told = BTreeMap::new();
        for line in tail.lines() {
            let message: Value = serde_json::from_str(&line).expect("JSON");
            for node in message["nodes"].as_array().into_iter().flatten() {
                let what = format!("{} {}", message["type"], message["reason"]);
                told.insert(
                    node["uuid"].as_str().expect("a uuid").to_owned(),
                    what.replace('"', ""),
                );
            }
        }
        told
    }
}

/// Maintenance, fault and reason as Ironic's API shows them.
fn shown(ironic: &RealIronic, uuid: &str) -> (bool, String, String) {
    let node = ironic.node(uuid);
    let text = |key: &str| node[key].as_str().unwrap_or("-").to_owned();
    let maintenance = node["maintenance"].as_bool().expect("yes or no");
    (maintenance, text("fault"), text("maintenance_reason"))
}

#[test]
fn a_dead_conductor_s_free_nodes_go_into_maintenance_and_exactly_those_come_back_with_it() {
    let ironic = RealIronic::start();
    ironic.start_conductor("powers", &["fake-hardware"], "");
    // Allocations are carried out by any conductor that lives.
    ironic.start_conductor("other", &["manual-management"], "");
    let nodes = ironic.enroll(6, "fake-hardware", "");
    let [ours, also_ours, reserved, used, before, meanwhile] = &nodes[..] else {
        panic!("{nodes:?}");
    };
    let beside = Beside::new(&ironic, &[]);
    let replica = beside.deployment.replica(&beside.settings());
    let standby = beside.deployment.start(&beside.settings());
    let bridges = [beside.bridge(), beside.bridge()];
    let tail = Other::start(
        "tail",
        &mut beside.deployment.command(&beside.settings(), &["tail"]),
    );
    eventually("both conductors are known", || {
        let (_, answer) = replica.http_get("/v1/conductors");
        let all = answer["conductors"].as_array()?.clone();
        (all.len() == 2 && all.iter().all(|one| one["state"] == "active")).then_some(())
    });
    ironic.sql(&format!(
        "UPDATE nodes SET reservation = 'somebody' WHERE uuid = '{reserved}'"
    ));
    ironic.sql(&format!(
        "UPDATE nodes SET instance_uuid = uuid WHERE uuid = '{used}'"
    ));
    assert_eq!(ironic.set_maintenance(before, "a fan is broken").0, 202);

    let killed = Instant::now();
    ironic.kill_conductor_9("powers");
    eventually("its free nodes are in maintenance", || {
        [ours, also_ours, meanwhile]
            .iter()
            .all(|uuid| shown(&ironic, uuid).0)
            .then_some(())
    });
    let took = killed.elapsed();
    assert!(took <= TIME_OUT + MARGIN, "it took {took:?}");
    let (_, fault, reason) = shown(&ironic, ours);
    assert_eq!(fault, "no active conductor");
    let decision = replica.http_get("/v1/decisions?limit=1").1["decisions"][0].clone();
    let id = decision["decision_id"].as_str().expect("a decision");
    assert_eq!(
        reason,
        format!(
            "nodewarden: no active conductor supports this node's driver; it comes back by itself (decision {id})"
        )
    );
    assert_eq!(decision["verdict"], "lost");
    assert!(!shown(&ironic, reserved).0, "somebody works on it");
    assert!(!shown(&ironic, used).0, "somebody uses it");
    assert_eq!(shown(&ironic, before).2, "a fan is broken");
    // The reserved one is what it would choose, and cannot.
    let refusal = ironic.allocate(&[]).expect_err("no node is left");
    assert!(refusal.contains("could not reserve any of 1"), "{refusal}");
    let explained = beside.does(&["explain", "node", ours]);
    assert!(
        explained.contains("has been OUT of service since"),
        "{explained}"
    );
    assert!(!explained.contains("An operator"), "{explained}");
    for kept in [reserved, used, before] {
        let explained = beside.does(&["explain", "node", kept]);
        assert!(
            explained.contains("is still in service: driver"),
            "{explained}"
        );
        assert!(
            explained.contains("nodewarden leaves it alone"),
            "{explained}"
        );
    }

    // The one that decides dies, too; an operator takes a node over meanwhile.
    replica.kill9();
    ironic.sql(&format!(
        "UPDATE nodes SET maintenance_reason = 'a disk swap' WHERE uuid = '{meanwhile}'"
    ));
    ironic.sql(&format!(
        "UPDATE nodes SET reservation = NULL WHERE uuid = '{reserved}'"
    ));
    standby.active();
    eventually("the one that was reserved is taken out by a sweep", || {
        shown(&ironic, reserved).0.then_some(())
    });

    ironic.start_conductor("powers", &["fake-hardware"], "");
    eventually("exactly ours are back", || {
        [ours, also_ours, reserved]
            .iter()
            .all(|uuid| !shown(&ironic, uuid).0)
            .then_some(())
    });
    for uuid in [ours, also_ours, reserved] {
        assert_eq!(
            shown(&ironic, uuid),
            (false, "-".to_owned(), "-".to_owned())
        );
    }
    assert_eq!(shown(&ironic, before).2, "a fan is broken");
    assert_eq!(shown(&ironic, meanwhile).2, "a disk swap");
    assert_eq!(
        ironic
            .allocate(&[ours.clone(), also_ours.clone()])
            .map(|given| given == *ours || given == *also_ours),
        Ok(true)
    );
    // And what schedulers heard of it.
    let restored = "node.back_in_service driver_restored".to_owned();
    let changed = "node.back_in_service node_changed".to_owned();
    let expected = BTreeMap::from([
        (ours.clone(), restored.clone()),
        (also_ours.clone(), restored.clone()),
        (reserved.clone(), restored),
        (meanwhile.clone(), changed),
    ]);
    eventually("the scheduler has heard of all", || {
        (Beside::told(&tail) == expected).then_some(())
    });
    // What an operator does after it stays as well.
    assert_eq!(
        ironic.set_maintenance(also_ours, "a firmware update").0,
        202
    );
    ironic.kill_conductor_9("powers");
    eventually("the driver is lost again", || {
        shown(&ironic, reserved).0.then_some(())
    });
    assert_eq!(shown(&ironic, also_ours).2, "a firmware update");

    // And out of the house again.
    beside.does(&["pause", "--reason", "uninstall"]);
    let released = beside.does(&["release", "--all"]);
    assert!(released.contains("given back"), "{released}");
    assert!(!shown(&ironic, reserved).0);
    standby.stop();
    drop(bridges);
    let drop_tables = include_str!("../../deploy/drop-tables.sql");
    let drop_tables: String = drop_tables
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect();
    for statement in drop_tables
        .split(';')
        .filter(|text| !text.trim().is_empty())
    {
        ironic.sql(statement);
    }
    assert!(ironic.sql("SHOW TABLES LIKE 'nodewarden%'").is_empty());
    let ours_still = "SELECT uuid FROM nodes WHERE maintenance_reason LIKE 'nodewarden%'";
    assert!(ironic.sql(ours_still).is_empty());
    for (uuid, reason) in [
        (before, "a fan is broken"),
        (meanwhile, "a disk swap"),
        (also_ours, "a firmware update"),
    ] {
        assert_eq!(shown(&ironic, uuid).2, reason);
    }
}
