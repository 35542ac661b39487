//! Faults of the ways between replicas and servers, on a run's proxies.

use std::time::{Duration, Instant};

use nodewarden_tests::proxy::{Proxy, Wire};
use rustix::process::Signal;

use crate::event::now_ms;
use crate::faults::Deaf;
use crate::seeded::Seeded;
use crate::stage::Stage;

/// How often a connection is cut at a COMMIT in one fault.
const COMMITS: usize = 6;

/// How many kinds of trouble one fault tries.
const KINDS: usize = 3;

/// Some kinds of trouble one after the other, on the way of the deciding replica or of all.
async fn trouble(stage: &Stage, seeded: &mut Seeded, way: fn(&(Proxy, Proxy)) -> &Proxy) -> Deaf {
    let mut kinds = vec![
        Wire::Slow(seeded.ms(10, 300)),
        Wire::SwallowRequests,
        Wire::SwallowAnswers,
        Wire::CutAfter(seeded.below(6_000)),
        Wire::Reset,
    ];
    let mut deaf = Deaf::new();
    for _ in 0..KINDS {
        let wire = kinds.swap_remove(seeded.below(kinds.len()));
        let all = seeded.percent(40);
        let one = stage.replicas.active().await.unwrap_or(0);
        let hit = stage.ground.proxies.iter().enumerate();
        let hit: Vec<&Proxy> = hit
            .filter(|(number, _)| all || *number == one)
            .map(|(_, both)| way(both))
            .collect();
        for proxy in &hit {
            proxy.set(wire);
        }
        let from = now_ms();
        tokio::time::sleep(seeded.ms(500, 7_000)).await;
        let to = now_ms();
        for proxy in &hit {
            proxy.set(Wire::Open);
        }
        println!("{wire:?} for {} ms, of all: {all}", to - from);
        if all && wire == Wire::Reset {
            deaf.push((from, to));
        }
        tokio::time::sleep(seeded.ms(0, 1_000)).await;
    }
    deaf
}

pub async fn broker(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    trouble(stage, seeded, |(broker, _)| broker).await
}

pub async fn database(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    trouble(stage, seeded, |(_, database)| database).await
}

/// It is stopped between two of its statements, most likely: another one decides before it goes on. `None`: no
/// replica decides.
pub async fn slow_freeze(stage: &Stage, seeded: &mut Seeded) -> Option<Deaf> {
    let number = stage.replicas.active().await?;
    let (_, database) = &stage.ground.proxies[number];
    database.set(Wire::Slow(seeded.ms(20, 80)));
    tokio::time::sleep(seeded.ms(300, 1_500)).await;
    stage.replicas.signal(number, Signal::STOP);
    // Two heartbeats, and then some for the other one to decide.
    tokio::time::sleep(seeded.ms(7_000, 10_000)).await;
    stage.replicas.signal(number, Signal::CONT);
    tokio::time::sleep(seeded.ms(500, 1_500)).await;
    database.set(Wire::Open);
    Some(Deaf::new())
}

pub async fn commit(stage: &Stage, seeded: &mut Seeded) -> Deaf {
    let databases = || stage.ground.proxies.iter().map(|(_, database)| database);
    let cuts = || databases().map(Proxy::cut).sum::<usize>();
    for _ in 0..COMMITS {
        let before = cuts();
        let wire = *seeded.of(&[Wire::CutAtCommit, Wire::CutAtCommit, Wire::CutBeforeCommit]);
        databases().for_each(|proxy| proxy.set(wire));
        let end = Instant::now() + Duration::from_secs(20);
        while cuts() == before {
            assert!(Instant::now() < end, "no COMMIT passes through the proxies");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(seeded.ms(0, 1_500)).await;
    }
    databases().for_each(|proxy| proxy.set(Wire::Open));
    Deaf::new()
}
