//! `nodewarden status`: how everything stands, on one page.

use std::time::Duration;

use super::picture::{OBSERVED_DAYS, Picture};
use super::watch::watch;
use super::{Failure, Output, output};
use crate::clock::{millis, now_ms};
use crate::config::Settings;
use crate::store::{Reader, StoreError};
use crate::telemetry::error_chain;

const DAY_MS: u64 = 24 * 3600 * 1000;

/// What `--output tsv` tells of each pair.
const PAIR_FIELDS: &[&str] = &[
    "conductor_group",
    "driver",
    "state",
    "since_ms",
    "nodes_in_service",
    "nodes_out_of_service",
    "conductors",
];

/// Show drivers, conductors, nodes in and out of service, which replica decides, what is held back and why,
/// and how far the announcements are.
///
/// `--output tsv` prints the pairs, one a line.
///
/// Example: `nodewarden status --watch`
#[derive(Debug, Default, clap::Args)]
pub struct Status {
    /// Show it again and again, until Ctrl-C.
    #[arg(long)]
    pub watch: bool,
    /// With --watch: how long to wait in between.
    #[arg(long, requires = "watch", default_value = "2s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub interval: Duration,
}

impl Status {
    /// Prints the answer.
    pub async fn run(self, settings: &Settings, output: Output) -> Result<(), Failure> {
        if self.watch {
            let look = async || self.answer(settings, output).await;
            return watch(self.interval, output, look).await;
        }
        let answer = self.answer(settings, output).await?;
        Ok(output::line(&answer)?)
    }

    /// Does it; the text to print.
    pub async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        let picture = look(settings).await.map_err(Failure::of(settings))?;
        Ok(match output {
            Output::Json => output::json(&picture.json()),
            Output::Tsv => output::tsv(PAIR_FIELDS, &picture.json()["drivers"]),
            Output::Text => picture.text().trim_end().to_owned(),
        })
    }
}

async fn look(settings: &Settings) -> Result<Picture, StoreError> {
    let reader = Reader::new(&settings.database, settings.inventory.clone())?;
    let overview = reader.overview().await?;
    let conductors = reader.conductors().await?;
    let drivers = reader.drivers().await?;
    // What subscribers say of themselves is no reason to show nothing.
    let subscribers = reader.subscribers().await.unwrap_or_else(|fault| {
        tracing::warn!(fault = error_chain(&fault), "subscribers are not shown");
        Vec::new()
    });
    let now_ms = now_ms();
    let observed = match overview.observing() {
        true => Some(
            reader
                .observed(now_ms.saturating_sub(OBSERVED_DAYS * DAY_MS))
                .await?,
        ),
        false => None,
    };
    Ok(Picture {
        overview,
        drivers,
        conductors,
        subscribers,
        observed,
        inventory: settings.inventory.kind,
        now_ms,
        commits_within_ms: millis(settings.decide.commits_within()),
    })
}
