//! Chaos: the life and death of replicas, and the vices of broker and database.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use nodewarden::domain::committed::Committed;
use nodewarden::store::Known;
use nodewarden::worker::{Rules, Status, session};
use nodewarden_tests::model::Tables;
use tokio_util::sync::CancellationToken;

use crate::broker::{Fate, Return};
use crate::dice::Dice;
use crate::losses;
use crate::mutants::Mutant;
use crate::oracle::WAITS;
use crate::replica::SimReplica;
use crate::time::Process;
use crate::world::{Weather, World};

const S: fn(u64) -> Duration = Duration::from_secs;
const MS: fn(u64) -> Duration = Duration::from_millis;

/// A broker closes the connection of a client that sends no heartbeat for so long.
const HEARTBEATS: Duration = Duration::from_secs(20);

/// Another replica is in line again, and takes over.
pub const TAKEOVER: Duration = Duration::from_secs(12);

/// As `database.transaction_limit` is shipped.
const LIMIT: Duration = Duration::from_secs(15);

/// A queue that gives nothing is noticed by its unanswered ticks.
const WEDGE: Duration = Duration::from_secs(135);

/// Of the wedges that are drawn, the share that comes: a run with one is long.
const WEDGES: f64 = 0.2;

/// In a mass silence: after the last sign, and before the first time-out is over.
const MASS_TAKEOVER: Duration = Duration::from_secs(90);

/// Where a process stands that runs a replica.
struct Place {
    process: Process,
    session: Rc<Cell<Option<u64>>>,
    stop: CancellationToken,
    ahead: Rc<Cell<u64>>,
    status: Rc<RefCell<Status>>,
    known: Known,
    frozen: bool,
}

/// All replicas, and what may be done to them.
pub struct Chaos {
    pub world: Rc<World>,
    dice: RefCell<Dice>,
    places: RefCell<Vec<Place>>,
    next: Cell<Process>,
}

/// What goes wrong next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Kill,
    HostDies,
    Freeze,
    Partition,
    Stop,
    WallClock,
    BrokerDown,
    Alarm,
    Rejects,
    Unbind,
    DeleteQueue,
    LateFirst,
    Wedge,
    LateConfirms,
    NoConfirms,
    Nacks,
    NoSubscriber,
    DatabaseDown,
    DeliveryLimit,
}

const DEEDS: [Deed; 23] = [
    Deed::Kill,
    Deed::Kill,
    Deed::HostDies,
    Deed::Freeze,
    Deed::Freeze,
    Deed::Partition,
    Deed::Partition,
    Deed::Partition,
    Deed::Stop,
    Deed::WallClock,
    Deed::BrokerDown,
    Deed::Alarm,
    Deed::Rejects,
    Deed::Unbind,
    Deed::DeleteQueue,
    Deed::LateFirst,
    Deed::Wedge,
    Deed::LateConfirms,
    Deed::NoConfirms,
    Deed::Nacks,
    Deed::NoSubscriber,
    Deed::DatabaseDown,
    Deed::DeliveryLimit,
];

/// Starts the replicas, and what happens to them.
pub fn start(world: &Rc<World>, mut dice: Dice) {
    let chaos = Rc::new(Chaos {
        world: Rc::clone(world),
        dice: RefCell::new(dice.fork()),
        places: RefCell::default(),
        next: Cell::new(1),
    });
    for _ in 0..world.plan.replicas {
        chaos.begin();
    }
    let time = world.time.clone();
    world.disturb(S(0), TAKEOVER);
    losses::start(&chaos, dice.fork());
    let supervised = Rc::clone(&chaos);
    time.clone().spawn(0, async move {
        loop {
            supervised.world.time.sleep(S(1)).await;
            supervised.world.unheld().await;
            supervised.restart();
        }
    });
    let new = Rc::clone(&chaos);
    time.clone().spawn(0, async move {
        if !new.world.plan.observes.is_zero() {
            new.world.time.until(new.world.plan.observes).await;
            new.replace_all().await;
        }
    });
    let calms = Rc::clone(&chaos);
    time.clone().spawn(0, async move {
        calms.world.time.until(calms.world.wild_until).await;
        calms.calm();
    });
    time.clone().spawn(0, async move {
        if chaos.world.plan.mass {
            // What is silent by then falls due at one instant after the takeover.
            time.sleep(MASS_TAKEOVER).await;
            let process = chaos.places.borrow()[chaos.active().unwrap_or_default()].process;
            chaos.replace(process).await;
        }
        loop {
            let pause = dice.until_next(chaos.world.plan.chaos);
            time.sleep(pause.max(chaos.least())).await;
            chaos.world.unheld().await;
            if !chaos.world.wild() {
                break;
            }
            let deed = *dice.pick(&DEEDS);
            if deed == Deed::Wedge && !dice.happens(WEDGES) {
                continue;
            }
            if dice.happens(0.7) {
                chaos.something_in_hand(&mut dice).await;
            }
            chaos.world.unheld().await;
            if !chaos.world.wild() {
                break;
            }
            let places = chaos.places.borrow().len();
            let place = match dice.happens(0.7) {
                true => chaos.active().unwrap_or_default(),
                false => dice.index(places.max(1)),
            };
            chaos.world.oracle.tell(|| format!("chaos: {deed:?}"));
            chaos.world.oracle.count("faults of all kinds", 1);
            let chaos_too = Rc::clone(&chaos);
            // What lasts goes on beside what comes next.
            time.spawn(0, async move { chaos_too.work(deed, place).await });
        }
    });
}

impl Chaos {
    /// In fair weather, nothing goes wrong before what did is healed.
    fn least(&self) -> Duration {
        let healed = self.world.disturbed.get();
        match self.world.plan.weather {
            Weather::Rough => Duration::ZERO,
            Weather::Fair => healed.saturating_sub(self.world.time.now()) + S(10),
        }
    }

    /// Waits until the active one has an event in hand, and a little: the moment at which most can go
    /// wrong.
    async fn something_in_hand(&self, dice: &mut Dice) {
        let delivered = Rc::clone(&self.world.broker.look().delivered);
        tokio::select! {
            biased;
            () = delivered.notified() => {}
            () = self.world.time.sleep(S(5)) => {}
        }
        let calls = self.world.plan.latency * 12;
        self.world.time.sleep(calls.mul_f64(dice.part())).await;
    }

    /// The place that matters most: that of the active one.
    fn active(&self) -> Option<usize> {
        let active = self.world.broker.look().active()?;
        let places = self.places.borrow();
        places
            .iter()
            .position(|place| place.session.get() == Some(active))
    }

    /// Whether all replicas live, and know of commits that came after these.
    pub fn all_know_of_more_than(&self, before: &Committed) -> bool {
        let places = self.places.borrow();
        let lingering = !self.world.broker.look().lingering.is_empty();
        if lingering || (places.len() as u64) < self.world.plan.replicas {
            return false;
        }
        places.iter().all(|place| {
            let known = place.known.furthest();
            let known = known.filter(|known| known.stream == before.stream);
            let more = known.is_some_and(|known| known.is_missing_from(before));
            let forgot = self.world.plan.mutant == Some(Mutant::LossUnseen);
            (more || forgot) && self.world.time.lives(place.process)
        })
    }

    /// As a supervisor does: whatever has ended begins again.
    fn restart(&self) {
        let time = &self.world.time;
        let before = self.places.borrow().len();
        (self.places.borrow_mut()).retain(|place| time.lives(place.process));
        let after = self.places.borrow().len();
        for _ in after..before {
            self.begin();
        }
    }

    /// Starts a process with a replica in it.
    fn begin(&self) {
        let process = self.next.get();
        self.next.set(process + 1);
        let world = &self.world;
        let mut dice = self.dice.borrow_mut();
        let first = match process {
            1 => world.plan.first_ahead_ms,
            _ => 0,
        };
        let place = Place {
            process,
            session: Rc::default(),
            stop: CancellationToken::new(),
            ahead: Rc::new(Cell::new(dice.number(0..1000) + first)),
            status: Rc::default(),
            known: Known::default(),
            frozen: false,
        };
        let replica = SimReplica {
            model: world.model.clone(),
            broker: world.broker.clone(),
            oracle: world.oracle.clone(),
            faults: Rc::clone(&world.faults),
            // Two versions of the rules may run side by side.
            rules: Rules {
                batch: match world.plan.mass {
                    true => 256,
                    false => *dice.pick(&[1, 3, 20, 256]),
                },
                chunk_nodes: *dice.pick(&[1, 2, 7, 1000]),
                nodes_per_message: *dice.pick(&[1, 3, 500]),
                mode: world.mode(),
                unknown_after: match world.plan.mutant {
                    Some(Mutant::UnknownAtOnce) => Some(Duration::ZERO),
                    _ => world.plan.rules.unknown_after,
                },
                ..world.plan.rules.clone()
            },
            process,
            holder: format!("replica {process}"),
            known: place.known.clone(),
            ahead: Rc::clone(&place.ahead),
            dice: Rc::new(RefCell::new(dice.fork())),
            session: Rc::clone(&place.session),
            status: Rc::clone(&place.status),
            mutant: world.plan.mutant,
            limit: LIMIT,
            deaf_until: Rc::default(),
            proof: Rc::default(),
            former: world.plan.two_versions && dice.happens(0.5),
        };
        let stop = place.stop.clone();
        world.time.spawn(process, async move {
            session::run(&replica, &stop).await;
        });
        self.places.borrow_mut().push(place);
    }

    /// Ends a process, and returns when another has begun in its place.
    async fn replace(&self, process: Process) {
        self.world.time.kill(process);
        self.places
            .borrow_mut()
            .retain(|place| place.process != process);
        let away = self.dice.borrow_mut().magnitude(50_000..8_000_000);
        self.world.disturb(away, TAKEOVER);
        self.world.time.sleep(away).await;
        self.world.unheld().await;
        self.begin();
    }

    /// One after the other is started again, as new settings ask for.
    async fn replace_all(&self) {
        let before: Vec<Process> = {
            let places = self.places.borrow();
            places.iter().map(|place| place.process).collect()
        };
        for process in before {
            if self.world.time.lives(process) {
                self.replace(process).await;
            }
        }
    }

    async fn work(&self, deed: Deed, place: usize) {
        let (world, time) = (&self.world, &self.world.time);
        let (process, session) = {
            let places = self.places.borrow();
            let Some(place) = places.get(place) else {
                return;
            };
            (place.process, place.session.get())
        };
        let mut lasts = self.dice.borrow_mut().magnitude(200_000..15_000_000);
        match deed {
            Deed::Kill => self.replace(process).await,
            Deed::HostDies => {
                // The broker finds out later.
                if let Some(session) = session {
                    world.broker.state().lingering.insert(session);
                    let (broker, time_too) = (world.broker.clone(), time.clone());
                    world.disturb(HEARTBEATS, TAKEOVER);
                    time.spawn(0, async move {
                        time_too.sleep(HEARTBEATS).await;
                        broker.state().lingering.remove(&session);
                        broker.end(session, Fate::Over("no heartbeat".into()), Return::InOrder);
                    });
                }
                self.replace(process).await;
            }
            Deed::Freeze => self.freeze(process, lasts * 3).await,
            Deed::Partition => {
                let active = world.broker.look().active();
                let Some(session) = active.or(session) else {
                    return;
                };
                world.disturb(lasts, TAKEOVER);
                let fate = Fate::Unaware(time.now() + lasts);
                world.broker.end(session, fate, Return::InOrder);
            }
            Deed::Stop => {
                {
                    let places = self.places.borrow();
                    let place = places.iter().find(|place| place.process == process);
                    place.inspect(|place| place.stop.cancel());
                }
                world.disturb(S(10), TAKEOVER);
            }
            Deed::WallClock => {
                let places = self.places.borrow();
                let hours = self.dice.borrow_mut().number(0..5) * 3_600_000;
                if let Some(place) = places.iter().find(|place| place.process == process) {
                    place.ahead.set(hours);
                    let epoch = world.model.look(|tables| tables.one.epoch);
                    world.clock_set_in.set(epoch);
                }
            }
            Deed::BrokerDown => {
                world.disturb(lasts, TAKEOVER);
                world.broker.state().vices.down = true;
                world.broker.end_all("the broker died");
                time.sleep(lasts).await;
                world.broker.state().vices.down = false;
            }
            Deed::Alarm => {
                lasts *= 2;
                world.disturb(lasts, TAKEOVER);
                world.broker.state().vices.alarm = true;
                time.sleep(lasts).await;
                world.broker.state().vices.alarm = false;
            }
            Deed::Rejects => {
                world.disturb(lasts, TAKEOVER);
                world.broker.state().vices.rejects = true;
                time.sleep(lasts).await;
                world.broker.state().vices.rejects = false;
            }
            Deed::Unbind => {
                world.disturb(S(6), TAKEOVER);
                world.broker.state().bound = false;
            }
            Deed::DeleteQueue => {
                world.disturb(S(1), TAKEOVER);
                world.broker.delete_queue();
            }
            Deed::LateFirst => self.stand_still_at_the_first(lasts).await,
            Deed::Wedge => {
                let active = world.broker.look().active();
                let served = |session: &u64| world.broker.look().seats[session].served;
                let Some(active) = active.filter(served) else {
                    return;
                };
                world.disturb(WEDGE, TAKEOVER);
                world.broker.state().vices.wedged.insert(active);
            }
            Deed::LateConfirms | Deed::NoConfirms => {
                world.disturb(lasts + S(8), TAKEOVER);
                let late = (deed == Deed::LateConfirms).then(|| lasts / 3);
                world.broker.state().vices.confirms = late;
                time.sleep(lasts).await;
                world.broker.state().vices.confirms = Some(MS(1));
            }
            Deed::Nacks => {
                lasts *= 3;
                world.disturb(lasts, TAKEOVER);
                world.broker.state().vices.nacks = true;
                time.sleep(lasts).await;
                world.broker.state().vices.nacks = false;
            }
            Deed::NoSubscriber => {
                world.broker.state().vices.unbound_announcements = true;
                time.sleep(lasts).await;
                world.broker.state().vices.unbound_announcements = false;
            }
            Deed::DatabaseDown => {
                world.disturb(lasts, TAKEOVER);
                world.faults.borrow_mut().down_until = time.now() + lasts;
            }
            Deed::DeliveryLimit => {
                let limit = self.dice.borrow_mut().number(2..20);
                world.broker.state().vices.delivery_limit = limit;
                time.sleep(lasts).await;
                world.broker.state().vices.delivery_limit = 1000;
            }
        }
    }

    /// The active one's successor stands still with its first deliveries, on their way or in hand, while the queue
    /// is deleted with all that comes after them.
    async fn stand_still_at_the_first(&self, lasts: Duration) {
        let world = &self.world;
        let Some(ended) = world.broker.look().active() else {
            return;
        };
        let closed = Fate::Over("its channel was closed".into());
        world.broker.end(ended, closed, Return::InOrder);
        let part = self.dice.borrow_mut().part();
        world
            .time
            .sleep(world.plan.latency.mul_f64(2.0 * part))
            .await;
        let next = self.active().map(|at| self.places.borrow()[at].process);
        let (Some(session), Some(process)) = (world.broker.look().active(), next) else {
            return;
        };
        world.disturb(lasts * 2, TAKEOVER);
        let fate = Fate::Unaware(world.time.now() + lasts * 2);
        world.broker.end(session, fate, Return::InOrder);
        world.broker.delete_queue();
        self.freeze(process, lasts).await;
    }

    /// A process stands still, and the broker may give it up meanwhile.
    async fn freeze(&self, process: Process, lasts: Duration) {
        let world = &self.world;
        let session = {
            let mut places = self.places.borrow_mut();
            let place = places.iter_mut().find(|place| place.process == process);
            let Some(place) = place else { return };
            place.frozen = true;
            place.session.get()
        };
        world.disturb(lasts, TAKEOVER);
        world.time.freeze(process, true);
        world.time.sleep(lasts.min(HEARTBEATS)).await;
        if lasts > HEARTBEATS
            && let Some(session) = session
        {
            world
                .broker
                .end(session, Fate::Over("no heartbeat".into()), Return::InOrder);
            world.time.sleep(lasts - HEARTBEATS).await;
        }
        world.time.freeze(process, false);
        let mut places = self.places.borrow_mut();
        let place = places.iter_mut().find(|place| place.process == process);
        place.into_iter().for_each(|place| place.frozen = false);
    }

    /// All is healed, but for what the product must heal itself.
    fn calm(&self) {
        let world = &self.world;
        world.oracle.tell(|| "calm".to_owned());
        {
            let mut state = world.broker.state();
            let wedged = std::mem::take(&mut state.vices.wedged);
            if wedged.is_empty() && state.lingering.is_empty() && !world.held.get() {
                // What would have lasted longer is over; not what conductors must say again.
                let began = world.oracle.seen().stream_began;
                let lasts = began.map_or(Duration::ZERO, |began| began + WAITS + TAKEOVER);
                // Takeovers, each within what is stored of the wait, keep it from getting shorter.
                let stored = |tables: &Tables| tables.one.streams.iter().map(|row| row.waits).max();
                let left = world.model.look(stored).unwrap_or_default();
                let left = match left.is_zero() {
                    true => Duration::ZERO,
                    false => world.time.now() + left + TAKEOVER,
                };
                world.disturbed.set(lasts.max(left));
            }
            state.vices = crate::broker::Vices {
                wedged,
                ..crate::broker::Vices::none()
            };
        }
        world.disturb(S(0), TAKEOVER);
        let mut faults = world.faults.borrow_mut();
        (faults.mean, faults.down_until) = (Duration::ZERO, Duration::ZERO);
        for place in &*self.places.borrow() {
            world.time.freeze(place.process, false);
        }
    }
}
