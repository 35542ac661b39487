//! Conductors whose clocks were wrong and are set back, whichever bridge saw it.

use nodewarden::domain::conductor::{Life, Outcome};
use nodewarden::domain::event::{Event, EventKind};
use proptest::prelude::*;

use super::harness::{
    BEAT, BEGIN, INTERVAL, SimBridge, SimIronic, TIMEOUT, Worker, ends, news, told,
};

const HOUR: u64 = 3_600_000;

/// A conductor that started by a clock an hour ahead; it is right again afterwards.
fn an_hour_ahead() -> (SimIronic, SimBridge) {
    let mut ironic = SimIronic::with(&["c1", "c2"]);
    ironic.conductors.get_mut("c1").unwrap().clock_ahead = HOUR as i64;
    ironic.start("c1");
    ironic.register("c1", &["ipmi"]);
    let mut bridge = SimBridge::new("b1");
    let said = bridge.run(&mut ironic, 30_000);
    assert_eq!(of(&said, "joined").last(), Some(&(BEGIN + 3_601_030)));
    ironic.conductors.get_mut("c1").unwrap().clock_ahead = 0;
    (ironic, bridge)
}

/// The incarnations with which that was said of c1.
fn of(said: &[Event], what: &str) -> Vec<u64> {
    said.iter()
        .filter(|event| told(std::slice::from_ref(event)) == [format!("{what} c1")])
        .map(|event| event.incarnation.get())
        .collect()
}

#[test]
fn a_conductor_whose_clock_was_set_back_starts_with_a_higher_number_than_was_ever_said_of_it() {
    let (mut ironic, mut bridge) = an_hour_ahead();
    ironic.unregister("c1");
    ironic.offline("c1");
    let left = of(&bridge.run(&mut ironic, 10_000), "left");
    assert_eq!(
        left,
        [BEGIN + 3_601_030],
        "its own start, not the row's time"
    );
    ironic.start("c1");
    ironic.register("c1", &["ipmi"]);
    let said = bridge.run(&mut ironic, 30_000);
    assert_eq!(of(&said, "joined"), [BEGIN + 3_601_031]);
    assert!(!of(&said, "heartbeat").is_empty());
    assert!(
        of(&said, "heartbeat")
            .iter()
            .all(|it| *it == BEGIN + 3_601_031)
    );
}

#[test]
fn one_that_was_killed_and_restarts_by_a_clock_set_back_is_not_stale_either() {
    let (mut ironic, mut bridge) = an_hour_ahead();
    ironic.freeze("c1");
    let said = bridge.run(&mut ironic, TIMEOUT + 10_000);
    assert_eq!(of(&said, "heartbeat_timeout"), [BEGIN + 3_601_030]);
    ironic.start("c1");
    ironic.register("c1", &["ipmi"]);
    let said = bridge.run(&mut ironic, 10_000);
    assert_eq!(of(&said, "joined"), [BEGIN + 3_601_031]);
}

#[test]
fn what_was_said_is_remembered_by_the_next_bridge_and_by_those_beside_it() {
    let (mut ironic, mut bridge) = an_hour_ahead();
    ironic.unregister("c1");
    ironic.offline("c1");
    bridge.run(&mut ironic, 10_000);
    // All bridges end, and the conductor starts again while none looks.
    drop(bridge);
    ironic.start("c1");
    ironic.register("c1", &["ipmi"]);
    let (mut next, mut beside) = (SimBridge::new("b2"), SimBridge::new("b3"));
    for _ in 0..10 {
        ironic.pass(INTERVAL);
        next.turn(&ironic);
        beside.turn(&ironic);
    }
    assert_eq!(of(&next.said, "joined"), [BEGIN + 3_601_031]);
    assert_eq!(of(&beside.said, "joined"), [BEGIN + 3_601_031]);
    // The end of a start by a right clock, too, is told with the number of that start.
    ironic.unregister("c1");
    ironic.offline("c1");
    let mut last = SimBridge::new("b4");
    let said = last.run(&mut ironic, 10_000);
    assert_eq!(of(&said, "left"), [BEGIN + 3_601_031]);
}

#[test]
fn a_clock_that_is_set_back_is_a_sign_of_life_under_the_next_number() {
    let mut ironic = SimIronic::with(&["c1"]);
    let mut bridge = SimBridge::new("b1");
    let joined = of(&bridge.run(&mut ironic, 30_000), "joined");
    ironic.conductors.get_mut("c1").unwrap().clock_ahead = -(HOUR as i64);
    let said = bridge.run(&mut ironic, 120_000);
    assert_eq!(of(&said, "joined"), [joined[0] + 1]);
    assert_eq!(news(&said), ["joined c1"], "and nothing else is new");
    let number = |event: &&Event| event.incarnation.get() == joined[0] + 1;
    let sent: Vec<_> = said.iter().filter(number).map(|it| it.sent_at_ms).collect();
    assert!(
        sent.len() > 5 && sent.is_sorted_by(|a, b| a < b),
        "{sent:?}"
    );
    ironic.freeze("c1");
    let said = bridge.run(&mut ironic, TIMEOUT + 10_000);
    let Some(EventKind::HeartbeatTimeout { last_seen_ms, .. }) = said.last().map(|it| &it.kind)
    else {
        panic!("{said:?}");
    };
    assert!(last_seen_ms >= sent.last().unwrap());
}

/// A bridge looks and the worker hears it for that long. None of its signs of life is ignored.
fn heard(bridge: &mut SimBridge, ironic: &mut SimIronic, worker: &mut Worker, ms: u64) {
    for event in bridge.run(ironic, ms) {
        let outcome = worker.hears(&event);
        assert!(ends(&event) || outcome != Some(Outcome::Stale), "{event:?}");
    }
}

/// c1 is killed while `bridge` looks, and the worker hears of it.
fn is_found_dead(mut bridge: SimBridge, mut ironic: SimIronic, mut worker: Worker) {
    ironic.freeze("c1");
    heard(&mut bridge, &mut ironic, &mut worker, TIMEOUT + 10_000);
    assert_eq!(worker.life("c1"), Some(Life::TimedOut));
}

/// c1 has run for that long, by a clock an hour ahead, and a bridge told the worker.
fn told_an_hour_ahead(ms: u64) -> (SimBridge, SimIronic, Worker) {
    let mut ironic = SimIronic::with(&["c2"]);
    ironic.start("c1");
    ironic.conductors.get_mut("c1").unwrap().clock_ahead = HOUR as i64;
    ironic.start("c1");
    ironic.register("c1", &["ipmi"]);
    ironic.pass(ms);
    let (mut bridge, mut worker) = (SimBridge::new("b1"), Worker::default());
    heard(&mut bridge, &mut ironic, &mut worker, 30_000);
    assert_eq!(worker.life("c1"), Some(Life::Active));
    (bridge, ironic, worker)
}

#[test]
fn a_silence_is_heard_of_although_the_bridge_that_saw_the_clock_set_back_is_gone() {
    // Before and after the time at which it registered.
    for runs in [0, 4 * HOUR] {
        let (mut bridge, mut ironic, mut worker) = told_an_hour_ahead(runs);
        ironic.conductors.get_mut("c1").unwrap().clock_ahead = 0;
        heard(&mut bridge, &mut ironic, &mut worker, 60_000);
        drop(bridge);
        let mut next = SimBridge::new("b2");
        heard(&mut next, &mut ironic, &mut worker, 60_000);
        assert_eq!(worker.life("c1"), Some(Life::Active));
        is_found_dead(next, ironic, worker);
    }
}

#[test]
fn a_silence_is_heard_of_although_no_bridge_saw_the_clock_set_back() {
    let (bridge, mut ironic, mut worker) = told_an_hour_ahead(0);
    drop(bridge);
    ironic.conductors.get_mut("c1").unwrap().clock_ahead = 0;
    ironic.pass(BEAT);
    let mut next = SimBridge::new("b2");
    heard(&mut next, &mut ironic, &mut worker, 60_000);
    is_found_dead(next, ironic, worker);
}

#[test]
fn one_that_dies_as_it_starts_by_a_clock_set_back_is_found_dead_by_the_next_bridge() {
    let (mut bridge, mut ironic, mut worker) = told_an_hour_ahead(0);
    ironic.conductors.get_mut("c1").unwrap().clock_ahead = 0;
    // It registers nothing.
    ironic.start("c1");
    heard(&mut bridge, &mut ironic, &mut worker, 4_000);
    drop(bridge);
    assert_eq!(worker.life("c1"), Some(Life::Active));
    is_found_dead(SimBridge::new("b2"), ironic, worker);
}

#[test]
fn a_bridge_that_sees_a_step_later_than_another_one_begins_no_further_number() {
    let mut ironic = SimIronic::with(&["c1"]);
    ironic.pass(BEAT);
    let mut bridges = [SimBridge::new("b1"), SimBridge::new("b2")];
    for step in 0..40 {
        ironic.conductors.get_mut("c1").unwrap().clock_ahead = -(step / 20 * HOUR as i64);
        ironic.pass(INTERVAL);
        for (bridge, each) in bridges.iter_mut().zip([1, 3]) {
            if step % each == each / 2 {
                bridge.turn(&ironic);
            }
        }
    }
    for bridge in &bridges {
        let begun = bridge.view("c1").incarnation.unwrap().get();
        assert_eq!(begun, BEGIN + 1_031);
    }
}

#[test]
fn where_conductors_do_not_beat_a_start_of_a_bridge_begins_no_number() {
    let mut ironic = SimIronic::with(&["c1"]);
    ironic.beats = false;
    for name in ["b1", "b2", "b3"] {
        let joined = of(&SimBridge::new(name).run(&mut ironic, 10_000), "joined");
        assert_eq!(joined, [BEGIN + 1_030]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Of two bridges one is replaced now and then, well before or after a step of the clock.
    #[test]
    fn whatever_clocks_do_a_live_conductor_counts_and_a_dead_one_does_not(
        steps in prop::collection::vec(-5_000_i64..5_000, 12),
        replaced in prop::collection::vec(prop::option::of(any::<bool>()), 12),
        late in 3..8_u64,
    ) {
        let mut ironic = SimIronic::with(&["c1", "c2"]);
        let mut bridges = [SimBridge::new("b1"), SimBridge::new("b2")];
        let mut worker = Worker::default();
        for (round, (ahead, replaced)) in steps.iter().zip(&replaced).enumerate() {
            ironic.conductors.get_mut("c1").unwrap().clock_ahead = ahead * 1_000;
            for look in 0..15 {
                if let (Some(second), true) = (replaced, look == 5 + late) {
                    bridges[usize::from(*second)] = SimBridge::new(&format!("b{round}"));
                }
                ironic.pass(INTERVAL);
                for event in bridges.iter_mut().flat_map(|bridge| bridge.turn(&ironic)) {
                    prop_assert!(!ends(&event));
                    prop_assert_ne!(worker.hears(&event), Some(Outcome::Stale), "{:?}", event);
                }
            }
            prop_assert_eq!(worker.life("c1"), Some(Life::Active));
        }
        let numbers = |bridge: &SimBridge| bridge.view("c1").incarnation;
        prop_assert_eq!(numbers(&bridges[0]), numbers(&bridges[1]));
        ironic.freeze("c1");
        // Either is enough.
        let said = bridges[usize::from(late % 2 == 0)].run(&mut ironic, TIMEOUT + 10_000);
        worker.hears_all(&said);
        prop_assert_eq!(worker.life("c1"), Some(Life::TimedOut));
    }
}
