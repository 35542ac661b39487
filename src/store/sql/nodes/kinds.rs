//! The statements of each kind of table.

use super::words::{Kind, Words};
use super::{Inventory, Keys, statements};
use crate::store::database::dialect::Dialect;

/// The statements over our own table of nodes.
pub fn native(dialect: Dialect) -> Inventory {
    let kind = Kind::Native;
    statements::inventory(&Words { dialect, kind })
}

/// Those over an Ironic's nodes, whose keys have this collation (for MySQL).
pub fn ironic(dialect: Dialect, keys: Keys) -> Inventory {
    let kind = Kind::Ironic(keys);
    statements::inventory(&Words { dialect, kind })
}
