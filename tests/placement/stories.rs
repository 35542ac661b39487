//! What an operator of Nova relies on.

use std::collections::BTreeSet;

use nodewarden_tests::deployment::{Deployment, Other, eventually, free_port, get};
use nodewarden_tests::fleet::{Cloud, Fleet};
use rustix::process::Signal;
use serde_json::Value;

use super::openstack::{OTHER, OURS, SimOpenStack};
use super::tls::Front;

fn members_become(site: &SimOpenStack, expected: &BTreeSet<String>) {
    eventually("the members are as they should be", || {
        (site.members() == *expected).then_some(())
    });
}

#[test]
fn lost_nodes_are_members_until_they_are_back_and_nothing_else_is_ever_written() {
    let fleet = Fleet::start(40, 5);
    let site = SimOpenStack::start(&fleet.all());
    let (mut service, _) = fleet.service(&site.cloud());
    fleet.lose();
    members_become(&site, &fleet.lost);
    fleet.bring_back();
    members_become(&site, &BTreeSet::new());

    eventually("the receipt of the last change", || {
        let all = [("placement".to_owned(), 80, 0)];
        (fleet.subscribers() == all).then_some(())
    });
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
    let fleet = Fleet::start(20, 5);
    let site = SimOpenStack::start(&fleet.all());
    site.site()
        .providers
        .remove(fleet.lost.first().expect("one"));
    let (_service, port) = fleet.service(&site.cloud());
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
    eventually("it is said to have carried out all losses", || {
        let all = [("placement".to_owned(), 20, 0)];
        (fleet.subscribers() == all).then_some(())
    });

    site.site().down = true;
    fleet.bring_back();
    eventually("it says that Placement is away", || {
        let (status, body) = get(port, "/readyz")?;
        (status == 503 && body.contains("503")).then_some(())
    });
    assert_eq!(site.members(), known, "nothing changed while it was away");
    eventually("it is said to be behind by all returns", || {
        let all = [("placement".to_owned(), 20, 20)];
        (fleet.subscribers() == all).then_some(())
    });
    site.site().down = false;
    members_become(&site, &BTreeSet::new());
}

#[test]
fn a_404_that_is_not_placement_s_own_says_nothing_of_a_node() {
    let fleet = Fleet::start(20, 5);
    let site = SimOpenStack::start(&fleet.all());
    let (_service, port) = fleet.service(&site.cloud());
    let receipt_becomes = |seq: u64, by: u64| {
        eventually("the receipt is as it should be", || {
            (fleet.subscribers() == [("placement".to_owned(), seq, by)]).then_some(())
        });
    };
    let lost_are_tried_twice = |what: &str| {
        site.site().requests.clear();
        eventually(what, || {
            let site = site.site();
            let of = |uuid: &String| {
                site.requests
                    .iter()
                    .filter(|(_, path)| path.contains(uuid))
                    .count()
            };
            fleet.lost.iter().all(|uuid| of(uuid) >= 2).then_some(())
        });
    };
    receipt_becomes(0, 0);
    // A proxy's page, and Placement itself below another path.
    site.site().astray = Some("no such page".into());
    fleet.lose();
    lost_are_tried_twice("each is tried again while a proxy knows no Placement");
    eventually("it says so", || {
        get(port, "/readyz")
            .filter(|(status, told)| *status == 503 && told.contains("404 Not Found"))
    });
    let no_route = serde_json::json!({ "errors": [{ "status": 404, "detail": "The resource could not be found." }] });
    site.site().astray = Some(no_route);
    lost_are_tried_twice("each is tried again while its path is none of Placement's");
    receipt_becomes(0, 20);
    site.site().astray = None;
    members_become(&site, &fleet.lost);

    // Without a token no node can be asked about.
    receipt_becomes(20, 0);
    {
        let mut site = site.site();
        (site.token, site.keystone_astray) = (2, true);
        site.requests.clear();
    }
    fleet.bring_back();
    eventually("each node has asked for a login more than once", || {
        let site = site.site();
        let asked = site
            .requests
            .iter()
            .filter(|(_, path)| path.ends_with("/auth/tokens"));
        (asked.count() > 60).then_some(())
    });
    receipt_becomes(20, 20);
    site.site().keystone_astray = false;
    members_become(&site, &BTreeSet::new());
    let metrics = get(port, "/metrics").expect("it answers").1;
    let unknown = metrics.lines().filter(|line| {
        line.starts_with("nodewarden_placement") && line.contains(r#"outcome="unknown""#)
    });
    assert!(
        unknown.clone().count() == 2 && unknown.clone().all(|line| line.ends_with(" 0")),
        "{metrics}"
    );
}

#[test]
fn placement_is_found_where_it_comes_late_or_moves_to() {
    let fleet = Fleet::start(3, 2);
    let site = SimOpenStack::start(&fleet.all());
    site.site().placement = None;
    let (_service, port) = fleet.unready_service(&site.cloud(), &[]);
    eventually("it says what is missing", || {
        let missing = "an endpoint of placement (internal interface, region north)";
        get(port, "/readyz").filter(|(_, told)| told.contains(missing))
    });
    fleet.lose();
    site.site().placement = Some("/placement");
    members_become(&site, &fleet.lost);
    site.site().placement = Some("/elsewhere");
    fleet.bring_back();
    members_become(&site, &BTreeSet::new());
    eventually("the receipt of the last change", || {
        (fleet.subscribers() == [("placement".to_owned(), 6, 0)]).then_some(())
    });
}

#[test]
fn what_changed_behind_its_back_is_put_right_and_nothing_without_a_snapshot() {
    let fleet = Fleet::start(3, 5);
    let site = SimOpenStack::start(&fleet.all());
    let stray = fleet.kept.first().expect("one").clone();
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
    let (service, _) = fleet.service(&site.cloud());
    let (second, _) = fleet.service(&site.cloud());
    members_become(&site, &fleet.lost);
    let first = fleet.lost.iter().next().expect("one");
    set(first, false);
    set(&stray, true);
    members_become(&site, &fleet.lost);

    // Killed at any moment, it begins where things are.
    service.kill9();
    second.kill9();
    set(first, false);
    let (_service, port) = fleet.service(&site.cloud());
    members_become(&site, &fleet.lost);

    // With nodewarden gone nothing is known, and so nothing is changed.
    let Fleet { replica, lost, .. } = fleet;
    replica.kill9();
    eventually("it says so", || {
        get(port, "/readyz").filter(|(status, body)| *status == 503 && body.contains("no position"))
    });
    assert_eq!(site.members(), lost);
}

#[test]
fn once_shows_what_is_missing_and_what_would_change_and_writes_nothing() {
    let fleet = Fleet::start(2, 5);
    let site = SimOpenStack::start(&fleet.all());
    fleet.lose();
    eventually("the nodes are out", || {
        let (_, answer) = fleet.replica.http_get("/v1/snapshot");
        (answer["nodes"].as_array()?.len() == 2).then_some(())
    });
    let ask = |site: &SimOpenStack| -> (Option<i32>, Value, String) {
        let words = ["placement", "--once", "--output", "json"];
        let output = fleet
            .command(&site.cloud(), &words)
            .output()
            .expect("it runs");
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
        { "id": 1, "name": "nodewarden", "uuid": OURS, "hosts": [], "metadata": {} },
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
fn a_login_that_may_not_list_aggregates_is_made_once_and_not_for_each_look() {
    let fleet = Fleet::start(2, 1);
    let site = SimOpenStack::start(&fleet.all());
    site.site().aggregates = None;
    let cloud = Cloud {
        aggregate: OURS.to_owned(),
        ..site.cloud()
    };
    let (_service, _) = fleet.service(&cloud);
    fleet.lose();
    members_become(&site, &fleet.lost);
    eventually("it has looked some times", || {
        let site = site.site();
        let looks = site
            .requests
            .iter()
            .filter(|(_, path)| path.ends_with("/os-aggregates"));
        (looks.count() >= 4).then_some(())
    });
    assert_eq!(site.site().logins, 1);
}

#[test]
fn release_takes_every_member_out() {
    let fleet = Fleet::start(3, 5);
    let site = SimOpenStack::start(&fleet.all());
    let (mut service, _) = fleet.service(&site.cloud());
    fleet.lose();
    members_become(&site, &fleet.lost);
    service.signal(Signal::TERM);
    assert_eq!(service.ended(), Some(0));
    let release = || {
        let mut command = fleet.command(&site.cloud(), &["placement", "--release"]);
        let output = command.output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (output.status.code(), told)
    };
    // An aggregate that is not made for us may hold what others put there.
    let ours = site.site().aggregates.take();
    site.site().aggregates = Some(serde_json::json!([
        { "id": 1, "name": "nodewarden", "uuid": OURS, "hosts": ["c1"], "metadata": { "availability_zone": "az1" } },
    ]));
    assert_eq!(release(), (Some(1), String::new()));
    assert_eq!(site.members(), fleet.lost);
    site.site().aggregates = ours;
    let told = "3 nodes taken out of our aggregates".to_owned();
    assert_eq!(release(), (Some(0), told));
    assert_eq!(site.members(), BTreeSet::new());
}

#[test]
fn announcements_are_carried_out_while_nova_s_api_is_away_and_a_bad_node_holds_up_no_other() {
    let fleet = Fleet::start(40, 5);
    let site = SimOpenStack::start(&fleet.all());
    let (_service, port) = fleet.service(&site.cloud());
    let bad = fleet.lost.first().expect("one").clone();
    {
        let mut site = site.site();
        site.nova_down = true;
        site.broken = Some(bad.clone());
    }
    fleet.lose();
    let others: BTreeSet<String> = fleet.lost.iter().skip(1).cloned().collect();
    members_become(&site, &others);
    eventually("it says so", || {
        get(port, "/readyz").filter(|(status, _)| *status == 503)
    });
    {
        let mut site = site.site();
        site.nova_down = false;
        site.broken = None;
    }
    members_become(&site, &fleet.lost);
}

#[test]
fn openstack_is_asked_over_tls_only_where_its_certificate_is_of_a_trusted_authority_and_for_its_host()
 {
    let fleet = Fleet::start(2, 1);
    let trusted = Front::of("127.0.0.1");
    let site = SimOpenStack::behind_tls(&fleet.all(), trusted);
    let (_service, _) = fleet.service(&site.cloud());
    fleet.lose();
    members_become(&site, &fleet.lost);

    let refused = |cloud: &Cloud, why: &str| {
        let mut command = fleet.command(cloud, &["placement", "--once"]);
        let output = command.output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(69), "{told}");
        assert!(told.contains("certificate") && told.contains(why), "{told}");
        assert!(!told.contains("hush"), "{told}");
    };
    let another = Front::of("127.0.0.1");
    let cloud = |authority| Cloud {
        authority,
        ..site.cloud()
    };
    refused(&cloud(None), "UnknownIssuer");
    // It calls itself the same.
    refused(&cloud(Some(another.certificate())), "BadSignature");
    let elsewhere = Front::of("keystone.example");
    let elsewhere = SimOpenStack::behind_tls(&fleet.all(), elsewhere);
    refused(&elsewhere.cloud(), "not valid for name");
    assert_eq!(elsewhere.site().requests, [], "nothing was said to it");
}

#[test]
fn a_replica_of_another_nodewarden_takes_no_member_away() {
    let fleet = Fleet::start(3, 5);
    let site = SimOpenStack::start(&fleet.all());
    let (service, _) = fleet.service(&site.cloud());
    fleet.lose();
    members_become(&site, &fleet.lost);
    service.kill9();
    // Its snapshot is empty, and the broker speaks of ours.
    let other = Deployment::default();
    other.run(&["migrate"]);
    let replica = other.replica(&["decide.sweep_interval=1s"]);
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let mut command = fleet.command(&site.cloud(), &["placement", "--listen", &listen]);
    let urls = format!("placement.snapshot_urls=[\"{}\"]", replica.url());
    let _service = Other::start("placement", command.args(["--set", &urls]));
    eventually("it says that it is another stream", || {
        get(port, "/readyz").filter(|(_, body)| body.contains("lead to the same nodewarden?"))
    });
    assert_eq!(site.members(), fleet.lost);
}
