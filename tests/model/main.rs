//! The model of the ledger is what the real ledger is: random operations on both, with every answer
//! and every table compared after each; and what it offers beyond, faults and looks.
//!
//! A failure prints its seed and the fewest operations that fail. `NODEWARDEN_MODEL_SEED` runs one
//! seed, `NODEWARDEN_MODEL_RUNS` so many of them.

mod equal;
mod meddling;
mod operations;
mod random;
mod settled;
mod users;
