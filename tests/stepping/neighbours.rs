//! What users of the table of nodes may do at any moment, and what must not come of it: a row that
//! somebody has locked, or is about to insert, holds up no other.

use nodewarden_tests::database::Kind;

use std::time::Duration;

use crate::harness::{Simulation, Worker, assert_contiguous};
use crate::ironic::{free, ironic_on};

/// SQLite has one lock for the whole file: there a user's transaction does hold up everything.
const SERVERS: [Kind; 2] = [Kind::Postgres, Kind::MySql];

fn each(counts: &[usize]) -> impl Iterator<Item = (Kind, usize)> {
    SERVERS
        .into_iter()
        .flat_map(move |kind| counts.iter().map(move |count| (kind, *count)))
}

async fn sweep(sim: &Simulation, worker: &mut Worker) {
    sim.clock.advance(Duration::from_secs(61));
    for _ in 0..20 {
        worker.step().await;
        assert_eq!(worker.decider.trouble(), None);
    }
}

#[tokio::test]
async fn one_locked_row_among_few_holds_up_no_other_whatever_the_plan() {
    for (kind, count) in each(&[2, 3, 5, 10, 40]) {
        let sim = Simulation::on(kind).await;
        sim.nodes("a", count).await;
        let mut worker = sim.active().await;
        sim.joined("c1", 1, &["a"]);
        sim.settle(&mut worker).await;
        let lock = sim
            .hold("UPDATE nodes SET name = 'x' WHERE uuid = 'a-00001'")
            .await;
        sim.left("c1", 1);
        sweep(&sim, &mut worker).await;
        assert_eq!(sim.out().await.len(), count - 1, "of {count} on {kind:?}");
        sweep(&sim, &mut worker).await;
        sim.joined("c1", 2, &["a"]);
        sweep(&sim, &mut worker).await;
        assert_eq!(sim.out().await.len(), 0, "of {count} on {kind:?}");
        lock.undo().await;
        assert_contiguous(&sim.announcements().await);
    }
}

#[tokio::test]
async fn a_held_node_that_is_being_inserted_again_holds_up_no_other() {
    for kind in SERVERS {
        let sim = Simulation::on(kind).await;
        sim.nodes("a", 3).await;
        sim.nodes("b", 3).await;
        let mut worker = sim.active().await;
        sim.joined("c1", 1, &["a", "b"]);
        sim.left("c1", 1);
        sim.settle(&mut worker).await;
        assert_eq!(sim.out().await.len(), 6);
        sim.sql("DELETE FROM nodes WHERE uuid = 'a-00001'").await;
        let insert = sim
            .hold("INSERT INTO nodes (uuid, driver) VALUES ('a-00001', 'a')")
            .await;
        sweep(&sim, &mut worker).await;
        sim.joined("c2", 1, &["b"]);
        sweep(&sim, &mut worker).await;
        assert_eq!(sim.out().await, ["a-00000", "a-00002"]);
        insert.undo().await;
        assert_contiguous(&sim.announcements().await);
    }
}

#[tokio::test]
async fn a_locked_node_of_an_ironic_holds_up_no_other_whatever_the_plan() {
    for (kind, count) in each(&[2, 3, 5, 40]) {
        let sim = ironic_on(kind).await;
        let uuids: Vec<String> = (0..count).map(|n| format!("n-{n:05}")).collect();
        let uuids: Vec<&str> = uuids.iter().map(String::as_str).collect();
        free(&sim, &uuids).await;
        let mut worker = sim.active().await;
        sim.joined("c1", 1, &["a", "b"]);
        sim.left("c1", 1);
        sim.settle(&mut worker).await;
        assert_eq!(sim.out().await.len(), count, "of {count} on {kind:?}");
        // One that waits to be re-labelled, and is locked.
        let lock = sim
            .hold("UPDATE nodes SET driver = 'b' WHERE uuid = 'n-00001'")
            .await;
        sweep(&sim, &mut worker).await;
        sim.joined("c1", 2, &["a"]);
        sweep(&sim, &mut worker).await;
        assert_eq!(sim.out().await, ["n-00001"], "of {count} on {kind:?}");
        lock.undo().await;
        sweep(&sim, &mut worker).await;
        assert_eq!(sim.out().await.len(), 0, "of {count} on {kind:?}");
    }
}

#[tokio::test]
async fn a_locked_node_of_a_pair_that_nothing_names_holds_up_no_sweep() {
    for sim in [
        Simulation::on(Kind::Postgres).await,
        Simulation::on(Kind::MySql).await,
        ironic_on(Kind::Postgres).await,
        ironic_on(Kind::MySql).await,
    ] {
        sim.sql("INSERT INTO nodes (uuid, driver) VALUES ('n1', 'a')")
            .await;
        let mut worker = sim.active().await;
        sim.joined("c1", 1, &["a"]);
        sim.joined("c1", 2, &["b"]);
        sim.settle(&mut worker).await;
        let lock = sim.hold("UPDATE nodes SET driver = 'b'").await;
        sweep(&sim, &mut worker).await;
        lock.undo().await;
    }
}
