//! The examples for schedulers that exist: a real Slurm, and Metal3's hosts in an API server.

use std::collections::BTreeMap;
use std::process::Command;

use nodewarden_tests::deployment::{
    Deployment, Other, Replica, broker, eventually, file, free_port, free_ports, python,
};
use serde_json::{Value, json};

const ANNOTATION: &str = "capm3.metal3.io/unhealthy";

/// Three nodes of a driver, and one of another, by the names that a scheduler knows them by.
fn deployment(names: &[&str], kept: &str) -> (Deployment, Replica) {
    let deployment = Deployment::default();
    deployment.run(&["migrate"]);
    let nodes: Vec<Value> = names
        .iter()
        .map(|name| json!({ "uuid": format!("uuid of {name}"), "name": name, "driver": "ipmi" }))
        .chain([json!({ "uuid": "kept", "name": kept, "driver": "redfish" })])
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("nodes.json");
    std::fs::write(&list, Value::from(nodes).to_string()).expect("a file");
    deployment.run(&["nodes", "import", list.to_str().expect("text")]);
    let replica = deployment.replica(&["decide.sweep_interval=1s"]);
    for driver in ["ipmi", "redfish"] {
        deployment.run(&[
            "emit",
            "joined",
            driver,
            "--incarnation",
            "1",
            "--driver",
            driver,
        ]);
    }
    (deployment, replica)
}

fn example(name: &str, deployment: &Deployment, replica: &Replica) -> Command {
    let mut command = python();
    command
        .arg(file(&format!("deploy/examples/python/{name}.py")))
        .args(["--amqp", &broker()])
        .args(["--exchange", &deployment.nodes_exchange])
        .args(["--http", &replica.url()])
        .args([
            "--queue",
            &format!("scheduler.{}", deployment.nodes_exchange),
        ]);
    command
}

/// A controller of a test's own.
struct Slurm(tempfile::TempDir);

impl Slurm {
    fn start() -> Self {
        let slurm = Self(tempfile::tempdir().expect("a folder"));
        let port = free_ports(4);
        slurm.script(&["start"], &[&port.to_string()]);
        slurm
    }

    fn script(&self, before: &[&str], after: &[&str]) {
        let output = Command::new(file("tests/servers/slurm"))
            .args(before)
            .arg(self.0.path())
            .args(after)
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{output:?}");
    }

    fn conf(&self) -> std::path::PathBuf {
        self.0.path().join("slurm.conf")
    }

    fn scontrol(&self, words: &[&str]) -> String {
        let output = Command::new("scontrol")
            .args(words)
            .env("SLURM_CONF", self.conf())
            .output()
            .expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Node → the reason why it drains; none: it does not.
    fn drained(&self) -> BTreeMap<String, String> {
        let field = |line: &str, name: &str| -> String {
            let rest = line.split_once(&format!("{name}=")).map(|(_, rest)| rest);
            rest.unwrap_or_default()
                .split(" [")
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let answer = self.scontrol(&["show", "node", "--oneliner"]);
        answer
            .lines()
            .filter(|line| {
                field(line, " State")
                    .split(' ')
                    .next()
                    .unwrap()
                    .contains("DRAIN")
            })
            .map(|line| {
                let name = field(line, "NodeName");
                let name = name.split(' ').next().unwrap_or_default().to_owned();
                (name, field(line, " Reason"))
            })
            .collect()
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let _ = Command::new(file("tests/servers/slurm"))
            .arg("stop")
            .arg(self.0.path())
            .output();
    }
}

#[test]
fn slurm_drains_exactly_the_lost_nodes_and_never_touches_another_s_drain() {
    let slurm = Slurm::start();
    let (deployment, replica) = deployment(&["node-0", "node-1"], "node-2");
    let somebody = [(String::from("node-1"), String::from("a disk is broken"))];
    slurm.scontrol(&[
        "update",
        "nodename=node-1",
        "state=drain",
        "reason=a disk is broken",
    ]);
    let mut command = example("slurm", &deployment, &replica);
    let service = Other::start("slurm.py", command.env("SLURM_CONF", slurm.conf()));
    service.says("that it has its snapshot", |line| {
        line.contains("snapshot").then_some(())
    });

    deployment.run(&["emit", "left", "ipmi", "--incarnation", "1"]);
    let drained = eventually("node-0 drains", || {
        let drained = slurm.drained();
        (drained.len() == 2).then_some(drained)
    });
    let decision = &deployment.ask(&["explain", "node", "node-0"])["decision"]["decision_id"];
    let decision = decision.as_str().expect("a decision");
    let mut expected: BTreeMap<_, _> = somebody.clone().into();
    expected.insert("node-0".into(), format!("nodewarden:{decision}"));
    assert_eq!(drained, expected);

    // Undrained by hand, it drains again with the next sweep.
    slurm.scontrol(&["update", "nodename=node-0", "state=undrain"]);
    eventually("node-0 drains again", || {
        (slurm.drained() == expected).then_some(())
    });
    deployment.run(&[
        "emit",
        "joined",
        "ipmi",
        "--incarnation",
        "2",
        "--driver",
        "ipmi",
    ]);
    eventually("node-0 is back", || {
        (slurm.drained() == somebody.clone().into()).then_some(())
    });
}

#[test]
fn metal3_s_hosts_are_marked_while_their_nodes_are_out_and_another_s_mark_stays() {
    let (deployment, replica) = deployment(&["metal3~host-a", "metal3~host-b"], "metal3~host-c");
    let host = |name: &str, annotations: Value| {
        json!({ "metadata": { "name": name, "namespace": "metal3", "resourceVersion": "1",
                              "annotations": annotations } })
    };
    let hosts = json!([
        host("host-a", json!({ "kept": "yes" })),
        host("host-b", json!({ ANNOTATION: "capm3/UnhealthyNode" })),
        host("host-c", json!({})),
    ]);
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("hosts.json");
    std::fs::write(&list, hosts.to_string()).expect("a file");
    let port = free_port();
    let mut server = python();
    server
        .arg(file("tests/interop/kube_api.py"))
        .arg(&list)
        .arg(port.to_string());
    let server = Other::start("the API server", &mut server);
    let mut command = example("metal3", &deployment, &replica);
    command.env("KUBERNETES_API", format!("http://127.0.0.1:{port}"));
    let _service = Other::start("metal3.py", &mut command);

    deployment.run(&["emit", "left", "ipmi", "--incarnation", "1"]);
    let patches = |count: usize| {
        eventually("the hosts are patched", || {
            let lines = server.lines();
            let read = |line: &String| serde_json::from_str::<Value>(line).expect("JSON");
            (lines.len() >= count).then(|| lines.iter().map(read).collect::<Vec<_>>())
        })
    };
    let marked =
        json!({ "host": "host-a", "annotations": { "kept": "yes", ANNOTATION: "nodewarden" } });
    assert_eq!(patches(1), std::slice::from_ref(&marked));
    deployment.run(&[
        "emit",
        "joined",
        "ipmi",
        "--incarnation",
        "2",
        "--driver",
        "ipmi",
    ]);
    let free = json!({ "host": "host-a", "annotations": { "kept": "yes" } });
    assert_eq!(patches(2), [marked, free]);
}
