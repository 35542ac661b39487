//! The deciding loop's connection to the model.

use std::collections::HashMap;

use nodewarden::config::Mode;
use nodewarden::domain::change::Standing;
use nodewarden::domain::committed::{Committed, Loss};
use nodewarden::domain::ids::{ConductorName, EventId, Pair};
use nodewarden::store::{
    Counts, CountsWindow, Findings, HearingNote, Known, Ledger, Memory, Pause, Prune, Request,
    RequestKind, Rows, StoreError, Surveyed, Sweep, Takeover, Window, WindowDone,
};

use super::intake::whole_ms;
use super::unit::{Fault, Unit};
use super::{
    Call, Ended, Model, count, give_back, intake, lost, survey, sweep, take_out, together, walk,
};

/// At most so many requests are read at once, as in the real store.
const REQUESTS: usize = 100;

/// [`Ledger`] on a model; one connection of many.
pub struct ModelLedger {
    model: Model,
    by: String,
    known: Known,
}

impl ModelLedger {
    pub(super) fn new(model: Model, by: &str) -> Self {
        let by = by.to_owned();
        let known = Known::default();
        Self { model, by, known }
    }

    /// Goes by what is `known` to be committed already, and adds to it.
    #[must_use]
    pub fn knowing(self, known: Known) -> Self {
        Self { known, ..self }
    }

    fn call(&self, op: &'static str, epoch: Option<u64>, rows: usize) -> Call {
        Call {
            by: self.by.clone(),
            op,
            epoch,
            rows: rows as u64,
            ended: Ended::NotYet,
        }
    }

    /// A call that takes no fence.
    fn look<T>(
        &self,
        op: &'static str,
        rows: usize,
        look: impl FnOnce(&mut Unit<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.model.call(self.call(op, None, rows), look)
    }

    /// A call under the fence.
    fn fenced<T>(
        &self,
        epoch: u64,
        now_ms: impl Into<Option<u64>>,
        op: &'static str,
        rows: usize,
        work: impl FnOnce(&mut Unit<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let call = self.call(op, Some(epoch), rows);
        self.under_the_fence(call, epoch, now_ms.into(), |_| None, work)
    }

    /// The same, unless a look before it tells the answer.
    fn under_the_fence<T>(
        &self,
        call: Call,
        epoch: u64,
        now_ms: Option<u64>,
        idle: impl FnOnce(&mut Unit<'_>) -> Option<T>,
        work: impl FnOnce(&mut Unit<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let (knowing, known) = (&self.known, self.known.furthest());
        let done = self.model.call(call, |unit| {
            if let Some(told) = idle(unit) {
                return Ok(Done::Told(told));
            }
            let fenced = unit.fence(epoch, now_ms);
            let one = &mut unit.tables.one;
            if let Err(fault) = fenced {
                let below = (one.epoch < epoch).then(|| lost::committed(one));
                let loss = below.and_then(|found| lost::lost(one, known, found));
                return Err(loss.map_or(fault, |loss| Fault::Lost(Box::new(loss))));
            }
            let mut before = lost::committed(one);
            before.commits -= 1;
            if let Some(loss) = lost::lost(one, known, before) {
                lost::begin_stream(one, knowing, &loss, now_ms);
                return Ok(Done::Lost(loss));
            }
            let value = work(unit)?;
            Ok(Done::Written(value, lost::committed(&unit.tables.one)))
        })?;
        match done {
            Done::Told(value) => Ok(value),
            Done::Lost(loss) => Err(StoreError::Lost(Box::new(loss))),
            Done::Written(value, committed) => {
                self.known.seen(committed);
                Ok(value)
            }
        }
    }
}

/// How a fenced call went.
enum Done<T> {
    Told(T),
    Written(T, Committed),
    Lost(Loss),
}

impl Ledger for ModelLedger {
    async fn stream(&mut self) -> Result<String, StoreError> {
        self.look("stream", 1, |unit| Ok(unit.tables.one.stream.clone()))
    }

    async fn came_after(&mut self, stream: &str) -> Result<bool, StoreError> {
        self.look("came_after", 1, |unit| {
            Ok(lost::came_after(&unit.tables.one, stream))
        })
    }

    async fn missing(&mut self) -> Result<Option<Loss>, StoreError> {
        let known = self.known.furthest();
        let (found, loss) = self.look("missing", 1, |unit| {
            let one = &unit.tables.one;
            let found = lost::committed(one);
            Ok((found.clone(), lost::lost(one, known, found)))
        })?;
        if loss.is_none() {
            self.known.seen(found);
        }
        Ok(loss)
    }

    fn known(&self) -> &Known {
        &self.known
    }

    async fn prove(&mut self) -> Result<(), StoreError> {
        self.look("prove", 1, |unit| {
            unit.tables.one.proofs += 1;
            Ok(())
        })
    }

    async fn take_epoch(
        &mut self,
        holder: &str,
        mode: Mode,
        now_ms: u64,
    ) -> Result<Takeover, StoreError> {
        let (knowing, known) = (&self.known, self.known.furthest());
        let follows = self.known.follows();
        let (takeover, taken) = self.look("take_epoch", 1, |unit| {
            let one = &mut unit.tables.one;
            let before = lost::committed(one);
            if let Some(follows) = follows.filter(|follows| !follows.is_in_the_epoch_of(&before)) {
                return Err(Fault::Fenced(follows.epoch));
            }
            if let Some(loss) = lost::lost(one, known, before) {
                lost::begin_stream(one, knowing, &loss, Some(now_ms));
            }
            one.epoch += 1;
            one.commits += 1;
            one.holder = Some(holder.to_owned());
            one.taken_at_ms = Some(now_ms);
            one.committed_at_ms = Some(now_ms);
            one.mode = Some(mode);
            let (taken, began) = (lost::committed(one), lost::began(one));
            let takeover = Takeover {
                stream: taken.stream.clone(),
                epoch: taken.epoch,
                memory: memory(unit),
                began,
            };
            Ok((takeover, taken))
        })?;
        self.known.seen(taken);
        Ok(takeover)
    }

    async fn step_down(&mut self, epoch: u64, now_ms: u64) -> Result<(), StoreError> {
        self.fenced(epoch, now_ms, "step_down", 1, |unit| {
            unit.tables.one.holder = None;
            Ok(())
        })
    }

    async fn note(&mut self, epoch: u64, note: &HearingNote) -> Result<(), StoreError> {
        let told = note.troubles.join("\n");
        let kept = HearingNote {
            unproven: whole_ms(note.unproven),
            troubles: told.lines().map(str::to_owned).collect(),
            ..note.clone()
        };
        self.fenced(epoch, None, "note", 1, |unit| {
            unit.tables.one.hearing = Some((epoch, kept));
            Ok(())
        })
    }

    async fn resume(&mut self, epoch: u64) -> Result<Memory, StoreError> {
        self.fenced(epoch, None, "resume", 1, |unit| Ok(memory(unit)))
    }

    async fn recall(
        &mut self,
        events: &[(ConductorName, EventId)],
    ) -> Result<HashMap<(ConductorName, EventId), [u8; 32]>, StoreError> {
        self.look("recall", events.len(), |unit| {
            unit.read += events.len() as u64;
            let known = events.iter().filter_map(|key| {
                let number = unit.tables.event_numbers.get(key)?;
                Some((key.clone(), unit.tables.events.get(number)?.digest))
            });
            Ok(known.collect())
        })
    }

    async fn commit(&mut self, epoch: u64, intake: &Findings) -> Result<(), StoreError> {
        let rows = intake.events.len()
            + intake.conductors.len()
            + intake.standings.len()
            + intake.receipts.len()
            + intake.silent.len()
            + intake.decisions.len();
        self.fenced(epoch, intake.now_ms, "commit", rows, |unit| {
            intake::commit(unit, intake)
        })
    }

    async fn take_out(
        &mut self,
        epoch: u64,
        pair: &Pair,
        window: &Window,
    ) -> Result<WindowDone, StoreError> {
        let rows = window.nodes as usize;
        self.fenced(epoch, window.now_ms, "take_out", rows, |unit| {
            take_out::take_out(unit, pair, window)
        })
    }

    async fn give_back(
        &mut self,
        epoch: u64,
        pair: Option<&Pair>,
        window: &Window,
    ) -> Result<WindowDone, StoreError> {
        let rows = window.nodes as usize;
        self.fenced(epoch, window.now_ms, "give_back", rows, |unit| {
            give_back::give_back(unit, pair, window)
        })
    }

    async fn carry_out(
        &mut self,
        epoch: u64,
        to: Standing,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<WindowDone>>, StoreError> {
        let rows = window.nodes as usize;
        self.fenced(epoch, window.now_ms, "carry_out", rows, |unit| {
            together::carry_out(unit, to, pairs, window)
        })
    }

    async fn unmark_strays(
        &mut self,
        epoch: u64,
        window: &Window,
    ) -> Result<WindowDone, StoreError> {
        let rows = window.nodes as usize;
        self.fenced(epoch, window.now_ms, "unmark_strays", rows, |unit| {
            give_back::unmark_strays(unit, window)
        })
    }

    async fn first_after(
        &mut self,
        of: Rows<'_>,
        after: &str,
    ) -> Result<Option<String>, StoreError> {
        self.look("first_after", 1, |unit| {
            Ok(walk::window(unit, of, after, 1).last)
        })
    }

    async fn survey(&mut self, of: Rows<'_>, window: &Window) -> Result<Surveyed, StoreError> {
        let rows = window.nodes as usize;
        self.look("survey", rows, |unit| survey::at(unit, of, window))
    }

    async fn survey_all(&mut self, window: &Window) -> Result<Surveyed, StoreError> {
        let rows = window.nodes as usize;
        self.look("survey_all", rows, |unit| Ok(survey::all(unit, window)))
    }

    async fn survey_pairs(
        &mut self,
        pairs: &[Pair],
        window: &Window,
    ) -> Result<Vec<Option<Surveyed>>, StoreError> {
        let rows = window.nodes as usize;
        self.look("survey_pairs", rows, |unit| {
            together::survey(unit, pairs, window)
        })
    }

    async fn begin_sweep(&mut self, epoch: u64, wanted: &Sweep) -> Result<Vec<Pair>, StoreError> {
        let pairs = wanted.unnamed.len() + wanted.unwanted.len();
        let rows = pairs + wanted.restarting.len() + wanted.forget.len();
        let call = self.call("begin_sweep", Some(epoch), rows);
        let idle = |unit: &mut Unit<'_>| {
            let needed = sweep::needed(unit, wanted);
            (pairs > 0 && needed.is_empty()).then(Vec::new)
        };
        self.under_the_fence(call, epoch, Some(wanted.now_ms), idle, |unit| {
            let needed = sweep::needed(unit, wanted);
            sweep::begin(unit, &needed)
        })
    }

    async fn prune(
        &mut self,
        epoch: u64,
        what: Prune,
        before_ms: u64,
        most: u32,
    ) -> Result<u64, StoreError> {
        self.fenced(epoch, None, "prune", most as usize, |unit| {
            Ok(sweep::prune(unit, what, before_ms, most))
        })
    }

    async fn unknown_pairs(&mut self, most: u32) -> Result<Vec<Pair>, StoreError> {
        self.look("unknown_pairs", most as usize, |unit| {
            Ok(count::unknown_pairs(unit, most))
        })
    }

    async fn needed(&mut self, pairs: &[Pair]) -> Result<Vec<Pair>, StoreError> {
        self.look("needed", pairs.len(), |unit| {
            unit.read += pairs.len() as u64;
            let needed = pairs.iter().filter(|pair| unit.tables.needs_any(pair));
            Ok(needed.cloned().collect())
        })
    }

    async fn count_nodes(&mut self, after: &str, limit: u32) -> Result<CountsWindow, StoreError> {
        self.look("count_nodes", limit as usize, |unit| {
            Ok(count::window(unit, after, limit))
        })
    }

    async fn keep_counts(
        &mut self,
        epoch: u64,
        counts: &Counts,
        most: u32,
    ) -> Result<bool, StoreError> {
        let rows = counts.pairs.len().min(most as usize);
        self.fenced(epoch, None, "keep_counts", rows, |unit| {
            Ok(count::keep(unit, counts, most as usize))
        })
    }

    async fn fold_counts(&mut self, epoch: u64) -> Result<u64, StoreError> {
        self.fenced(epoch, None, "fold_counts", 1, |unit| Ok(count::fold(unit)))
    }

    async fn waited_since(&mut self, seq: u64) -> Result<Option<u64>, StoreError> {
        self.look("waited_since", 1, |unit| Ok(unit.tables.waited_since(seq)))
    }

    async fn pause(&mut self) -> Result<Option<Pause>, StoreError> {
        let known = self.known.furthest();
        let (pause, is_whole) = self.look("pause", 1, |unit| {
            let one = &unit.tables.one;
            let loss = lost::lost(one, known, lost::committed(one));
            Ok((one.pause.clone(), loss.is_none()))
        })?;
        if is_whole {
            self.known.paused(pause.clone());
        }
        Ok(pause)
    }

    async fn end_pause(&mut self, epoch: u64, id: &str, now_ms: u64) -> Result<bool, StoreError> {
        self.fenced(epoch, now_ms, "end_pause", 1, |unit| {
            let pause = &mut unit.tables.one.pause;
            let ended = pause.take_if(|pause| pause.id == id).is_some();
            if ended {
                let (kind, what) = (RequestKind::Resume, "the time of the pause is over");
                unit.note_done(kind, "nodewarden", what, now_ms);
            }
            Ok(ended)
        })
    }

    async fn requests(&mut self) -> Result<Vec<Request>, StoreError> {
        self.look("requests", REQUESTS, |unit| {
            let open = unit
                .tables
                .requests
                .iter()
                .filter(|(_, row)| row.done_at_ms.is_none() && row.kind == RequestKind::Forget);
            let open = open.take(REQUESTS).map(|(number, row)| Request {
                number: *number,
                kind: row.kind,
                argument: row.argument.clone(),
            });
            Ok(open.collect())
        })
    }

    async fn answer_forget(
        &mut self,
        epoch: u64,
        request: &Request,
        forget: bool,
        result: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.fenced(epoch, now_ms, "answer_forget", 1, |unit| {
            if forget && let Ok(name) = ConductorName::parse(&request.argument) {
                sweep::forget(unit, &name);
            }
            unit.tables.requests.edit(&request.number, |row| {
                row.done_at_ms = Some(now_ms);
                row.result = Some(result.to_owned());
            });
            Ok(())
        })
    }
}

/// The stored half of the driver map.
fn memory(unit: &mut Unit<'_>) -> Memory {
    let memory = unit.tables.memory();
    let rows = memory.conductors.len()
        + memory.standings.len()
        + memory.unheeded.len()
        + memory.receipts.len();
    unit.read += rows as u64;
    memory
}
