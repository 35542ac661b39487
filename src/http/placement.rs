//! What `placement` answers: whether it lives, whether it follows and is obeyed, and its metrics.

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
use crate::clock::SystemClock;
use crate::placement::Status;
use crate::telemetry::{Metrics, printable};

#[derive(Clone)]
struct Sources {
    status: watch::Receiver<Status>,
    clock: SystemClock,
    metrics: Metrics,
}

/// Answers on `listener` until `shutdown`. `clock` is the one that the service goes by.
pub async fn serve_placement(
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
    let reasons = sources.status.borrow().reasons(sources.clock.mono());
    let code = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let shown: Vec<String> = reasons.iter().map(|reason| printable(reason)).collect();
    let answer = json!({ "ready": reasons.is_empty(), "role": "placement", "reasons": shown });
    (code, Json(answer))
}

async fn metrics_text(State(sources): State<Sources>) -> impl IntoResponse {
    {
        let status = sources.status.borrow();
        let nodes = [
            ("wanted", status.wanted),
            ("waiting", status.waiting),
            ("unknown", status.unknown),
        ];
        let age = status.compared_age(sources.clock.mono());
        sources.metrics.placement(age, nodes);
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
        "there is no {}; here are /healthz, /readyz and /metrics",
        printable(request.uri().path())
    ))
}
