//! [`Announced`]: what was committed to be announced, and what subscribers have of it (I4).

use std::collections::{BTreeMap, BTreeSet};

use nodewarden::domain::announcement::{Announcement, Content};
use nodewarden::message::{Outgoing, Published as Fate};
use nodewarden::wire;

/// The announcements of the stream that goes on, and those that are lost.
#[derive(Default, Clone)]
pub struct Announced {
    pub stream: String,
    /// Each as it must travel, by number.
    messages: BTreeMap<u64, Outgoing>,
    /// The number of the last one.
    pub last: u64,
    /// The last one that went out in a stream before this one.
    before: u64,
    /// The numbers that subscribers have.
    heard: BTreeSet<u64>,
    /// The highest of them.
    highest_heard: u64,
    /// The numbers that the broker refused or that found no subscriber: these alone may be missing.
    passed_by: BTreeSet<u64>,
    /// The nodes that are out by what was announced.
    pub out: BTreeSet<String>,
    pub last_seq: u64,
    /// What was committed in a part of the history that is lost, or in a stream that is over, by id: it
    /// may still travel, and no other may have its id.
    over: BTreeMap<String, Outgoing>,
}

impl Announced {
    /// The next one was committed; the nodes that it is about.
    pub fn committed(&mut self, announcement: Announcement, nodes: &mut BTreeSet<String>) {
        let number = announcement.number;
        assert_eq!(number, self.last + 1, "I4: the numbers of announcements");
        self.last = number;
        self.keep(&announcement);
        let (out, about) = match announcement.content {
            Content::OutOfService { nodes, .. } => (true, nodes),
            Content::BackInService { nodes, .. } => (false, nodes),
            Content::Position { seq } => return assert_eq!(seq, self.last_seq, "I4: a position"),
        };
        for node in about {
            assert_eq!(node.seq, self.last_seq + 1, "I4: seq is contiguous");
            self.last_seq = node.seq;
            let changed = match out {
                true => self.out.insert(node.uuid.clone()),
                false => self.out.remove(&node.uuid),
            };
            assert!(changed, "I4: {} is announced as it was before", node.uuid);
            nodes.insert(node.uuid);
        }
    }

    /// As it must travel from now on.
    fn keep(&mut self, announcement: &Announcement) {
        let message = wire::encode(announcement, "node.events");
        let other = self.over.get(&message.message_id);
        assert!(
            other.is_none_or(|other| *other == message),
            "I4: {} is used again: {other:?} and {message:?}",
            message.message_id
        );
        self.messages.insert(announcement.number, message);
    }

    /// The database has gone back to `before`.
    pub fn goes_back(&mut self, before: &Self) {
        self.all_is_over();
        self.messages.clone_from(&before.messages);
        (self.last, self.last_seq) = (before.last, before.last_seq);
        self.out.clone_from(&before.out);
        self.stream.clone_from(&before.stream);
    }

    /// Another stream begins with those above `before`, which are told again.
    pub fn begins(&mut self, stream: &str, before: u64, pending: &[Announcement]) {
        self.all_is_over();
        self.messages.clear();
        stream.clone_into(&mut self.stream);
        let last = self.last;
        for announcement in pending.iter().filter(|one| one.number <= last) {
            self.keep(announcement);
        }
        self.heard.clear();
        self.passed_by.clear();
        (self.before, self.highest_heard) = (before, before);
    }

    fn all_is_over(&mut self) {
        let over = self.messages.values();
        let over = over.map(|message| (message.message_id.clone(), message.clone()));
        self.over.extend(over);
    }

    /// What travels is what was committed, byte by byte, and what is heard for the first time comes in
    /// order; whether it was heard before.
    pub fn travels(&mut self, message: &Outgoing, fate: Fate) -> bool {
        let id = message.message_id.rsplit_once(':');
        let id = id.and_then(|(stream, number)| Some((stream, number.parse::<u64>().ok()?)));
        let Some((stream, number)) = id else {
            panic!("I4: an announcement with the id {}", message.message_id)
        };
        let current = self.messages.get(&number);
        let current = current.filter(|_| stream == self.stream);
        if let Some(over) = self.over.get(&message.message_id)
            && current.is_none()
        {
            assert_eq!(
                message, over,
                "I4: announcement {number} of a part that is lost"
            );
            return false;
        }
        let Some(committed) = current else {
            panic!("I4: announcement {number} travels and is not committed")
        };
        assert_eq!(message, committed, "I4: announcement {number}");
        if fate != Fate::Confirmed {
            self.passed_by.insert(number);
        } else if !self.heard.insert(number) {
            return true;
        } else if number > self.highest_heard {
            let before = self.highest_heard;
            let skipped = (before + 1..number).find(|skipped| !self.passed_by.contains(skipped));
            assert_eq!(skipped, None, "I4: {number} is heard after {before}");
            self.highest_heard = number;
        } else {
            assert!(
                self.passed_by.contains(&number),
                "I4: {number} is first heard after {}",
                self.highest_heard
            );
        }
        false
    }

    /// All up to this one went out.
    pub fn went_out_up_to(&self, last: u64) {
        for number in self.before + 1..=last {
            assert!(
                self.heard.contains(&number) || self.passed_by.contains(&number),
                "in the end: {number} was never announced"
            );
        }
    }
}
