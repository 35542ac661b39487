//! Parts of the design that can be taken away. The check must miss each of them.

/// A design that lacks one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Transactions look at no epoch.
    NoFence,
    /// They read the epoch at their beginning, and hold nothing.
    FenceByReading,
    /// The epoch is taken by joining the line, not with the first delivery.
    EpochAtConnect,
    /// A session that is fenced takes the next epoch and goes on.
    EpochTakenAgain,
    /// Deliveries are acknowledged before their effects are committed.
    AckBeforeCommit,
    /// Announcements go out before the transaction that decides them is committed.
    AnnounceBeforeCommit,
    /// Each tick that comes back counts, whoever sent it and whenever.
    SilenceByAnyTick,
    /// An own tick counts before what was delivered with it is committed.
    TickBeforeCommit,
    /// The consumer is cancelled: what it has in hand comes again behind the rest.
    CancelInsteadOfClose,
    /// Handled events are not remembered.
    EventsForgotten,
    /// A repeat is acknowledged without a look at the fence, since it writes nothing.
    RepeatsUnfenced,
    /// After a doubt the memory goes on as it is.
    MemoryKeptInDoubt,
    /// A commit without a reply counts as done.
    DoubtTakenForDone,
}
