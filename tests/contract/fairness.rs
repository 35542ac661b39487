//! SQLite's one lock: an operator's brake and the relay win against a worker that walks without a pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nodewarden::store::{self, Ledger, NodeUpsert, Operator, Outbox, Pause};
use nodewarden_tests::database::Kind;

use crate::harness::{StoreOnDatabase, node, pair, window};

const NODES: usize = 6_000;

fn brake() -> Pause {
    Pause {
        id: nodewarden::clock::new_id(),
        reason: "an emergency".into(),
        who: "an operator".into(),
        paused_at_ms: 1,
        remaining: None,
        noted_at_ms: 1,
    }
}

/// A database whose holds one task walks over, one window after the other without a pause.
struct Walked {
    db: StoreOnDatabase,
    windows: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    walk: tokio::task::JoinHandle<()>,
}

impl Walked {
    async fn new() -> Self {
        let mut db = StoreOnDatabase::new(Kind::Sqlite).await;
        let nodes: Vec<NodeUpsert> = (0..NODES)
            .map(|n| node(&format!("n{n:05}"), "a", ""))
            .collect();
        store::import(db.database(), &nodes, |_| {}).await.unwrap();
        let lost = pair("a", "");
        db.lose(&lost, 1).await;
        let all = window("", u32::try_from(NODES).unwrap());
        db.ledger.take_out(1, &lost, &all).await.unwrap();
        let (windows, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let mut ledger = db.ledger();
        let (walked, stopped) = (Arc::clone(&windows), Arc::clone(&stop));
        let walk = tokio::spawn(async move {
            while !stopped.load(Ordering::SeqCst) {
                // One that loses the lock tries again, as the worker does.
                match ledger.give_back(1, None, &all).await {
                    Ok(_) => drop(walked.fetch_add(1, Ordering::SeqCst)),
                    Err(fault) => assert!(fault.is_transient(), "{fault:?}"),
                }
            }
        });
        Self {
            db,
            windows,
            stop,
            walk,
        }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.walk.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_wins_within_two_seconds_ten_times_of_ten() {
    let walked = Walked::new().await;
    let mut operator = Operator::new(
        walked.db.database(),
        nodewarden::config::InventoryKind::Native,
    )
    .unwrap();
    for round in 1..=10 {
        let before = walked.windows.load(Ordering::SeqCst);
        let began = Instant::now();
        operator.pause(&brake()).await.unwrap();
        let took = began.elapsed();
        assert!(took < Duration::from_secs(2), "round {round}: {took:?}");
        operator.resume(1).await.unwrap();
        // It really walks meanwhile.
        while walked.windows.load(Ordering::SeqCst) < before + 2 {
            tokio::task::yield_now().await;
        }
    }
    walked.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_relay_records_its_progress_and_an_import_begins_all_the_same() {
    let walked = Walked::new().await;
    let mut outbox = walked.db.outbox();
    for number in 1..=5 {
        let began = Instant::now();
        outbox.announced(1, number, 1).await.unwrap();
        let added = node(&format!("new{number}"), "b", "");
        store::import(walked.db.database(), &[added], |_| {})
            .await
            .unwrap();
        let took = began.elapsed();
        assert!(took < Duration::from_secs(4), "{number}: {took:?}");
    }
    walked.end().await;
}
