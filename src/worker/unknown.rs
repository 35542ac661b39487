//! Verdicts about pairs that never had a conductor (`decide.unknown_driver = "take_out"`): a sweep
//! asks which are so, a fresh tick may prove that one was so for long enough.

use super::end::{Fault, Step, unless_about_rows};
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::{Place, Term};
use super::verdicts::{self, ROWS};
use crate::config::Mode;
use crate::domain::ids::Pair;
use crate::domain::unknown::{self, Graces};
use crate::store::{Findings, StoreError};
use crate::telemetry;

/// At most so many pairs are watched.
const UNKNOWN_AT_ONCE: u32 = 1000;

/// At most so many are judged in one step: each costs a look-up, a round trip to the database (L1).
const LOOKED_UP: usize = 50;

/// The pairs that are so; `None` if they cannot be read: then nothing is decided about any.
pub(super) async fn pairs<L: Ledger>(ledger: &mut L) -> Result<Option<Vec<Pair>>, Fault> {
    read(ledger.unknown_pairs(UNKNOWN_AT_ONCE).await)
}

fn read(pairs: Result<Vec<Pair>, StoreError>) -> Result<Option<Vec<Pair>>, Fault> {
    let pairs = unless_about_rows(pairs)?.inspect_err(|fault| {
        tracing::error!(
            fault = telemetry::error_chain(fault),
            "pairs that never had a conductor cannot be read; the next sweep tries again"
        );
    });
    Ok(pairs.ok())
}

/// Decides about pairs whose grace is over.
pub(super) async fn judge<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
    step: &mut Step,
) -> Result<(), Fault> {
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    let (Some(grace), Some(sent)) = (rules.unknown_after, term.fresh.take()) else {
        return Ok(());
    };
    let graces = Graces {
        unknown: grace,
        reconnect: rules.reconnect_grace,
    };
    let now = clock.now();
    let mut due = term.unknown.due(&term.map, &term.hearing, sent, graces);
    due.retain(|pair| !term.left_pairs.has(pair, now.mono));
    if due.is_empty() {
        return Ok(());
    }
    // What does not fit into one transaction has its turn in the next step (L1).
    let most = (u64::from(term.rows.next()) / ROWS).max(1);
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(LOOKED_UP);
    if due.len() > most {
        due.truncate(most);
        term.fresh = Some(sent);
    }
    // The last sweep may be a minute old: a node that was corrected since must not be judged.
    // What cannot be read is decided later: its grace begins again.
    let pairs = read(ledger.needed(&due).await)?.unwrap_or_default();
    due.retain(|pair| !pairs.contains(pair));
    term.unknown.forget(&due);
    if pairs.is_empty() {
        return Ok(());
    }
    let prepare = |term: &mut Term| {
        let mut findings = Findings {
            now_ms: now.wall_ms,
            observed: rules.mode == Mode::Observe,
            ..Findings::default()
        };
        for turn in pairs.into_iter().map(unknown::verdict) {
            term.map.turn(&turn);
            term.turned(&turn.pair);
            verdicts::add(&mut findings, turn, clock.id());
        }
        Some(findings)
    };
    let stored = verdicts::commit(place, ledger, now.mono, step, "unknown", prepare).await?;
    if let Some(term) = place.term_mut().filter(|_| !stored) {
        term.fresh = Some(sent);
    }
    Ok(())
}
