//! How long the round trips of a transaction take, however little it does: as long as if each of its
//! statements had been as quick as its quickest.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

/// A transaction of so many statements as there are, each prepared first, takes fewer round trips; what is more
/// is for its rows.
const MOST_TRIPS: u32 = 25;

/// So many statements the library keeps prepared for a connection.
const PREPARED: usize = 100;

/// The round trips of a connection since its transaction began.
#[derive(Debug, Default)]
pub struct Way {
    trips: u32,
    quickest: Option<Duration>,
    /// Statements that are prepared, by their hashes, the last used one at the end.
    prepared: VecDeque<u64>,
}

impl Way {
    pub fn begins(&mut self) {
        (self.trips, self.quickest) = (0, None);
    }

    /// How many round trips this statement will take: one more where it must be prepared first.
    pub fn trips(&mut self, statement: &str) -> u32 {
        let mut hash = DefaultHasher::new();
        statement.hash(&mut hash);
        let hash = hash.finish();
        let at = self.prepared.iter().position(|known| *known == hash);
        if let Some(at) = at {
            self.prepared.remove(at);
        } else if self.prepared.len() == PREPARED {
            self.prepared.pop_front();
        }
        self.prepared.push_back(hash);
        if at.is_some() { 1 } else { 2 }
    }

    /// So many round trips are over.
    pub fn went(&mut self, trips: u32, took: Duration) {
        self.trips = self.trips.saturating_add(trips);
        let each = took / trips;
        self.quickest = Some(self.quickest.map_or(each, |least| least.min(each)));
    }

    /// All of them, as long as they take at least.
    pub fn whole(&self) -> Duration {
        self.quickest.unwrap_or_default() * self.trips.min(MOST_TRIPS)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a statement takes; decides nothing about nodes"
)]
pub fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_as_long_as_if_all_statements_were_as_quick_as_the_quickest() {
        let mut way = Way::default();
        way.went(1, Duration::from_millis(1));
        way.begins();
        assert_eq!(way.whole(), Duration::ZERO);
        for (statement, took) in [("a", 40), ("b", 90), ("a", 20), ("a", 700)] {
            let trips = way.trips(statement);
            way.went(trips, Duration::from_millis(took));
        }
        assert_eq!(way.whole(), Duration::from_millis(6 * 20));
        for _ in 0..100 {
            way.went(1, Duration::from_millis(30));
        }
        assert_eq!(way.whole(), Duration::from_millis(25 * 20));
    }

    #[test]
    fn a_statement_is_prepared_again_once_so_many_others_were_used_since() {
        let mut way = Way::default();
        let trips: Vec<u32> = ["a", "b", "a"].map(|it| way.trips(it)).into();
        assert_eq!(trips, [2, 2, 1]);
        for other in 0..PREPARED - 1 {
            way.trips(&other.to_string());
        }
        assert_eq!((way.trips("a"), way.trips("b")), (1, 2));
    }
}
