//! nodewarden
pub mod app;
pub mod broker;
pub mod cli;
pub mod config;
pub mod domain;
pub mod explain;
pub mod failpoints;
pub mod http;
pub mod lifecycle;
pub mod retry;
pub mod store;
pub mod telemetry;
pub mod wire;
pub mod worker;
