//! Which incarnation each registration has. Pure.
//!
//! A registration carries the time of the conductor's own clock. If that clock was set back, the next
//! start would say a lower number than before, and be stale. So a new registration gets its own time, or
//! one more than the highest number of that name, whichever is higher. All bridges keep these numbers in
//! one table, written before anything is said with them; the higher number wins there, so the same rows
//! get the same numbers from each.
//!
//! A clock that is set back while a conductor runs would make its signs of life earlier than those that
//! were said, and each time-out after them stale. So its registration goes on with one more: of all that
//! is said with one number `updated_at` never falls, and a bridge needs no other memory to say a time-out.

use std::collections::{BTreeMap, BTreeSet};

use super::look::{Facts, Remembered, Sightings};
use crate::domain::ids::{ConductorName, Incarnation};

/// In the place of a registration: the row was deleted, and the broker knows. No conductor registers
/// in 1970.
const TOLD: u64 = 0;

/// What this bridge saw last of a registration: its number, and `updated_at`.
pub(super) type Before = (Incarnation, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    registered_at_ms: Option<u64>,
    highest: Incarnation,
    /// Whether the table has it, or a higher one.
    stored: bool,
}

/// The highest number of each name.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    known: BTreeMap<ConductorName, Number>,
}

impl Numbers {
    /// Takes over what the table has; what was dropped there is forgotten, unless `watched`.
    pub(super) fn read(
        &mut self,
        remembered: &[Remembered],
        watched: impl Fn(&ConductorName) -> bool,
    ) {
        let stored: BTreeMap<ConductorName, Number> = remembered
            .iter()
            .filter_map(|row| {
                let number = Number {
                    registered_at_ms: row.registered_at_ms,
                    highest: Incarnation::new(row.incarnation)?,
                    stored: true,
                };
                Some((ConductorName::parse(&row.conductor).ok()?, number))
            })
            .collect();
        self.known
            .retain(|name, number| !number.stored || stored.contains_key(name) || watched(name));
        for (name, number) in &mut self.known {
            number.stored = stored
                .get(name)
                .is_some_and(|stored| stored.highest >= number.highest);
        }
        for (name, stored) in stored {
            match self.known.get_mut(&name) {
                Some(known) if known.highest > stored.highest => {}
                Some(known) => *known = stored,
                None => drop(self.known.insert(name, stored)),
            }
        }
    }

    /// Gives the registrations of a look their numbers. `beats`: conductors renew `updated_at`;
    /// `before`: what this bridge saw of one, if it did.
    pub(super) fn give(
        &mut self,
        sightings: &mut Sightings,
        beats: bool,
        before: impl Fn(&ConductorName) -> Option<Before>,
    ) {
        for (name, facts) in &mut sightings.named {
            if let Ok(facts) = facts {
                self.give_one(name, facts, beats, before(name));
            }
        }
    }

    fn give_one(
        &mut self,
        name: &ConductorName,
        facts: &mut Facts,
        beats: bool,
        before: Option<Before>,
    ) {
        let updated_at_ms = facts.updated_at_ms;
        let Some(registered) = &mut facts.registered else {
            return self.give_end(name, updated_at_ms, facts.online);
        };
        let at = registered.incarnation;
        let known = self.known.get(name).copied();
        let same = known.filter(|known| known.registered_at_ms == Some(at.get()));
        let set_back = |known: Number| match before {
            // Otherwise another bridge gave it one more already.
            Some((number, seen_ms)) => number == known.highest && updated_at_ms < seen_ms,
            // Other bridges may have said later signs. All that can be told is that it was set back since the
            // registration, or has not beaten yet, in which case one more does no harm.
            None => beats && updated_at_ms < at.get(),
        };
        registered.incarnation = match same {
            Some(known) if !set_back(known) => known.highest,
            _ => {
                let number = above(known).map_or(at, |next| next.max(at));
                self.set(name, Some(at.get()), number);
                number
            }
        };
    }

    /// The end of what was registered is told with the row's own time, or with its number if that is higher;
    /// and an end that has a number keeps it, although one that is slow to stop goes on writing its row.
    fn give_end(&mut self, name: &ConductorName, updated_at_ms: u64, online: bool) {
        let known = self.known.get(name).copied();
        let end = Incarnation::new(updated_at_ms).expect("checked when it was read");
        match known {
            Some(known) if known.registered_at_ms.is_none() => {}
            // It starts by a clock that was set back: a time-out of its number might be stale.
            Some(known) if known.highest >= end && online => self.raise(name),
            Some(known) if known.highest >= end => {}
            Some(_) | None => self.set(name, None, end),
        }
    }

    /// Its end is told once more, and must not pass for a repeat.
    pub(super) fn raise(&mut self, name: &ConductorName) {
        if let Some(next) = above(self.known.get(name).copied()) {
            self.set(name, None, next);
        }
    }

    /// The broker knows that its row was deleted: no bridge needs to say it again.
    pub(super) fn told(&mut self, name: &ConductorName) {
        if let Some(next) = above(self.known.get(name).copied()) {
            self.set(name, Some(TOLD), next);
        }
    }

    /// Whether the broker knows already that its row was deleted.
    pub(super) fn is_told(&self, name: &ConductorName) -> bool {
        let known = self.known.get(name);
        known.is_some_and(|known| known.registered_at_ms == Some(TOLD))
    }

    /// The names that have no row, although the broker does not know of that.
    pub(super) fn missing<T>(&self, there: &BTreeMap<ConductorName, T>) -> BTreeSet<ConductorName> {
        let names = self.known.keys();
        names
            .filter(|name| !there.contains_key(*name) && !self.is_told(name))
            .cloned()
            .collect()
    }

    fn set(&mut self, name: &ConductorName, registered_at_ms: Option<u64>, highest: Incarnation) {
        let number = Number {
            registered_at_ms,
            highest,
            stored: false,
        };
        self.known.insert(name.clone(), number);
    }

    /// The highest number of `name`, if it has any.
    pub(super) fn highest(&self, name: &ConductorName) -> Option<Incarnation> {
        self.known.get(name).map(|number| number.highest)
    }

    /// What the table does not have yet.
    pub(super) fn unstored(&self) -> Vec<Remembered> {
        self.known
            .iter()
            .filter(|(_, number)| !number.stored)
            .map(|(name, number)| Remembered {
                conductor: name.to_string(),
                registered_at_ms: number.registered_at_ms,
                incarnation: number.highest.get(),
            })
            .collect()
    }
}

fn above(known: Option<Number>) -> Option<Incarnation> {
    known.and_then(|known| Incarnation::new(known.highest.get() + 1))
}
