//! A new stream, as after restoring a backup: every scheduler takes a snapshot.

use nodewarden_tests::deployment::{Deployment, eventually};
use serde_json::Value;

use crate::examples::scheduler;

const FLEET: &str = r#"[{"uuid": "n1", "driver": "ipmi"}, {"uuid": "n2", "driver": "ipmi"}]"#;

#[test]
fn after_a_new_stream_every_scheduler_takes_a_snapshot_and_goes_on_from_there() {
    let deployment = Deployment::default();
    let replica = deployment.replica(&["decide.sweep_interval=1s"]);
    let fleet = tempfile::NamedTempFile::with_suffix(".json").expect("a file");
    std::fs::write(fleet.path(), FLEET).expect("written");
    deployment.run(&["nodes", "import", fleet.path().to_str().expect("text")]);
    let schedulers = [
        scheduler(&deployment, &replica, "python"),
        scheduler(&deployment, &replica, "rust"),
    ];
    deployment.run(&[
        "emit",
        "joined",
        "c1",
        "--incarnation",
        "1",
        "--driver",
        "ipmi",
    ]);
    deployment.run(&["emit", "left", "c1", "--incarnation", "1"]);
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
    let before = deployment.ask(&["status"]);

    // Not while somebody decides.
    let refused = deployment
        .command(&[], &["migrate", "--new-stream"])
        .output()
        .expect("it runs");
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("committed within the last "), "{told}");
    assert_eq!(deployment.ask(&["status"])["stream"], before["stream"]);

    let port = replica.port();
    replica.stop();
    let migrated = deployment.ask(&["migrate", "--new-stream"]);
    assert_eq!(migrated["new_stream"], true);
    assert_ne!(migrated["stream"], before["stream"]);
    let epoch = |status: &Value| status["epoch"].as_u64().expect("a number");
    // Above whatever the part that a backup has lost may have given.
    assert!(epoch(&migrated) > epoch(&before) + 1);
    assert_eq!(migrated["seq"], before["seq"]);
    // On a queue without ticks of the old stream; else they must expire first.
    let queue = format!("amqp.events_queue={}.next", deployment.events_queue);
    let replica = deployment.start_at(port, &["decide.sweep_interval=1s", &queue]);
    replica.active();
    counted("a second snapshot is taken", "snapshot", 2);
    deployment.run(&[
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
