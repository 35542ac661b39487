//! [`Sources`]: what the paths of a replica answer from.

use std::sync::Arc;

use tokio::sync::watch;

use crate::store::Reader;
use crate::telemetry::Metrics;
use crate::worker::Status;

/// What every answer is made from.
#[derive(Clone)]
pub(super) struct Sources {
    pub(super) reader: Reader,
    pub(super) status: watch::Receiver<Status>,
    pub(super) metrics: Metrics,
    /// Held while the gauges are refreshed from the database: once at a time.
    pub(super) refreshing: Arc<tokio::sync::Mutex<()>>,
}
