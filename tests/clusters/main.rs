//! The engines that operators have and one server cannot stand for: clusters of three nodes of which one
//! dies, and versions newer than the ones that all other suites run on.

mod durable;
mod galera;
mod order;
mod postgres;
mod rabbitmq;
mod timeouts;
use nodewarden_tests::cluster::Cluster;
use nodewarden_tests::waiting::eventually;

/// Waits for so many decisions; each one's driver, verdict and cause, oldest first.
async fn decided(cluster: &Cluster, count: usize) -> Vec<String> {
    eventually("all is decided", async || {
        let decisions = cluster.decisions().await;
        let cause = |line: &String| line.split_once(", ").unwrap().0.to_owned();
        (decisions.len() >= count).then(|| decisions.iter().map(cause).collect())
    })
    .await
}
