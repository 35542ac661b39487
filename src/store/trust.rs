//! [`Trust`]: how much is asked of a table of nodes before it is worked on.

/// When a table is the one that statements are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// If an Ironic's schema revision is listed as well: for what decides.
    Revision,
    /// If it has the columns, and provably no other place for what we write: to give back at an
    /// operator's word.
    Columns,
    /// If it has the columns: to look.
    Looks,
}
