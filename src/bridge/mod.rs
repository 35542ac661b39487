//! The bridge to OpenStack Ironic, which publishes no lifecycle messages of its conductors: look at
//! its tables, judge, publish.
//!
//! - `look` reads rows, [`watched`] follows one conductor, [`judge`] says where each stands and what
//!   is due, `rhythm` how often it writes, `events` makes the events: all pure.
//! - [`Bridge`] is the loop over [`ports`]; `adapters` are the real broker and clock.
//!
//! Any number of bridges may run, be killed or frozen: events carry the conductor's own times, so what
//! comes too late is recognised, and bridges that see the same say the same with the same `message_id`.
//!
//! A bridge cannot know, on SQLite, that a conductor was killed, since Ironic's do not beat there; nor
//! that its replica takes writes but no longer follows: give it the server that Ironic writes to.

mod adapters;
mod events;
pub mod judge;
pub mod look;
mod numbers;
pub mod ports;
mod rhythm;
mod rules;
mod run;
mod status;
pub mod watched;

pub use adapters::{BrokerVoice, IronicLookout};
pub use events::DETECTED_BY;
pub use judge::{Judge, State, Stretched, View};
pub use look::{Remembered, Row, Sighting};
pub use ports::LookFault;
pub use rules::Rules;
pub use run::Bridge;
pub use status::Status;
