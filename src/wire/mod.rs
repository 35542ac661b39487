//! Bytes to domain and back: what travels in messages, its limits, and why one is refused.
//!
//! Pure functions over plain arguments. What comes in is hostile until [`decode()`] has said otherwise;
//! what goes out is a pure function of stored values (I4). [`incoming`] and [`out`] are the messages as
//! types, of which the JSON Schemas in `schemas/` are made; [`show`] makes any body readable.

mod announced;
mod body;
mod bounds;
pub mod decode;
mod fields;
pub mod incoming;
mod named;
pub mod out;
pub mod probe;
pub mod publishers;
pub mod receipt;
pub mod refusal;
pub mod show;
pub mod tick;

pub use announced::Announced;
pub use decode::{Incoming, decode};
pub use incoming::{encode_event, event_message};
pub use named::named;
pub use out::encode;
pub use probe::Probe;
pub use publishers::Publishers;
pub use receipt::{encode_receipt, receipt_message};
pub use refusal::{Reason, Refusal, printable};
pub use show::to_json;
pub use tick::Tick;

pub use crate::message::MSGPACK;

/// The content type of JSON, accepted on the way in.
pub const JSON: &str = "application/json";

/// The largest body on the way in; the bound of the outside contract.
pub const BODY_BYTES: usize = 64 * 1024;

/// How many maps and lists may lie inside one another, the body's own map counted. The messages
/// of the contract need two; the rest is room for fields of the future, and far from any stack's end.
pub const NESTING: usize = 16;

/// At most so many drivers in one statement; the bound of the outside contract.
pub const DRIVERS: usize = 256;

/// A value of ours as MessagePack with named fields.
fn to_msgpack(value: &impl serde::Serialize) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("texts, numbers and lists of them always serialize")
}
