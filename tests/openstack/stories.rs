//! What Nova offers, while nodewarden takes nodes out and puts them back.

use std::collections::BTreeSet;

use nodewarden_tests::deployment::{eventually, get};
use nodewarden_tests::fleet::{Fleet, compared};
use nodewarden_tests::waiting::DEADLINE;

use crate::harness::RealOpenStack;

fn offered_becomes(openstack: &RealOpenStack, fleet: &Fleet, expected: &BTreeSet<String>) {
    eventually("Nova offers what it should", || {
        (openstack.offered(&fleet.all()) == *expected).then_some(())
    });
}

fn everything(fleet: &Fleet) -> BTreeSet<String> {
    fleet.all().into_iter().collect()
}

#[test]
fn lost_nodes_are_offered_no_more_whatever_nova_does_and_again_once_they_are_back() {
    let openstack = RealOpenStack::shared();
    let fleet = Fleet::start(6, 3);
    let none = BTreeSet::new();
    openstack.pass(&fleet.all(), &none, false);
    assert_eq!(openstack.offered(&fleet.all()), everything(&fleet));
    let cloud = openstack.cloud();
    let (_service, _) = fleet.service(&cloud);
    let (_second, _) = fleet.service(&cloud);

    fleet.lose();
    offered_becomes(&openstack, &fleet, &fleet.kept);
    for round in 0..20 {
        // Now with the maintenance that Ironic would show, now without; now with fresh caches.
        let maintenance = if round % 2 == 0 { &none } else { &fleet.lost };
        openstack.pass(&fleet.all(), maintenance, round % 3 == 0);
        assert_eq!(openstack.offered(&fleet.all()), fleet.kept, "{round}");
    }
    openstack.pass(&fleet.all(), &none, true);
    fleet.bring_back();
    offered_becomes(&openstack, &fleet, &everything(&fleet));
    for node in fleet.all() {
        assert_eq!(openstack.aggregates_of(&node), Vec::<String>::new());
    }
}

#[test]
fn a_driver_that_flaps_within_one_pass_leaves_nothing_behind() {
    let openstack = RealOpenStack::shared();
    let fleet = Fleet::start(4, 2);
    let none = BTreeSet::new();
    openstack.pass(&fleet.all(), &none, false);
    let cloud = openstack.cloud();
    let (_service, _) = fleet.service(&cloud);
    for _ in 0..3 {
        fleet.lose();
        fleet.bring_back();
    }
    fleet.lose();
    fleet.carried_out(&fleet.lost);
    assert_eq!(openstack.offered(&fleet.all()), fleet.kept);
    fleet.bring_back();
    fleet.carried_out(&none);
    assert_eq!(openstack.offered(&fleet.all()), everything(&fleet));
    openstack.pass(&fleet.all(), &none, true);
    assert_eq!(openstack.offered(&fleet.all()), everything(&fleet));
}

#[test]
fn others_memberships_a_claim_under_way_and_a_provider_made_again_are_respected() {
    let openstack = RealOpenStack::shared();
    let fleet = Fleet::start(4, 1);
    let none = BTreeSet::new();
    openstack.pass(&fleet.all(), &none, false);
    let cloud = openstack.cloud();
    let (_service, _) = fleet.service(&cloud);
    let nodes: Vec<&String> = fleet.lost.iter().collect();
    let other = uuid::Uuid::new_v4().to_string();
    openstack.join(nodes[0], &other);
    assert!(openstack.claim(nodes[1]), "an instance is on its way");

    fleet.lose();
    fleet.carried_out(&fleet.lost);
    assert_eq!(openstack.offered(&fleet.all()), fleet.kept);
    let mut both = vec![cloud.aggregate.clone(), other.clone()];
    both.sort();
    assert_eq!(openstack.aggregates_of(nodes[0]), both);
    openstack.delete(nodes[2]);
    openstack.pass(&fleet.all(), &none, true);
    offered_becomes(&openstack, &fleet, &fleet.kept);

    fleet.bring_back();
    let mut free = everything(&fleet);
    free.remove(nodes[1]);
    fleet.carried_out(&none);
    assert_eq!(openstack.offered(&fleet.all()), free);
    assert_eq!(openstack.aggregates_of(nodes[0]), [other]);
    assert_eq!(openstack.aggregates_of(nodes[1]), Vec::<String>::new());
}

#[test]
fn a_service_that_is_killed_only_delays_what_must_come() {
    let openstack = RealOpenStack::shared();
    let fleet = Fleet::start(30, 2);
    let none = BTreeSet::new();
    openstack.pass(&fleet.all(), &none, false);
    let cloud = openstack.cloud();
    let (service, _) = fleet.service(&cloud);
    fleet.lose();
    // In the middle of its writes, most likely.
    eventually("some nodes are out", || {
        (openstack.offered(&fleet.all()).len() < 32).then_some(())
    });
    service.kill9();
    let (_service, _) = fleet.service(&cloud);
    offered_becomes(&openstack, &fleet, &fleet.kept);
    fleet.bring_back();
    offered_becomes(&openstack, &fleet, &everything(&fleet));
}

#[test]
fn a_token_that_expires_in_the_middle_is_renewed() {
    let openstack = RealOpenStack::with_tokens_of(150);
    let fleet = Fleet::start(5, 1);
    openstack.pass(&fleet.all(), &BTreeSet::new(), false);
    let cloud = openstack.cloud();
    let (_service, port) = fleet.service(&cloud);
    let end = std::time::Instant::now() + 2 * DEADLINE;
    while openstack.refusals_of_ours() == 0 {
        assert!(std::time::Instant::now() < end, "no token expires");
        fleet.lose();
        offered_becomes(&openstack, &fleet, &fleet.kept);
        fleet.bring_back();
        offered_becomes(&openstack, &fleet, &everything(&fleet));
    }
    eventually("it is ready", || {
        get(port, "/readyz").filter(|(status, _)| *status == 200)
    });
    fleet.lose();
    offered_becomes(&openstack, &fleet, &fleet.kept);
}

#[test]
fn a_placement_that_is_away_for_long_is_waited_for_and_then_made_as_it_must_be() {
    // Of its own: what is stopped here, others wait for.
    let openstack = RealOpenStack::start();
    let fleet = Fleet::start(30, 2);
    openstack.pass(&fleet.all(), &BTreeSet::new(), false);
    let cloud = openstack.cloud();
    let (_service, port) = fleet.service_with(&cloud, &["placement.timeout=5s"]);
    openstack.signal("keystone", "STOP");
    fleet.lose();
    openstack.signal("keystone", "CONT");
    offered_becomes(&openstack, &fleet, &fleet.kept);
    openstack.signal("placement", "STOP");
    fleet.bring_back();
    eventually("it says that Placement does not answer", || {
        get(port, "/readyz").filter(|(status, told)| *status == 503 && told.contains("in time"))
    });
    // Each attempt takes five seconds, and each pause is longer, up to ten seconds.
    let away = std::time::Instant::now() + std::time::Duration::from_secs(40);
    while std::time::Instant::now() < away {
        fleet.lose();
        fleet.bring_back();
    }
    assert!(fleet.subscribers().iter().all(|(_, _, behind)| *behind > 0));
    openstack.signal("placement", "CONT");
    offered_becomes(&openstack, &fleet, &everything(&fleet));
    eventually("its receipt says so", || {
        let all = fleet.subscribers();
        all.iter().all(|(_, _, behind)| *behind == 0).then_some(())
    });
    for node in fleet.all() {
        assert_eq!(openstack.aggregates_of(&node), Vec::<String>::new());
    }
}

#[test]
fn no_inventory_trait_or_allocation_is_ever_written() {
    let openstack = RealOpenStack::shared();
    let fleet = Fleet::start(3, 1);
    openstack.pass(&fleet.all(), &BTreeSet::new(), false);
    let cloud = openstack.cloud();
    let (_service, port) = fleet.service(&cloud);
    fleet.lose();
    offered_becomes(&openstack, &fleet, &fleet.kept);
    fleet.bring_back();
    offered_becomes(&openstack, &fleet, &everything(&fleet));

    compared(port);
    for (method, path, _) in openstack.our_requests() {
        let of_members = method == "PUT" && path.ends_with("/aggregates");
        assert!(method == "GET" || of_members, "{method} {path}");
    }
    let writes = openstack.writes_of_ours(&fleet.all());
    assert_eq!(writes, 6, "each node once out and once back");
}
