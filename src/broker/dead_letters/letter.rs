//! One dead letter as it is read back: for operators, for its rewriting, for its way back.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::plain::shown;
use super::refusal::{self, DETAIL, ORIGINAL, REASON, REFUSED};
use crate::broker::APP_ID;
use crate::broker::publisher::PERSISTENT;
use crate::broker::topology;
use crate::broker::values::text;
use crate::config::Amqp;
use crate::message::{PROBE_KEY, RECEIPT_TYPE};

/// What the types of our own messages begin with.
const OUR_TYPES: &str = "nodewarden.";

/// What the reasons begin with for which the broker itself put a letter here.
const BY_BROKER: &str = "broker_";

/// The reason of a letter that neither a replica nor the broker's dead-lettering put here.
const FOREIGN: &str = "foreign";

/// The last second of the year 9999: a time that somebody claims may be any number.
const LATEST_S: u64 = 253_402_300_799;

/// Header: which walk over the queue wrote this copy.
const WALK: &str = "x-nodewarden-walk";

/// A refused message, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What it is called by: the `message_id` of the copy, not that of the original.
    pub id: String,
    /// Why it was refused, as a code.
    pub reason: String,
    /// Why it was refused, for people.
    pub detail: String,
    /// When, in seconds since 1970 UTC.
    pub refused_at_s: u64,
    /// The original's `message_id`.
    pub message_id: Option<String>,
    /// The original's `type`.
    pub message_type: Option<String>,
    /// The original's routing key.
    pub routing_key: String,
    /// Bytes of the body.
    pub size: usize,
}

/// A refused message with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterContent {
    /// The letter.
    pub letter: DeadLetter,
    /// What the original said about itself: names and values, headers as `headers.NAME`.
    pub original: Vec<(String, String)>,
    /// The body, exactly as published.
    pub body: Vec<u8>,
}

/// A letter as found in the queue.
pub(super) struct Found {
    pub(super) letter: DeadLetter,
    /// The walk that wrote it, if one did.
    pub(super) walk: Option<String>,
    properties: BasicProperties,
    original: FieldTable,
}

impl Found {
    /// Reads a letter; one that the broker put here by a policy is given our form.
    pub(super) fn read(delivery: &mut Delivery, frame_max: usize) -> Self {
        if let Some(found) = Self::ours(&delivery.properties, delivery.data.len()) {
            return found;
        }
        let headers = delivery.properties.headers().clone().unwrap_or_default();
        let cause = entry(&headers, "x-first-death-reason");
        let (reason, detail) = match &cause {
            Some(cause) => (
                format!("{BY_BROKER}{cause}"),
                format!("the broker moved it here by a policy of its own: {cause}"),
            ),
            None => (FOREIGN.into(), "it was not put here by nodewarden".into()),
        };
        if let Some((exchange, routing_key)) = first_death(&headers) {
            delivery.exchange = exchange;
            delivery.routing_key = routing_key;
        }
        let mut properties = refusal::wrap(delivery, &reason, &detail, frame_max);
        if let Some(died_at_s) = last_death_at(&headers) {
            properties = properties.with_timestamp(died_at_s);
        }
        match Self::ours(&properties, delivery.data.len()) {
            Some(found) => found,
            None => unreachable!("a letter in our own form is in our own form"),
        }
    }

    fn ours(properties: &BasicProperties, size: usize) -> Option<Self> {
        let headers = properties.headers().as_ref()?;
        // What the broker itself moved here was somebody's message, whatever it says of itself.
        if ["x-death", "x-first-death-reason"]
            .iter()
            .any(|name| headers.contains_key(name))
        {
            return None;
        }
        let Some(AMQPValue::FieldTable(original)) = headers.inner().get(ORIGINAL) else {
            return None;
        };
        if properties.kind().as_ref().map(ShortString::as_str) != Some(REFUSED) {
            return None;
        }
        let letter = DeadLetter {
            id: properties.message_id().as_ref()?.to_string(),
            reason: entry(headers, REASON)?,
            detail: entry(headers, DETAIL).unwrap_or_default(),
            refused_at_s: properties.timestamp().unwrap_or_default().min(LATEST_S),
            message_id: entry(original, "message_id"),
            message_type: entry(original, "type"),
            routing_key: entry(original, "routing_key").unwrap_or_default(),
            size,
        };
        Some(Self {
            walk: entry(headers, WALK),
            letter,
            properties: properties.clone(),
            original: original.clone(),
        })
    }

    /// The properties of a copy, marked as written by `walk`. Of the headers only ours: the
    /// broker's, such as counts, must not be repeated as its word.
    pub(super) fn rewritten(&self, walk: &str) -> BasicProperties {
        let mut headers = FieldTable::default();
        for name in [REASON, DETAIL, ORIGINAL] {
            let old = self.properties.headers().as_ref();
            if let Some(value) = old.and_then(|old| old.inner().get(name)) {
                headers.insert(name.into(), value.clone());
            }
        }
        headers.insert(WALK.into(), text(walk));
        let mut properties = BasicProperties::default()
            .with_type(REFUSED.into())
            .with_app_id(APP_ID.into())
            .with_timestamp(self.letter.refused_at_s)
            .with_delivery_mode(PERSISTENT)
            .with_headers(headers);
        if let Some(id) = self.properties.message_id() {
            properties = properties.with_message_id(id.clone());
        }
        if let Some(kind) = self.properties.content_type() {
            properties = properties.with_content_type(kind.clone());
        }
        properties
    }

    /// Whether the original calls itself a tick or a probe: none of those may come a second time.
    pub(super) fn is_our_own(&self) -> bool {
        let routing_key = self.letter.routing_key.as_str();
        let message_type = self.letter.message_type.as_deref().map(str::trim);
        // What was published straight to the queue has our queue's name for a routing key, and may be an event.
        let name = message_type.filter(|name| !name.is_empty());
        routing_key == PROBE_KEY || name.unwrap_or(routing_key.trim()).starts_with(OUR_TYPES)
    }

    /// Whether the original came from a subscriber, or calls itself a receipt: through the events exchange it
    /// might pass for an event.
    pub(super) fn is_of_a_subscriber(&self, settings: &Amqp) -> bool {
        let exchange = entry(&self.original, "exchange").unwrap_or_default();
        let message_type = self.letter.message_type.as_deref().unwrap_or_default();
        topology::is_of_subscribers(&exchange, settings)
            || [message_type, &self.letter.routing_key]
                .iter()
                .any(|name| name.trim() == RECEIPT_TYPE)
    }

    /// Whether no replica has judged who published it, and that was not `user`.
    pub(super) fn is_unjudged(&self, user: &str) -> bool {
        let reason = self.letter.reason.as_str();
        (reason == FOREIGN || reason.starts_with(BY_BROKER))
            && entry(&self.original, "user_id").as_deref() != Some(user)
    }

    /// The routing key that the original had.
    pub(super) fn routing_key(&self) -> ShortString {
        // What the broker delivered fits; anything else in this header is not from us.
        ShortString::try_new(self.letter.routing_key.as_str()).unwrap_or_default()
    }

    /// The properties with which the original goes back through the events exchange.
    pub(super) fn as_before(&self) -> BasicProperties {
        let word =
            |name| entry(&self.original, name).and_then(|word| ShortString::try_new(word).ok());
        let words: [(&str, fn(_, _) -> _); 5] = [
            ("type", BasicProperties::with_type),
            ("message_id", BasicProperties::with_message_id),
            ("content_type", BasicProperties::with_content_type),
            ("content_encoding", BasicProperties::with_content_encoding),
            ("app_id", BasicProperties::with_app_id),
        ];
        let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        for (name, with) in words {
            if let Some(word) = word(name) {
                properties = with(properties, word);
            }
        }
        let timestamp = match self.original.inner().get("timestamp") {
            Some(AMQPValue::LongLongInt(timestamp)) => u64::try_from(*timestamp).ok(),
            Some(AMQPValue::LongString(timestamp)) => timestamp.to_string().parse().ok(),
            // As letters of earlier versions have it.
            Some(AMQPValue::Timestamp(timestamp)) => Some(*timestamp),
            _ => None,
        };
        if let Some(timestamp) = timestamp {
            properties = properties.with_timestamp(timestamp);
        }
        properties
    }

    /// What the original said about itself, for people.
    pub(super) fn described(&self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        for (name, value) in &self.original {
            if let ("headers", AMQPValue::FieldTable(headers)) = (name.as_str(), value) {
                lines.extend(
                    headers
                        .into_iter()
                        .map(|(name, value)| (format!("headers.{name}"), shown(value))),
                );
            } else {
                lines.push((name.to_string(), shown(value)));
            }
        }
        lines
    }
}

/// A text in a table.
fn entry(table: &FieldTable, name: &str) -> Option<String> {
    let value = table.inner().get(name)?;
    let long = value.as_long_string().map(ToString::to_string);
    long.or_else(|| value.as_short_string().map(ToString::to_string))
}

/// The deaths of a message that the broker dead-lettered: the newest stands first, the first one last.
fn deaths(headers: &FieldTable) -> Option<&[AMQPValue]> {
    Some(headers.inner().get("x-death")?.as_array()?.as_slice())
}

/// When the broker moved a message here, in seconds since 1970 UTC.
fn last_death_at(headers: &FieldTable) -> Option<u64> {
    let death = deaths(headers)?.first()?.as_field_table()?;
    death.inner().get("time")?.as_timestamp()
}

/// Where a message was published that the broker dead-lettered: exchange and routing key.
fn first_death(headers: &FieldTable) -> Option<(ShortString, ShortString)> {
    let death = deaths(headers)?.last()?.as_field_table()?;
    let keys = death.inner().get("routing-keys")?.as_array()?;
    let key = keys.as_slice().first()?.as_long_string()?.to_string();
    let exchange = entry(death, "exchange")?;
    Some((
        ShortString::try_new(exchange).ok()?,
        ShortString::try_new(key).ok()?,
    ))
}
