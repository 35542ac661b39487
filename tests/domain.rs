//! The decision core against the sentences of the outside contract about conductors, and against
//! a model that is written without looking at it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nodewarden::domain::change::Standing;
use nodewarden::domain::change::{Change, Verdict};
use nodewarden::domain::conductor::Outcome::{Applied, NewerUnjoined, Refreshed, Stale, Unknown};
use nodewarden::domain::conductor::{Life, Outcome};
use nodewarden::domain::decide::{decide, decide_silence};
use nodewarden::domain::event::{Event, EventKind, Statement};
use nodewarden::domain::hearing::Hearing;
use nodewarden::domain::ids::{ConductorName, Driver, EventId, Group, Incarnation, Pair};
use nodewarden::domain::map::DriverMap;
use nodewarden::domain::time::{Mono, Now};
use nodewarden::store::ConductorRecord;
use proptest::prelude::*;

const CAP: Duration = Duration::from_secs(900);

fn name(text: &str) -> ConductorName {
    ConductorName::parse(text).unwrap()
}

fn pair(group: &str, driver: &str) -> Pair {
    Pair {
        group: Group::parse(group).unwrap(),
        driver: Driver::parse(driver).unwrap(),
    }
}

fn at(ms: u64) -> Now {
    Now {
        wall_ms: 1_800_000_000_000 + ms,
        mono: Mono(Duration::from_millis(ms)),
    }
}

fn statement(group: &str, drivers: &[&str], timeout_s: Option<u64>) -> Statement {
    Statement {
        group: Group::parse(group).unwrap(),
        drivers: drivers.iter().map(|d| Driver::parse(d).unwrap()).collect(),
        heartbeat_timeout: timeout_s.map(Duration::from_secs),
    }
}

fn joined(drivers: &[&str]) -> EventKind {
    EventKind::Joined(statement("", drivers, Some(10)))
}

fn complete(drivers: &[&str], timeout_s: Option<u64>) -> EventKind {
    EventKind::Heartbeat(Some(statement("", drivers, timeout_s)))
}

const BEAT: EventKind = EventKind::Heartbeat(None);

fn left(back_within_s: Option<u64>) -> EventKind {
    EventKind::Left {
        back_within: back_within_s.map(Duration::from_secs),
        reason: None,
    }
}

fn timed_out(last_seen_ms: Option<u64>) -> EventKind {
    EventKind::HeartbeatTimeout {
        last_seen_ms,
        detected_by: None,
    }
}

/// One event of conductor c1: incarnation, `sent_at_ms`, what.
type Said = (u64, Option<u64>, EventKind);

/// What the contract says; what is said; the last outcome, the state, and what is active then.
type Row = (
    &'static str,
    Vec<Said>,
    Outcome,
    &'static str,
    &'static [&'static str],
);

/// Says all of it, a second apart; returns the map and the last outcome.
fn told(events: &[Said]) -> (DriverMap, Outcome) {
    let mut map = DriverMap::default();
    let mut outcome = Outcome::Unknown;
    for (n, (incarnation, sent_at_ms, kind)) in events.iter().enumerate() {
        let event = Event {
            id: EventId::parse(&format!("e{n}")).unwrap(),
            conductor: name("c1"),
            incarnation: Incarnation::new(*incarnation).unwrap(),
            sent_at_ms: *sent_at_ms,
            kind: kind.clone(),
        };
        let change = decide(&map, &event, at(1000 * (n as u64 + 1)), CAP);
        outcome = change.outcome;
        map.apply(&change);
    }
    (map, outcome)
}

fn active(map: &DriverMap) -> Vec<String> {
    map.active()
        .map(|(pair, _)| format!("{}{}", pair.group, pair.driver))
        .collect()
}

fn state(map: &DriverMap) -> &'static str {
    map.conductor(&name("c1"))
        .map_or("-", |known| known.life.state().as_str())
}

/// Panics with every row that does not hold, by its sentence.
fn assert_each_holds(table: Vec<Row>) {
    let mut broken = Vec::new();
    for (sentence, said, outcome, life, drivers) in table {
        let (map, last) = told(&said);
        let expected: Vec<String> = drivers.iter().map(ToString::to_string).collect();
        let expected = (outcome, life, expected);
        let found = (last, state(&map), active(&map));
        if found != expected {
            broken.push(format!("{sentence}: {found:?} instead of {expected:?}"));
        }
    }
    assert!(broken.is_empty(), "does not hold:\n{}", broken.join("\n"));
}

fn start() -> Said {
    (5, Some(100), joined(&["a", "b"]))
}

fn hold() -> Said {
    (5, None, left(Some(60)))
}

#[test]
fn joined_says_as_a_whole_what_a_conductor_supports() {
    assert_each_holds(vec![
        (
            "joined makes its drivers active",
            vec![start()],
            Applied,
            "active",
            &["a", "b"],
        ),
        (
            "joined with no drivers is a conductor all the same",
            vec![(5, None, joined(&[]))],
            Applied,
            "active",
            &[],
        ),
        (
            "repeated with the same incarnation it replaces the drivers as a whole",
            vec![start(), (5, None, joined(&["b", "c"]))],
            Applied,
            "active",
            &["b", "c"],
        ),
        (
            "repeated without a change it only refreshes",
            vec![start(), start()],
            Refreshed,
            "active",
            &["a", "b"],
        ),
        (
            "a higher incarnation replaces the older one",
            vec![start(), (6, None, joined(&["c"]))],
            Applied,
            "active",
            &["c"],
        ),
    ]);
}

#[test]
fn whatever_an_older_incarnation_says_is_stale() {
    assert_each_holds(vec![
        (
            "a joined of an older incarnation is stale",
            vec![start(), (4, None, joined(&["c"]))],
            Stale,
            "active",
            &["a", "b"],
        ),
        (
            "a heartbeat of an older incarnation is stale",
            vec![start(), (4, None, complete(&["c"], None))],
            Stale,
            "active",
            &["a", "b"],
        ),
        (
            "a left of an older incarnation is stale",
            vec![start(), (4, None, left(None))],
            Stale,
            "active",
            &["a", "b"],
        ),
        (
            "a time-out of an older incarnation is stale",
            vec![start(), (4, None, timed_out(None))],
            Stale,
            "active",
            &["a", "b"],
        ),
    ]);
}

#[test]
fn a_complete_heartbeat_does_what_joined_does() {
    assert_each_holds(vec![
        (
            "a complete heartbeat from an unknown conductor does what joined does",
            vec![(5, None, complete(&["a"], None))],
            Applied,
            "active",
            &["a"],
        ),
        (
            "a complete heartbeat replaces the drivers as a whole",
            vec![start(), (5, None, complete(&["c"], None))],
            Applied,
            "active",
            &["c"],
        ),
        (
            "a complete heartbeat with an empty list serves nothing any more",
            vec![start(), (5, None, complete(&[], None))],
            Applied,
            "active",
            &[],
        ),
        (
            "a complete heartbeat of a newer incarnation is a new start",
            vec![start(), (6, None, complete(&["c"], None))],
            Applied,
            "active",
            &["c"],
        ),
    ]);
}

#[test]
fn a_bare_heartbeat_refreshes_and_activates_nothing() {
    assert_each_holds(vec![
        (
            "a bare heartbeat from an unknown conductor activates nothing",
            vec![(5, None, BEAT)],
            Unknown,
            "-",
            &[],
        ),
        (
            "a bare heartbeat refreshes",
            vec![start(), (5, None, BEAT)],
            Refreshed,
            "active",
            &["a", "b"],
        ),
        (
            "a bare heartbeat from a newer incarnation keeps the known one alive",
            vec![start(), (6, None, BEAT)],
            NewerUnjoined,
            "active",
            &["a", "b"],
        ),
        (
            "a bare heartbeat from a newer incarnation activates nothing new",
            vec![start(), (5, None, timed_out(None)), (6, None, BEAT)],
            NewerUnjoined,
            "timed_out",
            &[],
        ),
        (
            "the known incarnation stays the known one under newer bare heartbeats",
            vec![start(), (6, None, BEAT), (5, None, left(None))],
            Applied,
            "left",
            &[],
        ),
    ]);
}

#[test]
fn left_ends_a_conductor_until_a_higher_incarnation_starts() {
    assert_each_holds(vec![
        (
            "left ends a conductor",
            vec![start(), (5, None, left(None))],
            Applied,
            "left",
            &[],
        ),
        (
            "left of a newer incarnation ends that one and all older",
            vec![start(), (6, None, left(None))],
            Applied,
            "left",
            &[],
        ),
        (
            "after left of a newer incarnation, its late joined does not revive",
            vec![start(), (6, None, left(None)), (6, None, joined(&["a"]))],
            Stale,
            "left",
            &[],
        ),
        (
            "left of an unknown conductor ends that incarnation",
            vec![(5, None, left(None)), start()],
            Stale,
            "left",
            &[],
        ),
        (
            "after left, joined of the same incarnation does not revive",
            vec![start(), (5, None, left(None)), start()],
            Stale,
            "left",
            &[],
        ),
        (
            "after left, a heartbeat of the same incarnation does not revive",
            vec![start(), (5, None, left(None)), (5, None, BEAT)],
            Stale,
            "left",
            &[],
        ),
        (
            "after left, a complete heartbeat of the same incarnation does not revive",
            vec![
                start(),
                (5, None, left(None)),
                (5, None, complete(&["a"], None)),
            ],
            Stale,
            "left",
            &[],
        ),
        (
            "after left, a higher incarnation revives",
            vec![start(), (5, None, left(None)), (6, None, joined(&["a"]))],
            Applied,
            "active",
            &["a"],
        ),
    ]);
}

#[test]
fn a_planned_restart_counts_as_active_until_something_newer_ends_it() {
    assert_each_holds(vec![
        (
            "a planned restart counts as active",
            vec![start(), hold()],
            Applied,
            "leaving",
            &["a", "b"],
        ),
        (
            "a planned restart of no length is none",
            vec![start(), (5, None, left(Some(0)))],
            Applied,
            "left",
            &[],
        ),
        (
            "a later left of the same incarnation does not shorten a planned restart",
            vec![start(), hold(), (5, None, left(None))],
            Stale,
            "leaving",
            &["a", "b"],
        ),
        (
            "a later time-out of the same incarnation does not shorten a planned restart",
            vec![start(), hold(), (5, None, timed_out(None))],
            Stale,
            "leaving",
            &["a", "b"],
        ),
        (
            "a left of a newer incarnation ends a planned restart as well",
            vec![start(), hold(), (6, None, left(None))],
            Applied,
            "left",
            &[],
        ),
        (
            "a time-out of a newer incarnation ends a planned restart as well",
            vec![start(), hold(), (6, None, timed_out(None))],
            Applied,
            "timed_out",
            &[],
        ),
        (
            "a planned restart ends with the higher incarnation's joined",
            vec![start(), hold(), (6, None, joined(&["b"]))],
            Applied,
            "active",
            &["b"],
        ),
        (
            "whoever is gone does not count again by promising to come back",
            vec![start(), (5, None, timed_out(None)), hold()],
            Applied,
            "left",
            &[],
        ),
    ]);
}

#[test]
fn a_time_out_ends_a_conductor_until_it_is_heard_again() {
    assert_each_holds(vec![
        (
            "a time-out ends a conductor",
            vec![start(), (5, None, timed_out(None))],
            Applied,
            "timed_out",
            &[],
        ),
        (
            "a time-out of an unknown conductor changes nothing",
            vec![(5, None, timed_out(None))],
            Unknown,
            "-",
            &[],
        ),
        (
            "a time-out of a newer incarnation ends that one and all older",
            vec![start(), (6, None, timed_out(None))],
            Applied,
            "timed_out",
            &[],
        ),
        (
            "after a time-out of a newer incarnation, its bare heartbeat does not revive the older one's drivers",
            vec![start(), (6, None, timed_out(None)), (6, None, BEAT)],
            Applied,
            "active",
            &[],
        ),
        (
            "after a time-out, joined of the same incarnation revives it",
            vec![start(), (5, None, timed_out(None)), start()],
            Applied,
            "active",
            &["a", "b"],
        ),
        (
            "after a time-out, a bare heartbeat of the same incarnation revives it",
            vec![start(), (5, None, timed_out(None)), (5, None, BEAT)],
            Applied,
            "active",
            &["a", "b"],
        ),
        (
            "after a time-out, a complete heartbeat of the same incarnation revives it",
            vec![
                start(),
                (5, None, timed_out(None)),
                (5, None, complete(&["c"], None)),
            ],
            Applied,
            "active",
            &["c"],
        ),
        (
            "after a time-out, left of the same incarnation makes it final",
            vec![
                start(),
                (5, None, timed_out(None)),
                (5, None, left(None)),
                (5, None, BEAT),
            ],
            Stale,
            "left",
            &[],
        ),
    ]);
}

#[test]
fn a_time_out_is_stale_if_its_conductor_spoke_later() {
    assert_each_holds(vec![
        (
            "a time-out is stale when a later sent_at_ms is known",
            vec![start(), (5, None, timed_out(Some(99)))],
            Stale,
            "active",
            &["a", "b"],
        ),
        (
            "a time-out at the very last sent_at_ms is not stale",
            vec![start(), (5, None, timed_out(Some(100)))],
            Applied,
            "timed_out",
            &[],
        ),
        (
            "a heartbeat moves the last sent_at_ms on",
            vec![
                start(),
                (5, Some(200), BEAT),
                (5, None, timed_out(Some(150))),
            ],
            Stale,
            "active",
            &["a", "b"],
        ),
        (
            "a late older heartbeat does not move the last sent_at_ms back",
            vec![
                start(),
                (5, Some(200), BEAT),
                (5, Some(120), BEAT),
                (5, None, timed_out(Some(150))),
            ],
            Stale,
            "active",
            &["a", "b"],
        ),
        (
            "only sent_at_ms of that incarnation counts",
            vec![
                start(),
                (6, Some(50), joined(&["a"])),
                (6, None, timed_out(Some(60))),
            ],
            Applied,
            "timed_out",
            &[],
        ),
        (
            "a newer incarnation's bare heartbeat says nothing about the known one's clock",
            vec![
                start(),
                (6, Some(900), BEAT),
                (5, None, timed_out(Some(100))),
            ],
            Applied,
            "timed_out",
            &[],
        ),
        (
            "a time-out that names no time is believed",
            vec![start(), (5, None, timed_out(None))],
            Applied,
            "timed_out",
            &[],
        ),
    ]);
}

#[test]
fn a_statement_replaces_the_group_and_a_heartbeat_keeps_the_time_out_that_it_leaves_out() {
    let in_group = |group: &str, timeout| EventKind::Joined(statement(group, &["a"], timeout));
    let timeout = |map: &DriverMap| map.conductor(&name("c1")).unwrap().heartbeat_timeout;
    let (map, _) = told(&[
        (5, None, in_group("X", Some(10))),
        (5, None, in_group("y", None)),
    ]);
    assert_eq!(active(&map), ["ya"]);
    assert_eq!(timeout(&map), None, "joined replaces time-outs as a whole");
    let (map, _) = told(&[(5, None, joined(&["a"])), (5, None, complete(&["a"], None))]);
    assert_eq!(timeout(&map), Some(Duration::from_secs(10)));
    let (map, _) = told(&[
        (5, None, joined(&["a"])),
        (5, None, complete(&["a"], Some(7))),
    ]);
    assert_eq!(timeout(&map), Some(Duration::from_secs(7)));
}

/// The processor time that this thread has had, by the kernel's account: what others do on this machine
/// is not in it.
fn worked() -> Duration {
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = account.split(' ').next().unwrap();
    Duration::from_nanos(nanoseconds.parse().unwrap())
}

#[test]
fn l1_ten_thousand_conductors_with_ten_pairs_each_silent_at_one_instant_are_decided_in_seconds() {
    const CONDUCTORS: usize = 10_000;
    const PAIRS_OF_EACH: usize = 10;
    // A build without optimisation takes about a second. What looks at all conductors for each
    // one, or for each pair, takes minutes.
    const MOST: Duration = Duration::from_secs(5);
    let mut map = DriverMap::default();
    for conductor in 0..CONDUCTORS {
        let drivers: Vec<String> = (0..PAIRS_OF_EACH)
            .map(|driver| format!("d-{conductor}-{driver}"))
            .collect();
        let drivers: Vec<&str> = drivers.iter().map(String::as_str).collect();
        let event = Event {
            id: EventId::parse("e1").unwrap(),
            conductor: name(&format!("c-{conductor}")),
            incarnation: Incarnation::new(1).unwrap(),
            sent_at_ms: None,
            kind: joined(&drivers),
        };
        let change = decide(&map, &event, at(0), CAP);
        map.apply(&change);
    }
    map.settle();
    let mut hearing = Hearing::from(at(1000).mono);
    hearing.tick(at(2000).mono, at(2000).mono);
    hearing.probe(at(2000).mono, at(2000).mono);
    let began = worked();
    let overdue = hearing.overdue(&map, at(100_000).mono, Duration::from_secs(60));
    let mut lost = BTreeSet::new();
    for name in &overdue {
        let change = decide_silence(&map, name, at(100_000));
        let turned = change.turns.iter().map(|turn| turn.pair.clone());
        lost.extend(turned);
        map.apply(&change);
    }
    let took = worked() - began;
    println!("decided in {took:?} of processor time");
    assert_eq!(
        (overdue.len(), lost.len()),
        (CONDUCTORS, CONDUCTORS * PAIRS_OF_EACH)
    );
    assert!(
        lost.iter()
            .all(|pair| map.standing(pair) == Some(Standing::Lost))
    );
    assert_eq!(
        hearing.overdue(&map, at(100_000).mono, Duration::from_secs(60)),
        []
    );
    assert!(took < MOST, "{took:?}");
}

#[test]
fn a_planned_restart_lasts_from_receipt_and_at_most_the_cap() {
    let until = |events: &[Said]| match told(events).0.conductor(&name("c1")).unwrap().life {
        Life::Leaving { until } => until.0.as_secs(),
        other @ (Life::Active | Life::Left | Life::TimedOut) => panic!("{other:?}"),
    };
    let start = || (5, None, joined(&["a"]));
    assert_eq!(until(&[start(), (5, None, left(Some(60)))]), 62);
    assert_eq!(until(&[start(), (5, None, left(Some(9999)))]), 902);
    let shorter = [
        start(),
        (5, None, left(Some(60))),
        (5, None, left(Some(10))),
    ];
    assert_eq!(until(&shorter), 62);
}

/// One thing that happens in the model check.
#[derive(Debug, Clone)]
enum Op {
    Say(usize, u64, Option<u64>, EventKind),
    /// Its deadline passed.
    Silence(usize),
}

/// What the model knows of one conductor.
#[derive(Debug, Clone, Default)]
struct Modelled {
    incarnation: u64,
    pairs: BTreeSet<Pair>,
    alive: bool,
    holding: bool,
    left: bool,
    sent: Option<u64>,
}

type Model = BTreeMap<usize, Modelled>;

/// The sentences of the contract once more, from all that was said so far.
fn model(ops: &[Op]) -> Model {
    let mut all = Model::new();
    for op in ops {
        match op {
            Op::Silence(who) => {
                if let Some(one) = all.get_mut(who) {
                    one.left |= one.holding;
                    one.alive = false;
                    one.holding = false;
                }
            }
            Op::Say(who, incarnation, sent, kind) => say(&mut all, *who, *incarnation, *sent, kind),
        }
    }
    all
}

fn say(all: &mut Model, who: usize, incarnation: u64, sent: Option<u64>, kind: &EventKind) {
    let known = all.get(&who).cloned();
    let known_incarnation = known.as_ref().map(|one| one.incarnation);
    if known_incarnation > Some(incarnation) {
        return;
    }
    let same = known_incarnation == Some(incarnation);
    let mut one = known.clone().unwrap_or_default();
    let sent = if same { one.sent.max(sent) } else { sent };
    match kind {
        EventKind::Joined(said) | EventKind::Heartbeat(Some(said)) => {
            if same && (one.left || one.holding) {
                return;
            }
            one = Modelled {
                incarnation,
                pairs: said.pairs().collect(),
                alive: true,
                sent,
                ..Modelled::default()
            };
        }
        EventKind::Heartbeat(None) => {
            if !same || one.left || one.holding {
                return;
            }
            one.alive = true;
            one.sent = sent;
        }
        EventKind::Left { back_within, .. } => {
            let planned = back_within.is_some_and(|hold| !hold.is_zero());
            if same && (one.left || one.holding) {
                return;
            }
            let counted = one.alive || one.holding;
            one.holding = planned && counted;
            one.left = !one.holding;
            one.alive = false;
            one.incarnation = incarnation;
            one.sent = sent;
        }
        EventKind::HeartbeatTimeout { last_seen_ms, .. } => {
            if known.is_none() {
                return;
            }
            if same {
                let lived_later = one.sent.zip(*last_seen_ms).is_some_and(|(s, l)| s > l);
                if lived_later || !one.alive {
                    return;
                }
                one.alive = false;
            } else {
                one = Modelled {
                    incarnation,
                    ..Modelled::default()
                };
            }
        }
    }
    all.insert(who, one);
}

fn model_active(ops: &[Op]) -> BTreeMap<Pair, usize> {
    let mut active = BTreeMap::new();
    for one in model(ops).values().filter(|one| one.alive || one.holding) {
        for pair in &one.pairs {
            *active.entry(pair.clone()).or_default() += 1;
        }
    }
    active
}

fn kinds() -> impl Strategy<Value = EventKind> {
    let drivers = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
    let said = (prop_oneof![Just(""), Just("g")], drivers, any::<bool>())
        .prop_map(|(group, drivers, watched)| statement(group, &drivers, watched.then_some(10)));
    let ms = proptest::option::of(0..50_u64);
    prop_oneof![
        3 => said.clone().prop_map(EventKind::Joined),
        2 => said.prop_map(|said| EventKind::Heartbeat(Some(said))),
        2 => Just(BEAT),
        2 => proptest::option::of(0..3_u64).prop_map(left),
        2 => ms.prop_map(timed_out),
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let say = (
        0..3_usize,
        0..4_u64,
        proptest::option::of(0..50_u64),
        kinds(),
    )
        .prop_map(|(who, incarnation, sent, kind)| Op::Say(who, incarnation, sent, kind));
    let op = prop_oneof![5 => say, 1 => (0..3_usize).prop_map(Op::Silence)];
    proptest::collection::vec(op, 0..60)
}

fn take(map: &mut DriverMap, n: usize, op: &Op) -> Change {
    let now = at(1000 * n as u64);
    let change = match op {
        Op::Silence(who) => decide_silence(map, &name(&format!("c{who}")), now),
        Op::Say(who, incarnation, sent_at_ms, kind) => {
            let event = Event {
                id: EventId::parse(&format!("e{n}")).unwrap(),
                conductor: name(&format!("c{who}")),
                incarnation: Incarnation::new(*incarnation).unwrap(),
                sent_at_ms: *sent_at_ms,
                kind: kind.clone(),
            };
            decide(map, &event, now, CAP)
        }
    };
    map.apply(&change);
    change
}

/// The map as a successor reads it.
fn successor(map: &DriverMap, n: usize) -> DriverMap {
    let now = at(1000 * n as u64).mono;
    DriverMap::load(
        map.conductors()
            .map(|one| ConductorRecord::save(one, now).restore(now)),
        map.standings()
            .map(|(pair, standing)| (pair.clone(), standing)),
    )
}

fn verdicts(change: &Change) -> Vec<(Pair, Standing, Option<Verdict>)> {
    let turns = change.turns.iter();
    turns
        .map(|turn| (turn.pair.clone(), turn.to, turn.verdict))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_map_is_what_the_model_makes_of_everything_said_so_far(ops in ops()) {
        let mut map = DriverMap::default();
        let mut ever = BTreeSet::new();
        for n in 0..ops.len() {
            let before = model_active(&ops[..n]);
            let after = model_active(&ops[..=n]);
            let change = take(&mut map, n, &ops[n]);
            let counted: BTreeMap<Pair, usize> =
                map.active().map(|(pair, count)| (pair.clone(), count)).collect();
            prop_assert_eq!(&counted, &after, "after {:?}", &ops[..=n]);
            // A turn for each pair whose activity changed, and for no other.
            let mut expected = Vec::new();
            for group in ["", "g"] {
                for driver in ["a", "b", "c"] {
                    let pair = pair(group, driver);
                    let (was, is) = (before.contains_key(&pair), after.contains_key(&pair));
                    let standing = match (is, ever.contains(&pair) || is) {
                        (true, _) => Some(Standing::Active),
                        (false, true) => Some(Standing::Lost),
                        (false, false) => None,
                    };
                    prop_assert_eq!(map.standing(&pair), standing, "{} after {:?}", pair, &ops[..=n]);
                    match (was, is) {
                        (true, false) => expected.push((pair, Standing::Lost, Some(Verdict::Lost))),
                        (false, true) => {
                            let again = ever.contains(&pair).then_some(Verdict::Restored);
                            ever.insert(pair.clone());
                            expected.push((pair, Standing::Active, again));
                        }
                        _ => {}
                    }
                }
            }
            prop_assert_eq!(verdicts(&change), expected, "at {:?}", &ops[..=n]);
        }
    }

    #[test]
    fn a_successor_that_takes_over_anywhere_decides_the_same(
        ops in ops(),
        takeovers in proptest::collection::btree_set(0..60_usize, 0..8),
    ) {
        let (mut one, mut many) = (DriverMap::default(), DriverMap::default());
        for (n, op) in ops.iter().enumerate() {
            if takeovers.contains(&n) {
                many = successor(&many, n);
            }
            let change = take(&mut one, n, op);
            prop_assert_eq!(verdicts(&change), verdicts(&take(&mut many, n, op)));
        }
    }
}
