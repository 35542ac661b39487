//! How things stand: the recorder, and the gauges that are set for each scrape.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::list::*;
use super::metric::{Kind, Metric};
use crate::domain::change::PairState;
use crate::domain::conductor::Outcome;
use crate::domain::event::EventType;
use crate::domain::receipt::MOST_SUBSCRIBERS;

/// Pairs that get a time series of their own; the rest is summed (I8: label cardinality).
pub const PAIR_SERIES: usize = 1000;

/// Subscribers that get time series of their own; the worst of the rest share one.
pub const SUBSCRIBER_SERIES: usize = MOST_SUBSCRIBERS;

/// How one pair stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairGauge {
    /// The group.
    pub conductor_group: String,
    /// The driver.
    pub driver: String,
    /// Where it stands.
    pub state: PairState,
    /// Conductors that count.
    pub active_conductors: u64,
    /// Nodes that need it; 0 if they were never counted.
    pub nodes: u64,
    /// One conductor alone keeps it active.
    pub nearly_lost: bool,
}

/// How far one subscriber is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberGauge {
    /// Its name.
    pub subscriber: String,
    /// Changes that it has not applied.
    pub behind: u64,
    /// For how long the first of them has waited.
    pub lag: Duration,
}

/// The recorder's other end: how things stand goes in, the text for a scrape comes out.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    /// Pairs that have a series; bounded by [`PAIR_SERIES`] and one for the rest.
    shown: Arc<Mutex<BTreeSet<(String, String)>>>,
    /// Subscribers that have series; bounded by [`SUBSCRIBER_SERIES`] and one for the rest.
    subscribers: Arc<Mutex<BTreeSet<String>>>,
}

/// Installs the recorder; a second call answers with the first one's handle.
/// Errors: A sentence for people, if something else has installed one.
pub fn install_metrics() -> Result<Metrics, String> {
    static INSTALLED: OnceLock<Result<Metrics, String>> = OnceLock::new();
    INSTALLED.get_or_init(install).clone()
}

fn install() -> Result<Metrics, String> {
    let mut builder = PrometheusBuilder::new();
    let histogram = |metric: &&Metric| metric.kind == Kind::Histogram;
    for metric in METRICS.iter().filter(histogram) {
        let name = Matcher::Full(metric.name.to_owned());
        let with_buckets = builder.set_buckets_for_metric(name, BUCKETS);
        builder = with_buckets.map_err(|fault| fault.to_string())?;
    }
    let installed = builder.install_recorder();
    let handle = installed.map_err(|fault| fault.to_string())?;
    for metric in METRICS {
        metric.describe();
    }
    for event_type in EventType::ALL {
        // All of them: `increase` does not see the first of a series.
        let outcomes = Outcome::ALL.iter().copied().map(Some);
        for outcome in outcomes.chain([None]) {
            count_event(*event_type, outcome, 0);
        }
    }
    Ok(Metrics::of(handle))
}

fn count_event(event_type: EventType, outcome: Option<Outcome>, more: u64) {
    let outcome = outcome.map_or("duplicate", Outcome::as_str);
    EVENTS.count_with(&[("type", event_type.as_str()), ("outcome", outcome)], more);
}

/// An event was handled, with this outcome; `None`: it had been handled before.
pub fn event(event_type: EventType, outcome: Option<Outcome>) {
    count_event(event_type, outcome, 1);
}

/// This replica could not judge silence for that long.
pub fn deaf(how_long: Duration) {
    // Counters hold whole numbers; fractions are kept here so that none is lost.
    static MILLISECONDS: AtomicU64 = AtomicU64::new(0);
    let more = u64::try_from(how_long.as_millis()).unwrap_or(u64::MAX / 2);
    let before = MILLISECONDS.fetch_add(more, Ordering::Relaxed);
    DEAF.count(before.saturating_add(more) / 1000 - before / 1000);
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

/// A bridge looked: `good`, `failed` or `slow`.
pub fn bridge_looked(outcome: &'static str, more: u64) {
    BRIDGE_LOOKS.count_with(&[("outcome", outcome)], more);
}

/// The broker confirmed an event of a bridge.
pub fn bridge_published(event_type: EventType, more: u64) {
    BRIDGE_PUBLISHED.count_with(&[("type", event_type.as_str())], more);
}

impl Metrics {
    fn of(handle: PrometheusHandle) -> Self {
        Self {
            handle,
            shown: Arc::default(),
            subscribers: Arc::default(),
        }
    }

    /// Everything, in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Whether `/readyz` answers 200, of a service that is no replica.
    pub fn ready(&self, ready: bool) {
        READY.set(flag(ready));
    }

    /// What this replica does. `tick_age` is `None` as long as no own tick came back,
    /// `unproven` for how long silence proves nothing yet.
    pub fn replica(
        &self,
        role: &str,
        ready: bool,
        epoch: Option<u64>,
        tick_age: Option<Duration>,
        unproven: Duration,
        pending: usize,
    ) {
        for each in ["active", "standby", "starting"] {
            ROLE.set_as(each, flag(role == each));
        }
        READY.set(flag(ready));
        EPOCH.set(epoch.unwrap_or_default() as f64);
        PENDING_PAIRS.set(pending as f64);
        SILENCE_UNPROVEN.set(unproven.as_secs_f64());
        LAST_TICK_AGE.set(match tick_age {
            _ if role != "active" => 0.0,
            Some(age) => age.as_secs_f64(),
            None => f64::INFINITY,
        });
    }

    /// How a bridge stands: the age of its last good look, its conductors by state, the events
    /// that wait, and the conductors that write too seldom for the time-out that is set.
    pub fn bridge(
        &self,
        look_age: Option<Duration>,
        conductors: impl IntoIterator<Item = (&'static str, u64)>,
        waiting: usize,
        stretched: usize,
    ) {
        let age = look_age.map_or(f64::INFINITY, |age| age.as_secs_f64());
        BRIDGE_LOOK_AGE.set(age);
        for (state, count) in conductors {
            BRIDGE_CONDUCTORS.set_with(&[("state", state)], count as f64);
        }
        BRIDGE_WAITING_EVENTS.set(waiting as f64);
        BRIDGE_STRETCHED.set(stretched as f64);
        // From the first scrape on, so that a rate sees the first increment.
        for outcome in ["good", "failed", "slow"] {
            bridge_looked(outcome, 0);
        }
        for event_type in EventType::ALL {
            bridge_published(*event_type, 0);
        }
    }

    /// How the database stands. `counted`: how long ago nodes were counted, and how many are out; `None`:
    /// they never were.
    pub fn database(&self, counted: Option<(Duration, u64)>, outbox_oldest: Option<Duration>) {
        let (age, out) = match counted {
            Some((age, out)) => (age.as_secs_f64(), out as f64),
            None => (f64::INFINITY, f64::NAN),
        };
        NODES_COUNTED_AGE.set(age);
        NODES_OUT_OF_SERVICE.set(out);
        OUTBOX_OLDEST.set(outbox_oldest.unwrap_or_default().as_secs_f64());
    }

    /// What operators want: for how long there has been a pause, and, while decisions are only
    /// recorded, how many nodes would be out.
    pub fn operators(&self, paused: Option<Duration>, observed: Option<u64>) {
        PAUSED.set(flag(paused.is_some()));
        PAUSED_FOR.set(paused.unwrap_or_default().as_secs_f64());
        OBSERVING.set(flag(observed.is_some()));
        OBSERVED_NODES.set(observed.unwrap_or_default() as f64);
    }

    /// Whether what the database says could not be refreshed.
    pub fn database_stale(&self, stale: bool) {
        DATABASE_STALE.set(flag(stale));
    }

    /// Every subscriber there is; one that is not among them any more falls to 0.
    pub fn subscribers(&self, subscribers: &[SubscriberGauge]) {
        let mut shown = self
            .subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut series: BTreeMap<&str, (u64, Duration)> = shown
            .iter()
            .map(|name| (name.as_str(), Default::default()))
            .collect();
        for each in subscribers {
            // A series lives as long as the process, so a pair keeps its own.
            let room = series.len() < SUBSCRIBER_SERIES;
            let name = match room || series.contains_key(each.subscriber.as_str()) {
                true => each.subscriber.as_str(),
                false => OTHER,
            };
            let worst = series.entry(name).or_default();
            *worst = (worst.0.max(each.behind), worst.1.max(each.lag));
        }
        for (name, (behind, lag)) in &series {
            let labels = &[("subscriber", (*name).to_owned())];
            SUBSCRIBER_BEHIND.set_with(labels, *behind as f64);
            SUBSCRIBER_LAG.set_with(labels, lag.as_secs_f64());
        }
        let names = series.into_keys().map(str::to_owned).collect();
        *shown = names;
    }

    /// Every pair there is; what is not among them any more falls to 0.
    pub fn pairs(&self, pairs: &[PairGauge]) {
        for state in PairState::ALL {
            let count = pairs.iter().filter(|pair| pair.state == *state).count();
            PAIRS.set_as(state.as_str(), count as f64);
        }
        let nearly_lost = || pairs.iter().filter(|pair| pair.nearly_lost);
        PAIRS.set_as("nearly_lost", nearly_lost().count() as f64);
        let at_risk: u64 = nearly_lost().map(|pair| pair.nodes).sum();
        NEARLY_LOST_NODES.set(at_risk as f64);
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now: BTreeSet<(&str, &str)> = pairs
            .iter()
            .map(|pair| (pair.conductor_group.as_str(), pair.driver.as_str()))
            .collect();
        for (group, driver) in shown.iter() {
            if !now.contains(&(group, driver)) {
                PairSeries::default().show(group, driver);
            }
        }
        let other_key = (OTHER.to_owned(), OTHER.to_owned());
        let mut others = PairSeries::default();
        let mut any_other = shown.contains(&other_key);
        for pair in pairs {
            let key = (pair.conductor_group.clone(), pair.driver.clone());
            // A series lives as long as the process: a subscriber keeps its own.
            if shown.len() < PAIR_SERIES || shown.contains(&key) {
                PairSeries::default()
                    .with(pair, pair.state == PairState::Lost)
                    .show(&pair.conductor_group, &pair.driver);
                shown.insert(key);
            } else {
                any_other = true;
                // A driver that was given up is no loss, whatever else shares the series.
                let lost = pair.state == PairState::Lost && pair.nodes > 0;
                others = others.with(pair, lost);
            }
        }
        if any_other {
            others.show(OTHER, OTHER);
            shown.insert(other_key);
        }
    }
}

/// What the series of one pair show, or those of all that share one.
#[derive(Default)]
struct PairSeries {
    conductors: u64,
    nodes: u64,
    lost: u64,
}

impl PairSeries {
    fn with(self, pair: &PairGauge, lost: bool) -> Self {
        Self {
            conductors: self.conductors + pair.active_conductors,
            nodes: self.nodes + pair.nodes,
            lost: self.lost + u64::from(lost),
        }
    }

    fn show(&self, group: &str, driver: &str) {
        let labels = [("conductor_group", group), ("driver", driver)];
        let labels = &labels.map(|(label, name)| (label, name.to_owned()));
        PAIR_ACTIVE_CONDUCTORS.set_with(labels, self.conductors as f64);
        PAIR_NODES.set_with(labels, self.nodes as f64);
        PAIR_LOST.set_with(labels, self.lost as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(driver: &str, active_conductors: u64) -> PairGauge {
        PairGauge {
            conductor_group: String::new(),
            driver: driver.to_owned(),
            state: PairState::Active,
            active_conductors,
            nodes: 3,
            nearly_lost: active_conductors == 1,
        }
    }

    #[test]
    fn subscribers_above_the_bound_share_the_worst_series_and_those_that_vanish_fall_to_0() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = Metrics::of(recorder.handle());
        let subscriber = |number: u64| SubscriberGauge {
            subscriber: format!("s{number:03}"),
            behind: number,
            lag: Duration::from_secs(number),
        };
        metrics::with_local_recorder(&recorder, || {
            let shows = |name: Metric, subscriber: &str, value: u64| {
                let line = format!("{}{{subscriber=\"{subscriber}\"}} {value}\n", name.name);
                assert!(metrics.render().contains(&line), "{line}");
            };
            let many: Vec<_> = (1..=SUBSCRIBER_SERIES as u64 + 5).map(subscriber).collect();
            metrics.subscribers(&many);
            shows(SUBSCRIBER_BEHIND, "s007", 7);
            shows(SUBSCRIBER_LAG, "s007", 7);
            shows(SUBSCRIBER_LAG, OTHER, SUBSCRIBER_SERIES as u64 + 5);
            metrics.subscribers(&[]);
            shows(SUBSCRIBER_BEHIND, "s007", 0);
            shows(SUBSCRIBER_LAG, OTHER, 0);
        });
    }

    #[test]
    fn pairs_above_the_bound_share_one_series_and_those_that_vanish_fall_to_0() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = Metrics::of(recorder.handle());
        metrics::with_local_recorder(&recorder, || {
            let mut many: Vec<_> = (0..PAIR_SERIES + 5)
                .map(|number| pair(&format!("d{number}"), 2))
                .collect();
            many.extend(
                [("given up", 0), ("needed", 1)].map(|(driver, nodes)| PairGauge {
                    state: PairState::Lost,
                    nodes,
                    ..pair(driver, 0)
                }),
            );
            metrics.pairs(&many);
            let text = metrics.render();
            let series = text
                .lines()
                .filter(|line| line.starts_with(PAIR_ACTIVE_CONDUCTORS.name))
                .count();
            assert_eq!(series, PAIR_SERIES + 1);
            let other = "{conductor_group=\"(other)\",driver=\"(other)\"}";
            assert!(text.contains(&format!("{}{other} 10\n", PAIR_ACTIVE_CONDUCTORS.name)));
            assert!(text.contains(&format!("{}{other} 16\n", PAIR_NODES.name)));
            assert!(text.contains(&format!("{}{other} 1\n", PAIR_LOST.name)));
            let lost = PairGauge {
                state: PairState::Lost,
                ..pair("d3", 0)
            };
            metrics.pairs(&[pair("d1", 1), lost]);
            let text = metrics.render();
            for (name, driver, value) in [
                (PAIR_ACTIVE_CONDUCTORS, "d1", 1),
                (PAIR_NODES, "d1", 3),
                (PAIR_LOST, "d1", 0),
                (PAIR_ACTIVE_CONDUCTORS, "d2", 0),
                (PAIR_NODES, "d2", 0),
                (PAIR_LOST, "d3", 1),
            ] {
                let line = format!(
                    "{}{{conductor_group=\"\",driver=\"{driver}\"}} {value}\n",
                    name.name
                );
                assert!(text.contains(&line), "{line}");
            }
            assert!(text.contains(&format!("{}{other} 0\n", PAIR_ACTIVE_CONDUCTORS.name)));
            assert!(text.contains(&format!("{}{other} 0\n", PAIR_NODES.name)));
            assert!(text.contains(&format!("{}{{state=\"nearly_lost\"}} 1\n", PAIRS.name)));
            assert!(text.contains(&format!("{} 3\n", NEARLY_LOST_NODES.name)));
        });
    }
}
