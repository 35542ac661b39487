//! SIGSTOP: a process that believes to be active when it goes on, and one that freezes
//! inside a transaction, with all its locks in its hand.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nodewarden_tests::cluster::{BUSY, Cluster, assert_killed_in_a_transaction, signed};
use nodewarden_tests::database::Kind;
use nodewarden_tests::waiting::eventually;
use rustix::process::Signal;

#[tokio::test]
async fn i1_a_replica_frozen_past_the_broker_s_heartbeat_changes_nothing_when_it_goes_on() {
    let mut cluster = Cluster::new().await;
    let b = cluster.nodes("b", 35).await;
    let mut listener = cluster.listen().await;
    let first = cluster.replica("first", &[]).await;
    first.role(&["active"]).await;
    let second = cluster.replica("second", &[]).await;
    cluster.joined("c1", 1, &["b"]).await;
    eventually("the join is handled", async || {
        (cluster.reader.conductors().await.ok()?.len() == 1).then_some(())
    })
    .await;
    // What follows the join is over: a freeze inside a transaction is the watchdog's, and another story.
    let mut last = (None, Instant::now());
    eventually("nothing was committed for half a second", async || {
        let committed = cluster.overview().await.committed_at_ms;
        if last.0 != committed {
            last = (committed, Instant::now());
        }
        (last.1.elapsed() > Duration::from_millis(500)).then_some(())
    })
    .await;
    first.signal(Signal::STOP);
    let left = cluster.left("c1", 1).await;
    second.role(&["active"]).await;
    assert_eq!(listener.heard(35).await, signed('-', &b));
    let before = cluster.decisions().await;
    first.signal(Signal::CONT);
    first.role(&["standby"]).await;
    assert_eq!(before, [format!("b lost by c1 {left}, 35 nodes")]);
    assert_eq!(cluster.decisions().await, before);
    let overview = cluster.overview().await;
    assert_eq!((overview.epoch, overview.seq), (2, 35));
    assert!(first.log().contains("session over"), "{}", first.log());
    second.role(&["active"]).await;
    // And it is of use again.
    drop(second);
    cluster.joined("c1", 2, &["b"]).await;
    listener.heard(70).await;
    first.role(&["active"]).await;
}

#[tokio::test]
async fn i9_a_replica_frozen_inside_a_transaction_is_killed_by_its_watchdog() {
    let mut cluster = Cluster::new().await;
    let b = cluster.nodes("b", 35).await;
    let mut listener = cluster.listen().await;
    let (mut first, armed) = cluster.doomed("first", "before-commit=stop", &[]).await;
    first.role(&["active"]).await;
    let second = cluster.replica("second", &[]).await;
    cluster.joined("c1", 1, &["b"]).await;
    eventually("the join is handled", async || {
        (cluster.reader.conductors().await.ok()?.len() == 1).then_some(())
    })
    .await;
    let began = Instant::now();
    std::fs::write(&armed, "").unwrap();
    let left = cluster.left("c1", 1).await;
    eventually("it froze", async || (!armed.exists()).then_some(())).await;
    let end = first.ended().await;
    assert_eq!(end.signal(), Some(9), "{end}");
    let held = began.elapsed();
    println!("killed {held:?} after it was to freeze; the limit is 5 s");
    assert!(
        held > Duration::from_secs(4) && held < Duration::from_secs(5) + BUSY,
        "{held:?}"
    );
    assert_killed_in_a_transaction(&first.log());
    assert_eq!(listener.heard(35).await, signed('-', &b));
    second.role(&["active"]).await;
    assert_eq!(
        cluster.decisions().await,
        [format!("b lost by c1 {left}, 35 nodes")]
    );
}

/// The watchdog of the frozen one is not asked: only the server ends its transaction.
async fn a_server_ends_what_a_frozen_replica_left_open(kind: Kind) {
    let mut cluster = Cluster::on(kind).await;
    let b = cluster.nodes("b", 35).await;
    let mut listener = cluster.listen().await;
    let patient = ["--set", "database.transaction_limit=10m"];
    let (first, armed) = cluster
        .doomed("first", "before-commit=stop", &patient)
        .await;
    first.role(&["active"]).await;
    let second = cluster.replica("second", &[]).await;
    cluster.joined("c1", 1, &["b"]).await;
    eventually("the join is handled", async || {
        (cluster.reader.conductors().await.ok()?.len() == 1).then_some(())
    })
    .await;
    std::fs::write(&armed, "").unwrap();
    let left = cluster.left("c1", 1).await;
    eventually("it froze", async || (!armed.exists()).then_some(())).await;
    let froze = Instant::now();
    second.role(&["active"]).await;
    let held = froze.elapsed();
    println!("taken over {held:?} after it froze; the server's limit is 5 s");
    assert!(held < Duration::from_secs(20), "{held:?}");
    assert_eq!(listener.heard(35).await, signed('-', &b));
    first.signal(Signal::CONT);
    first.role(&["standby"]).await;
    second.role(&["active"]).await;
    assert_eq!(
        cluster.decisions().await,
        [format!("b lost by c1 {left}, 35 nodes")]
    );
}

#[tokio::test]
async fn i7_postgresql_ends_the_transaction_of_a_replica_that_froze_inside_it() {
    a_server_ends_what_a_frozen_replica_left_open(Kind::Postgres).await;
}

#[tokio::test]
async fn i7_mariadb_ends_the_transaction_of_a_replica_that_froze_inside_it() {
    a_server_ends_what_a_frozen_replica_left_open(Kind::MySql).await;
}

#[tokio::test]
async fn i9_a_replica_without_its_watchdog_does_not_go_on() {
    let mut cluster = Cluster::new().await;
    cluster.nodes("b", 1).await;
    let mut replica = cluster.replica("only", &[]).await;
    replica.role(&["active"]).await;
    replica.signal_child(Signal::KILL);
    cluster.joined("c1", 1, &["b"]).await;
    let end = replica.ended().await;
    assert!(!end.success(), "{end}");
    assert!(
        replica
            .log()
            .contains("the watchdog process is gone or stuck"),
        "{}",
        replica.log()
    );
}
