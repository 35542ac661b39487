//! [`Story`]: a database with a story, made only through the store's public contract, for tests of
//! what looks at it.
//!
//! c1 (drivers a, b) and c2 (driver a) join, c3 (driver r in group rack-1) is in a planned
//! restart, c1 leaves: b is lost and its node n2 out of service. `zz` never had a conductor.

use std::sync::Arc;
use std::time::Duration;

use nodewarden::config::{Database, InventoryKind, Mode, SecretUrl, Settings};
use nodewarden::domain::change::Change;
use nodewarden::domain::decide;
use nodewarden::domain::event::{Event, EventKind, Statement};
use nodewarden::domain::ids::{ConductorName, Driver, EventId, Group, Incarnation, Pair};
use nodewarden::domain::map::DriverMap;
use nodewarden::domain::time::{Mono, Now};
use nodewarden::store::{
    self, ConductorRecord, DecisionRecord, EventRecord, Findings, Ledger, NodeUpsert, SqlLedger,
    StandingRecord, Unwatched, Window,
};
use sqlx::Connection as _;

/// 2026-03-01T10:00:00Z
pub const T: u64 = 1_772_359_200_000;

/// The decision that took n2 out.
pub const DECISION: &str = "5d2f0c1e-0000-4000-8000-000000000001";

/// A database file in a directory of its own, and the ledger that tells the story.
pub struct Story {
    pub directory: tempfile::TempDir,
    pub settings: Settings,
    pub ledger: SqlLedger,
    pub epoch: u64,
    pub stream: String,
    map: DriverMap,
    decisions: u32,
}

impl Story {
    /// From now on receipts cannot be read.
    pub async fn spoils_receipts(&self) {
        let file = self.directory.path().join("story.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let link = sqlx::SqliteConnection::connect_with(&options).await;
        let spoiled = "ALTER TABLE nodewarden_receipts RENAME COLUMN applied_at_ms TO at_ms";
        let mut link = link.expect("the file");
        let done = sqlx::query(spoiled).execute(&mut link).await;
        done.expect("written");
    }

    /// Tables, nodes, an epoch; no conductor yet.
    pub async fn begun() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut settings = Settings::default();
        let path = directory.path().join("story.db");
        settings.database = Database {
            url: SecretUrl::new(&format!("sqlite://{}", path.display())),
            ..Database::default()
        };
        store::migrate(
            &settings.database,
            InventoryKind::Native,
            &nodewarden::clock::new_id(),
        )
        .await
        .expect("tables");
        let nodes = [
            node("n1", "web-1", "a", "", true),
            node("n2", "web-2", "b", "", false),
            node("n3", "web-3", "r", "Rack-1", false),
            node("n4", "web-4", "zz", "", false),
        ];
        store::import(&settings.database, &nodes, |_| {})
            .await
            .expect("nodes");
        let mut ledger = SqlLedger::new(
            &settings.database,
            InventoryKind::Native,
            Arc::new(Unwatched),
        )
        .expect("a ledger");
        let takeover = ledger
            .take_epoch("host-1/42", Mode::Enforce, T)
            .await
            .expect("an epoch");
        count(&mut ledger, takeover.epoch, T).await;
        Self {
            directory,
            settings,
            ledger,
            epoch: takeover.epoch,
            stream: takeover.stream,
            map: DriverMap::default(),
            decisions: 0,
        }
    }

    /// The whole story.
    pub async fn told() -> Self {
        let mut story = Self::begun().await;
        story.joins("c1", 1, "", &["a", "b"], T).await;
        story.joins("c2", 1, "", &["a"], T).await;
        story.joins("c3", 1, "Rack-1", &["r"], T).await;
        let restart = Some(Duration::from_secs(600));
        story.leaves("c3", 1, restart, T + 500).await;
        story.leaves("c1", 1, None, T + 1000).await;
        story.takes_out("b", T + 1500).await;
        story
    }

    pub async fn joins(
        &mut self,
        name: &str,
        incarnation: u64,
        group: &str,
        drivers: &[&str],
        at: u64,
    ) {
        let statement = Statement {
            group: Group::parse(group).expect("a group"),
            drivers: drivers.iter().map(|name| driver(name)).collect(),
            heartbeat_timeout: None,
        };
        self.hear(name, incarnation, EventKind::Joined(statement), at)
            .await;
    }

    pub async fn leaves(
        &mut self,
        name: &str,
        incarnation: u64,
        back_within: Option<Duration>,
        at: u64,
    ) {
        let kind = EventKind::Left {
            back_within,
            reason: None,
        };
        self.hear(name, incarnation, kind, at).await;
    }

    pub async fn takes_out(&mut self, driver: &str, at: u64) {
        let chunk = self
            .ledger
            .take_out(self.epoch, &pair(driver), &window(at))
            .await
            .expect("taken out");
        assert_eq!((chunk.next, chunk.changed), (None, 1));
    }

    pub async fn gives_back(&mut self, driver: &str, at: u64) {
        let chunk = self
            .ledger
            .give_back(self.epoch, Some(&pair(driver)), &window(at))
            .await
            .expect("given back");
        assert_eq!((chunk.next, chunk.changed), (None, 1));
    }

    /// A sweep `after` the planned restart of `name` began, which was promised 600 s.
    pub async fn sweeps(&mut self, name: &str, after: Duration, at: u64) {
        let memory = self.ledger.resume(self.epoch).await.expect("read");
        let mut holds = memory.conductors;
        holds.retain(|record| record.name.as_str() == name);
        holds[0].restart_remaining = Some(Duration::from_secs(600) - after);
        let sweep = store::Sweep {
            restarting: holds,
            forget: Vec::new(),
            unnamed: Vec::new(),
            unwanted: Vec::new(),
            announces: true,
            pause: None,
            now_ms: at,
        };
        let swept = self.ledger.begin_sweep(self.epoch, &sweep).await;
        assert_eq!(swept.expect("swept"), []);
    }

    async fn hear(&mut self, name: &str, incarnation: u64, kind: EventKind, at: u64) {
        let event = Event {
            id: EventId::parse(&format!("{name}-{at}")).expect("an id"),
            conductor: ConductorName::parse(name).expect("a name"),
            incarnation: Incarnation::new(incarnation).expect("an incarnation"),
            sent_at_ms: None,
            kind,
        };
        let now = Now {
            wall_ms: at,
            mono: Mono(Duration::from_millis(at)),
        };
        let change = decide::decide(&self.map, &event, now, Duration::from_secs(900));
        let intake = self.intake(&event, &change, now);
        self.map.apply(&change);
        self.ledger
            .commit(self.epoch, &intake)
            .await
            .expect("committed");
    }

    fn intake(&mut self, event: &Event, change: &Change, now: Now) -> Findings {
        let mut decisions = Vec::new();
        for turn in &change.turns {
            if let Some(verdict) = turn.verdict {
                self.decisions += 1;
                decisions.push(DecisionRecord {
                    id: format!("5d2f0c1e-0000-4000-8000-{:012}", self.decisions),
                    verdict,
                    turn: turn.clone(),
                    decided_at_ms: now.wall_ms,
                });
            }
        }
        Findings {
            silent: Vec::new(),
            waits: None,
            now_ms: now.wall_ms,
            events: vec![EventRecord {
                conductor: event.conductor.clone(),
                id: event.id.clone(),
                digest: [0; 32],
                event_type: event.kind.event_type(),
                outcome: change.outcome,
            }],
            conductors: change
                .conductor
                .iter()
                .map(|conductor| ConductorRecord::save(conductor, now.mono))
                .collect(),
            receipts: Vec::new(),
            standings: change
                .turns
                .iter()
                .map(|turn| StandingRecord {
                    pair: turn.pair.clone(),
                    standing: turn.to,
                })
                .collect(),
            decisions,
            unheeded: Vec::new(),
            observed: false,
        }
    }
}

fn node(uuid: &str, name: &str, driver: &str, group: &str, maintenance: bool) -> NodeUpsert {
    NodeUpsert {
        uuid: uuid.into(),
        name: Some(Some(name.into())),
        driver: driver.into(),
        conductor_group: Some(group.into()),
        maintenance: Some(maintenance),
    }
}

fn driver(name: &str) -> Driver {
    Driver::parse(name).expect("a driver")
}

fn pair(name: &str) -> Pair {
    Pair {
        group: Group::parse("").expect("the default group"),
        driver: driver(name),
    }
}

fn window(now_ms: u64) -> Window {
    Window {
        after: String::new(),
        nodes: 100,
        unknown: false,
        completes: true,
        nodes_per_message: 10,
        now_ms,
    }
}

/// Counts all nodes, as a sweep does.
pub async fn count(ledger: &mut impl Ledger, epoch: u64, now_ms: u64) {
    let mut counts = store::Counts {
        counted_at_ms: now_ms,
        ..store::Counts::default()
    };
    let mut after = String::new();
    loop {
        let window = ledger.count_nodes(&after, 3).await.expect("counted");
        counts.nodes += window.seen;
        for (pair, nodes) in window.pairs {
            *counts.pairs.entry(pair).or_default() += nodes;
        }
        match window.last {
            Some(last) => after = last,
            None => break,
        }
    }
    let kept = ledger.keep_counts(epoch, &counts, 1000);
    assert!(kept.await.expect("kept"));
}
