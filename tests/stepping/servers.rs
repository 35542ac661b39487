//! Rows that a user's long transaction has locked, which only servers know: on PostgreSQL and on
//! MySQL/MariaDB whatever the environment says.

use nodewarden_tests::database::Kind;

use std::time::Duration;

use crate::harness::{SimSubscriber, Simulation, assert_contiguous};

async fn locked_rows_stay_pending(kind: Kind) {
    let sim = Simulation::on(kind).await;
    sim.nodes("a", 5).await;
    sim.nodes("b", 3).await;
    let mut worker = sim.active().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    sim.joined("c1", 1, &["a", "b"]);
    sim.settle(&mut worker).await;
    let one = "UPDATE nodes SET maintenance = TRUE WHERE uuid = 'a-00002'";
    let lock = sim.hold(one).await;
    sim.left("c1", 1);
    for _ in 0..6 {
        worker.step().await;
    }
    let mut others = vec!["a-00000", "a-00001", "a-00003", "a-00004"];
    others.extend(["b-00000", "b-00001", "b-00002"]);
    assert_eq!(sim.out().await, others);
    assert_eq!(worker.decider.trouble(), None);
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e2, 4 nodes, open", "b lost by c1 e2, 3 nodes"]
    );
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(sim.reader.overview().await.unwrap().outbox_oldest_ms, None);
    lock.undo().await;
    sim.clock.advance(Duration::from_secs(1));
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await.len(), 8);
    assert_eq!(sim.decisions().await[0], "a lost by c1 e2, 5 nodes");
    // And on the way back.
    let lock = sim.hold(one).await;
    sim.joined("c1", 2, &["a", "b"]);
    for _ in 0..6 {
        worker.step().await;
    }
    assert_eq!(sim.out().await, ["a-00002"]);
    assert_eq!(
        sim.decisions().await[2..],
        [
            "a restored by c1 e3, 4 nodes, open",
            "b restored by c1 e3, 3 nodes"
        ]
    );
    lock.undo().await;
    sim.clock.advance(Duration::from_secs(1));
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(sim.decisions().await[2], "a restored by c1 e3, 5 nodes");
    assert_eq!(
        sim.list("SELECT DISTINCT service_state FROM nodes").await,
        ["in_service"]
    );
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn rows_that_somebody_locked_on_postgresql_stay_pending_and_hold_up_no_other() {
    locked_rows_stay_pending(Kind::Postgres).await;
}

#[tokio::test]
async fn rows_that_somebody_locked_on_mysql_stay_pending_and_hold_up_no_other() {
    locked_rows_stay_pending(Kind::MySql).await;
}
