//! The first half of a step: what was delivered, from takeover to acknowledgement.

use super::batch::{self, Batch};
use super::decider::{Decider, End, Fault, Term};
use super::pending::Pending;
use super::ports::{Clock, Ledger, Queue};
use super::window::WindowSize;
use crate::domain::hearing::Hearing;
use crate::domain::map::DriverMap;
use crate::domain::time::{Mono, Now};
use crate::domain::unknown::Unknown;
use crate::failpoints;
use crate::message::Delivery;
use crate::message::Refused;
use crate::store::{Memory, StoreError};
use crate::telemetry;
use crate::wire::{Reason, Refusal};

/// A delivery seen this often is handled alone, so that whatever is wrong with it hits no neighbour.
const SEEN_OFTEN: u64 = 3;

/// Bytes of bodies in one transaction at the most. An event of 64 KiB can name 16,000 drivers, each
/// of them a decision to write; ordinary events are a few hundred bytes.
const BATCH_BYTES: usize = 128 * 1024;

impl<Q: Queue, L: Ledger, C: Clock> Decider<Q, L, C> {
    /// Handles the next deliveries in hand: all, or one alone.
    pub(super) async fn intake(&mut self) -> Result<usize, Fault> {
        let count = self.next_batch();
        let now = self.clock.now();
        let decoded = batch::decode(&self.in_hand[..count], self.rules.publishers.as_ref());
        if let Some(foreign) = batch::foreign_stream(&decoded, &self.stream) {
            return Err(End::ForeignStream(foreign.to_owned()).into());
        }
        if self.term.is_none() {
            self.take_over(now).await?;
        }
        let known = self.ledger.recall(&batch::ids(&decoded)).await?;
        let term = self.term.as_mut().expect("taken above");
        // From here to the commit, memory is ahead of the database.
        term.doubt = true;
        let done = {
            let mut ids = || self.clock.id();
            let mut batch = Batch::new(
                &mut term.map,
                &mut term.hearing,
                &mut term.unknown,
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
            term.pending.turned(turn);
        }
        if !done.intake.events.is_empty() || !done.intake.conductors.is_empty() {
            let started = self.clock.now().mono;
            match self.ledger.commit(term.epoch, &done.intake).await {
                Err(fault @ StoreError::Permanent { .. }) => {
                    return self.bisect(count, fault).await;
                }
                other => other?,
            }
            telemetry::INTAKE.took(self.clock.now().mono.since(started));
        }
        term.doubt = false;
        term.look_at_requests |= done.own_tick;
        term.fresh = done.fresh.or(term.fresh);
        done.report(term.epoch);
        failpoints::reached("before-ack");
        self.settle(count, &done.refused).await?;
        Ok(count)
    }

    /// How many of the deliveries in hand go into the next transaction.
    fn next_batch(&self) -> usize {
        let often = |delivery: &Delivery| delivery.delivery_count >= SEEN_OFTEN;
        if self.alone || often(&self.in_hand[0]) {
            return 1;
        }
        let mut bytes = 0;
        let fitting = self.in_hand.iter().take_while(|delivery| {
            bytes += delivery.body.len();
            bytes <= BATCH_BYTES && !often(delivery)
        });
        fitting.count().max(1)
    }

    /// A batch that the database will never take: one by one, and alone the culprit is refused.
    async fn bisect(&mut self, count: usize, fault: StoreError) -> Result<usize, Fault> {
        if count > 1 {
            tracing::warn!(
                fault = telemetry::error_chain(&fault),
                "a batch cannot be stored; its deliveries are handled one by one"
            );
            self.alone = true;
            return Ok(0);
        }
        let refusal = Refusal::new(Reason::Unprocessable, fault.to_string());
        telemetry::REFUSED.count_as(refusal.reason.as_str(), 1);
        tracing::warn!(
            reason = refusal.reason.as_str(),
            detail = telemetry::printable(&refusal.detail),
            "refused a message; it is kept among the dead letters"
        );
        let tag = self.in_hand[0].tag;
        self.settle(1, &[(tag, refusal)]).await?;
        Ok(1)
    }

    /// Refused copies first, then the acknowledgement of everything: nothing is ever in neither
    /// queue (I2).
    async fn settle(&mut self, count: usize, refused: &[(u64, Refusal)]) -> Result<(), Fault> {
        if !refused.is_empty() {
            let copies: Vec<Refused> = refused
                .iter()
                .map(|(tag, refusal)| Refused {
                    tag: *tag,
                    reason: refusal.reason.as_str(),
                    detail: refusal.detail.clone(),
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
        let takeover = self
            .ledger
            .take_epoch(&self.holder, self.rules.mode, now.wall_ms)
            .await?;
        if takeover.stream != self.stream {
            return Err(End::ForeignStream(takeover.stream).into());
        }
        // Only now is the commit known, so only now may the memory be used.
        let now = self.clock.now();
        let map = restore(&takeover.memory, now.mono);
        let mut pending = Pending::new(self.rules.mode);
        pending.everything(&map);
        tracing::info!(
            epoch = takeover.epoch,
            stream = takeover.stream,
            mode = self.rules.mode.as_str(),
            conductors = takeover.memory.conductors.len(),
            pairs = takeover.memory.standings.len(),
            "this replica decides now"
        );
        self.term = Some(Term {
            epoch: takeover.epoch,
            map,
            hearing: Hearing::from(now.mono),
            pending,
            next_sweep: now.mono,
            doubt: false,
            look_at_requests: false,
            unknown: Unknown::default(),
            fresh: None,
            chunk: WindowSize::up_to(self.rules.chunk_nodes),
        });
        // The own tick that lets nodes be taken out: at once, not in a second.
        self.next_tick = now.mono;
        Ok(())
    }

    /// After a doubt: the memory as committed, and no silence judged by what was heard before.
    pub(super) async fn rebuild(&mut self) -> Result<(), Fault> {
        let Some(term) = &mut self.term else {
            return Ok(());
        };
        let memory = self.ledger.resume(term.epoch).await?;
        let now = self.clock.now().mono;
        term.map = restore(&memory, now);
        term.hearing.interrupt();
        term.fresh = None;
        term.pending.everything(&term.map);
        term.doubt = false;
        Ok(())
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
