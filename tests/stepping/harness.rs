//! [`Simulation`]: workers that a test steps, over a queue with a single active consumer and a clock,
//! both simulated, and a real database.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use nodewarden::broker::{BrokerError, Unpublished};
use nodewarden::config::{Database, InventoryKind};
use nodewarden::message::{Delivery, Outgoing, Published, Refused};

use nodewarden::domain::announcement::{Announcement, Content};
use nodewarden::domain::time::{Mono, Now};
use nodewarden::store::{
    self, DecisionView, Known, NodeUpsert, Outbox, Reader, SqlLedger, SqlOutbox, Unwatched,
};
use nodewarden::worker::ports::{Clock, Queue};
use nodewarden::worker::{Announcer, Decider, End, Fresh, Relay, Rules, Step, ready};
use nodewarden_tests::database::{Kind, OpenTransaction, Scratch};
use nodewarden_tests::rules::rules;

/// What the simulated broker holds.
#[derive(Default)]
struct Broker {
    /// Waiting, in order: place in the queue, how often delivered, message.
    ready: VecDeque<Waiting>,
    /// Sessions in line; the first is the active one.
    line: Vec<u64>,
    /// Delivered to the active session and not acknowledged: tag and message.
    unacked: VecDeque<(u64, Waiting)>,
    refused: Vec<(Delivery, String)>,
    /// Sessions that are over and do not know it.
    partitioned: Vec<u64>,
    dies_at_ack: Option<u64>,
    /// Nothing leads from the exchange of conductors' events to the queue.
    unbound: bool,
    /// Another queue takes what conductors send, so that no probe is returned.
    overheard: bool,
    /// Sessions may not make the binding again.
    may_not_declare: bool,
    /// Delivers nothing.
    wedged: bool,
    /// What is published takes its time: the receive after the next one brings it.
    lags: bool,
    on_its_way: Vec<Waiting>,
    /// The broker takes nothing.
    blocked: bool,
    /// A probe was returned, and its sender has not been told yet.
    returned: bool,
    repairs: u64,
    /// How many parts a repair has, what each takes, and how many were made.
    parts: Option<(u32, SimClock, Duration)>,
    parts_made: u32,
    /// Delivered to a session and on the way to it, which takes as many receives as said, or until it catches up.
    travelling: Option<(u64, Vec<Waiting>, u32)>,
    next_session: u64,
    next_tag: u64,
}

#[derive(Clone)]
struct Waiting {
    count: u64,
    message: Delivery,
}

/// The queue of conductor events, simulated.
#[derive(Clone, Default)]
pub struct SimQueue(Arc<Mutex<Broker>>);

/// One session's view of it.
pub struct SimSession {
    queue: SimQueue,
    id: u64,
}

impl SimQueue {
    fn broker(&self) -> MutexGuard<'_, Broker> {
        self.0.lock().unwrap()
    }

    /// Gets in line.
    pub fn join(&self) -> SimSession {
        let mut broker = self.broker();
        broker.next_session += 1;
        let id = broker.next_session;
        broker.line.push(id);
        SimSession {
            queue: self.clone(),
            id,
        }
    }

    /// The active session.
    pub fn first(&self) -> Option<u64> {
        self.broker().line.first().copied()
    }

    /// Ends a session as a closed channel does: what it had goes back to the front, in order.
    pub fn end(&self, session: u64) {
        let mut broker = self.broker();
        let was_active = broker.line.first() == Some(&session);
        broker.line.retain(|id| *id != session);
        if was_active {
            while let Some((_, mut waiting)) = broker.unacked.pop_back() {
                waiting.count += 1;
                broker.ready.push_front(waiting);
            }
        }
    }

    /// Ends a session that does not notice: whatever it does from now on leads nowhere.
    pub fn partition(&self, session: u64) {
        self.end(session);
        self.broker().partitioned.push(session);
    }

    /// From the next acknowledgement on, the session is over.
    pub fn partition_before_ack(&self, session: u64) {
        self.broker().dies_at_ack = Some(session);
    }

    /// Delivers everything once to the active session, which does nothing with it.
    pub fn touch(&self, session: u64) {
        let mut broker = self.broker();
        assert_eq!(broker.line.first(), Some(&session));
        while let Some(waiting) = broker.ready.pop_front() {
            broker.unacked.push_back((0, waiting));
        }
    }

    /// A conductor (or anybody) publishes: straight into the queue, or through the exchange of
    /// conductors' events; returns whether a queue was there for it.
    pub fn publish(&self, message: Delivery) -> bool {
        let mut broker = self.broker();
        if broker.unbound && !message.exchange.is_empty() {
            return broker.overheard;
        }
        let waiting = Waiting { count: 0, message };
        match broker.lags {
            true => broker.on_its_way.push(waiting),
            false => broker.ready.push_back(waiting),
        }
        true
    }

    /// The binding of conductors' events to the queue is deleted.
    pub fn unbind(&self) {
        self.broker().unbound = true;
    }

    /// Somebody makes the binding again.
    pub fn bind(&self) {
        self.broker().unbound = false;
    }

    /// Whether the binding is there.
    pub fn is_bound(&self) -> bool {
        !self.broker().unbound
    }

    /// A queue of somebody else takes whatever conductors send.
    pub fn overhear(&self) {
        self.broker().overheard = true;
    }

    /// From now on sessions may not declare anything.
    pub fn forbid_declaring(&self) {
        self.broker().may_not_declare = true;
    }

    /// From now on the queue delivers nothing (or does so again).
    pub fn wedge(&self, wedged: bool) {
        self.broker().wedged = wedged;
    }

    /// From now on what is published just before a receive comes with the next one, as over a network.
    pub fn lag(&self) {
        self.broker().lags = true;
    }

    /// An alarm: from now on the broker takes nothing from sessions (or does so again).
    pub fn block(&self, blocked: bool) {
        self.broker().blocked = blocked;
    }

    /// From now on the topology has so many parts, and each takes so long to be made again.
    pub fn repairs_slowly(&self, parts: u32, clock: &SimClock, each: Duration) {
        self.broker().parts = Some((parts, clock.clone(), each));
    }

    /// How often the topology was made again, or would have been.
    pub fn repairs(&self) -> u64 {
        self.broker().repairs
    }

    /// The queue is deleted with all that is in it, and made again: the session that was active is over and
    /// does not know it.
    pub fn delete(&self) {
        let mut broker = self.broker();
        broker.ready.clear();
        broker.unacked.clear();
        let over = broker.line.remove(0);
        broker.partitioned.push(over);
    }

    /// Delivers everything to the active session, over a slow way: none of its next receives brings it, but
    /// for the one after those.
    pub fn send_off(&self, receives: u32) {
        let mut broker = self.broker();
        let sent: Vec<Waiting> = broker.ready.drain(..).collect();
        broker.travelling = Some((broker.line[0], sent, receives));
    }

    /// Takes the last message out of the queue.
    pub fn steal(&self) -> Option<Delivery> {
        self.broker()
            .ready
            .pop_back()
            .map(|waiting| waiting.message)
    }

    /// Messages that are waiting or unacknowledged, ticks and probes left out.
    pub fn events_left(&self) -> usize {
        let broker = self.broker();
        let event = |waiting: &Waiting| {
            let name = waiting.message.message_type.as_deref().unwrap_or_default();
            !name.starts_with("nodewarden.")
        };
        broker.ready.iter().filter(|waiting| event(waiting)).count()
            + broker
                .unacked
                .iter()
                .filter(|(_, waiting)| event(waiting))
                .count()
    }

    /// Reasons of what was refused, in order.
    pub fn refused(&self) -> Vec<String> {
        self.broker()
            .refused
            .iter()
            .map(|(_, reason)| reason.clone())
            .collect()
    }
}

impl SimSession {
    /// Whether the broker hears us; an error if we know that it does not.
    fn alive(&self) -> Result<bool, BrokerError> {
        let broker = self.queue.broker();
        match (
            broker.line.contains(&self.id),
            broker.partitioned.contains(&self.id),
        ) {
            (true, _) => Ok(true),
            (false, true) => Ok(false),
            (false, false) => Err(BrokerError::Lost("the simulated session was ended".into())),
        }
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    /// What was on its way to this session, if it has come.
    fn arrived(&self) -> Vec<Delivery> {
        let mut broker = self.queue.broker();
        let ours = (broker.travelling.as_mut()).filter(|(session, _, _)| *session == self.id);
        match ours {
            Some((_, _, receives)) if *receives > 0 => *receives -= 1,
            Some((_, sent, _)) => {
                let sent = std::mem::take(sent);
                broker.travelling = None;
                return sent.into_iter().map(|waiting| waiting.message).collect();
            }
            None => {}
        }
        Vec::new()
    }
}

impl Queue for SimSession {
    async fn receive(
        &mut self,
        most: usize,
        _wait: Duration,
    ) -> Result<Vec<Delivery>, BrokerError> {
        let arrived = self.arrived();
        if !self.alive()? {
            return Ok(arrived);
        }
        let mut broker = self.queue.broker();
        let mut deliveries = arrived;
        if broker.wedged {
            return Ok(deliveries);
        }
        while broker.line[0] == self.id && deliveries.len() < most {
            let Some(waiting) = broker.ready.pop_front() else {
                break;
            };
            broker.next_tag += 1;
            let tag = broker.next_tag;
            deliveries.push(Delivery {
                tag,
                delivery_count: waiting.count,
                ..waiting.message.clone()
            });
            broker.unacked.push_back((tag, waiting));
        }
        let came = std::mem::take(&mut broker.on_its_way);
        broker.ready.extend(came);
        Ok(deliveries)
    }

    async fn catch_up(&mut self) -> Result<(), BrokerError> {
        if let Some((session, _, receives)) = &mut self.queue.broker().travelling
            && *session == self.id
        {
            *receives = 0;
        }
        self.alive().map(drop)
    }

    async fn acknowledge_through(&mut self, tag: u64) -> Result<(), BrokerError> {
        let dies = self
            .queue
            .broker()
            .dies_at_ack
            .take_if(|session| *session == self.id);
        if dies.is_some() {
            self.queue.end(self.id);
        }
        if !self.alive()? {
            return Ok(());
        }
        let mut broker = self.queue.broker();
        assert!(
            broker.unacked.iter().any(|(one, _)| *one == tag),
            "acknowledged what it has not"
        );
        broker.unacked.retain(|(one, _)| *one > tag);
        Ok(())
    }

    async fn refuse(&mut self, refused: &[Refused]) -> Result<bool, BrokerError> {
        if !self.alive()? {
            return Ok(true);
        }
        let mut broker = self.queue.broker();
        if broker.blocked {
            return Ok(false);
        }
        for Refused { tag, reason, .. } in refused {
            let message = broker
                .unacked
                .iter()
                .find(|(one, _)| one == tag)
                .map(|(_, waiting)| waiting.message.clone())
                .expect("refused what it has");
            broker.refused.push((message, (*reason).to_owned()));
        }
        Ok(true)
    }

    async fn send_tick(&mut self, body: Vec<u8>) -> Result<(), BrokerError> {
        if !self.alive()? || self.blocked() {
            return Ok(());
        }
        self.queue.publish(Delivery {
            message_type: Some("nodewarden.tick".into()),
            content_type: Some("application/msgpack".into()),
            routing_key: "nodewarden.conductor-events".into(),
            body,
            ..Delivery::default()
        });
        Ok(())
    }

    async fn send_probe(&mut self, body: Vec<u8>) -> Result<(), BrokerError> {
        if !self.alive()? || self.blocked() {
            return Ok(());
        }
        let routed = self.queue.publish(Delivery {
            exchange: "conductor.events".into(),
            routing_key: "conductor.probe".into(),
            message_type: Some("nodewarden.probe".into()),
            body,
            ..Delivery::default()
        });
        self.queue.broker().returned |= !routed;
        Ok(())
    }

    fn returned_probe(&mut self) -> Result<Option<String>, BrokerError> {
        let returned = std::mem::take(&mut self.queue.broker().returned);
        Ok(returned.then(|| "no queue is bound".to_owned()))
    }

    fn blocked(&self) -> bool {
        self.queue.broker().blocked
    }

    async fn repair(&mut self) -> Result<bool, BrokerError> {
        let mut broker = self.queue.broker();
        if let Some((parts, clock, each)) = broker.parts.clone() {
            clock.advance(each);
            broker.parts_made = (broker.parts_made + 1) % parts;
            if broker.parts_made > 0 {
                return Ok(true);
            }
        }
        broker.repairs += 1;
        if !broker.may_not_declare {
            broker.unbound = false;
        }
        Ok(false)
    }
}

/// A clock that stands until it is moved.
#[derive(Clone)]
pub struct SimClock(Arc<Mutex<(Duration, u64)>>, Arc<AtomicU64>);

impl SimClock {
    fn new() -> Self {
        Self(
            Arc::new(Mutex::new((Duration::from_secs(1000), 0))),
            Arc::new(AtomicU64::new(WALL)),
        )
    }

    /// Somebody sets the wall clock; the monotonic one knows nothing of it.
    pub fn set_wall_forward(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.1.fetch_add(by, Ordering::Relaxed);
    }

    /// The same, backward.
    pub fn set_wall_back(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.1.fetch_sub(by, Ordering::Relaxed);
    }

    pub fn advance(&self, by: Duration) {
        self.0.lock().unwrap().0 += by;
    }
}

/// Where the simulated wall clock begins, ms since 1970.
pub const WALL: u64 = 1_800_000_000_000;

impl Clock for SimClock {
    fn now(&self) -> Now {
        let mono = self.0.lock().unwrap().0;
        Now {
            wall_ms: self.1.load(Ordering::Relaxed) + u64::try_from(mono.as_millis()).unwrap(),
            mono: Mono(mono),
        }
    }

    async fn sleep(&self, pause: Duration) {
        self.advance(pause);
    }

    fn chance(&self) -> f64 {
        0.5
    }

    fn id(&self) -> String {
        let mut guard = self.0.lock().unwrap();
        guard.1 += 1;
        format!("00000000-0000-4000-8000-{:012}", guard.1)
    }
}

/// A subscriber that keeps what it receives, behind a broker that may refuse.
#[derive(Clone, Default)]
pub struct SimSubscriber(Arc<Mutex<Subscribed>>);

#[derive(Default)]
struct Subscribed {
    got: Vec<Outgoing>,
    tried: Vec<(Way, Outgoing)>,
    way: Way,
    nacks: Nacks,
    /// What ends the channel without an answer.
    ends: Option<(Ends, Unpublished)>,
    blocked: bool,
}

/// Which connection, and which channel of all, counted from 0.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Way {
    pub connection: u32,
    pub channel: u32,
}

/// What the broker refuses.
#[derive(Clone, Default)]
pub enum Nacks {
    #[default]
    Nothing,
    Everything,
    /// What comes by channels up to this one.
    ChannelsTo(u32),
    /// What comes by connections up to this one.
    ConnectionsTo(u32),
    /// The messages with these ids.
    Messages(Vec<String>),
}

/// What the broker ends the channel for.
#[derive(Clone)]
pub enum Ends {
    Everything,
    /// The messages with these ids.
    Messages(Vec<String>),
}

impl SimSubscriber {
    pub fn got(&self) -> Vec<Outgoing> {
        self.0.lock().unwrap().got.clone()
    }

    /// Every try so far, refused ones too.
    pub fn tried(&self) -> Vec<(Way, Outgoing)> {
        self.0.lock().unwrap().tried.clone()
    }

    /// From now on the broker nacks every announcement (or takes them again).
    pub fn refuse(&self, refuse: bool) {
        self.nack(if refuse {
            Nacks::Everything
        } else {
            Nacks::Nothing
        });
    }

    /// From now on the broker nacks these.
    pub fn nack(&self, nacks: Nacks) {
        self.0.lock().unwrap().nacks = nacks;
    }

    /// From now on publishing these fails like this (or nothing any more).
    pub fn end(&self, ends: Option<(Ends, Unpublished)>) {
        self.0.lock().unwrap().ends = ends;
    }

    /// From now on the broker blocks those who publish (or takes from them again).
    pub fn block(&self, blocked: bool) {
        self.0.lock().unwrap().blocked = blocked;
    }
}

impl Announcer for SimSubscriber {
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, Unpublished> {
        let mut inner = self.0.lock().unwrap();
        assert!(!inner.blocked, "published to a broker that blocks");
        let way = inner.way;
        let mut results = Vec::new();
        for message in messages {
            inner.tried.push((way, message.clone()));
            match &inner.ends {
                Some((Ends::Everything, why)) => return Err(why.clone()),
                Some((Ends::Messages(ids), why)) if ids.contains(&message.message_id) => {
                    return Err(why.clone());
                }
                Some(_) | None => {}
            }
            let nacked = match &inner.nacks {
                Nacks::Nothing => false,
                Nacks::Everything => true,
                Nacks::ChannelsTo(last) => way.channel <= *last,
                Nacks::ConnectionsTo(last) => way.connection <= *last,
                Nacks::Messages(ids) => ids.contains(&message.message_id),
            };
            results.push(if nacked {
                Published::Nacked
            } else {
                inner.got.push(message.clone());
                Published::Confirmed
            });
        }
        Ok(results)
    }

    async fn renew(&mut self, how: Fresh) -> Result<(), BrokerError> {
        let mut inner = self.0.lock().unwrap();
        inner.way.channel += 1;
        if how == Fresh::Connection {
            inner.way.connection += 1;
        }
        Ok(())
    }

    fn blocked(&self) -> Option<String> {
        let blocked = self.0.lock().unwrap().blocked;
        blocked.then(|| "low on memory".to_owned())
    }
}

pub type SimDecider = Decider<SimSession, SqlLedger, SimClock>;

/// A decider with the number of its session.
pub struct Worker {
    pub decider: SimDecider,
    pub session: u64,
}

impl Worker {
    pub async fn step(&mut self) -> Step {
        self.decider.step().await.expect("the step goes well")
    }

    pub async fn step_to_end(&mut self) -> End {
        for _ in 0..20 {
            if let Err(end) = self.decider.step().await {
                return end;
            }
        }
        panic!("the session did not end within 20 steps")
    }
}

/// Database, queue and clock.
pub struct Simulation {
    scratch: Scratch,
    kind: InventoryKind,
    pub database: Database,
    pub queue: SimQueue,
    pub clock: SimClock,
    pub rules: Rules,
    pub reader: Reader,
    events: Mutex<u64>,
}

impl Simulation {
    pub async fn new() -> Self {
        Self::on(Kind::chosen()).await
    }

    pub async fn on(kind: Kind) -> Self {
        Self::over(Scratch::migrated_of(kind).await, InventoryKind::Native)
    }

    /// Over a database that has all its tables.
    pub fn over(scratch: Scratch, kind: InventoryKind) -> Self {
        let database = scratch.database.clone();
        Self {
            reader: Reader::new(&database, kind).unwrap(),
            scratch,
            kind,
            database,
            queue: SimQueue::default(),
            clock: SimClock::new(),
            rules: rules(),
            events: Mutex::new(0),
        }
    }

    /// Which table of nodes it is about.
    pub fn inventory(&self) -> InventoryKind {
        self.kind
    }

    /// Lets workers and readers come as another user.
    pub fn use_url(&mut self, url: &str) {
        self.database.url = nodewarden::config::SecretUrl::new(url);
        self.reader = Reader::new(&self.database, self.kind).unwrap();
    }

    pub async fn join(&self) -> Worker {
        self.try_join().await.unwrap()
    }

    pub async fn try_join(&self) -> Result<Worker, nodewarden::store::StoreError> {
        self.try_join_by(&Known::default(), self.rules.clone())
            .await
    }

    /// Joins with a new session of the process that knows this.
    pub async fn join_as(&self, process: &Known) -> Worker {
        self.join_by(process, self.rules.clone()).await
    }

    /// The same by rules of its own.
    pub async fn join_by(&self, process: &Known, rules: Rules) -> Worker {
        self.try_join_by(process, rules).await.unwrap()
    }

    async fn try_join_by(
        &self,
        process: &Known,
        rules: Rules,
    ) -> Result<Worker, nodewarden::store::StoreError> {
        let ledger = SqlLedger::new(&self.database, self.kind, Arc::new(Unwatched)).unwrap();
        let mut ledger = ledger.knowing(process.clone());
        let found = ready(&mut ledger).await?;
        let place = self.queue.join();
        let session = place.id();
        let clock = self.clock.clone();
        let decider = Decider::join(place, ledger, clock, rules, "test", found);
        Ok(Worker { decider, session })
    }

    /// A worker that decides: its own tick has come back.
    pub async fn active(&self) -> Worker {
        let mut worker = self.join().await;
        self.settle(&mut worker).await;
        worker
    }

    /// A worker that has taken the first 10 of the 35 nodes of driver a out, since c1 left.
    pub async fn half_way_through_a_loss() -> (Self, Worker) {
        let mut sim = Self::new().await;
        sim.rules.chunk_nodes = 10;
        sim.nodes("a", 35).await;
        let mut worker = sim.active().await;
        sim.joined("c1", 1, &["a"]);
        sim.settle(&mut worker).await;
        sim.left("c1", 1);
        worker.step().await;
        assert_eq!(sim.out().await.len(), 10);
        (sim, worker)
    }

    /// The simulated monotonic clock.
    pub fn now(&self) -> Mono {
        self.clock.now().mono
    }

    /// Steps until nothing is left to do.
    pub async fn settle(&self, worker: &mut Worker) {
        for _ in 0..20_000 {
            let step = worker.step().await;
            if step == Step::default()
                && worker.decider.pending() == 0
                && worker.decider.in_hand() == 0
            {
                return;
            }
        }
        panic!("the worker is not idle after 20,000 steps");
    }

    /// Lets time pass with the worker awake: a step and a tick a second.
    pub async fn pass(&self, worker: &mut Worker, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            self.settle(worker).await;
        }
    }

    pub async fn nodes(&self, driver: &str, count: usize) -> Vec<String> {
        self.nodes_in(driver, "", count).await
    }

    pub async fn nodes_in(&self, driver: &str, group: &str, count: usize) -> Vec<String> {
        let uuids: Vec<String> = (0..count)
            .map(|n| format!("{driver}{group}-{n:05}"))
            .collect();
        let nodes: Vec<NodeUpsert> = uuids
            .iter()
            .map(|uuid| NodeUpsert {
                uuid: uuid.clone(),
                name: None,
                driver: driver.into(),
                conductor_group: Some(group.into()),
                maintenance: None,
            })
            .collect();
        store::import(&self.database, &nodes, |_| {}).await.unwrap();
        uuids
    }

    fn event(&self, message_type: &str, body: serde_json::Value) {
        let mut events = self.events.lock().unwrap();
        *events += 1;
        self.queue
            .publish(event(&format!("e{events}"), message_type, &body));
    }

    pub fn joined(&self, conductor: &str, incarnation: u64, drivers: &[&str]) {
        self.event(
            "conductor.joined",
            serde_json::json!({"conductor": conductor, "incarnation": incarnation, "drivers": drivers}),
        );
    }

    pub fn joined_in(&self, conductor: &str, incarnation: u64, group: &str, drivers: &[&str]) {
        self.event(
            "conductor.joined",
            serde_json::json!({"conductor": conductor, "incarnation": incarnation, "conductor_group": group,
                "drivers": drivers}),
        );
    }

    pub fn joined_watched(
        &self,
        conductor: &str,
        incarnation: u64,
        drivers: &[&str],
        timeout: Duration,
    ) {
        self.event(
            "conductor.joined",
            serde_json::json!({"conductor": conductor, "incarnation": incarnation, "drivers": drivers,
                "heartbeat_timeout_ms": timeout.as_millis() as u64}),
        );
    }

    pub fn beat(&self, conductor: &str, incarnation: u64) {
        self.event(
            "conductor.heartbeat",
            serde_json::json!({"conductor": conductor, "incarnation": incarnation}),
        );
    }

    /// A complete heartbeat.
    pub fn beat_saying(&self, conductor: &str, incarnation: u64, drivers: &[&str]) {
        self.event(
            "conductor.heartbeat",
            serde_json::json!({"conductor": conductor, "incarnation": incarnation, "drivers": drivers}),
        );
    }

    pub fn left(&self, conductor: &str, incarnation: u64) {
        self.event(
            "conductor.left",
            serde_json::json!({"conductor": conductor, "incarnation": incarnation}),
        );
    }

    pub fn timed_out(&self, conductor: &str, incarnation: u64) {
        self.event(
            "conductor.heartbeat_timeout",
            serde_json::json!({"conductor": conductor, "incarnation": incarnation}),
        );
    }

    pub fn left_for(&self, conductor: &str, incarnation: u64, back_within: Duration) {
        self.event(
            "conductor.left",
            serde_json::json!({"conductor": conductor, "incarnation": incarnation,
                "back_within_ms": back_within.as_millis() as u64}),
        );
    }

    /// The uuids that are out of service, by the snapshot; checks that each is held by a decision that may.
    pub async fn out(&self) -> Vec<String> {
        let wrong = "SELECT count(*) FROM nodewarden_changes c JOIN nodewarden_decisions d ON d.number = c.decision
            WHERE c.held IS NOT NULL AND d.may_hold = 0";
        assert_eq!(self.text(wrong).await, "0");
        let page = self.reader.snapshot("", 10_000).await.unwrap();
        page.nodes.into_iter().map(|hold| hold.uuid).collect()
    }

    /// Every decision so far, oldest first: verdict, driver, cause.
    pub async fn decisions(&self) -> Vec<String> {
        let mut decisions = self.reader.decisions(1000).await.unwrap();
        decisions.reverse();
        decisions.iter().map(tell).collect()
    }

    /// Everything in the outbox, announced or not.
    pub async fn announcements(&self) -> Vec<Announcement> {
        self.outbox().pending(Some(0), 10_000).await.unwrap()
    }

    pub fn relay(
        &self,
        epoch: u64,
        subscriber: &SimSubscriber,
    ) -> Relay<SqlOutbox, SimSubscriber, SimClock> {
        self.relay_from(self.outbox(), epoch, subscriber)
    }

    /// A relay that reads from `outbox`.
    pub fn relay_from<O: Outbox>(
        &self,
        outbox: O,
        epoch: u64,
        subscriber: &SimSubscriber,
    ) -> Relay<O, SimSubscriber, SimClock> {
        Relay::new(
            outbox,
            subscriber.clone(),
            self.clock.clone(),
            epoch,
            "node.events",
        )
    }

    /// A connection of its own to the announcements.
    pub fn outbox(&self) -> SqlOutbox {
        SqlOutbox::new(
            &self.database,
            std::sync::Arc::new(nodewarden::store::Unwatched),
        )
        .unwrap()
    }

    /// Runs a statement as any user of the `nodes` table might.
    pub async fn sql(&self, statement: &str) {
        self.scratch.run(statement).await;
    }

    /// Keeps a copy of the database.
    pub async fn copy(&self) {
        self.scratch.copy().await;
    }

    /// The database goes back to that copy.
    pub async fn restore(&self) {
        self.scratch.restore().await;
    }

    /// Which database this run is about.
    pub fn kind(&self) -> Kind {
        self.scratch.kind
    }

    /// A user's transaction that keeps a lock on all nodes until it is undone.
    pub async fn lock(&self) -> OpenTransaction {
        self.hold("UPDATE nodes SET maintenance = maintenance")
            .await
    }

    /// A user's transaction with this statement in it, open until it is undone.
    pub async fn hold(&self, statement: &str) -> OpenTransaction {
        self.scratch.hold(statement).await
    }

    pub async fn text(&self, query: &str) -> String {
        self.scratch.text(query).await
    }

    pub async fn list(&self, query: &str) -> Vec<String> {
        self.scratch.list(query).await
    }

    /// From now on the mark of this node cannot be written.
    pub async fn refuse_update_of(&self, uuid: &str) {
        self.scratch.refuse_update_of(uuid).await;
    }

    /// From now on the mark of this node stays as it is, and the database reports no error.
    pub async fn ignore_update_of(&self, uuid: &str) {
        self.scratch.ignore_update_of(uuid).await;
    }

    pub async fn allow_updates(&self) {
        self.scratch.allow_updates().await;
    }
}

/// A lifecycle event as JSON.
pub fn event(id: &str, message_type: &str, body: &serde_json::Value) -> Delivery {
    Delivery {
        exchange: "conductor.events".into(),
        routing_key: message_type.into(),
        message_id: Some(id.into()),
        message_type: Some(message_type.into()),
        content_type: Some("application/json".into()),
        body: serde_json::to_vec(body).unwrap(),
        ..Delivery::default()
    }
}

fn tell(decision: &DecisionView) -> String {
    let completed = if decision.completed_at_ms.is_some() {
        ""
    } else {
        ", open"
    };
    format!(
        "{} {} by {} {}, {} nodes{completed}",
        decision.driver,
        decision.verdict,
        decision.cause_conductor.as_deref().unwrap_or("nobody"),
        decision
            .cause_event_id
            .as_deref()
            .unwrap_or(decision.cause.as_str()),
        decision.nodes,
    )
}

/// The changes of announcements, in order: `-uuid` out, `+uuid` back.
pub fn changes(announcements: &[Announcement]) -> Vec<(u64, String)> {
    announcements
        .iter()
        .flat_map(|announcement| match &announcement.content {
            Content::OutOfService { nodes, .. } => nodes
                .iter()
                .map(|n| (n.seq, format!("-{}", n.uuid)))
                .collect(),
            Content::BackInService { nodes, .. } => nodes
                .iter()
                .map(|n| (n.seq, format!("+{}", n.uuid)))
                .collect(),
            Content::Position { .. } => Vec::new(),
        })
        .collect()
}

/// Panics unless every `seq` is there once, in order, from 1 on (I4).
pub fn assert_contiguous(announcements: &[Announcement]) {
    let seqs: Vec<u64> = changes(announcements)
        .into_iter()
        .map(|(seq, _)| seq)
        .collect();
    let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert_eq!(seqs, expected);
}
