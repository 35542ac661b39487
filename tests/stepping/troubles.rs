//! One thing that the database refuses for now must not keep everything else waiting.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nodewarden::store::{SqlLedger, Unwatched};
use nodewarden::worker::Decider;

use crate::house::House;
use crate::races::Lossy;

/// Loses `a` with 300 nodes and `b` with 3 on a ledger in trouble; how many are out after a while.
async fn lose_in_trouble(no_sweep: bool, most: u32) -> usize {
    let house = House::new().await;
    house.nodes("a", 300).await;
    house.nodes("b", 3).await;
    let ledger = Lossy {
        inner: SqlLedger::new(&house.database, house.inventory(), Arc::new(Unwatched)).unwrap(),
        lose_next: Arc::new(AtomicBool::new(false)),
        no_sweep,
        most,
    };
    let (rules, clock) = (house.rules.clone(), house.clock.clone());
    let queue = house.queue.join();
    let mut decider = Decider::join(queue, ledger, clock, rules, "test")
        .await
        .unwrap();
    house.joined("c1", 1, &["a", "b"]);
    house.left("c1", 1);
    for _ in 0..60 {
        decider.step().await.unwrap();
        house.clock.advance(Duration::from_millis(500));
    }
    house.out().await.len()
}

#[tokio::test]
async fn a_sweep_that_fails_again_and_again_keeps_no_pair_from_being_handled() {
    assert_eq!(lose_in_trouble(true, u32::MAX).await, 303);
}

#[tokio::test]
async fn a_window_that_takes_too_long_is_tried_smaller() {
    assert_eq!(lose_in_trouble(false, 150).await, 303);
}
