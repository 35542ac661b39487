//! What is left to do: which providers are to be looked at, and how far the stream is carried out. Pure.
//!
//! The wish about a node is read when its turn comes, never when it is put into the line: whatever
//! order answers come in, the last wish is carried out last.
//!
//! A node in the aggregate of a pair waits for its pair first: one call may do for all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::following::{Following, Told};
use super::pair::{self, Change};
use super::pairs::{PairRead, Pairs};
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
    Node { uuid: String, wish: Wish },
    /// Nova's aggregate of a pair is to be switched.
    Switch {
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
    /// Begins again with a snapshot. One of another stream forgets what waited: that was wished of another history.
    /// One that is older than what was followed is refused. Errors: A sentence; nothing changed.
    pub fn begin(&mut self, following: Following) -> Result<(), String> {
        match &self.following {
            Some(before) if before.stream != following.stream => {
                self.heard = false;
                self.waiting.clear();
                self.deferred.clear();
            }
            Some(before) if before.seq > following.seq => {
                return Err(format!(
                    "the snapshot is as of change {}, and {} was heard already: does its replica ask a database \
                     that lags?",
                    following.seq, before.seq
                ));
            }
            Some(_) | None => {}
        }
        self.prove();
        self.compared = false;
        if (self.following.as_ref()).is_none_or(|before| before.stream != following.stream) {
            self.proven = None;
        }
        self.pairs.begin(&following.out);
        self.following = Some(following);
        Ok(())
    }

    /// Follows one message.
    pub fn hear(&mut self, message: Announced, now: Mono) -> Heard {
        let Some(following) = self.following.as_mut() else {
            return Heard::Followed;
        };
        let of_ours = message.stream() == following.stream;
        let restored = match &message {
            Announced::Back(back) if back.reason == BackInServiceReason::DriverRestored => {
                pair::name(&back.conductor_group, &back.driver)
            }
            Announced::Out(_) | Announced::Back(_) | Announced::Position(_) => None,
        };
        self.heard |= of_ours;
        match following.follow(message) {
            Told::Missed(why) if of_ours => Heard::Missed(why),
            Told::Missed(why) => Heard::AnotherStream(why),
            Told::Changed(changes) => {
                for (uuid, seq) in changes {
                    let out = following.out.contains(&uuid);
                    let change = match (&restored, out) {
                        (_, true) => Change::Out,
                        (Some(pair), false) => Change::Restored(pair),
                        (None, false) => Change::Back,
                    };
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
        self.pairs.reading(self.under_way.keys());
    }

    /// Takes over the aggregates of pairs, and the pair that each node needs; see [`Pairs::load`].
    pub fn load(&mut self, read: Vec<PairRead>, listed: BTreeMap<String, String>) {
        let Some(following) = &self.following else {
            return;
        };
        self.misplaced = self.pairs.load(read, listed, &following.out);
        // Placement need not be asked for them each time.
        if !self.loads.is_multiple_of(UNKNOWN_EACH) {
            let unknown = &self.unknown;
            self.misplaced.retain(|uuid| !unknown.contains(uuid));
        }
        self.loads = self.loads.wrapping_add(1);
    }

    /// Compares with the members that there are: what differs is to be looked at. What is a member and is not wished
    /// is left alone until the broker was heard to speak of the same stream. How many differ.
    pub fn compare(&mut self, members: &BTreeSet<String>) -> usize {
        let Some(following) = &self.following else {
            return 0;
        };
        let written = self.members.iter();
        let written = written.filter(|uuid| self.pairs.touched(uuid)).cloned();
        let unchanged = members.iter().filter(|uuid| !self.pairs.touched(uuid));
        self.members = unchanged.cloned().chain(written).collect();
        let mut plan = Plan::new(&following.out, &self.members);
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

    #[must_use]
    pub fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    fn wishes(&self, uuid: &str) -> Option<bool> {
        let following = self.following.as_ref()?;
        Some(following.out.contains(uuid))
    }

    /// Everything up to this change of this stream has been carried out, or is superseded; `None`: nothing
    /// is known to be yet.
    pub fn applied(&mut self) -> Option<(&str, u64)> {
        let seq = self.prove()?;
        let following = self.following.as_ref()?;
        Some((&following.stream, seq))
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
            let seq = done.map_or(following.seq, |seq| seq.saturating_sub(1));
            self.proven = self.proven.max(Some(seq));
        }
        self.proven
    }

    /// The stream that is followed, and the last change that was heard of.
    #[must_use]
    pub fn position(&self) -> Option<(&str, u64)> {
        let following = self.following.as_ref()?;
        Some((&following.stream, following.seq))
    }

    /// Whether the broker was heard to speak of the snapshot's stream and no comparison followed yet.
    #[must_use]
    pub fn awaits_comparison(&self) -> bool {
        self.heard && !self.compared
    }

    /// How many nodes are out of service, wait for their turn, and are unknown to Placement.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let out = self.following.as_ref().map_or(0, |it| it.out.len());
        let known_out = |uuid: &&String| self.wishes(uuid) == Some(true);
        let unknown = self.unknown.iter().filter(known_out).count();
        let deferred: usize = self.deferred.values().map(BTreeMap::len).sum();
        let waiting = self.waiting.len() + self.under_way.len() + deferred;
        (out, waiting, unknown)
    }
}

mod next;
#[cfg(test)]
mod pair_tests;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tests;
