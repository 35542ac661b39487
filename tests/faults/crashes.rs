//! kill -9 at named places, and SIGTERM with work in hand.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nodewarden_tests::cluster::{Cluster, signed};
use nodewarden_tests::waiting::eventually;
use rustix::process::Signal;

/// One driver is lost; the active replica dies at `place` on the way; the other one finishes.
async fn survives(place: &str) {
    let mut cluster = Cluster::new().await;
    cluster.nodes("a", 20).await;
    let b = cluster.nodes("b", 35).await;
    let mut listener = cluster.listen().await;
    let (mut first, armed) = cluster.doomed("first", &format!("{place}=kill"), &[]).await;
    first.role(&["active"]).await;
    let second = cluster.replica("second", &[]).await;
    cluster.joined("c1", 1, &["a", "b"]).await;
    cluster.joined("c2", 1, &["a"]).await;
    eventually("both joined", async || {
        (cluster.reader.conductors().await.ok()?.len() == 2).then_some(())
    })
    .await;
    std::fs::write(&armed, "").unwrap();
    let left = cluster.left("c1", 1).await;
    let end = first.ended().await;
    assert_eq!(end.signal(), Some(9), "{end}");
    assert!(!armed.exists(), "the place {place} was reached");
    let died = Instant::now();
    cluster.wait_out(&b).await;
    println!(
        "{place}: all nodes out {:?} after the crash was noticed",
        died.elapsed()
    );
    assert_eq!(listener.heard(35).await, signed('-', &b));
    let back = cluster.joined("c1", 2, &["a", "b"]).await;
    let mut expected = signed('-', &b);
    expected.extend(signed('+', &b));
    assert_eq!(listener.heard(70).await, expected);
    assert_eq!(
        cluster.decisions().await,
        [
            format!("b lost by c1 {left}, 35 nodes"),
            format!("b restored by c1 {back}, 35 nodes")
        ]
    );
    second.role(&["active"]).await;
    let maintenance = cluster
        .sql("SELECT count(*) FROM nodes WHERE maintenance")
        .await;
    assert_eq!(maintenance, "11", "operators' marks are as imported (I5)");
}

#[tokio::test]
async fn i2_a_crash_after_a_delivery_loses_nothing() {
    survives("after-delivery").await;
}

#[tokio::test]
async fn i3_a_crash_before_a_commit_leaves_nothing_behind() {
    survives("before-commit").await;
}

#[tokio::test]
async fn i1_a_crash_after_a_commit_decides_nothing_twice() {
    survives("after-commit").await;
}

#[tokio::test]
async fn i1_a_crash_between_commit_and_acknowledgement_decides_nothing_twice() {
    survives("before-ack").await;
}

#[tokio::test]
async fn i3_a_crash_between_chunks_is_finished_by_the_successor() {
    survives("between-chunks").await;
}

#[tokio::test]
async fn i4_a_crash_between_publishing_and_its_progress_repeats_the_same_bytes() {
    survives("before-progress").await;
}

#[tokio::test]
async fn a_third_replica_that_joins_in_the_middle_of_a_loss_waits_in_line() {
    let mut cluster = Cluster::new().await;
    let b = cluster.nodes("b", 400).await;
    let mut listener = cluster.listen().await;
    let mut first = cluster.replica("first", &[]).await;
    first.role(&["active"]).await;
    let second = cluster.replica("second", &[]).await;
    cluster.joined("c1", 1, &["b"]).await;
    let left = cluster.left("c1", 1).await;
    listener.next().await;
    let third = cluster.start("third", &[]);
    first.signal(Signal::KILL);
    first.ended().await;
    assert_eq!(listener.heard(400).await, signed('-', &b));
    second.role(&["active"]).await;
    third.role(&["standby"]).await;
    assert_eq!(
        cluster.decisions().await,
        [format!("b lost by c1 {left}, 400 nodes")]
    );
}

#[tokio::test]
async fn sigterm_with_work_in_hand_ends_well_and_the_successor_handles_the_rest_once() {
    let mut cluster = Cluster::new().await;
    let b = cluster.nodes("b", 300).await;
    let mut listener = cluster.listen().await;
    let mut first = cluster.replica("first", &[]).await;
    first.role(&["active"]).await;
    for incarnation in 1..=100 {
        cluster.joined("c1", incarnation, &["b"]).await;
        if incarnation == 50 {
            first.signal(Signal::TERM);
        }
    }
    let left = cluster.left("c1", 100).await;
    let end = first.ended().await;
    assert_eq!(end.code(), Some(0), "{}", first.log());
    assert_eq!(cluster.overview().await.holder, None, "it has stepped down");
    let second = cluster.replica("second", &[]).await;
    second.role(&["active"]).await;
    assert_eq!(listener.heard(300).await, signed('-', &b));
    assert_eq!(
        cluster.decisions().await,
        [format!("b lost by c1 {left}, 300 nodes")]
    );
    let events = cluster.sql("SELECT count(*) FROM nodewarden_events").await;
    assert_eq!(events, "101");
}

#[tokio::test]
async fn sigterm_during_a_loss_announces_what_was_decided_before_it_ends() {
    let mut cluster = Cluster::new().await;
    cluster.nodes("b", 2000).await;
    let mut listener = cluster.listen().await;
    let mut first = cluster.replica("first", &[]).await;
    first.role(&["active"]).await;
    cluster.joined("c1", 1, &["b"]).await;
    cluster.left("c1", 1).await;
    listener.next().await;
    first.signal(Signal::TERM);
    assert_eq!(first.ended().await.code(), Some(0), "{}", first.log());
    let overview = cluster.overview().await;
    assert_eq!(
        overview.announced, overview.last_announcement,
        "nothing waits"
    );
    let heard = listener.heard(overview.seq).await;
    assert_eq!(heard.len(), cluster.out().await.len());
}

#[tokio::test]
async fn after_kill_9_the_next_decision_comes_within_two_seconds() {
    let mut cluster = Cluster::new().await;
    cluster.nodes("b", 4).await;
    let mut listener = cluster.listen().await;
    let mut active = cluster.replica("r0", &[]).await;
    active.role(&["active"]).await;
    let mut took = Vec::new();
    for round in 1..=3 {
        let standby = cluster.replica(&format!("r{round}"), &[]).await;
        cluster.joined("c1", round, &["b"]).await;
        // Taken out in the round before, and back now.
        listener.heard((round - 1) * 8).await;
        eventually("the join is handled", async || {
            let conductors = cluster.reader.conductors().await.ok()?;
            (conductors.first()?.incarnation == round).then_some(())
        })
        .await;
        active.signal(Signal::KILL);
        let killed = Instant::now();
        cluster.left("c1", round).await;
        listener.next().await;
        took.push(killed.elapsed());
        active.ended().await;
        listener.heard((round - 1) * 8 + 4).await;
        active = standby;
    }
    println!("kill -9 to the next announcement: {took:?}");
    took.sort();
    assert!(took[1] < Duration::from_secs(2), "{took:?}");
}
