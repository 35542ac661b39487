//! What operators ask of the deciding replica.

use super::end::{Fault, is_about_rows};
use super::ports::{Clock, Ledger};
use super::term::Place;
use crate::domain::ids::ConductorName;
use crate::store::Request;
use crate::telemetry;

/// Answers what is asked, once after each own tick.
pub(super) async fn answer<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
) -> Result<(), Fault> {
    if !place.deciding().is_some_and(|term| term.look_at_requests) {
        return Ok(());
    }
    let requests = match ledger.requests().await {
        Ok(requests) => requests,
        Err(fault) if is_about_rows(&fault) => {
            tracing::error!(
                fault = telemetry::error_chain(&fault),
                "requests of operators cannot be read; they are tried again"
            );
            Vec::new()
        }
        Err(fault) => return Err(fault.into()),
    };
    for request in requests {
        forget(place, ledger, clock, &request).await?;
    }
    if let Some(term) = place.deciding() {
        term.look_at_requests = false;
    }
    Ok(())
}

/// Forgets a conductor, if it does not count.
async fn forget<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    request: &Request,
) -> Result<(), Fault> {
    let name = ConductorName::parse(&request.argument).ok();
    let now_ms = clock.now().wall_ms;
    let commit = place.commit(|term| {
        let known = name.as_ref().and_then(|name| term.map.conductor(name));
        let (forget, result) = match known {
            None => (false, "no such conductor is known"),
            Some(known) if known.counts_as_active() => {
                (false, "it counts as active; nothing was forgotten")
            }
            Some(_) => (true, "forgotten"),
        };
        if let Some(name) = name.as_ref().filter(|_| forget) {
            term.map.forget(name);
        }
        (forget, result)
    });
    let Some(commit) = commit else {
        return Ok(());
    };
    let (forget, result) = commit.prepared;
    let answered = ledger.answer_forget(commit.epoch, request, forget, result, now_ms);
    let answered = answered.await;
    commit.outcome(answered)?;
    if forget {
        tracing::info!(
            conductor = telemetry::printable(&request.argument),
            "forgotten by an operator's request"
        );
    }
    Ok(())
}
