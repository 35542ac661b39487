//! Everybody else who writes to the table of nodes, at any time.

use std::time::Duration;

use nodewarden::store::StoreError;

use crate::harness::{Simulation, assert_contiguous, changes};

async fn lost(sim: &Simulation) -> crate::harness::Worker {
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    worker
}

async fn sweep(sim: &Simulation, worker: &mut crate::harness::Worker) {
    sim.clock.advance(Duration::from_secs(61));
    sim.settle(worker).await;
}

async fn last_change(sim: &Simulation) -> String {
    let announcements = sim.announcements().await;
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
    let sim = Simulation::new().await;
    let mut worker = lost(&sim).await;
    sim.nodes("a", 1).await;
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["a-00000"]);
    assert_eq!(last_change(&sim).await, "-a-00000 lost a");
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e2, 1 nodes", "b lost by c1 e2, 0 nodes"]
    );
}

#[tokio::test]
async fn a_held_node_that_is_deleted_ends_its_hold() {
    let sim = Simulation::new().await;
    sim.nodes("a", 2).await;
    let mut worker = lost(&sim).await;
    sim.sql("DELETE FROM nodes WHERE uuid = 'a-00000'").await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["a-00001"]);
    assert_eq!(last_change(&sim).await, "+a-00000 node_removed a -");
}

#[tokio::test]
async fn a_held_node_that_is_moved_to_an_active_pair_comes_back_as_changed() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut worker = lost(&sim).await;
    sim.joined("c2", 1, &["z"]);
    sim.sql("UPDATE nodes SET driver = 'z'").await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(last_change(&sim).await, "+a-00000 node_changed a -");
    assert_eq!(
        sim.text("SELECT service_state FROM nodes").await,
        "in_service"
    );
}

#[tokio::test]
async fn a_held_node_that_is_moved_to_another_lost_pair_is_released_by_that_pair_s_return() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut worker = lost(&sim).await;
    sim.sql("UPDATE nodes SET driver = 'b'").await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["a-00000"]);
    let page = sim.reader.snapshot("", 10).await.unwrap();
    assert_eq!(page.nodes[0].driver, "b");
    sim.joined("c3", 1, &["a"]);
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["a-00000"]);
    sim.joined("c4", 1, &["b"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(
        last_change(&sim).await,
        "+a-00000 driver_restored b decided"
    );
}

#[tokio::test]
async fn a_held_node_that_loses_its_driver_or_needs_an_unknown_one_stays_held() {
    let sim = Simulation::new().await;
    sim.nodes("a", 2).await;
    let mut worker = lost(&sim).await;
    sim.sql("UPDATE nodes SET driver = NULL WHERE uuid = 'a-00000'")
        .await;
    sim.sql("UPDATE nodes SET driver = 'never seen' WHERE uuid = 'a-00001'")
        .await;
    sim.joined("c2", 1, &["a"]);
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["a-00000", "a-00001"]);
    assert_eq!(
        sim.list("SELECT service_state FROM nodes").await,
        ["out_of_service", "out_of_service"]
    );
}

#[tokio::test]
async fn a_mark_that_somebody_changes_by_hand_is_put_right_by_the_sweep_and_not_announced() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    sim.nodes("free", 3).await;
    let mut worker = lost(&sim).await;
    let told = sim.announcements().await.len();
    sim.sql("UPDATE nodes SET service_state = 'in_service' WHERE uuid = 'a-00000'")
        .await;
    sim.sql("UPDATE nodes SET service_state = 'out_of_service' WHERE uuid = 'free-00000'")
        .await;
    sim.sql("UPDATE nodes SET service_state = 'nonsense' WHERE uuid = 'free-00001'")
        .await;
    sim.sql("UPDATE nodes SET service_state = NULL WHERE uuid = 'free-00002'")
        .await;
    sweep(&sim, &mut worker).await;
    assert_eq!(
        sim.list("SELECT concat(uuid, ' ', service_state) FROM nodes ORDER BY uuid")
            .await,
        [
            "a-00000 out_of_service",
            "free-00000 in_service",
            "free-00001 in_service",
            "free-00002 in_service"
        ]
    );
    let announcements = sim.announcements().await;
    assert_eq!(changes(&announcements).len(), 1);
    assert_eq!(
        announcements.len(),
        told + 1,
        "the sweep announces a position and nothing else"
    );
}

#[tokio::test]
async fn an_unheld_node_that_is_marked_out_by_hand_and_lost_gets_its_hold_and_is_announced() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    sim.sql("UPDATE nodes SET service_state = 'out_of_service'")
        .await;
    let mut worker = lost(&sim).await;
    assert_eq!(sim.out().await, ["a-00000"]);
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(
        sim.text("SELECT service_state FROM nodes").await,
        "in_service"
    );
}

#[tokio::test]
async fn groups_are_compared_in_ascii_lower_case_and_drivers_exactly() {
    let sim = Simulation::new().await;
    sim.nodes_in("a", "Rack-7", 1).await;
    sim.nodes_in("a", "RACK-7 ", 1).await;
    sim.nodes_in("A", "rack-7", 1).await;
    sim.nodes_in("a", "ÄRA", 1).await;
    sim.sql("INSERT INTO nodes (uuid, driver, conductor_group) VALUES ('null-group', 'a', NULL)")
        .await;
    let mut worker = sim.active().await;
    sim.joined_in("c1", 1, "rACK-7", &["a"]);
    sim.joined_in("c2", 1, "ära", &["a"]);
    sim.joined_in("c3", 1, "", &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, ["aRack-7-00000"]);
    sim.left("c2", 1);
    sim.settle(&mut worker).await;
    assert_eq!(
        sim.out().await,
        ["aRack-7-00000"],
        "Ä is not folded, so this is another group"
    );
    sim.left("c3", 1);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, ["aRack-7-00000", "null-group"]);
}

#[tokio::test]
async fn a_user_s_long_transaction_delays_the_decision_and_changes_nothing() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut worker).await;
    let lock = sim.lock().await;
    sim.left("c1", 1);
    worker.step().await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    lock.undo().await;
    // Rows that were locked are looked at again after a second.
    sim.clock.advance(Duration::from_secs(1));
    sim.settle(&mut worker).await;
    assert_eq!(worker.decider.trouble(), None);
    assert_eq!(sim.out().await, ["a-00000"]);
    assert_eq!(sim.decisions().await, ["a lost by c1 e2, 1 nodes"]);
}

#[tokio::test]
async fn keys_and_names_too_long_for_a_message_hold_up_no_other() {
    let sim = Simulation::new().await;
    sim.nodes("a", 2).await;
    // 200 letters that every column takes, and 400 bytes that no message does.
    let long = "é".repeat(200);
    sim.sql(&format!(
        "INSERT INTO nodes (uuid, name, driver) VALUES
             ('{long}', 'its uuid is too long', 'a'), ('b-long-name', '{long}', 'a')"
    ))
    .await;
    let _worker = lost(&sim).await;
    assert_eq!(sim.out().await, ["a-00000", "a-00001", "b-long-name"]);
    let page = sim.reader.snapshot("", 10).await.unwrap();
    assert_eq!(page.nodes[2].name, None);
    assert_eq!(
        sim.text("SELECT service_state FROM nodes WHERE name = 'its uuid is too long'")
            .await,
        "in_service"
    );
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e2, 3 nodes", "b lost by c1 e2, 0 nodes"]
    );
}

#[tokio::test]
async fn a_table_that_somebody_broke_keeps_a_replica_from_taking_a_single_event() {
    let sim = Simulation::new().await;
    sim.sql("ALTER TABLE nodes DROP COLUMN maintenance").await;
    sim.joined("c1", 1, &["a"]);
    let fault = sim.try_join().await.err().expect("it does not join");
    assert!(matches!(fault, StoreError::Missing { .. }), "{fault:?}");
    let told = fault.to_string();
    assert!(told.starts_with("check the table of nodes: "), "{told}");
    assert!(told.contains("maintenance"), "{told}");
    assert!(
        told.ends_with(": run `nodewarden migrate`, or grant the right that is missing"),
        "{told}"
    );
    assert_eq!(sim.queue.events_left(), 1);
}

#[tokio::test]
async fn a_row_that_cannot_be_written_is_left_alone_and_holds_up_no_other() {
    let sim = Simulation::new().await;
    sim.nodes("a", 40).await;
    sim.nodes("b", 3).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.settle(&mut worker).await;
    sim.refuse_update_of("a-00013").await;
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    let mut expected: Vec<String> = (0..40).map(|n| format!("a-{n:05}")).collect();
    expected.remove(13);
    expected.extend((0..3).map(|n| format!("b-{n:05}")));
    assert_eq!(sim.out().await, expected);
    assert_contiguous(&sim.announcements().await);
    sim.allow_updates().await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await.len(), 43);
    // And on the way back.
    sim.refuse_update_of("a-00013").await;
    sim.joined("c1", 2, &["a", "b"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, ["a-00013"]);
    sim.allow_updates().await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn i3_a_row_whose_change_a_trigger_silently_cancels_is_neither_held_nor_announced() {
    let sim = Simulation::new().await;
    sim.nodes("a", 40).await;
    // Small enough to be carried out with the other.
    sim.nodes("b", 3).await;
    let mut worker = sim.active().await;
    for (stubborn, start) in [("a-00013", 1), ("b-00001", 3)] {
        sim.joined("c1", start, &["a", "b"]);
        sim.settle(&mut worker).await;
        sim.ignore_update_of(stubborn).await;
        sim.left("c1", start);
        sim.settle(&mut worker).await;
        let mut expected: Vec<String> = (0..40).map(|n| format!("a-{n:05}")).collect();
        expected.extend((0..3).map(|n| format!("b-{n:05}")));
        let all = expected.clone();
        expected.retain(|uuid| uuid != stubborn);
        assert_eq!(sim.out().await, expected);
        let marked = "SELECT uuid FROM nodes WHERE service_state = 'out_of_service' ORDER BY uuid";
        assert_eq!(sim.list(marked).await, expected);
        assert_contiguous(&sim.announcements().await);
        sim.allow_updates().await;
        sweep(&sim, &mut worker).await;
        assert_eq!(sim.out().await, all);
        // And on the way back: it stays held as long as it stays marked.
        sim.ignore_update_of(stubborn).await;
        sim.joined("c1", start + 1, &["a", "b"]);
        sim.settle(&mut worker).await;
        assert_eq!(sim.out().await, [stubborn]);
        assert_eq!(sim.list(marked).await, [stubborn]);
        sim.allow_updates().await;
        sweep(&sim, &mut worker).await;
        assert_eq!(sim.out().await, Vec::<String>::new());
        assert_eq!(sim.list(marked).await, Vec::<String>::new());
        assert_contiguous(&sim.announcements().await);
    }
}
