//! [`Flaky`]: a real ledger that fails when a test says so, before a call or after it, for now or for
//! good; and that sees every call, so that a test can charge time for it.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use nodewarden::domain::ids::ConductorName;
use nodewarden::store::{Findings, SqlLedger, StoreError, Unwatched};
use nodewarden::worker::{Decider, ready};
use nodewarden_tests::between::{self, About, Between, Hook};

use crate::harness::{SimClock, SimSession, Simulation};

/// One call of a method of the ledger.
pub struct Call {
    /// The method.
    pub op: &'static str,
    /// How many rows it is about: of a window and of retention, how many it may have; how
    /// many pairs.
    pub rows: usize,
    /// The drivers of its pairs; the conductors of its events, and without any its conductors and the drivers of its pairs; the
    /// kind of what is dropped; the argument of a request.
    pub about: Vec<String>,
}

/// What goes wrong with a call.
pub enum Goes {
    /// Nothing.
    Well,
    /// It fails, and nothing has happened.
    Before(StoreError),
    /// It happens, and its reply is lost.
    After(StoreError),
}

/// What happens to each call.
pub type Plan = Box<dyn FnMut(&Call) -> Goes + Send>;

/// A decider over such a ledger.
pub type FlakyDecider = Decider<SimSession, Between<SqlLedger, Flaky>, SimClock>;

/// A fault that passes.
pub fn passing(doing: &'static str) -> StoreError {
    StoreError::Transient {
        doing,
        cause: sqlx::Error::PoolTimedOut,
    }
}

/// A fault that comes again with the same input.
pub fn lasting(doing: &'static str) -> StoreError {
    StoreError::Permanent {
        doing,
        cause: sqlx::Error::PoolTimedOut,
    }
}

/// Calls that no plan is about: they go straight to the ledger.
const UNPLANNED: [&str; 10] = [
    "stream",
    "came_after",
    "missing",
    "prove",
    "step_down",
    "note",
    "first_after",
    "survey",
    "survey_all",
    "survey_pairs",
];

/// What lets each call go by the plan.
pub struct Flaky {
    plan: Plan,
    /// How long the round trips of a call take.
    way: fn(&str) -> Duration,
    last: Duration,
}

/// Gets in line with a ledger that goes by `plan`.
pub async fn join(sim: &Simulation, plan: Plan) -> FlakyDecider {
    join_from(sim, plan, |_| Duration::ZERO).await
}

/// The same, and the ledger knows how long the round trips of a call take.
pub async fn join_from(sim: &Simulation, plan: Plan, way: fn(&str) -> Duration) -> FlakyDecider {
    let inner = SqlLedger::new(&sim.database, sim.inventory(), Arc::new(Unwatched)).unwrap();
    let last = Duration::ZERO;
    let hook = Flaky { plan, way, last };
    let mut ledger = Between { inner, hook };
    let found = ready(&mut ledger).await.unwrap();
    let (rules, clock) = (sim.rules.clone(), sim.clock.clone());
    Decider::join(sim.queue.join(), ledger, clock, rules, "test", found)
}

impl Hook<SqlLedger> for Flaky {
    fn way(&self) -> Duration {
        self.last
    }

    async fn around<T: Any>(
        &mut self,
        inner: &mut SqlLedger,
        call: between::Call<'_>,
        happens: impl AsyncFnOnce(&mut SqlLedger) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.last = (self.way)(call.op);
        if UNPLANNED.contains(&call.op) {
            return happens(inner).await;
        }
        match (self.plan)(&told(&call)) {
            Goes::Well => happens(inner).await,
            Goes::Before(fault) => Err(fault),
            Goes::After(fault) => {
                happens(inner).await?;
                Err(fault)
            }
        }
    }
}

/// What a plan is told of a call.
fn told(call: &between::Call<'_>) -> Call {
    let (rows, about) = match call.about {
        About::Nothing | About::TakeEpoch { .. } | About::Counts(..) => (1, Vec::new()),
        About::Sweep(sweep) => {
            let rows = sweep.forget.len() + sweep.unnamed.len() + sweep.unwanted.len();
            (rows.max(1), Vec::new())
        }
        About::Events(events) => (events.len(), names(events.iter().map(|(name, _)| name))),
        About::Commit(_, findings) => committed(findings),
        About::TakeOut(_, _, window) | About::Window(window) => (window.nodes as usize, Vec::new()),
        About::Prune(_, what, _, most) => (most as usize, vec![format!("{what:?}")]),
        About::Most(most) => (most as usize, Vec::new()),
        About::CarryOut(_, _, pairs, _) => {
            let drivers = pairs.iter().map(|pair| pair.driver.as_str().to_owned());
            (pairs.len(), drivers.collect())
        }
        About::Pairs(pairs) | About::PairsWithin(pairs, _) => (pairs.len(), Vec::new()),
        About::Forget(request, _) => (1, vec![request.argument.clone()]),
    };
    // The same method forgets what is gone, with no word to schedulers.
    let forgets = matches!(call.about, About::Sweep(sweep) if !sweep.announces);
    let op = if forgets { "forget" } else { call.op };
    Call { op, rows, about }
}

fn committed(findings: &Findings) -> (usize, Vec<String>) {
    let Findings {
        events,
        conductors,
        standings,
        decisions,
        ..
    } = findings;
    let rows = events.len() + conductors.len() + standings.len() + decisions.len();
    let mut about = names(events.iter().map(|event| &event.conductor));
    if events.is_empty() {
        let drivers = findings.pairs().map(|pair| pair.driver.as_str().to_owned());
        about = names(conductors.iter().map(|known| &known.name));
        about.extend(drivers);
    }
    (rows, about)
}

fn names<'a>(conductors: impl Iterator<Item = &'a ConductorName>) -> Vec<String> {
    conductors.map(|name| name.as_str().to_owned()).collect()
}
