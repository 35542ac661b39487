//! What a replica has with the simulated broker: its place in line, its way out for announcements,
//! and the order in which it leaves.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use nodewarden::broker::{BrokerError, Unpublished};
use nodewarden::message::{
    Delivery, Outgoing, PROBE_KEY, PROBE_TYPE, Published, Refused, TICK_TYPE,
};
use nodewarden::worker::ports::Queue;
use nodewarden::worker::{Announcer, Fresh};
use tokio::sync::Notify;

use crate::broker::{Fate, Return, SimBroker, Waiting, is_event};
use crate::mutants::Mutant;
use crate::oracle::Oracle;
use crate::replica::Proof;

/// As `amqp.timeout` is shipped.
const NO_ANSWER: Duration = Duration::from_secs(8);

/// What one call costs besides what it waits for.
const CALL: Duration = Duration::from_micros(200);

/// A place in line.
pub struct Seated {
    broker: SimBroker,
    oracle: Oracle,
    id: u64,
    wake: Rc<Notify>,
    /// How far what was taken reached, by its tags.
    taken: Vec<(u64, Waiting)>,
    tick_in_flight: Option<Duration>,
    returned: bool,
    mutant: Option<Mutant>,
    deaf_until: Rc<Cell<Duration>>,
    pub proof: Rc<Cell<Proof>>,
    /// It is of the version before.
    pub former: bool,
    last_tick: Vec<u8>,
}

impl Seated {
    pub fn new(
        broker: SimBroker,
        oracle: Oracle,
        prefetch: usize,
        mutant: Option<Mutant>,
        deaf_until: Rc<Cell<Duration>>,
    ) -> Result<Self, BrokerError> {
        let id = broker.join(prefetch).map_err(unreachable_for)?;
        let wake = Rc::clone(&broker.look().seats[&id].wake);
        Ok(Self {
            broker,
            oracle,
            id,
            wake,
            taken: Vec::new(),
            tick_in_flight: None,
            returned: false,
            mutant,
            deaf_until,
            proof: Rc::default(),
            former: false,
            last_tick: Vec::new(),
        })
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whether the broker hears us; an error if we know that it does not.
    fn heard(&self) -> Result<bool, BrokerError> {
        let state = self.broker.look();
        match &state.seats[&self.id].fate {
            Fate::InLine => Ok(true),
            Fate::Unaware(until) if self.broker.time.now() < *until => Ok(false),
            Fate::Unaware(_) => Err(BrokerError::Lost("no heartbeat".into())),
            Fate::Over(why) => Err(BrokerError::Lost(why.clone())),
        }
    }

    fn take(&mut self, most: usize) -> Vec<Delivery> {
        let mut state = self.broker.state();
        let seat = state.seats.get_mut(&self.id).expect("it has one");
        let count = most.min(seat.buffer.len());
        let mut taken: Vec<_> = seat.buffer.drain(..count).collect();
        drop(state);
        let back = |place: u64| taken.iter().any(|(_, waiting)| waiting.place == place);
        if let Proof::Sent(place) = self.proof.get()
            && back(place)
        {
            self.proof.set(Proof::Back);
        }
        match self.mutant {
            Some(Mutant::AnyTick) => self.take_all_ticks_for_own(&mut taken),
            Some(Mutant::AckBeforeCommit) => self.acknowledge_all(&taken),
            Some(Mutant::DoubtAfterLook) => self.hear_nothing(&mut taken),
            Some(Mutant::FormerTicksRefused) => refuse_former(&mut taken),
            _ => {}
        }
        let deliveries = taken.iter().map(|(tag, waiting)| Delivery {
            tag: *tag,
            delivery_count: waiting.count,
            ..waiting.message.clone()
        });
        let deliveries = deliveries.collect();
        self.taken.extend(taken);
        deliveries
    }

    /// Whatever comes is acknowledged at once.
    fn acknowledge_all(&self, taken: &[(u64, Waiting)]) {
        if let (Some((last, _)), Ok(true)) = (taken.last(), self.heard()) {
            let now = self.broker.time.now();
            let acknowledged = self.broker.state().acknowledge(self.id, *last, now);
            self.oracle.acknowledged(&acknowledged);
        }
    }

    /// Every tick says what the last own one says.
    fn take_all_ticks_for_own(&self, taken: &mut [(u64, Waiting)]) {
        for (_, waiting) in taken {
            if waiting.message.effective_type() == TICK_TYPE && waiting.message.exchange.is_empty()
            {
                waiting.message.body.clone_from(&self.last_tick);
            }
        }
    }

    /// Own ticks are lost while it is deaf.
    fn hear_nothing(&self, taken: &mut [(u64, Waiting)]) {
        if self.broker.time.now() < self.deaf_until.get() {
            for (_, waiting) in taken.iter_mut().filter(|one| !is_event(&one.1.message)) {
                waiting.message.body.clear();
                waiting.message.body.push(0xc0);
            }
        }
    }
}

/// What a tick says since it says what is committed.
const COUNTS: [&str; 3] = ["epoch", "seq", "commits"];

fn fields(tick: &[u8]) -> BTreeMap<String, serde_json::Value> {
    rmp_serde::from_slice(tick).expect("a tick is a map")
}

/// A tick as the version before sends it.
fn without_counts(tick: &[u8]) -> Vec<u8> {
    let mut fields = fields(tick);
    fields.retain(|name, _| !COUNTS.contains(&name.as_str()));
    rmp_serde::to_vec_named(&fields).expect("a map can be written")
}

/// Ticks of the version before are turned into nothing.
fn refuse_former(taken: &mut [(u64, Waiting)]) {
    for (_, waiting) in taken.iter_mut().filter(|one| !is_event(&one.1.message)) {
        let message = &mut waiting.message;
        let tick = message.effective_type() == TICK_TYPE;
        if tick && !fields(&message.body).contains_key("commits") {
            message.body = vec![0xc0];
        }
    }
}

fn unreachable_for(why: &str) -> BrokerError {
    BrokerError::Unreachable(why.to_owned())
}

impl Queue for Seated {
    async fn receive(&mut self, most: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        let time = self.broker.time.clone();
        let until = time.now() + wait;
        time.sleep(CALL).await;
        loop {
            self.heard()?;
            let taken = self.take(most);
            if !taken.is_empty() || time.now() >= until {
                return Ok(taken);
            }
            tokio::select! {
                biased;
                () = self.wake.notified() => {}
                () = time.until(until) => {}
            }
        }
    }

    async fn catch_up(&mut self) -> Result<(), BrokerError> {
        self.broker.time.sleep(CALL).await;
        if !self.heard()? {
            self.broker.time.sleep(NO_ANSWER).await;
            return Err(BrokerError::Lost(
                "waiting for what was delivered: no answer".into(),
            ));
        }
        Ok(())
    }

    async fn acknowledge_through(&mut self, tag: u64) -> Result<(), BrokerError> {
        self.broker.time.sleep(CALL).await;
        self.taken.retain(|(one, _)| *one > tag);
        if self.heard()? && self.mutant != Some(Mutant::AckBeforeCommit) {
            let now = self.broker.time.now();
            let acknowledged = self.broker.state().acknowledge(self.id, tag, now);
            self.oracle.acknowledged(&acknowledged);
        }
        Ok(())
    }

    async fn refuse(&mut self, refused: &[Refused]) -> Result<bool, BrokerError> {
        self.broker.time.sleep(CALL).await;
        if !self.heard()? {
            self.broker.time.sleep(NO_ANSWER).await;
            return Err(BrokerError::Lost("refusing: no answer".into()));
        }
        if self.blocked() {
            return Ok(false);
        }
        let mut state = self.broker.state();
        for Refused { tag, reason, .. } in refused {
            let waiting = self.taken.iter().find(|(one, _)| one == tag);
            let (_, waiting) = waiting.expect("it refuses what it has");
            self.oracle.refused(waiting.place);
            state
                .dead_letters
                .push((waiting.clone(), (*reason).to_owned()));
        }
        Ok(true)
    }

    async fn send_tick(&mut self, mut body: Vec<u8>) -> Result<(), BrokerError> {
        if self.former {
            body = without_counts(&body);
        }
        self.last_tick.clone_from(&body);
        let now = self.broker.time.now();
        if self.blocked() {
            self.tick_in_flight = self.tick_in_flight.map(|_| now);
            return Ok(());
        }
        let confirms = self.broker.look().vices.confirms;
        if let Some(sent) = self.tick_in_flight {
            match confirms {
                Some(after) if now >= sent + after => self.tick_in_flight = None,
                _ if now >= sent + NO_ANSWER => {
                    return Err(BrokerError::Lost("confirming a tick: no answer".into()));
                }
                _ => return Ok(()),
            }
        }
        self.tick_in_flight = Some(now);
        if self.heard()? {
            // Rejected, or without a queue: it does not come back.
            let place = self.broker.publish(Delivery {
                message_type: Some(TICK_TYPE.into()),
                content_type: Some("application/msgpack".into()),
                routing_key: "nodewarden.conductor-events".into(),
                body,
                ..Delivery::default()
            });
            if let (Ok(place), Proof::Unsent) = (place, self.proof.get()) {
                self.proof.set(Proof::Sent(place));
            }
        }
        Ok(())
    }

    async fn send_probe(&mut self, body: Vec<u8>) -> Result<(), BrokerError> {
        if self.blocked() || !self.heard()? {
            return Ok(());
        }
        let sent = self.broker.publish(Delivery {
            exchange: "conductor.events".into(),
            routing_key: PROBE_KEY.into(),
            message_type: Some(PROBE_TYPE.into()),
            body,
            ..Delivery::default()
        });
        self.returned |= sent == Err("no queue is bound");
        if sent.is_ok() {
            self.oracle.probed();
        }
        Ok(())
    }

    fn returned_probe(&mut self) -> Result<Option<String>, BrokerError> {
        let returned = std::mem::take(&mut self.returned);
        Ok(returned.then(|| "no queue is bound".to_owned()))
    }

    fn blocked(&self) -> bool {
        self.broker.look().vices.alarm
    }

    async fn repair(&mut self) -> Result<bool, BrokerError> {
        self.broker.time.sleep(CALL).await;
        if self.heard()? {
            self.broker.state().bound = true;
        }
        Ok(false)
    }
}

/// A place that is dropped is gone: its socket is shut.
impl Drop for Seated {
    fn drop(&mut self) {
        if self.broker.look().lingering.contains(&self.id) {
            return;
        }
        let over = Fate::Over("it was closed".into());
        let how = match self.mutant {
            Some(Mutant::CancelInsteadOfClosing) => Return::Behind,
            _ => Return::InOrder,
        };
        self.broker.end(self.id, over, how);
    }
}

/// The way out for announcements.
pub struct WayOut {
    pub broker: SimBroker,
    pub oracle: Oracle,
    /// The session whose connection it uses; nothing on a connection of its own.
    pub session: Option<u64>,
}

impl WayOut {
    /// Whether the broker hears it.
    fn heard(&self) -> Result<bool, Unpublished> {
        let state = self.broker.look();
        if state.vices.down {
            return Err(Unpublished::Disconnected("the broker is down".into()));
        }
        match self.session.map(|session| &state.seats[&session].fate) {
            None | Some(Fate::InLine) => Ok(true),
            Some(Fate::Unaware(_)) => Ok(false),
            Some(Fate::Over(why)) => Err(Unpublished::Disconnected(why.clone())),
        }
    }
}

impl Announcer for WayOut {
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, Unpublished> {
        let time = self.broker.time.clone();
        time.sleep(CALL).await;
        let heard = self.heard()?;
        let vices = self.broker.look().vices.clone();
        let published = match (vices.nacks, vices.unbound_announcements) {
            (true, _) => Published::Nacked,
            (false, true) => Published::Unroutable,
            (false, false) => Published::Confirmed,
        };
        if heard {
            for message in messages {
                self.oracle.announced(message, published);
            }
        }
        let after = vices.confirms.filter(|after| heard && *after < NO_ANSWER);
        time.sleep(after.unwrap_or(NO_ANSWER)).await;
        match after {
            None => Err(Unpublished::Unanswered("announcing: no answer".into())),
            Some(_) => Ok(vec![published; messages.len()]),
        }
    }

    async fn renew(&mut self, how: Fresh) -> Result<(), BrokerError> {
        self.broker.time.sleep(CALL).await;
        if self.broker.look().vices.down {
            return Err(BrokerError::Unreachable("the broker is down".into()));
        }
        if how == Fresh::Connection {
            self.session = None;
        }
        Ok(())
    }

    fn blocked(&self) -> Option<String> {
        let alarm = self.broker.look().vices.alarm;
        alarm.then(|| "low on memory".to_owned())
    }
}
