//! The second half of a step: one window of nodes, made as its pair should be.
//!
//! A pair that turned has work to do: its windows are transactions. A walk that looks at everything
//! mostly finds all as it should be: it looks first, and costs a commit only where there is something
//! to do (L2).

use super::cost::Spent;
use super::end::{Fault, Step, unless_about_rows};
use super::lines::log_window;
use super::pausing::Pausing;
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::{Place, Term};
use super::together;
use super::walks::{Over, Walk};
use crate::domain::change::Standing;
use crate::domain::time::Mono;
use crate::failpoints;
use crate::store::{Rows, StoreError, Window, WindowDone};
use crate::telemetry;

/// One window of the most urgent walk, or many small pairs at once.
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
    step.worked = true;
    let had_its_turn = match term.pending.is_routine(&walk.over) {
        true => together::look(term, ledger, clock, &walk, rules).await?,
        false => together::carry_out(term, ledger, clock, &walk, rules, pausing, step).await?,
    };
    if had_its_turn {
        return Ok(());
    }
    let now = clock.now();
    let mut window = window(term, &walk, rules, now.wall_ms);
    if walk.nodes.is_none() && term.pending.is_routine(&walk.over) {
        match look(term, ledger, clock, &walk, &window).await? {
            Some(after) => window.after = after,
            None => return Ok(()),
        }
    }
    let Some(of) = rows(term, &walk.over) else {
        // There is something to do: each of the walks finds out what.
        term.pending.everything(&term.map);
        return Ok(());
    };
    let epoch = term.epoch;
    let (direction, done) = match of {
        Rows::NodesOf(pair) => ("out", ledger.take_out(epoch, pair, &window).await),
        Rows::HoldsOf(pair) => ("back", ledger.give_back(epoch, Some(pair), &window).await),
        Rows::Holds => ("back", ledger.give_back(epoch, None, &window).await),
        Rows::Nodes => ("back", ledger.unmark_strays(epoch, &window).await),
    };
    let done = match done {
        Ok(done) => done,
        Err(fault) if fault.is_about_rows() => {
            return narrow(term, ledger, &walk, of, &window, &fault).await;
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
    let spent = Spent::since(now.mono, clock, ledger);
    telemetry::CHUNK.took(spent.took);
    term.windows.took(window.nodes, done.changed, spent);
    if walk.begins(now.mono) && done.next.is_none() {
        term.together.took(1, 1, spent);
    }
    log_window(&walk.over, &done, direction, epoch, spent.took);
    term.pending.done(&walk.over, &done, window.nodes, now.mono);
    step.moved += done.changed;
    term.counting.moved += done.changed;
    if done.next.is_some() {
        failpoints::reached("between-chunks");
    }
    Ok(())
}

/// What is walked over; `None`: everything, which can only be looked at.
fn rows<'w>(term: &Term, over: &'w Over) -> Option<Rows<'w>> {
    Some(match over {
        Over::Pair(pair) if term.map.standing(pair) == Some(Standing::Lost) => Rows::NodesOf(pair),
        Over::Pair(pair) => Rows::HoldsOf(pair),
        Over::Holds => Rows::Holds,
        Over::Nodes => Rows::Nodes,
        Over::Everything => return None,
    })
}

/// Looks at many rows at once before any is locked. Returns after which uuid there is something to
/// do; `None`: nothing is, and the walk went on.
async fn look<L: Ledger, C: Clock>(
    term: &mut Term,
    ledger: &mut L,
    clock: &C,
    walk: &Walk,
    window: &Window,
) -> Result<Option<String>, Fault> {
    let wide = Window {
        nodes: term.looks.next(),
        ..window.clone()
    };
    let began = clock.now().mono;
    let found = match rows(term, &walk.over) {
        Some(of) => ledger.survey(of, &wide).await,
        None => ledger.survey_all(&wide).await,
    };
    let found = match found {
        Ok(found) => found,
        // The window will find the row that is at fault, or the walks will where everything was looked at.
        Err(fault) if fault.is_about_rows() => {
            let (over, fault) = (&walk.over, telemetry::error_chain(&fault));
            tracing::debug!(?over, fault, "a look failed; the window itself tells more");
            return Ok(Some(walk.after.clone()));
        }
        Err(fault) => {
            term.looks.failed();
            term.pending.put_back(&walk.over);
            return Err(fault.into());
        }
    };
    let spent = Spent::since(began, clock, ledger);
    term.looks.took(wide.nodes, found.seen, spent);
    if found.work {
        // The walks look by themselves before they change anything.
        if walk.over != Over::Everything {
            term.looks.begin_again();
        }
        return Ok(Some(walk.after.clone()));
    }
    let ends = found.seen < u64::from(wide.nodes);
    let passed = WindowDone {
        next: found.last.clone().filter(|_| !ends),
        skipped: found.skipped,
        ..WindowDone::default()
    };
    log_window(&walk.over, &passed, "out", term.epoch, spent.took);
    if ends && found.open && !walk.left_behind {
        // A window behind the last row: there is nothing to do but to complete the decision.
        return Ok(Some(found.last.unwrap_or_else(|| walk.after.clone())));
    }
    // A look does not tell how many rows a transaction may have.
    let now = began.plus(spent.took);
    term.pending.done(&walk.over, &passed, 0, now);
    Ok(None)
}

fn window(term: &Term, walk: &Walk, rules: &Rules, now_ms: u64) -> Window {
    let usual = match &walk.over {
        Over::Pair(_) if walk.after.is_empty() => term.windows.first(),
        Over::Pair(_) | Over::Holds | Over::Nodes | Over::Everything => {
            term.windows.scaled(walk.scale)
        }
    };
    Window {
        after: walk.after.clone(),
        nodes: walk.nodes.map_or(usual, |narrow| narrow.min(usual)),
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
    of: Rows<'_>,
    window: &Window,
    fault: &StoreError,
) -> Result<(), Fault> {
    if window.nodes > 1 {
        term.pending.narrow(&walk.over, window.nodes / 2);
        return Ok(());
    }
    let row = ledger.first_after(of, &walk.after);
    // It may have no name even: then the rest of this walk waits for the next sweep with it.
    let row = unless_about_rows(row.await)?.unwrap_or_default();
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
