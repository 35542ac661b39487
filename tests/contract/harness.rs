//! [`StoreOnDatabase`], with which each story begins: a database with our tables. And plain values
//! to write.

use std::sync::Arc;

use nodewarden::config::{Database, InventoryKind};
use nodewarden::domain::change::Standing;
use nodewarden::domain::change::{Cause, CauseKind, Turn, Verdict};
use nodewarden::domain::conductor::Outcome;
use nodewarden::domain::ids::{ConductorName, Driver, EventId, Group, Incarnation, Pair};
use nodewarden::store::{
    self, ConductorRecord, DecisionRecord, EventRecord, Findings, Known, Ledger, NodeUpsert,
    Reader, SqlLedger, SqlOutbox, StandingRecord, Unwatched, Window,
};
use nodewarden::words::Word;
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::story::count;

use crate::modelled::{self, AnyLedger, AnyOutbox, File};

/// A database with our tables, a ledger that holds epoch 1, and a reader.
pub struct StoreOnDatabase {
    pub scratch: Scratch,
    pub ledger: AnyLedger,
    pub reader: Reader,
    /// Where the model is kept, if it is the store.
    pub model: Option<File>,
}

pub fn ledger(database: &Database) -> SqlLedger {
    SqlLedger::new(database, InventoryKind::Native, Arc::new(Unwatched)).unwrap()
}

/// On the database, or on the model that the file keeps.
fn connection(database: &Database, model: Option<&File>) -> AnyLedger {
    match model {
        Some(file) => AnyLedger::Model(Arc::clone(file), Known::default()),
        None => AnyLedger::Sql(Box::new(ledger(database))),
    }
}

impl StoreOnDatabase {
    pub async fn new(kind: Kind) -> Self {
        Self::of(Scratch::migrated_of(kind).await).await
    }

    /// On a database that has our tables.
    pub async fn of(scratch: Scratch) -> Self {
        let model = modelled::file(&scratch).await;
        let mut ledger = connection(&scratch.database, model.as_ref());
        assert_eq!(
            ledger
                .take_epoch("first", nodewarden::config::Mode::Enforce, 10)
                .await
                .unwrap()
                .epoch,
            1
        );
        Self {
            reader: Reader::new(&scratch.database, InventoryKind::Native).unwrap(),
            ledger,
            model,
            scratch,
        }
    }

    pub fn database(&self) -> &Database {
        &self.scratch.database
    }

    pub fn ledger(&self) -> AnyLedger {
        connection(self.database(), self.model.as_ref())
    }

    pub fn outbox(&self) -> AnyOutbox {
        match &self.model {
            Some(file) => AnyOutbox::Model(Arc::clone(file), ()),
            None => {
                let outbox = SqlOutbox::new(self.database(), Arc::new(Unwatched));
                AnyOutbox::Sql(Box::new(outbox.unwrap()))
            }
        }
    }

    pub async fn stream(&self) -> String {
        self.reader.overview().await.unwrap().stream
    }

    /// Nodes `uuids` of a pair; the name of each is `name of ` and its uuid.
    pub async fn nodes(&self, driver: &str, group: &str, uuids: &[&str]) {
        let nodes: Vec<NodeUpsert> = uuids.iter().map(|uuid| node(uuid, driver, group)).collect();
        store::import(self.database(), &nodes, |_| {})
            .await
            .unwrap();
    }

    /// The pair is lost from now on, by a decision of its own.
    pub async fn lose(&mut self, pair: &Pair, decision: u64) {
        let intake = turned(pair, Standing::Lost, decision, "c1");
        self.ledger.commit(1, &intake).await.unwrap();
    }

    /// The pair is active again, by a decision of its own.
    pub async fn restore(&mut self, pair: &Pair, decision: u64) {
        let intake = turned(pair, Standing::Active, decision, "c1");
        self.ledger.commit(1, &intake).await.unwrap();
    }

    /// Counts all nodes, as a sweep does.
    pub async fn count(&mut self, now_ms: u64) {
        count(&mut self.ledger, 1, now_ms).await;
    }

    /// The uuids that are held, in order.
    pub async fn out(&self) -> Vec<String> {
        let page = self.reader.snapshot("", 10_000).await.unwrap();
        page.nodes.into_iter().map(|hold| hold.uuid).collect()
    }

    /// Each node's uuid and mark, in order.
    pub async fn marks(&self) -> Vec<String> {
        self.scratch
            .list("SELECT concat(uuid, ' ', service_state) FROM nodes ORDER BY uuid")
            .await
    }
}

pub fn node(uuid: &str, driver: &str, group: &str) -> NodeUpsert {
    NodeUpsert {
        uuid: uuid.into(),
        name: Some(Some(format!("name of {uuid}"))),
        driver: driver.into(),
        conductor_group: Some(group.into()),
        maintenance: None,
    }
}

pub fn pair(driver: &str, group: &str) -> Pair {
    Pair {
        group: Group::parse(group).unwrap(),
        driver: Driver::parse(driver).unwrap(),
    }
}

pub fn name(name: &str) -> ConductorName {
    ConductorName::parse(name).unwrap()
}

pub fn id(id: &str) -> EventId {
    EventId::parse(id).unwrap()
}

/// The UUID of the decision with this number.
pub fn decision_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// What makes a pair lost or active again: one event, one decision, decided at 1000 plus its number.
pub fn turned(pair: &Pair, to: Standing, decision: u64, conductor: &str) -> Findings {
    let at = 1000 + decision;
    let (verdict, message_type) = match to {
        Standing::Lost => (Verdict::Lost, "conductor.left"),
        Standing::Active => (Verdict::Restored, "conductor.joined"),
    };
    let event = format!("e{decision}");
    Findings {
        silent: Vec::new(),
        waits: None,
        unheeded: Vec::new(),
        receipts: Vec::new(),
        observed: false,
        now_ms: at,
        events: vec![remembered(conductor, &event, 7)],
        conductors: Vec::new(),
        standings: vec![StandingRecord {
            pair: pair.clone(),
            standing: to,
        }],
        decisions: vec![DecisionRecord {
            id: decision_id(decision),
            verdict,
            turn: Turn {
                pair: pair.clone(),
                to,
                verdict: Some(verdict),
                cause: Cause {
                    conductor: Some(name(conductor)),
                    kind: CauseKind::Event {
                        id: id(&event),
                        event_type: Word::parse(message_type).unwrap(),
                    },
                },
                last_good_at_ms: Some(900),
            },
            decided_at_ms: at,
        }],
    }
}

pub fn remembered(conductor: &str, event: &str, digest: u8) -> EventRecord {
    EventRecord {
        conductor: name(conductor),
        id: id(event),
        digest: [digest; 32],
        event_type: Word::parse("conductor.left").unwrap(),
        outcome: Outcome::Applied,
    }
}

/// An active conductor.
pub fn active(conductor: &str, group: &str, drivers: &[&str]) -> ConductorRecord {
    ConductorRecord {
        name: name(conductor),
        incarnation: Incarnation::new(1).unwrap(),
        group: Group::parse(group).unwrap(),
        drivers: drivers.iter().map(|d| Driver::parse(d).unwrap()).collect(),
        heartbeat_timeout: None,
        state: Word::parse("active").unwrap(),
        restart_remaining: None,
        last_sent_at_ms: None,
        last_sign_at_ms: 40,
        since_ms: 30,
    }
}

/// The window of at most `nodes` after `after`, recorded at 5000.
pub fn window(after: &str, nodes: u32) -> Window {
    Window {
        unknown: false,
        after: after.into(),
        nodes,
        nodes_per_message: 2,
        completes: true,
        now_ms: 5000,
    }
}
