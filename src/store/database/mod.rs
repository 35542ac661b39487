//! The database itself: connections, transactions, rows, errors. Knows no word of what is stored.

pub mod connection;
pub mod dialect;
pub mod durability;
pub mod error;
pub mod link;
pub mod lock;
pub mod open;
pub mod row;
