//! `amqp.url`: one broker or several, and which of them is tried first.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SecretUrl;

/// What `amqp.url` says: a URL, which may list several hosts, or a list of URLs. All are nodes of one
/// cluster. Clones share which one is tried first, so that the connections of a process go to the same
/// broker while it lives, and all leave one that ended a connection.
#[derive(Clone)]
pub struct Brokers {
    urls: Vec<SecretUrl>,
    first: Arc<AtomicUsize>,
}

impl Brokers {
    /// The brokers of one URL.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self::of(vec![SecretUrl::new(url)])
    }

    fn of(urls: Vec<SecretUrl>) -> Self {
        Self {
            urls,
            first: Arc::default(),
        }
    }

    /// The URLs as given, each of which may list several hosts.
    #[must_use]
    pub fn urls(&self) -> &[SecretUrl] {
        &self.urls
    }

    /// In which order `count` brokers are tried now.
    pub fn order(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let first = self.first.load(Ordering::Relaxed);
        (0..count).map(move |step| (first + step) % count)
    }

    /// The one at place `at` is tried first from now on.
    pub fn begin_with(&self, at: usize) {
        self.first.store(at, Ordering::Relaxed);
    }

    /// The one at place `at` ended a connection: the next one is tried first, unless another is already.
    pub fn leave(&self, at: usize) {
        // A place beyond the last one is folded back by `order`.
        let next = at.wrapping_add(1);
        let _ = self
            .first
            .compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl fmt::Debug for Brokers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.urls).finish()
    }
}

impl Serialize for Brokers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.urls.as_slice() {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Brokers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "it must be one URL or a list of URLs")]
        enum Given {
            One(SecretUrl),
            Many(Vec<SecretUrl>),
        }

        Ok(match Given::deserialize(deserializer)? {
            Given::One(url) => Self::of(vec![url]),
            Given::Many(urls) => Self::of(urls),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Brokers;

    #[test]
    fn a_broker_that_ended_a_connection_is_tried_last_and_only_once_for_all_its_connections() {
        let brokers = Brokers::new("amqp://a,b,c");
        let order = || brokers.order(3).collect::<Vec<_>>();
        assert_eq!(order(), [0, 1, 2]);
        let shared = brokers.clone();
        shared.leave(0);
        shared.leave(0);
        assert_eq!(order(), [1, 2, 0]);
        brokers.begin_with(2);
        brokers.leave(2);
        assert_eq!(order(), [0, 1, 2]);
    }
}
