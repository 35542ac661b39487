//! What others do to a replica: a second database on the queue, a locked file, a table that is gone.

use crate::harness::Cluster;
use nodewarden_tests::waiting::eventually;

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
