//! Publishing for `emit` and the bridge, whose user may only write: nothing is declared or checked.

use std::sync::Arc;

use super::link::BrokerConnection;
use super::{BrokerError, Publisher};
use crate::config::Amqp;
use crate::message::{Outgoing, Published};

/// One connection with one confirmed channel.
pub struct Emitter {
    link: Arc<BrokerConnection>,
    publisher: Publisher,
}

impl Emitter {
    /// Dials. `role` shows in the connection's name.
    pub async fn open(settings: &Amqp, role: &str) -> Result<Self, BrokerError> {
        let link = Arc::new(BrokerConnection::open(settings, &format!("nodewarden {role}")).await?);
        let publisher = Publisher::signing(&link)
            .await
            .map_err(BrokerError::before_session)?;
        Ok(Self { link, publisher })
    }

    /// As [`Publisher::publish`].
    pub async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, BrokerError> {
        self.publisher.publish(messages).await
    }

    /// The broker's reason for not reading from this connection at the moment, if it gave one.
    pub fn blocked(&self) -> Option<String> {
        self.link.blocked()
    }

    /// Takes leave politely, within the time limit.
    pub async fn close(self) {
        self.link.close().await;
    }
}

/// Publishes one event and returns once a queue has it. [`BrokerError::Refused`]: no queue took it,
/// or the user may not publish; [`BrokerError::Lost`]: repeat it with the same `message_id`.
pub async fn publish_event(settings: &Amqp, message: Outgoing) -> Result<(), BrokerError> {
    let mut emitter = Emitter::open(settings, "emit").await?;
    let messages = [message];
    let outcome = emitter.publish(&messages).await;
    let [message] = &messages;
    let result = match outcome?.first() {
        Some(Published::Confirmed) => Ok(()),
        Some(Published::Unroutable) => Err(BrokerError::Refused(format!(
            "no queue is bound to exchange {:?} for routing key {:?}; a worker declares its queue when it starts",
            message.exchange, message.routing_key
        ))),
        Some(Published::Nacked) | None => Err(BrokerError::Refused(format!(
            "a queue behind exchange {:?} is full and rejects messages",
            message.exchange
        ))),
    };
    emitter.close().await;
    result
}
