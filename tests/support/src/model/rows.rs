//! The rows of the model: those of `schemas/sql/`, as plain data.

use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::domain::announcement::{AnnouncementType, BackReason};
use nodewarden::domain::change::{Cause, Standing, Verdict};
use nodewarden::domain::committed::Committed;
use nodewarden::domain::conductor::Outcome;
use nodewarden::domain::event::EventType;
use nodewarden::domain::ids::{ConductorName, Driver, EventId, Group, Pair};
use nodewarden::store::{ConductorRecord, HearingNote, Pause, RequestKind};

/// A node, as its users wrote it; the last two are nodewarden's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    pub name: Option<String>,
    pub driver: Option<String>,
    pub conductor_group: Option<String>,
    pub maintenance: Option<bool>,
    pub service_state: Option<String>,
    pub service_state_since_ms: Option<u64>,
}

impl Node {
    /// In service, of this driver and group, without a name.
    pub fn of(driver: &str, group: &str) -> Self {
        Self {
            driver: Some(driver.to_owned()),
            conductor_group: Some(group.to_owned()),
            maintenance: Some(false),
            service_state: Some("in_service".to_owned()),
            ..Self::default()
        }
    }

    /// Whether it needs the pair.
    pub fn needs(&self, pair: &Pair) -> bool {
        self.driver.as_deref() == Some(pair.driver.as_str())
            && self.group().eq_ignore_ascii_case(pair.group.as_str())
    }

    /// The pair that it needs, if it names one.
    pub fn pair(&self) -> Option<Pair> {
        let driver = Driver::parse(self.driver.as_deref()?).ok()?;
        let group = Group::parse(self.group()).ok()?;
        Some(Pair { group, driver })
    }

    pub(super) fn group(&self) -> &str {
        self.conductor_group.as_deref().unwrap_or_default()
    }

    /// Its mark is another one; none is another one.
    pub(super) fn is_not(&self, state: &str) -> bool {
        self.service_state.as_deref().unwrap_or_default() != state
    }

    /// Its name; one longer than any message may carry is left out.
    pub(super) fn short_name(&self) -> Option<String> {
        self.name.clone().filter(|name| name.len() <= LONGEST)
    }
}

/// The longest name or key in bytes that a message may carry.
pub const LONGEST: usize = 255;

/// The tables that have one row at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Singles {
    pub stream: String,
    pub epoch: u64,
    pub commits: u64,
    pub seq: u64,
    pub last_announcement: u64,
    pub last_decision: u64,
    pub holder: Option<String>,
    pub taken_at_ms: Option<u64>,
    pub committed_at_ms: Option<u64>,
    pub mode: Option<Mode>,
    /// The last announcement that went out.
    pub announced: u64,
    pub announced_at_ms: Option<u64>,
    pub pause: Option<Pause>,
    /// What the holder of an epoch said of its hearing.
    pub hearing: Option<(u64, HearingNote)>,
    pub counted: Option<Counted>,
    /// How often writing was proved.
    pub proofs: u64,
    /// The histories that began after the first one.
    pub streams: Vec<StreamRow>,
}

/// A history that took the place of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRow {
    pub stream: String,
    pub began_at_ms: u64,
    /// What was known to be committed; nothing: an operator began it.
    pub known: Option<Committed>,
    /// Where the one before ended.
    pub found: Committed,
    pub waits: Duration,
}

/// Of when the counts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub counted_at_ms: u64,
    pub nodes: u64,
    pub held: u64,
    /// `held` is as of this change.
    pub seq: u64,
}

/// A remembered event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    pub conductor: ConductorName,
    pub id: EventId,
    pub digest: [u8; 32],
    pub event_type: EventType,
    pub outcome: Outcome,
    pub received_at_ms: u64,
}

/// A conductor as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConductorRow {
    pub record: ConductorRecord,
    /// When what remains of its restart was written.
    pub noted_at_ms: Option<u64>,
}

/// What a pair should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRow {
    pub standing: Standing,
    pub since_ms: u64,
    /// The number of the last decision about it.
    pub decision: Option<u64>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    /// Its UUID.
    pub id: String,
    pub pair: Pair,
    pub verdict: Verdict,
    pub cause: Cause,
    pub last_good_at_ms: Option<u64>,
    pub epoch: u64,
    pub decided_at_ms: u64,
    pub completed_at_ms: Option<u64>,
    pub nodes: u64,
    pub observed: bool,
}

/// A change of a node's state; a hold as long as it is `held`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    pub uuid: String,
    pub name: Option<String>,
    pub held: bool,
    /// The number of the hold's decision.
    pub decision: u64,
    pub since_ms: u64,
    /// Why it came back; `None`: it went out.
    pub back: Option<BackReason>,
    /// The change that went out, which this one ends.
    pub ends: Option<u64>,
}

/// The boundaries of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncementRow {
    pub announcement_type: AnnouncementType,
    pub decision: Option<u64>,
    pub reason: Option<String>,
    pub released_by: Option<u64>,
    pub first_seq: u64,
    pub last_seq: u64,
    pub epoch: u64,
    pub decided_at_ms: u64,
    pub committed_at_ms: u64,
}

/// What an operator asked for or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    pub kind: RequestKind,
    pub argument: String,
    pub requested_at_ms: u64,
    pub done_at_ms: Option<u64>,
    pub result: Option<String>,
}

/// What is counted of a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CountRow {
    pub nodes: i64,
    pub held: i64,
}
