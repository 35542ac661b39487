//! Steps stay bounded, whatever is due at once (L1): masses of silences, of events, of pairs to look
//! up, of requests, on a database that takes its time for each row or statement.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nodewarden::domain::hearing::{FRESH, GAP, TICK_INTERVAL};
use nodewarden::domain::time::Mono;
use nodewarden::store::{self, RequestKind};
use nodewarden::worker::ports::Clock;

use crate::flaky::{self, FlakyDecider, Goes, Plan, passing};
use crate::harness::{SimClock, Simulation, assert_contiguous};
use crate::operator::pause;

const S: fn(u64) -> Duration = Duration::from_secs;

const CONDUCTORS: usize = 1000;
const PAIRS_OF_EACH: usize = 10;

/// The commits so far: how many rows, and whether each went well.
type Commits = Arc<Mutex<Vec<(usize, bool)>>>;

/// A thousand conductors with ten drivers of their own, and a new decider that goes by `plan`.
async fn fleet(
    plan: impl FnOnce(&Commits, SimClock) -> Plan,
) -> (Simulation, FlakyDecider, Commits) {
    fleet_from(plan, |_| Duration::ZERO).await
}

/// The same, with a ledger that knows its way.
async fn fleet_from(
    plan: impl FnOnce(&Commits, SimClock) -> Plan,
    way: fn(&str) -> Duration,
) -> (Simulation, FlakyDecider, Commits) {
    let sim = Simulation::new().await;
    sim.nodes("d-0000-0", 1).await;
    let mut first = sim.join().await;
    for conductor in 0..CONDUCTORS {
        let drivers: Vec<String> = (0..PAIRS_OF_EACH)
            .map(|driver| format!("d-{conductor:04}-{driver}"))
            .collect();
        let drivers: Vec<&str> = drivers.iter().map(String::as_str).collect();
        sim.joined_watched(&format!("c-{conductor:04}"), 1, &drivers, S(10));
    }
    while sim.queue.events_left() > 0 {
        first.step().await;
    }
    sim.queue.end(first.session);
    let commits = Commits::default();
    let plan = plan(&commits, sim.clock.clone());
    let decider = flaky::join_from(&sim, plan, way).await;
    (sim, decider, commits)
}

/// How it went until all pairs were decided to be lost.
#[derive(Default)]
struct Lost {
    /// How many pairs were when the first node was out.
    when_first_out: Option<usize>,
    /// How old the last own tick was at most.
    oldest_tick: Duration,
}

/// Steps until all pairs are decided to be lost.
async fn lose_all(sim: &Simulation, decider: &mut FlakyDecider) -> Lost {
    let lost = async || -> usize {
        let count = "SELECT count(*) FROM nodewarden_decisions";
        sim.text(count).await.parse().unwrap()
    };
    let mut told = Lost::default();
    for n in 0..20_000 {
        let step = decider.step().await.unwrap();
        if step.moved > 0 && told.when_first_out.is_none() {
            told.when_first_out = Some(lost().await);
        }
        let age = decider.last_tick_age().unwrap_or_default();
        told.oldest_tick = told.oldest_tick.max(age);
        if n % 20 == 0 && lost().await == CONDUCTORS * PAIRS_OF_EACH {
            return told;
        }
        if decider.pending() == 0 {
            sim.clock.advance(Duration::from_millis(250));
        } else {
            sim.clock.advance(Duration::from_millis(1));
        }
    }
    panic!("only {} pairs are decided to be lost", lost().await);
}

#[tokio::test]
async fn l1_ten_thousand_pairs_silent_at_one_instant_are_decided_in_commits_of_a_second_at_most() {
    let took: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let (sim, mut decider, commits) = fleet(|commits, clock| {
        let (commits, took) = (Arc::clone(commits), Arc::clone(&took));
        Box::new(move |call| {
            if call.op == "commit" {
                let cost = Duration::from_millis(u64::try_from(call.rows).unwrap());
                clock.advance(cost);
                took.lock().unwrap().push(cost);
                commits.lock().unwrap().push((call.rows, true));
            }
            Goes::Well
        })
    })
    .await;
    let told = lose_all(&sim, &mut decider).await;
    let oldest = told.oldest_tick;
    assert!(
        oldest <= GAP,
        "ticks go on in between: one was {oldest:?} old"
    );
    let when_first_out = told.when_first_out.expect("the first pair's node is out");
    println!("the first node was out after {when_first_out} decisions");
    assert!(when_first_out < 1000, "{when_first_out}");
    let took = took.lock().unwrap();
    let longest = took.iter().max().unwrap();
    assert!(*longest <= S(1), "{longest:?}");
    // As measured: an eighth of a second, and a conductor with its pairs more.
    let rows: Vec<usize> = commits
        .lock()
        .unwrap()
        .iter()
        .map(|(rows, _)| *rows)
        .collect();
    let late = &rows[rows.len() / 2..];
    assert!(
        late.iter().all(|rows| *rows <= 125 + 3 * PAIRS_OF_EACH),
        "{late:?}"
    );
}

/// What a call costs where each packet takes 10 ms to the database and 10 ms back: its round trips, and a
/// little for each row.
fn far_away(call: &flaky::Call) -> Duration {
    let rows = match call.op {
        "take_out" | "give_back" => 0,
        _ => u32::try_from(call.rows).unwrap(),
    };
    far_way(call.op) + Duration::from_micros(50) * rows
}

/// Its round trips alone.
fn far_way(op: &str) -> Duration {
    Duration::from_millis(20)
        * match op {
            "commit" => 13,
            "carry_out" | "take_out" | "give_back" => 20,
            _ => 1,
        }
}

#[tokio::test]
async fn l1_a_mass_of_silences_far_from_the_database_is_not_cut_into_transactions_that_are_all_way()
{
    let plan = |commits: &Commits, clock: SimClock| -> Plan {
        let commits = Arc::clone(commits);
        Box::new(move |call| {
            clock.advance(far_away(call));
            if call.op == "commit" {
                commits.lock().unwrap().push((call.rows, true));
            }
            Goes::Well
        })
    };
    let (sim, mut decider, commits) = fleet_from(plan, far_way).await;
    let told = lose_all(&sim, &mut decider).await;
    let commits = commits.lock().unwrap();
    println!(
        "{} commits, {:?}: {commits:?}",
        commits.len(),
        told.oldest_tick
    );
    let late = &commits[commits.len() / 2..commits.len() - 1];
    assert!(late.iter().all(|(rows, _)| *rows >= 2000), "{commits:?}");
    assert!(commits.len() <= 30, "{commits:?}");
    // Each tick is fresh, though a transaction of silences and one of nodes that go out take longer than a second.
    let oldest = told.oldest_tick;
    assert!(
        oldest < TICK_INTERVAL + FRESH,
        "one tick was {oldest:?} old"
    );
}

#[tokio::test]
async fn l1_a_commit_that_met_a_limit_is_tried_again_smaller() {
    const LIMIT: Duration = Duration::from_secs(2);
    let (sim, mut decider, commits) = fleet(|commits, clock| {
        let commits = Arc::clone(commits);
        Box::new(move |call| {
            if call.op != "commit" {
                return Goes::Well;
            }
            let cost = Duration::from_millis(8) * u32::try_from(call.rows).unwrap();
            clock.advance(cost.min(LIMIT));
            commits.lock().unwrap().push((call.rows, cost <= LIMIT));
            if cost > LIMIT {
                Goes::Before(passing("commit a batch of events"))
            } else {
                Goes::Well
            }
        })
    })
    .await;
    let began: Mono = sim.clock.now().mono;
    lose_all(&sim, &mut decider).await;
    let commits = commits.lock().unwrap();
    let failed = commits.iter().filter(|(_, well)| !well).count();
    println!(
        "{failed} of {} commits met the limit, in {:?}",
        commits.len(),
        sim.now().since(began)
    );
    assert!((1..=3).contains(&failed), "it learns: {commits:?}");
    for pair in commits.windows(2) {
        let [(before, well), (after, _)] = pair else {
            unreachable!("windows of two")
        };
        assert!(*well || after < before, "{before} failed, then {after}");
    }
}

/// Three hundred pairs of one node each, of thirty conductors that fall silent at one instant.
async fn small_pairs(sim: &Simulation, decider: &mut FlakyDecider) {
    for conductor in 0..30 {
        let drivers: Vec<String> = (0..10).map(|n| format!("d-{conductor:02}-{n}")).collect();
        let drivers: Vec<&str> = drivers.iter().map(String::as_str).collect();
        for driver in &drivers {
            sim.nodes(driver, 1).await;
        }
        sim.joined_watched(&format!("c-{conductor:02}"), 1, &drivers, S(10));
    }
    while sim.queue.events_left() > 0 {
        decider.step().await.unwrap();
    }
}

/// What the walks of a story were: which call, over how many pairs or nodes.
type Walks = Arc<Mutex<Vec<(&'static str, usize)>>>;

/// A ledger on which each call that moves nodes takes 60 ms, and what these were.
fn walked(clock: SimClock) -> (Walks, Plan) {
    let walks = Walks::default();
    let seen = Arc::clone(&walks);
    let plan: Plan = Box::new(move |call| {
        if matches!(call.op, "carry_out" | "take_out" | "give_back") {
            clock.advance(Duration::from_millis(60));
            seen.lock().unwrap().push((call.op, call.rows));
        }
        Goes::Well
    });
    (walks, plan)
}

#[tokio::test]
async fn l1_many_small_pairs_go_out_and_come_back_in_few_transactions_with_ticks_in_between() {
    let sim = Simulation::new().await;
    let (walks, plan) = walked(sim.clock.clone());
    let mut decider = flaky::join(&sim, plan).await;
    small_pairs(&sim, &mut decider).await;
    let (mut oldest, mut moved) = (Duration::ZERO, 0);
    for _ in 0..600 {
        moved += decider.step().await.unwrap().moved;
        oldest = oldest.max(decider.last_tick_age().unwrap_or_default());
        if moved == 300 {
            break;
        }
        sim.clock.advance(Duration::from_millis(250));
    }
    assert_eq!(sim.out().await.len(), 300);
    let announcements = sim.announcements().await;
    assert_contiguous(&announcements);
    let decisions = sim.decisions().await;
    let carried_out = decisions.iter().filter(|line| line.ends_with("1 nodes"));
    assert_eq!(carried_out.count(), 300);
    assert!(
        oldest <= GAP,
        "ticks go on in between: one was {oldest:?} old"
    );
    let out = std::mem::take(&mut *walks.lock().unwrap());
    let together = out.iter().filter(|(op, _)| *op == "carry_out");
    assert!((2..=12).contains(&together.count()), "{out:?}");
    let alone = out
        .iter()
        .filter(|(op, pairs)| *op == "take_out" && *pairs > 0);
    assert!(alone.count() <= 3, "{out:?}");

    // They come back in one batch of events.
    for conductor in 0..30 {
        sim.beat(&format!("c-{conductor:02}"), 1);
    }
    for _ in 0..100 {
        decider.step().await.unwrap();
    }
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_contiguous(&sim.announcements().await);
    let back = std::mem::take(&mut *walks.lock().unwrap());
    assert!(back.len() <= 16, "{back:?}");
}

#[tokio::test]
async fn a_pause_in_the_midst_of_many_small_pairs_keeps_the_rest_in() {
    let sim = Simulation::new().await;
    let (_, plan) = walked(sim.clock.clone());
    let mut decider = flaky::join(&sim, plan).await;
    small_pairs(&sim, &mut decider).await;
    let mut out = 0;
    for _ in 0..600 {
        let step = decider.step().await.unwrap();
        out += step.moved;
        if step.moved > 0 && out > 25 {
            break;
        }
        sim.clock.advance(Duration::from_millis(250));
    }
    assert!((26..300).contains(&out), "{out}");
    pause(&sim, "works", None).await;
    for _ in 0..40 {
        decider.step().await.unwrap();
        sim.clock.advance(Duration::from_millis(250));
    }
    assert_eq!(sim.out().await.len(), usize::try_from(out).unwrap());
}

/// What a call costs where each round trip takes 10 ms: about four, and one for each row that is
/// looked up by itself.
fn ten_ms_each(call: &flaky::Call) -> Duration {
    let alone = match call.op {
        "forget" => call.rows,
        _ => 0,
    };
    Duration::from_millis(10) * (4 + u32::try_from(alone).unwrap())
}

/// So many pairs are lost, have a node each, and no conductor names them any more.
async fn unnamed(sim: &Simulation, pairs: usize) {
    let drivers: Vec<String> = (0..pairs).map(|n| format!("old-{n:03}")).collect();
    let rows: Vec<String> = drivers.iter().map(|d| format!("('{d}', '{d}')")).collect();
    let insert = "INSERT INTO nodes (uuid, driver) VALUES";
    sim.sql(&format!("{insert} {}", rows.join(", "))).await;
    for (n, some) in drivers.chunks(100).enumerate() {
        let names: Vec<&str> = some.iter().map(String::as_str).collect();
        sim.joined(&format!("c{n}"), 1, &names);
        sim.joined(&format!("c{n}"), 2, &["now"]);
    }
    let mut worker = sim.active().await;
    assert_eq!(sim.out().await.len(), pairs);
    sim.joined_watched("watched", 1, &["d"], S(10));
    sim.settle(&mut worker).await;
    sim.queue.end(worker.session);
}

#[tokio::test]
async fn l3_a_silent_conductor_is_found_while_hundreds_of_unnamed_pairs_are_looked_up_one_by_one() {
    let sim = Simulation::new().await;
    unnamed(&sim, 300).await;
    let clock = sim.clock.clone();
    let looked: Arc<Mutex<usize>> = Arc::default();
    let looks = Arc::clone(&looked);
    let plan: Plan = Box::new(move |call| {
        clock.advance(ten_ms_each(call));
        if call.op == "forget" {
            *looks.lock().unwrap() += call.rows;
        }
        Goes::Well
    });
    let mut decider = flaky::join(&sim, plan).await;
    sim.queue.lag();
    let began = sim.now();
    let silence = "SELECT count(*) FROM nodewarden_decisions WHERE cause = 'silence'";
    while sim.text(silence).await == "0" {
        let waited = sim.now().since(began);
        assert!(waited < S(180), "not found after {waited:?}");
        for _ in 0..20 {
            let step = decider.step().await.unwrap();
            if !step.worked && step.moved == 0 && decider.pending() == 0 {
                sim.clock.advance(Duration::from_millis(50));
            }
        }
    }
    // Its time-out, or the grace of the takeover, and a margin.
    let waited = sim.now().since(began);
    println!("found after {waited:?}, {} looks", looked.lock().unwrap());
    assert!(waited <= S(60 + 20), "{waited:?}");
}

/// The conductors of a site, each with drivers of its own.
fn site(conductors: usize, drivers: usize) -> Vec<(String, Vec<String>)> {
    let of = |c: usize| {
        (0..drivers)
            .map(move |d| format!("d-{c:03}-{d:02}"))
            .collect()
    };
    (0..conductors)
        .map(|c| (format!("c-{c:03}"), of(c)))
        .collect()
}

/// Sends something of each conductor of a site, and steps until it is handled.
async fn each(
    sim: &Simulation,
    decider: &mut FlakyDecider,
    site: &[(String, Vec<String>)],
    send: impl Fn(&Simulation, &str, &[&str]),
) {
    for (name, drivers) in site {
        let drivers: Vec<&str> = drivers.iter().map(String::as_str).collect();
        send(sim, name, &drivers);
    }
    while sim.queue.events_left() > 0 {
        decider.step().await.unwrap();
    }
}

#[tokio::test]
async fn l1_events_share_a_transaction_by_the_rows_that_they_write_and_not_by_what_they_say() {
    let sim = Simulation::new().await;
    let commits = Commits::default();
    let seen = Arc::clone(&commits);
    let plan: Plan = Box::new(move |call| {
        if call.op == "commit" {
            seen.lock().unwrap().push((call.rows, true));
        }
        Goes::Well
    });
    let mut decider = flaky::join(&sim, plan).await;
    let site = site(256, 40);
    each(&sim, &mut decider, &site, |sim, name, drivers| {
        sim.joined(name, 1, drivers);
    })
    .await;
    let taken = || -> Vec<usize> {
        let taken = std::mem::take(&mut *commits.lock().unwrap());
        taken.into_iter().map(|(rows, _)| rows).collect()
    };
    taken();
    each(&sim, &mut decider, &site, |sim, name, drivers| {
        sim.beat_saying(name, 1, drivers);
    })
    .await;
    let beats = taken();
    assert_eq!(beats.iter().sum::<usize>(), 2 * 256, "{beats:?}");
    assert!(
        beats.len() <= 2,
        "complete beats that change nothing: {beats:?}"
    );
    // A takeover begins small again.
    sim.queue.end(sim.queue.first().unwrap());
    let seen = Arc::clone(&commits);
    let plan: Plan = Box::new(move |call| {
        if call.op == "commit" {
            seen.lock().unwrap().push((call.rows, true));
        }
        Goes::Well
    });
    let mut decider = flaky::join(&sim, plan).await;
    each(&sim, &mut decider, &site, |sim, name, _| sim.left(name, 1)).await;
    let left = taken();
    // Event, conductor, and a decision and a standing of each driver.
    assert_eq!(left.iter().sum::<usize>(), 256 * (2 + 2 * 40), "{left:?}");
    assert!(
        left[0] <= 500 + 3 * 40,
        "a site that is switched off: {left:?}"
    );
}

#[tokio::test]
async fn l1_requests_of_operators_are_answered_one_a_step() {
    let sim = Simulation::new().await;
    let answered: Arc<Mutex<usize>> = Arc::default();
    let answers = Arc::clone(&answered);
    let plan: Plan = Box::new(move |call| {
        if call.op == "answer_forget" {
            *answers.lock().unwrap() += 1;
        }
        Goes::Well
    });
    let mut decider = flaky::join(&sim, plan).await;
    for _ in 0..5 {
        decider.step().await.unwrap();
    }
    for n in 0..30 {
        let name = format!("gone-{n}");
        store::request(&sim.database, RequestKind::Forget, &name, "kim", 1)
            .await
            .unwrap();
    }
    let mut most = 0;
    for _ in 0..200 {
        let before = *answered.lock().unwrap();
        decider.step().await.unwrap();
        most = most.max(*answered.lock().unwrap() - before);
        sim.clock.advance(Duration::from_millis(50));
    }
    let all = *answered.lock().unwrap();
    assert_eq!((all, most), (30, 1));
}

#[tokio::test]
async fn l1_one_event_that_can_never_be_stored_among_many_costs_some_transactions_and_not_one_for_each()
 {
    for poison in [0, 100, 255] {
        let sim = Simulation::new().await;
        let commits: Arc<Mutex<usize>> = Arc::default();
        let seen = Arc::clone(&commits);
        let plan: Plan = Box::new(move |call| {
            if call.op != "commit" {
                return Goes::Well;
            }
            *seen.lock().unwrap() += 1;
            match call.about.iter().any(|name| name == "poison") {
                true => Goes::Before(flaky::lasting("commit a batch of events")),
                false => Goes::Well,
            }
        });
        let mut decider = flaky::join(&sim, plan).await;
        for n in 0..256 {
            let name = format!("c-{n:03}");
            sim.joined(if n == poison { "poison" } else { &name }, 1, &["d"]);
        }
        while sim.queue.events_left() > 0 {
            decider.step().await.unwrap();
        }
        assert_eq!(sim.queue.refused(), ["unprocessable"]);
        assert_eq!(sim.reader.conductors().await.unwrap().len(), 255);
        let commits = *commits.lock().unwrap();
        println!("{commits} transactions with the poison at {poison}");
        assert!(commits <= 40, "{commits} transactions");
    }
}

#[tokio::test]
async fn l1_a_successor_carries_out_together_what_its_predecessor_only_decided() {
    let sim = Simulation::new().await;
    // The predecessor decides, and moves nothing.
    let plan: Plan = Box::new(|call| match call.op {
        "carry_out" | "take_out" => Goes::Before(passing("move nodes")),
        _ => Goes::Well,
    });
    let mut first = flaky::join(&sim, plan).await;
    small_pairs(&sim, &mut first).await;
    for _ in 0..600 {
        first.step().await.unwrap();
        if sim.text("SELECT count(*) FROM nodewarden_decisions").await == "300" {
            break;
        }
        sim.clock.advance(Duration::from_millis(250));
    }
    sim.queue.end(1);
    drop(first);
    let (walks, plan) = walked(sim.clock.clone());
    let mut successor = flaky::join(&sim, plan).await;
    for _ in 0..100 {
        successor.step().await.unwrap();
        sim.clock.advance(Duration::from_millis(100));
    }
    assert_eq!(sim.out().await.len(), 300);
    assert_contiguous(&sim.announcements().await);
    let walks = walks.lock().unwrap();
    let moving = walks.iter().filter(|(op, _)| *op != "give_back").count();
    assert!(moving <= 20, "{walks:?}");
}
