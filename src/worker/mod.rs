//! The loop that decides, and the relay that carries out what it decided.
//!
//! - `decider`: one session's loop, a step machine over [`ports`]; the order of its parts is there. They
//!   work on a `term`, what is remembered while this replica decides; `takeover` begins one, and reads
//!   it again after a doubt.
//! - `relay`: publishes committed announcements, by an [`Announcer`].
//! - [`session`]: sessions one after the other, for as long as the process lives; [`replica`] runs
//!   them over the real broker and database.

mod batch;
mod cost;
mod counting;
mod decider;
mod end;
mod fences;
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
mod ready;
mod receipts;
mod reconcile;
mod recovery;
mod redecide;
mod refusals;
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
mod verdicts;
mod waiting;
mod walks;
mod window;

pub use decider::Decider;
pub use end::{End, Step};
pub use ports::{Announcer, Fresh};
pub use ready::ready;
pub use relay::{Relay, RelayEnd, carry_on};
pub use rules::Rules;
pub use status::{Role, Status};
