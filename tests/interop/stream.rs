//! A new stream, as after restoring a backup: every scheduler takes a snapshot.

use serde_json::Value;

use crate::examples::scheduler;
use crate::replica::{House, eventually};

const FLEET: &str = r#"[{"uuid": "n1", "driver": "ipmi"}, {"uuid": "n2", "driver": "ipmi"}]"#;

#[test]
fn after_a_new_stream_every_scheduler_takes_a_snapshot_and_goes_on_from_there() {
    let house = House::default();
    let replica = house.replica(&["decide.sweep_interval=1s"]);
    let fleet = tempfile::NamedTempFile::with_suffix(".json").expect("a file");
    std::fs::write(fleet.path(), FLEET).expect("written");
    house.run(&["nodes", "import", fleet.path().to_str().expect("text")]);
    let schedulers = [
        scheduler(&house, &replica, "python"),
        scheduler(&house, &replica, "rust"),
    ];
    house.run(&[
        "emit",
        "joined",
        "c1",
        "--incarnation",
        "1",
        "--driver",
        "ipmi",
    ]);
    house.run(&["emit", "left", "c1", "--incarnation", "1"]);
    let counted = |what: &str, of: &str, wanted: usize| {
        for scheduler in &schedulers {
            eventually(what, || {
                let lines = scheduler.lines();
                let found = lines.iter().filter(|line| line.contains(of)).count();
                (found >= wanted).then_some(())
            });
        }
    };
    counted("both nodes are out", "out", 2);
    let before = house.ask(&["status"]);

    // Not while somebody decides.
    let refused = house
        .command(&[], &["migrate", "--new-stream"])
        .output()
        .expect("it runs");
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        told.contains("has committed within the last minute"),
        "{told}"
    );
    assert_eq!(house.ask(&["status"])["stream"], before["stream"]);

    let port = replica.port();
    replica.stop();
    let migrated = house.ask(&["migrate", "--new-stream"]);
    assert_eq!(migrated["new_stream"], true);
    assert_ne!(migrated["stream"], before["stream"]);
    assert_eq!(
        migrated["epoch"],
        Value::from(before["epoch"].as_u64().expect("a number") + 1)
    );
    assert_eq!(migrated["seq"], before["seq"]);
    // On a queue without ticks of the old stream; else they must expire first.
    let queue = format!("amqp.events_queue={}.next", house.events_queue);
    let replica = house.start_at(port, &["decide.sweep_interval=1s", &queue]);
    replica.active();
    counted("a second snapshot is taken", "snapshot", 2);
    house.run(&[
        "emit",
        "joined",
        "c1",
        "--incarnation",
        "2",
        "--driver",
        "ipmi",
    ]);
    counted("both nodes are back", "driver_restored", 2);
    replica.stop();
}
