//! [`Said`]: an event as a conductor publishes it, and what became of it; written from the contract alone.

use serde_json::{Map, Value, json};

/// A group and a driver.
pub type Pair = (String, String);

/// The four things that conductors say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Joined,
    Heartbeat,
    Left,
    TimedOut,
}

impl Kind {
    /// The message's type and routing key.
    pub fn key(self) -> &'static str {
        match self {
            Self::Joined => "conductor.joined",
            Self::Heartbeat => "conductor.heartbeat",
            Self::Left => "conductor.left",
            Self::TimedOut => "conductor.heartbeat_timeout",
        }
    }
}

/// One message of a conductor. Times are those of this machine's clock, in ms.
#[derive(Debug, Clone)]
pub struct Said {
    pub kind: Kind,
    pub id: String,
    pub conductor: String,
    pub incarnation: u64,
    pub group: String,
    /// Missing in a bare heartbeat.
    pub drivers: Option<Vec<String>>,
    pub timeout_ms: Option<u64>,
    pub back_within_ms: Option<u64>,
    pub last_seen_ms: Option<u64>,
    pub sent_at_ms: u64,
    /// It has the id of another event, so it must be refused.
    pub conflict: bool,
    /// In JSON instead of MessagePack.
    pub in_json: bool,
    /// When it was published first.
    pub began_ms: u64,
    /// When the broker said that it has it.
    pub confirmed_ms: Option<u64>,
}

impl Said {
    pub fn new(kind: Kind, id: String, conductor: &str, incarnation: u64) -> Self {
        Self {
            kind,
            id,
            conductor: conductor.to_owned(),
            incarnation,
            group: String::new(),
            drivers: None,
            timeout_ms: None,
            back_within_ms: None,
            last_seen_ms: None,
            sent_at_ms: now_ms(),
            conflict: false,
            in_json: false,
            began_ms: 0,
            confirmed_ms: None,
        }
    }

    /// Conductor and id.
    pub fn key(&self) -> (String, String) {
        (self.conductor.clone(), self.id.clone())
    }

    pub fn content_type(&self) -> &'static str {
        if self.in_json {
            "application/json"
        } else {
            "application/msgpack"
        }
    }

    pub fn body(&self) -> Vec<u8> {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        set("conductor", json!(self.conductor));
        set("incarnation", json!(self.incarnation));
        if let Some(drivers) = &self.drivers {
            set("conductor_group", json!(self.group));
            set("drivers", json!(drivers));
        }
        if matches!(self.kind, Kind::Joined | Kind::Heartbeat) {
            set("sent_at_ms", json!(self.sent_at_ms));
        }
        let optional = [
            ("heartbeat_timeout_ms", self.timeout_ms),
            ("back_within_ms", self.back_within_ms),
            ("last_seen_ms", self.last_seen_ms),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                set(name, json!(value));
            }
        }
        if self.conflict {
            set("reason", json!("another body"));
        }
        let fields = Value::Object(fields);
        if self.in_json {
            serde_json::to_vec(&fields).expect("JSON")
        } else {
            rmp_serde::to_vec_named(&fields).expect("MessagePack")
        }
    }
}

/// This machine's clock, which everything in a run shares.
pub fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.expect("after 1970").as_millis()).expect("it fits")
}
