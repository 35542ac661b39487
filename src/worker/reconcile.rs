//! The second half of a step: what operators ask for, the sweep, and one window of nodes.

use std::time::Duration;

use super::decider::{Decider, Fault, Step};
use super::pending::{Over, Walk};
use super::ports::{Clock, Ledger, Queue};
use super::unknown::UNKNOWN_AT_ONCE;
use crate::config::Mode;
use crate::domain::change::Standing;
use crate::domain::conductor::Life;
use crate::domain::ids::{ConductorName, Pair};
use crate::domain::time::Mono;
use crate::failpoints;
use crate::store::{ConductorRecord, Rows, StoreError, Sweep, Window, WindowDone};
use crate::telemetry;

/// What an operator must know of a window: that it began by a decision of its own, and that a loss or a
/// return is carried out. Never a line for each window or node.
fn tell(over: &Over, chunk: &WindowDone, direction: &'static str, epoch: u64) {
    let Over::Pair(pair) = over else {
        return;
    };
    let conductor_group = telemetry::printable(pair.group.as_str());
    let driver = telemetry::printable(pair.driver.as_str());
    if let Some(decision_id) = &chunk.decided {
        telemetry::DECISIONS.count_as("lost", 1);
        tracing::warn!(
            epoch,
            decision_id,
            conductor_group,
            driver,
            "decided anew: it was only observed before"
        );
    }
    if let Some(done) = chunk.completed.as_ref().filter(|done| done.nodes > 0) {
        tracing::warn!(
            epoch,
            decision_id = done.decision_id,
            conductor_group,
            driver,
            direction,
            nodes = done.nodes,
            "carried out"
        );
    }
}

/// Conductors, and pairs, forgotten in one sweep at the most: a bounded transaction.
const FORGOTTEN_AT_ONCE: usize = 1000;

/// When a sweep that failed is tried again, at the latest with the next one.
const SWEEP_AGAIN: Duration = Duration::from_secs(10);

/// When rows that somebody else had locked are looked at again: a user's transaction is over in
/// milliseconds, or it lasts.
const AGAIN: Duration = Duration::from_secs(1);

impl<Q: Queue, L: Ledger, C: Clock> Decider<Q, L, C> {
    pub(super) async fn answer_requests(&mut self) -> Result<(), Fault> {
        let Some(term) = self.term.as_mut().filter(|term| term.look_at_requests) else {
            return Ok(());
        };
        let requests = self.ledger.requests().await?;
        for request in &requests {
            let name = ConductorName::parse(&request.argument).ok();
            let known = name.as_ref().and_then(|name| term.map.conductor(name));
            let (forget, result) = match known {
                None => (false, "no such conductor is known"),
                Some(known) if known.counts_as_active() => {
                    (false, "it counts as active; nothing was forgotten")
                }
                Some(_) => (true, "forgotten"),
            };
            let now_ms = self.clock.now().wall_ms;
            term.doubt = true;
            self.ledger
                .answer_forget(term.epoch, request, forget, result, now_ms)
                .await?;
            if let Some(name) = name.filter(|_| forget) {
                term.map.forget(&name);
                tracing::info!(
                    conductor = telemetry::printable(name.as_str()),
                    "forgotten by an operator's request"
                );
            }
            term.doubt = false;
        }
        term.look_at_requests = false;
        Ok(())
    }

    pub(super) async fn sweep_if_due(&mut self, step: &mut Step) -> Result<(), Fault> {
        let now = self.clock.now();
        let Some(term) = self
            .term
            .as_mut()
            .filter(|term| now.mono >= term.next_sweep)
        else {
            return Ok(());
        };
        let holds = term
            .map
            .conductors()
            .filter(|conductor| matches!(conductor.life, Life::Leaving { .. }))
            .map(|conductor| ConductorRecord::save(conductor, now.mono))
            .collect();
        let forget_after = u64::try_from(self.rules.forget_after.as_millis()).unwrap_or(u64::MAX);
        let mut forget = term
            .map
            .gone_since(now.wall_ms.saturating_sub(forget_after));
        forget.truncate(FORGOTTEN_AT_ONCE);
        let mut unnamed = term.map.unnamed(&forget);
        unnamed.truncate(FORGOTTEN_AT_ONCE);
        let unwanted = match self.rules.unknown_after {
            Some(_) => Vec::new(),
            None => term.map.lost().take(FORGOTTEN_AT_ONCE).cloned().collect(),
        };
        // What was committed and not acknowledged before the takeover lies in the queue before our
        // own tick. Until that comes back, events are remembered, however old they are (I2).
        let mut keeping = self.rules.keeping;
        if !term.hearing.proven() {
            keeping.events = Duration::MAX;
        }
        let sweep = Sweep {
            holds,
            forget,
            unnamed,
            unwanted,
            announces: self.rules.mode == Mode::Enforce,
            pause: self.pausing.remainder(now.mono),
            keeping,
            now_ms: now.wall_ms,
        };
        // One that fails must not be the only thing that is ever tried.
        term.next_sweep = now.mono.plus(self.rules.sweep_interval.min(SWEEP_AGAIN));
        term.doubt = true;
        let forgotten = self.ledger.begin_sweep(term.epoch, &sweep).await?;
        for name in &sweep.forget {
            term.map.forget(name);
            tracing::info!(
                conductor = telemetry::printable(name.as_str()),
                "forgotten: gone for longer than decide.forget_after"
            );
        }
        for pair in &forgotten {
            term.map.forget_pair(pair);
        }
        term.doubt = false;
        if self.rules.unknown_after.is_some() {
            let pairs = self.ledger.unknown_pairs(UNKNOWN_AT_ONCE).await?;
            term.unknown.see(&pairs, &term.map, now.mono);
        }
        term.pending.everything(&term.map);
        term.next_sweep = now.mono.plus(self.rules.sweep_interval);
        telemetry::SWEEPS.count(1);
        step.worked = true;
        Ok(())
    }

    /// One window of the most urgent walk.
    pub(super) async fn reconcile(&mut self, step: &mut Step) -> Result<(), Fault> {
        let Some(term) = self.term.as_mut() else {
            return Ok(());
        };
        let now = self.clock.now();
        let may_take = term.hearing.proven() && !self.pausing.is_on();
        let Some(walk) = term.pending.next(&term.map, may_take, now.mono).cloned() else {
            return Ok(());
        };
        let window = Window {
            after: walk.after.clone(),
            nodes: walk.nodes.unwrap_or_else(|| match &walk.over {
                Over::Pair(_) if walk.after.is_empty() => term.chunk.first(),
                _ => term.chunk.scaled(walk.scale),
            }),
            nodes_per_message: self.rules.nodes_per_message,
            unknown: self.rules.unknown_after.is_some(),
            completes: !walk.left_behind,
            now_ms: now.wall_ms,
        };
        let lost = |pair: &Pair| term.map.standing(pair) == Some(Standing::Lost);
        let (epoch, ledger) = (term.epoch, &mut self.ledger);
        let (direction, done) = match &walk.over {
            Over::Pair(pair) if lost(pair) => ("out", ledger.take_out(epoch, pair, &window).await),
            Over::Pair(pair) => ("back", ledger.give_back(epoch, Some(pair), &window).await),
            Over::Holds => ("back", ledger.give_back(epoch, None, &window).await),
            Over::Nodes => ("back", ledger.unmark_strays(epoch, &window).await),
        };
        step.worked = true;
        let chunk = match done {
            Ok(chunk) => chunk,
            Err(fault @ StoreError::Permanent { .. }) => {
                return self.narrow(&walk, &window, &fault).await;
            }
            Err(fault) => {
                // It may have been too much at once; and others shall have their turn.
                term.chunk.failed();
                term.pending.put_back(&walk.over);
                return Err(fault.into());
            }
        };
        if chunk.paused {
            self.pausing.met();
            return Ok(());
        }
        tell(&walk.over, &chunk, direction, epoch);
        let took = self.clock.now().mono.since(now.mono);
        telemetry::CHUNK.took(took);
        term.chunk.took(&window, chunk.changed, took);
        if chunk.changed > 0 {
            telemetry::NODES_MOVED.count_as(direction, chunk.changed);
            let took_us = took.as_micros() as u64;
            tracing::debug!(over = ?walk.over, direction, nodes = chunk.changed, took_us, "nodes moved");
        }
        if chunk.skipped > 0 {
            telemetry::NODES_SKIPPED.count(chunk.skipped);
            tracing::warn!(
                over = ?walk.over,
                nodes = chunk.skipped,
                "nodes are left alone: their uuid is longer than 255 bytes"
            );
        }
        let again = now.mono.plus(AGAIN);
        term.pending.done(&walk.over, &chunk, window.nodes, again);
        step.moved = chunk.changed;
        if chunk.next.is_some() {
            failpoints::reached("between-chunks");
        }
        Ok(())
    }

    /// A window that the database will never take: half of it, down to the one row that is at
    /// fault, which is named and left alone. The others are not held up by it.
    async fn narrow(
        &mut self,
        walk: &Walk,
        window: &Window,
        fault: &StoreError,
    ) -> Result<(), Fault> {
        let Some(term) = self.term.as_mut() else {
            return Ok(());
        };
        if window.nodes > 1 {
            term.pending.narrow(&walk.over, window.nodes / 2);
            return Ok(());
        }
        let of = match &walk.over {
            Over::Pair(pair) if term.map.standing(pair) == Some(Standing::Lost) => {
                Rows::NodesOf(pair)
            }
            Over::Pair(pair) => Rows::HoldsOf(pair),
            Over::Holds => Rows::Holds,
            Over::Nodes => Rows::Nodes,
        };
        let row = self.ledger.first_after(of, &walk.after).await?;
        telemetry::NODES_SKIPPED.count(1);
        tracing::error!(
            uuid = row.as_deref().map(telemetry::printable),
            fault = telemetry::error_chain(fault),
            "a node cannot be handled and is left alone until the next sweep"
        );
        let passed = WindowDone {
            next: row,
            ..WindowDone::default()
        };
        term.pending
            .done(&walk.over, &passed, window.nodes, Mono::default());
        Ok(())
    }
}
