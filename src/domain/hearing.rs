//! When silence proves something.
//!
//! A replica hears conductors only through the queue. A tick of its own, sent straight into the queue, proves by
//! coming back that all queued before it was handled; a probe, sent the conductors' way, that what they send arrives.
//! A deadline is judged only with both, against the earlier of their sending instants (I7).

use std::time::Duration;

use super::conductor::{Conductor, Life};
use super::ids::ConductorName;
use super::map::DriverMap;
use super::time::Mono;

/// Between two ticks. A successor's first delivery is a tick at the latest.
pub const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// An own tick older than this proves nothing about the present.
pub const FRESH: Duration = Duration::from_secs(1);

/// Between two fresh ticks, a longer time is a gap of ours: three intervals, so one may be late.
pub const GAP: Duration = Duration::from_secs(3);

/// A trouble of up to this is no stall and no gap, and may swallow all signs meanwhile: it is measured from a
/// tick that may have been handled [`FRESH`] late.
const UNMEASURED: Duration = Duration::from_secs(3);

/// A shorter time-out gets some slack: a stall that is not counted yet may have held up its only sign of life.
const SHORT_TIMEOUT: Duration = Duration::from_secs(4);

/// What is added to a time-out of this length, of whose thirds each has a sign: at least one [`TICK_INTERVAL`] to
/// those under 4 s, and whatever else there is between the end of such a trouble and the sign that follows it.
#[must_use]
pub fn slack(timeout: Duration) -> Duration {
    match timeout < SHORT_TIMEOUT {
        true => TICK_INTERVAL.max(UNMEASURED.saturating_sub(timeout * 2 / 3)),
        false => Duration::ZERO,
    }
}

/// Ticks without a probe for so long: that way is broken. Twice the gap, said within 10 s.
const PROBE_MISSING: Duration = Duration::from_secs(6);

/// Deaf for longer than this is no passing stall.
const LONG_DEAF: Duration = Duration::from_secs(60);

/// What an own tick or probe that came back says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nothing was missed since the last time: silence before `sent` is silence.
    Fresh {
        /// The earlier of the sending instants of tick and probe; deadlines are judged against it.
        sent: Mono,
        /// How long we had been deaf, if this ended a gap.
        gap: Option<Duration>,
        /// What this took over two intervals, if it was no gap: every deadline is put off by it
        /// ([`DriverMap::postpone`]), since conductors may have stood still with us. Up to two
        /// intervals are a busy replica's steps and must not stretch deadlines (L3).
        stall: Duration,
    },
    /// Too late to say anything, or its companion is missing; a gap only if that lasts for [`GAP`].
    Stale,
}

/// Why silence proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deafness {
    /// Ticks come back and probes do not: what conductors send does not arrive.
    NoWay,
    /// No own tick has come back fresh for over a minute.
    NoTick,
}

/// One way into the queue: what came back by it fresh.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// The latest sending instant.
    sent: Option<Mono>,
    /// When that came back; the takeover, before the first.
    back: Mono,
}

impl Way {
    /// What was sent at `sent` came back at `now`; whether it was fresh.
    fn came_back(&mut self, sent: Mono, now: Mono) -> bool {
        let fresh = now.since(sent) < FRESH;
        if fresh {
            self.sent = self.sent.max(Some(sent));
            self.back = now;
        }
        fresh
    }
}

/// What this replica has heard of itself since it took over.
#[derive(Debug, Clone)]
pub struct Hearing {
    took_over: Mono,
    /// Until when more than a takeover must pass before a node may be taken out.
    waits: Mono,
    /// The end of the last gap, or the takeover: deadlines restart here.
    floor: Mono,
    /// When silence was last proved.
    last_fresh: Mono,
    ticks: Way,
    probes: Way,
    /// A probe was returned to us: only one that was sent later proves anything.
    no_way_before: Option<Mono>,
    /// The sending instant up to which silence was judged last.
    judged: Option<Mono>,
    /// The same, as of the last commit.
    settled: Option<Mono>,
    deaf: bool,
    proven: bool,
}

impl Hearing {
    /// A replica that has just taken over; it is deaf until its own tick and probe come back.
    #[must_use]
    pub fn from(took_over: Mono) -> Self {
        let way = Way {
            sent: None,
            back: took_over,
        };
        Self {
            took_over,
            waits: took_over,
            floor: took_over,
            last_fresh: took_over,
            ticks: way,
            probes: way,
            no_way_before: None,
            judged: None,
            settled: None,
            deaf: true,
            proven: false,
        }
    }

    /// Commits were lost: for so long after the takeover no node is taken out, and none of what conductors
    /// have not said is proven.
    pub fn wait(&mut self, wait: Duration) {
        self.waits = self.took_over.plus(wait);
    }

    /// An own tick came back at `now` that was sent at `sent`.
    pub fn tick(&mut self, sent: Mono, now: Mono) -> Heard {
        if !self.sent_here(sent) {
            return Heard::Stale;
        }
        match self.ticks.came_back(sent, now) {
            true => self.heard(now),
            false => Heard::Stale,
        }
    }

    /// An own probe came back at `now`, through the conductors' exchange, that was sent at `sent`.
    pub fn probe(&mut self, sent: Mono, now: Mono) -> Heard {
        if !self.sent_here(sent) || self.no_way_before.is_some_and(|returned| sent < returned) {
            return Heard::Stale;
        }
        match self.probes.came_back(sent, now) {
            true => {
                self.no_way_before = None;
                self.heard(now)
            }
            false => Heard::Stale,
        }
    }

    /// A probe was returned to us at `now`: no queue is bound for what conductors send. Deaf at once.
    pub fn no_way(&mut self, now: Mono) {
        self.no_way_before = Some(now);
        self.deaf = true;
    }

    /// What both ways prove together, if that is more than before.
    fn heard(&mut self, now: Mono) -> Heard {
        let (Some(ticked), Some(probed)) = (self.ticks.sent, self.probes.sent) else {
            return Heard::Stale;
        };
        let sent = ticked.min(probed);
        let known = self.judged.is_some_and(|judged| sent <= judged);
        if known || now.since(sent) > GAP || self.no_way_before.is_some() {
            return Heard::Stale;
        }
        let silence = now.since(self.last_fresh);
        let gap = (self.deaf || silence > GAP).then_some(silence);
        if gap.is_some() {
            self.floor = now;
            self.deaf = false;
        }
        self.last_fresh = now;
        self.judged = Some(sent);
        let stall = match gap {
            Some(_) => Duration::ZERO,
            None => silence.saturating_sub(TICK_INTERVAL * 2),
        };
        Heard::Fresh { sent, gap, stall }
    }

    /// What came back is committed with all that came with it.
    pub fn settle(&mut self) {
        self.settled = self.judged;
    }

    /// What came back since the last [`settle`](Self::settle) is handled again, and says the same then.
    pub fn take_back(&mut self) {
        self.judged = self.settled;
    }

    /// Whether what was sent at `sent` was sent after the takeover.
    #[must_use]
    pub fn sent_here(&self, sent: Mono) -> bool {
        sent >= self.took_over
    }

    /// Whether a tick that was sent at `sent` proves by coming back that nodes may be taken out: it was
    /// sent after the takeover, and after the [wait](Self::wait) that follows a loss.
    #[must_use]
    pub fn would_prove(&self, sent: Mono) -> bool {
        self.sent_here(sent) && sent >= self.waits
    }

    /// An own tick that [would](Self::would_prove) came back, and all that was delivered before it is committed.
    pub fn prove(&mut self) {
        self.proven = true;
    }

    /// Whether that has happened: before, queued events may change verdicts.
    #[must_use]
    pub fn proven(&self) -> bool {
        self.proven
    }

    /// Whether silence proves nothing now.
    #[must_use]
    pub fn deaf(&self) -> bool {
        self.deaf
    }

    /// How long we have heard nothing that proves anything.
    #[must_use]
    pub fn silence(&self, now: Mono) -> Duration {
        now.since(self.last_fresh)
    }

    /// How long ago the last fresh own tick came back.
    #[must_use]
    pub fn tick_age(&self, now: Mono) -> Duration {
        now.since(self.ticks.back)
    }

    /// Why silence proves nothing, if that has lasted too long to pass unsaid.
    #[must_use]
    pub fn deafness(&self, now: Mono) -> Option<Deafness> {
        let missing = now.since(self.probes.back);
        if self.no_way_before.is_some() || missing > PROBE_MISSING && self.tick_age(now) <= GAP {
            return Some(Deafness::NoWay);
        }
        (now.since(self.last_fresh) > LONG_DEAF).then_some(Deafness::NoTick)
    }

    /// For how long silence proves nothing yet, for a time-out up to `reconnect_grace`; zero if it counts.
    #[must_use]
    pub fn unproven(&self, now: Mono, reconnect_grace: Duration) -> Duration {
        if self.deaf || now.since(self.last_fresh) > GAP {
            return reconnect_grace.max(TICK_INTERVAL);
        }
        self.floor.plus(reconnect_grace).since(now)
    }

    /// The moment after which `conductor` no longer counts, if nothing is heard; `None` if silence does not end it.
    ///
    /// The later of its own deadline and of the last gap (or takeover) + g, where g is the larger
    /// of its time-out and `reconnect_grace`.
    #[must_use]
    pub fn deadline(&self, conductor: &Conductor, reconnect_grace: Duration) -> Option<Mono> {
        let own = match conductor.life {
            Life::Active => {
                let timeout = conductor.heartbeat_timeout?;
                conductor.heard.plus(timeout + slack(timeout))
            }
            Life::Leaving { until } => until,
            Life::Left | Life::TimedOut => return None,
        };
        let grace = conductor
            .heartbeat_timeout
            .unwrap_or_default()
            .max(reconnect_grace);
        Some(own.max(self.floor.plus(grace)))
    }

    /// Whether what began at `began` has lasted for `grace`, judged at the sending of a fresh tick and probe: never
    /// while deaf, and after a gap or takeover only once the longer of `grace` and `reconnect_grace` has passed.
    #[must_use]
    pub fn lasted(
        &self,
        began: Mono,
        grace: Duration,
        sent: Mono,
        reconnect_grace: Duration,
    ) -> bool {
        let deadline = began
            .plus(grace)
            .max(self.floor.plus(grace.max(reconnect_grace)))
            .max(self.waits);
        !self.deaf && deadline < sent
    }

    /// The conductors whose deadline lies before `sent`, by deadline and name; none while deaf.
    #[must_use]
    pub fn overdue(
        &self,
        map: &DriverMap,
        sent: Mono,
        reconnect_grace: Duration,
    ) -> Vec<ConductorName> {
        let mut overdue: Vec<(Mono, &ConductorName)> = map
            .conductors()
            .filter(|conductor| self.is_overdue(conductor, sent, reconnect_grace))
            .filter_map(|conductor| {
                Some((self.deadline(conductor, reconnect_grace)?, &conductor.name))
            })
            .collect();
        overdue.sort_unstable();
        overdue.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// Whether the deadline of `conductor` lies before `sent`; never while deaf.
    #[must_use]
    pub fn is_overdue(&self, conductor: &Conductor, sent: Mono, reconnect_grace: Duration) -> bool {
        let deadline = self.deadline(conductor, reconnect_grace);
        !self.deaf && deadline.is_some_and(|deadline| deadline < sent)
    }
}

#[cfg(test)]
mod tests;
