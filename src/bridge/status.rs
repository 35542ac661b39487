//! What a bridge says about itself: for `/readyz`, metrics and its log.

use std::collections::BTreeMap;
use std::time::Duration;

use super::judge::{State, Stretched, View};
use crate::domain::time::Mono;

/// A setting that does not fit is said that often.
const WARN_EACH: Duration = Duration::from_secs(600);

/// Looks that follow each other for so long prove the silence of a conductor with Ironic's default pauses.
const PROVES: Duration = Duration::from_secs(15);

/// For so long no silence may be provable before the bridge says that it is not ready.
const UNPROVEN: Duration = Duration::from_secs(120);

/// A bridge's state, as of its last look and its last word to the broker.
#[derive(Debug, Clone)]
pub struct Status {
    /// When the last good look was over, on the bridge's monotonic clock.
    pub last_good_look: Option<Mono>,
    /// Why looks are not good.
    pub look_trouble: Option<String>,
    /// Why events are not confirmed.
    pub broker_trouble: Option<String>,
    /// How many conductors stand where.
    pub conductors: BTreeMap<State, u64>,
    /// Events that the broker has not confirmed.
    pub waiting: usize,
    /// The time-out that is set is too short for what was seen.
    pub stretched: Option<Stretched>,
    /// When that was said last.
    warned: Option<Mono>,
    /// When looks last followed each other for long enough to prove a silence, or the first one ended.
    proved_at: Option<Mono>,
    /// How old the last good look may be.
    stale_after: Duration,
}

impl Status {
    /// A bridge that looks each `interval` and has not begun.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self {
            last_good_look: None,
            look_trouble: None,
            broker_trouble: Some("the broker has not been reached yet".into()),
            conductors: BTreeMap::new(),
            waiting: 0,
            stretched: None,
            warned: None,
            proved_at: None,
            // Two looks may be missed, and the machine be slow for a second.
            stale_after: interval * 3 + Duration::from_secs(1),
        }
    }

    /// What was seen of the conductors' pauses; whether it is to be said now: not at each look.
    pub(super) fn stretch(&mut self, stretched: Option<Stretched>, now: Mono) -> bool {
        self.stretched = stretched;
        let said = self.warned.is_some_and(|at| now.since(at) < WARN_EACH);
        let say = stretched.is_some() && !said;
        if say {
            self.warned = Some(now);
        }
        say
    }

    /// Good looks have followed each other for so long, as of `now`.
    pub(super) fn ran(&mut self, run: Duration, now: Mono) {
        if run >= PROVES || self.proved_at.is_none() {
            self.proved_at = Some(now);
        }
    }

    pub(super) fn update(&mut self, conductors: Vec<View>, waiting: usize) {
        self.conductors.clear();
        for view in conductors {
            *self.conductors.entry(view.state).or_default() += 1;
        }
        self.waiting = waiting;
    }

    /// How old the last good look is; `None` before the first.
    #[must_use]
    pub fn look_age(&self, now: Mono) -> Option<Duration> {
        self.last_good_look.map(|at| now.since(at))
    }

    /// What an operator should change although the bridge is ready: sentences for people.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.stretched.iter().map(ToString::to_string).collect()
    }

    /// Why the bridge is not ready: sentences for people, no secrets. None: it is.
    #[must_use]
    pub fn reasons(&self, now: Mono) -> Vec<String> {
        let mut reasons = Vec::new();
        match self.look_age(now) {
            None => reasons.push("there has been no good look at Ironic's tables yet".to_owned()),
            Some(age) if age > self.stale_after => reasons.push(format!(
                "the last good look at Ironic's tables is {} old",
                humantime::format_duration(Duration::from_secs(age.as_secs()))
            )),
            Some(_) => {}
        }
        let unproven = self.proved_at.map_or(Duration::ZERO, |at| now.since(at));
        if reasons.is_empty() && unproven > UNPROVEN {
            reasons.push(format!(
                "looks at Ironic's tables are interrupted so often that no silence could be proved for {}",
                humantime::format_duration(Duration::from_secs(unproven.as_secs()))
            ));
        }
        if !reasons.is_empty() {
            reasons.extend(self.look_trouble.clone());
        }
        reasons.extend(self.broker_trouble.clone());
        reasons
    }
}
