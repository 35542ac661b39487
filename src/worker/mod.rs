//! The loop that decides.

mod status;

pub use status::{Role, Status};
