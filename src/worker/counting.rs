//! Counting: how many nodes need each pair, for people and metrics. Each sweep begins it, or one of some where it
//! takes long; it goes over all nodes a window a step (L1), takes no lock, and writes only what differs, a part a
//! step.

use super::cost::Spent;
use super::end::{Fault, Step};
use super::ports::{Clock, Ledger};
use super::rules::Rules;
use super::term::{Counting, Place, Term};
use super::unknown;
use crate::store::StoreError;
use crate::telemetry;

pub(super) async fn count<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
    step: &mut Step,
) -> Result<(), Fault> {
    let Some(term) = place.deciding().filter(|term| term.counting.is_on()) else {
        return Ok(());
    };
    step.worked = true;
    let counted = match &term.counting.walk {
        None => fold(term, ledger).await,
        Some(walk) if walk.done => keep(term, ledger, clock, rules).await,
        Some(_) => window(term, ledger, clock, rules).await,
    };
    match counted {
        // Whatever it is: a count that fails is no reason to end a session (L4).
        Err(Fault::Store(fault)) if !matches!(fault, StoreError::Fenced(_)) => {
            tracing::error!(
                fault = telemetry::error_chain(&fault),
                "nodes cannot be counted; the next sweep tries again"
            );
            if let Some(term) = place.deciding() {
                (term.counting.walk, term.counting.moved) = (None, 0);
            }
            Ok(())
        }
        counted => counted,
    }
}

async fn window<L: Ledger, C: Clock>(
    term: &mut Term,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
) -> Result<(), Fault> {
    let Counting { walk, nodes, .. } = &mut term.counting;
    let Some(walk) = walk else { return Ok(()) };
    let (limit, began) = (nodes.next(), clock.now().mono);
    let found = ledger.count_nodes(&walk.after, limit).await;
    let found = found.inspect_err(|_| nodes.failed())?;
    let spent = Spent::since(began, clock, ledger);
    nodes.took(limit, found.seen, spent);
    walk.spent += spent.work();
    walk.counts.nodes += found.seen;
    for (pair, nodes) in found.pairs {
        let pairs = &mut walk.counts.pairs;
        if let Some(sum) = pairs.get_mut(&pair) {
            *sum += nodes;
        } else if pairs.len() < rules.most_pairs {
            pairs.insert(pair, nodes);
        }
    }
    walk.done = found.seen < u64::from(limit);
    walk.after = found.last.unwrap_or_default();
    if walk.done {
        return keep(term, ledger, clock, rules).await;
    }
    Ok(())
}

async fn keep<L: Ledger, C: Clock>(
    term: &mut Term,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
) -> Result<(), Fault> {
    let Counting { walk, rows, .. } = &mut term.counting;
    if let Some(walk) = walk {
        let (most, began) = (rows.next(), clock.now().mono);
        let all = ledger.keep_counts(term.epoch, &walk.counts, most).await;
        let all = all.inspect_err(|_| rows.failed())?;
        let written = if all { 0 } else { most };
        rows.took(most, written.into(), clock.now().mono.since(began));
        if !all {
            return Ok(());
        }
    }
    let now = clock.now().mono;
    term.counting.end(now, rules.sweep_interval);
    if rules.unknown_after.is_some()
        && let Some(pairs) = unknown::pairs(ledger).await?
    {
        term.unknown.see(&pairs, &term.map, now);
    }
    Ok(())
}

async fn fold<L: Ledger>(term: &mut Term, ledger: &mut L) -> Result<(), Fault> {
    let folded = ledger.fold_counts(term.epoch).await?;
    // Another one's changes are folded in as well; without any count there is nothing to fold.
    term.counting.moved = match folded {
        0 => 0,
        folded => term.counting.moved.saturating_sub(folded),
    };
    Ok(())
}
