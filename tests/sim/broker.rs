//! [`SimBroker`]: the queue of conductors' events with a single active consumer, and the vices of a
//! real one. A place in the queue is a number that only grows, so an oracle knows the queue's order.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use nodewarden::message::{Delivery, PROBE_TYPE, TICK_TYPE};
use tokio::sync::Notify;

use crate::time::Time;

/// As shipped: what a tick may wait before it is thrown away.
const TICK_EXPIRES: Duration = Duration::from_secs(60);

/// A message in the queue.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its place in the order of publishing.
    pub place: u64,
    /// How often it was delivered before.
    pub count: u64,
    pub message: Delivery,
    pub since: Duration,
}

/// What the broker knows of a session in line.
#[derive(Debug)]
pub struct Seat {
    pub prefetch: usize,
    /// It has been given something.
    pub served: bool,
    /// Delivered and not taken by the session yet, with their tags.
    pub buffer: VecDeque<(u64, Waiting)>,
    /// Taken or not, and not acknowledged.
    pub unacked: VecDeque<(u64, Waiting)>,
    pub fate: Fate,
    pub wake: Rc<Notify>,
}

/// How a session stands with the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    InLine,
    /// It is over, and the session does not know it until then: what it does leads nowhere.
    Unaware(Duration),
    /// It is over, and it knows why.
    Over(String),
}

/// How the end of a session gives back what it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// To its place, in order: a channel was closed.
    InOrder,
    /// Behind what the next one has got already: the consumer was cancelled.
    Behind,
}

/// What is wrong with the broker at the moment.
#[derive(Debug, Clone, Default)]
pub struct Vices {
    /// No connection stands, and none can be made.
    pub down: bool,
    /// An alarm: whoever publishes is blocked.
    pub alarm: bool,
    /// The queue is full and rejects what is published to it.
    pub rejects: bool,
    /// The queue of subscribers is full: announcements are refused.
    pub nacks: bool,
    /// No queue is bound for announcements.
    pub unbound_announcements: bool,
    /// How long a confirm takes; none comes while there is none.
    pub confirms: Option<Duration>,
    /// The queue delivers nothing to the sessions that are in line now.
    pub wedged: BTreeSet<u64>,
    /// What was delivered more often is thrown among the dead letters.
    pub delivery_limit: u64,
}

impl Vices {
    /// All is well.
    pub fn none() -> Self {
        Self {
            confirms: Some(Duration::from_millis(1)),
            delivery_limit: 1000,
            ..Self::default()
        }
    }
}

/// What the broker holds.
pub struct State {
    pub ready: VecDeque<Waiting>,
    pub exists: bool,
    pub bound: bool,
    /// Sessions in line, the first is the active one.
    pub line: Vec<u64>,
    pub seats: BTreeMap<u64, Seat>,
    /// Sessions whose host died, which the broker does not know yet.
    pub lingering: BTreeSet<u64>,
    pub vices: Vices,
    /// What was refused or given up, with the reason.
    pub dead_letters: Vec<(Waiting, String)>,
    /// Events that the broker lost, or gave up: nobody can have handled them.
    pub lost: BTreeSet<u64>,
    /// Something was delivered.
    pub delivered: Rc<Notify>,
    next_place: u64,
    next: u64,
    pub redelivered: u64,
}

/// The broker of a run.
#[derive(Clone)]
pub struct SimBroker {
    pub time: Time,
    state: Rc<RefCell<State>>,
}

impl SimBroker {
    pub fn new(time: Time) -> Self {
        let vices = Vices::none();
        let state = State {
            ready: VecDeque::new(),
            exists: true,
            bound: true,
            line: Vec::new(),
            seats: BTreeMap::new(),
            lingering: BTreeSet::new(),
            vices,
            dead_letters: Vec::new(),
            lost: BTreeSet::new(),
            delivered: Rc::default(),
            next_place: 1,
            next: 1,
            redelivered: 0,
        };
        Self {
            time,
            state: Rc::new(RefCell::new(state)),
        }
    }

    pub fn look(&self) -> Ref<'_, State> {
        self.state.borrow()
    }

    pub fn state(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }

    /// Publishes into the queue, through the exchange of events or straight; the place that the message
    /// got, or why it got none.
    pub fn publish(&self, message: Delivery) -> Result<u64, &'static str> {
        let mut state = self.state();
        if state.vices.down {
            return Err("the broker is down");
        }
        if !state.exists || (!message.exchange.is_empty() && !state.bound) {
            return Err("no queue is bound");
        }
        if state.vices.rejects {
            return Err("the queue is full");
        }
        let place = state.next_place;
        state.next_place += 1;
        state.ready.push_back(Waiting {
            place,
            count: 0,
            message,
            since: self.time.now(),
        });
        state.deliver(self.time.now());
        Ok(place)
    }

    /// Gets in line; the number of the session.
    pub fn join(&self, prefetch: usize) -> Result<u64, &'static str> {
        let mut state = self.state();
        if state.vices.down {
            return Err("the broker is down");
        }
        state.exists = true;
        state.bound = true;
        let session = state.next;
        state.next += 1;
        state.seats.insert(
            session,
            Seat {
                prefetch,
                served: false,
                buffer: VecDeque::new(),
                unacked: VecDeque::new(),
                fate: Fate::InLine,
                wake: Rc::new(Notify::new()),
            },
        );
        state.line.push(session);
        state.deliver(self.time.now());
        Ok(session)
    }

    /// Ends a session at the broker: what it had goes back.
    pub fn end(&self, session: u64, fate: Fate, how: Return) {
        let now = self.time.now();
        let mut state = self.state();
        let Some(seat) = state.seats.get_mut(&session) else {
            return;
        };
        if seat.fate != Fate::InLine {
            if matches!(fate, Fate::Over(_)) {
                seat.fate = fate;
                seat.wake.notify_one();
            }
            return;
        }
        seat.fate = fate;
        seat.wake.notify_one();
        let had = std::mem::take(&mut seat.unacked);
        // An unaware session keeps what has reached it.
        state.line.retain(|one| *one != session);
        state.vices.wedged.remove(&session);
        if how == Return::Behind {
            state.deliver(now);
        }
        state.give_back(had.into_iter().map(|(_, waiting)| waiting));
        state.deliver(now);
    }

    /// All sessions end, and know it.
    pub fn end_all(&self, why: &str) {
        let line = self.look().line.clone();
        for session in line {
            self.end(session, Fate::Over(why.to_owned()), Return::InOrder);
        }
    }

    /// The queue is deleted with all that is in it.
    pub fn delete_queue(&self) {
        {
            let mut state = self.state();
            let mut gone: Vec<Waiting> = state.ready.drain(..).collect();
            for seat in state
                .seats
                .values_mut()
                .filter(|seat| seat.fate == Fate::InLine)
            {
                gone.extend(seat.unacked.drain(..).map(|(_, waiting)| waiting));
                seat.buffer.clear();
            }
            let places = gone.iter().map(|waiting| waiting.place);
            state.lost.extend(places);
            state.exists = false;
            state.bound = false;
        }
        self.end_all("the queue was deleted");
    }

    /// How many events nothing was done about, and since when the oldest of them waits.
    pub fn waiting_events(&self) -> (u32, Option<Duration>) {
        let state = self.look();
        let unacked = (state.seats.values()).flat_map(|seat| seat.unacked.iter().map(|one| &one.1));
        let waiting = state.ready.iter().chain(unacked);
        let events = waiting.filter(|one| is_event(&one.message));
        let since: Vec<Duration> = events.map(|one| one.since).collect();
        (since.len() as u32, since.into_iter().min())
    }
}

/// Whether a message is neither a tick nor a probe.
pub fn is_event(message: &Delivery) -> bool {
    let tick = message.effective_type() == TICK_TYPE && message.exchange.is_empty();
    !tick && message.effective_type() != PROBE_TYPE
}

impl State {
    /// The active session.
    pub fn active(&self) -> Option<u64> {
        self.line.first().copied()
    }

    /// Delivers what fits to the active session.
    fn deliver(&mut self, now: Duration) {
        let expired = |waiting: &Waiting| {
            waiting.message.effective_type() == TICK_TYPE && now - waiting.since > TICK_EXPIRES
        };
        while self.ready.pop_front_if(|one| expired(one)).is_some() {}
        let Some(active) = self.active() else { return };
        if self.vices.wedged.contains(&active) {
            return;
        }
        let seat = self.seats.get_mut(&active).expect("it is in line");
        while seat.unacked.len() < seat.prefetch {
            let Some(waiting) = self.ready.pop_front() else {
                break;
            };
            if expired(&waiting) {
                continue;
            }
            let tag = self.next;
            self.next += 1;
            self.redelivered += u64::from(waiting.count > 0);
            if is_event(&waiting.message) {
                self.delivered.notify_waiters();
            }
            seat.buffer.push_back((tag, waiting.clone()));
            seat.unacked.push_back((tag, waiting));
            seat.served = true;
            seat.wake.notify_one();
        }
    }

    /// To the front, in order; what was delivered too often is given up.
    fn give_back(&mut self, had: impl DoubleEndedIterator<Item = Waiting>) {
        for mut waiting in had.rev() {
            waiting.count += 1;
            if waiting.count <= self.vices.delivery_limit {
                self.ready.push_front(waiting);
            } else if is_event(&waiting.message) {
                self.lost.insert(waiting.place);
                self.dead_letters
                    .push((waiting, "delivery_limit".to_owned()));
            }
        }
    }

    /// Acknowledges all up to `tag`; what that was.
    pub fn acknowledge(&mut self, session: u64, tag: u64, now: Duration) -> Vec<Waiting> {
        let seat = self.seats.get_mut(&session).expect("it is in line");
        let mut acknowledged = Vec::new();
        while let Some((_, waiting)) = seat.unacked.pop_front_if(|(one, _)| *one <= tag) {
            acknowledged.push(waiting);
        }
        self.deliver(now);
        acknowledged
    }
}
