//! `/metrics`: events are counted as they happen, the state is looked up for each scrape, once at a
//! time and with a limit; if that fails, the last values are served.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::sources::Sources;
use crate::answers::explain;
use crate::clock::now_ms;
use crate::store::{DriverView, StoreError};
use crate::telemetry::{Metrics, PairGauge, SubscriberGauge, error_chain};

/// Prometheus gives up after 10 s by default; the rest is for the answer itself.
const REFRESH_LIMIT: Duration = Duration::from_secs(4);

pub async fn metrics(State(sources): State<Sources>) -> impl IntoResponse {
    {
        let status = sources.status.borrow();
        sources.metrics.replica(
            status.role.as_str(),
            status.ready(),
            status.epoch,
            status.last_tick.map(|at| at.elapsed()),
            status.unproven,
            status.pending,
        );
    }
    // A scrape that comes while another one refreshes gets what that one finds, or what was known.
    if let Ok(_alone) = sources.refreshing.try_lock() {
        let refreshed = tokio::time::timeout(REFRESH_LIMIT, refresh(&sources)).await;
        match &refreshed {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                let fault = error_chain(fault);
                tracing::warn!(fault, "metrics of the database are stale");
            }
            Err(_) => {
                tracing::warn!("metrics of the database are stale: reading them took too long")
            }
        }
        sources
            .metrics
            .database_stale(!matches!(refreshed, Ok(Ok(()))));
    }
    exposition(&sources.metrics)
}

/// All metrics in Prometheus' text format.
pub(super) fn exposition(metrics: &Metrics) -> impl IntoResponse + use<> {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], metrics.render())
}

/// How long ago that was, by the wall clock.
fn age(at_ms: u64) -> Duration {
    Duration::from_millis(now_ms().saturating_sub(at_ms))
}

async fn refresh(sources: &Sources) -> Result<(), StoreError> {
    let overview = sources.reader.overview().await?;
    let drivers = sources.reader.drivers().await?;
    let counted = overview
        .counted_at_ms
        .map(|at| (age(at), overview.nodes_out_of_service));
    let oldest = overview.outbox_oldest_ms.map(age);
    sources.metrics.database(counted, oldest);
    let would_go_out = drivers.iter().map(DriverView::would_go_out).sum();
    let observed = overview.observing().then_some(would_go_out);
    let paused = overview.pause.map(|pause| age(pause.paused_at_ms));
    sources.metrics.operators(paused, observed);
    let pairs: Vec<_> = drivers
        .into_iter()
        .map(|view| PairGauge {
            active_conductors: view.conductors.len() as u64,
            nodes: view.nodes_in_service + view.nodes_out_of_service,
            nearly_lost: explain::nearly_lost(&view),
            conductor_group: view.conductor_group,
            driver: view.driver,
            state: view.state,
        })
        .collect();
    sources.metrics.pairs(&pairs);
    subscribers(sources).await;
    Ok(())
}

/// Last, and a failure makes nothing else stale: what subscribers say is theirs to get wrong.
async fn subscribers(sources: &Sources) {
    let views = match sources.reader.subscribers().await {
        Ok(views) => views,
        Err(fault) => {
            let fault = error_chain(&fault);
            return tracing::warn!(fault, "metrics of subscribers are stale");
        }
    };
    let gauges: Vec<_> = views
        .into_iter()
        .map(|view| SubscriberGauge {
            subscriber: view.subscriber,
            behind: view.behind,
            lag: view.waiting_since_ms.map(age).unwrap_or_default(),
        })
        .collect();
    sources.metrics.subscribers(&gauges);
}
