//! What an operator does with refused messages. Looking never uses one up.
//!
//! In AMQP a message that is fetched and put back counts as delivered, and a delivery limit drops
//! it after a few looks. So each is written again (an identical copy, confirmed) before the old one
//! is acknowledged. A crash in between leaves it twice under one id, and the next walk drops the
//! second. A walk holds a lock, an exclusive queue: another operator's copies would look like such
//! leftovers.
//!
//! [`queue`](DeadLetters) holds the lock and walks; `letter` reads a copy; `refusal` makes one,
//! with foreign values as `plain` text and numbers.

mod letter;
mod plain;
mod queue;
mod refusal;

pub use letter::{DeadLetter, DeadLetterContent};
pub use queue::{DeadLetters, Foreign, Kept, Requeued, Which};
pub(super) use refusal::wrap;
