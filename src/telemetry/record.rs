//! What happened, one function for each kind: the worker calls them and knows no name of a metric.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{counter, histogram};

use super::names::*;

/// An event was handled. Types that are not ours share one label.
pub fn event(message_type: &str, outcome: &str) {
    let known = EVENT_TYPES.iter().find(|known| **known == message_type);
    counter!(EVENTS_TOTAL, "type" => *known.unwrap_or(&OTHER), "outcome" => outcome.to_owned())
        .increment(1);
}

/// A message was refused; `reason` is one of the closed list of codes.
pub fn refused(reason: &str) {
    let known = crate::wire::Reason::ALL
        .iter()
        .find(|known| known.as_str() == reason);
    counter!(REFUSED_TOTAL, "reason" => known.map_or(OTHER, |known| known.as_str())).increment(1);
}

/// Another replica has taken over from this one.
pub fn fenced() {
    counter!(FENCED_TOTAL).increment(1);
}

/// This replica could not judge silence for that long.
pub fn deaf(how_long: Duration) {
    // Counters hold whole numbers; fractions are kept here so that none is lost.
    static MILLISECONDS: AtomicU64 = AtomicU64::new(0);
    let more = u64::try_from(how_long.as_millis()).unwrap_or(u64::MAX / 2);
    let all = MILLISECONDS
        .fetch_add(more, Ordering::Relaxed)
        .saturating_add(more);
    counter!(DEAF_SECONDS_TOTAL).absolute(all / 1000);
}

/// A pair was decided about; `verdict` is `lost`, `restored` or `unknown`.
pub fn decided(verdict: &str) {
    counter!(DECISIONS_TOTAL, "verdict" => verdict.to_owned()).increment(1);
}

/// Nodes went `out` or `back`.
pub fn moved(direction: &'static str, nodes: u64) {
    counter!(NODES_MOVED_TOTAL, "direction" => direction).increment(nodes);
}

/// Nodes that cannot be handled were left alone.
pub fn skipped(nodes: u64) {
    counter!(NODES_SKIPPED_TOTAL).increment(nodes);
}

/// The broker confirmed announcements.
pub fn announced(messages: u64) {
    counter!(ANNOUNCED_TOTAL).increment(messages);
}

/// The broker had no queue for announcements.
pub fn unroutable(messages: u64) {
    counter!(UNROUTABLE_TOTAL).increment(messages);
}

/// The broker did not take announcements.
pub fn nacked(messages: u64) {
    counter!(NACKED_TOTAL).increment(messages);
}

/// A session with the broker ended.
pub fn session_ended(why: &'static str) {
    counter!(SESSIONS_ENDED_TOTAL, "reason" => why).increment(1);
}

/// Something failed and is tried again after a pause.
pub fn retried(what: &'static str) {
    counter!(RETRIES_TOTAL, "what" => what).increment(1);
}

/// How long a batch of events took.
pub fn intake_seconds(took: Duration) {
    histogram!(INTAKE_SECONDS).record(took.as_secs_f64());
}

/// How long a chunk of nodes took.
pub fn chunk_seconds(took: Duration) {
    histogram!(CHUNK_SECONDS).record(took.as_secs_f64());
}

/// A sweep was begun.
pub fn sweep() {
    counter!(SWEEPS_TOTAL).increment(1);
}

/// A bridge looked: `good`, `failed` or `slow`.
pub fn bridge_looked(outcome: &'static str) {
    counter!(BRIDGE_LOOKS_TOTAL, "outcome" => outcome).increment(1);
}

/// The broker confirmed an event of a bridge.
pub fn bridge_published(message_type: &'static str) {
    counter!(BRIDGE_PUBLISHED_TOTAL, "type" => message_type).increment(1);
}
