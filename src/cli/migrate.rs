//! `nodewarden migrate`: creates or upgrades the tables.

use serde_json::json;

use super::{Failure, Output, output};
use crate::config::Settings;
use crate::store::{self, Reader};

/// Create or upgrade the tables in the database.
///
/// Safe to run again and beside running replicas: changes are additive, and the previous version
/// keeps working on the new tables. The table `nodes` and what is in it stay as they are. Where
/// bridge.database_url is set, the bridge's own table is created there.
#[derive(Debug, clap::Args)]
pub struct Migrate {}

impl Migrate {
    /// Prints the answer.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub async fn run(self, settings: &Settings, output: Output) -> anyhow::Result<()> {
        let answer = self.answer(settings, output).await?;
        Ok(output::line(&answer)?)
    }

    /// Does it; the text to print.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn answer(&self, settings: &Settings, output: Output) -> anyhow::Result<String> {
        let database = &settings.database;
        let failed = |fault: &_| Failure::database(fault, settings);
        store::migrate(database, settings.inventory.kind)
            .await
            .map_err(|fault| failed(&fault))?;
        if settings.bridge.database_url.is_some() {
            store::make_bridge_table(&settings.bridge_database())
                .await
                .map_err(|fault| failed(&fault))?;
        }
        let reader =
            Reader::new(database, settings.inventory.clone()).map_err(|fault| failed(&fault))?;
        let now = reader.overview().await.map_err(|fault| failed(&fault))?;
        let url = database.url.redacted();
        Ok(match output {
            Output::Json => output::json(&json!({
                "database": url,
                "stream": now.stream,
                "epoch": now.epoch,
                "seq": now.seq,
                "nodes": now.nodes,
                "nodes_out_of_service": now.nodes_out_of_service,
            }))?,
            Output::Text => format!(
                "The tables in {url} are up to date: stream {}, {} nodes, {} of them out of service.",
                now.stream, now.nodes, now.nodes_out_of_service
            ),
        })
    }
}
