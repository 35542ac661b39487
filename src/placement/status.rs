//! What the service says about itself: for `/readyz`, metrics and its log.

use std::time::Duration;

use crate::domain::time::Mono;

/// How it stands.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Why the stream is not followed.
    pub stream_trouble: Option<String>,
    /// Why Placement is not as it must be.
    pub placement_trouble: Option<String>,
    /// Why pairs are not switched as they should be.
    pub pairs_trouble: Option<String>,
    /// When all members were last compared with what is out of service.
    pub compared: Option<Mono>,
    /// How often that is done.
    pub interval: Duration,
    /// Nodes that are out of service.
    pub wanted: usize,
    /// Nodes that wait to be looked at in Placement.
    pub waiting: usize,
    /// Nodes out of service that Placement does not know.
    pub unknown: usize,
    /// Pairs of which Nova offers nothing.
    pub switched: usize,
}

impl Status {
    /// A service that compares each `interval` and has not begun.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self {
            stream_trouble: Some("the stream is not followed yet".into()),
            interval,
            ..Self::default()
        }
    }

    /// How old the last comparison is; `None` before the first.
    #[must_use]
    pub fn compared_age(&self, now: Mono) -> Option<Duration> {
        self.compared.map(|at| now.since(at))
    }

    /// Why it is not ready: sentences for people, no secrets. None: it is.
    #[must_use]
    pub fn reasons(&self, now: Mono) -> Vec<String> {
        let mut reasons: Vec<String> = self.stream_trouble.iter().cloned().collect();
        reasons.extend(self.placement_trouble.clone());
        let pairs = self.pairs_trouble.iter();
        reasons.extend(pairs.map(|why| format!("pairs: {why}")));
        // One may be missed.
        let stale = |age: Duration| age > self.interval * 2 + Duration::from_secs(10);
        match self.compared_age(now) {
            None if reasons.is_empty() => {
                reasons.push("the aggregate's members have not been compared yet".to_owned());
            }
            Some(age) if stale(age) => reasons.push(format!(
                "the aggregate's members were last compared {} ago",
                humantime::format_duration(Duration::from_secs(age.as_secs()))
            )),
            None | Some(_) => {}
        }
        reasons
    }
}
