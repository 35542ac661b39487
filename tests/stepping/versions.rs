//! Two versions on one queue and one database, as in a rolling upgrade.

use std::time::Duration;

use nodewarden::worker::ports::Clock;

use crate::harness::{SimSubscriber, Simulation};

#[tokio::test]
async fn i4_what_a_newer_version_announces_is_left_to_it_and_what_is_before_it_goes_out() {
    let mut sim = Simulation::new().await;
    sim.rules.nodes_per_message = 1;
    sim.nodes("a", 3).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    let epoch = worker.decider.epoch().unwrap();
    let before = sim.announcements().await;
    let third = before[2].number;
    sim.sql(&format!(
        "UPDATE nodewarden_announcements SET format = 2 WHERE number >= {third}"
    ))
    .await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(epoch, &subscriber);
    assert_eq!(relay.step().await.unwrap(), 2);
    // The session that decides goes on: the relay waits, a few seconds at a time, and says why.
    let before_it = sim.clock.now().mono;
    for _ in 0..3 {
        assert_eq!(relay.step().await.unwrap(), 0);
    }
    let waited = sim.clock.now().mono.since(before_it);
    assert!(waited <= Duration::from_secs(15), "{waited:?}");
    let said = relay.trouble();
    assert_eq!(
        said.borrow().as_deref(),
        Some(
            format!(
                "announcements wait: announcement {third} has format 2, and this nodewarden makes format 1 alone: \
                 a replica of the version that wrote it must carry it out"
            )
            .as_str()
        )
    );
    assert_eq!(subscriber.got().len(), 2);
    // The newer one takes over and carries it out.
    sim.sql("UPDATE nodewarden_announcements SET format = 1")
        .await;
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(subscriber.got().len(), before.len());
    assert_eq!(*said.borrow(), None);
}

#[tokio::test]
async fn columns_and_tables_that_a_newer_version_added_disturb_no_replica() {
    let sim = Simulation::new().await;
    sim.sql("ALTER TABLE nodewarden_state ADD COLUMN invented_later INTEGER")
        .await;
    sim.sql("ALTER TABLE nodewarden_changes ADD COLUMN invented_later INTEGER")
        .await;
    sim.sql("CREATE TABLE nodewarden_invented_later (id INTEGER)")
        .await;
    sim.nodes("a", 2).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, ["a-00000", "a-00001"]);
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
}
