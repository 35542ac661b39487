//! The subscriber for OpenStack's own scheduler: keeps the members of one aggregate in Placement equal
//! to what is out of service, so that Nova stops offering those nodes with its next request.
//!
//! With `enable_isolated_aggregate_filtering`, Nova asks Placement for no provider in an aggregate that
//! demands a trait which a request does not ask for. Nova's own passes over its nodes undo writes of
//! inventories and traits; memberships they leave alone. So membership is all that is written here:
//! never an inventory, a trait, an allocation or another aggregate's member.
//!
//! A subscriber like any other: bind, snapshot, changes in order; all members compared each interval.
//! It has no state of its own, so its queue ends with it, and as many may run as you like: each
//! reads before it writes, and what is as wished is not written. When in doubt it changes nothing.
//!
//! - [`following`] and [`wanted`] are pure: the stream, and what is left to do.
//! - [`pair`], [`pairs`]: where each node is in an aggregate of its pair, one call to Nova takes all of them out.
//! - [`credentials`] and [`openstack`] log in and ask, `answer` reads what comes; [`aggregate`] reads and writes members, [`nova`]
//!   aggregates; [`snapshot`] and [`listing`] ask nodewarden, a `page` at a time.
//! - [`preflight`] says what is missing for it to work; [`Service`] follows the stream, `comparing` and
//!   `writing` are its other loops; `reporting` says how far it is.

pub mod aggregate;
mod answer;
mod comparing;
pub mod credentials;
pub mod following;
pub mod listing;
pub mod nova;
pub mod openstack;
mod page;
pub mod pair;
pub mod pairs;
pub mod preflight;
mod reporting;
#[cfg(test)]
mod samples;
mod service;
pub mod snapshot;
mod status;
pub mod wanted;
mod writing;

pub use service::Service;
pub use status::Status;
pub use wanted::Plan;
