//! The conductors' own way to the queue: where it is gone, their silence proves nothing, it is made
//! again, and what is truly silent is found soon after.

use std::time::Duration;

use nodewarden::message::Delivery;
use nodewarden::wire::Probe;
use nodewarden::worker::End;

use crate::harness::{Simulation, Worker, event};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A fleet of three that beats, and one with a time-out that is silent from now on.
async fn beating() -> (Simulation, Worker) {
    let sim = Simulation::new().await;
    sim.nodes("a", 4).await;
    sim.nodes("b", 2).await;
    let mut worker = sim.active().await;
    for conductor in ["c1", "c2", "c3"] {
        sim.joined_watched(conductor, 1, &["a"], TIMEOUT);
    }
    sim.settle(&mut worker).await;
    (sim, worker)
}

/// Lets time pass while the fleet beats each second.
async fn beat(sim: &Simulation, worker: &mut Worker, seconds: u64) {
    for _ in 0..seconds {
        for conductor in ["c1", "c2", "c3"] {
            sim.beat(conductor, 1);
        }
        sim.pass(worker, 1).await;
    }
}

/// Lets time pass while the fleet beats, until `b` is out; in how many seconds that was.
async fn until_b_is_out(sim: &Simulation, worker: &mut Worker, most: u64) -> u64 {
    for second in 1..=most {
        beat(sim, worker, 1).await;
        if !sim.out().await.is_empty() {
            assert_eq!(sim.out().await, ["b-00000", "b-00001"]);
            return second;
        }
    }
    panic!("not found within {most} s");
}

#[tokio::test]
async fn i7_l4_a_lost_binding_takes_no_node_out_is_made_again_and_hides_no_silence_after_that() {
    let (sim, mut worker) = beating().await;
    beat(&sim, &mut worker, 100).await;
    sim.queue.unbind();
    // The probe of the next second is returned, and the binding made again with the step after it.
    beat(&sim, &mut worker, 2).await;
    assert!(sim.queue.is_bound());
    sim.joined_watched("silent", 1, &["b"], TIMEOUT);
    beat(&sim, &mut worker, 1).await;
    // The gap ends within two seconds; then the grace of 60 s, longer than the time-out.
    let found = until_b_is_out(&sim, &mut worker, 70).await;
    assert!(found <= 60 + 5, "{found}");
    assert_eq!(worker.decider.deafness(), None);
}

#[tokio::test]
async fn l1_l3_a_broker_that_takes_long_to_make_the_topology_again_hides_no_silence() {
    let (sim, mut worker) = beating().await;
    beat(&sim, &mut worker, 100).await;
    // Seven parts, each three round trips of half a second.
    sim.queue
        .repairs_slowly(7, &sim.clock, Duration::from_millis(1500));
    beat(&sim, &mut worker, 60).await;
    sim.joined_watched("silent", 1, &["b"], TIMEOUT);
    let found = until_b_is_out(&sim, &mut worker, 120).await;
    assert!(found <= 60 + 5, "{found}");
    assert!(sim.queue.repairs() > 0);
}

#[tokio::test]
async fn i7_l4_where_nothing_may_be_declared_it_is_said_until_somebody_binds() {
    let (sim, mut worker) = beating().await;
    beat(&sim, &mut worker, 100).await;
    sim.queue.forbid_declaring();
    sim.queue.unbind();
    beat(&sim, &mut worker, 2).await;
    let said = "conductors' events do not reach this replica: no queue is bound; no silent conductor \
                is found meanwhile";
    assert_eq!(worker.decider.deafness().as_deref(), Some(said));
    let before = sim.queue.repairs();
    beat(&sim, &mut worker, 600).await;
    assert!(
        sim.queue.repairs() > before + 100,
        "it is tried all the time"
    );
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(worker.decider.unproven(), Duration::from_secs(60));
    sim.queue.bind();
    sim.joined_watched("silent", 1, &["b"], TIMEOUT);
    until_b_is_out(&sim, &mut worker, 66).await;
    assert_eq!(worker.decider.deafness(), None);
    assert_eq!(worker.decider.unproven(), Duration::ZERO);
}

#[tokio::test]
async fn i7_l4_a_way_that_others_hide_is_missed_within_ten_seconds() {
    let (sim, mut worker) = beating().await;
    beat(&sim, &mut worker, 100).await;
    sim.queue.overhear();
    sim.queue.forbid_declaring();
    sim.queue.unbind();
    beat(&sim, &mut worker, 10).await;
    let said = worker.decider.deafness().unwrap_or_default();
    assert!(
        said.starts_with("conductors' events do not reach this replica"),
        "{said}"
    );
    beat(&sim, &mut worker, 600).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
}

#[tokio::test]
async fn i7_a_forged_probe_proves_nothing_and_is_neither_refused_nor_an_event() {
    let (sim, mut worker) = beating().await;
    beat(&sim, &mut worker, 100).await;
    sim.queue.overhear();
    sim.queue.forbid_declaring();
    sim.queue.unbind();
    let stream = sim.text("SELECT stream FROM nodewarden_state").await;
    for second in 0..120 {
        let forged = [
            Probe {
                stream: stream.clone(),
                session: "00000000-0000-4000-8000-000000000001".into(),
                nonce: format!("00000000-0000-4000-8000-{second:012}"),
            }
            .encode(),
            b"no probe at all".to_vec(),
        ];
        // It gets into the queue although nothing else does.
        sim.queue.bind();
        for body in forged {
            sim.queue.publish(Delivery {
                message_type: Some("nodewarden.probe".into()),
                body,
                ..event("p", "conductor.probe", &serde_json::json!({}))
            });
        }
        sim.queue.unbind();
        sim.pass(&mut worker, 1).await;
    }
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(sim.queue.refused(), Vec::<String>::new());
    assert_eq!(sim.queue.events_left(), 0);
    assert!(worker.decider.deafness().is_some());
}

#[tokio::test]
async fn l3_slow_steps_do_not_stretch_a_deadline() {
    let sim = Simulation::new().await;
    sim.nodes("b", 2).await;
    let mut worker = sim.active().await;
    sim.joined_watched("silent", 1, &["b"], Duration::from_secs(600));
    sim.settle(&mut worker).await;
    let began = sim.now();
    while sim.out().await.is_empty() {
        let passed = sim.now().since(began);
        assert!(passed < Duration::from_secs(610), "{passed:?}");
        worker.step().await;
        sim.clock.advance(Duration::from_millis(900));
    }
}

#[tokio::test]
async fn i7_a_short_freeze_of_ours_takes_out_no_conductor_with_a_short_time_out() {
    let sim = Simulation::new().await;
    sim.nodes("b", 2).await;
    let mut worker = sim.active().await;
    sim.joined_watched("quick", 1, &["b"], Duration::from_secs(1));
    for _ in 0..400 {
        sim.beat("quick", 1);
        sim.clock.advance(Duration::from_millis(330));
        sim.settle(&mut worker).await;
    }
    for freeze in (500..=2900).step_by(100) {
        // Everything stands still: the conductor beats again after us.
        sim.clock.advance(Duration::from_millis(freeze));
        sim.settle(&mut worker).await;
        for _ in 0..12 {
            sim.beat("quick", 1);
            sim.clock.advance(Duration::from_millis(330));
            sim.settle(&mut worker).await;
        }
        assert_eq!(sim.out().await, Vec::<String>::new(), "{freeze} ms");
    }
}

#[tokio::test]
async fn l4_a_queue_that_delivers_nothing_ends_the_session_within_two_minutes_and_an_alarm_does_not()
 {
    let (sim, mut worker) = beating().await;
    sim.queue.block(true);
    sim.pass(&mut worker, 600).await;
    sim.queue.block(false);
    sim.pass(&mut worker, 10).await;
    sim.queue.wedge(true);
    for second in 0.. {
        assert!(second <= 122, "no end after {second} s");
        sim.clock.advance(Duration::from_secs(1));
        if let Err(end) = worker.decider.step().await {
            assert!(matches!(end, End::Wedged(_)), "{end}");
            assert!(second >= 119, "after {second} s");
            break;
        }
    }
}

#[tokio::test]
async fn l4_a_replica_to_which_the_queue_never_gives_anything_leaves_the_line_after_three_sweeps() {
    let sim = Simulation::new().await;
    sim.queue.wedge(true);
    let mut first = sim.join().await;
    for second in 0.. {
        assert!(second <= 241, "no end after {second} s");
        sim.clock.advance(Duration::from_secs(1));
        if let Err(end) = first.decider.step().await {
            assert!(matches!(end, End::Wedged(_)), "{end}");
            assert!(second >= 179, "after {second} s");
            break;
        }
    }
}

#[tokio::test]
async fn l4_a_replica_in_line_stays_there_as_long_as_another_decides() {
    let sim = Simulation::new().await;
    let mut active = sim.active().await;
    let mut standby = sim.join().await;
    for _ in 0..900 {
        sim.clock.advance(Duration::from_secs(1));
        sim.settle(&mut active).await;
        standby.step().await;
    }
    assert_eq!(standby.decider.epoch(), None);
}
