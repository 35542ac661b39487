//! SIGTERM at any moment ends a replica with 0 within five seconds, whatever servers are silent.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nodewarden::config::InventoryKind;
use nodewarden::store;
use nodewarden_tests::cluster::{Cluster, Replica};
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::deployment::broker;
use nodewarden_tests::own_server::OwnServer;
use nodewarden_tests::waiting::eventually;
use rustix::process::Signal;

/// Five seconds are promised, of which a frozen database takes 4.5; a supervisor of containers kills after
/// ten.
const WITHIN: Duration = Duration::from_secs(8);

/// A server that takes connections and says nothing.
struct Silent {
    port: u16,
    taken: Arc<AtomicBool>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&taken);
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                kept.push(stream);
                told.store(true, Ordering::Relaxed);
            }
        });
        Self { port, taken }
    }

    async fn was_asked(&self) {
        eventually("the replica comes to the silent server", async || {
            self.taken.load(Ordering::Relaxed).then_some(())
        })
        .await;
    }
}

/// Asks it to stop; it must end with 0, and in time.
async fn stops(replica: &mut Replica, what: &str) {
    let asked = Instant::now();
    replica.signal(Signal::TERM);
    let end = replica.ended().await;
    let took = asked.elapsed();
    println!("{what}: ended after {took:?}");
    assert_eq!(end.code(), Some(0), "{what}: {end}");
    assert!(took < WITHIN, "{what}: {took:?}");
}

#[tokio::test]
async fn sigterm_while_a_server_is_silent_at_start_ends_with_0_within_five_seconds() {
    let cluster = Cluster::new().await;
    for (what, setting, name) in [
        ("a silent broker", "amqp.url=amqp://guest:guest", "%2f"),
        ("a silent PostgreSQL", "database.url=postgres://n:n", "n"),
        ("a silent MySQL", "database.url=mysql://n:n", "n"),
    ] {
        let silent = Silent::start();
        let setting = format!("{setting}@127.0.0.1:{}/{name}", silent.port);
        let mut replica = cluster.start("only", &["--set", &setting]);
        silent.was_asked().await;
        stops(&mut replica, what).await;
    }
}

/// A replica that waits for a database which froze in the middle of a loss.
struct Frozen {
    replica: Replica,
    cluster: Cluster,
    server: OwnServer,
}

impl Drop for Frozen {
    /// What is dropped after this may want an answer from the server.
    fn drop(&mut self) {
        self.server.thaw();
    }
}

async fn frozen() -> Frozen {
    let server = OwnServer::start(Kind::Postgres, "");
    let scratch = Scratch::at(Kind::Postgres, Some(server.url())).await;
    let id = nodewarden::clock::new_id();
    store::migrate(&scratch.database, InventoryKind::Native, &id)
        .await
        .unwrap();
    let mut cluster = Cluster::over(&broker(), scratch).await;
    cluster.nodes("b", 1000).await;
    let mut listener = cluster.listen().await;
    // Neither its watchdog nor a time limit of the database helps.
    // Many transactions, so that freezing the server finds it in the middle.
    let patient = [
        "--set",
        "database.transaction_limit=10m",
        "--set",
        "decide.chunk_nodes=1",
    ];
    let replica = cluster.replica("only", &patient).await;
    replica.role(&["active"]).await;
    cluster.joined("c1", 1, &["b"]).await;
    cluster.left("c1", 1).await;
    listener.next().await;
    server.freeze();
    Frozen {
        replica,
        cluster,
        server,
    }
}

#[tokio::test]
async fn sigterm_while_the_database_is_frozen_ends_with_0_within_five_seconds_and_loses_nothing() {
    let mut frozen = frozen().await;
    stops(&mut frozen.replica, "a frozen database").await;
    frozen.server.thaw();
    let cluster = &frozen.cluster;
    let out = cluster.out().await.len();
    println!("{out} nodes were out");
    assert!(out < 1000, "it froze in the middle of the loss");
    let _successor = cluster.replica("successor", &[]).await;
    eventually("the successor finishes", async || {
        (cluster.out().await.len() == 1000).then_some(())
    })
    .await;
    assert_eq!(cluster.decisions().await.len(), 1);
}

#[tokio::test]
async fn a_second_sigterm_ends_at_once() {
    let mut frozen = frozen().await;
    let replica = &mut frozen.replica;
    // What comes within half a second of the first is the same stop.
    let asked = Instant::now();
    replica.signal(Signal::TERM);
    eventually("it was heard", async || {
        replica.log().contains("asked to stop").then_some(())
    })
    .await;
    let end = eventually("a second one ends it", async || {
        replica.signal(Signal::TERM);
        replica.try_ended()
    })
    .await;
    let took = asked.elapsed();
    println!("ended {took:?} after the first one");
    assert_eq!(end.code(), Some(1), "{end}");
    assert!(replica.log().contains("asked to stop again"));
    assert!(took >= Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn a_stop_that_is_sent_to_every_process_of_a_service_ends_the_replica_with_0() {
    let cluster = Cluster::new().await;
    for signal in [Signal::TERM, Signal::INT] {
        let mut replica = cluster.replica("only", &[]).await;
        replica.role(&["active"]).await;
        for also in [Signal::HUP, Signal::INT, Signal::TERM] {
            replica.signal_child(also);
        }
        replica.signal(signal);
        let end = replica.ended().await;
        let log = replica.log();
        assert_eq!(end.code(), Some(0), "{end}: {log}");
        assert!(log.contains("stopped"), "it finishes its work: {log}");
    }
}
