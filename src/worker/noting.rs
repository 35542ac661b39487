//! What `status`, which reads only the database, may say of the deciding replica: since when silence proves
//! nothing, and what troubles it (L4). Noted when it changes, at most once in some seconds.

use std::time::Duration;

use super::end::{End, Fault};
use super::ports::Ledger;
use crate::domain::time::{Mono, Now};
use crate::store::HearingNote;
use crate::telemetry;

/// At most one note in so long, and none so soon after a takeover: most of what changes is over by then.
const EACH: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Noting {
    next: Mono,
    said: Option<Said>,
    /// Since when silence proves nothing, by the wall clock.
    since_ms: Option<u64>,
}

/// What makes a note a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    unproven: bool,
    deaf: bool,
    troubles: Vec<String>,
}

impl Noting {
    pub(super) fn from(now: Mono) -> Self {
        Self {
            next: now.plus(EACH),
            said: None,
            since_ms: None,
        }
    }

    /// The note to write now, if there is anything new to say and it is time.
    fn next(
        &mut self,
        unproven: Duration,
        deaf: bool,
        troubles: &[String],
        now: Now,
    ) -> Option<HearingNote> {
        self.since_ms = match unproven.is_zero() {
            true => None,
            false => self.since_ms.or(Some(now.wall_ms)),
        };
        let said = Said {
            unproven: !unproven.is_zero(),
            deaf,
            troubles: troubles.to_vec(),
        };
        if now.mono < self.next || self.said.as_ref() == Some(&said) {
            return None;
        }
        self.next = now.mono.plus(EACH);
        self.said = Some(said);
        Some(HearingNote {
            unproven_since_ms: self.since_ms,
            unproven,
            deaf,
            troubles: troubles.to_vec(),
            noted_at_ms: now.wall_ms,
        })
    }

    /// Notes what is new, by the holder of `epoch`. A failure is no trouble of the session's: what
    /// matters fails as well, and the note is tried again.
    pub(super) async fn note<L: Ledger>(
        &mut self,
        ledger: &mut L,
        epoch: u64,
        (unproven, deaf): (Duration, bool),
        troubles: &[String],
        now: Now,
    ) -> Result<(), End> {
        let Some(note) = self.next(unproven, deaf, troubles, now) else {
            return Ok(());
        };
        let Err(fault) = ledger.note(epoch, &note).await else {
            return Ok(());
        };
        self.said = None;
        match Fault::from(fault) {
            Fault::End(end) => Err(end),
            Fault::Store(fault) => {
                tracing::debug!(fault = telemetry::error_chain(&fault), "noting the hearing");
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn at(seconds: u64) -> Now {
        Now {
            wall_ms: 1_000_000 + seconds * 1000,
            mono: Mono(S(seconds)),
        }
    }

    #[test]
    fn a_note_is_written_on_a_change_alone_and_at_most_once_in_five_seconds() {
        let mut noting = Noting::from(Mono(S(0)));
        let deaf = ["deaf".to_owned()];
        // Second, for how long silence proves nothing, deaf, troubles: since when, if it is noted.
        type Case<'a> = (u64, u64, bool, &'a [String], Option<Option<u64>>);
        #[rustfmt::skip]
        let table: [Case<'_>; 8] = [
            (1, 59, false, &[], None),
            (5, 55, false, &[], Some(Some(1_001_000))),
            (11, 49, false, &[], None),
            (60, 0, false, &[], Some(None)),
            (63, 60, true, &deaf, None),
            (65, 60, true, &deaf, Some(Some(1_063_000))),
            (90, 60, true, &deaf, None),
            (91, 60, false, &[], Some(Some(1_063_000))),
        ];
        for (second, unproven, is_deaf, troubles, expected) in table {
            let note = noting.next(S(unproven), is_deaf, troubles, at(second));
            let found = note.map(|note| note.unproven_since_ms);
            assert_eq!(found, expected, "{second}");
        }
    }
}
