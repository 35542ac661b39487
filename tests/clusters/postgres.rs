//! A PostgreSQL with an asynchronous standby that is promoted without the last commits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nodewarden::broker::Subscriber;
use nodewarden::config::{Database, InventoryKind, SecretUrl};
use nodewarden::store::Reader;
use nodewarden::wire::Announced;
use nodewarden_tests::cluster::Cluster;
use nodewarden_tests::database::{Kind, Scratch, run};
use nodewarden_tests::deployment::broker;
use nodewarden_tests::own_server::OwnServer;
use nodewarden_tests::waiting::eventually;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// What a scheduler heard: each change by its stream and number.
struct Heard {
    subscriber: Subscriber,
    changes: BTreeMap<(String, u64), String>,
}

impl Heard {
    async fn hear(&mut self) {
        let deliveries = self
            .subscriber
            .receive(256, Duration::from_millis(20))
            .await;
        for delivery in deliveries.unwrap() {
            let (stream, sign, nodes) = match Announced::read(&delivery).unwrap().unwrap() {
                Announced::Out(message) => (message.stream, "-", message.nodes),
                Announced::Back(message) => (message.stream, "+", message.nodes),
                Announced::Position(_) => continue,
            };
            for node in nodes {
                let change = format!("{sign}{}", node.uuid);
                let number = (stream.clone(), node.seq);
                let before = self.changes.entry(number).or_insert_with(|| change.clone());
                assert_eq!(
                    *before, change,
                    "seq {} of {stream} means two things",
                    node.seq
                );
            }
        }
    }

    /// Waits for so many changes of this stream; all that went out.
    async fn out(&mut self, stream: &str, count: usize) -> BTreeSet<String> {
        eventually("all is heard", async || {
            self.hear().await;
            let of_stream = self.changes.iter().filter(|((of, _), _)| of == stream);
            let out: BTreeSet<String> = of_stream
                .filter_map(|(_, change)| change.strip_prefix('-').map(str::to_owned))
                .collect();
            (out.len() >= count).then_some(out)
        })
        .await
    }
}

async fn text(url: &str, query: &str) -> Option<String> {
    let mut link = sqlx::PgConnection::connect(url).await.ok()?;
    let query = sqlx::query(AssertSqlSafe(query.to_owned()));
    let row = query.fetch_one(&mut link).await.ok()?;
    row.try_get(0).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_a_standby_that_was_promoted_without_the_last_commits_begins_a_new_stream() {
    let primary = OwnServer::start(Kind::Postgres, "");
    let scratch = Scratch::at(Kind::Postgres, Some(primary.url())).await;
    let url = scratch.database.url.expose().to_owned();
    let standby = primary.standby();
    let other = url.replace(&primary.host(), &standby.host());
    let both = url.replace(
        &primary.host(),
        &format!("{},{}", primary.host(), standby.host()),
    );
    let migrated = std::process::Command::new(nodewarden_tests::deployment::binary())
        .args(["migrate", "--set", &format!("database.url={url}")])
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    let mut cluster = Cluster::over(&broker(), scratch).await;
    cluster.nodes("a", 5).await;
    let of_b = cluster.nodes("b", 3).await;
    let mut heard = Heard {
        subscriber: Subscriber::open(&cluster.amqp, "a scheduler")
            .await
            .unwrap(),
        changes: BTreeMap::new(),
    };
    let hosts = format!("database.url={both}");
    let replica = cluster.replica("one", &["--set", &hosts]).await;
    replica.role(&["active"]).await;
    cluster.joined("c1", 1, &["a"]).await;
    cluster.joined("c2", 1, &["b"]).await;
    eventually("both are known to the standby", async || {
        let known = "SELECT CAST(count(*) AS TEXT) FROM nodewarden_conductors";
        (text(&other, known).await? == "2").then_some(())
    })
    .await;
    let before = cluster.overview().await;

    // From here on nothing reaches the standby.
    let server = standby.url();
    run(&server, "ALTER SYSTEM SET primary_conninfo = ''").await;
    run(&server, "SELECT pg_reload_conf()").await;
    eventually("the standby receives nothing", async || {
        let receivers = "SELECT CAST(count(*) AS TEXT) FROM pg_stat_wal_receiver";
        (text(&server, receivers).await? == "0").then_some(())
    })
    .await;
    cluster.left("c1", 1).await;
    assert_eq!(heard.out(&before.stream, 5).await.len(), 5);
    primary.kill();
    standby.promote();
    let database = Database {
        url: SecretUrl::new(&other),
        ..Database::default()
    };
    cluster.reader = Reader::new(&database, InventoryKind::Native).unwrap();

    // In the old stream its nodes would get the numbers that those of the other one had.
    let left = cluster.left("c2", 1).await;
    // For 90 s no node goes out, and as long it says so.
    for (what, waits) in [("it waits", true), ("the wait is over", false)] {
        eventually(what, async || {
            let remarks = replica.get("/readyz").await["remarks"].clone();
            (remarks.as_array()?.is_empty() != waits).then_some(())
        })
        .await;
    }
    cluster.wait_out(&of_b).await;
    let after = cluster.overview().await;
    assert_ne!(after.stream, before.stream);
    assert!(after.epoch > before.epoch + 1, "{after:?}");
    assert_eq!(
        cluster.decisions().await,
        [format!("b lost by c2 {left}, 3 nodes")]
    );
    assert_eq!(heard.out(&after.stream, 3).await, of_b);
    let log = replica.log();
    assert!(log.contains("with the changes of seq 1 to 5"), "{log}");
    let ready = replica.get("/readyz").await;
    assert_eq!(ready["ready"], true, "{ready}");
    let remarks = ready["remarks"].as_array().map(Vec::len);
    assert_eq!(remarks, Some(0), "the wait is over: {ready}");
    drop(replica);
    drop(standby);
}
