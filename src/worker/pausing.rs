//! The pause as a replica sees it. The database keeps nodes in (no transaction takes one out while
//! the row is there); here is what follows from knowing it: no walk is begun in vain, the pause ends
//! by itself when its time is over, and after it everything is looked at from the beginning.
//!
//! Nobody's wall clock decides: what is left of a pause is counted down on the monotonic clock from
//! when this replica first saw it, and kept by each sweep. Whoever takes over goes on with what was
//! kept, so a pause may last longer than it was asked for, and never shorter.

use std::time::Duration;

use super::end::Fault;
use super::ports::{Clock, Ledger};
use super::term::Place;
use crate::domain::time::Mono;
use crate::store::Pause;
use crate::telemetry;

/// How often to look, by the clock: an own tick may be late.
const LOOK: Duration = Duration::from_secs(1);

/// What is known of a pause.
#[derive(Debug, Default)]
pub(super) struct Pausing {
    known: Option<Known>,
    /// A transaction met one that is not known yet.
    met: bool,
    next_look: Mono,
}

#[derive(Debug)]
struct Known {
    pause: Pause,
    /// When it ends by itself.
    until: Option<Mono>,
    /// Whether it is in the log of this replica as the one that decides.
    told: bool,
}

impl Pausing {
    /// Whether taking out is in vain.
    pub(super) fn is_on(&self) -> bool {
        self.known.is_some() || self.met
    }

    /// A transaction met a pause: look at once.
    pub(super) fn met(&mut self) {
        self.met = true;
        self.next_look = Mono::default();
    }

    pub(super) fn pause(&self) -> Option<&Pause> {
        self.known.as_ref().map(|known| &known.pause)
    }

    /// What is left of one that ends by itself, for the sweep to keep.
    pub(super) fn remainder(&self, now: Mono) -> Option<(String, Duration)> {
        let known = self.known.as_ref()?;
        Some((known.pause.id.clone(), known.until?.since(now)))
    }

    fn due(&mut self, now: Mono) -> bool {
        let due = now >= self.next_look;
        if due {
            self.next_look = now.plus(LOOK);
        }
        due
    }

    /// What a look found; true if the pause ended and no new one replaced it.
    fn found(&mut self, found: Option<Pause>, now: Mono) -> bool {
        let was_on = self.is_on();
        let before = self.known.take();
        self.met = false;
        self.known = found.map(|pause| match before {
            Some(known) if known.pause.id == pause.id => Known { pause, ..known },
            _ => Known {
                until: pause.remaining.map(|remaining| now.plus(remaining)),
                told: false,
                pause,
            },
        });
        was_on && !self.is_on()
    }
}

/// Looks for a pause, if it is time.
pub(super) async fn look<L: Ledger, C: Clock>(
    pausing: &mut Pausing,
    place: &mut Place,
    ledger: &mut L,
    clock: &C,
) -> Result<(), Fault> {
    let now = clock.now();
    if !pausing.due(now.mono) {
        return Ok(());
    }
    let found = match ledger.pause().await {
        Ok(found) => found,
        // A replica in line decides nothing: it only shows what it knew last.
        Err(fault) if place.term().is_none() => {
            tracing::debug!(
                fault = telemetry::error_chain(&fault),
                "looking for a pause"
            );
            return Ok(());
        }
        Err(fault) => return Err(fault.into()),
    };
    let mut over = pausing.found(found, now.mono);
    let Some(term) = place.deciding() else {
        return Ok(());
    };
    if over {
        tracing::warn!(
            epoch = term.epoch,
            "resumed: nodes of lost drivers go out of service again"
        );
    }
    if let Some(known) = &mut pausing.known {
        known.log_once(term.epoch);
        if known.until.is_some_and(|until| until <= now.mono) {
            let id = known.pause.id.clone();
            ledger.end_pause(term.epoch, &id, now.wall_ms).await?;
            pausing.known = None;
            tracing::warn!(
                epoch = term.epoch,
                "the pause is over by itself: nodes of lost drivers go out of service again"
            );
            over = true;
        }
    }
    if over {
        term.pending.again(&term.map);
    }
    Ok(())
}

impl Known {
    /// The first time that the replica that decides sees it.
    fn log_once(&mut self, epoch: u64) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let pause = &self.pause;
        tracing::warn!(
            epoch,
            who = telemetry::printable(&pause.who),
            reason = telemetry::printable(&pause.reason),
            remaining_ms = pause.remaining.map(|left| left.as_millis() as u64),
            "paused: no node is taken out of service"
        );
    }
}
