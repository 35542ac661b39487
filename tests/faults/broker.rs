//! The broker restarted, and connections that it closes; on a broker of its own.

use nodewarden_tests::database::Kind;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::harness::{Cluster, signed};
use nodewarden_tests::waiting::eventually;

struct Broker {
    folder: tempfile::TempDir,
    port: u16,
}

/// One broker chooses its ports and takes them before the next one looks: tests run side by side.
static STARTING: Mutex<()> = Mutex::new(());

impl Broker {
    fn start() -> Self {
        let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        // Ten ports in a row that nobody has, below those that the kernel hands out.
        let base = (0..200)
            .map(|step| {
                16_000 + (u16::try_from(std::process::id() % 200).unwrap() + step) % 200 * 10
            })
            .find(|base| {
                (*base..base + 10)
                    .all(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok())
            })
            .expect("ten free ports in a row");
        let broker = Self {
            folder: tempfile::tempdir().unwrap(),
            port: base,
        };
        broker.run(&["start"], &[&base.to_string()]);
        broker
    }

    fn script() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/rabbitmq")
    }

    fn run(&self, before: &[&str], after: &[&str]) {
        let output = Command::new(Self::script())
            .args(before)
            .arg(self.folder.path())
            .args(after)
            .output()
            .unwrap();
        assert!(output.status.success(), "{before:?} {after:?}: {output:?}");
    }

    fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = Command::new(Self::script())
            .arg("stop")
            .arg(self.folder.path())
            .output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_restarted_broker_and_closed_connections_take_nobody_out_and_lose_nothing() {
    let broker = Broker::start();
    let mut cluster = Cluster::at(&broker.url(), Kind::chosen()).await;
    cluster.nodes("a", 10).await;
    let b = cluster.nodes("b", 35).await;
    let first = cluster.replica("first", &[]).await;
    first.role(&["active"]).await;
    let second = cluster.replica("second", &[]).await;
    // Watched with a short time-out: an outage must not make it look dead.
    let watched = serde_json::json!({"conductor": "c2", "incarnation": 1, "drivers": ["a"],
        "heartbeat_timeout_ms": 600_000});
    cluster.publish("conductor.joined", &watched).await;
    cluster.joined("c1", 1, &["b"]).await;

    broker.run(&["ctl"], &["close_all_connections", "test"]);
    let left = cluster.left("c1", 1).await;
    cluster.wait_out(&b).await;
    // Who listens from here on hears nothing of it: what waits would come after the restart.
    eventually("all is announced", async || {
        let overview = cluster.overview().await;
        (overview.announced == overview.last_announcement).then_some(())
    })
    .await;

    broker.run(&["restart"], &[]);
    let mut listener = cluster.listen().await;
    let back = cluster.joined("c1", 2, &["b"]).await;
    cluster.wait_out(&Default::default()).await;
    let left_again = cluster.left("c1", 2).await;
    cluster.wait_out(&b).await;
    eventually("one is active, one in line", async || {
        let mut roles = [first.get("/readyz").await, second.get("/readyz").await]
            .map(|answer| answer["role"].as_str().unwrap_or_default().to_owned());
        roles.sort();
        (roles == ["active", "standby"]).then_some(())
    })
    .await;
    assert_eq!(
        cluster.decisions().await,
        [
            format!("b lost by c1 {left}, 35 nodes"),
            format!("b restored by c1 {back}, 35 nodes"),
            format!("b lost by c1 {left_again}, 35 nodes")
        ]
    );
    listener.heard_from(36, 105).await;
    assert_eq!(signed('-', &b).len(), 35);
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_broker_s_alarm_makes_announcements_wait_and_ends_no_session() {
    let broker = Broker::start();
    let cluster = Cluster::at(&broker.url(), Kind::chosen()).await;
    let limits = [
        "--set",
        "amqp.timeout=1s",
        "--set",
        "decide.sweep_interval=1s",
    ];
    let replica = cluster.replica("only", &limits).await;
    replica.role(&["active"]).await;

    broker.run(&["ctl"], &["set_vm_memory_high_watermark", "0"]);
    let reasons = eventually("announcements wait for several time limits", async || {
        let overview = cluster.overview().await;
        let waiting = overview
            .last_announcement
            .saturating_sub(overview.announced);
        let answer = replica.get("/readyz").await;
        (waiting >= 5).then(|| answer["reasons"].clone())
    })
    .await;
    assert!(
        reasons.to_string().contains("the broker blocks publishers"),
        "{reasons}"
    );

    broker.run(&["ctl"], &["set_vm_memory_high_watermark", "0.6"]);
    eventually("all is announced, and the replica is content", async || {
        let overview = cluster.overview().await;
        let announced = overview.announced == overview.last_announcement;
        let answer = replica.get("/readyz").await;
        (announced && answer["ready"] == true).then_some(())
    })
    .await;
    let log = replica.log();
    assert!(!log.contains("session over"), "{log}");
    assert_eq!(log.matches("this replica decides now").count(), 1, "{log}");
}
