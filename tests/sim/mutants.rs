//! [`Mutant`]: a way to be wrong, which the simulator must catch; and [`Mutated`]: the ledger of a replica
//! that is wrong in its dealings with the database.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::domain::change::Standing;
use nodewarden::domain::committed::{Committed, Loss};
use nodewarden::domain::event::EventType;
use nodewarden::domain::ids::{ConductorName, EventId, Pair};
use nodewarden::message::Published;
use nodewarden::store::{
    Counts, CountsWindow, Findings, HearingNote, Held, Known, Ledger, Memory, Outbox, Pause, Prune,
    Request, Rows, StoreError, Surveyed, Sweep, Takeover, Window, WindowDone,
};
use nodewarden::wire;
use nodewarden_tests::model::{Model, ModelLedger};

use crate::oracle::Oracle;
use crate::picture::at_once;

/// What is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Writes go by no epoch.
    NoFence,
    /// The epoch is read, and not changed by what writes.
    FenceByReading,
    /// The epoch is taken with the place in line, not with the first delivery.
    EpochAtConnect,
    /// A session that was fenced takes the next epoch and goes on.
    FencedTakesAgain,
    /// Deliveries are acknowledged as they come.
    AckBeforeCommit,
    /// The consumer is cancelled where its channel should be closed.
    CancelInsteadOfClosing,
    /// Announcements go out before the transaction that decides them is over.
    AnnounceBeforeCommit,
    /// Another relay finds other boundaries of messages.
    Regrouped,
    /// All that is out for the same reason comes back together.
    ReturnByText,
    /// Any replica's tick counts as an own one.
    AnyTick,
    /// After a takeover, what was left of a time-out before is left of it still.
    DeadlinesNotMoved,
    /// All silences that are due go into one transaction.
    SilenceAtOnce,
    /// Heartbeats are not remembered.
    HeartbeatsForgotten,
    /// A look that failed makes deaf.
    DoubtAfterLook,
    /// Retention looks at the oldest row, and stops if that stays.
    PruneOnlyOldest,
    /// Dead letters go back straight into the queue.
    RequeueByDefaultExchange,
    /// What is known to be committed is forgotten at once.
    LossUnseen,
    /// A stream that begins because commits were lost is like any other.
    NoWaitAfterLoss,
    /// What is only observed is stored as decided.
    ObservedAsDecided,
    /// A pair is unknown as soon as no conductor has it.
    UnknownAtOnce,
}

impl Mutant {
    /// All, each with a seed that catches it, and the beginning of the failure that does.
    pub const ALL: [(Self, u64, &'static str); 20] = [
        (Self::NoFence, 151, "I1:"),
        (Self::FenceByReading, 151, "I1:"),
        (Self::EpochAtConnect, 468, "L2:"),
        (Self::FencedTakesAgain, 358, "I1:"),
        (Self::AckBeforeCommit, 1, "I2:"),
        (Self::CancelInsteadOfClosing, 414, "I1:"),
        (Self::AnnounceBeforeCommit, 4, "I4:"),
        (Self::Regrouped, 25, "I4:"),
        (Self::ReturnByText, 243, "I6:"),
        (Self::AnyTick, 329, "nodes go out, and no own tick"),
        (Self::DeadlinesNotMoved, 17, "I7:"),
        (Self::SilenceAtOnce, 1, "L3:"),
        (Self::HeartbeatsForgotten, 1, "I1:"),
        (Self::DoubtAfterLook, 357, "L3:"),
        (Self::PruneOnlyOldest, 468, "L2:"),
        (Self::RequeueByDefaultExchange, 14, "L3:"),
        (Self::LossUnseen, 114, "I4:"),
        (Self::NoWaitAfterLoss, 17, "I7:"),
        (Self::ObservedAsDecided, 4, "n"),
        (Self::UnknownAtOnce, 3, "I7:"),
    ];

    /// Whether it is wrong only where commits are lost.
    pub fn is_about_losses(self) -> bool {
        matches!(self, Self::LossUnseen | Self::NoWaitAfterLoss)
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().map(|(mutant, ..)| *mutant);
        all.find(|mutant| format!("{mutant:?}") == name)
    }
}

/// The ledger of a replica that may be a mutant.
pub struct Mutated {
    pub inner: ModelLedger,
    pub model: Model,
    pub mutant: Option<Mutant>,
    pub holder: String,
    pub oracle: Oracle,
    /// The epoch as it was when the call began.
    pub read: Rc<Cell<u64>>,
    /// The epoch that a fenced session took again.
    pub took: Option<u64>,
}

impl Mutated {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// What it knew to be committed.
    fn forget(&mut self) {
        if self.is(Mutant::LossUnseen) {
            self.inner = self.model.ledger(&self.holder);
        }
    }

    /// Whatever epoch there is, the next one follows it.
    fn follow_any(&self) {
        let committed = self.model.look(|tables| Committed {
            stream: tables.one.stream.clone(),
            epoch: tables.one.epoch,
            seq: 0,
            commits: 0,
        });
        self.inner.known().follow(committed);
    }

    /// The epoch to write by, of one that holds `mine`.
    fn epoch(&mut self, mine: u64) -> u64 {
        self.forget();
        let current = self.model.look(|tables| tables.one.epoch);
        match self.mutant {
            Some(Mutant::NoFence) => current,
            Some(Mutant::FenceByReading) if self.read.get() == mine => current,
            Some(Mutant::FencedTakesAgain) => {
                let held = self.took.unwrap_or(mine);
                if held != current {
                    self.follow_any();
                    let again = self.inner.take_epoch(&self.holder, Mode::Enforce, 0);
                    self.took = Some(at_once(again).expect("it is only taken").epoch);
                }
                self.took.unwrap_or(mine)
            }
            _ => mine,
        }
    }

    /// What a window will announce goes out now.
    async fn announce_early(&self, epoch: u64, pair: &Pair, window: &Window) {
        let copy = Model::of(self.model.tables());
        let last = copy.look(|tables| tables.one.last_announcement);
        let mut ledger = copy.ledger(&self.holder);
        if ledger.take_out(epoch, pair, window).await.is_ok() {
            let coming = copy.outbox(&self.holder).pending(Some(last), 100).await;
            for announcement in coming.unwrap_or_default() {
                let message = wire::encode(&announcement, "node.events");
                self.oracle.announced(&message, Published::Confirmed);
            }
        }
    }

    /// Everything comes back that is out because a driver was lost.
    fn release_by_text(&self, window: &Window) {
        let operator = self.model.operator();
        let before = self.model.look(|tables| tables.one.pause.clone());
        let pause = Pause {
            id: String::new(),
            reason: String::new(),
            who: String::new(),
            paused_at_ms: 0,
            remaining: None,
            noted_at_ms: 0,
        };
        operator.pause(&pause).expect("it pauses");
        operator
            .release(Held::Everything, window)
            .expect("it releases");
        operator.resume().expect("it resumes");
        if let Some(before) = before {
            operator.pause(&before).expect("it pauses");
        }
    }
}

impl Ledger for Mutated {
    async fn stream(&mut self) -> Result<String, StoreError> {
        self.inner.stream().await
    }

    async fn came_after(&mut self, stream: &str) -> Result<bool, StoreError> {
        self.inner.came_after(stream).await
    }

    async fn missing(&mut self) -> Result<Option<Loss>, StoreError> {
        self.forget();
        self.inner.missing().await
    }

    fn known(&self) -> &Known {
        self.inner.known()
    }

    async fn prove(&mut self) -> Result<(), StoreError> {
        if self.is(Mutant::EpochAtConnect) {
            self.follow_any();
            let taken = self.inner.take_epoch(&self.holder, Mode::Enforce, 0);
            taken.await?;
        }
        self.inner.prove().await
    }

    async fn take_epoch(
        &mut self,
        who: &str,
        mode: Mode,
        now: u64,
    ) -> Result<Takeover, StoreError> {
        self.took = None;
        self.forget();
        let mut taken = self.inner.take_epoch(who, mode, now).await?;
        if self.is(Mutant::NoWaitAfterLoss) {
            taken.began = None;
        }
        if self.is(Mutant::DeadlinesNotMoved) {
            for known in &mut taken.memory.conductors {
                let since = Duration::from_millis(now.saturating_sub(known.last_sign_at_ms));
                let left = |timeout: Duration| timeout.saturating_sub(since);
                known.heartbeat_timeout = known.heartbeat_timeout.map(left);
            }
        }
        Ok(taken)
    }

    async fn step_down(&mut self, epoch: u64, now_ms: u64) -> Result<(), StoreError> {
        let epoch = self.epoch(epoch);
        self.inner.step_down(epoch, now_ms).await
    }

    async fn note(&mut self, epoch: u64, note: &HearingNote) -> Result<(), StoreError> {
        let epoch = self.epoch(epoch);
        self.inner.note(epoch, note).await
    }

    async fn resume(&mut self, epoch: u64) -> Result<Memory, StoreError> {
        let epoch = self.epoch(epoch);
        self.inner.resume(epoch).await
    }

    async fn recall(
        &mut self,
        events: &[(ConductorName, EventId)],
    ) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, StoreError> {
        self.inner.recall(events).await
    }

    async fn commit(&mut self, epoch: u64, findings: &Findings) -> Result<(), StoreError> {
        let epoch = self.epoch(epoch);
        if self.is(Mutant::HeartbeatsForgotten) {
            let mut fewer = findings.clone();
            fewer
                .events
                .retain(|event| event.event_type != EventType::Heartbeat);
            return self.inner.commit(epoch, &fewer).await;
        }
        if self.is(Mutant::ObservedAsDecided) {
            let decided = Findings {
                observed: false,
                ..findings.clone()
            };
            return self.inner.commit(epoch, &decided).await;
        }
        self.inner.commit(epoch, findings).await
    }

    async fn take_out(&mut self, e: u64, p: &Pair, w: &Window) -> Result<WindowDone, StoreError> {
        let epoch = self.epoch(e);
        if self.is(Mutant::AnnounceBeforeCommit) {
            self.announce_early(epoch, p, w).await;
        }
        self.inner.take_out(epoch, p, w).await
    }

    async fn give_back(
        &mut self,
        epoch: u64,
        pair: Option<&Pair>,
        window: &Window,
    ) -> Result<WindowDone, StoreError> {
        let epoch = self.epoch(epoch);
        let done = self.inner.give_back(epoch, pair, window).await?;
        if self.is(Mutant::ReturnByText) && done.changed > 0 {
            self.release_by_text(window);
        }
        Ok(done)
    }

    async fn carry_out(
        &mut self,
        epoch: u64,
        to: Standing,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<WindowDone>>, StoreError> {
        let epoch = self.epoch(epoch);
        if self.is(Mutant::AnnounceBeforeCommit) && to == Standing::Lost {
            for pair in pairs {
                self.announce_early(epoch, pair, window).await;
            }
        }
        let done = self.inner.carry_out(epoch, to, pairs, window).await?;
        let changed = done.iter().flatten().any(|done| done.changed > 0);
        if self.is(Mutant::ReturnByText) && to == Standing::Active && changed {
            self.release_by_text(window);
        }
        Ok(done)
    }

    async fn unmark_strays(&mut self, epoch: u64, w: &Window) -> Result<WindowDone, StoreError> {
        let epoch = self.epoch(epoch);
        self.inner.unmark_strays(epoch, w).await
    }

    async fn first_after(
        &mut self,
        of: Rows<'_>,
        after: &str,
    ) -> Result<Option<String>, StoreError> {
        self.inner.first_after(of, after).await
    }

    async fn survey(&mut self, of: Rows<'_>, window: &Window) -> Result<Surveyed, StoreError> {
        self.inner.survey(of, window).await
    }

    async fn survey_pairs(
        &mut self,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<Surveyed>>, StoreError> {
        self.inner.survey_pairs(pairs, window).await
    }

    async fn begin_sweep(&mut self, epoch: u64, sweep: &Sweep) -> Result<Vec<Pair>, StoreError> {
        let epoch = self.epoch(epoch);
        self.inner.begin_sweep(epoch, sweep).await
    }

    async fn prune(
        &mut self,
        epoch: u64,
        what: Prune,
        before_ms: u64,
        most: u32,
    ) -> Result<u64, StoreError> {
        let epoch = self.epoch(epoch);
        if self.is(Mutant::PruneOnlyOldest) && what == Prune::Events {
            let oldest = |event: &nodewarden_tests::model::EventRow| event.received_at_ms;
            let oldest = self
                .model
                .look(|tables| tables.events.values().next().map(oldest));
            if oldest.is_none_or(|oldest| oldest >= before_ms) {
                return Ok(0);
            }
        }
        self.inner.prune(epoch, what, before_ms, most).await
    }

    async fn unknown_pairs(&mut self, most: u32) -> Result<Vec<Pair>, StoreError> {
        self.inner.unknown_pairs(most).await
    }

    async fn needed(&mut self, pairs: &[Pair]) -> Result<Vec<Pair>, StoreError> {
        self.inner.needed(pairs).await
    }

    async fn count_nodes(&mut self, after: &str, limit: u32) -> Result<CountsWindow, StoreError> {
        self.inner.count_nodes(after, limit).await
    }

    async fn keep_counts(
        &mut self,
        epoch: u64,
        counts: &Counts,
        most: u32,
    ) -> Result<bool, StoreError> {
        let epoch = self.epoch(epoch);
        self.inner.keep_counts(epoch, counts, most).await
    }

    async fn fold_counts(&mut self, epoch: u64) -> Result<u64, StoreError> {
        let epoch = self.epoch(epoch);
        self.inner.fold_counts(epoch).await
    }

    async fn waited_since(&mut self, seq: u64) -> Result<Option<u64>, StoreError> {
        self.inner.waited_since(seq).await
    }

    async fn pause(&mut self) -> Result<Option<Pause>, StoreError> {
        self.inner.pause().await
    }

    async fn end_pause(&mut self, epoch: u64, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        let epoch = self.epoch(epoch);
        self.inner.end_pause(epoch, id, now_ms).await
    }

    async fn requests(&mut self) -> Result<Vec<Request>, StoreError> {
        self.inner.requests().await
    }

    async fn answer_forget(
        &mut self,
        epoch: u64,
        request: &Request,
        forget: bool,
        result: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let epoch = self.epoch(epoch);
        let answered = self
            .inner
            .answer_forget(epoch, request, forget, result, now_ms);
        answered.await
    }
}
