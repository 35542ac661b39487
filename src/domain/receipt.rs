//! How far subscribers say that they have carried out the stream. For people and metrics: a receipt is no
//! sign of life of any conductor, and nothing is decided by it.

use std::collections::BTreeMap;

use super::ids::SubscriberName;

/// Subscribers that are known at once (I8): each has a row and the series of two gauges.
pub const MOST_SUBSCRIBERS: usize = 100;

/// Silent for longer, a subscriber gives its place to a new one where all are taken: ten receipts late.
const SILENT_MS: u64 = 10 * 60_000;

/// What a subscriber says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which subscriber.
    pub subscriber: SubscriberName,
    /// The history that it follows, a UUID in lower case.
    pub stream: String,
    /// It has carried out every change up to this one.
    pub seq: u64,
    /// When it had, by its own clock, ms since 1970 UTC.
    pub applied_at_ms: u64,
}

/// A receipt, and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What was said.
    pub receipt: Receipt,
    /// When it was received, ms since 1970 UTC.
    pub heard_at_ms: u64,
}

/// The newest receipt of each subscriber.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipts(BTreeMap<SubscriberName, Received>);

impl Receipts {
    /// As stored.
    #[must_use]
    pub fn load(stored: impl IntoIterator<Item = Received>) -> Self {
        let by_name = |received: Received| (received.receipt.subscriber.clone(), received);
        Self(stored.into_iter().map(by_name).collect())
    }

    /// Whether a receipt of this subscriber is taken: it is known, or there is room for another one.
    #[must_use]
    pub fn has_room_for(&self, subscriber: &SubscriberName) -> bool {
        self.0.contains_key(subscriber) || self.0.len() < MOST_SUBSCRIBERS
    }

    /// Forgets the subscriber that has been silent longest, if that is for so long that it gives its place
    /// to another one.
    pub fn make_room(&mut self, now_ms: u64) -> Option<SubscriberName> {
        let (name, received) = self
            .0
            .iter()
            .min_by_key(|(_, received)| received.heard_at_ms)?;
        let gone = now_ms.saturating_sub(received.heard_at_ms) > SILENT_MS;
        let name = gone.then(|| name.clone())?;
        self.0.remove(&name);
        Some(name)
    }

    /// Takes a receipt that [has room](Self::has_room_for): the newest counts, whatever it says. Whether it
    /// says more than the last one did.
    pub fn take(&mut self, received: Received) -> bool {
        let name = received.receipt.subscriber.clone();
        let (stream, seq) = (received.receipt.stream.clone(), received.receipt.seq);
        let before = self.0.insert(name, received);
        before.is_none_or(|before| before.receipt.stream != stream || before.receipt.seq < seq)
    }

    /// Whether a subscriber was last heard before that, ms since 1970 UTC.
    #[must_use]
    pub fn has_older(&self, before_ms: u64) -> bool {
        self.0
            .values()
            .any(|received| received.heard_at_ms < before_ms)
    }

    /// Forgets the subscribers that were last heard before that, ms since 1970 UTC.
    pub fn forget(&mut self, before_ms: u64) {
        self.0
            .retain(|_, received| received.heard_at_ms >= before_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(subscriber: &str, stream: &str, seq: u64, heard_at_ms: u64) -> Received {
        Received {
            receipt: Receipt {
                subscriber: SubscriberName::parse(subscriber).unwrap(),
                stream: stream.to_owned(),
                seq,
                applied_at_ms: 1,
            },
            heard_at_ms,
        }
    }

    #[test]
    fn the_newest_receipt_counts_and_says_more_only_if_it_goes_on() {
        let mut receipts = Receipts::default();
        for (stream, seq, says_more) in [
            ("s", 5, true),
            ("s", 5, false),
            ("s", 3, false),
            ("s", 4, true),
            ("t", 1, true),
        ] {
            let more = receipts.take(received("a", stream, seq, 1));
            assert_eq!(more, says_more, "{stream} {seq}");
        }
        assert_eq!(receipts, Receipts::load([received("a", "t", 1, 1)]));
    }

    #[test]
    fn a_subscriber_too_many_has_no_room_until_one_is_forgotten() {
        let mut receipts = Receipts::default();
        for number in 0..MOST_SUBSCRIBERS {
            receipts.take(received(&format!("s{number}"), "s", 1, number as u64));
        }
        let name = |name| SubscriberName::parse(name).unwrap();
        assert!(receipts.has_room_for(&name("s7")) && !receipts.has_room_for(&name("new")));
        assert!(receipts.has_older(1) && !receipts.has_older(0));
        receipts.forget(1);
        assert!(receipts.has_room_for(&name("new")));
        assert_eq!(receipts.0.len(), MOST_SUBSCRIBERS - 1);
    }

    #[test]
    fn the_one_that_is_silent_longest_gives_its_place_after_ten_minutes() {
        let mut receipts = Receipts::load([received("b", "s", 1, 10), received("a", "s", 1, 20)]);
        assert_eq!(receipts.make_room(10 + SILENT_MS), None);
        let gone = receipts.make_room(11 + SILENT_MS);
        assert_eq!(gone, SubscriberName::parse("b").ok());
        assert_eq!(receipts.make_room(11 + SILENT_MS), None);
        assert_eq!(receipts, Receipts::load([received("a", "s", 1, 20)]));
    }
}
