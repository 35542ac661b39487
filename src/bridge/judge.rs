//! The judgement of a bridge: a pure function over what was seen. Each rule is for a trap:
//!
//! - No clock is compared with another. `updated_at` only says *that* something moved; how long it
//!   did not is counted on our own monotonic clock, in runs of regular good looks. A failed or slow
//!   look, or a pause between two, ends a run: each conductor must be seen to move again, and none is
//!   late before it could have written again. A run soon after counts on where the last one ended, so
//!   that a look that fails now and then hides no death; after a longer pause it begins again.
//! - A look is good only if it reads back a write of our own that was committed in the same database:
//!   not from one that is stalled or read-only, nor from a replica that lags.
//! - What counts must be seen twice, a second apart ([`super::watched::SETTLED`]).
//! - An empty table, a row that makes no sense: unknown, and of the unknown nothing is said.
//! - What the broker did not confirm is said again as long as it is true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::look::{Remembered, Sighting, Sightings, read};
use super::numbers::Numbers;
use super::rules::Rules;
use super::watched::{Looked, Presence, Stamp, Watched};
use crate::domain::event::Event;
use crate::domain::ids::{ConductorName, Driver, Group, Incarnation};
use crate::domain::time::Mono;
use crate::words::words;

/// After an interruption of at most so many longest pauses, silence counts on.
const BRIDGED_PAUSES: u32 = 2;

words! {
    /// Where a conductor stands, in one word.
    State, "a state" {
        /// Online and moving.
        Alive = "alive",
        /// Online, and what it serves is not known yet.
        Starting = "starting",
        /// Silent for the whole time-out, or switched off.
        Late = "late",
        /// It stopped, or its row was deleted.
        Gone = "gone",
        /// Nothing can be said.
        Unknown = "unknown",
    }
}

/// One conductor as it is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its hostname: text from outside.
    pub conductor: String,
    /// Where it stands.
    pub state: State,
    /// Why, in words; may hold text from outside.
    pub why: String,
    /// Whether its row says that it is online, if it says anything.
    pub online: Option<bool>,
    /// Its last registration that was seen.
    pub incarnation: Option<Incarnation>,
    /// The group of that.
    pub group: Option<Group>,
    /// The hardware types of that.
    pub drivers: Vec<Driver>,
    /// Its `updated_at`, by its own clock.
    pub updated_at_ms: Option<u64>,
    /// How long that certainly did not move.
    pub quiet: Option<Duration>,
    /// Its usual pause between two changes of `updated_at`, if one was seen.
    pub pause: Option<Duration>,
    /// How long it may be silent: the setting, or more where its pauses ask for it.
    pub timeout: Duration,
}

/// Conductors that write too seldom for the time-out that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretched {
    /// The time-out that is set.
    pub set: Duration,
    /// How many they are.
    pub conductors: usize,
    /// The longest of their usual pauses.
    pub pause: Duration,
    /// The longest time that one of them may be silent.
    pub timeout: Duration,
}

impl std::fmt::Display for Stretched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = |time: Duration| {
            let whole = time.as_millis().div_ceil(1000);
            humantime::format_duration(Duration::from_secs(
                u64::try_from(whole).unwrap_or(u64::MAX),
            ))
        };
        let conductors = match self.conductors {
            1 => "one conductor lets".to_owned(),
            more => format!("{more} conductors let"),
        };
        write!(
            f,
            "bridge.heartbeat_timeout ({}) is under three heartbeats: {conductors} up to {} pass between \
             two, and may be silent for up to {} instead; set it to at least the heartbeat_timeout of \
             Ironic's own [conductor] section",
            humantime::format_duration(self.set),
            seconds(self.pause),
            seconds(self.timeout),
        )
    }
}

/// Everything that a bridge remembers: as many conductors as the table has rows.
#[derive(Debug, Clone)]
pub struct Judge {
    rules: Rules,
    /// This bridge's own name, unlike any other's.
    bridge: String,
    watched: BTreeMap<ConductorName, Watched>,
    numbers: Numbers,
    unnamed: Vec<(String, String)>,
    /// The last look of the present run; `None` while there is none.
    last: Option<Looked>,
    /// When the present run began.
    run_since: Option<Mono>,
    looks: u64,
    empty: bool,
}

impl Judge {
    /// A bridge that has not looked yet. `bridge` is a random name of its own.
    #[must_use]
    pub fn new(rules: Rules, bridge: impl Into<String>) -> Self {
        Self {
            rules,
            bridge: bridge.into(),
            watched: BTreeMap::new(),
            numbers: Numbers::default(),
            unnamed: Vec::new(),
            last: None,
            run_since: None,
            looks: 0,
            empty: false,
        }
    }

    /// A look failed, or was too slow, or its own write did: nothing was seen, and all that was seen
    /// before counts for nothing.
    pub fn failed(&mut self) {
        let last = self.last.take().map(|last| last.ended);
        self.run_since = None;
        for watched in self.watched.values_mut() {
            watched.interrupt(last);
        }
    }

    /// A good look.
    pub fn looked(&mut self, look: &Sighting) {
        self.looks += 1;
        let paused = self
            .last
            .is_some_and(|last| look.began.since(last.ended) > self.rules.longest_pause);
        self.empty = look.rows.is_empty();
        self.numbers
            .read(&look.remembered, |name| self.watched.contains_key(name));
        if paused || self.empty {
            self.failed();
        }
        if self.empty {
            // Everybody at once is no stop of theirs, but a table that somebody works on.
            return;
        }
        let mut sightings = read(&look.rows);
        let watched = &self.watched;
        self.numbers.give(&mut sightings, look.beats, |name| {
            watched.get(name).and_then(Watched::before)
        });
        let missing = match sightings.unnamed.is_empty() {
            true => self.missing(&sightings),
            false => BTreeSet::new(),
        };
        let bridged = self.rules.longest_pause * BRIDGED_PAUSES;
        for (name, watched) in &mut self.watched {
            watched.highest = self.numbers.highest(name);
            match sightings.named.remove(name) {
                Some(facts) => watched.seen(Some(facts), look, bridged),
                None if sightings.unnamed.is_empty() => {
                    if watched.expected_back() {
                        self.numbers.raise(name);
                        watched.highest = self.numbers.highest(name);
                    }
                    watched.seen(None, look, bridged);
                }
                // One of the rows that cannot be read may be its own.
                None => {
                    let unreadable = Err("a row's name cannot be read".into());
                    watched.seen(Some(unreadable), look, bridged);
                }
            }
        }
        let named = sightings.named.into_iter();
        let named = named.map(|(name, facts)| (name, Some(facts)));
        for (name, facts) in named.chain(missing.into_iter().map(|name| (name, None))) {
            let highest = self.numbers.highest(&name);
            self.watched
                .insert(name, Watched::first(facts, highest, look));
        }
        self.unnamed = sightings.unnamed;
        self.run_since.get_or_insert(look.ended);
        self.last = Some(Looked {
            began: look.began,
            ended: look.ended,
            beats: look.beats,
        });
    }

    /// The conductors whose rows were deleted while this bridge did not look, and of which no bridge told
    /// that yet. Those of which another one told it are forgotten.
    fn missing(&mut self, sightings: &Sightings) -> BTreeSet<ConductorName> {
        self.watched
            .retain(|name, _| sightings.named.contains_key(name) || !self.numbers.is_told(name));
        let mut missing = self.numbers.missing(&sightings.named);
        missing.retain(|name| !self.watched.contains_key(name));
        if !self.rules.restart_grace.is_zero() {
            // It may be expected back with its highest number.
            missing.iter().for_each(|name| self.numbers.raise(name));
        }
        missing
    }

    /// What the next look must write before it reads.
    #[must_use]
    pub fn to_remember(&self) -> Vec<Remembered> {
        self.numbers.unstored()
    }

    /// What is to be said now; nothing without a look that is fresh. To be called again until
    /// everything is [`confirmed`](Self::confirmed): the same comes again, with the same id, as long
    /// as it is true.
    pub fn due(&mut self, now: Mono) -> Vec<Event> {
        let timeout = self.rules.heartbeat_timeout;
        let Some(last) = self.fresh(now) else {
            return Vec::new();
        };
        let stamp = Stamp {
            rules: self.rules,
            bridge: &self.bridge,
            look: self.looks,
            beats: last.beats,
        };
        let due = self.watched.iter_mut().filter_map(|(name, watched)| {
            let standing = watched.standing(&last, timeout);
            watched.due(name, &standing, now, &stamp)
        });
        due.collect()
    }

    /// The broker has it.
    pub fn confirmed(&mut self, event: &Event, now: Mono) {
        if let Some(watched) = self.watched.get_mut(&event.conductor) {
            watched.confirmed(event, now);
            if watched.over() {
                self.watched.remove(&event.conductor);
                self.numbers.told(&event.conductor);
            }
        }
    }

    /// The last good look, if it is not too long ago to say anything about the present.
    fn fresh(&self, now: Mono) -> Option<Looked> {
        self.last
            .filter(|last| now.since(last.ended) <= self.rules.longest_pause)
    }

    /// For how long good looks have followed each other without an interruption.
    #[must_use]
    pub fn run(&self) -> Duration {
        let (last, since) = (self.last, self.run_since);
        let run = last.zip(since).map(|(last, since)| last.ended.since(since));
        run.unwrap_or_default()
    }

    /// Events that wait for their confirm.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.watched
            .values()
            .filter(|watched| watched.waits())
            .count()
    }

    /// Whether the time-out that is set is too short for what was seen.
    #[must_use]
    pub fn stretched(&self) -> Option<Stretched> {
        let set = self.rules.heartbeat_timeout;
        let too_slow = self.watched.values().filter(|one| one.stretches(set));
        let (pauses, timeouts): (Vec<Duration>, Vec<Duration>) = too_slow
            .map(|one| (one.pause().unwrap_or_default(), one.timeout(set)))
            .unzip();
        Some(Stretched {
            set,
            conductors: pauses.len(),
            pause: pauses.into_iter().max()?,
            timeout: timeouts.into_iter().max()?,
        })
    }

    /// Whether the last look found a table without rows.
    #[must_use]
    pub fn empty(&self) -> bool {
        self.empty
    }

    /// Every conductor as it is seen, then the rows that have no name.
    #[must_use]
    pub fn view(&self) -> Vec<View> {
        let named = self
            .watched
            .iter()
            .map(|(name, watched)| self.one(name, watched));
        let unnamed = self.unnamed.iter().map(|(text, why)| View {
            conductor: text.clone(),
            state: State::Unknown,
            why: why.clone(),
            online: None,
            incarnation: None,
            group: None,
            drivers: Vec::new(),
            updated_at_ms: None,
            quiet: None,
            pause: None,
            timeout: self.rules.heartbeat_timeout,
        });
        named.chain(unnamed).collect()
    }

    fn one(&self, name: &ConductorName, watched: &Watched) -> View {
        let standing = match &self.last {
            None if self.empty => Presence::Unknown("the table conductors is empty".into()),
            None => Presence::Unknown("the last look failed".into()),
            Some(last) => watched.standing(last, self.rules.heartbeat_timeout),
        };
        let (state, why) = match standing {
            Presence::Alive(_) => (State::Alive, "online".to_owned()),
            Presence::Starting(why) => (State::Starting, why.to_owned()),
            Presence::Late(why) => (State::Late, why.to_owned()),
            Presence::Stopped => (State::Gone, "it stopped".to_owned()),
            Presence::Gone(why) => (State::Gone, why.to_owned()),
            Presence::Unknown(why) => (State::Unknown, why),
        };
        let registered = watched.registered.as_ref();
        View {
            conductor: name.to_string(),
            state,
            why,
            online: watched.online(),
            incarnation: registered.map(|registered| registered.incarnation),
            group: registered.map(|registered| registered.group.clone()),
            drivers: registered
                .map(|registered| registered.drivers.iter().cloned().collect())
                .unwrap_or_default(),
            updated_at_ms: watched.updated_at_ms,
            quiet: self.last.as_ref().map(|last| watched.quiet(last)),
            pause: watched.pause(),
            timeout: watched.timeout(self.rules.heartbeat_timeout),
        }
    }
}
