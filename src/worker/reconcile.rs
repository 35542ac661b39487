//! The second half of a step: one window of nodes, made as its pair should be.

use std::time::Duration;

use super::end::{Fault, Step};
use super::pausing::Pausing;
use super::pending::{Over, Walk};
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::{Place, Term};
use crate::domain::change::Standing;
use crate::domain::ids::Pair;
use crate::domain::time::Mono;
use crate::failpoints;
use crate::store::{Rows, StoreError, Window, WindowDone};
use crate::telemetry;

/// When rows that another session had locked are looked at again: a user's transaction is over in
/// milliseconds, or it lasts.
const AGAIN: Duration = Duration::from_secs(1);

/// One window of the most urgent walk.
pub(super) async fn reconcile<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
    pausing: &mut Pausing,
    step: &mut Step,
) -> Result<(), Fault> {
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    let now = clock.now();
    let may_take = term.hearing.proven() && !pausing.is_on();
    let Some(walk) = term.pending.next(&term.map, may_take, now.mono).cloned() else {
        return Ok(());
    };
    let window = window(term, &walk, rules, now.wall_ms);
    let lost = |pair: &Pair| term.map.standing(pair) == Some(Standing::Lost);
    let epoch = term.epoch;
    let (direction, done) = match &walk.over {
        Over::Pair(pair) if lost(pair) => ("out", ledger.take_out(epoch, pair, &window).await),
        Over::Pair(pair) => ("back", ledger.give_back(epoch, Some(pair), &window).await),
        Over::Holds => ("back", ledger.give_back(epoch, None, &window).await),
        Over::Nodes => ("back", ledger.unmark_strays(epoch, &window).await),
    };
    step.worked = true;
    let done = match done {
        Ok(done) => done,
        Err(fault @ StoreError::Permanent { .. }) => {
            return narrow(term, ledger, &walk, &window, &fault).await;
        }
        Err(fault) => {
            // It may have been too much at once; and others shall have their turn.
            term.windows.failed();
            term.pending.put_back(&walk.over);
            return Err(fault.into());
        }
    };
    if done.paused {
        pausing.met();
        return Ok(());
    }
    let took = clock.now().mono.since(now.mono);
    telemetry::CHUNK.took(took);
    term.windows.took(window.nodes, done.changed, took);
    log_window(&walk.over, &done, direction, epoch, took);
    let again = now.mono.plus(AGAIN);
    term.pending.done(&walk.over, &done, window.nodes, again);
    step.moved = done.changed;
    if done.next.is_some() {
        failpoints::reached("between-chunks");
    }
    Ok(())
}

/// The next window of a walk.
fn window(term: &Term, walk: &Walk, rules: &Rules, now_ms: u64) -> Window {
    Window {
        after: walk.after.clone(),
        nodes: walk.nodes.unwrap_or_else(|| match &walk.over {
            Over::Pair(_) if walk.after.is_empty() => term.windows.first(),
            Over::Pair(_) | Over::Holds | Over::Nodes => term.windows.scaled(walk.scale),
        }),
        nodes_per_message: rules.nodes_per_message,
        unknown: rules.unknown_after.is_some(),
        completes: !walk.left_behind,
        now_ms,
    }
}

/// A window that the database will never take: half of it, down to the one row that is at fault,
/// which is named and left alone. The others are not held up by it.
async fn narrow<L: Ledger>(
    term: &mut Term,
    ledger: &mut L,
    walk: &Walk,
    window: &Window,
    fault: &StoreError,
) -> Result<(), Fault> {
    if window.nodes > 1 {
        term.pending.narrow(&walk.over, window.nodes / 2);
        return Ok(());
    }
    let of = match &walk.over {
        Over::Pair(pair) if term.map.standing(pair) == Some(Standing::Lost) => Rows::NodesOf(pair),
        Over::Pair(pair) => Rows::HoldsOf(pair),
        Over::Holds => Rows::Holds,
        Over::Nodes => Rows::Nodes,
    };
    let row = ledger.first_after(of, &walk.after).await?;
    telemetry::NODES_SKIPPED.count(1);
    tracing::error!(
        uuid = row.as_deref().map(telemetry::printable),
        fault = telemetry::error_chain(fault),
        "a node cannot be handled and is left alone until the next sweep"
    );
    let passed = WindowDone {
        next: row,
        ..WindowDone::default()
    };
    term.pending
        .done(&walk.over, &passed, window.nodes, Mono::default());
    Ok(())
}

/// What an operator must know of a window: that a loss or a return is carried out, and which nodes
/// are left alone. Never a line for each window or node.
fn log_window(over: &Over, done: &WindowDone, direction: &'static str, epoch: u64, took: Duration) {
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
    if done.skipped > 0 {
        telemetry::NODES_SKIPPED.count(done.skipped);
        tracing::warn!(
            ?over,
            nodes = done.skipped,
            "nodes are left alone: their uuid is longer than 255 bytes"
        );
    }
    let Over::Pair(pair) = over else {
        return;
    };
    let conductor_group = telemetry::printable(pair.group.as_str());
    let driver = telemetry::printable(pair.driver.as_str());
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
