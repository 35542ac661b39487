//! `bridge ironic`: publishes the lifecycle events that Ironic does not.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Failure, Output, output};
use crate::app;
use crate::bridge::{IronicLookout, Judge, Rules, View};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::event::{Event, EventKind};
use crate::wire;

/// Publish lifecycle events for conductors that publish none themselves.
#[derive(Debug, Subcommand)]
pub enum Bridge {
    Ironic(Ironic),
}

/// Look at the tables of an OpenStack Ironic and publish its conductors' lifecycle events.
///
/// Ironic does not announce that a conductor starts, stops or dies. This command looks at its tables
/// `conductors` and `conductor_hardware_interfaces` each bridge.interval, and publishes
/// conductor.joined, conductor.heartbeat, conductor.left and conductor.heartbeat_timeout in its
/// place, confirmed by the broker. Run as many as you like, on any hosts: they repeat each other. A
/// bridge that ends or sees nothing takes no node out.
///
/// It needs bridge.heartbeat_timeout: at least the heartbeat_timeout of Ironic's [conductor] section,
/// 60s unless changed there. A conductor is reported as lost if its updated_at does not move for that
/// long while this bridge looked regularly; clocks are never compared. Where a conductor writes so
/// seldom that this is under three of its usual pauses, the bridge waits three of them and says so.
///
/// With bridge.restart_grace, a conductor that stops by itself counts as restarting for that long: its
/// nodes stay in service. One that is killed or deleted does not.
///
/// Rights: SELECT on those two tables, and SELECT, INSERT, UPDATE, DELETE on its own tables
/// nodewarden_bridge and nodewarden_bridge_said in the same database, which `nodewarden migrate` creates (with the same
/// settings, and the right to create tables). Each look writes a row there and reads it back, so that
/// the bridge never trusts a server that cannot write, or a replica that lags: give it the server that
/// Ironic itself writes to.
///
/// SIGTERM and SIGINT finish the work in hand and exit 0.
///
/// Example: `nodewarden bridge ironic --once --for 30s`
#[derive(Debug, Args)]
pub struct Ironic {
    /// Show what this bridge sees and what it would publish if it started now, and end. Publishes
    /// nothing.
    ///
    /// It looks twice. A conductor counts as alive once its updated_at has moved, which takes
    /// up to 10s with Ironic's defaults: give it time with --for.
    #[arg(long)]
    once: bool,
    /// With --once: look for that long.
    #[arg(long = "for", requires = "once", value_parser = humantime::parse_duration, value_name = "DURATION")]
    time: Option<Duration>,
    /// Address and port for /healthz, /readyz and /metrics (as bridge.listen; empty: none).
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

impl Bridge {
    /// The address that a flag gives for `bridge.listen`.
    #[must_use]
    pub fn listen(&self) -> Option<&String> {
        let Self::Ironic(ironic) = self;
        ironic.listen.as_ref()
    }

    /// Runs until it is asked to stop, or shows once.
    /// Errors: 64 without `bridge.heartbeat_timeout`; with `--once` 69 if the database cannot be
    /// reached.
    pub async fn run(self, settings: Settings, output: Output) -> Result<(), Failure> {
        let Self::Ironic(ironic) = self;
        if ironic.once {
            let answer = once(&settings, ironic.time.unwrap_or_default(), output).await?;
            Ok(output::line(&answer)?)
        } else {
            Ok(app::bridge(settings).await?)
        }
    }
}

/// Looks twice at least, and as long as `time`; the text to print.
async fn once(settings: &Settings, time: Duration, output: Output) -> Result<String, Failure> {
    let interval = settings.bridge.interval;
    let rules = Rules::new(settings.bridge_timeout()?, interval)
        .with_restart_grace(settings.bridge.restart_grace);
    let clock = SystemClock::start();
    let database = settings.bridge_database();
    let setting = match settings.bridge.database_url {
        Some(_) => "bridge.database_url",
        None => "database.url",
    };
    let id = crate::clock::new_id();
    let mut lookout = IronicLookout::new(&database, &id, clock, interval);
    let mut judge = Judge::new(rules, id);
    // What counts must be seen twice, a second apart; and a little more, for what a look costs.
    let least = Duration::from_millis(1200);
    let pause = interval.max(least);
    let mut looks = 0;
    while looks < 2 || clock.mono().0 < time {
        if looks > 0 {
            tokio::time::sleep(if looks == 1 { pause } else { interval }).await;
        }
        let look = lookout.try_look(&[]).await.map_err(|fault| match fault {
            Some(fault) => Failure::at(setting, &database.url.redacted(), &fault),
            None => Failure::unreachable(format!(
                "database {}: looking took longer than {}",
                database.url.redacted(),
                humantime::format_duration(lookout.limit())
            )),
        })?;
        judge.looked(&look);
        looks += 1;
    }
    lookout.close().await;
    let seen = judge.view();
    let due = judge.due(clock.mono());
    match output {
        Output::Json => Ok(output::json(&answer(&judge, &seen, &due))?),
        Output::Text => Ok(text(&judge, &seen, &due)),
        Output::Tsv => {
            let answer = answer(&judge, &seen, &due);
            let conductors = answer["conductors"].as_array().cloned();
            Ok(output::tsv(FIELDS, &conductors.unwrap_or_default()))
        }
    }
}

/// What `--output tsv` tells of each conductor.
const FIELDS: &[&str] = &["conductor", "state", "conductor_group", "drivers", "why"];

fn answer(judge: &Judge, seen: &[View], due: &[Event]) -> Value {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let conductors: Vec<Value> = seen
        .iter()
        .map(|view| {
            json!({
                "conductor": view.conductor,
                "state": view.state.as_str(),
                "why": view.why,
                "online": view.online,
                "incarnation": view.incarnation.map(|number| number.get()),
                "conductor_group": view.group.as_ref().map(|group| group.as_str()),
                "drivers": view.drivers.iter().map(|driver| driver.as_str()).collect::<Vec<_>>(),
                "updated_at_ms": view.updated_at_ms,
                "quiet_ms": view.quiet.map(ms),
                "pause_ms": view.pause.map(ms),
                "timeout_ms": ms(view.timeout),
            })
        })
        .collect();
    let events: Vec<Value> = due
        .iter()
        .map(|event| {
            json!({
                "type": event.kind.event_type().as_str(),
                "message_id": event.id.as_str(),
                "body": wire::to_json(&wire::encode_event(event), Some(wire::MSGPACK)),
            })
        })
        .collect();
    let remarks: Vec<String> = judge.stretched().iter().map(ToString::to_string).collect();
    json!({
        "empty": judge.empty(),
        "conductors": conductors,
        "would_publish": events,
        "remarks": remarks,
    })
}

fn text(judge: &Judge, seen: &[View], due: &[Event]) -> String {
    if judge.empty() {
        return "The table conductors is empty: a bridge would publish nothing.".to_owned();
    }
    let head = ["CONDUCTOR", "STATE", "GROUP", "DRIVERS", "WHY"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for view in seen {
        let drivers: Vec<&str> = view.drivers.iter().map(|driver| driver.as_str()).collect();
        let group = view.group.as_ref().map_or("", |group| group.as_str());
        rows.push(vec![
            view.conductor.clone(),
            view.state.as_str().to_owned(),
            if group.is_empty() { "-" } else { group }.to_owned(),
            drivers.join(", "),
            view.why.clone(),
        ]);
    }
    let mut text = output::table(&rows);
    text.push('\n');
    if let Some(stretched) = judge.stretched() {
        text.push_str(&format!("Warning: {stretched}.\n\n"));
    }
    if due.is_empty() {
        text.push_str("A bridge that just started would publish nothing yet.");
        return text;
    }
    text.push_str("A bridge that just started would publish:\n\n");
    let head = ["TYPE", "CONDUCTOR", "INCARNATION", "DRIVERS"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for event in due {
        let drivers = match &event.kind {
            EventKind::Joined(statement) | EventKind::Heartbeat(Some(statement)) => {
                let names: Vec<&str> = statement.drivers.iter().map(|d| d.as_str()).collect();
                names.join(", ")
            }
            EventKind::Heartbeat(None)
            | EventKind::Left { .. }
            | EventKind::HeartbeatTimeout { .. } => String::new(),
        };
        rows.push(vec![
            event.kind.event_type().as_str().to_owned(),
            event.conductor.to_string(),
            event.incarnation.to_string(),
            drivers,
        ]);
    }
    text.push_str(output::table(&rows).trim_end());
    text
}
