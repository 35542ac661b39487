//! A transaction of the model: what it may see, what it may write, and how it fails.

use std::collections::BTreeSet;

use nodewarden::domain::announcement::AnnouncementType;
use nodewarden::domain::committed::Loss;
use nodewarden::domain::ids::Pair;
use nodewarden::store::{Completed, RequestKind, StoreError};

use super::meddling::{Row, lasting};
use super::rows::{AnnouncementRow, RequestRow};
use super::tables::Tables;

/// Why a transaction is rolled back.
#[derive(Debug)]
pub enum Fault {
    /// Another epoch was taken since this one.
    Fenced(u64),
    /// Less is there than is known to be committed.
    Lost(Box<Loss>),
    /// A row cannot be written.
    Refused(String),
    /// A row makes no sense.
    Corrupt(String),
}

impl Fault {
    /// As the store tells it.
    pub fn told(self, doing: &'static str) -> StoreError {
        match self {
            Self::Fenced(epoch) => StoreError::Fenced(epoch),
            Self::Lost(loss) => StoreError::Lost(loss),
            Self::Refused(why) => lasting(doing, &why),
            Self::Corrupt(what) => StoreError::Corrupt(what),
        }
    }
}

/// An open transaction.
pub struct Unit<'t> {
    pub tables: &'t mut Tables,
    locked: &'t BTreeSet<String>,
    refused: &'t BTreeSet<Row>,
    refuses: Option<Row>,
    /// How many rows it read.
    pub read: u64,
}

/// What the messages over a run of changes share.
pub struct Header<'a> {
    pub announcement_type: AnnouncementType,
    pub decision: Option<u64>,
    pub reason: Option<&'a str>,
    pub released_by: Option<u64>,
    pub decided_at_ms: u64,
    pub now_ms: u64,
}

impl<'t> Unit<'t> {
    pub fn new(
        tables: &'t mut Tables,
        locked: &'t BTreeSet<String>,
        refused: &'t BTreeSet<Row>,
        refuses: Option<Row>,
    ) -> Self {
        Self {
            tables,
            locked,
            refused,
            refuses,
            read: 0,
        }
    }

    /// Changes the fence row, if the epoch is still the caller's.
    pub fn fence(&mut self, epoch: u64, now_ms: impl Into<Option<u64>>) -> Result<(), Fault> {
        self.read += 1;
        let one = &mut self.tables.one;
        if one.epoch != epoch {
            return Err(Fault::Fenced(epoch));
        }
        one.commits += 1;
        one.committed_at_ms = now_ms.into().or(one.committed_at_ms);
        Ok(())
    }

    /// Whether a user's open transaction has locked the row of this node.
    pub fn is_locked(&self, uuid: &str) -> bool {
        self.locked.contains(uuid)
    }

    /// Errors if this row cannot be written.
    pub fn may_write(&self, row: Row) -> Result<(), Fault> {
        // Most runs refuse nothing.
        if self.refuses.as_ref() == Some(&row) || self.refused.contains(&row) {
            return Err(Fault::Refused(format!("{row:?} cannot be written")));
        }
        Ok(())
    }

    /// Marks a node, unless it is marked so; one that is gone needs no mark.
    pub fn mark(&mut self, uuid: &str, state: &str, now_ms: u64) -> Result<(), Fault> {
        let other = self.tables.nodes.get(uuid).map(|node| node.is_not(state));
        if other != Some(true) {
            return Ok(());
        }
        self.may_write(Row::MarkOf(uuid.to_owned()))?;
        self.tables.nodes.edit(&uuid.to_owned(), |node| {
            node.service_state = Some(state.to_owned());
            node.service_state_since_ms = Some(now_ms);
        });
        Ok(())
    }

    /// Fixes the messages over the changes `first` to `last` (I4).
    pub fn announce(&mut self, header: &Header<'_>, first: u64, last: u64, nodes_per_message: u32) {
        let mut first = first;
        while first <= last {
            let end = last.min(first + u64::from(nodes_per_message) - 1);
            self.announce_run(header, first, end);
            first = end + 1;
        }
    }

    /// Announces how far the stream is.
    pub fn announce_position(&mut self, now_ms: u64) {
        let header = Header {
            announcement_type: AnnouncementType::Position,
            decision: None,
            reason: None,
            released_by: None,
            decided_at_ms: now_ms,
            now_ms,
        };
        let seq = self.tables.one.seq;
        self.announce_run(&header, seq, seq);
    }

    fn announce_run(&mut self, header: &Header<'_>, first_seq: u64, last_seq: u64) {
        self.tables.one.last_announcement += 1;
        let row = AnnouncementRow {
            announcement_type: header.announcement_type,
            decision: header.decision,
            reason: header.reason.map(str::to_owned),
            released_by: header.released_by,
            first_seq,
            last_seq,
            epoch: self.tables.one.epoch,
            decided_at_ms: header.decided_at_ms,
            committed_at_ms: header.now_ms,
        };
        let number = self.tables.one.last_announcement;
        self.tables.announcements.put(number, row);
    }

    /// Adds to the number of nodes that a decision moved.
    pub fn count(&mut self, decision: u64, nodes: u64) {
        if nodes > 0 {
            let decisions = &mut self.tables.decisions;
            decisions.edit(&decision, |row| row.nodes += nodes);
        }
    }

    /// The pair's decision is carried out; returns it, if it was not before.
    pub fn complete(&mut self, pair: &Pair, now_ms: u64) -> Option<Completed> {
        let number = self.tables.pairs.get(pair)?.decision?;
        let decision = self.tables.decisions.get(&number)?;
        if decision.completed_at_ms.is_some() {
            return None;
        }
        let completed = Completed {
            decision_id: decision.id.clone(),
            nodes: decision.nodes,
        };
        let decisions = &mut self.tables.decisions;
        decisions.edit(&number, |row| row.completed_at_ms = Some(now_ms));
        Some(completed)
    }

    /// Notes for the history what was done, and by whom.
    pub fn note_done(&mut self, kind: RequestKind, who: &str, what: &str, now_ms: u64) {
        // As much of a name as the real store keeps.
        let who: String = who.chars().take(250).collect();
        self.request(RequestRow {
            kind,
            argument: who,
            requested_at_ms: now_ms,
            done_at_ms: Some(now_ms),
            result: Some(what.to_owned()),
        });
    }

    /// Adds a request; returns its number.
    pub fn request(&mut self, row: RequestRow) -> u64 {
        let number = next(&self.tables.requests);
        self.tables.requests.put(number, row);
        number
    }
}

/// The number of the next row, as SQLite gives it.
pub fn next<V>(table: &std::collections::BTreeMap<u64, V>) -> u64 {
    table.last_key_value().map_or(1, |(last, _)| last + 1)
}
