//! What a bridge answers: whether it lives, whether it sees and is heard, and its metrics.

use std::io;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Fault, looks};
use crate::bridge::{State as Presence, Status};
use crate::clock::SystemClock;
use crate::telemetry::{Metrics, printable};

#[derive(Clone)]
struct Sources {
    status: watch::Receiver<Status>,
    clock: SystemClock,
    metrics: Metrics,
}

/// Answers on `listener` until `shutdown`. `clock` is the one that the bridge looks by.
pub async fn serve_bridge(
    listener: TcpListener,
    status: watch::Receiver<Status>,
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
        .route("/healthz", get(looks::healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .fallback(no_such_path)
        .with_state(sources);
    super::run(listener, router, shutdown).await
}

async fn readyz(State(sources): State<Sources>) -> (StatusCode, Json<Value>) {
    let now = sources.clock.mono();
    let (mut reasons, remarks) = {
        let status = sources.status.borrow();
        (status.reasons(now), status.remarks())
    };
    if sources.status.has_changed().is_err() {
        reasons.push("the bridge has ended".to_owned());
    }
    let code = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let shown: Vec<String> = reasons.iter().map(|reason| printable(reason)).collect();
    let answer = json!({
        "ready": reasons.is_empty(),
        "role": "bridge",
        "reasons": shown,
        "remarks": remarks,
    });
    (code, Json(answer))
}

async fn metrics_text(State(sources): State<Sources>) -> impl IntoResponse {
    {
        let status = sources.status.borrow();
        let count = |state| status.conductors.get(&state).copied().unwrap_or_default();
        let conductors = Presence::ALL
            .iter()
            .map(|state| (state.as_str(), count(*state)));
        let age = status.look_age(sources.clock.mono());
        let stretched = status.stretched.map_or(0, |it| it.conductors);
        sources
            .metrics
            .bridge(age, conductors, status.waiting, stretched);
    }
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        sources.metrics.render(),
    )
}

async fn no_such_path(request: Request) -> Fault {
    Fault::not_found(format!(
        "there is no {}; a bridge has /healthz, /readyz and /metrics",
        printable(request.uri().path())
    ))
}
