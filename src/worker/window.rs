//! How much one transaction may hold: what it can change in an eighth of a second (L1), as
//! measured, since rows stay locked and the first announcement waits that long. Each takeover begins
//! small.

use std::time::Duration;

use super::cost::Spent;

/// The first window after a takeover: one message of the default size.
const FIRST: u32 = 500;

/// The smallest one that is worth a commit, where even [`FIRST`] nodes take longer than rows may stay
/// locked.
const LEAST: u32 = 100;

/// The first of statements that each look one thing up.
const FIRST_STATEMENTS: u32 = 50;

/// How long the work on rows may keep them locked.
const LOCKED: Duration = Duration::from_millis(250);

/// One that failed is tried again with so small a share. Four tries, each up to the limit of a
/// transaction, fit into a session's patience, and the next session begins with [`FIRST`] again: what
/// comes down to one row only after more tries than that never does.
const AFTER_FAILURE: u32 = 8;

/// The size of the next window, kept between its least and a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    nodes: u32,
    first: u32,
    least: u32,
    most: u32,
}

impl WindowSize {
    /// Never more than `most` nodes (`decide.chunk_nodes`).
    #[must_use]
    pub fn up_to(most: u32) -> Self {
        Self {
            nodes: FIRST.min(most),
            first: FIRST,
            least: LEAST,
            most,
        }
    }

    /// Of things that cost a round trip each: there a slow way makes fewer of them cheaper.
    #[must_use]
    pub fn of_statements(most: u32) -> Self {
        Self {
            nodes: FIRST_STATEMENTS.min(most),
            first: FIRST_STATEMENTS,
            least: 1,
            most,
        }
    }

    /// The size of the next window; of a walk that changes little, some times that.
    #[must_use]
    pub fn scaled(self, by: u32) -> u32 {
        self.nodes.saturating_mul(by).min(self.most)
    }

    /// The size of a walk's first window: the first announcement of a loss waits for it.
    #[must_use]
    pub fn first(self) -> u32 {
        self.nodes.min(self.first)
    }

    /// Much has changed: what was measured until now says nothing.
    pub fn begin_again(&mut self) {
        self.nodes = self.nodes.min(self.first);
    }

    /// A window that failed may have been too large, whatever its size: the same is never tried again.
    pub fn failed(&mut self) {
        self.nodes = (self.nodes / AFTER_FAILURE).max(1);
    }

    /// One of so many rows failed for good: the next has at most half of them.
    pub fn refused(&mut self, rows: u64) {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        self.nodes = (self.nodes.min(rows) / 2).max(1);
    }

    /// The size of the next transaction, or look.
    #[must_use]
    pub fn next(self) -> u32 {
        self.nodes
    }

    /// A window of up to `size` rows changed so many and took so long. The size grows at most
    /// twofold, by what a full one has shown.
    pub(super) fn took(&mut self, size: u32, changed: u64, spent: impl Into<Spent>) {
        let spent = spent.into();
        let (full, share) = (changed >= u64::from(size), spent.share());
        if share >= 1.0 && (!full || size < self.nodes) {
            return;
        }
        let nodes = f64::from(size) * share;
        // Truncation is meant; it is far below 2³².
        // One below the least size was made so by failures: it is left where it is, or grows twofold.
        let least = if spent.work() <= LOCKED {
            self.first
        } else {
            self.least
        };
        let least = least.min(size.max(1)).min(self.most);
        self.nodes = (nodes as u32).clamp(least, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::super::cost::LONGEST;
    use super::*;

    #[test]
    fn a_fast_database_gets_larger_windows_up_to_the_bound_and_a_slow_one_smaller_ones() {
        let mut chunk = WindowSize::up_to(1500);
        chunk.took(500, 500, Duration::from_millis(10));
        assert_eq!(chunk.scaled(1), 1000);
        chunk.took(1000, 1000, Duration::from_millis(20));
        assert_eq!(chunk.scaled(1), 1500);
        chunk.took(1500, 1500, Duration::from_millis(375));
        assert_eq!(chunk.scaled(1), 500);
        chunk.took(500, 1, Duration::from_secs(9));
        assert_eq!(chunk.scaled(1), LEAST);
    }

    #[test]
    fn a_window_that_changed_little_says_nothing_about_a_full_one() {
        let mut chunk = WindowSize::up_to(5000);
        chunk.took(500, 3, Duration::from_millis(1));
        assert_eq!(chunk.scaled(1), 500);
    }

    #[test]
    fn the_first_window_of_a_walk_is_small_and_does_not_shrink_the_next_ones() {
        let mut chunk = WindowSize::up_to(5000);
        for nodes in [500, 1000, 2000] {
            chunk.took(nodes, nodes.into(), Duration::from_millis(10));
        }
        assert_eq!((chunk.first(), chunk.scaled(1)), (500, 4000));
        chunk.took(500, 500, Duration::from_millis(10));
        assert_eq!(chunk.scaled(1), 4000);
        chunk.took(500, 500, Duration::from_millis(500));
        assert_eq!(chunk.scaled(1), 125);
    }

    #[test]
    fn l1_a_slow_way_to_the_database_makes_no_windows_that_are_all_overhead() {
        let mut chunk = WindowSize::up_to(5000);
        let took = |nodes: u32| Duration::from_millis(150) + nodes * Duration::from_micros(20);
        for _ in 0..20 {
            let nodes = chunk.next();
            chunk.took(nodes, nodes.into(), took(nodes));
            assert!(took(chunk.next()) <= LOCKED);
        }
        assert_eq!(chunk.next(), 500);
    }

    /// The size that settles where the way takes so long, and each row.
    fn settled(way: u64, row: u64) -> u32 {
        let mut chunk = WindowSize::up_to(100_000);
        let way = Duration::from_millis(way);
        for _ in 0..15 {
            let nodes = chunk.next();
            let took = way + Duration::from_micros(row) * nodes;
            let most = LONGEST.max(way + LONGEST / 2);
            assert!(took <= most, "{nodes} rows: {took:?}");
            chunk.took(nodes, nodes.into(), Spent { took, way });
        }
        chunk.next()
    }

    #[test]
    fn l1_a_slow_way_that_fewer_rows_would_not_shorten_makes_no_transaction_smaller() {
        for (way, row, expected) in [
            (0, 50, 2500),
            (25, 50, 2000),
            // As much work as way from here on.
            (60, 50, 1300),
            (120, 50, 2400),
            (260, 50, 2500),
            (260, 1000, 125),
            (500, 50, 2500),
            (700, 50, 2500),
            (1500, 50, 500),
        ] {
            let nodes = settled(way, row);
            let near = nodes.abs_diff(expected) <= expected / 50;
            assert!(near, "{way} ms and {row} µs: {nodes}");
        }
    }

    #[test]
    fn l1_small_pairs_behind_a_slow_way_do_not_shrink_the_windows_of_large_ones() {
        let mut chunk = WindowSize::up_to(5000);
        let [took, way] = [300, 280].map(Duration::from_millis);
        for _ in 0..20 {
            chunk.took(chunk.next(), 5, Spent { took, way });
        }
        assert_eq!(chunk.next(), 500);
    }

    #[test]
    fn l1_look_ups_one_by_one_are_as_many_as_a_slow_way_takes_in_a_quarter_of_a_second() {
        for (each_ms, expected) in [(0, 1000), (1, 125), (10, 12), (25, 5), (200, 1)] {
            let mut looks = WindowSize::of_statements(1000);
            for _ in 0..10 {
                let size = looks.next();
                looks.took(size, size.into(), Duration::from_millis(each_ms) * size);
            }
            assert_eq!(looks.next(), expected, "at {each_ms} ms each");
        }
    }

    #[test]
    fn l1_a_size_that_was_measured_over_other_rows_is_forgotten() {
        let mut look = WindowSize::up_to(320_000);
        for _ in 0..20 {
            let nodes = look.next();
            look.took(nodes, nodes.into(), Duration::from_millis(1));
        }
        assert_eq!(look.next(), 320_000);
        look.begin_again();
        assert_eq!(look.next(), 500);
        look.failed();
        look.begin_again();
        assert_eq!(look.next(), 62);
    }

    #[test]
    fn l1_what_failed_is_tried_smaller_down_to_one_row_and_grows_again_once_it_went_well() {
        let mut chunk = WindowSize::up_to(5000);
        let mut sizes = Vec::new();
        for _ in 0..4 {
            chunk.failed();
            sizes.push(chunk.next());
        }
        assert_eq!(sizes, [62, 7, 1, 1]);
        chunk.took(1, 1, Duration::from_secs(1));
        assert_eq!(chunk.next(), 1);
        for size in [1, 2, 4] {
            chunk.took(size, size.into(), Duration::from_millis(1));
            assert_eq!(chunk.next(), size * 2);
        }
    }

    #[test]
    fn a_bound_below_the_least_size_is_kept() {
        let mut chunk = WindowSize::up_to(10);
        assert_eq!(chunk.scaled(1), 10);
        chunk.took(10, 10, Duration::from_secs(1));
        assert_eq!(chunk.scaled(1), 10);
    }
}
