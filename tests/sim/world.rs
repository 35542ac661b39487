//! [`World`]: one run, all of it from one seed: what there is, how long it lives, what goes wrong.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::domain::ids::{Driver, Group, Pair};
use nodewarden::store::Keeping;
use nodewarden::worker::Rules;
use nodewarden_tests::model::{Model, Node};
use nodewarden_tests::rules::rules;

use crate::broker::SimBroker;
use crate::chaos;
use crate::conductors;
use crate::costs::Faults;
use crate::dice::Dice;
use crate::ironic::{self, Ironic};
use crate::liveness;
use crate::mutants::Mutant;
use crate::operators;
use crate::oracle::Oracle;
use crate::time::Time;

const S: fn(u64) -> Duration = Duration::from_secs;

/// How often things go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// All the time, and several at once: only safety is to be expected before it is over.
    Rough,
    /// No more often than a few a minute, as L3 says: what must happen happens in time.
    Fair,
}

/// What a run is like.
#[derive(Debug, Clone)]
pub struct Plan {
    pub weather: Weather,
    pub replicas: u64,
    pub conductors: usize,
    pub pairs: Vec<Pair>,
    /// So many of them, the first, conductors may serve.
    pub served: usize,
    pub nodes: usize,
    /// What one row costs.
    pub latency: Duration,
    /// Hundreds of conductors, all of which fall silent at one instant.
    pub mass: bool,
    /// How long things go wrong, and how long nothing does after that.
    pub wild: Duration,
    pub calm: Duration,
    /// The rules that all replicas share; each has windows and batches of its own.
    pub rules: Rules,
    /// Something happens to a replica or the broker, and a call to the database fails, on the average
    /// so often.
    pub chaos: Duration,
    pub faults: Duration,
    /// The database goes back to an earlier state, on the average so often.
    pub losses: Option<Duration>,
    /// Decisions are only observed until then.
    pub observes: Duration,
    /// So many bridges look at an Ironic.
    pub bridges: usize,
    /// Whether some replicas are of the version before, whose ticks do not say what is committed.
    pub two_versions: bool,
    /// So far is the wall clock of the first replica ahead, more than those of others.
    pub first_ahead_ms: u64,
    pub mutant: Option<Mutant>,
}

impl Plan {
    pub fn draw(dice: &mut Dice, mutant: Option<Mutant>) -> Self {
        let weather = match dice.happens(FAIR) || mutant == Some(Mutant::DoubtAfterLook) {
            true => Weather::Fair,
            false => Weather::Rough,
        };
        let groups = dice.number(1..3);
        let drivers = dice.number(1..4);
        let pair = |n: u64| Pair {
            group: Group::parse(["", "rack"][(n % groups) as usize]).unwrap(),
            driver: Driver::parse(["ipmi", "redfish", "ilo"][(n / groups) as usize]).unwrap(),
        };
        let rules = Rules {
            reconnect_grace: S(dice.number(2..8)),
            sweep_interval: S(dice.number(3..12)),
            back_within_cap: S(dice.number(10..60)),
            keeping: Keeping {
                events: dice.magnitude(60_000_000..600_000_000),
                announced: S(3600),
                decisions: S(3600),
            },
            unknown_after: match dice.happens(UNKNOWN) || mutant == Some(Mutant::UnknownAtOnce) {
                true => Some(dice.magnitude(2_000_000..20_000_000)),
                false => None,
            },
            ..rules()
        };
        let (chaos, faults, wild) = match weather {
            Weather::Rough => (
                dice.magnitude(1_000_000..15_000_000),
                dice.magnitude(500_000..10_000_000),
                match dice.happens(LONG) {
                    true => dice.magnitude(60_000_000..240_000_000),
                    false => dice.magnitude(5_000_000..30_000_000),
                },
            ),
            Weather::Fair => (
                S(dice.number(20..90)),
                S(dice.number(15..60)),
                dice.magnitude(40_000_000..120_000_000),
            ),
        };
        let latency = dice.magnitude(50..10_000);
        let pairs: Vec<Pair> = (0..groups * drivers).map(pair).collect();
        let mut plan = Self {
            weather,
            served: pairs.len().saturating_sub(dice.index(2)).max(1),
            replicas: dice.number(2..4),
            conductors: dice.index(5) + 2,
            pairs,
            nodes: dice.index(20) + 3,
            latency,
            mass: false,
            wild,
            calm: S(0),
            rules,
            chaos,
            faults,
            losses: None,
            observes: Duration::ZERO,
            bridges: 0,
            two_versions: false,
            first_ahead_ms: 0,
            mutant,
        };
        if dice.happens(OBSERVES) || mutant == Some(Mutant::ObservedAsDecided) {
            // Then they are to be carried out, or the run is over.
            plan.observes = plan.wild.mul_f64(0.2 + dice.part());
        }
        if dice.happens(BRIDGED) || mutant == Some(Mutant::BridgeHasty) {
            plan.bridges = 1 + dice.index(2);
            // A bridge repeats an id for as long as what it says is so.
            plan.rules.keeping.events = S(7 * 86_400);
        }
        let loses = dice.happens(LOSES) || mutant.is_some_and(Mutant::is_about_losses);
        plan.losses = loses.then(|| dice.magnitude(5_000_000..60_000_000));
        let two = dice.happens(TWO_VERSIONS) || mutant == Some(Mutant::FormerTicksRefused);
        plan.two_versions = two && !loses;
        let mass = dice.happens(MASS) && mutant.is_none();
        if mass || mutant == Some(Mutant::SilenceAtOnce) {
            plan.becomes_a_mass();
        }
        if mutant == Some(Mutant::DeadlinesNotMoved) {
            plan.rules.reconnect_grace = Duration::ZERO;
        }
        // All that is due in a calm is done once within it, if all goes at once; or at the latest.
        let due = plan.rules.sweep_interval + plan.rules.reconnect_grace;
        plan.calm = match weather == Weather::Fair || plan.mass || dice.happens(LATE) {
            true => due * 2 + plan.margin(),
            false => due + plan.margin() / 3,
        };
        if mutant == Some(Mutant::PruneOnlyOldest) {
            plan.first_ahead_ms = 3_600_000;
            plan.rules.keeping.events = S(20);
            plan.calm = S(20) + (plan.rules.sweep_interval + plan.margin()) * 4;
        }
        plan
    }

    /// What a busy replica may take besides what it waits for: some thousand rows, and all that there is
    /// to write if every conductor is lost at once.
    pub fn margin(&self) -> Duration {
        let rows = 1000 + 10 * self.conductors as u32;
        S(10) + self.latency * rows
    }

    /// One silence of hundreds, and little else. On a database slower than this, each transaction of
    /// silences is a gap of our own, after which every deadline begins again.
    fn becomes_a_mass(&mut self) {
        self.mass = true;
        self.losses = None;
        self.bridges = 0;
        self.observes = Duration::ZERO;
        self.rules.unknown_after = None;
        self.weather = Weather::Fair;
        (self.chaos, self.faults) = (S(600), S(60));
        self.conductors = 500;
        self.pairs = (0..1500)
            .map(|n| Pair {
                group: Group::parse(&format!("rack{}", n / 3)).unwrap(),
                driver: Driver::parse(["ipmi", "redfish", "ilo"][n % 3]).unwrap(),
            })
            .collect();
        self.served = self.pairs.len();
        self.latency = Duration::from_millis(5);
        self.wild = S(120);
        self.rules.sweep_interval = S(60);
        self.rules.reconnect_grace = S(10);
    }
}

/// The share of runs with a mass silence: they take long.
const MASS: f64 = 0.001;

/// The share of the others whose calm is so long that whatever is late in it is seen.
const LATE: f64 = 0.2;

/// The share of runs whose database loses commits.
const LOSES: f64 = 0.04;

/// The share of runs in which decisions are only observed, at least at first.
const OBSERVES: f64 = 0.1;

/// The share of runs in which nodes go out whose driver is unknown.
const UNKNOWN: f64 = 0.3;

/// The share of runs with bridges to an Ironic.
const BRIDGED: f64 = 0.15;

/// The share of runs with replicas of two versions.
const TWO_VERSIONS: f64 = 0.15;

/// The share of runs in which liveness is looked at while things go wrong: these need time.
const FAIR: f64 = 0.08;

/// Of the others, the share of long ones. Most are short and dense: another world finds more than
/// another minute.
const LONG: f64 = 0.03;

/// A run and all that lives in it.
pub struct World {
    pub time: Time,
    pub plan: Plan,
    pub model: Model,
    pub broker: SimBroker,
    pub oracle: Oracle,
    pub ironic: Ironic,
    pub faults: Rc<RefCell<Faults>>,
    /// From then on, nothing is wrong any more that the product must wait out.
    pub disturbed: Rc<Cell<Duration>>,
    /// What goes wrong must be over by then.
    pub wild_until: Duration,
    pub next_event: Cell<u64>,
    /// A loss of commits must be noticed before anything else goes wrong.
    pub held: Cell<bool>,
    /// Nodes are locked, or a user has just changed them.
    pub meddled: Cell<Duration>,
    /// The epoch in which a replica's wall clock was set last; no epoch is zero.
    pub clock_set_in: Cell<u64>,
}

impl World {
    /// The world of a seed. Its plan suits a mutant, which lives in it unless it is `healthy`.
    pub fn new(seed: u64, mutant: Option<Mutant>, healthy: bool, tells: bool) -> Rc<Self> {
        let mut dice = Dice::new(seed);
        let mut plan = Plan::draw(&mut dice, mutant);
        plan.mutant = mutant.filter(|_| !healthy);
        let time = Time::default();
        let oracle = Oracle::new(time.clone(), plan.rules.back_within_cap);
        oracle.seen().tells = tells;
        oracle.seen().unknown_after = plan.rules.unknown_after.unwrap_or_default();
        let model = Model::new("00000000-0000-4000-8000-000000000000");
        let faults = Faults {
            dice: dice.fork(),
            latency: plan.latency,
            mean: plan.faults,
            next: plan.faults,
            down_until: Duration::ZERO,
        };
        oracle.seen().reference.any_timeout = mutant == Some(Mutant::DeadlinesNotMoved);
        let world = Rc::new(Self {
            broker: SimBroker::new(time.clone()),
            ironic: Ironic::default(),
            faults: Rc::new(RefCell::new(faults)),
            disturbed: Rc::default(),
            wild_until: plan.wild,
            next_event: Cell::new(1),
            held: Cell::default(),
            meddled: Cell::default(),
            clock_set_in: Cell::default(),
            time,
            plan,
            model,
            oracle,
        });
        for n in 0..world.plan.nodes {
            let pair = dice.pick(&world.plan.pairs).clone();
            let node = Node::of(pair.driver.as_str(), pair.group.as_str());
            world.model.register(&format!("n{n:03}"), node);
        }
        world.oracle.begins_with(&world.model);
        chaos::start(&world, dice.fork());
        conductors::start(&world, &mut dice.fork());
        operators::start(&world, dice.fork());
        ironic::start(&world, &mut dice);
        liveness::start(&world);
        world
    }

    /// Lives it to its end; panics at the first thing that must not be.
    pub fn live(self: &Rc<Self>) {
        self.time.run_until(self.wild_until);
        // A loss that is noticed late puts the end off.
        let end = || self.wild_until.max(self.disturbed.get()) + self.plan.calm;
        while self.time.now() < end() {
            self.time.run_until(end());
        }
        liveness::at_the_end(self);
    }

    /// The `decide.mode` of a replica that starts now.
    pub fn mode(&self) -> Mode {
        match self.time.now() < self.plan.observes {
            true => Mode::Observe,
            false => Mode::Enforce,
        }
    }

    /// Whether things still go wrong.
    pub fn wild(&self) -> bool {
        self.time.now() < self.wild_until
    }

    /// Waits while nothing else may go wrong.
    pub async fn unheld(&self) {
        while self.held.get() {
            self.time.sleep(S(1)).await;
        }
    }

    /// Something went wrong that is over after `lasting`, and that may take so long to heal.
    pub fn disturb(&self, lasting: Duration, heal: Duration) {
        let until = self.time.now() + lasting + heal;
        self.disturbed.set(self.disturbed.get().max(until));
    }

    pub fn event_id(&self) -> u64 {
        let number = self.next_event.get();
        self.next_event.set(number + 1);
        number
    }
}

/// How often what happened in a run, or in many.
pub type Tally = BTreeMap<&'static str, u64>;
