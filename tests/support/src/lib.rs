//! What the tests of nodewarden share. Whatever only one suite needs is in that suite's `harness.rs`;
//! `tests/README.md` tells which harness is for what.

#![expect(
    async_fn_in_trait,
    reason = "the traits are used only with concrete types"
)]

pub mod between;
pub mod certificates;
pub mod cluster;
pub mod database;
pub mod deployment;
pub mod engine;
pub mod envelope;
pub mod fleet;
pub mod ironic;
pub mod model;
pub mod own_broker;
pub mod own_server;
pub mod promql;
pub mod proxy;
pub mod rabbitmq;
pub mod rules;
pub mod story;
pub mod waiting;
