//! SQLite's one write lock, which has no queue.
//!
//! SQLite's own pauses grow to a tenth of a second, and never find a lock that a writer takes again
//! right after each commit. So we ask every few milliseconds, and a writer that had it for long
//! leaves a longer gap.

use std::time::{Duration, Instant};

use crate::store::database::connection::Connection;
use crate::store::database::dialect::Dialect;
use crate::store::database::error::is_busy;

/// How long the loop and the relay wait for SQLite's lock; others hold it for milliseconds.
pub(in crate::store) const BUSY: Duration = Duration::from_secs(5);

/// An operator's command has no second try, and must win in the end.
pub(in crate::store) const BUSY_COMMAND: Duration = Duration::from_secs(30);

/// Between two questions for the lock.
const ASK_EACH: Duration = Duration::from_millis(2);

/// A writer that had the lock for that long since others last had a chance leaves a gap.
const LONG: Duration = Duration::from_millis(20);

/// Some questions of others fall into it.
const GAP: Duration = Duration::from_millis(10);

/// Fails at once where the lock is taken; what else the connection waits for, it waits for as before.
const BEGIN_SQLITE: &str = "PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; PRAGMA busy_timeout = 5000";

impl Connection {
    /// Begins a writing transaction; on SQLite it waits for the lock for `patience`.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a lock was waited for; decides nothing about nodes"
    )]
    pub(in crate::store) async fn begin(&mut self, patience: Duration) -> Result<(), sqlx::Error> {
        if self.dialect() != Dialect::Sqlite {
            return self.command(self.sql().begin).await;
        }
        let began = Instant::now();
        loop {
            match self.command(BEGIN_SQLITE).await {
                Err(fault) if is_busy(&fault) && began.elapsed() < patience => {
                    tokio::time::sleep(ASK_EACH).await;
                }
                outcome => return outcome,
            }
        }
    }
}

/// How fair a writer was: when it last let others have the lock, and for how long it had it since.
#[derive(Debug, Default)]
pub struct Fairness {
    held: Duration,
    left: Option<Instant>,
}

impl Fairness {
    /// How long to wait before the lock is taken again at `now`.
    pub fn gap(&mut self, now: Instant) -> Duration {
        let rested = self
            .left
            .map_or(GAP, |left| now.saturating_duration_since(left));
        if rested >= GAP {
            self.held = Duration::ZERO;
        }
        if self.held < LONG {
            return Duration::ZERO;
        }
        self.held = Duration::ZERO;
        GAP.saturating_sub(rested)
    }

    /// The lock was had from `taken` to `now`.
    pub fn had(&mut self, taken: Instant, now: Instant) {
        self.held += now.saturating_duration_since(taken);
        self.left = Some(now);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
mod tests {
    use super::*;

    #[test]
    fn who_had_the_lock_for_long_leaves_a_gap_and_who_did_not_takes_it_at_once() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let mut fairness = Fairness::default();
        // When it wants the lock, the gap that it leaves first, why, and from when until when it has it.
        for (wants, gap, why, from, until) in [
            (0, 0, "the first time", 0, 15),
            (15, 0, "15 ms are short", 15, 30),
            (32, 8, "30 ms without a gap, of which 2 have passed", 40, 45),
            (45, 0, "counted from the gap on", 45, 100),
            (200, 0, "there was one by itself", 200, 200),
        ] {
            assert_eq!(fairness.gap(at(wants)), Duration::from_millis(gap), "{why}");
            fairness.had(at(from), at(until));
        }
    }
}
