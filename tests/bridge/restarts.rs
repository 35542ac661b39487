//! What is a planned restart, and what a conductor's rhythm makes of a time-out that is too short.

use std::time::Duration;

use nodewarden::bridge::{Rules, State};
use nodewarden::domain::event::{Event, EventKind};

use super::harness::{INTERVAL, SimBridge, SimIronic, TIMEOUT, news, rules, told};

const GRACE: Duration = Duration::from_secs(120);

fn graceful() -> Rules {
    rules().with_restart_grace(GRACE)
}

/// A bridge that grants a grace and knows these conductors as alive.
fn settled(names: &[&'static str]) -> (SimIronic, SimBridge) {
    let mut ironic = SimIronic::with(names);
    let mut bridge = SimBridge::by(graceful(), "b1");
    bridge.turn(&ironic);
    bridge.run(&mut ironic, 30_000);
    (ironic, bridge)
}

fn stop(ironic: &mut SimIronic, name: &str) {
    ironic.unregister(name);
    ironic.offline(name);
}

/// What was said of ends: the number, and for how long it is expected back.
fn ends(said: &[Event]) -> Vec<(u64, Option<Duration>)> {
    let ends = said.iter().filter_map(|event| match &event.kind {
        EventKind::Left { back_within, .. } => Some((event.incarnation.get(), *back_within)),
        EventKind::HeartbeatTimeout { .. } => Some((event.incarnation.get(), None)),
        EventKind::Joined(_) | EventKind::Heartbeat(_) => None,
    });
    ends.collect()
}

#[test]
fn a_graceful_stop_is_a_planned_restart_and_the_next_start_is_above_it() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    stop(&mut ironic, "c1");
    let said = bridge.run(&mut ironic, 10_000);
    assert_eq!(news(&said), ["left c1"]);
    let [(left, within)] = ends(&said)[..] else {
        panic!("{said:?}");
    };
    assert_eq!(within, Some(GRACE));
    ironic.start("c1");
    ironic.register("c1", &["ipmi"]);
    let said = bridge.run(&mut ironic, 10_000);
    assert_eq!(news(&said), ["joined c1"]);
    let joined = said.iter().find(|event| event.conductor.as_str() == "c1");
    assert!(joined.unwrap().incarnation.get() > left);
}

#[test]
fn without_a_grace_a_stop_is_an_end() {
    let mut ironic = SimIronic::with(&["c1", "c2"]);
    let mut bridge = SimBridge::new("b1");
    bridge.turn(&ironic);
    bridge.run(&mut ironic, 30_000);
    stop(&mut ironic, "c1");
    let said = bridge.run(&mut ironic, 10_000);
    assert_eq!(
        ends(&said).iter().map(|(_, it)| *it).collect::<Vec<_>>(),
        [None]
    );
}

#[test]
fn a_crash_and_a_conductor_that_is_switched_off_are_no_restart() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2", "c3"]);
    ironic.freeze("c1");
    // Its drivers stay registered: no conductor stops like that.
    ironic.offline("c2");
    let said = bridge.run(&mut ironic, TIMEOUT + 10_000);
    let mut told = news(&said);
    told.sort();
    told.dedup();
    assert_eq!(told, ["heartbeat_timeout c1", "heartbeat_timeout c2"]);
}

#[test]
fn a_stop_that_is_killed_half_way_is_a_crash() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    ironic.unregister("c1");
    ironic.freeze("c1");
    let said = bridge.run(&mut ironic, TIMEOUT + 10_000);
    assert_eq!(news(&said), ["heartbeat_timeout c1"]);
}

#[test]
fn a_conductor_that_is_deleted_in_its_restart_is_gone_at_once() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    stop(&mut ironic, "c1");
    let planned = ends(&bridge.run(&mut ironic, 10_000));
    ironic.conductors.remove("c1");
    let gone = ends(&bridge.run(&mut ironic, 10_000));
    let ([(left, Some(_))], [(deleted, None)]) = (&planned[..], &gone[..]) else {
        panic!("{planned:?} {gone:?}");
    };
    assert!(
        deleted > left,
        "only a newer incarnation shortens a planned restart"
    );
    assert_eq!(bridge.judge.view().len(), 1, "and is forgotten");
    // As is one that is deleted while it runs.
    ironic.start("c3");
    ironic.register("c3", &["ipmi"]);
    bridge.run(&mut ironic, 20_000);
    ironic.conductors.remove("c3");
    let gone = ends(&bridge.run(&mut ironic, 10_000));
    assert_eq!(gone.iter().map(|(_, it)| *it).collect::<Vec<_>>(), [None]);
}

#[test]
fn no_repeat_and_no_other_bridge_makes_a_planned_restart_longer() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    let mut other = SimBridge::by(graceful(), "b2");
    stop(&mut ironic, "c1");
    let mut said = Vec::new();
    for turn in 0..400 {
        ironic.pass(INTERVAL);
        // It is slow to stop, and goes on writing its row.
        if turn % 5 == 0 {
            let now = ironic.clock("c1");
            ironic.row("c1").updated_at_ms = Some(now);
        }
        said.extend(bridge.turn(&ironic));
        said.extend(other.turn(&ironic));
        if ironic.now.is_multiple_of(97 * INTERVAL) {
            other = SimBridge::by(graceful(), "b3");
        }
    }
    let lefts: Vec<&Event> = said
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Left { .. }))
        .collect();
    assert!(lefts.len() > 4, "{lefts:?}");
    assert!(
        lefts.iter().all(|left| left == &lefts[0]),
        "all are repeats of the first: {lefts:?}"
    );
}

#[test]
fn a_rolling_restart_twice_with_clocks_set_back_only_ever_raises_the_numbers() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2", "c3"]);
    for (round, name) in ["c1", "c2", "c3", "c1", "c2", "c3"].into_iter().enumerate() {
        stop(&mut ironic, name);
        bridge.run(&mut ironic, 12_000);
        ironic.conductors.get_mut(name).unwrap().clock_ahead -= 3_600_000;
        if round == 3 {
            // The bridge restarts as well; another one has the numbers from the table.
            bridge = SimBridge::by(graceful(), "b2");
        }
        ironic.start(name);
        ironic.register(name, &["ipmi", "redfish"]);
        bridge.run(&mut ironic, 30_000);
        assert_eq!(bridge.state(name), State::Alive);
        let of: Vec<u64> = bridge
            .said
            .iter()
            .filter(|event| event.conductor.as_str() == name)
            .map(|event| event.incarnation.get())
            .collect();
        assert!(of.is_sorted(), "{name}: {of:?}");
    }
    assert!(
        ends(&bridge.said)
            .iter()
            .all(|(_, within)| *within == Some(GRACE))
    );
}

/// Conductors write each 10 s, and the setting is 6 s.
fn too_short() -> Rules {
    Rules::new(Duration::from_secs(6), Duration::from_millis(INTERVAL))
}

#[test]
fn conductors_that_write_less_often_than_the_time_out_do_not_flap() {
    let mut ironic = SimIronic::with(&["c1", "c2"]);
    for name in ["b1", "b2"] {
        // The second one starts in the midst of it.
        let mut bridge = SimBridge::by(too_short(), name);
        let mut said = news(&bridge.run(&mut ironic, 600_000));
        said.sort();
        assert_eq!(said, ["joined c1", "joined c2"]);
        let view = bridge.view("c1");
        assert_eq!(view.pause, Some(Duration::from_secs(10)));
        assert_eq!(view.timeout, Duration::from_secs(30));
        let told = bridge
            .judge
            .stretched()
            .expect("it is too short")
            .to_string();
        assert_eq!(
            told,
            "bridge.heartbeat_timeout (6s) is under three heartbeats: one conductor lets up to 10s pass \
             between two, and may be silent for up to 30s instead; set it to at least the \
             heartbeat_timeout of Ironic's own [conductor] section"
        );
    }
}

#[test]
fn a_crash_is_found_after_three_usual_pauses_whatever_its_last_pause_was() {
    let mut ironic = SimIronic::with(&["c1", "c2"]);
    let mut bridge = SimBridge::by(too_short(), "b1");
    bridge.run(&mut ironic, 100_000);
    // A long pause that ended, and a dead conductor's that does not.
    ironic.freeze("c1");
    assert_eq!(
        told(&bridge.run(&mut ironic, 60_000))
            .last()
            .map(String::as_str),
        Some("heartbeat c2")
    );
    ironic.thaw("c1");
    bridge.run(&mut ironic, 20_000);
    assert_eq!(bridge.view("c1").timeout, Duration::from_secs(30));
    ironic.freeze("c1");
    let said = bridge.run(&mut ironic, 28_000);
    assert_eq!(news(&said), Vec::<String>::new());
    let said = bridge.run(&mut ironic, 12_000);
    assert_eq!(news(&said), ["heartbeat_timeout c1"]);
    bridge.run(&mut ironic, 3_600_000);
    assert_eq!(bridge.view("c1").timeout, Duration::from_secs(30));
}

#[test]
fn a_time_out_that_fits_is_gone_by_exactly() {
    let mut ironic = SimIronic::with(&["c1"]);
    let mut bridge = SimBridge::new("b1");
    bridge.run(&mut ironic, 100_000);
    assert_eq!(bridge.judge.stretched(), None);
    assert_eq!(bridge.view("c1").timeout, Duration::from_millis(TIMEOUT));
}
