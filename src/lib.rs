//! nodewarden
pub mod broker;
pub mod config;
pub mod domain;
pub mod failpoints;
pub mod store;
