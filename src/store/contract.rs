//! What others may ask of the database: a trait for the deciding loop, one for the relay.

use std::collections::HashMap;
use std::time::Duration;

use crate::config::Mode;
use crate::domain::announcement::Announcement;
use crate::domain::change::Standing;
use crate::domain::committed::Loss;
use crate::domain::ids::{ConductorName, EventId, Pair};
use crate::store::database::error::StoreError;
use crate::store::known::Known;
use crate::store::records::{
    Counts, CountsWindow, Findings, HearingNote, Memory, Prune, Request, Rows, Surveyed, Sweep,
    Takeover, Window, WindowDone,
};
use crate::store::write::pause::Pause;

/// What the deciding loop needs of the database. Every method is one transaction; those that take
/// an `epoch` first change the fence row and fail with [`StoreError::Fenced`], nothing written, if
/// another replica has taken over, and with [`StoreError::Lost`] if the database has less than is
/// [`known`](Self::known) to be committed.
///
/// After any other error it is unknown whether the transaction was committed: the caller must drop
/// what it remembers and [`resume`](Self::resume).
pub trait Ledger {
    /// The UUID of this database's history. Takes no lock.
    async fn stream(&mut self) -> Result<String, StoreError>;

    /// Whether that history came after `stream`, in this database. Takes no lock.
    async fn came_after(&mut self, stream: &str) -> Result<bool, StoreError>;

    /// What the database seems to lack of what is [`known`](Self::known); else what it has is known from
    /// now on. Takes no lock, so that on a cluster a node that lags behind may seem to lack something.
    async fn missing(&mut self) -> Result<Option<Loss>, StoreError>;

    /// What is known to be committed, by own commits and looks, and by what other replicas said.
    fn known(&self) -> &Known;

    /// How long the round trips of the last transaction or look took, whatever it was about; zero if it failed,
    /// or nothing is known of them.
    fn way(&self) -> Duration {
        Duration::ZERO
    }

    /// Proves that the schema is right and writing works, without disturbing the active replica.
    async fn prove(&mut self) -> Result<(), StoreError>;

    /// Takes the next epoch for `holder`, then reads the memory under the fence. In a database that has
    /// less than is known to be committed, a new stream begins with it. [`StoreError::Fenced`], and nothing
    /// written, unless it follows at once what it must ([`Known::follow`]).
    async fn take_epoch(
        &mut self,
        holder: &str,
        mode: Mode,
        now_ms: u64,
    ) -> Result<Takeover, StoreError>;

    /// Records that the holder of the epoch has stopped by itself. The epoch stays.
    async fn step_down(&mut self, epoch: u64, now_ms: u64) -> Result<(), StoreError>;

    /// Records what the holder of the epoch says of its hearing, instead of what was said before.
    async fn note(&mut self, epoch: u64, note: &HearingNote) -> Result<(), StoreError>;

    /// Reads the memory again under the fence, after a doubt.
    async fn resume(&mut self, epoch: u64) -> Result<Memory, StoreError>;

    /// The digests of remembered events. Takes no lock: only the holder of the epoch adds any.
    async fn recall(
        &mut self,
        events: &[(ConductorName, EventId)],
    ) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, StoreError>;

    /// Commits what a batch of events and silences led to.
    async fn commit(&mut self, epoch: u64, intake: &Findings) -> Result<(), StoreError>;

    /// Takes the next window of a lost pair's nodes out (I3), by a decision of its own if the last
    /// one was only observed. Nothing if the pair is not lost (I6), or during a pause. The last
    /// window completes the decision.
    async fn take_out(
        &mut self,
        epoch: u64,
        pair: &Pair,
        window: &Window,
    ) -> Result<WindowDone, StoreError>;

    /// Judges the next window of holds (of `pair`, or all): ends those whose node is gone or needs
    /// an active pair, re-labels those of another lost pair, restores marks. The last window of a
    /// pair completes its decision.
    async fn give_back(
        &mut self,
        epoch: u64,
        pair: Option<&Pair>,
        window: &Window,
    ) -> Result<WindowDone, StoreError>;

    /// Carries out the decisions of several small pairs, as many as fit into one window together, with
    /// statements for all of them: those to become lost as [`take_out`](Self::take_out), those to become
    /// active as [`give_back`](Self::give_back) would, in order of their decisions. For each pair what was
    /// done; `None`: nothing, since it is too large ([`Window::of_each`]) or a row of it cannot be handled.
    async fn carry_out(
        &mut self,
        epoch: u64,
        to: Standing,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<WindowDone>>, StoreError>;

    /// Puts right the next window of nodes that are marked out of service without a hold of ours.
    async fn unmark_strays(
        &mut self,
        epoch: u64,
        window: &Window,
    ) -> Result<WindowDone, StoreError>;

    /// The first row after `after`, to name and pass one that cannot be handled. Takes no lock.
    async fn first_after(
        &mut self,
        of: Rows<'_>,
        after: &str,
    ) -> Result<Option<String>, StoreError>;

    /// What [`take_out`](Self::take_out), [`give_back`](Self::give_back) or
    /// [`unmark_strays`](Self::unmark_strays) would find in the next window. Takes no lock and
    /// writes nothing, so a sweep without work costs no commit (L2).
    async fn survey(&mut self, of: Rows<'_>, window: &Window) -> Result<Surveyed, StoreError>;

    /// Whether [`survey`](Self::survey) would find anything in the next window of all nodes, or among the holds
    /// behind the last node: one look instead of several. An Ironic's nodes always count as work. Takes no lock.
    async fn survey_all(&mut self, window: &Window) -> Result<Surveyed, StoreError>;

    /// What [`carry_out`](Self::carry_out) would find to do for each of these lost pairs; `None`: it does not
    /// fit. Takes no lock.
    async fn survey_pairs(
        &mut self,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<Surveyed>>, StoreError>;

    /// Begins a sweep: announces the position, keeps what remains of planned restarts, forgets.
    /// Returns the forgotten pairs; if there are only pairs to ask about and none goes, nothing is
    /// committed (L2).
    async fn begin_sweep(&mut self, epoch: u64, sweep: &Sweep) -> Result<Vec<Pair>, StoreError>;

    /// Drops at most `most` records of a kind that are from before `before_ms`; returns how many.
    async fn prune(
        &mut self,
        epoch: u64,
        what: Prune,
        before_ms: u64,
        most: u32,
    ) -> Result<u64, StoreError>;

    /// Pairs that nodes needed when they were counted, and nothing was ever decided about, at most
    /// `most`. Takes no lock.
    async fn unknown_pairs(&mut self, most: u32) -> Result<Vec<Pair>, StoreError>;

    /// Which of `pairs` nodes need now: a look-up for each. Takes no lock.
    async fn needed(&mut self, pairs: &[Pair]) -> Result<Vec<Pair>, StoreError>;

    /// Counts the next window of nodes by pair, in an order of the table's own. Takes no lock.
    async fn count_nodes(&mut self, after: &str, limit: u32) -> Result<CountsWindow, StoreError>;

    /// Keeps what was counted, for those who look, with the holds as of now. Where the nodes of more than
    /// `most` pairs differ from what is kept, those of so many are written, and it must be called again
    /// (L1); returns whether all is kept.
    async fn keep_counts(
        &mut self,
        epoch: u64,
        counts: &Counts,
        most: u32,
    ) -> Result<bool, StoreError>;

    /// Folds the next changes since then into the counts that are kept; returns how many.
    async fn fold_counts(&mut self, epoch: u64) -> Result<u64, StoreError>;

    /// Since when subscribers wait for a change: when it was decided, or, of a node that was found later,
    /// when that was; ms since 1970 UTC. `None`: it is not kept any more. Takes no lock.
    async fn waited_since(&mut self, seq: u64) -> Result<Option<u64>, StoreError>;

    /// The pause, if there is one. Takes no lock.
    async fn pause(&mut self) -> Result<Option<Pause>, StoreError>;

    /// Ends the pause `id`, whose time is over; returns whether it was still there.
    async fn end_pause(&mut self, epoch: u64, id: &str, now_ms: u64) -> Result<bool, StoreError>;

    /// What operators ask for and is not done yet, oldest first. Takes no lock.
    async fn requests(&mut self) -> Result<Vec<Request>, StoreError>;

    /// Answers a request to forget a conductor; removes it if `forget`.
    async fn answer_forget(
        &mut self,
        epoch: u64,
        request: &Request,
        forget: bool,
        result: &str,
        now_ms: u64,
    ) -> Result<(), StoreError>;
}

/// What the relay needs of the database.
pub trait Outbox {
    /// The oldest announcements that are not recorded as announced, in order, at most `most`.
    async fn pending(
        &mut self,
        after: Option<u64>,
        most: u32,
    ) -> Result<Vec<Announcement>, StoreError>;

    /// Records all announcements up to `number` as published; never goes back.
    /// [`StoreError::Fenced`] if another replica has taken over.
    async fn announced(&mut self, epoch: u64, number: u64, now_ms: u64) -> Result<(), StoreError>;
}
