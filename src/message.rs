//! Messages as they come and go: plain data that the wire reads and makes, and the broker carries.

/// The content type of everything that we write.
pub const MSGPACK: &str = "application/msgpack";

/// The `type` of our own ticks.
pub const TICK_TYPE: &str = "nodewarden.tick";

/// The `type` of our own probes.
pub const PROBE_TYPE: &str = "nodewarden.probe";

/// The routing key of our own probes, in the exchange of conductors' events.
pub const PROBE_KEY: &str = "conductor.probe";

/// The `type` and routing key of what subscribers say of themselves.
pub const RECEIPT_TYPE: &str = "scheduler.applied";

/// One message that the broker delivered and that waits for its acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// The delivery tag: increasing within one session, meaningless in another.
    pub tag: u64,
    /// The exchange it came through; empty for the default exchange.
    pub exchange: String,
    /// It came the way of subscribers' receipts: it is one or refused, whatever it says of itself.
    pub by_subscriber: bool,
    /// The routing key it was published with.
    pub routing_key: String,
    /// The property `message_id`.
    pub message_id: Option<String>,
    /// The property `type`. An empty one counts as absent, as with the next two.
    pub message_type: Option<String>,
    /// The property `content_type`.
    pub content_type: Option<String>,
    /// The property `content_encoding`.
    pub content_encoding: Option<String>,
    /// The property `user_id`: the broker has checked that it is the publisher's login.
    pub user_id: Option<String>,
    /// How often it was delivered before (`x-delivery-count`); 0 at the first time.
    pub delivery_count: u64,
    /// The body, exactly as published.
    pub body: Vec<u8>,
}

impl Delivery {
    /// What the message calls itself: `type`, or the routing key where that is absent.
    #[must_use]
    pub fn effective_type(&self) -> &str {
        match self.message_type.as_deref() {
            Some(name) if !name.is_empty() => name,
            _ => &self.routing_key,
        }
    }
}

/// A delivery that is refused, for the queue of refused messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The delivery tag.
    pub tag: u64,
    /// The code of the reason.
    pub reason: &'static str,
    /// One line for people.
    pub detail: String,
}

/// One message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to; empty for the default exchange.
    pub exchange: String,
    /// With which routing key.
    pub routing_key: String,
    /// The property `message_id`.
    pub message_id: String,
    /// The property `type`.
    pub message_type: String,
    /// The property `content_type`.
    pub content_type: String,
    /// The property `timestamp`, in seconds since 1970 UTC as AMQP 0-9-1 has it.
    pub timestamp_s: u64,
    /// The property `expiration`: the broker throws it away after that many milliseconds.
    pub expires_after_ms: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

impl Outgoing {
    /// The message as its receiver gets it.
    #[must_use]
    pub fn delivered(&self) -> Delivery {
        Delivery {
            exchange: self.exchange.clone(),
            routing_key: self.routing_key.clone(),
            message_id: Some(self.message_id.clone()),
            message_type: Some(self.message_type.clone()),
            content_type: Some(self.content_type.clone()),
            body: self.body.clone(),
            ..Delivery::default()
        }
    }
}

/// What became of one published message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The broker has it, in at least one queue.
    Confirmed,
    /// The broker took it and no queue wanted it.
    Unroutable,
    /// The broker said no (a full queue that rejects, an internal error).
    Nacked,
}
