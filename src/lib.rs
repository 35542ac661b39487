//! nodewarden
pub mod broker;
pub mod cli;
pub mod config;
pub mod domain;
pub mod explain;
pub mod failpoints;
pub mod http;
pub mod store;
pub mod telemetry;
pub mod wire;
pub mod worker;
