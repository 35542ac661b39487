//! Real replicas on real servers while seeded faults happen, and a judge that knows the contract and none of
//! the product's code. `tests/prove` runs all scenarios; alone it is a short one.

mod broker;
mod conductors;
mod event;
mod evidence;
mod faults;
mod ground;
mod hearing;
mod judge;
mod reference;
mod replicas;
mod report;
mod scenario;
mod seeded;
mod servers;
mod stage;
mod tables;
mod tampering;
mod wires;

use std::time::Duration;

use crate::ground::Ground;
use crate::stage::Stage;

/// What `tests/prove` asks for, or the default.
fn asked(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_each_event_is_decided_once_and_told_and_the_judge_sees_what_is_not() {
    let name = asked("NODEWARDEN_CHAOS_SCENARIO", "replicas");
    let seed: u64 = asked("NODEWARDEN_CHAOS_SEED", "1").parse().unwrap();
    let seconds: u64 = asked("NODEWARDEN_CHAOS_SECONDS", "6").parse().unwrap();
    let scenario = scenario::ALL.iter().find(|one| one.name == name);
    let scenario = scenario.unwrap_or_else(|| panic!("there is no scenario {name}"));

    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::new(
        scenario.broker,
        scenario.kind,
        scenario.database,
        scenario.replicas,
    );
    let mut ground = ground.await;
    if scenario.proxied {
        ground = ground.proxied().await;
    }
    let mut stage = Stage::set(ground, scenario.more, folder.path().to_owned()).await;
    let mut done = Vec::new();
    let evidence = stage
        .play(seed, async |stage| {
            let how_long = Duration::from_secs(seconds);
            let (faults, deaf) = faults::inject(stage, scenario.faults, seed, how_long).await;
            done = faults;
            deaf
        })
        .await;
    let findings = judge::judge(&evidence);
    report::say(scenario, seed, &done, &evidence, &findings);
    if findings.count() > 0 {
        let kept = folder.keep();
        panic!(
            "{name}, seed {seed}: {} findings; logs are in {}",
            findings.count(),
            kept.display()
        );
    }
    tampering::each_is_seen(&evidence);
}
