//! Many pairs that turned at one instant, carried out together: one transaction for as many small ones as
//! fit into an eighth of a second (L1), since each takes its round trips to the database.

use super::cost::Spent;
use super::end::{Fault, Step};
use super::lines::log_window;
use super::pausing::Pausing;
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::Term;
use super::walks::{Over, Walk};
use crate::domain::change::Standing;
use crate::store::Window;
use crate::telemetry;

/// Carries out what can be together with the most urgent walk. Returns whether that had its turn: what is
/// too large for it, or alone, goes on by itself.
pub(super) async fn carry_out<L: Ledger, C: Clock>(
    term: &mut Term,
    ledger: &mut L,
    clock: &C,
    walk: &Walk,
    rules: &Rules,
    pausing: &mut Pausing,
    step: &mut Step,
) -> Result<bool, Fault> {
    let now = clock.now();
    let (to, pairs) = term
        .pending
        .alike(walk, &term.map, term.together.next(), now.mono);
    if pairs.len() < 2 {
        return Ok(false);
    }
    let window = window(term.windows.first(), rules, now.wall_ms);
    let done = match ledger.carry_out(term.epoch, to, &pairs, &window).await {
        Ok(done) => done,
        Err(fault) if fault.is_about_rows() => {
            tracing::warn!(
                fault = telemetry::error_chain(&fault),
                pairs = pairs.len(),
                "decisions cannot be carried out together; carrying out fewer at once"
            );
            term.together.refused(pairs.len());
            return Ok(true);
        }
        Err(fault) => {
            // Others shall have their turn.
            term.together.failed(pairs.len());
            for pair in pairs {
                term.pending.put_back(&Over::Pair(pair));
            }
            return Err(fault.into());
        }
    };
    if done.iter().flatten().any(|done| done.paused) {
        pausing.met();
        return Ok(true);
    }
    let spent = Spent::since(now.mono, clock, ledger);
    telemetry::CHUNK.took(spent.took);
    let direction = match to {
        Standing::Lost => "out",
        Standing::Active => "back",
    };
    let first = done.first().is_some_and(Option::is_some);
    let asked = pairs.len();
    let mut fit = Vec::with_capacity(asked);
    for (pair, done) in pairs.into_iter().zip(done) {
        let Some(done) = done else { continue };
        let over = Over::Pair(pair);
        log_window(&over, &done, direction, term.epoch, spent.took);
        step.moved += done.changed;
        term.counting.moved += done.changed;
        fit.push((over, done));
    }
    term.together.took(asked, fit.len(), spent);
    term.pending.done_together(&fit, now.mono);
    Ok(first)
}

/// Looks at many small pairs at once, where most have nothing to do (L2). Returns whether that of `walk` was
/// among them.
pub(super) async fn look<L: Ledger, C: Clock>(
    term: &mut Term,
    ledger: &mut L,
    clock: &C,
    walk: &Walk,
    rules: &Rules,
) -> Result<bool, Fault> {
    let now = clock.now();
    let most = term.looks_together.next();
    let (to, pairs) = term.pending.alike(walk, &term.map, most, now.mono);
    if pairs.len() < 2 || to != Standing::Lost {
        return Ok(false);
    }
    let window = window(term.looks.next(), rules, now.wall_ms);
    let found = match ledger.survey_pairs(&pairs, &window).await {
        Ok(found) => found,
        Err(fault) if fault.is_about_rows() => {
            term.looks_together.refused(pairs.len());
            return Ok(true);
        }
        Err(fault) => {
            term.looks_together.failed(pairs.len());
            for pair in pairs {
                term.pending.put_back(&Over::Pair(pair));
            }
            return Err(fault.into());
        }
    };
    let took = clock.now().mono.since(now.mono);
    let seen: u64 = found.iter().flatten().map(|found| found.seen).sum();
    let first = found.first().is_some_and(Option::is_some);
    let asked = pairs.len();
    let (mut idle, mut work) = (Vec::new(), Vec::new());
    for (pair, found) in pairs.into_iter().zip(found) {
        match found {
            Some(found) if found.work || found.open => work.push(pair),
            Some(_) => idle.push(pair),
            None => {}
        }
    }
    let fit = idle.len() + work.len();
    term.looks_together.took(asked, fit, took);
    if fit < asked {
        // Larger pairs may fit into a larger look.
        term.looks
            .took(window.nodes, seen.max(window.nodes.into()), took);
    }
    term.pending.looked_together(idle, &work);
    Ok(first)
}

/// A window over all of small pairs.
fn window(nodes: u32, rules: &Rules, now_ms: u64) -> Window {
    Window {
        after: String::new(),
        nodes,
        nodes_per_message: rules.nodes_per_message,
        unknown: rules.unknown_after.is_some(),
        completes: true,
        now_ms,
    }
}
