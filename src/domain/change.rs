//! The words of a decision: what changes for a conductor, what that makes of each pair, and why.

use super::conductor::{Conductor, Outcome};
use super::ids::{ConductorName, EventId, Pair};

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
    /// The verdict to record; `None` where a pair becomes active for the first time, which takes
    /// nothing out and gives nothing back.
    pub verdict: Option<Verdict>,
    /// What tipped it.
    pub cause: Cause,
    /// When the pair's last real sign of life was received, ms since 1970 UTC on our clock.
    pub last_good_at_ms: Option<u64>,
}

/// A decision's verdict about a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its last active conductor is gone.
    Lost,
    /// It was lost and has an active conductor again.
    Restored,
    /// Nodes need it, and it never had one.
    Unknown,
}

impl Verdict {
    /// As written in tables and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Restored => "restored",
            Self::Unknown => "unknown",
        }
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
        message_type: &'static str,
    },
    /// Its heartbeats stopped for longer than its time-out.
    Silence,
    /// It did not come back from a planned restart in time.
    RestartOverdue,
    /// None was ever seen, for long enough.
    NeverSeen,
}

impl CauseKind {
    /// As written in tables.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Event { .. } => "event",
            Self::Silence => "silence",
            Self::RestartOverdue => "hold_ended",
            Self::NeverSeen => "never_seen",
        }
    }
}

/// What a pair should be, as decided and recorded. A pair without a standing never had an active
/// conductor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has an active conductor.
    Active,
    /// It had one and lost the last, or never had one and nodes that need it were judged by that.
    Lost,
}

impl Standing {
    /// As written in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Lost => "lost",
        }
    }
}
