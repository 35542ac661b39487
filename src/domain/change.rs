//! The words of a decision: what changes for a conductor, what that makes of each pair, and why.

use super::conductor::{Conductor, Outcome};
use super::event::EventType;
use super::ids::{ConductorName, EventId, Pair};
use crate::words::words;

/// What follows from one event or one silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What became of it.
    pub outcome: Outcome,
    /// The conductor as it is from now on; `None`: as before.
    pub conductor: Option<Conductor>,
    /// The pairs whose standing changes, in order of group and driver.
    pub turns: Vec<Turn>,
}

/// One pair whose standing changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Which.
    pub pair: Pair,
    /// What it should be from now on.
    pub to: Standing,
    /// The verdict to record; `None`: active for the first time, which moves no node.
    pub verdict: Option<Verdict>,
    /// What tipped it.
    pub cause: Cause,
    /// When the pair's last real sign of life was received, ms since 1970 UTC on our clock.
    pub last_good_at_ms: Option<u64>,
}

words! {
    /// A decision's verdict about a pair.
    Verdict, "a verdict" {
        /// Its last active conductor is gone.
        Lost = "lost",
        /// It was lost and has an active conductor again.
        Restored = "restored",
        /// Nodes need it, and it never had one.
        Unknown = "unknown",
    }
}

/// What tipped a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The conductor whose life changed; `None`: there never was one.
    pub conductor: Option<ConductorName>,
    /// What changed it.
    pub kind: CauseKind,
}

/// What changed a conductor's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CauseKind {
    /// An event.
    Event {
        /// Its `message_id`.
        id: EventId,
        /// Its type.
        event_type: EventType,
    },
    /// Its heartbeats stopped for longer than its time-out.
    Silence,
    /// It did not come back from a planned restart in time.
    RestartOverdue,
    /// None was ever seen, for long enough.
    NeverSeen,
}

words! {
    /// A [`CauseKind`] in one word.
    CauseWord, "a cause" {
        /// [`CauseKind::Event`]
        Event = "event",
        /// [`CauseKind::Silence`]
        Silence = "silence",
        /// [`CauseKind::RestartOverdue`]
        RestartOverdue = "hold_ended",
        /// [`CauseKind::NeverSeen`]
        NeverSeen = "never_seen",
    }
}

impl CauseKind {
    /// In one word.
    #[must_use]
    pub fn word(&self) -> CauseWord {
        match self {
            Self::Event { .. } => CauseWord::Event,
            Self::Silence => CauseWord::Silence,
            Self::RestartOverdue => CauseWord::RestartOverdue,
            Self::NeverSeen => CauseWord::NeverSeen,
        }
    }
}

words! {
    /// What a pair should be; one without a standing never had an active conductor.
    Standing, "a standing" {
        /// It has an active conductor.
        Active = "active",
        /// It had one and lost the last, or never had one and nodes that need it were judged by that.
        Lost = "lost",
    }
}

words! {
    /// How a pair is seen from outside.
    PairState, "a pair's state" {
        /// It has an active conductor.
        Active = "active",
        /// It counts as active only by planned restarts.
        Holding = "holding",
        /// It lost its last one.
        Lost = "lost",
        /// It never had one.
        Unknown = "unknown",
    }
}
