//! [`Fences`]: whether this replica is fenced again and again. Where the queue has no single active consumer, each
//! replica is given a part of what conductors send, and they take the epoch from each other for as long as they run.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::time::Mono;

/// So many within so long are no chance: a replica that froze is fenced once.
const MANY: usize = 3;
pub(super) const WITHIN: Duration = Duration::from_secs(600);

/// What may be the cause: AMQP does not tell which arguments a queue has.
pub(super) const SUSPICION: &str = "this replica was fenced three times within ten minutes: if no host froze and no \
    connection was cut, the events queue has no x-single-active-consumer (rabbitmqctl list_queues name arguments)";

/// The last times at which this replica was fenced.
#[derive(Debug, Default)]
pub(super) struct Fences {
    at: VecDeque<Mono>,
}

impl Fences {
    /// It was fenced. Whether that happens too often.
    pub(super) fn another(&mut self, now: Mono) -> bool {
        self.at.push_back(now);
        self.at.retain(|at| now.since(*at) < WITHIN);
        self.at.len() >= MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::example::at;

    #[test]
    fn three_within_ten_minutes_are_too_many() {
        let mut fences = Fences::default();
        for (second, expected) in [(0, false), (300, false), (599, true), (1000, false)] {
            assert_eq!(fences.another(at(second)), expected, "{second}");
        }
    }
}
