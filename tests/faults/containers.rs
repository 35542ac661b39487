//! A replica as the first process of a PID namespace, as in most containers: the kernel keeps a
//! SIGKILL from within away from it.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use nodewarden_tests::cluster::{BUSY, Cluster, Replica, assert_killed_in_a_transaction, signed};
use nodewarden_tests::deployment::binary;
use nodewarden_tests::waiting::eventually;
use rustix::process::Signal;

/// Starts a replica in a PID namespace of its own, which ends with this test; that needs root.
fn contained(cluster: &Cluster, name: &str, more: &[&str]) -> Replica {
    let mut unshare = Command::new("unshare");
    unshare
        .process_group(0)
        .args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"])
        .arg(binary());
    cluster.start_by(unshare, name, more)
}

#[tokio::test]
async fn i9_l4_a_frozen_replica_as_process_1_is_killed_by_its_watchdog_which_names_what_it_was_in()
{
    let mut cluster = Cluster::new().await;
    let b = cluster.nodes("b", 35).await;
    let mut listener = cluster.listen().await;
    let armed = cluster.armed();
    let place = ["--fail-point", "before-commit=stop", "--fail-point-file"];
    let place = [&place[..], &[armed.to_str().unwrap()]].concat();
    let mut first = contained(&cluster, "first", &place);
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
    let end = first.ended().await;
    let held = froze.elapsed();
    println!("killed {held:?} after it froze; the limit is 5 s");
    assert_eq!(end.code(), Some(137), "{end}");
    assert!(held < Duration::from_secs(5) + BUSY, "{held:?}");
    assert_killed_in_a_transaction(&first.log());
    assert_eq!(listener.heard(35).await, signed('-', &b));
    second.role(&["active"]).await;
    let lost = format!("b lost by c1 {left}, 35 nodes");
    assert_eq!(cluster.decisions().await, [lost]);
}

#[tokio::test]
async fn sigterm_reaches_a_replica_as_process_1_s_child_and_its_code_is_handed_back() {
    let cluster = Cluster::new().await;
    let mut replica = contained(&cluster, "only", &[]);
    replica.role(&["active"]).await;
    replica.signal_child(Signal::TERM);
    let end = replica.ended().await;
    assert_eq!(end.code(), Some(0), "{end}: {}", replica.log());
    assert!(replica.log().contains("stopped"), "{}", replica.log());
}

#[tokio::test]
async fn an_interrupt_that_comes_from_the_terminal_and_from_process_1_is_one_stop() {
    let cluster = Cluster::new().await;
    let mut replica = contained(&cluster, "only", &[]);
    replica.role(&["active"]).await;
    replica.signal_group(Signal::INT);
    let end = replica.ended().await;
    assert_eq!(end.code(), Some(0), "{end}: {}", replica.log());
    assert!(replica.log().contains("stopped"), "{}", replica.log());
}
