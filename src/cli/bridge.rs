//! `bridge ironic`: publishes the lifecycle events that Ironic does not.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Failure, Output, output};
use crate::app;
use crate::bridge::{IronicLookout, Judge, Rules, View};
use crate::clock::{SystemClock, millis};
use crate::config::Settings;
use crate::domain::event::Event;
use crate::domain::ids::Driver;
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
    Ok(match output {
        Output::Json => output::json(&answer(&judge, &seen, &due)),
        Output::Text => text(&judge, &seen, &due),
        Output::Tsv => output::tsv(FIELDS, &answer(&judge, &seen, &due)["conductors"]),
    })
}

/// What `--output tsv` tells of each conductor.
const FIELDS: &[&str] = &["conductor", "state", "conductor_group", "drivers", "why"];

fn answer(judge: &Judge, seen: &[View], due: &[Event]) -> Value {
    let conductors = seen.iter().map(|view| {
        json!({
            "conductor": view.conductor,
            "state": view.state.as_str(),
            "why": view.why,
            "online": view.online,
            "incarnation": view.incarnation.map(|number| number.get()),
            "conductor_group": view.group.as_ref().map(|group| group.as_str()),
            "drivers": view.drivers.iter().map(|driver| driver.as_str()).collect::<Value>(),
            "updated_at_ms": view.updated_at_ms,
            "quiet_ms": view.quiet.map(millis),
            "pause_ms": view.pause.map(millis),
            "timeout_ms": millis(view.timeout),
        })
    });
    let events = due.iter().map(|event| {
        json!({
            "type": event.kind.event_type().as_str(),
            "message_id": event.id.as_str(),
            "body": wire::to_json(&wire::encode_event(event), Some(wire::MSGPACK)),
        })
    });
    let remarks = judge.stretched().into_iter().map(|it| it.to_string());
    json!({
        "empty": judge.empty(),
        "conductors": conductors.collect::<Value>(),
        "would_publish": events.collect::<Value>(),
        "remarks": remarks.collect::<Value>(),
    })
}

fn text(judge: &Judge, seen: &[View], due: &[Event]) -> String {
    if judge.empty() {
        return "The table conductors is empty: a bridge would publish nothing.".to_owned();
    }
    let rows = seen.iter().map(|view| {
        let group = view.group.as_ref().map_or("", |group| group.as_str());
        vec![
            view.conductor.clone(),
            view.state.to_string(),
            if group.is_empty() { "-" } else { group }.to_owned(),
            listed(&view.drivers),
            view.why.clone(),
        ]
    });
    let mut text = output::table(&["CONDUCTOR", "STATE", "GROUP", "DRIVERS", "WHY"], rows);
    text.push('\n');
    if let Some(stretched) = judge.stretched() {
        text.push_str(&format!("Warning: {stretched}.\n\n"));
    }
    if due.is_empty() {
        text.push_str("A bridge that just started would publish nothing yet.");
        return text;
    }
    text.push_str("A bridge that just started would publish:\n\n");
    let rows = due.iter().map(|event| {
        let statement = event.kind.statement();
        vec![
            event.kind.event_type().to_string(),
            event.conductor.to_string(),
            event.incarnation.to_string(),
            statement.map_or_else(String::new, |statement| listed(&statement.drivers)),
        ]
    });
    let table = output::table(&["TYPE", "CONDUCTOR", "INCARNATION", "DRIVERS"], rows);
    text.push_str(table.trim_end());
    text
}

fn listed<'a>(drivers: impl IntoIterator<Item = &'a Driver>) -> String {
    let names: Vec<&str> = drivers.into_iter().map(Driver::as_str).collect();
    names.join(", ")
}
