//! The pause as a replica sees it. The database keeps nodes in; here is what follows from knowing the
//! pause: no walk begins in vain, it ends when its time is over, and then everything is looked at again.
//!
//! What is left of it is counted down on the monotonic clock from when this replica first saw it, and
//! kept by each sweep for a successor: it may last longer than asked for, and never shorter.

use std::time::Duration;

use super::end::{Fault, unless_about_rows};
use super::left_alone::{self, LeftAlone};
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
    /// A pause, by its id, whose end could not be written, and (without one) a pause that could not be
    /// read.
    left: LeftAlone<String>,
}

#[derive(Debug)]
struct Known {
    pause: Pause,
    until: Option<Mono>,
    /// Whether it is in the log of this replica as the one that decides.
    told: bool,
}

impl Pausing {
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

    fn expired(&self, now: Mono) -> Option<String> {
        let known = self.known.as_ref()?;
        (known.until? <= now).then(|| known.pause.id.clone())
    }
}

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
    let found = match unless_about_rows(ledger.pause().await)? {
        Ok(found) => found,
        // A replica in line decides nothing: it only shows what it knew last.
        Err(fault) if place.term().is_none() => {
            tracing::debug!(
                fault = telemetry::error_chain(&fault),
                "looking for a pause"
            );
            return Ok(());
        }
        // Nothing is taken out before it is known that it may be.
        Err(fault) => {
            pausing.met = true;
            if !pausing.left.has(&String::new(), now.mono) {
                left_alone::log("pause", "the pause cannot be read", &fault);
                pausing.left.put(String::new(), now.mono);
            }
            return Ok(());
        }
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
    }
    let expired = pausing.expired(now.mono);
    if let Some(id) = expired.filter(|id| !pausing.left.has(id, now.mono)) {
        let ended = ledger.end_pause(term.epoch, &id, now.wall_ms).await;
        if let Err(fault) = unless_about_rows(ended)? {
            left_alone::log("pause", "the pause is over and cannot be ended", &fault);
            pausing.left.put(id, now.mono);
            return Ok(());
        }
        pausing.known = None;
        tracing::warn!(
            epoch = term.epoch,
            "the pause has expired: nodes of lost drivers go out of service again"
        );
        over = true;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::example::at;

    fn paused(id: &str, seconds: Option<u64>) -> Pause {
        Pause {
            id: id.to_owned(),
            reason: "maintenance".to_owned(),
            who: "somebody".to_owned(),
            paused_at_ms: 0,
            remaining: seconds.map(Duration::from_secs),
            noted_at_ms: 0,
        }
    }

    fn ten_seconds() -> Pausing {
        let mut pausing = Pausing::default();
        assert!(!pausing.found(Some(paused("p", Some(10))), at(100)));
        pausing
    }

    #[test]
    fn a_look_tells_whether_a_pause_ended_without_another_in_its_place() {
        // What was known, what a transaction met, what is found: over, and on.
        #[rustfmt::skip]
        let table = [
            ("none as before", None, false, None, (false, false)),
            ("a new one", None, false, Some("p"), (false, true)),
            ("the same", Some("p"), false, Some("p"), (false, true)),
            ("another in its place", Some("p"), false, Some("q"), (false, true)),
            ("it was resumed", Some("p"), false, None, (true, false)),
            ("met, and seen now", None, true, Some("p"), (false, true)),
            ("met, and resumed before it was seen", None, true, None, (true, false)),
        ];
        for (what, before, met, found, expected) in table {
            let mut pausing = Pausing::default();
            pausing.found(before.map(|id| paused(id, None)), at(0));
            if met {
                pausing.met();
            }
            let over = pausing.found(found.map(|id| paused(id, None)), at(1));
            assert_eq!((over, pausing.is_on()), expected, "{what}");
        }
    }

    #[test]
    fn what_is_left_counts_down_from_when_it_was_first_seen() {
        let mut pausing = ten_seconds();
        // The sweep has written less; another look does not begin the time again.
        pausing.found(Some(paused("p", Some(9))), at(104));
        let left = |seconds| Some(("p".to_owned(), Duration::from_secs(seconds)));
        assert_eq!(pausing.remainder(at(104)), left(6));
        assert_eq!(pausing.expired(at(109)), None);
        assert_eq!(pausing.expired(at(110)), Some("p".to_owned()));
        assert_eq!(pausing.remainder(at(111)), left(0));
    }

    #[test]
    fn one_that_takes_its_place_has_a_time_of_its_own() {
        let mut pausing = ten_seconds();
        pausing.found(Some(paused("q", Some(10))), at(108));
        assert_eq!(pausing.expired(at(117)), None);
        assert_eq!(pausing.expired(at(118)), Some("q".to_owned()));
        pausing.found(Some(paused("r", None)), at(118));
        assert_eq!(pausing.expired(at(10_000)), None);
        assert_eq!(pausing.remainder(at(10_000)), None);
    }

    #[test]
    fn a_look_is_due_once_a_second_and_at_once_after_one_was_met() {
        let mut pausing = Pausing::default();
        assert!(pausing.due(at(100)));
        assert!(!pausing.due(at(100)));
        pausing.met();
        assert!(pausing.due(at(100)));
        assert!(pausing.due(at(101)));
    }
}
