//! The loop: look, judge, publish. Looking never waits for publishing: a broker that is away must
//! not make the looks irregular, and what was said too late is not said at all.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::judge::{Judge, View};
use super::ports::{Clock, LookFault, Lookout, Voice};
use super::status::Status;
use crate::broker::BrokerError;
use crate::domain::event::Event;
use crate::domain::time::Mono;
use crate::message::{Outgoing, Published};
use crate::retry::Pauses;
use crate::telemetry;
use crate::wire;

/// The longest pause before the broker is tried again.
const PAUSE_CAP: Duration = Duration::from_secs(5);

/// Events published at once: more gain nothing, and what is published late may be untrue by then.
const BATCH: usize = 256;

/// How often it is looked whether something is due for its time alone (a repeated heartbeat).
const DUE_EACH: Duration = Duration::from_secs(1);

/// One bridge, over its ports.
pub struct Bridge<C> {
    judge: Mutex<Judge>,
    clock: C,
    exchange: String,
    interval: Duration,
    status: watch::Sender<Status>,
    looked: Notify,
}

impl<C: Clock> Bridge<C> {
    /// A bridge that has not looked yet and publishes to `exchange`.
    pub fn new(
        judge: Judge,
        clock: C,
        exchange: &str,
        interval: Duration,
        status: watch::Sender<Status>,
    ) -> Self {
        Self {
            judge: Mutex::new(judge),
            clock,
            exchange: exchange.to_owned(),
            interval,
            status,
            looked: Notify::new(),
        }
    }

    fn judge(&self) -> std::sync::MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every conductor as it is seen now.
    #[must_use]
    pub fn view(&self) -> Vec<View> {
        self.judge().view()
    }

    /// What is to be said now, not asking the broker.
    #[must_use]
    pub fn due(&self) -> Vec<Event> {
        self.judge().due(self.clock.now().mono)
    }

    /// Looks once.
    /// Errors: The look was not good; the judgement knows already.
    pub async fn look(&self, lookout: &mut impl Lookout) -> Result<(), LookFault> {
        let to_remember = self.judge().to_remember();
        let outcome = lookout.look(&to_remember).await;
        match &outcome {
            Ok(look) => self.judge().looked(look),
            Err(_) => self.judge().failed(),
        }
        let word = match &outcome {
            Ok(_) => "good",
            Err(LookFault::Slow(_)) => "slow",
            Err(LookFault::Failed(_)) => "failed",
        };
        telemetry::bridge_looked(word, 1);
        self.publish_look(outcome.as_ref().map(|look| look.ended));
        self.looked.notify_one();
        outcome.map(|_| ())
    }

    fn publish_look(&self, outcome: Result<Mono, &LookFault>) {
        let judge = self.judge();
        let now = self.clock.now().mono;
        self.status.send_modify(|status| {
            let before = status.look_trouble.take();
            match outcome {
                Ok(ended) => {
                    status.last_good_look = Some(ended);
                    if judge.empty() {
                        status.look_trouble = Some(
                            "the table conductors is empty: the bridge publishes nothing".into(),
                        );
                    } else if before.is_some() {
                        tracing::info!("Ironic's tables can be read again");
                    }
                }
                Err(fault) => status.look_trouble = Some(fault.to_string()),
            }
            // Once for each trouble, not for each look.
            if status.look_trouble != before
                && let Some(why) = &status.look_trouble
            {
                tracing::warn!(
                    why,
                    "no good look; a conductor that is silent meanwhile is not lost"
                );
            }
            if status.stretch(judge.stretched(), now)
                && let Some(stretched) = status.stretched
            {
                tracing::warn!("{stretched}");
            }
            status.ran(judge.run(), now);
            status.update(judge.view(), judge.waiting());
        });
    }

    /// Publishes what is due, at most one batch; how many events the broker confirmed.
    /// Errors: The session is over. What was not confirmed comes again, as long as it is true.
    pub async fn publish(&self, voice: &mut impl Voice) -> Result<usize, BrokerError> {
        let mut due = self.due();
        due.truncate(BATCH);
        if due.is_empty() {
            return Ok(0);
        }
        let now_ms = self.clock.now().wall_ms;
        let messages: Vec<Outgoing> = due
            .iter()
            .map(|event| wire::event_message(event, &self.exchange, now_ms))
            .collect();
        let outcomes = voice.publish(&messages).await?;
        let now = self.clock.now().mono;
        let mut confirmed = 0;
        let mut trouble = None;
        for (event, outcome) in due.iter().zip(outcomes) {
            match outcome {
                Published::Confirmed => {
                    confirmed += 1;
                    self.judge().confirmed(event, now);
                    telemetry::bridge_published(event.kind.event_type(), 1);
                    log_event(event);
                }
                Published::Unroutable => {
                    trouble = Some(
                        "no queue is bound for the events; a worker declares its queue when it starts",
                    )
                }
                Published::Nacked => {
                    trouble =
                        Some("the broker does not take the events; does a full queue reject them?")
                }
            }
        }
        match trouble {
            // Not the end of the session, but nothing to try again at once.
            Some(why) => Err(BrokerError::Refused(why.to_owned())),
            None => Ok(confirmed),
        }
    }

    /// Looks at each interval until `stop`.
    pub async fn watch(&self, lookout: &mut impl Lookout, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let began = self.clock.now().mono;
            // The fault is told and counted there.
            let _ = self.look(lookout).await;
            let took = self.clock.now().mono.since(began);
            let pause = self.interval.saturating_sub(took);
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Publishes whatever is due until `stop`; what is in hand then is finished.
    pub async fn speak(&self, voice: &mut impl Voice, stop: &CancellationToken) {
        let mut pauses = Pauses::up_to(PAUSE_CAP);
        while !stop.is_cancelled() {
            let opened = tokio::select! {
                opened = voice.open() => opened,
                () = stop.cancelled() => break,
            };
            let outcome = match opened {
                Ok(()) => self.publish(voice).await,
                Err(fault) => Err(fault),
            };
            let pause = match &outcome {
                Ok(BATCH) => Duration::ZERO,
                Ok(_) => {
                    pauses.reset();
                    DUE_EACH
                }
                Err(_) => pauses.pause(),
            };
            let waits_for_look = outcome.is_ok();
            self.tell_spoken(outcome.err(), voice.blocked());
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                () = self.looked.notified(), if waits_for_look => {}
                () = stop.cancelled() => {}
            }
        }
    }

    fn tell_spoken(&self, fault: Option<BrokerError>, blocked: Option<String>) {
        let trouble = fault
            .map(|fault| fault.to_string())
            .or_else(|| blocked.map(|why| format!("the broker blocks publishers: {why}")));
        let waiting = self.judge().waiting();
        self.status.send_modify(|status| {
            let before = status.broker_trouble.take();
            if trouble != before {
                match &trouble {
                    Some(why) => tracing::warn!(why, "events wait for the broker"),
                    None => tracing::info!("the broker takes events"),
                }
            }
            status.broker_trouble = trouble;
            status.waiting = waiting;
        });
    }
}

/// One line for each turn of a conductor; heartbeats are no news.
fn log_event(event: &Event) {
    use crate::domain::event::EventKind;
    let (conductor, incarnation) = (event.conductor.as_str(), event.incarnation.get());
    let conductor = telemetry::printable(conductor);
    let message_type = event.kind.event_type().as_str();
    match &event.kind {
        EventKind::Heartbeat(_) => {
            tracing::debug!(conductor, incarnation, message_type, "published");
        }
        EventKind::Joined(_) => tracing::info!(conductor, incarnation, message_type, "published"),
        EventKind::Left { .. } | EventKind::HeartbeatTimeout { .. } => {
            tracing::warn!(conductor, incarnation, message_type, "published");
        }
    }
}
