//! The log lines about refused messages: a flood of them must not become a flood of lines.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::time::Mono;
use crate::message::Refused;
use crate::telemetry;

/// Refused messages of one reason that get a line each, within [`EACH`]; the letters keep all of them.
const LINES: u64 = 10;

/// After so long the rest is told by number, and the next ones get lines again.
const EACH: Duration = Duration::from_secs(60);

/// What was told of one reason since `began`.
struct Told {
    began: Mono,
    count: u64,
}

/// What of this session's refused messages has had its line.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<&'static str, Told>);

impl Refusals {
    /// The broker has these copies: each is counted, and the first ones have a line of their own.
    pub(super) fn put_away(&mut self, copies: &[Refused], now: Mono) {
        for copy in copies {
            telemetry::REFUSED.count_as(copy.reason, 1);
            if self.has_line(copy.reason, now) {
                tracing::warn!(
                    reason = copy.reason,
                    detail = telemetry::printable(&copy.detail),
                    "refused a message; it is kept among the dead letters"
                );
            }
        }
    }

    /// Called often: tells what had no line.
    pub(super) fn tell_rest(&mut self, now: Mono) {
        for (reason, messages) in self.rest(now) {
            tracing::warn!(
                reason,
                messages,
                "refused more messages; they are kept among the dead letters"
            );
        }
    }

    fn has_line(&mut self, reason: &'static str, now: Mono) -> bool {
        let told = self.0.entry(reason).or_insert(Told {
            began: now,
            count: 0,
        });
        told.count += 1;
        told.count <= LINES
    }

    /// The reasons whose time is over, and how many messages of each had no line.
    fn rest(&mut self, now: Mono) -> Vec<(&'static str, u64)> {
        let over = |_: &&'static str, told: &mut Told| now.since(told.began) >= EACH;
        let over = self.0.extract_if(.., over);
        over.map(|(reason, told)| (reason, told.count.saturating_sub(LINES)))
            .filter(|(_, more)| *more > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::example::at;

    #[test]
    fn a_flood_of_refused_messages_has_ten_lines_a_minute_for_each_reason_and_their_number() {
        let mut refusals = Refusals::default();
        let (mut lines, mut rest) = (BTreeMap::new(), Vec::new());
        for second in 0..150 {
            for _ in 0..100 {
                if refusals.has_line("undecodable", at(second)) {
                    *lines.entry(second / 60).or_insert(0) += 1;
                }
            }
            rest.extend(refusals.rest(at(second + 1)));
        }
        assert_eq!(lines, BTreeMap::from([(0, 10), (1, 10), (2, 10)]));
        assert_eq!(rest, [("undecodable", 5990), ("undecodable", 5990)]);
    }

    #[test]
    fn what_is_refused_for_another_reason_has_its_own_line_in_the_midst_of_a_flood() {
        let mut refusals = Refusals::default();
        for _ in 0..100 {
            refusals.has_line("undecodable", at(0));
        }
        assert!(refusals.has_line("too_many_pairs", at(1)));
        assert_eq!(refusals.rest(at(60)), [("undecodable", 90)]);
        assert_eq!(refusals.rest(at(61)), [], "nothing is left to tell");
    }
}
