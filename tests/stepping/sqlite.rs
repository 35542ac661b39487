//! What only SQLite lets anybody do, or shows, and its one lock over the whole file: on SQLite whatever
//! the environment says.

use std::time::Duration;

use crate::database::Kind;
use crate::house::{House, SimSubscriber, assert_contiguous};

#[tokio::test]
async fn rows_that_are_no_text_hold_up_nobody() {
    let house = House::on(Kind::Sqlite).await;
    house.nodes("a", 2).await;
    house
        .sql(
            "INSERT INTO nodes (uuid, name, driver) VALUES
             (x'00ff', 'a binary key', 'a'),
             ('b-binary-name', CAST(x'ff41' AS TEXT), 'a'),
             (CAST(x'63ff' AS TEXT), 'a key that is not UTF-8', 'a'),
             ('d', 'behind it', 'a')",
        )
        .await;
    let mut worker = house.active().await;
    house.joined("c1", 1, &["a"]);
    house.left("c1", 1);
    house.settle(&mut worker).await;
    let subscriber = SimSubscriber::default();
    let mut relay = house.relay(worker.decider.epoch().unwrap(), &subscriber);
    while relay.step().await.unwrap() > 0 {}
    let out = house.out().await;
    assert_eq!(
        out,
        ["a-00000", "a-00001", "b-binary-name", "c\u{fffd}", "d"]
    );
    let page = house.reader.snapshot("", 10).await.unwrap();
    assert_eq!(page.nodes[2].name.as_deref(), Some("\u{fffd}A"));
    house.joined("c1", 2, &["a"]);
    house.clock.advance(Duration::from_secs(61));
    house.settle(&mut worker).await;
    assert_eq!(house.out().await, Vec::<String>::new());
    assert_contiguous(&house.announcements().await);
}

#[tokio::test]
async fn who_holds_the_file_s_lock_keeps_deliveries_in_hand_and_the_trouble_is_said() {
    let house = House::on(Kind::Sqlite).await;
    house.nodes("a", 1).await;
    let mut worker = house.active().await;
    house.joined("c1", 1, &["a"]);
    house.settle(&mut worker).await;
    let lock = house.lock().await;
    house.left("c1", 1);
    worker.step().await;
    assert!(
        worker.decider.trouble().is_some(),
        "it says that the database is in trouble"
    );
    assert_eq!(worker.decider.in_hand(), 1, "the delivery stays in hand");
    assert_eq!(house.decisions().await, Vec::<String>::new());
    lock.undo().await;
    house.settle(&mut worker).await;
    assert_eq!(worker.decider.trouble(), None);
    assert_eq!(house.decisions().await, ["a lost by c1 e2, 1 nodes"]);
}

#[tokio::test]
async fn who_holds_the_file_s_lock_makes_the_relay_wait_and_repeat() {
    let house = House::on(Kind::Sqlite).await;
    house.nodes("a", 1).await;
    let mut worker = house.active().await;
    house.joined("c1", 1, &["a"]);
    house.left("c1", 1);
    house.settle(&mut worker).await;
    let subscriber = SimSubscriber::default();
    let mut relay = house.relay(worker.decider.epoch().unwrap(), &subscriber);
    let lock = house.lock().await;
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
    let native = House::on(Kind::Sqlite).await;
    let ironic = crate::ironic::ironic_on(Kind::Sqlite).await;
    let ours = "SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_schema
        WHERE tbl_name LIKE 'nodewarden\\_%' ESCAPE '\\' AND tbl_name <> 'nodewarden_migrations' ORDER BY name)";
    let made = native.text(ours).await;
    assert!(made.contains("nodewarden_pause") && made.contains("nodewarden_bridge"));
    assert_eq!(made, ironic.text(ours).await);
}
