//! The one clock: the only place that reads the machine's time or makes random ids.

#![expect(
    clippy::disallowed_methods,
    reason = "the machine's clocks and random ids are read here and handed on"
)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::time::{Mono, Now};

/// Time and randomness, for whatever must be stepped by a test.
pub trait Clock {
    /// Both clocks, read at once.
    fn now(&self) -> Now;
    /// Lets `pause` pass.
    async fn sleep(&self, pause: Duration);
    /// A new random UUID, in text.
    fn id(&self) -> String;
    /// A random number, evenly from 0 up to 1, for jitter.
    fn chance(&self) -> f64;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A monotonic clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// The monotonic clock alone.
    #[must_use]
    pub fn mono(&self) -> Mono {
        Mono(self.start.elapsed())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now {
            wall_ms: now_ms(),
            mono: self.mono(),
        }
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }

    fn id(&self) -> String {
        new_id()
    }

    fn chance(&self) -> f64 {
        // The last 32 bits of such an id are random.
        let random = uuid::Uuid::new_v4().as_u128() as u32;
        f64::from(random) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The wall clock, ms since 1970 UTC: to record and to show, never to decide.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    millis(since.unwrap_or_default())
}

/// `duration` in whole milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The instant `age` ago, if the machine has run that long; tells other tasks how old something is.
#[must_use]
pub fn ago(age: Duration) -> Option<Instant> {
    Instant::now().checked_sub(age)
}

/// A new random UUID, in text.
#[must_use]
pub fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
