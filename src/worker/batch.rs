//! One batch of deliveries in queue order: what each does to the driver map, and what all commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::identity::Identity;
use super::lines::log_decisions;
use super::receipts;
use super::rules::Rules;
use super::term::Term;
use crate::config::Mode;
use crate::domain::change::{Change, Standing};
use crate::domain::committed::Committed;
use crate::domain::conductor::Outcome;
use crate::domain::decide::{decide, decide_silence};
use crate::domain::event::{Event, EventKind, EventType};
use crate::domain::hearing::Heard;
use crate::domain::ids::{ConductorName, EventId, Pair};
use crate::domain::time::{Mono, Now};
use crate::message::Delivery;
use crate::store::{ConductorRecord, DecisionRecord, EventRecord, Findings, StandingRecord};
use crate::telemetry;
use crate::wire::{self, Incoming, Probe, Publishers, Reason, Refusal, Tick};

/// What a decision that is only observed comes to beside its rows: two statements of its own, each a round
/// trip, count as so many.
const OBSERVED: usize = 8;

/// What an event is remembered by.
pub(super) type Key = (ConductorName, EventId);

pub(super) struct Item {
    tag: u64,
    pub(super) content: Result<Incoming, Refusal>,
    /// The conductor that a refused message names.
    pub(super) named: Option<ConductorName>,
}

pub(super) fn decode(delivery: &Delivery, publishers: Option<&Publishers>) -> Item {
    let content = wire::decode(delivery, publishers);
    Item {
        tag: delivery.tag,
        named: match &content {
            Err(_) => wire::named(delivery, publishers),
            Ok(_) => None,
        },
        content,
    }
}

fn ticks(items: &[Item]) -> impl Iterator<Item = &Tick> {
    items.iter().filter_map(|item| match &item.content {
        Ok(Incoming::Tick(tick)) => Some(tick),
        _ => None,
    })
}

/// The streams that ticks are of, each once.
pub(super) fn streams(items: &[Item]) -> BTreeSet<&str> {
    ticks(items).map(|tick| tick.stream.as_str()).collect()
}

/// What ticks say is committed.
pub(super) fn committed(items: &[Item]) -> impl Iterator<Item = &Committed> {
    ticks(items).filter_map(|tick| tick.committed.as_ref())
}

pub(super) fn ids(items: &[Item]) -> Vec<Key> {
    items
        .iter()
        .filter_map(|item| match &item.content {
            Ok(Incoming::Event { event, .. }) => Some((event.conductor.clone(), event.id.clone())),
            _ => None,
        })
        .collect()
}

#[derive(Default)]
pub(super) struct Done {
    pub(super) findings: Findings,
    pub(super) refused: Vec<(u64, Refusal)>,
    pub(super) own_tick: bool,
    /// Whether one of them was sent after the takeover: all that waited then is handled with it.
    pub(super) proves: bool,
    /// Whether something was handled before, perhaps by another replica under an epoch that ends ours.
    repeats: bool,
    /// The instant up to which silence may be judged, if an own tick and probe came back fresh.
    pub(super) fresh: Option<Mono>,
    pub(super) rows: u64,
    /// Each event that was handled; without an outcome, if it had been handled before.
    outcomes: Vec<(EventType, Option<Outcome>)>,
}

/// The state of a batch while its deliveries are taken one after the other.
pub(super) struct Batch<'a> {
    term: &'a mut Term,
    rules: &'a Rules,
    now: Now,
    new_id: &'a mut dyn FnMut() -> String,
    seen: HashMap<Key, [u8; 32]>,
    standings: BTreeMap<Pair, Standing>,
    receipts: receipts::Taken,
    done: Done,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        term: &'a mut Term,
        rules: &'a Rules,
        now: Now,
        new_id: &'a mut dyn FnMut() -> String,
    ) -> Self {
        Self {
            term,
            rules,
            now,
            new_id,
            seen: HashMap::new(),
            standings: BTreeMap::new(),
            receipts: receipts::Taken::default(),
            done: Done {
                findings: Findings {
                    now_ms: now.wall_ms,
                    observed: rules.mode == Mode::Observe,
                    ..Findings::default()
                },
                ..Done::default()
            },
        }
    }

    pub(super) fn rows(&self) -> u32 {
        let findings = &self.done.findings;
        let decision = 2 + if findings.observed { OBSERVED } else { 0 };
        let rows = findings.events.len()
            + self.term.map.changed().count()
            + decision * findings.decisions.len()
            + self.standings.len()
            + self.receipts.newest.len()
            + self.receipts.gone.len();
        u32::try_from(rows).unwrap_or(u32::MAX)
    }

    /// Takes the next delivery of this session; `known` are the events that are remembered already.
    pub(super) fn take(&mut self, item: Item, known: &HashMap<Key, [u8; 32]>, us: &Identity) {
        match item.content {
            Err(refusal) => self.refuse(item.tag, item.named.as_ref(), refusal),
            Ok(Incoming::Tick(tick)) => self.tick(&tick, &us.session),
            Ok(Incoming::Probe(probe)) => self.probe(probe.as_ref(), &us.session),
            Ok(Incoming::Receipt(receipt)) => {
                let taken = receipts::take(self.term, &mut self.receipts, receipt, us, self.now);
                taken.unwrap_or_else(|refusal| self.refuse(item.tag, None, refusal));
            }
            Ok(Incoming::Event { event, digest }) => {
                let key = (event.conductor.clone(), event.id.clone());
                match known.get(&key).or_else(|| self.seen.get(&key)) {
                    None => match self.room_for(&event) {
                        Ok(()) => {
                            self.seen.insert(key, digest);
                            self.event(&event, digest);
                        }
                        Err(refusal) => self.refuse(item.tag, Some(&event.conductor), refusal),
                    },
                    Some(before) if *before == digest => {
                        self.done.repeats |= known.contains_key(&key);
                        let event_type = event.kind.event_type();
                        self.done.outcomes.push((event_type, None));
                    }
                    Some(_) => {
                        let detail = format!(
                            "message_id {} of {} was used before with another body",
                            key.1, key.0
                        );
                        let refusal = Refusal::new(Reason::MessageIdConflict, detail);
                        self.refuse(item.tag, Some(&key.0), refusal);
                    }
                }
            }
        }
    }

    /// Whoever sends what is refused is not silent: see [`Unheeded`](crate::domain::unheeded::Unheeded).
    fn refuse(&mut self, tag: u64, named: Option<&ConductorName>, refusal: Refusal) {
        let term = &mut *self.term;
        if let Some(conductor) = named.and_then(|name| term.map.conductor(name)) {
            let grace = self.rules.reconnect_grace;
            let deadline = term.hearing.deadline(conductor, grace);
            term.unheeded
                .refused(conductor, deadline, &refusal.to_string(), self.now);
        }
        self.done.refused.push((tag, refusal));
    }

    /// Ends the next silent conductor, unless it was heard meanwhile; returns whether more wait.
    pub(super) fn end_next_silent(&mut self) -> bool {
        let Some(name) = self.term.silent.pop_front() else {
            return false;
        };
        let grace = self.rules.reconnect_grace;
        let Term {
            map,
            hearing,
            judged,
            unheeded,
            ..
        } = &*self.term;
        let silent = |conductor| {
            hearing.is_overdue(conductor, *judged, grace)
                && !unheeded.holds_back(conductor, *judged)
        };
        if map.conductor(&name).is_some_and(silent) {
            let change = decide_silence(map, &name, self.now);
            self.apply(&change);
        }
        !self.term.silent.is_empty()
    }

    /// What is to be committed, with at most so many notes, and what follows after that.
    pub(super) fn finish(mut self, notes: usize) -> Done {
        self.done.rows = self.rows().into();
        let Self {
            term,
            now,
            standings,
            receipts,
            mut done,
            ..
        } = self;
        done.findings.receipts = receipts.newest.into_values().collect();
        done.findings.silent = receipts.gone;
        let changed = term.map.changed();
        done.findings.conductors = changed
            .filter_map(|name| term.map.conductor(name))
            .map(|conductor| ConductorRecord::save(conductor, now.mono))
            .collect();
        done.findings.unheeded = term.unheeded.due(now.mono, notes);
        for pair in standings.keys() {
            term.turned(pair);
        }
        done.findings.standings = standings
            .into_iter()
            .map(|(pair, standing)| StandingRecord { pair, standing })
            .collect();
        done
    }

    /// Whether a new conductor, or new pairs, have room (I8). What is known always has.
    fn room_for(&self, event: &Event) -> Result<(), Refusal> {
        let map = &self.term.map;
        if map.conductor(&event.conductor).is_none() && map.len() >= self.rules.most_conductors {
            let detail = format!(
                "{} conductors are known, and no more are taken (decide.max_conductors)",
                map.len()
            );
            return Err(Refusal::new(Reason::TooManyConductors, detail));
        }
        let new = event.kind.statement().map_or(0, |statement| {
            let unknown = |pair: &Pair| map.standing(pair).is_none();
            statement.pairs().filter(unknown).count()
        });
        if new > 0 && map.pairs() + new > self.rules.most_pairs {
            let detail = format!(
                "{new} more with {} known ones are above decide.max_pairs = {}",
                map.pairs(),
                self.rules.most_pairs
            );
            return Err(Refusal::new(Reason::TooManyPairs, detail));
        }
        Ok(())
    }

    fn event(&mut self, event: &Event, digest: [u8; 32]) {
        let change = decide(&self.term.map, event, self.now, self.rules.back_within_cap);
        let event_type = event.kind.event_type();
        let outcome = Some(change.outcome);
        self.done.outcomes.push((event_type, outcome));
        self.done.findings.events.push(EventRecord {
            conductor: event.conductor.clone(),
            id: event.id.clone(),
            digest,
            event_type,
            outcome: change.outcome,
        });
        self.heeded(event, &change);
        self.apply(&change);
    }

    /// Whether a sign of life counted. The word of a watcher is none.
    fn heeded(&mut self, event: &Event, change: &Change) {
        if matches!(event.kind, EventKind::HeartbeatTimeout { .. }) {
            return;
        }
        self.term.unknown.heard(change.outcome, self.now.mono);
        let (map, unheeded) = (&self.term.map, &mut self.term.unheeded);
        let known = map.conductor(&event.conductor);
        match (change.outcome, known) {
            // One that says again that it left is not misunderstood.
            (Outcome::Stale, _) if matches!(event.kind, EventKind::Left { .. }) => {}
            (Outcome::Stale, _) => {
                unheeded.ignored(&event.conductor, event.incarnation, self.now);
            }
            // It moves no deadline.
            (Outcome::NewerUnjoined, Some(_)) if change.conductor.is_none() => {}
            (Outcome::Applied | Outcome::Refreshed | Outcome::NewerUnjoined, Some(known)) => {
                let next = change.conductor.as_ref();
                let started = next.is_some_and(|next| next.incarnation > known.incarnation);
                unheeded.heard(&event.conductor, started);
            }
            (Outcome::Unknown, _) | (_, None) => {}
        }
    }

    fn tick(&mut self, tick: &Tick, session: &str) {
        if tick.session != session {
            return;
        }
        let sent = Mono(tick.sent);
        self.done.own_tick = true;
        self.done.proves |= self.term.hearing.would_prove(sent);
        let heard = self.term.hearing.tick(sent, self.now.mono);
        self.heard(heard);
    }

    /// Only a probe that we remember says anything; whatever else poses as one is let go.
    fn probe(&mut self, probe: Option<&Probe>, session: &str) {
        let sent = match probe {
            None => Err("unreadable"),
            Some(probe) if probe.session != session => Err("foreign"),
            Some(probe) => self.term.probing.sent_at(&probe.nonce).ok_or("unknown"),
        };
        let sent = match sent {
            Ok(sent) => sent,
            Err(what) => return telemetry::PROBES_ODD.count_as(what, 1),
        };
        let heard = self.term.hearing.probe(sent, self.now.mono);
        self.heard(heard);
    }

    fn heard(&mut self, heard: Heard) {
        let Heard::Fresh { sent, gap, stall } = heard else {
            return;
        };
        self.done.fresh = Some(sent);
        let term = &mut *self.term;
        term.probing.returned = None;
        term.map.postpone(stall);
        term.unknown.postpone(stall);
        term.unheeded.postpone(stall);
        telemetry::deaf(term.probing.hears_after(gap.unwrap_or(stall)));
    }

    fn apply(&mut self, change: &Change) {
        self.term.map.apply(change);
        for turn in &change.turns {
            self.standings.insert(turn.pair.clone(), turn.to);
            if let Some(verdict) = turn.verdict {
                self.done.findings.decisions.push(DecisionRecord {
                    id: (self.new_id)(),
                    verdict,
                    turn: turn.clone(),
                    decided_at_ms: self.now.wall_ms,
                });
            }
        }
    }
}

impl Done {
    /// Whether there is nothing to commit, and no reason to look at the fence.
    pub(super) fn writes_nothing(&self) -> bool {
        let findings = &self.findings;
        !self.repeats
            && findings.events.is_empty()
            && findings.conductors.is_empty()
            && findings.unheeded.is_empty()
            && findings.receipts.is_empty()
    }

    /// Tells operators what was committed: a line for each decision, never one for each node.
    pub(super) fn report(&self, epoch: u64) {
        for (event_type, outcome) in &self.outcomes {
            telemetry::event(*event_type, *outcome);
        }
        telemetry::RECEIPTS.count(self.findings.receipts.len() as u64);
        log_decisions(&self.findings, epoch);
    }
}
