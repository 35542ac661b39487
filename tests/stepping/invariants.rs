//! The invariants of `src/lib.rs`, by number. Those that need a real broker or a real process are in
//! `tests/faults`; the names say which.

use std::time::Duration;

use nodewarden::message::{Delivery, Outgoing};
use nodewarden::worker::Announcer;
use serde_json::json;

use crate::harness::{SimSubscriber, Simulation, assert_contiguous, changes, event};

const S: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test]
async fn i1_decisions_do_not_depend_on_crashes_redeliveries_and_batches() {
    let script = |sim: &Simulation| {
        sim.joined("c1", 1, &["a", "b"]);
        sim.joined("c2", 1, &["a"]);
        sim.left("c1", 1);
        sim.joined("c1", 2, &["b"]);
        sim.left("c2", 1);
        sim.left("c1", 1);
        sim.left("c1", 2);
        sim.joined("c2", 5, &["a", "b"]);
    };
    let expected = [
        "b lost by c1 e3",
        "b restored by c1 e4",
        "a lost by c2 e5",
        "b lost by c1 e7",
        "a restored by c2 e8",
        "b restored by c2 e8",
    ];
    // batch size, and after how many steps each worker dies
    for (batch, life) in [
        (256, 1000),
        (1, 1000),
        (3, 1),
        (2, 2),
        (1, 1),
        (256, 1),
        (1, 3),
    ] {
        let mut sim = Simulation::new().await;
        sim.rules.batch = batch;
        sim.nodes("a", 2).await;
        sim.nodes("b", 2).await;
        script(&sim);
        for _ in 0..40 {
            let mut worker = sim.join().await;
            for _ in 0..life {
                let step = worker.step().await;
                if step.handled == 0 && sim.queue.events_left() == 0 {
                    break;
                }
            }
            sim.queue.end(worker.session);
        }
        sim.active().await;
        let decisions: Vec<String> = sim
            .decisions()
            .await
            .iter()
            .map(|decision| decision.split(',').next().unwrap().to_owned())
            .collect();
        assert_eq!(decisions, expected, "batch {batch}, life {life}");
        assert_eq!(sim.out().await, Vec::<String>::new());
        assert_contiguous(&sim.announcements().await);
    }
}

#[tokio::test]
async fn i1_a_silence_is_decided_once_whoever_takes_over() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut first = sim.active().await;
    sim.joined_watched("c1", 1, &["a"], S(5));
    sim.settle(&mut first).await;
    sim.pass(&mut first, 70).await;
    sim.queue.end(first.session);
    let mut second = sim.active().await;
    sim.pass(&mut second, 130).await;
    assert_eq!(sim.decisions().await, ["a lost by c1 silence, 1 nodes"]);
}

#[tokio::test]
async fn i2_what_was_committed_and_not_acknowledged_changes_nothing_when_it_comes_again() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    let mut first = sim.join().await;
    // The broker is gone before the acknowledgement reaches it.
    sim.queue.partition_before_ack(first.session);
    assert!(first.decider.step().await.is_err());
    assert_eq!(sim.decisions().await.len(), 1, "committed");
    assert_eq!(sim.queue.events_left(), 2, "and not acknowledged");
    sim.active().await;
    assert_eq!(sim.queue.events_left(), 0);
    assert_eq!(sim.decisions().await, ["a lost by c1 e2, 1 nodes"]);
}

#[tokio::test]
async fn i2_a_refused_message_is_copied_before_it_is_acknowledged_and_delays_no_good_one() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.queue
        .publish(event("x", "conductor.left", &json!({"conductor": "c1"})));
    sim.queue.publish(event(
        "e1",
        "conductor.joined",
        &json!({"conductor": "c1", "incarnation": 7, "drivers": []}),
    ));
    sim.left("c1", 1);
    worker.step().await;
    assert_eq!(
        sim.queue.refused(),
        ["missing_field", "message_id_conflict"]
    );
    assert_eq!(sim.queue.events_left(), 0);
    assert_eq!(sim.decisions().await.len(), 1);
}

#[tokio::test]
async fn i2_a_message_is_never_refused_for_having_been_seen_often() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    for _ in 0..30 {
        let session = sim.join().await;
        sim.queue.touch(session.session);
        sim.queue.end(session.session);
    }
    let mut worker = sim.active().await;
    sim.settle(&mut worker).await;
    assert_eq!(sim.queue.refused(), Vec::<String>::new());
    assert_eq!(sim.decisions().await, ["a lost by c1 e2, 1 nodes"]);
}

#[tokio::test]
async fn i3_a_window_that_cannot_be_written_leaves_neither_mark_nor_hold_nor_announcement() {
    let mut sim = Simulation::new().await;
    sim.rules.chunk_nodes = 3;
    sim.nodes("a", 3).await;
    let mut worker = sim.active().await;
    sim.refuse_update_of("a-00002").await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    worker.step().await;
    assert_eq!(sim.decisions().await, ["a lost by c1 e2, 0 nodes, open"]);
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(changes(&sim.announcements().await), []);
    assert_eq!(
        sim.list("SELECT DISTINCT service_state FROM nodes").await,
        ["in_service"]
    );
    sim.allow_updates().await;
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await.len(), 3);
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn i4_a_repeated_announcement_has_the_same_bytes_even_after_the_node_changed() {
    let mut sim = Simulation::new().await;
    sim.rules.nodes_per_message = 2;
    sim.nodes("a", 3).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    let epoch = worker.decider.epoch().unwrap();
    let (once, again) = (SimSubscriber::default(), SimSubscriber::default());
    // Published, and then the process dies before the progress is stored.
    publish_without_progress(&sim, &once).await;
    sim.sql("UPDATE nodes SET name = 'renamed', driver = 'b'")
        .await;
    sim.sql("DELETE FROM nodes WHERE uuid = 'a-00001'").await;
    sim.clock.advance(S(61));
    sim.settle(&mut worker).await;
    sim.joined("c2", 1, &["b"]);
    sim.settle(&mut worker).await;
    let mut relay = sim.relay(epoch, &again);
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(once.got().len(), 3, "a position and two messages of nodes");
    assert_eq!(again.got()[..3], once.got()[..]);
    assert_contiguous(&sim.announcements().await);
}

async fn publish_without_progress(sim: &Simulation, subscriber: &SimSubscriber) {
    let messages: Vec<Outgoing> = sim
        .announcements()
        .await
        .iter()
        .map(|announcement| nodewarden::wire::encode(announcement, "node.events"))
        .collect();
    subscriber.clone().publish(&messages).await.unwrap();
}

#[tokio::test]
async fn i5_a_return_releases_our_holds_and_never_touches_an_operator_s_mark() {
    let sim = Simulation::new().await;
    sim.nodes("a", 3).await;
    sim.sql("UPDATE nodes SET maintenance = TRUE WHERE uuid = 'a-00000'")
        .await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    sim.sql("UPDATE nodes SET maintenance = TRUE WHERE uuid = 'a-00001'")
        .await;
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(
        sim.list("SELECT service_state FROM nodes ORDER BY uuid")
            .await,
        ["in_service", "in_service", "in_service"]
    );
    assert_eq!(
        sim.list("SELECT uuid FROM nodes WHERE maintenance ORDER BY uuid")
            .await,
        ["a-00000", "a-00001"]
    );
}

#[tokio::test]
async fn i6_no_node_of_an_active_pair_is_taken_and_none_of_a_lost_one_given_back() {
    let mut sim = Simulation::new().await;
    sim.rules.chunk_nodes = 3;
    sim.nodes("a", 10).await;
    sim.nodes("b", 10).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.settle(&mut worker).await;
    for incarnation in 1..12_u64 {
        sim.left("c1", incarnation);
        worker.step().await;
        let drivers: &[&str] = if incarnation % 2 == 0 { &["a"] } else { &["b"] };
        sim.joined("c1", incarnation + 1, drivers);
        for _ in 0..incarnation {
            worker.step().await;
        }
        sim.settle(&mut worker).await;
        let out = sim.out().await;
        let lost = if incarnation % 2 == 0 { "b" } else { "a" };
        assert_eq!(out.len(), 10, "incarnation {incarnation}");
        assert!(out.iter().all(|uuid| uuid.starts_with(lost)), "{out:?}");
        assert_contiguous(&sim.announcements().await);
    }
}

#[tokio::test]
async fn i7_an_own_pause_of_any_length_takes_no_node_out() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined_watched("c1", 1, &["a"], S(10));
    sim.settle(&mut worker).await;
    sim.pass(&mut worker, 5).await;
    // The whole machine stands still, conductors and broker with it, between two ticks.
    for pause in [4, 30, 3600] {
        sim.clock.advance(S(pause));
        sim.settle(&mut worker).await;
        sim.pass(&mut worker, 30).await;
        sim.beat("c1", 1);
        sim.settle(&mut worker).await;
    }
    assert_eq!(sim.decisions().await, Vec::<String>::new());
}

#[tokio::test]
async fn i7_a_short_stall_of_all_counts_against_no_conductor_however_short_its_time_out() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined_watched("c1", 1, &["a"], S(2));
    sim.settle(&mut worker).await;
    for _ in 0..70 {
        sim.beat("c1", 1);
        sim.pass(&mut worker, 1).await;
    }
    // Machine, broker and conductor stand still together, too shortly to be called a gap.
    for _ in 0..5 {
        sim.clock.advance(Duration::from_millis(2900));
        sim.settle(&mut worker).await;
        sim.beat("c1", 1);
        sim.pass(&mut worker, 1).await;
    }
    assert_eq!(sim.decisions().await, Vec::<String>::new());
    sim.pass(&mut worker, 10).await;
    assert_eq!(sim.decisions().await, ["a lost by c1 silence, 1 nodes"]);
}

#[tokio::test]
async fn i7_an_empty_or_old_memory_takes_no_node_out() {
    let sim = Simulation::new().await;
    sim.nodes("a", 3).await;
    sim.nodes("b", 3).await;
    let mut worker = sim.active().await;
    // Never heard of b's conductors; a's is known from long ago and was restored from a backup.
    sim.joined_watched("c1", 1, &["a"], S(10));
    sim.settle(&mut worker).await;
    sim.queue.end(worker.session);
    sim.clock.advance(S(86_400));
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 50).await;
    sim.beat("c1", 1);
    sim.pass(&mut worker, 8).await;
    sim.beat("c1", 1);
    sim.pass(&mut worker, 8).await;
    assert_eq!(sim.decisions().await, Vec::<String>::new());
    assert_eq!(sim.out().await, Vec::<String>::new());
}

#[tokio::test]
async fn i8_tables_stay_bounded_by_the_retention() {
    let mut sim = Simulation::new().await;
    sim.rules.keeping.events = S(3600);
    sim.rules.keeping.announced = S(3600);
    sim.rules.keeping.decisions = S(7200);
    sim.nodes("a", 5).await;
    let mut worker = sim.active().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    for incarnation in 1..200 {
        sim.joined("c1", incarnation, &["a"]);
        sim.settle(&mut worker).await;
        sim.left("c1", incarnation);
        sim.settle(&mut worker).await;
        sim.clock.advance(S(600));
        sim.settle(&mut worker).await;
        while relay.step().await.unwrap() > 0 {}
    }
    let mut rows = Vec::new();
    for table in ["events", "changes", "announcements", "decisions"] {
        let count = format!("SELECT count(*) FROM nodewarden_{table}");
        rows.push(format!("{} {table}", sim.text(&count).await));
    }
    assert_eq!(
        rows,
        [
            "12 events",
            "60 changes",
            "19 announcements",
            "24 decisions"
        ]
    );
    assert_eq!(sim.out().await.len(), 5);
}

#[tokio::test]
async fn i8_a_batch_is_never_larger_than_its_bound() {
    let mut sim = Simulation::new().await;
    sim.rules.batch = 7;
    for n in 0..50 {
        sim.queue.publish(Delivery {
            body: vec![0xc1; n],
            ..Delivery::default()
        });
    }
    let mut worker = sim.join().await;
    while sim.queue.events_left() > 0 {
        assert!(worker.step().await.handled <= 7);
    }
    assert_eq!(sim.queue.refused().len(), 50);
}

#[tokio::test]
async fn i8_new_conductors_and_pairs_above_the_set_numbers_are_refused_and_known_ones_heard() {
    let mut sim = Simulation::new().await;
    sim.rules.most_conductors = 2;
    sim.rules.most_pairs = 3;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.joined("c2", 1, &["a"]);
    sim.joined("c3", 1, &["a"]);
    sim.joined("c2", 2, &["a", "c"]);
    sim.joined("c2", 3, &["a", "d"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    assert_eq!(
        sim.queue.refused(),
        ["too_many_conductors", "too_many_pairs"]
    );
    let conductors = sim.reader.conductors().await.unwrap();
    let known: Vec<String> = conductors
        .iter()
        .map(|view| format!("{} {} {}", view.conductor, view.incarnation, view.state))
        .collect();
    assert_eq!(known, ["c1 1 left", "c2 2 active"]);
}

#[tokio::test]
async fn l1_a_batch_is_bounded_in_the_rows_that_it_may_write_the_first_of_a_takeover_too() {
    for takes_over in [false, true] {
        let sim = Simulation::new().await;
        let mut worker = match takes_over {
            true => sim.join().await,
            false => sim.active().await,
        };
        for conductor in 0..5 {
            let drivers: Vec<String> = (0..250).map(|n| format!("d{conductor}-{n:03}")).collect();
            let drivers: Vec<&str> = drivers.iter().map(String::as_str).collect();
            sim.joined(&format!("c{conductor}"), 1, &drivers);
        }
        let mut handled = Vec::new();
        while sim.queue.events_left() > 0 {
            handled.push(worker.step().await.handled);
        }
        // 2 + 250 rows each, and a transaction begins with 500.
        assert_eq!(handled[0], 2, "{handled:?}, takes over: {takes_over}");
        assert_eq!(sim.queue.refused(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn i8_a_conductor_gone_for_long_is_forgotten_and_so_is_a_driver_that_nothing_names() {
    let mut sim = Simulation::new().await;
    sim.rules.forget_after = S(7200);
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "mistyped"]);
    sim.joined("c2", 1, &["b"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    sim.clock.advance(S(7100));
    sim.settle(&mut worker).await;
    assert_eq!(sim.reader.conductors().await.unwrap().len(), 2);
    sim.clock.advance(S(200));
    sim.settle(&mut worker).await;
    let conductors = sim.reader.conductors().await.unwrap();
    assert_eq!(conductors.len(), 1);
    assert_eq!(conductors[0].conductor, "c2");
    let drivers: Vec<String> = sim
        .reader
        .drivers()
        .await
        .unwrap()
        .iter()
        .map(|view| format!("{} {}", view.driver, view.state))
        .collect();
    assert_eq!(
        drivers,
        ["a lost", "b active"],
        "a's node still needs it, and stays out"
    );
    assert_eq!(sim.out().await, ["a-00000"]);
    // Whoever comes back, with whatever incarnation, is new and gives the node back.
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
}
