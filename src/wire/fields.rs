//! Typed values out of a map of fields: what is absent, of the wrong kind or out of bounds is said
//! with the field's name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::body::Value;
use super::refusal::{Reason, Refusal, excerpt};
use crate::domain::ids::NameFault;

/// The highest time or duration in ms: every database's signed 64-bit integer holds it.
pub(super) const MS_MAX: u64 = i64::MAX as u64;

/// Far above what is ever counted to, and far below what a database can store and add to.
pub(super) const COUNT_MAX: u64 = 1 << 53;

/// The shortest heartbeat time-out, of the outside contract: 1 s.
pub const TIMEOUT_MIN_MS: u64 = 1_000;
/// The longest heartbeat time-out, of the outside contract: 1 h.
pub const TIMEOUT_MAX_MS: u64 = 3_600_000;

/// The fields of one message. Null is the same as absent.
pub(super) struct Fields(BTreeMap<String, Value>);

impl Fields {
    pub(super) fn new(fields: BTreeMap<String, Value>) -> Self {
        Self(fields)
    }

    fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| **value != Value::Null)
    }

    /// A text, without any bound but that of the body.
    pub(super) fn text(&self, field: &str) -> Result<Option<&str>, Refusal> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(field, "text", other)),
        }
    }

    /// A text that is a name, without the white space around it.
    pub(super) fn name<T>(
        &self,
        field: &str,
        parse: fn(&str) -> Result<T, NameFault>,
    ) -> Result<Option<T>, Refusal> {
        self.text(field)?
            .map(|text| parse(text.trim()).map_err(|fault| bad_name(field, text, fault)))
            .transpose()
    }

    /// A list of names; the same one twice counts once.
    pub(super) fn names<T: Ord>(
        &self,
        field: &str,
        parse: fn(&str) -> Result<T, NameFault>,
    ) -> Result<Option<BTreeSet<T>>, Refusal> {
        let list = match self.get(field) {
            None => return Ok(None),
            Some(Value::List(list)) => list,
            Some(other) => return Err(wrong_type(field, "a list of texts", other)),
        };
        list.iter()
            .map(|item| {
                let Value::Text(text) = item else {
                    return Err(wrong_type(field, "a list of texts, one item of it", item));
                };
                parse(text.trim()).map_err(|fault| bad_name(field, text, fault))
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// An integer from `min` to `max`.
    pub(super) fn number(&self, field: &str, min: u64, max: u64) -> Result<Option<u64>, Refusal> {
        let found = match self.get(field) {
            None => return Ok(None),
            Some(Value::Unsigned(number)) if (min..=max).contains(number) => {
                return Ok(Some(*number));
            }
            Some(Value::Unsigned(number)) => number.to_string(),
            Some(Value::Negative) => "negative".to_owned(),
            Some(other) => return Err(wrong_type(field, "an integer", other)),
        };
        Err(Refusal::new(
            Reason::OutOfBounds,
            format!("{field} is {found}; it must be {min} to {max}"),
        ))
    }

    /// A time in ms since 1970.
    pub(super) fn time_ms(&self, field: &str) -> Result<Option<u64>, Refusal> {
        self.number(field, 0, MS_MAX)
    }

    /// A duration in ms, from `min_ms` to `max_ms`.
    pub(super) fn duration(
        &self,
        field: &str,
        min_ms: u64,
        max_ms: u64,
    ) -> Result<Option<Duration>, Refusal> {
        let number = self.number(field, min_ms, max_ms)?;
        Ok(number.map(Duration::from_millis))
    }
}

/// What `found` holds, or that `field` is missing.
pub(super) fn required<T>(field: &str, found: Option<T>) -> Result<T, Refusal> {
    found.ok_or_else(|| Refusal::new(Reason::MissingField, format!("{field} is missing")))
}

fn wrong_type(field: &str, expected: &str, found: &Value) -> Refusal {
    Refusal::new(
        Reason::WrongType,
        format!("{field} must be {expected}, and is {}", found.kind()),
    )
}

fn bad_name(field: &str, text: &str, fault: NameFault) -> Refusal {
    Refusal::new(
        Reason::OutOfBounds,
        format!("{field} {fault}: {}", excerpt(text)),
    )
}
