//! Reads a body in either format into one flat form, so that both mean the same by construction.
//!
//! Only the top-level map is kept, with lists as deep as they are; a map inside a field is walked
//! over and forgotten. Everything here is bounded by the size of the body and by the depth limit,
//! and nothing recurses deeper than that limit.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::refusal::{Reason, Refusal, excerpt};
use super::{JSON, MSGPACK, NESTING};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    MessagePack,
    Json,
}

/// The names by which MessagePack goes: ours, the one from before there was any, and the registered one.
const MSGPACK_TYPES: [&str; 4] = [
    MSGPACK,
    "application/x-msgpack",
    "application/vnd.msgpack",
    "application/messagepack",
];

/// The names by which JSON goes.
const JSON_TYPES: [&str; 2] = [JSON, "text/json"];

/// What clients say that do not know, or do not say.
const NO_TYPES: [&str; 3] = ["", "application/octet-stream", "application/data"];

impl Format {
    /// What a content type means; parameters and case do not matter. Where none is given, a body that
    /// begins with `{` is JSON: no map in MessagePack does.
    pub(super) fn of(content_type: Option<&str>, body: &[u8]) -> Option<Self> {
        let essence = content_type.unwrap_or_default();
        let essence = essence.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        let essence = essence.as_str();
        if MSGPACK_TYPES.contains(&essence) || essence.ends_with("+msgpack") {
            Some(Self::MessagePack)
        } else if JSON_TYPES.contains(&essence) || essence.ends_with("+json") {
            Some(Self::Json)
        } else if NO_TYPES.contains(&essence) {
            let text = without_mark(body).trim_ascii_start();
            Some(match text.first() {
                Some(b'{') => Self::Json,
                _ => Self::MessagePack,
            })
        } else {
            None
        }
    }
}

/// The body without the mark that some put before UTF-8.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Up to 2^53 a float stands for one integer only.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// The value of a field, as far as any message needs it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool,
    Unsigned(u64),
    Negative,
    Float,
    Text(String),
    /// MessagePack's binary, or a MessagePack text that is not UTF-8.
    Bytes,
    List(Vec<Value>),
    Map,
    /// A MessagePack extension.
    Extension,
    /// JSON in which a number is out of range, or a text is half of a character.
    Unreadable,
}

impl Value {
    /// For details: what kind of thing it is.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Unsigned(_) => "a number",
            Self::Negative => "a negative number",
            Self::Float => "a number that is not an integer of at most 2^53",
            Self::Text(_) => "text",
            Self::Bytes => "binary",
            Self::List(_) => "a list",
            Self::Map => "a map",
            Self::Extension => "a MessagePack extension",
            Self::Unreadable => "JSON with a number out of range or a broken escape",
        }
    }
}

/// The top-level map. A fault that is not one of syntax is kept here, so that the rest of the body
/// is still read and a broken body is called broken, whatever else is wrong with it.
#[derive(Debug, Default)]
pub(super) struct TopLevel {
    pub(super) fields: BTreeMap<String, Value>,
    pub(super) fault: Option<Refusal>,
}

/// Reads the top-level map of `body`.
pub(super) fn read(body: &[u8], format: Format) -> Result<BTreeMap<String, Value>, Refusal> {
    let top = match format {
        Format::MessagePack => read_msgpack(body)?,
        Format::Json => read_json(body)?,
    };
    top.fault.map_or(Ok(top.fields), Err)
}

fn read_msgpack(body: &[u8]) -> Result<TopLevel, Refusal> {
    use rmp_serde::decode::Error;

    let mut rest = body;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    // The library refuses when its counter reaches 0, so one more than may be open at once.
    deserializer.set_max_depth(NESTING + 1);
    let top = deserializer
        .deserialize_any(TopLevelVisitor::<Value>::default())
        .map_err(|error| match error {
            Error::DepthLimitExceeded => too_deep(),
            // Our visitors accept every value: only a body that is no map gets here.
            Error::Syntax(_) => no_msgpack_map(body),
            other @ (Error::InvalidMarkerRead(_)
            | Error::InvalidDataRead(_)
            | Error::TypeMismatch(_)
            | Error::OutOfRange
            | Error::LengthMismatch(_)
            | Error::Uncategorized(_)
            | Error::Utf8Error(_)) => undecodable("MessagePack", &other),
        })?;
    if rest.is_empty() {
        Ok(top)
    } else {
        Err(trailing(rest.len()))
    }
}

fn read_json(body: &[u8]) -> Result<TopLevel, Refusal> {
    let text =
        std::str::from_utf8(without_mark(body)).map_err(|error| undecodable("UTF-8", &error))?;
    // The library's own limit is fixed and does not hold for values that are skipped.
    if json_nesting(text) > NESTING {
        return Err(too_deep());
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let top = deserializer
        .deserialize_any(TopLevelVisitor::<&RawValue>::default())
        .map_err(|error| match error.is_data() {
            true => not_a_map(),
            false => undecodable("JSON", &error),
        })?;
    match deserializer.end() {
        Ok(()) => Ok(top),
        Err(error) => Err(Refusal::new(
            Reason::TrailingGarbage,
            format!("bytes follow the map: {error}"),
        )),
    }
}

/// How deep brackets go, outside of texts. Exact for valid JSON, an upper bound for anything that
/// the parser would read before it stops.
pub(super) fn json_nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn too_deep() -> Refusal {
    Refusal::new(
        Reason::TooDeep,
        format!("more than {NESTING} maps and lists are nested"),
    )
}

/// A body that is read as MessagePack and is no map of it: what it seems to be, where that is plain.
fn no_msgpack_map(body: &[u8]) -> Refusal {
    let seems = match without_mark(body).trim_ascii_start() {
        // A lone number to MessagePack.
        [b'{' | b'[' | b'"', ..] => "JSON: publish it with content_type application/json",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16: publish JSON in UTF-8",
        _ => return not_a_map(),
    };
    let what = format!("the body is not a MessagePack map, and seems to be {seems}");
    Refusal::new(Reason::WrongType, what)
}

fn not_a_map() -> Refusal {
    Refusal::new(Reason::WrongType, "the body is not a map with named fields")
}

fn trailing(bytes: usize) -> Refusal {
    Refusal::new(
        Reason::TrailingGarbage,
        match bytes {
            1 => "1 byte follows the map".to_owned(),
            more => format!("{more} bytes follow the map"),
        },
    )
}

fn undecodable(format: &str, error: &dyn fmt::Display) -> Refusal {
    Refusal::new(
        Reason::Undecodable,
        format!("the body is not {format}: {error}"),
    )
}

/// Accepts a map and nothing else: a MessagePack list must not pass as a struct. JSON's keys and values are
/// read one by one (`&RawValue`), so that one that cannot be read breaks no field but its own.
pub(super) struct TopLevelVisitor<V>(PhantomData<V>);

impl<V> Default for TopLevelVisitor<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl From<&RawValue> for Value {
    fn from(raw: &RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or(Self::Unreadable)
    }
}

impl<'de, V: Deserialize<'de> + Into<Value>> Visitor<'de> for TopLevelVisitor<V> {
    type Value = TopLevel;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with named fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TopLevel, A::Error> {
        let mut top = TopLevel::default();
        while let Some((key, value)) = map.next_entry::<V, V>()? {
            let key = key.into();
            // A text with half a letter in it: none of our fields.
            if key == Value::Unreadable {
                continue;
            }
            let fault = if let Value::Text(key) = key {
                match top.fields.entry(key) {
                    Entry::Vacant(free) => {
                        free.insert(value.into());
                        continue;
                    }
                    Entry::Occupied(taken) => Refusal::new(
                        Reason::DuplicateKey,
                        format!("the key {} is given twice", excerpt(taken.key())),
                    ),
                }
            } else {
                Refusal::new(
                    Reason::WrongType,
                    format!("a key of the map is {} instead of text", key.kind()),
                )
            };
            top.fault.get_or_insert(fault);
        }
        Ok(top)
    }
}

struct ValueVisitor;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Bool)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        // MessagePack may write a positive number as a signed one.
        Ok(u64::try_from(number).map_or(Value::Negative, Value::Unsigned))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        // Some encoders have no other numbers, or none that are as large. NaN compares with nothing.
        Ok(match number.abs() <= WHOLE_MAX && number.fract() == 0.0 {
            true if number < 0.0 => Value::Negative,
            true => Value::Unsigned(number as u64),
            false => Value::Float,
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Map)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        IgnoredAny::deserialize(inner)?;
        Ok(Value::Extension)
    }
}
