//! The composition root: a replica is put together here and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;

use crate::config::Settings;
use crate::lifecycle::watchdog::Watchdog;
use crate::lifecycle::{Tasks, stop_on_signals};
use crate::store::{self, Keeping, Reader};
use crate::telemetry;
use crate::wire::Publishers;
use crate::worker::replica::Replica;
use crate::worker::{Rules, Status};

/// How long HTTP may take to finish its answers when the process stops.
const HTTP_DRAIN: Duration = Duration::from_secs(2);

/// Runs one replica until it is asked to stop, or until a part of it dies.
///
/// # Errors
/// What keeps it from starting, or which part died.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let tasks = Tasks::default();
    let stop = stop_on_signals(&tasks)?;
    let metrics = telemetry::install_metrics().map_err(anyhow::Error::msg)?;
    store::migrate(&settings.database, settings.inventory.kind)
        .await
        .with_context(|| format!("database {}", settings.database.url.redacted()))?;
    let reader = Reader::new(&settings.database, settings.inventory.clone())?;
    say_worst_case(&settings, &reader).await?;

    let watchdog = Watchdog::start(settings.database.transaction_limit)
        .context("start the watchdog process")?;
    let (status, seen) = watch::channel(Status::default());
    let replica = Replica {
        amqp: settings.amqp.clone(),
        database: settings.database.clone(),
        inventory: settings.inventory.clone(),
        rules: rules(&settings),
        holder: holder(),
        watch: Arc::new(watchdog),
        status,
        tasks: tasks.clone(),
    };
    let mut http = match settings.http.listen.as_str() {
        "" => None,
        listen => {
            let listener = tokio::net::TcpListener::bind(listen)
                .await
                .with_context(|| format!("http.listen: cannot listen on {listen}"))?;
            tracing::info!(address = %listener.local_addr()?, "HTTP");
            Some(tasks.start(move |stop| async move {
                let end = crate::http::serve(listener, reader, seen, metrics, stop).await;
                end.err().map(|fault| fault.to_string())
            }))
        }
    };

    let asked = stop.clone();
    let mut worker = tasks.start(move |_| async move {
        replica.run(&asked).await;
        None::<()>
    });
    let died = async {
        match &mut http {
            Some(http) => http.wait().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = worker.wait() => {}
        why = died => anyhow::bail!("the HTTP interface died: {}", why.unwrap_or_else(|| "no reason".to_owned())),
    }
    if let Some(http) = http {
        http.stop(HTTP_DRAIN).await;
    }
    tracing::info!("stopped");
    Ok(())
}

fn rules(settings: &Settings) -> Rules {
    let Settings {
        amqp,
        decide,
        publish,
        retention,
        security,
        ..
    } = settings;
    Rules {
        batch: amqp.batch.into(),
        back_within_cap: decide.back_within_cap,
        reconnect_grace: decide.reconnect_grace,
        forget_after: decide.forget_after,
        sweep_interval: decide.sweep_interval,
        chunk_nodes: decide.chunk_nodes,
        nodes_per_message: publish.nodes_per_message,
        keeping: Keeping {
            events: retention.events,
            announced: retention.announced,
            decisions: retention.decisions,
        },
        publishers: security.allowed_publishers.clone().map(Publishers::new),
    }
}

/// Who this replica is, for people: host and process.
fn holder() -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!("{host}/{}", std::process::id())
}

/// Says at start how long a dead conductor's nodes can stay in service, with the time-outs that
/// are known now.
async fn say_worst_case(settings: &Settings, reader: &Reader) -> anyhow::Result<()> {
    let conductors = reader.conductors().await?;
    let longest = conductors
        .iter()
        .filter(|conductor| matches!(conductor.state.as_str(), "active" | "leaving" | "timed_out"))
        .filter_map(|conductor| conductor.heartbeat_timeout_ms)
        .max()
        .map(Duration::from_millis);
    let unwatched = conductors
        .iter()
        .filter(|conductor| conductor.state == "active" && conductor.heartbeat_timeout_ms.is_none())
        .count();
    tracing::info!(
        "{}; a stall of our own adds its length",
        worst_case(settings.decide.reconnect_grace, longest)
    );
    if unwatched > 0 {
        tracing::warn!(
            conductors = unwatched,
            "active conductors without heartbeat_timeout_ms: their silence is never noticed, only `left` and \
             `heartbeat_timeout` end them"
        );
    }
    Ok(())
}

/// One sentence: the conductor's own time-out, plus a tick's interval and its freshness.
fn worst_case(reconnect_grace: Duration, longest: Option<Duration>) -> String {
    use crate::domain::hearing::{FRESH, TICK_INTERVAL};
    let show = |duration: Duration| humantime::format_duration(duration).to_string();
    let margin = TICK_INTERVAL + FRESH;
    match longest {
        Some(longest) => format!(
            "worst case from a conductor's death to the announcement: {} (the longest heartbeat time-out known, {}, \
             + {}); after a takeover or a gap of our own: {}",
            show(longest + margin),
            show(longest),
            show(margin),
            show(longest + longest.max(reconnect_grace) + margin),
        ),
        None => format!(
            "worst case from a conductor's death to the announcement: its own heartbeat_timeout_ms + {}; after a \
             takeover or a gap of our own: its time-out + the larger of it and decide.reconnect_grace ({}) + {}",
            show(margin),
            show(reconnect_grace),
            show(margin),
        ),
    }
}
