//! The pure judgement, trap by trap.

use nodewarden::bridge::{Sighting, State};
use nodewarden::domain::event::EventKind;

use super::harness::{BEAT, BEGIN, INTERVAL, SimBridge, SimIronic, TIMEOUT, mono, news, told};

/// A bridge that knows c1 as alive.
fn settled(names: &[&'static str]) -> (SimIronic, SimBridge) {
    let mut ironic = SimIronic::with(names);
    let mut bridge = SimBridge::new("b1");
    bridge.turn(&ironic);
    bridge.run(&mut ironic, 30_000);
    for name in names {
        assert_eq!(bridge.state(name), State::Alive);
    }
    (ironic, bridge)
}

#[test]
fn a_conductor_joins_once_it_was_seen_to_move_with_all_that_it_registered() {
    let mut ironic = SimIronic::with(&["c1"]);
    let mut bridge = SimBridge::new("b1");
    assert_eq!(told(&bridge.turn(&ironic)), Vec::<String>::new());
    let said = bridge.run(&mut ironic, 10_000);
    assert_eq!(told(&said), ["joined c1"]);
    let event = &said[0];
    assert_eq!(event.incarnation.get(), BEGIN + 1_030);
    let row = ironic.row("c1").clone();
    assert_eq!(event.sent_at_ms.map(|at| at as i64), row.updated_at_ms);
    let EventKind::Joined(statement) = &event.kind else {
        panic!("{event:?}");
    };
    assert_eq!(statement.group.as_str(), "rack1", "groups are lower case");
    let drivers: Vec<&str> = statement.drivers.iter().map(|it| it.as_str()).collect();
    assert_eq!(drivers, ["ipmi", "redfish"]);
    assert_eq!(
        statement.heartbeat_timeout, None,
        "a bridge that dies takes no node out"
    );
}

#[test]
fn a_complete_heartbeat_of_every_live_conductor_comes_at_least_once_a_minute() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    let said = bridge.run(&mut ironic, 120_000);
    for name in ["c1", "c2"] {
        let of: Vec<_> = said
            .iter()
            .filter(|event| event.conductor.as_str() == name)
            .collect();
        assert!((11..=13).contains(&of.len()), "{}", of.len());
        assert!(
            of.iter()
                .all(|event| matches!(event.kind, EventKind::Heartbeat(Some(_))))
        );
        let sent: Vec<_> = of.iter().map(|event| event.sent_at_ms).collect();
        assert!(sent.is_sorted_by(|a, b| a < b), "{sent:?}");
    }
    // Ironic may beat less often than once a minute: the same is repeated, with the same id.
    ironic.freeze("c1");
    let said = bridge.run(&mut ironic, 56_000);
    let of: Vec<_> = said
        .iter()
        .filter(|event| event.conductor.as_str() == "c1")
        .collect();
    assert_eq!(of.len(), 1, "{said:?}");
    assert!(
        bridge
            .said
            .iter()
            .filter(|event| event.id == of[0].id)
            .count()
            == 2
    );
}

#[test]
fn who_was_dead_before_the_bridge_began_never_joins_and_is_late_after_a_whole_time_out() {
    let mut ironic = SimIronic::with(&["c1", "c2"]);
    ironic.freeze("c1");
    ironic.pass(3_600_000);
    let mut bridge = SimBridge::new("b1");
    let said = bridge.run(&mut ironic, TIMEOUT);
    assert_eq!(news(&said), ["joined c2"]);
    assert_eq!(bridge.state("c1"), State::Unknown);
    let said = bridge.run(&mut ironic, 6_000);
    assert_eq!(news(&said), ["heartbeat_timeout c1"]);
}

#[test]
fn the_hole_at_a_start_is_neither_a_loss_nor_an_empty_statement() {
    let (mut ironic, mut bridge) = settled(&["c1"]);
    // kill -9 and a restart: a look falls into the 20 ms without drivers.
    ironic.start("c1");
    ironic.pass(INTERVAL);
    assert_eq!(news(&bridge.turn(&ironic)), Vec::<String>::new());
    assert_eq!(bridge.state("c1"), State::Starting);
    ironic.register("c1", &["redfish"]);
    let before = bridge.said.len();
    let said = bridge.run(&mut ironic, 10_000);
    assert_eq!(news(&said), ["joined c1"]);
    let EventKind::Joined(statement) = &bridge.said[before].kind else {
        panic!();
    };
    assert_eq!(statement.drivers.len(), 1);
}

#[test]
fn drivers_that_were_seen_once_are_not_told() {
    let (mut ironic, mut bridge) = settled(&["c1"]);
    ironic.start("c1");
    ironic.register("c1", &["ipmi"]);
    ironic.pass(200);
    assert_eq!(told(&bridge.turn(&ironic)), Vec::<String>::new());
    ironic.register("c1", &["ipmi", "redfish", "snmp"]);
    ironic.pass(200);
    assert_eq!(told(&bridge.turn(&ironic)), Vec::<String>::new());
    // Equal twice, but not for a second yet.
    ironic.pass(200);
    assert_eq!(told(&bridge.turn(&ironic)), Vec::<String>::new());
    ironic.pass(1_000);
    let said = bridge.turn(&ironic);
    assert_eq!(told(&said), ["joined c1"]);
    let EventKind::Joined(statement) = &said[0].kind else {
        panic!();
    };
    assert_eq!(statement.drivers.len(), 3);
}

#[test]
fn a_graceful_stop_deletes_drivers_first_and_is_told_once_it_was_seen_twice() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    ironic.unregister("c1");
    assert_eq!(news(&bridge.turn(&ironic)), Vec::<String>::new());
    ironic.offline("c1");
    let updated = ironic.row("c1").updated_at_ms;
    ironic.pass(20);
    assert_eq!(news(&bridge.turn(&ironic)), Vec::<String>::new());
    ironic.pass(20);
    assert_eq!(news(&bridge.turn(&ironic)), Vec::<String>::new());
    let said = bridge.run(&mut ironic, INTERVAL);
    assert_eq!(news(&said), ["left c1"]);
    let left = said.iter().find(|event| event.conductor.as_str() == "c1");
    let left = left.unwrap().incarnation.get() as i64;
    assert!(left > BEGIN as i64 + 1_030 && left <= updated.unwrap());
    assert_eq!(bridge.state("c1"), State::Gone);
    // The next start is a later incarnation.
    ironic.pass(3_000);
    ironic.start("c1");
    ironic.register("c1", &["ipmi"]);
    let said = bridge.run(&mut ironic, 6_000);
    assert_eq!(news(&said), ["joined c1"]);
    let joined = said.iter().find(|event| event.conductor.as_str() == "c1");
    assert!(joined.unwrap().incarnation.get() as i64 > left);
}

#[test]
fn a_stop_that_is_over_before_the_second_look_is_no_stop() {
    let (mut ironic, mut bridge) = settled(&["c1"]);
    ironic.unregister("c1");
    ironic.offline("c1");
    bridge.turn(&ironic);
    ironic.pass(INTERVAL);
    ironic.start("c1");
    ironic.register("c1", &["ipmi", "redfish"]);
    assert_eq!(news(&bridge.run(&mut ironic, 10_000)), ["joined c1"]);
}

#[test]
fn kill_9_leaves_the_rows_and_is_noticed_after_the_whole_time_out_and_not_before() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    bridge.run(&mut ironic, 10_000);
    let updated = ironic.row("c1").updated_at_ms;
    ironic.freeze("c1");
    let said = bridge.run(&mut ironic, TIMEOUT - 12_000);
    assert_eq!(news(&said), Vec::<String>::new());
    let said = bridge.run(&mut ironic, 16_000);
    assert_eq!(news(&said), ["heartbeat_timeout c1"]);
    let event = said
        .iter()
        .find(|event| event.conductor.as_str() == "c1" && super::harness::ends(event))
        .unwrap();
    let EventKind::HeartbeatTimeout {
        last_seen_ms,
        detected_by,
    } = &event.kind
    else {
        panic!();
    };
    assert_eq!(last_seen_ms.map(|at| at as i64), updated);
    assert_eq!(detected_by.as_deref(), Some("nodewarden bridge ironic"));
    assert_eq!(event.incarnation.get(), BEGIN + 1_030);
    assert_eq!(bridge.state("c1"), State::Late);
}

#[test]
fn who_was_stopped_returns_without_a_new_registration_and_is_told_at_once() {
    let (mut ironic, mut bridge) = settled(&["c1"]);
    ironic.freeze("c1");
    let said = bridge.run(&mut ironic, TIMEOUT + 10_000);
    assert_eq!(news(&said), ["heartbeat_timeout c1"]);
    let incarnation = said.last().unwrap().incarnation;
    ironic.thaw("c1");
    let said = bridge.run(&mut ironic, 12_000);
    assert_eq!(told(&said)[0], "joined c1");
    assert_eq!(said[0].incarnation, incarnation, "the same start of it");
    assert_eq!(
        said[0].sent_at_ms.map(|at| at as i64),
        ironic.row("c1").updated_at_ms,
        "later than any time-out that is still under way"
    );
}

#[test]
fn clocks_apart_by_an_hour_change_nothing() {
    let mut ironic = SimIronic::with(&["c1", "c2", "c3"]);
    ironic.conductors.get_mut("c1").unwrap().clock_ahead = 3_600_000;
    ironic.conductors.get_mut("c2").unwrap().clock_ahead = -3_600_000;
    let mut bridge = SimBridge::new("b1");
    bridge.turn(&ironic);
    let said = bridge.run(&mut ironic, 300_000);
    let mut joined = news(&said);
    joined.sort();
    assert_eq!(joined, ["joined c1", "joined c2", "joined c3"]);
    ironic.freeze("c1");
    assert_eq!(
        news(&bridge.run(&mut ironic, TIMEOUT + 10_000)),
        ["heartbeat_timeout c1"]
    );
}

#[test]
fn an_empty_table_is_unknown_and_never_lost() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    let rows = std::mem::take(&mut ironic.conductors);
    let said = bridge.run(&mut ironic, 10 * TIMEOUT);
    assert_eq!(told(&said), Vec::<String>::new());
    assert!(bridge.judge.empty());
    assert_eq!(bridge.state("c1"), State::Unknown);
    ironic.conductors = rows;
    assert_eq!(
        news(&bridge.run(&mut ironic, TIMEOUT)),
        Vec::<String>::new()
    );
    assert_eq!(bridge.state("c1"), State::Alive);
}

#[test]
fn one_row_that_is_deleted_while_others_stay_is_a_conductor_that_left() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    ironic.conductors.remove("c1");
    ironic.pass(INTERVAL);
    assert_eq!(news(&bridge.turn(&ironic)), Vec::<String>::new());
    assert_eq!(news(&bridge.run(&mut ironic, 60_000)), ["left c1"]);
    assert_eq!(bridge.judge.view().len(), 1, "and is forgotten");
}

#[test]
fn a_row_that_makes_no_sense_is_unknown_and_harms_no_other() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2", "c3", "c4"]);
    for name in ["c1", "c2", "c3", "c4"] {
        ironic.freeze(name);
    }
    ironic.thaw("c4");
    ironic.row("c1").updated_at_ms = None;
    ironic.row("c2").online = None;
    ironic.row("c3").drivers.push("bad\ndriver".to_owned());
    let said = bridge.run(&mut ironic, 3 * TIMEOUT);
    assert_eq!(news(&said), Vec::<String>::new());
    for name in ["c1", "c2", "c3"] {
        assert_eq!(bridge.state(name), State::Unknown);
    }
    assert_eq!(bridge.state("c4"), State::Alive);
    assert_eq!(bridge.view("c1").why, "updated_at is not a time");
}

#[test]
fn a_name_that_cannot_be_read_may_be_any_conductor_s_so_none_is_missed_meanwhile() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    ironic.row("c1").hostname = "c1\u{1b}[2J".to_owned();
    let said = bridge.run(&mut ironic, 3 * TIMEOUT);
    assert_eq!(news(&said), Vec::<String>::new());
    assert_eq!(bridge.state("c1"), State::Unknown);
    assert_eq!(bridge.state("c2"), State::Alive);
    assert_eq!(bridge.judge.view().len(), 3);
}

#[test]
fn looks_that_fail_count_for_nothing_and_begin_every_time_out_again() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    // The database stalls: nobody can write, no look is good, for far longer than the time-out.
    for name in ["c1", "c2"] {
        ironic.freeze(name);
    }
    for _ in 0..200 {
        ironic.pass(INTERVAL);
        bridge.judge.failed();
        assert_eq!(told(&bridge.speak(&ironic)), Vec::<String>::new());
    }
    assert_eq!(bridge.state("c1"), State::Unknown);
    // It comes back with every updated_at old; conductors need a moment to write again.
    let said = bridge.run(&mut ironic, TIMEOUT - 4_000);
    assert_eq!(told(&said), Vec::<String>::new());
    ironic.thaw("c1");
    let said = bridge.run(&mut ironic, 14_000);
    assert_eq!(
        news(&said),
        ["heartbeat_timeout c2"],
        "only who stays silent"
    );
    assert_eq!(bridge.state("c1"), State::Alive);
}

#[test]
fn a_failed_look_now_and_then_hides_no_death_and_ends_no_life() {
    // Three a minute, and one in each time-out.
    for between in [20_000, TIMEOUT - 6_000] {
        let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
        ironic.freeze("c1");
        let froze = ironic.now;
        let mut said = Vec::new();
        while ironic.now - froze < 2 * TIMEOUT {
            let news = news(&bridge.run(&mut ironic, between));
            assert!(
                news.is_empty() || ironic.now - froze > TIMEOUT - BEAT,
                "{news:?}"
            );
            said.extend(news);
            ironic.pass(INTERVAL);
            bridge.judge.failed();
        }
        // It is repeated each minute.
        said.dedup();
        assert_eq!(said, ["heartbeat_timeout c1"], "{between}");
    }
}

/// c1 is frozen for nearly the whole time-out, and then a look fails.
fn interrupted() -> (SimIronic, SimBridge) {
    let (mut ironic, mut bridge) = settled(&["c1"]);
    ironic.freeze("c1");
    let said = bridge.run(&mut ironic, TIMEOUT - 14_000);
    assert_eq!(news(&said), Vec::<String>::new());
    bridge.judge.failed();
    (ironic, bridge)
}

#[test]
fn a_conductor_that_could_not_write_during_an_interruption_has_time_to_write_after_it() {
    let (mut ironic, mut bridge) = interrupted();
    ironic.pass(8_000);
    let said = bridge.run(&mut ironic, BEAT);
    assert_eq!(
        news(&said),
        Vec::<String>::new(),
        "it may be about to write"
    );
    ironic.thaw("c1");
    assert_eq!(
        news(&bridge.run(&mut ironic, 2 * TIMEOUT)),
        Vec::<String>::new()
    );
}

#[test]
fn a_long_interruption_begins_every_time_out_again() {
    let (mut ironic, mut bridge) = interrupted();
    ironic.pass(30_000);
    assert_eq!(
        news(&bridge.run(&mut ironic, TIMEOUT)),
        Vec::<String>::new()
    );
    assert_eq!(
        news(&bridge.run(&mut ironic, 4_000)),
        ["heartbeat_timeout c1"]
    );
}

#[test]
fn a_bridge_that_was_stopped_itself_begins_every_time_out_again() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    ironic.freeze("c1");
    ironic.pass(10 * TIMEOUT);
    let said = bridge.turn(&ironic);
    assert_eq!(told(&said), Vec::<String>::new(), "not even that c2 lives");
    assert_eq!(bridge.state("c2"), State::Unknown);
    let said = bridge.run(&mut ironic, TIMEOUT - 2_000);
    assert_eq!(news(&said), Vec::<String>::new());
    assert_eq!(
        news(&bridge.run(&mut ironic, 6_000)),
        ["heartbeat_timeout c1"]
    );
}

#[test]
fn what_was_judged_before_a_stop_is_not_said_after_it() {
    let (mut ironic, mut bridge) = settled(&["c1"]);
    ironic.freeze("c1");
    // Looks go on, but the broker is away.
    for _ in 0..40 {
        ironic.pass(INTERVAL);
        bridge.judge.looked(&ironic.look());
    }
    let due = bridge.judge.due(mono(ironic.now + 10));
    assert_eq!(told(&due), ["heartbeat_timeout c1"]);
    // Stopped right there, and c1 came back meanwhile.
    ironic.thaw("c1");
    ironic.pass(60_000);
    assert_eq!(bridge.judge.due(mono(ironic.now)), []);
    bridge.turn(&ironic);
    assert_eq!(news(&bridge.run(&mut ironic, 60_000)), Vec::<String>::new());
}

#[test]
fn a_database_that_went_back_in_time_proves_no_life() {
    let (mut ironic, mut bridge) = settled(&["c1"]);
    ironic.freeze("c1");
    bridge.run(&mut ironic, TIMEOUT + 10_000);
    assert_eq!(bridge.state("c1"), State::Late);
    bridge.judge.failed();
    *ironic.row("c1").updated_at_ms.as_mut().unwrap() -= 20_000;
    assert_eq!(
        told(&bridge.run(&mut ironic, TIMEOUT - 4_000)),
        Vec::<String>::new()
    );
}

#[test]
fn sqlite_has_no_heartbeats_and_is_judged_by_online_alone() {
    let mut ironic = SimIronic::with(&["c1"]);
    ironic.beats = false;
    let mut bridge = SimBridge::new("b1");
    bridge.turn(&ironic);
    let said = bridge.run(&mut ironic, 4_000);
    assert_eq!(told(&said), ["joined c1"]);
    let said = bridge.run(&mut ironic, 10 * TIMEOUT);
    assert!(said.len() >= 10, "{said:?}");
    assert_eq!(news(&said), Vec::<String>::new());
    let ids: std::collections::BTreeSet<_> = said.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), said.len(), "each is a sign of life of its own");
    ironic.unregister("c1");
    ironic.offline("c1");
    assert_eq!(news(&bridge.run(&mut ironic, 6_000)), ["left c1"]);
}

#[test]
fn switched_off_by_hand_with_its_drivers_registered_it_can_be_revived() {
    let (mut ironic, mut bridge) = settled(&["c1"]);
    ironic.offline("c1");
    let said = bridge.run(&mut ironic, 6_000);
    assert_eq!(news(&said), ["heartbeat_timeout c1"]);
    // Its next heartbeat sets online again, without a new registration.
    ironic.thaw("c1");
    let said = bridge.run(&mut ironic, 14_000);
    assert_eq!(news(&said), ["joined c1"]);
}

#[test]
fn killed_while_it_started_it_is_late_although_it_registered_nothing() {
    let (mut ironic, mut bridge) = settled(&["c1"]);
    ironic.start("c1");
    let updated = ironic.row("c1").updated_at_ms;
    ironic.freeze("c1");
    let said = bridge.run(&mut ironic, TIMEOUT + 4_000);
    assert_eq!(news(&said), ["heartbeat_timeout c1"]);
    assert_eq!(
        said.last().map(|event| event.incarnation.get() as i64),
        updated,
        "newer than what it registered before"
    );
}

#[test]
fn what_is_not_confirmed_comes_again_with_the_same_id_while_it_is_true() {
    let mut ironic = SimIronic::with(&["c1"]);
    let mut bridge = SimBridge::new("b1");
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..15 {
        ironic.pass(INTERVAL);
        bridge.judge.looked(&ironic.look());
        for event in bridge.judge.due(mono(ironic.now)) {
            assert_eq!(event.kind.event_type().as_str(), "conductor.joined");
            ids.insert(event.id);
        }
    }
    assert_eq!(ids.len(), 1, "its joined, before anything else");
    assert_eq!(bridge.judge.waiting(), 1);
    bridge.speak(&ironic);
    assert_eq!(bridge.judge.waiting(), 0);
}

#[test]
fn an_end_is_said_again_with_growing_pauses() {
    let (mut ironic, mut bridge) = settled(&["c1", "c2"]);
    ironic.freeze("c1");
    ironic.unregister("c2");
    ironic.offline("c2");
    let said = bridge.run(&mut ironic, 24 * 3_600_000);
    let late: Vec<_> = said
        .iter()
        .filter(|it| it.conductor.as_str() == "c1" && super::harness::ends(it))
        .collect();
    assert!((24..40).contains(&late.len()), "{}", late.len());
    let ids: std::collections::BTreeSet<_> = late.iter().map(|it| &it.id).collect();
    assert_eq!(
        ids.len(),
        late.len(),
        "each counts, should somebody have revived it"
    );
    let left: std::collections::BTreeSet<_> = said
        .iter()
        .filter(|it| it.conductor.as_str() == "c2")
        .filter(|it| super::harness::ends(it))
        .map(|it| &it.id)
        .collect();
    assert_eq!(left.len(), 1, "the same, which changes nothing");
}

#[test]
fn nothing_is_said_before_the_first_look_and_none_of_an_unbegun_table() {
    let mut bridge = SimBridge::new("b1");
    assert_eq!(bridge.judge.due(mono(0)), []);
    let look = Sighting {
        began: mono(0),
        ended: mono(1),
        beats: true,
        rows: Vec::new(),
        remembered: Vec::new(),
    };
    bridge.judge.looked(&look);
    assert_eq!(bridge.judge.due(mono(1)), []);
    assert_eq!(bridge.judge.view(), []);
}

#[test]
fn a_number_is_in_the_table_before_anything_is_said_with_it() {
    let mut ironic = SimIronic::with(&["c1"]);
    let mut bridge = SimBridge::new("b1");
    for turn in 0..60 {
        match turn {
            20 => ironic.unregister("c1"),
            21 => ironic.offline("c1"),
            30 => ironic.start("c1"),
            31 => ironic.register("c1", &["ipmi"]),
            _ => {}
        }
        ironic.pass(INTERVAL);
        for event in bridge.turn(&ironic) {
            let table = ironic.remembered.borrow();
            assert_eq!(
                table["c1"].incarnation,
                event.incarnation.get(),
                "{event:?}"
            );
        }
    }
    assert_eq!(news(&bridge.said), ["joined c1", "left c1", "joined c1"]);
}
