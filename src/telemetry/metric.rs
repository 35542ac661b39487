//! One metric: name, help and labels, from which description, first value and counting follow.

use std::time::Duration;

use metrics::{IntoLabels, Unit};

/// What a metric measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How long something takes, in seconds.
    Histogram,
}

/// A metric, declared in [`list`](super::list) and nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    /// Its series that exist from the start, so that a rate sees their first increment.
    pub(super) from_start: Option<FromStart>,
}

/// See [`Metric::from_start`].
#[derive(Debug, Clone, Copy)]
pub enum FromStart {
    /// One series without a label.
    Plain,
    /// One for each value of a label.
    Each(&'static str, fn() -> Vec<&'static str>),
}

impl Metric {
    pub(super) fn describe(&self) {
        match self.kind {
            Kind::Counter => metrics::describe_counter!(self.name, self.help),
            Kind::Gauge => metrics::describe_gauge!(self.name, self.help),
            Kind::Histogram => metrics::describe_histogram!(self.name, Unit::Seconds, self.help),
        }
        match self.from_start {
            None => {}
            Some(FromStart::Plain) => self.begin(Vec::new()),
            Some(FromStart::Each(label, values)) => {
                for value in values() {
                    self.begin(&[(label, value)]);
                }
            }
        }
    }

    fn begin(&self, labels: impl IntoLabels) {
        match self.kind {
            Kind::Counter => metrics::counter!(self.name, labels).absolute(0),
            Kind::Gauge => metrics::gauge!(self.name, labels).set(0.0),
            Kind::Histogram => drop(metrics::histogram!(self.name, labels)),
        }
    }

    /// Counts `more`.
    pub fn count(&self, more: u64) {
        metrics::counter!(self.name).increment(more);
    }

    /// Counts `more` in the series with this value of its one label.
    pub fn count_as(&self, value: &'static str, more: u64) {
        if let Some(FromStart::Each(label, _)) = self.from_start {
            self.count_with(&[(label, value)], more);
        }
    }

    pub(super) fn count_with(&self, labels: impl IntoLabels, more: u64) {
        metrics::counter!(self.name, labels).increment(more);
    }

    /// How things stand.
    pub fn set(&self, value: impl Into<f64>) {
        metrics::gauge!(self.name).set(value.into());
    }

    /// How things stand in the series with this value of its one label.
    pub fn set_as(&self, value: &'static str, stands: impl Into<f64>) {
        if let Some(FromStart::Each(label, _)) = self.from_start {
            self.set_with(&[(label, value)], stands.into());
        }
    }

    pub(super) fn set_with(&self, labels: impl IntoLabels, stands: f64) {
        metrics::gauge!(self.name, labels).set(stands);
    }

    /// How long something took.
    pub fn took(&self, how_long: Duration) {
        metrics::histogram!(self.name).record(how_long.as_secs_f64());
    }
}
