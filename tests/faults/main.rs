//! Faults that a real replica must survive, on a real broker and a real database. In each: the final
//! state is right, every change is announced, and the decisions are those of one worker (I1).

mod broker;
mod containers;
mod crashes;
mod freezes;
mod operator;
mod others;
mod stops;
mod topology;
