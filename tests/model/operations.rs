//! What may be done to a ledger, and how it is chosen: few names, so that operations meet.

use std::collections::BTreeSet;
use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::domain::change::{Cause, CauseKind, Standing, Turn, Verdict};
use nodewarden::domain::conductor::{ConductorState, Outcome};
use nodewarden::domain::event::EventType;
use nodewarden::domain::ids::{
    ConductorName, Driver, EventId, Group, Incarnation, Pair, SubscriberName,
};
use nodewarden::domain::receipt::Receipt;
use nodewarden::domain::unheeded::{Ignored, Note, Refused};
use nodewarden::store::{
    ConductorRecord, DecisionRecord, EventRecord, Findings, HearingNote, Pause, Prune, Request,
    RequestKind, StandingRecord, Sweep, Window,
};

use crate::random::Random;

/// One operation, and when it happens.
#[derive(Debug, Clone)]
pub struct Op {
    pub now_ms: u64,
    pub what: What,
}

/// By whom, and what.
#[derive(Debug, Clone)]
pub enum What {
    /// By one of two replicas, in the epoch that it took last.
    Replica(usize, Call),
    Operator(Act),
    User(Edit),
    /// A user's transaction that stays open locks the row of this node.
    Lock(String),
    /// It ends.
    Unlock(String),
}

/// Rows to walk over.
#[derive(Debug, Clone)]
pub enum Walk {
    NodesOf(Pair),
    HoldsOf(Pair),
    Holds,
    Nodes,
}

/// A call of the ledger or the outbox.
#[derive(Debug, Clone)]
pub enum Call {
    TakeEpoch(Mode),
    StepDown,
    Stream,
    /// Another replica says that so many more commits were made; a new stream would have this id.
    Told(u64, String),
    Prove,
    Note(HearingNote),
    Resume,
    Recall(Vec<(ConductorName, EventId)>),
    Commit(Findings),
    TakeOut(Pair, Window),
    GiveBack(Option<Pair>, Window),
    CarryOut(Standing, Vec<Pair>, Window),
    UnmarkStrays(Window),
    FirstAfter(Walk, String),
    Survey(Walk, Window),
    SurveyAll(Window),
    SurveyPairs(Vec<Pair>, Window),
    BeginSweep(Sweep),
    Prune(Prune, u64, u32),
    UnknownPairs(u32),
    Needed(Vec<Pair>),
    Count,
    Fold,
    Pause,
    EndPause(String),
    Requests,
    WaitedSince(u64),
    AnswerForget(Request, bool),
    Pending(Option<u64>, u32),
    Announced(u64),
}

/// What an operator's command writes.
#[derive(Debug, Clone)]
pub enum Act {
    Pause(Pause),
    Resume,
    Forget(String),
    ReleaseAll(Window),
    ReleasePair(Pair, Window),
    ReleaseNode(String, Window),
    NewStream(String, bool),
}

/// What a user does to the table of nodes.
#[derive(Debug, Clone)]
pub enum Edit {
    Register(String, Option<String>, Option<String>, Option<String>),
    Delete(String),
    Driver(String, Option<String>),
    Group(String, Option<String>),
    Mark(String, Option<String>),
    Name(String, Option<String>),
}

impl Edit {
    /// Of which node.
    pub fn uuid(&self) -> &str {
        match self {
            Self::Register(uuid, ..)
            | Self::Delete(uuid)
            | Self::Driver(uuid, _)
            | Self::Group(uuid, _)
            | Self::Mark(uuid, _)
            | Self::Name(uuid, _) => uuid,
        }
    }
}

/// Makes operations.
pub struct Maker {
    random: Random,
    now_ms: u64,
    made: u64,
    decisions: u64,
    /// Which replica took the epoch last, and about which pair something was decided last: most of
    /// what comes next is by the one and about the other.
    holder: usize,
    turned: Turned,
}

/// What was decided last, and whether anything was done about it since.
struct Turned {
    pair: Pair,
    to: Standing,
    to_do: bool,
}

/// So many operations fill the tables before anything is random.
const FIRST: u64 = 16;

impl Maker {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            now_ms: 1_000,
            made: 0,
            decisions: 0,
            holder: 0,
            turned: Turned {
                pair: named("a", ""),
                to: Standing::Active,
                to_do: false,
            },
        }
    }

    pub fn op(&mut self) -> Op {
        self.made += 1;
        let random = &mut self.random;
        // A wall clock may be set back.
        self.now_ms = match random.percent(5) {
            true => self.now_ms.saturating_sub(random.below(2_000)),
            false => self.now_ms + random.below(400),
        };
        let kind = match self.made {
            1 => {
                return Op {
                    now_ms: self.now_ms,
                    what: What::Replica(0, Call::TakeEpoch(Mode::Enforce)),
                };
            }
            2..FIRST => 0,
            _ => random.below(100),
        };
        let what = match kind {
            0..12 => What::User(self.edit()),
            12..17 => What::Lock(uuid(random)),
            17..19 => What::Unlock(uuid(random)),
            19..28 => What::Operator(self.act()),
            _ => {
                let other = usize::from(random.percent(5));
                let (replica, call) = ((self.holder + other) % 2, self.call());
                if matches!(call, Call::TakeEpoch(_)) {
                    self.holder = replica;
                }
                What::Replica(replica, call)
            }
        };
        Op {
            now_ms: self.now_ms,
            what,
        }
    }

    /// Mostly the pair about which something was decided last.
    fn pair(&mut self) -> Pair {
        match self.random.percent(60) {
            true => self.turned.pair.clone(),
            false => pair(&mut self.random),
        }
    }

    fn call(&mut self) -> Call {
        let (window, pair) = (self.window(), self.pair());
        let random = &mut self.random;
        if std::mem::take(&mut self.turned.to_do) && random.percent(60) {
            let turned = self.turned.pair.clone();
            return match self.turned.to {
                to if random.percent(50) => Call::CarryOut(to, several(random, turned), window),
                Standing::Lost => Call::TakeOut(self.turned.pair.clone(), window),
                Standing::Active => Call::GiveBack(Some(self.turned.pair.clone()), window),
            };
        }
        match random.below(100) {
            0..4 => Call::TakeEpoch(match random.percent(80) {
                true => Mode::Enforce,
                false => Mode::Observe,
            }),
            4..6 => Call::StepDown,
            6..8 => match random.percent(25) {
                true => Call::Stream,
                false => {
                    self.decisions += 1;
                    let stream = format!("22222222-0000-4000-8000-{:012}", self.decisions);
                    Call::Told(random.below(3), stream)
                }
            },
            8 => Call::Prove,
            9..11 => Call::Note(self.hearing()),
            11..13 => Call::Resume,
            13..15 => Call::Recall(random.some(4, |random| (conductor(random), event(random)))),
            15..35 => Call::Commit(self.findings()),
            35..45 => Call::TakeOut(pair, window),
            45..50 => {
                let to = random.one(&[Standing::Lost, Standing::Active]);
                Call::CarryOut(to, several(random, pair), window)
            }
            50..58 => Call::GiveBack(Some(pair), window),
            58..66 => Call::GiveBack(None, window),
            66..69 => Call::UnmarkStrays(window),
            69 => Call::FirstAfter(walk(random, pair), window.after),
            70..74 => Call::Survey(walk(random, pair), window),
            74 => Call::SurveyAll(window),
            75 => Call::SurveyPairs(several(random, pair), window),
            76..80 => Call::BeginSweep(self.sweep()),
            80..86 => {
                let before_ms = (self.now_ms + 1_000).saturating_sub(random.below(3_000));
                let most = 1 + u32::try_from(random.below(6)).unwrap();
                Call::Prune(random.one(&KINDS), before_ms, most)
            }
            86 => Call::UnknownPairs(1 + u32::try_from(random.below(4)).unwrap()),
            87 => Call::Needed(random.some(3, self::pair)),
            88..90 => Call::Count,
            90..92 => Call::Fold,
            92 => Call::Pause,
            93 => Call::EndPause(pause_id(random)),
            94 if random.percent(50) => Call::WaitedSince(random.below(40)),
            94 => Call::Requests,
            95 => {
                let request = Request {
                    number: 1 + random.below(6),
                    kind: FORGET,
                    argument: text(random),
                };
                Call::AnswerForget(request, random.percent(70))
            }
            96..98 => {
                let after = random.maybe(50, |random| random.below(30));
                Call::Pending(after, 1 + u32::try_from(random.below(20)).unwrap())
            }
            _ => Call::Announced(random.below(16)),
        }
    }

    fn window(&mut self) -> Window {
        let random = &mut self.random;
        Window {
            after: match random.percent(75) {
                true => String::new(),
                false => uuid(random),
            },
            nodes: random.one(&[1, 2, 3, 100]),
            nodes_per_message: random.one(&[1, 2, 100]),
            unknown: random.percent(70),
            completes: random.percent(80),
            now_ms: self.now_ms,
        }
    }

    fn hearing(&mut self) -> HearingNote {
        let random = &mut self.random;
        HearingNote {
            unproven_since_ms: random.maybe(50, |random| random.below(9)),
            unproven: duration(random),
            deaf: random.percent(50),
            troubles: random.some(2, text),
            noted_at_ms: self.now_ms,
        }
    }

    fn findings(&mut self) -> Findings {
        let now_ms = self.now_ms;
        let events = self.random.some(2, |random| EventRecord {
            conductor: conductor(random),
            id: event(random),
            digest: [u8::try_from(random.below(256)).unwrap(); 32],
            event_type: random.one(EventType::ALL),
            outcome: random.one(Outcome::ALL),
        });
        let mut conductors = self.random.some(2, |random| known(random, now_ms));
        // A batch names each once.
        conductors.sort_by(|a, b| a.name.cmp(&b.name));
        conductors.dedup_by(|a, b| a.name == b.name);
        let unheeded = self.random.some(1, note);
        let mut receipts = self.random.some(2, receipt);
        receipts.dedup_by(|one, other| one.subscriber == other.subscriber);
        let mut standings: Vec<StandingRecord> = Vec::new();
        let mut decisions = Vec::new();
        for _ in 0..self.random.below(4) {
            let (turn, stands) = self.turn();
            standings.retain(|other| other.pair != stands.pair);
            standings.push(stands);
            if let Some(verdict) = turn.verdict {
                decisions.push(self.decision(verdict, turn));
            }
        }
        Findings {
            silent: Vec::new(),
            waits: None,
            now_ms,
            events,
            conductors,
            unheeded,
            receipts,
            standings,
            decisions,
            observed: self.random.percent(12),
        }
    }

    fn turn(&mut self) -> (Turn, StandingRecord) {
        let pair = self.pair();
        let random = &mut self.random;
        let to = match random.percent(60) {
            true => Standing::Lost,
            false => Standing::Active,
        };
        self.turned = Turned {
            pair: pair.clone(),
            to,
            to_do: true,
        };
        let verdict = match to {
            Standing::Lost => random.maybe(97, |random| match random.percent(80) {
                true => Verdict::Lost,
                false => Verdict::Unknown,
            }),
            Standing::Active => random.maybe(80, |_| Verdict::Restored),
        };
        let kind = match random.below(4) {
            0 => CauseKind::Silence,
            1 => CauseKind::RestartOverdue,
            2 => CauseKind::NeverSeen,
            _ => CauseKind::Event {
                id: event(random),
                event_type: random.one(EventType::ALL),
            },
        };
        let turn = Turn {
            pair: pair.clone(),
            to,
            verdict,
            cause: Cause {
                conductor: random.maybe(80, conductor),
                kind,
            },
            last_good_at_ms: random.maybe(50, |random| random.below(99)),
        };
        (turn, StandingRecord { pair, standing: to })
    }

    fn decision(&mut self, verdict: Verdict, turn: Turn) -> DecisionRecord {
        // A UUID is used twice now and then, which is refused.
        self.decisions += u64::from(!self.random.percent(2));
        DecisionRecord {
            id: format!("00000000-0000-4000-8000-{:012}", self.decisions),
            verdict,
            turn,
            decided_at_ms: self.now_ms,
        }
    }

    fn sweep(&mut self) -> Sweep {
        let now_ms = self.now_ms;
        let random = &mut self.random;
        Sweep {
            restarting: random.some(1, |random| known(random, now_ms)),
            forget: random.some(2, conductor),
            unnamed: random.some(2, pair),
            unwanted: random.some(2, pair),
            announces: random.percent(50),
            pause: random.maybe(50, |random| (pause_id(random), duration(random))),
            now_ms,
        }
    }

    fn act(&mut self) -> Act {
        let (window, pair) = (self.window(), self.pair());
        let random = &mut self.random;
        match random.below(20) {
            0..3 => Act::Pause(Pause {
                id: pause_id(random),
                reason: text(random),
                who: random.one(&["me".to_owned(), "木".repeat(300)]),
                paused_at_ms: self.now_ms,
                remaining: random.maybe(50, duration),
                noted_at_ms: 7,
            }),
            3..8 => Act::Resume,
            8..10 => Act::Forget(text(random)),
            10..13 => Act::ReleaseAll(window),
            13..16 => Act::ReleasePair(pair, window),
            16..19 => Act::ReleaseNode(uuid(random), window),
            _ => {
                // None is used twice.
                self.decisions += 1;
                let stream = format!("11111111-0000-4000-8000-{:012}", self.decisions);
                Act::NewStream(stream, random.percent(50))
            }
        }
    }

    fn edit(&mut self) -> Edit {
        let random = &mut self.random;
        let uuid = uuid(random);
        // The first ones fill the table.
        let kind = match self.made {
            ..FIRST => 0,
            _ => random.below(20),
        };
        match kind {
            0..8 => {
                let (driver, group) = (random.maybe(97, driver), random.maybe(90, group));
                Edit::Register(uuid, random.maybe(80, text), driver, group)
            }
            8..11 => Edit::Delete(uuid),
            11..14 => Edit::Driver(uuid, random.maybe(95, driver)),
            14..16 => Edit::Group(uuid, random.maybe(90, group)),
            16..19 => {
                let marks = ["in_service", "out_of_service", "nonsense"];
                let mark = random.maybe(90, |random| random.one(&marks).to_owned());
                Edit::Mark(uuid, mark)
            }
            _ => Edit::Name(uuid, random.maybe(70, text)),
        }
    }
}

const KINDS: [Prune; 6] = [
    Prune::Events,
    Prune::Changes,
    Prune::Announcements,
    Prune::Decisions,
    Prune::Requests,
    Prune::Receipts,
];

fn receipt(random: &mut Random) -> Receipt {
    Receipt {
        subscriber: SubscriberName::parse(random.one(&["s1", "s2", "s3"])).unwrap(),
        stream: random.one(&["one", "another"]).to_owned(),
        seq: random.below(40),
        applied_at_ms: random.below(9),
    }
}

fn uuid(random: &mut Random) -> String {
    match random.percent(3) {
        true => "n".repeat(256),
        false => format!("n{}", random.below(8)),
    }
}

/// As users write it; the last ones no conductor can name.
fn driver(random: &mut Random) -> String {
    let long = "d".repeat(256);
    match random.below(20) {
        0..13 => "a".to_owned(),
        13..17 => "b".to_owned(),
        17 => "A".to_owned(),
        _ => random.one(&["a\u{1}", "", &long]).to_owned(),
    }
}

/// As users write it.
fn group(random: &mut Random) -> String {
    match random.below(20) {
        0..15 => String::new(),
        _ => random.one(&["g", "G", "É"]).to_owned(),
    }
}

/// `pair` and others, each once.
fn several(random: &mut Random, pair: Pair) -> Vec<Pair> {
    let mut pairs = random.some(4, self::pair);
    pairs.push(pair);
    pairs.sort();
    pairs.dedup();
    pairs
}

fn pair(random: &mut Random) -> Pair {
    match random.below(20) {
        0..9 => named("a", ""),
        9..13 => named("b", ""),
        13..17 => named("a", "g"),
        _ => named(random.one(&["A", "a"]), random.one(&["", "É"])),
    }
}

fn named(driver: &str, group: &str) -> Pair {
    Pair {
        group: Group::parse(group).unwrap(),
        driver: Driver::parse(driver).unwrap(),
    }
}

fn conductor(random: &mut Random) -> ConductorName {
    ConductorName::parse(random.one(&["c1", "c2", "c3", "it's"])).unwrap()
}

fn event(random: &mut Random) -> EventId {
    EventId::parse(&format!("e{}", random.below(30))).unwrap()
}

fn text(random: &mut Random) -> String {
    let long = "x".repeat(256);
    random
        .one(&["c1", "c2", "two\nlines", "", "it's", "木", &long])
        .to_owned()
}

fn pause_id(random: &mut Random) -> String {
    format!("p{}", random.below(3))
}

fn duration(random: &mut Random) -> Duration {
    // Tables keep whole milliseconds.
    Duration::from_micros(random.below(5_000_000))
}

fn walk(random: &mut Random, pair: Pair) -> Walk {
    match random.below(4) {
        0 => Walk::NodesOf(pair),
        1 => Walk::HoldsOf(pair),
        2 => Walk::Holds,
        _ => Walk::Nodes,
    }
}

fn known(random: &mut Random, now_ms: u64) -> ConductorRecord {
    let drivers = random.some(3, |random| pair(random).driver);
    ConductorRecord {
        name: conductor(random),
        incarnation: Incarnation::new(random.below(5)).unwrap(),
        group: pair(random).group,
        drivers: drivers.into_iter().collect::<BTreeSet<_>>(),
        heartbeat_timeout: random.maybe(50, duration),
        state: random.one(ConductorState::ALL),
        restart_remaining: random.maybe(50, duration),
        last_sent_at_ms: random.maybe(50, |random| random.below(99)),
        last_sign_at_ms: now_ms,
        since_ms: random.below(99),
    }
}

fn note(random: &mut Random) -> Note {
    let refused = |random: &mut Random| {
        let (count, since_ms) = (random.below(9), random.below(9));
        Refused::stored(text(random), count, since_ms, random.below(9))
    };
    let ignored = |random: &mut Random| Ignored {
        incarnation: Incarnation::new(random.below(9)).unwrap(),
        count: random.below(9),
        since_ms: random.below(9),
        last_ms: random.below(9),
    };
    Note {
        conductor: conductor(random),
        refused: random.maybe(60, refused),
        remaining: random.maybe(50, duration),
        ignored: random.maybe(60, ignored),
    }
}

/// What an operator may ask for.
pub const FORGET: RequestKind = RequestKind::Forget;
