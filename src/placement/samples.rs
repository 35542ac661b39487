//! Announcements for tests of what follows them.

use crate::wire::Announced;
use crate::wire::out::{
    BackInServiceReason, Cause, Node, NodeBackInService, NodeOutOfService, NodePosition,
    OutOfServiceReason,
};

const CAUSE: Cause = Cause {
    event_id: None,
    event: None,
    conductor: None,
};

pub fn node(seq: u64, uuid: &str) -> Node {
    Node {
        seq,
        uuid: uuid.to_owned(),
        name: None,
    }
}

pub fn out(stream: &str, nodes: Vec<Node>) -> Announced {
    Announced::Out(NodeOutOfService {
        stream: stream.into(),
        epoch: 1,
        decision_id: "d".into(),
        conductor_group: String::new(),
        driver: "ipmi".into(),
        reason: OutOfServiceReason::DriverLost,
        cause: CAUSE,
        last_good_at_ms: None,
        decided_at_ms: 1,
        nodes,
    })
}

pub fn back(reason: BackInServiceReason, nodes: Vec<Node>) -> Announced {
    Announced::Back(NodeBackInService {
        stream: "s".into(),
        epoch: 1,
        decision_id: "d".into(),
        released_by: None,
        conductor_group: String::new(),
        driver: "ipmi".into(),
        reason,
        cause: CAUSE,
        last_good_at_ms: None,
        decided_at_ms: 1,
        nodes,
    })
}

pub fn position(stream: &str, seq: u64) -> Announced {
    Announced::Position(NodePosition {
        stream: stream.into(),
        epoch: 1,
        seq,
    })
}
