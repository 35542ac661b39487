//! What one look at Ironic's tables saw, and how it is read. Pure.
//!
//! Rows come from outside: whatever cannot be read makes that one conductor *unknown*, and
//! unknown never becomes lost.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::{ConductorName, Driver, Group, Incarnation};
use crate::domain::time::Mono;

/// What is remembered of one conductor beyond the life of a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Its name.
    pub conductor: String,
    /// The registration that has this number; `None`: its end has it; 0: its row was deleted, and the
    /// broker knows.
    pub registered_at_ms: Option<u64>,
    /// The highest number that was said or seen of it.
    pub incarnation: u64,
}

/// One row of `conductors` with what is registered for it, as read: nothing is checked yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// `conductors.hostname`
    pub hostname: String,
    /// `conductors.online`
    pub online: Option<bool>,
    /// `conductors.updated_at`, ms since 1970 UTC by the conductor's own clock.
    pub updated_at_ms: Option<i64>,
    /// `conductors.conductor_group`
    pub group: Option<String>,
    /// The hardware types of its interface rows.
    pub drivers: Vec<String>,
    /// The newest `created_at` of its interface rows, by the conductor's own clock.
    pub registered_at_ms: Option<i64>,
}

/// One good look: everything was read at one moment, after a write of our own in the same database
/// was committed, and that write was read with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// When it began.
    pub began: Mono,
    /// When it was over.
    pub ended: Mono,
    /// Whether conductors renew `updated_at` here. With SQLite they do not.
    pub beats: bool,
    /// All of `conductors`.
    pub rows: Vec<Row>,
    /// What bridges remember of conductors, read just before.
    pub remembered: Vec<Remembered>,
}

/// What a conductor registered when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// When, by its own clock, in ms; and where that is not higher than before, one more than before.
    pub incarnation: Incarnation,
    /// Its group.
    pub group: Group,
    /// Its hardware types; at least one.
    pub drivers: BTreeSet<Driver>,
}

/// A row that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Whether Ironic counts on it.
    pub online: bool,
    /// When it was last renewed, by its own clock.
    pub updated_at_ms: u64,
    /// `None`: nothing is registered, as for some milliseconds at each start and stop.
    pub registered: Option<Registered>,
}

/// All rows of a look, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sightings {
    /// By name: what the row says, or why it makes no sense.
    pub named: BTreeMap<ConductorName, Result<Facts, String>>,
    /// Rows whose name cannot be used: the text, and why.
    pub unnamed: Vec<(String, String)>,
}

/// Reads all rows.
#[must_use]
pub fn read(rows: &[Row]) -> Sightings {
    let mut sightings = Sightings::default();
    for row in rows {
        match ConductorName::parse(&row.hostname) {
            Err(fault) => sightings
                .unnamed
                .push((row.hostname.clone(), format!("its hostname {fault}"))),
            Ok(name) => {
                let facts = match sightings.named.contains_key(&name) {
                    true => Err("there are two rows with its hostname".to_owned()),
                    false => facts(row),
                };
                sightings.named.insert(name, facts);
            }
        }
    }
    sightings
}

fn facts(row: &Row) -> Result<Facts, String> {
    let online = row.online.ok_or("online is not set")?;
    let updated_at_ms = time("updated_at", row.updated_at_ms)?;
    let drivers = row
        .drivers
        .iter()
        .map(|driver| Driver::parse(driver))
        .collect::<Result<BTreeSet<_>, _>>()
        .map_err(|fault| format!("one of its hardware types {fault}"))?;
    let group = Group::parse(row.group.as_deref().unwrap_or_default())
        .map_err(|fault| format!("its conductor_group {fault}"))?;
    let registered = if drivers.is_empty() {
        None
    } else {
        let at = time("created_at of its interfaces", row.registered_at_ms)?;
        Some(Registered {
            incarnation: incarnation(at)?,
            group,
            drivers,
        })
    };
    // Its end is told with this number.
    incarnation(updated_at_ms)?;
    Ok(Facts {
        online,
        updated_at_ms,
        registered,
    })
}

fn time(column: &str, value: Option<i64>) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("{column} is not a time"))?;
    u64::try_from(value).map_err(|_| format!("{column} lies before 1970"))
}

fn incarnation(at_ms: u64) -> Result<Incarnation, String> {
    Incarnation::new(at_ms).ok_or_else(|| "a time is out of bounds".to_owned())
}
