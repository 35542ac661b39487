//! A subscriber of a story, with nodes that are in the aggregate of one pair.

use std::time::Duration;

use super::*;
use crate::placement::samples;
use crate::wire::out::Node;

pub(super) const IPMI: u64 = 7;

/// A subscriber, its clock, and the place of its stream.
pub(super) struct Story {
    pub(super) wanted: Wanted,
    pub(super) now: Mono,
    seq: u64,
}

/// The aggregate of the pair as it is read.
pub(super) fn as_read(members: &[String], on: bool) -> PairRead {
    PairRead {
        id: IPMI,
        uuid: "agg".into(),
        pair: "/ipmi".into(),
        on,
        members: Some(members.iter().cloned().collect()),
    }
}

pub(super) fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("n{number:03}")).collect()
}

/// A node, whether it is a member of what is out of service, and the pair of whose aggregate it is one.
pub(super) type Written = (String, bool, Option<u64>);

/// The same of each of these.
pub(super) fn each(uuids: &[String], member: bool, pair: Option<u64>) -> Vec<Written> {
    let wish = |uuid: &String| (uuid.clone(), member, pair);
    uuids.iter().map(wish).collect()
}

impl Story {
    /// A pair of these nodes, all of them members of its aggregate, which is off.
    pub(super) fn of(members: &[String]) -> Self {
        let mut story = Self {
            wanted: Wanted::default(),
            now: Mono(Duration::from_secs(100)),
            seq: 0,
        };
        let following = Following::new("s".into(), 0, BTreeSet::new());
        story.wanted.begin(following).unwrap();
        story.hear(samples::position("s", 0));
        story.read(members, members, false);
        story.wanted.compare(&BTreeSet::new());
        story
    }

    pub(super) fn read(&mut self, members: &[String], listed: &[String], on: bool) {
        self.wanted.reading();
        let read = as_read(members, on);
        let listed = listed.iter().map(|uuid| (uuid.clone(), "/ipmi".to_owned()));
        self.wanted.load(vec![read], listed.collect());
    }

    pub(super) fn hear(&mut self, message: Announced) {
        assert_eq!(self.wanted.hear(message, self.now), Heard::Followed);
    }

    /// The next change of each of these.
    fn change(&mut self, uuids: &[String]) -> Vec<Node> {
        let numbered = (self.seq + 1..).zip(uuids);
        self.seq += uuids.len() as u64;
        let node = |(seq, uuid): (u64, &String)| samples::node(seq, uuid);
        numbered.map(node).collect()
    }

    pub(super) fn lose(&mut self, uuids: &[String]) {
        let nodes = self.change(uuids);
        self.hear(samples::out("s", nodes));
    }

    pub(super) fn give_back(&mut self, uuids: &[String]) {
        self.back(uuids, BackInServiceReason::Released);
    }

    pub(super) fn back(&mut self, uuids: &[String], reason: BackInServiceReason) {
        let nodes = self.change(uuids);
        self.hear(samples::back(reason, nodes));
    }

    /// The same, where the pair `/redfish` is back.
    pub(super) fn back_with_redfish(&mut self, uuids: &[String]) {
        let nodes = self.change(uuids);
        let mut message = samples::back(BackInServiceReason::DriverRestored, nodes);
        if let Announced::Back(back) = &mut message {
            back.driver = "redfish".into();
        }
        self.hear(message);
    }

    pub(super) fn later(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    pub(super) fn take(&mut self) -> Option<Job> {
        self.wanted.take(&BTreeSet::new(), self.now, true)
    }

    /// The node that is to be written next.
    pub(super) fn take_node(&mut self) -> (String, Wish) {
        match self.take() {
            Some(Job::Node { uuid, wish }) => (uuid, wish),
            other => panic!("no node but {other:?}"),
        }
    }

    pub(super) fn switched(&mut self, on: bool) {
        assert_eq!(self.take(), Some(Job::Switch { id: IPMI, on }));
        self.wanted.switched(IPMI, on, None, self.now);
    }

    /// The call fails; it may be made again after ten seconds.
    pub(super) fn switch_fails(&mut self, on: bool) {
        assert_eq!(self.take(), Some(Job::Switch { id: IPMI, on }));
        let again = self.now.plus(Duration::from_secs(10));
        self.wanted.switched(IPMI, on, Some(again), self.now);
    }

    /// Every node that is written now, and its wish.
    pub(super) fn written(&mut self) -> Vec<Written> {
        self.written_but(&[])
    }

    /// The same, where these cannot be written.
    pub(super) fn written_but(&mut self, bad: &[String]) -> Vec<Written> {
        let passed = bad.iter().cloned().collect();
        let mut all = Vec::new();
        while let Some(job) = self.wanted.take(&passed, self.now, true) {
            let Job::Node { uuid, wish } = job else {
                panic!("{job:?}");
            };
            self.wanted.done(&uuid, wish, true);
            all.push((uuid, wish.member, wish.pair));
        }
        all
    }

    pub(super) fn applied(&mut self) -> Option<u64> {
        self.wanted.applied().map(|(_, seq)| seq)
    }
}
