//! Taking a lost pair's nodes out.

use nodewarden::domain::announcement::{AnnouncementType, OutReason};
use nodewarden::domain::change::{Standing, Verdict};
use nodewarden::domain::ids::Pair;
use nodewarden::store::{Rows, Window, WindowDone};

use super::rows::{ChangeRow, DecisionRow};
use super::unit::{Fault, Header, Unit};
use super::walk;

pub fn take_out(unit: &mut Unit<'_>, pair: &Pair, window: &Window) -> Result<WindowDone, Fault> {
    if unit.tables.one.pause.is_some() {
        return Ok(WindowDone {
            paused: true,
            ..WindowDone::default()
        });
    }
    let Some((number, decision, reason)) = may_go(unit, pair, window)? else {
        return Ok(WindowDone::default());
    };
    let found = walk::window(unit, Rows::NodesOf(pair), &window.after, window.nodes);
    let mut done = WindowDone {
        skipped: found.skipped,
        next: found.next(window),
        ..WindowDone::default()
    };
    if let Some(last) = &found.last {
        done.changed = hold(unit, pair, window, last, (number, &decision, reason))?;
        done.locked = unit.tables.untaken(pair, &window.after, last).len() as u64;
    }
    if done.next.is_none() && done.locked == 0 && window.completes {
        done.completed = unit.complete(pair, window.now_ms);
    }
    Ok(done)
}

/// The decision by which the pair's nodes go out; `None`: they do not (I6).
pub fn may_go(
    unit: &mut Unit<'_>,
    pair: &Pair,
    window: &Window,
) -> Result<Option<(u64, DecisionRow, OutReason)>, Fault> {
    unit.read += 1;
    let Some(row) = unit.tables.pairs.get(pair) else {
        return Ok(None);
    };
    let number = row.decision.filter(|_| row.standing == Standing::Lost);
    let decision = number.and_then(|number| unit.tables.decisions.get(&number));
    let Some((number, decision)) = number.zip(decision) else {
        return Ok(None);
    };
    let verdict = decision.verdict;
    let reason = OutReason::of(verdict).ok_or_else(|| no_reason(verdict))?;
    let unwanted = reason == OutReason::DriverUnknown && !window.unknown;
    if unwanted || decision.observed {
        return Ok(None);
    }
    Ok(Some((number, decision.clone(), reason)))
}

pub fn no_reason(verdict: Verdict) -> Fault {
    Fault::Corrupt(format!(
        "table nodewarden_decisions: nodes are out by a decision with the verdict {verdict}"
    ))
}

/// Holds, marks and announces what of the window is to go out (I3); returns how many nodes.
fn hold(
    unit: &mut Unit<'_>,
    pair: &Pair,
    window: &Window,
    last: &str,
    (number, decision, reason): (u64, &DecisionRow, OutReason),
) -> Result<u64, Fault> {
    let base = unit.tables.one.seq;
    let untaken = unit.tables.untaken(pair, &window.after, last);
    let free = untaken.into_iter().filter(|uuid| !unit.is_locked(uuid));
    let free: Vec<String> = free.cloned().collect();
    for uuid in &free {
        unit.tables.one.seq += 1;
        let seq = unit.tables.one.seq;
        let name = unit.tables.nodes[uuid].short_name();
        let row = ChangeRow {
            uuid: uuid.clone(),
            name,
            held: true,
            decision: number,
            since_ms: window.now_ms,
            back: None,
            ends: None,
        };
        unit.tables.changes.put(seq, row);
        unit.tables.held.put(uuid.clone(), seq);
        unit.mark(uuid, "out_of_service", window.now_ms)?;
    }
    let changed = free.len() as u64;
    if changed == 0 {
        return Ok(0);
    }
    let header = Header {
        announcement_type: AnnouncementType::OutOfService,
        decision: Some(number),
        reason: Some(reason.as_str()),
        released_by: None,
        decided_at_ms: decision.decided_at_ms,
        now_ms: window.now_ms,
    };
    let per_message = window.nodes_per_message;
    unit.announce(&header, base + 1, base + changed, per_message);
    unit.count(number, changed);
    Ok(changed)
}
