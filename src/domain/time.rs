//! Two clocks, never mixed: one to tell people, one to judge by.

use std::time::Duration;

/// A reading of the monotonic clock. Only differences within one process mean anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(pub Duration);

impl Mono {
    /// This instant and `later` after it.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }

    /// How long `earlier` lies back; zero if it does not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// One moment, read from both clocks at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since 1970 UTC: recorded and shown, but no wall clock decides anything.
    pub wall_ms: u64,
    /// What deadlines are judged by.
    pub mono: Mono,
}
