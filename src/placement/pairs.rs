//! The aggregates of pairs: which nodes are members of each, and which of them is switched so that Nova
//! offers none of its members. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::pair::{Change, Pair, Stance};
use crate::domain::time::Mono;

/// At most so many are switched on at once: each adds 37 bytes to the address of Nova's query, and common
/// servers take lines of 8,190 bytes.
pub const SWITCHED: usize = 100;

/// An aggregate of a pair, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRead {
    /// Nova's number for it.
    pub id: u64,
    pub uuid: String,
    /// `GROUP/DRIVER`.
    pub pair: String,
    /// Whether it demands our trait.
    pub on: bool,
    /// Its members; `None`: not read this time.
    pub members: Option<BTreeSet<String>>,
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
    /// Nodes that were written since the last reading began, or when it did.
    touched: BTreeSet<String>,
}

impl Pairs {
    /// What is read from now on may be older than what is done from now on, and than what is under way.
    pub fn reading<'a>(&mut self, under_way: impl Iterator<Item = &'a String>) {
        self.touched = under_way.cloned().collect();
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
                (pair.on, pair.maybe_on) = (one.on, one.on);
            }
            if let Some(mut members) = one.members {
                members.retain(|uuid| !self.touched.contains(uuid));
                members.extend(pair.members.intersection(&self.touched).cloned());
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
            let pair = self.listed.get(uuid);
            let target = pair.and_then(|pair| self.by_name.get(pair));
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

    /// A node went out of service, or is back. The pair that may save it a write; `None`: it goes by itself, and now.
    pub fn changed(&mut self, uuid: &str, change: Change<'_>, now: Mono) -> Option<u64> {
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
            pair.restored = match change {
                Change::Restored(name) if name == pair.name => true,
                // Another pair is back, and says nothing of this one.
                Change::Restored(_) => pair.restored,
                Change::Out | Change::Back => false,
            };
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

    /// Takes down what is to be done about a pair, and for how long none of its members has left it.
    pub fn looked_at(&mut self, id: u64, stance: Stance, now: Mono) {
        let Some(pair) = self.pairs.get_mut(&id) else {
            return;
        };
        let inside = pair.in_service.len();
        let before = pair.clearing.filter(|(_, count)| *count == inside);
        let clearing = before.unwrap_or((now, inside));
        pair.clearing = (stance == Stance::Clear).then_some(clearing);
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
