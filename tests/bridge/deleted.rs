//! Conductors whose rows are deleted, while a bridge looks or none does.

use nodewarden::bridge::State;
use nodewarden::domain::conductor::Life;
use nodewarden::domain::event::Event;
use proptest::prelude::*;

use super::harness::{INTERVAL, SimBridge, SimIronic, TIMEOUT, Worker, mono, news, rules};

/// A bridge told a worker that both live.
fn told() -> (SimIronic, SimBridge, Worker) {
    let mut ironic = SimIronic::with(&["c1", "c2"]);
    let (mut bridge, mut worker) = (SimBridge::new("b1"), Worker::default());
    worker.hears_all(&bridge.run(&mut ironic, 30_000));
    assert_eq!(worker.life("c1"), Some(Life::Active));
    (ironic, bridge, worker)
}

/// What that bridge says of c1's end.
fn ends(said: &[Event]) -> Vec<u64> {
    let of = said.iter().filter(|event| event.conductor.as_str() == "c1");
    let ends = of.filter(|event| super::harness::ends(event));
    ends.map(|event| event.incarnation.get()).collect()
}

#[test]
fn a_row_that_is_deleted_while_no_bridge_looks_is_a_conductor_that_left() {
    let (mut ironic, bridge, mut worker) = told();
    let number = bridge.view("c1").incarnation.unwrap().get();
    drop(bridge);
    ironic.conductors.remove("c1");
    let mut next = SimBridge::new("b2");
    ironic.pass(INTERVAL);
    assert_eq!(news(&next.turn(&ironic)), Vec::<String>::new(), "seen once");
    assert_eq!(next.state("c1"), State::Unknown);
    assert_eq!(next.view("c1").updated_at_ms, None);
    let said = next.run(&mut ironic, TIMEOUT);
    assert_eq!(news(&said), ["left c1", "joined c2"]);
    assert_eq!(ends(&said), [number]);
    worker.hears_all(&said);
    assert_eq!(worker.life("c1"), Some(Life::Left));
    assert_eq!(next.judge.view().len(), 1, "and is forgotten");
}

#[test]
fn an_end_that_was_told_is_not_told_again_by_the_bridges_after_it() {
    let (mut ironic, mut bridge, _) = told();
    ironic.conductors.remove("c1");
    assert_eq!(ends(&bridge.run(&mut ironic, 20_000)).len(), 1);
    for name in ["b2", "b3"] {
        let mut next = SimBridge::new(name);
        assert_eq!(ends(&next.run(&mut ironic, 2 * TIMEOUT)).len(), 0);
        assert_eq!(next.judge.view().len(), 1);
    }
    // It comes back by a clock that is right, and by one that was set back a day.
    for ahead in [0, -86_400_000] {
        ironic.start("c1");
        ironic.conductors.get_mut("c1").unwrap().clock_ahead = ahead;
        ironic.start("c1");
        ironic.register("c1", &["ipmi"]);
        let (mut next, mut worker) = (SimBridge::new("b4"), Worker::default());
        worker.hears_all(&bridge.said);
        worker.hears_all(&next.run(&mut ironic, 30_000));
        assert_eq!(worker.life("c1"), Some(Life::Active));
        ironic.conductors.remove("c1");
        bridge.said.extend(next.run(&mut ironic, 20_000));
        worker.hears_all(&bridge.said);
        assert_eq!(worker.life("c1"), Some(Life::Left));
    }
}

#[test]
fn bridges_side_by_side_tell_it_once_and_all_forget_it() {
    let (mut ironic, bridge, mut worker) = told();
    drop(bridge);
    ironic.conductors.remove("c1");
    let (mut one, mut two) = (SimBridge::new("b2"), SimBridge::new("b3"));
    for turn in 0..60 {
        ironic.pass(INTERVAL);
        worker.hears_all(&one.turn(&ironic));
        if turn > 0 {
            worker.hears_all(&two.turn(&ironic));
        }
    }
    assert_eq!(worker.life("c1"), Some(Life::Left));
    let mut said = [&one.said[..], &two.said[..]].concat();
    said.retain(super::harness::ends);
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((one.judge.view().len(), two.judge.view().len()), (1, 1));
}

#[test]
fn an_end_that_no_broker_confirmed_is_told_by_the_next_bridge_although_the_row_is_gone() {
    for stops in [true, false] {
        let (mut ironic, mut bridge, mut worker) = told();
        if stops {
            ironic.unregister("c1");
            ironic.offline("c1");
        } else {
            ironic.freeze("c1");
        }
        // The broker is away.
        for _ in 0..(TIMEOUT + 10_000) / INTERVAL {
            ironic.pass(INTERVAL);
            ironic.remember(&bridge.judge.to_remember());
            bridge.judge.looked(&ironic.look());
        }
        assert_eq!(ends(&bridge.judge.due(mono(ironic.now + 10))).len(), 1);
        drop(bridge);
        ironic.conductors.remove("c1");
        worker.hears_all(&SimBridge::new("b2").run(&mut ironic, 20_000));
        assert_eq!(worker.life("c1"), Some(Life::Left), "{stops}");
    }
}

#[test]
fn in_a_planned_restart_only_a_newer_number_ends_it() {
    let grace = std::time::Duration::from_secs(600);
    let graceful = |name| SimBridge::by(rules().with_restart_grace(grace), name);
    let mut ironic = SimIronic::with(&["c1", "c2"]);
    let mut bridge = graceful("b1");
    bridge.run(&mut ironic, 30_000);
    ironic.unregister("c1");
    ironic.offline("c1");
    let planned = ends(&bridge.run(&mut ironic, 20_000));
    drop(bridge);
    ironic.conductors.remove("c1");
    let gone = ends(&graceful("b2").run(&mut ironic, 20_000));
    assert!(gone.len() == 1 && gone > planned, "{planned:?} {gone:?}");
}

#[test]
fn no_row_is_missed_while_the_table_is_empty_or_a_name_in_it_cannot_be_read() {
    let (mut ironic, bridge, _) = told();
    drop(bridge);
    let rows = std::mem::take(&mut ironic.conductors);
    let mut next = SimBridge::new("b2");
    assert_eq!(news(&next.run(&mut ironic, TIMEOUT)), Vec::<String>::new());
    ironic.conductors = rows;
    ironic.row("c1").hostname = "c1\u{1b}[2J".to_owned();
    assert_eq!(news(&next.run(&mut ironic, TIMEOUT)), ["joined c2"]);
}

/// What happens to c1, or to those that look at it.
#[derive(Debug, Clone)]
enum Happens {
    /// By a clock that is so many seconds ahead, with drivers or without.
    Starts(i64, bool),
    Stops,
    Dies,
    IsDeleted,
    /// One of the bridges is killed, and another one takes its place.
    Replaces(usize),
    BrokerGoes,
    BrokerComes,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => (-20_000..20_000_i64, prop::bool::weighted(0.8)).prop_map(|(ahead, whole)| Happens::Starts(ahead, whole)),
        2 => Just(Happens::Stops),
        1 => Just(Happens::Dies),
        3 => Just(Happens::IsDeleted),
        4 => (0..2_usize).prop_map(Happens::Replaces),
        1 => Just(Happens::BrokerGoes),
        1 => Just(Happens::BrokerComes),
    ]
}

fn happen(ironic: &mut SimIronic, happens: &Happens) {
    let there = ironic.conductors.contains_key("c1");
    match happens {
        Happens::Starts(ahead, whole) => {
            ironic.start("c1");
            ironic.conductors.get_mut("c1").unwrap().clock_ahead = ahead * 1_000;
            ironic.start("c1");
            if *whole {
                ironic.register("c1", &["ipmi"]);
            } else {
                ironic.freeze("c1");
            }
        }
        Happens::Stops if there => {
            ironic.unregister("c1");
            ironic.offline("c1");
        }
        Happens::Dies if there => ironic.freeze("c1"),
        Happens::IsDeleted => drop(ironic.conductors.remove("c1")),
        Happens::Stops | Happens::Dies => {}
        Happens::Replaces(_) | Happens::BrokerGoes | Happens::BrokerComes => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn whatever_happened_to_a_row_and_to_bridges_it_counts_in_the_end_if_it_lives(
        story in prop::collection::vec((happens(), 0..12_u64), 1..40),
    ) {
        let mut ironic = SimIronic::with(&["c2"]);
        let mut bridges = [SimBridge::new("b1"), SimBridge::new("b2")];
        let (mut worker, mut broker) = (Worker::default(), true);
        for (number, (happens, looks)) in story.iter().enumerate() {
            happen(&mut ironic, happens);
            match happens {
                Happens::Replaces(which) => bridges[*which] = SimBridge::new(&format!("r{number}")),
                Happens::BrokerGoes => broker = false,
                Happens::BrokerComes => broker = true,
                Happens::Starts(..) | Happens::Stops | Happens::Dies | Happens::IsDeleted => {}
            }
            for _ in 0..*looks {
                ironic.pass(INTERVAL);
                for bridge in &mut bridges {
                    ironic.remember(&bridge.judge.to_remember());
                    bridge.judge.looked(&ironic.look());
                    if broker {
                        worker.hears_all(&bridge.speak(&ironic));
                    }
                }
            }
        }
        let [_, mut last] = bridges;
        worker.hears_all(&last.run(&mut ironic, TIMEOUT + 30_000));
        let lives = ironic.conductors.get("c1").is_some_and(|it| it.beating);
        prop_assert_eq!(worker.life("c1") == Some(Life::Active), lives, "{:?}", worker.life("c1"));
    }
}
