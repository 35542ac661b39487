//! [`Between`]: a [`Hook`] between a ledger or an outbox and its caller, which sees every call with what it
//! is about, and may delay it, fail it, change it or answer it. The one list of the methods for all tests.

use std::any::Any;
use std::collections::HashMap;
use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::domain::announcement::Announcement;
use nodewarden::domain::change::Standing;
use nodewarden::domain::committed::Loss;
use nodewarden::domain::ids::{ConductorName, EventId, Pair};
use nodewarden::store::{
    Counts, CountsWindow, Findings, HearingNote, Known, Ledger, Memory, Outbox, Pause, Prune,
    Request, Rows, StoreError, Surveyed, Sweep, Takeover, Window, WindowDone,
};

/// One call of a method.
pub struct Call<'a> {
    /// The method.
    pub op: &'static str,
    /// Whether it is a transaction that writes, or only looks.
    pub writes: bool,
    pub about: About<'a>,
}

/// What a call is about, for hooks that want to know.
pub enum About<'a> {
    Nothing,
    TakeEpoch { now_ms: u64 },
    Events(&'a [(ConductorName, EventId)]),
    Commit(u64, &'a Findings),
    TakeOut(u64, &'a Pair, &'a Window),
    CarryOut(u64, Standing, &'a [Pair], &'a Window),
    Window(&'a Window),
    Sweep(&'a Sweep),
    Prune(u64, Prune, u64, u32),
    Most(u32),
    Pairs(&'a [Pair]),
    PairsWithin(&'a [Pair], &'a Window),
    Counts(&'a Counts, u32),
    Forget(&'a Request, bool),
}

/// What a test does to the calls.
pub trait Hook<L> {
    /// The epoch that is written by, in place of `epoch`.
    fn epoch(&mut self, _inner: &mut L, epoch: u64) -> u64 {
        epoch
    }

    /// How long the round trips of the last call took.
    fn way(&self) -> Duration {
        Duration::ZERO
    }

    /// Does the call with `happens`, or something else in its place.
    async fn around<T: Any>(
        &mut self,
        inner: &mut L,
        call: Call<'_>,
        happens: impl AsyncFnOnce(&mut L) -> Result<T, StoreError>,
    ) -> Result<T, StoreError>;
}

/// The answer of a call that did not happen.
///
/// # Panics
/// If the method answers with another type.
pub fn instead<T: Any>(answer: impl Any) -> T {
    let answer: Box<dyn Any> = Box::new(answer);
    *answer.downcast().expect("the type that the method answers")
}

/// The ledger or outbox.
pub struct Between<L, H> {
    pub inner: L,
    pub hook: H,
}

impl<L, H: Hook<L>> Between<L, H> {
    async fn look<T: Any>(
        &mut self,
        op: &'static str,
        about: About<'_>,
        happens: impl AsyncFnOnce(&mut L) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let writes = false;
        let call = Call { op, writes, about };
        self.hook.around(&mut self.inner, call, happens).await
    }

    async fn write<T: Any>(
        &mut self,
        op: &'static str,
        about: About<'_>,
        happens: impl AsyncFnOnce(&mut L) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let writes = true;
        let call = Call { op, writes, about };
        self.hook.around(&mut self.inner, call, happens).await
    }

    fn epoch(&mut self, epoch: u64) -> u64 {
        self.hook.epoch(&mut self.inner, epoch)
    }
}

impl<L: Ledger, H: Hook<L>> Ledger for Between<L, H> {
    async fn stream(&mut self) -> Result<String, StoreError> {
        let happens = async |l: &mut L| l.stream().await;
        self.look("stream", About::Nothing, happens).await
    }

    async fn came_after(&mut self, stream: &str) -> Result<bool, StoreError> {
        let happens = async |l: &mut L| l.came_after(stream).await;
        self.look("came_after", About::Nothing, happens).await
    }

    async fn missing(&mut self) -> Result<Option<Loss>, StoreError> {
        let happens = async |l: &mut L| l.missing().await;
        self.look("missing", About::Nothing, happens).await
    }

    fn known(&self) -> &Known {
        self.inner.known()
    }

    fn way(&self) -> Duration {
        self.hook.way()
    }

    async fn prove(&mut self) -> Result<(), StoreError> {
        let happens = async |l: &mut L| l.prove().await;
        self.write("prove", About::Nothing, happens).await
    }

    async fn take_epoch(
        &mut self,
        holder: &str,
        mode: Mode,
        now_ms: u64,
    ) -> Result<Takeover, StoreError> {
        let happens = async |l: &mut L| l.take_epoch(holder, mode, now_ms).await;
        let about = About::TakeEpoch { now_ms };
        self.write("take_epoch", about, happens).await
    }

    async fn step_down(&mut self, epoch: u64, now_ms: u64) -> Result<(), StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.step_down(epoch, now_ms).await;
        self.write("step_down", About::Nothing, happens).await
    }

    async fn note(&mut self, epoch: u64, note: &HearingNote) -> Result<(), StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.note(epoch, note).await;
        self.write("note", About::Nothing, happens).await
    }

    async fn resume(&mut self, epoch: u64) -> Result<Memory, StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.resume(epoch).await;
        self.write("resume", About::Nothing, happens).await
    }

    async fn recall(
        &mut self,
        events: &[(ConductorName, EventId)],
    ) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, StoreError> {
        let happens = async |l: &mut L| l.recall(events).await;
        self.look("recall", About::Events(events), happens).await
    }

    async fn commit(&mut self, epoch: u64, findings: &Findings) -> Result<(), StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.commit(epoch, findings).await;
        let about = About::Commit(epoch, findings);
        self.write("commit", about, happens).await
    }

    async fn take_out(
        &mut self,
        epoch: u64,
        pair: &Pair,
        window: &Window,
    ) -> Result<WindowDone, StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.take_out(epoch, pair, window).await;
        let about = About::TakeOut(epoch, pair, window);
        self.write("take_out", about, happens).await
    }

    async fn give_back(
        &mut self,
        epoch: u64,
        pair: Option<&Pair>,
        window: &Window,
    ) -> Result<WindowDone, StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.give_back(epoch, pair, window).await;
        self.write("give_back", About::Window(window), happens)
            .await
    }

    async fn carry_out(
        &mut self,
        epoch: u64,
        to: Standing,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<WindowDone>>, StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.carry_out(epoch, to, pairs, window).await;
        let about = About::CarryOut(epoch, to, pairs, window);
        self.write("carry_out", about, happens).await
    }

    async fn unmark_strays(
        &mut self,
        epoch: u64,
        window: &Window,
    ) -> Result<WindowDone, StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.unmark_strays(epoch, window).await;
        self.write("unmark_strays", About::Window(window), happens)
            .await
    }

    async fn first_after(
        &mut self,
        of: Rows<'_>,
        after: &str,
    ) -> Result<Option<String>, StoreError> {
        let happens = async |l: &mut L| l.first_after(of, after).await;
        self.look("first_after", About::Nothing, happens).await
    }

    async fn survey(&mut self, of: Rows<'_>, window: &Window) -> Result<Surveyed, StoreError> {
        let happens = async |l: &mut L| l.survey(of, window).await;
        self.look("survey", About::Window(window), happens).await
    }

    async fn survey_all(&mut self, window: &Window) -> Result<Surveyed, StoreError> {
        let happens = async |l: &mut L| l.survey_all(window).await;
        self.look("survey_all", About::Window(window), happens)
            .await
    }

    async fn survey_pairs(
        &mut self,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<Surveyed>>, StoreError> {
        let happens = async |l: &mut L| l.survey_pairs(pairs, window).await;
        let about = About::PairsWithin(pairs, window);
        self.look("survey_pairs", about, happens).await
    }

    async fn begin_sweep(&mut self, epoch: u64, sweep: &Sweep) -> Result<Vec<Pair>, StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.begin_sweep(epoch, sweep).await;
        self.write("begin_sweep", About::Sweep(sweep), happens)
            .await
    }

    async fn prune(
        &mut self,
        epoch: u64,
        what: Prune,
        before_ms: u64,
        most: u32,
    ) -> Result<u64, StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.prune(epoch, what, before_ms, most).await;
        let about = About::Prune(epoch, what, before_ms, most);
        self.write("prune", about, happens).await
    }

    async fn unknown_pairs(&mut self, most: u32) -> Result<Vec<Pair>, StoreError> {
        let happens = async |l: &mut L| l.unknown_pairs(most).await;
        self.look("unknown_pairs", About::Most(most), happens).await
    }

    async fn needed(&mut self, pairs: &[Pair]) -> Result<Vec<Pair>, StoreError> {
        let happens = async |l: &mut L| l.needed(pairs).await;
        self.look("needed", About::Pairs(pairs), happens).await
    }

    async fn count_nodes(&mut self, after: &str, limit: u32) -> Result<CountsWindow, StoreError> {
        let happens = async |l: &mut L| l.count_nodes(after, limit).await;
        self.look("count_nodes", About::Most(limit), happens).await
    }

    async fn keep_counts(
        &mut self,
        epoch: u64,
        counts: &Counts,
        most: u32,
    ) -> Result<bool, StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.keep_counts(epoch, counts, most).await;
        let about = About::Counts(counts, most);
        self.write("keep_counts", about, happens).await
    }

    async fn fold_counts(&mut self, epoch: u64) -> Result<u64, StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.fold_counts(epoch).await;
        self.write("fold_counts", About::Nothing, happens).await
    }

    async fn waited_since(&mut self, seq: u64) -> Result<Option<u64>, StoreError> {
        let happens = async |l: &mut L| l.waited_since(seq).await;
        self.look("waited_since", About::Nothing, happens).await
    }

    async fn pause(&mut self) -> Result<Option<Pause>, StoreError> {
        let happens = async |l: &mut L| l.pause().await;
        self.look("pause", About::Nothing, happens).await
    }

    async fn end_pause(&mut self, epoch: u64, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        let epoch = self.epoch(epoch);
        let happens = async |l: &mut L| l.end_pause(epoch, id, now_ms).await;
        self.write("end_pause", About::Nothing, happens).await
    }

    async fn requests(&mut self) -> Result<Vec<Request>, StoreError> {
        let happens = async |l: &mut L| l.requests().await;
        self.look("requests", About::Nothing, happens).await
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
        let happens = async |l: &mut L| {
            let answered = l.answer_forget(epoch, request, forget, result, now_ms);
            answered.await
        };
        let about = About::Forget(request, forget);
        self.write("answer_forget", about, happens).await
    }
}

impl<O: Outbox, H: Hook<O>> Outbox for Between<O, H> {
    async fn pending(
        &mut self,
        after: Option<u64>,
        most: u32,
    ) -> Result<Vec<Announcement>, StoreError> {
        let happens = async |o: &mut O| o.pending(after, most).await;
        self.look("pending", About::Most(most), happens).await
    }

    async fn announced(&mut self, epoch: u64, number: u64, now_ms: u64) -> Result<(), StoreError> {
        let happens = async |o: &mut O| o.announced(epoch, number, now_ms).await;
        self.write("announced", About::Nothing, happens).await
    }
}
