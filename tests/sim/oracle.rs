//! [`Oracle`]: sees what is published, committed, acknowledged and announced in a run, and ends the run
//! by a panic at the first thing that must never be.

use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use nodewarden::domain::announcement::Announcement;
use nodewarden::domain::change::Standing;
use nodewarden::domain::event::Event;
use nodewarden::domain::hearing::{FRESH, GAP};
use nodewarden::domain::ids::{ConductorName, EventId, Pair};
use nodewarden::message::{Outgoing, Published as Fate};
use nodewarden::store::{Findings, Sweep};
use nodewarden::worker::ports::Outbox;
use nodewarden_tests::model::{Model, Tables};

use crate::announced::Announced;
use crate::broker::{Waiting, is_event};
use crate::picture::{Picture, at_once};
use crate::reference::{Key, Published, Reference};
use crate::time::Time;

/// How long after a gap in a conductor's signs its loss may still be decided: a decision waits for an own
/// tick, and for a database in trouble.
const DECIDED_WITHIN: Duration = Duration::from_secs(120);

/// For how long no node goes out after a loss, as shipped.
pub const WAITS: Duration = Duration::from_secs(90);

/// The last lines of a run that are told when it fails.
const LINES: usize = 400;

/// What a conductor truly did.
#[derive(Debug, Default, Clone)]
pub struct Truth {
    /// When it gave a sign of life, or tried to; whether the broker took it.
    pub signs: VecDeque<(Duration, bool)>,
    pub timeout: Option<Duration>,
    /// The end of the planned restart that it has asked for, and the event that said so.
    pub back_by: Option<(Duration, EventId)>,
    /// Since when it says all of itself with each beat.
    pub speaks_since: Option<Duration>,
}

/// What an oracle knows.
pub struct Seen {
    pub reference: Reference,
    published: BTreeMap<Key, Published>,
    keys: BTreeMap<u64, Key>,
    /// When the broker took something that was sent as conductors do.
    taken: VecDeque<Duration>,
    refused: BTreeSet<u64>,
    pub truth: BTreeMap<ConductorName, Truth>,
    pub picture: Picture,
    pub announced: Announced,
    pub cap: Duration,
    /// How often what happened.
    pub tally: BTreeMap<&'static str, u64>,
    lines: VecDeque<String>,
    pub tells: bool,
    /// When a sweep last began.
    pub last_sweep: Duration,
    /// Pairs that turned in the reference since the database was last looked at.
    turned: BTreeSet<Pair>,
    /// When each pair last turned.
    pub turned_at: BTreeMap<Pair, Duration>,
    /// When a new stream began, because commits were lost.
    pub stream_began: Option<Duration>,
    /// Since when nodes need each pair.
    needed_since: BTreeMap<Pair, Duration>,
    /// For how long they must have.
    pub unknown_after: Duration,
}

/// The oracle of a run.
#[derive(Clone)]
pub struct Oracle {
    pub time: Time,
    seen: Rc<RefCell<Seen>>,
}

impl Oracle {
    pub fn new(time: Time, cap: Duration) -> Self {
        let seen = Seen {
            reference: Reference::default(),
            published: BTreeMap::new(),
            keys: BTreeMap::new(),
            taken: VecDeque::new(),
            refused: BTreeSet::new(),
            truth: BTreeMap::new(),
            picture: Picture::default(),
            announced: Announced::default(),
            cap,
            tally: BTreeMap::new(),
            lines: VecDeque::new(),
            tells: false,
            last_sweep: Duration::ZERO,
            turned: BTreeSet::new(),
            turned_at: BTreeMap::new(),
            stream_began: None,
            needed_since: BTreeMap::new(),
            unknown_after: Duration::ZERO,
        };
        Self {
            time,
            seen: Rc::new(RefCell::new(seen)),
        }
    }

    pub fn seen(&self) -> RefMut<'_, Seen> {
        self.seen.borrow_mut()
    }

    pub fn count(&self, what: &'static str, by: u64) {
        *self.seen().tally.entry(what).or_default() += by;
    }

    /// Notes a line of the run's story.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        let mut seen = self.seen();
        if seen.tells {
            let line = format!("{:10.3} {}", self.time.now().as_secs_f64(), line());
            seen.lines.push_back(line);
            if seen.lines.len() > LINES {
                seen.lines.pop_front();
            }
        }
    }

    /// The story so far.
    pub fn lines(&self) -> Vec<String> {
        self.seen().lines.iter().cloned().collect()
    }

    /// What it takes to write that every conductor is lost that is silent now.
    pub fn rows_of_all_silences(&self) -> usize {
        let (now, seen) = (self.time.now(), self.seen());
        let silent = seen.reference.map.conductors().filter(|known| {
            let timeout = known.heartbeat_timeout.unwrap_or(Duration::MAX);
            known.counts_as_active() && known.heard.plus(timeout).0 < now
        });
        silent.map(|known| 1 + 2 * known.drivers.len()).sum()
    }

    /// An event got a place in the queue.
    pub fn published(&self, event: &Event, place: u64) {
        let key = (event.conductor.clone(), event.id.clone());
        let mut seen = self.seen();
        seen.taken.push_back(self.time.now());
        seen.keys.insert(place, key.clone());
        let known = seen.published.entry(key).or_insert_with(|| Published {
            event: event.clone(),
            places: Vec::new(),
            requeued: Vec::new(),
        });
        assert_eq!(
            known.event, *event,
            "an id is used again for something else"
        );
        known.places.push(place);
    }

    /// The broker took a probe.
    pub fn probed(&self) {
        self.seen().taken.push_back(self.time.now());
    }

    /// A dead letter got a place in the queue again.
    pub fn requeued(&self, before: u64, place: u64) {
        let mut seen = self.seen();
        let Some(key) = seen.keys.get(&before).cloned() else {
            return;
        };
        seen.keys.insert(place, key.clone());
        if let Some(known) = seen.published.get_mut(&key) {
            known.places.push(place);
            known.requeued.push(place);
        }
    }

    /// The database dropped events that it no longer has to remember.
    pub fn pruned(&self, model: &Model) {
        let mut seen = self.seen();
        model.look(|tables| {
            seen.reference.prunes(|key| tables.remembers(key));
        });
    }

    /// A conductor gives a sign of life, or tries to.
    pub fn sign(&self, conductor: &ConductorName, taken: bool) {
        let now = self.time.now();
        let mut seen = self.seen();
        let truth = seen.truth.entry(conductor.clone()).or_default();
        truth.signs.push_back((now, taken));
    }

    /// I2: what is acknowledged is committed, or among the dead letters.
    pub fn acknowledged(&self, waiting: &[Waiting]) {
        let seen = self.seen();
        for one in waiting.iter().filter(|one| is_event(&one.message)) {
            let known = seen.keys.get(&one.place);
            let committed = known.is_some_and(|key| seen.reference.has(key));
            assert!(
                committed || seen.refused.contains(&one.place),
                "I2: {known:?} at {} is acknowledged and not committed",
                one.place
            );
        }
    }

    /// A copy of what is refused is safe.
    pub fn refused(&self, place: u64) {
        self.seen().refused.insert(place);
    }

    /// I1, I7: a batch was committed.
    pub fn committed(&self, findings: &Findings) {
        let now = self.time.now();
        let mut seen = self.seen();
        let seen = &mut *seen;
        let came = (seen.reference).follow(findings, &seen.published, seen.cap, now);
        let came = came.unwrap_or_else(|fault| panic!("{fault}"));
        for name in &came.silent {
            let truth = seen.truth.get(name).cloned().unwrap_or_default();
            assert!(
                truth.was_silent(now, &seen.taken),
                "I7: {name} gave its signs in time: {truth:?}"
            );
        }
        for name in &came.overdue {
            let back_by = seen.truth.get(name).and_then(|truth| truth.back_by.clone());
            // What the broker or the database lost of it, it has not asked for.
            let heard = |id: &EventId| seen.reference.knows(&(name.clone(), id.clone()));
            assert!(
                back_by
                    .as_ref()
                    .is_none_or(|(by, id)| *by <= now || !heard(id)),
                "I7: {name} need not be back before {back_by:?}"
            );
        }
        for pair in &came.unknown {
            let needed = seen.needed_since.get(pair);
            assert!(
                needed.is_some_and(|since| now >= *since + seen.unknown_after),
                "I7: {pair} is unknown, and needed since {needed:?}"
            );
        }
        for turn in &came.turns {
            seen.turned.insert(turn.pair.clone());
            seen.turned_at.insert(turn.pair.clone(), now);
        }
        let mut count = |what, by| *seen.tally.entry(what).or_default() += by as u64;
        count("events", findings.events.len());
        count("silences", came.silent.len());
        count("overdue restarts", came.overdue.len());
        count("decisions", findings.decisions.len());
        count("unknown", came.unknown.len());
        count("decided again", came.again as usize);
        if findings.observed {
            count("only observed", findings.decisions.len());
        }
    }

    /// Nodes go out: not while conductors say again what was lost.
    pub fn goes_out(&self) {
        let (began, now) = (self.seen().stream_began, self.time.now());
        assert!(
            began.is_none_or(|began| now >= began + WAITS),
            "I7: nodes go out, and commits were lost: {began:?}"
        );
    }

    /// A sweep of a replica was committed.
    pub fn swept(&self, sweep: &Sweep, forgotten: &[Pair], observes: bool) {
        let now = self.time.now();
        let mut seen = self.seen();
        for name in &sweep.forget {
            assert!(
                seen.reference.map.forget(name),
                "{name} is forgotten, and not gone"
            );
        }
        for pair in forgotten {
            seen.reference.map.forget_pair(pair);
            seen.reference.observed.remove(pair);
            seen.turned.insert(pair.clone());
        }
        if sweep.announces || observes {
            seen.last_sweep = now;
            *seen.tally.entry("sweeps").or_default() += 1;
        }
    }

    /// A conductor was forgotten, as an operator asked.
    pub fn forgot(&self, conductor: &str) {
        let name = ConductorName::parse(conductor).expect("it was known");
        let mut seen = self.seen();
        assert!(
            seen.reference.map.forget(&name),
            "{name} is forgotten, and not gone"
        );
        *seen.tally.entry("forgotten").or_default() += 1;
    }

    /// I3, I4, I5, I6: looks at what a commit, or a command, has made of the database.
    pub fn look(&self, model: &Model, by_command: bool) {
        let mut seen = self.seen();
        let seen = &mut *seen;
        let mut news = model.news();
        let (stream, announced) = model.look(|tables| {
            let one = &tables.one;
            assert!(
                one.announced <= one.last_announcement,
                "I4: {} announcements went out of {}",
                one.announced,
                one.last_announcement
            );
            let other = one.stream != seen.announced.stream;
            (other.then(|| one.stream.clone()), one.announced)
        });
        if let Some(stream) = stream {
            let pending = announcements(model, announced);
            seen.announced.begins(&stream, announced, &pending);
            seen.stream_began = Some(self.time.now());
            *seen.tally.entry("streams that began").or_default() += 1;
        }
        let last = seen.announced.last;
        if model.look(|tables| tables.one.last_announcement) > last {
            for announcement in announcements(model, last) {
                seen.announced.committed(announcement, &mut news.nodes);
            }
        }
        news.pairs.append(&mut seen.turned);
        model.look(|tables| {
            assert_eq!(seen.announced.last_seq, tables.one.seq, "I4: the last seq");
            for uuid in &news.nodes {
                seen.look_at(uuid, tables, by_command);
            }
            for pair in &news.pairs {
                let stored = tables.pairs.get(pair).map(|row| row.standing);
                let ours = seen.reference.map.standing(pair);
                assert_eq!(ours, stored, "I1: the standing of {pair}");
            }
        });
    }

    /// The database is as it is now: what comes after that is looked at.
    pub fn begins_with(&self, model: &Model) {
        drop(model.news());
        let mut seen = self.seen();
        seen.turned.clear();
        let seen = &mut *seen;
        seen.picture = model.look(Picture::of);
        for (_, node) in seen.picture.nodes() {
            let since = seen.needed_since.entry(node.pair.clone());
            since.or_insert(self.time.now());
        }
        seen.announced.stream = model.look(|tables| tables.one.stream.clone());
    }

    /// A user changed the table of nodes.
    pub fn edited(&self, model: &Model) {
        let mut seen = self.seen();
        let seen = &mut *seen;
        let news = model.news();
        model.look(|tables| {
            for uuid in &news.nodes {
                if let (_, Some(node)) = seen.picture.renew(uuid, tables) {
                    let since = seen.needed_since.entry(node.pair.clone());
                    since.or_insert(self.time.now());
                }
            }
        });
    }

    /// Looks at everything, changed or not; the same as `look`, had it seen every change.
    pub fn look_at_everything(&self, model: &Model) {
        self.look(model, true);
        let seen = self.seen();
        model.look(|tables| {
            assert_eq!(
                seen.picture,
                Picture::of(tables),
                "I3: a change that was not seen"
            );
            let held = tables.held_by();
            let held: BTreeSet<&str> = held.into_keys().collect();
            let announced = seen.announced.out.iter().map(String::as_str);
            assert_eq!(
                announced.collect::<BTreeSet<_>>(),
                held,
                "I3: what was announced and what is held"
            );
            let stored = tables.pairs.iter();
            let stored = stored.map(|(pair, row)| (pair.clone(), row.standing));
            let ours = seen.reference.map.standings();
            let ours: BTreeMap<_, _> = ours.map(|(pair, to)| (pair.clone(), to)).collect();
            assert_eq!(ours, stored.collect(), "I1: the standings");
        });
    }

    /// I4: an announcement travels.
    pub fn announced(&self, message: &Outgoing, fate: Fate) {
        let mut seen = self.seen();
        if seen.announced.travels(message, fate) {
            *seen.tally.entry("announced again").or_default() += 1;
        }
    }
}

/// Those above a number, as they are stored.
fn announcements(model: &Model, above: u64) -> Vec<Announcement> {
    let stored = at_once(model.outbox("oracle").pending(Some(above), u32::MAX));
    stored.expect("a model can be read")
}

impl Seen {
    /// What became of a node: its mark, its hold and what was announced agree, and it had to.
    fn look_at(&mut self, uuid: &str, tables: &Tables, by_command: bool) {
        let held = tables.hold_of(uuid).is_some();
        let announced = self.announced.out.contains(uuid);
        assert_eq!(
            announced, held,
            "I3: what was announced and what is held of {uuid}"
        );
        let (before, now) = self.picture.renew(uuid, tables);
        let Some(node) = now else { return };
        assert_eq!(node.out, held, "I3: the mark and the hold of {uuid}");
        let Some(before) = before else { return };
        assert_eq!(node.maintenance, before.maintenance, "I5: {uuid}");
        let standing = self.reference.map.standing(&node.pair);
        if node.out && !before.out {
            assert_eq!(
                standing,
                Some(Standing::Lost),
                "I6: {uuid} goes out: {node:?}"
            );
            assert!(tables.one.pause.is_none(), "{uuid} goes out during a pause");
            let observed = self.reference.observed.get(&node.pair);
            assert!(
                observed.is_none(),
                "{uuid} goes out, and that is only observed"
            );
            *self.tally.entry("nodes out").or_default() += 1;
        } else if before.out && !node.out && !by_command {
            assert_eq!(
                standing,
                Some(Standing::Active),
                "I6: {uuid} comes back: {node:?}"
            );
            *self.tally.entry("nodes back").or_default() += 1;
        }
    }
}

impl Truth {
    /// Whether no sign came for longer than its time-out, lately. One that the broker did not take counts
    /// in a trouble that replicas must notice; a shorter one hides no more than one sign of three.
    fn was_silent(&self, now: Duration, taken: &VecDeque<Duration>) -> bool {
        let Some(timeout) = self.timeout else {
            return false;
        };
        let since = now.saturating_sub(timeout + DECIDED_WITHIN);
        let counts = |(at, was_taken): &&(Duration, bool)| {
            let after = taken.partition_point(|one| one < at);
            let end = taken.get(after).copied().unwrap_or(now);
            let begin = after
                .checked_sub(1)
                .map_or(Duration::ZERO, |before| taken[before]);
            // The tick before it may have been handled that late.
            *was_taken || end - begin > GAP + FRESH
        };
        let signs: Vec<Duration> = self
            .signs
            .iter()
            .filter(counts)
            .map(|sign| sign.0)
            .collect();
        let ends = signs.iter().skip(1).copied().chain([now]);
        let gaps = signs.iter().copied().zip(ends);
        let mut gaps = gaps.filter(|(_, end)| *end >= since);
        gaps.any(|(begin, end)| end - begin >= timeout)
    }
}
