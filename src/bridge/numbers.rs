//! Which incarnation each registration has. Pure.
//!
//! A registration carries the time of the conductor's own clock. If that clock was set back, the next
//! start would say a lower number than before, and be stale. So a new registration gets its own time, or
//! one more than the highest number of that name, whichever is higher. All bridges keep these numbers in
//! one table, written before anything is said with them; the higher number wins there, so the same rows
//! get the same numbers from each.

use std::collections::BTreeMap;

use super::look::{Facts, Remembered, Sightings};
use crate::domain::ids::{ConductorName, Incarnation};

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

    /// Gives the registrations of a look their numbers.
    pub(super) fn give(&mut self, sightings: &mut Sightings) {
        for (name, facts) in &mut sightings.named {
            if let Ok(facts) = facts {
                self.give_one(name, facts);
            }
        }
    }

    fn give_one(&mut self, name: &ConductorName, facts: &mut Facts) {
        let known = self.known.get(name).copied();
        let Some(registered) = &mut facts.registered else {
            // Its end is told with the row's own time, or with its number if that is higher; and an end
            // that has a number keeps it, although one that is slow to stop goes on writing its row.
            let end = Incarnation::new(facts.updated_at_ms).expect("checked when it was read");
            if known.is_none_or(|known| known.registered_at_ms.is_some() && known.highest < end) {
                self.set(name, None, end);
            }
            return;
        };
        let at_ms = registered.incarnation.get();
        match known {
            Some(known) if known.registered_at_ms == Some(at_ms) => {
                registered.incarnation = known.highest;
            }
            _ => {
                let next = known.and_then(|known| Incarnation::new(known.highest.get() + 1));
                registered.incarnation = next.map_or(registered.incarnation, |next| {
                    next.max(registered.incarnation)
                });
                self.set(name, Some(at_ms), registered.incarnation);
            }
        }
    }

    /// Its end is told once more, and must not pass for a repeat.
    pub(super) fn raise(&mut self, name: &ConductorName) {
        let known = self.known.get(name).map(|known| known.highest.get());
        if let Some(next) = known.and_then(|highest| Incarnation::new(highest + 1)) {
            self.set(name, None, next);
        }
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
