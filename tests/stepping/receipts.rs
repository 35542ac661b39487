//! What subscribers say of themselves is stored beside everything else, and decides nothing.

use std::time::Duration;

use nodewarden::domain::receipt::MOST_SUBSCRIBERS;
use nodewarden::message::Delivery;
use nodewarden::store::Keeping;
use nodewarden::worker::Rules;
use nodewarden_tests::database::Kind;
use nodewarden_tests::rules::rules;
use serde_json::json;

use crate::harness::{Simulation, event};

const STREAM: &str = "7f1d2a3b-64d4-4a57-9d10-6a1f6d3c0e21";

fn receipt(subscriber: &str, seq: u64) -> Delivery {
    let body = json!({"subscriber": subscriber, "stream": STREAM, "seq": seq, "applied_at_ms": 1});
    Delivery {
        exchange: "scheduler.receipts".into(),
        by_subscriber: true,
        message_id: None,
        ..event("", "scheduler.applied", &body)
    }
}

async fn stored(sim: &Simulation) -> Vec<String> {
    let words = match sim.kind() {
        Kind::MySql => "concat(subscriber, ' ', seq)",
        Kind::Sqlite | Kind::Postgres => "subscriber || ' ' || seq",
    };
    sim.list(&format!(
        "SELECT {words} FROM nodewarden_receipts ORDER BY subscriber"
    ))
    .await
}

#[tokio::test]
async fn of_a_batch_only_the_newest_receipt_of_each_subscriber_is_stored_in_one_commit() {
    let sim = Simulation::new().await;
    let mut worker = sim.active().await;
    sim.settle(&mut worker).await;
    let commits = "SELECT commits FROM nodewarden_state";
    let before: u64 = sim.text(commits).await.parse().unwrap();
    for seq in 1..=50 {
        sim.queue.publish(receipt("a", seq));
        sim.queue.publish(receipt("b", 100 - seq));
    }
    worker.step().await;
    assert_eq!(stored(&sim).await, ["a 50", "b 50"]);
    let after: u64 = sim.text(commits).await.parse().unwrap();
    assert_eq!(after - before, 1);
    assert_eq!(sim.queue.events_left(), 0);
}

#[tokio::test]
async fn i7_receipts_and_what_poses_as_one_are_no_sign_of_any_conductor() {
    let sim = Simulation::new().await;
    let nodes = sim.nodes("ipmi", 1).await;
    let mut worker = sim.active().await;
    sim.joined_watched("c1", 1, &["ipmi"], Duration::from_secs(10));
    for _ in 0..23 {
        sim.pass(&mut worker, 3).await;
        sim.beat("c1", 1);
    }
    sim.settle(&mut worker).await;
    let mut silent = 0;
    while sim.out().await.is_empty() {
        silent += 1;
        assert!(silent <= 13, "what subscribers send holds the verdict back");
        sim.queue.publish(receipt("c1", silent));
        let heartbeat = event(
            "beat",
            "conductor.heartbeat",
            &json!({"conductor": "c1", "incarnation": 1}),
        );
        sim.queue.publish(Delivery {
            message_id: Some(format!("beat-{silent}")),
            by_subscriber: true,
            ..heartbeat
        });
        sim.pass(&mut worker, 1).await;
    }
    assert_eq!(sim.out().await, nodes);
    assert!(
        sim.queue
            .refused()
            .iter()
            .all(|reason| reason == "unknown_type")
    );
}

#[tokio::test]
async fn i8_subscribers_too_many_are_refused_by_name_once_until_others_are_forgotten() {
    let mut sim = Simulation::new().await;
    sim.rules = Rules {
        keeping: Keeping {
            announced: Duration::from_secs(120),
            ..rules().keeping
        },
        ..rules()
    };
    let mut worker = sim.active().await;
    for number in 0..MOST_SUBSCRIBERS + 7 {
        sim.queue.publish(receipt(&format!("s{number:03}"), 1));
    }
    sim.settle(&mut worker).await;
    assert_eq!(sim.queue.refused(), ["too_many_subscribers"]);
    assert_eq!(stored(&sim).await.len(), MOST_SUBSCRIBERS);
    // Another replica knows them, too.
    drop(worker);
    sim.queue.end(1);
    let mut worker = sim.join().await;
    sim.queue.publish(receipt("late", 1));
    sim.queue.publish(receipt("s007", 2));
    sim.settle(&mut worker).await;
    assert_eq!(sim.queue.refused().len(), 2);
    // Two sweeps later all others are forgotten.
    for _ in 0..4 {
        sim.queue.publish(receipt("s007", 3));
        sim.pass(&mut worker, 50).await;
    }
    sim.queue.publish(receipt("late", 4));
    sim.settle(&mut worker).await;
    assert_eq!(stored(&sim).await, ["late 4", "s007 3"]);
    assert_eq!(sim.queue.refused().len(), 2);
}

#[tokio::test]
async fn where_all_places_are_taken_the_one_silent_longest_gives_its_place() {
    let sim = Simulation::new().await;
    let mut worker = sim.active().await;
    for number in 0..MOST_SUBSCRIBERS {
        sim.queue.publish(receipt(&format!("s{number:03}"), 1));
    }
    sim.settle(&mut worker).await;
    for seq in 2..16 {
        for number in (0..MOST_SUBSCRIBERS).filter(|number| *number != 42) {
            sim.queue.publish(receipt(&format!("s{number:03}"), seq));
        }
        sim.pass(&mut worker, 50).await;
    }
    sim.queue.publish(receipt("new", 1));
    sim.queue.publish(receipt("one too many", 1));
    sim.settle(&mut worker).await;
    let stored = stored(&sim).await;
    assert_eq!(stored.len(), MOST_SUBSCRIBERS);
    assert_eq!(stored[0], "new 1");
    assert!(!stored.contains(&"s042 1".to_owned()));
    assert_eq!(sim.queue.refused(), ["too_many_subscribers"]);
}
