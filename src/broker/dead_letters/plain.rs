//! Foreign values as text and numbers. A type of value that another client cannot read, or a time that it
//! cannot hold, ends its reader: none of the original's stays one in a letter.

use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::broker::values::{integer, text};

/// The same table with a text or a number under each name.
pub(super) fn plain(table: &FieldTable) -> FieldTable {
    let mut plain = FieldTable::default();
    for (name, value) in table {
        plain.insert(ShortString::clone(name), plain_value(value));
    }
    plain
}

/// A number, if it is one and fits, or else the text that people are shown.
fn plain_value(value: &AMQPValue) -> AMQPValue {
    let time = || i64::try_from(value.as_timestamp()?).ok();
    match integer(value).or_else(time) {
        Some(number) => AMQPValue::LongLongInt(number),
        None => text(&shown(value)),
    }
}

/// A value for people.
pub(super) fn shown(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(text) => text.to_string(),
        AMQPValue::ShortString(text) => text.to_string(),
        AMQPValue::Boolean(flag) => flag.to_string(),
        AMQPValue::ShortShortInt(number) => number.to_string(),
        AMQPValue::ShortShortUInt(number) => number.to_string(),
        AMQPValue::ShortInt(number) => number.to_string(),
        AMQPValue::ShortUInt(number) => number.to_string(),
        AMQPValue::LongInt(number) => number.to_string(),
        AMQPValue::LongUInt(number) => number.to_string(),
        AMQPValue::LongLongInt(number) => number.to_string(),
        AMQPValue::Float(number) => number.to_string(),
        AMQPValue::Double(number) => number.to_string(),
        AMQPValue::Timestamp(seconds) => seconds.to_string(),
        AMQPValue::FieldArray(array) => {
            let values: Vec<_> = array.as_slice().iter().map(shown).collect();
            format!("[{}]", values.join(", "))
        }
        AMQPValue::FieldTable(table) => {
            let fields: Vec<_> = table
                .into_iter()
                .map(|(name, value)| format!("{name}: {}", shown(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        AMQPValue::ByteArray(bytes) => format!("{} bytes", bytes.len()),
        AMQPValue::DecimalValue(decimal) => format!("{}e-{}", decimal.value, decimal.scale),
        AMQPValue::Void => "null".to_owned(),
    }
}
