//! [`Evidence`]: all that a run leaves behind, as plain data. Who judges sees nothing else, so a test can
//! tamper with it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitStatus;

use crate::event::{Pair, Said};

#[derive(Debug, Clone, Default)]
pub struct Evidence {
    pub nodes: Vec<Planned>,
    /// Conductors that no clock ends, by the publisher that they share, in the order of publishing. Publishers
    /// share no pair.
    pub lanes: Vec<Vec<Said>>,
    /// Conductors that silence, or the end of a planned restart, may end; each has a pair of its own.
    pub timed: Vec<Timed>,
    /// What the subscriber's queue had, in order.
    pub heard: Vec<Heard>,
    /// Bodies of refused messages.
    pub refused: Vec<Vec<u8>>,
    /// When each epoch was taken, ms.
    pub takeovers: BTreeMap<u64, u64>,
    /// When no replica can have heard anything, from and to, ms.
    pub deaf: Vec<(u64, u64)>,
    pub grace_ms: u64,
    /// What the database has lost, if it has.
    pub loss: Option<Loss>,
    /// Over HTTP, when all was at rest.
    pub snapshot: Option<Snapshot>,
    pub tables: Tables,
    /// How replicas ended that no fault killed.
    pub ends: Vec<End>,
}

impl Evidence {
    /// Whether the database has lost what became of an event.
    pub fn is_lost(&self, said: &Said) -> bool {
        let loss = self.loss.as_ref();
        loss.is_some_and(|loss| loss.events.contains(&said.key()))
    }
}

/// Commits that a database has lost: it went back to what it was before them.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The stream that ended so.
    pub stream: String,
    /// The last change of that stream that is left.
    pub seq: u64,
    /// Conductor and `message_id` of each event that was handled, and the database does not know it.
    pub events: BTreeSet<(String, String)>,
}

/// The end of a replica's process.
#[derive(Debug, Clone, Copy)]
pub struct End {
    pub replica: usize,
    /// By SIGTERM, when the run was over.
    pub asked: bool,
    /// Missing: it did not end in time.
    pub status: Option<ExitStatus>,
}

/// What is out of service, as of a change.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub seq: u64,
    pub out: BTreeSet<String>,
}

/// A node as its owners want it.
#[derive(Debug, Clone)]
pub struct Planned {
    pub uuid: String,
    pub pair: Pair,
    pub maintenance: bool,
}

#[derive(Debug, Clone)]
pub struct Timed {
    pub conductor: String,
    pub pair: Pair,
    /// Missing: it never promised heartbeats.
    pub timeout_ms: Option<u64>,
    pub said: Vec<Said>,
    /// It is silent for good.
    pub dead: bool,
}

/// A message as the subscriber's queue had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub id: String,
    pub kind: String,
    pub properties: String,
    pub body: Vec<u8>,
}

/// What the database says in the end.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    pub stream: String,
    pub seq: u64,
    /// Conductor and `message_id` of each event that was handled.
    pub events: BTreeSet<(String, String)>,
    /// The longest time between two of them, ms.
    pub longest_wait_ms: u64,
    pub decisions: Vec<Decided>,
    pub changes: Vec<Change>,
    /// By the holds.
    pub held: BTreeSet<String>,
    /// By the marks: whether it is out of service, and in maintenance.
    pub nodes: BTreeMap<String, (bool, bool)>,
}

#[derive(Debug, Clone)]
pub struct Decided {
    pub id: String,
    pub pair: Pair,
    pub verdict: String,
    /// `event`, or what time did.
    pub cause: String,
    pub event: String,
    pub epoch: u64,
    pub at_ms: u64,
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub seq: u64,
    pub uuid: String,
    pub out: bool,
}
