//! Any body as JSON, for eyes: lossy where JSON has no word, and never a failure.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::NESTING;
use super::body::{Format, json_nesting, without_mark};

/// The largest body that is shown whole: ours have 5,000 nodes of about 600 bytes, a foreign one may have 128 MiB.
const SHOWN_BYTES: usize = 4 * 1024 * 1024;

/// Values that are shown: ours have about 35,000. Small maps take hundreds of times their size as a tree.
const SHOWN_VALUES: usize = 100_000;

/// How many bytes of something unreadable are quoted.
const QUOTED_BYTES: usize = 256;

/// `body` as JSON: binary becomes `{"bytes": "hex…"}`, keys text, and what cannot be read
/// `{"unreadable": why, "size": n, "bytes": "hex of its beginning"}`.
#[must_use]
pub fn to_json(body: &[u8], content_type: Option<&str>) -> Value {
    if body.len() > SHOWN_BYTES {
        return unreadable(body, "it is too large to be shown");
    }
    let shown = match Format::of(content_type, body) {
        None => Err("its content type is unknown".to_owned()),
        Some(Format::Json) => json(body),
        Some(Format::MessagePack) => msgpack(body),
    };
    shown.unwrap_or_else(|why| unreadable(body, &why))
}

fn json(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(without_mark(body)).map_err(|error| error.to_string())?;
    if json_nesting(text) > NESTING {
        return Err("it is nested too deep".to_owned());
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Shown(&Cell::new(SHOWN_VALUES))
        .deserialize(&mut deserializer)
        .and_then(|shown| deserializer.end().map(|()| shown))
        .map_err(|error| error.to_string())
}

fn msgpack(body: &[u8]) -> Result<Value, String> {
    let mut rest = body;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    deserializer.set_max_depth(NESTING + 1);
    let shown = Shown(&Cell::new(SHOWN_VALUES))
        .deserialize(&mut deserializer)
        .map_err(|error| error.to_string())?;
    if rest.is_empty() {
        Ok(shown)
    } else {
        Err(format!("{} bytes follow after its end", rest.len()))
    }
}

fn unreadable(body: &[u8], why: &str) -> Value {
    serde_json::json!({ "unreadable": why, "size": body.len(), "bytes": hex(body) })
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;

    let mut text = String::new();
    for byte in bytes.iter().take(QUOTED_BYTES) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > QUOTED_BYTES {
        text.push('…');
    }
    text
}

/// One value, taken from a budget that the whole body shares.
#[derive(Clone, Copy)]
struct Shown<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Shown<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.0.get().checked_sub(1);
        self.0
            .set(left.ok_or_else(|| D::Error::custom("it holds too many values to be shown"))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shown<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        // JSON has no infinity and no NaN.
        let shown = Number::from_f64(number).map(Value::Number);
        Ok(shown.unwrap_or_else(|| number.to_string().into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(serde_json::json!({ "bytes": hex(bytes) }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut shown = Map::new();
        while let Some((key, value)) = map.next_entry_seed(self, self)? {
            let key = if let Value::String(text) = key {
                text
            } else {
                key.to_string()
            };
            shown.insert(key, value);
        }
        Ok(Value::Object(shown))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        // An extension reads as the list of its number and its bytes.
        let parts = self.deserialize(inner)?;
        Ok(serde_json::json!({ "extension": parts }))
    }
}
