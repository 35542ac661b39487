//! Operators and users: they pause, resume, release, ask to forget, requeue dead letters, and add, edit,
//! lock and delete nodes, without a word to any replica.

use std::rc::Rc;

use nodewarden::store::{Held, Pause, RequestKind, Window};
use nodewarden_tests::model::Node;

use crate::dice::Dice;
use crate::mutants::Mutant;
use crate::replica::WALL;
use crate::world::World;

/// What they do next.
#[derive(Clone, Copy)]
enum Deed {
    Pause,
    Resume,
    Release,
    Forget,
    Requeue,
    Add,
    Move,
    Delete,
    Lock,
    Maintenance,
}

const DEEDS: [Deed; 10] = [
    Deed::Pause,
    Deed::Resume,
    Deed::Release,
    Deed::Forget,
    Deed::Requeue,
    Deed::Add,
    Deed::Move,
    Deed::Delete,
    Deed::Lock,
    Deed::Maintenance,
];

/// Lets them work until things calm down; then they leave no pause and no lock.
pub fn start(world: &Rc<World>, mut dice: Dice) {
    let mean = dice.magnitude(500_000..30_000_000);
    let world = Rc::clone(world);
    let time = world.time.clone();
    time.clone().spawn(0, async move {
        loop {
            // The next deed may be far behind the end; what they leave is put right at once.
            let left = world.wild_until.saturating_sub(time.now());
            time.sleep(dice.until_next(mean).min(left)).await;
            world.unheld().await;
            if !world.wild() {
                break;
            }
            let deed = *dice.pick(&DEEDS);
            work(&world, &mut dice, deed).await;
        }
        world.model.operator().resume().unwrap();
        world.oracle.look(&world.model, true);
    });
}

async fn work(world: &World, dice: &mut Dice, deed: Deed) {
    let (model, oracle) = (&world.model, &world.oracle);
    let now_ms = WALL + world.time.now().as_millis() as u64;
    let uuids: Vec<String> = model.look(|tables| tables.nodes.keys().cloned().collect());
    let uuid = dice.pick(&uuids).clone();
    let pair = dice.pick(&world.plan.pairs).clone();
    let node = Node::of(pair.driver.as_str(), pair.group.as_str());
    match deed {
        Deed::Pause => {
            let pause = Pause {
                id: format!("pause {}", dice.next()),
                reason: "work".to_owned(),
                who: "an operator".to_owned(),
                paused_at_ms: now_ms,
                remaining: dice.happens(0.5).then(|| dice.ms(1_000..30_000)),
                noted_at_ms: now_ms,
            };
            model.operator().pause(&pause).unwrap();
            oracle.count("pauses", 1);
        }
        Deed::Resume => drop(model.operator().resume().unwrap()),
        Deed::Release => release(world, now_ms),
        Deed::Forget => {
            let name = format!("c{}", dice.index(world.plan.conductors));
            let kind = RequestKind::Forget;
            model.operator().request(kind, &name, now_ms).unwrap();
        }
        Deed::Requeue => requeue(world),
        Deed::Add if uuids.len() < 60 => {
            model.register(&format!("x{:06}", dice.number(0..1_000_000)), node);
        }
        Deed::Move => {
            model.edit(&uuid, |known| {
                known.driver = node.driver;
                known.conductor_group = node.conductor_group;
            });
        }
        Deed::Delete if uuids.len() > 3 => drop(model.delete(&uuid)),
        Deed::Add | Deed::Delete => {}
        Deed::Lock => {
            model.lock(&uuid);
            let held = dice.ms(10..5_000);
            world.meddled.set(world.time.now() + held);
            world.time.sleep(held).await;
            model.unlock(&uuid);
        }
        Deed::Maintenance => {
            let maintenance = Some(dice.happens(0.5));
            model.edit(&uuid, |known| known.maintenance = maintenance);
        }
    }
    world.meddled.set(world.time.now());
    match deed {
        Deed::Add | Deed::Move | Deed::Delete | Deed::Maintenance => oracle.edited(model),
        Deed::Pause | Deed::Resume | Deed::Release | Deed::Forget | Deed::Requeue | Deed::Lock => {
            oracle.look(model, true)
        }
    }
}

/// Gives back all that is held; refused unless there is a pause.
fn release(world: &World, now_ms: u64) {
    let window = Window {
        after: String::new(),
        nodes: 1000,
        nodes_per_message: 10,
        unknown: false,
        completes: true,
        now_ms,
    };
    let released = world.model.operator().release(Held::Everything, &window);
    let released = released.unwrap().map_or(0, |done| done.changed);
    world.oracle.count("nodes released", released);
}

/// The oldest dead letter goes back as `dead-letters requeue` sends it: through the exchange of events,
/// with its old routing key.
fn requeue(world: &World) {
    let letter = {
        let mut state = world.broker.state();
        if state.dead_letters.is_empty() || state.vices.alarm {
            return;
        }
        state.dead_letters.remove(0)
    };
    let (mut waiting, _) = letter;
    if world.plan.mutant == Some(Mutant::RequeueByDefaultExchange) {
        waiting.message.exchange.clear();
    }
    if let Ok(place) = world.broker.publish(waiting.message) {
        world.oracle.requeued(waiting.place, place);
        world.oracle.count("requeued", 1);
    }
}
