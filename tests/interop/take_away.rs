//! A message that the AMQP library cannot read, and the script that takes it away, as the page for operators has it.

use std::path::Path;

use nodewarden_tests::deployment::{Deployment, broker, eventually, file, python};

/// The script of the page, in a file.
fn script(folder: &Path) -> std::path::PathBuf {
    let page = std::fs::read_to_string(file("deploy/OPERATING.md")).expect("the page");
    let (_, after) = page.split_once("\n```py\n").expect("the script");
    let (script, _) = after.split_once("\n```\n").expect("its end");
    let path = folder.join("take-away.py");
    std::fs::write(&path, script).expect("written");
    path
}

fn wedged_and_healed(what: &str, script: &Path) {
    let deployment = Deployment::default();
    deployment.run(&["migrate"]);
    let replica = deployment.replica(&[]);
    let published = python()
        .arg(file("tests/interop/unreadable.py"))
        .args(["--amqp", &broker(), "--where", what])
        .args(["--exchange", &deployment.events_exchange])
        .output()
        .expect("it runs");
    assert!(published.status.success(), "{what}: {published:?}");
    eventually(&format!("{what}: /readyz says why"), || {
        let (_, answer) = replica.http_get("/readyz");
        let reasons = answer["reasons"].to_string();
        reasons.contains("failed to parse").then_some(())
    });
    replica.stop();
    // It waits for five seconds only, which a busy broker may let pass.
    let said = eventually(&format!("{what}: the script takes something"), || {
        let took = python()
            .arg(script)
            .args([&broker(), &deployment.events_queue])
            .output()
            .expect("it runs");
        assert!(took.status.success(), "{what}: {took:?}");
        let said = String::from_utf8(took.stdout).expect("text");
        said.contains("took away ").then_some(said)
    });
    assert_eq!(said.matches("took away ").count(), 1, "{what}: {said}");
    assert!(said.trim_end().ends_with("b'bad'"), "{what}: {said}");
    let replica = deployment.replica(&[]);
    eventually(&format!("{what}: the message behind it counts"), || {
        let status = deployment.ask(&["status"]);
        (status["conductors"][0]["state"] == "active").then_some(())
    });
    replica.stop();
}

#[test]
fn a_message_that_cannot_be_read_is_taken_away_by_the_script_of_the_page_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = script(folder.path());
    std::thread::scope(|scope| {
        for what in ["property", "routing key", "header name", "nested"] {
            let script = &script;
            scope.spawn(move || wedged_and_healed(what, script));
        }
    });
}
