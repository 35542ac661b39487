//! The loop that decides, as a step machine: at most one batch of deliveries, then silences, then
//! the sweep when it is due, then one window of nodes; then again.
//!
//! The order within is the product: fence, decide, commit, acknowledge, announce. A [`Decider`]
//! lives for one session with the broker and is thrown away at its end.

use std::time::Duration;

use super::counting::count;
use super::end::{End, Fault, Step};
use super::forgetting::forget_gone;
use super::identity::Identity;
use super::intake::{InHand, intake};
use super::lost;
use super::noting::Noting;
use super::pausing::{self, Pausing};
use super::ports::{Clock, Ledger, Queue};
use super::probing;
use super::receipts::measure;
use super::reconcile::reconcile;
use super::redecide::redecide;
use super::requests;
use super::retention::drop_old;
use super::rules::Rules;
use super::silence::end_silent;
use super::standby::Standby;
use super::sweep::sweep;
use super::takeover::rebuild;
use super::term::Place;
use super::unknown;
use super::waiting;
use crate::domain::committed::Committed;
use crate::domain::hearing::TICK_INTERVAL;
use crate::domain::time::Mono;
use crate::failpoints;
use crate::retry::Pauses;
use crate::store::{Pause, StoreError};
use crate::telemetry;
use crate::wire::Tick;

/// How long a trouble with the database is sat out with deliveries in hand: well below
/// `consumer_timeout` (30 min), after which RabbitMQ 4.3 gives them out of order.
const PATIENCE: Duration = Duration::from_secs(60);

/// Without a database for so long, this replica leaves the line to one that may have it.
const UNREACHABLE: Duration = Duration::from_secs(10);

const PAUSE_CAP: Duration = Duration::from_secs(2);

/// The longest wait for a delivery: how fast a stop is noticed on an idle queue.
const WAIT_CAP: Duration = Duration::from_millis(200);

/// Ticks without one that came back: the session is wedged. Counted: a frozen replica sends none.
const WEDGED_TICKS: u32 = 120;

/// The parts of a step after its deliveries.
#[derive(Clone, Copy)]
enum Part {
    EndSilent,
    Redecide,
    Answer,
    KeepWaiting,
    Sweep,
    ForgetGone,
    DropOld,
    JudgeUnknown,
    Reconcile,
    Count,
    Measure,
}

/// Their order. The last two only serve people and metrics, and hold up no decision.
const PARTS: [Part; 11] = [
    Part::EndSilent,
    Part::Redecide,
    Part::Answer,
    Part::KeepWaiting,
    Part::Sweep,
    Part::ForgetGone,
    Part::DropOld,
    Part::JudgeUnknown,
    Part::Reconcile,
    Part::Count,
    Part::Measure,
];

/// Parts that took longer in all leave the others to the next steps, in turn: behind a slow way to the database
/// a step of all of them would be longer than an own tick may take (L1, L3).
const SLICE: Duration = Duration::from_millis(125);

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
    us: Identity,
    place: Place,
    in_hand: InHand,
    next_tick: Mono,
    next_look: Mono,
    pausing: Pausing,
    trouble: Option<Trouble>,
    noting: Noting,
    standby: Standby,
    /// The part that the next step begins with.
    turn: usize,
}

impl<Q: Queue, L: Ledger, C: Clock> Decider<Q, L, C> {
    /// Gets to work in line. The database was [`ready`](super::ready) with `found` before `queue` was given
    /// anything.
    pub fn join(
        queue: Q,
        ledger: L,
        clock: C,
        rules: Rules,
        holder: &str,
        found: Committed,
    ) -> Self {
        let us = Identity {
            holder: holder.to_owned(),
            session: clock.id(),
            stream: found.stream.clone(),
        };
        ledger.known().provide(clock.id());
        ledger.known().follow(found);
        let now = clock.now();
        let standby = Standby::from(now.mono, rules.sweep_interval, clock.chance());
        Self {
            standby,
            queue,
            ledger,
            clock,
            rules,
            us,
            place: Place::default(),
            in_hand: InHand::default(),
            next_tick: now.mono,
            next_look: now.mono,
            pausing: Pausing::default(),
            trouble: None,
            noting: Noting::from(now.mono),
            turn: 0,
        }
    }

    /// One turn of the loop. Waits only for its ports, and for a delivery only if nothing else is
    /// to do. [`End`]: the session is over, and its memory must be dropped.
    pub async fn step(&mut self) -> Result<Step, End> {
        self.tick_if_due().await?;
        let (place, queue) = (&mut self.place, &mut self.queue);
        probing::look(place, queue, &self.clock, self.rules.sweep_interval).await?;
        let mut step = Step::default();
        if self.in_hand.waits() {
            self.clock.sleep(self.wait()).await;
        } else if self.in_hand.is_empty() {
            let wait = self.wait();
            let (queue, most) = (&mut self.queue, self.rules.batch);
            let received = match self.place.term() {
                None => {
                    let known = self.ledger.known();
                    self.standby.receive(queue, known, most, wait).await?
                }
                Some(_) => queue.receive(most, wait).await?,
            };
            // A long queue that is worked off may hold every tick until it expires.
            if let Some(term) = self.place.term_mut().filter(|_| received.len() >= most) {
                term.unanswered = 0;
            }
            self.in_hand.put(received);
            if !self.in_hand.is_empty() {
                failpoints::reached("after-delivery");
            }
        }
        match self.work(&mut step).await {
            Ok(()) => {
                if let Some(trouble) = self.trouble.take() {
                    tracing::info!(was = trouble.what, "the database is back");
                }
                self.wedged()?;
            }
            Err(Fault::End(end)) => return Err(end),
            Err(Fault::Store(fault)) => self.sit_out(fault).await?,
        }
        Ok(step)
    }

    /// What a step does, in order. A fault of the database interrupts it, and the next step goes on
    /// from there, with the committed memory after a doubt.
    async fn work(&mut self, step: &mut Step) -> Result<(), Fault> {
        let Self {
            queue,
            ledger,
            clock,
            rules,
            us,
            place,
            in_hand,
            pausing,
            next_tick,
            next_look,
            turn,
            trouble: _,
            noting: _,
            standby,
        } = self;
        lost::look(next_look, place, ledger, clock, us, standby).await?;
        if place.in_doubt() {
            rebuild(place, ledger, rules, clock.now().mono).await?;
        }
        let waiting = place.term().is_none();
        if !in_hand.is_empty() {
            step.handled = intake(place, in_hand, queue, ledger, clock, rules, us).await?;
            if waiting && place.term().is_some() {
                // The own tick that lets nodes be taken out: at once, not in a second.
                *next_tick = clock.now().mono;
            }
        }
        // A batch that could not be stored: what is remembered is ahead of the database.
        if place.in_doubt() {
            return Ok(());
        }
        pausing::look(pausing, place, ledger, clock).await?;
        let first = std::mem::take(turn);
        let began = clock.now().mono;
        for at in (0..PARTS.len()).map(|n| (first + n) % PARTS.len()) {
            match PARTS[at] {
                Part::EndSilent => end_silent(place, ledger, clock, rules, step).await?,
                Part::Redecide => redecide(place, ledger, clock, pausing, step).await?,
                Part::Answer => requests::answer(place, ledger, clock).await?,
                Part::KeepWaiting => waiting::keep(place, ledger, clock, step).await?,
                Part::Sweep => sweep(place, ledger, clock, rules, pausing, step).await?,
                Part::ForgetGone => forget_gone(place, ledger, clock, step).await?,
                Part::DropOld => drop_old(place, ledger, clock, rules, step).await?,
                Part::JudgeUnknown => unknown::judge(place, ledger, clock, rules, step).await?,
                Part::Reconcile => reconcile(place, ledger, clock, rules, pausing, step).await?,
                Part::Count => count(place, ledger, clock, rules, step).await?,
                Part::Measure => measure(place, ledger, step).await?,
            }
            if clock.now().mono.since(began) > SLICE {
                *turn = at + 1;
                break;
            }
        }
        Ok(())
    }

    /// The epoch, while this replica decides.
    pub fn epoch(&self) -> Option<u64> {
        self.place.term().map(|term| term.epoch)
    }

    /// Deliveries that are received and not yet acknowledged.
    pub fn in_hand(&self) -> usize {
        self.in_hand.len()
    }

    /// What is still to do: walks of reconcile, and silent conductors to judge.
    pub fn pending(&self) -> usize {
        let term = self.place.term();
        term.map_or(0, |term| {
            term.pending.len() + term.silent.len() + term.observed.len()
        })
    }

    /// How long ago the last fresh own tick came back (since the takeover, before the first).
    pub fn last_tick_age(&self) -> Option<Duration> {
        let now = self.clock.now().mono;
        Some(self.place.term()?.hearing.tick_age(now))
    }

    /// For how long silence proves nothing yet; zero if it counts, or if this replica does not decide.
    pub fn unproven(&self) -> Duration {
        let now = self.clock.now().mono;
        let grace = self.rules.reconnect_grace;
        let term = self.place.term();
        term.map_or(Duration::ZERO, |term| term.hearing.unproven(now, grace))
    }

    /// Why no silence can be judged, in words, if that has lasted too long to pass unsaid.
    pub fn deafness(&self) -> Option<String> {
        let now = self.clock.now().mono;
        probing::deafness(self.place.term()?, now)
    }

    /// What should be known of the stream that this replica decides in, in words.
    pub fn remark(&self) -> Option<String> {
        let now = self.clock.now().mono;
        let recovery = self.place.term()?.recovery.as_ref()?;
        recovery.remark(now)
    }

    /// Leaves word of its hearing and of `troubles` in the database, for what reads only that; not while
    /// the database is in trouble.
    pub async fn note(&mut self, troubles: &[String]) -> Result<(), End> {
        let Some(epoch) = self.epoch().filter(|_| self.trouble.is_none()) else {
            return Ok(());
        };
        let now = self.clock.now();
        let term = self.place.term();
        let deaf = term.is_some_and(|term| term.hearing.deafness(now.mono).is_some());
        let hearing = (self.unproven(), deaf);
        let noting = &mut self.noting;
        noting
            .note(&mut self.ledger, epoch, hearing, troubles, now)
            .await
    }

    /// The pause that keeps nodes in, as this replica knows it.
    pub fn pause(&self) -> Option<&Pause> {
        self.pausing.pause()
    }

    /// The trouble that is being sat out.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_ref().map(|trouble| trouble.what.as_str())
    }

    /// Stops deciding, and records it if the database is well. Returns the broker's side, to end
    /// it.
    pub async fn leave(mut self) -> Q {
        if let (Some(term), None) = (self.place.term(), &self.trouble) {
            let now_ms = self.clock.now().wall_ms;
            if let Err(fault) = self.ledger.step_down(term.epoch, now_ms).await {
                tracing::debug!(fault = telemetry::error_chain(&fault), "stepping down");
            }
        }
        // What is known waits in the queue for the next one, should the database go back meanwhile.
        let farewell = self.tick(self.clock.now().mono);
        if let Err(fault) = self.queue.send_tick(farewell.encode()).await {
            tracing::debug!(fault = telemetry::error_chain(&fault), "a last tick");
        }
        self.queue
    }

    fn wait(&self) -> Duration {
        let now = self.clock.now().mono;
        let Some(term) = self.place.term() else {
            return self.next_tick.since(now).min(WAIT_CAP);
        };
        let may_take = term.hearing.proven() && !self.pausing.is_on();
        let next = term.pending.next(&term.map, may_take, now);
        if self.place.in_doubt()
            || next.is_some()
            || !term.silent.is_empty()
            || term.look_at_requests
            || term.probing.repairing && term.hearing.deafness(now).is_some()
            || term.retention.len() + term.forgetting.len() > 0
            || term.counting.is_on()
            || !term.applied.is_empty()
        {
            return Duration::ZERO;
        }
        let next = self.next_tick.min(term.next_sweep);
        next.since(now).min(WAIT_CAP)
    }

    /// A tick sent at `now`. Others may rely on it: it says only what certainly is committed in the stream
    /// of our database.
    fn tick(&self, now: Mono) -> Tick {
        let known = self.ledger.known().furthest();
        Tick {
            stream: self.us.stream.clone(),
            session: self.us.session.clone(),
            sent: now.0,
            committed: known.filter(|known| known.stream == self.us.stream),
        }
    }

    async fn tick_if_due(&mut self) -> Result<(), End> {
        let now = self.clock.now().mono;
        if now < self.next_tick {
            return Ok(());
        }
        self.next_tick = now.plus(TICK_INTERVAL);
        let tick = self.tick(now);
        self.queue.send_tick(tick.encode()).await?;
        if let Some(term) = self.place.term_mut().filter(|_| !self.queue.blocked()) {
            term.unanswered += 1;
        }
        probing::send(&mut self.place, &mut self.queue, &self.clock, &self.us).await
    }

    /// A queue that gives nothing although all else answers: a new session may heal it (L4).
    fn wedged(&mut self) -> Result<(), End> {
        let now = self.clock.now().mono;
        let commits = || self.ledger.known().furthest().map(|known| known.commits);
        let why = match self.place.term() {
            Some(term) if term.unanswered > WEDGED_TICKS && self.in_hand.is_empty() => {
                "no own tick has come back for two minutes"
            }
            None if self.standby.stands_still(commits(), now) => {
                "no replica has committed anything for three sweeps"
            }
            Some(_) | None => return Ok(()),
        };
        Err(End::Wedged(why))
    }

    /// Keeps deliveries and channel during a fault, so that none counts against a good event.
    async fn sit_out(&mut self, fault: StoreError) -> Result<(), End> {
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
        let patience = if fault.is_unreachable() {
            UNREACHABLE
        } else {
            PATIENCE
        };
        if !fault.is_transient() || now.since(trouble.since) > patience {
            return Err(End::Store(fault));
        }
        telemetry::RETRIES.count_as("database", 1);
        let pause = trouble.pauses.pause_by(self.clock.chance());
        self.clock.sleep(pause).await;
        Ok(())
    }
}
