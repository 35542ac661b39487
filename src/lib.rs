//! nodewarden
pub mod broker;
pub mod config;
pub mod domain;
