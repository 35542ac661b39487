//! How things stand: the recorder, and the gauges that are set for each scrape.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{Unit, counter, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::names::*;

/// Pairs that get a time series of their own; the rest is summed (I8: label cardinality).
pub const PAIR_SERIES: usize = 1000;

/// How one pair stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairGauge {
    /// The group.
    pub conductor_group: String,
    /// The driver.
    pub driver: String,
    /// `active`, `holding`, `lost` or `unknown`.
    pub state: &'static str,
    /// Conductors that count.
    pub active_conductors: u64,
    /// Nodes that need it.
    pub nodes: u64,
    /// One conductor alone keeps it active.
    pub nearly_lost: bool,
}

/// The recorder's other end: how things stand goes in, the text for a scrape comes out.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    /// Pairs that have a series; bounded by [`PAIR_SERIES`] and one for the rest.
    shown: Arc<Mutex<BTreeSet<(String, String)>>>,
}

/// Installs the recorder; a second call answers with the first one's handle.
///
/// # Errors
/// A sentence for people, if something else has installed one.
pub fn install_metrics() -> Result<Metrics, String> {
    static INSTALLED: OnceLock<Result<Metrics, String>> = OnceLock::new();
    INSTALLED.get_or_init(install).clone()
}

fn install() -> Result<Metrics, String> {
    let mut builder = PrometheusBuilder::new();
    for (name, _) in HISTOGRAMS {
        builder = builder
            .set_buckets_for_metric(Matcher::Full((*name).to_owned()), BUCKETS)
            .map_err(|fault| fault.to_string())?;
    }
    let handle = builder
        .install_recorder()
        .map_err(|fault| fault.to_string())?;
    for (name, help) in GAUGES {
        metrics::describe_gauge!(*name, *help);
    }
    for (name, help) in COUNTERS {
        metrics::describe_counter!(*name, *help);
    }
    for (name, help) in HISTOGRAMS {
        metrics::describe_histogram!(*name, Unit::Seconds, *help);
    }
    begin_at_zero();
    Ok(Metrics {
        handle,
        shown: Arc::default(),
    })
}

/// Series that exist from the start, so that a rate sees their first increment.
fn begin_at_zero() {
    for name in [
        DEAF_SECONDS_TOTAL,
        FENCED_TOTAL,
        ANNOUNCED_TOTAL,
        UNROUTABLE_TOTAL,
        NACKED_TOTAL,
        SWEEPS_TOTAL,
    ] {
        counter!(name).absolute(0);
    }
    for reason in crate::wire::Reason::ALL {
        counter!(REFUSED_TOTAL, "reason" => reason.as_str()).absolute(0);
    }
    for event in EVENT_TYPES
        .iter()
        .filter(|event| event.starts_with("conductor."))
    {
        counter!(EVENTS_TOTAL, "type" => *event, "outcome" => "applied").absolute(0);
    }
    for verdict in ["lost", "restored", "unknown"] {
        counter!(DECISIONS_TOTAL, "verdict" => verdict).absolute(0);
    }
    for direction in ["out", "back"] {
        counter!(NODES_MOVED_TOTAL, "direction" => direction).absolute(0);
    }
    for reason in SESSION_ENDS {
        counter!(SESSIONS_ENDED_TOTAL, "reason" => *reason).absolute(0);
    }
    for what in RETRIED {
        counter!(RETRIES_TOTAL, "what" => *what).absolute(0);
    }
    counter!(NODES_SKIPPED_TOTAL).absolute(0);
    gauge!(PAUSED).set(0.0);
    gauge!(PAUSED_SECONDS).set(0.0);
    gauge!(OBSERVING).set(0.0);
    gauge!(OBSERVED_NODES).set(0.0);
    gauge!(SCRAPE_STALE).set(0.0);
    gauge!(NODES_OUT_OF_SERVICE).set(0.0);
    gauge!(OUTBOX_OLDEST_SECONDS).set(0.0);
}

impl Metrics {
    /// Everything, in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// What this replica does. `tick_age` is `None` as long as no own tick came back.
    pub fn replica(
        &self,
        role: &str,
        ready: bool,
        epoch: Option<u64>,
        tick_age: Option<Duration>,
        pending: usize,
    ) {
        for each in ["active", "standby", "starting"] {
            gauge!(ROLE, "role" => each).set(f64::from(u8::from(role == each)));
        }
        gauge!(READY).set(f64::from(u8::from(ready)));
        gauge!(EPOCH).set(epoch.unwrap_or_default() as f64);
        gauge!(PENDING_PAIRS).set(pending as f64);
        gauge!(LAST_TICK_AGE_SECONDS).set(match tick_age {
            _ if role != "active" => 0.0,
            Some(age) => age.as_secs_f64(),
            None => f64::INFINITY,
        });
    }

    /// How a bridge stands: the age of its last good look, its conductors by state, and the events
    /// that wait.
    pub fn bridge(
        &self,
        look_age: Option<Duration>,
        conductors: impl IntoIterator<Item = (&'static str, u64)>,
        waiting: usize,
    ) {
        let age = look_age.map_or(f64::INFINITY, |age| age.as_secs_f64());
        gauge!(BRIDGE_LOOK_AGE_SECONDS).set(age);
        for (state, count) in conductors {
            gauge!(BRIDGE_CONDUCTORS, "state" => state).set(count as f64);
        }
        gauge!(BRIDGE_WAITING_EVENTS).set(waiting as f64);
        // From the first scrape on, so that a rate sees the first increment.
        for outcome in ["good", "failed", "slow"] {
            counter!(BRIDGE_LOOKS_TOTAL, "outcome" => outcome).increment(0);
        }
        for event in EVENT_TYPES
            .iter()
            .filter(|event| event.starts_with("conductor."))
        {
            counter!(BRIDGE_PUBLISHED_TOTAL, "type" => *event).increment(0);
        }
    }

    /// How the database stands.
    pub fn database(&self, nodes_out_of_service: u64, outbox_oldest: Option<Duration>) {
        gauge!(NODES_OUT_OF_SERVICE).set(nodes_out_of_service as f64);
        gauge!(OUTBOX_OLDEST_SECONDS).set(outbox_oldest.unwrap_or_default().as_secs_f64());
    }

    /// What operators want: for how long there has been a pause, and, while decisions are only
    /// recorded, how many nodes would be out.
    pub fn operators(&self, paused: Option<Duration>, observed: Option<u64>) {
        gauge!(PAUSED).set(f64::from(u8::from(paused.is_some())));
        gauge!(PAUSED_SECONDS).set(paused.unwrap_or_default().as_secs_f64());
        gauge!(OBSERVING).set(f64::from(u8::from(observed.is_some())));
        gauge!(OBSERVED_NODES).set(observed.unwrap_or_default() as f64);
    }

    /// Whether what the database says could not be refreshed.
    pub fn database_stale(&self, stale: bool) {
        gauge!(SCRAPE_STALE).set(f64::from(u8::from(stale)));
    }

    /// Every pair there is; what is not among them any more falls to 0.
    pub fn pairs(&self, pairs: &[PairGauge]) {
        for state in ["active", "holding", "lost", "unknown"] {
            let count = pairs.iter().filter(|pair| pair.state == state).count();
            gauge!(PAIRS, "state" => state).set(count as f64);
        }
        let nearly_lost = || pairs.iter().filter(|pair| pair.nearly_lost);
        gauge!(PAIRS, "state" => "nearly_lost").set(nearly_lost().count() as f64);
        let at_risk: u64 = nearly_lost().map(|pair| pair.nodes).sum();
        gauge!(NEARLY_LOST_NODES).set(at_risk as f64);
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
            // A series lives as long as the process: who has one keeps it.
            if shown.len() < PAIR_SERIES || shown.contains(&key) {
                PairSeries::default()
                    .with(pair)
                    .show(&pair.conductor_group, &pair.driver);
                shown.insert(key);
            } else {
                any_other = true;
                others = others.with(pair);
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
    fn with(self, pair: &PairGauge) -> Self {
        Self {
            conductors: self.conductors + pair.active_conductors,
            nodes: self.nodes + pair.nodes,
            lost: self.lost + u64::from(pair.state == "lost"),
        }
    }

    fn show(&self, group: &str, driver: &str) {
        for (name, value) in [
            (PAIR_ACTIVE_CONDUCTORS, self.conductors),
            (PAIR_NODES, self.nodes),
            (PAIR_LOST, self.lost),
        ] {
            gauge!(name, "conductor_group" => group.to_owned(), "driver" => driver.to_owned())
                .set(value as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(driver: &str, active_conductors: u64) -> PairGauge {
        PairGauge {
            conductor_group: String::new(),
            driver: driver.to_owned(),
            state: "active",
            active_conductors,
            nodes: 3,
            nearly_lost: active_conductors == 1,
        }
    }

    #[test]
    fn pairs_above_the_bound_share_one_series_and_those_that_vanish_fall_to_0() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = Metrics {
            handle: recorder.handle(),
            shown: Arc::default(),
        };
        metrics::with_local_recorder(&recorder, || {
            let many: Vec<_> = (0..PAIR_SERIES + 5)
                .map(|number| pair(&format!("d{number}"), 2))
                .collect();
            metrics.pairs(&many);
            let text = metrics.render();
            let series = text
                .lines()
                .filter(|line| line.starts_with(PAIR_ACTIVE_CONDUCTORS))
                .count();
            assert_eq!(series, PAIR_SERIES + 1);
            let other = "{conductor_group=\"(other)\",driver=\"(other)\"}";
            assert!(text.contains(&format!("{PAIR_ACTIVE_CONDUCTORS}{other} 10\n")));
            assert!(text.contains(&format!("{PAIR_NODES}{other} 15\n")));
            let lost = PairGauge {
                state: "lost",
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
                let line = format!("{name}{{conductor_group=\"\",driver=\"{driver}\"}} {value}\n");
                assert!(text.contains(&line), "{line}");
            }
            assert!(text.contains(&format!("{PAIR_ACTIVE_CONDUCTORS}{other} 0\n")));
            assert!(text.contains(&format!("{PAIR_NODES}{other} 0\n")));
            assert!(text.contains(&format!("{PAIRS}{{state=\"nearly_lost\"}} 1\n")));
            assert!(text.contains(&format!("{NEARLY_LOST_NODES} 3\n")));
        });
    }
}
