//! `emit`: publishes lifecycle events, for conductors without code of their own, and for hands.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Failure, Output, output};
use crate::broker::{Emitter, publish_event};
use crate::clock::now_ms;
use crate::config::Settings;
use crate::domain::event::{Event, EventKind, Statement};
use crate::domain::ids::{ConductorName, Driver, EventId, Group, Incarnation, NameFault};
use crate::lifecycle::{Tasks, stop_on_signals};
use crate::message::{Outgoing, Published};
use crate::telemetry::printable;
use crate::wire;

/// Publish one lifecycle event of a conductor, confirmed by the broker.
///
/// Use it to wrap a conductor that has no code of its own: `emit joined` at its start,
/// `emit heartbeat --every 10s` beside it, `emit left` at its end.
#[derive(Debug, Args)]
pub struct Emit {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The conductor started and supports these drivers.
    ///
    /// Prints the incarnation, which the later events of this start need. Said again with the same
    /// incarnation, it replaces drivers, group and time-out.
    ///
    /// Example: `nodewarden emit joined c1 --driver ipmi --heartbeat-timeout 30s`
    Joined {
        #[command(flatten)]
        who: Who,
        /// Which start of the conductor: higher at each (default: the current time in ms).
        #[arg(long)]
        incarnation: Option<u64>,
        #[command(flatten)]
        serves: Serves,
    },
    /// The conductor lives. With --driver it is a complete statement, as good as `joined`.
    ///
    /// With --every it goes on until it is stopped, also over outages of the broker.
    ///
    /// Example: `nodewarden emit heartbeat c1 --incarnation 1772359200000 --driver ipmi --every 10s`
    Heartbeat {
        #[command(flatten)]
        who: Who,
        /// Which start of the conductor, as told at `joined`.
        #[arg(long)]
        incarnation: u64,
        #[command(flatten)]
        serves: Serves,
        /// Repeat it at this interval, until stopped (SIGTERM, Ctrl-C).
        #[arg(long, value_parser = interval, value_name = "DURATION")]
        every: Option<Duration>,
    },
    /// The conductor stopped. Only a higher incarnation brings it back.
    ///
    /// What it alone supported is lost at once; with --back-within only if it is not back in time.
    ///
    /// Example: `nodewarden emit left c1 --incarnation 1772359200000 --back-within 5m --reason upgrade`
    Left {
        #[command(flatten)]
        who: Who,
        /// Which start of the conductor; `nodewarden status` shows the one that is known.
        #[arg(long)]
        incarnation: u64,
        /// A planned restart: count it as active for this long.
        #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
        back_within: Option<Duration>,
        /// Why, for people.
        #[arg(long)]
        reason: Option<String>,
    },
    /// The conductor was found silent. Its next `joined` or heartbeat revives it.
    ///
    /// For a watcher of your own. It changes nothing if something later is known of the conductor than
    /// --last-seen-ms.
    ///
    /// Example: `nodewarden emit heartbeat-timeout c1 --incarnation 1772359200000 --detected-by monitor`
    HeartbeatTimeout {
        #[command(flatten)]
        who: Who,
        /// Which start of the conductor; `nodewarden status` shows the one that is known.
        #[arg(long)]
        incarnation: u64,
        /// The time of the last thing seen from it, by its own clock: ms since 1970 UTC.
        #[arg(long, value_name = "MS")]
        last_seen_ms: Option<u64>,
        /// What noticed it, for people.
        #[arg(long)]
        detected_by: Option<String>,
    },
}

/// The shortest interval of repeated heartbeats: a shorter one is a slip that floods the broker.
const SHORTEST: Duration = Duration::from_millis(100);

fn interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(interval) if interval < SHORTEST => Err("it must be at least 100ms".to_owned()),
        parsed => parsed.map_err(|fault| fault.to_string()),
    }
}

#[derive(Debug, Args)]
struct Who {
    /// The conductor's name.
    conductor: String,
    /// The event's message_id: the same command again with the same one changes nothing (default: a new UUID).
    ///
    /// Such an event does not say when it was sent, so that a repeat is the same; `joined` needs --incarnation
    /// with it.
    #[arg(long, value_name = "ID")]
    message_id: Option<String>,
}

#[derive(Debug, Args)]
struct Serves {
    /// A driver that it supports; repeat for more.
    #[arg(long = "driver", value_name = "DRIVER")]
    drivers: Vec<String>,
    /// Its conductor group.
    #[arg(long, default_value = "")]
    group: String,
    /// It will send heartbeats, and is lost after this long without one (1s to 1h).
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    heartbeat_timeout: Option<Duration>,
}

impl Emit {
    /// Publishes, and returns once the broker has it.
    /// Errors: 64 for an event that would be refused, 69 if the broker cannot be reached, else 1.
    pub async fn run(self, settings: &Settings, output: Output) -> Result<(), Failure> {
        let every = match &self.what {
            What::Heartbeat { every, .. } => *every,
            What::Joined { .. } | What::Left { .. } | What::HeartbeatTimeout { .. } => None,
        };
        let event = self.what.event()?;
        warn(&event, settings);
        match every {
            None => {
                publish_event(&settings.amqp, outgoing(settings, &event)?).await?;
                Ok(output::done(&report(&event, output))?)
            }
            Some(every) => repeat(settings, event, every).await,
        }
    }
}

/// Publishes heartbeats until asked to stop; a broker that is away is tried again.
async fn repeat(settings: &Settings, mut event: Event, every: Duration) -> Result<(), Failure> {
    // One that would be refused is told at once, whether there is a broker or not.
    outgoing(settings, &event)?;
    let stop = stop_on_signals(&Tasks::default())?;
    let mut emitter = None;
    loop {
        if emitter.is_none() {
            // A broker that does not answer must not hold up the end.
            emitter = tokio::select! {
                opened = Emitter::open(&settings.amqp, "emit") => Some(opened),
                () = stop.cancelled() => return Ok(()),
            };
        }
        match emitter.take() {
            Some(Ok(mut open)) => match open
                .publish(&[outgoing(settings, &event)?])
                .await
                .as_deref()
            {
                Ok([Published::Confirmed]) => {
                    event.id = new_id();
                    event.sent_at_ms = Some(now_ms());
                    emitter = Some(Ok(open));
                }
                // Not confirmed: the same event with the same id again.
                Ok(_) => tracing::warn!("no queue took the heartbeat; is a worker's queue bound?"),
                Err(fault) => tracing::warn!(%fault, "heartbeat not confirmed"),
            },
            Some(Err(fault)) => tracing::warn!(%fault, "cannot reach the broker"),
            None => {}
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// Says what replicas will most likely read otherwise than it was meant.
fn warn(event: &Event, settings: &Settings) {
    let statement = event.kind.statement().into_iter();
    let drivers = statement.flat_map(|statement| &statement.drivers);
    for driver in drivers.filter(|driver| driver.as_str().contains(',')) {
        let driver = printable(driver.as_str());
        output::aside(&format!(
            "{driver:?} is one driver with a comma in its name: for several, repeat --driver"
        ));
    }
    let cap = settings.decide.back_within_cap;
    if let EventKind::Left {
        back_within: Some(back_within),
        ..
    } = &event.kind
        && *back_within > cap
    {
        output::aside(&format!(
            "--back-within is above decide.back_within_cap: replicas wait for {} at most",
            humantime::format_duration(cap)
        ));
    }
}

fn report(event: &Event, output: Output) -> String {
    let message_type = event.kind.event_type().as_str();
    match output {
        Output::Json => serde_json::json!({
            "type": message_type,
            "message_id": event.id.as_str(),
            "conductor": event.conductor.as_str(),
            "incarnation": event.incarnation.get(),
        })
        .to_string(),
        Output::Text | Output::Tsv => format!(
            "{message_type} of {} (incarnation {}, message_id {}) is with the broker",
            event.conductor, event.incarnation, event.id
        ),
    }
}

impl What {
    fn event(self) -> Result<Event, Failure> {
        let (who, incarnation, kind) = match self {
            Self::Joined {
                who,
                incarnation,
                serves,
            } => {
                if who.message_id.is_some() && incarnation.is_none() {
                    return Err(Failure::usage(
                        "--message-id needs --incarnation too: without it the same command again is another event",
                    ));
                }
                let kind = EventKind::Joined(serves.statement()?);
                (who, incarnation.unwrap_or_else(now_ms), kind)
            }
            Self::Heartbeat {
                who,
                incarnation,
                serves,
                every,
            } => {
                serves.outlasts(every)?;
                let complete = !serves.drivers.is_empty();
                if !complete && (!serves.group.is_empty() || serves.heartbeat_timeout.is_some()) {
                    return Err(Failure::usage(
                        "--group and --heartbeat-timeout belong to a complete heartbeat: give its --driver too",
                    ));
                }
                let statement = complete.then(|| serves.statement()).transpose()?;
                (who, incarnation, EventKind::Heartbeat(statement))
            }
            Self::Left {
                who,
                incarnation,
                back_within,
                reason,
            } => (
                who,
                incarnation,
                EventKind::Left {
                    back_within,
                    reason,
                },
            ),
            Self::HeartbeatTimeout {
                who,
                incarnation,
                last_seen_ms,
                detected_by,
            } => (
                who,
                incarnation,
                EventKind::HeartbeatTimeout {
                    last_seen_ms,
                    detected_by,
                },
            ),
        };
        Ok(Event {
            id: match &who.message_id {
                Some(id) => EventId::parse(id).map_err(|fault| named("--message-id", fault))?,
                None => new_id(),
            },
            conductor: ConductorName::parse(who.conductor.trim())
                .map_err(|fault| named("the conductor's name", fault))?,
            incarnation: Incarnation::new(incarnation)
                .ok_or_else(|| Failure::usage("--incarnation is above 2^63-1"))?,
            // The same command again must have the same bytes.
            sent_at_ms: who.message_id.is_none().then(now_ms),
            kind,
        })
    }
}

impl Serves {
    /// Refuses a time-out that heartbeats at this interval would let pass.
    fn outlasts(&self, every: Option<Duration>) -> Result<(), Failure> {
        match every.zip(self.heartbeat_timeout) {
            Some((every, timeout)) if timeout < every.saturating_mul(3) => Err(Failure::usage(
                "--heartbeat-timeout must be at least three --every: two lost heartbeats must end no conductor",
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn statement(&self) -> Result<Statement, Failure> {
        let drivers = self
            .drivers
            .iter()
            .map(|driver| Driver::parse(driver.trim()))
            .collect::<Result<BTreeSet<_>, _>>()
            .map_err(|fault| named("--driver", fault))?;
        Ok(Statement {
            group: Group::parse(self.group.trim()).map_err(|fault| named("--group", fault))?,
            drivers,
            heartbeat_timeout: self.heartbeat_timeout,
        })
    }
}

fn named(what: &str, fault: NameFault) -> Failure {
    Failure::usage(format!("{what} {fault}"))
}

fn new_id() -> EventId {
    EventId::parse(&crate::clock::new_id()).expect("a UUID is a name")
}

/// The message, if a worker would take it.
fn outgoing(settings: &Settings, event: &Event) -> Result<Outgoing, Failure> {
    let message = wire::event_message(event, &settings.amqp.events_exchange, now_ms());
    match wire::decode(&message.delivered(), None) {
        Ok(_) => Ok(message),
        Err(refusal) => Err(Failure::usage(format!(
            "a worker would refuse this event ({}): {}",
            refusal.reason, refusal.detail
        ))),
    }
}
