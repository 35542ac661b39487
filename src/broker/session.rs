//! A session: all that one replica or command has with the broker, until both connections end.

use std::sync::Arc;

use super::contract::Line;
use super::link::BrokerConnection;
use super::{Announcements, BrokerError, Consumer, Publisher, topology};
use crate::config::Amqp;

/// Two connections and a checked topology. Dropping it ends both connections at once.
pub struct Session {
    settings: Amqp,
    consume: Arc<BrokerConnection>,
    publish: Arc<BrokerConnection>,
}

impl Session {
    /// Dials twice, then declares or checks the topology. `role` shows in the connections' names.
    pub async fn open(settings: &Amqp, role: &str) -> Result<Self, BrokerError> {
        let consume =
            BrokerConnection::open(settings, &format!("nodewarden {role} consume")).await?;
        let publish =
            BrokerConnection::open(settings, &format!("nodewarden {role} publish")).await?;
        topology::ensure(&consume, settings)
            .await
            .map_err(BrokerError::before_session)?;
        Ok(Self {
            settings: settings.clone(),
            consume: Arc::new(consume),
            publish: Arc::new(publish),
        })
    }

    /// A publisher with a confirmed channel of its own: for one task.
    pub async fn publisher(&self) -> Result<Publisher, BrokerError> {
        Publisher::open(&self.publish).await
    }

    /// The way out for announcements: for one task.
    pub async fn announcements(&self) -> Result<Announcements, BrokerError> {
        Announcements::open(&self.settings, &self.publish).await
    }
}

impl Line for Session {
    type Queue = Consumer;

    async fn consume(&self, session_id: &str) -> Result<Consumer, BrokerError> {
        Consumer::open(&self.settings, &self.consume, &self.publish, session_id).await
    }

    async fn leave(&self, queue: Consumer) -> Result<(), BrokerError> {
        queue.close().await
    }

    fn blocked(&self) -> Option<String> {
        // Both are asked: each keeps its own word only when it is looked at.
        let (consume, publish) = (self.consume.blocked(), self.publish.blocked());
        publish.or(consume)
    }

    /// Shuts both sockets.
    fn sever(&self) {
        self.consume.sever();
        self.publish.sever();
    }

    async fn close(self) {
        tokio::join!(self.consume.close(), self.publish.close());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.sever();
    }
}
