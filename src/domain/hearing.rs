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

    /// Whether something that began at `began` and was not denied has lasted for `grace`, judged against
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

#[cfg(test)]
mod tests {
    use super::super::example::{at, conductor, living, name};
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn ms(ms: u64) -> Mono {
        Mono(Duration::from_millis(ms))
    }

    fn fresh(sent: Mono, gap: Option<Duration>, stall: Duration) -> Heard {
        Heard::Fresh { sent, gap, stall }
    }

    /// One that took over at 100 s and heard itself at 101 s.
    fn hearing() -> Hearing {
        let mut hearing = Hearing::from(at(100));
        hearing.tick(at(101), at(101));
        hearing
    }

    #[test]
    fn a_tick_says_only_what_it_can_prove() {
        let none = Duration::ZERO;
        // A takeover at 100 s; then one tick after the other: when it was sent and came back.
        #[rustfmt::skip]
        let table = [
            ("sent before the takeover", ms(99_900), ms(100_200), Heard::Stale),
            ("the first one of our own ends the gap", ms(100_100), ms(100_300), fresh(ms(100_100), Some(Duration::from_millis(300)), none)),
            ("a second later nothing was missed", ms(101_300), ms(101_300), fresh(ms(101_300), None, none)),
            ("a late one puts deadlines off by as much", ms(103_700), ms(103_800), fresh(ms(103_700), None, Duration::from_millis(1500))),
            ("one that took a second proves nothing", ms(103_900), ms(104_900), Heard::Stale),
            ("three seconds after the last fresh one: no gap yet", ms(106_800), ms(106_800), fresh(ms(106_800), None, S(2))),
            ("longer is a gap, and its end", ms(110_000), ms(110_000), fresh(ms(110_000), Some(Duration::from_millis(3200)), none)),
        ];
        let mut hearing = Hearing::from(at(100));
        for (what, sent, now, expected) in table {
            assert_eq!(hearing.tick(sent, now), expected, "{what}");
        }
    }

    #[test]
    fn a_stale_tick_of_our_own_still_proves_that_the_queue_was_seen_through() {
        let mut hearing = Hearing::from(at(100));
        assert!(!hearing.proven());
        hearing.tick(at(99), at(110));
        assert!(!hearing.proven(), "it was sent before the takeover");
        hearing.tick(at(105), at(110));
        assert!(hearing.proven() && hearing.deaf());
    }

    #[test]
    fn an_interruption_makes_deaf_until_the_next_fresh_tick_which_ends_a_gap() {
        let mut hearing = hearing();
        hearing.interrupt();
        assert!(hearing.deaf());
        assert_eq!(hearing.tick(at(101), at(102)), Heard::Stale);
        assert!(hearing.deaf());
        let heard = hearing.tick(at(102), at(102));
        assert_eq!(heard, fresh(at(102), Some(S(1)), Duration::ZERO));
        assert!(!hearing.deaf());
    }

    #[test]
    fn a_deadline_is_the_later_of_its_own_and_the_end_of_our_last_gap_and_the_grace() {
        // The floor is at 101 s, the grace for reconnecting 60 s.
        let heard = |life, heard, timeout: Option<u64>| Conductor {
            heard: at(heard),
            heartbeat_timeout: timeout.map(S),
            ..living(life, "c", &["a"])
        };
        let until = |seconds| Life::Leaving { until: at(seconds) };
        #[rustfmt::skip]
        let table = [
            ("its own lies later", heard(Life::Active, 200, Some(10)), Some(210)),
            ("ours lies later", heard(Life::Active, 110, Some(10)), Some(161)),
            ("a longer time-out is the longer grace", heard(Life::Active, 1, Some(120)), Some(221)),
            ("no time-out: silence proves nothing", heard(Life::Active, 1, None), None),
            ("a planned restart ends when it was to end", heard(until(300), 110, None), Some(300)),
            ("but not within our grace", heard(until(130), 110, None), Some(161)),
            ("it left already", heard(Life::Left, 1, Some(10)), None),
            ("it was found silent already", heard(Life::TimedOut, 1, Some(10)), None),
        ];
        for (what, conductor, expected) in table {
            let deadline = hearing().deadline(&conductor, S(60));
            assert_eq!(deadline, expected.map(at), "{what}");
        }
    }

    #[test]
    fn the_overdue_are_found_by_deadline_and_name_and_none_while_deaf() {
        let heard = |name, heard| Conductor {
            heard: at(heard),
            ..conductor(name, &["a"])
        };
        let silent = [
            heard("d", 200),
            heard("c", 201),
            heard("b", 201),
            heard("a", 300),
        ];
        let map = DriverMap::load(silent, []);
        let mut hearing = hearing();
        let table: [(&str, u64, &[&str]); 4] = [
            ("none at its deadline", 210, &[]),
            ("the first one after it", 211, &["d"]),
            ("by deadline, then by name", 212, &["d", "b", "c"]),
            ("all in the end", 1000, &["d", "b", "c", "a"]),
        ];
        for (what, sent, expected) in table {
            let expected: Vec<ConductorName> = expected.iter().map(|one| name(one)).collect();
            assert_eq!(hearing.overdue(&map, at(sent), S(60)), expected, "{what}");
        }
        hearing.interrupt();
        assert_eq!(hearing.overdue(&map, at(1000), S(60)), []);
    }

    #[test]
    fn what_began_has_lasted_after_its_grace_and_after_that_of_our_last_gap() {
        // The floor is at 101 s.
        #[rustfmt::skip]
        let table = [
            ("its grace is not over", 200, 30, 230, 60, false),
            ("it is", 200, 30, 231, 60, true),
            ("ours is not over", 100, 30, 161, 60, false),
            ("both are", 100, 30, 162, 60, true),
            ("its own grace begins again after a gap, too", 1, 90, 191, 60, false),
            ("and ends", 1, 90, 192, 60, true),
        ];
        for (what, began, grace, sent, reconnect, expected) in table {
            let lasted = hearing().lasted(at(began), S(grace), at(sent), S(reconnect));
            assert_eq!(lasted, expected, "{what}");
        }
        let mut deaf = hearing();
        deaf.interrupt();
        assert!(!deaf.lasted(at(1), S(1), at(1000), S(1)));
    }
}
