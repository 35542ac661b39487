//! The bridge to Ironic: its pure judgement, one test for each trap; its loop over simulated ports;
//! bridges side by side against the real domain; and the whole command.

mod clocks;
mod deleted;
mod harness;
mod judgement;
mod lookout;
mod random;
mod restarts;
mod side_by_side;
mod turns;
mod whole;
