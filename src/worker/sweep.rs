//! The sweep: everything is looked at again, and what is kept too long is dropped and forgotten.

use std::time::Duration;

use super::end::{Fault, Step, unless_about_rows};
use super::pausing::Pausing;
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::{Place, Term};
use crate::config::Mode;
use crate::domain::conductor::{Conductor, Life};
use crate::domain::hearing::GAP;
use crate::domain::time::Now;
use crate::store::{ConductorRecord, Sweep};
use crate::telemetry;

/// When a sweep that failed is tried again, at the latest with the next one.
const SWEEP_AGAIN: Duration = Duration::from_secs(10);

/// Sweeps, if it is time.
pub(super) async fn sweep<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
    pausing: &Pausing,
    step: &mut Step,
) -> Result<(), Fault> {
    let now = clock.now();
    let mut may_drop = false;
    let commit = place.commit(|term| {
        if now.mono < term.next_sweep {
            return None;
        }
        // One that fails must not be the only thing that is ever tried.
        term.next_sweep = now.mono.plus(rules.sweep_interval.min(SWEEP_AGAIN));
        may_drop = term.wall_clock.is_trusted(now);
        // What was committed and not acknowledged before the takeover lies in the queue before our
        // own tick. Until that comes back, events are remembered, however old they are (I2); and while ticks are
        // missing, as an alarm may keep from being settled what is in hand.
        let heard = term.hearing.tick_age(now.mono) <= GAP;
        let drop_events = heard && term.hearing.proven();
        // Here, so that a sweep that cannot begin keeps no table growing.
        if may_drop {
            term.retention
                .begin(rules.keeping, drop_events, &term.receipts, now);
        }
        Some(what(term, rules, pausing, now))
    });
    let Some(commit) = commit else {
        return Ok(());
    };
    let restarts = commit.prepared.restarting.len();
    let begun = ledger.begin_sweep(commit.epoch, &commit.prepared).await;
    if let Err(fault) = unless_about_rows(commit.outcome(begun))? {
        tracing::error!(
            fault = telemetry::error_chain(&fault),
            "a sweep cannot be begun; it is tried again"
        );
        if let Some(term) = place.term_mut().filter(|_| restarts > 0) {
            // The fault may be in one of their rows.
            term.sweep_alone = true;
            term.next_sweep = now.mono;
        }
        return Ok(());
    }
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    term.counting.begin(now);
    if may_drop {
        term.forgetting
            .begin(&term.map, &term.called_unknown, rules, now);
    }
    term.pending.anything(&term.map);
    term.sweep_alone = false;
    term.next_sweep = now.mono.plus(rules.sweep_interval);
    telemetry::SWEEPS.count(1);
    step.worked = true;
    Ok(())
}

/// What a sweep writes.
fn what(term: &Term, rules: &Rules, pausing: &Pausing, now: Now) -> Sweep {
    let leaving = |conductor: &&Conductor| matches!(conductor.life, Life::Leaving { .. });
    let restarting = match term.sweep_alone {
        true => Vec::new(),
        false => {
            let restarting = term.map.conductors().filter(leaving);
            let save = |conductor| ConductorRecord::save(conductor, now.mono);
            restarting.map(save).collect()
        }
    };
    Sweep {
        restarting,
        announces: rules.mode == Mode::Enforce,
        pause: pausing.remainder(now.mono),
        now_ms: now.wall_ms,
        ..Sweep::default()
    }
}
