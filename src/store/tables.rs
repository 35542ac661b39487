//! The names of tables, for an error that must say where a row stands.

pub const NODES: &str = "nodes";
pub const STATE: &str = "nodewarden_state";
pub const CONDUCTORS: &str = "nodewarden_conductors";
pub const UNHEEDED: &str = "nodewarden_unheeded";
pub const PAIRS: &str = "nodewarden_pairs";
pub const DECISIONS: &str = "nodewarden_decisions";
pub const CHANGES: &str = "nodewarden_changes";
pub const REQUESTS: &str = "nodewarden_requests";
pub const ANNOUNCEMENTS: &str = "nodewarden_announcements";
