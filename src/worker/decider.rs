//! The loop that decides, as a step machine: at most one batch of deliveries, then one window of
//! reconcile, then the sweep when it is due; then again.
//!
//! The order within is the product: fence, decide, commit, acknowledge, announce. A [`Decider`]
//! lives for one session with the broker and is thrown away at its end. `intake` and `reconcile`
//! are its two halves.

use std::time::Duration;

use super::pausing::Pausing;
use super::pending::Pending;
use super::ports::{Clock, Ledger, Queue};
use super::window::WindowSize;
use crate::broker::BrokerError;
use crate::config::Mode;
use crate::domain::hearing::{Hearing, TICK_INTERVAL};
use crate::domain::map::DriverMap;
use crate::domain::time::Mono;
use crate::domain::unknown::Unknown;
use crate::failpoints;
use crate::message::Delivery;
use crate::retry::Pauses;
use crate::store::{Keeping, Pause, StoreError};
use crate::telemetry;
use crate::wire::{Publishers, Tick};

/// How long a trouble with the database is sat out with the deliveries in hand. Longer would come
/// near the broker's own limit for unacknowledged deliveries (`consumer_timeout`, 30 min).
const PATIENCE: Duration = Duration::from_secs(600);

/// The longest pause between two attempts at the database.
const PAUSE_CAP: Duration = Duration::from_secs(2);

/// The longest wait for a delivery: how fast a stop is noticed on an idle queue.
const WAIT_CAP: Duration = Duration::from_millis(200);

/// What the loop goes by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Whether decisions reach the nodes.
    pub mode: Mode,
    /// Deliveries in one transaction at the most.
    pub batch: usize,
    /// The longest planned restart that is honoured.
    pub back_within_cap: Duration,
    /// After a takeover or an own gap, silence proves nothing for that long.
    pub reconnect_grace: Duration,
    /// Conductors gone that long are forgotten.
    pub forget_after: Duration,
    /// How often everything is looked at.
    pub sweep_interval: Duration,
    /// Nodes looked at in one transaction at the most.
    pub chunk_nodes: u32,
    /// Nodes in one announcement at the most.
    pub nodes_per_message: u32,
    /// How long a pair must never have had a conductor for its nodes to be taken out; `None`: they
    /// are left alone.
    pub unknown_after: Option<Duration>,
    /// How long records are kept.
    pub keeping: Keeping,
    /// Who may speak for whom.
    pub publishers: Option<Publishers>,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// Another replica holds the epoch. Nothing more may be done with what this one remembers.
    #[error("another replica has taken over (our epoch was {0})")]
    Fenced(u64),
    /// Somebody else's replica, on another database, consumes the same queue.
    #[error(
        "a replica of another database (stream {0}) ticks on our queue: \
         stop it, or give it a queue of its own; nothing is acknowledged meanwhile"
    )]
    ForeignStream(String),
    /// The broker.
    #[error("broker: {0}")]
    Broker(#[from] BrokerError),
    /// The database, in a way that waiting in place did not heal.
    #[error("database: {0}")]
    Store(StoreError),
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Step {
    /// Deliveries handled and acknowledged.
    pub handled: usize,
    /// Nodes that changed; there is something to announce.
    pub moved: u64,
    /// Whether something else was done (a window without a change, a sweep).
    pub worked: bool,
}

/// The right to decide, and what it is decided by. Held from the first delivery on.
pub(super) struct Term {
    pub(super) epoch: u64,
    pub(super) map: DriverMap,
    pub(super) hearing: Hearing,
    pub(super) pending: Pending,
    pub(super) next_sweep: Mono,
    /// The last commit's fate is unknown: read the memory again before anything else.
    pub(super) doubt: bool,
    /// An own tick came back: see what operators ask for.
    pub(super) look_at_requests: bool,
    /// Pairs that never had a conductor.
    pub(super) unknown: Unknown,
    /// The sending instant of an own tick that came back fresh: judge what is unknown against it.
    pub(super) fresh: Option<Mono>,
    /// How many nodes the next window may have.
    pub(super) chunk: WindowSize,
}

/// A trouble with the database that is being sat out.
struct Trouble {
    since: Mono,
    pauses: Pauses,
    what: String,
}

/// One session's loop over its three ports.
pub struct Decider<Q, L, C> {
    pub(super) queue: Q,
    pub(super) ledger: L,
    pub(super) clock: C,
    pub(super) rules: Rules,
    /// Who we are, for people.
    pub(super) holder: String,
    /// Who we are, for our own ticks.
    pub(super) session: String,
    pub(super) stream: String,
    pub(super) term: Option<Term>,
    /// Received and not yet acknowledged, in queue order.
    pub(super) in_hand: Vec<Delivery>,
    /// Handle what is in hand one by one.
    pub(super) alone: bool,
    pub(super) next_tick: Mono,
    pub(super) pausing: Pausing,
    trouble: Option<Trouble>,
}

impl<Q: Queue, L: Ledger, C: Clock> Decider<Q, L, C> {
    /// Joins the line: the database must be reachable and writable before a single delivery is
    /// taken.
    ///
    /// # Errors
    /// [`StoreError`] if it is not.
    pub async fn join(
        queue: Q,
        mut ledger: L,
        clock: C,
        rules: Rules,
        holder: &str,
    ) -> Result<Self, StoreError> {
        ledger.prove().await?;
        let stream = ledger.stream().await?;
        let now = clock.now();
        Ok(Self {
            session: clock.id(),
            queue,
            ledger,
            clock,
            rules,
            holder: holder.to_owned(),
            stream,
            term: None,
            in_hand: Vec::new(),
            alone: false,
            next_tick: now.mono,
            pausing: Pausing::default(),
            trouble: None,
        })
    }

    /// One turn of the loop. Waits only for its ports, and for a delivery only if nothing else is
    /// to be done.
    ///
    /// # Errors
    /// [`End`]: this session is over; everything it remembers must be dropped.
    pub async fn step(&mut self) -> Result<Step, End> {
        self.tick_if_due().await?;
        let mut step = Step::default();
        if self.in_hand.is_empty() {
            let wait = self.wait();
            self.in_hand = self.queue.receive(self.rules.batch, wait).await?;
            if !self.in_hand.is_empty() {
                failpoints::reached("after-delivery");
            }
        }
        let outcome = self.work(&mut step).await;
        match outcome {
            Ok(()) => {
                if let Some(trouble) = self.trouble.take() {
                    tracing::info!(was = trouble.what, "the database is back");
                }
            }
            Err(Fault::End(end)) => return Err(end),
            Err(Fault::Store(fault)) => self.sit_out(fault).await?,
        }
        Ok(step)
    }

    /// The epoch, while this replica decides.
    pub fn epoch(&self) -> Option<u64> {
        self.term.as_ref().map(|term| term.epoch)
    }

    /// Deliveries that are received and not yet acknowledged.
    pub fn in_hand(&self) -> usize {
        self.in_hand.len()
    }

    /// Walks that reconcile has still to do.
    pub fn pending(&self) -> usize {
        self.term.as_ref().map_or(0, |term| term.pending.len())
    }

    /// How long ago the last fresh own tick came back (since the takeover, before the first).
    pub fn last_tick_age(&self) -> Option<Duration> {
        let now = self.clock.now();
        self.term
            .as_ref()
            .map(|term| term.hearing.last_fresh_age(now.mono))
    }

    /// The pause that keeps nodes in, as this replica knows it.
    pub fn pause(&self) -> Option<&Pause> {
        self.pausing.pause()
    }

    /// The trouble that is being sat out.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_ref().map(|trouble| trouble.what.as_str())
    }

    /// Stops deciding, and says so in the database unless that is in trouble (`status` would name
    /// us for a while, no more). Returns the broker's side of this session, to end it.
    pub async fn leave(mut self) -> Q {
        if let (Some(term), None) = (&self.term, &self.trouble) {
            let now_ms = self.clock.now().wall_ms;
            if let Err(fault) = self.ledger.step_down(term.epoch, now_ms).await {
                tracing::debug!(fault = telemetry::error_chain(&fault), "stepping down");
            }
        }
        self.queue
    }

    fn wait(&self) -> Duration {
        let now = self.clock.now().mono;
        let Some(term) = &self.term else {
            return self.next_tick.since(now).min(WAIT_CAP);
        };
        let may_take = term.hearing.proven() && !self.pausing.is_on();
        let next = term.pending.next(&term.map, may_take, now);
        if term.doubt || next.is_some() {
            return Duration::ZERO;
        }
        self.next_tick.min(term.next_sweep).since(now).min(WAIT_CAP)
    }

    async fn tick_if_due(&mut self) -> Result<(), End> {
        let now = self.clock.now().mono;
        if now < self.next_tick {
            return Ok(());
        }
        self.next_tick = now.plus(TICK_INTERVAL);
        let tick = Tick {
            stream: self.stream.clone(),
            session: self.session.clone(),
            sent: now.0,
        };
        self.queue.send_tick(tick.encode()).await?;
        Ok(())
    }

    async fn work(&mut self, step: &mut Step) -> Result<(), Fault> {
        if self.term.as_ref().is_some_and(|term| term.doubt) {
            self.rebuild().await?;
        }
        if !self.in_hand.is_empty() {
            step.handled = self.intake().await?;
        }
        // A batch that could not be stored: what is remembered is ahead of the database.
        if self.term.as_ref().is_some_and(|term| term.doubt) {
            return Ok(());
        }
        self.look_for_pause().await?;
        if self.term.is_some() {
            self.answer_requests().await?;
            self.sweep_if_due(step).await?;
            self.judge_unknown(step).await?;
            self.reconcile(step).await?;
        }
        Ok(())
    }

    /// A trouble of the database: the deliveries stay in hand, the channel stays open, so that the
    /// broker counts no delivery against a good event.
    async fn sit_out(&mut self, fault: StoreError) -> Result<(), End> {
        if let StoreError::Fenced(epoch) = fault {
            return Err(End::Fenced(epoch));
        }
        if let Some(term) = &mut self.term {
            term.doubt = true;
        }
        let now = self.clock.now().mono;
        let what = telemetry::error_chain(&fault);
        let trouble = self.trouble.get_or_insert_with(|| {
            tracing::warn!(
                fault = what,
                "the database is in trouble; nothing is decided until it is back"
            );
            Trouble {
                since: now,
                pauses: Pauses::up_to(PAUSE_CAP),
                what: String::new(),
            }
        });
        trouble.what = what;
        if !fault.is_transient() || now.since(trouble.since) > PATIENCE {
            return Err(End::Store(fault));
        }
        telemetry::RETRIES.count_as("database", 1);
        let pause = trouble.pauses.pause();
        self.clock.sleep(pause).await;
        Ok(())
    }
}

/// What interrupts a step: the end of the session, or a fault of the database to classify.
pub(super) enum Fault {
    End(End),
    Store(StoreError),
}

impl From<End> for Fault {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<StoreError> for Fault {
    fn from(fault: StoreError) -> Self {
        Self::Store(fault)
    }
}
