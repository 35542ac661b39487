//! What others do to a replica: a second database on the queue, a way to the database that swallows or resets.

use std::time::{Duration, Instant};

use nodewarden_tests::cluster::Cluster;
use nodewarden_tests::database::Kind;
use nodewarden_tests::proxy::{Proxy, Wire};
use nodewarden_tests::waiting::eventually;

/// A PostgreSQL, and a way to it with its setting, for one replica.
async fn with_a_way_to_the_database() -> (Cluster, Proxy, String) {
    let cluster = Cluster::on(Kind::Postgres).await;
    let url = cluster.database.url.expose();
    let (_, port) = url.rsplit_once('/').unwrap().0.rsplit_once(':').unwrap();
    let proxy = Proxy::before(port.parse().unwrap()).await;
    let through = url.replace(&format!(":{port}/"), &format!(":{}/", proxy.port));
    (cluster, proxy, format!("database.url={through}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_replica_whose_database_says_nothing_any_more_leaves_the_line_before_half_a_minute() {
    let (mut cluster, proxy, through) = with_a_way_to_the_database().await;
    let nodes = cluster.nodes("b", 3).await;
    let first = cluster.replica("first", &["--set", &through]).await;
    first.role(&["active"]).await;
    cluster.joined("c1", 1, &["b"]).await;
    let second = cluster.replica("second", &[]).await;
    // Nothing comes: it is a look that meets the silence.
    proxy.set(Wire::SwallowAnswers);
    let silent = Instant::now();
    second.role(&["active"]).await;
    let took = silent.elapsed();
    // The look's limit, 3.3 s here, one dial of 10 s, and what a busy machine needs.
    assert!(took < Duration::from_secs(30), "{took:?}");
    cluster.left("c1", 1).await;
    cluster.wait_out(&nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_replica_in_line_that_loses_its_database_says_so_and_leaves_the_line_until_it_is_back()
{
    let (mut cluster, proxy, through) = with_a_way_to_the_database().await;
    let nodes = cluster.nodes("b", 3).await;
    let first = cluster.replica("first", &[]).await;
    first.role(&["active"]).await;
    let second = cluster.replica("second", &["--set", &through]).await;
    proxy.set(Wire::Reset);
    let lost = Instant::now();
    eventually("it says so", async || {
        let answer = second.get("/readyz").await;
        let reasons = answer["reasons"].to_string();
        (answer["ready"] == false && reasons.contains("database: ")).then_some(())
    })
    .await;
    second.role(&["starting"]).await;
    let took = lost.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    // The other one did not notice.
    cluster.joined("c1", 1, &["b"]).await;
    cluster.left("c1", 1).await;
    cluster.wait_out(&nodes).await;
    assert_eq!(cluster.overview().await.epoch, 1);
    proxy.set(Wire::Open);
    second.role(&["standby"]).await;
}

#[tokio::test]
async fn two_replicas_on_two_databases_never_eat_each_other_s_events() {
    let mut cluster = Cluster::new().await;
    let stranger = cluster.twin().await;
    cluster.nodes("b", 3).await;
    let ours = cluster.replica("ours", &[]).await;
    ours.role(&["active"]).await;
    let theirs = stranger.start("theirs", &[]);
    eventually("one of them says what is wrong", async || {
        let said = |log: &str| log.contains("a replica of another database");
        (said(&ours.log()) || said(&theirs.log())).then_some(())
    })
    .await;
    drop(theirs);
    cluster.joined("c1", 1, &["b"]).await;
    let left = cluster.left("c1", 1).await;
    ours.role(&["active"]).await;
    eventually("our events came to our database", async || {
        (cluster.decisions().await == [format!("b lost by c1 {left}, 3 nodes")]).then_some(())
    })
    .await;
    assert_eq!(stranger.decisions().await, Vec::<String>::new());
}

#[tokio::test]
async fn headers_nested_as_deep_as_a_frame_allows_do_not_end_a_replica() {
    let mut cluster = Cluster::new().await;
    cluster.nodes("b", 2).await;
    let replica = cluster.replica("only", &[]).await;
    replica.role(&["active"]).await;
    cluster.joined("c1", 1, &["b"]).await;
    let python =
        std::env::var("NODEWARDEN_TEST_PYTHON").unwrap_or_else(|_| "/usr/bin/python3".into());
    let script =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/deep_headers.py");
    let output = std::process::Command::new(python)
        .arg(script)
        .args(["--amqp", cluster.amqp.url.urls()[0].expose()])
        .args(["--exchange", &cluster.amqp.events_exchange])
        .args(["--levels", "15000"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let left = cluster.left("c1", 1).await;
    eventually("the next good event is handled", async || {
        (cluster.decisions().await == [format!("b lost by c1 {left}, 2 nodes")]).then_some(())
    })
    .await;
    replica.role(&["active"]).await;
}
