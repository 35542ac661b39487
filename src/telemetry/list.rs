//! Every metric. To add one, add it here; `deploy/REFERENCE.md` lists it for operators.

use super::metric::{FromStart, Kind, Metric};
use crate::domain::change::{PairState, Verdict};
use crate::wire::Reason;
use crate::words::Word;

/// The label of the sum of all that have no series of their own; the parentheses keep it apart from
/// what people call their groups.
pub const OTHER: &str = "(other)";

/// Seconds; from one SQLite commit on a fast disk to the interval at which subscribers look again.
pub(super) const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];

fn each<W: Word>() -> Vec<&'static str> {
    W::ALL.iter().map(|word| word.as_str()).collect()
}

/// Declares the metrics, and lists them.
macro_rules! list {
    ($($kind:ident $const:ident = $name:literal, $help:literal $(, from 0 $(by $label:literal in $values:expr)?)?;)*) => {
        $(
            #[doc = $help]
            pub const $const: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                help: $help,
                from_start: list!(@start $(from 0 $(by $label in $values)?)?),
            };
        )*
        /// Every metric.
        pub const METRICS: &[Metric] = &[$($const),*];
    };
    (@start) => { None };
    (@start from 0) => { Some(FromStart::Plain) };
    (@start from 0 by $label:literal in $values:expr) => { Some(FromStart::Each($label, $values)) };
}

list! {
    // --- what this replica does -----------------------------------------------------------------
    // No value from the start: with a series of 0 a bridge would be a fleet in which no replica decides.
    Gauge ROLE = "nodewarden_role",
        "1 for what this replica does (active, standby or starting), 0 for the others",
        from 0 by "role" in Vec::new;
    Gauge READY = "nodewarden_ready", "1 while /readyz answers 200";
    Gauge EPOCH = "nodewarden_epoch",
        "The fencing number that this replica holds; 0 while it does not decide";
    Gauge LAST_TICK_AGE = "nodewarden_last_tick_age_seconds",
        "While active: seconds since this replica last heard its own tick fresh (+Inf: not yet); 0 otherwise";
    Gauge SILENCE_UNPROVEN = "nodewarden_silence_unproven_seconds",
        "While active: for how many seconds silence proves nothing yet; 0: it counts", from 0;
    Gauge PENDING_PAIRS = "nodewarden_pending_pairs",
        "Pairs whose nodes this replica still has to look at";
    Counter DEAF = "nodewarden_deaf_seconds_total",
        "Seconds for which this replica was active and heard nothing; the grace that follows is not part of them", from 0;
    Counter FENCED = "nodewarden_fenced_total",
        "Times that this replica found the epoch taken by another one and stopped deciding", from 0;
    Counter SESSIONS_ENDED = "nodewarden_sessions_ended_total",
        "Sessions with the broker that ended, by reason",
        from 0 by "reason" in || vec!["fenced", "lost", "foreign_stream", "broker", "database", "relay", "opening", "wedged"];
    Counter LOST_COMMITS = "nodewarden_lost_commits_total",
        "Commits that the database had lost when this replica took over, so that a new stream began", from 0;
    Counter RETRIES = "nodewarden_retries_total",
        "Failed attempts that are repeated after a pause, by what was tried",
        from 0 by "what" in || vec!["database", "relay"];

    // --- events and decisions -------------------------------------------------------------------
    Counter EVENTS = "nodewarden_events_total",
        "Events handled, by type and outcome";
    Counter REFUSED = "nodewarden_refused_total",
        "Messages that were refused, by reason, counted once the dead-letter queue has them; receipts of too many \
         subscribers, beyond the first in ten minutes, are counted and not kept",
        from 0 by "reason" in each::<Reason>;
    Counter DECISIONS = "nodewarden_decisions_total", "Decisions about pairs, by verdict",
        from 0 by "verdict" in each::<Verdict>;
    Counter PROBES_ODD = "nodewarden_odd_probes_total",
        "Probes that prove nothing, by what they are: returned to us, foreign (of another session), unknown to us, or unreadable",
        from 0 by "what" in || vec!["returned", "foreign", "unknown", "unreadable"];
    Counter UNSTORED = "nodewarden_unstored_total",
        "Times that the database would not take something for good, which is left as it is and tried again later, by kind",
        from 0 by "kind" in || vec!["silence", "observed", "unknown", "pause", "request"];
    Histogram INTAKE = "nodewarden_intake_seconds",
        "Time from taking a batch of events in hand to its commit", from 0;

    // --- nodes ----------------------------------------------------------------------------------
    Gauge NODES_OUT_OF_SERVICE = "nodewarden_nodes_out_of_service",
        "Nodes that are out of service because of nodewarden (NaN: not counted yet)";
    Gauge NODES_COUNTED_AGE = "nodewarden_nodes_counted_age_seconds",
        "How long ago the nodes of each pair were counted (+Inf: not yet)";
    Counter NODES_MOVED = "nodewarden_nodes_moved_total",
        "Nodes that a replica took out of service and gave back, by direction (out, back); `release` is not counted",
        from 0 by "direction" in || vec!["out", "back"];
    Counter NODES_SKIPPED = "nodewarden_nodes_skipped_total",
        "Nodes left alone because their row cannot be handled, counted by each walk that meets them", from 0;
    Histogram CHUNK = "nodewarden_chunk_seconds",
        "Time for one window of nodes: lock, mark, record, commit", from 0;
    Counter SWEEPS = "nodewarden_sweeps_total", "Sweeps over all nodes that were begun", from 0;

    // --- pairs ----------------------------------------------------------------------------------
    Gauge PAIRS = "nodewarden_pairs",
        "Pairs of conductor group and driver in each state (active, holding, lost, unknown); nearly_lost: active through one conductor alone",
        from 0 by "state" in || [each::<PairState>(), vec!["nearly_lost"]].concat();
    Gauge PAIR_ACTIVE_CONDUCTORS = "nodewarden_pair_active_conductors",
        "Conductors that make this conductor group and driver active; 0: it is lost, or never had one";
    Gauge PAIR_NODES = "nodewarden_pair_nodes", "Nodes that need this conductor group and driver";
    Gauge PAIR_LOST = "nodewarden_pair_lost",
        "1 while this conductor group and driver is lost; 0 while it is active, or never had a conductor; \
         (other): how many are lost that nodes need";
    Gauge NEARLY_LOST_NODES = "nodewarden_nearly_lost_nodes",
        "Nodes that one conductor alone keeps in service";
    Gauge DATABASE_STALE = "nodewarden_database_gauges_stale",
        "1 while the gauges that come from the database could not be refreshed and show older values", from 0;

    // --- announcements --------------------------------------------------------------------------
    Gauge OUTBOX_OLDEST = "nodewarden_outbox_oldest_seconds",
        "Age of the oldest announcement that the broker has not confirmed; 0: none waits", from 0;
    Counter ANNOUNCED = "nodewarden_announced_messages_total",
        "Messages that were handed to the broker and confirmed", from 0;
    Counter UNROUTABLE = "nodewarden_unroutable_messages_total",
        "Announcements for which no queue was bound", from 0;
    Counter NACKED = "nodewarden_nacked_messages_total",
        "Announcements that the broker rejected", from 0;
    Counter PASSED_BY = "nodewarden_passed_by_messages_total",
        "Announcements that the relay gave up because fresh channels and connections were refused too", from 0;

    Histogram CONFIRMED = "nodewarden_decision_to_confirmed_seconds",
        "Time from a decision, or from finding nodes later, to the broker's confirm of what it announces", from 0;
    Histogram APPLIED = "nodewarden_decision_to_applied_seconds",
        "Time from there to a subscriber's receipt", from 0;
    Counter RECEIPTS = "nodewarden_receipts_total", "Receipts of subscribers that were stored", from 0;
    Gauge SUBSCRIBER_BEHIND = "nodewarden_subscriber_behind_changes",
        "Changes that a subscriber has not said to have applied";
    Gauge SUBSCRIBER_LAG = "nodewarden_subscriber_lag_seconds",
        "For how long the first of them has waited; 0: none does";

    // --- operators ------------------------------------------------------------------------------
    Gauge PAUSED = "nodewarden_paused",
        "1 while an operator keeps nodes from being taken out", from 0;
    Gauge PAUSED_FOR = "nodewarden_paused_seconds",
        "How long an operator has kept nodes from being taken out so far; 0: there is no pause", from 0;
    Gauge OBSERVING = "nodewarden_observing",
        "1 while decisions are only recorded (decide.mode = observe)", from 0;
    Gauge OBSERVED_NODES = "nodewarden_observed_nodes",
        "While decisions are only recorded: nodes in service that would be out if they were carried out", from 0;

    // --- the bridge; its series begin with its first scrape ---------------------------------------
    Gauge BRIDGE_LOOK_AGE = "nodewarden_bridge_last_good_look_age_seconds",
        "Bridge: seconds since the last good look at Ironic's tables (+Inf: none yet)";
    Gauge BRIDGE_CONDUCTORS = "nodewarden_bridge_conductors",
        "Bridge: conductors in each state (alive, starting, late, gone, unknown)";
    Gauge BRIDGE_WAITING_EVENTS = "nodewarden_bridge_waiting_events",
        "Bridge: events that the broker has not confirmed";
    Gauge BRIDGE_STRETCHED = "nodewarden_bridge_stretched_conductors",
        "Bridge: conductors that write so seldom that they are given more than bridge.heartbeat_timeout";
    Counter BRIDGE_LOOKS = "nodewarden_bridge_looks_total",
        "Bridge: looks at Ironic's tables, by outcome (good, failed, slow)";
    Counter BRIDGE_PUBLISHED = "nodewarden_bridge_published_total",
        "Bridge: events that the broker confirmed, by type";

    // --- placement; its series begin with its first scrape --------------------------------------
    Gauge PLACEMENT_NODES = "nodewarden_placement_nodes",
        "Placement: nodes out of service (wanted), nodes to look at (waiting), and nodes out of service that Placement does not know (unknown)";
    Gauge PLACEMENT_COMPARED_AGE = "nodewarden_placement_compared_age_seconds",
        "Placement: seconds since all members were last compared with what is out of service (+Inf: never yet)";
    Gauge PLACEMENT_SWITCHED = "nodewarden_placement_switched_pairs",
        "Placement: pairs whose aggregate is switched, so that Nova offers none of their nodes";
    Counter PLACEMENT_LOOKS = "nodewarden_placement_looks_total",
        "Placement: nodes looked at, by direction (out, back) and outcome (as_wished, written, unknown, failed)";
}
