//! Publishing in windows, every message confirmed, every returned message attributed.
//!
//! The client library may attach a returned message to another's confirm. So all confirms of a window are awaited
//! first; by then the broker has returned what it returns, and each says itself which it is.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::FutureExt;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation};

use super::BrokerError;
use super::error::{classify, no_answer, reply_code};
use super::link::BrokerConnection;
use crate::message::Published;

/// At most so many messages in flight: publishing to a quorum queue gains nothing beyond 512.
const WINDOW: usize = 512;

/// Messages handed to the library's own task at once; waiting for each costs a thread hop each.
const BURST: usize = 64;

/// A message in the client library's terms.
pub(super) struct Parcel<'a> {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: &'a [u8],
}

/// A channel that confirms, used by one task.
pub(super) struct ConfirmedChannel {
    channel: Channel,
    link: Arc<BrokerConnection>,
    /// While confirms are outstanding: a later window could mistake old confirms for its own.
    in_doubt: bool,
    /// Whether publishing waits for as long as the broker blocks the connection.
    patient: bool,
    /// What the broker closed the channel with.
    closed_with: Option<u16>,
}

impl ConfirmedChannel {
    pub(super) async fn open(link: &Arc<BrokerConnection>) -> Result<Self, BrokerError> {
        Ok(Self {
            channel: link.confirmed_channel().await?,
            link: Arc::clone(link),
            in_doubt: false,
            patient: false,
            closed_with: None,
        })
    }

    /// Whether a publish on it was left without its answers, so that it takes no other.
    pub(super) fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// The same channel, which waits while the broker blocks us (an alarm) instead of failing.
    pub(super) fn patient(mut self) -> Self {
        self.patient = true;
        self
    }

    /// The code that the broker closed the channel with, if it did while we published.
    pub(super) fn closed_with(&self) -> Option<u16> {
        self.closed_with
    }

    /// Whether its connection stands.
    pub(super) fn connected(&self) -> bool {
        self.link.connected()
    }

    /// Ends the channel; what the broker answers to that changes nothing. One that is stuck already is
    /// only dropped, which ends it as well.
    pub(super) async fn close(self) {
        if self.in_doubt {
            return;
        }
        let goodbye = self.channel.close(200, "OK".into());
        if !matches!(
            tokio::time::timeout(self.link.limit(), goodbye).await,
            Ok(Ok(()))
        ) {
            tracing::debug!("a channel did not take its leave");
        }
    }

    /// The largest frame that fits, and so the room for all properties of a message.
    pub(super) fn frame_max(&self) -> usize {
        self.link.frame_max()
    }

    /// Publishes all, mandatory and in order; result `i` belongs to parcel `i`.
    pub(super) async fn publish(
        &mut self,
        parcels: &[Parcel<'_>],
    ) -> Result<Vec<Published>, BrokerError> {
        if self.in_doubt {
            return Err(BrokerError::Lost(
                "an earlier publish on this channel was not answered".into(),
            ));
        }
        self.in_doubt = true;
        let mut outcomes = Vec::with_capacity(parcels.len());
        for window in parcels.chunks(WINDOW) {
            self.window(window, &mut outcomes).await?;
        }
        self.in_doubt = false;
        Ok(outcomes)
    }

    async fn window(
        &mut self,
        window: &[Parcel<'_>],
        outcomes: &mut Vec<Published>,
    ) -> Result<(), BrokerError> {
        let mut confirms = Vec::with_capacity(window.len());
        for burst in window.chunks(BURST) {
            let mut handed = Vec::with_capacity(burst.len());
            for parcel in burst {
                let mut publish = Box::pin(self.channel.basic_publish(
                    parcel.exchange.clone(),
                    parcel.routing_key.clone(),
                    BasicPublishOptions {
                        mandatory: true,
                        ..BasicPublishOptions::default()
                    },
                    parcel.body,
                    parcel.properties.clone(),
                ));
                // The first look puts the frames in line, so looking in order publishes in order.
                let done = (&mut publish).now_or_never();
                handed.push((done, publish));
            }
            for (done, publish) in handed {
                let written = match done {
                    Some(written) => written,
                    None => self.answered("publishing", publish).await?,
                };
                confirms.push(
                    written.map_err(|fault| closed(&mut self.closed_with, "publishing", &fault))?,
                );
            }
        }
        let mut returned = HashSet::new();
        let first = outcomes.len();
        for confirm in confirms {
            let verdict = self
                .answered("waiting for a confirm", confirm)
                .await?
                .map_err(|fault| closed(&mut self.closed_with, "waiting for a confirm", &fault))?;
            outcomes.push(match verdict {
                Confirmation::Ack(_) => Published::Confirmed,
                Confirmation::Nack(_) => Published::Nacked,
                Confirmation::NotRequested => {
                    return Err(BrokerError::Lost("the channel does not confirm".into()));
                }
            });
            if let Some(message) = verdict.take_message() {
                returned.insert(identity(
                    &message.delivery.exchange,
                    &message.delivery.routing_key,
                    &message.delivery.properties,
                ));
            }
        }
        for (parcel, outcome) in window.iter().zip(&mut outcomes[first..]) {
            let who = identity(&parcel.exchange, &parcel.routing_key, &parcel.properties);
            if *outcome == Published::Confirmed && returned.contains(&who) {
                *outcome = Published::Unroutable;
            }
        }
        Ok(())
    }

    /// Waits up to the time limit; a patient channel does not count the time of a block.
    async fn answered<T>(
        &self,
        what: &str,
        mut answer: impl Future<Output = T> + Unpin,
    ) -> Result<T, BrokerError> {
        loop {
            let before = self.link.blocked();
            match tokio::time::timeout(self.link.limit(), &mut answer).await {
                Ok(answer) => return Ok(answer),
                Err(_) if self.patient && before.or(self.link.blocked()).is_some() => {}
                Err(_) => return Err(self.silent(what)),
            }
        }
    }

    fn silent(&self, what: &str) -> BrokerError {
        match self.link.blocked() {
            Some(reason) => BrokerError::Lost(format!(
                "{what}: the broker currently blocks publishers: {reason}"
            )),
            None => no_answer(what, self.link.limit()),
        }
    }
}

/// The channel failed: with a code, if the broker closed it.
fn closed(with: &mut Option<u16>, what: &str, fault: &lapin::Error) -> BrokerError {
    *with = reply_code(fault);
    classify(what, fault)
}

/// What a returned message is recognised by.
fn identity(
    exchange: &ShortString,
    routing_key: &ShortString,
    properties: &BasicProperties,
) -> (String, String, Option<String>) {
    let id = properties.message_id().as_ref().map(ToString::to_string);
    (exchange.to_string(), routing_key.to_string(), id)
}
