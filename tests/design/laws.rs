//! What must hold in each state, and what must be possible.

use stateright::{Model, Property};

use super::steps::{Design, Step};
use super::world::{Doing, FIRST, LIVING, MUTE, Message, SECOND, World, Wrong};

pub const FENCED: &str = "a fenced replica never writes";
pub const ONCE: &str = "each event has its effect once and in order (I1)";
pub const ACTIVE: &str = "conductors are as the handled events say (I1)";
pub const ACKNOWLEDGED: &str = "what is acknowledged is handled (I2)";
pub const MARK: &str = "a node's mark goes with its pair (I6)";
pub const EARLY: &str = "no node is taken out before all that waited at the takeover is handled";
pub const SEQ: &str = "seq has no gap and no second use (I4)";
pub const ANNOUNCED: &str = "what is announced is committed, in order, with one meaning (I3, I4)";
pub const DISTURBED: &str = "without a fault no replica is fenced";
pub const SILENCE: &str = "silence is proved by an own tick of this session (I7)";
pub const DONE: &str = "when nothing can happen any more, all is done (L3)";

impl Model for Design {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![self.init()]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        self.possible(world, steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        self.after(world, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(FENCED, |_, world: &World| {
                world.wrong != Some(Wrong::FencedWrote)
            }),
            Property::always(MARK, |_, world: &World| {
                world.wrong != Some(Wrong::AgainstThePair)
            }),
            Property::always(EARLY, |_, world: &World| {
                world.wrong != Some(Wrong::TooEarly)
            }),
            Property::always(DISTURBED, |_, world: &World| {
                world.wrong != Some(Wrong::Disturbed)
            }),
            Property::always(SILENCE, |_, world: &World| {
                world.database.timed_out & LIVING == 0
            }),
            Property::always(ONCE, |_, world: &World| {
                let handled = &world.database.handled;
                (0..).zip(handled).all(|(at, event)| at == *event)
            }),
            Property::always(ACTIVE, active_as_said),
            Property::always(ACKNOWLEDGED, |_, world: &World| {
                (0..world.published).all(|event| {
                    let message = Message::Event(event);
                    world.database.handled.contains(&event)
                        || world.broker.queue.contains(&message)
                        || world.broker.unacked.contains(&message)
                })
            }),
            Property::always(SEQ, |_, world: &World| {
                let outbox = &world.database.outbox;
                let in_order = (1..).zip(outbox).all(|(seq, row)| row.seq == seq);
                world.wrong != Some(Wrong::Number) && in_order
            }),
            Property::always(ANNOUNCED, |_, world: &World| {
                let heard = &world.broker.heard;
                world.wrong != Some(Wrong::Announced) && world.database.outbox.starts_with(heard)
            }),
            // The steps form no circle, as a test shows, so each run comes to such an end.
            Property::always(DONE, |design: &Design, world: &World| {
                let mut steps = Vec::new();
                design.possible(world, &mut steps);
                !steps.is_empty() || world.wrong.is_some() || all_is_done(design, world)
            }),
        ];
        if self.mutant.is_none() {
            properties.extend(reached(self));
        }
        properties
    }
}

fn active_as_said(design: &Design, world: &World) -> bool {
    let all = FIRST | SECOND | LIVING | MUTE;
    let handled = world.database.handled.iter();
    let said = handled.fold(all, |active, event| {
        design.events[usize::from(*event)].after(active)
    });
    world.database.active == said & !world.database.timed_out
}

fn all_is_done(design: &Design, world: &World) -> bool {
    let database = &world.database;
    let handled = database.handled.len() == design.events.len();
    let marked = database.out == World::lost(database.active);
    let announced = world.broker.heard == database.outbox && database.announced == database.seq;
    let ended = !design.silence || database.timed_out == MUTE;
    handled && marked && announced && ended
}

/// What must be possible, or the rest proves little.
fn reached(design: &Design) -> Vec<Property<Design>> {
    let mut reached = vec![Property::sometimes("all is done", all_is_done)];
    if design.faults.cuts > 0 {
        reached.push(Property::sometimes(
            "two replicas believe that they decide, with the same event in hand",
            |_, world: &World| {
                let deciding = world.replicas.iter().flatten();
                let deciding = deciding.filter(|session| session.term.is_some());
                let hands: Vec<_> = deciding
                    .flat_map(|session| &session.hand)
                    .filter(|message| matches!(message, Message::Event(_)))
                    .collect();
                let twice = |one| hands.iter().filter(|other| **other == one).count() > 1;
                hands.iter().any(|one| twice(*one))
            },
        ));
    }
    if design.faults.doubts > 0 {
        reached.push(Property::sometimes(
            "a commit is in doubt although it happened",
            |_, world: &World| {
                let mut sessions = world.replicas.iter().flatten();
                let doubting = sessions.any(|session| {
                    let map = session.term.as_ref().map(|term| term.active);
                    session.doing == Doing::Doubting && map == Some(world.database.active)
                });
                doubting && !world.database.handled.is_empty()
            },
        ));
    }
    reached
}
