//! What an operator of Nova relies on where each pair has an aggregate of its own.

use std::collections::{BTreeMap, BTreeSet};

use nodewarden_tests::deployment::{Other, eventually, get};
use nodewarden_tests::fleet::{Fleet, compared};
use serde_json::{Value, json};

use super::openstack::{OTHER, OURS, SimOpenStack, TRAIT};

const PAIRED: &str = "placement.pair_aggregates=true";
const IPMI: &str = "nodewarden:/ipmi";
const REDFISH: &str = "nodewarden:/redfish";

/// A site where we may do all, and `placement` with every node in its pair.
fn paired(fleet: &Fleet) -> (SimOpenStack, Other, u16) {
    let site = SimOpenStack::start(&fleet.all());
    site.site().admin = true;
    let (service, port) = fleet.service_with(&site.cloud(), &[PAIRED]);
    all_are_placed(fleet, &site);
    (site, service, port)
}

fn all_are_placed(fleet: &Fleet, site: &SimOpenStack) {
    eventually("each node is in the aggregate of its pair", || {
        let placed = (site.members_of_pair(IPMI), site.members_of_pair(REDFISH));
        (placed == (fleet.lost.clone(), fleet.kept.clone())).then_some(())
    });
}

fn offered_becomes(site: &SimOpenStack, expected: &BTreeSet<String>) {
    eventually("Nova offers what it should", || {
        (site.offered() == *expected).then_some(())
    });
}

fn everything(fleet: &Fleet) -> BTreeSet<String> {
    fleet.all().into_iter().collect()
}

/// What was written since `before`.
fn since(
    before: &BTreeMap<(String, String), usize>,
    site: &SimOpenStack,
) -> BTreeMap<String, usize> {
    let all = site.writes().into_iter();
    let more = all.map(|(request, count)| {
        let known = before.get(&request).copied().unwrap_or_default();
        (format!("{} {}", request.0, request.1), count - known)
    });
    let probe = "POST /compute/v2.1/os-aggregates/0/action";
    more.filter(|(request, count)| *count > 0 && request != probe)
        .collect()
}

fn is_ready(port: u16) {
    eventually("it is ready", || {
        get(port, "/readyz").filter(|(status, _)| *status == 200)
    });
}

#[test]
fn a_pair_goes_and_comes_back_by_one_call_and_two_replicas_agree() {
    let fleet = Fleet::start(40, 5);
    let (site, _service, port) = paired(&fleet);
    let before = site.writes();
    fleet.lose();
    offered_becomes(&site, &fleet.kept);
    let id = site.site().named(IPMI).expect("it is there")["id"].to_string();
    let call = format!("POST /compute/v2.1/os-aggregates/{id}/action");
    assert_eq!(since(&before, &site), [(call.clone(), 1)].into());
    // It looks at what is switched, and leaves it so.
    compared(port);
    fleet.bring_back();
    offered_becomes(&site, &everything(&fleet));
    eventually("the receipt of the last change", || {
        let all = [("placement".to_owned(), 80, 0)];
        (fleet.subscribers() == all).then_some(())
    });

    compared(port);
    assert_eq!(since(&before, &site), [(call.clone(), 2)].into());

    let (_second, second) = fleet.service_with(&site.cloud(), &[PAIRED]);
    let before = site.writes();
    fleet.lose();
    offered_becomes(&site, &fleet.kept);
    compared(port);
    compared(second);
    assert_eq!(site.offered(), fleet.kept);
    fleet.bring_back();
    offered_becomes(&site, &everything(&fleet));
    compared(port);
    compared(second);
    assert_eq!(site.offered(), everything(&fleet));
    let mut all = since(&before, &site);
    let calls = all.remove(&call).unwrap_or_default();
    assert!((2..=4).contains(&calls), "{calls} calls");
    assert_eq!(all, BTreeMap::new(), "no node went by itself");
    for (uuid, (_, aggregates)) in &site.site().providers {
        assert!(
            aggregates.contains(OTHER) && aggregates.len() == 2,
            "{uuid}"
        );
    }
}

#[test]
fn above_a_hundred_lost_pairs_nodes_of_further_ones_go_and_come_back_one_by_one() {
    let drivers = (0..102).map(|number| format!("driver-{number}")).collect();
    let fleet = Fleet::with_drivers(drivers, 102, 1);
    let site = SimOpenStack::start(&fleet.all());
    site.site().admin = true;
    let (_service, port) = fleet.service_with(&site.cloud(), &[PAIRED]);
    eventually("each node is in an aggregate of its own pair", || {
        let site = site.site();
        let held = |(_, held): &(u64, BTreeSet<String>)| held.len() == 2;
        site.providers.values().all(held).then_some(())
    });
    let switched = || {
        let site = site.site();
        let all = site.aggregates.as_ref().and_then(Value::as_array);
        let on = |entry: &&Value| entry["metadata"][TRAIT] == "required" && entry["uuid"] != OURS;
        all.into_iter().flatten().filter(on).count()
    };
    compared(port);
    fleet.lose();
    offered_becomes(&site, &fleet.kept);
    compared(port);
    assert_eq!((switched(), site.members().len()), (100, 2));
    fleet.bring_back();
    offered_becomes(&site, &everything(&fleet));
    compared(port);
    assert_eq!((switched(), site.members().len()), (0, 0));
    assert_eq!(site.offered(), everything(&fleet));
}

#[test]
fn a_node_released_while_its_pair_is_lost_is_offered_and_one_begun_in_the_middle_goes_on() {
    let fleet = Fleet::start(10, 3);
    let (site, service, _) = paired(&fleet);
    fleet.lose();
    offered_becomes(&site, &fleet.kept);
    service.kill9();
    let (_service, port) = fleet.service_with(&site.cloud(), &[PAIRED]);
    let node = fleet.lost.first().expect("one");
    fleet
        .deployment
        .run(&["pause", "--reason", "story", "--wait"]);
    fleet.deployment.run(&["release", "--node", node]);
    let mut free = fleet.kept.clone();
    free.insert(node.clone());
    offered_becomes(&site, &free);
    assert!(!site.members_of_pair(IPMI).contains(node));

    // Its pair stays forbidden, so that it goes out by itself.
    fleet.deployment.run(&["resume"]);
    offered_becomes(&site, &fleet.kept);
    assert_eq!(site.members(), [node.clone()].into());
    fleet.bring_back();
    offered_becomes(&site, &everything(&fleet));
    all_are_placed(&fleet, &site);
    assert_eq!(site.members(), BTreeSet::new());
    is_ready(port);
}

#[test]
fn a_node_that_needs_another_pair_moves_there() {
    let mut fleet = Fleet::start(3, 2);
    let (site, _service, _) = paired(&fleet);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nodes.csv");
    let node = fleet.lost.pop_first().expect("one");
    std::fs::write(&file, format!("uuid,driver\n{node},redfish\n")).expect("a file");
    let file = file.to_str().expect("a path");
    fleet.deployment.run(&["nodes", "import", file]);
    fleet.kept.insert(node);
    all_are_placed(&fleet, &site);
    fleet.lose();
    offered_becomes(&site, &fleet.kept);
    assert_eq!(site.members(), BTreeSet::new());
}

#[test]
fn while_nova_s_api_is_away_nodes_go_and_come_back_one_by_one() {
    let fleet = Fleet::start(10, 3);
    let (site, _service, port) = paired(&fleet);
    site.site().nova_down = true;
    fleet.lose();
    offered_becomes(&site, &fleet.kept);
    assert_eq!(site.members(), fleet.lost);
    eventually("it says so", || {
        get(port, "/readyz").filter(|(status, told)| *status == 503 && told.contains("503"))
    });
    site.site().nova_down = false;
    is_ready(port);
    fleet.bring_back();
    offered_becomes(&site, &everything(&fleet));

    all_are_placed(&fleet, &site);
    eventually("a pair is switched again", || {
        fleet.lose();
        offered_becomes(&site, &fleet.kept);
        if site.members().is_empty() {
            return Some(());
        }
        fleet.bring_back();
        offered_becomes(&site, &everything(&fleet));
        None
    });
    site.site().nova_down = true;
    fleet.bring_back();
    offered_becomes(&site, &everything(&fleet));
    assert_eq!(
        site.members_of_pair(IPMI),
        BTreeSet::new(),
        "all of them left it"
    );
    site.site().nova_down = false;
    all_are_placed(&fleet, &site);
    eventually("no pair is switched", || {
        let site = site.site();
        (site.named(IPMI).expect("it is there")["metadata"] == json!({})).then_some(())
    });
    is_ready(port);
}

/// Nova answers all but what is posted to paths that end like `end`; every comparison ends, and at most one call
/// is made in each.
fn members_are_compared_while_nova_hangs(end: &'static str) {
    let drivers = ["ipmi", "snmp", "ilo"].map(str::to_owned).to_vec();
    let fleet = Fleet::with_drivers(drivers, 3, 2);
    let site = SimOpenStack::start(&fleet.all());
    let stray = fleet.kept.first().expect("one");
    {
        let mut site = site.site();
        (site.admin, site.hanging) = (true, Some(end));
        let (_, aggregates) = site.providers.get_mut(stray).expect("it is there");
        aggregates.insert(OURS.to_owned());
    }
    let settings = [PAIRED, "placement.timeout=2s"];
    let (_service, port) = fleet.unready_service(&site.cloud(), &settings);
    compared(port);
    offered_becomes(&site, &everything(&fleet));
    eventually("it says so", || {
        get(port, "/readyz").filter(|(_, told)| told.contains("no answer in time"))
    });
    let site = site.site();
    let count = |method: &str, end: &str| {
        let all = site.requests.iter();
        all.filter(|(by, path)| by == method && path.ends_with(end))
            .count()
    };
    let (calls, looks) = (count("POST", end), count("GET", "/os-aggregates"));
    assert!(calls <= looks, "{calls} calls in {looks} comparisons");
}

#[test]
fn members_are_compared_while_nova_makes_no_aggregate() {
    members_are_compared_while_nova_hangs("/os-aggregates");
}

#[test]
fn members_are_compared_while_nova_does_not_say_whether_it_may_switch() {
    members_are_compared_while_nova_hangs("/action");
}

#[test]
fn once_shows_no_change_of_nodes_that_their_pair_keeps_out() {
    let fleet = Fleet::start(4, 2);
    let (site, _service, port) = paired(&fleet);
    fleet.lose();
    offered_becomes(&site, &fleet.kept);
    compared(port);
    let words = ["placement", "--once", "--output", "json", "--set", PAIRED];
    let output = fleet.command(&site.cloud(), &words).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["would_change"], json!({ "add": [], "remove": [] }));
}

#[test]
fn without_the_rights_it_says_so_and_nodes_go_one_by_one() {
    let fleet = Fleet::start(4, 2);
    let site = SimOpenStack::start(&fleet.all());
    let mut command = fleet.command(&site.cloud(), &["placement", "--once", "--set", PAIRED]);
    let output = command.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("openstack role add --user USER --project PROJECT admin"),
        "{told}"
    );

    let (service, port) = fleet.unready_service(&site.cloud(), &[PAIRED]);
    fleet.lose();
    offered_becomes(&site, &fleet.kept);
    assert_eq!(site.members(), fleet.lost);
    let (status, told) = get(port, "/readyz").expect("it answers");
    assert!(
        status == 503 && told.contains("aggregates of pairs can be made"),
        "{told}"
    );
    service.kill9();
}

#[test]
fn a_pair_left_switched_by_a_former_setting_is_told_of_and_released() {
    let fleet = Fleet::start(4, 2);
    let (site, service, _) = paired(&fleet);
    fleet.lose();
    offered_becomes(&site, &fleet.kept);
    service.kill9();
    let (service, port) = fleet.unready_service(&site.cloud(), &[]);
    eventually("it says so", || {
        let told = get(port, "/readyz")?.1;
        (told.contains(IPMI) && told.contains("--release")).then_some(())
    });
    service.kill9();
    fleet.bring_back();
    let output = fleet
        .command(&site.cloud(), &["placement", "--release"])
        .output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(site.offered(), everything(&fleet));
    let site = site.site();
    assert_eq!(
        site.named(IPMI).expect("it is there")["metadata"],
        Value::Object(Default::default())
    );
    assert_eq!(
        site.named(IPMI).map(|entry| &entry["metadata"][TRAIT]),
        Some(&Value::Null)
    );
    for (uuid, (_, aggregates)) in &site.providers {
        assert_eq!(*aggregates, [OTHER.to_owned()].into(), "{uuid}");
    }
}
