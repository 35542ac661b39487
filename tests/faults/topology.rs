//! The way from conductors to the queue is taken away under a fleet that beats.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use nodewarden_tests::cluster::{BUSY, Cluster};
use nodewarden_tests::rabbitmq::Client;
use nodewarden_tests::waiting::eventually;
use rustix::process::Signal;

/// Longer than the grace that the cluster has set, 2 s.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Beats for `how_long`, and longer if the broker has no way for what conductors send.
async fn beat(cluster: &mut Cluster, how_long: Duration) {
    let began = Instant::now();
    while began.elapsed() < how_long {
        let body = serde_json::json!({"conductor": "c1", "incarnation": 1});
        cluster.publish("conductor.heartbeat", &body).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn i7_l3_l4_a_way_that_is_deleted_takes_no_node_out_is_back_soon_and_hides_no_silence() {
    let mut cluster = Cluster::new().await;
    let nodes = cluster.nodes("b", 3).await;
    let replica = cluster.replica("only", &[]).await;
    replica.role(&["active"]).await;
    let watched = serde_json::json!({"conductor": "c1", "incarnation": 1, "drivers": ["b"],
        "heartbeat_timeout_ms": TIMEOUT.as_millis() as u64});
    cluster.publish("conductor.joined", &watched).await;
    let client = Client::connect().await;
    let (queue, exchange) = (
        cluster.amqp.events_queue.clone(),
        cluster.amqp.events_exchange.clone(),
    );
    for delete_exchange in [false, true] {
        // Past the grace of the takeover, so that silence counts.
        beat(&mut cluster, 2 * TIMEOUT).await;
        if delete_exchange {
            let options = ExchangeDeleteOptions::default();
            let deleted = client
                .channel
                .exchange_delete(exchange.as_str().into(), options);
            deleted.await.expect("deleted");
        } else {
            let (queue, exchange) = (queue.as_str().into(), exchange.as_str().into());
            let unbound = client.channel.queue_unbind(
                queue,
                exchange,
                "conductor.#".into(),
                FieldTable::default(),
            );
            unbound.await.expect("unbound");
        }
        let gone = Instant::now();
        // The first beat that a queue takes again.
        beat(&mut cluster, Duration::from_millis(1)).await;
        let back = gone.elapsed();
        assert!(
            back < Duration::from_secs(5) + BUSY,
            "the way is back after {back:?}"
        );
        beat(&mut cluster, 3 * TIMEOUT).await;
        assert_eq!(cluster.out().await, BTreeSet::new());
    }
    assert_eq!(cluster.decisions().await, Vec::<String>::new());
    let log = replica.log();
    assert!(
        log.contains("conductors' events do not reach this replica"),
        "{log}"
    );
    assert!(!log.contains("session over"), "{log}");
    let silent = Instant::now();
    cluster.wait_out(&nodes).await;
    let found = silent.elapsed();
    assert!(found < TIMEOUT + TIMEOUT + BUSY, "found after {found:?}");
}

#[tokio::test]
async fn l4_readyz_says_within_ten_seconds_that_the_way_is_gone_where_it_may_not_be_made_again() {
    let cluster = Cluster::new().await;
    let replica = cluster
        .replica("only", &["--set", "amqp.declare=false"])
        .await;
    replica.role(&["active"]).await;
    let client = Client::connect().await;
    let (queue, exchange) = (
        cluster.amqp.events_queue.as_str(),
        cluster.amqp.events_exchange.as_str(),
    );
    let key = "conductor.#";
    let none = FieldTable::default();
    let unbound = client
        .channel
        .queue_unbind(queue.into(), exchange.into(), key.into(), none);
    unbound.await.expect("unbound");
    let gone = Instant::now();
    loop {
        let ready = replica.get("/readyz").await;
        let reason = ready["reasons"][0].as_str().unwrap_or_default();
        if reason.starts_with("conductors' events do not reach this replica: no queue is bound") {
            assert_eq!(ready["ready"], false);
            break;
        }
        assert!(gone.elapsed() < Duration::from_secs(10), "{ready}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_queue_that_gives_each_replica_a_part_is_named_as_what_may_fence_them_again_and_again() {
    let cluster = Cluster::new().await;
    let mut first = cluster.replica("first", &[]).await;
    first.role(&["active"]).await;
    first.signal(Signal::TERM);
    first.ended().await;
    // Made again as it was, but for one argument, which no passive declare compares.
    let client = Client::connect().await;
    let queue = cluster.amqp.events_queue.as_str();
    let deleted = client
        .channel
        .queue_delete(queue.into(), QueueDeleteOptions::default());
    deleted.await.expect("deleted");
    let quorum = [("x-queue-type", AMQPValue::LongString("quorum".into()))];
    let bound = (cluster.amqp.events_exchange.as_str(), "conductor.#");
    client.queue(queue, &quorum, Some(bound)).await;
    let more = ["--set", "amqp.declare=false"];
    let (one, two) = (cluster.start("one", &more), cluster.start("two", &more));
    eventually("one of them says it", async || {
        let says = |log: &str| log.contains("has no x-single-active-consumer");
        (says(&one.log()) || says(&two.log())).then_some(())
    })
    .await;
    eventually("readyz says it", async || {
        let mut remarks = String::new();
        for replica in [&one, &two] {
            remarks += &replica.get("/readyz").await["remarks"].to_string();
        }
        remarks.contains("x-single-active-consumer").then_some(())
    })
    .await;
}
