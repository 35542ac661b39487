//! The one policy of pauses between attempts: growing, capped, jittered, without an end.
//!
//! A thin cover over the library `backoff`, which is unmaintained and gives up after 15 minutes
//! unless told otherwise, and whose jitter can pass the cap.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

/// The first pause. Short, since most troubles of a local broker or database pass at once.
const FIRST: Duration = Duration::from_millis(100);

/// How much a pause may differ from its length, so that many do not try at the same moment.
const JITTER: f64 = 0.3;

/// The pauses of one series of attempts.
#[derive(Debug)]
pub struct Pauses {
    policy: ExponentialBackoff,
    cap: Duration,
}

impl Pauses {
    /// Pauses from 100 ms up to `cap`.
    #[must_use]
    pub fn up_to(cap: Duration) -> Self {
        let mut policy = ExponentialBackoff {
            initial_interval: FIRST,
            current_interval: FIRST,
            max_interval: cap,
            multiplier: 2.0,
            randomization_factor: JITTER,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        policy.reset();
        Self { policy, cap }
    }

    /// How long to wait before the next attempt; never more than the cap.
    pub fn pause(&mut self) -> Duration {
        self.policy.next_backoff().unwrap_or(self.cap).min(self.cap)
    }

    /// As [`pause`](Self::pause), with a random number from 0 to 1 of the caller's.
    pub fn pause_by(&mut self, chance: f64) -> Duration {
        let middle = self.policy.current_interval;
        self.policy.next_backoff();
        let jittered = middle.mul_f64(1.0 + JITTER * (2.0 * chance - 1.0));
        jittered.min(self.cap)
    }

    /// The trouble is over: begin with short pauses again.
    pub fn reset(&mut self) {
        self.policy.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_stay_under_the_cap_and_never_end() {
        let cap = Duration::from_secs(2);
        let mut pauses = Pauses::up_to(cap);
        let series: Vec<Duration> = (0..1000).map(|_| pauses.pause()).collect();
        assert!(series[0] <= Duration::from_millis(130), "{:?}", series[0]);
        assert!(series.iter().all(|pause| *pause <= cap));
        assert!(
            series[999] >= Duration::from_millis(1400),
            "{:?}",
            series[999]
        );
        pauses.reset();
        assert!(pauses.pause() <= Duration::from_millis(130));
    }

    #[test]
    fn the_same_chances_make_the_same_pauses() {
        let cap = Duration::from_secs(2);
        let series = |chance| {
            let mut pauses = Pauses::up_to(cap);
            let series = (0..7).map(|_| pauses.pause_by(chance).as_millis());
            series.collect::<Vec<_>>()
        };
        assert_eq!(series(0.5), [100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(series(0.0), [70, 140, 280, 560, 1120, 1400, 1400]);
    }
}
