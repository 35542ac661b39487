//! The one policy of pauses between attempts: growing, capped, jittered, without an end.
//!
//! A thin cover over the library `backoff`, which is unmaintained and gives up after 15 minutes
//! unless told otherwise, and whose jitter can pass the cap.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

/// The first pause. Short, since most troubles of a local broker or database pass at once.
const FIRST: Duration = Duration::from_millis(100);

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
            randomization_factor: 0.3,
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
}
