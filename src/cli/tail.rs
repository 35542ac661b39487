//! `tail`: node events as a scheduler would see them.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use super::{Failure, output};
use crate::broker::Subscriber;
use crate::clock::{SystemClock, now_ms};
use crate::config::Settings;
use crate::lifecycle::{Tasks, stop_on_signals};
use crate::message::Delivery;
use crate::wire;

/// Print node events as JSON lines, as a scheduler would see them.
///
/// One line for each message: the fields of its body, with `type`, `message_id` and
/// `received_at_ms` (by this machine's clock) in front. Shows only new announcements; what is
/// out of service already is in the snapshot (HTTP /v1/snapshot) and in `nodewarden status`.
#[derive(Debug, Args)]
pub struct Tail {
    /// End after this many messages.
    #[arg(long, value_parser = count, value_name = "N")]
    count: Option<NonZeroUsize>,
    /// End after this long.
    #[arg(long = "for", value_parser = lasting, value_name = "DURATION")]
    limit: Option<Duration>,
}

fn count(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.trim().parse();
    count.map_err(|_| "it must be a whole number from 1 on".to_owned())
}

fn lasting(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(lasting) if lasting.is_zero() => Err("it must be longer than 0s".to_owned()),
        parsed => parsed.map_err(|fault| fault.to_string()),
    }
}

/// How soon a stop is noticed.
const POLL: Duration = Duration::from_millis(200);

impl Tail {
    /// Prints until its limits, the broker or a signal end it.
    /// Errors: 69 if the broker cannot be reached or goes away: what is announced meanwhile is
    /// missed.
    pub async fn run(self, settings: &Settings) -> Result<(), Failure> {
        let stop = stop_on_signals(&Tasks::default())?;
        // A broker that does not answer must not hold up the end.
        let mut subscriber = tokio::select! {
            opened = Subscriber::open(&settings.amqp, "nodewarden tail") => opened?,
            () = stop.cancelled() => return Ok(()),
        };
        output::aside("listening for node events");
        let clock = SystemClock::start();
        let in_time = || self.limit.is_none_or(|limit| clock.mono().0 < limit);
        let mut left = self.count.map_or(usize::MAX, NonZeroUsize::get);
        while left > 0 && !stop.is_cancelled() && in_time() {
            for delivery in subscriber.receive(left.min(256), POLL).await? {
                left -= 1;
                // The reader of our output may be gone, as with `head`.
                if !output::part(&format!("{}\n", line(&delivery)))? {
                    return Ok(());
                }
            }
        }
        subscriber.close().await;
        Ok(())
    }
}

fn line(delivery: &Delivery) -> Value {
    let mut line = Map::new();
    line.insert("type".into(), delivery.message_type.clone().into());
    line.insert("message_id".into(), delivery.message_id.clone().into());
    line.insert("received_at_ms".into(), now_ms().into());
    let body = wire::to_json(&delivery.body, delivery.content_type.as_deref());
    if let Value::Object(fields) = body {
        line.extend(fields);
    } else {
        line.insert("body".into(), body);
    }
    Value::Object(line)
}
