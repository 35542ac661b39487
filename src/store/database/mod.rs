//! The database itself: connections, transactions, rows, errors. Knows no word of what is stored.

mod ask;
pub mod connection;
pub mod dialect;
pub mod durability;
pub mod error;
pub mod link;
pub mod lock;
#[cfg(feature = "counting")]
pub mod measured;
pub mod open;
pub mod row;
pub mod way;
