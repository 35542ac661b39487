//! Nodes whose driver never had a conductor, where they are to be taken out.

use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::domain::announcement::{Content, OutReason};
use nodewarden::store::Held;

use crate::harness::{Simulation, assert_contiguous};
use crate::operator::{pause, release, resume, wait};

const S: fn(u64) -> Duration = Duration::from_secs;

/// Three nodes need `zz`, which no conductor supports; two need `a`.
async fn sim() -> Simulation {
    let mut sim = Simulation::new().await;
    sim.rules.unknown_after = Some(S(60));
    sim.nodes("zz", 3).await;
    sim.nodes("a", 2).await;
    sim
}

const NONE: [&str; 0] = [];
const UNKNOWN: &str = "zz unknown by nobody never_seen, 3 nodes";

async fn states(sim: &Simulation) -> Vec<String> {
    let drivers = sim.reader.drivers().await.unwrap();
    drivers
        .iter()
        .map(|view| {
            format!(
                "{} {} {}",
                view.driver, view.state, view.nodes_out_of_service
            )
        })
        .collect()
}

#[tokio::test]
async fn an_unknown_driver_is_only_reported_unless_the_settings_want_it_otherwise() {
    let mut sim = sim().await;
    sim.rules.unknown_after = None;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.pass(&mut worker, 300).await;
    assert_eq!(sim.decisions().await, NONE);
    assert_eq!(states(&sim).await, ["a active 0", "zz unknown 0"]);
}

#[tokio::test]
async fn nodes_of_an_unknown_driver_go_out_after_the_grace_and_back_when_a_conductor_joins() {
    let sim = sim().await;
    sim.joined("c1", 1, &["a"]);
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 59).await;
    assert_eq!(sim.decisions().await, NONE);
    sim.pass(&mut worker, 4).await;
    assert_eq!(sim.decisions().await, [UNKNOWN]);
    assert_eq!(sim.out().await.len(), 3);
    assert_eq!(states(&sim).await, ["a active 0", "zz unknown 3"]);
    let announcements = sim.announcements().await;
    let told = announcements
        .iter()
        .find_map(|announcement| match &announcement.content {
            Content::OutOfService { about, reason, .. } => Some((about.clone(), *reason)),
            Content::BackInService { .. } | Content::Position { .. } => None,
        });
    let (about, reason) = told.unwrap();
    assert_eq!(reason, OutReason::DriverUnknown);
    assert_eq!(
        about.cause,
        nodewarden::domain::announcement::AnnouncedCause::default()
    );
    assert_eq!(
        (about.last_good_at_ms, about.pair.driver.as_str()),
        (None, "zz")
    );
    // Once, however many sweeps and takeovers follow; a node that is registered later goes out, too.
    sim.queue.end(worker.session);
    let mut worker = sim.active().await;
    sim.nodes("zz", 4).await;
    sim.pass(&mut worker, 200).await;
    assert_eq!(sim.out().await.len(), 4);
    sim.joined("c2", 1, &["zz"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, NONE);
    assert_eq!(
        sim.decisions().await,
        [
            "zz unknown by nobody never_seen, 4 nodes",
            "zz restored by c2 e2, 4 nodes"
        ]
    );
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn i7_an_empty_map_calls_nothing_unknown_and_its_first_conductor_is_not_the_last() {
    let sim = sim().await;
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 300).await;
    assert_eq!(sim.decisions().await, NONE);
    sim.joined("c1", 1, &["a"]);
    sim.pass(&mut worker, 59).await;
    assert_eq!(
        sim.decisions().await,
        NONE,
        "the others have their time to join"
    );
    sim.joined("c2", 1, &["zz"]);
    sim.pass(&mut worker, 200).await;
    assert_eq!(sim.decisions().await, NONE);
    assert_eq!(sim.out().await, NONE);
}

#[tokio::test]
async fn i7_nothing_is_called_unknown_while_bare_heartbeats_of_who_is_not_known_arrive() {
    for (conductor, incarnation) in [("c9", 1), ("c1", 2)] {
        let sim = sim().await;
        sim.joined("c1", 1, &["a"]);
        let mut worker = sim.active().await;
        for _ in 0..6 {
            sim.beat(conductor, incarnation);
            sim.pass(&mut worker, 50).await;
        }
        assert_eq!(sim.decisions().await, NONE);
        // 50 s ago was the last one.
        sim.pass(&mut worker, 9).await;
        assert_eq!(sim.decisions().await, NONE);
        sim.pass(&mut worker, 4).await;
        assert_eq!(sim.decisions().await, [UNKNOWN]);
    }
}

#[tokio::test]
async fn time_outs_of_conductors_that_are_not_known_hold_no_verdict_back() {
    let sim = sim().await;
    sim.joined("c1", 1, &["a"]);
    let mut worker = sim.active().await;
    // A bridge repeats them as long as the dead conductor's row is there.
    for _ in 0..3 {
        sim.timed_out("c9", 1);
        sim.pass(&mut worker, 30).await;
    }
    assert_eq!(sim.decisions().await, [UNKNOWN]);
}

#[tokio::test]
async fn i7_a_takeover_and_a_gap_begin_the_grace_again() {
    let sim = sim().await;
    sim.joined("c1", 1, &["a"]);
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 50).await;
    sim.queue.end(worker.session);
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 55).await;
    // The whole machine stands still.
    sim.clock.advance(S(3600));
    sim.settle(&mut worker).await;
    sim.pass(&mut worker, 55).await;
    assert_eq!(sim.decisions().await, NONE);
    sim.pass(&mut worker, 10).await;
    assert_eq!(sim.decisions().await, [UNKNOWN]);
}

#[tokio::test]
async fn i6_a_node_that_is_corrected_in_time_is_judged_by_nothing() {
    let sim = sim().await;
    sim.joined("c1", 1, &["a"]);
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 59).await;
    sim.sql("UPDATE nodes SET driver = 'a' WHERE driver = 'zz'")
        .await;
    sim.pass(&mut worker, 130).await;
    assert_eq!(sim.decisions().await, NONE);
    assert_eq!(states(&sim).await, ["a active 0"]);
}

#[tokio::test]
async fn i8_what_is_no_name_of_a_driver_is_left_alone_and_a_pair_that_nothing_names_is_forgotten() {
    let sim = sim().await;
    sim.sql("UPDATE nodes SET driver = NULL WHERE uuid = 'zz-00000'")
        .await;
    sim.sql("UPDATE nodes SET driver = '' WHERE uuid = 'zz-00001'")
        .await;
    sim.joined("c1", 1, &["a"]);
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 130).await;
    assert_eq!(
        sim.decisions().await,
        ["zz unknown by nobody never_seen, 1 nodes"]
    );
    assert_eq!(sim.out().await, ["zz-00002"]);
    sim.sql("DELETE FROM nodes WHERE uuid = 'zz-00002'").await;
    sim.pass(&mut worker, 130).await;
    assert_eq!(sim.out().await, NONE);
    let pairs = "SELECT min(driver) FROM nodewarden_pairs WHERE state = 'lost'";
    assert_eq!(sim.text(pairs).await, "");
}

#[tokio::test]
async fn an_unknown_driver_is_only_recorded_while_observing_and_decided_again_when_armed() {
    let mut sim = sim().await;
    sim.rules.mode = Mode::Observe;
    sim.joined("c1", 1, &["a"]);
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 65).await;
    assert_eq!(sim.decisions().await, [UNKNOWN]);
    assert_eq!(sim.out().await, NONE);
    assert_eq!(sim.announcements().await.len(), 0);
    sim.queue.end(worker.session);
    sim.rules.mode = Mode::Enforce;
    sim.active().await;
    assert_eq!(sim.decisions().await, [UNKNOWN, UNKNOWN]);
    assert_eq!(sim.out().await.len(), 3);
}

#[tokio::test]
async fn an_unknown_driver_that_was_observed_is_not_decided_again_where_it_is_only_reported() {
    let mut sim = sim().await;
    sim.rules.mode = Mode::Observe;
    sim.joined("c1", 1, &["a"]);
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 65).await;
    sim.queue.end(worker.session);
    sim.rules.mode = Mode::Enforce;
    sim.rules.unknown_after = None;
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 130).await;
    assert_eq!(sim.decisions().await, [UNKNOWN]);
    assert_eq!(sim.out().await, NONE);
}

#[tokio::test]
async fn who_wants_them_only_reported_again_gets_them_back_by_a_release_for_good() {
    let mut sim = sim().await;
    sim.joined("c1", 1, &["a"]);
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 65).await;
    sim.queue.end(worker.session);
    sim.rules.unknown_after = None;
    let mut worker = sim.active().await;
    sim.pass(&mut worker, 130).await;
    assert_eq!(sim.out().await.len(), 3, "nothing comes back by itself");
    pause(&sim, "a mistake", None).await;
    release(&sim, Held::Everything).await.unwrap();
    resume(&sim).await;
    wait(&sim, &mut worker, 130).await;
    assert_eq!(sim.out().await, NONE);
    assert_eq!(states(&sim).await, ["a active 0", "zz unknown 0"]);
    let pairs = "SELECT min(driver) FROM nodewarden_pairs WHERE state = 'lost'";
    assert_eq!(sim.text(pairs).await, "");
    assert_contiguous(&sim.announcements().await);
}
