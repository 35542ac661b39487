//! What the model check of the design and the simulator found: a tick that counted too early, a fence that was
//! not looked at, and first deliveries that came too late.

use std::sync::Arc;
use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::store::{Ledger, SqlLedger, StoreError, Unwatched};
use nodewarden::worker::End;

use crate::flaky::{self, Call, FlakyDecider, Goes, Plan, lasting, passing};
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
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    // One that decides has an event in hand that it could not store, and is cut off without knowing it.
    let storing = |call: &Call| call.op == "commit" && call.about == ["c1"];
    let mut cut = flaky::join(&sim, once(storing, passing)).await;
    for _ in 0..5 {
        cut.step().await.unwrap();
    }
    sim.joined("c1", 1, &["a"]);
    cut.step().await.unwrap();
    assert_eq!((cut.in_hand(), cut.epoch()), (1, Some(1)));
    sim.queue.partition(sim.queue.first().unwrap());
    // Its successor handles that, and the other one goes on.
    let mut active = sim.join().await;
    while sim.queue.events_left() > 0 {
        active.step().await;
    }
    assert_eq!(active.decider.epoch(), Some(2));
    let end = loop {
        if let Err(end) = cut.step().await {
            break end;
        }
    };
    assert!(matches!(end, End::Fenced(1)), "{end}");
    sim.settle(&mut active).await;
    assert_eq!(active.decider.epoch(), Some(2));
}

/// A session that has one event in hand, and whose first try to take an epoch fails.
async fn with_its_first_event_in_hand(sim: &Simulation) -> FlakyDecider {
    let mut late = flaky::join(sim, once(|call| call.op == "take_epoch", passing)).await;
    sim.beat_saying("c1", 1, &["a"]);
    late.step().await.unwrap();
    assert_eq!(
        (late.in_hand(), late.epoch()),
        (2, None),
        "a tick before it"
    );
    late
}

#[tokio::test]
async fn i1_first_deliveries_are_not_handled_after_those_of_a_replica_that_came_later() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    sim.nodes("b", 1).await;
    let mut first = sim.active().await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.settle(&mut first).await;
    sim.queue.end(first.session);
    let mut late = with_its_first_event_in_hand(&sim).await;
    // What it has is in no queue any more, and another replica handles what the conductor says next.
    sim.queue.delete();
    let mut active = sim.active().await;
    sim.beat_saying("c1", 1, &["a", "b"]);
    sim.settle(&mut active).await;
    let end = late.step().await.unwrap_err();
    assert!(matches!(end, End::Fenced(1)), "{end}");
    sim.pass(&mut active, 3).await;
    assert_eq!(active.decider.epoch(), Some(2));
    assert_eq!(sim.decisions().await, Vec::<String>::new());
}

#[tokio::test]
async fn i1_what_is_still_on_its_way_while_another_replica_is_seen_to_take_over_is_not_handled_late()
 {
    let sim = Simulation::new().await;
    let mut late = sim.join().await;
    sim.beat_saying("c1", 1, &["a"]);
    sim.queue.send_off(3);
    sim.queue.delete();
    let mut active = sim.active().await;
    sim.clock.advance(Duration::from_secs(1));
    let end = late.step_to_end().await;
    assert!(matches!(end, End::Fenced(0)), "{end}");
    sim.pass(&mut active, 1).await;
    assert_eq!(active.decider.epoch(), Some(1));
}

#[tokio::test]
async fn l3_a_replica_in_line_follows_epochs_that_it_saw_and_begins_again_after_one_that_it_did_not()
 {
    let sim = Simulation::new().await;
    let first = sim.active().await;
    let mut waiting = sim.join().await;
    for _ in 0..3 {
        take_an_epoch(&sim).await;
        sim.clock.advance(Duration::from_secs(1));
        waiting.step().await;
        waiting.step().await;
    }
    sim.queue.end(first.session);
    sim.settle(&mut waiting).await;
    assert_eq!(waiting.decider.epoch(), Some(5));

    let mut unaware = sim.join().await;
    unaware.step().await;
    take_an_epoch(&sim).await;
    sim.queue.end(waiting.session);
    let end = unaware.step_to_end().await;
    assert!(matches!(end, End::Fenced(5)), "{end}");
    sim.queue.end(unaware.session);
    assert_eq!(sim.active().await.decider.epoch(), Some(7));
}

/// Some other replica takes the next one.
async fn take_an_epoch(sim: &Simulation) {
    let ledger = SqlLedger::new(&sim.database, sim.inventory(), Arc::new(Unwatched));
    let taken = ledger
        .unwrap()
        .take_epoch("another", Mode::Enforce, 1)
        .await;
    taken.unwrap();
}
