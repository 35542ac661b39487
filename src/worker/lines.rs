//! The log lines about decisions: one for each of the first, never one for each node.

use std::time::Duration;

use super::walks::Over;
use crate::store::{Findings, WindowDone};
use crate::telemetry;

/// Decisions of a transaction that get a line each: an event can name 16,000 drivers.
const LINES: usize = 20;

pub(super) fn log_decisions(findings: &Findings, epoch: u64) {
    for decision in &findings.decisions {
        telemetry::DECISIONS.count_as(decision.verdict.as_str(), 1);
    }
    for decision in findings.decisions.iter().take(LINES) {
        let turn = &decision.turn;
        let conductor = turn.cause.conductor.as_ref();
        tracing::warn!(
            epoch,
            decision_id = decision.id,
            conductor_group = telemetry::printable(turn.pair.group.as_str()),
            driver = telemetry::printable(turn.pair.driver.as_str()),
            verdict = decision.verdict.as_str(),
            cause = turn.cause.kind.word().as_str(),
            conductor = conductor.map(|name| telemetry::printable(name.as_str())),
            observed = findings.observed,
            "decided"
        );
    }
    let more = findings.decisions.len().saturating_sub(LINES);
    if more > 0 {
        tracing::warn!(
            epoch,
            decisions = more,
            observed = findings.observed,
            "more pairs were decided at the same moment"
        );
    }
}

/// What an operator must know of a window: that a loss or a return is carried out, and which nodes
/// are left alone. Never a line for each window or node.
pub(super) fn log_window(
    over: &Over,
    done: &WindowDone,
    direction: &'static str,
    epoch: u64,
    took: Duration,
) {
    if done.changed > 0 {
        telemetry::NODES_MOVED.count_as(direction, done.changed);
        let took_us = took.as_micros() as u64;
        tracing::debug!(
            ?over,
            direction,
            nodes = done.changed,
            took_us,
            "nodes moved"
        );
    }
    telemetry::NODES_SKIPPED.count(done.skipped);
    let Over::Pair(pair) = over else {
        if done.skipped > 0 {
            tracing::warn!(
                nodes = done.skipped,
                "nodes are left alone: their uuid is empty, or no text"
            );
        }
        return;
    };
    let conductor_group = telemetry::printable(pair.group.as_str());
    let driver = telemetry::printable(pair.driver.as_str());
    if done.skipped > 0 {
        tracing::warn!(
            conductor_group,
            driver,
            nodes = done.skipped,
            "nodes are left alone: their uuid is longer than 255 bytes"
        );
    }
    if let Some(completed) = done.completed.as_ref().filter(|done| done.nodes > 0) {
        tracing::warn!(
            epoch,
            decision_id = completed.decision_id,
            conductor_group,
            driver,
            direction,
            nodes = completed.nodes,
            "carried out"
        );
    }
}
