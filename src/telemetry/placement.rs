//! What `placement` measures.

use std::time::Duration;

use super::list::*;
use super::metrics::Metrics;

/// `placement` looked at a node that is to be out of service or back, with this outcome.
pub fn placement_looked(out: bool, outcome: &'static str) {
    count_look(if out { "out" } else { "back" }, outcome, 1);
}

fn count_look(direction: &'static str, outcome: &'static str, more: u64) {
    PLACEMENT_LOOKS.count_with(&[("direction", direction), ("outcome", outcome)], more);
}

impl Metrics {
    /// How `placement` stands: the age of its last comparison, its nodes by state, and the pairs that are
    /// switched.
    pub fn placement(
        &self,
        compared_age: Option<Duration>,
        nodes: impl IntoIterator<Item = (&'static str, usize)>,
        switched: usize,
    ) {
        PLACEMENT_SWITCHED.set(switched as f64);
        PLACEMENT_COMPARED_AGE.set(compared_age.map_or(f64::INFINITY, |age| age.as_secs_f64()));
        for (state, count) in nodes {
            PLACEMENT_NODES.set_with(&[("state", state)], count as f64);
        }
        // From the first scrape on, so that a rate sees the first increment.
        for direction in ["out", "back"] {
            for outcome in ["as_wished", "written", "unknown", "failed"] {
                count_look(direction, outcome, 0);
            }
        }
    }
}
