//! The time after commits were lost, in the stream that began then: conductors say again what was lost
//! with the rest, and until they have had their time no node is taken out.

use std::time::Duration;

use crate::domain::time::Mono;
use crate::store::Began;
use crate::telemetry;

/// A stream that began because commits were lost, as a term in it sees that.
pub(super) struct Recovery {
    stream: String,
    began: Began,
    /// Until when no node is taken out.
    until: Mono,
    /// That this is over is stored.
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
            until: now.plus(waits),
            began,
        }
    }

    /// For how long yet no node is taken out.
    pub(super) fn waits(&self, now: Mono) -> Duration {
        self.until.since(now)
    }

    /// That, for the sweep to keep, in which stream.
    pub(super) fn remainder(&self, now: Mono) -> Option<(String, Duration)> {
        (!self.over).then(|| (self.stream.clone(), self.waits(now)))
    }

    /// The remainder was stored.
    pub(super) fn kept(&mut self, remainder: Duration) {
        self.over = remainder.is_zero();
    }

    /// For operators, as long as this replica decides.
    pub(super) fn remark(&self, now: Mono) -> String {
        let waits = match self.waits(now).as_secs() {
            0 => String::new(),
            seconds => format!("; no node is taken out for {seconds} s yet"),
        };
        format!(
            "this stream began because the database had lost {}{waits}",
            self.began.loss
        )
    }

    /// Says it loudly, at each takeover until conductors had their time.
    pub(super) fn log(&self, epoch: u64, now: Mono) {
        if self.over {
            return;
        }
        let loss = &self.began.loss;
        telemetry::LOST_COMMITS.count(loss.commits());
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
