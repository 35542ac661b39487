//! What is done next, and what became of it.

use std::collections::BTreeSet;

use super::{Job, NO_CHANGE, Wanted, Wish};
use crate::domain::time::Mono;
use crate::placement::pair::Stance;

impl Wanted {
    /// Puts a node into the line: that of its pair if it has one.
    pub(super) fn put(&mut self, uuid: String, seq: u64) {
        if self.under_way.contains_key(&uuid) || self.waiting.contains_key(&uuid) {
            return;
        }
        let line = match self.pairs.of(&uuid).next() {
            Some(id) => self.deferred.entry(id).or_default(),
            None => &mut self.waiting,
        };
        line.entry(uuid).or_insert(seq);
    }

    /// Moves nodes whose pair does nothing for them into the line of those which are looked at.
    fn look_at_pairs(&mut self, now: Mono) {
        let mut ids: BTreeSet<u64> = self.deferred.keys().copied().collect();
        ids.extend(self.pairs.maybe_on());
        for id in ids {
            let stance = self.stance(id, now);
            self.pairs.looked_at(id, stance, now);
            if matches!(stance, Stance::Clear | Stance::Leave) {
                for uuid in self.pairs.leaving(id) {
                    self.waiting.entry(uuid).or_insert(NO_CHANGE);
                }
            }
            match stance {
                Stance::Wait | Stance::SwitchOn | Stance::SwitchOff | Stance::Clear => {}
                Stance::Idle | Stance::Single | Stance::Leave => {
                    self.pairs.settled(id, stance != Stance::Leave);
                    for (uuid, seq) in self.deferred.remove(&id).unwrap_or_default() {
                        if !self.is_as_wished(&uuid) {
                            let waiting = self.waiting.entry(uuid).or_insert(seq);
                            *waiting = seq.min(*waiting);
                        }
                    }
                }
            }
        }
    }

    /// What is to be done about a pair; nothing before the broker was heard to speak of the same stream.
    fn stance(&self, id: u64, now: Mono) -> Stance {
        let needed = self.deferred.contains_key(&id) || !self.waiting.is_empty();
        let stance = self.pairs.stance(id, now, needed);
        let gives_back = matches!(stance, Stance::SwitchOff | Stance::Leave);
        if gives_back && !self.heard {
            Stance::Wait
        } else {
            stance
        }
    }

    /// Whether nothing is to be written about a node, as far as is known.
    fn is_as_wished(&self, uuid: &str) -> bool {
        if self.under_way.contains_key(uuid) {
            return false;
        }
        match self.wishes(uuid) {
            Some(true) => self.members.contains(uuid) || self.pairs.covers(uuid),
            Some(false) => !self.members.contains(uuid) && !self.pairs.must_leave(uuid),
            None => true,
        }
    }

    /// What is to be done next: to a node that is not among those `passed` by, or to a pair. What is in no
    /// haste comes last, if it `may`. Until the broker was heard to speak of the snapshot's stream, no node
    /// is to be a member no longer.
    pub fn take(&mut self, passed: &BTreeSet<String>, now: Mono, may: bool) -> Option<Job> {
        self.following.as_ref()?;
        self.look_at_pairs(now);
        if let Some(job) = self.switch(now) {
            return Some(job);
        }
        while let Some(uuid) = self.next_waiting(passed) {
            let seq = self.waiting.remove(&uuid)?;
            if self.pairs.of(&uuid).next().is_some() && self.is_as_wished(&uuid) {
                continue;
            }
            return self.write(uuid, seq);
        }
        while may
            && self.heard
            && let Some(uuid) = self.misplaced.pop_first()
        {
            let busy = self.under_way.contains_key(&uuid) || passed.contains(&uuid);
            if !busy && self.wishes(&uuid) == Some(false) {
                return self.write(uuid, NO_CHANGE);
            }
        }
        None
    }

    fn next_waiting(&self, passed: &BTreeSet<String>) -> Option<String> {
        let following = self.following.as_ref()?;
        let free = |uuid: &&String| {
            let may = self.heard || following.out.contains(*uuid);
            may && !self.under_way.contains_key(*uuid) && !passed.contains(*uuid)
        };
        self.waiting.keys().find(free).cloned()
    }

    fn switch(&mut self, now: Mono) -> Option<Job> {
        let mut ids: BTreeSet<u64> = self.deferred.keys().copied().collect();
        ids.extend(self.pairs.maybe_on());
        let due = ids.into_iter().find_map(|id| match self.stance(id, now) {
            Stance::SwitchOn => Some((id, true)),
            Stance::SwitchOff => Some((id, false)),
            Stance::Idle | Stance::Wait | Stance::Clear | Stance::Leave | Stance::Single => None,
        });
        let (id, on) = due?;
        self.pairs.switching(id, on);
        Some(Job::Switch { id, on })
    }

    fn write(&mut self, uuid: String, seq: u64) -> Option<Job> {
        let member = self.wishes(&uuid)?;
        // What is out of service stays where it may be forbidden with its pair.
        let pair = match member {
            true => self.pairs.of(&uuid).next(),
            false => self.pairs.target(&uuid),
        };
        self.pairs.writing(&uuid, pair, member);
        self.under_way.insert(uuid.clone(), seq);
        let wish = Wish { member, pair };
        Some(Job::Node { uuid, wish })
    }

    /// A node is as it was wished when its turn came; not `known`: Placement knows no such node.
    pub fn done(&mut self, uuid: &str, wish: Wish, known: bool) {
        self.under_way.remove(uuid);
        self.pairs.wrote(uuid, wish.pair.filter(|_| known));
        if known && wish.member {
            self.members.insert(uuid.to_owned());
        } else {
            self.members.remove(uuid);
        }
        if known {
            self.unknown.remove(uuid);
        } else {
            self.unknown.insert(uuid.to_owned());
        }
    }

    /// It could not be done: its turn comes again.
    pub fn failed(&mut self, uuid: &str) {
        if let Some(seq) = self.under_way.remove(uuid) {
            let waiting = self.waiting.entry(uuid.to_owned()).or_insert(seq);
            *waiting = seq.min(*waiting);
        }
    }

    /// A pair was switched; or it is not known to be, and may be tried `again` then.
    pub fn switched(&mut self, id: u64, on: bool, again: Option<Mono>, now: Mono) {
        for uuid in self.pairs.switched_to(id, on, again, now) {
            if !self.members.contains(&uuid) {
                self.put(uuid, NO_CHANGE);
            }
        }
    }
}
