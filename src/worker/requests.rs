//! What operators ask of the deciding replica.

use super::end::{Fault, unless_about_rows};
use super::left_alone;
use super::ports::{Clock, Ledger};
use super::term::Place;
use crate::domain::ids::ConductorName;
use crate::store::{FORGOTTEN, Request};
use crate::telemetry;

/// Stands for all requests, in those that are left alone; each has a number above it.
const UNREADABLE: u64 = 0;

/// Answers what is asked, one request in a step (L1): looks after each own tick, and after each answer.
pub(super) async fn answer<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
) -> Result<(), Fault> {
    let now = clock.now().mono;
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    if !std::mem::take(&mut term.look_at_requests) || term.left_requests.has(&UNREADABLE, now) {
        return Ok(());
    }
    let requests = unless_about_rows(ledger.requests().await)?.unwrap_or_else(|fault| {
        left_alone::log("request", "requests of operators", &fault);
        term.left_requests.put(UNREADABLE, now);
        Vec::new()
    });
    let open = |request: &&Request| !term.left_requests.has(&request.number, now);
    let Some(request) = requests.iter().find(open) else {
        return Ok(());
    };
    forget(place, ledger, clock, request).await?;
    if let Some(term) = place.term_mut() {
        term.look_at_requests = true;
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
    let now = clock.now();
    let commit = place.commit(|term| {
        let known = name.as_ref().and_then(|name| term.map.conductor(name));
        let (forget, result) = match known {
            None => (false, "no such conductor is known"),
            Some(known) if known.counts_as_active() => {
                (false, "it counts as active; nothing was forgotten")
            }
            Some(_) => (true, FORGOTTEN),
        };
        if let Some(name) = name.as_ref().filter(|_| forget) {
            term.map.forget(name);
            term.unheeded.forget(name);
        }
        Some((forget, result))
    });
    let Some(commit) = commit else {
        return Ok(());
    };
    let (forget, result) = commit.prepared;
    let answered = ledger.answer_forget(commit.epoch, request, forget, result, now.wall_ms);
    if let Err(fault) = unless_about_rows(commit.outcome(answered.await))? {
        left_alone::log("request", &format!("request {}", request.number), &fault);
        if let Some(term) = place.term_mut() {
            term.left_requests.put(request.number, now.mono);
        }
        return Ok(());
    }
    if forget {
        tracing::info!(
            conductor = telemetry::printable(&request.argument),
            "forgotten by an operator's request"
        );
    }
    Ok(())
}
