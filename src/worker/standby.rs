//! In line, a replica watches whether any of them commits: a broker may give the queue to a session and
//! deliver nothing to it, which then never comes to decide, and those behind it wait for nothing (L4).

use std::time::Duration;

use crate::domain::time::Mono;

/// Sweeps without a commit after which the line is left, and joined again at its end. A replica that
/// decides commits at each.
const SWEEPS: u32 = 3;

/// What a replica in line sees of the one that decides.
pub(super) struct Standby {
    commits: Option<u64>,
    since: Mono,
    patience: Duration,
}

impl Standby {
    /// From now on. `chance`, from 0 up to 1, spreads by a sweep when replicas lose patience: the first to
    /// leave may be the one that stands in the way.
    pub(super) fn from(now: Mono, sweep_interval: Duration, chance: f64) -> Self {
        Self {
            commits: None,
            since: now,
            patience: sweep_interval * SWEEPS + sweep_interval.mul_f64(chance),
        }
    }

    /// The database has had so many commits. Whether that has stood still for too long.
    pub(super) fn stands_still(&mut self, commits: Option<u64>, now: Mono) -> bool {
        if self.commits != commits {
            self.commits = commits;
            self.since = now;
        }
        now.since(self.since) >= self.patience
    }
}
