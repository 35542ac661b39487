//! What the model check of the design found: a tick that counted too early, and a fence that was not
//! looked at.

use nodewarden::store::StoreError;
use nodewarden::worker::End;

use crate::flaky::{self, Call, Goes, Plan, lasting, passing};
use crate::harness::{Simulation, changes};

/// The first such call fails as `fault` says, and nothing has happened.
fn once(such: fn(&Call) -> bool, fault: fn(&'static str) -> StoreError) -> Plan {
    let mut failed = false;
    Box::new(move |call| {
        if failed || !such(call) {
            return Goes::Well;
        }
        failed = true;
        Goes::Before(fault(call.op))
    })
}

#[tokio::test]
async fn an_own_tick_proves_nothing_before_all_that_was_delivered_with_it_is_committed() {
    let mut sim = Simulation::new().await;
    sim.rules.batch = 3;
    sim.nodes("a", 1).await;
    for _ in 0..3 {
        sim.joined("c1", 1, &["a"]);
    }
    sim.left("c1", 1);
    sim.joined("c2", 1, &["a"]);
    // Its tick comes back with the last two events, and these cannot be stored together.
    let together = |call: &Call| call.op == "commit" && call.about == ["c1", "c2"];
    let mut worker = flaky::join(&sim, once(together, lasting)).await;
    for _ in 0..20 {
        worker.step().await.unwrap();
    }
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e4, 0 nodes", "a restored by c2 e5, 0 nodes"]
    );
    let announcements = sim.announcements().await;
    assert_eq!(changes(&announcements), []);
}

#[tokio::test]
async fn a_repeat_that_another_one_handled_tells_a_replica_that_it_is_fenced() {
    let mut sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut first = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut first).await;
    sim.queue.end(first.session);
    // One has events in hand and no epoch yet, and is cut off without knowing it.
    for _ in 0..30 {
        sim.beat("c1", 1);
    }
    sim.left("c1", 1);
    sim.rules.batch = 31;
    let mut cut = flaky::join(&sim, once(|call| call.op == "take_epoch", passing)).await;
    cut.step().await.unwrap();
    assert_eq!((cut.in_hand(), cut.epoch()), (31, None));
    sim.queue.partition(first.session + 1);
    // Its successor has handled all but one, and what a takeover does, when the other one goes on.
    sim.rules.batch = 1;
    let mut active = sim.join().await;
    for _ in 0..30 {
        active.step().await;
    }
    assert_eq!(active.decider.epoch(), Some(2));
    while cut.in_hand() > 0 {
        cut.step().await.unwrap();
    }
    assert_eq!(cut.epoch(), Some(3));
    assert_eq!(sim.decisions().await.len(), 1);
    let end = active.step_to_end().await;
    assert!(matches!(end, End::Fenced(_)), "{end}");
}
