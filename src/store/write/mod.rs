//! What writes: fenced transactions of the loop, the relay's progress, operators' commands.

pub mod announce;
pub mod complete;
pub mod count;
pub mod fenced;
pub mod give_back;
pub mod import;
pub mod intake;
pub mod ledger;
pub mod lost;
pub mod mark;
pub mod memory;
pub mod operator;
pub mod outbox;
pub mod pause;
pub mod small_pairs;
pub mod survey;
pub mod sweep;
pub mod take_out;
pub mod takeover;
pub mod together;
pub mod together_back;
pub mod together_out;
pub mod walk;
