//! How soon: from a conductor's last word to the last of its nodes that Nova does not offer any more, and
//! from its return to the last one offered again. `tests/bench/placement` sets the rounds, and a bound.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nodewarden::broker::Emitter;
use nodewarden::config::{Amqp, Brokers};
use nodewarden::domain::event::{Event, EventKind, Statement};
use nodewarden::domain::ids::{ConductorName, Driver, EventId, Group, Incarnation};
use nodewarden::message::Published;
use nodewarden::wire::event_message;
use nodewarden_tests::deployment::broker;
use nodewarden_tests::fleet::Fleet;
use nodewarden_tests::waiting::DEADLINE;

use crate::harness::RealOpenStack;

/// The nodes of the pair.
const NODES: usize = 100;

pub fn setting(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |set| set.parse().expect("a whole number"))
}

/// The longest that a loss and a return may take; without the benchmark that sets it, only that both end.
pub fn bound() -> Duration {
    let default = u64::try_from(DEADLINE.as_millis()).expect("it fits");
    Duration::from_millis(setting("NODEWARDEN_PLACEMENT_BOUND_MS", default))
}

/// The conductor of the fleet's lost nodes, over a connection that is there already.
pub struct Conductor {
    emitter: Emitter,
    runtime: tokio::runtime::Runtime,
    exchange: String,
    incarnation: u64,
    said: u64,
}

impl Conductor {
    pub fn of(fleet: &Fleet) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let amqp = Amqp {
            url: Brokers::new(&broker()),
            ..Amqp::default()
        };
        let emitter = runtime
            .block_on(Emitter::open(&amqp, "test"))
            .expect("it dials");
        Self {
            emitter,
            runtime,
            exchange: fleet.deployment.events_exchange.clone(),
            incarnation: 1,
            said: 0,
        }
    }

    fn say(&mut self, kind: EventKind) {
        self.said += 1;
        let event = Event {
            id: EventId::parse(&format!("bound-{}", self.said)).expect("an id"),
            conductor: ConductorName::parse("c1").expect("a name"),
            incarnation: Incarnation::new(self.incarnation).expect("a number"),
            sent_at_ms: None,
            kind,
        };
        let message = [event_message(&event, &self.exchange, 0)];
        let published = self.runtime.block_on(self.emitter.publish(&message));
        assert_eq!(published.expect("an answer"), [Published::Confirmed]);
    }

    pub fn leave(&mut self) {
        self.say(EventKind::Left {
            back_within: None,
            reason: None,
        });
    }

    pub fn join(&mut self) {
        self.incarnation += 1;
        self.say(EventKind::Joined(Statement {
            group: Group::parse("").expect("a group"),
            drivers: [Driver::parse("ipmi").expect("a driver")].into(),
            heartbeat_timeout: None,
        }));
    }
}

/// How long it takes until Nova offers exactly these. The look that finds it so is part of it.
fn until(openstack: &RealOpenStack, nodes: &[String], expected: &BTreeSet<String>) {
    let began = Instant::now();
    while openstack.offered(nodes) != *expected {
        assert!(began.elapsed() < DEADLINE, "not within {DEADLINE:?}");
    }
}

pub fn told(what: &str, mut times: Vec<Duration>, bound: Duration) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1].as_millis();
    println!(
        "{what}: p50 {} ms, p99 {} ms, of {} rounds",
        at(50),
        at(99),
        times.len()
    );
    let longest = times.last().expect("a round");
    assert!(*longest <= bound, "{what}: {longest:?}");
}

#[test]
fn a_hundred_nodes_are_offered_no_more_and_again_within_the_bound_and_leave_no_membership() {
    let rounds = setting("NODEWARDEN_PLACEMENT_ROUNDS", 2);
    let bound = bound();
    let openstack = RealOpenStack::start();
    let fleet = Fleet::start(NODES, 2);
    let nodes = fleet.all();
    let everything: BTreeSet<String> = nodes.iter().cloned().collect();
    openstack.pass(&nodes, &BTreeSet::new(), false);
    assert_eq!(openstack.offered(&nodes), everything);
    let (_service, _) = fleet.service(&openstack.cloud());
    let mut conductor = Conductor::of(&fleet);
    let (mut out, mut back) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let began = Instant::now();
        conductor.leave();
        until(&openstack, &nodes, &fleet.kept);
        out.push(began.elapsed());
        let began = Instant::now();
        conductor.join();
        until(&openstack, &nodes, &everything);
        back.push(began.elapsed());
    }
    told("left to the last of 100 not offered any more", out, bound);
    told("joined to the last of 100 offered again", back, bound);
    for node in &nodes {
        assert_eq!(openstack.aggregates_of(node), Vec::<String>::new());
    }
}
