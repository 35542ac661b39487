//! The four examples of `deploy/examples/python` and `examples/` at work together: two conductors
//! and two schedulers, in two languages, against the real binary.

use std::process::Command;

use nodewarden_tests::deployment::{
    Deployment, Other, Replica, broker, eventually, example, file, python,
};
use rustix::process::Signal;
use serde_json::{Value, json};

const FLEET: &str = r#"[
    {"uuid": "node-of-python", "driver": "in-python", "conductor_group": "rack1"},
    {"uuid": "node-of-rust", "driver": "in-rust", "conductor_group": "rack1"}
]"#;

/// A conductor that says where it is lost after four seconds of silence.
fn conductor(deployment: &Deployment, language: &str) -> Other {
    let mut command = match language {
        "python" => {
            let mut command = python();
            command
                .arg(file("deploy/examples/python/conductor.py"))
                .args(["--timeout", "4"]);
            command
        }
        _ => {
            let mut command = Command::new(example("conductor"));
            command.args(["--timeout-s", "4"]);
            command
        }
    };
    let driver = format!("in-{language}");
    command
        .args([
            "--amqp",
            &broker(),
            "--exchange",
            &deployment.events_exchange,
        ])
        .args(["--name", language, "--drivers", &driver, "--group", "rack1"]);
    let conductor = Other::start(&driver, &mut command);
    conductor.says("that it joined", |line| {
        line.starts_with("joined as").then_some(())
    });
    conductor
}

/// A scheduler that has its snapshot.
pub fn scheduler(deployment: &Deployment, replica: &Replica, language: &str) -> Other {
    let mut command = match language {
        "python" => {
            let mut command = python();
            command
                .arg(file("deploy/examples/python/scheduler.py"))
                .args(["--subscriber", "example"])
                .args(["--receipts", &deployment.receipts_exchange]);
            command
        }
        _ => Command::new(example("scheduler")),
    };
    let queue = format!("scheduler.{}", deployment.nodes_exchange);
    command
        .args([
            "--amqp",
            &broker(),
            "--exchange",
            &deployment.nodes_exchange,
        ])
        .args(["--http", &replica.url(), "--queue", &queue]);
    let scheduler = Other::start(&format!("scheduler in {language}"), &mut command);
    scheduler.says("that it has its snapshot", |line| {
        line.contains("snapshot").then_some(())
    });
    scheduler
}

#[test]
fn receipts_are_said_at_most_once_a_second_and_tried_again_half_a_minute_after_a_refusal() {
    let mut command = python();
    command.arg(file("tests/interop/receipts.py"));
    let output = command.arg(file("deploy/examples/python")).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{output:?}");
}

/// The changes that a scheduler has printed, in one form for both languages.
fn changes(scheduler: &Other) -> Vec<Value> {
    let read = |line: &String| match serde_json::from_str::<Value>(line) {
        Ok(line) => matches!(line["change"].as_str(), Some("out" | "back")).then(|| {
            json!([
                line["seq"],
                line["change"],
                line["uuid"],
                line["reason"],
                line["driver"]
            ])
        }),
        Err(_) => {
            // 1 out node-of-rust (driver_lost, driver in-rust)
            let words: Vec<&str> = line.split([' ', ',', '(', ')']).collect();
            let [seq, change, uuid, "", reason, "", "driver", driver, ..] = words[..] else {
                return None;
            };
            Some(json!([
                seq.parse::<u64>().ok()?,
                change,
                uuid,
                reason,
                driver
            ]))
        }
    };
    scheduler.lines().iter().filter_map(read).collect()
}

#[test]
fn the_examples_in_both_languages_work_together() {
    let deployment = Deployment::default();
    let replica = deployment.replica(&["decide.reconnect_grace=20s"]);
    let fleet = tempfile::NamedTempFile::with_suffix(".json").expect("a file");
    std::fs::write(fleet.path(), FLEET).expect("written");
    deployment.run(&["nodes", "import", fleet.path().to_str().expect("text")]);
    let schedulers = [
        scheduler(&deployment, &replica, "python"),
        scheduler(&deployment, &replica, "rust"),
    ];
    let mut expected: Vec<Value> = Vec::new();
    let mut hear = |change: &str, language: &str| {
        let reason = match change {
            "out" => "driver_lost",
            _ => "driver_restored",
        };
        let node = format!("node-of-{language}");
        let driver = format!("in-{language}");
        expected.push(json!([expected.len() + 1, change, node, reason, driver]));
        for scheduler in &schedulers {
            let what = format!("{} heard {expected:?}", scheduler.lines().join("\n"));
            eventually(&what, || {
                (changes(scheduler).len() >= expected.len()).then_some(())
            });
            assert_eq!(changes(scheduler), expected);
        }
    };
    for language in ["python", "rust"] {
        conductor(&deployment, language).kill9();
        hear("out", language);
        let mut again = conductor(&deployment, language);
        hear("back", language);
        again.signal(Signal::TERM);
        again.says("that it left", |line| (line == "left").then_some(()));
        assert_eq!(again.ended(), Some(0));
        hear("out", language);
    }
    let receipt = eventually("the receipt of the last change", || {
        let status: Value = serde_json::from_str(&deployment.run(&["status", "--output", "json"]))
            .expect("status is JSON");
        let subscribers = status["subscribers"].as_array().expect("a list").clone();
        let said = |one: &Value| json!([one["subscriber"], one["seq"], one["behind"]]);
        let said: Vec<Value> = subscribers.iter().map(said).collect();
        (said == [json!(["example", expected.len(), 0])]).then(|| subscribers[0].clone())
    });
    assert_eq!(receipt["waiting_since_ms"], Value::Null);
    let (_, answer) = replica.http_get("/v1/conductors");
    let conductors: Vec<Value> = answer["conductors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            json!([
                one["conductor"],
                one["conductor_group"],
                one["drivers"],
                one["state"]
            ])
        })
        .collect();
    assert_eq!(
        conductors,
        [
            json!(["python", "rack1", ["in-python"], "left"]),
            json!(["rust", "rack1", ["in-rust"], "left"])
        ]
    );
    replica.stop();
}
