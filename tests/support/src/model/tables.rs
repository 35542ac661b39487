//! All tables of the model, and the looks that several operations share.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use nodewarden::domain::announcement::BackReason;
use nodewarden::domain::change::{Standing, Turn, Verdict};
use nodewarden::domain::ids::{ConductorName, EventId, Pair, SubscriberName};
use nodewarden::domain::receipt::Received;
use nodewarden::domain::unheeded::Note;
use nodewarden::store::Memory;

use super::rows::{
    AnnouncementRow, ChangeRow, ConductorRow, CountRow, DecisionRow, EventRow, LONGEST, Node,
    PairRow, RequestRow, Singles,
};
use super::table::Table;

/// What the database holds. A clone is a backup.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables {
    /// By uuid.
    pub nodes: Table<String, Node>,
    pub one: Singles,
    /// By number.
    pub events: Table<u64, EventRow>,
    pub conductors: Table<ConductorName, ConductorRow>,
    pub unheeded: Table<ConductorName, Note>,
    pub receipts: Table<SubscriberName, Received>,
    pub pairs: Table<Pair, PairRow>,
    /// By number.
    pub decisions: Table<u64, DecisionRow>,
    /// By `seq`.
    pub changes: Table<u64, ChangeRow>,
    /// By number.
    pub announcements: Table<u64, AnnouncementRow>,
    /// By number.
    pub requests: Table<u64, RequestRow>,
    /// By group and driver.
    pub counts: Table<(String, String), CountRow>,
    /// The number of each remembered event: no event is remembered twice.
    pub(super) event_numbers: Table<(ConductorName, EventId), u64>,
    /// The number of each decision by its UUID: no UUID is used twice.
    pub(super) decision_numbers: Table<String, u64>,
    /// The decisions of each pair.
    pub(super) decisions_of: Table<(Pair, u64), ()>,
    /// The `seq` of each hold by the node's uuid: no node is held twice.
    pub(super) held: Table<String, u64>,
    /// The singles as they were before the open transaction.
    pub(super) before: Option<Singles>,
}

/// Runs `$call` on every table.
macro_rules! each_table {
    ($tables:expr, $call:ident) => {{
        $tables.nodes.$call();
        $tables.events.$call();
        $tables.conductors.$call();
        $tables.unheeded.$call();
        $tables.receipts.$call();
        $tables.pairs.$call();
        $tables.decisions.$call();
        $tables.changes.$call();
        $tables.announcements.$call();
        $tables.requests.$call();
        $tables.counts.$call();
        $tables.event_numbers.$call();
        $tables.decision_numbers.$call();
        $tables.decisions_of.$call();
        $tables.held.$call();
    }};
}

impl Tables {
    /// Empty ones, as a migration makes them.
    pub fn new(stream: &str) -> Self {
        Self {
            nodes: Table::default(),
            one: Singles {
                stream: stream.to_owned(),
                epoch: 0,
                commits: 0,
                seq: 0,
                last_announcement: 0,
                last_decision: 0,
                holder: None,
                taken_at_ms: None,
                committed_at_ms: None,
                mode: None,
                announced: 0,
                announced_at_ms: None,
                pause: None,
                hearing: None,
                counted: None,
                proofs: 0,
                streams: Vec::new(),
            },
            events: Table::default(),
            conductors: Table::default(),
            unheeded: Table::default(),
            receipts: Table::default(),
            pairs: Table::default(),
            decisions: Table::default(),
            changes: Table::default(),
            announcements: Table::default(),
            requests: Table::default(),
            counts: Table::default(),
            event_numbers: Table::default(),
            decision_numbers: Table::default(),
            decisions_of: Table::default(),
            held: Table::default(),
            before: None,
        }
    }

    /// Begins a transaction.
    pub(super) fn begin(&mut self) {
        self.before = Some(self.one.clone());
    }

    /// How many rows the open transaction has written.
    pub(super) fn written(&self) -> u64 {
        let singles = u64::from(
            self.before
                .as_ref()
                .is_some_and(|before| *before != self.one),
        );
        singles
            + self.nodes.written()
            + self.events.written()
            + self.conductors.written()
            + self.unheeded.written()
            + self.receipts.written()
            + self.pairs.written()
            + self.decisions.written()
            + self.changes.written()
            + self.announcements.written()
            + self.requests.written()
            + self.counts.written()
    }

    /// Ends the transaction: what it wrote stays.
    pub(super) fn commit(&mut self) {
        self.before = None;
        each_table!(self, keep);
    }

    /// Ends the transaction: all is as before.
    pub(super) fn roll_back(&mut self) {
        if let Some(before) = self.before.take() {
            self.one = before;
        }
        each_table!(self, undo);
    }

    /// The same with its events numbered from 1 on: servers leave gaps.
    #[must_use]
    pub fn renumbered(mut self) -> Self {
        let events = std::mem::take(&mut self.events);
        for (number, event) in (1..).zip(events.values()) {
            let key = (event.conductor.clone(), event.id.clone());
            self.event_numbers.put(key, number);
            self.events.put(number, event.clone());
        }
        self.commit();
        self
    }

    // --- looks -----------------------------------------------------------------------------------

    /// Whether an event is remembered.
    pub fn remembers(&self, event: &(ConductorName, EventId)) -> bool {
        self.event_numbers.contains_key(event)
    }

    /// The hold of a node: its `seq` and the change.
    pub fn hold_of(&self, uuid: &str) -> Option<(u64, &ChangeRow)> {
        let seq = *self.held.get(uuid)?;
        Some((seq, self.changes.get(&seq)?))
    }

    /// All holds, by uuid: `seq` and change.
    pub fn holds(&self) -> impl Iterator<Item = (u64, &ChangeRow)> {
        self.holds_within("", None)
    }

    /// Every node that is held, and the decision by which.
    pub fn held_by(&self) -> BTreeMap<&str, &DecisionRow> {
        let held = self.holds().filter_map(|(_, change)| {
            let decision = self.decisions.get(&change.decision)?;
            Some((change.uuid.as_str(), decision))
        });
        held.collect()
    }

    /// Every node's mark.
    pub fn marks(&self) -> BTreeMap<&str, Option<&str>> {
        let marks = self.nodes.iter();
        marks
            .map(|(uuid, node)| (uuid.as_str(), node.service_state.as_deref()))
            .collect()
    }

    /// The holds above the uuid `after`, up to `last`.
    pub(super) fn holds_within(
        &self,
        after: &str,
        last: Option<&str>,
    ) -> impl Iterator<Item = (u64, &ChangeRow)> {
        let held = range(&self.held, after, last);
        held.filter_map(|(_, seq)| Some((*seq, self.changes.get(seq)?)))
    }

    /// The nodes above the uuid `after`, up to `last`.
    pub(super) fn nodes_within(
        &self,
        after: &str,
        last: Option<&str>,
    ) -> impl Iterator<Item = (&String, &Node)> {
        range(&self.nodes, after, last)
    }

    /// The decision that a hold is labelled with.
    pub(super) fn label(&self, change: &ChangeRow) -> Option<&DecisionRow> {
        self.decisions.get(&change.decision)
    }

    /// The pair that a node needs, if something is known of it.
    pub(super) fn needed_by(&self, node: &Node) -> Option<(Pair, &PairRow)> {
        let pair = node.pair()?;
        let row = self.pairs.get(&pair)?;
        Some((pair, row))
    }

    /// The numbers of a pair's decisions, ascending.
    pub(super) fn numbers_of<'a>(&'a self, pair: &'a Pair) -> impl Iterator<Item = u64> + 'a {
        let from = (pair.clone(), 0);
        let of_pair = self.decisions_of.range(from..);
        of_pair
            .take_while(move |((of, _), ())| of == pair)
            .map(|((_, number), ())| *number)
    }

    /// Whether anything is held by a decision about this pair.
    pub(super) fn holds_any(&self, pair: &Pair) -> bool {
        self.holds()
            .any(|(_, change)| self.label(change).is_some_and(|by| by.pair == *pair))
    }

    /// Since when subscribers wait for a change.
    pub(super) fn waited_since(&self, seq: u64) -> Option<u64> {
        let change = self.changes.get(&seq)?;
        let decision = match change.back {
            None => self.label(change),
            Some(BackReason::DriverRestored) => {
                let pair = &self.label(change)?.pair;
                let last = self.pairs.get(pair).and_then(|row| row.decision);
                last.and_then(|number| self.decisions.get(&number))
                    .filter(|last| last.verdict == Verdict::Restored && !last.observed)
            }
            Some(_) => None,
        };
        Some(waited_since(decision, change.since_ms))
    }

    /// Whether any node needs the pair.
    pub(super) fn needs_any(&self, pair: &Pair) -> bool {
        self.nodes.values().any(|node| node.needs(pair))
    }

    /// The nodes of a pair in a window that may be taken out and are not held.
    pub(super) fn untaken(&self, pair: &Pair, after: &str, last: &str) -> Vec<&String> {
        self.nodes_within(after, Some(last))
            .filter(|(uuid, node)| node.needs(pair) && self.may_be_taken(uuid))
            .map(|(uuid, _)| uuid)
            .collect()
    }

    /// A message can carry its key, and it is not held.
    pub(super) fn may_be_taken(&self, uuid: &str) -> bool {
        uuid.len() <= LONGEST && !self.held.contains_key(uuid)
    }

    /// The stored half of the driver map.
    pub(super) fn memory(&self) -> Memory {
        let observed = self.pairs.iter().filter_map(|(pair, row)| {
            let decision = self.decisions.get(&row.decision?)?;
            (row.standing == Standing::Lost && decision.observed).then(|| Turn {
                pair: pair.clone(),
                to: row.standing,
                verdict: Some(decision.verdict),
                cause: decision.cause.clone(),
                last_good_at_ms: decision.last_good_at_ms,
            })
        });
        let unknown = self.pairs.iter().filter_map(|(pair, row)| {
            let decision = self.decisions.get(&row.decision?)?;
            let unknown = row.standing == Standing::Lost && decision.verdict == Verdict::Unknown;
            unknown.then(|| pair.clone())
        });
        let conductors = self.conductors.values();
        let standings = self.pairs.iter();
        Memory {
            conductors: conductors.map(|row| row.record.clone()).collect(),
            standings: standings
                .map(|(pair, row)| (pair.clone(), row.standing))
                .collect(),
            observed: observed.collect(),
            unknown: unknown.collect(),
            unheeded: self.unheeded.values().cloned().collect(),
            receipts: self.receipts.values().cloned().collect(),
        }
    }
}

/// Since when nodes were waited for that moved at `at_ms`: the decision, or then, if that had moved all of
/// its nodes before.
pub(super) fn waited_since(decision: Option<&DecisionRow>, at_ms: u64) -> u64 {
    let in_time = |decision: &&DecisionRow| decision.completed_at_ms.is_none_or(|at| at >= at_ms);
    decision
        .filter(in_time)
        .map_or(at_ms, |decision| decision.decided_at_ms)
}

/// The rows above `after`, up to `last`.
fn range<'t, V>(
    table: &'t BTreeMap<String, V>,
    after: &str,
    last: Option<&str>,
) -> std::collections::btree_map::Range<'t, String, V> {
    // A range whose bounds cross panics; this one is empty.
    let last = last.map(|last| last.max(after));
    table.range::<str, _>((Excluded(after), last.map_or(Unbounded, Included)))
}
