//! The alerting rules and the board: Prometheus' own tool proves when each alert fires and when
//! not, and a real Prometheus that scrapes real replicas proves that every metric and label in them
//! is one that is served, and that every panel shows something.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::process::{Command, Stdio};

use nodewarden::broker::Emitter;
use nodewarden::config::{Amqp, Brokers};
use nodewarden::domain::ids::SubscriberName;
use nodewarden::domain::receipt::Receipt;
use nodewarden::message::Published;
use nodewarden::wire::receipt_message;
use nodewarden_tests::deployment::{
    Deployment, Other, Replica, broker, eventually, file, free_port, get,
};
use nodewarden_tests::promql::{Use, grouping, served, uses};
use serde::Deserialize;
use serde_json::Value;

/// Names in the rules and on the board that a bridge serves, and not a worker.
const OF_A_BRIDGE: &[&str] = &[
    "nodewarden_bridge_last_good_look_age_seconds",
    "nodewarden_bridge_looks_total",
    "nodewarden_bridge_published_total",
    "nodewarden_bridge_conductors",
    "nodewarden_bridge_waiting_events",
];

/// Panels that are empty as long as nothing is wrong.
const MAY_BE_EMPTY: &[&str] = &["Alerts that fire", "Refused messages"];

const RULES: &str = "deploy/prometheus/alerts.yml";
const BOARD: &str = "deploy/grafana/nodewarden.json";

#[derive(Debug, Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    alert: String,
    expr: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

fn read(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

fn rules() -> Vec<Rule> {
    let rules: Rules = serde_norway::from_str(&read(RULES)).expect("rules");
    rules
        .groups
        .into_iter()
        .flat_map(|group| group.rules)
        .collect()
}

fn board() -> Value {
    serde_json::from_str(&read(BOARD)).expect("JSON")
}

/// Every panel that shows something.
fn panels() -> Vec<Value> {
    let panels = board()["panels"].take();
    let panels = panels.as_array().expect("panels").iter();
    panels
        .filter(|panel| panel["type"] != "row")
        .cloned()
        .collect()
}

/// What a panel asks, with Grafana's variables filled in.
fn queries(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().expect("targets");
    let exprs = targets
        .iter()
        .map(|target| target["expr"].as_str().expect("a query"));
    exprs
        .map(|expr| {
            let filled = expr
                .replace("$job", "nodewarden")
                .replace("$instance", ".*")
                .replace("$bridge_job", ".*")
                .replace("$__rate_interval", "10s");
            assert!(!filled.contains('$'), "{expr}");
            filled
        })
        .collect()
}

fn text<'a>(value: &'a Value, what: &str) -> &'a str {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| panic!("no {what}: {value}"))
}

#[test]
fn every_alert_fires_when_it_should_and_only_then() {
    for words in [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ] {
        let output = Command::new("promtool")
            .args(words)
            .current_dir(file("deploy/prometheus"))
            .output()
            .expect("promtool runs; tests/servers/install installs it");
        let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{words:?}\n{}{}",
            told(&output.stdout),
            told(&output.stderr)
        );
    }
}

#[test]
fn every_alert_is_tested_both_ways_and_says_what_to_do() {
    let tests: serde_norway::Value =
        serde_norway::from_str(&read("deploy/prometheus/alerts_test.yml")).expect("tests");
    let mut tried = BTreeSet::new();
    for test in tests["tests"].as_sequence().expect("a list") {
        for case in test["alert_rule_test"].as_sequence().expect("a list") {
            let fires = case["exp_alerts"]
                .as_sequence()
                .is_some_and(|all| !all.is_empty());
            tried.insert((
                case["alertname"].as_str().expect("a name").to_owned(),
                fires,
            ));
        }
    }
    let operating = read("deploy/OPERATING.md");
    let (mut expected, mut names) = (BTreeSet::new(), BTreeSet::new());
    for rule in rules() {
        let name = &rule.alert;
        assert!(names.insert(name.clone()), "{name} is there twice");
        expected.extend([(name.clone(), true), (name.clone(), false)]);
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(
            matches!(severity, Some("critical" | "warning")),
            "{name}: {severity:?}"
        );
        assert!(rule.annotations.contains_key("summary"), "{name}");
        assert!(rule.annotations.contains_key("description"), "{name}");
        let runbook = format!("deploy/OPERATING.md#{}", name.to_lowercase());
        assert_eq!(rule.annotations.get("runbook"), Some(&runbook));
        let told = match severity {
            Some("critical") => "Critical",
            _ => "Warning",
        };
        assert!(
            operating.contains(&format!("\n### {name}\n\n{told}: ")),
            "{name} has no runbook that begins with its severity"
        );
    }
    assert_eq!(tried, expected);
    let explained = operating
        .lines()
        .filter_map(|line| line.strip_prefix("### Nodewarden"));
    assert_eq!(
        explained.count(),
        names.len(),
        "a runbook for an alert that is not there"
    );
}

#[test]
fn every_panel_says_what_to_look_at_and_in_which_unit() {
    let board = board();
    let variables = board["templating"]["list"].as_array().expect("a list");
    let names: Vec<_> = variables
        .iter()
        .map(|variable| text(&variable["name"], "name"))
        .collect();
    assert_eq!(names, ["datasource", "job", "instance", "bridge_job"]);
    let (mut ids, mut titles, mut places) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for panel in panels() {
        let title = text(&panel["title"], "title");
        assert!(titles.insert(title.to_owned()), "{title} is there twice");
        assert!(
            ids.insert(panel["id"].as_u64()),
            "{title}: its id is there twice"
        );
        let said = text(&panel["description"], "description").len();
        assert!(said > 60, "{title} says too little");
        text(&panel["fieldConfig"]["defaults"]["unit"], "unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().expect("targets") {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        assert!(place("x") + place("w") <= 24, "{title} is outside");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(places.insert((x, y)), "{title} lies on another panel");
            }
        }
    }
}

/// A fleet in which something is lost, something hangs on one conductor, and a replica stands by.
fn fleet() -> (Deployment, [Replica; 2]) {
    let deployment = Deployment::default();
    let folder = tempfile::tempdir().expect("a folder");
    let nodes = folder.path().join("nodes.csv");
    let rows = "uuid,driver,conductor_group\nu1,redfish,rack1\nu2,ipmi,rack1\nu3,typo,rack1\n";
    fs::write(&nodes, rows).expect("written");
    deployment.run(&["migrate"]);
    deployment.run(&["nodes", "import", nodes.to_str().expect("text")]);
    let replicas = [deployment.replica(&[]), deployment.start(&[])];
    // From the first scrape on: a rate must see what the first loss takes.
    for took in ["confirmed", "applied"] {
        let line = format!("\nnodewarden_decision_to_{took}_seconds_bucket{{le=\"5\"}} 0\n");
        let text = replicas[0].text("/metrics");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    for words in [
        "emit joined c1 --incarnation 1 --group rack1 --driver redfish --driver ipmi",
        "emit joined c2 --incarnation 1 --group rack1 --driver ipmi",
        "emit left c1 --incarnation 1",
    ] {
        deployment.run(&words.split(' ').collect::<Vec<_>>());
    }
    eventually("the pair is lost", || {
        let out = "\nnodewarden_nodes_out_of_service 1\n";
        let both = replicas
            .iter()
            .all(|replica| replica.text("/metrics").contains(out));
        both.then_some(())
    });
    receipt(&deployment);
    eventually("the receipt is measured", || {
        let text = replicas[0].text("/metrics");
        (!text.contains("decision_to_applied_seconds_count 0\n")).then_some(())
    });
    (deployment, replicas)
}

/// A scheduler says that it has applied the first change.
fn receipt(deployment: &Deployment) {
    let status: Value = serde_json::from_str(&deployment.run(&["status", "--output", "json"]))
        .expect("status is JSON");
    let amqp = Amqp {
        url: Brokers::new(&broker()),
        ..Amqp::default()
    };
    let receipt = Receipt {
        subscriber: SubscriberName::parse("nova").expect("a name"),
        stream: text(&status["stream"], "stream").to_owned(),
        seq: 1,
        applied_at_ms: 1,
    };
    let message = receipt_message(&receipt, &deployment.receipts_exchange);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let published = runtime.block_on(async {
        let mut emitter = Emitter::open(&amqp, "test").await.expect("it dials");
        emitter.publish(&[message]).await.expect("an answer")
    });
    assert_eq!(published, [Published::Confirmed]);
}

/// What a bridge serves, wherever it looks.
fn bridge(deployment: &Deployment) -> String {
    let listen = format!("bridge.listen=127.0.0.1:{}", free_port());
    let settings = [listen.as_str(), "bridge.heartbeat_timeout=10s"];
    let words = ["bridge", "ironic"];
    let _bridge = Other::start("bridge", &mut deployment.command(&settings, &words));
    let port = listen.rsplit(':').next().expect("a port");
    eventually("the bridge answers", || {
        let (status, text) = get(port.parse().expect("a number"), "/metrics")?;
        (status == 200).then_some(text)
    })
}

#[test]
fn every_name_and_label_is_one_that_a_worker_or_a_bridge_serves() {
    let (deployment, replicas) = fleet();
    let mut exprs: Vec<(String, String)> = rules()
        .into_iter()
        .map(|rule| (rule.alert, rule.expr))
        .collect();
    for panel in panels() {
        let title = text(&panel["title"], "title").to_owned();
        exprs.extend(
            queries(&panel)
                .into_iter()
                .map(|query| (title.clone(), query)),
        );
    }
    for variable in board()["templating"]["list"].as_array().expect("a list") {
        if let Some(query) = variable["definition"].as_str() {
            exprs.push(("a variable".into(), query.replace("$job", "nodewarden")));
        }
    }
    let workers = served(&replicas[0].text("/metrics"));
    let mut served = served(&bridge(&deployment));
    let bridges: BTreeSet<String> = OF_A_BRIDGE
        .iter()
        .filter(|name| served.contains_key(**name) && !workers.contains_key(**name))
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(
        bridges,
        OF_A_BRIDGE.iter().map(|name| (*name).to_owned()).collect()
    );
    served.extend(workers);
    let mut wrong = Vec::new();
    let mut missing = BTreeSet::new();
    for (place, expr) in &exprs {
        for Use { name, matchers } in uses(expr) {
            let Some(series) = served.get(&name) else {
                missing.insert(name);
                continue;
            };
            for (label, value) in matchers {
                let fits = |labels: &BTreeMap<String, String>| match &value {
                    Some(value) => labels.get(&label) == Some(value),
                    None => labels.contains_key(&label),
                };
                if !["job", "instance"].contains(&label.as_str()) && !series.iter().any(fits) {
                    wrong.push(format!("{place}: {name} has no {label} {value:?}"));
                }
            }
        }
        let known: BTreeSet<String> = uses(expr)
            .iter()
            .flat_map(|used| served.get(&used.name).into_iter().flatten())
            .flat_map(|labels| labels.keys().cloned())
            .collect();
        let all_served = uses(expr)
            .iter()
            .all(|used| served.contains_key(&used.name));
        for label in grouping(expr).iter().filter(|_| all_served) {
            if !["job", "instance"].contains(&label.as_str()) && !known.contains(label) {
                wrong.push(format!("{place}: nothing has a label {label}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(missing, BTreeSet::new());
}

/// A Prometheus with the shipped configuration, which looks once a second and at these replicas.
struct Prometheus {
    port: u16,
    _process: Other,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(replicas: &[Replica; 2]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = read("deploy/prometheus/prometheus.yml");
        let rules = file(RULES).display().to_string();
        let address = |replica: &Replica| replica.url().replace("http://", "");
        for (from, to) in [
            ("interval: 15s", "interval: 1s"),
            ("- alerts.yml", &format!("- {rules}")),
            ("127.0.0.1:8781", &address(&replicas[0])),
            ("127.0.0.1:8782", &address(&replicas[1])),
        ] {
            assert!(config.contains(from), "{from}");
            config = config.replace(from, to);
        }
        let path = folder.path().join("prometheus.yml");
        fs::write(&path, config).expect("written");
        let port = free_port();
        let log = File::create(folder.path().join("log")).expect("a log");
        let process = Other::start(
            "prometheus",
            Command::new("prometheus")
                .arg(format!("--config.file={}", path.display()))
                .arg(format!(
                    "--storage.tsdb.path={}",
                    folder.path().join("data").display()
                ))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .stderr(Stdio::from(log)),
        );
        let started = Self {
            port,
            _process: process,
            _folder: folder,
        };
        eventually("prometheus is ready", || {
            get(port, "/-/ready").filter(|(status, _)| *status == 200)
        });
        started
    }

    /// The `data` of an answer; a query that it does not understand fails.
    fn ask(&self, path: &str) -> Value {
        let (status, body) = eventually(path, || get(self.port, path));
        assert_eq!(status, 200, "{path}: {body}");
        let mut answer: Value = serde_json::from_str(&body).expect("JSON");
        answer["data"].take()
    }

    /// How many series a query finds.
    fn finds(&self, query: &str) -> usize {
        let bytes = query.bytes().map(|byte| format!("%{byte:02x}"));
        let answer = self.ask(&format!(
            "/api/v1/query?query={}",
            bytes.collect::<String>()
        ));
        answer["result"].as_array().expect("a list").len()
    }
}

#[test]
fn every_panel_shows_something_and_only_what_is_wrong_is_an_alert() {
    let (_deployment, replicas) = fleet();
    let prometheus = Prometheus::start(&replicas);
    for panel in panels() {
        let title = text(&panel["title"], "title");
        for query in queries(&panel) {
            let parsed = prometheus.finds(&query);
            let of_a_bridge = uses(&query)
                .iter()
                .any(|used| OF_A_BRIDGE.contains(&used.name.as_str()));
            if parsed == 0 && !of_a_bridge && !MAY_BE_EMPTY.contains(&title) {
                eventually(&format!("{title} shows something: {query}"), || {
                    (prometheus.finds(&query) > 0).then_some(())
                });
            }
        }
    }
    // Only the driver that is lost is an alert; it is one, whatever the replicas.
    eventually("the rules are evaluated, and one of them is true", || {
        let groups = prometheus.ask("/api/v1/rules")["groups"].take();
        let mut active = Vec::new();
        for group in groups.as_array()? {
            for rule in group["rules"].as_array()? {
                assert_ne!(rule["health"], "err", "{rule}");
                if rule["health"] != "ok" {
                    return None;
                }
                for alert in rule["alerts"].as_array()? {
                    let label =
                        |name: &str| alert["labels"][name].as_str().unwrap_or("-").to_owned();
                    active.push([
                        label("alertname"),
                        label("conductor_group"),
                        label("driver"),
                    ]);
                }
            }
        }
        let lost = ["NodewardenDriverLost", "rack1", "redfish"].map(str::to_owned);
        (active == [lost]).then_some(())
    });
    for replica in replicas {
        replica.stop();
    }
}
