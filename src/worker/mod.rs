//! The loop that decides, and the relay that carries out what it decided.
//!
//! - `decider`: one session's loop, a step machine over [`ports`]. It composes, in order: `intake`
//!   (`batch`: what each delivery does), `pausing` (what an operator's pause means to the rest),
//!   `silence`, `redecide` (losses that were only observed), `requests`, `sweep`, `forgetting`
//!   and `retention` (what is kept for too long), `unknown` (pairs
//!   that never had a conductor) and `reconcile` (`pending`: what is still to be looked at; `together`: many small pairs at once). What
//!   the database will not take is `left_alone`; `lines` logs decisions, `noting` leaves word for `status`;
//!   `receipts` tell how far subscribers are. `lost` sees that a database went back; `recovery` and
//!   `waiting` give conductors their time after that. All of them work on a `term`, what is remembered
//!   while this replica decides; `takeover` begins one, and reads it again after a doubt. Until then it is
//!   a `standby`.
//! - `relay`: publishes committed announcements through an `announcer`.
//! - [`session`]: sessions one after the other, for as long as the process lives; [`replica`] runs
//!   them over the real broker and database.
//! - `adapters`: the real broker behind the ports.
//!
//! Knows domain, wire, store and broker; names neither their client libraries nor HTTP.

mod adapters;
mod announcer;
mod batch;
mod counting;
mod decider;
mod end;
mod forgetting;
mod identity;
mod intake;
mod left_alone;
mod lines;
mod lost;
mod noting;
mod pausing;
mod pending;
pub mod ports;
mod probing;
mod receipts;
mod reconcile;
mod recovery;
mod redecide;
mod relay;
pub mod replica;
mod requests;
mod retention;
mod rules;
pub mod session;
mod set_size;
mod silence;
mod standby;
mod status;
mod sweep;
mod takeover;
mod term;
mod together;
mod unheeded;
mod unknown;
mod waiting;
mod window;

pub use announcer::{Announcer, Fresh};
pub use decider::Decider;
pub use end::{End, Step};
pub use relay::{Relay, RelayEnd, carry_on};
pub use rules::Rules;
pub use status::{Role, Status};
