//! A database that went back: an asynchronous standby was promoted, a backup restored, or a crash undid
//! commits. What this replica knows to be committed, and what the ticks of others say, shows it; the
//! transaction that finds it so begins a new stream. Conductors say again what was lost with the rest.

use std::time::Duration;

use super::batch::{self, Item};
use super::end::{End, Fault, unless_about_rows};
use super::identity::Identity;
use super::ports::{Clock, Ledger};
use super::standby::Standby;
use super::term::Place;
use crate::domain::committed::Committed;
use crate::domain::time::Mono;
use crate::store::StoreError;
use crate::telemetry;

/// How often to look: what a replica in line knows is that old if all others die.
const LOOK: Duration = Duration::from_secs(1);

/// How long into a term ticks of a former stream may still come: they expire after 60 s, and half of that is
/// margin. A later one comes from a replica that lives on in another database.
const FORMER: Duration = Duration::from_secs(90);

/// What the database has, and whether it seems to lack something.
pub(super) async fn found<L: Ledger>(ledger: &mut L) -> Result<(Committed, bool), StoreError> {
    let missing = ledger.missing().await?;
    let lacks = missing.is_some();
    let found = missing.map_or_else(|| ledger.known().furthest(), |loss| Some(loss.found));
    Ok((found.expect("a look that misses nothing knows it"), lacks))
}

/// Looks what the database has, if it is time; one that cannot look cannot decide, and does not stay in line
/// either for long. A replica in line takes the stream as it is; one that
/// decides and misses something is in doubt, and the fence will tell; if its stream is over, so is its session.
pub(super) async fn look<L: Ledger, C: Clock>(
    next: &mut Mono,
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    us: &mut Identity,
    standby: &mut Standby,
) -> Result<(), Fault> {
    let now = clock.now().mono;
    if now < *next {
        return Ok(());
    }
    // After a fault the next step looks again: one that does nothing else must not take it for over.
    let found = unless_about_rows(found(ledger).await)?;
    *next = now.plus(LOOK);
    let (found, lacks) = match found {
        Ok(found) => found,
        Err(fault) => {
            tracing::debug!(
                fault = telemetry::error_chain(&fault),
                "looking at what is committed"
            );
            return Ok(());
        }
    };
    match place.term() {
        None => {
            us.stream.clone_from(&found.stream);
            standby.sees(found);
        }
        // It misses nothing, and another stream took the place of ours: so did another replica.
        Some(term) if !lacks && found.stream != us.stream => {
            return Err(End::Fenced(term.epoch).into());
        }
        Some(_) => {}
    }
    if lacks {
        place.doubt();
    }
    Ok(())
}

/// Learns from ticks what their senders know. One of a stream that is neither ours nor was until recently
/// is of another database, and nothing of this batch may be acknowledged.
pub(super) async fn learn<L: Ledger>(
    items: &[Item],
    place: &Place,
    ledger: &mut L,
    us: &mut Identity,
    now: Mono,
) -> Result<(), Fault> {
    let begins = (place.term()).is_none_or(|term| now.since(term.began) <= FORMER);
    for stream in batch::streams(items) {
        if stream == us.stream || (begins && ledger.came_after(stream).await?) {
            continue;
        }
        // A new stream may have begun since the last look.
        let current = ledger.stream().await?;
        match place.term() {
            None => us.stream.clone_from(&current),
            Some(term) if current != us.stream => return Err(End::Fenced(term.epoch).into()),
            Some(_) => {}
        }
        if stream != current {
            return Err(End::ForeignStream(stream.to_owned()).into());
        }
    }
    for committed in batch::committed(items) {
        ledger.known().told(committed);
    }
    Ok(())
}
