//! A seeded simulation of everything around the decision: replicas with the product's own loop, a queue
//! with the vices of a real one, a database whose calls take time and fail, conductors, operators and
//! users. One seed gives one run; what must never be ends it, and so does what must happen and does not.
//!
//! ```sh
//! NODEWARDEN_SIM_RUNS=10000 cargo test --all-features --test sim      # more runs
//! NODEWARDEN_SEED=17 cargo test --all-features --test sim runs        # one run, and its story
//! ```

mod announced;
mod broker;
mod chaos;
mod conductors;
mod costs;
mod dice;
mod ironic;
mod liveness;
mod losses;
mod mutants;
mod operators;
mod oracle;
mod picture;
mod reference;
mod replica;
mod runs;
mod session;
mod time;
mod world;
