//! A Galera cluster of three, and a replica on each of its nodes.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nodewarden_tests::cluster::{Cluster, Replica};
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::deployment::{binary, broker};
use nodewarden_tests::engine::Engine;
use nodewarden_tests::waiting::eventually;
use sqlx::Connection as _;

use crate::decided;

/// The database `scratch` by way of another node of the cluster.
fn through(engine: &Engine, node: usize, scratch: &Scratch) -> String {
    let name = scratch.database.url.expose().rsplit_once('/').unwrap().1;
    let server = engine.mysql(node);
    format!("database.url={}/{name}", server.rsplit_once('/').unwrap().0)
}

async fn scratch(engine: &Engine) -> Scratch {
    // The first node is the one that dies.
    Scratch::at(Kind::MySql, Some(engine.mysql(1))).await
}

fn migrate(url: &str) -> Command {
    let mut command = Command::new(binary());
    command.args(["migrate", "--set", url]).stdin(Stdio::null());
    command
}

/// A replica on each node; the first one decides.
async fn replicas(cluster: &Cluster, ways: &[String]) -> Vec<Replica> {
    let mut replicas = Vec::new();
    for (number, way) in ways.iter().enumerate() {
        let name = format!("replica-{number}");
        let role = if number == 0 { "active" } else { "standby" };
        let replica = cluster.start(&name, &["--set", way]);
        replica.role(&[role]).await;
        replicas.push(replica);
    }
    replicas
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_another_replica_decides_soon_after_the_active_one_s_database_node_died() {
    let engine = Engine::start("galera", 3, "");
    let scratch = scratch(&engine).await;
    let ways: Vec<String> = (0..3)
        .map(|node| through(&engine, node, &scratch))
        .collect();
    let migrated = migrate(&ways[0]).output().unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    let mut cluster = Cluster::over(&broker(), scratch).await;
    let nodes = cluster.nodes("b", 35).await;
    let replicas = replicas(&cluster, &ways).await;
    let mut listener = cluster.listen().await;
    let joined = cluster.joined("c1", 1, &["b"]).await;
    let left = cluster.left("c1", 1).await;
    cluster.wait_out(&nodes).await;

    engine.kill(0);
    let died = Instant::now();
    let back = cluster.joined("c1", 2, &["b"]).await;
    cluster.wait_out(&BTreeSet::new()).await;
    let took = died.elapsed();
    println!("another replica decided {took:?} after the node's death");
    assert!(took < Duration::from_secs(15), "{took:?}");

    let left_again = cluster.left("c1", 2).await;
    cluster.wait_out(&nodes).await;
    let expected = [
        format!("b lost by c1 {left}, 35 nodes"),
        format!("b restored by c1 {back}, 35 nodes"),
        format!("b lost by c1 {left_again}, 35 nodes"),
    ];
    assert_eq!(cluster.decisions().await, expected, "after {joined}");
    listener.heard(105).await;
    let ready = replicas[0].get("/readyz").await;
    assert_eq!(ready["ready"], false, "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_restarts_on_another_node_does_not_disturb_the_active_replica() {
    let engine = Engine::start("galera", 3, "");
    let scratch = scratch(&engine).await;
    let ways: Vec<String> = (0..3)
        .map(|node| through(&engine, node, &scratch))
        .collect();
    let migrated = migrate(&ways[0]).output().unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    let mut cluster = Cluster::over(&broker(), scratch).await;
    cluster.nodes("b", 5).await;
    let active = cluster.start("active", &["--set", &ways[0]]);
    active.role(&["active"]).await;
    cluster.joined("c1", 1, &["b"]).await;
    let mut expected = Vec::new();
    for round in 0..12_u64 {
        let standby = cluster.start(
            "standby",
            &["--set", &ways[1 + usize::from(round % 2 == 1)]],
        );
        // While it comes up, so that both write at the same time.
        for _ in 0..3 {
            let turn = u64::try_from(expected.len() / 2).unwrap() + 1;
            let left = cluster.left("c1", turn).await;
            let back = cluster.joined("c1", turn + 1, &["b"]).await;
            expected.push(format!("b lost by c1 {left}"));
            expected.push(format!("b restored by c1 {back}"));
        }
        standby.role(&["standby"]).await;
        drop(standby);
    }
    assert_eq!(decided(&cluster, expected.len()).await, expected);
    let log = active.log();
    assert_eq!(log.matches("this replica decides now").count(), 1, "{log}");
    assert!(!log.contains("Deadlock"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_through_every_node_at_once_ends_well_on_all() {
    let engine = Engine::start("galera", 3, "");
    for round in 0..6 {
        let scratch = scratch(&engine).await;
        let ways: Vec<String> = (0..3)
            .map(|node| through(&engine, node, &scratch))
            .collect();
        for way in &ways {
            let url = way.strip_prefix("database.url=").unwrap();
            eventually("the node has the new database", async || {
                sqlx::MySqlConnection::connect(url).await.ok()
            })
            .await;
        }
        let migrations: Vec<_> = ways
            .iter()
            .map(|way| {
                migrate(way)
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for (node, migration) in migrations.into_iter().enumerate() {
            let output = migration.wait_with_output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "round {round}, node {node}: {told}"
            );
        }
        let streams = scratch.list("SELECT count(*) FROM nodewarden_state").await;
        assert_eq!(streams, ["1"]);
        let failed = "SELECT count(*) FROM nodewarden_migrations WHERE NOT success";
        assert_eq!(scratch.list(failed).await, ["0"]);
    }
}
