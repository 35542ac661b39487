//! The second task: carries committed announcements to the broker, in order, and decides nothing.
//!
//! A window of announcements is published, every confirm awaited, then the progress is stored. A
//! crash in between repeats the window with the same bytes (I4). On a refusal by the broker it
//! goes back to the first unconfirmed and sends everything from there.

use std::time::Duration;

use super::ports::{Clock, Outbox};
use crate::broker::BrokerError;
use crate::domain::time::Mono;
use crate::failpoints;
use crate::message::{Outgoing, Published};
use crate::retry::Pauses;
use crate::store::StoreError;
use crate::telemetry;
use crate::wire;

/// Announcements in one window. 64 reach two thirds of the broker's top rate, and with 5,000
/// nodes in each the window is still a few tens of megabytes.
const WINDOW: u32 = 64;

/// How long an announcement that the broker refuses is repeated before the relay goes on without
/// it: a subscriber's full queue must not silence all others. The gap rule and the snapshot cover
/// whoever missed it.
const NACK_PATIENCE: Duration = Duration::from_secs(30);

/// The longest pause between two attempts at a refused window.
const NACK_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause between two attempts at the database.
const TROUBLE_PAUSE: Duration = Duration::from_secs(2);

/// Where announcements go.
#[expect(
    async_fn_in_trait,
    reason = "used only with concrete types, whose futures are Send"
)]
pub trait Announcer {
    /// Publishes in order and awaits every confirm; the result at each place is that message's.
    ///
    /// # Errors
    /// The session is over; what became of the messages is unknown.
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, BrokerError>;
}

/// Why the relay ended.
#[derive(Debug, thiserror::Error)]
pub enum RelayEnd {
    /// The broker.
    #[error("relay: {0}")]
    Broker(#[from] BrokerError),
    /// The database, or another replica that took over.
    #[error("relay: {0}")]
    Store(#[from] StoreError),
}

/// Carries announcements for the holder of one epoch.
pub struct Relay<O, A, C> {
    outbox: O,
    announcer: A,
    clock: C,
    epoch: u64,
    exchange: String,
    refused_since: Option<Mono>,
    pauses: Pauses,
    in_trouble: bool,
    troubles: Pauses,
    warned: Warned,
}

/// What was already said once.
#[derive(Default)]
struct Warned {
    unroutable: bool,
    given_up: bool,
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
            refused_since: None,
            pauses: Pauses::up_to(NACK_PAUSE),
            in_trouble: false,
            troubles: Pauses::up_to(TROUBLE_PAUSE),
            warned: Warned::default(),
        }
    }

    /// Carries one window; returns how many announcements went out. Zero: nothing waits, the broker
    /// refused the first, or the database is in trouble, which is sat out: what was published and
    /// could not be recorded is published again, with the same bytes.
    ///
    /// # Errors
    /// [`RelayEnd`]
    pub async fn step(&mut self) -> Result<usize, RelayEnd> {
        match self.carry().await {
            Err(RelayEnd::Store(fault)) if fault.is_transient() => {
                if !self.in_trouble {
                    self.in_trouble = true;
                    tracing::warn!(
                        fault = telemetry::error_chain(&fault),
                        "the relay cannot use the database; announcements wait"
                    );
                }
                telemetry::RETRIES.count_as("relay", 1);
                self.clock.sleep(self.troubles.pause()).await;
                Ok(0)
            }
            outcome => {
                if outcome.is_ok() && self.in_trouble {
                    self.in_trouble = false;
                    self.troubles.reset();
                    tracing::info!(epoch = self.epoch, "the relay can use the database again");
                }
                outcome
            }
        }
    }

    async fn carry(&mut self) -> Result<usize, RelayEnd> {
        let announcements = self.outbox.pending(None, WINDOW).await?;
        if announcements.is_empty() {
            return Ok(0);
        }
        let messages: Vec<Outgoing> = announcements
            .iter()
            .map(|announcement| wire::encode(announcement, &self.exchange))
            .collect();
        let results = self.announcer.publish(&messages).await?;
        let mut out = results
            .iter()
            .take_while(|result| **result != Published::Nacked)
            .count();
        let unroutable = results[..out]
            .iter()
            .filter(|result| **result == Published::Unroutable)
            .count();
        self.note_unroutable(unroutable);
        if out < results.len() {
            if self.refused().await {
                out = results.len();
            }
        } else {
            self.refused_since = None;
            self.pauses.reset();
        }
        if out > 0 {
            failpoints::reached("before-progress");
            let now_ms = self.clock.now().wall_ms;
            self.outbox
                .announced(self.epoch, announcements[out - 1].number, now_ms)
                .await?;
            telemetry::ANNOUNCED.count(out as u64);
        }
        Ok(out)
    }

    fn note_unroutable(&mut self, messages: usize) {
        if messages == 0 {
            return;
        }
        telemetry::UNROUTABLE.count(messages as u64);
        if !self.warned.unroutable {
            self.warned.unroutable = true;
            tracing::warn!(
                exchange = self.exchange,
                "no queue is bound for announcements; schedulers that bind later must take a snapshot"
            );
        }
    }

    /// The broker refused an announcement: pause, or go on without its confirms (`true`), from then
    /// on at once, until it takes a whole window again.
    async fn refused(&mut self) -> bool {
        telemetry::NACKED.count(1);
        let now = self.clock.now().mono;
        let since = *self.refused_since.get_or_insert(now);
        if now.since(since) >= NACK_PATIENCE {
            if !self.warned.given_up {
                self.warned.given_up = true;
                tracing::error!(
                    exchange = self.exchange,
                    "the broker refuses announcements (a full queue that rejects?); going on without its confirm, \
                     subscribers see a gap and must take a snapshot"
                );
            }
            return true;
        }
        self.clock.sleep(self.pauses.pause()).await;
        false
    }
}
