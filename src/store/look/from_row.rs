//! From rows to views.

use crate::domain::announcement::OutReason;
use crate::domain::change::Verdict;
use crate::store::database::row::{Nonsense, Row};
use crate::store::look::views::{
    ActionView, ConductorView, DecisionView, HoldReason, HoldView, IgnoredView, NodeLine,
    RefusedView,
};
use crate::store::tables;

/// Why nodes are out by the decision of this row; one that gives nodes back takes none out.
pub fn out_reason(row: &Row) -> Result<OutReason, sqlx::Error> {
    let verdict: Verdict = row.word(tables::DECISIONS, "verdict")?;
    let reason = OutReason::of(verdict).ok_or_else(|| Nonsense {
        table: tables::DECISIONS,
        what: format!("nodes are out by a decision with the verdict {verdict}"),
    });
    Ok(reason?)
}

pub fn hold(row: &Row) -> Result<HoldView, sqlx::Error> {
    Ok(HoldView {
        uuid: row.text("uuid")?,
        name: row.maybe_text("name")?,
        conductor_group: row.text("conductor_group")?,
        driver: row.text("driver")?,
        reason: out_reason(row)?,
        decision_id: row.text("decision_id")?,
        since_ms: row.uint("since_ms")?,
    })
}

/// A line of a list, of all nodes or of what is held.
pub fn node_line(row: &Row, out: bool) -> Result<NodeLine, sqlx::Error> {
    let held = row.maybe_text("decision_id")?.is_some();
    let hold = match held {
        true => Some(HoldReason {
            reason: out_reason(row)?,
            decision_id: row.text("decision_id")?,
            cause: row.word(tables::DECISIONS, "cause")?,
            cause_event: row.maybe_word(tables::DECISIONS, "cause_event")?,
            cause_conductor: row.maybe_text("cause_conductor")?,
        }),
        false => None,
    };
    let (group, driver, since) = match held {
        true => ("held_group", "held_driver", "held_since_ms"),
        false => ("conductor_group", "driver", "state_since_ms"),
    };
    Ok(NodeLine {
        uuid: row.text("uuid")?,
        name: row.maybe_text("name")?,
        conductor_group: row.text(group)?,
        driver: row.maybe_text(driver)?,
        maintenance: match out {
            true => None,
            false => Some(row.maybe_flag("maintenance")?.unwrap_or(false)),
        },
        since_ms: row.maybe_uint(since)?,
        hold,
    })
}

pub fn conductor(row: &Row) -> Result<ConductorView, sqlx::Error> {
    let drivers = serde_json::from_str(&row.text("drivers")?)
        .map_err(|fault| sqlx::Error::Decode(fault.into()))?;
    let remaining = row.maybe_uint("hold_remaining_ms")?;
    let or_zero = |column| row.maybe_uint(column).map(Option::unwrap_or_default);
    let refused = match row.maybe_text("refused_why")? {
        Some(why) => Some(RefusedView {
            why,
            count: or_zero("refused_count")?,
            since_ms: or_zero("refused_since_ms")?,
            last_ms: or_zero("refused_last_ms")?,
        }),
        None => None,
    };
    let ignored = match row.maybe_uint("ignored_incarnation")? {
        Some(incarnation) => Some(IgnoredView {
            incarnation,
            count: or_zero("ignored_count")?,
            since_ms: or_zero("ignored_since_ms")?,
            last_ms: or_zero("ignored_last_ms")?,
        }),
        None => None,
    };
    Ok(ConductorView {
        refused,
        ignored,
        conductor: row.text("conductor")?,
        incarnation: row.uint("incarnation")?,
        conductor_group: row.text("conductor_group")?,
        drivers,
        state: row.word(tables::CONDUCTORS, "state")?,
        since_ms: row.uint("since_ms")?,
        heartbeat_timeout_ms: row.maybe_uint("heartbeat_timeout_ms")?,
        until_ms: remaining
            .zip(row.maybe_uint("hold_noted_at_ms")?)
            .map(|(remaining, noted)| noted.saturating_add(remaining)),
        last_sent_at_ms: row.maybe_uint("last_sent_at_ms")?,
        last_sign_at_ms: row.uint("last_sign_at_ms")?,
    })
}

pub fn action(row: &Row) -> Result<ActionView, sqlx::Error> {
    Ok(ActionView {
        number: row.uint("number")?,
        kind: row.word(tables::REQUESTS, "kind")?,
        argument: row.text("argument")?,
        asked_by: row.maybe_text("requested_by")?,
        at_ms: row.uint("requested_at_ms")?,
        result: row.maybe_text("result")?,
    })
}

pub fn decision(row: &Row) -> Result<DecisionView, sqlx::Error> {
    Ok(DecisionView {
        number: row.uint("number")?,
        decision_id: row.text("decision_id")?,
        conductor_group: row.text("conductor_group")?,
        driver: row.text("driver")?,
        verdict: row.word(tables::DECISIONS, "verdict")?,
        cause: row.word(tables::DECISIONS, "cause")?,
        cause_event_id: row.maybe_text("cause_event_id")?,
        cause_event: row.maybe_word(tables::DECISIONS, "cause_event")?,
        cause_conductor: row.maybe_text("cause_conductor")?,
        last_good_at_ms: row.maybe_uint("last_good_at_ms")?,
        epoch: row.uint("epoch")?,
        decided_at_ms: row.uint("decided_at_ms")?,
        completed_at_ms: row.maybe_uint("completed_at_ms")?,
        nodes: row.uint("nodes")?,
        observed: row.maybe_flag("observed")?.unwrap_or(false),
    })
}
