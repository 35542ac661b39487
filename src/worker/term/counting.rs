//! [`Counting`]: what is being counted, of all nodes.

use std::time::Duration;

use crate::domain::time::{Mono, Now};
use crate::store::Counts;
use crate::worker::window::WindowSize;

/// At most so many nodes in one look, however fast the database is.
const MOST_NODES: u32 = 50_000;

/// At most so many rows of counts in one transaction.
const MOST_ROWS: u32 = 20_000;

/// Counting may take this part of the time: a fleet that is large for its database is counted every second
/// sweep, or third.
const SHARE: u32 = 40;

/// But every so many sweeps it is counted.
const SWEEPS: u32 = 5;

/// So many nodes moved since the last count are folded into it: looks add up the rest.
const FOLD_AT: u64 = 10_000;

/// What is being counted.
#[derive(Debug)]
pub(in crate::worker) struct Counting {
    pub(in crate::worker) walk: Option<Walk>,
    pub(in crate::worker) nodes: WindowSize,
    /// How many rows of counts the next transaction may write.
    pub(in crate::worker) rows: WindowSize,
    /// Nodes that went out or came back since that was folded in.
    pub(in crate::worker) moved: u64,
    /// No count begins before.
    rests_until: Mono,
}

#[derive(Debug)]
pub(in crate::worker) struct Walk {
    pub(in crate::worker) after: String,
    pub(in crate::worker) counts: Counts,
    /// All rows are counted.
    pub(in crate::worker) done: bool,
    /// How long the looks at nodes took.
    pub(in crate::worker) spent: Duration,
}

impl Default for Counting {
    fn default() -> Self {
        Self {
            walk: None,
            nodes: WindowSize::up_to(MOST_NODES),
            rows: WindowSize::up_to(MOST_ROWS),
            moved: 0,
            rests_until: Mono::default(),
        }
    }
}

impl Counting {
    /// All nodes are counted again, unless they just are, or that took too much of the time.
    pub(in crate::worker) fn begin(&mut self, now: Now) {
        if now.mono < self.rests_until {
            return;
        }
        self.walk.get_or_insert_with(|| Walk {
            after: String::new(),
            counts: Counts {
                counted_at_ms: now.wall_ms,
                ..Counts::default()
            },
            done: false,
            spent: Duration::ZERO,
        });
    }

    /// The count is kept, and what moved is in it.
    pub(in crate::worker) fn end(&mut self, now: Mono, sweep_interval: Duration) {
        let spent = self.walk.take().map_or(Duration::ZERO, |walk| walk.spent);
        let rest = (spent * SHARE).min(sweep_interval * (SWEEPS - 1));
        self.rests_until = now.plus(rest);
        self.moved = 0;
    }

    /// Whether there is something to do.
    pub(in crate::worker) fn is_on(&self) -> bool {
        self.walk.is_some() || self.moved >= FOLD_AT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::example::at;

    #[test]
    fn a_count_that_takes_long_takes_a_fortieth_of_the_time_and_is_made_every_fifth_sweep() {
        let minute = Duration::from_secs(60);
        // How long it took, and how many minutes after the last one began the next one does.
        for (spent_ms, after) in [
            (0, 1),
            (1_400, 1),
            (1_600, 2),
            (4_300, 3),
            (7_000, 5),
            (60_000, 5),
        ] {
            let mut counting = Counting::default();
            let now = |minutes: u64| Now {
                mono: at(1_000 + 60 * minutes),
                wall_ms: 0,
            };
            counting.begin(now(0));
            counting.walk.as_mut().unwrap().spent = Duration::from_millis(spent_ms);
            counting.end(at(1_001), minute);
            let next = (1..).find(|minutes| {
                counting.begin(now(*minutes));
                counting.walk.is_some()
            });
            assert_eq!(next, Some(after), "{spent_ms} ms");
        }
    }
}
