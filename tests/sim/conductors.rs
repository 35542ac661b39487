//! Conductors as processes: they start, beat, stall, crash, and restart, as planned and not. What each
//! truly did is the oracle's to know.

use std::rc::Rc;
use std::time::Duration;

use nodewarden::domain::event::{Event, EventKind, Statement};
use nodewarden::domain::ids::{ConductorName, EventId, Incarnation, Pair};
use nodewarden::message::{Delivery, TICK_TYPE};
use nodewarden::wire::{self, Tick};

use crate::costs::POISON;
use crate::dice::Dice;
use crate::replica::WALL;
use crate::world::World;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// The time-out of conductors that fall silent together, and when they do.
const MASS_TIMEOUT: Duration = Duration::from_secs(80);
const MASS_SILENCE: Duration = Duration::from_secs(60);

/// One conductor.
struct Conductor {
    world: Rc<World>,
    dice: Dice,
    name: ConductorName,
    /// What it serves: drivers of one group.
    serves: Vec<Pair>,
    timeout: Option<Duration>,
    incarnation: u64,
    /// How far its clock is off, in ms.
    skew: i64,
    /// Its heartbeats say all.
    complete: bool,
}

/// Starts those of a run.
pub fn start(world: &Rc<World>, dice: &mut Dice) {
    for n in 0..world.plan.conductors {
        let mut dice = dice.fork();
        let of = match world.plan.mass {
            true => world.plan.pairs[n * 3].clone(),
            false => dice.pick(&world.plan.pairs[..world.plan.served]).clone(),
        };
        let mut serves = vec![of.clone()];
        let others = world.plan.pairs[..world.plan.served]
            .iter()
            .filter(|pair| **pair != of && pair.group == of.group);
        serves.extend(
            others
                .filter(|_| world.plan.mass || dice.happens(0.4))
                .cloned(),
        );
        let timeout = match world.plan.mass {
            true => Some(MASS_TIMEOUT),
            false => dice.happens(0.8).then(|| MS(dice.number(1_500..9_000))),
        };
        let conductor = Conductor {
            world: Rc::clone(world),
            name: ConductorName::parse(&format!("c{n}")).unwrap(),
            serves,
            timeout,
            incarnation: 0,
            skew: dice.number(0..20_000) as i64 - 10_000,
            // What a database has lost comes back by what they say.
            complete: world.plan.losses.is_some() || dice.happens(0.5),
            dice,
        };
        world.time.spawn(0, conductor.live());
    }
}

impl Conductor {
    async fn live(mut self) {
        let time = self.world.time.clone();
        time.sleep(self.dice.ms(0..5_000)).await;
        loop {
            self.begin().await;
            self.beat_until_it_ends().await;
            self.is_silent();
            if self.world.plan.mass {
                return;
            }
            let mut away = self.dice.magnitude(100_000..40_000_000);
            if !self.world.wild() {
                away = away.min(MS(1000));
            }
            time.sleep(away).await;
        }
    }

    /// A start: `joined`, until the broker has it.
    async fn begin(&mut self) {
        self.incarnation = (self.incarnation + 1).max(self.now_ms());
        {
            let mut seen = self.world.oracle.seen();
            let truth = seen.truth.entry(self.name.clone()).or_default();
            truth.timeout = self.timeout;
        }
        let joined = EventKind::Joined(self.statement());
        self.say_until_heard(joined).await;
        let mut seen = self.world.oracle.seen();
        let truth = seen.truth.entry(self.name.clone()).or_default();
        truth.back_by = None;
        truth.speaks_since = self.complete.then(|| self.world.time.now());
    }

    async fn beat_until_it_ends(&mut self) {
        let time = self.world.time.clone();
        let each = self.timeout.map_or(MS(2000), |timeout| timeout / 4);
        loop {
            time.sleep(each.mul_f64(0.9 + 0.2 * self.dice.part())).await;
            if self.world.plan.mass {
                if time.now() > MASS_SILENCE {
                    return;
                }
            } else if self.world.wild() {
                match self.dice.number(0..200) {
                    // A crash: it says nothing more.
                    0..6 => return,
                    6..10 => {
                        self.is_silent();
                        return self.say_until_heard(left(None)).await;
                    }
                    10..16 => return self.restart_as_planned().await,
                    // It stands still for a while: up to two time-outs.
                    16..24 => time.sleep((each * 8).mul_f64(self.dice.part())).await,
                    24..26 => self.say_what_others_found().await,
                    26..28 => {
                        self.say_until_heard(EventKind::Joined(self.statement()))
                            .await
                    }
                    28 => self.say_poison(),
                    29 => self.forge_a_tick(),
                    _ => {}
                }
            }
            let said = self.complete.then(|| self.statement());
            let event = self.event(EventKind::Heartbeat(said));
            let heard = self.try_to_say(&event);
            // A client that never saw the confirm says it again.
            if heard && self.dice.happens(0.03) {
                self.try_to_say(&event);
            }
        }
    }

    /// From now on it says nothing of itself.
    fn is_silent(&self) {
        let mut seen = self.world.oracle.seen();
        let truth = seen.truth.get_mut(&self.name);
        truth
            .into_iter()
            .for_each(|truth| truth.speaks_since = None);
    }

    async fn restart_as_planned(&mut self) {
        self.is_silent();
        // As it is said, in whole milliseconds.
        let back_within = MS(self.dice.number(1_000..30_000));
        let honoured = back_within.min(self.world.plan.rules.back_within_cap);
        let left = self.event(left(Some(back_within)));
        {
            let mut seen = self.world.oracle.seen();
            let truth = seen.truth.entry(self.name.clone()).or_default();
            let by = self.world.time.now() + honoured;
            truth.back_by = Some((by, left.id.clone()));
        }
        self.repeat_until_heard(&left).await;
        let away = back_within.mul_f64(1.5 * self.dice.part());
        self.world.time.sleep(away).await;
    }

    /// Somebody else reports that it was silent.
    async fn say_what_others_found(&mut self) {
        let last_seen_ms = self.dice.happens(0.5).then(|| self.now_ms() - 1000);
        let found = EventKind::HeartbeatTimeout {
            last_seen_ms,
            detected_by: Some("peer".to_owned()),
        };
        self.say_until_heard(found).await;
    }

    /// A message that no database takes.
    fn say_poison(&mut self) {
        let mut event = self.event(EventKind::Heartbeat(None));
        event.id = EventId::parse(&format!("{}{POISON}", event.id)).unwrap();
        self.try_to_say(&event);
    }

    /// A tick as of a replica on another database: it comes the conductors' way, and is refused.
    fn forge_a_tick(&mut self) {
        let tick = Tick {
            stream: "00000000-0000-4000-8000-00000000000f".to_owned(),
            session: "00000000-0000-4000-8000-00000000000e".to_owned(),
            sent: self.world.time.now(),
            committed: None,
        };
        let forged = Delivery {
            exchange: "conductor.events".into(),
            routing_key: "conductor.heartbeat".into(),
            message_type: Some(TICK_TYPE.into()),
            content_type: Some(wire::MSGPACK.into()),
            body: tick.encode(),
            ..Delivery::default()
        };
        if !self.world.broker.look().vices.alarm {
            let _ = self.world.broker.publish(forged);
        }
    }

    async fn say_until_heard(&mut self, kind: EventKind) {
        let event = self.event(kind);
        self.repeat_until_heard(&event).await;
    }

    async fn repeat_until_heard(&mut self, event: &Event) {
        while !self.try_to_say(event) {
            self.world.time.sleep(MS(500)).await;
        }
    }

    /// Publishes once; whether the broker has it. Trying is a sign of life, whatever comes of it.
    fn try_to_say(&mut self, event: &Event) -> bool {
        let place = publish(&self.world, event);
        if matches!(event.kind, EventKind::Joined(_) | EventKind::Heartbeat(_)) {
            self.world.oracle.sign(&self.name, place.is_some());
        }
        place.is_some()
    }

    fn event(&mut self, kind: EventKind) -> Event {
        Event {
            id: EventId::parse(&format!("e{}", self.world.event_id())).unwrap(),
            conductor: self.name.clone(),
            incarnation: Incarnation::new(self.incarnation).unwrap(),
            sent_at_ms: self.dice.happens(0.8).then(|| self.now_ms()),
            kind,
        }
    }

    fn statement(&self) -> Statement {
        Statement {
            group: self.serves[0].group.clone(),
            drivers: self.serves.iter().map(|pair| pair.driver.clone()).collect(),
            heartbeat_timeout: self.timeout,
        }
    }

    /// By its own clock.
    fn now_ms(&self) -> u64 {
        (WALL + self.world.time.now().as_millis() as u64).saturating_add_signed(self.skew)
    }
}

/// Publishes an event once, if the broker takes it; its place in the queue.
pub fn publish(world: &World, event: &Event) -> Option<u64> {
    let message = wire::event_message(event, "conductor.events", WALL);
    if world.broker.look().vices.alarm {
        return None;
    }
    let place = world.broker.publish(message.delivered()).ok()?;
    world.oracle.published(event, place);
    let (name, id, kind) = (&event.conductor, &event.id, event.kind.event_type());
    world
        .oracle
        .tell(|| format!("{place}: {name} {id} {kind:?}"));
    Some(place)
}

fn left(back_within: Option<Duration>) -> EventKind {
    EventKind::Left {
        back_within,
        reason: None,
    }
}
