//! [`Mutant`]: a way to be wrong, which the simulator must catch; and [`Mutated`]: the ledger of a replica
//! that is wrong in its dealings with the database.

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::domain::change::Standing;
use nodewarden::domain::committed::Committed;
use nodewarden::domain::event::EventType;
use nodewarden::domain::ids::Pair;
use nodewarden::message::Published;
use nodewarden::store::{
    Findings, Held, Ledger, Outbox, Pause, Prune, StoreError, Takeover, Window, WindowDone,
};
use nodewarden::wire;
use nodewarden_tests::between::{About, Between, Call, Hook, instead};
use nodewarden_tests::model::{EventRow, Model, ModelLedger};

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
    /// The epoch is taken whichever replica took one since the first deliveries came.
    EpochAnyhow,
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
    /// A bridge thinks half of the time-out enough.
    BridgeHasty,
    /// Ticks of the version before are refused.
    FormerTicksRefused,
}

impl Mutant {
    /// All, each with a seed that catches it, and the beginning of the failure that does.
    pub const ALL: [(Self, u64, &'static str); 23] = [
        (Self::NoFence, 17, "I1:"),
        (Self::FenceByReading, 246, "I1:"),
        (Self::EpochAtConnect, 2, "L4:"),
        (Self::EpochAnyhow, 17, "I1:"),
        (Self::FencedTakesAgain, 17, "I1:"),
        (Self::AckBeforeCommit, 1, "I2:"),
        (Self::CancelInsteadOfClosing, 146, "I1:"),
        (Self::AnnounceBeforeCommit, 3, "I4:"),
        (Self::Regrouped, 3, "I4:"),
        (Self::ReturnByText, 46, "I6:"),
        (Self::AnyTick, 146, "nodes go out, and no own tick"),
        (Self::DeadlinesNotMoved, 16, "I7:"),
        (Self::SilenceAtOnce, 20, "L4:"),
        (Self::HeartbeatsForgotten, 8, "I1:"),
        (Self::DoubtAfterLook, 590, "L3:"),
        (Self::PruneOnlyOldest, 3, "L2:"),
        (Self::RequeueByDefaultExchange, 14, "L3:"),
        (Self::LossUnseen, 7, "I4:"),
        (Self::NoWaitAfterLoss, 4, "I7:"),
        (Self::ObservedAsDecided, 4, "n"),
        (Self::UnknownAtOnce, 13, "I7:"),
        (Self::BridgeHasty, 3, "I7:"),
        (Self::FormerTicksRefused, 334, "L3:"),
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
pub type Mutated = Between<ModelLedger, Mutation>;

/// What is wrong with the replica's dealings with the database, if anything is.
pub struct Mutation {
    pub model: Model,
    pub mutant: Option<Mutant>,
    pub holder: String,
    pub oracle: Oracle,
    /// The epoch as it was when the call began.
    pub read: Rc<Cell<u64>>,
    /// The epoch that a fenced session took again.
    pub took: Option<u64>,
}

impl Mutation {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// What it knew to be committed.
    fn forget(&self, inner: &mut ModelLedger) {
        if self.is(Mutant::LossUnseen) {
            *inner = self.model.ledger(&self.holder);
        }
    }

    /// Takes the next epoch, whichever was taken before.
    fn take_any(&self, inner: &mut ModelLedger) -> u64 {
        self.follow_any(inner);
        let taken = inner.take_epoch(&self.holder, Mode::Enforce, 0);
        at_once(taken).expect("it is only taken").epoch
    }

    /// Whatever epoch there is, the next one follows it.
    fn follow_any(&self, inner: &ModelLedger) {
        let committed = self.model.look(|tables| Committed {
            stream: tables.one.stream.clone(),
            epoch: tables.one.epoch,
            seq: 0,
            commits: 0,
        });
        inner.known().follow(committed);
    }

    /// What it does before a call, or in its place.
    async fn before<T: Any>(&mut self, inner: &mut ModelLedger, call: &Call<'_>) -> Option<T> {
        match (self.mutant?, &call.about) {
            (Mutant::LossUnseen, _) if call.op == "missing" => self.forget(inner),
            (Mutant::LossUnseen, About::TakeEpoch { .. }) => self.forget(inner),
            (Mutant::EpochAtConnect, _) if call.op == "prove" => {
                self.take_any(inner);
            }
            (Mutant::EpochAnyhow, About::TakeEpoch { .. }) => self.follow_any(inner),
            (Mutant::FencedTakesAgain, About::TakeEpoch { .. }) => self.took = None,
            (Mutant::AnnounceBeforeCommit, About::TakeOut(epoch, pair, window)) => {
                self.announce_early(*epoch, pair, window).await;
            }
            (
                Mutant::AnnounceBeforeCommit,
                About::CarryOut(epoch, Standing::Lost, pairs, window),
            ) => {
                for pair in *pairs {
                    self.announce_early(*epoch, pair, window).await;
                }
            }
            (Mutant::PruneOnlyOldest, About::Prune(_, Prune::Events, before_ms, _)) => {
                let oldest = |event: &EventRow| event.received_at_ms;
                let oldest = (self.model).look(|tables| tables.events.values().next().map(oldest));
                return oldest
                    .is_none_or(|oldest| oldest >= *before_ms)
                    .then(|| instead(0_u64));
            }
            _ => {}
        }
        None
    }

    /// What it writes instead of these findings.
    fn other(&self, findings: &Findings) -> Option<Findings> {
        let mut other = findings.clone();
        if self.is(Mutant::HeartbeatsForgotten) {
            let events = &mut other.events;
            events.retain(|event| event.event_type != EventType::Heartbeat);
        } else if self.is(Mutant::ObservedAsDecided) {
            other.observed = false;
        } else {
            return None;
        }
        Some(other)
    }

    /// What it makes of an answer.
    fn after(&self, call: &Call<'_>, answer: &mut dyn Any) {
        let any_changed = |answer: &dyn Any| match answer.downcast_ref::<WindowDone>() {
            Some(done) => done.changed > 0,
            None => {
                let done = answer.downcast_ref::<Vec<Option<WindowDone>>>();
                let mut done = done.into_iter().flatten().flatten();
                done.any(|done| done.changed > 0)
            }
        };
        match (self.mutant, &call.about) {
            (Some(Mutant::ReturnByText), About::Window(window))
                if call.op == "give_back" && any_changed(answer) =>
            {
                self.release_by_text(window);
            }
            (Some(Mutant::ReturnByText), About::CarryOut(_, Standing::Active, _, window))
                if any_changed(answer) =>
            {
                self.release_by_text(window);
            }
            (Some(mutant), About::TakeEpoch { now_ms }) => {
                let taken = answer.downcast_mut().expect("a takeover");
                take_over_wrongly(mutant, taken, *now_ms);
            }
            _ => {}
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

/// What it makes of a takeover.
fn take_over_wrongly(mutant: Mutant, taken: &mut Takeover, now_ms: u64) {
    if mutant == Mutant::NoWaitAfterLoss {
        taken.began = None;
    }
    if mutant == Mutant::DeadlinesNotMoved {
        for known in &mut taken.memory.conductors {
            let since = Duration::from_millis(now_ms.saturating_sub(known.last_sign_at_ms));
            let left = |timeout: Duration| timeout.saturating_sub(since);
            known.heartbeat_timeout = known.heartbeat_timeout.map(left);
        }
    }
}

impl Hook<ModelLedger> for Mutation {
    fn epoch(&mut self, inner: &mut ModelLedger, mine: u64) -> u64 {
        self.forget(inner);
        let current = self.model.look(|tables| tables.one.epoch);
        match self.mutant {
            Some(Mutant::NoFence) => current,
            Some(Mutant::FenceByReading) if self.read.get() == mine => current,
            Some(Mutant::FencedTakesAgain) => {
                let held = self.took.unwrap_or(mine);
                if held != current {
                    self.took = Some(self.take_any(inner));
                }
                self.took.unwrap_or(mine)
            }
            _ => mine,
        }
    }

    async fn around<T: Any>(
        &mut self,
        inner: &mut ModelLedger,
        call: Call<'_>,
        happens: impl AsyncFnOnce(&mut ModelLedger) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(answer) = self.before(inner, &call).await {
            return Ok(answer);
        }
        if let About::Commit(epoch, findings) = call.about
            && let Some(other) = self.other(findings)
        {
            return inner.commit(epoch, &other).await.map(instead);
        }
        let mut answer = happens(inner).await?;
        self.after(&call, &mut answer);
        Ok(answer)
    }
}
