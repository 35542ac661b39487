//! Names, lists, times and lengths as parts of sentences.

use std::time::{Duration, SystemTime};

use crate::store::NodeFacts;
use crate::telemetry::printable_name;

/// Names listed in one sentence; the rest is counted.
const NAMES: usize = 8;

/// The last millisecond of the year 9999: later times are not written as a date.
const LAST_DATE_MS: u64 = 253_402_300_799_999;

pub(super) fn subject(facts: &NodeFacts) -> String {
    match facts.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => format!(
            "Node {} ({})",
            printable_name(name),
            printable_name(&facts.uuid)
        ),
        None => format!("Node {}", printable_name(&facts.uuid)),
    }
}

pub(super) fn pair(driver: &str, conductor_group: &str) -> String {
    format!(
        "driver {} in {}",
        printable_name(driver),
        group(conductor_group)
    )
}

/// `sentence` with a capital at its beginning; ours begin with ASCII letters.
pub(super) fn capital(mut sentence: String) -> String {
    sentence[..1].make_ascii_uppercase();
    sentence
}

/// A group, for the middle of a sentence.
pub(super) fn group(name: &str) -> String {
    if name.is_empty() {
        "the default group".to_owned()
    } else {
        format!("group {}", printable_name(name))
    }
}

pub(super) fn names(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(NAMES)
        .map(|name| printable_name(name))
        .collect();
    match shown.split_last() {
        None => "no conductor".to_owned(),
        Some(_) if names.len() > NAMES => {
            format!("{} and {} more", shown.join(", "), names.len() - NAMES)
        }
        Some((only, [])) => only.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

/// That something is so, and since when if that is known.
pub(super) fn lasting(so: &str, since_ms: Option<u64>, now_ms: u64) -> String {
    match since_ms {
        Some(at) => format!("has been {so} since {}", when(at, now_ms)),
        None => format!("is {so}"),
    }
}

/// A number with its noun: `1 node`, `2 nodes`.
#[must_use]
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A time in UTC and how far away it is: `2026-03-01T10:00:00Z (3 min ago)`.
#[must_use]
pub fn when(at_ms: u64, now_ms: u64) -> String {
    format!("{} ({})", date(at_ms), distance(at_ms, now_ms))
}

/// A time in UTC, to the second.
#[must_use]
pub fn date(at_ms: u64) -> String {
    if at_ms > LAST_DATE_MS {
        return format!("{at_ms} ms after 1970");
    }
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(at_ms);
    humantime::format_rfc3339_seconds(at).to_string()
}

/// `3 min ago`, `in 5 s`, `now`.
#[must_use]
pub fn distance(at_ms: u64, now_ms: u64) -> String {
    match at_ms.abs_diff(now_ms) {
        0..1000 => "now".to_owned(),
        away if at_ms < now_ms => format!("{} ago", length(away)),
        away => format!("in {}", length(away)),
    }
}

/// A duration in its two largest units.
#[must_use]
pub fn length(ms: u64) -> String {
    let seconds = ms / 1000;
    let two = |large: u64, name: &str, small: u64, other: &str| match small {
        0 => format!("{large} {name}"),
        _ => format!("{large} {name} {small} {other}"),
    };
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds} s"),
        60..600 => two(seconds / 60, "min", seconds % 60, "s"),
        600..3600 => format!("{} min", seconds / 60),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}
