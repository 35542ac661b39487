//! Users whose transactions are open, and what the model's stories begin with.

use nodewarden::config::Mode;
use nodewarden::domain::change::{Cause, CauseKind, Standing, Turn, Verdict};
use nodewarden::domain::conductor::{ConductorState, Outcome};
use nodewarden::domain::event::EventType;
use nodewarden::domain::ids::{ConductorName, Driver, EventId, Group, Incarnation, Pair};
use nodewarden::store::{
    ConductorRecord, DecisionRecord, EventRecord, Findings, Held, Ledger, Pause, StandingRecord,
    StoreError, Surveyed, Window, WindowDone,
};
use nodewarden_tests::model::{Model, ModelLedger, Node};

/// A model with nodes `n1`, `n2`, … of a lost pair, and a replica that holds epoch 1.
pub struct Lost {
    pub model: Model,
    pub ledger: ModelLedger,
    pub pair: Pair,
}

impl Lost {
    pub async fn new(nodes: u32) -> Self {
        let model = Model::new("00000000-0000-4000-8000-000000000000");
        for node in 1..=nodes {
            model.register(&format!("n{node}"), Node::of("a", ""));
        }
        let mut ledger = model.ledger("one");
        ledger.take_epoch("one", Mode::Enforce, 10).await.unwrap();
        let pair = Pair {
            group: Group::parse("").unwrap(),
            driver: Driver::parse("a").unwrap(),
        };
        let lost = turned(&pair, Standing::Lost, 1);
        ledger.commit(1, &lost).await.unwrap();
        Self {
            model,
            ledger,
            pair,
        }
    }

    pub async fn take_out(&mut self, after: &str) -> Result<WindowDone, StoreError> {
        self.ledger
            .take_out(1, &self.pair, &window(after, 10))
            .await
    }

    async fn give_back(&mut self, pair: Option<&Pair>) -> WindowDone {
        let done = self.ledger.give_back(1, pair, &window("", 10)).await;
        done.unwrap()
    }

    async fn restore(&mut self) {
        let back = turned(&self.pair, Standing::Active, 2);
        self.ledger.commit(1, &back).await.unwrap();
    }

    pub fn out(&self) -> Vec<String> {
        self.model.look(|tables| {
            let held = tables.held_by();
            held.into_keys().map(str::to_owned).collect()
        })
    }

    fn marked(&self, uuid: &str) -> String {
        let mark = self
            .model
            .look(|tables| tables.nodes[uuid].service_state.clone());
        mark.unwrap()
    }
}

pub fn window(after: &str, nodes: u32) -> Window {
    Window {
        after: after.into(),
        nodes,
        nodes_per_message: 2,
        unknown: false,
        completes: true,
        now_ms: 5000,
    }
}

/// What makes a pair lost or active again.
pub fn turned(pair: &Pair, to: Standing, decision: u64) -> Findings {
    let conductor = ConductorName::parse("c1").unwrap();
    let id = EventId::parse(&format!("e{decision}")).unwrap();
    let (verdict, event_type, state) = match to {
        Standing::Lost => (Verdict::Lost, EventType::Left, ConductorState::Left),
        Standing::Active => (Verdict::Restored, EventType::Joined, ConductorState::Active),
    };
    let turn = Turn {
        pair: pair.clone(),
        to,
        verdict: Some(verdict),
        cause: Cause {
            conductor: Some(conductor.clone()),
            kind: CauseKind::Event {
                id: id.clone(),
                event_type,
            },
        },
        last_good_at_ms: None,
    };
    Findings {
        silent: Vec::new(),
        waits: None,
        now_ms: 1000,
        events: vec![EventRecord {
            conductor: conductor.clone(),
            id,
            digest: [7; 32],
            event_type,
            outcome: Outcome::Applied,
        }],
        conductors: vec![ConductorRecord {
            name: conductor,
            incarnation: Incarnation::new(1).unwrap(),
            group: pair.group.clone(),
            drivers: [pair.driver.clone()].into(),
            heartbeat_timeout: None,
            state,
            restart_remaining: None,
            last_sent_at_ms: None,
            last_sign_at_ms: 1000,
            since_ms: 1000,
        }],
        unheeded: Vec::new(),
        receipts: Vec::new(),
        standings: vec![StandingRecord {
            pair: pair.clone(),
            standing: to,
        }],
        decisions: vec![DecisionRecord {
            id: format!("00000000-0000-4000-8000-{decision:012}"),
            verdict,
            turn,
            decided_at_ms: 1000,
        }],
        observed: false,
    }
}

#[tokio::test]
async fn locked_rows_are_passed_by_counted_and_taken_once_they_are_free() {
    let mut lost = Lost::new(5).await;
    lost.model.lock("n2");
    lost.model.lock("n4");
    let locked = |changed| WindowDone {
        changed,
        locked: 2,
        ..WindowDone::default()
    };
    assert_eq!(lost.take_out("").await.unwrap(), locked(3));
    assert_eq!(lost.out(), ["n1", "n3", "n5"]);
    assert_eq!(lost.take_out("").await.unwrap(), locked(0));
    lost.model.unlock("n2");
    lost.model.unlock("n4");
    let last = lost.take_out("").await.unwrap();
    assert_eq!((last.changed, last.locked), (2, 0));
    assert_eq!(last.completed.map(|done| done.nodes), Some(5));
}

#[tokio::test]
async fn locked_rows_are_passed_by_on_the_way_back_and_by_every_walk() {
    let mut lost = Lost::new(5).await;
    lost.take_out("").await.unwrap();
    // Marks that somebody lifted and set by hand.
    lost.model.register("n6", Node::of("free", ""));
    for (uuid, mark) in [
        ("n1", "in_service"),
        ("n2", "in_service"),
        ("n6", "out_of_service"),
    ] {
        lost.model
            .edit(uuid, |node| node.service_state = Some(mark.into()));
    }
    lost.model.lock("n2");
    lost.model.lock("n6");
    lost.give_back(None).await;
    lost.ledger.unmark_strays(1, &window("", 10)).await.unwrap();
    let marks = ["n1", "n2", "n6"].map(|uuid| lost.marked(uuid));
    assert_eq!(marks, ["out_of_service", "in_service", "out_of_service"]);
    lost.restore().await;
    let pair = lost.pair.clone();
    let first = lost.give_back(Some(&pair)).await;
    assert_eq!((first.changed, first.locked, first.completed), (4, 1, None));
    assert_eq!(lost.out(), ["n2"]);
    lost.model.unlock("n2");
    let last = lost.give_back(Some(&pair)).await;
    assert_eq!((last.changed, last.locked), (1, 0));
    assert_eq!(last.completed.map(|done| done.nodes), Some(5));
}

#[tokio::test]
async fn what_is_locked_is_work_to_a_look_and_stays_held_when_released_by_hand() {
    let mut lost = Lost::new(3).await;
    lost.model.lock("n2");
    lost.take_out("").await.unwrap();
    let pair = lost.pair.clone();
    let of = nodewarden::store::Rows::NodesOf(&pair);
    let found = lost.ledger.survey(of, &window("", 10)).await.unwrap();
    let expected = Surveyed {
        last: Some("n3".into()),
        seen: 3,
        skipped: 0,
        work: true,
        open: true,
    };
    assert_eq!(found, expected);
    let operator = lost.model.operator();
    let pause = Pause {
        id: "p".into(),
        reason: "why".into(),
        who: "me".into(),
        paused_at_ms: 1,
        remaining: None,
        noted_at_ms: 1,
    };
    operator.pause(&pause).unwrap();
    lost.model.lock("n3");
    let done = operator.release(Held::Everything, &window("", 10)).unwrap();
    let done = done.unwrap();
    assert_eq!((done.changed, done.locked), (1, 1));
    assert_eq!(lost.out(), ["n3"]);
}
