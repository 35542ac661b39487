//! Logs, metrics and errors as people and machines see them.
//!
//! Here: how logging begins. [`text`] makes text from outside and errors fit for a log line or a
//! terminal, [`list`] declares every metric, [`metrics`] says how things stand at a scrape.

pub mod list;
mod metric;
pub mod metrics;
mod placement;
mod sink;
pub mod text;

pub use list::*;
pub use metric::Metric;
pub use metrics::{
    Metrics, PAIR_SERIES, PairGauge, SubscriberGauge, bridge_looked, bridge_published, deaf, event,
    install_metrics,
};
pub use placement::placement_looked;
pub use sink::tell;
pub use text::{PRINTABLE_CHARS, error_chain, printable, printable_name, printable_within};

use std::io::IsTerminal;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins to log to standard error: text on a terminal, JSON lines otherwise. `level` is `error`,
/// `warn`, `info`, `debug`, `trace` or `off`.
/// Errors: A sentence for people, if there is no such level or logging has begun before.
pub fn init_logs(level: &str) -> Result<(), String> {
    let level: LevelFilter = level.parse().map_err(|_| {
        format!("log level {level:?} is none of error, warn, info, debug, trace and off")
    })?;
    let layer = tracing_subscriber::fmt::layer().with_writer(sink::Sink::new(std::io::stderr()));
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
        .with_target("lapin", LevelFilter::OFF)
        .with_target("sqlx", level.min(LevelFilter::WARN))
        // They print parameters of a URL that they do not know, with their values.
        .with_target("sqlx_postgres::options", LevelFilter::OFF)
        .with_target("sqlx_mysql::options", LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_amqp_library_never_gets_to_print_a_message() {
        let all = quiet(LevelFilter::TRACE);
        assert!(!all.would_enable("lapin::channel", &tracing::Level::ERROR));
        assert!(all.would_enable("nodewarden::worker", &tracing::Level::TRACE));
    }

    #[test]
    fn a_log_level_that_does_not_exist_is_named() {
        assert_eq!(
            init_logs("loud").err().as_deref(),
            Some("log level \"loud\" is none of error, warn, info, debug, trace and off")
        );
    }
}
