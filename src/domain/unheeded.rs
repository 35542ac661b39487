//! Signs of life that came and did not count: refused messages, and those of an incarnation that is
//! over. Operators must hear of them; and a conductor whose messages are refused is not silent, so the
//! verdict of silence about it waits, for one more time-out at most.

use std::collections::BTreeMap;
use std::time::Duration;

use super::conductor::{Conductor, Life};
use super::ids::{ConductorName, Incarnation};
use super::time::{Mono, Now};

/// A conductor's note is written again that often at most: signs that do not count must not cost a commit
/// each, and operators are to see that they go on.
const NOTE_EACH: Duration = Duration::from_secs(5);

/// Operators are warned that often of ignored signs.
const WARN_EACH: Duration = Duration::from_secs(60);

/// Fewer ignored signs than that are what was under way at an ordinary restart.
pub const WORTH_SAYING: u64 = 3;

/// Refused messages that named a conductor, since its last sign of life that counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why the last one was refused.
    pub why: String,
    /// How many.
    pub count: u64,
    /// When the first one was received, ms since 1970 UTC on our clock.
    pub since_ms: u64,
    /// When the last one was.
    pub last_ms: u64,
    /// The last one holds the verdict back for one time-out.
    held_until: Option<Mono>,
    /// Whatever comes, no longer than that.
    at_most: Option<Mono>,
}

/// Signs of an incarnation that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// That of the last one.
    pub incarnation: Incarnation,
    /// How many.
    pub count: u64,
    /// When the first one was received, ms since 1970 UTC on our clock.
    pub since_ms: u64,
    /// When the last one was.
    pub last_ms: u64,
}

/// What of one conductor did not count, to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Which conductor.
    pub conductor: ConductorName,
    /// What was refused.
    pub refused: Option<Refused>,
    /// For how long that may hold the verdict back yet.
    pub remaining: Option<Duration>,
    /// What was ignored.
    pub ignored: Option<Ignored>,
}

impl Refused {
    /// As stored. What remains of the time is the caller's to say.
    #[must_use]
    pub fn stored(why: String, count: u64, since_ms: u64, last_ms: u64) -> Self {
        Self {
            why,
            count,
            since_ms,
            last_ms,
            held_until: None,
            at_most: None,
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Signs {
    refused: Option<Refused>,
    ignored: Option<Ignored>,
    /// When they were last noted.
    noted: Option<Mono>,
    /// They are not as they were noted.
    changed: bool,
    /// Ignored signs came since the last warning.
    to_warn: bool,
}

/// What did not count, of known conductors alone (I8).
#[derive(Debug, Clone, Default)]
pub struct Unheeded {
    of: BTreeMap<ConductorName, Signs>,
    /// What changed since the last [`settle`](Self::settle), as it was then.
    before: BTreeMap<ConductorName, Option<Earlier>>,
    warned: Option<Mono>,
}

#[derive(Debug, Clone)]
struct Earlier {
    refused: Option<Refused>,
    ignored: Option<Ignored>,
}

impl Unheeded {
    /// What a predecessor noted. What remained of a verdict's delay begins again, never more.
    #[must_use]
    pub fn load(notes: impl IntoIterator<Item = Note>, now: Mono) -> Self {
        let of = notes.into_iter().map(|note| {
            let at_most = note.remaining.map(|remaining| now.plus(remaining));
            let signs = Signs {
                refused: note.refused.map(|refused| Refused { at_most, ..refused }),
                ignored: note.ignored,
                ..Signs::default()
            };
            (note.conductor, signs)
        });
        Self {
            of: of.collect(),
            ..Self::default()
        }
    }

    /// A refused message named `conductor`, whose silence would end it at `deadline`.
    pub fn refused(&mut self, conductor: &Conductor, deadline: Option<Mono>, why: &str, now: Now) {
        let timeout = conductor.heartbeat_timeout.unwrap_or_default();
        let signs = self.change(&conductor.name);
        let refused = signs.refused.get_or_insert_with(|| Refused {
            why: String::new(),
            count: 0,
            since_ms: now.wall_ms,
            last_ms: now.wall_ms,
            held_until: None,
            at_most: deadline.map(|deadline| deadline.plus(timeout)),
        });
        why.clone_into(&mut refused.why);
        refused.count = refused.count.saturating_add(1);
        refused.last_ms = now.wall_ms;
        refused.held_until = Some(now.mono.plus(timeout));
    }

    /// A sign of `incarnation` of `conductor` was ignored: it is over.
    pub fn ignored(&mut self, conductor: &ConductorName, incarnation: Incarnation, now: Now) {
        let signs = self.change(conductor);
        signs.to_warn = true;
        let ignored = signs.ignored.get_or_insert(Ignored {
            incarnation,
            count: 0,
            since_ms: now.wall_ms,
            last_ms: now.wall_ms,
        });
        ignored.incarnation = incarnation;
        ignored.count = ignored.count.saturating_add(1);
        ignored.last_ms = now.wall_ms;
    }

    /// A sign of life of it counted. `started`: the first one of a new incarnation.
    pub fn heard(&mut self, conductor: &ConductorName, started: bool) {
        let ends = |signs: &Signs| signs.refused.is_some() || (started && signs.ignored.is_some());
        if !self.of.get(conductor).is_some_and(ends) {
            return;
        }
        let signs = self.change(conductor);
        signs.refused = None;
        signs.ignored.take_if(|_| started);
    }

    fn change(&mut self, conductor: &ConductorName) -> &mut Signs {
        let earlier = self.of.get(conductor).map(|signs| Earlier {
            refused: signs.refused.clone(),
            ignored: signs.ignored.clone(),
        });
        self.before.entry(conductor.clone()).or_insert(earlier);
        let signs = self.of.entry(conductor.clone()).or_default();
        signs.changed = true;
        signs
    }

    /// What came so far is committed, or may be.
    pub fn settle(&mut self) {
        self.before.clear();
    }

    /// Nothing that came since the last [`settle`](Self::settle) is committed: it comes again. When each was noted
    /// stays.
    pub fn take_back(&mut self) {
        for (conductor, earlier) in std::mem::take(&mut self.before) {
            match (self.of.get_mut(&conductor), earlier) {
                (Some(signs), Some(earlier)) => {
                    signs.refused = earlier.refused;
                    signs.ignored = earlier.ignored;
                }
                (Some(_), None) => drop(self.of.remove(&conductor)),
                (None, _) => {}
            }
        }
    }

    /// Nothing is known of it any more.
    pub fn forget(&mut self, conductor: &ConductorName) {
        self.of.remove(conductor);
    }

    /// Whether refused messages hold back the verdict of silence about it, judged against `sent`. The end
    /// of a planned restart is no silence: it comes when it was promised.
    #[must_use]
    pub fn holds_back(&self, conductor: &Conductor, sent: Mono) -> bool {
        if conductor.life != Life::Active {
            return false;
        }
        let signs = self.of.get(&conductor.name);
        let refused = signs.and_then(|it| it.refused.as_ref());
        let until = refused.and_then(|it| Some(it.held_until?.min(it.at_most?)));
        until.is_some_and(|until| sent <= until)
    }

    /// Time in which we could not hear counts for nothing.
    pub fn postpone(&mut self, by: Duration) {
        let now = self.of.values_mut().map(|signs| &mut signs.refused);
        let before = self.before.values_mut().flatten();
        let before = before.map(|signs| &mut signs.refused);
        for refused in now.chain(before) {
            for at in refused.iter_mut() {
                at.held_until = at.held_until.map(|until| until.plus(by));
                at.at_most = at.at_most.map(|until| until.plus(by));
            }
        }
    }

    /// What is to be stored now, `most` at once: what was noted last of all waits for the others.
    #[must_use]
    pub fn due(&self, now: Mono, most: usize) -> Vec<Note> {
        let due = |signs: &Signs| {
            signs.changed && signs.noted.is_none_or(|at| now.since(at) >= NOTE_EACH)
        };
        let mut all: Vec<_> = self.of.iter().filter(|(_, signs)| due(signs)).collect();
        all.sort_by_key(|(_, signs)| signs.noted);
        let note = |(conductor, signs): (&ConductorName, &Signs)| Note {
            conductor: conductor.clone(),
            remaining: signs
                .refused
                .as_ref()
                .and_then(|refused| refused.at_most)
                .map(|until| until.since(now)),
            refused: signs.refused.clone(),
            ignored: signs.ignored.clone(),
        };
        all.into_iter().take(most).map(note).collect()
    }

    /// The notes are stored; what came meanwhile is noted with the next.
    pub fn noted<'n>(&mut self, notes: impl IntoIterator<Item = &'n Note>, now: Mono) {
        for note in notes {
            if let Some(signs) = self.of.get_mut(&note.conductor) {
                signs.noted = Some(now);
                let same = (&signs.refused, &signs.ignored) == (&note.refused, &note.ignored);
                signs.changed = !same;
            }
        }
    }

    /// The notes could not be stored: they are due again, and not at once.
    pub fn put_off<'n>(&mut self, notes: impl IntoIterator<Item = &'n Note>, now: Mono) {
        for note in notes {
            if let Some(signs) = self.of.get_mut(&note.conductor) {
                signs.noted = Some(now);
            }
        }
    }

    /// The conductors whose ignored signs operators are to be warned of now; at most once a minute.
    pub fn to_warn(&mut self, now: Mono) -> Vec<(ConductorName, Ignored)> {
        if self.warned.is_some_and(|at| now.since(at) < WARN_EACH) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for (conductor, signs) in &mut self.of {
            let ignored = signs.ignored.as_ref().filter(|_| signs.to_warn);
            if let Some(ignored) = ignored.filter(|it| it.count >= WORTH_SAYING) {
                all.push((conductor.clone(), ignored.clone()));
                signs.to_warn = false;
            }
        }
        if !all.is_empty() {
            self.warned = Some(now);
        }
        all
    }
}

#[cfg(test)]
mod tests;
