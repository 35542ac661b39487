//! What a service beside the worker (a bridge, `placement`) answers: whether it lives, whether it does
//! its work, and its metrics.

use std::io;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::metrics::exposition;
use super::paths;
use crate::bridge::{State as Presence, Status as BridgeStatus};
use crate::clock::SystemClock;
use crate::domain::time::Mono;
use crate::placement::Status as PlacementStatus;
use crate::telemetry::{Metrics, printable_within};

/// The status of a service.
pub trait Service: Clone + Send + Sync + 'static {
    /// Its role in `/readyz`.
    const ROLE: &'static str;

    /// Why it is not ready, as sentences; none: it is.
    fn reasons(&self, now: Mono) -> Vec<String>;

    /// What else `/readyz` says, where it has remarks.
    fn remarks(&self) -> Option<Vec<String>> {
        None
    }

    /// Brings its gauges up to date.
    fn update(&self, metrics: &Metrics, now: Mono);
}

impl Service for BridgeStatus {
    const ROLE: &'static str = "bridge";

    fn reasons(&self, now: Mono) -> Vec<String> {
        self.reasons(now)
    }

    fn remarks(&self) -> Option<Vec<String>> {
        Some(self.remarks())
    }

    fn update(&self, metrics: &Metrics, now: Mono) {
        let count = |state| self.conductors.get(&state).copied().unwrap_or_default();
        let states = Presence::ALL.iter();
        let conductors = states.map(|state| (state.as_str(), count(*state)));
        let stretched = self.stretched.map_or(0, |it| it.conductors);
        metrics.bridge(self.look_age(now), conductors, self.waiting, stretched);
    }
}

impl Service for PlacementStatus {
    const ROLE: &'static str = "placement";

    fn reasons(&self, now: Mono) -> Vec<String> {
        self.reasons(now)
    }

    fn update(&self, metrics: &Metrics, now: Mono) {
        let nodes = [
            ("wanted", self.wanted),
            ("waiting", self.waiting),
            ("unknown", self.unknown),
        ];
        metrics.placement(self.compared_age(now), nodes, self.switched);
    }
}

#[derive(Clone)]
struct Sources<S> {
    status: watch::Receiver<S>,
    clock: SystemClock,
    metrics: Metrics,
}

/// Answers on `listener` until `shutdown`. `clock` is the one that the service goes by.
pub async fn serve_service<S: Service>(
    listener: TcpListener,
    status: watch::Receiver<S>,
    clock: SystemClock,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let sources = Sources {
        status,
        clock,
        metrics,
    };
    let router = Router::new()
        .route("/healthz", get(paths::healthz))
        .route("/readyz", get(readyz::<S>))
        .route("/metrics", get(metrics_text::<S>))
        .fallback(no_such_path)
        .with_state(sources);
    super::run(listener, router, shutdown).await
}

async fn readyz<S: Service>(State(sources): State<Sources<S>>) -> (StatusCode, Json<Value>) {
    let (mut reasons, remarks) = {
        let status = sources.status.borrow();
        (status.reasons(sources.clock.mono()), status.remarks())
    };
    if sources.status.has_changed().is_err() {
        reasons.push("the service has ended".to_owned());
    }
    let code = match reasons.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let shown: Vec<String> = reasons
        .iter()
        .map(|reason| printable_within(reason, paths::SENTENCE))
        .collect();
    let mut answer = json!({ "ready": reasons.is_empty(), "role": S::ROLE, "reasons": shown });
    if let Some(remarks) = remarks {
        answer["remarks"] = json!(remarks);
    }
    (code, Json(answer))
}

async fn metrics_text<S: Service>(State(sources): State<Sources<S>>) -> impl IntoResponse {
    let now = sources.clock.mono();
    let status = sources.status.borrow();
    status.update(&sources.metrics, now);
    let ended = sources.status.has_changed().is_err();
    let ready = !ended && status.reasons(now).is_empty();
    sources.metrics.ready(ready);
    exposition(&sources.metrics)
}

async fn no_such_path(request: Request) -> Fault {
    Fault::not_found(format!(
        "{}; here are /healthz, /readyz and /metrics",
        super::missing(&request)
    ))
}
