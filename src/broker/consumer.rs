//! Taking deliveries from the events queue, in order, and settling them.
//!
//! Never `basic.cancel`: with a single active consumer on a quorum queue the next one would
//! overtake what is unacknowledged here. Closing the channel or its connection keeps the order, so
//! a dropped consumer shuts the socket first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::BasicConsumeOptions;
use lapin::types::{AMQPValue, ShortString};
use lapin::{Channel, message};

use super::BrokerError;
use super::confirmed::{ConfirmedChannel, Parcel};
use super::contract::Queue;
use super::dead_letters;
use super::deliveries::{acknowledge_through, plain, prefetch, take};
use super::error::{chain, ended, over, short, within};
use super::in_flight::written;
use super::link::BrokerConnection;
use super::probes::Probes;
use super::ticks::Ticks;
use super::topology;
use super::values::table;
use crate::clock::new_id;
use crate::config::Amqp;
use crate::message::{Delivery, Published, Refused};

/// How long the broker lets deliveries wait here for their acknowledgement, in ms: its own default, and far
/// longer than the worker keeps any. RabbitMQ 4.3 cancels a consumer that is slower than that, and
/// gives what it has in hand to the next one out of order. This goes before a shorter time that the
/// queue, a policy or the broker has set; older versions ignore it, and keep the order.
const CONSUMER_TIMEOUT_MS: i64 = 1_800_000;

/// How much is delivered and not acknowledged: one batch is worked on while the next one travels.
fn most_in_hand(settings: &Amqp) -> u16 {
    settings.batch.saturating_mul(2)
}

/// One place in line at the events queue.
pub struct Consumer {
    stream: lapin::Consumer,
    channel: Channel,
    link: Arc<BrokerConnection>,
    /// Everything delivered and not yet acknowledged, in order: at most the prefetch.
    pending: VecDeque<message::Delivery>,
    dead_letters: (ShortString, ConfirmedChannel),
    ticks: Ticks,
    probes: Probes,
    publish: Arc<BrokerConnection>,
    settings: Amqp,
    /// The part of the topology that is looked at next.
    next_part: usize,
}

impl Consumer {
    pub(super) async fn open(
        settings: &Amqp,
        consume: &Arc<BrokerConnection>,
        publish: &Arc<BrokerConnection>,
        session_id: &str,
    ) -> Result<Self, BrokerError> {
        let queue = short(&settings.events_queue)?;
        let tag = short(&format!("nodewarden-{session_id}-{}", new_id()))?;
        let dead_letters = (
            short(&settings.dead_letters_queue)?,
            ConfirmedChannel::open(publish).await?,
        );
        let ticks = Ticks::open(publish, queue.clone()).await?;
        let channel = consume.channel().await?;
        let limit = consume.limit();
        // Before consuming, because what is delivered is buffered without any other bound.
        let what = "limiting the deliveries in flight";
        prefetch(&channel, most_in_hand(settings), limit, what).await?;
        let patience = AMQPValue::LongLongInt(CONSUMER_TIMEOUT_MS);
        let arguments = table([("x-consumer-timeout", patience)]);
        let start = channel.basic_consume(queue, tag, BasicConsumeOptions::default(), arguments);
        let what = format!("consuming from queue {:?}", settings.events_queue);
        let stream = within(limit, &what, start).await?;
        Ok(Self {
            stream,
            channel,
            link: Arc::clone(consume),
            pending: VecDeque::new(),
            dead_letters,
            ticks,
            probes: Probes::new(publish, short(&settings.events_exchange)?),
            publish: Arc::clone(publish),
            settings: settings.clone(),
            next_part: 0,
        })
    }

    /// Leaves the line: closing the channel puts everything unacknowledged back in its place.
    /// Without an answer in time the connection is down.
    pub async fn close(self) -> Result<(), BrokerError> {
        let goodbye = self.channel.close(200, "OK".into());
        within(self.link.limit(), "closing the channel", goodbye)
            .await
            .map_err(over)
    }
}

impl Queue for Consumer {
    async fn receive(&mut self, most: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        let taken = take(&mut self.stream, &self.channel, most, wait).await?;
        let marked = |one| {
            let plain = plain(one);
            Delivery {
                by_subscriber: topology::is_of_subscribers(&plain.exchange, &self.settings),
                ..plain
            }
        };
        let plain = taken.iter().map(marked).collect();
        self.pending.extend(taken);
        Ok(plain)
    }

    /// The broker answers on the same channel, in order. What is asked for, to limit later consumers there,
    /// changes nothing.
    async fn catch_up(&mut self) -> Result<(), BrokerError> {
        let most = most_in_hand(&self.settings);
        let (limit, what) = (self.link.limit(), "waiting for what was delivered");
        let asked = prefetch(&self.channel, most, limit, what);
        asked.await.map_err(over)
    }

    async fn acknowledge_through(&mut self, tag: u64) -> Result<(), BrokerError> {
        let at = waiting(&self.pending, tag)?;
        let acknowledged = acknowledge_through(&self.pending[at], self.link.limit());
        acknowledged.await.map_err(over)?;
        self.pending.drain(..=at);
        Ok(())
    }

    async fn refuse(&mut self, refused: &[Refused]) -> Result<bool, BrokerError> {
        if self.blocked() {
            // An alarm says nothing about whether all else still stands.
            return match self.channel.status().connected() && self.publish.connected() {
                true => Ok(false),
                false => Err(ended("refusing")),
            };
        }
        let (queue, channel) = &mut self.dead_letters;
        if channel.in_doubt() {
            *channel = match ConfirmedChannel::open(&self.publish).await {
                Err(_) if self.publish.blocked().is_some() => return Ok(false),
                opened => opened?,
            };
        }
        let frame_max = channel.frame_max();
        let mut copies = Vec::with_capacity(refused.len());
        for Refused {
            tag,
            reason,
            detail,
        } in refused
        {
            let original = &self.pending[waiting(&self.pending, *tag)?];
            copies.push(Parcel {
                exchange: ShortString::default(),
                routing_key: queue.clone(),
                properties: dead_letters::wrap(original, reason, detail, frame_max),
                body: &original.data,
            });
        }
        // The channel has its own time limits; an alarm is noticed long before.
        let blocked = || self.publish.blocked().is_some();
        let publish = channel.publish(&copies);
        let Some(outcomes) = written("refusing", Duration::MAX, blocked, publish).await? else {
            return Ok(false);
        };
        let outcomes = outcomes?;
        for outcome in outcomes {
            let why = match outcome {
                Published::Confirmed => continue,
                Published::Unroutable => "does not exist",
                Published::Nacked => "is full and rejects messages",
            };
            return Err(BrokerError::Refused(format!(
                "the dead-letter queue {queue:?} {why}; refused messages stay in the events queue until it takes them",
                queue = queue.as_str()
            )));
        }
        Ok(true)
    }

    async fn send_tick(&mut self, body: Vec<u8>) -> Result<(), BrokerError> {
        self.ticks.send(&body).await
    }

    async fn send_probe(&mut self, body: Vec<u8>) -> Result<(), BrokerError> {
        self.probes.send(&body).await
    }

    fn returned_probe(&mut self) -> Result<Option<String>, BrokerError> {
        self.ticks.notice_alarm();
        self.probes.take_returned()
    }

    fn blocked(&self) -> bool {
        // Both are asked: each keeps its own word only when it is looked at.
        let (consume, publish) = (self.link.blocked(), self.publish.blocked());
        consume.or(publish).is_some()
    }

    async fn repair(&mut self) -> Result<bool, BrokerError> {
        if !self.settings.declare {
            return Ok(false);
        }
        let part = self.next_part;
        self.next_part = (part + 1) % topology::PARTS;
        match topology::ensure_part(&self.link, &self.settings, part).await {
            Ok(()) => {}
            Err(fault) if self.channel.status().connected() && self.link.connected() => {
                tracing::warn!(fault = chain(&fault), "the topology cannot be made again");
            }
            Err(fault) => return Err(over(fault)),
        }
        Ok(self.next_part > 0)
    }
}

/// The place of a delivery among those that are not acknowledged.
fn waiting(pending: &VecDeque<message::Delivery>, tag: u64) -> Result<usize, BrokerError> {
    let at = pending.iter().position(|one| one.delivery_tag == tag);
    at.ok_or_else(|| BrokerError::Lost(format!("delivery {tag} is not waiting here")))
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // The library cancels a consumer that is dropped, unless its channel is gone.
        if self.channel.status().connected() {
            self.link.sever();
        }
    }
}
