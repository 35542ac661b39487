//! What holds a verdict back, for how long, and what is noted and taken back.

use super::super::example::{at, conductor, living, name};
use super::*;

fn now(seconds: u64) -> Now {
    Now {
        wall_ms: seconds * 1000,
        mono: at(seconds),
    }
}

/// Whether the verdict about `c1` waits, judged against that second.
fn held(unheeded: &Unheeded, sent: u64) -> bool {
    unheeded.holds_back(&conductor("c1", &["a"]), at(sent))
}

/// `c1` was heard at 0 s and is lost after 10 s; refused messages name it at these.
fn refused(seconds: &[u64]) -> Unheeded {
    let mut unheeded = Unheeded::default();
    for second in seconds {
        unheeded.refused(&conductor("c1", &["a"]), Some(at(10)), "why", now(*second));
    }
    unheeded
}

#[test]
fn refused_messages_hold_the_verdict_back_for_one_timeout_each_and_one_in_all() {
    #[rustfmt::skip]
    let table: &[(&str, &[u64], u64, bool)] = &[
        ("none came", &[], 10, false),
        ("for its timeout after the last one", &[4], 14, true),
        ("no longer", &[4], 15, false),
        ("a later one begins again", &[4, 9], 19, true),
        ("whatever comes, for one timeout more", &[4, 9, 12, 15, 18, 20], 20, true),
        ("and not for two", &[4, 9, 12, 15, 18, 20], 21, false),
    ];
    for (what, seconds, sent, expected) in table {
        assert_eq!(held(&refused(seconds), *sent), *expected, "{what}");
    }
}

#[test]
fn a_sign_that_counts_begins_it_all_again() {
    let mut unheeded = refused(&[4]);
    unheeded.heard(&name("c1"), false);
    assert!(!held(&unheeded, 5));
    unheeded.refused(&conductor("c1", &["a"]), Some(at(15)), "why", now(14));
    assert!(held(&unheeded, 24));
}

#[test]
fn what_was_not_committed_is_as_if_it_had_not_come() {
    let mut unheeded = refused(&[4]);
    unheeded.settle();
    unheeded.heard(&name("c1"), false);
    unheeded.refused(&conductor("c1", &["a"]), Some(at(15)), "why", now(9));
    unheeded.ignored(&name("c2"), Incarnation::new(3).unwrap(), now(9));
    unheeded.take_back();
    assert!(held(&unheeded, 14) && !held(&unheeded, 15));
    let notes = unheeded.due(at(9), 100);
    assert_eq!(notes, refused(&[4]).due(at(9), 100), "none of c2 (I8)");
}

#[test]
fn i7_a_stall_also_puts_off_what_is_taken_back() {
    let mut unheeded = refused(&[4]);
    unheeded.settle();
    unheeded.heard(&name("c1"), false);
    unheeded.postpone(Duration::from_secs(3));
    unheeded.take_back();
    assert!(held(&unheeded, 17) && !held(&unheeded, 18));
}

#[test]
fn the_end_of_a_planned_restart_is_no_silence_that_waits() {
    let leaving = living(Life::Leaving { until: at(3) }, "c1", &["a"]);
    let mut unheeded = Unheeded::default();
    unheeded.refused(&leaving, Some(at(3)), "why", now(1));
    assert!(!unheeded.holds_back(&leaving, at(4)));
}

#[test]
fn a_successor_grants_what_remained_and_never_more() {
    let notes = refused(&[4]).due(at(4), 100);
    assert_eq!(notes[0].remaining, Some(Duration::from_secs(16)));
    let mut unheeded = Unheeded::load(notes, at(100));
    assert!(!held(&unheeded, 101), "nothing came since");
    for second in 101..140 {
        unheeded.refused(&conductor("c1", &["a"]), Some(at(160)), "why", now(second));
    }
    assert!(held(&unheeded, 116));
    assert!(!held(&unheeded, 117));
}

#[test]
fn what_begins_is_noted_at_once_and_what_goes_on_each_five_seconds() {
    let mut unheeded = Unheeded::default();
    let mut noted = Vec::new();
    for second in 0..19 {
        unheeded.refused(&conductor("c1", &["a"]), Some(at(10)), "why", now(second));
        unheeded.ignored(&name("c2"), Incarnation::new(3).unwrap(), now(second));
        let notes = unheeded.due(at(second), 100);
        noted.extend(
            notes
                .iter()
                .map(|note| (second, note.conductor.to_string())),
        );
        unheeded.noted(&notes, at(second));
    }
    let expected: Vec<(u64, String)> = [0, 5, 10, 15]
        .iter()
        .flat_map(|at| [(*at, "c1".to_owned()), (*at, "c2".to_owned())])
        .collect();
    assert_eq!(noted, expected);
}

#[test]
fn l4_notes_that_were_not_stored_are_due_again_though_nothing_changed() {
    let mut unheeded = refused(&[4]);
    let notes = unheeded.due(at(4), 100);
    unheeded.put_off(&notes, at(4));
    assert_eq!(unheeded.due(at(8), 100), []);
    assert_eq!(unheeded.due(at(9), 100).len(), 1);
    unheeded.noted(&notes, at(9));
    assert_eq!(unheeded.due(at(20), 100), []);
}

#[test]
fn l1_notes_that_are_too_many_at_once_take_turns() {
    let mut unheeded = Unheeded::default();
    let mut noted = Vec::new();
    for second in 0..9 {
        for each in ["c1", "c2", "c3"] {
            unheeded.ignored(&name(each), Incarnation::new(3).unwrap(), now(second * 5));
        }
        let notes = unheeded.due(at(second * 5), 1);
        noted.extend(notes.iter().map(|note| note.conductor.to_string()));
        unheeded.noted(&notes, at(second * 5));
    }
    assert_eq!(noted, ["c1", "c2", "c3"].repeat(3));
}

#[test]
fn operators_are_warned_once_a_minute_and_not_of_what_was_under_way() {
    let mut unheeded = Unheeded::default();
    let mut warned = Vec::new();
    for second in 0..130 {
        unheeded.ignored(&name("c1"), Incarnation::new(3).unwrap(), now(second));
        let all = unheeded.to_warn(at(second));
        warned.extend(all.into_iter().map(|(_, ignored)| (second, ignored.count)));
    }
    assert_eq!(warned, [(2, 3), (62, 63), (122, 123)]);
}

#[test]
fn a_new_start_ends_what_was_ignored_and_a_sign_of_the_known_one_does_not() {
    let mut unheeded = Unheeded::default();
    let ignored = |unheeded: &Unheeded| unheeded.due(at(1000), 1)[0].ignored.is_some();
    unheeded.ignored(&name("c1"), Incarnation::new(3).unwrap(), now(0));
    unheeded.heard(&name("c1"), false);
    assert!(ignored(&unheeded));
    unheeded.heard(&name("c1"), true);
    assert!(!ignored(&unheeded));
}
