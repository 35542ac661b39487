//! An Ironic whose conductors say nothing: their rows, as they start, beat, stall, stop, die and change
//! their group, by clocks of their own; and bridges that look at them and publish what the judge says.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use nodewarden::bridge::{Judge, Remembered, Row, Rules, Sighting};
use nodewarden::domain::event::{Event, EventKind};
use nodewarden::domain::ids::ConductorName;
use nodewarden::domain::time::Mono;

use crate::conductors::publish;
use crate::dice::Dice;
use crate::mutants::Mutant;
use crate::replica::WALL;
use crate::world::World;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// As set, in Ironic and for bridges.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Between two looks of a bridge; a tenth of what is shipped, as all times here.
const INTERVAL: Duration = Duration::from_millis(500);

/// A row, and the truth about it.
#[derive(Debug, Clone, Default)]
struct Held {
    row: Row,
    /// When it last changed.
    changed: Duration,
    /// Since when its conductor beats; `None`: it does not.
    lives_since: Option<Duration>,
}

/// The tables of conductors, and the bridges' own.
#[derive(Debug, Default)]
pub struct Ironic {
    rows: RefCell<BTreeMap<String, Held>>,
    remembered: RefCell<BTreeMap<String, Remembered>>,
}

/// Starts the conductors and the bridges of a run, if its plan has some.
pub fn start(world: &Rc<World>, dice: &mut Dice) {
    for n in 0..world.plan.bridges {
        world
            .time
            .spawn(0, bridge(Rc::clone(world), n, dice.fork()));
    }
    let conductors = if world.plan.bridges > 0 { 3 } else { 0 };
    for n in 0..conductors {
        let conductor = Conductor {
            world: Rc::clone(world),
            name: format!("ironic{n}"),
            ahead: dice.number(0..20_000) as i64 - 10_000,
            beat: dice.ms(1_000..2_000),
            dice: dice.fork(),
        };
        world.time.spawn(0, conductor.live());
    }
}

struct Conductor {
    world: Rc<World>,
    name: String,
    /// How far its clock is ahead, in ms.
    ahead: i64,
    beat: Duration,
    dice: Dice,
}

impl Conductor {
    async fn live(mut self) {
        let time = self.world.time.clone();
        loop {
            self.write(|row, now| {
                (row.online, row.updated_at_ms) = (Some(true), Some(now));
                row.registered_at_ms = None;
                row.drivers.clear();
            });
            time.sleep(MS(30)).await;
            let pair = self.dice.pick(&self.world.plan.pairs).clone();
            self.write(|row, now| {
                row.group = Some(pair.group.as_str().to_owned());
                row.drivers = vec![pair.driver.as_str().to_owned()];
                row.registered_at_ms = Some(now);
            });
            self.lives(true);
            self.beat_until_it_ends().await;
            self.lives(false);
            let away = self.dice.magnitude(100_000..20_000_000);
            match self.world.wild() {
                true => time.sleep(away).await,
                false => time.sleep(MS(500)).await,
            }
        }
    }

    async fn beat_until_it_ends(&mut self) {
        let time = self.world.time.clone();
        loop {
            time.sleep(self.beat).await;
            let what = match self.world.wild() {
                true => self.dice.number(0..40),
                false => 40,
            };
            match what {
                // It is killed; somebody may delete its row.
                0 => {
                    self.lives(false);
                    if self.dice.happens(0.3) {
                        time.sleep(self.dice.ms(10..3_000)).await;
                        self.world.ironic.rows.borrow_mut().remove(&self.name);
                    }
                    return;
                }
                1 => {
                    self.write(|row, _| {
                        row.drivers.clear();
                        row.registered_at_ms = None;
                    });
                    time.sleep(MS(20)).await;
                    return self.write(|row, now| {
                        (row.online, row.updated_at_ms) = (Some(false), Some(now));
                    });
                }
                // It stands still.
                2 => {
                    self.lives(false);
                    time.sleep((TIMEOUT * 2).mul_f64(self.dice.part())).await;
                    self.lives(true);
                }
                _ => {}
            }
            self.write(|row, now| row.updated_at_ms = Some(now));
        }
    }

    /// Changes its row, at a time by its own clock.
    fn write(&self, change: impl FnOnce(&mut Row, i64)) {
        let now = self.world.time.now();
        let mut rows = self.world.ironic.rows.borrow_mut();
        let held = rows.entry(self.name.clone()).or_default();
        held.row.hostname.clone_from(&self.name);
        held.changed = now;
        change(
            &mut held.row,
            (WALL + now.as_millis() as u64) as i64 + self.ahead,
        );
    }

    fn lives(&self, lives: bool) {
        let now = self.world.time.now();
        let mut rows = self.world.ironic.rows.borrow_mut();
        if let Some(held) = rows.get_mut(&self.name) {
            held.lives_since = lives.then_some(now);
        }
    }
}

/// A bridge, which dies, stands still and fails to look.
async fn bridge(world: Rc<World>, number: usize, mut dice: Dice) {
    let time = world.time.clone();
    let timeout = match world.plan.mutant {
        Some(Mutant::BridgeHasty) => TIMEOUT / 2,
        _ => TIMEOUT,
    };
    let mut lives = 0;
    loop {
        lives += 1;
        let rules = Rules::new(timeout, INTERVAL);
        let mut judge = Judge::new(rules, format!("bridge {number}, life {lives}"));
        loop {
            time.sleep(INTERVAL).await;
            let happens = if world.wild() {
                dice.number(0..100)
            } else {
                100
            };
            match happens {
                0 => break,
                1 => time.sleep(dice.ms(500..15_000)).await,
                2..5 => {
                    time.sleep(dice.ms(10..3_000)).await;
                    judge.failed();
                    continue;
                }
                _ => {}
            }
            let looked = look(&world, &mut judge, &mut dice).await;
            speak(&world, &mut judge, looked);
        }
        time.sleep(dice.ms(100..5_000)).await;
    }
}

/// A good look; the instant that it shows.
async fn look(world: &World, judge: &mut Judge, dice: &mut Dice) -> Duration {
    let (time, ironic) = (&world.time, &world.ironic);
    let began = Mono(time.now());
    time.sleep(dice.ms(1..20)).await;
    let remembered = {
        let mut table = ironic.remembered.borrow_mut();
        for one in judge.to_remember() {
            let known = table.get(&one.conductor).map(|known| known.incarnation);
            if known.is_none_or(|known| known < one.incarnation) {
                table.insert(one.conductor.clone(), one);
            }
        }
        table.values().cloned().collect()
    };
    let rows = ironic
        .rows
        .borrow()
        .values()
        .map(|held| held.row.clone())
        .collect();
    let at = time.now();
    time.sleep(dice.ms(1..20)).await;
    judge.looked(&Sighting {
        began,
        ended: Mono(time.now()),
        beats: true,
        rows,
        remembered,
    });
    at
}

/// Publishes what is due after a look that shows things as they were at `looked`.
fn speak(world: &Rc<World>, judge: &mut Judge, looked: Duration) {
    let now = Mono(world.time.now());
    for event in judge.due(now) {
        is_true(world, &event, looked);
        world.oracle.count("said by bridges", 1);
        if publish(world, &event).is_none() {
            return;
        }
        judge.confirmed(&event, now);
    }
}

/// What a bridge says is so, or was when it looked.
fn is_true(world: &World, event: &Event, looked: Duration) {
    let rows = world.ironic.rows.borrow();
    let Some(held) = rows.get(event.conductor.as_str()) else {
        return;
    };
    if held.changed >= looked {
        return;
    }
    let row = &held.row;
    let right = match &event.kind {
        EventKind::Joined(said) | EventKind::Heartbeat(Some(said)) => {
            let drivers = said.drivers.iter().map(|driver| driver.as_str());
            row.online == Some(true)
                && row.group.as_deref() == Some(said.group.as_str())
                && drivers.eq(row.drivers.iter().map(String::as_str))
        }
        EventKind::Heartbeat(None) => false,
        EventKind::Left { .. } => row.online == Some(false),
        EventKind::HeartbeatTimeout { .. } => looked >= held.changed + TIMEOUT,
    };
    assert!(
        right,
        "I7: a bridge says {event:?} of {held:?}, looked at {looked:?}"
    );
}

/// After the calm, each conductor counts that beats, if all was heard that bridges said.
pub fn at_the_end(world: &World, before: Duration) {
    let all_was_heard = world.broker.look().lost.is_empty() && world.plan.losses.is_none();
    if world.plan.bridges == 0 || !all_was_heard {
        return;
    }
    let seen = world.oracle.seen();
    for (name, held) in world.ironic.rows.borrow().iter() {
        let conductor = ConductorName::parse(name).unwrap();
        let known = seen.reference.map.conductor(&conductor);
        let counts = known.is_some_and(|known| known.counts_as_active());
        let lives = held.lives_since.is_some_and(|since| since < before);
        assert!(
            counts || !lives,
            "in the end: {held:?} beats and does not count: {known:?}"
        );
        let silent = held.lives_since.is_none() && held.changed + TIMEOUT < before;
        assert!(!counts || !silent, "in the end: {held:?} counts: {known:?}");
    }
}
