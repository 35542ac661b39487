//! [`WallClock`]: whether the wall clock goes as the monotonic one does. What is dropped by it is gone for good.

use std::time::Duration;

use crate::domain::time::{Mono, Now};

/// So far the two may go apart from one sweep to the next: a clock that is slewed does no more.
const APART: Duration = Duration::from_secs(60);

/// So long it must go well again once it was set: a server of time that is wrong is put right by then.
const PROBATION: Duration = Duration::from_secs(3600);

/// What is known of it.
#[derive(Debug, Default)]
pub(in crate::worker) struct WallClock {
    last: Option<Now>,
    trusted_from: Option<Mono>,
}

impl WallClock {
    /// Whether old records may be dropped by what it says now.
    pub(in crate::worker) fn is_trusted(&mut self, now: Now) -> bool {
        if let Some(last) = self.last.replace(now) {
            let went = u64::try_from(now.mono.since(last.mono).as_millis()).unwrap_or(u64::MAX);
            let apart = last.wall_ms.saturating_add(went).abs_diff(now.wall_ms);
            if u128::from(apart) > APART.as_millis() {
                tracing::warn!(
                    by_ms = apart,
                    "the clock was set: for an hour nothing old is dropped or forgotten"
                );
                self.trusted_from = Some(now.mono.plus(PROBATION));
            }
        }
        self.trusted_from.is_none_or(|from| now.mono >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_trusted_again_after_an_hour() {
        let mut clock = WallClock::default();
        let mut at = |mono_s: u64, wall_s: u64| {
            clock.is_trusted(Now {
                wall_ms: wall_s * 1000,
                mono: Mono(Duration::from_secs(mono_s)),
            })
        };
        assert!(at(0, 1_000_000));
        assert!(at(60, 1_000_119), "slewed");
        assert!(!at(120, 32_000_000), "a year ahead");
        assert!(!at(180, 1_000_239), "set back");
        assert!(!at(180 + 3599, 1_003_838));
        assert!(at(180 + 3600, 1_003_839));
        assert!(!at(180 + 3660, 900_000), "back");
    }
}
