//! The design as steps: which are possible, and what each does.

use super::mutant::Mutant;
use super::world::{
    Announcement, Doing, Event, Faults, LIVING, MUTE, Message, Session, Term, Work, World, Wrong,
};

/// The design within bounds, whole or with a part taken away.
#[derive(Clone, Debug)]
pub struct Design {
    pub replicas: usize,
    /// What conductors publish, in this order.
    pub events: Vec<Event>,
    /// So many of them come at any time; the others wait when the first replica starts.
    pub late: usize,
    pub faults: Faults,
    /// At most so many deliveries in hand.
    pub batch: usize,
    /// Whether conductors can be found silent.
    pub silence: bool,
    pub mutant: Option<Mutant>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    Committed,
    /// It is committed, and the reply is lost.
    LostAfter,
    /// It is rolled back, and the reply is lost.
    LostBefore,
}

/// One step of the environment or of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A conductor publishes the next event.
    Publish,
    /// The living conductor gives a sign of life.
    Sign,
    /// So much time has passed since this replica's takeover that whatever lives gave a sign.
    GraceOver(usize),
    /// It dies; its connections and its transaction end.
    Crash(usize),
    /// The broker gives up its consumer.
    Cut(usize),
    /// It begins a session: proves that it can write, and stands in line.
    Join(usize),
    /// It learns that the broker has given it up.
    Notice(usize),
    Tick(usize),
    /// So many messages are delivered.
    Deliver(usize, usize),
    TakeOver(usize, Reply),
    /// It looks which events in hand are known.
    Recall(usize),
    /// It begins the transaction about the first so many in hand.
    Intake(usize, usize),
    EndSilent(usize),
    Reconcile(usize),
    Commit(usize, Reply),
    /// After a doubt it reads the memory again, under the fence.
    Rebuild(usize),
    Acknowledge(usize),
    /// The relay publishes the next announcement.
    Announce(usize),
    /// The relay records how far it is.
    Progress(usize),
}

impl Design {
    pub fn without(&self, part: Mutant) -> bool {
        self.mutant == Some(part)
    }

    fn fences(&self) -> bool {
        !self.without(Mutant::NoFence)
    }

    /// Whether the fence holds until the end of the transaction.
    fn locks(&self) -> bool {
        self.fences() && !self.without(Mutant::FenceByReading)
    }

    pub fn init(&self) -> World {
        let waiting = self.events.len() - self.late;
        World::new(self.replicas, waiting as u8, self.faults)
    }

    /// All that can happen next.
    pub fn possible(&self, world: &World, steps: &mut Vec<Step>) {
        if world.wrong.is_some() {
            return;
        }
        if usize::from(world.published) < self.events.len() {
            steps.push(Step::Publish);
        }
        let terms = || {
            let sessions = world.replicas.iter().flatten();
            sessions.flat_map(|session| &session.term)
        };
        if self.silence && terms().any(|term| !term.signed) {
            steps.push(Step::Sign);
        }
        for (r, replica) in world.replicas.iter().enumerate() {
            let Some(session) = replica else {
                steps.push(Step::Join(r));
                continue;
            };
            if world.left.crashes > 0 {
                steps.push(Step::Crash(r));
            }
            if world.left.cuts > 0 && session.in_line {
                steps.push(Step::Cut(r));
            }
            if !session.in_line {
                steps.push(Step::Notice(r));
            }
            if let Some(term) = &session.term {
                if self.silence && term.signed && !term.grace_over {
                    steps.push(Step::GraceOver(r));
                }
                self.relays(world, term, r, steps);
            }
            if self.may_tick(world, session, r) {
                steps.push(Step::Tick(r));
            }
            self.decides(world, session, r, steps);
        }
    }

    fn relays(&self, world: &World, term: &Term, r: usize, steps: &mut Vec<Step>) {
        let database = &world.database;
        if usize::from(term.published) < database.outbox.len() {
            steps.push(Step::Announce(r));
        }
        if term.published > database.announced && database.held_by.is_none() {
            steps.push(Step::Progress(r));
        }
    }

    /// Ticks that lead to nothing are left out: they would only go round.
    fn may_tick(&self, world: &World, session: &Session, r: usize) -> bool {
        let broker = &world.broker;
        let ours = |message: &Message| matches!(message, Message::Tick { replica, .. } if *replica == Some(r));
        let waits = broker.queue.iter().any(ours) || broker.unacked.iter().any(ours);
        let wanted = match &session.term {
            None => self.silence && !session.ticked || broker.line.first() == Some(&r),
            Some(term) => !term.proven || self.silence && term.grace_over && !term.judged,
        };
        session.in_line && wanted && !waits
    }

    fn decides(&self, world: &World, session: &Session, r: usize, steps: &mut Vec<Step>) {
        let (broker, database) = (&world.broker, &world.database);
        let unlocked = database.held_by.is_none();
        let active = session.in_line && broker.line.first() == Some(&r);
        let doubts = world.left.doubts > 0;
        match (&session.doing, &session.term) {
            (Doing::Receiving | Doing::Settled, _) if active && session.hand.is_empty() => {
                for most in 1..=self.batch.min(broker.queue.len()) {
                    steps.push(Step::Deliver(r, most));
                }
            }
            (Doing::Receiving, None) if !session.hand.is_empty() && unlocked => {
                steps.push(Step::TakeOver(r, Reply::Committed));
                if doubts {
                    steps.push(Step::TakeOver(r, Reply::LostAfter));
                }
            }
            (Doing::Receiving | Doing::Settled, Some(_)) if !session.hand.is_empty() => {
                steps.push(Step::Recall(r));
            }
            (Doing::Recalled(_), _) if unlocked => {
                for most in 1..=session.hand.len() {
                    steps.push(Step::Intake(r, most));
                }
            }
            (Doing::Writing(_), _) => {
                steps.push(Step::Commit(r, Reply::Committed));
                if doubts {
                    steps.push(Step::Commit(r, Reply::LostAfter));
                    steps.push(Step::Commit(r, Reply::LostBefore));
                }
            }
            (Doing::Doubting, _) if unlocked => steps.push(Step::Rebuild(r)),
            (Doing::Committed(_), _) => steps.push(Step::Acknowledge(r)),
            (Doing::Receiving | Doing::Settled | Doing::Recalled(_) | Doing::Doubting, _) => {}
        }
        let Some(term) = &session.term else {
            return;
        };
        // Deliveries in hand go first, and at least some of them are done with after each fault.
        let idle = match session.doing {
            Doing::Receiving => session.hand.is_empty(),
            Doing::Settled => true,
            Doing::Recalled(_) | Doing::Writing(_) | Doing::Committed(_) | Doing::Doubting => false,
        };
        if idle && unlocked {
            if term.silent & !term.heard != 0 {
                steps.push(Step::EndSilent(r));
            }
            if wanted(term, database.out).is_some() {
                steps.push(Step::Reconcile(r));
            }
        }
    }

    /// What `step` makes of `world`; `None`: it is not possible after all.
    pub fn after(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        match step {
            Step::Publish => {
                next.broker.queue.push_back(Message::Event(next.published));
                next.published += 1;
            }
            Step::Sign => {
                next.broker.queue.push_back(Message::Sign);
                let sessions = next.replicas.iter_mut().flatten();
                for term in sessions.flat_map(|session| &mut session.term) {
                    term.signed = true;
                }
            }
            Step::GraceOver(r) => next.replicas[r].as_mut()?.term.as_mut()?.grace_over = true,
            Step::Crash(r) => {
                next.left.crashes -= 1;
                self.end(&mut next, r);
            }
            Step::Cut(r) => {
                next.left.cuts -= 1;
                next.replicas[r].as_mut()?.in_line = false;
                let in_place = !self.without(Mutant::CancelInsteadOfClose);
                next.broker.drop_consumer(r, in_place);
            }
            Step::Join(r) => self.join(&mut next, r),
            Step::Notice(r) => self.end(&mut next, r),
            Step::Tick(r) => tick(&mut next, r)?,
            Step::Deliver(r, most) => {
                let broker = &mut next.broker;
                let batch: Vec<Message> = broker.queue.drain(..most).collect();
                broker.unacked.extend(&batch);
                let session = next.replicas[r].as_mut()?;
                session.hand = batch;
                session.doing = Doing::Receiving;
            }
            Step::TakeOver(r, reply) => self.take_over(&mut next, r, reply)?,
            Step::Recall(r) => {
                let known = next.database.handled.clone();
                let known = match self.without(Mutant::EventsForgotten) {
                    true => Vec::new(),
                    false => known,
                };
                next.replicas[r].as_mut()?.doing = Doing::Recalled(known);
            }
            Step::Intake(r, most) => self.intake(&mut next, r, most)?,
            Step::EndSilent(r) => self.end_silent(&mut next, r)?,
            Step::Reconcile(r) => self.reconcile(&mut next, r)?,
            Step::Commit(r, reply) => self.commit(&mut next, r, reply)?,
            Step::Rebuild(r) => self.rebuild(&mut next, r)?,
            Step::Acknowledge(r) => acknowledge(&mut next, r)?,
            Step::Announce(r) => {
                let term = next.replicas[r].as_mut()?.term.as_mut()?;
                let announcement = next.database.outbox[usize::from(term.published)];
                term.published += 1;
                hear(&mut next, announcement);
            }
            Step::Progress(r) => {
                let term = next.replicas[r].as_ref()?.term.as_ref()?;
                let published = term.published;
                if self.passes(&mut next, r)? {
                    next.database.announced = published;
                }
            }
        }
        Some(next)
    }

    /// The session is over: closed hard, and its memory dropped.
    fn end(&self, world: &mut World, r: usize) {
        world.replicas[r] = None;
        for message in world.messages() {
            if let Message::Tick { replica, .. } = message
                && *replica == Some(r)
            {
                *replica = None;
            }
        }
        let in_place = !self.without(Mutant::CancelInsteadOfClose);
        world.broker.drop_consumer(r, in_place);
        if world.database.held_by == Some(r) {
            world.database.held_by = None;
        }
    }

    fn join(&self, world: &mut World, r: usize) {
        world.replicas[r] = Some(Session {
            in_line: true,
            term: None,
            hand: Vec::new(),
            doing: Doing::Receiving,
            ticked: false,
        });
        world.broker.line.push(r);
        if self.without(Mutant::EpochAtConnect) && world.database.held_by.is_none() {
            world.database.epoch += 1;
            let term = term(world);
            world.replicas[r].as_mut().unwrap().term = Some(term);
        }
    }

    fn take_over(&self, world: &mut World, r: usize, reply: Reply) -> Option<()> {
        world.database.epoch += 1;
        match reply {
            Reply::Committed => {
                let term = term(world);
                world.replicas[r].as_mut()?.term = Some(term);
            }
            // It knows of no epoch, so it takes another one.
            Reply::LostAfter | Reply::LostBefore => world.left.doubts -= 1,
        }
        Some(())
    }

    /// Begins a transaction with the fence. `false`: another one decides, and the session is over.
    fn passes(&self, world: &mut World, r: usize) -> Option<bool> {
        let term = world.replicas[r].as_mut()?.term.as_mut()?;
        if self.fences() && term.epoch != world.database.epoch {
            if self.without(Mutant::EpochTakenAgain) {
                world.database.epoch += 1;
                term.epoch = world.database.epoch;
                return Some(true);
            }
            if world.left == self.faults {
                world.went_wrong(Wrong::Disturbed);
            }
            self.end(world, r);
            return Some(false);
        }
        Some(true)
    }

    fn write(&self, world: &mut World, r: usize, work: Work) -> Option<()> {
        if self.locks() {
            world.database.held_by = Some(r);
        }
        world.replicas[r].as_mut()?.doing = Doing::Writing(work);
        Some(())
    }

    fn intake(&self, world: &mut World, r: usize, most: usize) -> Option<()> {
        let silence_by_any = self.without(Mutant::SilenceByAnyTick);
        let session = world.replicas[r].as_mut()?;
        let Doing::Recalled(known) = session.doing.clone() else {
            return None;
        };
        let (mut events, mut changed) = (Vec::new(), 0);
        let (mut own_tick, mut repeats) = (false, false);
        let term = session.term.as_mut()?;
        for message in &session.hand[..most] {
            match *message {
                Message::Event(event) if known.contains(&event) => repeats = true,
                Message::Event(event) => {
                    let after = self.events[usize::from(event)].after(term.active);
                    changed |= after ^ term.active;
                    term.active = after;
                    events.push(event);
                }
                Message::Sign => term.heard |= LIVING,
                Message::Tick {
                    replica,
                    deciding,
                    after_grace,
                } => {
                    let ours = replica == Some(r);
                    let proves = ours && deciding || silence_by_any;
                    own_tick |= proves;
                    if ours && after_grace || silence_by_any && term.grace_over {
                        term.judged = true;
                        term.silent = (LIVING | MUTE) & term.active & !term.heard;
                    }
                }
            }
        }
        term.proven |= own_tick && self.mutant == Some(Mutant::TickBeforeCommit);
        // Perhaps another replica handled what is known, under an epoch that ends ours.
        let writes = !events.is_empty() || repeats && !self.without(Mutant::RepeatsUnfenced);
        let work = Work::Intake {
            events,
            changed,
            most,
            own_tick,
        };
        if !writes {
            done(session, &work);
            return Some(());
        }
        if self.without(Mutant::AckBeforeCommit) && session.in_line {
            world.broker.unacked.drain(..most);
        }
        if self.passes(world, r)? {
            self.write(world, r, work)?;
        }
        Some(())
    }

    fn end_silent(&self, world: &mut World, r: usize) -> Option<()> {
        let term = world.replicas[r].as_mut()?.term.as_mut()?;
        let silent = term.silent & !term.heard;
        term.silent = 0;
        term.active &= !silent;
        if self.passes(world, r)? {
            self.write(world, r, Work::Silence(silent))?;
        }
        Some(())
    }

    fn reconcile(&self, world: &mut World, r: usize) -> Option<()> {
        if !self.passes(world, r)? {
            return Some(());
        }
        let term = world.replicas[r].as_ref()?.term.as_ref()?;
        let out = wanted(term, world.database.out)?;
        let announcement = Announcement {
            seq: world.database.seq + 1,
            out,
            epoch: term.epoch,
        };
        if self.without(Mutant::AnnounceBeforeCommit) {
            hear(world, announcement);
        }
        self.write(world, r, Work::Reconcile(announcement))
    }

    fn commit(&self, world: &mut World, r: usize, reply: Reply) -> Option<()> {
        let session = world.replicas[r].as_mut()?;
        let Doing::Writing(work) = session.doing.clone() else {
            return None;
        };
        let term = session.term.clone()?;
        if reply == Reply::Committed {
            done(session, &work);
        } else {
            world.left.doubts -= 1;
            session.doing = match self.without(Mutant::MemoryKeptInDoubt) {
                true => Doing::Receiving,
                false => Doing::Doubting,
            };
            if self.without(Mutant::DoubtTakenForDone) {
                done(session, &work);
            }
        }
        if world.database.held_by == Some(r) {
            world.database.held_by = None;
        }
        if reply != Reply::LostBefore {
            store(world, &term, &work);
        }
        Some(())
    }

    fn rebuild(&self, world: &mut World, r: usize) -> Option<()> {
        if !self.passes(world, r)? {
            return Some(());
        }
        let session = world.replicas[r].as_mut()?;
        session.doing = Doing::Receiving;
        let term = session.term.as_mut()?;
        term.active = world.database.active;
        // The next tick judges again.
        term.judged = false;
        Some(())
    }
}

/// A term that begins with what is stored.
fn term(world: &World) -> Term {
    Term {
        epoch: world.database.epoch,
        active: world.database.active,
        proven: false,
        heard: 0,
        grace_over: false,
        silent: 0,
        judged: false,
        published: world.database.announced,
        behind: world.published,
        signed: false,
    }
}

/// What the node's mark should become, if that may be done.
fn wanted(term: &Term, out: bool) -> Option<bool> {
    let lost = World::lost(term.active);
    (lost != out && (!lost || term.proven)).then_some(lost)
}

/// What follows in memory from a transaction that is known to be committed.
fn done(session: &mut Session, work: &Work) {
    session.doing = match work {
        Work::Intake { most, own_tick, .. } => {
            if let Some(term) = &mut session.term {
                term.proven |= own_tick;
            }
            Doing::Committed(*most)
        }
        Work::Reconcile(_) | Work::Silence(_) => Doing::Receiving,
    };
}

fn tick(world: &mut World, r: usize) -> Option<()> {
    let session = world.replicas[r].as_mut()?;
    let term = session.term.as_ref();
    session.ticked |= term.is_none();
    world.broker.queue.push_back(Message::Tick {
        replica: Some(r),
        deciding: term.is_some(),
        after_grace: term.is_some_and(|term| term.grace_over),
    });
    Some(())
}

fn acknowledge(world: &mut World, r: usize) -> Option<()> {
    let session = world.replicas[r].as_mut()?;
    let Doing::Committed(most) = session.doing else {
        return None;
    };
    session.hand.drain(..most);
    session.doing = Doing::Settled;
    // One that the broker has given up acknowledges nothing any more.
    if session.in_line {
        let most = most.min(world.broker.unacked.len());
        world.broker.unacked.drain(..most);
    }
    Some(())
}

fn store(world: &mut World, term: &Term, work: &Work) {
    let database = &mut world.database;
    let mut wrong = None;
    if term.epoch != database.epoch {
        wrong = Some(Wrong::FencedWrote);
    }
    match work {
        Work::Intake {
            events, changed, ..
        } => {
            database.handled.extend(events);
            database.active = database.active & !changed | term.active & changed;
        }
        Work::Silence(silent) => {
            database.timed_out |= silent;
            database.active &= !silent;
        }
        Work::Reconcile(announcement) => {
            if announcement.out != World::lost(database.active) {
                wrong = wrong.or(Some(Wrong::AgainstThePair));
            }
            if announcement.out && database.handled.len() < usize::from(term.behind) {
                wrong = wrong.or(Some(Wrong::TooEarly));
            }
            if announcement.seq != database.seq + 1 {
                wrong = wrong.or(Some(Wrong::Number));
            }
            database.out = announcement.out;
            database.seq = announcement.seq;
            database.outbox.push(*announcement);
        }
    }
    if let Some(wrong) = wrong {
        world.went_wrong(wrong);
    }
}

/// Subscribers get an announcement, perhaps again.
fn hear(world: &mut World, announcement: Announcement) {
    let heard = &mut world.broker.heard;
    match heard.iter().find(|known| known.seq == announcement.seq) {
        Some(known) if *known == announcement => {}
        None if usize::from(announcement.seq) == heard.len() + 1 => heard.push(announcement),
        Some(_) | None => world.went_wrong(Wrong::Announced),
    }
}
