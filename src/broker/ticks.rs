//! Ticks: our own messages through the events queue, which prove by coming back that we hear.

use std::sync::Arc;

use lapin::Channel;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;

use super::BrokerError;
use super::error::{ended, lost, no_answer};
use super::in_flight::{Fate, InFlight, written};
use super::link::BrokerConnection;
use super::publisher::to_ourselves;
use crate::message::{MSGPACK, TICK_TYPE};

/// Milliseconds a tick may wait: an outage's must not pile up, a busy queue's must still come.
const TICK_EXPIRES_MS: &str = "60000";

/// Where ticks go out: a channel of the publishing connection, at most one tick in flight.
pub(super) struct Ticks {
    queue: ShortString,
    channel: Channel,
    link: Arc<BrokerConnection>,
    in_flight: Option<InFlight>,
}

impl Ticks {
    pub(super) async fn open(
        link: &Arc<BrokerConnection>,
        queue: ShortString,
    ) -> Result<Self, BrokerError> {
        Ok(Self {
            queue,
            channel: link.confirmed_channel().await?,
            link: Arc::clone(link),
            in_flight: None,
        })
    }

    /// An alarm, seen as soon as it is over as well, gives the confirm its whole time again.
    pub(super) fn notice_alarm(&mut self) {
        if let Some(waiting) = self
            .in_flight
            .as_mut()
            .filter(|_| self.link.blocked().is_some())
        {
            waiting.blocked();
        }
    }

    /// Sends one, unless one is in flight or the broker blocks us. A late confirm ends the session (L4).
    pub(super) async fn send(&mut self, body: &[u8]) -> Result<(), BrokerError> {
        if self.link.blocked().is_some() {
            if let Some(waiting) = &mut self.in_flight {
                waiting.blocked();
            }
            return Ok(());
        }
        if let Some(waiting) = &mut self.in_flight {
            match waiting.look(self.link.limit()) {
                Fate::Waiting if self.channel.status().connected() => return Ok(()),
                Fate::Waiting => return Err(ended("sending a tick")),
                Fate::Overdue => return Err(no_answer("confirming a tick", self.link.limit())),
                Fate::Failed(fault) => return Err(lost("sending a tick", &fault)),
                // A full queue may reject it: that shows as a tick that does not come back.
                Fate::Answered { .. } => self.in_flight = None,
            }
        }
        let properties = to_ourselves(TICK_TYPE)
            .with_content_type(MSGPACK.into())
            .with_expiration(TICK_EXPIRES_MS.into());
        let publish = self.channel.basic_publish(
            ShortString::default(),
            self.queue.clone(),
            BasicPublishOptions::default(),
            body,
            properties,
        );
        let blocked = || self.link.blocked().is_some();
        let sent = written("sending a tick", self.link.limit(), blocked, publish).await?;
        if let Some(sent) = sent {
            let confirm = sent.map_err(|fault| lost("sending a tick", &fault))?;
            self.in_flight = Some(InFlight::new(confirm));
        }
        Ok(())
    }
}
