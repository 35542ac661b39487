//! [`SimIronic`], which is made of rows, the [`SimBridge`]s that look at it, and a [`Worker`] that hears
//! them. Time is a number.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use nodewarden::bridge::{Judge, Remembered, Row, Rules, Sighting, State, View};
use nodewarden::domain::conductor::{Life, Outcome};
use nodewarden::domain::decide::decide;
use nodewarden::domain::event::{Event, EventKind};
use nodewarden::domain::ids::{ConductorName, EventId};
use nodewarden::domain::map::DriverMap;
use nodewarden::domain::time::{Mono, Now};
use nodewarden::wire::encode_event;

/// Some wall clock at the beginning, ms.
pub const BEGIN: u64 = 1_790_000_000_000;
/// Ironic's own defaults: a heartbeat each 10 s, lost after 60 s.
pub const BEAT: u64 = 10_000;
pub const TIMEOUT: u64 = 60_000;
pub const INTERVAL: u64 = 2_000;

pub fn rules() -> Rules {
    Rules::new(
        Duration::from_millis(TIMEOUT),
        Duration::from_millis(INTERVAL),
    )
}

pub fn mono(ms: u64) -> Mono {
    Mono(Duration::from_millis(ms))
}

/// One conductor: its row, its clock, and whether it writes.
#[derive(Clone)]
pub struct Conductor {
    pub row: Row,
    /// How far its clock is ahead, ms; may be behind.
    pub clock_ahead: i64,
    pub beating: bool,
}

/// The tables, and the time.
#[derive(Clone)]
pub struct SimIronic {
    pub now: u64,
    pub beats: bool,
    pub conductors: BTreeMap<&'static str, Conductor>,
    /// The bridges' own table.
    pub remembered: RefCell<BTreeMap<String, Remembered>>,
}

impl Default for SimIronic {
    fn default() -> Self {
        Self {
            now: 1_000,
            beats: true,
            conductors: BTreeMap::new(),
            remembered: RefCell::default(),
        }
    }
}

impl SimIronic {
    pub fn with(names: &[&'static str]) -> Self {
        let mut ironic = Self::default();
        for name in names {
            ironic.start(name);
            ironic.register(name, &["ipmi", "redfish"]);
        }
        ironic
    }

    pub fn clock(&self, name: &str) -> i64 {
        let ahead = self.conductors.get(name).map_or(0, |it| it.clock_ahead);
        i64::try_from(BEGIN + self.now).unwrap() + ahead
    }

    pub fn row(&mut self, name: &str) -> &mut Row {
        &mut self.conductors.get_mut(name).expect("it is there").row
    }

    /// A conductor starts: online, and its old drivers are deleted.
    pub fn start(&mut self, name: &'static str) {
        let now = self.clock(name);
        let conductor = self.conductors.entry(name).or_insert_with(|| Conductor {
            row: Row {
                hostname: name.to_owned(),
                group: Some("Rack1".to_owned()),
                ..Row::default()
            },
            clock_ahead: 0,
            beating: true,
        });
        conductor.beating = true;
        conductor.row.online = Some(true);
        conductor.row.updated_at_ms = Some(now);
        conductor.row.drivers.clear();
        conductor.row.registered_at_ms = None;
    }

    /// 30 ms later: its drivers.
    pub fn register(&mut self, name: &str, drivers: &[&str]) {
        let now = self.clock(name) + 30;
        let row = self.row(name);
        row.drivers = drivers.iter().map(|driver| (*driver).to_owned()).collect();
        row.registered_at_ms = Some(now);
    }

    /// The first half of a graceful stop.
    pub fn unregister(&mut self, name: &str) {
        let row = self.row(name);
        row.drivers.clear();
        row.registered_at_ms = None;
    }

    /// The second half, 20 ms later.
    pub fn offline(&mut self, name: &str) {
        let now = self.clock(name) + 20;
        let row = self.row(name);
        row.online = Some(false);
        row.updated_at_ms = Some(now);
        self.conductors.get_mut(name).unwrap().beating = false;
    }

    /// kill -9, and SIGSTOP, which looks the same.
    pub fn freeze(&mut self, name: &str) {
        self.conductors.get_mut(name).unwrap().beating = false;
    }

    /// SIGCONT: it goes on without a new registration.
    pub fn thaw(&mut self, name: &str) {
        self.conductors.get_mut(name).unwrap().beating = true;
    }

    /// Lets time pass; who beats does so each 10 s of its own.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while self.now < end {
            let step = 500.min(end - self.now);
            self.now += step;
            if !self.beats {
                continue;
            }
            for (index, name) in self
                .conductors
                .keys()
                .copied()
                .enumerate()
                .collect::<Vec<_>>()
            {
                let now = self.clock(name);
                let due = self.now / BEAT != (self.now - step) / BEAT
                    || index > 0 && {
                        let shift = 1_700 * index as u64;
                        (self.now + shift) / BEAT != (self.now + shift - step) / BEAT
                    };
                let conductor = self.conductors.get_mut(name).unwrap();
                if conductor.beating && due {
                    conductor.row.online = Some(true);
                    conductor.row.updated_at_ms = Some(now);
                }
            }
        }
    }

    /// What a look writes: the higher number wins.
    pub fn remember(&self, numbers: &[Remembered]) {
        let mut table = self.remembered.borrow_mut();
        for number in numbers {
            let higher = |known: &Remembered| known.incarnation < number.incarnation;
            if table.get(&number.conductor).is_none_or(higher) {
                table.insert(number.conductor.clone(), number.clone());
            }
        }
    }

    pub fn look(&self) -> Sighting {
        Sighting {
            began: mono(self.now),
            ended: mono(self.now + 5),
            beats: self.beats,
            rows: self
                .conductors
                .values()
                .map(|conductor| conductor.row.clone())
                .collect(),
            remembered: self.remembered.borrow().values().cloned().collect(),
        }
    }
}

/// A bridge whose broker always confirms.
pub struct SimBridge {
    pub judge: Judge,
    pub said: Vec<Event>,
}

impl SimBridge {
    pub fn new(name: &str) -> Self {
        Self {
            judge: Judge::new(rules(), name),
            said: Vec::new(),
        }
    }

    /// One that goes by other rules.
    pub fn by(rules: Rules, name: &str) -> Self {
        Self {
            judge: Judge::new(rules, name),
            said: Vec::new(),
        }
    }

    /// Looks and says what is due; what it said now.
    pub fn turn(&mut self, ironic: &SimIronic) -> Vec<Event> {
        ironic.remember(&self.judge.to_remember());
        self.judge.looked(&ironic.look());
        self.speak(ironic)
    }

    pub fn speak(&mut self, ironic: &SimIronic) -> Vec<Event> {
        let now = mono(ironic.now + 10);
        let due = self.judge.due(now);
        for event in &due {
            self.judge.confirmed(event, now);
        }
        self.said.extend(due.clone());
        due
    }

    /// Turns each interval for that long; what it said meanwhile.
    pub fn run(&mut self, ironic: &mut SimIronic, ms: u64) -> Vec<Event> {
        let end = ironic.now + ms;
        let mut said = Vec::new();
        while ironic.now < end {
            ironic.pass(INTERVAL);
            said.extend(self.turn(ironic));
        }
        said
    }

    pub fn view(&self, name: &str) -> View {
        let mut views = self.judge.view().into_iter();
        views
            .find(|view| view.conductor == name)
            .unwrap_or_else(|| panic!("{name} is not seen"))
    }

    pub fn state(&self, name: &str) -> State {
        self.view(name).state
    }
}

/// In short: `left c1`.
pub fn told(events: &[Event]) -> Vec<String> {
    let short = |event: &Event| {
        let kind = event
            .kind
            .event_type()
            .as_str()
            .trim_start_matches("conductor.");
        format!("{kind} {}", event.conductor)
    };
    events.iter().map(short).collect()
}

/// Without what only says that somebody lives.
pub fn news(events: &[Event]) -> Vec<String> {
    let mut news = told(events);
    news.retain(|text| !text.starts_with("heartbeat "));
    news
}

/// Whether it ends a conductor.
pub fn ends(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::Left { .. } | EventKind::HeartbeatTimeout { .. }
    )
}

/// What a worker makes of events: a repeat of an id changes nothing, and must be a repeat.
#[derive(Default)]
pub struct Worker {
    pub map: DriverMap,
    heard: HashMap<EventId, Vec<u8>>,
}

impl Worker {
    /// What became of it; `None`: a repeat.
    pub fn hears(&mut self, event: &Event) -> Option<Outcome> {
        let body = encode_event(event);
        if let Some(before) = self.heard.insert(event.id.clone(), body.clone()) {
            assert_eq!(before, body, "the same id with another body");
            return None;
        }
        let now = Now {
            wall_ms: 0,
            mono: mono(0),
        };
        let change = decide(&self.map, event, now, Duration::ZERO);
        self.map.apply(&change);
        Some(change.outcome)
    }

    /// All of them, in order.
    pub fn hears_all(&mut self, events: &[Event]) {
        for event in events {
            self.hears(event);
        }
    }

    pub fn life(&self, name: &str) -> Option<Life> {
        let name = ConductorName::parse(name).unwrap();
        self.map.conductor(&name).map(|conductor| conductor.life)
    }
}
