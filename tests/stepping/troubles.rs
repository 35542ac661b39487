//! One thing that the database refuses for now must not keep everything else waiting.

use std::time::Duration;

use nodewarden::config::InventoryKind;
use nodewarden::store;
use nodewarden::worker::End;
use nodewarden_tests::database::{Kind, Scratch};

use crate::flaky::{self, Goes, Plan, passing};
use crate::harness::{Simulation, event};

/// Loses `a` with 300 nodes and `b` with 3 on a ledger in trouble; how many are out after a while.
async fn lose_in_trouble(plan: Plan) -> usize {
    let sim = Simulation::new().await;
    sim.nodes("a", 300).await;
    sim.nodes("b", 3).await;
    let mut decider = flaky::join(&sim, plan).await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.left("c1", 1);
    for _ in 0..60 {
        decider.step().await.unwrap();
        sim.clock.advance(Duration::from_millis(500));
    }
    sim.out().await.len()
}

#[tokio::test]
async fn a_sweep_that_fails_again_and_again_keeps_no_pair_from_being_handled() {
    let plan: Plan = Box::new(|call| match call.op {
        "begin_sweep" => Goes::Before(passing("begin a sweep")),
        _ => Goes::Well,
    });
    assert_eq!(lose_in_trouble(plan).await, 303);
}

#[tokio::test]
async fn l1_where_only_tiny_windows_end_in_time_a_session_finds_their_size_before_its_patience_ends()
 {
    /// As long as a transaction takes that meets two thirds of the default limit.
    const LIMIT: Duration = Duration::from_secs(10);
    let sim = Simulation::new().await;
    sim.nodes("a", 40).await;
    let clock = sim.clock.clone();
    let plan: Plan = Box::new(move |call| match call.op {
        "take_out" if call.rows > 3 => {
            clock.advance(LIMIT);
            Goes::Before(passing("take nodes out of service"))
        }
        _ => Goes::Well,
    });
    let mut decider = flaky::join(&sim, plan).await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    for _ in 0..400 {
        // Its first end would be the test's.
        decider.step().await.unwrap();
        sim.clock.advance(Duration::from_millis(100));
    }
    assert_eq!(sim.out().await.len(), 40);
}

#[tokio::test]
async fn a_window_that_takes_too_long_is_tried_smaller() {
    let plan: Plan = Box::new(|call| match call.op {
        "take_out" if call.rows > 150 => Goes::Before(passing("take nodes out of service")),
        _ => Goes::Well,
    });
    assert_eq!(lose_in_trouble(plan).await, 303);
}

#[tokio::test]
async fn a_migration_that_was_cut_off_is_finished_by_the_next_one() {
    // Elsewhere a migration happens as a whole or not at all.
    let scratch = Scratch::migrated_of(Kind::MySql).await;
    scratch
        .run("UPDATE nodewarden_migrations SET success = FALSE WHERE version = 20; DROP TABLE nodewarden_bridge")
        .await;
    store::migrate(
        &scratch.database,
        InventoryKind::Native,
        &nodewarden::clock::new_id(),
    )
    .await
    .unwrap();
    scratch.run("SELECT looks FROM nodewarden_bridge").await;
}

#[tokio::test]
async fn old_decisions_are_dropped_in_no_time_beside_many_changes() {
    let sim = Simulation::new().await;
    sim
        .sql(
            "INSERT INTO nodewarden_changes (seq, uuid, decision, since_ms) VALUES (1, 'n', 1000, 1800000000000);
             INSERT INTO nodewarden_decisions (number, decision_id, conductor_group, driver, verdict, cause, epoch,
                 decided_at_ms, completed_at_ms) VALUES (1, 'd1', '', 'a', 'lost', 'event', 1, 1, 1);
             UPDATE nodewarden_state SET seq = 600000, last_decision = 1000",
        )
        .await;
    for power in 0..19 {
        let rows = 1 << power;
        sim.sql(&format!(
            "INSERT INTO nodewarden_changes (seq, uuid, decision, since_ms)
                 SELECT seq + {rows}, uuid, decision, since_ms FROM nodewarden_changes"
        ))
        .await;
        if power < 9 {
            sim
                .sql(&format!(
                    "INSERT INTO nodewarden_decisions (number, decision_id, conductor_group, driver, verdict, cause,
                         epoch, decided_at_ms, completed_at_ms)
                     SELECT number + {rows}, concat('d', number + {rows}), '', 'a', 'lost', 'event', 1, 1, 1
                     FROM nodewarden_decisions"
                ))
                .await;
        }
    }
    let began = std::time::Instant::now();
    let worker = sim.active().await;
    assert_eq!(worker.decider.trouble(), None);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(sim.decisions().await, Vec::<String>::new());
}

/// An alarm blocks us, and a message that is to be refused waits before a good one.
fn a_refused_message_behind_an_alarm(sim: &Simulation) {
    sim.queue.block(true);
    let refused = serde_json::json!({ "conductor": "c1" });
    sim.queue
        .publish(event("bad", "conductor.heartbeat", &refused));
    sim.joined("c1", 1, &["ipmi"]);
}

#[tokio::test]
async fn i1_an_alarm_that_keeps_a_refused_message_for_ten_minutes_ends_the_session() {
    let sim = Simulation::new().await;
    let mut worker = sim.active().await;
    a_refused_message_behind_an_alarm(&sim);
    let before = sim.now();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let end = loop {
        if let Err(end) = worker.decider.step().await {
            break end;
        }
        // After half an hour others would get what is unacknowledged.
        assert!(sim.now().since(before) < minutes(15));
    };
    assert!(matches!(end, End::Wedged(_)), "{end:?}");
    assert!(sim.now().since(before) >= minutes(10));
    // All of it is in its place again.
    sim.queue.end(worker.session);
    sim.queue.block(false);
    let mut next = sim.active().await;
    sim.pass(&mut next, 5).await;
    assert_eq!(sim.queue.refused(), ["missing_field"]);
    assert_eq!(sim.queue.events_left(), 0);
}

#[tokio::test]
async fn l3_a_refused_message_waits_for_the_end_of_an_alarm_and_ends_no_session() {
    let sim = Simulation::new().await;
    let mut worker = sim.active().await;
    a_refused_message_behind_an_alarm(&sim);
    let before = sim.now();
    for _ in 0..1000 {
        worker.step().await;
    }
    assert_eq!(sim.queue.refused(), Vec::<String>::new());
    assert_eq!(sim.queue.events_left(), 2, "none is acknowledged");
    let passed = sim.now().since(before);
    assert!(
        passed >= Duration::from_secs(60),
        "{passed:?} in 1000 steps: it spins"
    );
    sim.queue.block(false);
    sim.pass(&mut worker, 5).await;
    assert_eq!(sim.queue.refused(), ["missing_field"]);
    assert_eq!(sim.queue.events_left(), 0);
    let known = "SELECT count(*) FROM nodewarden_conductors";
    assert_eq!(sim.text(known).await, "1");
}
