//! The log lines about decisions: one for each of the first, never one for each node.

use crate::store::{DecisionRecord, Findings};
use crate::telemetry;

/// Decisions of a transaction that get a line each: an event can name 16,000 drivers.
const LINES: usize = 20;

/// One line for each of the first decisions.
pub(super) fn log_decisions(findings: &Findings, epoch: u64) {
    for decision in &findings.decisions {
        telemetry::DECISIONS.count_as(decision.verdict.as_str(), 1);
    }
    for decision in findings.decisions.iter().take(LINES) {
        log_decision(decision, epoch, findings.observed);
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

fn log_decision(decision: &DecisionRecord, epoch: u64, observed: bool) {
    let turn = &decision.turn;
    tracing::warn!(
        epoch,
        decision_id = decision.id,
        conductor_group = telemetry::printable(turn.pair.group.as_str()),
        driver = telemetry::printable(turn.pair.driver.as_str()),
        verdict = decision.verdict.as_str(),
        cause = turn.cause.kind.word().as_str(),
        conductor = turn
            .cause
            .conductor
            .as_ref()
            .map(|name| telemetry::printable(name.as_str())),
        observed,
        "decided"
    );
}
