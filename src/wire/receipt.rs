//! Receipts: how far a subscriber has carried out the stream, as it travels.

use schemars::JsonSchema;
use serde::Serialize;

use super::bounds::{Count, Name, Seq};
use super::fields::{COUNT_MAX, Fields, required};
use super::refusal::{Reason, Refusal, excerpt};
use super::{MSGPACK, to_msgpack};
use crate::domain::ids::{SubscriberName, uuid_form};
use crate::domain::receipt::Receipt;
use crate::message::{Outgoing, RECEIPT_TYPE};

/// The next one is due by then, and says as much.
const EXPIRES_MS: u64 = 60_000;

/// A subscriber has carried out every change up to `seq`. At most once a second; the newest counts, so
/// one that is lost need not be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = RECEIPT_TYPE)]
pub struct SchedulerApplied {
    /// The subscriber: 1 to 255 bytes of UTF-8 without control characters, the same after a restart.
    /// Replicas that do the same work may share one name.
    #[schemars(with = "Name")]
    pub subscriber: String,
    /// The `stream` of the announcements.
    #[schemars(extend("format" = "uuid"))]
    pub stream: String,
    /// Every change up to this one has been carried out.
    #[schemars(with = "Seq")]
    pub seq: u64,
    /// When that was so, on the subscriber's clock, ms since 1970 UTC.
    #[schemars(with = "Count")]
    pub applied_at_ms: u64,
}

pub(super) fn from_fields(fields: &Fields) -> Result<Receipt, Refusal> {
    let stream = required("stream", fields.text("stream")?)?;
    Ok(Receipt {
        subscriber: required(
            "subscriber",
            fields.name("subscriber", SubscriberName::parse)?,
        )?,
        stream: uuid_form(stream.trim()).ok_or_else(|| {
            let detail = format!("stream is not a UUID: {}", excerpt(stream));
            Refusal::new(Reason::OutOfBounds, detail)
        })?,
        seq: required("seq", fields.number("seq", 0, COUNT_MAX)?)?,
        applied_at_ms: required("applied_at_ms", fields.time_ms("applied_at_ms")?)?,
    })
}

/// The body that carries `receipt`.
#[must_use]
pub fn encode_receipt(receipt: &Receipt) -> Vec<u8> {
    to_msgpack(&SchedulerApplied {
        subscriber: receipt.subscriber.to_string(),
        stream: receipt.stream.clone(),
        seq: receipt.seq,
        applied_at_ms: receipt.applied_at_ms,
    })
}

/// The message that carries `receipt` through `exchange`.
#[must_use]
pub fn receipt_message(receipt: &Receipt, exchange: &str) -> Outgoing {
    Outgoing {
        exchange: exchange.to_owned(),
        routing_key: RECEIPT_TYPE.to_owned(),
        message_id: format!("{}:{}", receipt.stream, receipt.seq),
        message_type: RECEIPT_TYPE.to_owned(),
        content_type: MSGPACK.to_owned(),
        timestamp_s: receipt.applied_at_ms / 1000,
        expires_after_ms: Some(EXPIRES_MS),
        body: encode_receipt(receipt),
    }
}
