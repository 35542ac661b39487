//! [`Fleet`]: a database with full tables, and what of them a story needs to know.

use nodewarden::config::{Database, Inventory, InventoryKind};
use nodewarden::domain::ids::{Driver, Group, Pair};
use nodewarden::store;
use nodewarden_tests::database::{Kind, Scratch};

use crate::fill;

/// How long tables have been in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Filled just now: no history, and no statistics.
    Young,
    /// With a quarter of history, half of it due to be dropped, and with statistics.
    Old,
}

/// What retention keeps begins here; [`NOW`] is a good while later.
pub const KEPT_FROM: u64 = 5_000_000_000;
/// When the story is told.
pub const NOW: u64 = 10_000_000_000;

/// How many pairs there are at most, beside the big one.
const PAIRS: u64 = 10_000;

pub struct Fleet {
    pub scratch: Scratch,
    pub inventory: InventoryKind,
    pub age: Age,
    /// Half of them need the pair `big`, the others some pair of their own.
    pub nodes: u64,
    /// The small pairs; every other one is lost.
    pub pairs: u64,
    pub conductors: u64,
}

impl Fleet {
    pub async fn new(kind: Kind, inventory: InventoryKind, age: Age) -> Self {
        let nodes = std::env::var("NODEWARDEN_SCALE").map_or(20_000, |rows| rows.parse().unwrap());
        let fleet = Self {
            scratch: Scratch::of(kind).await,
            inventory,
            age,
            nodes,
            pairs: (nodes / 20).min(PAIRS),
            conductors: (nodes / 20).min(1000),
        };
        if inventory == InventoryKind::Ironic {
            fleet.scratch.run(&fill::ironic_tables(kind)).await;
        }
        store::migrate(fleet.database(), inventory, &nodewarden::clock::new_id())
            .await
            .unwrap();
        for statement in fill::statements(&fleet) {
            fleet.scratch.run(&statement).await;
        }
        fleet
    }

    pub fn database(&self) -> &Database {
        &self.scratch.database
    }

    pub fn settings(&self) -> Inventory {
        self.inventory.into()
    }

    /// How many decisions are kept of the big pair.
    pub fn decisions_of_big(&self) -> u64 {
        self.old_decisions() / 10 + 1
    }

    /// The number of the last decision of all, at least.
    pub fn last_decision(&self) -> u64 {
        self.old_decisions() + self.pairs + 200
    }

    /// Decisions before the last one of each pair.
    pub fn old_decisions(&self) -> u64 {
        match self.age {
            Age::Young => 0,
            Age::Old => self.nodes / 10,
        }
    }
}

/// The pair of half of all nodes.
pub fn big() -> Pair {
    pair("big", "")
}

/// A small one; it is lost if its number is even.
pub fn small(number: u64) -> Pair {
    pair(&format!("d{}", number % 20), &format!("g{}", number / 20))
}

pub fn pair(driver: &str, group: &str) -> Pair {
    Pair {
        group: Group::parse(group).unwrap(),
        driver: Driver::parse(driver).unwrap(),
    }
}
