//! JSON in its three shapes, cut into records.
//!
//! Values are kept as pieces of the text (`RawValue`), whose place in it gives the line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::Faults;
use super::lines::Lines;
use super::record::{Field, Given, Record, field_called};

/// The records of an array, of `{"nodes": […]}`, of one object, or of one object a line.
pub(super) fn records(text: &str, faults: &mut Faults) -> Vec<Record> {
    let first_line = text.trim_start().lines().next().unwrap_or_default();
    let whole = serde_json::from_str::<&RawValue>(text);
    let nodes = match &whole {
        // Several values, and the first line is one of them.
        Err(_) if serde_json::from_str::<Object>(first_line).is_ok() => {
            return one_a_line(text, faults);
        }
        Err(error) => return not_json(error, 0, faults),
        Ok(value) if value.get().starts_with('{') => match list_of_nodes(value) {
            None => vec![*value],
            Some(nodes) => match serde_json::from_str(nodes.get()) {
                Ok(list) => list,
                Err(_) => {
                    let line = Lines::new(text).line_at(offset(text, nodes.get()));
                    faults.line(line, "\"nodes\" is not a list of nodes");
                    return Vec::new();
                }
            },
        },
        Ok(value) => match serde_json::from_str(value.get()) {
            Ok(list) => list,
            Err(_) => {
                faults.line(
                    1,
                    "is not a list of nodes, nor {\"nodes\": […]}, nor one object a line",
                );
                return Vec::new();
            }
        },
    };
    let mut lines = Lines::new(text);
    nodes
        .into_iter()
        .filter_map(|node| record(text, node, &mut lines, faults))
        .collect()
}

/// The records of JSON Lines: a line that cannot be read does not hide the ones after it.
pub(super) fn one_a_line(text: &str, faults: &mut Faults) -> Vec<Record> {
    let mut records = Vec::new();
    let mut lines = Lines::new(text);
    for (above, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<&RawValue>(line) {
            Ok(node) => records.extend(record(text, node, &mut lines, faults)),
            Err(error) => records.extend(not_json(&error, above, faults)),
        }
    }
    records
}

fn not_json(error: &serde_json::Error, above: usize, faults: &mut Faults) -> Vec<Record> {
    // The library ends its sentence with a place of its own, which is relative to a piece.
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or_default();
    faults.line(
        above + error.line().max(1),
        format!("column {}: is not JSON: {what}", error.column()),
    );
    Vec::new()
}

/// Where `piece`, which was borrowed from `text`, begins in it.
fn offset(text: &str, piece: &str) -> usize {
    (piece.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// What is under the key `nodes`, where there is one.
fn list_of_nodes<'a>(value: &'a RawValue) -> Option<&'a RawValue> {
    let Object(entries) = serde_json::from_str::<Object<'a>>(value.get()).ok()?;
    let found = entries.into_iter().find(|(key, _)| key == "nodes");
    found.map(|(_, nodes)| nodes)
}

fn record(text: &str, node: &RawValue, lines: &mut Lines, faults: &mut Faults) -> Option<Record> {
    let line = lines.line_at(offset(text, node.get()));
    let Ok(Object(entries)) = serde_json::from_str::<Object>(node.get()) else {
        faults.line(line, "is not an object with the fields of a node");
        return None;
    };
    let mut record = Record {
        line,
        ..Record::default()
    };
    let mut good = true;
    for (key, value) in entries {
        let line = lines.line_at(offset(text, value.get()));
        let Some(name) = field_called(&key) else {
            continue;
        };
        let field = Field {
            line,
            value: given(value),
        };
        if record.fields.insert(name, field).is_some() {
            faults.line(line, format!("{name} is given twice: keep one"));
            good = false;
        }
    }
    good.then_some(record)
}

fn given(value: &RawValue) -> Given {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'n') => Given::Nothing,
        Some(b't') => Given::Bool(true),
        Some(b'f') => Given::Bool(false),
        Some(b'"') => match serde_json::from_str(text) {
            Ok(text) => Given::Text(text),
            Err(_) => Given::Other("text with a broken escape"),
        },
        Some(b'[') => Given::Other("a list"),
        Some(b'{') => Given::Other("an object"),
        _ => Given::Other("a number"),
    }
}

/// An object in the order of the text, with keys that are given twice.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
