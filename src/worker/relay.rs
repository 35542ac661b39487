//! The second task: carries committed announcements to the broker, in order, and decides nothing.
//!
//! A window is published, every confirm awaited, then the progress stored; a crash in between
//! repeats the same bytes (I4). What the broker refuses or does not answer goes out again on a fresh
//! channel, then on a fresh connection, and is passed by, alone, if those do not carry it for long
//! enough. No announcement ends the session: the loop decides on, and notices a dead connection itself.

mod nacked;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use self::nacked::Nacking;
use super::ports::{Announcer, Clock, Fresh, Outbox};
use crate::broker::Unpublished;
use crate::domain::time::Mono;
use crate::failpoints;
use crate::message::{Outgoing, Published};
use crate::retry::Pauses;
use crate::store::StoreError;
use crate::telemetry;
use crate::wire;

/// How long fresh channels and connections are tried before a refused announcement is passed by:
/// one full queue must not silence all others, and subscribers see the gap. Those behind it get one
/// fresh try each while the broker goes on refusing.
const NACK_PATIENCE: Duration = Duration::from_secs(30);

/// The same for one that is not answered. A node of a cluster that is frozen or cut off is missed after
/// `net_ticktime`, 60 s and up to a quarter more, and only then do its queues get another leader; meanwhile
/// other subscribers receive it.
const SILENCE_PATIENCE: Duration = Duration::from_secs(90);

/// How long a connection counts as fresh, so that a line of refused ones does not dial too often.
const FRESH: Duration = Duration::from_secs(1);

/// The longest pause between two attempts at a refused announcement.
const NACK_PAUSE: Duration = Duration::from_secs(2);

/// Announcements in one window: two thirds of the broker's top rate, some tens of megabytes.
const WINDOW: u32 = 64;

/// Between two attempts at the database, and two looks whether the broker still blocks us.
const TROUBLE_PAUSE: Duration = Duration::from_secs(2);

/// Before looking again at an unreadable announcement: only a hand or another version changes it.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(5);

/// How often the relay looks by itself, in case a wake-up was missed.
const POLL: Duration = Duration::from_secs(1);

/// Why the relay ended.
#[derive(Debug, thiserror::Error)]
pub enum RelayEnd {
    /// The exchange is gone: a new session makes it.
    #[error("relay: {0}")]
    NoExchange(Unpublished),
    /// The database, or another replica that took over.
    #[error("relay: {0}")]
    Store(#[from] StoreError),
    /// Its task is gone without a reason.
    #[error("the relay ended")]
    Gone,
}

/// Carries until it ends by itself, and returns why; or, asked to `stop`, until nothing waits.
pub async fn carry_on<O: Outbox, A: Announcer, C: Clock>(
    mut relay: Relay<O, A, C>,
    clock: C,
    wake: Arc<Notify>,
    stop: CancellationToken,
) -> Option<RelayEnd> {
    loop {
        match relay.step().await {
            Ok(0) if stop.is_cancelled() => return None,
            Ok(0) => {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = wake.notified() => {}
                    () = clock.sleep(POLL) => {}
                }
            }
            Ok(_) => {}
            Err(end) => return Some(end),
        }
    }
}

/// Carries announcements for the holder of one epoch.
pub struct Relay<O, A, C> {
    outbox: O,
    announcer: A,
    clock: C,
    epoch: u64,
    exchange: String,
    nacking: Option<Nacking>,
    connected: Option<Mono>,
    nacks: Pauses,
    blocked: Pauses,
    in_trouble: Option<String>,
    troubles: Pauses,
    unreadable: Option<String>,
    said_unroutable: bool,
    trouble: watch::Sender<Option<String>>,
}

impl<O: Outbox, A: Announcer, C: Clock> Relay<O, A, C> {
    /// A relay to `exchange`, for the holder of `epoch`.
    pub fn new(outbox: O, announcer: A, clock: C, epoch: u64, exchange: &str) -> Self {
        Self {
            outbox,
            announcer,
            clock,
            epoch,
            exchange: exchange.to_owned(),
            nacking: None,
            connected: None,
            nacks: Pauses::up_to(NACK_PAUSE),
            blocked: Pauses::up_to(TROUBLE_PAUSE),
            in_trouble: None,
            troubles: Pauses::up_to(TROUBLE_PAUSE),
            unreadable: None,
            said_unroutable: false,
            trouble: watch::Sender::new(None),
        }
    }

    /// What keeps announcements back, as a sentence; `None`: all is well.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// Carries one window and returns how many are done with. Zero: nothing waits, the broker
    /// blocks or refuses, or the database is in trouble. What could not be recorded is published
    /// again, byte by byte.
    pub async fn step(&mut self) -> Result<usize, RelayEnd> {
        let done = match self.carry().await {
            Err(RelayEnd::Store(fault)) if fault.is_transient() => {
                self.database_trouble(&fault).await;
                Ok(0)
            }
            Err(RelayEnd::Store(fault)) if !matches!(fault, StoreError::Fenced(_)) => {
                self.unreadable(&fault).await;
                Ok(0)
            }
            outcome => {
                if outcome.is_ok() && self.in_trouble.take().is_some() {
                    self.troubles.reset();
                    tracing::info!(epoch = self.epoch, "the relay can use the database again");
                }
                if outcome.is_ok() && self.unreadable.take().is_some() {
                    tracing::info!(epoch = self.epoch, "announcements go on");
                }
                outcome
            }
        };
        self.publish_trouble();
        done
    }

    async fn carry(&mut self) -> Result<usize, RelayEnd> {
        if self.announcer.blocked().is_some() {
            self.publish_trouble();
            self.pause(|relay| &mut relay.blocked).await;
            return Ok(0);
        }
        self.blocked.reset();
        let alone = self.nacking.as_ref().is_some_and(|nacking| nacking.alone);
        let most = if alone { 1 } else { WINDOW };
        let announcements = self.outbox.pending(None, most).await?;
        if announcements.is_empty() {
            if !alone {
                self.taken();
            }
            return Ok(0);
        }
        let messages: Vec<Outgoing> = announcements
            .iter()
            .map(|announcement| wire::encode(announcement, &self.exchange))
            .collect();
        let results = match self.publish(&messages).await {
            Ok(results) => results,
            Err(why @ Unpublished::NoExchange(_)) => return Err(RelayEnd::NoExchange(why)),
            Err(why) => {
                tracing::debug!(
                    why = telemetry::error_chain(&why),
                    "announcements did not go out"
                );
                // Nothing of a window whose channel failed counts as taken.
                Vec::new()
            }
        };
        let mut out = results
            .iter()
            .take_while(|result| **result != Published::Nacked)
            .count();
        let mut passed_by = false;
        if out == 0 {
            let Some(fate) = self.first_nacked(&messages[0]).await? else {
                return Ok(0);
            };
            passed_by = fate == Published::Nacked;
            out = 1;
        } else if out < results.len() {
            // The next step begins with the refused one.
            self.nacking().goes_on();
        } else if alone {
            self.nacking().alone = false;
        } else {
            self.taken();
        }
        failpoints::reached("before-progress");
        let now_ms = self.clock.now().wall_ms;
        self.outbox
            .announced(self.epoch, announcements[out - 1].number, now_ms)
            .await?;
        if !passed_by {
            telemetry::ANNOUNCED.count(out as u64);
            for announcement in announcements[..out].iter().filter(|one| one.moves_nodes()) {
                let waited = now_ms.saturating_sub(announcement.waited_since_ms);
                telemetry::CONFIRMED.took(Duration::from_millis(waited));
            }
        }
        Ok(out)
    }

    /// Publishes, and counts what no queue wanted up to the first that was refused.
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, Unpublished> {
        let results = self.announcer.publish(messages).await;
        let results = results.inspect_err(|why| {
            if matches!(why, Unpublished::Refused(_)) {
                telemetry::NACKED.count(1);
            }
        })?;
        for result in &results {
            match result {
                Published::Confirmed => {}
                Published::Unroutable => self.unroutable(),
                Published::Nacked => {
                    telemetry::NACKED.count(1);
                    break;
                }
            }
        }
        Ok(results)
    }

    fn unroutable(&mut self) {
        telemetry::UNROUTABLE.count(1);
        if !self.said_unroutable {
            self.said_unroutable = true;
            tracing::warn!(
                exchange = self.exchange,
                "no queue is bound for announcements; schedulers that bind later must take a snapshot"
            );
        }
    }

    async fn database_trouble(&mut self, fault: &StoreError) {
        let said = telemetry::error_chain(fault);
        if self.in_trouble.is_none() {
            tracing::warn!(
                fault = said,
                "the relay cannot use the database; announcements wait"
            );
        }
        self.in_trouble = Some(said);
        self.publish_trouble();
        telemetry::RETRIES.count_as("relay", 1);
        self.pause(|relay| &mut relay.troubles).await;
    }

    /// Deciding goes on, so the session must; the announcement waits until somebody puts it right.
    async fn unreadable(&mut self, fault: &StoreError) {
        let said = telemetry::error_chain(fault);
        if self.unreadable.as_ref() != Some(&said) {
            tracing::error!(fault = said, "announcements wait: the relay cannot go on");
            self.unreadable = Some(said);
        }
        telemetry::RETRIES.count_as("relay", 1);
        self.publish_trouble();
        self.clock.sleep(UNREADABLE_PAUSE).await;
    }

    async fn pause(&mut self, pauses: fn(&mut Self) -> &mut Pauses) {
        let chance = self.clock.chance();
        let pause = pauses(self).pause_by(chance);
        self.clock.sleep(pause).await;
    }

    fn publish_trouble(&self) {
        let nacking = self.nacking.as_ref().and_then(Nacking::sentence);
        let now = (self.announcer.blocked())
            .map(|why| format!("the broker blocks publishers: {why}"))
            .or_else(|| {
                let why = self.unreadable.as_ref().or(self.in_trouble.as_ref())?;
                Some(format!("announcements wait: {why}"))
            })
            .or(nacking);
        self.trouble.send_if_modified(|said| {
            let changed = *said != now;
            *said = now;
            changed
        });
    }
}

enum Tried {
    Taken(Published),
    Refused,
    Silent,
    /// No message would go through, or there is no such thing for now.
    NoWay,
}

impl<O: Outbox, A: Announcer, C: Clock> Relay<O, A, C> {
    /// The first in line was refused: a fresh channel, then a fresh connection. Returns what became
    /// of it; `Nacked`: refused there too for long enough, and passed by.
    async fn first_nacked(&mut self, message: &Outgoing) -> Result<Option<Published>, RelayEnd> {
        let (mut all_tried, mut silent) = (true, false);
        for how in [Fresh::Channel, Fresh::Connection] {
            let now = self.clock.now().mono;
            if how == Fresh::Connection && self.connected.is_some_and(|at| now.since(at) < FRESH) {
                // The channel that has just refused belongs to it.
                break;
            }
            match self.on_a_fresh(how, message).await? {
                Tried::Taken(taken) => {
                    let nacking = self.nacking();
                    nacking.alone = false;
                    nacking.goes_on();
                    return Ok(Some(taken));
                }
                Tried::Refused => {
                    self.nacking().refused_since.get_or_insert(now);
                }
                Tried::Silent => silent = true,
                Tried::NoWay => {
                    all_tried = false;
                    self.nacking().refused_since = None;
                }
            }
        }
        let now = self.clock.now().mono;
        let nacking = self.nacking();
        nacking.alone = true;
        let patient = match nacking.silent_since.filter(|_| silent) {
            Some(since) => now.since(since) < SILENCE_PATIENCE,
            None => (nacking.refused_since).is_none_or(|since| now.since(since) < NACK_PATIENCE),
        };
        if all_tried && !patient {
            self.pass_by(message);
            return Ok(Some(Published::Nacked));
        }
        self.publish_trouble();
        self.pause(|relay| &mut relay.nacks).await;
        Ok(None)
    }

    async fn on_a_fresh(&mut self, how: Fresh, message: &Outgoing) -> Result<Tried, RelayEnd> {
        let began = self.clock.now().mono;
        if let Err(fault) = self.announcer.renew(how).await {
            tracing::warn!(
                fault = telemetry::error_chain(&fault),
                "the broker refuses announcements and gives the relay no fresh way; trying again"
            );
            return Ok(Tried::NoWay);
        }
        if how == Fresh::Connection {
            self.connected = Some(began);
        }
        let why = match self.publish(std::slice::from_ref(message)).await {
            Ok(results) => match results.first() {
                Some(taken @ (Published::Confirmed | Published::Unroutable)) => {
                    return Ok(Tried::Taken(*taken));
                }
                Some(Published::Nacked) => None,
                None => return Ok(Tried::NoWay),
            },
            Err(why @ Unpublished::NoExchange(_)) => return Err(RelayEnd::NoExchange(why)),
            Err(why) => Some(why),
        };
        let nacking = self.nacking();
        nacking.why = why.as_ref().map(ToString::to_string);
        nacking.fresh_too |= !matches!(why, Some(Unpublished::Disconnected(_)));
        let tried = match why {
            Some(Unpublished::Forbidden(_) | Unpublished::Disconnected(_)) => Tried::NoWay,
            Some(Unpublished::Unanswered(_)) => {
                nacking.silent_since.get_or_insert(began);
                Tried::Silent
            }
            Some(Unpublished::Refused(_) | Unpublished::NoExchange(_)) | None => Tried::Refused,
        };
        self.publish_trouble();
        Ok(tried)
    }

    fn pass_by(&mut self, message: &Outgoing) {
        telemetry::PASSED_BY.count(1);
        let nacking = self.nacking();
        nacking.passed_by += 1;
        let why = nacking.why.clone();
        tracing::error!(
            exchange = self.exchange,
            message_id = message.message_id,
            message_type = message.message_type,
            why,
            "passed an announcement by: fresh channels and connections do not carry it either (a full queue that \
             rejects, one that has lost its majority, max_message_size?); subscribers that missed it see a gap and \
             must take a snapshot"
        );
    }

    /// The broker refuses something now, or has since it last took a whole window.
    fn nacking(&mut self) -> &mut Nacking {
        self.nacking.get_or_insert_default()
    }

    /// The broker took a whole window.
    fn taken(&mut self) {
        if let Some(over) = self.nacking.take() {
            self.nacks.reset();
            if over.fresh_too {
                tracing::info!(
                    passed_by = over.passed_by,
                    "the broker takes announcements again"
                );
            }
        }
    }
}
