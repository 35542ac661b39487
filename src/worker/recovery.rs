//! The time after commits were lost, in the stream that began then: conductors say again what was lost
//! with the rest, and until they have had their time no node is taken out.

use std::time::Duration;

use crate::domain::time::Mono;
use crate::store::Began;
use crate::telemetry;

/// How often what is left to wait is stored while it runs: so much of it a takeover waits for again.
const KEEP: Duration = Duration::from_secs(10);

/// A stream that began because commits were lost, as a term in it sees that.
pub(super) struct Recovery {
    stream: String,
    began: Began,
    /// When what is stored of the wait is over.
    ends: Mono,
    /// Until when no node is taken out.
    until: Mono,
    /// When what is left of the wait is stored next.
    next_keep: Mono,
    over: bool,
}

impl Recovery {
    /// A term begins at `now`. What is left to wait is never less than the grace of a takeover.
    pub(super) fn new(stream: &str, began: Began, grace: Duration, now: Mono) -> Self {
        let waits = match began.waits.is_zero() {
            true => Duration::ZERO,
            false => began.waits.max(grace),
        };
        Self {
            stream: stream.to_owned(),
            over: waits.is_zero(),
            ends: now.plus(began.waits),
            until: now.plus(waits),
            next_keep: now.plus(KEEP),
            began,
        }
    }

    pub(super) fn waits(&self, now: Mono) -> Duration {
        self.until.since(now)
    }

    /// What is to be stored of the wait, in which stream, if it is time. The grace of a takeover is no part
    /// of it, or takeovers would keep it from ending.
    pub(super) fn remainder(&mut self, now: Mono) -> Option<(String, Duration)> {
        if self.over || now < self.next_keep {
            return None;
        }
        self.next_keep = now.plus(KEEP);
        Some((self.stream.clone(), self.ends.since(now)))
    }

    pub(super) fn kept(&mut self, remainder: Duration) {
        self.over = remainder.is_zero();
    }

    /// For operators, while no node is taken out.
    pub(super) fn remark(&self, now: Mono) -> Option<String> {
        let waits = self.waits(now);
        (!waits.is_zero()).then(|| {
            format!(
                "this stream began because the database had lost {}; no node is taken out for {} s yet",
                self.began.loss,
                waits.as_secs().max(1)
            )
        })
    }

    /// Says it loudly, at each takeover until conductors had their time.
    pub(super) fn log(&self, epoch: u64, now: Mono) {
        if self.over {
            return;
        }
        let loss = &self.began.loss;
        if self.began.is_first(epoch) {
            telemetry::LOST_COMMITS.count(loss.commits());
        }
        tracing::error!(
            epoch,
            stream = self.stream,
            before = loss.found.stream,
            commits = loss.commits(),
            first_seq = loss.seqs().map(|seqs| seqs.0),
            last_seq = loss.seqs().map(|seqs| seqs.1),
            waits_s = self.waits(now).as_secs(),
            "the database has lost {loss}: a new stream has begun, and schedulers take a snapshot"
        );
    }
}
