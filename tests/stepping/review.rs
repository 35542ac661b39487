//! What users of the table of nodes may do at any moment, and what must not come of it: a row that
//! somebody has locked, or is about to insert, holds up no other.

use std::time::Duration;

use nodewarden::config::InventoryKind;
use nodewarden::store;

use crate::database::{Kind, Scratch};
use crate::house::{House, Worker, assert_contiguous};
use crate::ironic::{free, ironic};

/// SQLite has one lock for the whole file: there a user's transaction does hold up everything.
fn locks_rows(house: &House) -> bool {
    house.kind() != Kind::Sqlite
}

async fn sweep(house: &House, worker: &mut Worker) {
    house.clock.advance(Duration::from_secs(61));
    for _ in 0..20 {
        worker.step().await;
        assert_eq!(worker.decider.trouble(), None);
    }
}

#[tokio::test]
async fn one_locked_row_among_few_holds_up_no_other_whatever_the_plan() {
    for count in [2, 3, 5, 10, 40] {
        let house = House::new().await;
        if !locks_rows(&house) {
            return;
        }
        house.nodes("a", count).await;
        let mut worker = house.active().await;
        house.joined("c1", 1, &["a"]);
        house.settle(&mut worker).await;
        let lock = house
            .hold("UPDATE nodes SET name = 'x' WHERE uuid = 'a-00001'")
            .await;
        house.left("c1", 1);
        sweep(&house, &mut worker).await;
        assert_eq!(house.out().await.len(), count - 1, "of {count}");
        sweep(&house, &mut worker).await;
        house.joined("c1", 2, &["a"]);
        sweep(&house, &mut worker).await;
        assert_eq!(house.out().await.len(), 0, "of {count}");
        lock.undo().await;
        assert_contiguous(&house.announcements().await);
    }
}

#[tokio::test]
async fn a_held_node_that_is_being_inserted_again_holds_up_no_other() {
    let house = House::new().await;
    if !locks_rows(&house) {
        return;
    }
    house.nodes("a", 3).await;
    house.nodes("b", 3).await;
    let mut worker = house.active().await;
    house.joined("c1", 1, &["a", "b"]);
    house.left("c1", 1);
    house.settle(&mut worker).await;
    assert_eq!(house.out().await.len(), 6);
    house.sql("DELETE FROM nodes WHERE uuid = 'a-00001'").await;
    let insert = house
        .hold("INSERT INTO nodes (uuid, driver) VALUES ('a-00001', 'a')")
        .await;
    sweep(&house, &mut worker).await;
    house.joined("c2", 1, &["b"]);
    sweep(&house, &mut worker).await;
    assert_eq!(house.out().await, ["a-00000", "a-00002"]);
    insert.undo().await;
    assert_contiguous(&house.announcements().await);
}

#[tokio::test]
async fn a_locked_node_of_an_ironic_holds_up_no_other_whatever_the_plan() {
    for count in [2, 3, 5, 40] {
        let house = ironic().await;
        if !locks_rows(&house) {
            return;
        }
        let uuids: Vec<String> = (0..count).map(|n| format!("n-{n:05}")).collect();
        let uuids: Vec<&str> = uuids.iter().map(String::as_str).collect();
        free(&house, &uuids).await;
        let mut worker = house.active().await;
        house.joined("c1", 1, &["a", "b"]);
        house.left("c1", 1);
        house.settle(&mut worker).await;
        assert_eq!(house.out().await.len(), count, "of {count}");
        // One that waits to be re-labelled, and is locked.
        let lock = house
            .hold("UPDATE nodes SET driver = 'b' WHERE uuid = 'n-00001'")
            .await;
        sweep(&house, &mut worker).await;
        house.joined("c1", 2, &["a"]);
        sweep(&house, &mut worker).await;
        assert_eq!(house.out().await, ["n-00001"], "of {count}");
        lock.undo().await;
        sweep(&house, &mut worker).await;
        assert_eq!(house.out().await.len(), 0, "of {count}");
    }
}

#[tokio::test]
async fn a_locked_node_of_a_pair_that_nobody_names_holds_up_no_sweep() {
    for house in [House::new().await, ironic().await] {
        if !locks_rows(&house) {
            return;
        }
        house
            .sql("INSERT INTO nodes (uuid, driver) VALUES ('n1', 'a')")
            .await;
        let mut worker = house.active().await;
        house.joined("c1", 1, &["a"]);
        house.joined("c1", 2, &["b"]);
        house.settle(&mut worker).await;
        let lock = house.hold("UPDATE nodes SET driver = 'b'").await;
        sweep(&house, &mut worker).await;
        lock.undo().await;
    }
}

#[tokio::test]
async fn a_migration_that_was_cut_off_is_finished_by_the_next_one() {
    let scratch = Scratch::migrated().await;
    if scratch.kind != Kind::MySql {
        // There a migration happens as a whole or not at all.
        return;
    }
    scratch
        .run("UPDATE nodewarden_migrations SET success = FALSE WHERE version = 20; DROP TABLE nodewarden_bridge")
        .await;
    store::migrate(&scratch.database, InventoryKind::Native)
        .await
        .unwrap();
    scratch.run("SELECT looks FROM nodewarden_bridge").await;
}

#[tokio::test]
async fn old_decisions_are_dropped_in_no_time_beside_many_changes() {
    let house = House::new().await;
    house
        .sql(
            "INSERT INTO nodewarden_changes (seq, uuid, decision, since_ms) VALUES (1, 'n', 1000, 1800000000000);
             INSERT INTO nodewarden_decisions (number, decision_id, conductor_group, driver, verdict, cause, epoch,
                 decided_at_ms, completed_at_ms) VALUES (1, 'd1', '', 'a', 'lost', 'event', 1, 1, 1);
             UPDATE nodewarden_state SET seq = 600000, last_decision = 1000",
        )
        .await;
    for power in 0..19 {
        let rows = 1 << power;
        house
            .sql(&format!(
                "INSERT INTO nodewarden_changes (seq, uuid, decision, since_ms)
                 SELECT seq + {rows}, uuid, decision, since_ms FROM nodewarden_changes"
            ))
            .await;
        if power < 9 {
            house
                .sql(&format!(
                    "INSERT INTO nodewarden_decisions (number, decision_id, conductor_group, driver, verdict, cause,
                         epoch, decided_at_ms, completed_at_ms)
                     SELECT number + {rows}, concat('d', number + {rows}), '', 'a', 'lost', 'event', 1, 1, 1
                     FROM nodewarden_decisions"
                ))
                .await;
        }
    }
    let began = std::time::Instant::now();
    let worker = house.active().await;
    assert_eq!(worker.decider.trouble(), None);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(house.decisions().await, Vec::<String>::new());
}
