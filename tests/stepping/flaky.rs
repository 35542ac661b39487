//! [`Flaky`]: a real ledger that fails when a test says so, before a call or after it, for now or for
//! good; and that sees every call, so that a test can charge time for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use nodewarden::config::Mode;
use nodewarden::domain::change::Standing;
use nodewarden::domain::committed::Loss;
use nodewarden::domain::ids::{ConductorName, EventId, Pair};
use nodewarden::store::{
    Counts, CountsWindow, Findings, HearingNote, Known, Ledger, Memory, Pause, Prune, Request,
    Rows, SqlLedger, StoreError, Surveyed, Sweep, Takeover, Unwatched, Window, WindowDone,
};
use nodewarden::worker::Decider;

use crate::harness::{SimClock, SimSession, Simulation};

/// One call of a method of the ledger.
pub struct Call {
    /// The method.
    pub op: &'static str,
    /// How many rows it is about: of a window and of retention, how many it may have; how many pairs.
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
pub type FlakyDecider = Decider<SimSession, Flaky, SimClock>;

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

/// The ledger.
pub struct Flaky {
    inner: SqlLedger,
    plan: Arc<Mutex<Plan>>,
}

/// Gets in line with a ledger that goes by `plan`.
pub async fn join(sim: &Simulation, plan: Plan) -> FlakyDecider {
    let inner = SqlLedger::new(&sim.database, sim.inventory(), Arc::new(Unwatched)).unwrap();
    let plan = Arc::new(Mutex::new(plan));
    let (rules, clock) = (sim.rules.clone(), sim.clock.clone());
    let queue = sim.queue.join();
    Decider::join(queue, Flaky { inner, plan }, clock, rules, "test")
        .await
        .unwrap()
}

impl Flaky {
    async fn goes<T>(
        &mut self,
        call: Call,
        happens: impl AsyncFnOnce(&mut SqlLedger) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let goes = (self.plan.lock().unwrap())(&call);
        match goes {
            Goes::Well => happens(&mut self.inner).await,
            Goes::Before(fault) => Err(fault),
            Goes::After(fault) => {
                happens(&mut self.inner).await?;
                Err(fault)
            }
        }
    }
}

fn call(op: &'static str, rows: usize) -> Call {
    Call {
        op,
        rows,
        about: Vec::new(),
    }
}

fn window(op: &'static str, window: &Window) -> Call {
    call(op, window.nodes as usize)
}

fn names<'a>(events: impl Iterator<Item = &'a ConductorName>) -> Vec<String> {
    events.map(|name| name.as_str().to_owned()).collect()
}

impl Ledger for Flaky {
    async fn stream(&mut self) -> Result<String, StoreError> {
        self.inner.stream().await
    }

    async fn came_after(&mut self, stream: &str) -> Result<bool, StoreError> {
        self.inner.came_after(stream).await
    }

    async fn missing(&mut self) -> Result<Option<Loss>, StoreError> {
        self.inner.missing().await
    }

    fn known(&self) -> &Known {
        self.inner.known()
    }

    async fn prove(&mut self) -> Result<(), StoreError> {
        self.inner.prove().await
    }

    async fn take_epoch(
        &mut self,
        who: &str,
        mode: Mode,
        now: u64,
    ) -> Result<Takeover, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.take_epoch(who, mode, now).await;
        self.goes(call("take_epoch", 1), happens).await
    }

    async fn step_down(&mut self, epoch: u64, now_ms: u64) -> Result<(), StoreError> {
        self.inner.step_down(epoch, now_ms).await
    }

    async fn note(&mut self, epoch: u64, note: &HearingNote) -> Result<(), StoreError> {
        self.inner.note(epoch, note).await
    }

    async fn resume(&mut self, epoch: u64) -> Result<Memory, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.resume(epoch).await;
        self.goes(call("resume", 1), happens).await
    }

    async fn recall(
        &mut self,
        events: &[(ConductorName, EventId)],
    ) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, StoreError> {
        let call = Call {
            op: "recall",
            rows: events.len(),
            about: names(events.iter().map(|(name, _)| name)),
        };
        let happens = async |ledger: &mut SqlLedger| ledger.recall(events).await;
        self.goes(call, happens).await
    }

    async fn commit(&mut self, epoch: u64, findings: &Findings) -> Result<(), StoreError> {
        let Findings {
            events,
            conductors,
            standings,
            decisions,
            ..
        } = findings;
        let call = Call {
            op: "commit",
            rows: events.len() + conductors.len() + standings.len() + decisions.len(),
            about: if events.is_empty() {
                let drivers = findings.pairs().map(|pair| pair.driver.as_str().to_owned());
                let mut about = names(conductors.iter().map(|known| &known.name));
                about.extend(drivers);
                about
            } else {
                names(events.iter().map(|event| &event.conductor))
            },
        };
        let happens = async |ledger: &mut SqlLedger| ledger.commit(epoch, findings).await;
        self.goes(call, happens).await
    }

    async fn take_out(&mut self, e: u64, p: &Pair, w: &Window) -> Result<WindowDone, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.take_out(e, p, w).await;
        self.goes(window("take_out", w), happens).await
    }

    async fn give_back(
        &mut self,
        epoch: u64,
        pair: Option<&Pair>,
        w: &Window,
    ) -> Result<WindowDone, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.give_back(epoch, pair, w).await;
        self.goes(window("give_back", w), happens).await
    }

    async fn carry_out(
        &mut self,
        epoch: u64,
        to: Standing,
        pairs: &[Pair],
        w: &Window,
    ) -> Result<Vec<Option<WindowDone>>, StoreError> {
        let call = Call {
            op: "carry_out",
            rows: pairs.len(),
            about: pairs
                .iter()
                .map(|pair| pair.driver.as_str().to_owned())
                .collect(),
        };
        let happens = async |ledger: &mut SqlLedger| ledger.carry_out(epoch, to, pairs, w).await;
        self.goes(call, happens).await
    }

    async fn unmark_strays(&mut self, epoch: u64, w: &Window) -> Result<WindowDone, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.unmark_strays(epoch, w).await;
        self.goes(window("unmark_strays", w), happens).await
    }

    async fn first_after(
        &mut self,
        of: Rows<'_>,
        uuid: &str,
    ) -> Result<Option<String>, StoreError> {
        self.inner.first_after(of, uuid).await
    }

    async fn survey(&mut self, of: Rows<'_>, window: &Window) -> Result<Surveyed, StoreError> {
        self.inner.survey(of, window).await
    }

    async fn begin_sweep(&mut self, epoch: u64, sweep: &Sweep) -> Result<Vec<Pair>, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.begin_sweep(epoch, sweep).await;
        // The same method forgets what is gone, with no word to schedulers.
        let op = if sweep.announces {
            "begin_sweep"
        } else {
            "forget"
        };
        self.goes(call(op, 1), happens).await
    }

    async fn prune(
        &mut self,
        epoch: u64,
        what: Prune,
        before_ms: u64,
        most: u32,
    ) -> Result<u64, StoreError> {
        let call = Call {
            op: "prune",
            rows: most as usize,
            about: vec![format!("{what:?}")],
        };
        let happens =
            async |ledger: &mut SqlLedger| ledger.prune(epoch, what, before_ms, most).await;
        self.goes(call, happens).await
    }

    async fn unknown_pairs(&mut self, most: u32) -> Result<Vec<Pair>, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.unknown_pairs(most).await;
        self.goes(call("unknown_pairs", most as usize), happens)
            .await
    }

    async fn needed(&mut self, pairs: &[Pair]) -> Result<Vec<Pair>, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.needed(pairs).await;
        self.goes(call("needed", pairs.len()), happens).await
    }

    async fn count_nodes(&mut self, after: &str, limit: u32) -> Result<CountsWindow, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.count_nodes(after, limit).await;
        self.goes(call("count_nodes", limit as usize), happens)
            .await
    }

    async fn keep_counts(&mut self, epoch: u64, counts: &Counts) -> Result<(), StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.keep_counts(epoch, counts).await;
        self.goes(call("keep_counts", 1), happens).await
    }

    async fn fold_counts(&mut self, epoch: u64) -> Result<u64, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.fold_counts(epoch).await;
        self.goes(call("fold_counts", 1), happens).await
    }

    async fn waited_since(&mut self, seq: u64) -> Result<Option<u64>, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.waited_since(seq).await;
        self.goes(call("waited_since", 1), happens).await
    }

    async fn pause(&mut self) -> Result<Option<Pause>, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.pause().await;
        self.goes(call("pause", 1), happens).await
    }

    async fn end_pause(&mut self, epoch: u64, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.end_pause(epoch, id, now_ms).await;
        self.goes(call("end_pause", 1), happens).await
    }

    async fn requests(&mut self) -> Result<Vec<Request>, StoreError> {
        let happens = async |ledger: &mut SqlLedger| ledger.requests().await;
        self.goes(call("requests", 1), happens).await
    }

    async fn answer_forget(
        &mut self,
        epoch: u64,
        request: &Request,
        forget: bool,
        result: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let happens = async |ledger: &mut SqlLedger| {
            let answered = ledger.answer_forget(epoch, request, forget, result, now_ms);
            answered.await
        };
        let call = Call {
            op: "answer_forget",
            rows: 1,
            about: vec![request.argument.clone()],
        };
        self.goes(call, happens).await
    }
}
