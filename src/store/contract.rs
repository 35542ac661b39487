//! What the rest of the house may ask of the database: one trait for the deciding loop, one for the
//! relay.

use std::collections::HashMap;

use crate::config::Mode;
use crate::domain::announcement::Announcement;
use crate::domain::ids::{ConductorName, EventId, Pair};
use crate::store::database::error::StoreError;
use crate::store::records::{
    Findings, Memory, Prune, Request, Rows, Surveyed, Sweep, Takeover, Window, WindowDone,
};
use crate::store::write::pause::Pause;

/// What the deciding loop needs of the database. Every method is one transaction; those that take
/// an `epoch` first change the fence row and fail with [`StoreError::Fenced`], nothing written, if
/// another replica has taken over.
///
/// After any other error it is unknown whether the transaction was committed: the caller must drop
/// what it remembers and [`resume`](Self::resume).
pub trait Ledger {
    /// The UUID of this database's history. Takes no lock.
    async fn stream(&mut self) -> Result<String, StoreError>;

    /// Proves that the schema is right and that writing works, without disturbing the active
    /// replica.
    async fn prove(&mut self) -> Result<(), StoreError>;

    /// Takes the next epoch for `holder`, who enforces or observes. The memory was read after the
    /// fence was taken.
    async fn take_epoch(
        &mut self,
        holder: &str,
        mode: Mode,
        now_ms: u64,
    ) -> Result<Takeover, StoreError>;

    /// Records that the holder of the epoch has stopped by itself. The epoch stays.
    async fn step_down(&mut self, epoch: u64, now_ms: u64) -> Result<(), StoreError>;

    /// Reads the memory again under the fence, after a doubt.
    async fn resume(&mut self, epoch: u64) -> Result<Memory, StoreError>;

    /// The digests under which these events are remembered. Takes no lock: only the holder of the
    /// epoch adds events, and what it adds is fenced.
    async fn recall(
        &mut self,
        events: &[(ConductorName, EventId)],
    ) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, StoreError>;

    /// Commits what a batch of events and silences led to.
    async fn commit(&mut self, epoch: u64, intake: &Findings) -> Result<(), StoreError>;

    /// Takes the next window of a lost pair's nodes out of service, after a decision of its own if the
    /// last one was only observed (I3: state, hold and
    /// announcement together). Nothing if the pair is not lost (I6), or while there is a pause. The
    /// last window completes the pair's decision.
    async fn take_out(
        &mut self,
        epoch: u64,
        pair: &Pair,
        window: &Window,
    ) -> Result<WindowDone, StoreError>;

    /// Judges the next window of holds (those of `pair`, or all): ends those whose node is gone or
    /// needs an active pair now, re-labels those whose node moved to another lost pair, marks
    /// again those whose mark somebody changed. The last window of a pair completes its decision.
    async fn give_back(
        &mut self,
        epoch: u64,
        pair: Option<&Pair>,
        window: &Window,
    ) -> Result<WindowDone, StoreError>;

    /// Puts right the next window of nodes that are marked out of service without a hold of ours.
    async fn unmark_strays(
        &mut self,
        epoch: u64,
        window: &Window,
    ) -> Result<WindowDone, StoreError>;

    /// The first row after the uuid `after`, to name and pass one that cannot be handled. Takes no
    /// lock.
    async fn first_after(
        &mut self,
        of: Rows<'_>,
        after: &str,
    ) -> Result<Option<String>, StoreError>;

    /// Looks at the next window of `of`: what [`take_out`](Self::take_out),
    /// [`give_back`](Self::give_back) or [`unmark_strays`](Self::unmark_strays) would find to do
    /// there. Takes no lock and writes nothing, so that a sweep costs no commit where nothing is to
    /// do (L2).
    async fn survey(&mut self, of: Rows<'_>, window: &Window) -> Result<Surveyed, StoreError>;

    /// Begins a sweep: announces the position, keeps the remainders of planned restarts, forgets
    /// what is to be forgotten. Returns the pairs that are forgotten. Pairs alone, of which none is
    /// to be forgotten, cost no commit (L2).
    async fn begin_sweep(&mut self, epoch: u64, sweep: &Sweep) -> Result<Vec<Pair>, StoreError>;

    /// Drops at most `most` records of a kind that are from before `before_ms`; returns how many.
    async fn prune(
        &mut self,
        epoch: u64,
        what: Prune,
        before_ms: u64,
        most: u32,
    ) -> Result<u64, StoreError>;

    /// Pairs that nodes need and nothing was ever decided about, at most `most`; what is no name of a
    /// driver or group is left out. Takes no lock.
    async fn unknown_pairs(&mut self, most: u32) -> Result<Vec<Pair>, StoreError>;

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

    /// Records that all announcements up to `number` were handed to the broker; never goes back.
    /// [`StoreError::Fenced`] if another replica has taken over.
    async fn announced(&mut self, epoch: u64, number: u64, now_ms: u64) -> Result<(), StoreError>;
}
