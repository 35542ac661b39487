//! What a transaction took, and how many rows the next may have: what an eighth of a second takes (L1),
//! beside a way to the database that fewer rows would not make shorter.

use std::time::Duration;

use super::ports::{Clock, Ledger};
use crate::domain::time::Mono;

/// The aim for a transaction.
pub(super) const AIM: Duration = Duration::from_millis(125);

/// None grows to take longer, nor has rows to work on for longer.
pub(super) const LONGEST: Duration = Duration::from_secs(1);

/// What a transaction took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    /// In all.
    pub(super) took: Duration,
    /// For its round trips alone, whatever it held.
    pub(super) way: Duration,
}

impl From<Duration> for Spent {
    /// Each row may be a round trip, or there is none.
    fn from(took: Duration) -> Self {
        let way = Duration::ZERO;
        Self { took, way }
    }
}

impl Spent {
    /// By the last call of `ledger`, which began then.
    pub(super) fn since(began: Mono, clock: &impl Clock, ledger: &impl Ledger) -> Self {
        Self {
            took: clock.now().mono.since(began),
            way: ledger.way(),
        }
    }

    /// For the rows: what a smaller size would save.
    pub(super) fn work(&self) -> Duration {
        self.took.saturating_sub(self.way)
    }

    /// How many times as many rows the next may have. Where the way takes most of an eighth of a second, as many
    /// as take as long as the way does, and at most another eighth.
    pub(super) fn share(&self) -> f64 {
        let room = AIM.saturating_sub(self.way).max(self.way.min(AIM));
        let share = room.as_secs_f64() / self.work().as_secs_f64().max(0.001);
        // Even if all of it were for the rows.
        let most = LONGEST.as_secs_f64() / self.took.as_secs_f64().max(0.001);
        share.min(most.clamp(1.0, 2.0))
    }
}
