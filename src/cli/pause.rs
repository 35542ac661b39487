//! `nodewarden pause` and `nodewarden resume`: keeps nodes from being taken out, and lets it go on.

use std::time::Duration;

use serde_json::json;

use super::{Failure, Output, output, patience, reader};
use crate::answers::explain::{counted, when};
use crate::clock::{SystemClock, now_ms};
use crate::config::{self, Settings};
use crate::store::{Operator, Overview, Pause as Record};
use crate::telemetry::{PRINTABLE_CHARS, printable};

/// The longest pause that ends by itself: a longer one is a slip.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Take no further node out of service, until `nodewarden resume`.
///
/// Effective at once: after this command ends, no further node goes out, not even in the
/// middle of a loss. Events are handled and decisions made as usual, and nodes whose driver has an
/// active conductor again come back. Works without any replica and without the broker.
///
/// `nodewarden status` shows it, and so do /readyz and the metrics. With --for, it ends by
/// itself, never early, and after a fail-over perhaps a little late. Without, it lasts until you
/// resume. A second pause replaces the first.
#[derive(Debug, clap::Args)]
pub struct Pause {
    /// How long, such as 30m or 2h (default: until `nodewarden resume`).
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub lasting: Option<Duration>,
    /// The reason, for the colleague who is on call tonight.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who pauses (default: you, at this host).
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
    /// Wait until the replica that decides has committed something after the pause, and the broker has
    /// confirmed every announcement from before it: nothing that takes a node out is on its way then.
    #[arg(long)]
    pub wait: bool,
    /// With --wait: for so long at most (default: 90s, or 30s over decide.sweep_interval if that is longer);
    /// then this command ends with 1, and the pause stays.
    #[arg(long, requires = "wait", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub timeout: Option<Duration>,
}

/// How long to wait by itself: an idle replica commits once each sweep, and the default sweeps are a minute apart.
fn patient(settings: &Settings) -> Duration {
    let sweep = settings.decide.sweep_interval + Duration::from_secs(30);
    sweep.max(Duration::from_secs(90))
}

/// How often to look while waiting.
const LOOK: Duration = Duration::from_millis(200);

/// End the pause.
///
/// Nodes of drivers without an active conductor go out of service within about a second, also those that
/// you gave back by hand (`nodewarden release`).
#[derive(Debug, clap::Args)]
pub struct Resume {}

impl Pause {
    /// Prints the answer.
    pub async fn run(self, settings: &Settings, output: Output) -> Result<(), Failure> {
        let answer = self.answer(settings, output).await?;
        output::done(&answer)?;
        match self.wait {
            true => self.obeyed(settings).await,
            false => Ok(()),
        }
    }

    /// Waits until nothing that takes a node out is on its way any more.
    /// Errors: 1 if that was not reached in time, with what is missing; the pause stays all the same.
    pub async fn obeyed(&self, settings: &Settings) -> Result<(), Failure> {
        let reader = reader(settings)?;
        let first = patience(settings, async || reader.overview().await).await?;
        let timeout = self.timeout.unwrap_or_else(|| patient(settings));
        output::aside(&format!(
            "waiting for at most {}",
            humantime::format_duration(timeout)
        ));
        let clock = SystemClock::start();
        let mut missing = missing(&first, &first);
        while !missing.is_empty() {
            if clock.mono().0 >= timeout {
                return Err(Failure::failed(format!(
                    "the pause is in force and no node goes out, but after {}: {}",
                    humantime::format_duration(timeout),
                    missing.join("; ")
                )));
            }
            tokio::time::sleep(LOOK).await;
            match reader.overview().await {
                Ok(now) => missing = self::missing(&first, &now),
                Err(fault) if fault.is_transient() => {}
                Err(fault) => return Err(Failure::of(settings)(fault)),
            }
        }
        Ok(())
    }

    /// Does it; the text to print.
    pub async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        let who = self.who.clone().unwrap_or_else(caller);
        for (flag, text) in [("--reason", &self.reason), ("--who", &who)] {
            if text.trim().is_empty() || text.chars().count() > PRINTABLE_CHARS {
                Err(Failure::usage(format!(
                    "{flag}: write 1 to {PRINTABLE_CHARS} characters"
                )))?;
            }
        }
        if self.lasting.is_some_and(|lasting| lasting.is_zero()) {
            Err(Failure::usage(
                "--for 0s is no pause; leave --for out to pause until `nodewarden resume`",
            ))?;
        }
        if self.lasting.is_some_and(|lasting| lasting > LONGEST) {
            Err(Failure::usage(
                "--for is at most 366d; leave it out to pause until `nodewarden resume`",
            ))?;
        }
        let now = now_ms();
        let wanted = Record {
            id: crate::clock::new_id(),
            reason: printable(&self.reason),
            who: printable(&who),
            paused_at_ms: now,
            remaining: self.lasting,
            noted_at_ms: now,
        };
        let mut operator = operator(settings)?;
        let before = patience(settings, async || operator.pause(&wanted).await).await?;
        Ok(match output {
            Output::Json => output::json(&json!({
                "paused": true,
                "reason": wanted.reason,
                "who": wanted.who,
                "since_ms": now,
                "until_ms": wanted.until_ms(),
                "instead_of": before.map(|before| json!({
                    "reason": before.reason, "who": before.who, "since_ms": before.paused_at_ms,
                })),
            })),
            Output::Text | Output::Tsv => {
                let until = match wanted.until_ms() {
                    Some(until) => format!("until about {}", when(until, now)),
                    None => "until `nodewarden resume`".to_owned(),
                };
                let instead = before.map_or_else(String::new, |before| {
                    format!(
                        " It replaces the pause of {} ({}).",
                        printable(&before.who),
                        printable(&before.reason)
                    )
                });
                format!(
                    "Paused {until}: no node is taken out of service; nodes whose driver returns come back.{instead}"
                )
            }
        })
    }
}

impl Resume {
    /// Does it; the text to print.
    pub async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        let mut operator = operator(settings)?.noted(&caller(), "");
        let before = patience(settings, async || operator.resume(now_ms()).await).await?;
        Ok(match (output, before) {
            (Output::Json, before) => output::json(&json!({ "was_paused": before.is_some() })),
            (Output::Text | Output::Tsv, None) => "There was no pause.".to_owned(),
            (Output::Text | Output::Tsv, Some(pause)) => format!(
                "Resumed. {} had paused at {}: {}",
                printable(&pause.who),
                when(pause.paused_at_ms, now_ms()),
                printable(&pause.reason)
            ),
        })
    }
}

/// What is still to be waited for, `first` being how things stood once the pause was committed. The
/// fence keeps nodes in from there on; a commit of the holder after it shows that what it had open is
/// over. A replica that takes over reads the pause first.
fn missing(first: &Overview, now: &Overview) -> Vec<String> {
    let mut missing = Vec::new();
    let same = now.epoch == first.epoch && now.committed_at_ms == first.committed_at_ms;
    if let Some(holder) = now.holder.as_ref().filter(|_| same) {
        missing.push(format!(
            "{} (epoch {}) has committed nothing since (an idle replica commits once each decide.sweep_interval); is it still \
             running?",
            printable(holder),
            now.epoch
        ));
    }
    let waiting = first.last_announcement.saturating_sub(now.announced);
    if waiting > 0 {
        missing.push(format!(
            "the broker has not confirmed {} from before it",
            counted(waiting, "announcement", "announcements")
        ));
    }
    missing
}

pub(super) fn operator(settings: &Settings) -> Result<Operator, Failure> {
    Operator::new(&settings.database, settings.inventory.clone()).map_err(Failure::of(settings))
}

/// Who calls, for people: user and host.
pub(super) fn caller() -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let user =
        config::user().unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    format!("{user}@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_for_longer_than_an_idle_replica_rests() {
        let mut settings = Settings::default();
        assert_eq!(patient(&settings), Duration::from_secs(90));
        settings.decide.sweep_interval = Duration::from_secs(600);
        assert_eq!(patient(&settings), Duration::from_secs(630));
    }
}
