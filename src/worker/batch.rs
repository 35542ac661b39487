//! One batch of deliveries, in queue order: what each one does to the driver map, and what is to
//! be committed for all of them together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::decider::Rules;
use crate::config::Mode;
use crate::domain::change::Change;
use crate::domain::change::Standing;
use crate::domain::decide::{decide, decide_silence};
use crate::domain::event::{Event, EventType};
use crate::domain::hearing::{Heard, Hearing};
use crate::domain::ids::{ConductorName, EventId, Pair};
use crate::domain::map::DriverMap;
use crate::domain::time::{Mono, Now};
use crate::domain::unknown::Unknown;
use crate::message::Delivery;
use crate::store::{ConductorRecord, DecisionRecord, EventRecord, Findings, StandingRecord};
use crate::telemetry;
use crate::wire::{self, Incoming, Publishers, Reason, Refusal, Tick};

/// A delivery, read.
pub(super) struct Item {
    tag: u64,
    content: Result<Incoming, Refusal>,
}

/// Reads every delivery; nothing that is in it can fail the others.
pub(super) fn decode(deliveries: &[Delivery], publishers: Option<&Publishers>) -> Vec<Item> {
    deliveries
        .iter()
        .map(|delivery| Item {
            tag: delivery.tag,
            content: wire::decode(delivery, publishers),
        })
        .collect()
}

/// The stream of the first tick that is not of ours.
pub(super) fn foreign_stream<'a>(items: &'a [Item], ours: &str) -> Option<&'a str> {
    items.iter().find_map(|item| match &item.content {
        Ok(Incoming::Tick(tick)) if tick.stream != ours => Some(tick.stream.as_str()),
        _ => None,
    })
}

/// The events of a batch, by the key under which they are remembered.
pub(super) fn ids(items: &[Item]) -> Vec<(ConductorName, EventId)> {
    items
        .iter()
        .filter_map(|item| match &item.content {
            Ok(Incoming::Event { event, .. }) => Some((event.conductor.clone(), event.id.clone())),
            _ => None,
        })
        .collect()
}

/// What a batch led to.
pub(super) struct Done {
    pub(super) intake: Findings,
    pub(super) refused: Vec<(u64, Refusal)>,
    /// Pairs that turned at least once, in order, the last one last.
    pub(super) turned: Vec<Pair>,
    /// Whether an own tick was among them.
    pub(super) own_tick: bool,
    /// The sending instant of the last one that came back fresh.
    pub(super) fresh: Option<Mono>,
    outcomes: Vec<(EventType, &'static str)>,
}

/// The state of a batch while its deliveries are taken one after the other.
pub(super) struct Batch<'a> {
    map: &'a mut DriverMap,
    hearing: &'a mut Hearing,
    unknown: &'a mut Unknown,
    session: &'a str,
    rules: &'a Rules,
    now: Now,
    new_id: &'a mut dyn FnMut() -> String,
    seen: HashMap<(ConductorName, EventId), [u8; 32]>,
    changed: BTreeSet<ConductorName>,
    standings: BTreeMap<Pair, Standing>,
    done: Done,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        map: &'a mut DriverMap,
        hearing: &'a mut Hearing,
        unknown: &'a mut Unknown,
        session: &'a str,
        rules: &'a Rules,
        now: Now,
        new_id: &'a mut dyn FnMut() -> String,
    ) -> Self {
        Self {
            map,
            hearing,
            unknown,
            session,
            rules,
            now,
            new_id,
            seen: HashMap::new(),
            changed: BTreeSet::new(),
            standings: BTreeMap::new(),
            done: Done {
                intake: Findings {
                    now_ms: now.wall_ms,
                    observed: rules.mode == Mode::Observe,
                    ..Findings::default()
                },
                refused: Vec::new(),
                turned: Vec::new(),
                own_tick: false,
                fresh: None,
                outcomes: Vec::new(),
            },
        }
    }

    /// Takes the next delivery; `known` are the events that are remembered already.
    pub(super) fn take(&mut self, item: Item, known: &HashMap<(ConductorName, EventId), [u8; 32]>) {
        match item.content {
            Err(refusal) => self.done.refused.push((item.tag, refusal)),
            Ok(Incoming::Tick(tick)) => self.tick(&tick),
            Ok(Incoming::Event { event, digest }) => {
                let key = (event.conductor.clone(), event.id.clone());
                match known.get(&key).or_else(|| self.seen.get(&key)) {
                    None => {
                        self.seen.insert(key, digest);
                        self.event(&event, digest);
                    }
                    Some(before) if *before == digest => {
                        self.done
                            .outcomes
                            .push((event.kind.event_type(), "duplicate"));
                    }
                    Some(_) => {
                        let refusal = Refusal::new(
                            Reason::MessageIdConflict,
                            format!(
                                "message_id {} of {} came before with another body",
                                key.1, key.0
                            ),
                        );
                        self.done.refused.push((item.tag, refusal));
                    }
                }
            }
        }
    }

    /// What is to be committed, and what follows after that.
    pub(super) fn finish(self) -> Done {
        let Self {
            map,
            now,
            changed,
            standings,
            mut done,
            ..
        } = self;
        done.intake.conductors = changed
            .iter()
            .filter_map(|name| map.conductor(name))
            .map(|conductor| ConductorRecord::save(conductor, now.mono))
            .collect();
        done.intake.standings = standings
            .into_iter()
            .map(|(pair, standing)| StandingRecord { pair, standing })
            .collect();
        done
    }

    fn event(&mut self, event: &Event, digest: [u8; 32]) {
        let change = decide(self.map, event, self.now, self.rules.back_within_cap);
        self.done
            .outcomes
            .push((event.kind.event_type(), change.outcome.as_str()));
        self.unknown.heard(change.outcome, self.now.mono);
        self.done.intake.events.push(EventRecord {
            conductor: event.conductor.clone(),
            id: event.id.clone(),
            digest,
            event_type: event.kind.event_type(),
            outcome: change.outcome,
        });
        self.apply(&change);
    }

    fn tick(&mut self, tick: &Tick) {
        if tick.session != self.session {
            return;
        }
        self.done.own_tick = true;
        let Heard::Fresh { sent, gap, stall } = self.hearing.tick(Mono(tick.sent), self.now.mono)
        else {
            return;
        };
        self.done.fresh = Some(sent);
        self.map.postpone(stall);
        self.unknown.postpone(stall);
        if let Some(gap) = gap {
            telemetry::deaf(gap);
        }
        while let Some(name) = self
            .hearing
            .overdue(self.map, sent, self.rules.reconnect_grace)
        {
            let change = decide_silence(self.map, &name, self.now);
            self.apply(&change);
        }
    }

    fn apply(&mut self, change: &Change) {
        self.map.apply(change);
        if let Some(conductor) = &change.conductor {
            self.changed.insert(conductor.name.clone());
        }
        for turn in &change.turns {
            self.standings.insert(turn.pair.clone(), turn.to);
            self.done.turned.retain(|pair| *pair != turn.pair);
            self.done.turned.push(turn.pair.clone());
            if let Some(verdict) = turn.verdict {
                self.done.intake.decisions.push(DecisionRecord {
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
    /// Tells operators what was committed: a line for each decision, never one for each node.
    pub(super) fn report(&self, epoch: u64) {
        for (event_type, outcome) in &self.outcomes {
            telemetry::event(*event_type, outcome);
        }
        for (_, refusal) in &self.refused {
            telemetry::REFUSED.count_as(refusal.reason.as_str(), 1);
            tracing::warn!(
                reason = refusal.reason.as_str(),
                detail = telemetry::printable(&refusal.detail),
                "refused a message; it is kept among the dead letters"
            );
        }
        tell(&self.intake, epoch);
    }
}

/// Decisions of one transaction that get a line each; the rest is counted. An event can name 16,000
/// drivers.
const LINES: usize = 20;

/// One line for each of the first decisions.
pub(super) fn tell(intake: &Findings, epoch: u64) {
    for decision in &intake.decisions {
        telemetry::DECISIONS.count_as(decision.verdict.as_str(), 1);
    }
    for decision in intake.decisions.iter().take(LINES) {
        tell_one(decision, epoch, intake.observed);
    }
    let more = intake.decisions.len().saturating_sub(LINES);
    if more > 0 {
        tracing::warn!(
            epoch,
            decisions = more,
            observed = intake.observed,
            "decided about more pairs at the same moment"
        );
    }
}

fn tell_one(decision: &DecisionRecord, epoch: u64, observed: bool) {
    let turn = &decision.turn;
    tracing::warn!(
        epoch,
        decision_id = decision.id,
        conductor_group = telemetry::printable(turn.pair.group.as_str()),
        driver = telemetry::printable(turn.pair.driver.as_str()),
        verdict = decision.verdict.as_str(),
        cause = turn.cause.kind.word().as_str(),
        conductor = turn
            .cause
            .conductor
            .as_ref()
            .map(|name| telemetry::printable(name.as_str())),
        observed,
        "decided"
    );
}
