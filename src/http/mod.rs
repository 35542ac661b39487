//! What the world may look at over HTTP: JSON, read only, bounded in size and time.
//!
//! Knows the reading half of the store, the replica's status and the metrics; never writes. Read
//! [`answers`](crate::answers) for the shapes, `paths` for what answers, `bounded` for what a connection may cost.

mod bounded;
mod fault;
mod metrics;
mod paths;
mod service;
mod sources;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store::Reader;
use crate::telemetry::Metrics;
use crate::worker::Status;
use fault::Fault;
pub use service::serve_service;
use sources::Sources;

/// How long an answer may take to make. A snapshot page of 10,000 nodes takes well under a second.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// How long answers under way may take once the end was asked for.
const DRAIN: Duration = Duration::from_secs(2);

/// Answers on `listener` until `shutdown`; then finishes what is under way.
pub async fn serve(
    listener: TcpListener,
    reader: Reader,
    status: watch::Receiver<Status>,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let sources = Sources {
        reader,
        status,
        metrics,
        refreshing: Arc::default(),
    };
    run(listener, router(sources), shutdown).await
}

/// Answers until `shutdown`, then finishes what is under way: bounded in connections and time.
async fn run(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    let router = router
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn(closing));
    let asked = shutdown.clone();
    let serving = axum::serve(bounded::Bounded::new(listener), router)
        .with_graceful_shutdown(async move { asked.cancelled().await });
    let too_late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = async { serving.await } => served,
        () = too_late => Ok(()),
    }
}

fn router(sources: Sources) -> Router {
    Router::new()
        .route("/healthz", get(paths::healthz))
        .route("/readyz", get(paths::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/v1/snapshot", get(paths::snapshot))
        .route("/v1/drivers", get(paths::drivers))
        .route("/v1/conductors", get(paths::conductors))
        .route("/v1/nodes", get(paths::nodes))
        .route("/v1/nodes/{uuid}", get(paths::node))
        .route("/v1/decisions", get(paths::decisions))
        .fallback(no_such_path)
        .with_state(sources)
}

async fn no_such_path(request: Request) -> Fault {
    Fault::not_found(format!(
        "{}; see /v1/snapshot, /v1/drivers, /v1/conductors, /v1/nodes, /v1/nodes/{{uuid}}, \
         /v1/decisions, /healthz, /readyz and /metrics",
        missing(&request)
    ))
}

/// What there is not. `CONNECT` asks for no path.
fn missing(request: &Request) -> String {
    match request.uri().path() {
        "" => "the request names no path".to_owned(),
        path => format!("there is no {}", crate::telemetry::printable(path)),
    }
}

async fn wrong_method(request: Request) -> Fault {
    let method = crate::telemetry::printable(request.method().as_str());
    Fault(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{method} is not allowed: everything here is read-only, use GET"),
    )
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Fault::unavailable("the answer took too long; try again").into_response(),
    }
}

/// One request for each connection, so that the time limit of a connection is that of a request.
async fn closing(request: Request, next: Next) -> Response {
    let headers = [
        (header::CONNECTION, "close"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, next.run(request).await).into_response()
}
