//! The judge itself on trial: evidence in which one thing was changed must be found wanting.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::Signal;

use crate::event::Kind;
use crate::evidence::{End, Evidence};
use crate::judge::{Findings, judge};

/// What is changed, and which kind of finding it must lead to.
type Tamper = (&'static str, fn(&mut Evidence), fn(&Findings) -> usize);

const ALL: &[Tamper] = &[
    ("an announcement is dropped", drop_one, |found| {
        found.gaps.len()
    }),
    ("the last announcement is dropped", drop_last, |found| {
        found.gaps.len()
    }),
    ("two announcements change places", swap, |found| {
        found.gaps.len()
    }),
    ("a seq is repeated with other bytes", other_bytes, |found| {
        found.contradictions.len()
    }),
    ("a seq comes to mean another node", other_node, |found| {
        found.contradictions.len()
    }),
    ("a mark is flipped", flip, |found| {
        found.contradictions.len()
    }),
    ("a hold is lost", unhold, |found| found.contradictions.len()),
    ("a snapshot lacks a node", hide, |found| {
        found.contradictions.len()
    }),
    ("an operator's maintenance is cleared", maintain, |found| {
        found.contradictions.len()
    }),
    ("an event was not handled", forget, |found| {
        found.missing.len()
    }),
    ("a good event was refused", refuse, |found| {
        found.missing.len()
    }),
    ("a decision was not taken", undecide, |found| {
        found.beyond.len()
    }),
    ("a decision was taken twice", decide_twice, |found| {
        found.beyond.len()
    }),
    ("two decisions change places", reorder, |found| {
        found.beyond.len()
    }),
    ("a decision of an old epoch follows", old_epoch, |found| {
        found.contradictions.len()
    }),
    ("a live conductor was lost", lose_living, |found| {
        found.false_removals.len()
    }),
    ("a dead one was never noticed", overlook, |found| {
        found.unnoticed.len()
    }),
    (
        "a silence was judged before the grace was over",
        hasty,
        |found| found.false_removals.len(),
    ),
    ("a replica panicked", panic_one, |found| {
        found.bad_ends.len()
    }),
    ("a replica aborted", abort_one, |found| found.bad_ends.len()),
    ("a replica did not stop", hang_one, |found| {
        found.bad_ends.len()
    }),
    ("a replica stopped with a fault", fail_one, |found| {
        found.bad_ends.len()
    }),
];

/// `status` as `wait` gives it.
fn ends(evidence: &mut Evidence, asked: bool, status: Option<i32>) {
    evidence.ends.push(End {
        replica: 0,
        asked,
        status: status.map(ExitStatus::from_raw),
    });
}

fn panic_one(evidence: &mut Evidence) {
    ends(evidence, false, Some(101 << 8));
}

fn abort_one(evidence: &mut Evidence) {
    ends(evidence, false, Some(Signal::ABORT.as_raw()));
}

fn hang_one(evidence: &mut Evidence) {
    ends(evidence, true, None);
}

fn fail_one(evidence: &mut Evidence) {
    ends(evidence, true, Some(1 << 8));
}

/// Judges the evidence with each change in turn. It must be clean.
pub fn each_is_seen(evidence: &Evidence) {
    for (what, tamper, count) in ALL {
        let mut tampered = evidence.clone();
        tamper(&mut tampered);
        let findings = judge(&tampered);
        assert!(count(&findings) > 0, "not seen: {what}; {findings:?}");
    }
}

/// The places of those of the stream that goes on.
fn announcements(evidence: &Evidence) -> Vec<usize> {
    let heard = evidence.heard.iter().enumerate();
    let stream = &evidence.tables.stream;
    let node = heard.filter(|(_, heard)| heard.id.starts_with(stream));
    let node = node.filter(|(_, heard)| heard.kind != "node.position");
    node.map(|(at, _)| at).collect()
}

fn drop_one(evidence: &mut Evidence) {
    let all = announcements(evidence);
    let id = evidence.heard[all[all.len() / 2]].id.clone();
    evidence.heard.retain(|heard| heard.id != id);
}

fn drop_last(evidence: &mut Evidence) {
    let last = *announcements(evidence).last().expect("some were heard");
    let id = evidence.heard[last].id.clone();
    evidence
        .heard
        .retain(|heard| heard.id != id && heard.kind != "node.position");
}

fn swap(evidence: &mut Evidence) {
    // A repeat of what comes later must not heal it.
    let all = announcements(evidence);
    evidence.heard.swap(all[0], all[all.len() - 1]);
}

fn other_bytes(evidence: &mut Evidence) {
    let first = announcements(evidence)[0];
    let mut repeat = evidence.heard[first].clone();
    *repeat.body.last_mut().expect("a body") ^= 1;
    evidence.heard.push(repeat);
}

fn other_node(evidence: &mut Evidence) {
    let all = announcements(evidence);
    let mut other = evidence.heard[all[0]].clone();
    // The same numbers of other nodes: what the second message says, with the numbers of the first.
    let uuids = evidence.tables.changes.iter();
    let last = |uuid: &[u8]| {
        let mut parts = other.body.windows(uuid.len());
        Some(parts.position(|part| part == uuid)? + uuid.len() - 1)
    };
    let mut lasts = uuids.filter_map(|change| last(change.uuid.as_bytes()));
    let last = lasts.next().expect("a change is in the first message");
    other.body[last] ^= 1;
    other.id += "-again";
    evidence.heard.push(other);
}

fn flip(evidence: &mut Evidence) {
    let node = evidence.tables.nodes.values_mut().next().expect("a node");
    node.0 = !node.0;
}

fn unhold(evidence: &mut Evidence) {
    evidence.tables.held.pop_first().expect("something is held");
}

fn hide(evidence: &mut Evidence) {
    let snapshot = evidence.snapshot.as_mut().expect("a snapshot");
    snapshot.out.pop_first().expect("something is out");
}

fn maintain(evidence: &mut Evidence) {
    let nodes = evidence.tables.nodes.values_mut();
    let mut kept = nodes.filter(|(_, maintenance)| *maintenance);
    kept.next().expect("one in maintenance").1 = false;
}

fn forget(evidence: &mut Evidence) {
    evidence.tables.events.pop_last().expect("an event");
}

fn refuse(evidence: &mut Evidence) {
    evidence.refused.push(evidence.lanes[0][0].body());
}

/// The places of decisions about lanes.
fn by_event(evidence: &Evidence) -> Vec<usize> {
    let decisions = evidence.tables.decisions.iter().enumerate();
    let lanes = decisions.filter(|(_, decided)| decided.pair.0.starts_with("lane-"));
    lanes.map(|(at, _)| at).collect()
}

fn undecide(evidence: &mut Evidence) {
    let at = by_event(evidence)[0];
    evidence.tables.decisions.remove(at);
}

fn decide_twice(evidence: &mut Evidence) {
    let at = by_event(evidence)[0];
    let again = evidence.tables.decisions[at].clone();
    evidence.tables.decisions.insert(at, again);
}

fn reorder(evidence: &mut Evidence) {
    let all = by_event(evidence);
    let pair = evidence.tables.decisions[all[0]].pair.clone();
    let mut same = all
        .iter()
        .filter(|at| evidence.tables.decisions[**at].pair == pair);
    let (first, second) = (*same.next().expect("one"), *same.next().expect("two"));
    evidence.tables.decisions.swap(first, second);
}

fn old_epoch(evidence: &mut Evidence) {
    evidence.tables.decisions.last_mut().expect("one").epoch = 0;
}

fn lose_living(evidence: &mut Evidence) {
    let beats = evidence.timed.iter().find(|one| one.conductor == "beats-0");
    let beats = beats.expect("it beats").clone();
    let last = beats.said.last().expect("a beat").confirmed_ms;
    let mut lost = evidence.tables.decisions[0].clone();
    lost.pair = beats.pair;
    lost.verdict = "lost".into();
    lost.cause = "silence".into();
    lost.at_ms = last.expect("confirmed") + 4_000;
    lost.epoch = u64::MAX;
    evidence.tables.decisions.push(lost);
}

fn of_the_dead(evidence: &Evidence) -> usize {
    let decisions = &evidence.tables.decisions;
    let dead = |pair: &str| pair.starts_with("dies-");
    let at = decisions.iter().position(|decided| dead(&decided.pair.1));
    at.expect("a dead one was lost")
}

fn overlook(evidence: &mut Evidence) {
    let at = of_the_dead(evidence);
    evidence.tables.decisions.remove(at);
}

fn hasty(evidence: &mut Evidence) {
    let at = of_the_dead(evidence);
    let decided = &evidence.tables.decisions[at];
    evidence
        .takeovers
        .insert(decided.epoch, decided.at_ms - 2_000);
}

#[test]
fn what_the_judge_reads_is_written_here_and_not_the_product_s_code() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos");
    let product = ["nodewarden", "::"].concat();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains(&product), "{} uses it", file.display());
    }
    assert_eq!(Kind::Joined.key(), "conductor.joined");
}
