//! One consistent read of the database.

use std::time::Instant;

use crate::store::database::connection::Connection;
use crate::store::sql::{Inventory, Statements};

/// A connection in the middle of a consistent read.
pub struct Snapshot {
    pub connection: Connection,
    /// When it was dialled.
    pub since: Instant,
    pub sql: &'static Statements,
    pub inventory: Inventory,
}
