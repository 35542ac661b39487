//! [`Picture`]: what the database holds at one moment, as far as an oracle cares.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use nodewarden::domain::announcement::Announcement;
use nodewarden::domain::change::Standing;
use nodewarden::domain::ids::Pair;
use nodewarden::worker::ports::Outbox;
use nodewarden_tests::model::Model;

/// A node, as its users' table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub pair: Pair,
    /// Our mark.
    pub out: bool,
    /// The operators' own.
    pub maintenance: bool,
}

/// All that matters of a database at one moment.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    pub nodes: BTreeMap<String, Node>,
    pub holds: BTreeSet<String>,
    pub standings: BTreeMap<Pair, Standing>,
    /// Those above the number that was asked for.
    pub announcements: Vec<Announcement>,
    pub seq: u64,
    /// The last announcement, and the last that was recorded as gone out.
    pub last_announcement: u64,
    pub announced: u64,
    pub paused: bool,
    /// The oldest time at which an event was received, as it is stored.
    pub oldest_event_ms: Option<u64>,
    /// Requests without an answer.
    pub requests: usize,
}

impl Picture {
    /// As it is now, with the announcements above `after`.
    pub fn of(model: &Model, after: u64) -> Self {
        let news = model.look(|tables| tables.one.last_announcement > after);
        let announcements = match news {
            true => at_once(model.outbox("oracle").pending(Some(after), u32::MAX)).unwrap(),
            false => Vec::new(),
        };
        model.look(|tables| {
            let nodes = tables.nodes.iter().map(|(uuid, node)| {
                let node = Node {
                    pair: node.pair().expect("nodes of a run have one"),
                    out: node.service_state.as_deref() == Some("out_of_service"),
                    maintenance: node.maintenance.unwrap_or_default(),
                };
                (uuid.clone(), node)
            });
            let held = tables.changes.values().filter(|change| change.held);
            let standings = tables.pairs.iter();
            Self {
                nodes: nodes.collect(),
                holds: held.map(|change| change.uuid.clone()).collect(),
                standings: standings
                    .map(|(pair, row)| (pair.clone(), row.standing))
                    .collect(),
                announcements,
                seq: tables.one.seq,
                last_announcement: tables.one.last_announcement,
                announced: tables.one.announced,
                paused: tables.one.pause.is_some(),
                oldest_event_ms: tables
                    .events
                    .values()
                    .map(|event| event.received_at_ms)
                    .min(),
                requests: tables
                    .requests
                    .values()
                    .filter(|one| one.done_at_ms.is_none())
                    .count(),
            }
        })
    }
}

/// What the model answers: it never waits.
pub fn at_once<T>(call: impl Future<Output = T>) -> T {
    call.now_or_never().expect("the model never waits")
}
