//! Everybody else who writes to the table of nodes, at any time.

use std::time::Duration;

use nodewarden::store::StoreError;

use crate::house::{House, assert_contiguous, changes};

async fn lost(house: &House) -> crate::house::Worker {
    let mut worker = house.active().await;
    house.joined("c1", 1, &["a", "b"]);
    house.left("c1", 1);
    house.settle(&mut worker).await;
    worker
}

async fn sweep(house: &House, worker: &mut crate::house::Worker) {
    house.clock.advance(Duration::from_secs(61));
    house.settle(worker).await;
}

async fn last_change(house: &House) -> String {
    let announcements = house.announcements().await;
    assert_contiguous(&announcements);
    let last = announcements
        .iter()
        .rev()
        .find(|announcement| announcement.content.announcement_type().as_str() != "node.position")
        .expect("something was announced");
    let reason = match &last.content {
        nodewarden::domain::announcement::Content::BackInService {
            reason,
            released_by,
            about,
            ..
        } => {
            format!(
                "{} {} {}",
                reason.as_str(),
                about.pair.driver,
                if released_by.is_some() {
                    "decided"
                } else {
                    "-"
                }
            )
        }
        nodewarden::domain::announcement::Content::OutOfService { about, .. } => {
            format!("lost {}", about.pair.driver)
        }
        nodewarden::domain::announcement::Content::Position { .. } => unreachable!("filtered"),
    };
    let changes: Vec<String> = changes(std::slice::from_ref(last))
        .into_iter()
        .map(|(_, c)| c)
        .collect();
    format!("{} {reason}", changes.join(","))
}

#[tokio::test]
async fn a_node_registered_after_the_loss_is_taken_out_by_the_next_sweep() {
    let house = House::new().await;
    let mut worker = lost(&house).await;
    house.nodes("a", 1).await;
    house.settle(&mut worker).await;
    assert_eq!(house.out().await, Vec::<String>::new());
    sweep(&house, &mut worker).await;
    assert_eq!(house.out().await, ["a-00000"]);
    assert_eq!(last_change(&house).await, "-a-00000 lost a");
    assert_eq!(
        house.decisions().await,
        ["a lost by c1 e2, 1 nodes", "b lost by c1 e2, 0 nodes"]
    );
}

#[tokio::test]
async fn a_held_node_that_is_deleted_ends_its_hold() {
    let house = House::new().await;
    house.nodes("a", 2).await;
    let mut worker = lost(&house).await;
    house.sql("DELETE FROM nodes WHERE uuid = 'a-00000'").await;
    sweep(&house, &mut worker).await;
    assert_eq!(house.out().await, ["a-00001"]);
    assert_eq!(last_change(&house).await, "+a-00000 node_removed a -");
}

#[tokio::test]
async fn a_held_node_that_is_moved_to_an_active_pair_comes_back_as_changed() {
    let house = House::new().await;
    house.nodes("a", 1).await;
    let mut worker = lost(&house).await;
    house.joined("c2", 1, &["z"]);
    house.sql("UPDATE nodes SET driver = 'z'").await;
    sweep(&house, &mut worker).await;
    assert_eq!(house.out().await, Vec::<String>::new());
    assert_eq!(last_change(&house).await, "+a-00000 node_changed a -");
    assert_eq!(
        house.text("SELECT service_state FROM nodes").await,
        "in_service"
    );
}

#[tokio::test]
async fn a_held_node_that_is_moved_to_another_lost_pair_is_released_by_that_pair_s_return() {
    let house = House::new().await;
    house.nodes("a", 1).await;
    let mut worker = lost(&house).await;
    house.sql("UPDATE nodes SET driver = 'b'").await;
    sweep(&house, &mut worker).await;
    assert_eq!(house.out().await, ["a-00000"]);
    let page = house.reader.snapshot("", 10).await.unwrap();
    assert_eq!(page.nodes[0].driver, "b");
    house.joined("c3", 1, &["a"]);
    sweep(&house, &mut worker).await;
    assert_eq!(house.out().await, ["a-00000"]);
    house.joined("c4", 1, &["b"]);
    house.settle(&mut worker).await;
    assert_eq!(house.out().await, Vec::<String>::new());
    assert_eq!(
        last_change(&house).await,
        "+a-00000 driver_restored b decided"
    );
}

#[tokio::test]
async fn a_held_node_that_loses_its_driver_or_needs_an_unknown_one_stays_held() {
    let house = House::new().await;
    house.nodes("a", 2).await;
    let mut worker = lost(&house).await;
    house
        .sql("UPDATE nodes SET driver = NULL WHERE uuid = 'a-00000'")
        .await;
    house
        .sql("UPDATE nodes SET driver = 'never seen' WHERE uuid = 'a-00001'")
        .await;
    house.joined("c2", 1, &["a"]);
    sweep(&house, &mut worker).await;
    assert_eq!(house.out().await, ["a-00000", "a-00001"]);
    assert_eq!(
        house.list("SELECT service_state FROM nodes").await,
        ["out_of_service", "out_of_service"]
    );
}

#[tokio::test]
async fn a_mark_that_somebody_changes_by_hand_is_put_right_by_the_sweep_and_not_announced() {
    let house = House::new().await;
    house.nodes("a", 1).await;
    house.nodes("free", 3).await;
    let mut worker = lost(&house).await;
    let told = house.announcements().await.len();
    house
        .sql("UPDATE nodes SET service_state = 'in_service' WHERE uuid = 'a-00000'")
        .await;
    house
        .sql("UPDATE nodes SET service_state = 'out_of_service' WHERE uuid = 'free-00000'")
        .await;
    house
        .sql("UPDATE nodes SET service_state = 'nonsense' WHERE uuid = 'free-00001'")
        .await;
    house
        .sql("UPDATE nodes SET service_state = NULL WHERE uuid = 'free-00002'")
        .await;
    sweep(&house, &mut worker).await;
    assert_eq!(
        house
            .list("SELECT concat(uuid, ' ', service_state) FROM nodes ORDER BY uuid")
            .await,
        [
            "a-00000 out_of_service",
            "free-00000 in_service",
            "free-00001 in_service",
            "free-00002 in_service"
        ]
    );
    let announcements = house.announcements().await;
    assert_eq!(changes(&announcements).len(), 1);
    assert_eq!(
        announcements.len(),
        told + 1,
        "the sweep announces a position and nothing else"
    );
}

#[tokio::test]
async fn an_unheld_node_that_is_marked_out_by_hand_and_lost_gets_its_hold_and_is_announced() {
    let house = House::new().await;
    house.nodes("a", 1).await;
    house
        .sql("UPDATE nodes SET service_state = 'out_of_service'")
        .await;
    let mut worker = lost(&house).await;
    assert_eq!(house.out().await, ["a-00000"]);
    house.joined("c1", 2, &["a"]);
    house.settle(&mut worker).await;
    assert_eq!(
        house.text("SELECT service_state FROM nodes").await,
        "in_service"
    );
}

#[tokio::test]
async fn groups_are_compared_in_ascii_lower_case_and_drivers_exactly() {
    let house = House::new().await;
    house.nodes_in("a", "Rack-7", 1).await;
    house.nodes_in("a", "RACK-7 ", 1).await;
    house.nodes_in("A", "rack-7", 1).await;
    house.nodes_in("a", "ÄRA", 1).await;
    house
        .sql("INSERT INTO nodes (uuid, driver, conductor_group) VALUES ('null-group', 'a', NULL)")
        .await;
    let mut worker = house.active().await;
    house.joined_in("c1", 1, "rACK-7", &["a"]);
    house.joined_in("c2", 1, "ära", &["a"]);
    house.joined_in("c3", 1, "", &["a"]);
    house.left("c1", 1);
    house.settle(&mut worker).await;
    assert_eq!(house.out().await, ["aRack-7-00000"]);
    house.left("c2", 1);
    house.settle(&mut worker).await;
    assert_eq!(
        house.out().await,
        ["aRack-7-00000"],
        "Ä is not folded, so this is another group"
    );
    house.left("c3", 1);
    house.settle(&mut worker).await;
    assert_eq!(house.out().await, ["aRack-7-00000", "null-group"]);
}

#[tokio::test]
async fn a_user_s_long_transaction_delays_the_decision_and_changes_nothing() {
    let house = House::new().await;
    house.nodes("a", 1).await;
    let mut worker = house.active().await;
    house.joined("c1", 1, &["a"]);
    house.settle(&mut worker).await;
    let lock = house.lock().await;
    house.left("c1", 1);
    worker.step().await;
    assert_eq!(house.out().await, Vec::<String>::new());
    lock.undo().await;
    // Rows that were locked are looked at again after a second.
    house.clock.advance(Duration::from_secs(1));
    house.settle(&mut worker).await;
    assert_eq!(worker.decider.trouble(), None);
    assert_eq!(house.out().await, ["a-00000"]);
    assert_eq!(house.decisions().await, ["a lost by c1 e2, 1 nodes"]);
}

#[tokio::test]
async fn keys_and_names_too_long_for_a_message_hold_up_nobody() {
    let house = House::new().await;
    house.nodes("a", 2).await;
    // 200 letters that every column takes, and 400 bytes that no message does.
    let long = "é".repeat(200);
    house
        .sql(&format!(
            "INSERT INTO nodes (uuid, name, driver) VALUES
             ('{long}', 'its uuid is too long', 'a'), ('b-long-name', '{long}', 'a')"
        ))
        .await;
    let _worker = lost(&house).await;
    assert_eq!(house.out().await, ["a-00000", "a-00001", "b-long-name"]);
    let page = house.reader.snapshot("", 10).await.unwrap();
    assert_eq!(page.nodes[2].name, None);
    assert_eq!(
        house
            .text("SELECT service_state FROM nodes WHERE name = 'its uuid is too long'")
            .await,
        "in_service"
    );
    assert_eq!(
        house.decisions().await,
        ["a lost by c1 e2, 3 nodes", "b lost by c1 e2, 0 nodes"]
    );
}

#[tokio::test]
async fn a_table_that_somebody_broke_keeps_a_replica_from_taking_a_single_event() {
    let house = House::new().await;
    house.sql("ALTER TABLE nodes DROP COLUMN maintenance").await;
    house.joined("c1", 1, &["a"]);
    let fault = house.try_join().await.err().expect("it does not join");
    assert!(matches!(fault, StoreError::Missing { .. }), "{fault:?}");
    let told = fault.to_string();
    assert!(told.starts_with("check the table of nodes: "), "{told}");
    assert!(told.contains("maintenance"), "{told}");
    assert!(
        told.ends_with(": run `nodewarden migrate`, or grant the right that is missing"),
        "{told}"
    );
    assert_eq!(house.queue.events_left(), 1);
}

#[tokio::test]
async fn a_row_that_cannot_be_written_is_left_alone_and_holds_up_no_other() {
    let house = House::new().await;
    house.nodes("a", 40).await;
    house.nodes("b", 3).await;
    let mut worker = house.active().await;
    house.joined("c1", 1, &["a", "b"]);
    house.settle(&mut worker).await;
    house.refuse_update_of("a-00013").await;
    house.left("c1", 1);
    house.settle(&mut worker).await;
    let mut expected: Vec<String> = (0..40).map(|n| format!("a-{n:05}")).collect();
    expected.remove(13);
    expected.extend((0..3).map(|n| format!("b-{n:05}")));
    assert_eq!(house.out().await, expected);
    assert_contiguous(&house.announcements().await);
    house.allow_updates().await;
    sweep(&house, &mut worker).await;
    assert_eq!(house.out().await.len(), 43);
    // And on the way back.
    house.refuse_update_of("a-00013").await;
    house.joined("c1", 2, &["a", "b"]);
    house.settle(&mut worker).await;
    assert_eq!(house.out().await, ["a-00013"]);
    house.allow_updates().await;
    sweep(&house, &mut worker).await;
    assert_eq!(house.out().await, Vec::<String>::new());
    assert_contiguous(&house.announcements().await);
}
