//! What proves that silence is silence, case by case.

use super::super::example::{at, conductor, living, name};
use super::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn ms(ms: u64) -> Mono {
    Mono(Duration::from_millis(ms))
}

fn fresh(sent: Mono, gap: Option<Duration>, stall: Duration) -> Heard {
    Heard::Fresh { sent, gap, stall }
}

/// Tick and probe of one instant, both back at `now`: what the second of them says.
fn both(hearing: &mut Hearing, sent: Mono, now: Mono) -> Heard {
    assert_eq!(hearing.tick(sent, now), Heard::Stale, "a tick alone");
    hearing.probe(sent, now)
}

/// One that took over at 100 s and heard itself at 101 s.
fn hearing() -> Hearing {
    let mut hearing = Hearing::from(at(100));
    both(&mut hearing, at(101), at(101));
    hearing
}

#[test]
fn tick_and_probe_say_only_what_they_can_prove() {
    let none = Duration::ZERO;
    // A takeover at 100 s; then one tick after the other: when it was sent and came back.
    #[rustfmt::skip]
    let table = [
        ("sent before the takeover", ms(99_900), ms(100_200), Heard::Stale),
        ("the first one of our own ends the gap", ms(100_100), ms(100_300), fresh(ms(100_100), Some(Duration::from_millis(300)), none)),
        ("a second later nothing was missed", ms(101_300), ms(101_300), fresh(ms(101_300), None, none)),
        ("up to two intervals are no stall", ms(103_200), ms(103_300), fresh(ms(103_200), None, none)),
        ("a later one puts deadlines off by the rest", ms(105_700), ms(105_800), fresh(ms(105_700), None, Duration::from_millis(500))),
        ("one that took a second proves nothing", ms(105_900), ms(106_900), Heard::Stale),
        ("three seconds after the last fresh one: no gap yet", ms(108_800), ms(108_800), fresh(ms(108_800), None, S(1))),
        ("longer is a gap, and its end", ms(112_000), ms(112_000), fresh(ms(112_000), Some(Duration::from_millis(3200)), none)),
    ];
    let mut hearing = Hearing::from(at(100));
    for (what, sent, now, expected) in table {
        assert_eq!(both(&mut hearing, sent, now), expected, "{what}");
    }
}

#[test]
fn i7_silence_is_judged_against_the_earlier_of_tick_and_probe() {
    enum Back {
        Tick(u64, u64),
        Probe(u64, u64),
        NoWay(u64),
    }
    use Back::{NoWay, Probe, Tick};
    let none = Duration::ZERO;
    let quiet = |sent| fresh(ms(sent), None, none);
    let gap = |sent, gap| fresh(ms(sent), Some(Duration::from_millis(gap)), none);
    // A takeover at 100 s; then what comes back, one after the other: sent and back.
    #[rustfmt::skip]
    let table = [
        ("a probe alone proves nothing", Probe(100_100, 100_200), Heard::Stale),
        ("with its tick it ends the gap", Tick(100_100, 100_300), gap(100_100, 300)),
        ("a probe that is ahead proves no more", Probe(101_100, 101_200), Heard::Stale),
        ("than the tick that follows it", Tick(101_100, 101_300), quiet(101_100)),
        ("a tick that is ahead proves no more", Tick(102_100, 102_200), Heard::Stale),
        ("and what is repeated proves nothing", Probe(101_100, 102_050), Heard::Stale),
        ("ticks go on", Tick(103_100, 103_200), Heard::Stale),
        ("without a probe", Tick(104_500, 104_600), Heard::Stale),
        ("which ends a gap when it is back", Probe(104_500, 104_700), gap(104_500, 3_400)),
        ("one that is returned", NoWay(105_000), Heard::Stale),
        ("makes what was sent before it worthless", Probe(104_900, 105_100), Heard::Stale),
        ("and ticks as well", Tick(105_500, 105_600), Heard::Stale),
        ("until a later probe is back", Probe(105_500, 105_700), gap(105_500, 1_000)),
        ("a tick from before long ago and a probe", Probe(120_000, 120_100), Heard::Stale),
        ("say nothing about the time between", Tick(120_000, 120_200), gap(120_000, 14_500)),
    ];
    let mut hearing = Hearing::from(at(100));
    for (what, back, expected) in table {
        let heard = match back {
            Tick(sent, now) => hearing.tick(ms(sent), ms(now)),
            Probe(sent, now) => hearing.probe(ms(sent), ms(now)),
            NoWay(now) => {
                hearing.no_way(ms(now));
                assert!(hearing.deaf(), "{what}");
                Heard::Stale
            }
        };
        assert_eq!(heard, expected, "{what}");
    }
}

#[test]
fn l3_what_comes_back_in_a_batch_that_is_not_committed_says_the_same_when_it_is_handled_again() {
    let mut hearing = hearing();
    hearing.settle();
    let quiet = fresh(at(102), None, Duration::ZERO);
    assert_eq!(both(&mut hearing, at(102), at(102)), quiet);
    hearing.take_back();
    assert_eq!(hearing.tick(at(102), ms(102_100)), quiet);
    hearing.settle();
    assert_eq!(hearing.probe(at(102), ms(102_200)), Heard::Stale);
}

/// It gives a sign each third of its time-out. One at 0 is the last before a trouble that ends at `end` and swallows
/// those within; the own tick of that moment is handled `late`, as those may be that are fresh.
#[test]
fn i7_a_trouble_that_is_no_gap_ends_no_conductor_that_gives_its_signs() {
    let mut gaps = 0;
    for timeout in (1000..6000).step_by(250) {
        for late in (0..1000).step_by(110) {
            for end in (late + 10..3200 + late).step_by(10) {
                let mut hearing = Hearing::from(at(0));
                both(&mut hearing, at(500), at(500));
                let zero = 1_000_000;
                let of = |after: u64| ms(zero + after);
                hearing.last_fresh = of(0);
                both(&mut hearing, of(0), of(late));
                let Heard::Fresh { gap, stall, .. } = both(&mut hearing, of(end), of(end)) else {
                    panic!("the first tick after it is fresh");
                };
                if gap.is_some() {
                    gaps += 1;
                    continue;
                }
                let conductor = Conductor {
                    heartbeat_timeout: Some(Duration::from_millis(timeout)),
                    heard: of(0).plus(stall),
                    ..conductor("c1", &["a"])
                };
                let next = (1..)
                    .map(|sign| sign * timeout / 3)
                    .find(|at| *at >= end)
                    .expect("it goes on");
                for sent in (end..next).step_by(1000) {
                    assert!(
                        !hearing.is_overdue(&conductor, of(sent), Duration::ZERO),
                        "time-out {timeout}, late {late}, end {end}: lost at {sent}, before {next}"
                    );
                }
            }
        }
    }
    assert!(gaps > 0, "longer ones are gaps");
}

#[test]
fn l4_deafness_is_said_within_ten_seconds_by_its_kind_and_for_how_long_silence_proves_nothing() {
    // Both heard at 101 s; then the last tick, the last probe, and whether one was returned.
    let ears = |tick: u64, probe: u64, returned: bool| {
        let mut hearing = hearing();
        hearing.tick(at(tick), at(tick));
        hearing.probe(at(probe), at(probe));
        if returned {
            hearing.no_way(at(probe));
        }
        hearing
    };
    #[rustfmt::skip]
    let table = [
        ("the grace after a takeover", ears(102, 102, false), 103, None, 58),
        ("silence counts", ears(200, 200, false), 201, None, 0),
        ("a probe is late", ears(206, 200, false), 206, None, 60),
        ("a probe is missing", ears(207, 200, false), 207, Some(Deafness::NoWay), 60),
        ("a probe was returned", ears(200, 200, true), 200, Some(Deafness::NoWay), 60),
        ("nothing comes back", ears(200, 200, false), 250, None, 60),
        ("for over a minute", ears(200, 200, false), 261, Some(Deafness::NoTick), 60),
    ];
    for (what, mut hearing, now, deafness, unproven) in table {
        if unproven == 0 {
            hearing.floor = at(101);
        }
        assert_eq!(hearing.deafness(at(now)), deafness, "{what}");
        assert_eq!(hearing.unproven(at(now), S(60)), S(unproven), "{what}");
    }
}

#[test]
fn a_stale_tick_of_our_own_still_proves_that_the_queue_was_seen_through() {
    let mut hearing = Hearing::from(at(100));
    assert!(!hearing.sent_here(at(99)) && hearing.sent_here(at(100)));
    hearing.tick(at(105), at(110));
    assert!(!hearing.proven(), "nothing is committed yet");
    hearing.prove();
    assert!(hearing.proven() && hearing.deaf());
}

#[test]
fn a_deadline_is_the_later_of_its_own_and_the_end_of_our_last_gap_and_the_grace() {
    // The floor is at 101 s, the grace for reconnecting 60 s.
    let heard = |life, heard, timeout: Option<u64>| Conductor {
        heard: at(heard),
        heartbeat_timeout: timeout.map(S),
        ..living(life, "c", &["a"])
    };
    let until = |seconds| Life::Leaving { until: at(seconds) };
    #[rustfmt::skip]
    let table = [
        ("its own lies later", heard(Life::Active, 200, Some(10)), Some(210)),
        ("ours lies later", heard(Life::Active, 110, Some(10)), Some(161)),
        ("a longer time-out is the longer grace", heard(Life::Active, 1, Some(120)), Some(221)),
        ("no time-out: silence proves nothing", heard(Life::Active, 1, None), None),
        ("a planned restart ends when it was to end", heard(until(300), 110, None), Some(300)),
        ("but not within our grace", heard(until(130), 110, None), Some(161)),
        ("a short time-out has an interval of slack", heard(Life::Active, 200, Some(3)), Some(204)),
        ("one of four seconds has none", heard(Life::Active, 200, Some(4)), Some(204)),
        ("it left already", heard(Life::Left, 1, Some(10)), None),
        ("it was found silent already", heard(Life::TimedOut, 1, Some(10)), None),
    ];
    for (what, conductor, expected) in table {
        let deadline = hearing().deadline(&conductor, S(60));
        assert_eq!(deadline, expected.map(at), "{what}");
    }
}

#[test]
fn the_overdue_are_found_by_deadline_and_name_and_none_while_deaf() {
    let heard = |name, heard| Conductor {
        heard: at(heard),
        ..conductor(name, &["a"])
    };
    let silent = [
        heard("d", 200),
        heard("c", 201),
        heard("b", 201),
        heard("a", 300),
    ];
    let map = DriverMap::load(silent, []);
    let mut hearing = hearing();
    let table: [(&str, u64, &[&str]); 4] = [
        ("none at its deadline", 210, &[]),
        ("the first one after it", 211, &["d"]),
        ("by deadline, then by name", 212, &["d", "b", "c"]),
        ("all in the end", 1000, &["d", "b", "c", "a"]),
    ];
    for (what, sent, expected) in table {
        let expected: Vec<ConductorName> = expected.iter().map(|one| name(one)).collect();
        assert_eq!(hearing.overdue(&map, at(sent), S(60)), expected, "{what}");
    }
    hearing.no_way(at(101));
    assert_eq!(hearing.overdue(&map, at(1000), S(60)), []);
}

#[test]
fn what_began_has_lasted_after_its_grace_and_after_that_of_our_last_gap() {
    // The floor is at 101 s.
    #[rustfmt::skip]
    let table = [
        ("its grace is not over", 200, 30, 230, 60, false),
        ("it is", 200, 30, 231, 60, true),
        ("ours is not over", 100, 30, 161, 60, false),
        ("both are", 100, 30, 162, 60, true),
        ("its own grace begins again after a gap, too", 1, 90, 191, 60, false),
        ("and ends", 1, 90, 192, 60, true),
    ];
    for (what, began, grace, sent, reconnect, expected) in table {
        let lasted = hearing().lasted(at(began), S(grace), at(sent), S(reconnect));
        assert_eq!(lasted, expected, "{what}");
    }
    let mut deaf = hearing();
    deaf.no_way(at(101));
    assert!(!deaf.lasted(at(1), S(1), at(1000), S(1)));
}
