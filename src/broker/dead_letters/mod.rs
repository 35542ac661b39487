//! What an operator does with refused messages. Looking never uses one up.
//!
//! AMQP has no way of looking: a message that is fetched and put back counts as delivered once
//! more, and a delivery limit drops it after a few looks. So every letter that is looked at is
//! written again (an identical copy, confirmed) and only then is the old one acknowledged. A crash
//! between the two leaves it twice, under one id, and the next walk drops the second one.
//!
//! Two operators at once would take each other's copies for such leftovers, so a walk holds a lock:
//! an exclusive queue, which the broker frees with the connection and not before.
//!
//! - [`queue`](DeadLetters) holds the lock and walks; `letter` reads one copy back.
//! - `refusal` makes the copy when a delivery is refused.

mod letter;
mod queue;
mod refusal;

pub use letter::{DeadLetter, DeadLetterContent};
pub use queue::{DeadLetters, Foreign, Kept, Requeued, Which};
pub(super) use refusal::wrap;
