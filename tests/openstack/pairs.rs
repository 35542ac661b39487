//! What Nova offers where each pair has an aggregate of its own, and how soon.

use std::collections::BTreeSet;
use std::time::Instant;

use nodewarden_tests::deployment::eventually;
use nodewarden_tests::fleet::{Cloud, Fleet, compared};
use nodewarden_tests::waiting::DEADLINE;

use crate::bounds::{Conductor, bound, setting, told};
use crate::harness::RealOpenStack;

const PAIRED: &str = "placement.pair_aggregates=true";
const IPMI: &str = "/ipmi";
const REDFISH: &str = "/redfish";

fn offered_becomes(openstack: &RealOpenStack, fleet: &Fleet, expected: &BTreeSet<String>) {
    eventually("Nova offers what it should", || {
        (openstack.offered(&fleet.all()) == *expected).then_some(())
    });
}

fn aggregate_of(openstack: &RealOpenStack, cloud: &Cloud, pair: &str) -> String {
    eventually("the aggregate of the pair", || {
        openstack.aggregate_of_pair(cloud, pair)
    })
}

#[test]
fn a_lost_pair_is_offered_no_more_after_one_call_whatever_nova_does_and_again_once_it_is_back() {
    let openstack = RealOpenStack::shared();
    let fleet = Fleet::start(6, 3);
    let everything: BTreeSet<String> = fleet.all().into_iter().collect();
    let none = BTreeSet::new();
    openstack.pass(&fleet.all(), &none, false);
    let cloud = openstack.cloud_of_pairs();
    // A call that a busy machine answers late is no reason to take nodes out one by one.
    let settings = [PAIRED, "placement.timeout=60s"];
    let (_service, one) = fleet.service_with(&cloud, &settings);
    let (_second, two) = fleet.service_with(&cloud, &settings);
    let ipmi = aggregate_of(&openstack, &cloud, IPMI);
    let redfish = aggregate_of(&openstack, &cloud, REDFISH);
    let node = fleet.lost.first().expect("one");
    let other = uuid::Uuid::new_v4().to_string();
    openstack.join(node, &other);
    let placed = || {
        eventually("each node is in the aggregate of its pair", || {
            let held = |(nodes, pair): (&BTreeSet<String>, &String)| {
                nodes
                    .iter()
                    .all(|uuid| openstack.aggregates_of(uuid).contains(pair))
            };
            let all = [(&fleet.lost, &ipmi), (&fleet.kept, &redfish)];
            all.into_iter().all(held).then_some(())
        });
    };
    placed();
    // What one of them wrote, the other knows only once it has read it.
    compared(one);
    compared(two);
    let before = openstack.writes_of_ours(&fleet.all());
    fleet.lose();
    offered_becomes(&openstack, &fleet, &fleet.kept);
    for round in 0..6 {
        let maintenance = if round % 2 == 0 { &none } else { &fleet.lost };
        openstack.pass(&fleet.all(), maintenance, round % 3 == 0);
        assert_eq!(openstack.offered(&fleet.all()), fleet.kept, "{round}");
    }
    compared(one);
    compared(two);
    let after = openstack.writes_of_ours(&fleet.all());
    assert_eq!(after, before, "no node was written");

    // One is given back while its pair is lost.
    fleet
        .deployment
        .run(&["pause", "--reason", "story", "--wait"]);
    fleet.deployment.run(&["release", "--node", node]);
    let mut free = fleet.kept.clone();
    free.insert(node.clone());
    openstack.pass(&fleet.all(), &none, true);
    offered_becomes(&openstack, &fleet, &free);
    assert_eq!(openstack.aggregates_of(node), std::slice::from_ref(&other));
    fleet.deployment.run(&["resume"]);
    openstack.pass(&fleet.all(), &none, true);
    fleet.bring_back();
    offered_becomes(&openstack, &fleet, &everything);
    placed();
    let mut both = vec![ipmi.clone(), other];
    both.sort();
    eventually("it is where it was", || {
        (openstack.aggregates_of(node) == both).then_some(())
    });
    for (method, path, _) in openstack.our_requests_to("nova") {
        let action = method == "POST" && path.ends_with("/action");
        let made = method == "POST" && path.ends_with("/os-aggregates");
        assert!(method == "GET" || action || made, "{method} {path}");
    }
}

/// The providers and their memberships are made at once, as they take `placement` minutes.
#[test]
fn a_pair_is_offered_no_more_and_again_within_the_bound() {
    let rounds = setting("NODEWARDEN_PLACEMENT_ROUNDS", 2);
    let bound = bound();
    let count = usize::try_from(setting("NODEWARDEN_PLACEMENT_NODES", 200)).expect("a number");
    let openstack = RealOpenStack::start();
    let fleet = Fleet::start(count, 2);
    let nodes = fleet.all();
    openstack.pass(&nodes[..1], &BTreeSet::new(), false);
    openstack.many(&nodes);
    let cloud = openstack.cloud_of_pairs();
    let (service, _) = fleet.unready_service(&cloud, &[PAIRED]);
    let ipmi = aggregate_of(&openstack, &cloud, IPMI);
    let redfish = aggregate_of(&openstack, &cloud, REDFISH);
    service.kill9();
    openstack.join_many(&fleet.lost.iter().cloned().collect::<Vec<_>>(), &ipmi);
    openstack.join_many(&fleet.kept.iter().cloned().collect::<Vec<_>>(), &redfish);
    // As it is usually set: what it reads each interval takes Placement a while.
    let settings = [PAIRED, "placement.interval=60s", "placement.timeout=60s"];
    let (_service, _) = fleet.service_with(&cloud, &settings);
    let everything: BTreeSet<String> = nodes.iter().cloned().collect();
    let mut conductor = Conductor::of(&fleet);
    let none = BTreeSet::new();
    let only = [ipmi.clone()].into();
    let until = |forbidden: &BTreeSet<String>| {
        let began = Instant::now();
        // Until the filter knows, a request is offered all of them: asking for thousands takes seconds.
        while openstack.forbidden() != *forbidden {
            assert!(began.elapsed() < DEADLINE, "not within {DEADLINE:?}");
        }
    };
    // What another story's aggregates demand is none of this Nova's: it is a story's own.
    let isolated = openstack.forbidden();
    let with = |pairs: &BTreeSet<String>| isolated.union(pairs).cloned().collect::<BTreeSet<_>>();
    let (mut out, mut back) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let began = Instant::now();
        conductor.leave();
        until(&with(&only));
        let told = began.elapsed();
        offered_becomes(&openstack, &fleet, &fleet.kept);
        out.push(began.elapsed());
        println!(
            "forbidden after {told:?}, asked in {:?}",
            began.elapsed() - told
        );
        let began = Instant::now();
        conductor.join();
        until(&with(&none));
        back.push(began.elapsed());
        // Those that went by themselves, where a loaded machine told of the pair with long pauses.
        offered_becomes(&openstack, &fleet, &everything);
    }
    told(
        &format!("left to the last of {count} not offered any more"),
        out,
        bound,
    );
    told(
        &format!("joined to Nova forbidding none of {count}"),
        back,
        bound,
    );
}
