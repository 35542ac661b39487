//! What an operator of Nova relies on.

use std::collections::BTreeSet;
use std::process::Command;

use nodewarden_tests::deployment::{Deployment, Other, Replica, eventually, free_port, get};
use rustix::process::Signal;
use serde_json::Value;

use super::openstack::{OTHER, OURS, SimOpenStack};

/// A fleet of `lost` nodes on the driver that goes away, and `kept` ones on another.
struct Fleet {
    deployment: Deployment,
    replica: Replica,
    lost: BTreeSet<String>,
    folder: tempfile::TempDir,
}

fn uuids(kind: u8, count: usize) -> BTreeSet<String> {
    (0..count)
        .map(|number| format!("{kind:08x}-0000-4000-8000-{number:012x}"))
        .collect()
}

impl Fleet {
    fn start(lost: usize) -> Self {
        let deployment = Deployment::default();
        let folder = tempfile::tempdir().expect("a folder");
        let (lost, kept) = (uuids(1, lost), uuids(2, 5));
        let rows = lost.iter().map(|uuid| format!("{uuid},ipmi\n"));
        let rows = rows.chain(kept.iter().map(|uuid| format!("{uuid},redfish\n")));
        let file = folder.path().join("nodes.csv");
        let csv = format!("uuid,driver\n{}", rows.collect::<String>());
        std::fs::write(&file, csv).expect("a file");
        deployment.run(&["migrate"]);
        deployment.run(&["nodes", "import", file.to_str().expect("a path")]);
        let replica = deployment.replica(&["decide.sweep_interval=1s"]);
        let fleet = Self {
            deployment,
            replica,
            lost,
            folder,
        };
        fleet.emit(&["joined", "c1", "--incarnation", "1", "--driver", "ipmi"]);
        fleet.emit(&["joined", "c2", "--incarnation", "1", "--driver", "redfish"]);
        fleet
    }

    fn emit(&self, words: &[&str]) {
        self.deployment.run(&[&["emit"], words].concat());
    }

    fn lose(&self) {
        self.emit(&["left", "c1", "--incarnation", "1"]);
    }

    fn bring_back(&self) {
        self.emit(&["joined", "c1", "--incarnation", "2", "--driver", "ipmi"]);
    }

    fn providers(&self) -> Vec<String> {
        self.lost.iter().cloned().chain(uuids(2, 5)).collect()
    }

    fn command(&self, site: &SimOpenStack, words: &[&str]) -> Command {
        let clouds = self.folder.path().join("clouds.yaml");
        let text = format!(
            "clouds: {{site: {{region_name: north, interface: internal, auth: {{auth_url: 'http://{}/identity', \
             username: nodewarden, password: hush, project_name: service}}}}}}",
            site.address
        );
        std::fs::write(&clouds, text).expect("a file");
        let urls = format!(
            "placement.snapshot_urls=[\"http://127.0.0.1:9\", \"{}\"]",
            self.replica.url()
        );
        let settings = [
            urls.as_str(),
            "placement.interval=1s",
            "placement.cloud=site",
        ];
        let mut command = self.deployment.command(&settings, words);
        command.env("OS_CLIENT_CONFIG_FILE", clouds);
        command
    }

    fn service(&self, site: &SimOpenStack) -> (Other, u16) {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let mut command = self.command(site, &["placement", "--listen", &listen]);
        let service = Other::start("placement", &mut command);
        eventually("placement is ready", || {
            get(port, "/readyz").filter(|(status, _)| *status == 200)
        });
        (service, port)
    }
}

fn members_become(site: &SimOpenStack, expected: &BTreeSet<String>) {
    eventually("the members are as they should be", || {
        (site.members() == *expected).then_some(())
    });
}

#[test]
fn lost_nodes_are_members_until_they_are_back_and_nothing_else_is_ever_written() {
    let fleet = Fleet::start(40);
    let site = SimOpenStack::start(&fleet.providers());
    let (mut service, _) = fleet.service(&site);
    fleet.lose();
    members_become(&site, &fleet.lost);
    fleet.bring_back();
    members_become(&site, &BTreeSet::new());

    service.signal(Signal::TERM);
    assert_eq!(service.ended(), Some(0));
    let site = site.site();
    for (method, path) in &site.requests {
        let reads = method == "GET";
        let logs_in = path == "/identity/v3/auth/tokens";
        let writes_members = method == "PUT" && path.ends_with("/aggregates");
        assert!(reads || logs_in || writes_members, "{method} {path}");
    }
    let written = site.requests.iter().filter(|(method, _)| method == "PUT");
    assert_eq!(written.count(), 80, "each node once out and once back");
    for (uuid, (_, aggregates)) in &site.providers {
        assert_eq!(*aggregates, [OTHER.to_owned()].into(), "{uuid}");
    }
}

#[test]
fn tokens_end_others_write_and_placement_goes_away_for_a_while() {
    let fleet = Fleet::start(20);
    let site = SimOpenStack::start(&fleet.providers()[1..]);
    let (_service, port) = fleet.service(&site);
    let logins = site.site().logins;
    {
        let mut site = site.site();
        site.token = 2;
        site.interfering = 5;
    }
    fleet.lose();
    let known: BTreeSet<String> = fleet.lost.iter().skip(1).cloned().collect();
    members_become(&site, &known);
    assert!(site.site().logins > logins, "a new token");

    site.site().down = true;
    fleet.bring_back();
    eventually("it says that Placement is away", || {
        let (status, body) = get(port, "/readyz")?;
        (status == 503 && body.contains("503")).then_some(())
    });
    assert_eq!(site.members(), known, "nothing changed while it was away");
    site.site().down = false;
    members_become(&site, &BTreeSet::new());
}

#[test]
fn what_changed_behind_its_back_is_put_right_and_nothing_without_a_snapshot() {
    let fleet = Fleet::start(3);
    let site = SimOpenStack::start(&fleet.providers());
    let stray = uuids(2, 5).into_iter().next().expect("one");
    let set = |uuid: &str, member: bool| {
        let mut site = site.site();
        let (generation, aggregates) = site.providers.get_mut(uuid).expect("it is there");
        *generation += 1;
        if member {
            aggregates.insert(OURS.to_owned());
        } else {
            aggregates.remove(OURS);
        }
    };
    set(&stray, true);
    fleet.lose();
    let (service, _) = fleet.service(&site);
    let (second, _) = fleet.service(&site);
    members_become(&site, &fleet.lost);
    let first = fleet.lost.iter().next().expect("one");
    set(first, false);
    set(&stray, true);
    members_become(&site, &fleet.lost);

    // Killed at any moment, it begins where things are.
    service.kill9();
    second.kill9();
    set(first, false);
    let (_service, port) = fleet.service(&site);
    members_become(&site, &fleet.lost);

    // With nodewarden gone nothing is known, and so nothing is changed.
    let Fleet { replica, .. } = fleet;
    replica.kill9();
    let (status, body) = get(port, "/readyz").expect("it answers");
    assert_eq!((status, site.members()), (200, fleet.lost), "{body}");
}

#[test]
fn once_shows_what_is_missing_and_what_would_change_and_writes_nothing() {
    let fleet = Fleet::start(2);
    let site = SimOpenStack::start(&fleet.providers());
    fleet.lose();
    eventually("the nodes are out", || {
        let (_, answer) = fleet.replica.http_get("/v1/snapshot");
        (answer["nodes"].as_array()?.len() == 2).then_some(())
    });
    let ask = |site: &SimOpenStack| -> (Option<i32>, Value, String) {
        let words = ["placement", "--once", "--output", "json"];
        let output = fleet.command(site, &words).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), answer, told)
    };
    let (code, answer, told) = ask(&site);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(answer["aggregate"], OURS);
    let lost: Vec<&String> = fleet.lost.iter().collect();
    assert_eq!(
        answer["would_change"],
        serde_json::json!({ "add": lost, "remove": [] })
    );

    site.site().aggregates = Some(serde_json::json!([
        { "name": "nodewarden", "uuid": OURS, "hosts": [], "metadata": {} },
    ]));
    let (code, _, told) = ask(&site);
    assert_eq!(code, Some(1));
    assert!(
        told.contains(
            "openstack aggregate set --property trait:CUSTOM_NODEWARDEN_OUT_OF_SERVICE=required nodewarden"
        ),
        "{told}"
    );
    site.site().aggregates = Some(serde_json::json!([]));
    let (code, _, told) = ask(&site);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("openstack aggregate create nodewarden"),
        "{told}"
    );
    site.site().aggregates = None;
    let (code, _, told) = ask(&site);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("openstack aggregate show nodewarden -c uuid"),
        "{told}"
    );
    let writes = |(method, path): &&(String, String)| method != "GET" && !path.contains("/auth/");
    assert_eq!(site.site().requests.iter().find(writes), None);
}

#[test]
fn release_takes_every_member_out() {
    let fleet = Fleet::start(3);
    let site = SimOpenStack::start(&fleet.providers());
    let (mut service, _) = fleet.service(&site);
    fleet.lose();
    members_become(&site, &fleet.lost);
    service.signal(Signal::TERM);
    assert_eq!(service.ended(), Some(0));
    let output = fleet.command(&site, &["placement", "--release"]).output();
    let output = output.expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(told.trim(), "3 nodes taken out of the aggregate");
    assert_eq!(site.members(), BTreeSet::new());
}
