//! A message that waits to be decoded, borrowed: what a test says of it fits on a few lines.

use nodewarden::message::Delivery;
use nodewarden::wire::{self, Incoming, Publishers, Refusal};

/// As [`Delivery`], borrowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    pub exchange: &'a str,
    pub by_subscriber: bool,
    pub routing_key: &'a str,
    pub message_id: Option<&'a str>,
    pub message_type: Option<&'a str>,
    pub content_type: Option<&'a str>,
    pub content_encoding: Option<&'a str>,
    pub user_id: Option<&'a str>,
    pub body: &'a [u8],
}

/// What the worker makes of it.
pub fn decode(
    envelope: &Envelope<'_>,
    publishers: Option<&Publishers>,
) -> Result<Incoming, Refusal> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let delivery = Delivery {
        exchange: envelope.exchange.to_owned(),
        by_subscriber: envelope.by_subscriber,
        routing_key: envelope.routing_key.to_owned(),
        message_id: owned(envelope.message_id),
        message_type: owned(envelope.message_type),
        content_type: owned(envelope.content_type),
        content_encoding: owned(envelope.content_encoding),
        user_id: owned(envelope.user_id),
        body: envelope.body.to_vec(),
        ..Delivery::default()
    };
    wire::decode(&delivery, publishers)
}
