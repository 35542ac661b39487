//! `nodewarden conductors forget`: asks the deciding replica to forget a conductor for good.

use std::time::Duration;

use serde_json::json;

use super::pause::caller;
use super::{Failure, Output, output, reader};
use crate::clock::now_ms;
use crate::config::Settings;
use crate::domain::conductor::ConductorState;
use crate::store::{self, FORGOTTEN, Reader, RequestKind};
use crate::telemetry::printable;

/// How often to look whether it has answered.
const LOOK: Duration = Duration::from_millis(200);

/// Commands about conductors.
#[derive(Debug, clap::Subcommand)]
#[expect(
    missing_docs,
    reason = "the help of a command is the documentation of its type"
)]
pub enum Conductors {
    Forget(Forget),
}

/// Forget a conductor that will never come back.
///
/// You can forget only a conductor that left or timed out. Nodes stay as they are: a pair that lost
/// its last conductor stays lost. If the conductor joins again, it joins as a new one.
/// The deciding replica does it; if none runs now, it is recorded for the next one.
///
/// Example: `nodewarden conductors forget c1`
#[derive(Debug, clap::Args)]
pub struct Forget {
    /// The conductor's name, as `nodewarden status` shows it.
    pub name: String,
    /// How long to wait for the deciding replica, which looks for requests about once a second.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub wait: Duration,
}

impl Forget {
    /// Does it; the text to print.
    pub async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        let failed = Failure::of(settings);
        let reader = reader(settings)?;
        let known = reader.conductors().await.map_err(failed)?;
        let asked = self.name.trim();
        let name = printable(asked);
        match known.iter().find(|known| known.conductor == asked) {
            Some(known) if !known.state.counts_as_active() => {}
            Some(known) => {
                // Another `left` of the start that is leaving would be a repeat.
                let leaving = known.state == ConductorState::Leaving;
                let ends = known.incarnation.saturating_add(u64::from(leaving));
                Err(Failure::failed(format!(
                    "conductor {name} is {} and counts, so nodewarden does not forget it. If it is gone for good, \
                     publish its end first: `nodewarden emit left {name} --incarnation {ends}`",
                    known.state
                )))?
            }
            None => Err(Failure::failed(format!(
                "no conductor {name} is known; `nodewarden status` lists those that are"
            )))?,
        }
        let (database, forget, by) = (&settings.database, RequestKind::Forget, caller());
        let number = store::request(database, forget, asked, &by, now_ms());
        let number = number.await.map_err(failed)?;
        let answer = tokio::time::timeout(self.wait, answer(&reader, number)).await;
        let result = answer.ok().transpose().map_err(failed)?;
        if let Some(refused) = result.as_deref().filter(|result| *result != FORGOTTEN) {
            Err(Failure::failed(format!("{name}: {}", printable(refused))))?;
        }
        Ok(match (output, &result) {
            (Output::Json, _) => output::json(
                &json!({ "request": number, "done": result.is_some(), "result": result }),
            ),
            (Output::Text | Output::Tsv, Some(result)) => format!("{name}: {}", printable(result)),
            (Output::Text | Output::Tsv, None) => format!(
                "It is recorded (request {number}). No replica has answered within {}; the next active one \
                 will do it.",
                humantime::format_duration(self.wait)
            ),
        })
    }
}

async fn answer(reader: &Reader, number: u64) -> Result<String, store::StoreError> {
    loop {
        if let Some(result) = reader.request(number).await?.result {
            return Ok(result);
        }
        tokio::time::sleep(LOOK).await;
    }
}
