//! Observing: all is judged and recorded, and no node is touched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::store::Held;

use crate::flaky;
use crate::harness::{Simulation, Worker, assert_contiguous, changes};
use crate::operator::{pause, release, wait};
use crate::races::losing;

const S: fn(u64) -> Duration = Duration::from_secs;

async fn observing() -> Simulation {
    let mut sim = Simulation::new().await;
    sim.rules.mode = Mode::Observe;
    sim
}

/// The loss of three nodes of driver a was observed.
async fn observed_loss() -> (Simulation, Worker) {
    let sim = observing().await;
    sim.nodes("a", 3).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    (sim, worker)
}

/// The next session runs with other settings.
async fn restarted(sim: &mut Simulation, worker: Worker, mode: Mode) -> Worker {
    sim.queue.end(worker.session);
    sim.rules.mode = mode;
    sim.active().await
}

/// All that a user of the table, or a subscriber, could notice.
async fn touched(sim: &Simulation) -> String {
    sim.text(
        "SELECT CASE WHEN (SELECT count(*) FROM nodes WHERE service_state <> 'in_service'
                    OR service_state_since_ms IS NOT NULL) = 0
                AND (SELECT count(*) FROM nodewarden_changes) = 0
                AND (SELECT count(*) FROM nodewarden_announcements) = 0
                AND (SELECT seq + last_announcement FROM nodewarden_state) = 0
                THEN 'nothing' ELSE 'something' END",
    )
    .await
}

#[tokio::test]
async fn observing_touches_and_announces_nothing_whatever_happens() {
    let sim = observing().await;
    sim.nodes("a", 3).await;
    sim.nodes("b", 2).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.joined_watched("c2", 1, &["b"], S(10));
    sim.settle(&mut worker).await;
    // By an event, by silence, by a planned restart that ends, by a report, by other drivers.
    sim.left("c1", 1);
    sim.pass(&mut worker, 75).await;
    sim.joined("c1", 2, &["a", "b"]);
    sim.settle(&mut worker).await;
    sim.left_for("c1", 2, S(65));
    sim.pass(&mut worker, 130).await;
    sim.joined("c1", 3, &["a", "b"]);
    sim.timed_out("c1", 3);
    sim.joined("c1", 3, &["a", "b"]);
    sim.joined("c1", 3, &["a"]);
    sim.beat("nobody", 1);
    sim.settle(&mut worker).await;
    sim.pass(&mut worker, 125).await;
    assert_eq!(
        sim.decisions().await,
        [
            "a lost by c1 e3, 3 nodes",
            "b lost by c2 silence, 2 nodes",
            "a restored by c1 e4, 3 nodes",
            "b restored by c1 e4, 2 nodes",
            "a lost by c1 hold_ended, 3 nodes",
            "b lost by c1 hold_ended, 2 nodes",
            "a restored by c1 e6, 3 nodes",
            "b restored by c1 e6, 2 nodes",
            "a lost by c1 e7, 3 nodes",
            "b lost by c1 e7, 2 nodes",
            "a restored by c1 e8, 3 nodes",
            "b restored by c1 e8, 2 nodes",
            "b lost by c1 e9, 2 nodes",
        ]
    );
    assert_eq!(touched(&sim).await, "nothing");
    let decisions = sim.reader.decisions(100).await.unwrap();
    assert!(decisions.iter().all(|decision| decision.observed));
    let observed = sim.reader.observed(0).await.unwrap();
    assert_eq!((observed.losses, observed.nodes_out), (7, 17));
    assert_eq!((observed.returns, observed.nodes_back), (6, 15));
    assert!(sim.reader.overview().await.unwrap().observing());
    let drivers = sim.reader.drivers().await.unwrap();
    let would: u64 = drivers.iter().map(|view| view.would_go_out()).sum();
    assert_eq!(would, 2);
}

#[tokio::test]
async fn a_mark_that_is_nobody_s_is_not_put_right_while_observing() {
    let sim = observing().await;
    sim.nodes("a", 1).await;
    sim.sql("UPDATE nodes SET service_state = 'out_of_service'")
        .await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.pass(&mut worker, 70).await;
    let state = sim.text("SELECT service_state FROM nodes").await;
    assert_eq!(state, "out_of_service");
}

/// Since when the first pair that is shown is lost.
async fn lost_since(sim: &Simulation) -> Option<u64> {
    sim.reader.drivers().await.unwrap()[0].since_ms
}

#[tokio::test]
async fn i1_enforcing_after_observing_decides_again_and_rewrites_nothing() {
    let mut sim = observing().await;
    let nodes = sim.nodes("a", 3).await;
    sim.nodes("b", 2).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.left("c1", 1);
    sim.joined("c2", 1, &["b"]);
    sim.settle(&mut worker).await;
    let before = sim.reader.decisions(100).await.unwrap();
    let since = lost_since(&sim).await;
    sim.clock.advance(S(3600));
    let mut worker = restarted(&mut sim, worker, Mode::Enforce).await;
    assert_eq!(sim.out().await, nodes);
    assert_eq!(
        lost_since(&sim).await,
        since,
        "it is lost as long as it was"
    );
    let mut after = sim.reader.decisions(100).await.unwrap();
    let fresh = after.remove(0);
    assert_eq!(after, before, "what was observed stays as it is");
    let observed = after.iter().find(|one| one.driver == "a").unwrap();
    assert_ne!(fresh.decision_id, observed.decision_id);
    assert_eq!((fresh.epoch, fresh.observed, fresh.nodes), (2, false, 3));
    assert!(fresh.decided_at_ms >= observed.decided_at_ms + 3_600_000);
    assert_eq!(
        (
            &fresh.verdict,
            &fresh.cause,
            &fresh.cause_event_id,
            fresh.last_good_at_ms
        ),
        (
            &observed.verdict,
            &observed.cause,
            &observed.cause_event_id,
            observed.last_good_at_ms
        )
    );
    // One fresh decision, not one for each window or sweep; and it ends as any other does.
    sim.pass(&mut worker, 65).await;
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(sim.decisions().await.len(), 5);
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn i6_a_pair_that_is_back_before_the_own_tick_is_not_decided_again() {
    let (mut sim, worker) = observed_loss().await;
    sim.queue.end(worker.session);
    sim.joined("c1", 2, &["a"]);
    sim.rules.mode = Mode::Enforce;
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 65).await;
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e2, 3 nodes", "a restored by c1 e3, 0 nodes"]
    );
    assert_eq!(sim.out().await, Vec::<String>::new());
}

#[tokio::test]
async fn i1_a_pair_that_was_back_and_is_lost_again_before_the_own_tick_is_decided_once() {
    let mut sim = observing().await;
    let nodes = sim.nodes("a", 3).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    sim.queue.end(worker.session);
    sim.joined("c1", 2, &["a"]);
    sim.left("c1", 2);
    sim.rules.mode = Mode::Enforce;
    sim.active().await;
    assert_eq!(
        sim.decisions().await,
        [
            "a lost by c1 e2, 3 nodes",
            "a restored by c1 e3, 0 nodes",
            "a lost by c1 e4, 3 nodes"
        ]
    );
    assert_eq!(sim.out().await, nodes);
}

#[tokio::test]
async fn l1_many_losses_that_were_observed_are_decided_again_a_bounded_number_at_a_time() {
    let mut sim = observing().await;
    let drivers: Vec<String> = (0..200).map(|n| format!("d{n:03}")).collect();
    let drivers: Vec<&str> = drivers.iter().map(String::as_str).collect();
    for driver in &drivers {
        sim.nodes(driver, 1).await;
    }
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &drivers);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    sim.queue.end(worker.session);
    sim.rules.mode = Mode::Enforce;
    let mut worker = sim.join().await;
    let mut decided = Vec::new();
    for _ in 0..400 {
        worker.step().await;
        let decisions = sim.reader.decisions(1000).await.unwrap();
        decided.push(decisions.iter().filter(|one| !one.observed).count());
        if worker.decider.pending() == 0 && decided.last() == Some(&200) {
            break;
        }
    }
    decided.dedup();
    // Three rows each, and a transaction begins with 500.
    assert_eq!(decided, [167, 200]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await.len(), 200);
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn i1_a_lost_reply_to_what_is_decided_again_doubles_no_decision() {
    let mut sim = observing().await;
    let nodes = sim.nodes("a", 3).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    sim.queue.end(worker.session);
    sim.rules.mode = Mode::Enforce;
    let lose_next = Arc::new(AtomicBool::new(true));
    let mut decider = flaky::join(&sim, losing(&lose_next)).await;
    for _ in 0..20 {
        decider.step().await.unwrap();
    }
    assert!(!lose_next.load(Ordering::Relaxed));
    assert_eq!(sim.out().await, nodes);
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e2, 3 nodes", "a lost by c1 e2, 3 nodes"]
    );
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn observing_in_the_middle_of_a_loss_touches_nothing_more_and_a_release_gives_back() {
    let (mut sim, worker) = Simulation::half_way_through_a_loss().await;
    let mut worker = restarted(&mut sim, worker, Mode::Observe).await;
    let announced = sim.announcements().await.len();
    wait(&sim, &mut worker, 70).await;
    assert_eq!(sim.out().await.len(), 10);
    // Not even a return is carried out.
    sim.joined("c1", 2, &["a"]);
    wait(&sim, &mut worker, 70).await;
    assert_eq!(sim.out().await.len(), 10);
    assert_eq!(sim.announcements().await.len(), announced);
    // No pause is needed.
    let done = release(&sim, Held::Everything).await.unwrap();
    assert_eq!(done.changed, 10);
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_contiguous(&sim.announcements().await);
    assert_eq!(changes(&sim.announcements().await).len(), 20);
}

#[tokio::test]
async fn i5_holds_from_before_come_back_when_it_is_armed_again_and_no_observed_decision_counts_them()
 {
    let mut sim = Simulation::new().await;
    sim.nodes("a", 3).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    let mut worker = restarted(&mut sim, worker, Mode::Observe).await;
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await.len(), 3);
    restarted(&mut sim, worker, Mode::Enforce).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e2, 3 nodes", "a restored by c1 e3, 3 nodes"]
    );
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn a_pause_holds_for_the_first_moments_of_being_armed_too() {
    let (mut sim, worker) = observed_loss().await;
    pause(&sim, "not yet", None).await;
    sim.queue.end(worker.session);
    sim.rules.mode = Mode::Enforce;
    let mut worker = sim.join().await;
    wait(&sim, &mut worker, 70).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(sim.decisions().await, ["a lost by c1 e2, 3 nodes"]);
}
