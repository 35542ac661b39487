//! The form of a dead letter: the body as it came, a few live properties of our own, and all that
//! the original said about itself in one header. None of that stays live: the broker rejects a
//! foreign `user_id`, a `CC` header sends copies, an `expiration` makes the letter vanish.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::plain::plain;
use crate::broker::publisher::to_ourselves;
use crate::broker::values::{table, text};

/// `type` of a dead letter.
pub(super) const REFUSED: &str = "nodewarden.refused";
/// Header: the reason as a code.
pub(super) const REASON: &str = "x-nodewarden-reason";
/// Header: the reason for people.
pub(super) const DETAIL: &str = "x-nodewarden-detail";
/// Header: what the original said about itself.
pub(super) const ORIGINAL: &str = "x-nodewarden-original";

/// Bytes of the detail. With the original's short strings it stays within AMQP's smallest frame, 4096.
const DETAIL_MAX: usize = 500;

/// At most so many bytes of the reason code: the codes are words.
const REASON_MAX: usize = 64;

/// How deep headers may nest: the broker's own nest three levels, thousands overflow the stack.
const DEPTH_MAX: usize = 16;

/// Bytes of a frame for all but the original's headers: twelve short strings, reason, detail, names.
const RESERVE: usize = 4096;

/// The properties of the copy of `original`, within one frame of `frame_max` bytes (or the broker
/// ends the connection): headers that do not fit are left out.
pub(in crate::broker) fn wrap(
    original: &Delivery,
    reason: &str,
    detail: &str,
    frame_max: usize,
) -> BasicProperties {
    let original_says = AMQPValue::FieldTable(describe(original, frame_max));
    let properties = to_ourselves(REFUSED).with_headers(table([
        (REASON, text(&code(reason))),
        (DETAIL, text(&one_line(detail))),
        (ORIGINAL, original_says),
    ]));
    match original.properties.content_type() {
        Some(kind) if printable(kind.as_str()) => properties.with_content_type(kind.clone()),
        _ => properties,
    }
}

/// Everything that a message says about itself beside its body, in texts and numbers.
fn describe(original: &Delivery, frame_max: usize) -> FieldTable {
    let properties = &original.properties;
    let mut table = table([
        ("exchange", text(original.exchange.as_str())),
        ("routing_key", text(original.routing_key.as_str())),
        ("redelivered", text(&original.redelivered.to_string())),
    ]);
    let words: [(&str, &Option<ShortString>); 9] = [
        ("content_type", properties.content_type()),
        ("content_encoding", properties.content_encoding()),
        ("correlation_id", properties.correlation_id()),
        ("reply_to", properties.reply_to()),
        ("expiration", properties.expiration()),
        ("message_id", properties.message_id()),
        ("type", properties.kind()),
        ("user_id", properties.user_id()),
        ("app_id", properties.app_id()),
    ];
    for (name, value) in words {
        if let Some(value) = value {
            table.insert(name.into(), text(value.as_str()));
        }
    }
    let numbers = [
        ("delivery_mode", properties.delivery_mode()),
        ("priority", properties.priority()),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            table.insert(name.into(), AMQPValue::LongInt(i32::from(*value)));
        }
    }
    if let Some(timestamp) = properties.timestamp() {
        let timestamp = match i64::try_from(*timestamp) {
            Ok(seconds) => AMQPValue::LongLongInt(seconds),
            Err(_) => text(&timestamp.to_string()),
        };
        table.insert("timestamp".into(), timestamp);
    }
    if let Some(headers) = properties.headers() {
        // Only then may they be walked through to be written plainly.
        let plain = table_size(headers, DEPTH_MAX).map(|_| plain(headers));
        let size = plain
            .as_ref()
            .and_then(|plain| table_size(plain, DEPTH_MAX));
        let kept = match size {
            None => text("left out: nested too deeply"),
            Some(size) if size.saturating_add(RESERVE) > frame_max => {
                text(&format!("left out: {size} bytes do not fit into a frame"))
            }
            Some(_) => AMQPValue::FieldTable(plain.unwrap_or_default()),
        };
        table.insert("headers".into(), kept);
    }
    table
}

/// A reason code: lower case letters, digits, `_`, `-`, `.`.
fn code(reason: &str) -> String {
    let safe = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || "_-.".contains(c) => c,
        _ => '_',
    };
    reason.chars().take(REASON_MAX).map(safe).collect()
}

/// One line without control characters, of at most [`DETAIL_MAX`] bytes.
fn one_line(detail: &str) -> String {
    let mut line = String::new();
    for c in detail.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if line.len() + c.len_utf8() > DETAIL_MAX {
            break;
        }
        line.push(c);
    }
    line
}

fn printable(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// The size of a table on the wire: 4 bytes, then name behind a length byte, type byte, value of
/// each field. `None`: nested deeper than `depth`.
fn table_size(table: &FieldTable, depth: usize) -> Option<usize> {
    let mut size = 4;
    for (name, value) in table {
        size += 1 + name.as_str().len() + value_size(value, depth)?;
    }
    Some(size)
}

/// Numbers, flags and times: at most that many bytes.
const SCALAR: usize = 8;

fn value_size(value: &AMQPValue, depth: usize) -> Option<usize> {
    let size = match value {
        AMQPValue::ShortString(text) => 1 + text.as_str().len(),
        AMQPValue::LongString(text) => 4 + text.len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.len(),
        AMQPValue::FieldArray(array) => {
            let depth = depth.checked_sub(1)?;
            let mut size = 4;
            for value in array.as_slice() {
                size += value_size(value, depth)?;
            }
            size
        }
        AMQPValue::FieldTable(table) => table_size(table, depth.checked_sub(1)?)?,
        AMQPValue::Void
        | AMQPValue::Boolean(_)
        | AMQPValue::ShortShortInt(_)
        | AMQPValue::ShortShortUInt(_)
        | AMQPValue::ShortInt(_)
        | AMQPValue::ShortUInt(_)
        | AMQPValue::LongInt(_)
        | AMQPValue::LongUInt(_)
        | AMQPValue::LongLongInt(_)
        | AMQPValue::Float(_)
        | AMQPValue::Double(_)
        | AMQPValue::DecimalValue(_)
        | AMQPValue::Timestamp(_) => SCALAR,
    };
    Some(1 + size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a letter says of the headers of a message.
    fn kept_headers(headers: FieldTable, frame_max: usize) -> AMQPValue {
        let mut original = Delivery::mock(1, "e".into(), "k".into(), false, Vec::new());
        original.properties = BasicProperties::default().with_headers(headers);
        describe(&original, frame_max).inner()["headers"].clone()
    }

    #[test]
    fn a_detail_becomes_one_bounded_line() {
        let line = one_line(&format!("a\nb\u{0}c{}", "ü".repeat(1000)));
        assert!(line.starts_with("a b c"));
        assert!(line.len() <= DETAIL_MAX);
        assert_eq!(code("Wrong Field!"), "wrong_field_");
    }

    #[test]
    fn headers_that_nest_too_deeply_are_left_out() {
        let mut headers = FieldTable::default();
        for _ in 0..100 {
            headers = table([("in", AMQPValue::FieldTable(headers))]);
        }
        let left_out = kept_headers(headers, 131_072);
        assert!(matches!(left_out, AMQPValue::LongString(_)));
    }

    #[test]
    fn what_the_original_said_is_written_in_texts_and_numbers_alone() {
        let inner = table([("deep", AMQPValue::Boolean(true))]);
        let headers = table([
            ("when", AMQPValue::Timestamp(1_700_000_000_000)),
            ("ever", AMQPValue::Timestamp(u64::MAX)),
            ("part", AMQPValue::Double(0.5)),
            ("none", AMQPValue::Void),
            ("in", AMQPValue::FieldTable(inner)),
        ]);
        let mut original = Delivery::mock(1, "e".into(), "k".into(), false, Vec::new());
        original.properties = BasicProperties::default()
            .with_timestamp(1_700_000_000_000)
            .with_headers(headers);
        let headers = table([
            ("when", AMQPValue::LongLongInt(1_700_000_000_000)),
            ("ever", text(&u64::MAX.to_string())),
            ("part", text("0.5")),
            ("none", text("null")),
            ("in", text("{deep: true}")),
        ]);
        let expected = table([
            ("exchange", text("e")),
            ("routing_key", text("k")),
            ("redelivered", text("false")),
            ("timestamp", AMQPValue::LongLongInt(1_700_000_000_000)),
            ("headers", AMQPValue::FieldTable(headers)),
        ]);
        assert_eq!(describe(&original, 131_072), expected);
    }

    #[test]
    fn headers_that_do_not_fit_into_a_frame_are_left_out() {
        let headers = table([("big", text(&"x".repeat(10_000)))]);
        let kept = kept_headers(headers.clone(), 131_072);
        assert!(matches!(kept, AMQPValue::FieldTable(_)));
        let left_out = kept_headers(headers, 12_000);
        assert!(matches!(left_out, AMQPValue::LongString(_)));
    }
}
