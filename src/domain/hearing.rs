//! When silence proves something.
//!
//! A replica hears conductors only through the queue. It sends itself a tick through the same
//! queue every second: when the tick comes back, all that was queued before its sending instant
//! has been handled. Only then, and only against that instant, may a deadline be judged (I7).

use std::time::Duration;

use super::conductor::{Conductor, Life};
use super::ids::ConductorName;
use super::map::DriverMap;
use super::time::Mono;

/// How often each replica sends a tick. A crash between commit and announcement is found by the
/// successor's first delivery, which is a tick at the latest.
pub const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// An own tick older than this proves nothing about the present.
pub const FRESH: Duration = Duration::from_secs(1);

/// Longer than this between two fresh own ticks is a gap of ours: three intervals, so that one
/// tick may be late without starting the grace again.
pub const GAP: Duration = Duration::from_secs(3);

/// What an own tick that came back says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nothing was missed since the last one: silence before `sent` is silence.
    Fresh {
        /// The tick's sending instant; deadlines are judged against it.
        sent: Mono,
        /// How long we had been deaf, if this tick ended a gap.
        gap: Option<Duration>,
        /// How much later than it should this tick came, if that was no gap yet. Conductors may
        /// have stood still with us, so every deadline is put off by it
        /// ([`DriverMap::postpone`]): time in which we could not hear counts for nothing.
        stall: Duration,
    },
    /// It took too long to say anything. Only if none comes back fresh for longer than [`GAP`] is
    /// that a gap.
    Stale,
}

/// What this replica has heard of itself since it took over.
#[derive(Debug, Clone)]
pub struct Hearing {
    took_over: Mono,
    /// The end of the last gap, or the takeover: deadlines restart here.
    floor: Mono,
    last_fresh: Mono,
    deaf: bool,
    proven: bool,
}

impl Hearing {
    /// A replica that has just taken over; it is deaf until its own tick comes back.
    #[must_use]
    pub fn from(took_over: Mono) -> Self {
        Self {
            took_over,
            floor: took_over,
            last_fresh: took_over,
            deaf: true,
            proven: false,
        }
    }

    /// An own tick came back at `now` that was sent at `sent`.
    pub fn tick(&mut self, sent: Mono, now: Mono) -> Heard {
        if sent >= self.took_over {
            self.proven = true;
        }
        if now.since(sent) >= FRESH || sent < self.took_over {
            return Heard::Stale;
        }
        let silence = now.since(self.last_fresh);
        let gap = (self.deaf || silence > GAP).then_some(silence);
        if gap.is_some() {
            self.floor = now;
            self.deaf = false;
        }
        self.last_fresh = now;
        let stall = match gap {
            Some(_) => Duration::ZERO,
            None => silence.saturating_sub(TICK_INTERVAL),
        };
        Heard::Fresh { sent, gap, stall }
    }

    /// What was heard is lost or doubtful (the memory was rebuilt): deaf until the next fresh tick.
    pub fn interrupt(&mut self) {
        self.deaf = true;
    }

    /// Whether an own tick sent since the takeover came back. Before that no node is taken out:
    /// events that were queued before the takeover may still change the verdict.
    #[must_use]
    pub fn proven(&self) -> bool {
        self.proven
    }

    /// Whether silence proves nothing now.
    #[must_use]
    pub fn deaf(&self) -> bool {
        self.deaf
    }

    /// How long ago the last fresh own tick came back.
    #[must_use]
    pub fn last_fresh_age(&self, now: Mono) -> Duration {
        now.since(self.last_fresh)
    }

    /// The moment after which `conductor` no longer counts, if nothing is heard; `None` if
    /// silence does not end it.
    ///
    /// The later of its own deadline and of the last gap (or takeover) + g, where g is the larger
    /// of its time-out and `reconnect_grace`.
    #[must_use]
    pub fn deadline(&self, conductor: &Conductor, reconnect_grace: Duration) -> Option<Mono> {
        let own = match conductor.life {
            Life::Active => conductor.heard.plus(conductor.heartbeat_timeout?),
            Life::Leaving { until } => until,
            Life::Left | Life::TimedOut => return None,
        };
        let grace = conductor
            .heartbeat_timeout
            .unwrap_or_default()
            .max(reconnect_grace);
        Some(own.max(self.floor.plus(grace)))
    }

    /// Whether something that began at `began` and nobody denied has lasted for `grace`, judged against
    /// the sending instant of an own tick that came back fresh: never while deaf, and after a gap or a
    /// takeover not before `grace` (or `reconnect_grace`, if that is longer) has passed again.
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
            .max(self.floor.plus(grace.max(reconnect_grace)));
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
