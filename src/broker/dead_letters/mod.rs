//! What an operator does with refused messages. Looking never uses one up.
//!
//! A message that is fetched and put back counts as delivered, and a delivery limit drops it after a few
//! looks. So an identical copy is written and confirmed before the old one is acknowledged; a crash in
//! between leaves two under one id, and the next walk drops the second. A walk holds a lock, an exclusive
//! queue, because another operator's copies would look like such leftovers.

mod letter;
mod plain;
mod queue;
mod refusal;

pub use letter::{DeadLetter, DeadLetterContent};
pub use queue::{DeadLetters, Foreign, Kept, Requeued, Which};
pub(super) use refusal::wrap;
