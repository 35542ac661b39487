//! How far subscribers are, by their receipts, and how long they took. It is stored with the batch that
//! brings it, measured one look a step after everything else, and nothing is decided by it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::end::{Fault, Step};
use super::identity::Identity;
use super::ports::Ledger;
use super::term::{Place, Term};
use crate::domain::ids::SubscriberName;
use crate::domain::receipt::{MOST_SUBSCRIBERS, Receipt, Received};
use crate::domain::time::Now;
use crate::store::StoreError;
use crate::telemetry;
use crate::wire::{Reason, Refusal};

/// Between two receipts that are refused by name for want of room; those in between are only counted, or
/// each subscriber too many would fill the dead letters once a second.
const REFUSALS: Duration = Duration::from_secs(600);

#[derive(Default)]
pub(super) struct Taken {
    /// Of each subscriber only the newest.
    pub(super) newest: BTreeMap<SubscriberName, Receipt>,
    /// Those that gave their place to others.
    pub(super) gone: Vec<SubscriberName>,
}

pub(super) fn take(
    term: &mut Term,
    batch: &mut Taken,
    receipt: Receipt,
    us: &Identity,
    now: Now,
) -> Result<(), Refusal> {
    let name = &receipt.subscriber;
    if !term.receipts.has_room_for(name) {
        match term.receipts.make_room(now.wall_ms) {
            Some(gone) => {
                term.applied.remove(&gone);
                batch.newest.remove(&gone);
                batch.gone.push(gone);
            }
            None => return no_room(term, name, now),
        }
    }
    let says_more = term.receipts.take(Received {
        receipt: receipt.clone(),
        heard_at_ms: now.wall_ms,
    });
    if says_more && receipt.stream == us.stream {
        term.applied
            .insert(name.clone(), (receipt.seq, now.wall_ms));
    }
    batch.newest.insert(name.clone(), receipt);
    Ok(())
}

/// Refuses a subscriber too many by name once in a while, and only counts it else.
fn no_room(term: &mut Term, name: &SubscriberName, now: Now) -> Result<(), Refusal> {
    if now.mono < term.next_refusal {
        telemetry::REFUSED.count_as(Reason::TooManySubscribers.as_str(), 1);
        return Ok(());
    }
    term.next_refusal = now.mono.plus(REFUSALS);
    let detail = format!(
        "{name} is new, {MOST_SUBSCRIBERS} subscribers are known, and none of them has been silent for ten minutes"
    );
    Err(Refusal::new(Reason::TooManySubscribers, detail))
}

pub(super) async fn measure<L: Ledger>(
    place: &mut Place,
    ledger: &mut L,
    step: &mut Step,
) -> Result<(), Fault> {
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    let Some((_, (seq, heard_at_ms))) = term.applied.pop_first() else {
        return Ok(());
    };
    step.worked = true;
    match ledger.waited_since(seq).await {
        Ok(Some(since_ms)) => {
            telemetry::APPLIED.took(Duration::from_millis(heard_at_ms.saturating_sub(since_ms)));
        }
        Ok(None) => {}
        Err(fault @ StoreError::Fenced(_)) => return Err(fault.into()),
        // A measurement is no reason to stop deciding.
        Err(fault) => tracing::debug!(fault = telemetry::error_chain(&fault), "measuring"),
    }
    Ok(())
}
