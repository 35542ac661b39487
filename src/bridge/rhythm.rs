//! How long a conductor usually pauses between two changes of its `updated_at`, and how long it may
//! therefore be silent. Pure.
//!
//! A time-out that is set too short would end healthy conductors again and again. So the bridge waits at
//! least three usual pauses, the median of the last few: one long pause (a frozen conductor, a clock that
//! stepped) changes nothing, and a dead conductor makes none, because a pause ends with a change.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::ids::Incarnation;

/// As for everything that beats here: two lost beats must not kill.
const PAUSES_PER_TIMEOUT: u32 = 3;

/// So many pauses are remembered: the median of five survives two odd ones.
const REMEMBERED: usize = 5;

/// Until a pause was seen, Ironic's default `heartbeat_interval` is assumed.
const ASSUMED: Duration = Duration::from_secs(10);

/// What was seen never makes the bridge wait longer than that; the setting may. Ironic's largest
/// sites use up to 300 s.
pub const LONGEST: Duration = Duration::from_secs(300);

/// One conductor's last pauses.
#[derive(Debug, Clone, Default)]
pub(super) struct Rhythm {
    pauses: VecDeque<Duration>,
    /// The registration that made them.
    of: Option<Incarnation>,
}

impl Rhythm {
    /// A pause of the registration `of` is over. Its first one replaces all of the one before,
    /// whose settings may have been others.
    pub(super) fn learn(&mut self, pause: Duration, of: Incarnation) {
        if self.of != Some(of) {
            self.pauses.clear();
            self.of = Some(of);
        }
        if self.pauses.len() == REMEMBERED {
            self.pauses.pop_front();
        }
        self.pauses.push_back(pause);
    }

    /// The usual pause; `None`: none was seen yet.
    pub(super) fn usual(&self) -> Option<Duration> {
        let mut pauses: Vec<Duration> = self.pauses.iter().copied().collect();
        pauses.sort_unstable();
        pauses.get(pauses.len() / 2).copied()
    }

    /// How long it may be silent where `set` is the setting.
    pub(super) fn timeout(&self, set: Duration) -> Duration {
        let pause = self.usual().unwrap_or(ASSUMED);
        set.max((pause * PAUSES_PER_TIMEOUT).min(LONGEST))
    }

    /// Within how long one that lives writes again once it can: never soon, since it may have to reach its
    /// database again first.
    pub(super) fn soon(&self) -> Duration {
        self.usual().unwrap_or(ASSUMED).max(ASSUMED) * 3 / 2
    }

    /// Whether what was seen makes the bridge wait longer than `set`.
    pub(super) fn stretches(&self, set: Duration) -> bool {
        self.usual().is_some() && self.timeout(set) > set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn the_timeout_is_three_usual_pauses_unless_more_is_set() {
        type Case = (&'static str, &'static [u64], u64, u64);
        #[rustfmt::skip]
        let table: &[Case] = &[
            ("nothing was seen: Ironic's default is assumed", &[], 5, 30),
            ("nothing was seen, and more is set", &[], 60, 60),
            ("the setting is too short", &[8], 5, 24),
            ("the setting is exactly three", &[8, 8, 8], 24, 24),
            ("the setting is longer", &[8, 8], 60, 60),
            ("one long pause is no rhythm", &[8, 8, 500, 8], 5, 24),
            ("two of five neither", &[8, 500, 8, 500, 8], 5, 24),
            ("it became slower", &[2, 2, 2, 20, 20, 20], 6, 60),
            ("never longer than the bound", &[1000], 5, 300),
            ("the bound does not cut the setting", &[1000], 600, 600),
        ];
        for (what, pauses, set, expected) in table {
            let mut rhythm = Rhythm::default();
            for pause in *pauses {
                rhythm.learn(S(*pause), Incarnation::new(1).unwrap());
            }
            assert_eq!(rhythm.timeout(S(*set)), S(*expected), "{what}");
        }
    }

    #[test]
    fn the_first_pause_of_a_new_registration_replaces_those_of_the_old_one() {
        let mut rhythm = Rhythm::default();
        for (pause, of) in [(2, 1), (2, 1), (2, 1), (20, 2)] {
            rhythm.learn(S(pause), Incarnation::new(of).unwrap());
        }
        assert_eq!(rhythm.usual(), Some(S(20)));
    }
}
