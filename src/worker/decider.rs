//! The loop that decides, as a step machine: at most one batch of deliveries, then one window of
//! reconcile, then the sweep when it is due; then again.
//!
//! The order within is the product: fence, decide, commit, acknowledge, announce. A [`Decider`]
//! lives for one session with the broker and is thrown away at its end.

use std::time::Duration;

use super::batch::{self, Batch};
use super::pending::{Over, Pending};
use super::ports::{Clock, Ledger, Queue};
use crate::broker::{BrokerError, Delivery};
use crate::domain::conductor::Life;
use crate::domain::hearing::{Hearing, TICK_INTERVAL};
use crate::domain::ids::ConductorName;
use crate::domain::map::{DriverMap, Standing};
use crate::domain::time::{Mono, Now};
use crate::failpoints;
use crate::retry::Pauses;
use crate::store::{Chunk, ConductorRecord, Keeping, Memory, StoreError, Window};
use crate::telemetry;
use crate::wire::{Publishers, Reason, Refusal, Tick};

/// A delivery seen this often is handled alone, so that whatever is wrong with it hits no neighbour.
const SEEN_OFTEN: u64 = 3;

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
    /// Deliveries in one transaction at the most.
    pub batch: usize,
    /// The longest planned restart that is honoured.
    pub back_within_cap: Duration,
    /// After a takeover or an own gap, silence proves nothing for that long.
    pub reconnect_grace: Duration,
    /// How often everything is looked at.
    pub sweep_interval: Duration,
    /// Nodes looked at in one transaction at the most.
    pub chunk_nodes: u32,
    /// Nodes in one announcement at the most.
    pub nodes_per_message: u32,
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
struct Seat {
    epoch: u64,
    map: DriverMap,
    hearing: Hearing,
    pending: Pending,
    next_sweep: Mono,
    /// The last commit's fate is unknown: read the memory again before anything else.
    doubt: bool,
    /// An own tick came back: see what operators ask for.
    look_at_requests: bool,
}

/// A trouble with the database that is being sat out.
struct Trouble {
    since: Mono,
    pauses: Pauses,
    what: String,
}

/// One session's loop over its three ports.
pub struct Decider<Q, L, C> {
    queue: Q,
    ledger: L,
    clock: C,
    rules: Rules,
    /// Who we are, for people.
    holder: String,
    /// Who we are, for our own ticks.
    session: String,
    stream: String,
    seat: Option<Seat>,
    /// Received and not yet acknowledged, in queue order.
    in_hand: Vec<Delivery>,
    /// Handle what is in hand one by one.
    alone: bool,
    next_tick: Mono,
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
            seat: None,
            in_hand: Vec::new(),
            alone: false,
            next_tick: now.mono,
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
        self.seat.as_ref().map(|seat| seat.epoch)
    }

    /// Deliveries that are received and not yet acknowledged.
    pub fn in_hand(&self) -> usize {
        self.in_hand.len()
    }

    /// Walks that reconcile has still to do.
    pub fn pending(&self) -> usize {
        self.seat.as_ref().map_or(0, |seat| seat.pending.len())
    }

    /// How long ago the last fresh own tick came back (since the takeover, before the first).
    pub fn last_tick_age(&self) -> Option<Duration> {
        let now = self.clock.now();
        self.seat
            .as_ref()
            .map(|seat| seat.hearing.last_fresh_age(now.mono))
    }

    /// The trouble that is being sat out.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_ref().map(|trouble| trouble.what.as_str())
    }

    /// The broker's side of this session, to end it.
    pub fn into_queue(self) -> Q {
        self.queue
    }

    fn wait(&self) -> Duration {
        let now = self.clock.now().mono;
        let Some(seat) = &self.seat else {
            return self.next_tick.since(now).min(WAIT_CAP);
        };
        if seat.doubt
            || seat
                .pending
                .next(&seat.map, seat.hearing.proven())
                .is_some()
        {
            return Duration::ZERO;
        }
        self.next_tick.min(seat.next_sweep).since(now).min(WAIT_CAP)
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
        if self.seat.as_ref().is_some_and(|seat| seat.doubt) {
            self.rebuild().await?;
        }
        if !self.in_hand.is_empty() {
            step.handled = self.intake().await?;
        }
        // A batch that could not be stored: what is remembered is ahead of the database.
        if self.seat.as_ref().is_some_and(|seat| !seat.doubt) {
            self.answer_requests().await?;
            self.sweep_if_due(step).await?;
            self.reconcile(step).await?;
        }
        Ok(())
    }

    /// Handles the next deliveries in hand: all, or one alone.
    async fn intake(&mut self) -> Result<usize, Fault> {
        let often = |delivery: &Delivery| delivery.delivery_count >= SEEN_OFTEN;
        let count = if self.alone || often(&self.in_hand[0]) {
            1
        } else {
            self.in_hand
                .iter()
                .take_while(|delivery| !often(delivery))
                .count()
        };
        let now = self.clock.now();
        let decoded = batch::decode(&self.in_hand[..count], self.rules.publishers.as_ref());
        if let Some(foreign) = batch::foreign_stream(&decoded, &self.stream) {
            return Err(End::ForeignStream(foreign.to_owned()).into());
        }
        if self.seat.is_none() {
            self.take_over(now).await?;
        }
        let known = self.ledger.recall(&batch::ids(&decoded)).await?;
        let seat = self.seat.as_mut().expect("taken above");
        // From here to the commit, memory is ahead of the database.
        seat.doubt = true;
        let done = {
            let mut ids = || self.clock.id();
            let mut batch = Batch::new(
                &mut seat.map,
                &mut seat.hearing,
                &self.session,
                &self.rules,
                now,
                &mut ids,
            );
            for item in decoded {
                batch.take(item, &known);
            }
            batch.finish()
        };
        // Before the commit, whose reply may be lost: a walk under way has passed nodes that must be
        // looked at again if it happened, and a look at a pair that did not turn changes nothing.
        for turn in &done.turned {
            seat.pending.turned(turn);
        }
        if !done.intake.events.is_empty() || !done.intake.conductors.is_empty() {
            let started = self.clock.now().mono;
            match self.ledger.commit_intake(seat.epoch, &done.intake).await {
                Err(fault @ StoreError::Permanent { .. }) => {
                    return self.bisect(count, fault).await;
                }
                other => other?,
            }
            telemetry::intake_seconds(self.clock.now().mono.since(started));
        }
        seat.doubt = false;
        seat.look_at_requests |= done.own_tick;
        done.report(seat.epoch);
        failpoints::reached("before-ack");
        self.settle(count, &done.refused).await?;
        Ok(count)
    }

    /// A batch that the database will never take: one by one, and alone the culprit is refused.
    async fn bisect(&mut self, count: usize, fault: StoreError) -> Result<usize, Fault> {
        if count > 1 {
            tracing::warn!(%fault, "a batch cannot be stored; its deliveries are handled one by one");
            self.alone = true;
            return Ok(0);
        }
        let refusal = Refusal::new(Reason::Unprocessable, fault.to_string());
        telemetry::refused(refusal.reason.as_str());
        let tag = self.in_hand[0].tag;
        self.settle(1, &[(tag, refusal)]).await?;
        Ok(1)
    }

    /// Refused copies first, then the acknowledgement of everything: nothing is ever in neither
    /// queue (I2).
    async fn settle(&mut self, count: usize, refused: &[(u64, Refusal)]) -> Result<(), Fault> {
        if !refused.is_empty() {
            let copies: Vec<(u64, String, String)> = refused
                .iter()
                .map(|(tag, refusal)| {
                    (
                        *tag,
                        refusal.reason.as_str().to_owned(),
                        refusal.detail.clone(),
                    )
                })
                .collect();
            self.queue.refuse(&copies).await.map_err(End::from)?;
        }
        let last = self.in_hand[count - 1].tag;
        self.queue
            .acknowledge_through(last)
            .await
            .map_err(End::from)?;
        self.in_hand.drain(..count);
        if self.in_hand.is_empty() {
            self.alone = false;
        }
        Ok(())
    }

    /// The first delivery of a session: take the next epoch, and look at everything.
    async fn take_over(&mut self, now: Now) -> Result<(), Fault> {
        let takeover = self.ledger.take_epoch(&self.holder, now.wall_ms).await?;
        if takeover.stream != self.stream {
            return Err(End::ForeignStream(takeover.stream).into());
        }
        // Only now is the commit known, so only now may the memory be used.
        let now = self.clock.now();
        let map = restore(&takeover.memory, now.mono);
        let mut pending = Pending::default();
        pending.everything(&map);
        tracing::info!(
            epoch = takeover.epoch,
            stream = takeover.stream,
            conductors = takeover.memory.conductors.len(),
            pairs = takeover.memory.standings.len(),
            "this replica decides now"
        );
        self.seat = Some(Seat {
            epoch: takeover.epoch,
            map,
            hearing: Hearing::from(now.mono),
            pending,
            next_sweep: now.mono,
            doubt: false,
            look_at_requests: false,
        });
        // The own tick that lets nodes be taken out: at once, not in a second.
        self.next_tick = now.mono;
        Ok(())
    }

    /// After a doubt: the memory as committed, and no silence judged by what was heard before.
    async fn rebuild(&mut self) -> Result<(), Fault> {
        let Some(seat) = &mut self.seat else {
            return Ok(());
        };
        let memory = self.ledger.resume(seat.epoch).await?;
        let now = self.clock.now().mono;
        seat.map = restore(&memory, now);
        seat.hearing.interrupt();
        seat.pending.everything(&seat.map);
        seat.doubt = false;
        Ok(())
    }

    async fn answer_requests(&mut self) -> Result<(), Fault> {
        let Some(seat) = self.seat.as_mut().filter(|seat| seat.look_at_requests) else {
            return Ok(());
        };
        let requests = self.ledger.requests().await?;
        for request in requests.iter().filter(|request| request.kind == "forget") {
            let name = ConductorName::parse(&request.argument).ok();
            let known = name.as_ref().and_then(|name| seat.map.conductor(name));
            let (forget, result) = match known {
                None => (false, "no such conductor is known"),
                Some(known) if known.counts() => {
                    (false, "it counts as active; nothing was forgotten")
                }
                Some(_) => (true, "forgotten"),
            };
            let now_ms = self.clock.now().wall_ms;
            seat.doubt = true;
            self.ledger
                .answer_forget(seat.epoch, request, forget, result, now_ms)
                .await?;
            if let Some(name) = name.filter(|_| forget) {
                seat.map.forget(&name);
                tracing::info!(conductor = %name, "forgotten by an operator's request");
            }
            seat.doubt = false;
        }
        seat.look_at_requests = false;
        Ok(())
    }

    async fn sweep_if_due(&mut self, step: &mut Step) -> Result<(), Fault> {
        let now = self.clock.now();
        let Some(seat) = self
            .seat
            .as_mut()
            .filter(|seat| now.mono >= seat.next_sweep)
        else {
            return Ok(());
        };
        let holds: Vec<ConductorRecord> = seat
            .map
            .conductors()
            .filter(|conductor| matches!(conductor.life, Life::Leaving { .. }))
            .map(|conductor| ConductorRecord::save(conductor, now.mono))
            .collect();
        // What was committed and not acknowledged before the takeover lies in the queue before our
        // own tick. Until that comes back, events are remembered, however old they are (I2).
        let mut keeping = self.rules.keeping;
        if !seat.hearing.proven() {
            keeping.events = Duration::MAX;
        }
        self.ledger
            .begin_sweep(seat.epoch, &holds, keeping, now.wall_ms)
            .await?;
        seat.pending.everything(&seat.map);
        seat.next_sweep = now.mono.plus(self.rules.sweep_interval);
        telemetry::sweep();
        step.worked = true;
        Ok(())
    }

    /// One window of the most urgent walk.
    async fn reconcile(&mut self, step: &mut Step) -> Result<(), Fault> {
        let Some(seat) = self.seat.as_mut() else {
            return Ok(());
        };
        let Some(walk) = seat.pending.next(&seat.map, seat.hearing.proven()).cloned() else {
            return Ok(());
        };
        let now = self.clock.now();
        let window = Window {
            after: walk.after,
            nodes: self.rules.chunk_nodes,
            nodes_per_message: self.rules.nodes_per_message,
            now_ms: now.wall_ms,
        };
        let (direction, chunk): (_, Chunk) = match &walk.over {
            Over::Pair(pair) if seat.map.standing(pair) == Some(Standing::Lost) => (
                "out",
                self.ledger.take_out(seat.epoch, pair, &window).await?,
            ),
            Over::Pair(pair) => (
                "back",
                self.ledger
                    .give_back(seat.epoch, Some(pair), &window)
                    .await?,
            ),
            Over::Holds => (
                "back",
                self.ledger.give_back(seat.epoch, None, &window).await?,
            ),
            Over::Nodes => ("back", self.ledger.put_right(seat.epoch, &window).await?),
        };
        telemetry::chunk_seconds(self.clock.now().mono.since(now.mono));
        if chunk.changed > 0 {
            telemetry::moved(direction, chunk.changed);
            tracing::debug!(over = ?walk.over, direction, nodes = chunk.changed, "nodes moved");
        }
        if chunk.skipped > 0 {
            tracing::warn!(
                over = ?walk.over,
                nodes = chunk.skipped,
                "nodes are left alone: their uuid is longer than 255 bytes"
            );
        }
        let more = chunk.next.is_some();
        seat.pending.done(&walk.over, chunk.next);
        step.moved = chunk.changed;
        step.worked = true;
        if more {
            failpoints::reached("between-chunks");
        }
        Ok(())
    }

    /// A trouble of the database: the deliveries stay in hand, the channel stays open, so that the
    /// broker counts no delivery against a good event.
    async fn sit_out(&mut self, fault: StoreError) -> Result<(), End> {
        if let StoreError::Fenced(epoch) = fault {
            return Err(End::Fenced(epoch));
        }
        if let Some(seat) = &mut self.seat {
            seat.doubt = true;
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
        telemetry::retried("database");
        let pause = trouble.pauses.pause();
        self.clock.sleep(pause).await;
        Ok(())
    }
}

/// What interrupts a step: the end of the session, or a fault of the database to classify.
enum Fault {
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

fn restore(memory: &Memory, now: Mono) -> DriverMap {
    DriverMap::load(
        memory
            .conductors
            .iter()
            .map(|conductor| conductor.restore(now)),
        memory.standings.iter().cloned(),
    )
}
