//! One pair: what is known of its aggregate, and what is to be done about it. Pure.
//!
//! It is switched on only once every member is out of service, so that no node is ever forbidden
//! which is not: those that are in service leave it first. What cannot be switched, or is not worth
//! it, is left to the nodes one by one ([`Stance::Single`]).

use std::collections::BTreeSet;
use std::time::Duration;

use crate::domain::time::Mono;

/// A pair of which no node changed for so long has told all: twice the slowest usual transaction of a
/// worker that takes out thousands.
const QUIET: Duration = Duration::from_secs(1);

/// The longest that nodes wait for the others of their pair: to be told of, or for one more to leave.
const PATIENCE: Duration = Duration::from_secs(5);

/// `GROUP/DRIVER`; none where that would not be unique.
#[must_use]
pub fn name(group: &str, driver: &str) -> Option<String> {
    (!group.contains('/')).then(|| format!("{group}/{driver}"))
}

/// What is to be done about a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// No member is out of service, and it is off.
    Idle,
    /// More may be told of it.
    Wait,
    SwitchOn,
    SwitchOff,
    /// Members that are in service are to leave it, before it is switched on.
    Clear,
    /// It is on, or may be; members that are in service are to leave it.
    Leave,
    /// It is of no use now: each node goes by itself.
    Single,
}

#[derive(Debug, Default)]
pub(super) struct Pair {
    pub uuid: String,
    pub name: String,
    /// Surely on.
    pub on: bool,
    /// On, or not known to be off.
    pub maybe_on: bool,
    /// A call is under way.
    pub switching: bool,
    /// A call was made since the last reading began.
    pub called: bool,
    /// No call before then: the last one failed.
    pub blocked: Option<Mono>,
    /// Members, and those which may have become so.
    pub members: BTreeSet<String>,
    /// Those of them that are in service.
    pub in_service: BTreeSet<String>,
    /// The first and the last change that is not settled.
    pub changed: Option<(Mono, Mono)>,
    /// Its members in service were told to leave.
    pub asked: bool,
    /// The last that was heard of it is that its driver is back.
    pub restored: bool,
    /// Since when so many members in service are to leave it, so that it can be switched on.
    pub clearing: Option<(Mono, usize)>,
}

/// What was heard of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// It is out of service.
    Out,
    /// It is back, as the whole of this pair will be.
    Restored(&'a str),
    /// It alone is back.
    Back,
}

impl Pair {
    pub fn out(&self) -> usize {
        self.members.len() - self.in_service.len()
    }

    pub fn stance(&self, now: Mono, full: bool, needed: bool) -> Stance {
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
        // One that cannot be written never leaves.
        let stuck = |(since, count)| count == inside && now.since(since) >= PATIENCE;
        // Whichever takes fewer writes.
        if out > inside && !self.clearing.is_some_and(stuck) {
            Stance::Clear
        } else {
            Stance::Single
        }
    }
}
