//! The answers' JSON, field by field as in the outside contract; the commands print the same.

use serde::Serialize;

use crate::answers::explain;
use crate::domain::event::EventType;
use crate::store::{
    ConductorView, DecisionView, DriverView, Gone, HoldView, NodeFacts, NodeLine, Pause,
    SnapshotPage, SubscriberView,
};
use crate::telemetry::printable;

/// `/v1/snapshot`
#[derive(Debug, Serialize)]
pub struct Snapshot {
    stream: String,
    epoch: u64,
    seq: u64,
    nodes: Vec<SnapshotNode>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct SnapshotNode {
    uuid: String,
    name: Option<String>,
    conductor_group: String,
    driver: String,
    reason: &'static str,
    decision_id: String,
    since_ms: u64,
}

impl From<SnapshotPage> for Snapshot {
    fn from(page: SnapshotPage) -> Self {
        Self {
            stream: page.stream,
            epoch: page.epoch,
            seq: page.seq,
            nodes: page.nodes.into_iter().map(SnapshotNode::from).collect(),
            next: page.next,
        }
    }
}

impl From<HoldView> for SnapshotNode {
    fn from(hold: HoldView) -> Self {
        Self {
            uuid: hold.uuid,
            name: hold.name,
            conductor_group: hold.conductor_group,
            driver: hold.driver,
            reason: hold.reason.as_str(),
            decision_id: hold.decision_id,
            since_ms: hold.since_ms,
        }
    }
}

/// `/v1/nodes`
#[derive(Debug, Serialize)]
pub struct Nodes {
    nodes: Vec<NodeEntry>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct NodeEntry {
    uuid: String,
    name: Option<String>,
    conductor_group: String,
    driver: Option<String>,
    maintenance: Option<bool>,
    service_state: &'static str,
    since_ms: Option<u64>,
}

impl Nodes {
    /// A page of at most `limit` nodes.
    #[must_use]
    pub fn new(page: Vec<NodeLine>, limit: u32) -> Self {
        let full = page.len() >= limit as usize;
        let last = page.last().map(|line| line.uuid.clone());
        Self {
            nodes: page.into_iter().map(NodeEntry::from).collect(),
            next: last.filter(|_| full),
        }
    }
}

impl From<NodeLine> for NodeEntry {
    fn from(line: NodeLine) -> Self {
        let service_state = line.service_state().as_str();
        Self {
            uuid: line.uuid,
            name: line.name,
            conductor_group: line.conductor_group,
            driver: line.driver,
            maintenance: line.maintenance,
            service_state,
            since_ms: line.since_ms,
        }
    }
}

/// One subscriber, in `status`
#[derive(Debug, Serialize)]
pub struct Subscriber {
    subscriber: String,
    stream: String,
    seq: u64,
    applied_at_ms: u64,
    heard_at_ms: u64,
    behind: u64,
    waiting_since_ms: Option<u64>,
}

impl From<SubscriberView> for Subscriber {
    fn from(view: SubscriberView) -> Self {
        Self {
            subscriber: view.subscriber,
            stream: view.stream,
            seq: view.seq,
            applied_at_ms: view.applied_at_ms,
            heard_at_ms: view.heard_at_ms,
            behind: view.behind,
            waiting_since_ms: view.waiting_since_ms,
        }
    }
}

/// One of `/v1/drivers`
#[derive(Debug, Serialize)]
pub struct Driver {
    conductor_group: String,
    driver: String,
    state: &'static str,
    since_ms: Option<u64>,
    until_ms: Option<u64>,
    why: String,
    conductors: Vec<String>,
    nodes_in_service: Option<u64>,
    nodes_out_of_service: Option<u64>,
    counted_at_ms: Option<u64>,
    nearly_lost: bool,
}

impl Driver {
    /// The pair, and why it is as it is.
    #[must_use]
    pub fn new(view: DriverView, gone: &Gone<'_>, now_ms: u64) -> Self {
        Self {
            why: explain::driver(&view, gone.of(&view), now_ms),
            nearly_lost: explain::nearly_lost(&view),
            conductor_group: view.conductor_group,
            driver: view.driver,
            state: view.state.as_str(),
            since_ms: view.since_ms,
            until_ms: view.until_ms,
            conductors: view.conductors,
            nodes_in_service: view.counted_at_ms.map(|_| view.nodes_in_service),
            nodes_out_of_service: view.counted_at_ms.map(|_| view.nodes_out_of_service),
            counted_at_ms: view.counted_at_ms,
        }
    }
}

/// One of `/v1/conductors`
#[derive(Debug, Serialize)]
pub struct Conductor {
    conductor: String,
    incarnation: u64,
    conductor_group: String,
    drivers: Vec<String>,
    state: &'static str,
    since_ms: u64,
    until_ms: Option<u64>,
    last_sign_at_ms: u64,
    heartbeat_timeout_ms: Option<u64>,
    /// Refused messages that named it since its last sign of life that counted.
    refused: Option<Refused>,
    /// Signs of life of an incarnation that is over.
    ignored: Option<Ignored>,
}

#[derive(Debug, Serialize)]
struct Refused {
    why: String,
    count: u64,
    since_ms: u64,
    last_ms: u64,
}

#[derive(Debug, Serialize)]
struct Ignored {
    incarnation: u64,
    count: u64,
    since_ms: u64,
    last_ms: u64,
}

impl From<ConductorView> for Conductor {
    fn from(view: ConductorView) -> Self {
        Self {
            conductor: view.conductor,
            incarnation: view.incarnation,
            conductor_group: view.conductor_group,
            drivers: view.drivers,
            state: view.state.as_str(),
            since_ms: view.since_ms,
            until_ms: view.until_ms,
            last_sign_at_ms: view.last_sign_at_ms,
            heartbeat_timeout_ms: view.heartbeat_timeout_ms,
            refused: view.refused.map(|it| Refused {
                why: it.why,
                count: it.count,
                since_ms: it.since_ms,
                last_ms: it.last_ms,
            }),
            ignored: view.ignored.map(|it| Ignored {
                incarnation: it.incarnation,
                count: it.count,
                since_ms: it.since_ms,
                last_ms: it.last_ms,
            }),
        }
    }
}

/// One of `/v1/decisions`
#[derive(Debug, Serialize)]
pub struct Decision {
    decision_id: String,
    conductor_group: String,
    driver: String,
    verdict: &'static str,
    cause: Cause,
    last_good_at_ms: Option<u64>,
    epoch: u64,
    decided_at_ms: u64,
    completed_at_ms: Option<u64>,
    nodes: u64,
    /// It was only recorded; `nodes` is what it would have moved.
    observed: bool,
}

/// What tipped a decision, as in the announcements, and of which kind it was.
#[derive(Debug, Serialize)]
struct Cause {
    kind: &'static str,
    event_id: Option<String>,
    event: Option<&'static str>,
    conductor: Option<String>,
}

impl From<DecisionView> for Decision {
    fn from(view: DecisionView) -> Self {
        Self {
            decision_id: view.decision_id,
            conductor_group: view.conductor_group,
            driver: view.driver,
            verdict: view.verdict.as_str(),
            cause: Cause {
                kind: view.cause.as_str(),
                event_id: view.cause_event_id,
                event: view.cause_event.map(EventType::as_str),
                conductor: view.cause_conductor,
            },
            last_good_at_ms: view.last_good_at_ms,
            epoch: view.epoch,
            decided_at_ms: view.decided_at_ms,
            completed_at_ms: view.completed_at_ms,
            nodes: view.nodes,
            observed: view.observed,
        }
    }
}

/// A pause, as `/readyz` and `status` show it.
#[derive(Debug, Serialize)]
pub struct Paused {
    reason: String,
    who: String,
    since_ms: u64,
    /// About when it ends by itself; `None`: when somebody resumes.
    until_ms: Option<u64>,
}

impl From<&Pause> for Paused {
    fn from(pause: &Pause) -> Self {
        Self {
            reason: printable(&pause.reason),
            who: printable(&pause.who),
            since_ms: pause.paused_at_ms,
            until_ms: pause.until_ms(),
        }
    }
}

/// `/v1/nodes/{uuid}`
#[derive(Debug, Serialize)]
pub struct Node {
    uuid: String,
    name: Option<String>,
    conductor_group: String,
    driver: Option<String>,
    maintenance: bool,
    service_state: String,
    since_ms: Option<u64>,
    explanation: String,
    decision: Option<Decision>,
}

impl Node {
    /// The node, and why it is in or out of service.
    #[must_use]
    pub fn new(facts: NodeFacts, now_ms: u64) -> Self {
        Self {
            explanation: explain::node(&facts, now_ms),
            uuid: facts.uuid,
            name: facts.name,
            conductor_group: facts.conductor_group,
            driver: facts.driver,
            maintenance: facts.maintenance,
            service_state: facts.service_state,
            since_ms: facts
                .hold
                .as_ref()
                .map(|(since, _)| *since)
                .or(facts.since_ms),
            decision: facts.hold.map(|(_, decision)| decision.into()),
        }
    }
}
