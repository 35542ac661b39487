//! What a replica is called in one session.

pub(super) struct Identity {
    pub(super) holder: String,
    pub(super) session: String,
    /// The history that we decide in, or would.
    pub(super) stream: String,
}
