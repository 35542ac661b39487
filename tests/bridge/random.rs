//! Whatever looks see, miss or sleep through: no conductor is ended that moved within the time-out of
//! counted time.

use nodewarden::domain::event::EventKind;
use proptest::prelude::*;

use super::harness::{BEAT, INTERVAL, SimBridge, SimIronic, TIMEOUT, ends};

#[derive(Debug, Clone)]
enum Happens {
    Sighting,
    Fails,
    Stalls(u64),
    Beats(usize),
    Switches(usize, bool),
    Registers(usize, u8),
    Vanishes,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        40 => Just(Happens::Sighting),
        1 => Just(Happens::Fails),
        1 => (1_000..200_000_u64).prop_map(Happens::Stalls),
        3 => (0..3_usize).prop_map(Happens::Beats),
        1 => (0..3_usize, any::<bool>()).prop_map(|(who, on)| Happens::Switches(who, on)),
        1 => (0..3_usize, 0..4_u8).prop_map(|(who, what)| Happens::Registers(who, what)),
        1 => Just(Happens::Vanishes),
    ]
}

const NAMES: [&str; 3] = ["c1", "c2", "c3"];

/// What a look saw of one conductor: when it began and ended, and (online, updated_at), if it was
/// there and good.
type Seen = (u64, u64, Option<(bool, i64)>);

/// The longest pause of a run of looks.
const PAUSE: u64 = 3 * INTERVAL + 1_000;

/// How long, up to the last look, the same was seen: in the last run of regular good looks, and in those
/// before it, as far as no interruption between two took over two longest pauses.
fn unchanged(log: &[Seen]) -> (u64, u64) {
    let Some((last_began, last_ended, Some(last))) = log.last() else {
        return (0, 0);
    };
    let (mut last_run, mut before) = (None, 0);
    let (mut run_ended, mut run_began, mut next_began) = (*last_began, *last_ended, *last_began);
    let mut broken = false;
    for (began, ended, seen) in log.iter().rev().skip(1) {
        let gap = next_began.saturating_sub(*ended);
        match seen {
            None => broken = true,
            Some(seen) if seen != last || gap > 2 * PAUSE => break,
            Some(_) => {
                if broken || gap > PAUSE {
                    let run = run_ended.saturating_sub(run_began);
                    match last_run {
                        None => last_run = Some(run),
                        Some(_) => before += run,
                    }
                    (run_ended, broken) = (*ended, false);
                }
                (run_began, next_began) = (*ended, *began);
            }
        }
    }
    let run = run_ended.saturating_sub(run_began);
    match last_run {
        None => (run, 0),
        Some(last_run) => (last_run, before + run),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_conductor_is_ended_that_moved_within_the_time_out_of_counted_time(
        story in prop::collection::vec(happens(), 1..400)
    ) {
        let mut ironic = SimIronic::with(&NAMES);
        NAMES.iter().for_each(|name| ironic.freeze(name));
        let mut bridge = SimBridge::new("b1");
        let mut logs: [Vec<Seen>; 3] = Default::default();
        let mut hidden = None;
        for happens in story {
            match happens {
                Happens::Sighting | Happens::Fails => {
                    ironic.pass(INTERVAL);
                    let good = matches!(happens, Happens::Sighting);
                    let mut look = ironic.look();
                    if let Some(hidden) = hidden {
                        look.rows.retain(|row| row.hostname != hidden);
                    }
                    for (name, log) in NAMES.iter().zip(&mut logs) {
                        let row = look.rows.iter().find(|row| row.hostname == *name);
                        let seen = row.map_or((false, -1), |row| {
                            (row.online.unwrap(), row.updated_at_ms.unwrap())
                        });
                        log.push((ironic.now, ironic.now + 5, good.then_some(seen)));
                    }
                    if good {
                        bridge.judge.looked(&look);
                    } else {
                        bridge.judge.failed();
                    }
                    for event in bridge.speak(&ironic).iter().filter(|event| ends(event)) {
                        let index = NAMES.iter().position(|name| *name == event.conductor.as_str()).unwrap();
                        let log = &logs[index];
                        let (_, _, Some((online, _))) = log.last().unwrap() else {
                            panic!("said without a good look: {event:?}");
                        };
                        let (run, before) = unchanged(log);
                        let told = format!("{event:?} after {before} and {run}");
                        match online {
                            false => prop_assert!(run >= 1_000, "{told}"),
                            true => {
                                prop_assert!(before + run >= TIMEOUT, "{told}");
                                prop_assert!(before == 0 || run >= BEAT * 3 / 2, "{told}");
                            }
                        }
                        let left = matches!(event.kind, EventKind::Left { .. });
                        prop_assert!(!(*online && left));
                    }
                }
                Happens::Stalls(ms) => ironic.pass(ms),
                Happens::Beats(who) => {
                    let now = ironic.clock(NAMES[who]);
                    ironic.row(NAMES[who]).updated_at_ms = Some(now);
                }
                Happens::Switches(who, on) => {
                    let now = ironic.clock(NAMES[who]);
                    let row = ironic.row(NAMES[who]);
                    (row.online, row.updated_at_ms) = (Some(on), Some(now));
                }
                Happens::Registers(who, what) => {
                    let drivers = &["ipmi", "redfish", "snmp"][..usize::from(what)];
                    ironic.register(NAMES[who], drivers);
                }
                Happens::Vanishes => hidden = if hidden.is_some() { None } else { Some("c3") },
            }
        }
    }

    #[test]
    fn a_conductor_that_never_stops_is_never_ended(
        story in prop::collection::vec(prop_oneof![
            30 => Just(Happens::Sighting),
            1 => Just(Happens::Fails),
            1 => (1_000..500_000_u64).prop_map(Happens::Stalls),
        ], 1..300)
    ) {
        let mut ironic = SimIronic::with(&NAMES);
        let mut bridge = SimBridge::new("b1");
        let mut good = 0;
        for happens in story {
            match happens {
                Happens::Fails => { bridge.judge.failed(); good = 0; }
                Happens::Stalls(ms) => { ironic.pass(ms); good = 0; }
                Happens::Sighting | Happens::Beats(_) | Happens::Switches(..) | Happens::Registers(..)
                | Happens::Vanishes => {
                    ironic.pass(INTERVAL);
                    let said = bridge.turn(&ironic);
                    good += 1;
                    prop_assert!(!said.iter().any(ends), "{said:?}");
                    if good * INTERVAL > BEAT + 2 * INTERVAL {
                        prop_assert_eq!(bridge.state("c1"), nodewarden::bridge::State::Alive);
                    }
                }
            }
        }
    }
}
