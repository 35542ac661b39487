//! What is written and read: rows as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::change::{Standing, Turn, Verdict};
use crate::domain::committed::{Loss, UNHEARD_EPOCHS};
use crate::domain::conductor::{Conductor, ConductorState, Life, Outcome};
use crate::domain::event::EventType;
use crate::domain::ids::{
    ConductorName, Driver, EventId, Group, Incarnation, Pair, SubscriberName,
};
use crate::domain::receipt::{Receipt, Received};
use crate::domain::time::Mono;
use crate::domain::unheeded::Note;
use crate::words::words;

/// What a replica finds when it takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takeover {
    /// The UUID of this database's history.
    pub stream: String,
    /// The epoch that is now ours.
    pub epoch: u64,
    /// What is known.
    pub memory: Memory,
    /// How that history began, if it did because commits were lost.
    pub began: Option<Began>,
}

/// How a stream began that took the place of another one because commits were lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Began {
    /// What was lost.
    pub loss: Loss,
    /// When it began, ms since 1970 UTC; for people.
    pub at_ms: u64,
    /// For how long yet no node is taken out: conductors say again what was lost.
    pub waits: Duration,
}

impl Began {
    /// Whether `epoch` was the first that was taken in this stream.
    #[must_use]
    pub fn is_first(&self, epoch: u64) -> bool {
        let Loss { known, found } = &self.loss;
        epoch == known.epoch.max(found.epoch) + UNHEARD_EPOCHS + 1
    }
}

/// The stored half of the driver map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Every conductor.
    pub conductors: Vec<ConductorRecord>,
    /// Every pair that ever had one.
    pub standings: Vec<(Pair, Standing)>,
    /// The lost pairs whose last decision was only observed: what was decided then.
    pub observed: Vec<Turn>,
    /// The lost pairs whose last decision says that they never had a conductor.
    pub unknown: Vec<Pair>,
    /// What did not count of conductors.
    pub unheeded: Vec<Note>,
    /// How far subscribers are.
    pub receipts: Vec<Received>,
}

/// A conductor as stored: no reading of a monotonic clock survives, a hold is what remains of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConductorRecord {
    /// Its name.
    pub name: ConductorName,
    /// Which start.
    pub incarnation: Incarnation,
    /// Its group.
    pub group: Group,
    /// Its drivers.
    pub drivers: BTreeSet<Driver>,
    /// Its time-out.
    pub heartbeat_timeout: Option<Duration>,
    /// Its state.
    pub state: ConductorState,
    /// What remains of a planned restart.
    pub restart_remaining: Option<Duration>,
    /// Its latest `sent_at_ms`.
    pub last_sent_at_ms: Option<u64>,
    /// When it was last heard.
    pub last_sign_at_ms: u64,
    /// Since when it is in this state.
    pub since_ms: u64,
}

impl ConductorRecord {
    /// `conductor` as of `now`.
    #[must_use]
    pub fn save(conductor: &Conductor, now: Mono) -> Self {
        let restart_remaining = match conductor.life {
            Life::Leaving { until } => Some(until.since(now)),
            Life::Active | Life::Left | Life::TimedOut => None,
        };
        Self {
            name: conductor.name.clone(),
            incarnation: conductor.incarnation,
            group: conductor.group.clone(),
            drivers: conductor.drivers.clone(),
            heartbeat_timeout: conductor.heartbeat_timeout,
            state: conductor.life.state(),
            restart_remaining,
            last_sent_at_ms: conductor.last_sent_at_ms,
            last_sign_at_ms: conductor.last_sign_at_ms,
            since_ms: conductor.since_ms,
        }
    }

    /// The conductor as heard at `now`; a takeover grants what remained of its restart, never less.
    #[must_use]
    pub fn restore(&self, now: Mono) -> Conductor {
        let life = match self.state {
            ConductorState::Active => Life::Active,
            ConductorState::Leaving => Life::Leaving {
                until: now.plus(self.restart_remaining.unwrap_or_default()),
            },
            ConductorState::TimedOut => Life::TimedOut,
            ConductorState::Left => Life::Left,
        };
        Conductor {
            name: self.name.clone(),
            incarnation: self.incarnation,
            group: self.group.clone(),
            drivers: self.drivers.clone(),
            heartbeat_timeout: self.heartbeat_timeout,
            life,
            last_sent_at_ms: self.last_sent_at_ms,
            last_sign_at_ms: self.last_sign_at_ms,
            since_ms: self.since_ms,
            heard: now,
        }
    }
}

/// What one batch leads to; written in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// When the batch was received, ms since 1970 UTC.
    pub now_ms: u64,
    /// Every event of it, in queue order.
    pub events: Vec<EventRecord>,
    /// The conductors that changed, as they are after it.
    pub conductors: Vec<ConductorRecord>,
    /// What did not count of conductors, where that is to be noted.
    pub unheeded: Vec<Note>,
    /// How far subscribers are, one for each that said something new.
    pub receipts: Vec<Receipt>,
    /// For how long yet no node is taken out because commits were lost, in which stream.
    pub waits: Option<(String, Duration)>,
    /// Subscribers to forget, before those are stored.
    pub silent: Vec<SubscriberName>,
    /// The pairs whose standing changed, as they are after it.
    pub standings: Vec<StandingRecord>,
    /// In order, one for each turn with a verdict, even if the same batch reverses it (I1).
    pub decisions: Vec<DecisionRecord>,
    /// The decisions are only recorded, with what they would have moved.
    pub observed: bool,
}

impl Findings {
    /// The pairs that get another standing.
    pub fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.standings.iter().map(|record| &record.pair)
    }
}

/// An event to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Whom it is about.
    pub conductor: ConductorName,
    /// Its `message_id`.
    pub id: EventId,
    /// SHA-256 over its type and body.
    pub digest: [u8; 32],
    /// Its type.
    pub event_type: EventType,
    /// What became of it.
    pub outcome: Outcome,
}

/// A pair's standing from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingRecord {
    /// Which pair.
    pub pair: Pair,
    /// What it should be.
    pub standing: Standing,
}

/// A decision to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRecord {
    /// Its UUID, in text.
    pub id: String,
    /// What it says.
    pub verdict: Verdict,
    /// About which pair, and why.
    pub turn: Turn,
    /// When, ms since 1970 UTC.
    pub decided_at_ms: u64,
}

/// Which nodes one transaction looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Only uuids above this; empty: from the beginning.
    pub after: String,
    /// At most this many.
    pub nodes: u32,
    /// At most so many nodes in one announcement.
    pub nodes_per_message: u32,
    /// Whether nodes of a pair that never had a conductor are taken out, once that was decided.
    pub unknown: bool,
    /// Whether the last window completes the pair's decision: no row was left behind before it.
    pub completes: bool,
    /// The time to record, ms since 1970 UTC.
    pub now_ms: u64,
}

impl Window {
    /// How many rows each of `pairs` pairs may have to be carried out with the others: to see how many it
    /// has reads at most twice the window.
    #[must_use]
    pub fn of_each(&self, pairs: usize) -> u64 {
        (u64::from(self.nodes) * 2 / (pairs.max(1) as u64)).max(1)
    }
}

/// What one transaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowDone {
    /// Where the next window begins; `None`: this was the last.
    pub next: Option<String>,
    /// How many nodes changed and were announced.
    pub changed: u64,
    /// How many nodes of the window cannot be handled, their key being longer than 255 bytes.
    pub skipped: u64,
    /// How many rows of the window stay as they are because another session has locked them.
    pub locked: u64,
    /// There is a pause: nothing was done, and the window is still to do.
    pub paused: bool,
    /// The decision that this window completed.
    pub completed: Option<Completed>,
}

/// What a look at a window found; nothing of it is locked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surveyed {
    /// Its last row; `None`: there is no row left.
    pub last: Option<String>,
    /// How many rows it has.
    pub seen: u64,
    /// How many nodes of the window cannot be handled, their key being longer than 255 bytes.
    pub skipped: u64,
    /// A row of it is to be changed.
    pub work: bool,
    /// A decision waits for the end of this walk, to be completed.
    pub open: bool,
}

/// A decision that is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// Its UUID.
    pub decision_id: String,
    /// How many nodes it moved.
    pub nodes: u64,
}

/// What a request to forget is answered once that is done; every other answer is a refusal.
pub const FORGOTTEN: &str = "forgotten";

words! {
    /// What an operator may ask.
    RequestKind, "a kind of request" {
        /// To forget a conductor.
        Forget = "forget",
        /// Not asked but done, by the command itself, and kept for the history: a pause.
        Pause = "pause",
        /// Likewise: the end of a pause.
        Resume = "resume",
        /// Likewise: nodes given back by hand.
        Release = "release",
    }
}

/// What the deciding replica says of its own hearing and troubles, for what reads only the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HearingNote {
    /// Since when silence proves nothing, by its wall clock, ms since 1970 UTC; `None`: it counts.
    pub unproven_since_ms: Option<u64>,
    /// For how long from `noted_at_ms` on; while deaf, from the end of that on.
    pub unproven: Duration,
    /// Whether what conductors send does not reach it.
    pub deaf: bool,
    /// What troubles it: sentences for people, no secrets.
    pub troubles: Vec<String>,
    /// When it said so, ms since 1970 UTC.
    pub noted_at_ms: u64,
}

/// What an operator asks of the deciding replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number.
    pub number: u64,
    /// What is asked.
    pub kind: RequestKind,
    /// About what: a conductor's name.
    pub argument: String,
}

/// Which rows a walk goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows<'a> {
    /// The nodes of a pair.
    NodesOf(&'a Pair),
    /// The holds of a pair.
    HoldsOf(&'a Pair),
    /// All holds.
    Holds,
    /// All nodes.
    Nodes,
}

/// What a sweep begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sweep {
    /// The conductors in a planned restart, as of now.
    pub restarting: Vec<ConductorRecord>,
    /// Conductors that have been gone for too long to be kept.
    pub forget: Vec<ConductorName>,
    /// Pairs that no conductor names any more: forgotten if no node and no hold does either.
    pub unnamed: Vec<Pair>,
    /// Lost pairs to forget if they were only ever unknown and nothing is held for them.
    pub unwanted: Vec<Pair>,
    /// Whether the position is announced: not while decisions are only observed.
    pub announces: bool,
    /// The pause that counts down, and what is left of it.
    pub pause: Option<(String, Duration)>,
    /// The time to record, ms since 1970 UTC.
    pub now_ms: u64,
}

impl Sweep {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            restarting,
            forget,
            unnamed,
            unwanted,
            announces,
            pause,
            now_ms: _,
        } = self;
        restarting.is_empty()
            && forget.is_empty()
            && unnamed.is_empty()
            && unwanted.is_empty()
            && !announces
            && pause.is_none()
    }
}

/// How many nodes of a window need each pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountsWindow {
    /// Where the next begins; `None`: there is no row left.
    pub last: Option<String>,
    /// How many rows it has.
    pub seen: u64,
    /// Group and driver, and their nodes.
    pub pairs: Vec<((String, String), u64)>,
}

/// How many nodes there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// That need each pair of group and driver.
    pub pairs: BTreeMap<(String, String), u64>,
    /// In all.
    pub nodes: u64,
    /// When their count began, ms since 1970 UTC.
    pub counted_at_ms: u64,
}

/// What retention drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// Events.
    Events,
    /// Changes that are no holds.
    Changes,
    /// Announcements, but for the last.
    Announcements,
    /// Decisions that no kept row speaks of.
    Decisions,
    /// Requests that were answered.
    Requests,
    /// Receipts of subscribers that were not heard since.
    Receipts,
}

/// How long records are kept; older ones are dropped a bounded number at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Events, after receipt.
    pub events: Duration,
    /// Changes and announcements, after they went out; subscribers, after their last receipt.
    pub announced: Duration,
    /// Decisions, after completion, unless a row that is kept speaks of them.
    pub decisions: Duration,
}
