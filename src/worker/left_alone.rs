//! What the database will not take: a silence, a verdict or an answer whose row it refuses for good.
//! Alone it is named, counted and left as it is, and tried again after a while; everything else goes
//! on (L4).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::time::Mono;
use crate::store::StoreError;
use crate::telemetry;

/// The first pause before such a thing is tried again; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(10);

/// The longest one: whoever puts the row right waits no longer than that.
const LONGEST: Duration = Duration::from_secs(300);

/// Things of one kind that are left alone for now.
#[derive(Debug)]
pub(super) struct LeftAlone<K>(BTreeMap<K, Left>);

#[derive(Debug, Clone, Copy)]
struct Left {
    until: Mono,
    pause: Duration,
}

impl<K> Default for LeftAlone<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> LeftAlone<K> {
    pub(super) fn has(&self, what: &K, now: Mono) -> bool {
        self.0.get(what).is_some_and(|left| now < left.until)
    }

    /// It failed alone, and for good. What has not failed for long is forgotten (I8).
    pub(super) fn put(&mut self, what: K, now: Mono) {
        self.0.retain(|_, left| now.since(left.until) < LONGEST * 2);
        let pause = match self.0.get(&what) {
            Some(left) => (left.pause * 2).min(LONGEST),
            None => FIRST,
        };
        let until = now.plus(pause);
        self.0.insert(what, Left { until, pause });
    }
}

pub(super) fn log(kind: &'static str, name: &str, fault: &StoreError) {
    telemetry::UNSTORED.count_as(kind, 1);
    tracing::error!(
        kind,
        name = telemetry::printable(name),
        fault = telemetry::error_chain(fault),
        "the database cannot take this; it is left as it is and tried again later"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::example::at;

    #[test]
    fn what_fails_again_waits_twice_as_long_up_to_five_minutes() {
        let mut left = LeftAlone::default();
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..7 {
            left.put("c1", now);
            let began = now;
            while left.has(&"c1", now) {
                now = now.plus(Duration::from_secs(10));
            }
            waits.push(now.since(began).as_secs());
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
        assert!(!left.has(&"c2", at(0)));
    }

    #[test]
    fn i8_what_has_not_failed_for_long_is_forgotten() {
        let mut left = LeftAlone::default();
        left.put("c1", at(0));
        left.put("c2", at(2000));
        assert_eq!(left.0.keys().collect::<Vec<_>>(), [&"c2"]);
    }
}
