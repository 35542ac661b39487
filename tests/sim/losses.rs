//! A database that goes back to what it was before: a standby that was behind is promoted, a backup is
//! restored. Whoever knows of more begins a new stream, and no node goes out for what conductors must say
//! again.

use std::rc::Rc;
use std::time::Duration;

use nodewarden::domain::committed::Committed;
use nodewarden_tests::model::Tables;

use crate::announced::Announced;
use crate::chaos::{Chaos, TAKEOVER};
use crate::dice::Dice;
use crate::oracle::WAITS;
use crate::reference::Reference;
use crate::world::World;

const S: fn(u64) -> Duration = Duration::from_secs;

/// Some process writes, or sends a tick, within that: what is known to be lost is noticed.
const NOTICED: Duration = Duration::from_secs(30);

/// How it was at one moment.
struct Backup {
    tables: Tables,
    reference: Reference,
    announced: Announced,
}

impl Backup {
    fn of(world: &World) -> Self {
        let seen = world.oracle.seen();
        Self {
            tables: world.model.tables(),
            reference: seen.reference.clone(),
            announced: seen.announced.clone(),
        }
    }

    fn committed(&self) -> Committed {
        let one = &self.tables.one;
        Committed {
            stream: one.stream.clone(),
            epoch: one.epoch,
            seq: one.seq,
            commits: one.commits,
        }
    }

    fn restore(self, world: &World) {
        let (now, oracle) = (world.time.now(), &world.oracle);
        world.model.restore(self.tables);
        {
            let mut seen = oracle.seen();
            seen.reference.goes_back(self.reference);
            seen.announced.goes_back(&self.announced);
            seen.last_sweep = now;
        }
        oracle.begins_with(&world.model);
        world.meddled.set(now);
    }
}

/// Lets the database of a run go back now and then, if that is its plan.
pub fn start(chaos: &Rc<Chaos>, mut dice: Dice) {
    let (chaos, world) = (Rc::clone(chaos), Rc::clone(&chaos.world));
    let Some(mean) = world.plan.losses else {
        return;
    };
    let time = world.time.clone();
    time.clone().spawn(0, async move {
        loop {
            time.sleep(dice.until_next(mean)).await;
            let backup = Backup::of(&world);
            time.sleep(dice.magnitude(20_000..20_000_000)).await;
            if !world.wild() {
                return;
            }
            let before = backup.committed();
            if !chaos.all_know_of_more_than(&before) {
                // What no process knows that lives, no process can miss.
                continue;
            }
            world
                .oracle
                .tell(|| format!("the database goes back to {before:?}"));
            world.oracle.count("databases that went back", 1);
            backup.restore(&world);
            let until = time.now().max(world.disturbed.get()) + NOTICED;
            // What is remembered is of the past at once, and not only once that is noticed.
            world.disturb(WAITS, TAKEOVER);
            notice(&chaos, &before, until).await;
            world.disturb(WAITS, TAKEOVER);
        }
    });
}

/// Nothing else goes wrong until the loss is noticed: who knows of it must live.
async fn notice(chaos: &Chaos, before: &Committed, until: Duration) {
    let world = &chaos.world;
    world.held.set(true);
    while world
        .model
        .look(|tables| tables.one.stream == before.stream)
    {
        let now = world.time.now();
        assert!(
            now < until,
            "L4: the loss of what came after {before:?} is not noticed"
        );
        world.time.sleep(S(1)).await;
    }
    world.held.set(false);
}
