//! An OpenStack Ironic's database: its table of nodes as an inventory, its conductors for the bridge.

pub mod conductors;
pub mod numbers;
pub mod schema;
