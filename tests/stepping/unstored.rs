//! What the database will never take (a row that a constraint refuses, one that makes no sense) is passed,
//! named and tried again later, and everything else goes on (L4). No session ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::store::{self, StoreError};
use nodewarden::words::Word;
use nodewarden_tests::database::Kind;

use crate::flaky::{self, FlakyDecider, Goes, Plan, lasting};
use crate::harness::Simulation;
use crate::operator::pause;

const S: fn(u64) -> Duration = Duration::from_secs;

/// A call that fails for as long as `wrong`, whenever it is about this; how often it failed.
struct Wrong(Arc<AtomicBool>);

impl Wrong {
    fn plan(op: &'static str, about: &'static str) -> (Self, Plan) {
        let wrong = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&wrong);
        let plan: Plan = Box::new(move |call| {
            let meant =
                call.op == op && (about.is_empty() || call.about.iter().any(|one| one == about));
            match meant && still.load(Ordering::Relaxed) {
                true => Goes::Before(lasting(op)),
                false => Goes::Well,
            }
        });
        (Self(wrong), plan)
    }

    fn put_right(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Lets time pass; no session ends.
async fn pass(sim: &Simulation, decider: &mut FlakyDecider, seconds: u64) {
    for _ in 0..seconds {
        for _ in 0..25 {
            decider.step().await.expect("no session ends");
        }
        sim.clock.advance(S(1));
    }
}

#[tokio::test]
async fn l4_a_silence_that_cannot_be_stored_is_left_and_all_others_are_found() {
    let sim = Simulation::new().await;
    let (wrong, plan) = Wrong::plan("commit", "c03");
    let mut decider = flaky::join(&sim, plan).await;
    let conductors: Vec<String> = (0..8).map(|n| format!("c{n:02}")).collect();
    for (name, driver) in conductors
        .iter()
        .zip(["a", "b", "c", "d", "e", "f", "g", "h"])
    {
        sim.nodes(driver, 1).await;
        // What it says can be stored; that it says nothing cannot.
        sim.joined_watched(name, 1, &[driver, "shared"], S(10));
    }
    wrong.put_right();
    pass(&sim, &mut decider, 5).await;
    wrong.0.store(true, Ordering::Relaxed);
    pass(&sim, &mut decider, 75).await;
    let others = ["a", "b", "c", "e", "f", "g", "h"];
    let silence = |(conductor, driver): (&String, &str)| {
        format!("{driver} lost by {conductor} silence, 1 nodes")
    };
    let pairs = conductors.iter().filter(|name| *name != "c03").zip(others);
    let mut expected: Vec<String> = pairs.map(silence).collect();
    let mut decisions = sim.decisions().await;
    decisions.sort();
    assert_eq!(decisions, expected);

    // Events go on, and once the row is put right the last one is found, and what it held.
    sim.joined("late", 1, &["x"]);
    pass(&sim, &mut decider, 2).await;
    assert_eq!(sim.queue.events_left(), 0);
    wrong.put_right();
    pass(&sim, &mut decider, 90).await;
    expected.push("d lost by c03 silence, 1 nodes".to_owned());
    expected.push("shared lost by c03 silence, 0 nodes".to_owned());
    expected.sort();
    let mut decisions = sim.decisions().await;
    decisions.sort();
    assert_eq!(decisions, expected);
    assert_eq!(decider.epoch(), Some(1));
}

#[tokio::test]
async fn l4_an_observed_loss_that_cannot_be_decided_again_holds_up_no_other() {
    let mut sim = Simulation::new().await;
    sim.rules.mode = Mode::Observe;
    let drivers = ["a", "b", "c", "d"];
    for driver in drivers {
        sim.nodes(driver, 1).await;
    }
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &drivers);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    sim.queue.end(worker.session);
    sim.rules.mode = Mode::Enforce;
    let (wrong, plan) = Wrong::plan("commit", "b");
    let mut decider = flaky::join(&sim, plan).await;
    pass(&sim, &mut decider, 5).await;
    assert_eq!(sim.out().await, ["a-00000", "c-00000", "d-00000"]);
    wrong.put_right();
    pass(&sim, &mut decider, 30).await;
    assert_eq!(
        sim.out().await,
        ["a-00000", "b-00000", "c-00000", "d-00000"]
    );
}

#[tokio::test]
async fn l4_a_verdict_unknown_that_cannot_be_stored_holds_up_no_other() {
    let mut sim = Simulation::new().await;
    sim.rules.unknown_after = Some(S(60));
    for driver in ["x", "y", "z"] {
        sim.nodes(driver, 1).await;
    }
    let (wrong, plan) = Wrong::plan("commit", "y");
    let mut decider = flaky::join(&sim, plan).await;
    sim.joined("c1", 1, &["a"]);
    pass(&sim, &mut decider, 75).await;
    assert_eq!(sim.out().await, ["x-00000", "z-00000"]);
    wrong.put_right();
    pass(&sim, &mut decider, 60).await;
    assert_eq!(sim.out().await, ["x-00000", "y-00000", "z-00000"]);
}

#[tokio::test]
async fn l4_a_pause_that_cannot_be_read_takes_nothing_out_and_returns_go_on() {
    let sim = Simulation::new().await;
    sim.nodes("a", 2).await;
    sim.nodes("b", 2).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.settle(&mut worker).await;
    sim.timed_out("c1", 1);
    sim.settle(&mut worker).await;
    sim.queue.end(worker.session);
    let (wrong, plan) = Wrong::plan("pause", "");
    let mut decider = flaky::join(&sim, plan).await;
    pass(&sim, &mut decider, 3).await;
    sim.joined("c2", 1, &["a", "c"]);
    pass(&sim, &mut decider, 3).await;
    assert_eq!(sim.out().await, ["b-00000", "b-00001"], "a is back");
    sim.left("c2", 1);
    pass(&sim, &mut decider, 30).await;
    assert_eq!(
        sim.out().await,
        ["b-00000", "b-00001"],
        "not taken in the dark"
    );
    wrong.put_right();
    pass(&sim, &mut decider, 3).await;
    assert_eq!(sim.out().await.len(), 4);
}

#[tokio::test]
async fn l4_a_pause_whose_end_cannot_be_written_goes_on_and_ends_no_session() {
    let sim = Simulation::new().await;
    sim.nodes("a", 2).await;
    let (wrong, plan) = Wrong::plan("end_pause", "");
    let mut decider = flaky::join(&sim, plan).await;
    sim.joined("c1", 1, &["a"]);
    pause(&sim, "works", Some(S(10))).await;
    sim.left("c1", 1);
    pass(&sim, &mut decider, 60).await;
    assert_eq!(sim.out().await.len(), 0);
    assert_eq!(sim.queue.events_left(), 0);
    wrong.put_right();
    pass(&sim, &mut decider, 90).await;
    assert_eq!(sim.out().await.len(), 2);
}

#[tokio::test]
async fn l4_a_request_that_cannot_be_answered_or_makes_no_sense_holds_up_nothing() {
    let sim = Simulation::new().await;
    let (wrong, plan) = Wrong::plan("answer_forget", "c1");
    let mut decider = flaky::join(&sim, plan).await;
    for name in ["c1", "c2"] {
        sim.joined(name, 1, &["a"]);
        sim.left(name, 1);
    }
    pass(&sim, &mut decider, 2).await;
    for name in ["c1", "c2"] {
        let forget = Word::parse("forget").unwrap();
        store::request(&sim.database, forget, name, "kim", 1)
            .await
            .unwrap();
    }
    sim.sql(
        "INSERT INTO nodewarden_requests (kind, argument, requested_at_ms) VALUES ('forget', '', 1)",
    )
    .await;
    pass(&sim, &mut decider, 30).await;
    let answers = "SELECT concat(argument, ' ', kind, ' ', coalesce(result, '-'))
        FROM nodewarden_requests ORDER BY number";
    let unknown = " forget no such conductor is known";
    let expected = ["c1 forget -", "c2 forget forgotten", unknown];
    assert_eq!(sim.list(answers).await, expected);
    wrong.put_right();
    pass(&sim, &mut decider, 60).await;
    let expected = ["c1 forget forgotten", "c2 forget forgotten", unknown];
    assert_eq!(sim.list(answers).await, expected);
}

#[tokio::test]
async fn l4_a_window_that_makes_no_sense_is_narrowed_down_and_the_rest_goes_out() {
    let sim = Simulation::new().await;
    sim.nodes("a", 20).await;
    sim.nodes("b", 3).await;
    let mut singles = 0;
    // The first node alone, and every window that it is in, cannot be read.
    let plan: Plan = Box::new(move |call| {
        let corrupt = || Goes::Before(StoreError::Corrupt("a row makes no sense".to_owned()));
        match (call.op, call.rows) {
            ("carry_out", _) | ("take_out", 2..) if singles == 0 => corrupt(),
            ("take_out", 1) if singles == 0 => {
                singles = 1;
                corrupt()
            }
            _ => Goes::Well,
        }
    });
    let mut decider = flaky::join(&sim, plan).await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.left("c1", 1);
    pass(&sim, &mut decider, 10).await;
    let out = sim.out().await;
    assert_eq!(out.len(), 22, "{out:?}");
}

#[tokio::test]
async fn l4_a_planned_restart_that_cannot_be_stored_holds_up_no_sweep() {
    let sim = Simulation::on(Kind::Sqlite).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left_for("c1", 1, S(30));
    sim.pass(&mut worker, 3).await;
    sim.sql(
        "CREATE TRIGGER refused BEFORE UPDATE ON nodewarden_conductors WHEN new.conductor = 'c1'
         BEGIN SELECT raise(ABORT, 'no'); END",
    )
    .await;
    let (positions, counted) = (
        "SELECT count(*) FROM nodewarden_announcements WHERE type = 'node.position'",
        "SELECT max(counted_at_ms) FROM nodewarden_counted",
    );
    let before = (sim.text(positions).await, sim.text(counted).await);
    sim.pass(&mut worker, 200).await;
    let after = (sim.text(positions).await, sim.text(counted).await);
    assert!(
        after.0 != before.0 && after.1 != before.1,
        "{before:?} {after:?}"
    );
}
