//! What schedulers are told: the words of the outgoing messages.

use super::change::Verdict;
use super::event::EventType;
use super::ids::Pair;
use crate::words::words;

words! {
    /// Why a node went out of service.
    OutReason, "a reason" {
        /// The pair had an active conductor and lost the last one.
        DriverLost = "driver_lost",
        /// The pair never had one.
        DriverUnknown = "driver_unknown",
    }
}

impl OutReason {
    /// Why nodes are out by a decision with this verdict; `None`: it takes none out.
    #[must_use]
    pub fn of(verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Lost => Some(Self::DriverLost),
            Verdict::Unknown => Some(Self::DriverUnknown),
            Verdict::Restored => None,
        }
    }
}

words! {
    /// Why a hold of ours ended.
    BackReason, "a reason" {
        /// The pair has an active conductor again.
        DriverRestored = "driver_restored",
        /// The node needs another, active pair now, or somebody else lifted our mark.
        NodeChanged = "node_changed",
        /// The node is gone.
        NodeRemoved = "node_removed",
        /// An operator's command.
        Released = "released",
    }
}

words! {
    /// The routing key and `type` of an announcement.
    AnnouncementType, "a type of announcement" {
        /// [`Content::OutOfService`]
        OutOfService = "node.out_of_service",
        /// [`Content::BackInService`]
        BackInService = "node.back_in_service",
        /// [`Content::Position`]
        Position = "node.position",
    }
}

/// What tipped a decision, as announced. Each part may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnnouncedCause {
    /// The `message_id` of the event.
    pub event_id: Option<String>,
    /// Its type.
    pub event: Option<EventType>,
    /// The conductor that it was about.
    pub conductor: Option<String>,
}

/// One node in an announcement, with its place in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedNode {
    /// Contiguous over all nodes of all messages of one stream.
    pub seq: u64,
    /// The node.
    pub uuid: String,
    /// Its name, where it has one.
    pub name: Option<String>,
}

/// One outgoing message as fixed in the transaction that decided it (I4): a function of stored rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Its place among the stream's announcements; `message_id` is `{stream}:{number}`.
    pub number: u64,
    /// The history that `seq` and `number` belong to, a UUID in text.
    pub stream: String,
    /// The fencing number of the replica that decided.
    pub epoch: u64,
    /// When it was decided, ms since 1970 UTC; also the message's `timestamp`.
    pub decided_at_ms: u64,
    /// Since when subscribers wait for it, ms since 1970 UTC: the decision, or, of nodes that were found
    /// later, when that was. No part of the message.
    pub waited_since_ms: u64,
    /// What it says.
    pub content: Content,
}

impl Announcement {
    /// Whether it says anything about nodes.
    #[must_use]
    pub fn moves_nodes(&self) -> bool {
        !matches!(self.content, Content::Position { .. })
    }
}

/// What an announcement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// `node.out_of_service`
    OutOfService {
        /// What all its nodes share.
        about: About,
        /// Why.
        reason: OutReason,
        /// The nodes, in order of `seq`; at least one.
        nodes: Vec<AnnouncedNode>,
    },
    /// `node.back_in_service`
    BackInService {
        /// What all its nodes share; pair and decision are those of the hold that ends.
        about: About,
        /// Why.
        reason: BackReason,
        /// The decision that ended the hold, where one did.
        released_by: Option<String>,
        /// The nodes, in order of `seq`; at least one.
        nodes: Vec<AnnouncedNode>,
    },
    /// `node.position`: how far the stream is.
    Position {
        /// The last `seq` given so far.
        seq: u64,
    },
}

impl Content {
    /// The type of the message that carries it.
    #[must_use]
    pub fn announcement_type(&self) -> AnnouncementType {
        match self {
            Self::OutOfService { .. } => AnnouncementType::OutOfService,
            Self::BackInService { .. } => AnnouncementType::BackInService,
            Self::Position { .. } => AnnouncementType::Position,
        }
    }
}

/// What the nodes of one announcement share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// UUID, in text, of the decision that took (or had taken) the nodes out.
    pub decision_id: String,
    /// The pair.
    pub pair: Pair,
    /// What tipped it.
    pub cause: AnnouncedCause,
    /// When the last real sign of life of the pair was received, ms since 1970 UTC.
    pub last_good_at_ms: Option<u64>,
}
