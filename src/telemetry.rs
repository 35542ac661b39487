//! Logs, metrics and errors as people and machines see them.
//!
//! The names of all metrics live here and nowhere else: the worker says what happened with the
//! small functions below, `http` says how things stand with [`Metrics`]. Text from outside goes
//! through [`safe`] before it reaches a log line or a terminal.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{Unit, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The longest text from outside in one place of a log line or table, in characters: a name of 255
/// bytes fits, a flood does not.
pub const SAFE_CHARS: usize = 300;

/// Pairs that get a time series of their own; the rest is summed (I8: label cardinality).
pub const PAIR_SERIES: usize = 1000;

/// The label of the sum of all pairs above [`PAIR_SERIES`]; the parentheses keep it apart from
/// what people call their groups.
const OTHER: &str = "(other)";

const ROLE: &str = "nodewarden_role";
const EPOCH: &str = "nodewarden_epoch";
const PAIR_ACTIVE_CONDUCTORS: &str = "nodewarden_pair_active_conductors";
const PAIRS: &str = "nodewarden_pairs";
const NODES_OUT_OF_SERVICE: &str = "nodewarden_nodes_out_of_service";
const OUTBOX_OLDEST_SECONDS: &str = "nodewarden_outbox_oldest_seconds";
const REFUSED_TOTAL: &str = "nodewarden_refused_total";
const EVENTS_TOTAL: &str = "nodewarden_events_total";
const DEAF_SECONDS_TOTAL: &str = "nodewarden_deaf_seconds_total";
const LAST_TICK_AGE_SECONDS: &str = "nodewarden_last_tick_age_seconds";
const FENCED_TOTAL: &str = "nodewarden_fenced_total";
const PAUSED: &str = "nodewarden_paused";
const READY: &str = "nodewarden_ready";
const PENDING_PAIRS: &str = "nodewarden_pending_pairs";
const DECISIONS_TOTAL: &str = "nodewarden_decisions_total";
const NODES_MOVED_TOTAL: &str = "nodewarden_nodes_moved_total";
const ANNOUNCED_TOTAL: &str = "nodewarden_announced_messages_total";
const UNROUTABLE_TOTAL: &str = "nodewarden_unroutable_messages_total";
const NACKED_TOTAL: &str = "nodewarden_nacked_messages_total";
const SESSIONS_ENDED_TOTAL: &str = "nodewarden_sessions_ended_total";
const RETRIES_TOTAL: &str = "nodewarden_retries_total";
const SWEEPS_TOTAL: &str = "nodewarden_sweeps_total";
const INTAKE_SECONDS: &str = "nodewarden_intake_seconds";
const CHUNK_SECONDS: &str = "nodewarden_chunk_seconds";
const SCRAPE_STALE: &str = "nodewarden_database_gauges_stale";

/// Every gauge, with its help text.
const GAUGES: &[(&str, &str)] = &[
    (
        ROLE,
        "1 for what this replica does (active, standby or starting), 0 for the others",
    ),
    (
        EPOCH,
        "The fencing number that this replica holds; 0 while it does not decide",
    ),
    (
        PAIR_ACTIVE_CONDUCTORS,
        "Conductors that make this conductor group and driver active; 0: it is lost, or never had one",
    ),
    (
        PAIRS,
        "Pairs of conductor group and driver in each state (active, holding, lost, unknown)",
    ),
    (
        NODES_OUT_OF_SERVICE,
        "Nodes that are out of service because of nodewarden",
    ),
    (
        OUTBOX_OLDEST_SECONDS,
        "Age of the oldest announcement that the broker has not confirmed; 0: none waits",
    ),
    (
        LAST_TICK_AGE_SECONDS,
        "While active: seconds since this replica last heard its own tick fresh (+Inf: not yet); 0 otherwise",
    ),
    (
        PAUSED,
        "1 while an operator keeps nodes from being taken out",
    ),
    (READY, "1 while /readyz answers 200"),
    (
        PENDING_PAIRS,
        "Pairs whose nodes this replica has still to look at",
    ),
    (
        SCRAPE_STALE,
        "1 while the gauges that come from the database could not be refreshed and show older values",
    ),
];

/// Every counter, with its help text.
const COUNTERS: &[(&str, &str)] = &[
    (
        REFUSED_TOTAL,
        "Messages that were put into the dead-letter queue, by reason",
    ),
    (
        EVENTS_TOTAL,
        "Events that were handled, by type and by what became of them",
    ),
    (
        DEAF_SECONDS_TOTAL,
        "Seconds in which this replica was active and could not judge silence",
    ),
    (
        FENCED_TOTAL,
        "Times that this replica found another one in its place and stopped deciding",
    ),
    (DECISIONS_TOTAL, "Decisions about pairs, by verdict"),
    (
        NODES_MOVED_TOTAL,
        "Nodes taken out of service and given back, by direction (out, back)",
    ),
    (
        ANNOUNCED_TOTAL,
        "Messages that were handed to the broker and confirmed",
    ),
    (
        UNROUTABLE_TOTAL,
        "Announcements that no queue was bound for",
    ),
    (NACKED_TOTAL, "Announcements that the broker did not take"),
    (
        SESSIONS_ENDED_TOTAL,
        "Sessions with the broker that ended, by reason",
    ),
    (
        RETRIES_TOTAL,
        "Attempts that failed and are made again after a pause, by what was tried",
    ),
    (SWEEPS_TOTAL, "Sweeps over all nodes that were begun"),
];

/// Every histogram, with its help text.
const HISTOGRAMS: &[(&str, &str)] = &[
    (
        INTAKE_SECONDS,
        "Time from taking a batch of events in hand to its commit",
    ),
    (
        CHUNK_SECONDS,
        "Time for one chunk of nodes: lock, mark, record, commit",
    ),
];

/// Seconds; from one SQLite commit on a fast disk to the watchdog's limit.
const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0,
];

const EVENT_TYPES: &[&str] = &[
    "conductor.joined",
    "conductor.heartbeat",
    "conductor.left",
    "conductor.heartbeat_timeout",
    "nodewarden.tick",
];

/// Begins to log to standard error: text on a terminal, JSON lines otherwise. `level` is `error`,
/// `warn`, `info`, `debug`, `trace` or `off`.
///
/// # Errors
/// A sentence for people, if there is no such level or logging has begun before.
pub fn init_logs(level: &str) -> Result<(), String> {
    let level: LevelFilter = level.parse().map_err(|_| {
        format!("log level {level:?} is none of error, warn, info, debug, trace and off")
    })?;
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = if std::io::stderr().is_terminal() {
        layer.with_target(false).boxed()
    } else {
        layer.json().flatten_event(true).boxed()
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(quiet(level)))
        .try_init()
        .map_err(|fault| fault.to_string())
}

/// What is logged at `level`.
fn quiet(level: LevelFilter) -> Targets {
    // The AMQP library prints whole returned messages at WARN and every frame below that: bodies
    // and headers are other people's data. Its errors reach us as values and are logged by us.
    Targets::new()
        .with_default(level)
        .with_target("lapin", level.min(LevelFilter::ERROR))
        .with_target("sqlx", level.min(LevelFilter::WARN))
}

/// An error and all that caused it, outermost first, on one safe line.
#[must_use]
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Many errors repeat their cause in their own text.
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        next = cause.source();
    }
    safe_within(&line, 2000)
}

/// `text` without anything that a terminal acts on or that breaks a line (controls, line
/// separators, reversals of direction are written as escapes), at most [`SAFE_CHARS`] long.
#[must_use]
pub fn safe(text: &str) -> String {
    safe_within(text, SAFE_CHARS)
}

/// [`safe`] with a limit of its own.
#[must_use]
pub fn safe_within(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut room = limit;
    for char in text.chars() {
        // Only what does not print is escaped: quotes and backslashes are harmless here.
        let escaped: String = match char {
            '"' | '\'' | '\\' => char.into(),
            other => other.escape_debug().collect(),
        };
        let width = escaped.chars().count();
        // The last place is kept for the sign that something was left out.
        if width >= room {
            out.push('…');
            return out;
        }
        room -= width;
        out.push_str(&escaped);
    }
    out
}

/// How many conductors make one pair active.
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
    gauge!(PAUSED).set(0.0);
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

    /// How the database stands.
    pub fn database(&self, nodes_out_of_service: u64, outbox_oldest: Option<Duration>) {
        gauge!(NODES_OUT_OF_SERVICE).set(nodes_out_of_service as f64);
        gauge!(OUTBOX_OLDEST_SECONDS).set(outbox_oldest.unwrap_or_default().as_secs_f64());
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
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let now: BTreeSet<(&str, &str)> = pairs
            .iter()
            .map(|pair| (pair.conductor_group.as_str(), pair.driver.as_str()))
            .collect();
        for (group, driver) in shown.iter() {
            if !now.contains(&(group, driver)) {
                pair_gauge(group, driver, 0);
            }
        }
        let other_key = (OTHER.to_owned(), OTHER.to_owned());
        let mut others = 0;
        let mut any_other = shown.contains(&other_key);
        for pair in pairs {
            let key = (pair.conductor_group.clone(), pair.driver.clone());
            // A series lives as long as the process: who has one keeps it.
            if shown.len() < PAIR_SERIES || shown.contains(&key) {
                pair_gauge(&pair.conductor_group, &pair.driver, pair.active_conductors);
                shown.insert(key);
            } else {
                any_other = true;
                others += pair.active_conductors;
            }
        }
        if any_other {
            pair_gauge(OTHER, OTHER, others);
            shown.insert(other_key);
        }
    }
}

fn pair_gauge(group: &str, driver: &str, conductors: u64) {
    gauge!(PAIR_ACTIVE_CONDUCTORS, "conductor_group" => group.to_owned(), "driver" => driver.to_owned())
        .set(conductors as f64);
}

/// An event was handled. Types that are not ours share one label.
pub fn event(message_type: &str, outcome: &str) {
    let known = EVENT_TYPES.iter().find(|known| **known == message_type);
    counter!(EVENTS_TOTAL, "type" => *known.unwrap_or(&OTHER), "outcome" => outcome.to_owned())
        .increment(1);
}

/// A message was refused; `reason` is one of the closed list of codes.
pub fn refused(reason: &str) {
    let known = crate::wire::Reason::ALL
        .iter()
        .find(|known| known.as_str() == reason);
    counter!(REFUSED_TOTAL, "reason" => known.map_or(OTHER, |known| known.as_str())).increment(1);
}

/// Another replica has taken over from this one.
pub fn fenced() {
    counter!(FENCED_TOTAL).increment(1);
}

/// This replica could not judge silence for that long.
pub fn deaf(how_long: Duration) {
    // Counters hold whole numbers; fractions are kept here so that none is lost.
    static MILLISECONDS: AtomicU64 = AtomicU64::new(0);
    let more = u64::try_from(how_long.as_millis()).unwrap_or(u64::MAX / 2);
    let all = MILLISECONDS
        .fetch_add(more, Ordering::Relaxed)
        .saturating_add(more);
    counter!(DEAF_SECONDS_TOTAL).absolute(all / 1000);
}

/// A pair was decided about; `verdict` is `lost`, `restored` or `unknown`.
pub fn decided(verdict: &str) {
    counter!(DECISIONS_TOTAL, "verdict" => verdict.to_owned()).increment(1);
}

/// Nodes went `out` or `back`.
pub fn moved(direction: &'static str, nodes: u64) {
    counter!(NODES_MOVED_TOTAL, "direction" => direction).increment(nodes);
}

/// The broker confirmed announcements.
pub fn announced(messages: u64) {
    counter!(ANNOUNCED_TOTAL).increment(messages);
}

/// The broker had no queue for announcements.
pub fn unroutable(messages: u64) {
    counter!(UNROUTABLE_TOTAL).increment(messages);
}

/// The broker did not take announcements.
pub fn nacked(messages: u64) {
    counter!(NACKED_TOTAL).increment(messages);
}

/// A session with the broker ended.
pub fn session_ended(why: &'static str) {
    counter!(SESSIONS_ENDED_TOTAL, "reason" => why).increment(1);
}

/// Something failed and is tried again after a pause.
pub fn retried(what: &'static str) {
    counter!(RETRIES_TOTAL, "what" => what).increment(1);
}

/// How long a batch of events took.
pub fn intake_seconds(took: Duration) {
    histogram!(INTAKE_SECONDS).record(took.as_secs_f64());
}

/// How long a chunk of nodes took.
pub fn chunk_seconds(took: Duration) {
    histogram!(CHUNK_SECONDS).record(took.as_secs_f64());
}

/// A sweep was begun.
pub fn sweep() {
    counter!(SWEEPS_TOTAL).increment(1);
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
            let other =
                "nodewarden_pair_active_conductors{conductor_group=\"(other)\",driver=\"(other)\"}";
            assert!(text.contains(&format!("{other} 10\n")));
            metrics.pairs(&[pair("d1", 1)]);
            let text = metrics.render();
            assert!(text.contains("{conductor_group=\"\",driver=\"d1\"} 1\n"));
            assert!(text.contains("{conductor_group=\"\",driver=\"d2\"} 0\n"));
            assert!(text.contains(&format!("{other} 0\n")));
        });
    }

    #[test]
    fn an_error_is_told_with_all_its_causes_on_one_safe_line() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open\n{name}")]
        struct Outer {
            name: &'static str,
            source: std::io::Error,
        }
        let source = std::io::Error::other("disk \x1b[31mred");
        let outer = Outer { name: "x", source };
        assert_eq!(error_chain(&outer), "cannot open\\nx: disk \\u{1b}[31mred");
    }

    #[test]
    fn text_from_outside_is_printable_and_bounded() {
        assert_eq!(safe("web-7 \"Größe\" 木"), "web-7 \"Größe\" 木");
        let hostile = safe(&"\x1b[2J\r\n\u{202e}\u{2028}".repeat(100));
        assert!(hostile.chars().count() <= SAFE_CHARS);
        assert!(
            !hostile
                .chars()
                .any(|c| c.is_control() || c == '\u{202e}' || c == '\u{2028}')
        );
    }

    #[test]
    fn the_amqp_library_never_gets_to_print_a_message() {
        let all = quiet(LevelFilter::TRACE);
        assert!(!all.would_enable("lapin::channel", &tracing::Level::WARN));
        assert!(all.would_enable("nodewarden::worker", &tracing::Level::TRACE));
        let none = quiet(LevelFilter::OFF);
        assert!(!none.would_enable("lapin::channel", &tracing::Level::ERROR));
    }

    #[test]
    fn a_log_level_that_does_not_exist_is_named() {
        assert_eq!(
            init_logs("loud").err().as_deref(),
            Some("log level \"loud\" is none of error, warn, info, debug, trace and off")
        );
    }
}
