//! What a look may see, as plain data. Each answer is one consistent read. What is `Serialize` is so in the
//! outside contract, field by field and in this order.

use std::collections::HashMap;

use serde::Serialize;

use crate::config::Mode;
use crate::domain::announcement::{BackReason, OutReason};
use crate::domain::change::{CauseWord, PairState, Verdict};
use crate::domain::conductor::ConductorState;
use crate::domain::event::EventType;
use crate::store::records::{Began, HearingNote, RequestKind};
use crate::store::write::pause::Pause;
use crate::words::{Word, words};

/// Where the database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The UUID of its history.
    pub stream: String,
    /// How that began, if it did because commits were lost.
    pub began: Option<Began>,
    /// The epoch that may write.
    pub epoch: u64,
    /// The last committed `seq`.
    pub seq: u64,
    /// The replica that took the epoch, as it named itself; `None`: none did yet, or it stopped by itself.
    pub holder: Option<String>,
    /// When it did, ms since 1970 UTC.
    pub taken_at_ms: Option<u64>,
    /// When it last committed.
    pub committed_at_ms: Option<u64>,
    /// What it does with its decisions.
    pub mode: Option<Mode>,
    /// The pause, if there is one.
    pub pause: Option<Pause>,
    /// What the holder says of its hearing; `None`: nothing yet, or there is no holder.
    pub hearing: Option<HearingNote>,
    /// The last announcement made.
    pub last_announcement: u64,
    /// The last announcement that the broker confirmed.
    pub announced: u64,
    /// When the oldest announcement that waits was committed.
    pub outbox_oldest_ms: Option<u64>,
    /// When nodes were last counted, ms since 1970 UTC; `None`: never yet, and the next two are 0.
    pub counted_at_ms: Option<u64>,
    /// All nodes, as of then.
    pub nodes: u64,
    /// Those that are out of service because of us, as of now.
    pub nodes_out_of_service: u64,
}

/// How far a subscriber is, by its newest receipt. Times are ms since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriberView {
    /// Its name.
    pub subscriber: String,
    /// The history that it follows.
    pub stream: String,
    /// It has carried out every change of that up to this one.
    pub seq: u64,
    /// When it had, by its own clock.
    pub applied_at_ms: u64,
    /// When it last said so.
    pub heard_at_ms: u64,
    /// Changes that it has not carried out; all, if it follows another history.
    pub behind: u64,
    /// Since when the first of them waits; `None`: none does.
    pub waiting_since_ms: Option<u64>,
}

/// What was decided since some time while decisions were only observed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observed {
    /// Decisions that would have taken nodes out.
    pub losses: u64,
    /// How many nodes, at the time of each.
    pub nodes_out: u64,
    /// Decisions that would have given nodes back.
    pub returns: u64,
    /// How many nodes, at the time of each.
    pub nodes_back: u64,
}

/// The conductors that support a pair and do not count, found by the pair: to pass over all conductors
/// for each pair would cost both numbers multiplied.
pub struct Gone<'a>(HashMap<&'a str, HashMap<&'a str, Vec<&'a ConductorView>>>);

impl<'a> Gone<'a> {
    /// Those among `all`.
    #[must_use]
    pub fn among(all: &'a [ConductorView]) -> Self {
        let mut groups: HashMap<&str, HashMap<&str, Vec<&ConductorView>>> = HashMap::new();
        let counts = |one: &&ConductorView| one.state.counts_as_active();
        for gone in all.iter().filter(|one| !counts(one)) {
            let of_group = groups.entry(&gone.conductor_group).or_default();
            for driver in &gone.drivers {
                of_group.entry(driver).or_default().push(gone);
            }
        }
        for gone in groups.values_mut().flat_map(HashMap::values_mut) {
            gone.sort_by_key(|one| std::cmp::Reverse(one.last_sign_at_ms));
        }
        Self(groups)
    }

    /// Those of the pair, newest sign of life first.
    #[must_use]
    pub fn of(&self, view: &DriverView) -> &[&'a ConductorView] {
        let of_group = self.0.get(view.conductor_group.as_str());
        let gone = of_group.and_then(|drivers| drivers.get(view.driver.as_str()));
        gone.map_or(&[], Vec::as_slice)
    }
}

impl DriverView {
    /// How many of its nodes are in service and would be out, did nothing keep them in.
    #[must_use]
    pub fn would_go_out(&self) -> u64 {
        match (self.state, &self.decision) {
            (PairState::Lost, _) | (PairState::Unknown, Some(_)) => self.nodes_in_service,
            (PairState::Active | PairState::Holding, _) | (PairState::Unknown, None) => 0,
        }
    }
}

impl Overview {
    /// Whether decisions are only recorded.
    #[must_use]
    pub fn observing(&self) -> bool {
        self.mode == Some(Mode::Observe)
    }
}

/// Messages that named a conductor and were refused. Times are ms since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedView {
    /// Why the last one was.
    pub why: String,
    /// How many.
    pub count: u64,
    /// When the first came.
    pub since_ms: u64,
    /// When the last came.
    pub last_ms: u64,
}

/// Signs of life of an incarnation that is over. Times are ms since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IgnoredView {
    /// That of the last one.
    pub incarnation: u64,
    /// How many.
    pub count: u64,
    /// When the first came.
    pub since_ms: u64,
    /// When the last came.
    pub last_ms: u64,
}

/// One node that is out of service because of us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldView {
    /// The node.
    pub uuid: String,
    /// Its name when it was taken out.
    pub name: Option<String>,
    /// The group that it is held for.
    pub conductor_group: String,
    /// The driver that it is held for.
    pub driver: String,
    /// Why it went out.
    pub reason: OutReason,
    /// The decision.
    pub decision_id: String,
    /// Since when, ms since 1970 UTC.
    pub since_ms: u64,
}

/// A page of all that is out of service as of `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SnapshotPage {
    /// The UUID of the history.
    pub stream: String,
    /// The epoch that may write.
    pub epoch: u64,
    /// As of which change.
    pub seq: u64,
    /// In order of uuid.
    pub nodes: Vec<HoldView>,
    /// The `after` of the next page; `None`: this is the last.
    pub next: Option<String>,
}

/// A node in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLine {
    /// Its key.
    pub uuid: String,
    /// Its name.
    pub name: Option<String>,
    /// Its group, in ASCII lower case; of one that is out, that of its hold.
    pub conductor_group: String,
    /// Its driver, likewise.
    pub driver: Option<String>,
    /// The operators' own mark; `None`: not looked at.
    pub maintenance: Option<bool>,
    /// Since when it is in or out of service, where that is recorded, ms since 1970 UTC.
    pub since_ms: Option<u64>,
    /// Why it is out because of us.
    pub hold: Option<HoldReason>,
}

impl NodeLine {
    /// Whether it is out because of us.
    #[must_use]
    pub fn service_state(&self) -> ServiceState {
        match self.hold {
            Some(_) => ServiceState::OutOfService,
            None => ServiceState::InService,
        }
    }
}

/// Why a node is out because of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldReason {
    /// Why it went out.
    pub reason: OutReason,
    /// The decision.
    pub decision_id: String,
    /// What tipped that.
    pub cause: CauseWord,
    /// The type of the event.
    pub cause_event: Option<EventType>,
    /// The conductor.
    pub cause_conductor: Option<String>,
}

/// A conductor as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConductorView {
    /// Who.
    pub conductor: String,
    /// Which start of it.
    pub incarnation: u64,
    /// Its group.
    pub conductor_group: String,
    /// Its drivers.
    pub drivers: Vec<String>,
    /// Where its life stands.
    pub state: ConductorState,
    /// Since when, ms since 1970 UTC.
    pub since_ms: u64,
    /// `leaving`: when its planned restart ends, as of the last write.
    pub until_ms: Option<u64>,
    /// When it was last heard.
    pub last_sign_at_ms: u64,
    /// It is lost after that long without a heartbeat.
    pub heartbeat_timeout_ms: Option<u64>,
    /// Refused messages that named it since its last sign that counted.
    pub refused: Option<RefusedView>,
    /// Signs of an incarnation of it that is over.
    pub ignored: Option<IgnoredView>,
    /// The latest `sent_at_ms` of this incarnation, on its own clock.
    #[serde(skip)]
    pub last_sent_at_ms: Option<u64>,
}

/// A decision as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionView {
    /// Its place among the decisions.
    pub number: u64,
    /// Its UUID.
    pub decision_id: String,
    /// About which group.
    pub conductor_group: String,
    /// About which driver.
    pub driver: String,
    /// What it says.
    pub verdict: Verdict,
    /// What tipped it.
    pub cause: CauseWord,
    /// The `message_id` of the event.
    pub cause_event_id: Option<String>,
    /// Its type.
    pub cause_event: Option<EventType>,
    /// The conductor.
    pub cause_conductor: Option<String>,
    /// The pair's last real sign of life.
    pub last_good_at_ms: Option<u64>,
    /// The epoch that decided.
    pub epoch: u64,
    /// When.
    pub decided_at_ms: u64,
    /// When all its nodes were as it wants them, or another decision overtook it.
    pub completed_at_ms: Option<u64>,
    /// How many nodes it moved so far; of an observed one, how many it would have moved.
    pub nodes: u64,
    /// It was only recorded: no node was touched and nothing announced.
    pub observed: bool,
}

/// A pair that a conductor or a node names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverView {
    /// The group.
    pub conductor_group: String,
    /// The driver.
    pub driver: String,
    /// Where it stands.
    pub state: PairState,
    /// Since when it is active or lost, where that is recorded.
    pub since_ms: Option<u64>,
    /// `holding`: when the longest hold ends, as of the last write.
    pub until_ms: Option<u64>,
    /// The last decision about it.
    pub decision: Option<DecisionView>,
    /// The conductors that make it active.
    pub conductors: Vec<String>,
    /// Those of them that count by a planned restart alone.
    pub away: Vec<String>,
    /// When its nodes were counted, ms since 1970 UTC; `None`: they were not, and the next two are 0.
    pub counted_at_ms: Option<u64>,
    /// Its nodes that we do not hold.
    pub nodes_in_service: u64,
    /// Its nodes that we hold, as of now.
    pub nodes_out_of_service: u64,
}

/// A pair's record, as far as it goes for one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFacts {
    /// The pair as everybody sees it, but for its nodes, which are not counted.
    pub view: DriverView,
    /// Conductors that support it and do not count, newest sign of life first.
    pub gone: Vec<ConductorView>,
}

/// All that is known about one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its key.
    pub uuid: String,
    /// Its name.
    pub name: Option<String>,
    /// Its group, in ASCII lower case.
    pub conductor_group: String,
    /// Its driver.
    pub driver: Option<String>,
    /// The operators' own mark.
    pub maintenance: bool,
    /// As in the table, where anybody may write anything; [`mark`](Self::mark) is its word.
    pub service_state: String,
    /// Since when.
    pub since_ms: Option<u64>,
    /// Whether nodewarden may take it: by Ironic's columns, and by the length of its key.
    pub free: bool,
    /// The last decision whose mark somebody lifted from it, by number.
    pub lifted: Option<u64>,
    /// Whether the mark of maintenance in Ironic's table is nodewarden's own.
    pub ours: bool,
    /// The hold on it, with its decision.
    pub hold: Option<(u64, DecisionView)>,
    /// Why and when its last hold ended, if that is still recorded: reason and time.
    pub last_back: Option<(BackReason, u64)>,
    /// The pair that it needs.
    pub pair: Option<PairFacts>,
    /// The pause that keeps nodes in, if there is one.
    pub pause: Option<Pause>,
    /// Whether decisions are only recorded.
    pub observing: bool,
}

words! {
    /// How a node is marked, where the mark is ours.
    ServiceState, "a node's state" {
        /// Schedulers may use it.
        InService = "in_service",
        /// They may not.
        OutOfService = "out_of_service",
    }
}

impl NodeFacts {
    /// How the table marks it; `None`: by no word of ours.
    #[must_use]
    pub fn mark(&self) -> Option<ServiceState> {
        ServiceState::parse(&self.service_state)
    }
}

/// What an operator did or asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionView {
    /// Its place among these.
    pub number: u64,
    /// What.
    pub kind: RequestKind,
    /// Who did it; of a request to forget, the conductor.
    pub argument: String,
    /// Who asked for it, of a request.
    pub asked_by: Option<String>,
    /// When, ms since 1970 UTC.
    pub at_ms: u64,
    /// What came of it, or why.
    pub result: Option<String>,
}

/// What became of an operator's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestView {
    /// The answer; `None`: no deciding replica has seen it yet.
    pub result: Option<String>,
}
