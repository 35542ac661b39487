//! Schedules that once went wrong.

use std::time::Duration;

use crate::house::House;

const S: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test]
async fn a_short_stall_every_minute_does_not_keep_silence_from_being_judged() {
    let mut house = House::new().await;
    house.rules.batch = 1;
    house.nodes("a", 1).await;
    let mut worker = house.active().await;
    house.joined_watched("c1", 1, &["a"], S(10));
    house.settle(&mut worker).await;
    // c1 is dead from here on. Now and then a step takes a little over a second, with the own tick
    // still behind it in the queue.
    for _ in 0..5 {
        house.pass(&mut worker, 50).await;
        house.beat("somebody else", 1);
        house.clock.advance(S(1));
        worker.step().await;
        house.clock.advance(Duration::from_millis(1200));
        house.settle(&mut worker).await;
    }
    assert_eq!(house.decisions().await, ["a lost by c1 silence, 1 nodes"]);
}
