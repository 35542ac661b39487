//! The beginning of a term, and the end of a doubt: what is stored becomes what is remembered.

use super::end::Fault;
use super::identity::Identity;
use super::ports::{Clock, Ledger};
use super::recovery::Recovery;
use super::redecide::wanted;
use super::rules::Rules;
use super::term::{Place, Term};
use crate::domain::conductor::Conductor;
use crate::domain::map::DriverMap;
use crate::domain::receipt::Receipts;
use crate::domain::time::Mono;
use crate::domain::unheeded::Unheeded;
use crate::store::{ConductorRecord, Memory};

/// The first delivery of a session: take the next epoch, and look at everything.
pub(super) async fn take_over<L: Ledger, C: Clock>(
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
    us: &mut Identity,
) -> Result<(), Fault> {
    let wall_ms = clock.now().wall_ms;
    let takeover = ledger.take_epoch(&us.holder, rules.mode, wall_ms).await?;
    us.stream.clone_from(&takeover.stream);
    ledger.known().provide(clock.id());
    // Only now is the commit known, so only now may the memory be used.
    let now = clock.now().mono;
    let memory = takeover.memory;
    tracing::info!(
        epoch = takeover.epoch,
        stream = takeover.stream,
        mode = rules.mode.as_str(),
        conductors = memory.conductors.len(),
        pairs = memory.standings.len(),
        "this replica decides now"
    );
    let map = map(&memory, |record| record.restore(now));
    let (mode, nodes) = (rules.mode, rules.chunk_nodes);
    let mut term = Term::new(takeover.epoch, map, mode, nodes, now);
    term.observed = wanted(memory.observed, rules);
    term.called_unknown = memory.unknown.into_iter().collect();
    term.unheeded = Unheeded::load(memory.unheeded, now);
    term.receipts = Receipts::load(memory.receipts);
    if let Some(began) = takeover.began {
        let recovery = Recovery::new(&us.stream, began, rules.reconnect_grace, now);
        recovery.log(takeover.epoch, now);
        term.hearing.wait(recovery.waits(now));
        term.recovery = Some(recovery);
    }
    place.begin(term);
    Ok(())
}

/// After a doubt: the memory as committed. What was heard is kept, so no silence begins again.
pub(super) async fn rebuild<L: Ledger>(
    place: &mut Place,
    ledger: &mut L,
    rules: &Rules,
    now: Mono,
) -> Result<(), Fault> {
    let Some(term) = place.term() else {
        return Ok(());
    };
    let memory = ledger.resume(term.epoch).await?;
    place.rebuild(|term| map(&memory, |record| remembered(&term.map, record, now)));
    if let Some(term) = place.deciding() {
        term.observed = wanted(memory.observed, rules);
        term.called_unknown = memory.unknown.into_iter().collect();
        term.receipts = Receipts::load(memory.receipts);
    }
    Ok(())
}

fn map(memory: &Memory, restore: impl Fn(&ConductorRecord) -> Conductor) -> DriverMap {
    DriverMap::load(
        memory.conductors.iter().map(restore),
        memory.standings.iter().cloned(),
    )
}

/// A stored conductor with what our memory adds, from before or after the commit in doubt: when it
/// was heard, and when its restart ends.
fn remembered(known: &DriverMap, record: &ConductorRecord, now: Mono) -> Conductor {
    let restored = record.restore(now);
    let same = [known.conductor(&record.name), known.settled(&record.name)]
        .into_iter()
        .flatten()
        .find(|known| {
            known.incarnation == record.incarnation
                && known.last_sign_at_ms == record.last_sign_at_ms
                && known.life.state() == record.state
        });
    match same {
        Some(same) => Conductor {
            heard: same.heard,
            life: same.life,
            ..restored
        },
        None => restored,
    }
}
