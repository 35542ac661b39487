//! [`Durable`]: a scheduler whose queue outlives its connection and the death of a broker node.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use nodewarden::wire::out::{NodeBackInService, NodeOutOfService};
use nodewarden_tests::waiting::DEADLINE;

/// What its queue got, by the numbers of the changes.
pub struct Durable {
    _connection: Connection,
    consumer: Consumer,
    heard: BTreeSet<u64>,
}

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default());
    let connection = connection.await.expect("the broker answers");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

impl Durable {
    /// Makes the queue by way of `url`: that node leads it.
    pub async fn subscribe(url: &str, exchange: &str) -> String {
        let name = format!("{exchange}.durable");
        let (connection, channel) = channel(url).await;
        let mut quorum = FieldTable::default();
        quorum.insert(
            "x-queue-type".into(),
            AMQPValue::LongString("quorum".into()),
        );
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let declared = channel.queue_declare(name.as_str().into(), durable, quorum);
        declared.await.expect("a queue");
        let bound = channel.queue_bind(
            name.as_str().into(),
            exchange.into(),
            "#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bound.await.expect("a binding");
        connection.close(200, "OK".into()).await.expect("closed");
        name
    }

    /// Begins to read the queue by way of `url`.
    pub async fn read(url: &str, name: &str) -> Self {
        let (connection, channel) = channel(url).await;
        let options = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        let started = channel.basic_consume(name.into(), "".into(), options, FieldTable::default());
        Self {
            _connection: connection,
            consumer: started.await.expect("a consumer"),
            heard: BTreeSet::new(),
        }
    }

    /// Waits until it has every change from 1 to `last`.
    pub async fn has_all(&mut self, last: u64) {
        let end = Instant::now() + DEADLINE;
        let all: BTreeSet<u64> = (1..=last).collect();
        while self.heard != all {
            let missing = all.difference(&self.heard).count();
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{missing} of {last} changes are missing");
            let wait = left.min(Duration::from_secs(1));
            if let Ok(next) = tokio::time::timeout(wait, self.consumer.next()).await {
                self.hear(&next.expect("it reads on").expect("it reads on"));
            }
        }
    }

    fn hear(&mut self, delivery: &lapin::message::Delivery) {
        let kind = delivery.properties.kind().as_ref().map(ToString::to_string);
        match kind.as_deref() {
            Some("node.out_of_service") => {
                let message: NodeOutOfService = rmp_serde::from_slice(&delivery.data).unwrap();
                self.heard.extend(message.nodes.iter().map(|node| node.seq));
            }
            Some("node.back_in_service") => {
                let message: NodeBackInService = rmp_serde::from_slice(&delivery.data).unwrap();
                self.heard.extend(message.nodes.iter().map(|node| node.seq));
            }
            _ => {}
        }
    }
}
