//! Plain clients of the broker: [`Publisher`], as the contract asks of conductors, and what a subscriber's
//! queue and the dead letters hold in the end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::timeout;

use crate::event::{Said, now_ms};
use crate::evidence::Heard;

/// Within half of the shortest time-out that a conductor here promises.
const PATIENCE: Duration = Duration::from_secs(4);

async fn connect(url: &str) -> Result<(Connection, Channel), lapin::Error> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

/// A channel of the first node that answers. For what a run cannot go on without.
pub async fn channel(urls: &[String]) -> (Connection, Channel) {
    for _ in 0..60 {
        for url in urls {
            if let Ok(Ok(link)) = timeout(PATIENCE, connect(url)).await {
                return link;
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("no broker answers");
}

/// What all publishers of a run share.
#[derive(Default)]
pub struct Gate {
    /// Taken by faults that want nothing to be under way.
    closed: RwLock<()>,
    /// Conductor and id of every event that is with the broker and must be handled.
    confirmed: Mutex<BTreeSet<(String, String)>>,
    /// The same of those that a database has lost.
    lost: Mutex<BTreeSet<(String, String)>>,
}

impl Gate {
    /// Nothing is published while the answer lives.
    pub async fn close(&self) -> RwLockWriteGuard<'_, ()> {
        self.closed.write().await
    }

    pub fn confirmed(&self) -> BTreeSet<(String, String)> {
        self.confirmed.lock().expect("no panic").clone()
    }

    pub fn lost(&self) -> BTreeSet<(String, String)> {
        self.lost.lock().expect("no panic").clone()
    }

    /// A database has lost all but these; what it has lost is the answer. Only while the gate is closed.
    pub fn lose(&self, left: &BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
        let mut confirmed = self.confirmed.lock().expect("no panic");
        let lost: BTreeSet<_> = confirmed.difference(left).cloned().collect();
        confirmed.retain(|event| left.contains(event));
        self.lost
            .lock()
            .expect("no panic")
            .extend(lost.iter().cloned());
        lost
    }

    fn has(&self, said: &Said) {
        if !said.conflict {
            self.confirmed.lock().expect("no panic").insert(said.key());
        }
    }
}

/// Publishes events one after the other, each until the broker has it.
pub struct Publisher {
    urls: Vec<String>,
    exchange: String,
    link: Option<(Connection, Channel)>,
    turn: usize,
    gate: Arc<Gate>,
}

impl Publisher {
    pub fn new(urls: &[String], exchange: &str, turn: usize, gate: &Arc<Gate>) -> Self {
        Self {
            urls: urls.to_vec(),
            exchange: exchange.to_owned(),
            link: None,
            turn,
            gate: Arc::clone(gate),
        }
    }

    /// Publishes mandatory and confirmed, again with the same id until it is confirmed, on a fresh connection
    /// after each refusal.
    pub async fn publish(&mut self, said: &mut Said) {
        let gate = Arc::clone(&self.gate);
        let open = gate.closed.read().await;
        self.repeat(said, &gate, open).await;
    }

    /// The same of an event that is made when the gate is open, from what is lost then.
    pub async fn publish_next(
        &mut self,
        next: impl FnOnce(&BTreeSet<(String, String)>) -> Said,
    ) -> Said {
        let gate = Arc::clone(&self.gate);
        let open = gate.closed.read().await;
        let mut said = next(&gate.lost());
        self.repeat(&mut said, &gate, open).await;
        said
    }

    async fn repeat<'gate>(
        &mut self,
        said: &mut Said,
        gate: &'gate Gate,
        mut open: RwLockReadGuard<'gate, ()>,
    ) {
        let body = said.body();
        said.began_ms = now_ms();
        loop {
            if let Ok(Ok(true)) = timeout(PATIENCE, self.attempt(said, &body)).await {
                said.confirmed_ms = Some(now_ms());
                gate.has(said);
                return;
            }
            drop(open);
            self.turn += 1;
            if let Some((connection, _)) = self.link.take() {
                tokio::spawn(timeout(PATIENCE, async move {
                    let _ = connection.close(200, "OK".into()).await;
                }));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            open = gate.closed.read().await;
        }
    }

    async fn attempt(&mut self, said: &Said, body: &[u8]) -> Result<bool, lapin::Error> {
        if self.link.is_none() {
            let (connection, channel) = connect(&self.urls[self.turn % self.urls.len()]).await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            self.link = Some((connection, channel));
        }
        let (_, channel) = self.link.as_ref().expect("just made");
        let properties = BasicProperties::default()
            .with_message_id(said.id.as_str().into())
            .with_type(said.kind.key().into())
            .with_content_type(said.content_type().into())
            .with_delivery_mode(2);
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let key = said.kind.key().into();
        let exchange = self.exchange.as_str().into();
        let sent = channel.basic_publish(exchange, key, options, body, properties);
        Ok(sent.await?.await? == Confirmation::Ack(None))
    }
}

/// Makes a subscriber's queue that outlives everything.
pub async fn subscribe(urls: &[String], exchange: &str, queue: &str) {
    let (_connection, channel) = channel(urls).await;
    let mut quorum = FieldTable::default();
    quorum.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(queue.into(), durable, quorum);
    declared.await.expect("a queue");
    let (none, options) = (FieldTable::default(), QueueBindOptions::default());
    let bound = channel.queue_bind(queue.into(), exchange.into(), "#".into(), options, none);
    bound.await.expect("a binding");
}

/// Takes everything out of a queue.
pub async fn drain(urls: &[String], queue: &str) -> Vec<Heard> {
    let (_connection, channel) = channel(urls).await;
    let mut all = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(got) = channel
        .basic_get(queue.into(), options)
        .await
        .expect("the queue can be read")
    {
        let text = |value: &Option<lapin::types::ShortString>| {
            value.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        let properties = &got.delivery.properties;
        all.push(Heard {
            id: text(properties.message_id()),
            kind: text(properties.kind()),
            properties: format!("{properties:?}"),
            body: got.delivery.data.clone(),
        });
    }
    all
}
