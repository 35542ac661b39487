//! Arguments and headers in the client library's terms.

use std::collections::BTreeMap;

use lapin::types::{AMQPValue, FieldTable, ShortString};

/// A table of these fields.
pub(super) fn table<const N: usize>(fields: [(&str, AMQPValue); N]) -> FieldTable {
    let fields = fields.map(|(name, value)| (ShortString::from(name), value));
    FieldTable::from(BTreeMap::from(fields))
}

pub(super) fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// A whole number, of whatever width.
pub(super) fn integer(value: &AMQPValue) -> Option<i64> {
    value
        .as_long_long_int()
        .or_else(|| value.as_long_int().map(i64::from))
        .or_else(|| value.as_long_uint().map(i64::from))
        .or_else(|| value.as_short_int().map(i64::from))
        .or_else(|| value.as_short_uint().map(i64::from))
        .or_else(|| value.as_short_short_int().map(i64::from))
        .or_else(|| value.as_short_short_uint().map(i64::from))
}
