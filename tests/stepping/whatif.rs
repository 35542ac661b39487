//! What `whatif` predicts is what happens: 200 random fleets, predicted from what is recorded, then
//! done on a stepped worker.

use std::collections::BTreeSet;
use std::time::Duration;

use nodewarden::answers::whatif;
use nodewarden::domain::ids::{ConductorName, Pair};
use nodewarden::domain::map::DriverMap;
use nodewarden::domain::time::Now;
use nodewarden::domain::whatif::{lost_without, restarts};

use crate::harness::{Simulation, Worker};

const FLEETS: u64 = 200;

/// A generator of numbers that is the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Conductors with the drivers of each; every name is of this fleet alone.
struct Fleet {
    conductors: Vec<(String, Vec<String>)>,
}

impl Fleet {
    fn thrown(number: u64, dice: &mut Dice) -> Self {
        let drivers: Vec<String> = (0..4).map(|driver| format!("f{number}d{driver}")).collect();
        let conductors = (0..=dice.below(5)).map(|conductor| {
            let supported = drivers.iter().filter(|_| dice.below(2) == 0).cloned();
            (format!("f{number}c{conductor}"), supported.collect())
        });
        Self {
            conductors: conductors.collect(),
        }
    }

    fn some(&self, dice: &mut Dice) -> Vec<ConductorName> {
        let names = self.conductors.iter().filter(|_| dice.below(2) == 0);
        names
            .map(|(name, _)| ConductorName::parse(name).unwrap())
            .collect()
    }

    fn joins(&self, simulation: &Simulation, name: &str, incarnation: u64) {
        let (_, drivers) = self
            .conductors
            .iter()
            .find(|(known, _)| known == name)
            .unwrap();
        let drivers: Vec<&str> = drivers.iter().map(String::as_str).collect();
        simulation.joined(name, incarnation, &drivers);
    }
}

async fn recorded(simulation: &Simulation) -> DriverMap {
    let conductors = simulation.reader.conductors().await.unwrap();
    let drivers = simulation.reader.drivers().await.unwrap();
    whatif::map(&conductors, &drivers).unwrap()
}

async fn lost(simulation: &Simulation) -> BTreeSet<Pair> {
    recorded(simulation).await.lost().cloned().collect()
}

fn now(simulation: &Simulation) -> Now {
    Now {
        wall_ms: 0,
        mono: simulation.now(),
    }
}

/// Restarts those of the order one after the other: nothing is lost. Then each of those without a
/// place: exactly what was said is lost, until it is back.
async fn restart(simulation: &Simulation, worker: &mut Worker, fleet: &Fleet) {
    let map = recorded(simulation).await;
    let predicted = restarts(&map, now(simulation));
    let ours = |name: &ConductorName| {
        fleet
            .conductors
            .iter()
            .any(|(known, _)| known == name.as_str())
    };
    let before = lost(simulation).await;
    for name in predicted.order.iter().filter(|name| ours(name)) {
        simulation.left(name.as_str(), 1);
        simulation.settle(worker).await;
        assert_eq!(lost(simulation).await, before, "while {name} restarts");
        fleet.joins(simulation, name.as_str(), 2);
        simulation.settle(worker).await;
    }
    for (name, pairs) in predicted.alone.iter().filter(|(name, _)| ours(name)) {
        simulation.left(name.as_str(), 1);
        simulation.settle(worker).await;
        let gone: Vec<Pair> = lost(simulation)
            .await
            .difference(&before)
            .cloned()
            .collect();
        assert_eq!(gone, *pairs, "while {name} restarts");
        fleet.joins(simulation, name.as_str(), 2);
        simulation.settle(worker).await;
    }
    let restarted = predicted.order.len() + predicted.alone.len();
    let counted = map.conductors().filter(|known| known.counts_as_active());
    assert_eq!(
        restarted,
        counted.count(),
        "every one has its place or none"
    );
}

#[tokio::test]
async fn what_is_predicted_of_200_random_fleets_is_what_the_worker_does() {
    let mut simulation = Simulation::new().await;
    let mut worker = simulation.active().await;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for number in 0..FLEETS {
        // A sweep passes over the pairs of all fleets before.
        if number % 20 == 19 {
            simulation = Simulation::new().await;
            worker = simulation.active().await;
        }
        let fleet = Fleet::thrown(number, &mut dice);
        for driver in 0..4 {
            let nodes = 1 + usize::try_from(dice.below(2)).unwrap();
            simulation
                .nodes(&format!("f{number}d{driver}"), nodes)
                .await;
        }
        for (name, _) in &fleet.conductors {
            fleet.joins(&simulation, name, 1);
        }
        simulation.settle(&mut worker).await;
        restart(&simulation, &mut worker, &fleet).await;
        // A sweep counts the nodes of this fleet.
        simulation.clock.advance(Duration::from_secs(61));
        simulation.settle(&mut worker).await;

        let gone = fleet.some(&mut dice);
        let map = recorded(&simulation).await;
        let before = lost(&simulation).await;
        let predicted = lost_without(&map, &gone, now(&simulation));
        let drivers = simulation.reader.drivers().await.unwrap();
        let nodes: u64 = drivers
            .iter()
            .filter(|view| {
                predicted
                    .iter()
                    .any(|pair| pair.driver.as_str() == view.driver)
            })
            .map(|view| view.nodes_in_service)
            .sum();
        let out = simulation.out().await.len() as u64;
        for name in &gone {
            simulation.timed_out(name.as_str(), 2);
        }
        simulation.settle(&mut worker).await;
        let happened: BTreeSet<Pair> = lost(&simulation)
            .await
            .difference(&before)
            .cloned()
            .collect();
        assert_eq!(happened, predicted, "fleet {number} without {gone:?}");
        assert_eq!(
            simulation.out().await.len() as u64 - out,
            nodes,
            "fleet {number}"
        );
        // The next fleet is alone again.
        for (name, _) in &fleet.conductors {
            simulation.left(name, 2);
        }
        simulation.settle(&mut worker).await;
    }
}
