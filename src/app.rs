//! The composition root: a replica is put together here and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::bridge;
use crate::config::{Settings, UnknownDriver};
use crate::lifecycle::watchdog::Watchdog;
use crate::lifecycle::{Task, Tasks, stop_on_signals};
use crate::store::{self, Keeping, Known, Reader};
use crate::telemetry;
use crate::wire::Publishers;
use crate::worker::replica::Replica;
use crate::worker::{Rules, Status};

mod fault;
mod placement;
mod worst_case;

pub use fault::AppFault;
pub use placement::{placement, placement_once, placement_release};

/// How long HTTP may take to finish its answers when the process stops.
const HTTP_DRAIN: Duration = Duration::from_secs(1);

/// Runs one replica until it is asked to stop, or until a part of it dies.
/// Errors: What keeps it from starting, or which part died.
pub async fn run(settings: Settings) -> Result<(), AppFault> {
    let (tasks, stop, metrics) = begin()?;
    let reader = Reader::new(&settings.database, settings.inventory.clone())
        .map_err(|source| AppFault::database(&settings, source))?;
    let ready = async {
        prepare(&settings)
            .await
            .map_err(|source| AppFault::database(&settings, source))?;
        worst_case::log(&settings, &reader).await
    };
    match stop.run_until_cancelled(ready).await {
        Some(ready) => ready?,
        None => return Ok(()),
    }

    let watchdog = Watchdog::start(settings.database.transaction_limit)
        .map_err(|source| AppFault::start("start the watchdog process", source))?;
    let (status, seen) = watch::channel(Status::default());
    let replica = Replica {
        amqp: settings.amqp.clone(),
        database: settings.database.clone(),
        inventory: settings.inventory.clone(),
        rules: rules(&settings),
        holder: holder(),
        known: Known::default(),
        watch: Arc::new(watchdog),
        status,
        tasks: tasks.clone(),
    };
    let listen = settings.http.listen.as_str();
    let http = http(&tasks, "http.listen", listen, move |listener, stop| {
        crate::http::serve(listener, reader, seen, metrics, stop)
    })
    .await?;

    let working = async move { replica.run(&stop).await };
    ends(&tasks, working, http).await
}

/// Runs one bridge to Ironic until it is asked to stop, or until a part of it dies.
/// Errors: What keeps it from starting, or which part died.
pub async fn bridge(settings: Settings) -> Result<(), AppFault> {
    let timeout = settings.bridge_timeout()?;
    let interval = settings.bridge.interval;
    let (tasks, stop, metrics) = begin()?;
    let clock = crate::clock::SystemClock::start();
    let (status, seen) = watch::channel(bridge::Status::new(interval));
    let listen = settings.bridge.listen.as_str();
    let http = http(&tasks, "bridge.listen", listen, move |listener, stop| {
        crate::http::serve_service(listener, seen, clock, metrics, stop)
    })
    .await?;

    let id = crate::clock::new_id();
    let database = settings.bridge_database();
    let mut lookout = bridge::IronicLookout::new(&database, &id, clock, interval);
    let mut voice = bridge::BrokerVoice::new(&settings.amqp);
    let rules =
        bridge::Rules::new(timeout, interval).with_restart_grace(settings.bridge.restart_grace);
    let judge = bridge::Judge::new(rules, id);
    let exchange = settings.amqp.events_exchange.clone();
    tracing::info!(
        database = database.url.redacted(),
        "looking at Ironic's conductors every {}; one that is silent for {} is lost",
        humantime::format_duration(interval),
        humantime::format_duration(timeout)
    );
    let working = async move {
        let bridge = bridge::Bridge::new(judge, clock, &exchange, interval, status);
        tokio::join!(
            bridge.watch(&mut lookout, &stop),
            bridge.speak(&mut voice, &stop)
        );
        tokio::join!(lookout.close(), voice.close());
    };
    ends(&tasks, working, http).await
}

/// What every service has: tasks, a stop by signals, and metrics.
fn begin() -> Result<(Tasks, CancellationToken, telemetry::Metrics), AppFault> {
    let tasks = Tasks::default();
    let stop =
        stop_on_signals(&tasks).map_err(|source| AppFault::start("listen for signals", source))?;
    let metrics = telemetry::install_metrics().map_err(AppFault::Died)?;
    Ok((tasks, stop, metrics))
}

/// Starts an HTTP interface on `listen`, the value of `setting`; empty: none.
async fn http<F>(
    tasks: &Tasks,
    setting: &str,
    listen: &str,
    serve: impl FnOnce(TcpListener, CancellationToken) -> F,
) -> Result<Option<Task<String>>, AppFault>
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    if listen.is_empty() {
        return Ok(None);
    }
    let listener = TcpListener::bind(listen).await.map_err(|source| {
        AppFault::start(format!("{setting}: cannot listen on {listen}"), source)
    })?;
    let address = listener
        .local_addr()
        .map_err(|source| AppFault::start(format!("{setting}: its address"), source))?;
    tracing::info!(%address, "HTTP");
    Ok(Some(tasks.start(move |stop| {
        let serving = serve(listener, stop);
        async move { serving.await.err().map(|fault| fault.to_string()) }
    })))
}

/// Does the work to its end, then ends HTTP.
/// Errors: HTTP died before.
async fn ends(
    tasks: &Tasks,
    work: impl Future<Output = ()> + Send + 'static,
    mut http: Option<Task<String>>,
) -> Result<(), AppFault> {
    let mut worker = tasks.start(|_| async {
        work.await;
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
        why = died => {
            let why = why.unwrap_or_else(|| "no reason".to_owned());
            return Err(AppFault::Died(format!("the HTTP interface died: {why}")));
        }
    }
    if let Some(http) = http {
        http.stop(HTTP_DRAIN).await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// The tables are as they should be, or the reason why not; what a crash could lose is said.
async fn prepare(settings: &Settings) -> Result<(), store::StoreError> {
    store::prepare(
        &settings.database,
        settings.inventory.clone(),
        &crate::clock::new_id(),
    )
    .await?;
    for weakness in store::weak_durability(&settings.database).await? {
        tracing::warn!(
            "commits are not durable: {weakness}; after a crash, announcements may be made again \
             with the same numbers"
        );
    }
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
        mode: decide.mode,
        batch: amqp.batch.into(),
        back_within_cap: decide.back_within_cap,
        reconnect_grace: decide.reconnect_grace,
        forget_after: decide.forget_after,
        sweep_interval: decide.sweep_interval,
        chunk_nodes: decide.chunk_nodes,
        nodes_per_message: publish.nodes_per_message,
        unknown_after: match decide.unknown_driver {
            UnknownDriver::TakeOut => Some(decide.unknown_driver_grace),
            UnknownDriver::Report => None,
        },
        keeping: Keeping {
            events: retention.events,
            announced: retention.announced,
            decisions: retention.decisions,
        },
        most_conductors: decide.max_conductors,
        most_pairs: decide.max_pairs,
        publishers: security.allowed_publishers.clone().map(Publishers::new),
    }
}

/// The name of this replica, for people: host and process.
fn holder() -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!("{host}/{}", std::process::id())
}
