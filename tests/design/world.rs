//! What there is: a database, a broker with one queue, replicas, and what may still go wrong.
//!
//! A replica may stand still between any two of its steps for as long as it likes, so a pause needs no
//! step of its own: it is a replica that does nothing while the broker cuts it off and the database
//! gives up its transaction.

use std::collections::VecDeque;

/// Conductors are bits. These two serve the pair that events are about.
pub const FIRST: u8 = 0b0001;
pub const SECOND: u8 = 0b0010;
/// Sends a sign of life after each takeover, in time.
pub const LIVING: u8 = 0b0100;
/// Was active once and says nothing any more.
pub const MUTE: u8 = 0b1000;

/// An event of the pair's conductors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    Left(u8),
    Joined(u8),
}

impl Event {
    /// Which conductors are active after it.
    pub fn after(self, active: u8) -> u8 {
        match self {
            Event::Left(conductor) => active & !conductor,
            Event::Joined(conductor) => active | conductor,
        }
    }
}

/// What waits in the queue. Events are numbered in the order in which they were published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Event(u8),
    /// A heartbeat of the living conductor.
    Sign,
    Tick {
        /// Of a session that goes on; `None`: of one that is over.
        replica: Option<usize>,
        /// Sent after the takeover of this session.
        deciding: bool,
        /// Sent after the grace that follows a takeover.
        after_grace: bool,
    },
}

/// A change of the node's state, as schedulers hear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Announcement {
    pub seq: u8,
    pub out: bool,
    /// The epoch that decided.
    pub epoch: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Database {
    pub epoch: u8,
    /// The replica whose open transaction holds the row of the fence.
    pub held_by: Option<usize>,
    /// The events that had their effect, in that order.
    pub handled: Vec<u8>,
    pub active: u8,
    /// The conductors that were found silent.
    pub timed_out: u8,
    /// The node's mark.
    pub out: bool,
    pub seq: u8,
    pub outbox: Vec<Announcement>,
    /// All up to this `seq` is known to be with the broker.
    pub announced: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Broker {
    pub queue: VecDeque<Message>,
    /// With the active consumer, in the order of delivery.
    pub unacked: Vec<Message>,
    /// The consumers; the first is the active one.
    pub line: Vec<usize>,
    /// What subscribers received, without repeats.
    pub heard: Vec<Announcement>,
}

impl Broker {
    /// The consumer is gone: what it had comes again, in its old place.
    pub fn drop_consumer(&mut self, replica: usize, in_place: bool) {
        if self.line.first() == Some(&replica) {
            let unacked = std::mem::take(&mut self.unacked);
            if in_place {
                for message in unacked.into_iter().rev() {
                    self.queue.push_front(message);
                }
            } else {
                self.queue.extend(unacked);
            }
        }
        self.line.retain(|other| *other != replica);
    }
}

/// What a replica remembers while it decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    pub epoch: u8,
    /// The driver map: the active conductors.
    pub active: u8,
    /// A tick of its own came back that it sent after the takeover.
    pub proven: bool,
    /// The conductors that gave a sign since the takeover.
    pub heard: u8,
    /// The grace after the takeover is over: whatever lives has given a sign into the queue.
    pub grace_over: bool,
    /// The conductors that may be found silent.
    pub silent: u8,
    pub judged: bool,
    /// All up to this `seq` was published by this session's relay.
    pub published: u8,
    /// For the properties alone: the event in the queue's last place at the takeover, plus one.
    pub behind: u8,
    /// For the environment alone: the living conductor gave a sign since the takeover.
    pub signed: bool,
}

/// What one transaction writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// The events in hand, without those that are known.
    Intake {
        events: Vec<u8>,
        /// The conductors whose state they change.
        changed: u8,
        /// How many of the deliveries in hand are done with then.
        most: usize,
        own_tick: bool,
    },
    /// The node's mark, and the announcement of it.
    Reconcile(Announcement),
    /// Conductors that are silent.
    Silence(u8),
}

/// Where the decider is between two of its steps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doing {
    Receiving,
    /// It has looked which of the events in hand are known.
    Recalled(Vec<u8>),
    /// In a transaction.
    Writing(Work),
    /// So many deliveries in hand are committed.
    Committed(usize),
    /// And acknowledged.
    Settled,
    /// The last commit may have happened or not.
    Doubting,
}

/// One time in line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    /// Whether the broker still counts it as a consumer; it learns that late.
    pub in_line: bool,
    pub term: Option<Term>,
    pub hand: Vec<Message>,
    pub doing: Doing,
    /// As a standby it has sent its tick.
    pub ticked: bool,
}

/// How often each may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Faults {
    /// A replica dies.
    pub crashes: u8,
    /// The broker gives up a consumer that goes on: a pause, a partition, a lost acknowledgement.
    pub cuts: u8,
    /// A commit has no reply; it happened, or it did not.
    pub doubts: u8,
}

/// What no step may ever do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrong {
    /// A replica wrote with an epoch that is over.
    FencedWrote,
    /// A node was taken out while its pair had an active conductor, or given back while it had none.
    AgainstThePair,
    /// A node was taken out before all that waited at the takeover was handled.
    TooEarly,
    /// A `seq` was used twice, or one was left out.
    Number,
    /// Subscribers heard what is not committed, or in another order.
    Announced,
    /// A replica was fenced by one that had received nothing.
    Disturbed,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct World {
    pub database: Database,
    pub broker: Broker,
    /// Each replica's session, while it has one.
    pub replicas: Vec<Option<Session>>,
    /// How many events were published.
    pub published: u8,
    pub left: Faults,
    /// The first thing that went wrong.
    pub wrong: Option<Wrong>,
}

impl World {
    /// Nothing has happened yet, but for so many events that are published.
    pub fn new(replicas: usize, published: u8, left: Faults) -> Self {
        Self {
            database: Database {
                epoch: 0,
                held_by: None,
                handled: Vec::new(),
                active: FIRST | SECOND | LIVING | MUTE,
                timed_out: 0,
                out: false,
                seq: 0,
                outbox: Vec::new(),
                announced: 0,
            },
            broker: Broker {
                queue: (0..published).map(Message::Event).collect(),
                unacked: Vec::new(),
                line: Vec::new(),
                heard: Vec::new(),
            },
            replicas: vec![None; replicas],
            published,
            left,
            wrong: None,
        }
    }

    /// Whether none of the pair's conductors is active, by what is remembered in `active`.
    pub fn lost(active: u8) -> bool {
        active & (FIRST | SECOND) == 0
    }

    pub fn went_wrong(&mut self, wrong: Wrong) {
        self.wrong.get_or_insert(wrong);
    }

    /// The same world with the replicas in an order of their own: which of them is which says nothing.
    pub fn representative(&self) -> Self {
        let mut order: Vec<usize> = (0..self.replicas.len()).collect();
        order.sort_by_key(|r| {
            let place = self.broker.line.iter().position(|other| other == r);
            let holds = self.database.held_by == Some(*r);
            (&self.replicas[*r], place, holds)
        });
        let now = |r: usize| order.iter().position(|old| *old == r).unwrap_or(r);
        let mut world = self.clone();
        world.replicas = order.iter().map(|r| self.replicas[*r].clone()).collect();
        world.database.held_by = self.database.held_by.map(now);
        for r in &mut world.broker.line {
            *r = now(*r);
        }
        for message in world.messages() {
            if let Message::Tick { replica, .. } = message {
                *replica = replica.map(now);
            }
        }
        world
    }

    /// Each message, wherever it is.
    pub fn messages(&mut self) -> impl Iterator<Item = &mut Message> {
        let broker = &mut self.broker;
        let waiting = broker.queue.iter_mut().chain(&mut broker.unacked);
        let sessions = self.replicas.iter_mut().flatten();
        waiting.chain(sessions.flat_map(|session| &mut session.hand))
    }
}
