//! From the client library's stream of deliveries to plain data.

use std::time::Duration;

use futures_util::future::FutureExt;
use futures_util::stream::StreamExt;
use lapin::options::{BasicAckOptions, BasicQosOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, message};

use super::BrokerError;
use super::error::{ended, lost, within};
use super::values::integer;
use crate::message::Delivery;

/// Waits up to `wait` for a first delivery, then takes what is already here, `most` in all.
pub(super) async fn take(
    stream: &mut lapin::Consumer,
    channel: &Channel,
    most: usize,
    wait: Duration,
) -> Result<Vec<message::Delivery>, BrokerError> {
    let over = |next: Option<lapin::Result<message::Delivery>>| match next {
        Some(Ok(delivery)) => Ok(delivery),
        Some(Err(fault)) => Err(lost("consuming", &fault)),
        None => Err(BrokerError::Lost(
            "consuming: the broker cancelled it (was the queue deleted?) or the channel closed"
                .into(),
        )),
    };
    let mut taken = Vec::new();
    if most == 0 {
        return Ok(taken);
    }
    match tokio::time::timeout(wait, stream.next()).await {
        Ok(next) => taken.push(over(next)?),
        Err(_) if channel.status().connected() => return Ok(taken),
        Err(_) => return Err(ended("consuming")),
    }
    while taken.len() < most {
        match stream.next().now_or_never() {
            Some(next) => taken.push(over(next)?),
            None => break,
        }
    }
    Ok(taken)
}

/// Limits what is delivered and not acknowledged.
pub(super) async fn prefetch(
    channel: &Channel,
    most: u16,
    limit: Duration,
    what: &str,
) -> Result<(), BrokerError> {
    let qos = channel.basic_qos(most, BasicQosOptions::default());
    within(limit, what, qos).await
}

/// Acknowledges everything up to and including `last`.
pub(super) async fn acknowledge_through(
    last: &message::Delivery,
    limit: Duration,
) -> Result<(), BrokerError> {
    let ack = last.acker.ack(BasicAckOptions { multiple: true });
    match within(limit, "acknowledging", ack).await? {
        true => Ok(()),
        false => Err(ended("acknowledging")),
    }
}

/// A delivery as the rest of the house sees it.
pub(super) fn plain(delivery: &message::Delivery) -> Delivery {
    let properties = &delivery.properties;
    let text = |value: &Option<ShortString>| value.as_ref().map(ToString::to_string);
    Delivery {
        tag: delivery.delivery_tag,
        exchange: delivery.exchange.to_string(),
        by_subscriber: false,
        routing_key: delivery.routing_key.to_string(),
        message_id: text(properties.message_id()),
        message_type: text(properties.kind()),
        content_type: text(properties.content_type()),
        content_encoding: text(properties.content_encoding()),
        user_id: text(properties.user_id()),
        delivery_count: delivery_count(properties),
        body: delivery.data.clone(),
    }
}

/// A quorum queue counts in this header; it is absent the first time.
fn delivery_count(properties: &BasicProperties) -> u64 {
    let headers = properties.headers().as_ref();
    let count = headers.and_then(|table| integer(table.inner().get("x-delivery-count")?));
    count
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or(0)
}
