//! A minimal conductor: says that it joined, beats, says that it leaves.
//!
//! Copy it: all that nodewarden asks of a conductor is here. It needs lapin, rmp-serde, serde and
//! tokio, and nothing of nodewarden.
//!
//! ```text
//! cargo run --example conductor -- --name c1 --drivers ipmi,redfish [--amqp URL]
//!     [--exchange conductor.events] [--group ""] [--timeout-s 30] [--back-within-s 120]
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

/// What an event says; a field that is left out is "as known" or "none".
#[derive(Serialize, Clone, Default)]
struct Event<'a> {
    conductor: &'a str,
    /// Higher at each start of this conductor.
    incarnation: u64,
    sent_at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    conductor_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drivers: Option<&'a [&'a str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_interval_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    back_within_ms: Option<u64>,
}

/// Publishes events, each until the broker has confirmed it.
struct Voice {
    uri: AMQPUri,
    exchange: String,
    longest_pause: Duration,
    session: Option<(Connection, Channel)>,
    said: u64,
}

impl Voice {
    /// Publishes one event. A repeat carries the same `message_id` and the same bytes, so it
    /// changes nothing where the first one did arrive.
    async fn say(&mut self, kind: &str, event: Event<'_>) {
        let event = Event {
            sent_at_ms: now_ms(),
            ..event
        };
        let body = rmp_serde::to_vec_named(&event).expect("plain data always encodes");
        self.said += 1;
        let id = format!("{}-{}-{}", event.conductor, event.incarnation, self.said);
        let properties = BasicProperties::default()
            .with_message_id(id.into())
            .with_type(kind.into())
            .with_content_type("application/msgpack".into())
            .with_delivery_mode(2)
            .with_timestamp(now_ms() / 1000)
            // The broker checks that it is our login.
            .with_user_id(self.uri.authority.userinfo.username.as_str().into());
        let mut pause = Duration::from_millis(100);
        loop {
            // A peer that says nothing must not hold us: everything has a time limit.
            let once = timeout(
                Duration::from_secs(5),
                self.publish(kind, &body, &properties),
            );
            match once
                .await
                .unwrap_or_else(|_| Err("no answer in 5 s".into()))
            {
                Ok(()) => return,
                Err(fault) => println!("{kind} not confirmed, trying again: {fault}"),
            }
            self.session = None;
            // Not all conductors of a site at the same instant.
            let spread = 500
                + u64::from(
                    SystemTime::now()
                        .duration_since(UNIX_EPOCH)
                        .unwrap_or_default()
                        .subsec_nanos(),
                ) % 500;
            sleep(pause * u32::try_from(spread).unwrap_or(1000) / 1000).await;
            pause = (pause * 2).min(self.longest_pause);
        }
    }

    async fn publish(
        &mut self,
        kind: &str,
        body: &[u8],
        properties: &BasicProperties,
    ) -> Result<(), Box<dyn Error>> {
        if self.session.is_none() {
            let connection =
                Connection::connect_uri(self.uri.clone(), ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            self.session = Some((connection, channel));
        }
        let (_, channel) = self.session.as_ref().ok_or("no session")?;
        let options = BasicPublishOptions {
            mandatory: true,
            ..Default::default()
        };
        let confirmation = channel
            .basic_publish(
                self.exchange.as_str().into(),
                kind.into(),
                options,
                body,
                properties.clone(),
            )
            .await?
            .await?;
        if !confirmation.is_ack() {
            return Err("the broker said no".into());
        }
        if confirmation.take_message().is_some() {
            return Err("no queue took it: nodewarden was never there".into());
        }
        Ok(())
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let given: HashMap<&str, &str> = words
        .chunks(2)
        .map(|pair| (pair[0].as_str(), pair.get(1).map_or("", String::as_str)))
        .collect();
    let option =
        |name: &str, default: &'static str| given.get(name).copied().unwrap_or(default).to_owned();
    let (name, drivers, group) = (
        option("--name", ""),
        option("--drivers", ""),
        option("--group", ""),
    );
    if name.is_empty() || drivers.is_empty() {
        return Err("usage: conductor --name NAME --drivers A,B [--amqp URL] [--exchange NAME] [--group NAME] [--timeout-s N] [--back-within-s N]".into());
    }
    let drivers: Vec<&str> = drivers.split(',').collect();
    let timeout_ms = option("--timeout-s", "30").parse::<u64>()? * 1000;
    let interval_ms = timeout_ms / 4; // at most a third of the time-out
    let back_within_ms = option("--back-within-s", "0").parse::<u64>()? * 1000;

    let mut uri: AMQPUri = option("--amqp", "amqp://guest:guest@127.0.0.1:5672/%2f").parse()?;
    uri.query.heartbeat = Some(10); // a dead broker is noticed within 20 s
    let mut voice = Voice {
        uri,
        exchange: option("--exchange", "conductor.events"),
        longest_pause: Duration::from_millis(timeout_ms / 8), // back well within half of the time-out
        session: None,
        said: 0,
    };
    let me = Event {
        conductor: &name,
        incarnation: now_ms(),
        ..Default::default()
    };
    // In every heartbeat: it rebuilds the map of a nodewarden that lost its database. Once a minute
    // would do.
    let everything = Event {
        conductor_group: Some(&group),
        drivers: Some(&drivers),
        heartbeat_timeout_ms: Some(timeout_ms),
        heartbeat_interval_ms: Some(interval_ms),
        ..me.clone()
    };
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let life = async {
        voice.say("conductor.joined", everything.clone()).await; // nothing else before it is confirmed
        println!("joined as {name}, incarnation {}", me.incarnation);
        loop {
            sleep(Duration::from_millis(interval_ms.min(60_000))).await;
            voice.say("conductor.heartbeat", everything.clone()).await;
        }
    };
    tokio::select! {
        () = life => {}
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    // A planned restart keeps the nodes in service that long. Stopping must not hang on a broker
    // that is gone: the silence tells nodewarden then.
    voice.session = None; // a publish may have been cut off half way
    let left = Event {
        back_within_ms: (back_within_ms > 0).then_some(back_within_ms),
        ..me
    };
    if timeout(Duration::from_secs(5), voice.say("conductor.left", left))
        .await
        .is_ok()
    {
        println!("left");
    }
    Ok(())
}
