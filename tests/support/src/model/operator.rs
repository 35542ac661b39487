//! What operators' commands write: in whatever epoch there is.

use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::store::{
    Held, NewStream, Pause, RequestKind, Rows, StoreError, Window, WindowDone,
};

use super::give_back::{Of, by_hand, release};
use super::intake::whole_ms;
use super::rows::{RequestRow, StreamRow};
use super::unit::{Fault, Unit};
use super::{Call, Ended, Model, lost, walk};

/// How long ago its last commit may lie for a holder of the epoch to count as running.
const RUNNING_MS: u64 = 60_000;

/// A command's connection to the model. Each method does what that of the real store does.
pub struct Operator {
    model: Model,
}

impl Operator {
    pub(super) fn new(model: Model) -> Self {
        Self { model }
    }

    fn call(op: &'static str, rows: u32) -> Call {
        Call {
            by: "operator".to_owned(),
            op,
            epoch: None,
            rows: rows.into(),
            ended: Ended::NotYet,
        }
    }

    fn guest<T>(
        &self,
        op: &'static str,
        rows: u32,
        work: impl FnOnce(&mut Unit<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.model.call(Self::call(op, rows), |unit| {
            unit.tables.one.commits += 1;
            work(unit)
        })
    }

    /// Pauses; returns the pause whose place it takes.
    pub fn pause(&self, wanted: &Pause) -> Result<Option<Pause>, StoreError> {
        self.guest("pause nodes", 1, |unit| {
            let pause = Pause {
                remaining: wanted.remaining.map(whole_ms),
                noted_at_ms: wanted.paused_at_ms,
                ..wanted.clone()
            };
            let before = unit.tables.one.pause.replace(pause);
            let (who, at) = (&wanted.who, wanted.paused_at_ms);
            unit.note_done(RequestKind::Pause, who, &wanted.reason, at);
            Ok(before)
        })
    }

    /// Ends the pause; returns the one that there was.
    pub fn resume(&self) -> Result<Option<Pause>, StoreError> {
        self.guest("resume nodes", 1, |unit| Ok(unit.tables.one.pause.take()))
    }

    /// Asks the deciding replica for something; returns the request's number.
    pub fn request(
        &self,
        kind: RequestKind,
        argument: &str,
        now_ms: u64,
    ) -> Result<u64, StoreError> {
        self.model.call(Self::call("request", 1), |unit| {
            Ok(unit.request(RequestRow {
                kind,
                argument: argument.to_owned(),
                requested_at_ms: now_ms,
                done_at_ms: None,
                result: None,
            }))
        })
    }

    /// Gives back the next window; `None`: nothing was done, for want of a pause or `observe`.
    pub fn release(
        &self,
        held: Held<'_>,
        window: &Window,
    ) -> Result<Option<WindowDone>, StoreError> {
        self.guest("release nodes", window.nodes, |unit| {
            let one = &unit.tables.one;
            if one.mode != Some(Mode::Observe) && one.pause.is_none() {
                return Ok(None);
            }
            release_held(unit, held, window).map(Some)
        })
    }

    /// Gives the database the history `stream`. Not while a replica seems to run, unless `force`.
    pub fn new_stream(
        &self,
        stream: &str,
        now_ms: u64,
        force: bool,
    ) -> Result<NewStream, StoreError> {
        self.guest("begin a new stream", 1, |unit| {
            let one = &mut unit.tables.one;
            let committed = one.committed_at_ms.unwrap_or_default();
            let recent = now_ms.saturating_sub(committed) < RUNNING_MS;
            if let Some(holder) = one.holder.clone().filter(|_| recent && !force) {
                return Ok(NewStream::Running(holder));
            }
            one.streams.push(StreamRow {
                stream: stream.to_owned(),
                began_at_ms: now_ms,
                known: None,
                found: lost::committed(one),
                waits: Duration::ZERO,
            });
            one.stream = stream.to_owned();
            one.epoch += lost::UNHEARD_EPOCHS;
            one.holder = None;
            Ok(NewStream::Begun)
        })
    }
}

/// Ends the holds of one window.
fn release_held(unit: &mut Unit<'_>, held: Held<'_>, window: &Window) -> Result<WindowDone, Fault> {
    let rows = match held {
        Held::Everything => Rows::Holds,
        Held::Of(pair) => Rows::HoldsOf(pair),
        Held::Node(uuid) => return release_node(unit, uuid, window),
    };
    let found = walk::window(unit, rows, &window.after, window.nodes);
    let Some(last) = &found.last else {
        return Ok(WindowDone::default());
    };
    let of = match found.decisions.is_empty() {
        true => Of::All,
        false => Of::Decisions(&found.decisions),
    };
    let changed = release(unit, of, last, by_hand, window)?;
    Ok(WindowDone {
        changed,
        // Holds are written under the fence alone: what was seen and did not change was passed by.
        locked: found.seen.saturating_sub(changed) + u64::from(found.more),
        next: found.next(window),
        ..WindowDone::default()
    })
}

/// Ends the hold of one node, if there is one.
fn release_node(unit: &mut Unit<'_>, uuid: &str, window: &Window) -> Result<WindowDone, Fault> {
    if unit.tables.hold_of(uuid).is_none() {
        return Ok(WindowDone::default());
    }
    let changed = release(unit, Of::Node(uuid), uuid, by_hand, window)?;
    Ok(WindowDone {
        changed,
        locked: u64::from(changed == 0),
        ..WindowDone::default()
    })
}
