//! What `tail` and `placement` listen with: a queue of its own that lives as long as it listens, and that loses
//! the oldest rather than holding anybody up.

use std::time::Duration;

use lapin::Channel;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::BrokerError;
use super::deliveries::{acknowledge_through, plain, prefetch, take};
use super::error::{short, within};
use super::link::BrokerConnection;
use super::values::{table, text};
use crate::clock::new_id;
use crate::config::Amqp;
use crate::message::Delivery;

/// Which routing keys are announcements.
const NODES_KEY: &str = "node.#";

/// At most so many messages wait for a slow reader: at 500 nodes each that is five million nodes,
/// more than one fail-over announces.
const MAX_LENGTH: i32 = 10_000;

/// At most so many messages in flight to a slow reader.
const PREFETCH: u16 = 256;

/// A listener to announcements.
pub struct Subscriber {
    stream: lapin::Consumer,
    channel: Channel,
    link: BrokerConnection,
}

impl Subscriber {
    /// Dials and binds; the broker shows the connection as `name`. From its return on, everything that is announced arrives.
    pub async fn open(settings: &Amqp, name: &str) -> Result<Self, BrokerError> {
        let exchange = short(&settings.nodes_exchange)?;
        let link = BrokerConnection::open(settings, name).await?;
        Self::bind(link, exchange)
            .await
            .map_err(BrokerError::before_session)
    }

    async fn bind(link: BrokerConnection, exchange: ShortString) -> Result<Self, BrokerError> {
        let limit = link.limit();
        let channel = link.channel().await?;
        let what = "limiting the deliveries in flight";
        prefetch(&channel, PREFETCH, limit, what).await?;
        let options = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let arguments = table([
            ("x-max-length", AMQPValue::LongInt(MAX_LENGTH)),
            // Rejecting instead would have every announcement to everybody rejected.
            ("x-overflow", text("drop-head")),
        ]);
        // A name that the shipped permissions and policies know.
        let name = short(&format!("scheduler.nodewarden.{}", new_id()))?;
        let declare = channel.queue_declare(name, options, arguments);
        let queue = within(limit, "declaring a queue to listen with", declare).await?;
        let what = format!("binding to exchange {:?}", exchange.as_str());
        let bind = channel.queue_bind(
            queue.name().clone(),
            exchange,
            NODES_KEY.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        within(limit, &what, bind).await?;
        let consume = channel.basic_consume(
            queue.name().clone(),
            ShortString::default(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let stream = within(limit, "listening", consume).await?;
        Ok(Self {
            stream,
            channel,
            link,
        })
    }

    /// Waits up to `wait` for a first announcement, then takes what is already here, `most` in all. Nothing: nothing
    /// came. Errors: [`BrokerError::Lost`]: the queue is gone, and a new one will not hold what was missed.
    pub async fn receive(
        &mut self,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, BrokerError> {
        let taken = take(&mut self.stream, &self.channel, most, wait).await?;
        if let Some(last) = taken.last() {
            acknowledge_through(last, self.link.limit()).await?;
        }
        Ok(taken.iter().map(plain).collect())
    }

    /// Takes leave; the queue goes with the connection.
    pub async fn close(self) {
        self.link.close().await;
    }
}
