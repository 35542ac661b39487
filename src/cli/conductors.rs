//! `nodewarden conductors forget`: asks the deciding replica to forget a conductor for good.

use std::time::Duration;

use serde_json::json;

use super::{Failure, Output, output};
use crate::config::Settings;
use crate::http::answer::now_ms;
use crate::store::{self, Reader};
use crate::telemetry::safe;

/// How long to wait for the deciding replica, which looks for requests about once a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often to look whether it has answered.
const LOOK: Duration = Duration::from_millis(200);

/// Commands about conductors.
#[derive(Debug, clap::Subcommand)]
pub enum Conductors {
    /// Forget a conductor that will never come back.
    Forget(Forget),
}

/// Forget a conductor that will never come back.
///
/// Only one that has left or timed out can be forgotten. Nodes stay as they are: a pair that lost
/// its last conductor stays lost. Should the conductor join again, it is as if for the first time.
/// The deciding replica does it; if none runs now, it is recorded for the next one.
#[derive(Debug, clap::Args)]
pub struct Forget {
    /// The conductor's name, as `nodewarden status` shows it.
    pub name: String,
}

impl Conductors {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn run(self, settings: &Settings, output: Output) -> anyhow::Result<()> {
        match self {
            Self::Forget(forget) => forget.run(settings, output).await,
        }
    }
}

impl Forget {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`]
    pub async fn run(self, settings: &Settings, output: Output) -> anyhow::Result<()> {
        let failed = |fault: &_| Failure::database(fault, settings);
        let reader = Reader::new(&settings.database).map_err(|fault| failed(&fault))?;
        let known = reader.conductors().await.map_err(|fault| failed(&fault))?;
        let name = safe(&self.name);
        match known
            .iter()
            .find(|known| known.conductor == self.name)
            .map(|known| known.state.as_str())
        {
            Some("left" | "timed_out") => {}
            Some(state) => Err(Failure::failed(format!(
                "conductor {name} is {state}: it counts, so it is not forgotten. When it is gone for good, publish \
                 its end first (`nodewarden emit left`)."
            )))?,
            None => Err(Failure::failed(format!(
                "no conductor {name} is known; `nodewarden status` lists those that are"
            )))?,
        }
        let number = store::request(&settings.database, "forget", &self.name, now_ms())
            .await
            .map_err(|fault| failed(&fault))?;
        let answer = tokio::time::timeout(PATIENCE, answer(&reader, number)).await;
        let result = match answer {
            Ok(answered) => Some(answered.map_err(|fault| failed(&fault))?),
            Err(_) => None,
        };
        match (output, &result) {
            (Output::Json, _) => output::json(
                &json!({ "request": number, "done": result.is_some(), "result": result }),
            )?,
            (Output::Text, Some(result)) => output::line(&format!("{name}: {}", safe(result)))?,
            (Output::Text, None) => output::line(&format!(
                "It is recorded (request {number}): no replica has answered within {} s; the next active one will do it.",
                PATIENCE.as_secs()
            ))?,
        }
        Ok(())
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
