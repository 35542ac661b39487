//! The stories of `stranger.py`, and what operators are told meanwhile.

use std::collections::BTreeMap;

use nodewarden_tests::deployment::{Deployment, Other, Replica, broker, file, python};
use rustix::process::Signal;
use serde_json::{Value, json};

const FLEET: &str = "tests/fixtures/stranger-nodes.json";

/// A deployment with the fleet of the stories, and a replica that decides.
fn deployment() -> (Deployment, Replica) {
    let deployment = Deployment::default();
    let replica = deployment.replica(&["decide.reconnect_grace=20s"]);
    let fleet = file(FLEET);
    let imported = deployment.ask(&["nodes", "import", fleet.to_str().expect("text")]);
    assert_eq!(
        (&imported["added"], &imported["updated"], &imported["known"]),
        (&json!(6), &json!(0), &json!(6))
    );
    (deployment, replica)
}

/// The fleet as its operators wrote it: uuid → node.
fn fleet() -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(file(FLEET)).expect("the fixture");
    let nodes: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let uuid = |node: &Value| node["uuid"].as_str().expect("a uuid").to_owned();
    nodes.into_iter().map(|node| (uuid(&node), node)).collect()
}

fn stranger(deployment: &Deployment, replica: &Replica, story: &str) -> Other {
    let mut nodes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (uuid, node) in fleet() {
        if node["conductor_group"] == "" {
            let driver = node["driver"].as_str().expect("a driver").to_owned();
            nodes.entry(driver).or_default().push(uuid);
        }
    }
    let mut command = python();
    command
        .arg(file("tests/interop/stranger.py"))
        .args(["--amqp", &broker(), "--http", &replica.url()])
        .args(["--events-exchange", &deployment.events_exchange])
        .args(["--nodes-exchange", &deployment.nodes_exchange])
        .arg("--schemas")
        .arg(file("schemas"))
        .args(["--story", story, "--within", "30", "--quiet", "2"]);
    for (driver, uuids) in nodes {
        command.args(["--nodes", &format!("{driver}={}", uuids.join(","))]);
    }
    Other::start("the stranger", &mut command)
}

fn passed(stranger: &mut Other) {
    let result = stranger.says("how its story ended", |line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line.get("result").is_some().then_some(line)
    });
    assert_eq!(result["result"], "ok", "{result}");
    assert_eq!(stranger.ended(), Some(0));
}

/// What `explain node` says about each node, without the times.
fn explained(deployment: &Deployment) -> BTreeMap<String, String> {
    fleet()
        .into_iter()
        .map(|(uuid, written)| {
            let answer = deployment.ask(&["explain", "node", &uuid]);
            assert_eq!(
                answer["maintenance"], written["maintenance"],
                "maintenance is the operators'"
            );
            let text = answer["explanation"].as_str().expect("text");
            (uuid, timeless(text))
        })
        .collect()
}

/// Each time of the form `2026-03-01T10:00:00Z (3 min ago)` as `TIME`.
fn timeless(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(z) = rest.find("Z (") {
        let start = z - "2026-03-01T10:00:00".len();
        out.push_str(&rest[..start]);
        out.push_str("TIME");
        let end = rest[z..].find(')').expect("it is closed");
        rest = &rest[z + end + 1..];
    }
    out + rest
}

/// What is expected of each node: the first sentences by uuid, then the operators' mark.
fn expected(say: impl Fn(&str, &str, &str) -> String) -> BTreeMap<String, String> {
    let mark = " An operator has set maintenance on it; that mark is theirs: nodewarden never sets or clears it, \
                and schedulers must respect it whatever is said above.";
    fleet()
        .into_iter()
        .map(|(uuid, node)| {
            let subject = match node["name"].as_str() {
                Some(name) => format!("Node {name} ({uuid})"),
                None => format!("Node {uuid}"),
            };
            let driver = node["driver"].as_str().expect("a driver");
            let group = node["conductor_group"].as_str().expect("a group");
            let mut text = say(&subject, driver, group);
            if node["maintenance"] == true {
                text.push_str(mark);
            }
            (uuid, text)
        })
        .collect()
}

fn never(subject: &str, driver: &str, group: &str) -> String {
    let place = match group {
        "" => "the default group".to_owned(),
        group => format!("group {group}"),
    };
    format!(
        "{subject} is in service. Driver {driver} in {place} never had an active conductor: that is reported, \
         and takes no node out of service. If the name is a mistake, correct it at the node."
    )
}

#[test]
fn a_stranger_sees_exactly_the_nodes_of_the_lost_driver_go_and_come_back_and_each_is_explained() {
    let (deployment, replica) = deployment();
    assert_eq!(explained(&deployment), expected(never));

    let mut stranger = stranger(&deployment, &replica, "leave");
    let read = |line: &str| serde_json::from_str::<Value>(line).ok();
    let snapshot = |line: &str| read(line).filter(|line| line.get("snapshot").is_some());
    stranger.says("that the snapshot agrees", snapshot);
    // It listens for two seconds for what must not come; held still, it has all the time we need.
    stranger.signal(Signal::STOP);
    let left = stranger.says("that c1 left", |line| {
        read(line).filter(|line| line["said"] == "conductor.left")
    });
    let (_, answer) = replica.http_get("/v1/decisions");
    let decision = answer["decisions"][0]["decision_id"].as_str();
    let (event, decision) = (
        left["message_id"].as_str().expect("an id"),
        decision.expect("a decision"),
    );
    let epoch = &answer["decisions"][0]["epoch"];
    assert_eq!(
        explained(&deployment),
        expected(|subject, driver, group| match (driver, group) {
            ("b", "") => format!(
                "{subject} has been OUT of service since TIME: driver b in the default group lost its last active \
                 conductor. Its last conductor, c1, left (event {event}). Decision {decision} by epoch {epoch} at TIME. \
                 Last real sign of life of the pair: TIME. It comes back by itself as soon as a conductor that \
                 supports driver b in the default group joins."
            ),
            ("a", "") => format!(
                "{subject} is in service: driver a in the default group is active through c2."
            ),
            _ => never(subject, driver, group),
        })
    );
    stranger.signal(Signal::CONT);
    passed(&mut stranger);

    assert_eq!(
        explained(&deployment),
        expected(|subject, driver, group| match (driver, group) {
            ("b", "") => format!(
                "{subject} is in service: driver b in the default group is active through c1. It came back at \
                 TIME: its driver had an active conductor again."
            ),
            ("a", "") => format!(
                "{subject} is in service: driver a in the default group is active through c1 and c2."
            ),
            _ => never(subject, driver, group),
        })
    );
    replica.stop();
}

#[test]
fn a_stranger_that_falls_silent_loses_its_driver_and_gets_it_back() {
    let (deployment, replica) = deployment();
    let mut stranger = stranger(&deployment, &replica, "beat");
    passed(&mut stranger);
    let (_, answer) = replica.http_get("/v1/decisions");
    let decisions: Vec<Value> = answer["decisions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|decision| {
            json!([
                decision["driver"],
                decision["verdict"],
                decision["cause"]["kind"],
                decision["nodes"]
            ])
        })
        .collect();
    assert_eq!(
        decisions,
        [
            json!(["b", "restored", "event", 3]),
            json!(["b", "lost", "silence", 3])
        ]
    );
    explained(&deployment); // maintenance as it was
    replica.stop();
}
