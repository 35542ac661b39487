//! Two workers, stepped one step at a time over a simulated queue and clock and a real database, through
//! the schedules that break such designs.

mod announcing;
mod bounded;
mod flaky;
mod harness;
mod invariants;
mod ironic;
mod liveness;
mod lost;
mod neighbours;
mod observe;
mod operator;
mod probes;
mod races;
mod receipts;
mod refused;
mod schedules;
mod servers;
mod sqlite;
mod sweeps;
mod takeovers;
mod troubles;
mod unheeded;
mod unknown;
mod unstored;
mod versions;
mod whatif;
mod writers;
