//! The decision core: what conductors say, what that makes of the driver map, and what follows.
//!
//! Pure: no async, no input or output, no clock, no randomness, no serialisation, no logging. Time
//! is an argument ([`time::Now`]); identifiers of decisions are given by the caller.
//!
//! Read in this order: [`ids`] and [`event`] (the words), [`conductor`] (one conductor's life),
//! [`change`] (what a decision says), [`map`] (which conductors make a pair active), [`hearing`] (when silence proves something),
//! [`decide`] (the rule that joins them), [`unheeded`] (signs that do not count), [`unknown`] (pairs that never had a
//! conductor), [`committed`] (a database that went back), [`receipt`] (how far subscribers are).

pub mod announcement;
pub mod change;
pub mod committed;
pub mod conductor;
pub mod decide;
pub mod event;
#[cfg(test)]
pub(crate) mod example;
pub mod hearing;
pub mod ids;
pub mod map;
pub mod receipt;
pub mod time;
pub mod unheeded;
pub mod unknown;
pub mod whatif;
