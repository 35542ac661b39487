//! What is left to do: which providers are to be looked at, and how far the stream is carried out.
//! Pure.
//!
//! The wish about a node is read when its turn comes, never when it is put into the line: whatever
//! order answers come in, the last wish is carried out last.
//!
//! A node in the aggregate of a pair waits for its pair first: one call may do for all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::following::{Following, Told};
use super::pairs::{Change, PairRead, Pairs, Stance};
use crate::domain::time::Mono;
use crate::wire::Announced;
use crate::wire::out::BackInServiceReason;

/// The place in the stream of a look that no change asked for.
const NO_CHANGE: u64 = u64::MAX;

/// A node that Placement does not know is tried for its pair at each so manieth reading.
const UNKNOWN_EACH: u32 = 10;

/// What a comparison would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Out of service, and no member.
    pub add: Vec<String>,
    /// A member, and not out of service.
    pub remove: Vec<String>,
}

impl Plan {
    /// What makes `members` equal to `out`.
    #[must_use]
    pub fn new(out: &BTreeSet<String>, members: &BTreeSet<String>) -> Self {
        Self {
            add: out.difference(members).cloned().collect(),
            remove: members.difference(out).cloned().collect(),
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It was followed, or a repeat.
    Followed,
    /// Something was missed: a new snapshot helps. Says what.
    Missed(String),
    /// The broker speaks of another stream than the snapshot. Says which.
    AnotherStream(String),
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// A node is to be in these aggregates, and in no other of ours.
    Node {
        /// Which.
        uuid: String,
        /// Where.
        wish: Wish,
    },
    /// Nova's aggregate of a pair is to be switched.
    Switch {
        /// Its number.
        id: u64,
        /// So that none of its members is offered.
        on: bool,
    },
}

/// The aggregates of ours that a node is to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The one for what is out of service.
    pub member: bool,
    /// That of a pair.
    pub pair: Option<u64>,
}

/// What is wished, and what of it waits.
#[derive(Debug, Default)]
pub struct Wanted {
    following: Option<Following>,
    /// The aggregate's members, as they were last read or written.
    members: BTreeSet<String>,
    pairs: Pairs,
    /// Nodes that wait for what becomes of their pair, and the change that put each there.
    deferred: BTreeMap<u64, BTreeMap<String, u64>>,
    /// Nodes that are in the aggregate of a wrong pair, or in none: in no haste.
    misplaced: BTreeSet<String>,
    /// Nodes to look at, and the change that put each there.
    waiting: BTreeMap<String, u64>,
    /// Nodes that are looked at now, and the change that put each there.
    under_way: BTreeMap<String, u64>,
    /// Nodes that Placement does not know, as of the last look at each.
    unknown: BTreeSet<String>,
    /// How often pairs were read.
    loads: u32,
    /// The broker speaks of the stream that the snapshot is of: only then does what is missing from
    /// the snapshot prove anything.
    heard: bool,
    /// All members were compared with what the snapshot says: what came before it is waiting or done.
    compared: bool,
    /// Everything up to this change was seen to be carried out; nothing, before the first comparison.
    proven: Option<u64>,
}

impl Wanted {
    /// Begins again with a snapshot. One of another stream forgets what waited: that was wished of
    /// another history. One that is older than what was followed is refused.
    ///
    /// # Errors
    /// A sentence; nothing changed.
    pub fn begin(&mut self, following: Following) -> Result<(), String> {
        match &self.following {
            Some(before) if before.stream() != following.stream() => {
                self.heard = false;
                self.waiting.clear();
                self.deferred.clear();
            }
            Some(before) if before.seq() > following.seq() => {
                return Err(format!(
                    "the snapshot is as of change {}, and {} was heard already: does its replica ask a database \
                     that lags?",
                    following.seq(),
                    before.seq()
                ));
            }
            Some(_) | None => {}
        }
        self.prove();
        self.compared = false;
        if self.following.as_ref().map(Following::stream) != Some(following.stream()) {
            self.proven = None;
        }
        self.pairs.begin(following.out());
        self.following = Some(following);
        Ok(())
    }

    /// Follows one message.
    pub fn hear(&mut self, message: Announced, now: Mono) -> Heard {
        let Some(following) = self.following.as_mut() else {
            return Heard::Followed;
        };
        let of_ours = message.stream() == following.stream();
        let back = match &message {
            Announced::Back(back) if back.reason == BackInServiceReason::DriverRestored => {
                Change::Restored
            }
            Announced::Out(_) | Announced::Back(_) | Announced::Position(_) => Change::Back,
        };
        self.heard |= of_ours;
        match following.follow(message) {
            Told::Missed(why) if of_ours => Heard::Missed(why),
            Told::Missed(why) => Heard::AnotherStream(why),
            Told::Changed(changes) => {
                for (uuid, seq) in changes {
                    let out = following.out().contains(&uuid);
                    let change = if out { Change::Out } else { back };
                    let line = match self.pairs.changed(&uuid, change, now) {
                        Some(id) if !self.waiting.contains_key(&uuid) => {
                            self.deferred.entry(id).or_default()
                        }
                        Some(_) | None => &mut self.waiting,
                    };
                    // What is undone yet of an older change is still to be done.
                    line.entry(uuid).or_insert(seq);
                }
                Heard::Followed
            }
        }
    }

    /// What is read from now on may be older than what is done from now on.
    pub fn reading(&mut self) {
        self.pairs.reading();
    }

    /// Takes over the aggregates of pairs, and the pair that each node needs; see [`Pairs::load`].
    pub fn load(&mut self, read: Vec<PairRead>, listed: BTreeMap<String, String>) {
        let Some(following) = &self.following else {
            return;
        };
        self.misplaced = self.pairs.load(read, listed, following.out());
        // Placement need not be asked for them each time.
        if !self.loads.is_multiple_of(UNKNOWN_EACH) {
            let unknown = &self.unknown;
            self.misplaced.retain(|uuid| !unknown.contains(uuid));
        }
        self.loads = self.loads.wrapping_add(1);
    }

    /// Compares with the members that there are: what differs is to be looked at. What is a member and
    /// is not wished is left alone until the broker was heard to speak of the same stream. How many
    /// differ.
    pub fn compare(&mut self, members: &BTreeSet<String>) -> usize {
        let Some(following) = &self.following else {
            return 0;
        };
        let written = self.members.iter();
        let written = written.filter(|uuid| self.pairs.touched(uuid)).cloned();
        let unchanged = members.iter().filter(|uuid| !self.pairs.touched(uuid));
        self.members = unchanged.cloned().chain(written).collect();
        let mut plan = Plan::new(following.out(), &self.members);
        let busy = |uuid: &String| self.under_way.contains_key(uuid);
        plan.add
            .retain(|uuid| !self.pairs.covers(uuid) && !busy(uuid));
        plan.remove.retain(|uuid| !busy(uuid));
        if !self.heard {
            plan.remove.clear();
        }
        // Which change asked for it is not known; what was proven before stays so.
        let seq = self.prove().unwrap_or(0) + 1;
        self.compared = self.heard;
        let count = plan.add.len() + plan.remove.len();
        for uuid in plan.add {
            self.put(uuid, seq);
        }
        for uuid in plan.remove {
            self.waiting.entry(uuid).or_insert(seq);
        }
        count
    }

    /// Puts a node into the line: that of its pair if it has one.
    fn put(&mut self, uuid: String, seq: u64) {
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
        while may && let Some(uuid) = self.misplaced.pop_first() {
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
            let may = self.heard || following.out().contains(*uuid);
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

    /// The aggregates of pairs.
    #[must_use]
    pub fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    /// Whether nodes wait for what becomes of their pair: time passes for them.
    #[must_use]
    pub fn defers(&self) -> bool {
        !self.deferred.is_empty()
    }

    fn wishes(&self, uuid: &str) -> Option<bool> {
        let following = self.following.as_ref()?;
        Some(following.out().contains(uuid))
    }

    /// Everything up to this change of this stream has been carried out, or is superseded; `None`: nothing
    /// is known to be yet.
    pub fn applied(&mut self) -> Option<(&str, u64)> {
        let seq = self.prove()?;
        let following = self.following.as_ref()?;
        Some((following.stream(), seq))
    }

    /// What is proven as of now; it never goes back within a stream.
    fn prove(&mut self) -> Option<u64> {
        if self.compared
            && let Some(following) = &self.following
        {
            let waiting = self.waiting.values().chain(self.under_way.values());
            let deferred = self.deferred.values().flat_map(BTreeMap::values);
            let first = waiting.chain(deferred).min().copied();
            let done = first.filter(|seq| *seq != NO_CHANGE);
            let seq = done.map_or(following.seq(), |seq| seq.saturating_sub(1));
            self.proven = self.proven.max(Some(seq));
        }
        self.proven
    }

    /// The stream that is followed, and the last change that was heard of.
    #[must_use]
    pub fn position(&self) -> Option<(&str, u64)> {
        let following = self.following.as_ref()?;
        Some((following.stream(), following.seq()))
    }

    /// Whether the broker was heard to speak of the snapshot's stream and no comparison followed yet.
    #[must_use]
    pub fn awaits_comparison(&self) -> bool {
        self.heard && !self.compared
    }

    /// How many nodes are out of service, wait for their turn, and are unknown to Placement.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let out = self
            .following
            .as_ref()
            .map_or(0, |following| following.out().len());
        let known_out = |uuid: &&String| self.wishes(uuid) == Some(true);
        let unknown = self.unknown.iter().filter(known_out).count();
        let deferred: usize = self.deferred.values().map(BTreeMap::len).sum();
        let waiting = self.waiting.len() + self.under_way.len() + deferred;
        (out, waiting, unknown)
    }
}

#[cfg(test)]
mod pair_tests;
#[cfg(test)]
mod tests;
