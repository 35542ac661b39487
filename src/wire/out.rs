//! What schedulers receive, as types: written by [`encode`], and public with `Deserialize` so that a subscriber in
//! Rust can read it. The order of the fields is that of the outside contract and part of the bytes (I4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MSGPACK, to_msgpack};
use crate::domain::announcement::{
    AnnouncedCause, AnnouncedNode, Announcement, AnnouncementType, BackReason, Content, OutReason,
};
use crate::message::Outgoing;

/// Nodes went out of service: the pair that they need lost its last active conductor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = AnnouncementType::OutOfService.as_str())]
pub struct NodeOutOfService {
    /// UUID of the database's history; `seq` compares within one stream only.
    #[schemars(extend("format" = "uuid"))]
    pub stream: String,
    /// The fencing number of the replica that decided.
    pub epoch: u64,
    /// UUID of the decision that this belongs to.
    #[schemars(extend("format" = "uuid"))]
    pub decision_id: String,
    /// The group of the pair that lost its last active conductor.
    pub conductor_group: String,
    /// The driver of that pair.
    pub driver: String,
    /// Why.
    pub reason: OutOfServiceReason,
    /// What tipped it.
    pub cause: Cause,
    /// When the last real sign of life of the pair was received, ms since 1970 UTC, or null: work
    /// placed after it is suspect.
    pub last_good_at_ms: Option<u64>,
    /// When it was decided, ms since 1970 UTC.
    pub decided_at_ms: u64,
    /// The nodes, in order of `seq`.
    #[schemars(length(min = 1, max = 5_000))]
    pub nodes: Vec<Node>,
}

/// Our hold on nodes ended, which does not say that they are free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = AnnouncementType::BackInService.as_str())]
pub struct NodeBackInService {
    /// UUID of the database's history; `seq` compares within one stream only.
    #[schemars(extend("format" = "uuid"))]
    pub stream: String,
    /// The fencing number of the replica that decided.
    pub epoch: u64,
    /// UUID of the decision whose hold ends.
    #[schemars(extend("format" = "uuid"))]
    pub decision_id: String,
    /// The group of the pair of the hold that ends.
    pub conductor_group: String,
    /// The driver of that pair.
    pub driver: String,
    /// Why.
    pub reason: BackInServiceReason,
    /// What tipped it.
    pub cause: Cause,
    /// When the last real sign of life of the pair was received, ms since 1970 UTC, or null.
    pub last_good_at_ms: Option<u64>,
    /// When it was decided, ms since 1970 UTC.
    pub decided_at_ms: u64,
    /// The nodes, in order of `seq`.
    #[schemars(length(min = 1, max = 5_000))]
    pub nodes: Vec<Node>,
    /// UUID of the decision that ended the hold, or null.
    #[schemars(extend("format" = "uuid"))]
    pub released_by: Option<String>,
}

/// How far the stream is, so that a subscriber notices a gap at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = AnnouncementType::Position.as_str())]
pub struct NodePosition {
    /// UUID of the database's history.
    #[schemars(extend("format" = "uuid"))]
    pub stream: String,
    /// The fencing number of the replica that says so.
    pub epoch: u64,
    /// The last `seq` given so far.
    pub seq: u64,
}

/// One node of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// Contiguous and increasing over all nodes of all messages of a stream.
    pub seq: u64,
    /// The node.
    pub uuid: String,
    /// Its name, or null.
    pub name: Option<String>,
}

/// What tipped a decision; each part may be null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The `message_id` of the event.
    pub event_id: Option<String>,
    /// Its type.
    pub event: Option<String>,
    /// The conductor that it was about.
    pub conductor: Option<String>,
}

/// Why nodes went out of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutOfServiceReason {
    /// The pair had an active conductor and lost the last one.
    DriverLost,
    /// The pair never had one.
    DriverUnknown,
}

/// Why a hold ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackInServiceReason {
    /// The pair has an active conductor again.
    DriverRestored,
    /// The node needs another, active driver now, or somebody else lifted our mark.
    NodeChanged,
    /// The node is gone.
    NodeRemoved,
    /// An operator's command.
    Released,
}

/// The message that says `announcement`, for `exchange`. The same announcement always gives the same bytes (I4).
#[must_use]
pub fn encode(announcement: &Announcement, exchange: &str) -> Outgoing {
    let announcement_type = announcement.content.announcement_type().as_str();
    Outgoing {
        exchange: exchange.to_owned(),
        routing_key: announcement_type.to_owned(),
        message_id: format!("{}:{}", announcement.stream, announcement.number),
        message_type: announcement_type.to_owned(),
        content_type: MSGPACK.to_owned(),
        timestamp_s: announcement.decided_at_ms / 1_000,
        expires_after_ms: None,
        body: body(announcement),
    }
}

fn body(announcement: &Announcement) -> Vec<u8> {
    let (stream, epoch) = (announcement.stream.clone(), announcement.epoch);
    let decided_at_ms = announcement.decided_at_ms;
    match &announcement.content {
        Content::OutOfService {
            about,
            reason,
            nodes,
        } => to_msgpack(&NodeOutOfService {
            stream,
            epoch,
            decision_id: about.decision_id.clone(),
            conductor_group: about.pair.group.to_string(),
            driver: about.pair.driver.to_string(),
            reason: match reason {
                OutReason::DriverLost => OutOfServiceReason::DriverLost,
                OutReason::DriverUnknown => OutOfServiceReason::DriverUnknown,
            },
            cause: Cause::from(&about.cause),
            last_good_at_ms: about.last_good_at_ms,
            decided_at_ms,
            nodes: nodes.iter().map(Node::from).collect(),
        }),
        Content::BackInService {
            about,
            reason,
            released_by,
            nodes,
        } => to_msgpack(&NodeBackInService {
            stream,
            epoch,
            decision_id: about.decision_id.clone(),
            conductor_group: about.pair.group.to_string(),
            driver: about.pair.driver.to_string(),
            reason: match reason {
                BackReason::DriverRestored => BackInServiceReason::DriverRestored,
                BackReason::NodeChanged => BackInServiceReason::NodeChanged,
                BackReason::NodeRemoved => BackInServiceReason::NodeRemoved,
                BackReason::Released => BackInServiceReason::Released,
            },
            cause: Cause::from(&about.cause),
            last_good_at_ms: about.last_good_at_ms,
            decided_at_ms,
            nodes: nodes.iter().map(Node::from).collect(),
            released_by: released_by.clone(),
        }),
        Content::Position { seq } => to_msgpack(&NodePosition {
            stream,
            epoch,
            seq: *seq,
        }),
    }
}

impl From<&AnnouncedNode> for Node {
    fn from(node: &AnnouncedNode) -> Self {
        Self {
            seq: node.seq,
            uuid: node.uuid.clone(),
            name: node.name.clone(),
        }
    }
}

impl From<&AnnouncedCause> for Cause {
    fn from(cause: &AnnouncedCause) -> Self {
        Self {
            event_id: cause.event_id.clone(),
            event: cause.event.map(|event| event.as_str().to_owned()),
            conductor: cause.conductor.clone(),
        }
    }
}
