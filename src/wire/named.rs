//! Which conductor a refused message names, if that can be read at all: something speaks for it.

use serde::de::Deserializer as _;
use serde_json::value::RawValue;

use super::body::{TopLevel, TopLevelVisitor, Value, json_nesting, without_mark};
use super::publishers::Publishers;
use super::{BODY_BYTES, NESTING};
use crate::domain::ids::ConductorName;
use crate::message::{Delivery, PROBE_TYPE, TICK_TYPE};

/// The conductor that `delivery` names, whatever else is wrong with it. With `publishers`, only if its
/// login may speak for that conductor.
#[must_use]
pub fn named(delivery: &Delivery, publishers: Option<&Publishers>) -> Option<ConductorName> {
    let body = delivery.body.as_slice();
    let about_us = [TICK_TYPE, PROBE_TYPE].contains(&delivery.effective_type());
    // What a subscriber says is no sign of any conductor.
    if about_us || delivery.by_subscriber || body.len() > BODY_BYTES {
        return None;
    }
    let Some(Value::Text(name)) = glimpse(body)?.fields.remove("conductor") else {
        return None;
    };
    let name = ConductorName::parse(name.trim()).ok()?;
    let user = delivery.user_id.as_deref();
    let may = publishers.is_none_or(|all| user.is_some_and(|user| all.allow(user, name.as_str())));
    may.then_some(name)
}

/// The first map of a body, whatever it calls itself: JSON begins with `{`, as no map in MessagePack
/// does. What follows the map does not matter here.
fn glimpse(body: &[u8]) -> Option<TopLevel> {
    let body = without_mark(body);
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace())?;
    if body[start] == b'{' {
        let text = std::str::from_utf8(body).ok()?;
        if json_nesting(text) > NESTING {
            return None;
        }
        let mut json = serde_json::Deserializer::from_str(text);
        return json
            .deserialize_any(TopLevelVisitor::<&RawValue>::default())
            .ok();
    }
    let mut rest = body;
    let mut msgpack = rmp_serde::Deserializer::new(&mut rest);
    msgpack.set_max_depth(NESTING + 1);
    msgpack
        .deserialize_any(TopLevelVisitor::<Value>::default())
        .ok()
}
