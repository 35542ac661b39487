//! Rows that a user's long transaction has locked, which only servers know: on PostgreSQL and on
//! MySQL/MariaDB whatever the environment says.

use std::time::Duration;

use crate::database::Kind;
use crate::house::{House, SimSubscriber, assert_contiguous};

async fn locked_rows_stay_pending(kind: Kind) {
    let house = House::on(kind).await;
    house.nodes("a", 5).await;
    house.nodes("b", 3).await;
    let mut worker = house.active().await;
    let subscriber = SimSubscriber::default();
    let mut relay = house.relay(worker.decider.epoch().unwrap(), &subscriber);
    house.joined("c1", 1, &["a", "b"]);
    house.settle(&mut worker).await;
    let one = "UPDATE nodes SET maintenance = TRUE WHERE uuid = 'a-00002'";
    let lock = house.hold(one).await;
    house.left("c1", 1);
    for _ in 0..6 {
        worker.step().await;
    }
    let mut others = vec!["a-00000", "a-00001", "a-00003", "a-00004"];
    others.extend(["b-00000", "b-00001", "b-00002"]);
    assert_eq!(house.out().await, others);
    assert_eq!(worker.decider.trouble(), None);
    assert_eq!(
        house.decisions().await,
        ["a lost by c1 e2, 4 nodes, open", "b lost by c1 e2, 3 nodes"]
    );
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(
        house.reader.overview().await.unwrap().outbox_oldest_ms,
        None
    );
    lock.undo().await;
    house.clock.advance(Duration::from_secs(1));
    house.settle(&mut worker).await;
    assert_eq!(house.out().await.len(), 8);
    assert_eq!(house.decisions().await[0], "a lost by c1 e2, 5 nodes");
    // And on the way back.
    let lock = house.hold(one).await;
    house.joined("c1", 2, &["a", "b"]);
    for _ in 0..6 {
        worker.step().await;
    }
    assert_eq!(house.out().await, ["a-00002"]);
    assert_eq!(
        house.decisions().await[2..],
        [
            "a restored by c1 e3, 4 nodes, open",
            "b restored by c1 e3, 3 nodes"
        ]
    );
    lock.undo().await;
    house.clock.advance(Duration::from_secs(1));
    house.settle(&mut worker).await;
    assert_eq!(house.out().await, Vec::<String>::new());
    assert_eq!(house.decisions().await[2], "a restored by c1 e3, 5 nodes");
    assert_eq!(
        house.list("SELECT DISTINCT service_state FROM nodes").await,
        ["in_service"]
    );
    assert_contiguous(&house.announcements().await);
}

#[tokio::test]
async fn rows_that_somebody_locked_on_postgresql_stay_pending_and_hold_up_no_other() {
    locked_rows_stay_pending(Kind::Postgres).await;
}

#[tokio::test]
async fn rows_that_somebody_locked_on_mysql_stay_pending_and_hold_up_no_other() {
    locked_rows_stay_pending(Kind::MySql).await;
}
