//! What only SQLite lets anybody do, or shows, and its one lock over the whole file: on SQLite whatever
//! the environment says.

use nodewarden_tests::database::Kind;

use std::time::Duration;

use crate::harness::{SimSubscriber, Simulation, assert_contiguous};

#[tokio::test]
async fn rows_that_are_no_text_hold_up_no_other() {
    let sim = Simulation::on(Kind::Sqlite).await;
    sim.nodes("a", 2).await;
    sim.sql(
        "INSERT INTO nodes (uuid, name, driver) VALUES
             (x'00ff', 'a binary key', 'a'),
             ('b-binary-name', CAST(x'ff41' AS TEXT), 'a'),
             (CAST(x'63ff' AS TEXT), 'a key that is not UTF-8', 'a'),
             ('d', 'behind it', 'a')",
    )
    .await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    while relay.step().await.unwrap() > 0 {}
    let out = sim.out().await;
    assert_eq!(
        out,
        ["a-00000", "a-00001", "b-binary-name", "c\u{fffd}", "d"]
    );
    let page = sim.reader.snapshot("", 10).await.unwrap();
    assert_eq!(page.nodes[2].name.as_deref(), Some("\u{fffd}A"));
    sim.joined("c1", 2, &["a"]);
    sim.clock.advance(Duration::from_secs(61));
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn who_holds_the_file_s_lock_keeps_deliveries_in_hand_and_the_trouble_is_said() {
    let sim = Simulation::on(Kind::Sqlite).await;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut worker).await;
    let lock = sim.lock().await;
    sim.left("c1", 1);
    worker.step().await;
    assert!(
        worker.decider.trouble().is_some(),
        "it says that the database is in trouble"
    );
    assert_eq!(worker.decider.in_hand(), 1, "the delivery stays in hand");
    assert_eq!(sim.decisions().await, Vec::<String>::new());
    lock.undo().await;
    sim.settle(&mut worker).await;
    assert_eq!(worker.decider.trouble(), None);
    assert_eq!(sim.decisions().await, ["a lost by c1 e2, 1 nodes"]);
}

#[tokio::test]
async fn who_holds_the_file_s_lock_makes_the_relay_wait_and_repeat() {
    let sim = Simulation::on(Kind::Sqlite).await;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    let lock = sim.lock().await;
    assert_eq!(relay.step().await.unwrap(), 0, "it waits");
    let once = subscriber.got();
    lock.undo().await;
    let out = relay.step().await.unwrap();
    assert_eq!(out, once.len());
    assert_eq!(subscriber.got()[out..], once[..]);
    assert_eq!(relay.step().await.unwrap(), 0);
}

#[tokio::test]
async fn our_own_tables_are_the_same_beside_an_ironic_s_as_beside_our_own_nodes() {
    let native = Simulation::on(Kind::Sqlite).await;
    let ironic = crate::ironic::ironic_on(Kind::Sqlite).await;
    let ours = "SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_schema
        WHERE tbl_name LIKE 'nodewarden\\_%' ESCAPE '\\' AND tbl_name <> 'nodewarden_migrations' ORDER BY name)";
    let made = native.text(ours).await;
    assert!(made.contains("nodewarden_pause") && made.contains("nodewarden_bridge"));
    assert_eq!(made, ironic.text(ours).await);
}
