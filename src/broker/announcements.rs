//! The way out for announcements, which can be made fresh (another channel of the session, or a
//! connection of its own) while ticks and refusals stay where they are.

use std::sync::Arc;

use super::link::BrokerConnection;
use super::{BrokerError, Publisher, Unpublished};
use crate::config::Amqp;
use crate::message::{Outgoing, Published};

/// For one task. Dropping it ends a connection of its own at once, and leaves the session's alone.
pub struct Announcements {
    settings: Amqp,
    link: Arc<BrokerConnection>,
    publisher: Publisher,
}

impl Announcements {
    pub(super) async fn open(
        settings: &Amqp,
        link: &Arc<BrokerConnection>,
    ) -> Result<Self, BrokerError> {
        Ok(Self {
            settings: settings.clone(),
            link: Arc::clone(link),
            publisher: Publisher::patient(link).await?,
        })
    }

    /// As [`Publisher::publish`], except that it waits for as long as the broker blocks us. After an error
    /// the channel is used up.
    pub async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, Unpublished> {
        let published = self.publisher.publish(messages).await;
        published.map_err(|fault| self.publisher.unpublished(fault))
    }

    /// Goes on with a fresh channel of the same connection; after an error, with the old one.
    pub async fn renew_channel(&mut self) -> Result<(), BrokerError> {
        let fresh = Publisher::patient(&self.link).await?;
        std::mem::replace(&mut self.publisher, fresh).close().await;
        Ok(())
    }

    /// Goes on with a fresh connection of its own; after an error, with the old one.
    pub async fn renew_connection(&mut self) -> Result<(), BrokerError> {
        let name = "nodewarden replica announce";
        let link = Arc::new(BrokerConnection::open(&self.settings, name).await?);
        let fresh = Publisher::patient(&link).await?;
        std::mem::replace(&mut self.publisher, fresh).close().await;
        self.link = link;
        Ok(())
    }

    /// Why the broker does not read from the connection, if it said so.
    pub fn blocked(&self) -> Option<String> {
        self.link.blocked()
    }
}
