//! Filling the `nodes` table.

/// One node to insert or to bring up to date. What is `None` stays as it is (or at the column's
/// default, for a new node).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeUpsert {
    /// Its key.
    pub uuid: String,
    /// Its name; `Some(None)`: it has none.
    pub name: Option<Option<String>>,
    /// Its driver.
    pub driver: String,
    /// Its conductor group.
    pub conductor_group: Option<String>,
    /// The operators' own mark.
    pub maintenance: Option<bool>,
}

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportCount {
    /// Nodes that were not there before.
    pub added: u64,
    /// Nodes that were.
    pub updated: u64,
}
