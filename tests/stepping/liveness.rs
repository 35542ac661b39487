//! Alive under faults that pass (L3): what must happen happens in time, and nothing else (I1, I7).

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nodewarden::worker::ports::Clock;

use crate::flaky::{self, FlakyDecider, Goes, Plan, lasting, passing};
use crate::harness::{SimClock, Simulation, WALL};

const S: fn(u64) -> Duration = Duration::from_secs;

/// The heartbeat time-out of all who are watched.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A silent conductor is found within its time-out, the grace of the rules, and this.
const MARGIN: Duration = Duration::from_secs(5);

/// What a fault may hit.
const OPS: [&str; 7] = [
    "pause",
    "requests",
    "recall",
    "commit",
    "begin_sweep",
    "take_out",
    "prune",
];

/// What a conductor says.
enum Say {
    /// It joins, watched, with one driver.
    Watched(String, &'static str),
    Beat(String),
    /// It joins, watched by nothing, with one driver.
    Joined(&'static str, u64, &'static str),
    Left(&'static str, u64),
}

/// What is said, and after how many seconds.
struct Script(VecDeque<(Duration, Say)>);

impl Script {
    /// Up to `end`: `living` beats every 3 s; every five minutes another conductor joins, beats twice
    /// and is silent then; `moving` leaves and comes back every 150 s; `poison` joins every 20 s, if
    /// it does at all.
    fn up_to(end: Duration, poison: bool) -> Self {
        let mut said = vec![(S(0), Say::Watched("living".to_owned(), "alive"))];
        let every =
            |first: u64, step: u64| (first..end.as_secs()).step_by(usize::try_from(step).unwrap());
        said.extend(every(3, 3).map(|at| (S(at), Say::Beat("living".to_owned()))));
        for joins in every(60, 300) {
            let name = silent(joins);
            said.push((S(joins), Say::Watched(name.clone(), "dead")));
            said.push((S(joins + 3), Say::Beat(name.clone())));
            said.push((S(joins + 6), Say::Beat(name)));
        }
        for (n, joins) in (1..).zip(every(145, 150)) {
            said.push((S(joins), Say::Joined("moving", n, "moved")));
            said.push((S(joins + 70), Say::Left("moving", n)));
        }
        if poison {
            let joins = (1..).zip(every(7, 20));
            said.extend(joins.map(|(n, at)| (S(at), Say::Joined("poison", n, "x"))));
        }
        said.sort_by_key(|(at, _)| *at);
        Self(said.into())
    }

    /// Says what is due `after` so long.
    fn play(&mut self, sim: &Simulation, after: Duration) {
        while let Some((_, say)) = self.0.pop_front_if(|(at, _)| *at <= after) {
            match say {
                Say::Watched(name, driver) => sim.joined_watched(&name, 1, &[driver], TIMEOUT),
                Say::Beat(name) => sim.beat(&name, 1),
                Say::Joined(name, incarnation, driver) => sim.joined(name, incarnation, &[driver]),
                Say::Left(name, incarnation) => sim.left(name, incarnation),
            }
        }
    }
}

/// The conductor that joins after so many seconds, and is silent six seconds later.
fn silent(joins: u64) -> String {
    format!("silent-{joins}")
}

/// Every twenty seconds the next one of `ops` goes wrong, once.
fn each_20_s(
    clock: SimClock,
    ops: &'static [&'static str],
    wrong: fn(&'static str) -> Goes,
) -> Plan {
    let mut next = clock.now().mono.0 + S(20);
    let mut turn = ops.iter().cycle();
    let mut armed: BTreeSet<&'static str> = BTreeSet::new();
    Box::new(move |call| {
        while clock.now().mono.0 >= next {
            next += S(20);
            armed.extend(turn.next());
        }
        if armed.remove(call.op) {
            wrong(call.op)
        } else {
            Goes::Well
        }
    })
}

/// Counts what goes well.
fn counted(mut plan: Plan, op: &'static str, count: &Arc<AtomicU64>) -> Plan {
    let count = Arc::clone(count);
    Box::new(move |call| {
        let goes = plan(call);
        if call.op == op && matches!(goes, Goes::Well) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        goes
    })
}

/// What became of a script.
struct Story {
    sim: Simulation,
    decider: FlakyDecider,
    /// How many sweeps began.
    sweeps: u64,
}

/// Plays the script for `end` of simulated time, and then until nothing is left to do; no session ends.
async fn played(
    end: Duration,
    poison: bool,
    rules: fn(&mut Simulation),
    plan: impl FnOnce(SimClock) -> Plan,
) -> Story {
    let mut sim = Simulation::new().await;
    rules(&mut sim);
    for driver in ["alive", "dead", "moved"] {
        sim.nodes(driver, 2).await;
    }
    let sweeps = Arc::new(AtomicU64::new(0));
    let plan = counted(plan(sim.clock.clone()), "begin_sweep", &sweeps);
    let mut decider = flaky::join(&sim, plan).await;
    let mut script = Script::up_to(end, poison);
    let began = sim.now();
    while sim.now().since(began) < end {
        script.play(&sim, sim.now().since(began));
        decider.step().await.expect("no session ends");
        sim.clock.advance(Duration::from_millis(500));
    }
    for _ in 0..40 {
        decider.step().await.expect("no session ends");
    }
    Story {
        sim,
        decider,
        sweeps: sweeps.load(Ordering::Relaxed),
    }
}

impl Story {
    /// Each silent conductor was found in time and not too early, `living` never (L3, I7); the
    /// queue is empty.
    async fn went_well(&self, end: Duration, what: &str) {
        assert_eq!(self.decider.epoch(), Some(1), "{what}");
        let decisions = self.sim.reader.decisions(1000).await.unwrap();
        let silences: Vec<_> = decisions
            .iter()
            .rev()
            .filter(|decision| {
                decision.cause_event_id.is_none() && decision.cause_conductor.is_some()
            })
            .collect();
        let told: Vec<&str> = silences
            .iter()
            .filter_map(|decision| decision.cause_conductor.as_deref())
            .collect();
        let last = end.as_secs().saturating_sub(66 + 75);
        let expected: Vec<String> = (60..60 + last).step_by(300).map(silent).collect();
        assert!(!expected.is_empty());
        assert_eq!(told, expected, "{what}");
        let most = TIMEOUT + self.sim.rules.reconnect_grace + MARGIN;
        for (decision, joined) in silences.iter().zip((60..).step_by(300)) {
            let last_sign = WALL + 1_000_000 + (joined + 6) * 1000;
            let after = Duration::from_millis(decision.decided_at_ms - last_sign);
            assert!(
                TIMEOUT <= after && after <= most,
                "{what}: {joined} {after:?}"
            );
        }
        assert_eq!(self.sim.queue.events_left(), 0, "{what}");
        let out = self.sim.out().await;
        assert_eq!(
            out.iter().filter(|uuid| uuid.starts_with("alive")).count(),
            0,
            "{what}"
        );
    }

    /// Sweeps began about once a minute, as the rules want.
    fn swept(&self, end: Duration, what: &str) {
        let least = end.as_secs() / 60 * 2 / 3;
        assert!(self.sweeps >= least, "{what}: {} sweeps", self.sweeps);
    }

    /// Every decision: pair, verdict and cause.
    async fn causes(&self) -> Vec<String> {
        let decisions = self.sim.decisions().await;
        let cause = |decision: &String| decision.split(',').next().unwrap().to_owned();
        decisions.iter().map(cause).collect()
    }
}

fn as_shipped(_: &mut Simulation) {}

#[tokio::test]
async fn l3_a_passing_fault_each_20_s_wherever_it_hits_hides_no_silent_conductor() {
    let end = S(150);
    for ops in OPS.chunks(1) {
        let plan = |clock| each_20_s(clock, ops, |op| Goes::Before(passing(op)));
        let story = played(end, false, as_shipped, plan).await;
        story.went_well(end, ops[0]).await;
        story.swept(end, ops[0]);
    }
}

#[tokio::test]
async fn l3_an_hour_of_passing_faults_of_all_kinds_hides_no_silent_conductor() {
    let end = S(3600);
    let plan = |clock| each_20_s(clock, &OPS, |op| Goes::Before(passing(op)));
    let story = played(end, false, as_shipped, plan).await;
    story.went_well(end, "all").await;
    story.swept(end, "all");
}

#[tokio::test]
async fn l3_an_hour_with_a_poison_event_each_20_s_hides_no_silent_conductor() {
    let end = S(3600);
    let plan = |_| -> Plan {
        Box::new(|call| match call.op {
            "commit" if call.about.iter().any(|name| name == "poison") => {
                Goes::Before(lasting("commit a batch of events"))
            }
            _ => Goes::Well,
        })
    };
    let story = played(end, true, as_shipped, plan).await;
    story.went_well(end, "poison").await;
    story.swept(end, "poison");
    assert_eq!(story.sim.queue.refused(), vec!["unprocessable"; 180]);
}

#[tokio::test]
async fn l3_i1_an_hour_with_a_lost_reply_each_20_s_decides_as_one_without_in_time() {
    let end = S(3600);
    let well = played(end, false, as_shipped, |_| -> Plan {
        Box::new(|_| Goes::Well)
    })
    .await;
    let plan = |clock| each_20_s(clock, &["commit"], |op| Goes::After(passing(op)));
    let story = played(end, false, as_shipped, plan).await;
    story.went_well(end, "lost replies").await;
    story.swept(end, "lost replies");
    assert_eq!(story.causes().await, well.causes().await);
}

#[tokio::test]
async fn i2_an_event_that_can_never_be_recalled_is_refused_alone() {
    let sim = Simulation::new().await;
    let plan: Plan = Box::new(|call| match call.op {
        "recall" if call.about.iter().any(|name| name == "bad") => {
            Goes::Before(lasting("recall events"))
        }
        _ => Goes::Well,
    });
    let mut decider = flaky::join(&sim, plan).await;
    sim.joined("good", 1, &["a"]);
    sim.joined("bad", 1, &["a"]);
    sim.joined("better", 1, &["a"]);
    for _ in 0..10 {
        decider.step().await.unwrap();
    }
    assert_eq!(sim.queue.refused(), ["unprocessable"]);
    assert_eq!(sim.queue.events_left(), 0);
    let known = "SELECT conductor FROM nodewarden_conductors ORDER BY conductor";
    assert_eq!(sim.list(known).await, ["better", "good"]);
    assert_eq!(decider.epoch(), Some(1));
}

/// What can never be done.
fn never(op: &'static str, about: &'static str) -> impl FnOnce(SimClock) -> Plan {
    move |_| {
        Box::new(move |call| {
            let meant = about.is_empty() || call.about.iter().any(|one| one == about);
            if call.op == op && meant {
                Goes::Before(lasting(op))
            } else {
                Goes::Well
            }
        })
    }
}

#[tokio::test]
async fn l4_what_can_never_be_done_ends_no_session_and_all_else_goes_on() {
    let end = S(300);
    let take_out_unknown = |sim: &mut Simulation| sim.rules.unknown_after = Some(S(60));
    for (op, about) in [("unknown_pairs", ""), ("prune", "Events"), ("requests", "")] {
        let story = played(end, false, take_out_unknown, never(op, about)).await;
        story.went_well(end, op).await;
        story.swept(end, op);
    }
}

#[tokio::test]
async fn l4_counts_that_run_out_of_time_each_time_hold_up_no_decision_and_end_no_session() {
    let end = S(300);
    for op in ["count_nodes", "keep_counts"] {
        let plan = |_| -> Plan {
            Box::new(move |call| match call.op == op {
                true => Goes::Before(passing(op)),
                false => Goes::Well,
            })
        };
        let story = played(end, false, as_shipped, plan).await;
        story.went_well(end, op).await;
        story.swept(end, op);
    }
}

#[tokio::test]
async fn l3_l4_old_rows_that_another_session_has_locked_hold_up_no_decision_and_end_no_session() {
    let end = S(900);
    // Each try waits for them, and nothing is heard meanwhile.
    let plan = |clock: SimClock| -> Plan {
        Box::new(move |call| {
            if call.op == "prune" && call.about.iter().any(|one| one == "Events") {
                clock.advance(S(4));
                return Goes::Before(passing("prune"));
            }
            Goes::Well
        })
    };
    let story = played(end, false, as_shipped, plan).await;
    story.went_well(end, "prune").await;
    story.swept(end, "prune");
}

#[tokio::test]
async fn l4_a_sweep_that_can_never_begin_ends_no_session_and_keeps_no_table_growing() {
    let end = S(300);
    let dropped = Arc::new(AtomicU64::new(0));
    let plan = |clock| counted(never("begin_sweep", "")(clock), "prune", &dropped);
    let story = played(end, false, as_shipped, plan).await;
    assert_eq!(story.sweeps, 0);
    story.went_well(end, "begin_sweep").await;
    assert!(
        dropped.load(Ordering::Relaxed) >= 5,
        "all kinds, at least once"
    );
}
