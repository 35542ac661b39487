//! The aggregates of pairs: which nodes are members of each, which of them is switched so that Nova
//! offers none of its members, and what is to be switched next. Pure.
//!
//! One is switched on only once every member is out of service, so that no node is ever forbidden
//! which is not: those that are in service leave it first. What cannot be switched, or is not worth
//! it, is left to the nodes one by one ([`Stance::Single`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::time::Mono;

/// At most so many are switched on at once: each adds 37 bytes to the address of Nova's query, and common
/// servers take lines of 8,190 bytes.
pub const SWITCHED: usize = 100;

/// A pair of which no node changed for so long has told all: twice the slowest usual transaction of a
/// worker that takes out thousands.
const QUIET: Duration = Duration::from_secs(1);

/// The longest that nodes wait for the others of their pair.
const PATIENCE: Duration = Duration::from_secs(5);

/// An aggregate of a pair, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRead {
    /// Nova's number for it.
    pub id: u64,
    /// Its UUID.
    pub uuid: String,
    /// `GROUP/DRIVER`.
    pub pair: String,
    /// Whether it demands our trait.
    pub on: bool,
    /// Its members; `None`: not read this time.
    pub members: Option<BTreeSet<String>>,
}

/// What is to be done about a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// No member is out of service, and it is off.
    Idle,
    /// More may be told of it.
    Wait,
    /// It is to be switched on.
    SwitchOn,
    /// It is to be switched off.
    SwitchOff,
    /// Members that are in service are to leave it, before it is switched on.
    Clear,
    /// It is on, or may be; members that are in service are to leave it.
    Leave,
    /// It is of no use now: each node goes by itself.
    Single,
}

#[derive(Debug, Default)]
struct Pair {
    uuid: String,
    name: String,
    /// Surely on.
    on: bool,
    /// On, or not known to be off.
    maybe_on: bool,
    /// A call is under way.
    switching: bool,
    /// A call was made since the last reading began.
    called: bool,
    /// No call before then: the last one failed.
    blocked: Option<Mono>,
    /// Members, and those which may have become so.
    members: BTreeSet<String>,
    /// Those of them that are in service.
    in_service: BTreeSet<String>,
    /// The first and the last change that is not settled.
    changed: Option<(Mono, Mono)>,
    /// Its members in service were told to leave.
    asked: bool,
    /// The last that was heard of it is that its driver is back.
    restored: bool,
}

/// What was heard of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is out of service.
    Out,
    /// It is back, as its whole pair will be.
    Restored,
    /// It alone is back.
    Back,
}

impl Pair {
    fn out(&self) -> usize {
        self.members.len() - self.in_service.len()
    }

    fn stance(&self, now: Mono, full: bool, needed: bool) -> Stance {
        let (out, inside) = (self.out(), self.in_service.len());
        let blocked = self.blocked.is_some_and(|until| now < until);
        if self.switching {
            return Stance::Wait;
        }
        if self.maybe_on {
            // One call frees more nodes than it would offer too early.
            return match (self.restored || out == 0 || out < inside, blocked) {
                (true, false) => Stance::SwitchOff,
                (false, false) if !self.on && inside == 0 => Stance::SwitchOn,
                _ => Stance::Leave,
            };
        }
        if out == 0 {
            return Stance::Idle;
        }
        if blocked || full || !needed {
            return Stance::Single;
        }
        if inside == 0 {
            return Stance::SwitchOn;
        }
        let since = |at: Option<Mono>| at.is_none_or(|at| now.since(at) >= QUIET);
        if !since(self.changed.map(|(_, last)| last)) {
            let first = self.changed.map(|(first, _)| first);
            let impatient = first.is_some_and(|first| now.since(first) >= PATIENCE);
            return if impatient {
                Stance::Single
            } else {
                Stance::Wait
            };
        }
        // Whichever takes fewer writes.
        if out > inside {
            Stance::Clear
        } else {
            Stance::Single
        }
    }
}

/// All of them; none, where they are not kept.
#[derive(Debug, Default)]
pub struct Pairs {
    pairs: BTreeMap<u64, Pair>,
    by_name: BTreeMap<String, u64>,
    /// Node → the aggregates of pairs that it is a member of, or may be.
    member_of: BTreeMap<String, Vec<u64>>,
    /// Node → the pair it is to be a member of.
    listed: BTreeMap<String, String>,
    /// Nodes whose last write is not known to have worked.
    doubt: BTreeSet<String>,
    /// Nodes that were written since the last reading began.
    touched: BTreeSet<String>,
}

impl Pairs {
    /// What is read from now on may be older than what is done from now on.
    pub fn reading(&mut self) {
        self.touched.clear();
        for pair in self.pairs.values_mut() {
            pair.called = pair.switching;
        }
    }

    /// Whether a node was written since the reading began.
    pub fn touched(&self, uuid: &str) -> bool {
        self.touched.contains(uuid)
    }

    /// Takes over what was read, but for what was done meanwhile. `listed`: node → the pair it needs,
    /// of all that may be offered. Which nodes are not where they should be.
    pub fn load(
        &mut self,
        read: Vec<PairRead>,
        listed: BTreeMap<String, String>,
        out: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let known: BTreeSet<u64> = read.iter().map(|read| read.id).collect();
        self.pairs.retain(|id, _| known.contains(id));
        self.listed = listed;
        for one in read {
            let pair = self.pairs.entry(one.id).or_default();
            (pair.uuid, pair.name) = (one.uuid, one.pair);
            if !pair.called {
                // Another service switched it off: nothing is to leave it any more.
                pair.asked &= one.on || !pair.maybe_on;
                (pair.on, pair.maybe_on) = (one.on, one.on);
            }
            if let Some(mut members) = one.members {
                members.retain(|uuid| !self.touched.contains(uuid));
                let kept = pair
                    .members
                    .iter()
                    .filter(|uuid| self.touched.contains(*uuid));
                members.extend(kept.cloned());
                pair.members = members;
            }
        }
        let named = self.pairs.iter();
        self.by_name = named.map(|(id, pair)| (pair.name.clone(), *id)).collect();
        self.member_of.clear();
        for (id, pair) in &self.pairs {
            for uuid in &pair.members {
                self.member_of.entry(uuid.clone()).or_default().push(*id);
            }
        }
        self.begin(out);
        self.misplaced(out)
    }

    fn misplaced(&self, out: &BTreeSet<String>) -> BTreeSet<String> {
        let placed = |uuid: &String| {
            let target = self
                .listed
                .get(uuid)
                .and_then(|pair| self.by_name.get(pair));
            let now = self.member_of.get(uuid).map_or(&[][..], Vec::as_slice);
            now == target.map_or(&[][..], std::slice::from_ref)
        };
        let all = self.listed.keys().chain(self.member_of.keys());
        let misplaced = all.filter(|uuid| !placed(uuid) && !out.contains(*uuid));
        misplaced.cloned().collect()
    }

    /// Begins again with what is out of service.
    pub fn begin(&mut self, out: &BTreeSet<String>) {
        for pair in self.pairs.values_mut() {
            pair.in_service = pair.members.difference(out).cloned().collect();
            (pair.asked, pair.restored) = (false, false);
        }
    }

    /// A node went out of service, or is back. The pair that may save it a write; `None`: it goes by
    /// itself, and now.
    pub fn changed(&mut self, uuid: &str, change: Change, now: Mono) -> Option<u64> {
        let out = change == Change::Out;
        let mut left_to = None;
        let mut at_once = false;
        for id in self.member_of.get(uuid).into_iter().flatten() {
            let Some(pair) = self.pairs.get_mut(id) else {
                continue;
            };
            if out {
                pair.in_service.remove(uuid);
            } else {
                pair.in_service.insert(uuid.to_owned());
            }
            pair.restored = change == Change::Restored;
            let first = pair.changed.map_or(now, |(first, _)| first);
            pair.changed = Some((first, now));
            // With its pair: one call may free all of them.
            let with_all = pair.maybe_on && pair.restored;
            at_once |= pair.asked && !out && !with_all;
            left_to.get_or_insert(*id);
        }
        left_to.filter(|_| !at_once)
    }

    /// What is to be done about a pair; `needed`: nodes wait for it.
    pub fn stance(&self, id: u64, now: Mono, needed: bool) -> Stance {
        let full = self.switched() >= SWITCHED;
        let stance = |pair: &Pair| pair.stance(now, full, needed);
        self.pairs.get(&id).map_or(Stance::Single, stance)
    }

    /// The members in service, the first time they are asked to leave.
    pub fn leaving(&mut self, id: u64) -> Vec<String> {
        let Some(pair) = self.pairs.get_mut(&id) else {
            return Vec::new();
        };
        match std::mem::replace(&mut pair.asked, true) {
            false => pair.in_service.iter().cloned().collect(),
            true => Vec::new(),
        }
    }

    /// What was waited for is settled; `over`: and no member is to leave it any more.
    pub fn settled(&mut self, id: u64, over: bool) {
        if let Some(pair) = self.pairs.get_mut(&id) {
            pair.changed = None;
            pair.asked &= !over;
        }
    }

    /// The pairs that are on, or may be.
    pub fn maybe_on(&self) -> impl Iterator<Item = u64> + '_ {
        let on = self.pairs.iter().filter(|(_, pair)| pair.maybe_on);
        on.map(|(id, _)| *id)
    }

    /// How many are on, or may be.
    pub fn switched(&self) -> usize {
        self.maybe_on().count()
    }

    /// Whether Nova offers the node to nothing because of a pair.
    pub fn covers(&self, uuid: &str) -> bool {
        let on = |id: &u64| self.pairs.get(id).is_some_and(|pair| pair.on);
        !self.doubt.contains(uuid) && self.of(uuid).any(|id| on(&id))
    }

    /// Whether a node in service is, or may be, where all are forbidden or soon will be.
    pub fn must_leave(&self, uuid: &str) -> bool {
        let forbids = |pair: &Pair| pair.maybe_on || pair.asked;
        let left = |id: u64| self.pairs.get(&id).is_some_and(forbids);
        self.doubt.contains(uuid) || self.of(uuid).any(left)
    }

    /// The pairs whose aggregates the node is a member of, or may be.
    pub fn of(&self, uuid: &str) -> impl Iterator<Item = u64> + '_ {
        self.member_of.get(uuid).into_iter().flatten().copied()
    }

    /// Where a node in service is to be a member: not where all are to be forbidden.
    pub fn target(&self, uuid: &str) -> Option<u64> {
        let id = self.by_name.get(self.listed.get(uuid)?)?;
        let pair = self.pairs.get(id)?;
        let may_stay = !pair.maybe_on && !pair.asked && !pair.switching;
        let free = pair.members.contains(uuid) || pair.out() == 0;
        (may_stay && free).then_some(*id)
    }

    /// A write begins, after which the node is to be a member of `pair` alone.
    pub fn writing(&mut self, uuid: &str, pair: Option<u64>, out: bool) {
        self.touched.insert(uuid.to_owned());
        self.doubt.insert(uuid.to_owned());
        let Some((id, pair)) = pair.and_then(|id| Some((id, self.pairs.get_mut(&id)?))) else {
            return;
        };
        if pair.members.insert(uuid.to_owned()) {
            self.member_of.entry(uuid.to_owned()).or_default().push(id);
            if !out {
                pair.in_service.insert(uuid.to_owned());
            }
        }
    }

    /// It was written, or was so already.
    pub fn wrote(&mut self, uuid: &str, pair: Option<u64>) {
        self.doubt.remove(uuid);
        let Some(ids) = self.member_of.get_mut(uuid) else {
            return;
        };
        ids.retain(|id| {
            let stays = Some(*id) == pair;
            if let Some(pair) = self.pairs.get_mut(id).filter(|_| !stays) {
                pair.members.remove(uuid);
                pair.in_service.remove(uuid);
            }
            stays
        });
        if ids.is_empty() {
            self.member_of.remove(uuid);
        }
    }

    /// A call begins.
    pub fn switching(&mut self, id: u64, on: bool) {
        if let Some(pair) = self.pairs.get_mut(&id) {
            (pair.switching, pair.called) = (true, true);
            pair.maybe_on = true;
            pair.on &= on;
        }
    }

    /// A call ended; it may be made again at `again` if it failed. The members that are out of
    /// service and not forbidden any more.
    pub fn switched_to(
        &mut self,
        id: u64,
        on: bool,
        again: Option<Mono>,
        now: Mono,
    ) -> Vec<String> {
        let Some(pair) = self.pairs.get_mut(&id) else {
            return Vec::new();
        };
        pair.switching = false;
        pair.blocked = again;
        if again.is_none() {
            (pair.on, pair.maybe_on) = (on, on);
        }
        if on || again.is_some() {
            return Vec::new();
        }
        pair.changed = Some((now, now));
        pair.asked = false;
        pair.members.difference(&pair.in_service).cloned().collect()
    }

    /// Nova's number and the UUID of each.
    pub fn uuid(&self, id: u64) -> Option<&str> {
        self.pairs.get(&id).map(|pair| pair.uuid.as_str())
    }

    /// `GROUP/DRIVER`.
    pub fn name(&self, id: u64) -> Option<&str> {
        self.pairs.get(&id).map(|pair| pair.name.as_str())
    }

    /// How many members it is known to have; `None`: it was never read.
    pub fn size(&self, id: u64) -> Option<usize> {
        self.pairs.get(&id).map(|pair| pair.members.len())
    }
}
