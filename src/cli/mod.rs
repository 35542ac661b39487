//! The commands, one file for each group of them.
//!
//! Every command prints its result on standard output and everything else on standard error, and
//! ends with 0 (done), 1 (failed), 64 (wrong usage or settings) or 69 (broker or database out of
//! reach).

mod args;
mod bridge;
pub mod conductors;
mod dead_letters;
mod emit;
pub mod explain;
mod failure;
mod heard;
pub mod history;
pub mod import;
pub mod list;
pub mod migrate;
pub mod nodes;
pub mod output;
pub mod pages;
mod patience;
pub mod pause;
mod picture;
mod placement;
pub mod release;
mod run;
pub mod status;
pub mod streamed;
mod tail;
mod watch;
pub mod whatif;

pub use args::{Cli, command, main};
pub use failure::{FAILED, Failure, UNREACHABLE, USAGE};
pub use output::Output;
use patience::patience;

use crate::config::Settings;
use crate::store::Reader;

/// What looks at the settings' database.
fn reader(settings: &Settings) -> Result<Reader, Failure> {
    Reader::new(&settings.database, settings.inventory.clone()).map_err(Failure::of(settings))
}
