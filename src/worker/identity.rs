//! What a replica is called in one session.

/// The names of this replica.
pub(super) struct Identity {
    /// For people.
    pub(super) holder: String,
    /// For our own ticks.
    pub(super) session: String,
    /// The history that we decide in, or would.
    pub(super) stream: String,
}
