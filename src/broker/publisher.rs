//! Publishes announcements and events: mandatory, persistent, confirmed.

use std::sync::Arc;

use lapin::BasicProperties;
use lapin::types::ShortString;

use super::confirmed::{ConfirmedChannel, Parcel};
use super::error::short;
use super::link::BrokerConnection;
use super::{APP_ID, BrokerError, Unpublished};
use crate::clock::{new_id, now_ms};
use crate::message::{Outgoing, Published};

/// `delivery_mode` of a message that survives a restart of the broker.
pub(super) const PERSISTENT: u8 = 2;

/// A confirmed channel of its own; one task owns it.
pub struct Publisher {
    channel: ConfirmedChannel,
    /// Goes out as `user_id`. Announcements have none: a repeat by another login must be the same.
    user: Option<ShortString>,
}

impl Publisher {
    pub(super) async fn open(link: &Arc<BrokerConnection>) -> Result<Self, BrokerError> {
        Ok(Self {
            channel: ConfirmedChannel::open(link).await?,
            user: None,
        })
    }

    /// For announcements: waits for as long as the broker blocks us.
    pub(super) async fn patient(link: &Arc<BrokerConnection>) -> Result<Self, BrokerError> {
        let Self { channel, user } = Self::open(link).await?;
        let channel = channel.patient();
        Ok(Self { channel, user })
    }

    /// Ends its channel.
    pub(super) async fn close(self) {
        self.channel.close().await;
    }

    /// Signs every message with its login, for a worker with `security.allowed_publishers`.
    pub(super) async fn signing(link: &Arc<BrokerConnection>) -> Result<Self, BrokerError> {
        Ok(Self {
            user: Some(short(link.user())?),
            ..Self::open(link).await?
        })
    }

    /// Publishes all in order and awaits each answer; result `i` is that of message `i`. What comes back is known by
    /// exchange, routing key and `message_id`. [`BrokerError::Lost`]: unknown which the broker has.
    /// [`BrokerError::Missing`]: no exchange; [`BrokerError::Refused`]: no permission, or a property over 255 bytes.
    pub async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, BrokerError> {
        let mut parcels = messages.iter().map(parcel).collect::<Result<Vec<_>, _>>()?;
        if let Some(user) = &self.user {
            for parcel in &mut parcels {
                parcel.properties = parcel.properties.clone().with_user_id(user.clone());
            }
        }
        self.channel.publish(&parcels).await
    }

    /// Why [`publish`](Self::publish) failed just now, for one that goes on.
    pub(super) fn unpublished(&self, fault: BrokerError) -> Unpublished {
        Unpublished::from(fault, self.channel.closed_with(), self.channel.connected())
    }
}

/// The properties of a message that the broker hands on to ourselves.
pub(super) fn to_ourselves(message_type: &str) -> BasicProperties {
    BasicProperties::default()
        .with_message_id(new_id().into())
        .with_type(message_type.into())
        .with_app_id(APP_ID.into())
        .with_timestamp(now_ms() / 1_000)
        .with_delivery_mode(PERSISTENT)
}

fn parcel(message: &Outgoing) -> Result<Parcel<'_>, BrokerError> {
    let mut properties = BasicProperties::default()
        .with_message_id(short(&message.message_id)?)
        .with_type(short(&message.message_type)?)
        .with_content_type(short(&message.content_type)?)
        .with_timestamp(message.timestamp_s)
        .with_app_id(APP_ID.into())
        .with_delivery_mode(PERSISTENT);
    if let Some(milliseconds) = message.expires_after_ms {
        properties = properties.with_expiration(milliseconds.to_string().into());
    }
    Ok(Parcel {
        exchange: short(&message.exchange)?,
        routing_key: short(&message.routing_key)?,
        properties,
        body: &message.body,
    })
}
