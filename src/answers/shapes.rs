//! The answers' JSON, field by field as in the outside contract, where it is not what the store sees; the
//! commands print the same.

use serde::Serialize;

use crate::answers::explain;
use crate::domain::change::{CauseWord, PairState, Verdict};
use crate::domain::event::EventType;
use crate::store::{DecisionView, DriverView, Gone, NodeFacts, NodeLine, Pause, ServiceState};
use crate::telemetry::printable;

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
    service_state: ServiceState,
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
        Self {
            service_state: line.service_state(),
            uuid: line.uuid,
            name: line.name,
            conductor_group: line.conductor_group,
            driver: line.driver,
            maintenance: line.maintenance,
            since_ms: line.since_ms,
        }
    }
}

/// One of `/v1/drivers`
#[derive(Debug, Serialize)]
pub struct Driver {
    conductor_group: String,
    driver: String,
    state: PairState,
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
            state: view.state,
            since_ms: view.since_ms,
            until_ms: view.until_ms,
            conductors: view.conductors,
            nodes_in_service: view.counted_at_ms.map(|_| view.nodes_in_service),
            nodes_out_of_service: view.counted_at_ms.map(|_| view.nodes_out_of_service),
            counted_at_ms: view.counted_at_ms,
        }
    }
}

/// One of `/v1/decisions`
#[derive(Debug, Serialize)]
pub struct Decision {
    decision_id: String,
    conductor_group: String,
    driver: String,
    verdict: Verdict,
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
    kind: CauseWord,
    event_id: Option<String>,
    event: Option<EventType>,
    conductor: Option<String>,
}

impl From<DecisionView> for Decision {
    fn from(view: DecisionView) -> Self {
        Self {
            decision_id: view.decision_id,
            conductor_group: view.conductor_group,
            driver: view.driver,
            verdict: view.verdict,
            cause: Cause {
                kind: view.cause,
                event_id: view.cause_event_id,
                event: view.cause_event,
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
            since_ms: facts.hold.as_ref().map(|hold| hold.0).or(facts.since_ms),
            decision: facts.hold.map(|(_, decision)| decision.into()),
        }
    }
}
