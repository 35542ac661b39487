//! The model of the ledger is what the real ledger is: random operations on both, with every answer
//! and every table compared after each; and what it offers beyond, faults and looks.
//!
//! Planted faults show that it can fail: no fence, a rollback that leaves counters or rows, holds that
//! keep their label, marks set in a pause, retention that takes one row too many, and the like. Most are
//! found by the first seeds, the rarest of them needs some tens.
//!
//! A failure prints its seed and the fewest operations that fail. `NODEWARDEN_MODEL_SEED` runs one
//! seed, `NODEWARDEN_MODEL_RUNS` so many of them.

mod equal;
mod meddling;
mod modelled;
mod operations;
mod random;
mod real;
mod settled;
mod told;
mod users;
