//! Takeovers, ticks, silence and restores at the worst moments.

use std::time::Duration;

use nodewarden::worker::End;

use crate::harness::{SimSubscriber, Simulation, assert_contiguous, changes};

const S: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test]
async fn a_lost_pair_takes_its_nodes_out_and_a_higher_incarnation_brings_exactly_those_back() {
    let sim = Simulation::new().await;
    let a = sim.nodes("a", 3).await;
    let b = sim.nodes("b", 3).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.joined("c2", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, b);
    sim.joined("c1", 2, &["a", "b"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(
        sim.decisions().await,
        ["b lost by c1 e3, 3 nodes", "b restored by c1 e4, 3 nodes"]
    );
    let announcements = sim.announcements().await;
    assert_contiguous(&announcements);
    let told: Vec<String> = changes(&announcements)
        .into_iter()
        .map(|(_, change)| change)
        .collect();
    let out = b.iter().map(|uuid| format!("-{uuid}"));
    let back = b.iter().map(|uuid| format!("+{uuid}"));
    assert_eq!(told, out.chain(back).collect::<Vec<_>>());
    assert_eq!(a.len(), 3);
}

#[tokio::test]
async fn a_standby_takes_no_epoch_before_its_first_delivery() {
    let sim = Simulation::new().await;
    let mut active = sim.active().await;
    let mut standby = sim.join().await;
    for _ in 0..5 {
        sim.clock.advance(S(1));
        standby.step().await;
        sim.settle(&mut active).await;
    }
    assert_eq!(
        (active.decider.epoch(), standby.decider.epoch()),
        (Some(1), None)
    );
}

#[tokio::test]
async fn a_stale_tick_in_the_queue_lets_nothing_be_judged() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined_watched("c1", 1, &["a"], S(10));
    sim.settle(&mut worker).await;
    // The tick is sent, then the world stands still for an hour before it comes back.
    sim.clock.advance(S(1));
    worker.decider.step().await.unwrap();
    sim.clock.advance(S(3600));
    sim.settle(&mut worker).await;
    assert_eq!(sim.decisions().await, Vec::<String>::new());
    // From the first fresh tick on the grace runs, and only after it silence is silence.
    sim.pass(&mut worker, 58).await;
    assert_eq!(sim.decisions().await, Vec::<String>::new());
    sim.pass(&mut worker, 5).await;
    assert_eq!(sim.decisions().await, ["a lost by c1 silence, 1 nodes"]);
}

#[tokio::test]
async fn a_takeover_starts_the_grace_again_for_every_silent_conductor() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut first = sim.active().await;
    sim.joined_watched("c1", 1, &["a"], S(10));
    sim.settle(&mut first).await;
    sim.pass(&mut first, 8).await;
    sim.queue.end(first.session);
    let mut second = sim.active().await;
    sim.pass(&mut second, 59).await;
    assert_eq!(sim.decisions().await, Vec::<String>::new());
    sim.pass(&mut second, 4).await;
    assert_eq!(sim.decisions().await, ["a lost by c1 silence, 1 nodes"]);
}

#[tokio::test]
async fn after_a_takeover_no_node_is_taken_out_before_an_own_tick_came_back() {
    let sim = Simulation::new().await;
    let nodes = sim.nodes("a", 2).await;
    let mut first = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut first).await;
    sim.left("c1", 1);
    first.decider.step().await.unwrap();
    assert_eq!(sim.decisions().await, ["a lost by c1 e2, 2 nodes"]);
    // A second loss whose nodes the first replica never reaches.
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut first).await;
    sim.left("c1", 2);
    sim.queue.end(first.session);
    sim.joined("c1", 3, &["a"]);
    let mut second = sim.join().await;
    // The batch with `left` and `joined` is handled, the own tick is behind it: nothing moved.
    second.step().await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    sim.settle(&mut second).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(
        sim.decisions().await,
        [
            "a lost by c1 e2, 2 nodes",
            "a restored by c1 e3, 2 nodes",
            "a lost by c1 e4, 0 nodes",
            "a restored by c1 e5, 0 nodes"
        ]
    );
    assert_eq!(nodes.len(), 2);
}

#[tokio::test]
async fn a_restore_half_way_through_a_loss_gives_back_exactly_what_was_taken() {
    let mut sim = Simulation::new().await;
    sim.rules.chunk_nodes = 10;
    sim.rules.nodes_per_message = 4;
    sim.nodes("a", 35).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut worker).await;
    sim.left("c1", 1);
    worker.step().await;
    worker.step().await;
    assert_eq!(sim.out().await.len(), 20);
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await.len(), 0);
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e2, 20 nodes", "a restored by c1 e3, 20 nodes"]
    );
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn a_worker_fenced_in_the_middle_of_a_loss_writes_nothing_more_and_its_successor_goes_on() {
    let (sim, mut old) = Simulation::half_way_through_a_loss().await;
    // The broker hands the queue on; the old worker does not know it.
    sim.queue.partition(old.session);
    let mut new = sim.join().await;
    sim.joined("c9", 1, &["z"]);
    new.step().await;
    let before = sim.text("SELECT commits FROM nodewarden_state").await;
    assert!(matches!(old.decider.step().await, Err(End::Fenced(1))));
    assert_eq!(
        sim.text("SELECT commits FROM nodewarden_state").await,
        before
    );
    sim.settle(&mut new).await;
    assert_eq!(sim.out().await.len(), 35);
    assert_eq!(sim.decisions().await, ["a lost by c1 e2, 35 nodes"]);
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn a_frozen_worker_with_deliveries_in_hand_is_stopped_by_the_epoch_alone() {
    let sim = Simulation::new().await;
    sim.nodes("a", 5).await;
    let mut old = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut old).await;
    // A sweep is due: the next thing that the old worker does without the broker is a commit.
    sim.clock.advance(S(61));
    let stream = sim.reader.overview().await.unwrap().stream;
    let mut thief = nodewarden::store::SqlLedger::new(
        &sim.database,
        nodewarden::config::InventoryKind::Native,
        std::sync::Arc::new(nodewarden::store::Unwatched),
    )
    .unwrap();
    let mode = nodewarden::config::Mode::Enforce;
    let takeover = nodewarden::store::Ledger::take_epoch(&mut thief, "thief", mode, 1)
        .await
        .unwrap();
    assert_eq!((takeover.stream, takeover.epoch), (stream, 2));
    assert!(matches!(old.step_to_end().await, End::Fenced(1)));
    assert_eq!(sim.reader.overview().await.unwrap().epoch, 2);
}

#[tokio::test]
async fn a_foreign_stream_ends_the_session_before_anything_is_acknowledged() {
    let sim = Simulation::new().await;
    let other = Simulation::new().await;
    let _first_in_line = other.join().await;
    let mut stranger = other.join().await;
    stranger.step().await;
    // The stranger's tick, moved to our queue.
    sim.joined("c1", 1, &["a"]);
    sim.queue
        .publish(other.queue.steal().expect("a tick waits"));
    let mut worker = sim.join().await;
    assert!(matches!(worker.step_to_end().await, End::ForeignStream(_)));
    sim.queue.end(worker.session);
    assert_eq!(sim.queue.events_left(), 1, "the event is still there");
    assert_eq!(sim.reader.overview().await.unwrap().epoch, 0);
}

#[tokio::test]
async fn heartbeats_that_keep_coming_keep_a_conductor_alive_for_ever() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined_watched("c1", 1, &["a"], S(3));
    for _ in 0..100 {
        sim.beat("c1", 1);
        sim.pass(&mut worker, 2).await;
    }
    assert_eq!(sim.decisions().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_planned_restart_holds_its_nodes_until_it_ends_and_a_time_out_does_not_shorten_it() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined_watched("c1", 1, &["a"], S(3));
    sim.settle(&mut worker).await;
    sim.left_for("c1", 1, S(120));
    sim.pass(&mut worker, 60).await;
    sim.left("c1", 1);
    sim.pass(&mut worker, 59).await;
    assert_eq!(sim.decisions().await, Vec::<String>::new());
    sim.pass(&mut worker, 5).await;
    assert_eq!(sim.decisions().await, ["a lost by c1 hold_ended, 1 nodes"]);
}

#[tokio::test]
async fn the_rest_of_a_planned_restart_is_continued_by_a_successor() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut first = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left_for("c1", 1, S(600));
    sim.pass(&mut first, 500).await;
    sim.queue.end(first.session);
    let mut second = sim.active().await;
    // About 100 s remain, kept by the last sweep (at most 60 s ago).
    sim.pass(&mut second, 95).await;
    assert_eq!(sim.decisions().await, Vec::<String>::new());
    sim.pass(&mut second, 75).await;
    assert_eq!(sim.decisions().await, ["a lost by c1 hold_ended, 1 nodes"]);
}

#[tokio::test]
async fn a_relay_that_is_refused_goes_back_to_the_first_unconfirmed_and_gives_up_after_thirty_seconds()
 {
    let sim = Simulation::new().await;
    sim.nodes("a", 2).await;
    let mut worker = sim.active().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    while relay.step().await.unwrap() > 0 {}
    let before = subscriber.got().len();
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    subscriber.refuse(true);
    assert_eq!(relay.step().await.unwrap(), 0);
    subscriber.refuse(false);
    assert_eq!(relay.step().await.unwrap(), 1);
    assert_eq!(subscriber.got().len(), before + 1);
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    subscriber.refuse(true);
    let refused_at = sim.reader.overview().await.unwrap().announced;
    let mut waited = 0;
    while relay.step().await.unwrap() == 0 {
        waited += 1;
        assert!(waited < 1000, "it never gives up");
        sim.clock.advance(S(1));
    }
    assert!(waited > 9, "it gave up after {waited} tries");
    assert_eq!(
        sim.reader.overview().await.unwrap().announced,
        refused_at + 1
    );
}
