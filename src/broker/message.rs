//! Messages as the rest of the house sees them: plain data, nothing of the client library.

/// One message that the broker delivered and that waits for its acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// The delivery tag: increasing within one session, meaningless in another.
    pub tag: u64,
    /// The exchange it came through; empty for the default exchange.
    pub exchange: String,
    /// The routing key it was published with.
    pub routing_key: String,
    /// The property `message_id`.
    pub message_id: Option<String>,
    /// The property `type`.
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
