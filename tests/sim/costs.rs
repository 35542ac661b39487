//! [`Costly`]: a ledger and an outbox whose calls take time by what they are about, fail as the run's
//! faults say, and show each commit to the oracle at the very moment at which it happens.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use nodewarden::domain::announcement::{Announcement, Content};
use nodewarden::domain::change::Standing;
use nodewarden::domain::ids::{ConductorName, EventId, Pair};
use nodewarden::store::{Findings, Prune, StoreError, Takeover, WindowDone};
use nodewarden_tests::between::{About, Between, Call, Hook};
use nodewarden_tests::model::{Model, lasting, passing};

use crate::dice::Dice;
use crate::oracle::Oracle;
use crate::picture::at_once;
use crate::replica::Proof;
use crate::time::{Process, Time};

/// Rows that a look reads in the time in which one is written.
const READ: usize = 50;

/// What is wrong with the database, and when something next goes wrong with a call.
pub struct Faults {
    pub dice: Dice,
    /// What one row costs.
    pub latency: Duration,
    /// On the average, a call goes wrong so often; never, if it is zero.
    pub mean: Duration,
    pub next: Duration,
    /// It cannot be reached until then.
    pub down_until: Duration,
}

/// What goes wrong with a call.
enum Goes {
    Well,
    Before,
    After,
}

impl Faults {
    fn draw(&mut self, now: Duration) -> Goes {
        if self.mean.is_zero() || now < self.next {
            return Goes::Well;
        }
        self.next = now + self.dice.until_next(self.mean);
        match self.dice.happens(0.5) {
            true => Goes::Before,
            false => Goes::After,
        }
    }
}

/// A ledger or an outbox, and what a process has of the world to reach it.
pub type Costly<L> = Between<L, Costs>;

/// What calls cost, and what goes wrong with them.
pub struct Costs {
    pub model: Model,
    pub time: Time,
    pub oracle: Oracle,
    pub faults: Rc<RefCell<Faults>>,
    pub process: Process,
    pub limit: Duration,
    /// The epoch as it was when the call began.
    pub read: Rc<Cell<u64>>,
    /// Shared with the queue of a mutant that hears nothing for a while after a failed look.
    pub deaf_until: Rc<Cell<Duration>>,
    pub proof: Rc<Cell<Proof>>,
    /// A silence costs as much as all do that are due.
    pub all_at_once: bool,
    /// Its `decide.mode`.
    pub observes: bool,
    /// Boundaries of messages are found again by whoever carries them.
    pub regroups: bool,
}

/// Ids of events that no database ever takes end so.
pub const POISON: &str = "-poison";

/// What is remembered of events.
type Recalled = HashMap<(ConductorName, EventId), [u8; 32]>;

impl Costs {
    /// How many rows a window of nodes has, that may have so many.
    fn nodes(&self, most: u32) -> usize {
        let nodes = self.model.look(|tables| tables.nodes.len());
        nodes.min(most as usize)
    }

    /// How many rows a call is about.
    fn rows(&self, call: &Call<'_>) -> usize {
        match call.about {
            About::Nothing | About::TakeEpoch { .. } | About::Forget(..) => 1,
            About::Events(events) => events.len(),
            About::Commit(_, findings) if self.all_at_once && findings.events.is_empty() => {
                self.oracle.rows_of_all_silences()
            }
            About::Commit(_, findings) => {
                findings.events.len()
                    + findings.conductors.len()
                    + findings.standings.len()
                    + findings.decisions.len()
            }
            // It goes by an index.
            About::TakeOut(_, pair, _) => self.model.look(|tables| {
                let nodes = tables.nodes.values();
                nodes.filter(|node| node.needs(pair)).count()
            }),
            About::CarryOut(_, _, pairs, window) | About::PairsWithin(pairs, window) => {
                self.nodes(window.nodes) + pairs.len()
            }
            About::Window(window) => self.nodes(window.nodes),
            About::Sweep(sweep) => sweep.restarting.len(),
            About::Prune(.., most) => {
                let events = self.model.look(|tables| tables.events.len());
                events.min(most as usize) / READ
            }
            About::Most(_) if call.op == "unknown_pairs" => 1,
            About::Most(most) => self.nodes(most),
            About::Pairs(pairs) => pairs.len(),
            About::Counts(counts, most) => counts.pairs.len().min(most as usize),
        }
    }

    /// The oracle sees what was written.
    fn show(&self, call: &Call<'_>, value: &dyn Any) {
        let (oracle, process) = (&self.oracle, self.process);
        match call.about {
            About::TakeEpoch { .. } => {
                let taken: &Takeover = of(value);
                self.proof.set(Proof::Unsent);
                oracle.count("takeovers", 1);
                oracle.tell(|| format!("{process} takes epoch {}", taken.epoch));
            }
            About::Commit(_, findings) => {
                oracle.tell(|| format!("{process} commits {}", told(findings)));
                oracle.committed(findings);
            }
            About::TakeOut(_, pair, window) => {
                let done: &WindowDone = of(value);
                oracle.tell(|| format!("take out of {pair} after {:?}: {done:?}", window.after));
                if done.changed > 0 {
                    self.is_proven();
                    oracle.goes_out();
                }
            }
            About::CarryOut(_, Standing::Lost, ..) => {
                let done: &Vec<Option<WindowDone>> = of(value);
                if done.iter().flatten().any(|done| done.changed > 0) {
                    self.is_proven();
                }
            }
            About::Sweep(sweep) => oracle.swept(sweep, of::<Vec<Pair>>(value), self.observes),
            About::Prune(_, what, ..) => {
                oracle.count("rows dropped", *of(value));
                if what == Prune::Events {
                    oracle.pruned(&self.model);
                }
            }
            About::Forget(request, true) => oracle.forgot(&request.argument),
            About::Nothing
            | About::Events(_)
            | About::CarryOut(..)
            | About::Window(_)
            | About::Most(_)
            | About::Pairs(_)
            | About::PairsWithin(..)
            | About::Counts(..)
            | About::Forget(..) => {}
        }
        oracle.look(&self.model, false);
    }

    fn after_a_look(&self, value: &mut dyn Any) {
        if let Some(found) = value.downcast_ref::<Recalled>() {
            let again = found.len() as u64;
            self.oracle.count("events that came again", again);
        }
        if self.regroups
            && let Some(pending) = value.downcast_mut::<Vec<Announcement>>()
        {
            pending.iter_mut().for_each(regroup);
        }
    }

    fn is_proven(&self) {
        let proof = self.proof.get();
        assert!(
            proof == Proof::Back,
            "nodes go out, and no own tick has come back since the takeover: {proof:?}"
        );
    }

    /// It takes longer than the process may live.
    async fn is_killed(&self, op: &str, rows: usize) {
        self.time.sleep(self.limit).await;
        self.oracle
            .tell(|| format!("{op}: {rows} rows take too long; killed"));
        self.oracle.count("killed by the watchdog", 1);
        self.time.kill(self.process);
        std::future::pending::<()>().await;
    }
}

/// What the method answers with.
fn of<T: Any>(value: &dyn Any) -> &T {
    value.downcast_ref().expect("the type of its answer")
}

impl<L> Hook<L> for Costs {
    async fn around<T: Any>(
        &mut self,
        inner: &mut L,
        call: Call<'_>,
        happens: impl AsyncFnOnce(&mut L) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let op = call.op;
        if let About::Commit(_, findings) = call.about {
            let mut ids = findings.events.iter().map(|event| event.id.as_str());
            if ids.any(|id| id.ends_with(POISON)) {
                return Err(lasting("commit", "it can never be stored"));
            }
        }
        let rows = self.rows(&call);
        let now = self.time.now();
        self.read.set(self.model.look(|tables| tables.one.epoch));
        let (cost, part, goes, down) = {
            let mut faults = self.faults.borrow_mut();
            let rows = 1 + if call.writes { rows } else { rows / READ };
            let cost = faults.latency * u32::try_from(rows).unwrap_or(u32::MAX);
            let part = faults.dice.part();
            (cost, part, faults.draw(now), now < faults.down_until)
        };
        if down {
            self.time.sleep(Duration::from_millis(20)).await;
            return Err(StoreError::Unopened(sqlx::Error::PoolTimedOut));
        }
        let before = cost.mul_f64(part);
        if call.writes && cost > self.limit {
            self.is_killed(op, rows).await;
        }
        self.time.sleep(before).await;
        if matches!(goes, Goes::Before) {
            self.oracle.count("calls that failed", 1);
            if !call.writes {
                let until = self.time.now() + Duration::from_secs(4);
                self.deaf_until.set(until);
            }
            self.oracle
                .tell(|| format!("{op} of {} fails", self.process));
            return Err(passing(op));
        }
        let mut happened = at_once(happens(inner));
        match &mut happened {
            Ok(value) if call.writes => self.show(&call, value),
            Ok(value) => self.after_a_look(value),
            Err(fault) => {
                self.oracle
                    .tell(|| format!("{op} of {}: {fault}", self.process));
                if matches!(fault, StoreError::Fenced(_)) {
                    self.oracle.count("fenced", 1);
                }
                // A write that finds commits missing fails, and has begun a new stream.
                self.oracle.look(&self.model, false);
            }
        }
        self.time.sleep(cost - before).await;
        if matches!(goes, Goes::After) {
            self.oracle.count("replies that were lost", 1);
            self.oracle
                .tell(|| format!("{op} of {} loses its reply", self.process));
            return Err(passing(op));
        }
        happened
    }
}

/// A batch in a line.
fn told(findings: &Findings) -> String {
    let events = findings.events.iter().map(|event| {
        let (conductor, id, outcome) = (&event.conductor, &event.id, event.outcome);
        format!("{conductor} {id} {outcome:?}")
    });
    let decisions = findings.decisions.iter().map(|decision| {
        let (pair, verdict) = (&decision.turn.pair, decision.verdict);
        format!("{pair} {verdict:?}")
    });
    events.chain(decisions).collect::<Vec<_>>().join(", ")
}

/// A message for half of the nodes.
fn regroup(announcement: &mut Announcement) {
    match &mut announcement.content {
        Content::OutOfService { nodes, .. } | Content::BackInService { nodes, .. } => {
            nodes.truncate(nodes.len().div_ceil(2));
        }
        Content::Position { .. } => {}
    }
}
