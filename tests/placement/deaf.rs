//! A service that the broker tells nothing, beside another that works: what it does not know of it leaves alone.

use std::collections::BTreeSet;

use nodewarden_tests::deployment::{broker, eventually, get};
use nodewarden_tests::fleet::{Fleet, compared};
use nodewarden_tests::proxy::{Proxy, Wire};

use super::openstack::SimOpenStack;

/// How often each node was written.
fn writes(site: &SimOpenStack, fleet: &Fleet) -> usize {
    let of_node = |path: &String| fleet.all().iter().any(|uuid| path.contains(uuid));
    let all = site.writes().into_iter();
    all.filter(|((_, path), _)| of_node(path))
        .map(|(_, count)| count)
        .sum()
}

fn offered_becomes(site: &SimOpenStack, expected: &BTreeSet<String>) {
    eventually("Nova offers what it should", || {
        (site.offered() == *expected).then_some(())
    });
}

/// A loss takes that many writes about nodes, and a return as many.
fn the_deaf_one_undoes_nothing(settings: &[&str], each: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let url = broker();
    let host = url.rsplit_once('/').expect("a path").0;
    let port = host.rsplit_once(':').expect("a port").1;
    let way = runtime.block_on(Proxy::before(port.parse().expect("a number")));
    let through = url.replace(&format!(":{port}/"), &format!(":{}/", way.port));

    let fleet = Fleet::start(3, 5);
    let site = SimOpenStack::start(&fleet.all());
    site.site().admin = true;
    let everything: BTreeSet<String> = fleet.all().into_iter().collect();
    let (_service, one) = fleet.service_with(&site.cloud(), settings);
    // Its connection is believed in for longer than the story takes.
    let through = format!("amqp.url={through}");
    let patient = ["amqp.heartbeat=60s", "decide.reconnect_grace=2m", &through];
    let deaf = [settings, &patient].concat();
    let (_deaf, two) = fleet.service_with(&site.cloud(), &deaf);
    compared(one);
    compared(two);
    let mut before = writes(&site, &fleet);
    way.set(Wire::SwallowAnswers);
    fleet.lose();
    offered_becomes(&site, &fleet.kept);
    eventually("it says what it has not heard of", || {
        get(two, "/readyz").filter(|(_, told)| told.contains("change 3 is committed"))
    });
    compared(one);
    assert_eq!(site.offered(), fleet.kept);
    before += each;
    assert_eq!(writes(&site, &fleet), before);
    fleet.bring_back();
    offered_becomes(&site, &everything);
    eventually("it has looked again", || {
        get(two, "/readyz").filter(|(_, told)| !told.contains("change 3 is committed"))
    });
    compared(one);
    assert_eq!(site.offered(), everything);
    before += each;
    assert_eq!(writes(&site, &fleet), before);
    way.set(Wire::Open);
    eventually("it is ready again", || {
        get(two, "/readyz").filter(|(status, _)| *status == 200)
    });
    compared(two);
    assert_eq!(writes(&site, &fleet), before);
}

#[test]
fn a_service_that_hears_nothing_undoes_no_membership_that_another_writes() {
    the_deaf_one_undoes_nothing(&[], 3);
}

#[test]
fn a_service_that_hears_nothing_switches_no_pair_back_that_another_switched() {
    the_deaf_one_undoes_nothing(&["placement.pair_aggregates=true"], 0);
}
