//! What is left to do, said as a subscriber's stories.

use super::*;
use crate::placement::samples::{self, node, position};

fn set(uuids: &[&str]) -> BTreeSet<String> {
    uuids.iter().map(|uuid| (*uuid).to_owned()).collect()
}

fn wanted(out: &[&str]) -> Wanted {
    let mut wanted = Wanted::default();
    let following = Following::new("s".into(), 7, set(out));
    wanted.begin(following).unwrap();
    wanted
}

fn out(seq: u64, uuid: &str) -> Announced {
    samples::out("s", vec![node(seq, uuid)])
}

/// When everything happens here.
const AT: Mono = Mono(std::time::Duration::ZERO);

/// A node, and whether it is to be a member; there are no pairs.
fn take(wanted: &mut Wanted, passed: &BTreeSet<String>) -> Option<(String, bool)> {
    match wanted.take(passed, AT, true)? {
        Job::Node { uuid, wish } => Some((uuid, wish.member)),
        Job::Switch { .. } => panic!("there are no pairs"),
    }
}

fn done(wanted: &mut Wanted, uuid: &str, member: bool, known: bool) {
    wanted.done(uuid, Wish { member, pair: None }, known);
}

fn drain(wanted: &mut Wanted) -> Vec<(String, bool)> {
    std::iter::from_fn(|| take(wanted, &BTreeSet::new())).collect()
}

#[test]
fn a_member_too_many_stays_until_the_broker_speaks_of_the_same_stream() {
    let mut wanted = wanted(&["a", "b"]);
    assert_eq!(wanted.compare(&set(&["b", "old"])), 1);
    assert_eq!(drain(&mut wanted), [("a".to_owned(), true)]);
    let heard = wanted.hear(position("another", 7), AT);
    assert!(matches!(heard, Heard::AnotherStream(_)), "{heard:?}");
    assert_eq!(wanted.compare(&set(&["a", "b", "old"])), 0);
    assert_eq!(wanted.hear(position("s", 7), AT), Heard::Followed);
    assert_eq!(wanted.compare(&set(&["a", "b", "old"])), 1);
    assert_eq!(drain(&mut wanted), [("old".to_owned(), false)]);
}

#[test]
fn only_what_is_carried_out_counts_as_applied() {
    let none = BTreeSet::new();
    let mut wanted = wanted(&["a"]);
    wanted.compare(&set(&["old"]));
    assert_eq!(wanted.applied(), None, "what is too much was left alone");
    assert_eq!(wanted.hear(position("s", 7), AT), Heard::Followed);
    assert!(wanted.awaits_comparison());
    wanted.compare(&set(&["old"]));
    assert_eq!(wanted.applied(), Some(("s", 0)));
    let (uuid, _) = take(&mut wanted, &none).unwrap();
    wanted.failed(&uuid);
    assert_eq!(drain(&mut wanted).len(), 2);
    done(&mut wanted, "a", true, false);
    assert_eq!(wanted.applied(), Some(("s", 0)));
    done(&mut wanted, "old", false, true);
    assert_eq!(wanted.applied(), Some(("s", 7)));
    assert_eq!(wanted.counts(), (1, 0, 1));
    // A member that somebody else removed, and a snapshot of changes that were missed: nothing that
    // was carried out becomes undone.
    wanted.compare(&set(&[]));
    assert_eq!(wanted.applied(), Some(("s", 7)));
    let newer = Following::new("s".into(), 9, set(&["a", "b"]));
    wanted.begin(newer).unwrap();
    assert_eq!(wanted.applied(), Some(("s", 7)));
    wanted.compare(&set(&["a", "b"]));
    assert_eq!(drain(&mut wanted), [("a".to_owned(), true)]);
    done(&mut wanted, "a", true, true);
    assert_eq!(wanted.applied(), Some(("s", 9)));
    let another = Following::new("t".into(), 3, set(&[]));
    wanted.begin(another).unwrap();
    assert_eq!(wanted.applied(), None);
}

#[test]
fn a_node_that_changes_again_before_its_turn_waits_for_its_first_change() {
    let mut wanted = wanted(&[]);
    assert_eq!(wanted.hear(position("s", 7), AT), Heard::Followed);
    wanted.compare(&set(&[]));
    for seq in [8, 9] {
        assert_eq!(wanted.hear(out(seq, "a"), AT), Heard::Followed);
    }
    assert_eq!(wanted.applied(), Some(("s", 7)));
}

#[test]
fn nothing_is_done_without_a_snapshot() {
    let none = BTreeSet::new();
    let mut wanted = Wanted::default();
    assert_eq!(wanted.hear(position("s", 1), AT), Heard::Followed);
    assert_eq!(wanted.compare(&set(&["a"])), 0);
    assert_eq!(take(&mut wanted, &none), None);
    assert_eq!(wanted.applied(), None);
}

#[test]
fn what_waited_of_another_history_is_forgotten_and_an_older_snapshot_refused() {
    let mut wanted = wanted(&["a"]);
    assert_eq!(wanted.hear(position("s", 7), AT), Heard::Followed);
    wanted.compare(&set(&["b"]));
    let older = Following::new("s".into(), 6, set(&[]));
    assert!(wanted.begin(older).unwrap_err().contains("lags"));
    let another = Following::new("empty".into(), 0, set(&[]));
    wanted.begin(another).unwrap();
    wanted.compare(&set(&["a", "b"]));
    assert_eq!(drain(&mut wanted), []);
}

#[test]
fn a_node_that_fails_is_passed_by_for_the_others() {
    let mut wanted = wanted(&["a", "b"]);
    wanted.compare(&set(&[]));
    let (uuid, _) = take(&mut wanted, &BTreeSet::new()).unwrap();
    wanted.failed(&uuid);
    let passed = set(&["a"]);
    assert_eq!(take(&mut wanted, &passed), Some(("b".to_owned(), true)));
    assert_eq!(take(&mut wanted, &passed), None);
}
