//! A RabbitMQ of three nodes, a replica at each; the node that leads all queues dies with the active
//! replica's connections and stays away.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use nodewarden::config::Brokers;
use nodewarden_tests::cluster::Cluster;
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::engine::Engine;

use crate::durable::Durable;
use crate::order::TwoInLine;

fn shipped(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/rabbitmq");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

async fn story(engine: Engine) {
    let scratch = Scratch::migrated_of(Kind::MySql).await;
    // Who declares a queue by way of a node has its leader there.
    let mut cluster = Cluster::over(&engine.amqp(0), scratch).await;
    let subscription = Durable::subscribe(&engine.amqp(0), &cluster.amqp.nodes_exchange).await;
    let nodes = cluster.nodes("b", 35).await;
    let mut replicas = Vec::new();
    for node in 0..3 {
        let way = format!("amqp.url={}", engine.amqp(node));
        let replica = cluster.start(&format!("replica-{node}"), &["--set", &way]);
        let role = if node == 0 { "active" } else { "standby" };
        replica.role(&[role]).await;
        replicas.push(replica);
    }
    cluster.joined("c1", 1, &["b"]).await;
    let left = cluster.left("c1", 1).await;
    cluster.wait_out(&nodes).await;
    let mut expected = vec![format!("b lost by c1 {left}, 35 nodes")];

    let two = TwoInLine::with(&engine.amqp(0), &engine.amqp(1)).await;
    // The publisher's next connection is to a node that lives.
    cluster.amqp.url = Brokers::new(&engine.amqp(1));
    engine.kill(0);
    let died = Instant::now();
    let back = cluster.joined("c1", 2, &["b"]).await;
    cluster.wait_out(&BTreeSet::new()).await;
    let took = died.elapsed();
    println!("another replica decided {took:?} after the node's death");
    assert!(took < Duration::from_secs(15), "{took:?}");
    expected.push(format!("b restored by c1 {back}, 35 nodes"));
    two.second_gets_the_rest_in_order().await;

    for incarnation in 2..12 {
        let left = cluster.left("c1", incarnation).await;
        cluster.wait_out(&nodes).await;
        let back = cluster.joined("c1", incarnation + 1, &["b"]).await;
        cluster.wait_out(&BTreeSet::new()).await;
        expected.push(format!("b lost by c1 {left}, 35 nodes"));
        expected.push(format!("b restored by c1 {back}, 35 nodes"));
    }
    assert_eq!(cluster.decisions().await, expected);
    let last = cluster.overview().await.seq;
    assert_eq!(last, 35 * 22);
    let mut durable = Durable::read(&engine.amqp(2), &subscription).await;
    durable.has_all(last).await;
    for replica in &replicas[1..] {
        assert!(
            !replica.log().contains("without its confirm"),
            "{}",
            replica.log()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_the_queue_leader_s_death_costs_seconds_and_no_announcement_on_3_10() {
    story(Engine::start("rabbitmq", 3, &shipped("rabbitmq.conf"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_the_queue_leader_s_death_costs_seconds_and_no_announcement_on_4_3() {
    let settings = shipped("rabbitmq.conf") + &shipped("rabbitmq-4.3.conf");
    story(Engine::start("rabbitmq-4", 3, &settings)).await;
}
