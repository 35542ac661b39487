//! In line, a replica watches the one that decides. Whether it commits: a broker may give the queue to a
//! session and deliver nothing to it, which then never comes to decide, and those behind it wait for nothing
//! (L4). And its epoch: first deliveries are handled only if no other replica took one after they came (I1).
//! One that froze with them in hand may be late by a queue that was deleted and made again.

use std::time::Duration;

use super::ports::Queue;
use crate::broker::BrokerError;
use crate::domain::committed::Committed;
use crate::domain::time::Mono;
use crate::message::Delivery;
use crate::store::Known;

/// Sweeps without a commit after which the line is left, and joined again at its end. A replica that
/// decides commits at each.
const SWEEPS: u32 = 3;

/// What a replica in line sees of the one that decides.
pub(super) struct Standby {
    commits: Option<u64>,
    since: Mono,
    patience: Duration,
    /// What the database had at the last look.
    seen: Option<Committed>,
}

impl Standby {
    /// From now on. `chance`, from 0 up to 1, spreads by a sweep when replicas lose patience: the first to
    /// leave may be the one that stands in the way.
    pub(super) fn from(now: Mono, sweep_interval: Duration, chance: f64) -> Self {
        Self {
            commits: None,
            since: now,
            patience: sweep_interval * SWEEPS + sweep_interval.mul_f64(chance),
            seen: None,
        }
    }

    /// The database has this.
    pub(super) fn sees(&mut self, found: Committed) {
        self.seen = Some(found);
    }

    /// Receives as [`Queue::receive`]. If another epoch was seen and nothing has been delivered by now, our own
    /// may follow that one.
    pub(super) async fn receive<Q: Queue>(
        &mut self,
        queue: &mut Q,
        known: &Known,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, BrokerError> {
        let follows = known.follows();
        let is_new = |seen: &Committed| !follows.is_some_and(|one| one.is_in_the_epoch_of(seen));
        let moved = self.seen.take().filter(is_new);
        if moved.is_some() {
            queue.catch_up().await?;
        }
        let received = queue.receive(most, wait).await?;
        if let (Some(moved), true) = (moved, received.is_empty()) {
            known.follow(moved);
        }
        Ok(received)
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
