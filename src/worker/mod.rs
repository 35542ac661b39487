//! The loop that decides, and the relay that carries out what it decided.
//!
//! - [`decider`](Decider): one session's loop, a step machine over [`ports`]. Its halves are
//!   `intake` (`batch`: what each delivery of a batch does) and `reconcile` (`pending`: what is
//!   still to be looked at); `pausing` is what an operator's pause means to it,
//!   `unknown` what becomes of pairs that never had a conductor.
//! - [`relay`](Relay): publishes committed announcements.
//! - [`replica`]: sessions one after the other, for as long as the process lives.
//! - `adapters`: the real broker and clock behind the ports.
//!
//! Knows domain, wire, store and broker; names neither their client libraries nor HTTP.

mod adapters;
mod batch;

mod decider;
mod intake;
mod pausing;
mod pending;
pub mod ports;
mod reconcile;
mod relay;
pub mod replica;
mod status;
mod unknown;
mod window;

pub use decider::{Decider, End, Rules, Step};
pub use relay::{Announcer, Relay, RelayEnd};
pub use status::{Role, Status};
