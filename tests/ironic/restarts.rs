//! Restarts of real conductors in a site where each hardware type has one of them: which of them
//! move nodes, and which must not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nodewarden_tests::deployment::{Other, Replica, eventually};
use serde_json::Value;

use crate::harness::RealIronic;
use crate::story::Beside;

/// Ironic's own heartbeat time-out here, and what the target allows beside it.
const TIME_OUT: Duration = Duration::from_secs(10);
const MARGIN: Duration = Duration::from_secs(3);

/// `fakes` drives the nodes of one hardware type, `manuals` those of the other.
struct Site {
    ironic: RealIronic,
    beside: Beside,
    replica: Replica,
    tail: Other,
    _bridge: Other,
    fake: Vec<String>,
    manual: Vec<String>,
}

impl Site {
    fn start() -> Self {
        let ironic = RealIronic::start();
        ironic.start_conductor("fakes", &["fake-hardware"], "");
        ironic.start_conductor("manuals", &["manual-management"], "");
        let fake = ironic.enroll(3, "fake-hardware", "");
        let manual = ironic.enroll(2, "manual-management", "");
        let beside = Beside::new(&ironic, &["bridge.restart_grace=90s"]);
        let replica = beside.deployment.replica(&beside.settings());
        let tail = Other::start(
            "tail",
            &mut beside.deployment.command(&beside.settings(), &["tail"]),
        );
        let site = Self {
            _bridge: beside.bridge(),
            ironic,
            beside,
            replica,
            tail,
            fake,
            manual,
        };
        site.heard("fakes", "active");
        site.heard("manuals", "active");
        site
    }

    fn conductor(&self, name: &str) -> Option<Value> {
        let (_, answer) = self.replica.http_get("/v1/conductors");
        let all = answer["conductors"].as_array()?.clone();
        let host = self.ironic.host(name);
        all.into_iter().find(|one| one["conductor"] == *host)
    }

    /// Waits until the worker knows `name` so; its incarnation.
    fn heard(&self, name: &str, state: &str) -> u64 {
        eventually(&format!("{name} is {state}"), || {
            let conductor = self.conductor(name)?;
            (conductor["state"] == state).then(|| conductor["incarnation"].as_u64())?
        })
    }

    /// A graceful restart, perhaps with other settings; returns once the worker knows of it.
    fn restart(&self, name: &str, drivers: &[&str], group: &str) {
        self.ironic.stop_conductor(name);
        let left = self.heard(name, "leaving");
        self.ironic.start_conductor(name, drivers, group);
        assert!(self.heard(name, "active") > left);
    }

    /// Which nodes are in maintenance.
    fn out(&self) -> Vec<String> {
        let rows = self
            .ironic
            .sql("SELECT uuid FROM nodes WHERE maintenance = 1 ORDER BY uuid");
        rows.into_iter().flatten().flatten().collect()
    }

    fn becomes_out(&self, expected: &[String], within: Duration) {
        let mut expected = expected.to_vec();
        expected.sort();
        let began = Instant::now();
        eventually("exactly these are out", || {
            (self.out() == expected).then_some(())
        });
        assert!(began.elapsed() < within, "it took {:?}", began.elapsed());
    }
}

#[test]
fn only_what_a_restart_takes_away_moves_nodes_and_a_crash_and_a_deletion_are_found_in_time() {
    let site = Site::start();
    for _ in 0..2 {
        site.restart("fakes", &["fake-hardware"], "");
        site.restart("manuals", &["manual-management"], "");
    }
    assert_eq!(site.out(), Vec::<String>::new());
    assert_eq!(Beside::told(&site.tail), BTreeMap::new());
    let decisions = site.replica.http_get("/v1/decisions?limit=10").1;
    assert_eq!(decisions["decisions"], serde_json::json!([]));

    let soon = Duration::from_secs(10);
    // A hardware type that is gone after the restart, and one that is there again.
    site.restart("manuals", &["fake-hardware"], "");
    site.becomes_out(&site.manual, soon);
    site.restart("manuals", &["manual-management"], "");
    site.becomes_out(&[], soon);
    // Another group.
    site.restart("manuals", &["manual-management"], "rack9");
    site.becomes_out(&site.manual, soon);
    site.restart("manuals", &["manual-management"], "");
    site.becomes_out(&[], soon);

    site.ironic.kill_conductor_9("manuals");
    site.becomes_out(&site.manual, TIME_OUT + MARGIN);

    // It stops for good: its operator deletes it, as Ironic's own deletion does.
    site.ironic.stop_conductor("fakes");
    site.heard("fakes", "leaving");
    assert!(site.out() == site.manual || site.out().len() == 2);
    let host = site.ironic.host("fakes");
    let id =
        format!("(SELECT id FROM (SELECT id FROM conductors WHERE hostname = '{host}') AS it)");
    for statement in [
        format!("UPDATE nodes SET conductor_affinity = NULL WHERE conductor_affinity = {id}"),
        format!("DELETE FROM conductor_hardware_interfaces WHERE conductor_id = {id}"),
        format!("DELETE FROM conductors WHERE hostname = '{host}'"),
    ] {
        site.ironic.sql(&statement);
    }
    let all = [site.fake.clone(), site.manual.clone()].concat();
    site.becomes_out(&all, soon);
    let explained = site.beside.does(&["explain", "conductor", &host]);
    assert!(explained.contains("left"), "{explained}");
}
