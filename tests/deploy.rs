//! What `deploy/` ships holds: the settings file says the defaults, and the broker's definitions
//! give exactly the topology, limits and rights that their README promises. The latter is tried on
//! a broker of its own, because policies and users belong to a whole broker.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, BasicRejectOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use nodewarden::config::Settings;
use nodewarden_tests::deployment::free_ports;

const EVENTS: &str = "conductor.events";
const QUEUE: &str = "nodewarden.conductor-events";
const NODES: &str = "node.events";
const RECEIPTS: &str = "scheduler.receipts";
const DEAD: &str = "nodewarden.dead-letters";

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(file)
}

#[test]
fn the_settings_file_names_every_setting_and_says_its_default() {
    let text = std::fs::read_to_string(shipped("nodewarden.toml")).expect("the file is shipped");
    let read = Settings::load(Some(&shipped("nodewarden.toml")), &[]).expect("it is valid");
    let read = serde_json::to_value(read).expect("settings serialize");
    let defaults = serde_json::to_value(Settings::default()).expect("settings serialize");
    assert_eq!(read, defaults);
    let mut missing = Vec::new();
    for (section, keys) in defaults.as_object().expect("sections") {
        let after = text.split_once(&format!("\n[{section}]\n"));
        let body = after.map_or("", |(_, rest)| rest.split("\n[").next().unwrap_or_default());
        for key in keys.as_object().expect("keys").keys() {
            let named = |line: &str| {
                let line = line.strip_prefix('#').unwrap_or(line);
                line.split_once(" = ").is_some_and(|(name, _)| name == key)
            };
            if !body.lines().any(named) {
                missing.push(format!("{section}.{key}"));
            }
        }
    }
    assert!(missing.is_empty(), "not in the file: {missing:?}");
}

#[test]
fn each_service_has_a_unit_whose_command_exists() {
    let mut started = BTreeSet::new();
    for entry in shipped("systemd").read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "service")
        {
            let unit = std::fs::read_to_string(&path).expect("text");
            let start = unit
                .lines()
                .find_map(|line| line.strip_prefix("ExecStart="));
            let start = start.expect("a command").to_owned();
            let parsed = nodewarden::cli::command().try_get_matches_from(start.split(' '));
            assert!(parsed.is_ok(), "{}: {parsed:?}", path.display());
            let (_, words) = start.split_once("nodewarden.toml ").expect("its settings");
            started.insert(words.to_owned());
        }
    }
    let services = ["bridge ironic", "placement", "run"].map(str::to_owned);
    assert_eq!(started, BTreeSet::from(services));
}

/// `migrate` and `nodes import` come before the first start of a replica, which makes the folder otherwise.
#[test]
fn other_commands_make_the_folder_of_the_unit_as_the_unit_does() {
    let text = std::fs::read_to_string(shipped("systemd/nodewarden@.service")).expect("text");
    let (head, unit) = text.split_once("\n[Unit]\n").expect("a unit");
    for key in [
        "StateDirectory=nodewarden",
        "StateDirectoryMode=0750",
        "UMask=0027",
    ] {
        assert!(unit.lines().any(|line| line == key), "{key}");
        assert!(head.contains(&format!(" -p {key} ")), "{key}");
    }
}

/// A private broker; gone when dropped.
struct Broker {
    script: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
}

impl Broker {
    /// Starts one with the shipped fragment of its settings.
    fn start() -> Self {
        let script = shipped("../tests/servers/rabbitmq");
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::copy(
            shipped("rabbitmq/rabbitmq.conf"),
            dir.path().join("extra.conf"),
        )
        .expect("the fragment is shipped");
        let broker = Self {
            script,
            dir,
            port: free_ports(10),
        };
        broker.run("start", &[&broker.port.to_string()]);
        broker
    }

    fn run(&self, what: &str, arguments: &[&str]) -> String {
        let output = Command::new(&self.script)
            .arg(what)
            .arg(self.dir.path())
            .args(arguments)
            .output()
            .expect("the script runs");
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{what} {arguments:?}: {out}{err}");
        out.into_owned()
    }

    fn ctl(&self, arguments: &[&str]) -> String {
        self.run("ctl", arguments)
    }

    fn import(&self, file: &str) {
        let path = shipped(file);
        self.ctl(&["import_definitions", path.to_str().expect("UTF-8")]);
    }

    async fn login(&self, user: &str) -> Connection {
        let url = format!("amqp://{user}:{user}@127.0.0.1:{}/%2f", self.port);
        Connection::connect(&url, ConnectionProperties::default())
            .await
            .unwrap_or_else(|fault| panic!("{user} cannot log in: {fault}"))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = Command::new(&self.script)
            .arg("stop")
            .arg(self.dir.path())
            .output();
    }
}

async fn channel(connection: &Connection) -> Channel {
    let channel = connection.create_channel().await.expect("a channel");
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .expect("confirms");
    channel
}

/// Publishes, mandatory and confirmed; says why not.
async fn publish(
    connection: &Connection,
    exchange: &str,
    key: &str,
    body: &[u8],
    properties: BasicProperties,
) -> Result<(), String> {
    let channel = channel(connection).await;
    let options = BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    };
    let confirm = channel
        .basic_publish(exchange.into(), key.into(), options, body, properties)
        .await
        .map_err(|fault| fault.to_string())?
        .await
        .map_err(|fault| fault.to_string())?;
    match (confirm.is_ack(), confirm.take_message()) {
        (true, None) => Ok(()),
        (true, Some(_)) => Err("no queue took it".into()),
        (false, _) => Err("nacked".into()),
    }
}

/// Takes the first message out of `queue`, within 10 s, and is gone as a consumer again.
/// Acknowledges it, or (`accept` false) rejects it.
/// (`basic.get` does not work on a queue with a single active consumer.)
async fn take(connection: &Connection, queue: &str, accept: bool) -> Option<Delivery> {
    let channel = channel(connection).await;
    channel
        .basic_qos(1, BasicQosOptions::default())
        .await
        .expect("prefetch");
    let mut consumer = channel
        .basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await
        .expect("may read");
    let next = tokio::time::timeout(Duration::from_secs(10), consumer.next()).await;
    let delivery = next.ok().flatten().map(|next| next.expect("a delivery"));
    if let Some(delivery) = &delivery {
        if accept {
            let options = BasicAckOptions::default();
            delivery.acker.ack(options).await.expect("acknowledged");
        } else {
            let options = BasicRejectOptions { requeue: false };
            delivery.acker.reject(options).await.expect("rejected");
        }
    }
    channel.close(200, "done".into()).await.expect("closed");
    delivery
}

/// Waits until a queue holds so many messages.
async fn waiting(connection: &Connection, queue: &str, count: u32) {
    let channel = channel(connection).await;
    let end = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let declared = channel.queue_declare(queue.into(), options, FieldTable::default());
        if declared.await.expect("it exists").message_count() == count {
            return;
        }
        assert!(
            std::time::Instant::now() < end,
            "{queue} never holds {count}"
        );
    }
}

fn quorum(single_active: bool) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    if single_active {
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    }
    arguments
}

fn passive() -> QueueDeclareOptions {
    QueueDeclareOptions {
        passive: true,
        ..Default::default()
    }
}

/// Declares what the worker declares: the broker refuses where what was imported differs.
async fn the_worker_would_declare_the_same(connection: &Connection) {
    let channel = channel(connection).await;
    for exchange in [EVENTS, NODES, RECEIPTS] {
        let options = ExchangeDeclareOptions {
            durable: true,
            ..Default::default()
        };
        channel
            .exchange_declare(
                exchange.into(),
                ExchangeKind::Topic,
                options,
                FieldTable::default(),
            )
            .await
            .unwrap_or_else(|fault| panic!("{exchange} differs: {fault}"));
    }
    for (queue, single_active) in [(QUEUE, true), (DEAD, false)] {
        let options = QueueDeclareOptions {
            durable: true,
            ..Default::default()
        };
        channel
            .queue_declare(queue.into(), options, quorum(single_active))
            .await
            .unwrap_or_else(|fault| panic!("{queue} differs: {fault}"));
    }
}

/// A rejected event is kept; a tick that expired, and so dead-letters too, is thrown away.
async fn refused_events_are_kept_and_expired_ticks_are_not(guest: &Connection) {
    let tick = BasicProperties::default()
        .with_type("nodewarden.tick".into())
        .with_expiration("1".into());
    publish(guest, "", QUEUE, b"tick", tick)
        .await
        .expect("a tick goes straight into the queue");
    publish(
        guest,
        EVENTS,
        "conductor.joined",
        b"event",
        BasicProperties::default(),
    )
    .await
    .expect("an event is routed");
    // What expires goes when it is the head; the event behind it is the first to be had.
    waiting(guest, QUEUE, 1).await;
    let event = take(guest, QUEUE, false).await.expect("the event");
    assert_eq!(event.data, b"event", "the tick has expired");
    let kept = take(guest, DEAD, true)
        .await
        .expect("a rejected event is kept");
    assert_eq!(kept.data, b"event", "the tick was not kept");
    assert_eq!(kept.routing_key.as_str(), "conductor.joined");
    assert_eq!(
        channel(guest)
            .await
            .queue_declare(DEAD.into(), passive(), FieldTable::default())
            .await
            .expect("it is there")
            .message_count(),
        0,
        "nothing else was kept"
    );
}

async fn refused(outcome: Result<(), String>, what: &str) {
    let fault = outcome.expect_err(what);
    assert!(fault.contains("ACCESS_REFUSED"), "{what}: {fault}");
}

async fn each_user_may_do_its_work_and_no_more(broker: &Broker) {
    let plain = BasicProperties::default;
    let conductor = broker.login("conductor").await;
    for event in ["joined", "heartbeat", "left", "heartbeat_timeout"] {
        let key = format!("conductor.{event}");
        publish(
            &conductor,
            EVENTS,
            &key,
            b"",
            plain().with_user_id("conductor".into()),
        )
        .await
        .expect("a conductor speaks");
    }
    refused(
        publish(&conductor, EVENTS, "conductor.other", b"", plain()).await,
        "an event that does not exist",
    )
    .await;
    refused(
        publish(&conductor, "", QUEUE, b"", plain()).await,
        "a conductor's tick",
    )
    .await;
    refused(
        publish(&conductor, NODES, "node.position", b"", plain()).await,
        "a conductor's announcement",
    )
    .await;

    let scheduler = broker.login("scheduler").await;
    let ear = channel(&scheduler).await;
    let options = QueueDeclareOptions {
        exclusive: true,
        ..Default::default()
    };
    ear.queue_declare("scheduler.test".into(), options, FieldTable::default())
        .await
        .expect("a queue of its own");
    ear.queue_bind(
        "scheduler.test".into(),
        NODES.into(),
        "node.#".into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    )
    .await
    .expect("a scheduler listens");
    refused(
        publish(&scheduler, NODES, "node.position", b"", plain()).await,
        "a scheduler's announcement",
    )
    .await;
    publish(&scheduler, RECEIPTS, "scheduler.applied", b"", plain())
        .await
        .expect("a scheduler says how far it is");
    refused(
        publish(&scheduler, RECEIPTS, "conductor.left", b"", plain()).await,
        "a scheduler's event",
    )
    .await;
    let fault = channel(&scheduler)
        .await
        .queue_bind(
            "scheduler.test".into(),
            RECEIPTS.into(),
            "#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
        .expect_err("the receipts of others");
    assert!(fault.to_string().contains("ACCESS_REFUSED"), "{fault}");
    let fault = channel(&scheduler)
        .await
        .exchange_delete(RECEIPTS.into(), ExchangeDeleteOptions::default())
        .await
        .expect_err("the way of all receipts");
    assert!(fault.to_string().contains("ACCESS_REFUSED"), "{fault}");
    let fault = channel(&scheduler)
        .await
        .queue_declare("unlimited".into(), options, FieldTable::default())
        .await
        .expect_err("a queue that no policy bounds");
    assert!(fault.to_string().contains("ACCESS_REFUSED"), "{fault}");
    let fault = channel(&scheduler)
        .await
        .basic_consume(
            QUEUE.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await
        .expect_err("a scheduler reads our queue");
    assert!(fault.to_string().contains("ACCESS_REFUSED"), "{fault}");

    let nodewarden = broker.login("nodewarden").await;
    let ours = channel(&nodewarden).await;
    for exchange in [EVENTS, NODES] {
        let options = ExchangeDeclareOptions {
            passive: true,
            ..Default::default()
        };
        ours.exchange_declare(
            exchange.into(),
            ExchangeKind::Topic,
            options,
            FieldTable::default(),
        )
        .await
        .expect("checked passively");
    }
    for queue in [QUEUE, DEAD] {
        ours.queue_declare(queue.into(), passive(), FieldTable::default())
            .await
            .expect("checked passively");
    }
    for (exchange, key) in [
        (NODES, "node.out_of_service"),
        ("", QUEUE),
        ("", DEAD),
        (EVENTS, "conductor.joined"),
        (RECEIPTS, "scheduler.applied"),
    ] {
        publish(&nodewarden, exchange, key, b"", plain())
            .await
            .unwrap_or_else(|fault| panic!("nodewarden publishes {exchange} {key}: {fault}"));
    }
    assert!(
        take(&nodewarden, QUEUE, true).await.is_some(),
        "it consumes"
    );
    assert!(take(&nodewarden, DEAD, true).await.is_some(), "it looks");
    let fault = ours
        .queue_declare(
            "nodewarden.other".into(),
            QueueDeclareOptions::default(),
            FieldTable::default(),
        )
        .await
        .expect_err("it declares nothing");
    assert!(fault.to_string().contains("ACCESS_REFUSED"), "{fault}");
}

/// What none of the three may do, beside what is tried above.
async fn no_user_does_the_work_of_another(broker: &Broker) {
    for (user, queue) in [
        ("conductor", QUEUE),
        ("conductor", DEAD),
        ("scheduler", DEAD),
    ] {
        let connection = broker.login(user).await;
        let ear = channel(&connection).await;
        let consumer = ear.basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let outcome = consumer.await.map(drop).map_err(|fault| fault.to_string());
        refused(outcome, &format!("{user} reads {queue}")).await;
    }
    for (user, exchange, key) in [
        ("conductor", EVENTS, "conductor.probe"),
        ("conductor", "", DEAD),
        ("scheduler", EVENTS, "conductor.joined"),
        ("scheduler", "", QUEUE),
        ("scheduler", "", DEAD),
        ("nodewarden", NODES, "node.other"),
        ("nodewarden", "nodewarden.refused", "conductor.joined"),
    ] {
        let connection = broker.login(user).await;
        let outcome = publish(&connection, exchange, key, b"", BasicProperties::default()).await;
        refused(outcome, &format!("{user} publishes {exchange} {key}")).await;
    }
    for user in ["conductor", "scheduler", "nodewarden"] {
        let connection = broker.login(user).await;
        let ours = channel(&connection).await;
        let deleted = ours.queue_delete(QUEUE.into(), QueueDeleteOptions::default());
        let outcome = deleted.await.map(drop).map_err(|fault| fault.to_string());
        refused(outcome, &format!("{user} deletes the events queue")).await;
        let connection = broker.login(user).await;
        let ours = channel(&connection).await;
        let bound = ours.queue_bind(
            DEAD.into(),
            EVENTS.into(),
            "#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        let outcome = bound.await.map_err(|fault| fault.to_string());
        refused(
            outcome,
            &format!("{user} binds another queue to the events"),
        )
        .await;
    }
}

async fn a_message_beyond_the_limit_is_refused(guest: &Connection) {
    let largest = vec![0; 524_288];
    publish(
        guest,
        EVENTS,
        "conductor.joined",
        &largest,
        BasicProperties::default(),
    )
    .await
    .expect("512 KiB pass");
    let larger = vec![0; 524_289];
    let fault = publish(
        guest,
        EVENTS,
        "conductor.joined",
        &larger,
        BasicProperties::default(),
    )
    .await
    .expect_err("a byte more does not");
    assert!(fault.contains("PRECONDITION_FAILED"), "{fault}");
}

#[test]
fn the_largest_announcement_by_default_is_within_the_broker_s_limit() {
    use nodewarden::domain::announcement::{
        About, AnnouncedCause, AnnouncedNode, Announcement, Content, OutReason,
    };
    use nodewarden::domain::ids::{Driver, Group, Pair};
    let longest = "x".repeat(255);
    let announcement = Announcement {
        number: u64::MAX,
        stream: "01170af4-6dd3-40e9-aadc-f5dd7b75aac0".into(),
        epoch: u64::MAX,
        decided_at_ms: u64::MAX,
        waited_since_ms: u64::MAX,
        content: Content::OutOfService {
            about: About {
                decision_id: "01170af4-6dd3-40e9-aadc-f5dd7b75aac0".into(),
                pair: Pair {
                    group: Group::parse(&longest).expect("a name"),
                    driver: Driver::parse(&longest).expect("a name"),
                },
                cause: AnnouncedCause {
                    event_id: Some(longest.clone()),
                    event: Some(nodewarden::domain::event::EventType::HeartbeatTimeout),
                    conductor: Some(longest.clone()),
                },
                last_good_at_ms: Some(u64::MAX),
            },
            reason: OutReason::DriverLost,
            nodes: vec![
                AnnouncedNode {
                    seq: u64::MAX,
                    uuid: longest.clone(),
                    name: Some(longest.clone()),
                };
                usize::try_from(Settings::default().publish.nodes_per_message)
                    .expect("small")
            ],
        },
    };
    let size = nodewarden::wire::encode(&announcement, "node.events")
        .body
        .len();
    assert!(
        size <= 500 * 540 + 3 * 1024,
        "{size} bytes, as the README of deploy/rabbitmq promises"
    );
    let shipped =
        std::fs::read_to_string(shipped("rabbitmq/rabbitmq.conf")).expect("it is shipped");
    assert!(shipped.contains("max_message_size = 524288"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_definitions_give_the_topology_limits_and_rights_that_they_promise() {
    let broker = Broker::start();
    broker.import("rabbitmq/users.json");
    for user in ["nodewarden", "conductor", "scheduler"] {
        let url = format!("amqp://{user}:@127.0.0.1:{}/%2f", broker.port);
        let without = Connection::connect(&url, ConnectionProperties::default()).await;
        assert!(without.is_err(), "{user} has no password yet: no login");
    }
    // What three times `rabbitmqctl change_password` does, in one start of its virtual machine.
    broker.ctl(&[
        "eval",
        r#"[ok = rabbit_auth_backend_internal:change_password(U, U, <<"test">>)
            || U <- [<<"nodewarden">>, <<"conductor">>, <<"scheduler">>]]."#,
    ]);
    broker.import("rabbitmq/definitions.json");

    let guest = broker.login("guest").await;
    the_worker_would_declare_the_same(&guest).await;
    refused_events_are_kept_and_expired_ticks_are_not(&guest).await;
    each_user_may_do_its_work_and_no_more(&broker).await;
    no_user_does_the_work_of_another(&broker).await;
    a_message_beyond_the_limit_is_refused(&guest).await;

    let policies = broker.ctl(&["-q", "list_queues", "name", "policy"]);
    for queue in [QUEUE, DEAD] {
        assert!(
            policies.contains(&format!("{queue}\t{queue}")),
            "its policy is in force on {queue}:\n{policies}"
        );
    }
}
