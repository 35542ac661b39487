//! From the client library's stream of deliveries to plain data.

use std::time::Duration;

use futures_util::future::FutureExt;
use futures_util::stream::StreamExt;
use lapin::types::{AMQPValue, ShortString};
use lapin::{BasicProperties, Channel, message};

use super::BrokerError;
use super::error::lost;
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
        Err(_) => return Err(BrokerError::Lost("consuming: the channel has ended".into())),
    }
    while taken.len() < most {
        match stream.next().now_or_never() {
            Some(next) => taken.push(over(next)?),
            None => break,
        }
    }
    Ok(taken)
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
    let header = properties
        .headers()
        .as_ref()
        .and_then(|table| table.inner().get("x-delivery-count"));
    match header {
        Some(AMQPValue::LongLongInt(count)) => u64::try_from(*count).unwrap_or(0),
        Some(AMQPValue::LongInt(count)) => u64::try_from(*count).unwrap_or(0),
        Some(AMQPValue::ShortInt(count)) => u64::try_from(*count).unwrap_or(0),
        Some(AMQPValue::ShortShortInt(count)) => u64::try_from(*count).unwrap_or(0),
        Some(AMQPValue::LongUInt(count)) => u64::from(*count),
        Some(AMQPValue::ShortUInt(count)) => u64::from(*count),
        Some(AMQPValue::ShortShortUInt(count)) => u64::from(*count),
        _ => 0,
    }
}
