//! Whole answers, as an operator reads them.

use super::*;
use crate::store::{IgnoredView, PairFacts};
use crate::words::Word;

/// The word that is written so.
fn word<W: Word>(text: &str) -> W {
    W::parse(text).expect("a word of the list")
}

/// 2026-03-01T10:00:00Z
const T: u64 = 1_772_359_200_000;
const MINUTE: u64 = 60_000;

#[track_caller]
fn begins(told: &str, beginning: &str) {
    assert!(told.starts_with(beginning), "{told}");
}

#[track_caller]
fn ends(told: &str, end: &str) {
    assert!(told.ends_with(end), "{told}");
}

fn lost(cause: &str, event: Option<(&str, &str)>) -> DecisionView {
    DecisionView {
        number: 4,
        decision_id: "5d2f".into(),
        conductor_group: String::new(),
        driver: "b".into(),
        verdict: Verdict::Lost,
        cause: word(cause),
        cause_event_id: event.map(|(id, _)| id.to_owned()),
        cause_event: event.map(|(_, name)| word(name)),
        cause_conductor: Some("c1".into()),
        last_good_at_ms: Some(T - 2 * MINUTE),
        epoch: 7,
        decided_at_ms: T,
        completed_at_ms: None,
        nodes: 3,
        observed: false,
    }
}

fn view(state: &str, conductors: &[&str]) -> DriverView {
    DriverView {
        conductor_group: String::new(),
        driver: "b".into(),
        state: word(state),
        since_ms: (state != "unknown").then_some(T),
        until_ms: (state == "holding").then_some(T + 10 * MINUTE),
        decision: (state == "lost").then(|| lost("event", Some(("0f3a", "conductor.left")))),
        conductors: conductors.iter().map(|name| (*name).to_owned()).collect(),
        away: Vec::new(),
        counted_at_ms: Some(T),
        nodes_in_service: 1,
        nodes_out_of_service: 2,
    }
}

#[test]
fn an_active_pair_with_a_single_conductor_is_nearly_lost_and_says_on_whom_it_hangs() {
    let alone = view("active", &["c2"]);
    assert!(nearly_lost(&alone));
    assert_eq!(
        hangs_on(&alone),
        "Nearly lost: driver b in the default group depends on conductor c2 alone: 3 nodes."
    );
    let one_away = DriverView {
        away: vec!["c1".into()],
        ..view("active", &["c1", "c2"])
    };
    assert!(
        nearly_lost(&one_away),
        "a planned restart is no second conductor"
    );
    assert_eq!(
        hangs_on(&one_away),
        "Nearly lost: driver b in the default group depends on conductor c2 alone (c1 may be away by a planned \
         restart): 3 nodes."
    );
    for other in [
        view("active", &["c1", "c2"]),
        view("holding", &["c1"]),
        view("lost", &[]),
    ] {
        assert!(!nearly_lost(&other), "{other:?}");
    }
}

fn gone_conductor(name: &str, state: &str) -> ConductorView {
    ConductorView {
        refused: None,
        ignored: None,
        conductor: name.into(),
        incarnation: 5,
        conductor_group: String::new(),
        drivers: vec!["a".into(), "b".into()],
        state: word(state),
        since_ms: T,
        heartbeat_timeout_ms: Some(30_000),
        until_ms: (state == "leaving").then_some(T + 10 * MINUTE),
        last_sent_at_ms: Some(T - 1000),
        last_sign_at_ms: T - 1000,
    }
}

#[test]
fn a_conductor_whose_clock_ran_ahead_says_that_reports_of_its_silence_are_stale() {
    let year = 365 * 24 * 60 * MINUTE;
    for (sent, expected) in [
        (None, false),
        (Some(T), false),
        (Some(T - 1000 + MINUTE), false),
        (Some(T + year), true),
    ] {
        let view = ConductorView {
            last_sent_at_ms: sent,
            heartbeat_timeout_ms: None,
            ..gone_conductor("c1", "active")
        };
        let said = conductor(&view, T);
        let stale =
            "a heartbeat_timeout with an earlier last_seen_ms is stale. A higher incarnation";
        assert_eq!(said.contains(stale), expected, "{said}");
    }
}

#[test]
fn signs_after_a_left_are_said_to_be_that_and_need_no_command() {
    let view = ConductorView {
        ignored: Some(IgnoredView {
            incarnation: 5,
            count: 4,
            since_ms: T,
            last_ms: T,
        }),
        ..gone_conductor("c1", "left")
    };
    let said = unheeded(&view, T);
    assert_eq!(said.len(), 1);
    begins(
        &said[0],
        "Conductor c1 goes on sending incarnation 5 after its left: its signs",
    );
    ends(&said[0], "Only a higher one counts.");
}

fn facts(view: Option<DriverView>) -> NodeFacts {
    NodeFacts {
        free: true,
        lifted: None,
        ours: false,
        uuid: "n-7".into(),
        name: Some("web-7".into()),
        conductor_group: String::new(),
        driver: Some("b".into()),
        maintenance: false,
        service_state: "in_service".into(),
        since_ms: None,
        hold: None,
        last_back: None,
        pair: view.map(|view| PairFacts {
            view,
            gone: Vec::new(),
        }),
        pause: None,
        observing: false,
    }
}

/// Of a node whose pair is lost.
fn lost_facts() -> NodeFacts {
    facts(Some(view("lost", &[])))
}

fn held_facts(decision: DecisionView, view: DriverView) -> NodeFacts {
    NodeFacts {
        service_state: "out_of_service".into(),
        hold: Some((T, decision)),
        ..facts(Some(view))
    }
}

#[test]
fn a_node_taken_out_by_an_event_names_cause_decision_time_and_remedy() {
    let decision = lost("event", Some(("0f3a", "conductor.left")));
    assert_eq!(
        node(&held_facts(decision, view("lost", &[])), T + 12_000),
        "Node web-7 (n-7) has been OUT of service since 2026-03-01T10:00:00Z (12 s ago): driver b in the default group \
         lost its last active conductor. Its last conductor, c1, left (event 0f3a). Decision 5d2f by epoch 7 at \
         2026-03-01T10:00:00Z (12 s ago). Last real sign of life of the pair: 2026-03-01T09:58:00Z (2 min 12 s \
         ago). It comes back by itself as soon as a conductor that supports driver b in the default group joins."
    );
}

#[test]
fn every_cause_has_words_of_its_own() {
    for (cause, event, did) in [
        (
            "silence",
            None,
            "sent no heartbeat for longer than its timeout",
        ),
        (
            "hold_ended",
            None,
            "did not come back from its planned restart in time",
        ),
        (
            "event",
            Some("conductor.heartbeat_timeout"),
            "was reported as silent (event e1)",
        ),
        (
            "event",
            Some("conductor.joined"),
            "stated another group or other drivers, without this one (event e1)",
        ),
    ] {
        let said = &because(&lost(cause, event.map(|event| ("e1", event))), T)[0];
        assert_eq!(*said, format!("Its last conductor, c1, {did}."));
    }
}

#[test]
fn a_held_node_whose_driver_is_active_again_is_about_to_come_back() {
    let held = held_facts(lost("silence", None), view("active", &["c2"]));
    ends(
        &node(&held, T),
        "That driver is active again (c2), so it comes back at the next sweep or before.",
    );
}

#[test]
fn a_held_node_that_was_given_another_lost_driver_says_so() {
    let mut moved = held_facts(lost("silence", None), view("lost", &[]));
    moved.driver = Some("z".into());
    moved.conductor_group = "rack-1".into();
    ends(
        &node(&moved, T),
        "The node needs driver z in group rack-1 now. It comes back by itself as soon as a conductor that supports \
         driver z in group rack-1 joins.",
    );
    moved.driver = None;
    moved.pair = None;
    ends(
        &node(&moved, T),
        "It no longer names a driver: it comes back once it names one that is active.",
    );
}

#[test]
fn a_node_in_service_names_those_who_keep_it_there() {
    assert_eq!(
        node(&facts(Some(view("active", &["c1", "c2"]))), T),
        "Node web-7 (n-7) is in service: driver b in the default group is active through c1 and c2."
    );
}

#[test]
fn a_planned_restart_is_told_with_its_end() {
    assert_eq!(
        node(&facts(Some(view("holding", &["c1"]))), T),
        "Node web-7 (n-7) is in service: driver b in the default group counts as active only by a planned \
         restart: c1 may be away until 2026-03-01T10:10:00Z (in 10 min). If no conductor that supports it has \
         joined by then, its nodes go out of service."
    );
}

#[test]
fn a_pair_that_never_had_a_conductor_is_reported_and_takes_nothing_out() {
    assert_eq!(
        node(&facts(Some(view("unknown", &[]))), T),
        "Node web-7 (n-7) is in service. Driver b in the default group never had an active conductor: that is \
         reported, and takes no node out of service. If the name is a mistake, correct it at the node."
    );
}

#[test]
fn a_node_of_a_lost_pair_that_was_not_reached_yet_is_about_to_go() {
    let answer = node(&lost_facts(), T + 1000);
    begins(
        &answer,
        "Node web-7 (n-7) is still in service and about to go out: driver b in the default group has been without \
         an active conductor since 2026-03-01T10:00:00Z (1 s ago). Its last conductor, c1, left (event 0f3a).",
    );
    ends(
        &answer,
        "nodewarden has not reached the node yet: it goes out at the next sweep or before. If it stays, the log of \
         the replica that decides names what keeps its row from being written.",
    );
}

#[test]
fn a_node_of_a_lost_pair_that_nodewarden_leaves_alone_is_not_about_to_go() {
    let used = NodeFacts {
        free: false,
        ..lost_facts()
    };
    let long = NodeFacts {
        uuid: "n".repeat(256),
        ..used.clone()
    };
    let lifted = |decision| NodeFacts {
        lifted: Some(decision),
        ..lost_facts()
    };
    for (facts, expected) in [
        (
            used,
            "nodewarden leaves it alone: of Ironic's nodes only those go out that are available, without instance, \
             reservation and maintenance. Once it is so, and driver b in the default group is still lost, it goes out.",
        ),
        (
            long,
            "nodewarden leaves it alone: its uuid is longer than 255 bytes.",
        ),
        (
            lifted(4),
            "Somebody lifted the mark of this decision from it, so the same decision does not take it again.",
        ),
    ] {
        let answer = node(&facts, T);
        assert!(
            answer.contains(" is still in service: driver b"),
            "{answer}"
        );
        ends(&answer, expected);
    }
    assert!(node(&lifted(3), T).contains("about to go out"));
}

#[test]
fn maintenance_is_told_as_the_operators_own() {
    let mut facts = facts(Some(view("active", &["c1"])));
    facts.maintenance = true;
    ends(
        &node(&facts, T),
        "An operator has set maintenance on it; that mark is theirs: nodewarden never sets or clears it, and \
         schedulers must respect it whatever is said above.",
    );
}

#[test]
fn a_node_that_came_back_says_when_and_why() {
    let mut facts = facts(Some(view("active", &["c1"])));
    facts.last_back = Some((BackReason::DriverRestored, T));
    ends(
        &node(&facts, T + 3 * MINUTE),
        "It came back at 2026-03-01T10:00:00Z (3 min ago): its driver had an active conductor again.",
    );
}

#[test]
fn a_node_without_a_driver_and_a_mark_of_somebody_else_are_told() {
    let mut facts = facts(None);
    facts.driver = None;
    facts.name = None;
    assert_eq!(
        node(&facts, T),
        "Node n-7 is in service as far as nodewarden can tell: it names no driver, so there is nothing to decide."
    );
    facts = self::facts(Some(view("active", &["c1"])));
    facts.service_state = "out_of_service".into();
    ends(
        &node(&facts, T),
        "The table says \"out_of_service\", which nodewarden did not write: the next sweep corrects it.",
    );
}

#[test]
fn drivers_tell_which_conductors_support_them_or_why_none_does() {
    assert_eq!(
        driver(&view("active", &["c1"]), &[], T),
        "Driver b in the default group has been active since 2026-03-01T10:00:00Z (now): c1 supports it. Nodes: 1 in \
         service, 2 out of service (counted now)."
    );
    assert_eq!(
        driver(&view("lost", &[]), &[], T),
        "Driver b in the default group has been LOST since 2026-03-01T10:00:00Z (now). Its last conductor, c1, left \
         (event 0f3a). Decision 5d2f by epoch 7 at 2026-03-01T10:00:00Z (now). Last real sign of life of the pair: \
         2026-03-01T09:58:00Z (2 min ago). Its nodes come back by themselves as soon as a conductor that supports \
         it joins. Nodes: 1 in service, 2 out of service (counted now)."
    );
    let late = gone_conductor("c9", "left");
    begins(
        &driver(&view("unknown", &[]), &[&late], T),
        "Driver b in the default group never had an active conductor (c9 names it and does not count as active)",
    );
}

#[test]
fn conductors_tell_what_would_end_or_revive_them() {
    assert_eq!(
        conductor(&gone_conductor("c1", "active"), T),
        "Conductor c1 has been active since 2026-03-01T10:00:00Z (now). Last heard 2026-03-01T09:59:59Z (1 s ago). It has \
         promised heartbeats and is lost after 30 s without one. Incarnation 5, the default group, drivers a and b."
    );
    assert_eq!(
        conductor(&gone_conductor("c1", "left"), T),
        "Conductor c1 has not counted as active since 2026-03-01T10:00:00Z (now): it left. Only joined with an incarnation \
         above 5 brings it back. Incarnation 5, the default group, drivers a and b."
    );
    assert!(conductor(&gone_conductor("c1", "timed_out"), T).contains(
        "it was found silent. Last heard 2026-03-01T09:59:59Z (1 s ago). Its next heartbeat"
    ));
    assert!(
        conductor(&gone_conductor("c1", "leaving"), T)
            .contains("it counts as active until 2026-03-01T10:10:00Z (in 10 min)")
    );
}

#[test]
fn hostile_names_never_reach_the_terminal() {
    let mut facts = facts(Some(view("active", &["c\x1b]0;x\x07"])));
    facts.name = Some("web\r\n\u{202e}7".into());
    facts.driver = Some("b\x1b[2J".into());
    assert!(
        !node(&facts, T)
            .chars()
            .any(|c| c.is_control() || c == '\u{202e}')
    );
}

#[test]
fn times_and_lengths_are_written_for_people() {
    assert_eq!(length(250), "250 ms");
    assert_eq!(length(605_000), "10 min");
    assert_eq!(length(3_700_000), "1 h 1 min");
    assert_eq!(length(200_000_000), "2 d 7 h");
    assert_eq!(distance(u64::MAX, 0), "in 213503982334 d 14 h");
    assert_eq!(date(u64::MAX), "18446744073709551615 ms after 1970");
}

#[test]
fn what_a_pause_or_observing_keeps_in_service_says_so() {
    let paused = NodeFacts {
        pause: Some(crate::store::Pause {
            id: "p".into(),
            reason: "work on rack 1\n".into(),
            who: "ada@ops".into(),
            paused_at_ms: T,
            remaining: None,
            noted_at_ms: T,
        }),
        ..lost_facts()
    };
    let told = node(&paused, T);
    begins(&told, "Node web-7 (n-7) is still in service");
    ends(
        &told,
        "A pause keeps it in service (ada@ops: work on rack 1\\n); `nodewarden resume` ends it.",
    );
    let observing = NodeFacts {
        observing: true,
        ..lost_facts()
    };
    ends(
        &node(&observing, T),
        "nodewarden only observes (decide.mode): it would be out of service otherwise.",
    );
    let held = NodeFacts {
        observing: true,
        ..held_facts(lost("silence", None), view("lost", &[]))
    };
    ends(
        &node(&held, T),
        "nodewarden only observes now (decide.mode): `nodewarden release` gives it back.",
    );
}

#[test]
fn a_row_without_a_uuid_or_a_driver_is_told_so_and_blanks_can_be_seen() {
    let no_uuid = NodeFacts {
        uuid: String::new(),
        name: None,
        ..lost_facts()
    };
    let told = node(&no_uuid, T + MINUTE);
    begins(&told, "Node \"\" is still in service: ");
    ends(
        &told,
        "nodewarden leaves it alone: its uuid is empty. Give the row a uuid.",
    );
    let named = |driver: &str, group: &str| {
        let facts = NodeFacts {
            driver: Some(driver.into()),
            conductor_group: group.into(),
            ..facts(None)
        };
        node(&facts, T)
    };
    assert_eq!(
        named("", "rack1"),
        "Node web-7 (n-7) is in service as far as nodewarden can tell: it names no driver, so there is nothing to \
         decide."
    );
    let told = named(" ipmi", "rack1 ");
    assert!(
        told.contains("Driver \" ipmi\" in group \"rack1 \" never had"),
        "{told}"
    );
}
