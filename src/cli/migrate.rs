//! `nodewarden migrate`: creates or upgrades the tables.

use serde_json::json;

use super::{Failure, Output, output, reader};
use crate::answers::explain::counted;
use crate::clock::now_ms;
use crate::config::Settings;
use crate::store::{self, NewStream, Operator};
use crate::telemetry::printable;

/// Create or upgrade the tables in the database.
///
/// Safe to run again and beside running replicas: changes are additive, and the previous version
/// keeps working on the new tables. The table `nodes` and its rows stay as they are. If
/// bridge.database_url is set, the bridge's own table is created in that database.
///
/// After restoring a backup: stop every replica, then `nodewarden migrate --new-stream`, then start them.
/// A restored backup would give out again numbers that schedulers have already seen with
/// another meaning; a new stream makes each scheduler take a snapshot.
#[derive(Debug, Default, clap::Args)]
pub struct Migrate {
    /// Begin a new history: schedulers take a snapshot, and running replicas can no longer write.
    /// Stop them first: refused if one has committed within the last two sweeps and 10 s (at least a minute).
    #[arg(long)]
    pub new_stream: bool,
    /// Begin it even if a replica seems to run, or has just been killed.
    #[arg(long, requires = "new_stream")]
    pub force: bool,
}

impl Migrate {
    /// Does it; the text to print.
    pub async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        let database = &settings.database;
        let failed = Failure::of(settings);
        store::migrate(
            database,
            settings.inventory.clone(),
            &crate::clock::new_id(),
        )
        .await
        .map_err(failed)?;
        if settings.bridge.database_url.is_some() {
            let bridge = settings.bridge_database();
            let made = store::make_bridge_tables(&bridge).await;
            made.map_err(|fault| {
                Failure::at("bridge.database_url", &bridge.url.redacted(), &fault)
            })?;
        }
        if self.new_stream {
            self.begin_stream(settings).await?;
        }
        let reader = reader(settings)?;
        let now = reader.overview().await.map_err(failed)?;
        let held = reader.held(None).await.map_err(failed)?;
        let url = database.url.redacted();
        Ok(match output {
            Output::Json => output::json(&json!({
                "database": url,
                "stream": now.stream,
                "new_stream": self.new_stream,
                "epoch": now.epoch,
                "seq": now.seq,
                "nodes": now.counted_at_ms.map(|_| now.nodes),
                "nodes_out_of_service": held,
            })),
            Output::Text | Output::Tsv => format!(
                "The tables in {url} are up to date: {}stream {}, {} out of service.{}",
                if self.new_stream { "new " } else { "" },
                now.stream,
                counted(held, "node", "nodes"),
                if self.new_stream {
                    " Start the replicas: each scheduler takes a snapshot at their first message."
                } else {
                    ""
                }
            ),
        })
    }

    async fn begin_stream(&self, settings: &Settings) -> Result<(), Failure> {
        let mut operator = Operator::new(&settings.database, settings.inventory.kind)
            .map_err(Failure::of(settings))?
            .running_within(settings.decide.commits_within());
        let running = humantime::format_duration(operator.running());
        let begun = operator
            .new_stream(&crate::clock::new_id(), now_ms(), self.force)
            .await;
        match begun.map_err(Failure::of(settings))? {
            NewStream::Begun => Ok(()),
            NewStream::Running(holder) => Err(Failure::failed(format!(
                "nothing was changed: {} committed within the last {running}. Stop every replica first; if it was \
                 killed just now, wait that long, or add --force.",
                printable(&holder)
            ))),
        }
    }
}
