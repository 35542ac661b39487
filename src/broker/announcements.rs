//! The way out for announcements, which can be made fresh (another channel of the session, or a
//! connection of its own) while ticks and refusals stay where they are.

use std::sync::Arc;

use super::contract::{Announcer, Fresh};
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
}

impl Announcer for Announcements {
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, Unpublished> {
        let published = self.publisher.publish(messages).await;
        published.map_err(|fault| self.publisher.unpublished(fault))
    }

    async fn renew(&mut self, how: Fresh) -> Result<(), BrokerError> {
        let link = match how {
            Fresh::Channel => Arc::clone(&self.link),
            Fresh::Connection => {
                let name = "nodewarden replica announce";
                Arc::new(BrokerConnection::open(&self.settings, name).await?)
            }
        };
        let fresh = Publisher::patient(&link).await?;
        std::mem::replace(&mut self.publisher, fresh).close().await;
        self.link = link;
        Ok(())
    }

    fn blocked(&self) -> Option<String> {
        self.link.blocked()
    }
}
