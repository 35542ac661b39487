//! A broker that takes a consumer for stuck much sooner than its default says: RabbitMQ 4.3 would give
//! what that one has in hand to the next one out of order.

use std::time::{Duration, Instant};

use nodewarden_tests::cluster::Cluster;
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::engine::Engine;

use crate::decided;
use crate::order::TwoInLine;

/// Far below every patience of ours. 4.3 looks at it to the second.
const IMPATIENT: &str = "consumer_timeout = 3000\n";

/// Long enough that it would have struck several times.
const STALL: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn i1_a_consumer_with_deliveries_in_hand_is_not_timed_out_and_its_successor_gets_them_in_order()
 {
    let engine = Engine::start("rabbitmq-4", 1, IMPATIENT);
    let url = engine.amqp(0);
    let mut two = TwoInLine::with(&url, &url).await;
    let stalled = Instant::now();
    while stalled.elapsed() < STALL {
        two.nothing_more().await;
    }
    two.acknowledge_four().await;
    two.second_gets_the_rest_in_order().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_events_are_decided_in_order_when_the_database_stalls_past_the_broker_s_consumer_timeout()
 {
    let engine = Engine::start("rabbitmq-4", 1, IMPATIENT);
    let database = Engine::start("mariadb", 1, "");
    let scratch = Scratch::at(Kind::MySql, Some(database.mysql(0))).await;
    nodewarden::store::migrate(
        &scratch.database,
        nodewarden::config::InventoryKind::Native,
        &nodewarden::clock::new_id(),
    )
    .await
    .unwrap();
    let mut cluster = Cluster::over(&engine.amqp(0), scratch).await;
    cluster.nodes("b", 5).await;
    let first = cluster.replica("first", &["--set", "amqp.batch=16"]).await;
    first.role(&["active"]).await;
    let _second = cluster.replica("second", &["--set", "amqp.batch=16"]).await;
    cluster.joined("c1", 1, &["b"]).await;
    let mut expected = Vec::new();
    for stall in 0..2_u64 {
        let frozen = Instant::now();
        database.freeze(0);
        for turn in 1 + stall * 60..1 + stall * 60 + 60 {
            let left = cluster.left("c1", turn).await;
            let back = cluster.joined("c1", turn + 1, &["b"]).await;
            expected.push(format!("b lost by c1 {left}"));
            expected.push(format!("b restored by c1 {back}"));
        }
        tokio::time::sleep(STALL.saturating_sub(frozen.elapsed())).await;
        database.thaw(0);
        decided(&cluster, expected.len()).await;
    }
    assert_eq!(decided(&cluster, expected.len()).await, expected);
}
