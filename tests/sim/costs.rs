//! [`Costly`]: a ledger and an outbox whose calls take time by what they are about, fail as the run's
//! faults say, and show each commit to the oracle at the very moment at which it happens.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::domain::announcement::{Announcement, Content};
use nodewarden::domain::change::Standing;
use nodewarden::domain::committed::Loss;
use nodewarden::domain::ids::{ConductorName, EventId, Pair};
use nodewarden::store::{
    Counts, CountsWindow, Findings, HearingNote, Known, Ledger, Memory, Outbox, Pause, Prune,
    Request, Rows, StoreError, Surveyed, Sweep, Takeover, Window, WindowDone,
};

use nodewarden_tests::model::{Model, Tables, lasting, passing};

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

/// What a process has of the world, to reach its database.
pub struct Costly<L> {
    pub model: Model,
    pub inner: L,
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

/// Whether a call writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Look,
    Write,
}

/// Ids of events that no database ever takes end so.
pub const POISON: &str = "-poison";

impl<L> Costly<L> {
    /// How many rows a window of nodes has, that may have so many.
    fn rows(&self, most: u32) -> usize {
        let nodes = self.model.look(|tables| tables.nodes.len());
        nodes.min(most as usize)
    }

    async fn call<T>(
        &mut self,
        op: &'static str,
        does: Does,
        rows: usize,
        happens: impl AsyncFnOnce(&mut L) -> Result<T, StoreError>,
        seen: impl FnOnce(&Oracle, &T),
    ) -> Result<T, StoreError> {
        let now = self.time.now();
        self.read.set(self.model.look(|tables| tables.one.epoch));
        let (cost, part, goes, down) = {
            let mut faults = self.faults.borrow_mut();
            let rows = match does {
                Does::Look => 1 + rows / READ,
                Does::Write => 1 + rows,
            };
            let cost = faults.latency * u32::try_from(rows).unwrap_or(u32::MAX);
            let part = faults.dice.part();
            (cost, part, faults.draw(now), now < faults.down_until)
        };
        if down {
            self.time.sleep(Duration::from_millis(20)).await;
            return Err(StoreError::Unopened(sqlx::Error::PoolTimedOut));
        }
        let before = cost.mul_f64(part);
        if does == Does::Write && cost > self.limit {
            self.time.sleep(self.limit).await;
            self.oracle
                .tell(|| format!("{op}: {rows} rows take too long; killed"));
            self.oracle.count("killed by the watchdog", 1);
            self.time.kill(self.process);
            std::future::pending::<()>().await;
        }
        self.time.sleep(before).await;
        if matches!(goes, Goes::Before) {
            self.oracle.count("calls that failed", 1);
            if does == Does::Look {
                self.deaf_until
                    .set(self.time.now() + Duration::from_secs(4));
            }
            self.oracle
                .tell(|| format!("{op} of {} fails", self.process));
            return Err(passing(op));
        }
        let happened = at_once(happens(&mut self.inner));
        if let (Ok(value), Does::Write) = (&happened, does) {
            seen(&self.oracle, value);
            self.oracle.look(&self.model, false);
        }
        if let Err(fault) = &happened {
            self.oracle
                .tell(|| format!("{op} of {}: {fault}", self.process));
            if matches!(fault, StoreError::Fenced(_)) {
                self.oracle.count("fenced", 1);
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

fn nothing<T>(_: &Oracle, _: &T) {}

impl<L: Ledger> Ledger for Costly<L> {
    async fn stream(&mut self) -> Result<String, StoreError> {
        self.call("stream", Does::Look, 1, async |l| l.stream().await, nothing)
            .await
    }

    async fn came_after(&mut self, stream: &str) -> Result<bool, StoreError> {
        let look = async |l: &mut L| l.came_after(stream).await;
        self.call("came_after", Does::Look, 1, look, nothing).await
    }

    async fn missing(&mut self) -> Result<Option<Loss>, StoreError> {
        self.call(
            "missing",
            Does::Look,
            1,
            async |l| l.missing().await,
            nothing,
        )
        .await
    }

    fn known(&self) -> &Known {
        self.inner.known()
    }

    async fn prove(&mut self) -> Result<(), StoreError> {
        self.call("prove", Does::Write, 1, async |l| l.prove().await, nothing)
            .await
    }

    async fn take_epoch(
        &mut self,
        who: &str,
        mode: Mode,
        now: u64,
    ) -> Result<Takeover, StoreError> {
        let process = self.process;
        let proof = Rc::clone(&self.proof);
        let seen = |oracle: &Oracle, taken: &Takeover| {
            proof.set(Proof::Unsent);
            oracle.count("takeovers", 1);
            oracle.tell(|| format!("{process} takes epoch {}", taken.epoch));
        };
        let happens = async |l: &mut L| l.take_epoch(who, mode, now).await;
        self.call("take_epoch", Does::Write, 1, happens, seen).await
    }

    async fn step_down(&mut self, epoch: u64, now_ms: u64) -> Result<(), StoreError> {
        let happens = async |l: &mut L| l.step_down(epoch, now_ms).await;
        self.call("step_down", Does::Write, 1, happens, nothing)
            .await
    }

    async fn note(&mut self, epoch: u64, note: &HearingNote) -> Result<(), StoreError> {
        let happens = async |l: &mut L| l.note(epoch, note).await;
        self.call("note", Does::Write, 1, happens, nothing).await
    }

    async fn resume(&mut self, epoch: u64) -> Result<Memory, StoreError> {
        let happens = async |l: &mut L| l.resume(epoch).await;
        self.call("resume", Does::Write, 1, happens, nothing).await
    }

    async fn recall(
        &mut self,
        events: &[(ConductorName, EventId)],
    ) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, StoreError> {
        let happens = async |l: &mut L| l.recall(events).await;
        let found = self
            .call("recall", Does::Look, events.len(), happens, nothing)
            .await?;
        self.oracle
            .count("events that came again", found.len() as u64);
        Ok(found)
    }

    async fn commit(&mut self, epoch: u64, findings: &Findings) -> Result<(), StoreError> {
        if findings
            .events
            .iter()
            .any(|event| event.id.as_str().ends_with(POISON))
        {
            return Err(lasting("commit", "it can never be stored"));
        }
        let rows = findings.events.len()
            + findings.conductors.len()
            + findings.standings.len()
            + findings.decisions.len();
        let rows = match self.all_at_once && findings.events.is_empty() {
            true => self.oracle.rows_of_all_silences(),
            false => rows,
        };
        let process = self.process;
        let seen = |oracle: &Oracle, (): &()| {
            oracle.tell(|| format!("{process} commits {}", told(findings)));
            oracle.committed(findings);
        };
        let happens = async |l: &mut L| l.commit(epoch, findings).await;
        self.call("commit", Does::Write, rows, happens, seen).await
    }

    async fn take_out(&mut self, e: u64, p: &Pair, w: &Window) -> Result<WindowDone, StoreError> {
        // It goes by an index.
        let of_pair = |tables: &Tables| tables.nodes.values().filter(|node| node.needs(p)).count();
        let (rows, proof) = (self.model.look(of_pair), self.proof.get());
        let happens = async |l: &mut L| l.take_out(e, p, w).await;
        let seen = |oracle: &Oracle, done: &WindowDone| {
            oracle.tell(|| format!("take out of {p} after {:?}: {done:?}", w.after));
            if done.changed > 0 {
                assert!(
                    proof == Proof::Back,
                    "nodes go out, and no own tick has come back since the takeover: {proof:?}"
                );
                oracle.goes_out();
            }
        };
        self.call("take_out", Does::Write, rows, happens, seen)
            .await
    }

    async fn give_back(
        &mut self,
        epoch: u64,
        pair: Option<&Pair>,
        w: &Window,
    ) -> Result<WindowDone, StoreError> {
        let happens = async |l: &mut L| l.give_back(epoch, pair, w).await;
        self.call(
            "give_back",
            Does::Write,
            self.rows(w.nodes),
            happens,
            nothing,
        )
        .await
    }

    async fn carry_out(
        &mut self,
        epoch: u64,
        to: Standing,
        pairs: &[Pair],
        w: &Window,
    ) -> Result<Vec<Option<WindowDone>>, StoreError> {
        let (rows, proof) = (self.rows(w.nodes) + pairs.len(), self.proof.get());
        let happens = async |l: &mut L| l.carry_out(epoch, to, pairs, w).await;
        let seen = |_: &Oracle, done: &Vec<Option<WindowDone>>| {
            let changed = done.iter().flatten().any(|done| done.changed > 0);
            assert!(
                to == Standing::Active || !changed || proof == Proof::Back,
                "nodes go out, and no own tick has come back since the takeover: {proof:?}"
            );
        };
        self.call("carry_out", Does::Write, rows, happens, seen)
            .await
    }

    async fn unmark_strays(&mut self, epoch: u64, w: &Window) -> Result<WindowDone, StoreError> {
        let happens = async |l: &mut L| l.unmark_strays(epoch, w).await;
        self.call(
            "unmark_strays",
            Does::Write,
            self.rows(w.nodes),
            happens,
            nothing,
        )
        .await
    }

    async fn first_after(
        &mut self,
        of: Rows<'_>,
        after: &str,
    ) -> Result<Option<String>, StoreError> {
        let happens = async |l: &mut L| l.first_after(of, after).await;
        self.call("first_after", Does::Look, 1, happens, nothing)
            .await
    }

    async fn survey(&mut self, of: Rows<'_>, window: &Window) -> Result<Surveyed, StoreError> {
        let happens = async |l: &mut L| l.survey(of, window).await;
        self.call(
            "survey",
            Does::Look,
            self.rows(window.nodes),
            happens,
            nothing,
        )
        .await
    }

    async fn survey_pairs(
        &mut self,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<Surveyed>>, StoreError> {
        let happens = async |l: &mut L| l.survey_pairs(pairs, window).await;
        let rows = self.rows(window.nodes) + pairs.len();
        self.call("survey_pairs", Does::Look, rows, happens, nothing)
            .await
    }

    async fn begin_sweep(&mut self, epoch: u64, sweep: &Sweep) -> Result<Vec<Pair>, StoreError> {
        let happens = async |l: &mut L| l.begin_sweep(epoch, sweep).await;
        let observes = self.observes;
        let seen = |oracle: &Oracle, pairs: &Vec<Pair>| oracle.swept(sweep, pairs, observes);
        self.call(
            "begin_sweep",
            Does::Write,
            sweep.restarting.len(),
            happens,
            seen,
        )
        .await
    }

    async fn prune(
        &mut self,
        epoch: u64,
        what: Prune,
        before_ms: u64,
        most: u32,
    ) -> Result<u64, StoreError> {
        let rows = self
            .model
            .look(|tables| tables.events.len())
            .min(most as usize);
        let happens = async |l: &mut L| l.prune(epoch, what, before_ms, most).await;
        let seen = |oracle: &Oracle, gone: &u64| oracle.count("rows dropped", *gone);
        self.call("prune", Does::Write, rows / READ, happens, seen)
            .await
    }

    async fn unknown_pairs(&mut self, most: u32) -> Result<Vec<Pair>, StoreError> {
        let happens = async |l: &mut L| l.unknown_pairs(most).await;
        self.call("unknown_pairs", Does::Look, 1, happens, nothing)
            .await
    }

    async fn needed(&mut self, pairs: &[Pair]) -> Result<Vec<Pair>, StoreError> {
        let happens = async |l: &mut L| l.needed(pairs).await;
        self.call("needed", Does::Look, pairs.len(), happens, nothing)
            .await
    }

    async fn count_nodes(&mut self, after: &str, limit: u32) -> Result<CountsWindow, StoreError> {
        let happens = async |l: &mut L| l.count_nodes(after, limit).await;
        self.call(
            "count_nodes",
            Does::Look,
            self.rows(limit),
            happens,
            nothing,
        )
        .await
    }

    async fn keep_counts(
        &mut self,
        epoch: u64,
        counts: &Counts,
        most: u32,
    ) -> Result<bool, StoreError> {
        let happens = async |l: &mut L| l.keep_counts(epoch, counts, most).await;
        self.call(
            "keep_counts",
            Does::Write,
            counts.pairs.len().min(most as usize),
            happens,
            nothing,
        )
        .await
    }

    async fn fold_counts(&mut self, epoch: u64) -> Result<u64, StoreError> {
        let happens = async |l: &mut L| l.fold_counts(epoch).await;
        self.call("fold_counts", Does::Write, 1, happens, nothing)
            .await
    }

    async fn waited_since(&mut self, seq: u64) -> Result<Option<u64>, StoreError> {
        let happens = async |l: &mut L| l.waited_since(seq).await;
        self.call("waited_since", Does::Look, 1, happens, nothing)
            .await
    }

    async fn pause(&mut self) -> Result<Option<Pause>, StoreError> {
        self.call("pause", Does::Look, 1, async |l| l.pause().await, nothing)
            .await
    }

    async fn end_pause(&mut self, epoch: u64, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        let happens = async |l: &mut L| l.end_pause(epoch, id, now_ms).await;
        self.call("end_pause", Does::Write, 1, happens, nothing)
            .await
    }

    async fn requests(&mut self) -> Result<Vec<Request>, StoreError> {
        self.call(
            "requests",
            Does::Look,
            1,
            async |l| l.requests().await,
            nothing,
        )
        .await
    }

    async fn answer_forget(
        &mut self,
        epoch: u64,
        request: &Request,
        forget: bool,
        result: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let happens = async |l: &mut L| {
            l.answer_forget(epoch, request, forget, result, now_ms)
                .await
        };
        let seen = |oracle: &Oracle, (): &()| {
            if forget {
                oracle.forgot(&request.argument);
            }
        };
        self.call("answer_forget", Does::Write, 1, happens, seen)
            .await
    }
}

impl<O: Outbox> Outbox for Costly<O> {
    async fn pending(
        &mut self,
        after: Option<u64>,
        most: u32,
    ) -> Result<Vec<Announcement>, StoreError> {
        let rows = self.rows(most);
        let happens = async |o: &mut O| o.pending(after, most).await;
        let mut pending = self
            .call("pending", Does::Look, rows, happens, nothing)
            .await?;
        if self.regroups {
            pending.iter_mut().for_each(regroup);
        }
        Ok(pending)
    }

    async fn announced(&mut self, epoch: u64, number: u64, now_ms: u64) -> Result<(), StoreError> {
        let happens = async |o: &mut O| o.announced(epoch, number, now_ms).await;
        self.call("announced", Does::Write, 1, happens, nothing)
            .await
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
