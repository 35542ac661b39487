//! The other side of the broker tests: settings with names that no other test uses, and a plain
//! client to publish, look and meddle with.

use std::time::{Duration, Instant};

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use nodewarden::broker::{Consumer, Queue};
use nodewarden::config::{Amqp, Brokers};

use crate::deployment::broker;
use nodewarden::message::Delivery;

/// How long a state may take to come about on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Settings with names of their own.
pub fn settings() -> Amqp {
    let unique = uuid::Uuid::new_v4().simple().to_string();
    Amqp {
        url: Brokers::new(&broker()),
        timeout: Duration::from_secs(10),
        events_exchange: format!("t.{unique}.events"),
        events_queue: format!("t.{unique}.queue"),
        nodes_exchange: format!("t.{unique}.nodes"),
        receipts_exchange: format!("t.{unique}.receipts"),
        dead_letters_queue: format!("t.{unique}.dead"),
        batch: 16,
        ..Amqp::default()
    }
}

/// A plain client.
pub struct Client {
    _connection: Connection,
    pub channel: Channel,
}

impl Client {
    pub async fn connect() -> Self {
        Self::at(&broker()).await
    }

    /// Of the broker at this URL.
    pub async fn at(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .expect("the test broker answers");
        let channel = connection.create_channel().await.expect("a channel");
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .expect("confirms");
        Self {
            _connection: connection,
            channel,
        }
    }

    /// Publishes and waits until the broker has it.
    pub async fn publish(
        &self,
        exchange: &str,
        key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) {
        let confirm = self
            .channel
            .basic_publish(
                exchange.into(),
                key.into(),
                BasicPublishOptions {
                    mandatory: true,
                    ..BasicPublishOptions::default()
                },
                body,
                properties,
            )
            .await
            .expect("published")
            .await
            .expect("confirmed");
        assert_eq!(
            confirm,
            Confirmation::Ack(None),
            "{exchange}/{key} has a queue"
        );
    }

    /// Publishes an event with the given number as its body.
    pub async fn event(&self, settings: &Amqp, number: usize) {
        let id = format!("m{number}");
        let properties = BasicProperties::default()
            .with_message_id(id.as_str().into())
            .with_delivery_mode(2);
        let key = "conductor.heartbeat";
        self.publish(&settings.events_exchange, key, properties, id.as_bytes())
            .await;
    }

    /// Declares a queue and binds it.
    pub async fn queue(
        &self,
        name: &str,
        arguments: &[(&str, AMQPValue)],
        bound: Option<(&str, &str)>,
    ) {
        let mut table = FieldTable::default();
        for (key, value) in arguments {
            table.insert((*key).into(), value.clone());
        }
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        self.channel
            .queue_declare(name.into(), options, table)
            .await
            .expect("a queue");
        if let Some((exchange, key)) = bound {
            self.channel
                .queue_bind(
                    name.into(),
                    exchange.into(),
                    key.into(),
                    QueueBindOptions::default(),
                    FieldTable::default(),
                )
                .await
                .expect("a binding");
        }
    }

    /// Takes one message away.
    pub async fn get(&self, queue: &str) -> Option<lapin::message::Delivery> {
        self.channel
            .basic_get(queue.into(), BasicGetOptions { no_ack: true })
            .await
            .expect("the queue can be read")
            .map(|got| got.delivery)
    }

    /// Messages that wait in a queue; none if there is no such queue.
    pub async fn waiting(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        self.channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await
            .expect("the queue is there")
            .message_count()
    }
}

/// Receives until `count` deliveries are here.
pub async fn receive(consumer: &mut Consumer, count: usize) -> Vec<Delivery> {
    let deadline = Instant::now() + DEADLINE;
    let mut all = Vec::new();
    while all.len() < count {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "only {} of {count} came", all.len());
        let some = consumer.receive(count - all.len(), left).await;
        all.extend(some.expect("the session lives"));
    }
    all
}

/// The bodies as texts.
pub fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    let text = |delivery: &Delivery| String::from_utf8_lossy(&delivery.body).into_owned();
    deliveries.iter().map(text).collect()
}

/// What [`Client::event`] gives the numbers of `range`.
pub fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("m{number}")).collect()
}
