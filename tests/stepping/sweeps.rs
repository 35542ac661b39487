//! What a sweep costs (L1, L2): a commit to begin it and those of retention, and one more only where
//! there is something to do.

use std::time::Duration;

use crate::harness::{Simulation, Worker};

async fn commits(sim: &Simulation) -> u64 {
    let query = "SELECT CAST(commits AS CHAR(9)) FROM nodewarden_state";
    sim.text(query).await.trim().parse().unwrap()
}

/// How many commits one sweep makes.
async fn sweep(sim: &Simulation, worker: &mut Worker) -> u64 {
    let before = commits(sim).await;
    sim.clock.advance(Duration::from_secs(61));
    sim.settle(worker).await;
    commits(sim).await - before
}

/// Loses so many pairs of two nodes each.
async fn lose(sim: &Simulation, worker: &mut Worker, pairs: usize) {
    for conductor in 0..pairs.div_ceil(100) {
        let drivers: Vec<String> = (0..100.min(pairs - conductor * 100))
            .map(|driver| format!("d{conductor:02}{driver:02}"))
            .collect();
        let names: Vec<&str> = drivers.iter().map(String::as_str).collect();
        sim.joined(&format!("c{conductor}"), 1, &names);
        sim.left(&format!("c{conductor}"), 1);
        sim.settle(worker).await;
    }
}

/// Nodes `NN`-0 and `NN`-1 of each driver.
async fn nodes(sim: &Simulation, pairs: usize) {
    let rows: Vec<String> = (0..pairs)
        .flat_map(|pair| {
            let driver = format!("d{:02}{:02}", pair / 100, pair % 100);
            [0, 1].map(|n| format!("('{driver}-{n}', '{driver}')"))
        })
        .collect();
    sim.sql(&format!(
        "INSERT INTO nodes (uuid, driver) VALUES {}",
        rows.join(", ")
    ))
    .await;
}

#[tokio::test]
async fn a_sweep_over_a_thousand_lost_pairs_costs_no_commit_more_than_one_over_none() {
    let sim = Simulation::new().await;
    nodes(&sim, 1000).await;
    let mut worker = sim.active().await;
    let over_none = sweep(&sim, &mut worker).await;
    lose(&sim, &mut worker, 1000).await;
    assert_eq!(sim.out().await.len(), 2000);
    let over_many = sweep(&sim, &mut worker).await;
    assert_eq!(over_many, over_none);
    // One to begin it, one for each of the five kinds of old records, and one that keeps the counts.
    assert_eq!(over_none, 7);
}

#[tokio::test]
async fn a_sweep_finds_what_came_up_behind_the_walks_at_one_commit_each() {
    let sim = Simulation::new().await;
    nodes(&sim, 20).await;
    let mut worker = sim.active().await;
    lose(&sim, &mut worker, 20).await;
    let idle = sweep(&sim, &mut worker).await;
    for (what, change, expected) in [
        (
            "a node of a lost pair is registered",
            "INSERT INTO nodes (uuid, driver) VALUES ('new', 'd0007')",
            "41 held, 41 marked",
        ),
        (
            "a mark is changed",
            "UPDATE nodes SET service_state = 'in_service' WHERE uuid = 'd0003-0'",
            "41 held, 41 marked",
        ),
        (
            "a held node is removed",
            "DELETE FROM nodes WHERE uuid = 'new'",
            "40 held, 40 marked",
        ),
        (
            "a node is marked that is not held",
            "INSERT INTO nodes (uuid, driver, service_state) VALUES ('free', 'x', 'out_of_service')",
            "40 held, 40 marked",
        ),
    ] {
        sim.sql(change).await;
        assert_eq!(sweep(&sim, &mut worker).await, idle + 1, "{what}");
        let now = sim
            .text(
                "SELECT concat((SELECT count(*) FROM nodewarden_changes WHERE held IS NOT NULL), ' held, ',
                (SELECT count(*) FROM nodes WHERE service_state = 'out_of_service'), ' marked')",
            )
            .await;
        assert_eq!(now, expected, "{what}");
        assert_eq!(sweep(&sim, &mut worker).await, idle, "after that: {what}");
    }
}

#[tokio::test]
async fn a_loss_and_a_return_that_a_predecessor_left_half_done_are_completed_after_a_takeover() {
    let mut sim = Simulation::new().await;
    sim.rules.chunk_nodes = 10;
    sim.nodes("a", 25).await;
    let mut first = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut first).await;
    sim.left("c1", 1);
    while sim.out().await.len() < 20 {
        first.step().await;
    }
    sim.queue.end(first.session);
    drop(first);
    let mut second = sim.active().await;
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e2, 25 nodes"],
        "what was left is taken out, and the decision is complete"
    );
    sim.joined("c1", 2, &["a"]);
    while sim.out().await.len() > 5 {
        second.step().await;
    }
    sim.queue.end(second.session);
    drop(second);
    let mut third = sim.active().await;
    sim.settle(&mut third).await;
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e2, 25 nodes", "a restored by c1 e3, 25 nodes"]
    );
    assert_eq!(sim.out().await.len(), 0);
}
