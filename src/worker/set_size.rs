//! How many pairs one transaction may carry out: what fits into an eighth of a second as measured (L1), at
//! any latency.

use super::cost::{LONGEST, Spent};

/// How many pairs the first transaction after a takeover may have.
const FIRST: u32 = 25;

/// More gain little: the round trips are shared by so many already.
const MOST: u32 = 250;

/// Up to so many it is the way to the database that takes the time, and fewer gain nothing.
const LEAST: u32 = 100;

/// One that failed is tried again with so small a share.
const AFTER_FAILURE: u32 = 8;

/// How many pairs the next transaction may have, as measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Together {
    pairs: u32,
}

impl Default for Together {
    fn default() -> Self {
        Self { pairs: FIRST }
    }
}

impl Together {
    pub(super) fn next(self) -> usize {
        self.pairs as usize
    }

    /// Of `asked` pairs so many were small enough, and it took so long.
    pub(super) fn took(&mut self, asked: usize, done: usize, spent: impl Into<Spent>) {
        let spent = spent.into();
        let (asked, done) = (count(asked), count(done));
        let pairs = if spent.work() > LONGEST {
            asked / 4
        } else if done < asked {
            // Fewer at once may each be larger.
            done.max(asked / 4)
        } else if spent.share() >= 1.0 || asked < LEAST {
            if asked < self.pairs {
                return;
            }
            asked * 2
        } else {
            // Truncation is meant.
            ((f64::from(asked) * spent.share()) as u32).max(LEAST)
        };
        self.pairs = pairs.clamp(1, MOST);
    }

    /// A transaction over so many failed, and may have been too much at once.
    pub(super) fn failed(&mut self, asked: usize) {
        self.pairs = (count(asked) / AFTER_FAILURE).max(1);
    }

    /// One of so many fails for good. Alone it will be known which, and at which node.
    pub(super) fn refused(&mut self, asked: usize) {
        self.pairs = (count(asked) / 2).max(1);
    }
}

fn count(pairs: usize) -> u32 {
    u32::try_from(pairs).unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn l1_so_many_pairs_go_together_as_an_eighth_of_a_second_allows_and_not_fewer_for_a_slow_way() {
        let took = |way: u64, pairs: usize| MS(way + pairs as u64);
        for (way, expected) in [(1, 124), (100, 100), (400, 100), (2000, 1)] {
            let mut together = Together::default();
            for _ in 0..20 {
                let pairs = together.next();
                together.took(pairs, pairs, took(way, pairs));
            }
            let pairs = together.next();
            assert!(
                pairs.abs_diff(expected) <= expected / 8,
                "{way} ms: {pairs}"
            );
        }
    }

    #[test]
    fn l1_few_pairs_say_nothing_about_many() {
        let mut together = Together::default();
        for _ in 0..9 {
            together.took(together.next(), together.next(), MS(10));
        }
        assert_eq!(together.next(), 250);
        together.took(2, 2, MS(400));
        assert_eq!(together.next(), 250);
    }

    #[test]
    fn l1_among_large_pairs_fewer_are_tried_at_once_and_more_again_after_that() {
        let mut together = Together::default();
        let mut sizes = Vec::new();
        for done in [0, 0, 1, 2, 4] {
            together.took(together.next(), done, MS(10));
            sizes.push(together.next());
        }
        assert_eq!(sizes, [6, 1, 2, 4, 8]);
    }

    #[test]
    fn l4_a_failure_leaves_fewer_and_one_that_lasts_leads_to_the_one_pair() {
        let mut together = Together::default();
        together.failed(200);
        assert_eq!(together.next(), 25);
        let mut sizes = Vec::new();
        for _ in 0..6 {
            together.refused(together.next());
            sizes.push(together.next());
        }
        assert_eq!(sizes, [12, 6, 3, 1, 1, 1]);
        together.took(1, 1, MS(10));
        assert_eq!(together.next(), 2);
    }
}
