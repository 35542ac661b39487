//! The names and help texts of all metrics: they are written here and nowhere else.

/// The label of the sum of all pairs above [`PAIR_SERIES`](super::PAIR_SERIES); the parentheses keep it apart from
/// what people call their groups.
pub(super) const OTHER: &str = "(other)";

pub(super) const ROLE: &str = "nodewarden_role";
pub(super) const EPOCH: &str = "nodewarden_epoch";
pub(super) const PAIR_ACTIVE_CONDUCTORS: &str = "nodewarden_pair_active_conductors";
pub(super) const PAIR_NODES: &str = "nodewarden_pair_nodes";
pub(super) const PAIR_LOST: &str = "nodewarden_pair_lost";
pub(super) const PAIRS: &str = "nodewarden_pairs";
pub(super) const NEARLY_LOST_NODES: &str = "nodewarden_nearly_lost_nodes";
pub(super) const NODES_OUT_OF_SERVICE: &str = "nodewarden_nodes_out_of_service";
pub(super) const OUTBOX_OLDEST_SECONDS: &str = "nodewarden_outbox_oldest_seconds";
pub(super) const REFUSED_TOTAL: &str = "nodewarden_refused_total";
pub(super) const EVENTS_TOTAL: &str = "nodewarden_events_total";
pub(super) const DEAF_SECONDS_TOTAL: &str = "nodewarden_deaf_seconds_total";
pub(super) const LAST_TICK_AGE_SECONDS: &str = "nodewarden_last_tick_age_seconds";
pub(super) const FENCED_TOTAL: &str = "nodewarden_fenced_total";
pub(super) const PAUSED: &str = "nodewarden_paused";
pub(super) const PAUSED_SECONDS: &str = "nodewarden_paused_seconds";
pub(super) const OBSERVING: &str = "nodewarden_observing";
pub(super) const OBSERVED_NODES: &str = "nodewarden_observed_nodes";
pub(super) const READY: &str = "nodewarden_ready";
pub(super) const PENDING_PAIRS: &str = "nodewarden_pending_pairs";
pub(super) const DECISIONS_TOTAL: &str = "nodewarden_decisions_total";
pub(super) const NODES_MOVED_TOTAL: &str = "nodewarden_nodes_moved_total";
pub(super) const NODES_SKIPPED_TOTAL: &str = "nodewarden_nodes_skipped_total";
pub(super) const ANNOUNCED_TOTAL: &str = "nodewarden_announced_messages_total";
pub(super) const UNROUTABLE_TOTAL: &str = "nodewarden_unroutable_messages_total";
pub(super) const NACKED_TOTAL: &str = "nodewarden_nacked_messages_total";
pub(super) const SESSIONS_ENDED_TOTAL: &str = "nodewarden_sessions_ended_total";
pub(super) const RETRIES_TOTAL: &str = "nodewarden_retries_total";
pub(super) const SWEEPS_TOTAL: &str = "nodewarden_sweeps_total";
pub(super) const INTAKE_SECONDS: &str = "nodewarden_intake_seconds";
pub(super) const CHUNK_SECONDS: &str = "nodewarden_chunk_seconds";
pub(super) const SCRAPE_STALE: &str = "nodewarden_database_gauges_stale";
pub(super) const BRIDGE_LOOK_AGE_SECONDS: &str = "nodewarden_bridge_last_good_look_age_seconds";
pub(super) const BRIDGE_LOOKS_TOTAL: &str = "nodewarden_bridge_looks_total";
pub(super) const BRIDGE_PUBLISHED_TOTAL: &str = "nodewarden_bridge_published_total";
pub(super) const BRIDGE_CONDUCTORS: &str = "nodewarden_bridge_conductors";
pub(super) const BRIDGE_WAITING_EVENTS: &str = "nodewarden_bridge_waiting_events";

/// Every gauge, with its help text.
pub(super) const GAUGES: &[(&str, &str)] = &[
    (
        ROLE,
        "1 for what this replica does (active, standby or starting), 0 for the others",
    ),
    (
        EPOCH,
        "The fencing number that this replica holds; 0 while it does not decide",
    ),
    (
        PAIR_ACTIVE_CONDUCTORS,
        "Conductors that make this conductor group and driver active; 0: it is lost, or never had one",
    ),
    (
        PAIRS,
        "Pairs of conductor group and driver in each state (active, holding, lost, unknown); nearly_lost: those of the active that one conductor alone keeps so",
    ),
    (
        PAIR_NODES,
        "Nodes that need this conductor group and driver",
    ),
    (
        PAIR_LOST,
        "1 while this conductor group and driver is lost; 0 while it is active, or never had a conductor",
    ),
    (
        NEARLY_LOST_NODES,
        "Nodes that one conductor alone keeps in service",
    ),
    (
        NODES_OUT_OF_SERVICE,
        "Nodes that are out of service because of nodewarden",
    ),
    (
        OUTBOX_OLDEST_SECONDS,
        "Age of the oldest announcement that the broker has not confirmed; 0: none waits",
    ),
    (
        LAST_TICK_AGE_SECONDS,
        "While active: seconds since this replica last heard its own tick fresh (+Inf: not yet); 0 otherwise",
    ),
    (
        PAUSED,
        "1 while an operator keeps nodes from being taken out",
    ),
    (
        PAUSED_SECONDS,
        "How long an operator has kept nodes from being taken out so far; 0: there is no pause",
    ),
    (
        OBSERVED_NODES,
        "While decisions are only recorded: nodes in service that would be out if they were carried out",
    ),
    (
        OBSERVING,
        "1 while decisions are only recorded (decide.mode = observe)",
    ),
    (READY, "1 while /readyz answers 200"),
    (
        PENDING_PAIRS,
        "Pairs whose nodes this replica has still to look at",
    ),
    (
        SCRAPE_STALE,
        "1 while the gauges that come from the database could not be refreshed and show older values",
    ),
    (
        BRIDGE_LOOK_AGE_SECONDS,
        "Bridge: seconds since the last good look at Ironic's tables (+Inf: none yet)",
    ),
    (
        BRIDGE_CONDUCTORS,
        "Bridge: conductors as they are seen (alive, starting, late, gone, unknown)",
    ),
    (
        BRIDGE_WAITING_EVENTS,
        "Bridge: events that the broker has not confirmed",
    ),
];

/// Every counter, with its help text.
pub(super) const COUNTERS: &[(&str, &str)] = &[
    (
        REFUSED_TOTAL,
        "Messages that were put into the dead-letter queue, by reason",
    ),
    (
        EVENTS_TOTAL,
        "Events that were handled, by type and by what became of them",
    ),
    (
        DEAF_SECONDS_TOTAL,
        "Seconds in which this replica was active and could not judge silence",
    ),
    (
        FENCED_TOTAL,
        "Times that this replica found another one in its place and stopped deciding",
    ),
    (DECISIONS_TOTAL, "Decisions about pairs, by verdict"),
    (
        NODES_MOVED_TOTAL,
        "Nodes taken out of service and given back, by direction (out, back)",
    ),
    (
        NODES_SKIPPED_TOTAL,
        "Nodes left alone because their row cannot be handled, at each look",
    ),
    (
        ANNOUNCED_TOTAL,
        "Messages that were handed to the broker and confirmed",
    ),
    (
        UNROUTABLE_TOTAL,
        "Announcements that no queue was bound for",
    ),
    (NACKED_TOTAL, "Announcements that the broker did not take"),
    (
        SESSIONS_ENDED_TOTAL,
        "Sessions with the broker that ended, by reason",
    ),
    (
        RETRIES_TOTAL,
        "Attempts that failed and are made again after a pause, by what was tried",
    ),
    (SWEEPS_TOTAL, "Sweeps over all nodes that were begun"),
    (
        BRIDGE_LOOKS_TOTAL,
        "Bridge: looks at Ironic's tables, by outcome (good, failed, slow)",
    ),
    (
        BRIDGE_PUBLISHED_TOTAL,
        "Bridge: events that the broker confirmed, by type",
    ),
];

/// Every histogram, with its help text.
pub(super) const HISTOGRAMS: &[(&str, &str)] = &[
    (
        INTAKE_SECONDS,
        "Time from taking a batch of events in hand to its commit",
    ),
    (
        CHUNK_SECONDS,
        "Time for one chunk of nodes: lock, mark, record, commit",
    ),
];

/// Seconds; from one SQLite commit on a fast disk to the watchdog's limit.
pub(super) const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0,
];

/// Why a session can end.
pub(super) const SESSION_ENDS: &[&str] = &[
    "fenced",
    "foreign_stream",
    "broker",
    "database",
    "relay",
    "opening",
];

/// What is tried again.
pub(super) const RETRIED: &[&str] = &["database", "relay"];

pub(super) const EVENT_TYPES: &[&str] = &[
    "conductor.joined",
    "conductor.heartbeat",
    "conductor.left",
    "conductor.heartbeat_timeout",
    "nodewarden.tick",
];
