//! One conductor as a bridge sees it: what its row says, how long it says so, what that means, and
//! what was said about it. Pure.

mod saying;

use std::time::Duration;

use super::look::{Facts, Registered, Sighting};
use super::numbers::Before;
use super::rhythm::Rhythm;
use super::rules::Rules;
use crate::domain::event::Event;
use crate::domain::ids::Incarnation;
use crate::domain::time::Mono;

/// What counts must be seen so at two looks at least that far apart: a start shows the conductor
/// without drivers for 20 to 40 ms, a stop deletes its drivers 20 ms before it goes offline. A
/// second is also what MySQL's times resolve, so whatever registers later has a later time.
pub const SETTLED: Duration = Duration::from_secs(1);

/// What its row says, but for `updated_at` while it is online.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Unreadable(String),
    Missing,
    Offline(Facts),
    Online(Option<Registered>),
}

/// Where a conductor stands, as far as looks can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Online, moving, and this is what it serves.
    Alive(Registered),
    /// Online, and what it serves is not (or not surely) known yet.
    Starting(&'static str),
    /// Ironic would not count on it: silent for the whole time-out, or switched off.
    Late(&'static str),
    /// It stopped by itself, and took its leave.
    Stopped,
    /// Its row was deleted.
    Gone(&'static str),
    /// Nothing can be said about it, so nothing is.
    Unknown(String),
}

/// What was said about it last, and confirmed by the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Statement {
    Lives(Registered),
    Late(Incarnation, Option<u64>),
    /// `planned`: it is expected back.
    Left {
        incarnation: Incarnation,
        planned: bool,
    },
}

#[derive(Debug, Clone)]
struct Said {
    what: Statement,
    at: Mono,
    /// When a new sign of life was last passed on, and which.
    sign_at: Mono,
    sign_ms: Option<u64>,
    /// How often the same end was said.
    times: u32,
}

/// One conductor.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    shape: Shape,
    same_since: Mono,
    same_looks: u32,
    /// Its sign of life, which never falls while its number stays; `None`: it was never seen.
    pub(super) updated_at_ms: Option<u64>,
    /// Since when, in this run of looks, it did not move.
    quiet_since: Mono,
    /// For how long it did not move in the runs before, since its last move.
    quiet_before: Duration,
    /// When that run ended.
    broken_at: Option<Mono>,
    /// How many looks in a row saw that again.
    quiet_looks: u32,
    rhythm: Rhythm,
    /// Its `updated_at` was seen to change between two looks that followed each other. Only that
    /// proves life: the row of one that was killed long ago looks the same at a first look.
    moved: bool,
    /// Its last registration that was seen.
    pub(super) registered: Option<Registered>,
    /// The highest number that was said or seen of it; what is missing is not known.
    pub(super) highest: Option<Incarnation>,
    said: Option<Said>,
    pending: Option<(Event, Statement)>,
}

impl Watched {
    /// One that was not seen before; without facts: its row is not there.
    pub(super) fn first(
        facts: Option<Result<Facts, String>>,
        highest: Option<Incarnation>,
        look: &Sighting,
    ) -> Self {
        let read = facts.as_ref().and_then(|facts| facts.as_ref().ok());
        Self {
            registered: read.and_then(|facts| facts.registered.clone()),
            highest,
            updated_at_ms: read.map(|facts| facts.updated_at_ms),
            shape: shape(facts),
            same_since: look.ended,
            same_looks: 1,
            quiet_since: look.ended,
            quiet_before: Duration::ZERO,
            broken_at: None,
            quiet_looks: 0,
            rhythm: Rhythm::default(),
            moved: false,
            said: None,
            pending: None,
        }
    }

    /// The looks were interrupted after the good one that ended at `last`: what was seen before proves
    /// nothing about the present any more. It still did not move until then.
    pub(super) fn interrupt(&mut self, last: Option<Mono>) {
        if self.same_looks > 0 && matches!(self.shape, Shape::Online(_)) {
            let quiet = last.map_or(Duration::ZERO, |last| last.since(self.quiet_since));
            self.quiet_before += quiet;
            self.broken_at = last;
        }
        self.same_looks = 0;
        self.moved = false;
    }

    /// What the next look saw of it; `None`: its row is not there. After an interruption of at most
    /// `bridged`, the time before it counts on.
    pub(super) fn seen(
        &mut self,
        facts: Option<Result<Facts, String>>,
        look: &Sighting,
        bridged: Duration,
    ) {
        let goes_on = |broken: Mono| look.began.since(broken) <= bridged;
        if self.same_looks == 0 && !self.broken_at.take().is_some_and(goes_on) {
            self.quiet_before = Duration::ZERO;
        }
        let unbroken =
            self.same_looks > 0 && !matches!(self.shape, Shape::Missing | Shape::Unreadable(_));
        if let Some(Ok(facts)) = &facts {
            self.renewed(facts, unbroken, look);
        } else {
            self.moved = false;
            self.quiet_before = Duration::ZERO;
        }
        let shape = shape(facts);
        if self.same_looks > 0 && shape == self.shape {
            self.same_looks = self.same_looks.saturating_add(1);
        } else {
            self.shape = shape;
            self.same_since = look.ended;
            self.same_looks = 1;
        }
    }

    fn renewed(&mut self, facts: &Facts, unbroken: bool, look: &Sighting) {
        let changed = Some(facts.updated_at_ms) != self.updated_at_ms;
        if changed && unbroken {
            self.learn(facts, look);
        }
        if changed {
            self.quiet_before = Duration::ZERO;
        }
        if changed || !unbroken {
            self.quiet_since = look.ended;
            self.quiet_looks = 0;
            self.moved = unbroken;
        } else {
            self.quiet_looks = self.quiet_looks.saturating_add(1);
        }
        self.updated_at_ms = Some(facts.updated_at_ms);
        if let Some(registered) = &facts.registered {
            self.registered = Some(registered.clone());
        }
    }

    /// A pause between two changes is over. Its own clock tells how long it was, within what ours
    /// allows; where several changes may lie between two looks, no longer than between those.
    fn learn(&mut self, facts: &Facts, look: &Sighting) {
        let (Shape::Online(Some(before)), true, Some(now), Some(last_ms)) = (
            &self.shape,
            facts.online,
            &facts.registered,
            self.updated_at_ms,
        ) else {
            return;
        };
        if before.incarnation != now.incarnation {
            return;
        }
        let told = Duration::from_millis(facts.updated_at_ms.saturating_sub(last_ms));
        let seen = look.ended.since(self.quiet_since);
        let pause = if !self.moved {
            // When the change before came, was not seen.
            told
        } else if self.quiet_looks == 0 {
            told.min(look.began.since(self.quiet_since))
        } else if told <= seen * 2 {
            told
        } else {
            seen
        };
        self.rhythm.learn(pause, now.incarnation);
    }

    /// Where it stands as of `look`, the last one. `timeout` is the setting.
    pub(super) fn standing(&self, look: &Looked, timeout: Duration) -> Presence {
        let settled = self.same_looks >= 2 && look.began.since(self.same_since) >= SETTLED;
        if self.same_looks == 0 {
            return Presence::Unknown("looks were interrupted".into());
        }
        match &self.shape {
            Shape::Unreadable(why) => Presence::Unknown(why.clone()),
            Shape::Missing if !settled => Presence::Unknown("its row is missing so far".into()),
            Shape::Offline(_) if !settled => Presence::Unknown("it was online a moment ago".into()),
            Shape::Missing => Presence::Gone("its row was deleted"),
            Shape::Offline(facts) if facts.registered.is_none() => Presence::Stopped,
            // Not how a conductor stops. It may be switched on again without a new registration,
            // so this end must be one that can be revived.
            Shape::Offline(_) => Presence::Late("offline, though its drivers are registered"),
            Shape::Online(_) if look.beats && self.is_late(look, timeout) => {
                Presence::Late("updated_at did not move for the whole timeout")
            }
            Shape::Online(None) => Presence::Starting("online, no drivers registered yet"),
            Shape::Online(Some(_)) if look.beats && !self.moved => {
                Presence::Unknown("updated_at has not moved yet".into())
            }
            Shape::Online(Some(_)) if !settled => {
                Presence::Starting("its drivers were seen only once so far")
            }
            Shape::Online(Some(registered)) => Presence::Alive(registered.clone()),
        }
    }

    /// How long its `updated_at` certainly did not move, within regular looks.
    pub(super) fn quiet(&self, look: &Looked) -> Duration {
        self.quiet_before + look.began.since(self.quiet_since)
    }

    /// Silent for the whole time-out; and, where what disturbed the looks may have kept it from writing, for
    /// long enough after that.
    fn is_late(&self, look: &Looked, timeout: Duration) -> bool {
        let undisturbed =
            self.quiet_before.is_zero() || look.began.since(self.quiet_since) >= self.rhythm.soon();
        undisturbed && self.quiet(look) >= self.timeout(timeout)
    }

    /// How long it may be silent where `set` is the setting.
    pub(super) fn timeout(&self, set: Duration) -> Duration {
        self.rhythm.timeout(set)
    }

    /// Its usual pause between two changes of `updated_at`, if one was seen.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.rhythm.usual()
    }

    /// Whether it is alive enough to count, and its pauses make the bridge wait longer than `set`.
    pub(super) fn stretches(&self, set: Duration) -> bool {
        self.online() == Some(true) && self.rhythm.stretches(set)
    }

    /// The number of its last registration that was seen, and what its row said then or since.
    pub(super) fn before(&self) -> Option<Before> {
        let number = self.registered.as_ref()?.incarnation;
        Some((number, self.updated_at_ms?))
    }

    pub(super) fn online(&self) -> Option<bool> {
        match self.shape {
            Shape::Online(_) => Some(true),
            Shape::Offline(_) => Some(false),
            Shape::Missing | Shape::Unreadable(_) => None,
        }
    }
}

/// The last good look, without its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    pub(super) began: Mono,
    pub(super) ended: Mono,
    pub(super) beats: bool,
}

/// What makes an event one of this bridge and this look, and what it goes by.
pub(super) struct Stamp<'a> {
    pub(super) rules: Rules,
    pub(super) bridge: &'a str,
    pub(super) look: u64,
    pub(super) beats: bool,
}

impl Stamp<'_> {
    fn text(&self) -> String {
        format!("{}/{}", self.bridge, self.look)
    }
}

fn shape(facts: Option<Result<Facts, String>>) -> Shape {
    match facts {
        None => Shape::Missing,
        Some(Err(why)) => Shape::Unreadable(why),
        Some(Ok(facts)) if facts.online => Shape::Online(facts.registered),
        Some(Ok(facts)) => Shape::Offline(facts),
    }
}
