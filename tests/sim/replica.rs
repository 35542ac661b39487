//! [`SimReplica`]: a process with the product's own loop in it, from the pause between sessions down to
//! the relay, over the simulated broker and database.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nodewarden::broker::BrokerError;
use nodewarden::config::Mode;
use nodewarden::domain::time::{Mono, Now};
use nodewarden::store::{Known, StoreError};
use nodewarden::worker::ports::{Clock, Line};
use nodewarden::worker::session::{Parts, Relaying};
use nodewarden::worker::{Relay, RelayEnd, Rules, Status, carry_on};
use nodewarden_tests::model::Model;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::broker::SimBroker;
use crate::costs::{Costly, Costs, Faults};
use crate::dice::Dice;
use crate::mutants::{Mutant, Mutated, Mutation};
use crate::oracle::Oracle;
use crate::session::{Seated, WayOut};
use crate::time::{Process, Time};

/// Where all wall clocks begin, ms since 1970 UTC, before they go wrong.
pub const WALL: u64 = 1_800_000_000_000;

/// A process's clocks.
#[derive(Clone)]
pub struct SimClock {
    time: Time,
    start: Duration,
    /// How far its wall clock is ahead, in ms.
    pub ahead: Rc<Cell<u64>>,
    dice: Rc<RefCell<Dice>>,
}

impl Clock for SimClock {
    fn now(&self) -> Now {
        let now = self.time.now();
        Now {
            wall_ms: WALL + self.ahead.get() + now.as_millis() as u64,
            mono: Mono(now - self.start),
        }
    }

    async fn sleep(&self, pause: Duration) {
        self.time.sleep(pause).await;
    }

    fn id(&self) -> String {
        let mut dice = self.dice.borrow_mut();
        let (high, low) = (u128::from(dice.next()), u128::from(dice.next()));
        uuid::Uuid::from_u128(high << 64 | low).to_string()
    }

    fn chance(&self) -> f64 {
        self.dice.borrow_mut().part()
    }
}

/// A replica's parts.
pub struct SimReplica {
    pub model: Model,
    pub broker: SimBroker,
    pub oracle: Oracle,
    pub faults: Rc<RefCell<Faults>>,
    pub rules: Rules,
    pub process: Process,
    pub holder: String,
    /// What its process knows to be committed.
    pub known: Known,
    pub ahead: Rc<Cell<u64>>,
    pub dice: Rc<RefCell<Dice>>,
    /// The session that it has at the moment.
    pub session: Rc<Cell<Option<u64>>>,
    pub status: Rc<RefCell<Status>>,
    pub mutant: Option<Mutant>,
    /// Its `database.transaction_limit`: whatever is slower is killed by its watchdog.
    pub limit: Duration,
    pub deaf_until: Rc<Cell<Duration>>,
    pub proof: Rc<Cell<Proof>>,
    /// It is of the version before.
    pub former: bool,
}

/// Whether an own tick, sent since the takeover, has come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Proof {
    /// None was sent.
    #[default]
    Unsent,
    /// The first of them has this place in the queue.
    Sent(u64),
    Back,
}

impl SimReplica {
    fn costly<L>(&self, inner: L, read: &Rc<Cell<u64>>) -> Costly<L> {
        let hook = Costs {
            model: self.model.clone(),
            time: self.broker.time.clone(),
            oracle: self.oracle.clone(),
            faults: Rc::clone(&self.faults),
            process: self.process,
            limit: self.limit,
            read: Rc::clone(read),
            deaf_until: Rc::clone(&self.deaf_until),
            proof: Rc::clone(&self.proof),
            all_at_once: self.mutant == Some(Mutant::SilenceAtOnce),
            observes: self.rules.mode == Mode::Observe,
            regroups: self.mutant == Some(Mutant::Regrouped),
        };
        Costly { inner, hook }
    }
}

/// Its connections.
pub struct SimLine {
    broker: SimBroker,
    oracle: Oracle,
    prefetch: usize,
    session: Rc<Cell<Option<u64>>>,
    mutant: Option<Mutant>,
    deaf_until: Rc<Cell<Duration>>,
    proof: Rc<Cell<Proof>>,
    former: bool,
}

/// Its relay.
pub struct SimRelaying {
    time: Time,
    task: u64,
    stop: CancellationToken,
    ended: Rc<RefCell<Option<RelayEnd>>>,
    done: Rc<Notify>,
    trouble: watch::Receiver<Option<String>>,
}

impl Parts for SimReplica {
    type Clock = SimClock;
    type Ledger = Costly<Mutated>;
    type Broker = SimLine;
    type Relaying = SimRelaying;

    fn clock(&self) -> SimClock {
        SimClock {
            time: self.broker.time.clone(),
            start: self.broker.time.now(),
            ahead: Rc::clone(&self.ahead),
            dice: Rc::clone(&self.dice),
        }
    }

    fn ledger(&self) -> Result<Self::Ledger, StoreError> {
        let read = Rc::default();
        let hook = Mutation {
            model: self.model.clone(),
            mutant: self.mutant,
            holder: self.holder.clone(),
            oracle: self.oracle.clone(),
            read: Rc::clone(&read),
            took: None,
        };
        let inner = self.model.ledger(&self.holder).knowing(self.known.clone());
        Ok(self.costly(Mutated { inner, hook }, &read))
    }

    async fn open(&self) -> Result<SimLine, BrokerError> {
        self.broker.time.sleep(Duration::from_millis(5)).await;
        let mut state = self.broker.state();
        if state.vices.down {
            return Err(BrokerError::Unreachable("connection refused".into()));
        }
        (state.exists, state.bound) = (true, true);
        Ok(SimLine {
            broker: self.broker.clone(),
            oracle: self.oracle.clone(),
            prefetch: self.rules.batch * 2,
            session: Rc::clone(&self.session),
            mutant: self.mutant,
            deaf_until: Rc::clone(&self.deaf_until),
            proof: Rc::clone(&self.proof),
            former: self.former,
        })
    }

    async fn start_relay(
        &self,
        broker: &SimLine,
        clock: SimClock,
        epoch: u64,
        wake: Arc<Notify>,
    ) -> Result<SimRelaying, String> {
        let way = WayOut {
            broker: self.broker.clone(),
            oracle: self.oracle.clone(),
            session: broker.session.get(),
        };
        let outbox = self.costly(self.model.outbox(&self.holder), &Rc::default());
        let relay = Relay::new(outbox, way, clock.clone(), epoch, "node.events");
        let trouble = relay.trouble();
        let (stop, ended) = (CancellationToken::new(), Rc::new(RefCell::new(None)));
        let done = Rc::new(Notify::new());
        let work = carry_on(relay, clock, wake, stop.clone());
        let (says, done_too) = (Rc::clone(&ended), Rc::clone(&done));
        let task = self.broker.time.spawn(self.process, async move {
            let end = work.await;
            *says.borrow_mut() = Some(end.unwrap_or(RelayEnd::Gone));
            done_too.notify_one();
        });
        Ok(SimRelaying {
            time: self.broker.time.clone(),
            task,
            stop,
            ended,
            done,
            trouble,
        })
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn holder(&self) -> &str {
        &self.holder
    }

    fn publish_status(&self, status: Status) {
        let (process, troubles) = (self.process, &status.troubles);
        if *troubles != self.status.borrow().troubles {
            self.oracle
                .tell(|| format!("{process} says {:?} {troubles:?}", status.role));
        }
        self.status.replace(status);
    }
}

impl Line for SimLine {
    type Queue = Seated;

    async fn consume(&self, _: &str) -> Result<Seated, BrokerError> {
        self.broker.time.sleep(Duration::from_millis(5)).await;
        let (broker, oracle) = (self.broker.clone(), self.oracle.clone());
        let (mutant, deaf) = (self.mutant, Rc::clone(&self.deaf_until));
        let mut seat = Seated::new(broker, oracle, self.prefetch, mutant, deaf)?;
        seat.proof = Rc::clone(&self.proof);
        seat.former = self.former;
        self.session.set(Some(seat.id()));
        Ok(seat)
    }

    async fn leave(&self, queue: Seated) -> Result<(), BrokerError> {
        drop(queue);
        Ok(())
    }

    fn blocked(&self) -> Option<String> {
        let alarm = self.broker.look().vices.alarm;
        alarm.then(|| "low on memory".to_owned())
    }

    async fn close(self) {
        self.broker.time.sleep(Duration::from_millis(5)).await;
    }

    fn sever(&self) {
        self.session.set(None);
    }
}

impl Relaying for SimRelaying {
    fn ended(&mut self) -> Option<RelayEnd> {
        self.ended.take()
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }

    async fn stop(self, patience: Duration) {
        self.stop.cancel();
        if self.ended.borrow().is_none() {
            tokio::select! {
                biased;
                () = self.done.notified() => {}
                () = self.time.sleep(patience) => {}
            }
        }
        self.time.end(self.task);
    }
}
