//! [`Oracle`]: sees what is published, committed, acknowledged and announced in a run, and ends the run
//! by a panic at the first thing that must never be.

use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use nodewarden::domain::announcement::{Announcement, Content};
use nodewarden::domain::change::Standing;
use nodewarden::domain::event::Event;
use nodewarden::domain::ids::{ConductorName, Pair};
use nodewarden::message::{Outgoing, Published as Fate};
use nodewarden::store::{Findings, Sweep};
use nodewarden::wire;
use nodewarden_tests::model::Model;

use crate::broker::{Waiting, is_event};
use crate::picture::Picture;
use crate::reference::{Key, Published, Reference};
use crate::time::Time;

/// How long after a gap in a conductor's signs its loss may still be decided: a decision waits for an own
/// tick, and for a database in trouble.
const DECIDED_WITHIN: Duration = Duration::from_secs(120);

/// The last lines of a run that are told when it fails.
const LINES: usize = 400;

/// What a conductor truly did.
#[derive(Debug, Default, Clone)]
pub struct Truth {
    /// When it tried to give a sign of life, whether the broker took it or not.
    pub signs: VecDeque<Duration>,
    pub timeout: Option<Duration>,
    /// The end of the planned restart that it has asked for.
    pub back_by: Option<Duration>,
}

/// What an oracle knows.
pub struct Seen {
    pub reference: Reference,
    published: BTreeMap<Key, Published>,
    keys: BTreeMap<u64, Key>,
    refused: BTreeSet<u64>,
    pub truth: BTreeMap<ConductorName, Truth>,
    pub picture: Picture,
    /// The nodes that are out by what was announced.
    replayed: BTreeSet<String>,
    last_seq: u64,
    /// Each announcement as it must travel, by number.
    messages: BTreeMap<u64, (Outgoing, Announcement)>,
    /// The numbers that subscribers have.
    pub heard: BTreeSet<u64>,
    /// The highest of them.
    highest_heard: u64,
    pub cap: Duration,
    /// How often what happened.
    pub tally: BTreeMap<&'static str, u64>,
    lines: VecDeque<String>,
    pub tells: bool,
    /// The numbers that the broker refused or that found no subscriber: these alone may be missing.
    pub passed_by: BTreeSet<u64>,
    /// When a sweep last began.
    pub last_sweep: Duration,
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
            refused: BTreeSet::new(),
            truth: BTreeMap::new(),
            picture: Picture::default(),
            replayed: BTreeSet::new(),
            last_seq: 0,
            messages: BTreeMap::new(),
            heard: BTreeSet::new(),
            highest_heard: 0,
            cap,
            tally: BTreeMap::new(),
            lines: VecDeque::new(),
            tells: false,
            passed_by: BTreeSet::new(),
            last_sweep: Duration::ZERO,
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
        seen.keys.insert(place, key.clone());
        let known = seen.published.entry(key).or_insert_with(|| Published {
            event: event.clone(),
            places: Vec::new(),
        });
        known.places.push(place);
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
        }
    }

    /// A conductor tries to give a sign of life.
    pub fn sign(&self, conductor: &ConductorName) {
        let now = self.time.now();
        let mut seen = self.seen();
        let truth = seen.truth.entry(conductor.clone()).or_default();
        truth.signs.push_back(now);
        let past = |sign: &mut Duration| *sign + Duration::from_secs(900) < now;
        while truth.signs.len() > 2 && truth.signs.pop_front_if(past).is_some() {}
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
                truth.was_silent(now),
                "I7: {name} gave its signs in time: {truth:?}"
            );
        }
        for name in &came.overdue {
            let back_by = seen.truth.get(name).and_then(|truth| truth.back_by);
            assert!(
                back_by.is_none_or(|by| by <= now),
                "I7: {name} need not be back before {back_by:?}"
            );
        }
        let mut count = |what, by| *seen.tally.entry(what).or_default() += by as u64;
        count("events", findings.events.len());
        count("silences", came.silent.len());
        count("overdue restarts", came.overdue.len());
        count("decisions", findings.decisions.len());
    }

    /// A sweep of a replica was committed.
    pub fn swept(&self, sweep: &Sweep, forgotten: &[Pair]) {
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
        }
        if sweep.announces {
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

    /// Looks at what a commit has made of the database.
    pub fn look(&self, model: &Model, by_command: bool) {
        let after = self
            .seen()
            .messages
            .last_key_value()
            .map_or(0, |(number, _)| *number);
        self.looked(Picture::of(model, after), by_command);
    }

    /// I3, I4, I5, I6.
    fn looked(&self, picture: Picture, by_command: bool) {
        let mut seen = self.seen();
        let seen = &mut *seen;
        for announcement in &picture.announcements {
            seen.replay(announcement);
        }
        assert_eq!(seen.last_seq, picture.seq, "I4: the last seq");
        assert_eq!(
            seen.replayed, picture.holds,
            "I3: what was announced and what is held"
        );
        for (uuid, node) in &picture.nodes {
            let held = picture.holds.contains(uuid);
            assert_eq!(node.out, held, "I3: the mark and the hold of {uuid}");
            let Some(before) = seen.picture.nodes.get(uuid) else {
                continue;
            };
            assert_eq!(node.maintenance, before.maintenance, "I5: {uuid}");
            let standing = seen.reference.map.standing(&node.pair);
            if node.out && !before.out {
                assert_eq!(
                    standing,
                    Some(Standing::Lost),
                    "I6: {uuid} goes out: {node:?}"
                );
                assert!(!picture.paused, "{uuid} goes out during a pause");
                *seen.tally.entry("nodes out").or_default() += 1;
            } else if before.out && !node.out && !by_command {
                assert_eq!(
                    standing,
                    Some(Standing::Active),
                    "I6: {uuid} comes back: {node:?}"
                );
                *seen.tally.entry("nodes back").or_default() += 1;
            }
        }
        let ours: BTreeMap<_, _> = seen
            .reference
            .map
            .standings()
            .map(|(pair, standing)| (pair.clone(), standing))
            .collect();
        assert_eq!(ours, picture.standings, "I1: the standings");
        seen.picture = picture;
    }

    /// A user changed the table of nodes.
    pub fn edited(&self, model: &Model) {
        let mut seen = self.seen();
        let after = seen.picture.last_announcement;
        seen.picture = Picture::of(model, after);
    }

    /// I4: what travels is what was committed, byte by byte, and what is heard for the first time comes in
    /// order.
    pub fn announced(&self, message: &Outgoing, fate: Fate) {
        let mut seen = self.seen();
        let number = message
            .message_id
            .rsplit_once(':')
            .map(|(_, number)| number.parse());
        let Some(Ok(number)) = number else {
            panic!("I4: an announcement with the id {}", message.message_id)
        };
        let Some((committed, _)) = seen.messages.get(&number) else {
            panic!("I4: announcement {number} travels and is not committed")
        };
        assert_eq!(message, committed, "I4: announcement {number}");
        if fate != Fate::Confirmed {
            seen.passed_by.insert(number);
        } else if !seen.heard.insert(number) {
            *seen.tally.entry("announced again").or_default() += 1;
        } else if number > seen.highest_heard {
            let before = seen.highest_heard;
            let skipped = (before + 1..number).find(|skipped| !seen.passed_by.contains(skipped));
            assert_eq!(skipped, None, "I4: {number} is heard after {before}");
            seen.highest_heard = number;
        } else {
            assert!(
                seen.passed_by.contains(&number),
                "I4: {number} is first heard after {}",
                seen.highest_heard
            );
        }
    }
}

impl Seen {
    fn replay(&mut self, announcement: &Announcement) {
        let message = wire::encode(announcement, "node.events");
        let number = announcement.number;
        let last = self
            .messages
            .last_key_value()
            .map_or(0, |(number, _)| *number);
        assert_eq!(number, last + 1, "I4: the numbers of announcements");
        self.messages
            .insert(number, (message, announcement.clone()));
        let (out, nodes) = match &announcement.content {
            Content::OutOfService { nodes, .. } => (true, nodes),
            Content::BackInService { nodes, .. } => (false, nodes),
            Content::Position { seq } => return assert_eq!(*seq, self.last_seq, "I4: a position"),
        };
        for node in nodes {
            assert_eq!(node.seq, self.last_seq + 1, "I4: seq is contiguous");
            self.last_seq = node.seq;
            let changed = match out {
                true => self.replayed.insert(node.uuid.clone()),
                false => self.replayed.remove(&node.uuid),
            };
            assert!(changed, "I4: {} is announced as it was before", node.uuid);
        }
    }
}

impl Truth {
    /// Whether no sign came for longer than its time-out, lately.
    fn was_silent(&self, now: Duration) -> bool {
        let Some(timeout) = self.timeout else {
            return false;
        };
        let since = now.saturating_sub(timeout + DECIDED_WITHIN);
        let ends = self.signs.iter().skip(1).copied().chain([now]);
        let gaps = self.signs.iter().copied().zip(ends);
        let mut gaps = gaps.filter(|(_, end)| *end >= since);
        gaps.any(|(begin, end)| end - begin >= timeout)
    }
}
