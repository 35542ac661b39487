//! What is left to do where nodes are in aggregates of their pairs, said as stories.

use super::story::{IPMI, Story, as_read, each, names};
use super::*;
use crate::placement::samples;
use crate::wire::out::BackInServiceReason;

#[test]
fn a_pair_goes_and_comes_back_by_one_call_each_once_all_of_it_is_told() {
    let nodes = names(10);
    let mut story = Story::of(&nodes);
    story.lose(&nodes[..5]);
    assert_eq!(story.take(), None, "the others are in service");
    story.lose(&nodes[5..]);
    assert_eq!(story.applied(), Some(0));
    story.switched(true);
    assert_eq!((story.take(), story.applied()), (None, Some(10)));

    story.give_back(&nodes);
    assert_eq!(story.applied(), Some(10));
    story.switched(false);
    assert_eq!((story.take(), story.applied()), (None, Some(20)));
    assert!(story.wanted.deferred.is_empty());
}

#[test]
fn a_pair_whose_driver_is_back_is_switched_off_at_the_first_of_its_nodes() {
    let nodes = names(10);
    let mut story = Story::of(&nodes);
    story.lose(&nodes);
    story.switched(true);
    story.back(&nodes[..2], BackInServiceReason::DriverRestored);
    story.switched(false);
    assert_eq!(story.take(), None, "the others will be told of");
    story.back(&nodes[2..], BackInServiceReason::DriverRestored);
    assert_eq!((story.take(), story.applied()), (None, Some(20)));
    // Lost again, with two that stay: those which the driver's return did not reach go by themselves.
    story.lose(&nodes);
    story.switched(true);
    story.back(&nodes[..8], BackInServiceReason::DriverRestored);
    story.switched(false);
    story.later(1);
    assert_eq!(story.written(), each(&nodes[8..], true, Some(IPMI)));
}

#[test]
fn nodes_that_come_back_with_a_pair_that_was_on_for_a_while_are_not_written() {
    let nodes = names(10);
    let mut story = Story::of(&nodes);
    story.lose(&nodes);
    story.switched(true);
    assert_eq!(story.take(), None);
    story.back(&nodes, BackInServiceReason::DriverRestored);
    let off = Job::Switch {
        id: IPMI,
        on: false,
    };
    assert_eq!((story.take(), story.take()), (Some(off), None));
    story.wanted.switched(IPMI, false, None, story.now);
    assert_eq!((story.take(), story.applied()), (None, Some(20)));
    // The same, but Nova does not answer: now each has to leave.
    story.lose(&nodes);
    story.switched(true);
    assert_eq!(story.take(), None);
    story.back(&nodes, BackInServiceReason::DriverRestored);
    story.switch_fails(false);
    assert_eq!(story.written(), each(&nodes, false, None));
}

#[test]
fn few_nodes_in_service_leave_first_and_come_again_once_the_pair_is_back() {
    let nodes = names(10);
    let mut story = Story::of(&nodes);
    story.lose(&nodes[2..]);
    assert_eq!(story.take(), None);
    story.later(1);
    let left = each(&nodes[..2], false, None);
    let both = [story.take_node(), story.take_node()];
    assert_eq!(story.take(), None, "both are still members");
    for (uuid, wish) in both {
        assert!(left.contains(&(uuid.clone(), wish.member, wish.pair)));
        story.wanted.done(&uuid, wish, true);
    }
    story.switched(true);
    // One of them goes out, too: by itself.
    story.lose(&nodes[..1]);
    assert_eq!(story.written(), [("n000".to_owned(), true, None)]);
    story.give_back(&nodes[2..]);
    story.give_back(&nodes[..1]);
    story.switched(false);
    assert_eq!(story.written(), [("n000".to_owned(), false, Some(IPMI))]);
    story.read(&nodes[2..], &nodes, false);
    assert_eq!(story.written(), each(&nodes[..2], false, Some(IPMI)));
}

#[test]
fn where_most_of_a_pair_stays_in_service_each_node_goes_by_itself() {
    let nodes = names(10);
    let mut story = Story::of(&nodes);
    story.lose(&nodes[..3]);
    assert_eq!(story.take(), None);
    story.later(1);
    assert_eq!(story.written(), each(&nodes[..3], true, Some(IPMI)));
    assert_eq!(story.applied(), Some(3));
    story.give_back(&nodes[..3]);
    assert_eq!(story.written(), each(&nodes[..3], false, Some(IPMI)));
}

#[test]
fn a_node_that_is_given_back_while_its_pair_is_lost_leaves_it() {
    let nodes = names(5);
    let mut story = Story::of(&nodes);
    story.lose(&nodes);
    story.switched(true);
    story.give_back(&nodes[1..2]);
    assert_eq!(story.written(), [("n001".to_owned(), false, None)]);
    assert_eq!(story.applied(), Some(6));
    // It does not come back while the pair is lost, whatever a reading says.
    let rest: Vec<String> = nodes
        .iter()
        .filter(|uuid| *uuid != "n001")
        .cloned()
        .collect();
    story.read(&rest, &nodes, true);
    assert_eq!(story.written(), [("n001".to_owned(), false, None)]);
    story.give_back(&rest);
    story.switched(false);
    story.read(&rest, &nodes, false);
    assert_eq!(story.written(), [("n001".to_owned(), false, Some(IPMI))]);
}

#[test]
fn what_cannot_be_switched_goes_and_comes_back_node_by_node() {
    let nodes = names(3);
    let mut story = Story::of(&nodes);
    story.lose(&nodes);
    story.switch_fails(true);
    assert_eq!(story.written(), each(&nodes, true, Some(IPMI)));
    assert_eq!(story.applied(), Some(3));
    // The call may have worked: it is undone, and while that fails, nodes leave.
    story.later(11);
    story.give_back(&nodes);
    story.switch_fails(false);
    assert_eq!(story.written(), each(&nodes, false, None));
    assert_eq!(story.applied(), Some(6));
    story.later(11);
    story.switched(false);
    assert_eq!(story.take(), None);
}

#[test]
fn one_that_begins_in_the_middle_takes_over_what_is_switched() {
    let nodes = names(4);
    let mut story = Story::of(&nodes);
    let following = Following::new("s".into(), 4, nodes.iter().cloned().collect());
    story.wanted.begin(following).unwrap();
    story.read(&nodes, &nodes, true);
    assert_eq!(story.wanted.compare(&BTreeSet::new()), 0);
    assert_eq!((story.take(), story.applied()), (None, Some(4)));
    // All of it is back meanwhile.
    let following = Following::new("s".into(), 8, BTreeSet::new());
    story.wanted.begin(following).unwrap();
    story.switched(false);
    assert_eq!(story.take(), None);
}

#[test]
fn a_reading_that_is_older_than_a_call_or_a_write_does_not_undo_what_is_known() {
    let nodes = names(3);
    let mut story = Story::of(&nodes[..2]);
    story.read(&nodes[..2], &nodes, false);
    story.wanted.reading();
    let (uuid, wish) = story.take_node();
    assert_eq!((uuid.as_str(), wish.pair), ("n002", Some(IPMI)));
    // While it joins, nothing is switched that would forbid it.
    story.lose(&nodes[..2]);
    assert_eq!(story.take(), None);
    story.wanted.done(&uuid, wish, true);
    let read = as_read(&nodes[..2], false);
    let listed: BTreeMap<_, _> = nodes
        .iter()
        .map(|n| (n.clone(), "/ipmi".to_owned()))
        .collect();
    story.wanted.load(vec![read.clone()], listed.clone());
    assert_eq!(story.take(), None, "n002 is a member, and in service");
    story.lose(&nodes[2..]);
    story.read(&nodes, &nodes, false);
    story.wanted.reading();
    story.switched(true);
    story.wanted.load(
        vec![PairRead {
            members: None,
            ..read
        }],
        listed,
    );
    assert_eq!(story.take(), None);
    assert_eq!(story.wanted.pairs().switched(), 1);
}

#[test]
fn what_is_read_is_older_than_a_write_that_was_under_way_when_the_reading_began() {
    let nodes = names(3);
    let mut story = Story::of(&nodes[..2]);
    story.read(&nodes[..2], &nodes, false);
    // n002 joins.
    let (uuid, wish) = story.take_node();
    story.wanted.reading();
    story.wanted.done(&uuid, wish, true);
    let read = as_read(&nodes[..2], false);
    let listed = nodes.iter().map(|n| (n.clone(), "/ipmi".to_owned()));
    story.wanted.load(vec![read], listed.collect());
    story.lose(&nodes[..2]);
    assert_eq!(story.take(), None, "n002 is a member, and in service");
}

#[test]
fn a_node_that_needs_another_pair_by_now_leaves_alone_when_that_one_is_back() {
    let nodes = names(10);
    let mut story = Story::of(&nodes);
    story.lose(&nodes);
    story.switched(true);
    story.back_with_redfish(&nodes[..1]);
    assert_eq!(story.written(), [("n000".to_owned(), false, None)]);
    assert_eq!(story.applied(), Some(11));
    // While its pair is on its way back, the return of another one stops nothing.
    story.back(&nodes[1..3], BackInServiceReason::DriverRestored);
    story.back_with_redfish(&nodes[3..4]);
    story.switched(false);
}

#[test]
fn a_member_that_cannot_leave_its_pair_holds_up_no_loss() {
    let nodes = names(10);
    let mut story = Story::of(&nodes);
    story.lose(&nodes[2..]);
    story.later(1);
    // n000 is to leave first.
    let (bad, _) = story.take_node();
    story.wanted.failed(&bad);
    let bad = [bad];
    let left = [("n001".to_owned(), false, None)];
    assert_eq!(story.written_but(&bad), left);
    story.later(4);
    // A reading in between makes the time no longer.
    let rest: Vec<String> = nodes.iter().filter(|n| *n != "n001").cloned().collect();
    story.read(&rest, &nodes, false);
    assert_eq!(story.written_but(&bad), left, "it stays where it is");
    story.later(1);
    assert_eq!(story.written_but(&bad), each(&nodes[2..], true, Some(IPMI)));
    assert_eq!(story.applied(), Some(8));
    assert_eq!(story.written(), [("n000".to_owned(), false, Some(IPMI))]);
}

#[test]
fn a_pair_is_switched_however_long_its_members_take_to_leave() {
    let nodes = names(10);
    let mut story = Story::of(&nodes);
    story.lose(&nodes[3..]);
    story.later(1);
    for _ in 0..3 {
        let (uuid, wish) = story.take_node();
        story.later(4);
        story.wanted.done(&uuid, wish, true);
    }
    story.switched(true);
    assert_eq!((story.take(), story.applied()), (None, Some(7)));
}

#[test]
fn a_snapshot_of_another_stream_moves_no_member_of_a_pair() {
    let nodes = names(3);
    let mut story = Story::of(&nodes);
    // Its snapshot holds nothing, and its list names none of our nodes.
    let other = Following::new("other".into(), 0, BTreeSet::new());
    story.wanted.begin(other).unwrap();
    story.read(&nodes, &[], false);
    story.wanted.compare(&BTreeSet::new());
    assert_eq!(story.take(), None);
    story.hear(samples::position("other", 0));
    assert_eq!(story.written().len(), 3, "the broker speaks of that stream");
}

#[test]
fn above_a_hundred_lost_pairs_nodes_go_one_by_one() {
    let mut story = Story::of(&[]);
    let nodes = names(101);
    let read = nodes.iter().enumerate().map(|(number, uuid)| PairRead {
        id: number as u64,
        uuid: format!("agg-{uuid}"),
        pair: format!("/{uuid}"),
        on: false,
        members: Some([uuid.clone()].into()),
    });
    let listed = nodes.iter().map(|uuid| (uuid.clone(), format!("/{uuid}")));
    story.wanted.load(read.collect(), listed.collect());
    story.lose(&nodes);
    for number in 0..100 {
        assert_eq!(
            story.take(),
            Some(Job::Switch {
                id: number,
                on: true
            })
        );
        story.wanted.switched(number, true, None, story.now);
    }
    assert_eq!(story.written(), [("n100".to_owned(), true, Some(100))]);
    assert_eq!(story.applied(), Some(101));
}
