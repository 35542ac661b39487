//! Probes: our own messages through the conductors' exchange and its binding, which prove by coming
//! back that this way leads to us. They never expire (an expired one would become a dead letter),
//! and only a replica that decides sends them, so few can ever wait.

use std::sync::Arc;

use lapin::Channel;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;

use super::BrokerError;
use super::error::chain;
use super::in_flight::{Fate, InFlight, written};
use super::link::BrokerConnection;
use super::publisher::to_ourselves;
use crate::message::{MSGPACK, PROBE_KEY, PROBE_TYPE};

/// A channel for probes, at most one in flight. What others do to the exchange (they delete it, or bind a
/// queue that confirms nothing) ends the channel, never the session.
pub(super) struct Probes {
    exchange: ShortString,
    link: Arc<BrokerConnection>,
    channel: Option<Channel>,
    in_flight: Option<InFlight>,
    /// Why the last one found no way, until that is asked for.
    returned: Option<String>,
}

impl Probes {
    pub(super) fn new(link: &Arc<BrokerConnection>, exchange: ShortString) -> Self {
        Self {
            exchange,
            link: Arc::clone(link),
            channel: None,
            in_flight: None,
            returned: None,
        }
    }

    /// Sends one, unless the one before is still in flight or the broker blocks publishers.
    pub(super) async fn send(&mut self, body: &[u8]) -> Result<(), BrokerError> {
        self.look()?;
        if self.link.blocked().is_some() || self.in_flight.is_some() {
            return Ok(());
        }
        let channel = match &self.channel {
            Some(channel) => channel,
            None => match self.link.confirmed_channel().await {
                Ok(channel) => self.channel.insert(channel),
                Err(_) if self.link.blocked().is_some() => return Ok(()),
                Err(fault) => return Err(fault),
            },
        };
        let properties = to_ourselves(PROBE_TYPE).with_content_type(MSGPACK.into());
        let publish = channel.basic_publish(
            self.exchange.clone(),
            PROBE_KEY.into(),
            BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            },
            body,
            properties,
        );
        let blocked = || self.link.blocked().is_some();
        match written("sending a probe", self.link.limit(), blocked, publish).await? {
            None => Ok(()),
            Some(Ok(confirm)) => {
                self.in_flight = Some(InFlight::new(confirm));
                Ok(())
            }
            Some(Err(fault)) => self.lost_channel(&fault),
        }
    }

    /// Why one found no way, once.
    pub(super) fn take_returned(&mut self) -> Result<Option<String>, BrokerError> {
        self.look()?;
        Ok(self.returned.take())
    }

    /// What became of the one in flight.
    fn look(&mut self) -> Result<(), BrokerError> {
        let Some(waiting) = &mut self.in_flight else {
            return Ok(());
        };
        if self.link.blocked().is_some() {
            waiting.blocked();
        }
        let returned = match waiting.look(self.link.limit()) {
            Fate::Waiting => return Ok(()),
            Fate::Overdue => {
                (self.channel, self.in_flight) = (None, None);
                self.returned = Some(format!(
                    "exchange {:?} confirms none of ours (has a queue bound to it lost its majority?)",
                    self.exchange.as_str()
                ));
                return Ok(());
            }
            Fate::Failed(fault) => return self.lost_channel(&fault),
            Fate::Answered { returned } => returned,
        };
        self.in_flight = None;
        if returned {
            self.returned = Some(format!(
                "no queue is bound to exchange {:?} for them",
                self.exchange.as_str()
            ));
        }
        Ok(())
    }

    /// The channel has ended: over a connection that stands, because the broker says no.
    fn lost_channel(&mut self, fault: &lapin::Error) -> Result<(), BrokerError> {
        let why = chain(fault);
        (self.channel, self.in_flight) = (None, None);
        if !self.link.connected() {
            return Err(BrokerError::Lost(format!("sending a probe: {why}")));
        }
        self.returned = Some(format!(
            "exchange {:?} takes none from us: {why}",
            self.exchange.as_str()
        ));
        Ok(())
    }
}
