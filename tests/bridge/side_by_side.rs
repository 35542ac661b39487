//! Bridges side by side, one of them paused at any moment, heard in any order by the real domain.

use nodewarden::domain::conductor::Life;
use nodewarden::domain::event::Event;
use nodewarden::domain::ids::{ConductorName, EventId};
use proptest::prelude::*;

use super::harness::{INTERVAL, SimBridge, SimIronic, TIMEOUT, Worker, ends};

/// In which order two lines of events arrive: `true` takes the next one of the second.
fn merged(first: &[Event], second: &[Event], order: &[bool]) -> Vec<Event> {
    let (mut first, mut second) = (first.iter(), second.iter());
    let mut all = Vec::new();
    for takes_second in order {
        let next = if *takes_second {
            second.next()
        } else {
            first.next()
        };
        all.extend(next.cloned());
    }
    // The second one was paused: what is left of it comes last.
    all.extend(first.cloned());
    all.extend(second.cloned());
    all
}

/// Two bridges look at the same conductor for that many intervals; the second one is paused from
/// each look in `pauses` on, for so many looks.
fn watched(
    ironic: &mut SimIronic,
    bridges: &mut [SimBridge; 2],
    looks: u64,
    pauses: &[(u64, u64)],
    mut meanwhile: impl FnMut(u64, &mut SimIronic),
) {
    for look in 0..looks {
        meanwhile(look, ironic);
        ironic.pass(INTERVAL);
        bridges[0].turn(ironic);
        let paused = pauses
            .iter()
            .any(|(from, length)| (*from..from + length).contains(&look));
        if !paused {
            bridges[1].turn(ironic);
        }
    }
}

fn two() -> [SimBridge; 2] {
    [SimBridge::new("b1"), SimBridge::new("b2")]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_live_conductor_stays_active_whatever_bridge_is_paused_and_late(
        pauses in prop::collection::vec((0..200_u64, 1..100_u64), 0..4),
        order in prop::collection::vec(any::<bool>(), 0..80),
    ) {
        let mut ironic = SimIronic::with(&["c1", "c2"]);
        let mut bridges = two();
        watched(&mut ironic, &mut bridges, 200, &pauses, |_, _| {});
        let mut worker = Worker::default();
        for event in merged(&bridges[0].said, &bridges[1].said, &order) {
            prop_assert!(!ends(&event));
            worker.hears(&event);
            prop_assert_eq!(worker.life(event.conductor.as_str()), Some(Life::Active));
        }
    }

    #[test]
    fn one_that_was_stopped_killed_and_restarted_ends_active_if_it_lives_at_last(
        pauses in prop::collection::vec((0..300_u64, 1..100_u64), 0..4),
        order in prop::collection::vec(any::<bool>(), 0..120),
    ) {
        let mut ironic = SimIronic::with(&["c1", "c2"]);
        let mut bridges = two();
        let timeout = TIMEOUT / INTERVAL;
        watched(&mut ironic, &mut bridges, 300, &pauses, |look, ironic| match look {
            // SIGSTOP, and SIGCONT after the time-out.
            20 => ironic.freeze("c1"),
            look if look == 30 + timeout => ironic.thaw("c1"),
            // A graceful restart.
            100 => { ironic.unregister("c1"); ironic.offline("c1"); }
            110 => { ironic.start("c1"); ironic.register("c1", &["ipmi"]); }
            // kill -9 and a restart after the time-out.
            130 => ironic.freeze("c1"),
            look if look == 140 + timeout => { ironic.start("c1"); ironic.register("c1", &["ipmi"]); }
            _ => {}
        });
        let mut worker = Worker::default();
        for event in merged(&bridges[0].said, &bridges[1].said, &order) {
            worker.hears(&event);
            prop_assert_ne!(worker.life("c2"), Some(Life::TimedOut));
            prop_assert_ne!(worker.life("c2"), Some(Life::Left));
        }
        prop_assert_eq!(worker.life("c1"), Some(Life::Active));
        let name = ConductorName::parse("c1").unwrap();
        let known = worker.map.conductor(&name).unwrap();
        prop_assert_eq!(Some(known.incarnation), bridges[0].view("c1").incarnation);
        prop_assert_eq!(known.drivers.len(), 1);
    }
}

#[test]
fn what_a_paused_bridge_says_late_of_a_dead_conductor_is_put_right_within_a_minute() {
    let mut ironic = SimIronic::with(&["c1"]);
    let mut bridges = two();
    watched(&mut ironic, &mut bridges, 30, &[], |_, _| {});
    // The second one is stopped with a heartbeat in its hands that the other never said.
    ironic.pass(INTERVAL);
    let before = bridges[0].said.len();
    let mut held = bridges[1].said.last().unwrap().clone();
    held.id = EventId::parse("not said by the other").unwrap();
    ironic.freeze("c1");
    bridges[0].run(&mut ironic, TIMEOUT + 10_000);
    let mut worker = Worker::default();
    worker.hears_all(&bridges[0].said);
    assert!(bridges[0].said[before..].iter().any(ends));
    assert_eq!(worker.life("c1"), Some(Life::TimedOut));
    worker.hears(&held);
    assert_eq!(worker.life("c1"), Some(Life::Active));
    let said = bridges[0].run(&mut ironic, 62_000);
    worker.hears_all(&said);
    assert_eq!(worker.life("c1"), Some(Life::TimedOut));
}

#[test]
fn two_bridges_that_see_the_same_repeat_each_other() {
    let mut ironic = SimIronic::with(&["c1"]);
    let mut bridges = two();
    watched(&mut ironic, &mut bridges, 100, &[], |look, ironic| {
        if look == 90 {
            ironic.unregister("c1");
            ironic.offline("c1");
        }
    });
    let ids = |bridge: &SimBridge| -> Vec<EventId> {
        bridge.said.iter().map(|event| event.id.clone()).collect()
    };
    assert_eq!(ids(&bridges[0]), ids(&bridges[1]));
}
