//! Refused messages hold the verdict of silence back, bounded, and across takeovers; ignored
//! incarnations are noted. Both without a commit for each message.

use std::collections::BTreeMap;
use std::time::Duration;

use nodewarden::wire::Publishers;
use serde_json::json;

use crate::harness::{Simulation, Worker, event};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A watched conductor with one node, past the grace of the takeover, and heard a moment ago.
async fn watched() -> (Simulation, Worker) {
    let sim = Simulation::new().await;
    sim.nodes("ipmi", 1).await;
    let mut worker = sim.active().await;
    sim.joined_watched("c1", 1, &["ipmi"], TIMEOUT);
    for _ in 0..23 {
        sim.pass(&mut worker, 3).await;
        sim.beat("c1", 1);
    }
    sim.settle(&mut worker).await;
    (sim, worker)
}

/// A heartbeat that is refused: it names the conductor, and no incarnation.
fn rubbish(sim: &Simulation, second: u64) {
    sim.queue.publish(event(
        &format!("rubbish-{second}"),
        "conductor.heartbeat",
        &json!({ "conductor": "c1" }),
    ));
}

/// How many seconds pass until the node is out; rubbish comes at the seconds that `says` tells.
async fn out_after(sim: &Simulation, worker: &mut Worker, says: impl Fn(u64) -> bool) -> u64 {
    for second in 1..200 {
        if says(second) {
            rubbish(sim, second);
        }
        sim.pass(worker, 1).await;
        if !sim.out().await.is_empty() {
            return second;
        }
    }
    panic!("it never goes out");
}

#[tokio::test]
async fn i7_refused_messages_hold_the_verdict_back_for_one_more_time_out_and_no_longer() {
    let (sim, mut worker) = watched().await;
    let silent = out_after(&sim, &mut worker, |_| false).await;
    assert!((10..=13).contains(&silent), "{silent}");
    let (sim, mut worker) = watched().await;
    let once = out_after(&sim, &mut worker, |second| second == 5).await;
    assert!((15..=18).contains(&once), "{once}");
    let (sim, mut worker) = watched().await;
    let always = out_after(&sim, &mut worker, |_| true).await;
    assert!((20..=23).contains(&always), "{always}");
    // Rubbish brings nothing back; a good sign does.
    for second in 1000..1010 {
        rubbish(&sim, second);
        sim.pass(&mut worker, 1).await;
    }
    assert_eq!(sim.out().await.len(), 1);
    let why = sim
        .text("SELECT refused_why FROM nodewarden_unheeded WHERE conductor = 'c1'")
        .await;
    assert_eq!(why, "missing_field: incarnation is missing");
    sim.beat("c1", 1);
    sim.pass(&mut worker, 6).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    let left = "SELECT count(*) FROM nodewarden_unheeded WHERE refused_why IS NOT NULL";
    assert_eq!(sim.text(left).await, "0");
}

#[tokio::test]
async fn refused_messages_before_or_during_a_planned_restart_do_not_lengthen_it() {
    for during in [false, true] {
        let (sim, mut worker) = watched().await;
        rubbish(&sim, 1000);
        sim.left_for("c1", 1, Duration::from_secs(3));
        let after = out_after(&sim, &mut worker, |_| during).await;
        assert!(
            (3..=6).contains(&after),
            "{after}, refused during it: {during}"
        );
    }
}

#[tokio::test]
async fn a_left_that_counts_ends_what_was_said_of_refused_messages() {
    let (sim, mut worker) = watched().await;
    let noted = "SELECT count(*) FROM nodewarden_unheeded WHERE refused_why IS NOT NULL";
    rubbish(&sim, 1000);
    sim.pass(&mut worker, 1).await;
    assert_eq!(sim.text(noted).await, "1");
    sim.left("c1", 1);
    sim.pass(&mut worker, 6).await;
    assert_eq!(sim.text(noted).await, "0");
}

#[tokio::test]
async fn a_message_id_that_is_used_again_is_a_sign_that_something_speaks() {
    let (sim, mut worker) = watched().await;
    let again = |incarnation: u64| {
        let body = json!({ "conductor": "c1", "incarnation": incarnation });
        sim.queue.publish(event("1", "conductor.heartbeat", &body));
    };
    again(1);
    sim.pass(&mut worker, 5).await;
    // Another body under the same id: its counter began again.
    again(2);
    let after = out_after(&sim, &mut worker, |_| false).await;
    assert!((10..=13).contains(&after), "{after} after the conflict");
}

#[tokio::test]
async fn with_allowed_publishers_only_its_own_login_counts() {
    let (mut sim, worker) = watched().await;
    sim.rules.publishers = Some(Publishers::new(BTreeMap::from([
        ("one".to_owned(), vec!["c1".to_owned()]),
        ("other".to_owned(), vec!["c2".to_owned()]),
    ])));
    sim.queue.end(worker.session);
    for (user, expected) in [("other", 60..=64), ("one", 70..=74)] {
        let mut worker = sim.active().await;
        let mut after = 0;
        while sim.out().await.is_empty() {
            after += 1;
            assert!(after < 100, "it never goes out");
            let mut message = event(
                &format!("{user}-{after}"),
                "conductor.heartbeat",
                &json!({ "conductor": "c1" }),
            );
            message.user_id = Some(user.to_owned());
            sim.queue.publish(message);
            sim.pass(&mut worker, 1).await;
        }
        assert!(expected.contains(&after), "{user}: {after}");
        // It counts again for the next turn.
        let mut alive = event(
            &format!("alive-{user}"),
            "conductor.heartbeat",
            &json!({ "conductor": "c1", "incarnation": 1 }),
        );
        alive.user_id = Some("one".to_owned());
        sim.queue.publish(alive);
        sim.pass(&mut worker, 6).await;
        assert_eq!(sim.out().await, Vec::<String>::new());
        sim.queue.end(worker.session);
    }
}

#[tokio::test]
async fn i1_a_takeover_grants_what_remained_of_the_delay_and_not_another_one() {
    let (sim, mut worker) = watched().await;
    for second in 1..15 {
        rubbish(&sim, second);
        sim.pass(&mut worker, 1).await;
    }
    assert_eq!(sim.out().await, Vec::<String>::new());
    sim.queue.end(worker.session);
    let mut successor = sim.active().await;
    // The grace of a takeover is longer than what remained.
    let after = out_after(&sim, &mut successor, |_| true).await;
    assert!((60..=64).contains(&after), "{after}");
}

#[tokio::test]
async fn an_incarnation_that_is_over_is_noted_with_its_count_until_a_new_start() {
    let sim = Simulation::new().await;
    let mut worker = sim.active().await;
    sim.joined("c1", 9, &["ipmi"]);
    sim.left("c1", 9);
    sim.joined("c1", 5, &["ipmi"]);
    for _ in 0..70 {
        sim.beat("c1", 5);
        sim.pass(&mut worker, 1).await;
    }
    let noted = "SELECT ignored_incarnation FROM nodewarden_unheeded WHERE conductor = 'c1'";
    assert_eq!(sim.text(noted).await, "5");
    let count = sim
        .text("SELECT ignored_count FROM nodewarden_unheeded")
        .await;
    let count: u64 = count.parse().unwrap();
    assert!(
        (64..=70).contains(&count),
        "{count}: noted each few seconds"
    );
    sim.joined("c1", 10, &["ipmi"]);
    sim.pass(&mut worker, 6).await;
    let left = "SELECT count(*) FROM nodewarden_unheeded WHERE ignored_incarnation IS NOT NULL";
    assert_eq!(sim.text(left).await, "0");
}

#[tokio::test]
async fn what_is_refused_is_told_with_its_count_and_its_last_time_within_seconds() {
    let (sim, mut worker) = watched().await;
    let told = async || {
        sim.text("SELECT refused_count FROM nodewarden_unheeded")
            .await
    };
    for second in 1..=12 {
        rubbish(&sim, second);
        sim.pass(&mut worker, 1).await;
    }
    let while_it_goes_on: u64 = told().await.parse().unwrap();
    assert!((8..=12).contains(&while_it_goes_on), "{while_it_goes_on}");
    sim.pass(&mut worker, 6).await;
    assert_eq!(told().await, "12", "and all of them a moment later");
    let lasted = "SELECT refused_last_ms - refused_since_ms FROM nodewarden_unheeded";
    assert_eq!(sim.text(lasted).await, "11000");
}

#[tokio::test]
async fn refused_messages_do_not_cost_a_commit_each() {
    let (sim, mut worker) = watched().await;
    let commits = async || {
        let text = sim.text("SELECT commits FROM nodewarden_state").await;
        text.parse::<u64>().unwrap()
    };
    let before = commits().await;
    for second in 1..=9 {
        for n in 0..20 {
            rubbish(&sim, 100 * second + n);
        }
        sim.pass(&mut worker, 1).await;
    }
    let more = commits().await - before;
    assert!(more <= 3, "{more} commits for 180 refused messages");
}

#[tokio::test]
async fn what_did_not_count_goes_with_the_conductor() {
    let (sim, mut worker) = watched().await;
    rubbish(&sim, 1);
    sim.pass(&mut worker, 40).await;
    sim.sql(
        "INSERT INTO nodewarden_requests (kind, argument, requested_at_ms) VALUES ('forget', 'c1', 1)",
    )
    .await;
    sim.pass(&mut worker, 3).await;
    let left = sim.text("SELECT count(*) FROM nodewarden_unheeded").await;
    assert_eq!(left, "0");
}
