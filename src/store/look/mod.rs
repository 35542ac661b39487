//! Everything that only looks: consistent reads, as plain data for answers and commands.

pub mod from_row;
mod lists;
mod node;
pub mod pairs;
pub mod reader;
pub mod snapshot;
pub mod views;
