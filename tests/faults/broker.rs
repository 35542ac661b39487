//! The broker restarted, and connections that it closes; on a broker of its own.

use nodewarden::broker::{DeadLetter, DeadLetters};
use nodewarden_tests::cluster::{Cluster, Replica, signed};
use nodewarden_tests::database::Kind;
use nodewarden_tests::deployment::Deployment;
use nodewarden_tests::own_broker::OwnBroker;
use nodewarden_tests::rabbitmq::Client;
use nodewarden_tests::waiting::{eventually, eventually_blocking};
use rustix::process::Signal;

/// Short, so that several of them pass in a story. A busy machine may be slow with a heartbeat.
const LIMITS: [&str; 6] = [
    "--set",
    "amqp.timeout=3s",
    "--set",
    "amqp.heartbeat=10s",
    "--set",
    "decide.reconnect_grace=20s",
];

/// Sweeps of a second each in which several time limits pass.
const SEVERAL: u64 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_restarted_broker_and_closed_connections_take_no_node_out_and_lose_nothing() {
    let broker = OwnBroker::start();
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
    let broker = OwnBroker::start();
    let cluster = Cluster::at(&broker.url(), Kind::chosen()).await;
    let limits = [&LIMITS[..], &["--set", "decide.sweep_interval=1s"]].concat();
    let replica = cluster.replica("only", &limits).await;
    replica.role(&["active"]).await;

    broker.run(&["ctl"], &["set_vm_memory_high_watermark", "0"]);
    let reasons = eventually("announcements wait for several time limits", async || {
        let overview = cluster.overview().await;
        let waiting = overview
            .last_announcement
            .saturating_sub(overview.announced);
        let answer = replica.get("/readyz").await;
        (waiting >= SEVERAL).then(|| answer["reasons"].clone())
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

#[tokio::test(flavor = "multi_thread")]
async fn l3_l4_a_takeover_in_a_broker_s_alarm_is_one_and_its_replica_decides_on() {
    let broker = OwnBroker::start();
    let mut cluster = Cluster::at(&broker.url(), Kind::chosen()).await;
    let nodes = cluster.nodes("b", 35).await;
    let limits = [&LIMITS[..], &["--set", "decide.sweep_interval=1s"]].concat();
    // It is frozen with the event in its hand, and not missed before it is killed.
    let patience = [
        "--set",
        "amqp.heartbeat=60s",
        "--set",
        "decide.reconnect_grace=2m",
    ];
    let patient = [&limits[..], &patience[..]].concat();
    let (first, armed) = cluster
        .doomed("first", "after-delivery=stop", &patient)
        .await;
    first.role(&["active"]).await;
    let second = cluster.replica("second", &limits).await;
    cluster.joined("c1", 1, &["b"]).await;
    eventually("the join is handled", async || {
        (cluster.reader.conductors().await.ok()?.len() == 1).then_some(())
    })
    .await;
    std::fs::write(&armed, "").unwrap();
    eventually("it froze", async || (!armed.exists()).then_some(())).await;
    cluster.left("c1", 1).await;
    broker.run(&["ctl"], &["set_vm_memory_high_watermark", "0"]);
    eventually("the broker blocks the replicas", async || {
        let reasons = second.get("/readyz").await["reasons"].to_string();
        reasons.contains("blocks publishers").then_some(())
    })
    .await;
    drop(first);
    second.role(&["active"]).await;
    let began = cluster.overview().await.last_announcement;
    eventually("it has swept for several time limits", async || {
        let now = cluster.overview().await;
        (now.last_announcement >= began + 5).then_some(())
    })
    .await;
    assert_eq!(cluster.overview().await.epoch, 2);
    broker.run(&["ctl"], &["set_vm_memory_high_watermark", "0.6"]);
    eventually("all is announced", async || {
        let overview = cluster.overview().await;
        (overview.announced == overview.last_announcement).then_some(())
    })
    .await;
    cluster.wait_out(&nodes).await;
    let log = second.log();
    assert!(!log.contains("session over"), "{log}");
}

/// Stops or lets go on the process of a queue: what it takes is neither lost nor confirmed.
fn queue_process(broker: &OwnBroker, doing: &str, queue: &str) {
    let eval = format!(
        "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>)), \
         sys:{doing}(amqqueue:get_pid(Q))."
    );
    broker.run(&["ctl"], &["eval", &eval]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_subscriber_s_queue_that_confirms_nothing_ends_no_session_and_deafens_no_other() {
    let broker = OwnBroker::start();
    let mut cluster = Cluster::at(&broker.url(), Kind::chosen()).await;
    let nodes = cluster.nodes("a", 3).await;
    let replica = cluster.replica("only", &LIMITS).await;
    replica.role(&["active"]).await;
    cluster.joined("c1", 1, &["a"]).await;
    let client = Client::at(&broker.url()).await;
    let (events, announced) = (
        cluster.amqp.events_exchange.clone(),
        cluster.amqp.nodes_exchange.clone(),
    );
    client.queue("stuck", &[], Some((&announced, "#"))).await;
    let mut listener = cluster.listen().await;
    queue_process(&broker, "suspend", "stuck");
    cluster.left("c1", 1).await;
    listener.heard_from(1, 3).await;
    let reason = async |part: &str| {
        eventually("the replica says what is wrong", async || {
            let reasons = replica.get("/readyz").await["reasons"].to_string();
            reasons.contains(part).then_some(())
        })
        .await;
    };
    reason("announcements wait: waiting for a confirm: no answer").await;
    queue_process(&broker, "resume", "stuck");
    eventually("all is announced", async || {
        let overview = cluster.overview().await;
        (overview.announced == overview.last_announcement).then_some(())
    })
    .await;

    // The same at the exchange through which probes come.
    client.queue("stranger", &[], Some((&events, "#"))).await;
    queue_process(&broker, "suspend", "stranger");
    reason("confirms none of ours").await;
    queue_process(&broker, "resume", "stranger");
    eventually("the replica is content", async || {
        (replica.get("/readyz").await["ready"] == true).then_some(())
    })
    .await;
    let log = replica.log();
    assert!(!log.contains("session over"), "{log}");
    assert!(!log.contains("passed an announcement by"), "{log}");
    cluster.wait_out(&nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_an_announcement_over_the_broker_s_limit_is_passed_by_and_ends_no_session() {
    let broker = OwnBroker::with_plugins("", |_| "max_message_size = 2048".to_owned());
    let mut cluster = Cluster::at(&broker.url(), Kind::chosen()).await;
    cluster.nodes("small", 3).await;
    cluster.nodes("large", 100).await;
    let whole = [
        "--set",
        "publish.nodes_per_message=500",
        "--set",
        "decide.chunk_nodes=500",
    ];
    let replica = cluster.replica("only", &whole).await;
    replica.role(&["active"]).await;
    cluster.joined("c1", 1, &["large"]).await;
    cluster.joined("c2", 1, &["small"]).await;
    let mut listener = cluster.listen().await;
    cluster.left("c1", 1).await;
    cluster.left("c2", 1).await;
    listener.heard_from(101, 103).await;
    let log = replica.log();
    assert!(log.contains("passed an announcement by"), "{log}");
    assert!(log.contains("larger than configured max size"), "{log}");
    assert!(!log.contains("session over"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l3_a_refused_message_waits_for_the_end_of_an_alarm_and_ends_no_session() {
    let broker = OwnBroker::start();
    let mut cluster = Cluster::at(&broker.url(), Kind::chosen()).await;
    let limits = [&LIMITS[..], &["--set", "decide.sweep_interval=1s"]].concat();
    let first = cluster.replica("first", &limits).await;
    first.role(&["active"]).await;
    drop(first);
    let no_incarnation = serde_json::json!({"conductor": "c1"});
    cluster
        .publish("conductor.heartbeat", &no_incarnation)
        .await;
    cluster.joined("c1", 1, &["a"]).await;

    broker.run(&["ctl"], &["set_vm_memory_high_watermark", "0"]);
    let waits_and_is_well = async |replica: &Replica| {
        replica.role(&["active"]).await;
        let before = cluster.overview().await.last_announcement;
        eventually("sweeps go on for several time limits", async || {
            let now = cluster.overview().await.last_announcement;
            (now >= before + SEVERAL).then_some(())
        })
        .await;
        let log = replica.log();
        assert!(!log.contains("session over"), "{log}");
    };
    let mut second = cluster.replica("second", &limits).await;
    waits_and_is_well(&second).await;
    second.signal(Signal::TERM);
    assert!(second.ended().await.success(), "{}", second.log());
    let third = cluster.replica("third", &limits).await;
    waits_and_is_well(&third).await;

    broker.run(&["ctl"], &["set_vm_memory_high_watermark", "0.6"]);
    eventually("what waited behind it is handled", async || {
        let known = cluster.reader.conductors().await.unwrap();
        (known.len() == 1).then_some(())
    })
    .await;
    eventually("what is refused is among the dead letters", async || {
        let mut letters = DeadLetters::open(&cluster.amqp).await.ok()?;
        let refused = letters.list().await.ok()?;
        letters.close().await;
        let reason = |letter: &DeadLetter| letter.reason == "missing_field";
        assert!(refused.iter().all(reason), "{refused:?}");
        (!refused.is_empty()).then_some(())
    })
    .await;
    waits_and_is_well(&third).await;
}

#[test]
fn of_several_brokers_one_that_is_down_is_passed_by_and_the_next_one_serves_when_one_ends() {
    let (first, second) = (OwnBroker::start(), OwnBroker::start());
    let deployment = Deployment::default();
    let list = format!(
        "amqp.url=rabbit://guest:guest@127.0.0.1:1,guest:guest@127.0.0.1:{},guest:guest@127.0.0.1:{}//",
        first.port, second.port
    );
    let settings = [list.as_str()];
    let emitted = |conductor: &str| {
        let words = ["emit", "joined", conductor, "--driver", "ipmi"];
        let output = deployment.command(&settings, &words).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("guest"), "{told}");
        output.status.success().then_some(())
    };
    let known = |conductor: &str| {
        let what = format!("{conductor} is known");
        eventually_blocking(&what, || {
            let status = deployment.ask(&["status"]).to_string();
            status.contains(conductor).then_some(())
        });
    };
    deployment.run(&["migrate"]);
    let replica = deployment.replica(&settings);
    assert_eq!(emitted("c1"), Some(()));
    known("c1");
    let log = replica.log();
    assert!(log.contains("broker unreachable: 127.0.0.1:1: "), "{log}");

    first.run(&["stop"], &[]);
    // Until the replica has made its queue there, the second broker has nothing to put an event in.
    eventually_blocking("the second broker takes an event", || emitted("c2"));
    known("c2");
    replica.stop();
}
