//! Every statement of the SQLite dialect, in the order in which they are used.
//!
//! Groups are compared in ASCII lower case; SQLite's `lower` does just that. A change of state is
//! one row in `nodewarden_changes` that is hold and outbox entry at once: writing 100,000 nodes as
//! UPDATE plus one INSERT … SELECT takes half the time of a second table of holds.

// --- fence -------------------------------------------------------------------------------------

/// Makes the one row that everything hangs on, once.
pub const FOUND: &str = "INSERT OR IGNORE INTO nodewarden_state
    (id, stream, epoch, commits, seq, last_announcement, last_decision) VALUES (1, ?, 0, 0, 0, 0, 0)";
pub const FOUND_RELAY: &str =
    "INSERT OR IGNORE INTO nodewarden_relay (id, announced) VALUES (1, 0)";
pub const STREAM: &str = "SELECT stream FROM nodewarden_state WHERE id = 1";
/// Every table and column that is used, looked at without reading a row: what is missing is found
/// before the first event is taken.
pub const SCHEMA: &[&str] = &[
    "SELECT uuid, name, driver, conductor_group, maintenance, service_state, service_state_since_ms
        FROM nodes LIMIT 0",
    "SELECT stream, epoch, commits, seq, last_announcement, last_decision, holder, taken_at_ms, committed_at_ms
        FROM nodewarden_state LIMIT 0",
    "SELECT announced, announced_at_ms FROM nodewarden_relay LIMIT 0",
    "SELECT number, conductor, message_id, digest, type, outcome, received_at_ms FROM nodewarden_events LIMIT 0",
    "SELECT conductor, incarnation, conductor_group, drivers, heartbeat_timeout_ms, state, hold_remaining_ms,
        hold_noted_at_ms, last_sent_at_ms, last_sign_at_ms, since_ms FROM nodewarden_conductors LIMIT 0",
    "SELECT conductor_group, driver, state, since_ms, decision FROM nodewarden_pairs LIMIT 0",
    "SELECT number, decision_id, conductor_group, driver, verdict, cause, cause_event_id, cause_event,
        cause_conductor, last_good_at_ms, epoch, decided_at_ms, completed_at_ms, nodes
        FROM nodewarden_decisions LIMIT 0",
    "SELECT seq, uuid, name, held, decision, since_ms, back, ends FROM nodewarden_changes LIMIT 0",
    "SELECT number, type, decision, reason, released_by, first_seq, last_seq, epoch, decided_at_ms,
        committed_at_ms, format FROM nodewarden_announcements LIMIT 0",
    "SELECT number, kind, argument, requested_at_ms, done_at_ms, result FROM nodewarden_requests LIMIT 0",
];
/// A real change of the row that moves no epoch: proves that writing works.
pub const PROVE: &str = "UPDATE nodewarden_state SET commits = commits + 1 WHERE id = 1";
pub const TAKE_EPOCH: &str = "UPDATE nodewarden_state
    SET epoch = epoch + 1, commits = commits + 1, holder = ?, taken_at_ms = ?, committed_at_ms = ?
    WHERE id = 1 RETURNING stream, epoch";
/// First statement of every writing transaction: no row, no right to write.
pub const FENCE: &str = "UPDATE nodewarden_state SET commits = commits + 1, committed_at_ms = ?
    WHERE id = 1 AND epoch = ? RETURNING epoch, seq, last_announcement, last_decision";
pub const STEP_DOWN: &str = "UPDATE nodewarden_state SET holder = NULL WHERE id = 1";
pub const COUNTERS: &str = "UPDATE nodewarden_state
    SET seq = ?, last_announcement = ?, last_decision = ? WHERE id = 1";
pub const CONDUCTORS: &str = "SELECT conductor, incarnation, conductor_group, drivers, heartbeat_timeout_ms,
    state, hold_remaining_ms, last_sent_at_ms, last_sign_at_ms, since_ms FROM nodewarden_conductors";
pub const STANDINGS: &str = "SELECT conductor_group, driver, state FROM nodewarden_pairs";

// --- intake; each VALUES list is repeated for the rows of a batch -----------------------------------

pub const RECALL: &str = "WITH asked (conductor, message_id) AS (";
pub const RECALLED: &str = ") SELECT e.conductor, e.message_id, e.digest FROM asked a
    JOIN nodewarden_events e ON e.conductor = a.conductor AND e.message_id = a.message_id";
pub const REMEMBER: &str = "INSERT INTO nodewarden_events
    (conductor, message_id, digest, type, outcome, received_at_ms) ";
pub const SAVE_CONDUCTORS: &str = "INSERT INTO nodewarden_conductors (conductor, incarnation, conductor_group,
    drivers, heartbeat_timeout_ms, state, hold_remaining_ms, hold_noted_at_ms, last_sent_at_ms, last_sign_at_ms,
    since_ms) ";
pub const SAVE_CONDUCTORS_OVER: &str = " ON CONFLICT (conductor) DO UPDATE SET
    incarnation = excluded.incarnation, conductor_group = excluded.conductor_group, drivers = excluded.drivers,
    heartbeat_timeout_ms = excluded.heartbeat_timeout_ms, state = excluded.state,
    hold_remaining_ms = excluded.hold_remaining_ms, hold_noted_at_ms = excluded.hold_noted_at_ms,
    last_sent_at_ms = excluded.last_sent_at_ms, last_sign_at_ms = excluded.last_sign_at_ms, since_ms = excluded.since_ms";
pub const DECIDED: &str =
    "INSERT INTO nodewarden_decisions (number, decision_id, conductor_group, driver, verdict,
    cause, cause_event_id, cause_event, cause_conductor, last_good_at_ms, epoch, decided_at_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// A decision that is overtaken completes at that moment.
pub const OVERTAKEN: &str = "UPDATE nodewarden_decisions SET completed_at_ms = ?
    WHERE driver = ? AND conductor_group = ? AND number < ? AND completed_at_ms IS NULL";
pub const STAND: &str = "INSERT INTO nodewarden_pairs (conductor_group, driver, state, since_ms, decision)
    VALUES (?, ?, ?, ?, ?) ON CONFLICT (driver, conductor_group) DO UPDATE SET
    state = excluded.state, since_ms = excluded.since_ms, decision = coalesce(excluded.decision, decision)";

// --- take out ------------------------------------------------------------------------------------

/// The lost pair's decision; no row: it is not lost, so nothing is to be taken out (I6).
pub const LOST_DECISION: &str = "SELECT d.number, d.decided_at_ms FROM nodewarden_pairs p
    JOIN nodewarden_decisions d ON d.number = p.decision
    WHERE p.driver = ? AND p.conductor_group = ? AND p.state = 'lost'";
/// Keys that are not text (SQLite lets anybody store a blob) sort after all texts and are no keys of
/// ours. The end of a window is read as bytes, because a text need not be UTF-8. The third column
/// counts rows that cannot be handled: a key longer than any message may carry.
pub const PAIR_WINDOW: &str = "SELECT CAST(max(uuid) AS BLOB), count(*),
    count(*) FILTER (WHERE length(CAST(uuid AS BLOB)) > 255)
    FROM (SELECT uuid FROM nodes WHERE driver = ? AND lower(coalesce(conductor_group, '')) = ?
    AND uuid > ? AND uuid < x'' ORDER BY uuid LIMIT ?)";
/// A name longer than any message may carry is left out of the announcement.
pub const HOLD: &str = "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms)
    SELECT ? + row_number() OVER (ORDER BY n.uuid), n.uuid, CASE WHEN length(CAST(n.name AS BLOB)) <= 255 THEN n.name END, n.uuid, ?, ? FROM nodes n
    WHERE n.driver = ? AND lower(coalesce(n.conductor_group, '')) = ? AND n.uuid > ? AND n.uuid <= ?
    AND length(CAST(n.uuid AS BLOB)) <= 255
    AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = n.uuid)";
pub const MARK_OUT: &str =
    "UPDATE nodes SET service_state = 'out_of_service', service_state_since_ms = ?
    WHERE driver = ? AND lower(coalesce(conductor_group, '')) = ? AND uuid > ? AND uuid <= ?
    AND service_state IS NOT 'out_of_service'
    AND length(CAST(uuid AS BLOB)) <= 255";
pub const COUNT_NODES: &str = "UPDATE nodewarden_decisions SET nodes = nodes + ? WHERE number = ?";
pub const COMPLETE: &str = "UPDATE nodewarden_decisions SET completed_at_ms = ?
    WHERE completed_at_ms IS NULL AND number =
    (SELECT decision FROM nodewarden_pairs WHERE driver = ? AND conductor_group = ?)";
pub const ANNOUNCE: &str = "INSERT INTO nodewarden_announcements (number, type, decision, reason, released_by,
    first_seq, last_seq, epoch, decided_at_ms, committed_at_ms, format) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

// --- give back -------------------------------------------------------------------------------------

pub const HOLDS_WINDOW: &str =
    "SELECT CAST(max(held) AS BLOB), count(*) FROM (SELECT held FROM nodewarden_changes
    WHERE held > ? ORDER BY held LIMIT ?)";
pub const HOLDS_WINDOW_OF_PAIR: &str =
    "SELECT CAST(max(held) AS BLOB), count(*) FROM (SELECT c.held FROM nodewarden_changes c
    JOIN nodewarden_decisions d ON d.number = c.decision
    WHERE c.held > ? AND d.driver = ? AND d.conductor_group = ? ORDER BY c.held LIMIT ?)";
/// A hold ends when its node is gone, or when the pair that the node needs now is active.
macro_rules! release {
    ($of:literal) => {
        concat!(
            "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
    SELECT ? + row_number() OVER (ORDER BY decision, back, uuid), uuid, name, NULL, decision, ?, back, seq FROM (
        SELECT c.seq, c.held AS uuid, CASE WHEN n.uuid IS NULL THEN c.name
                WHEN length(CAST(n.name AS BLOB)) <= 255 THEN n.name END AS name, c.decision,
            CASE WHEN n.uuid IS NULL THEN 'node_removed'
                 WHEN n.driver = d.driver AND lower(coalesce(n.conductor_group, '')) = d.conductor_group
                    THEN 'driver_restored'
                 ELSE 'node_changed' END AS back
        FROM nodewarden_changes c
        JOIN nodewarden_decisions d ON d.number = c.decision
        LEFT JOIN nodes n ON n.uuid = c.held
        LEFT JOIN nodewarden_pairs p
            ON p.driver = n.driver AND p.conductor_group = lower(coalesce(n.conductor_group, ''))
        WHERE c.held > ? AND c.held <= ? AND (n.uuid IS NULL OR p.state = 'active')",
            $of,
            ")"
        )
    };
}
pub const RELEASE: &str = release!("");
/// By the pair's decisions, so that the holds of all other pairs are not even looked at.
pub const RELEASE_OF_PAIR: &str = release!(
    " AND c.decision IN (SELECT number FROM nodewarden_decisions WHERE driver = ? AND conductor_group = ?)"
);
pub const END_HOLDS: &str = "UPDATE nodewarden_changes SET held = NULL
    WHERE seq IN (SELECT ends FROM nodewarden_changes WHERE seq > ?)";
pub const MARK_IN: &str = "UPDATE nodes SET service_state = 'in_service', service_state_since_ms = ?
    WHERE uuid IN (SELECT uuid FROM nodewarden_changes WHERE seq > ?) AND service_state IS NOT 'in_service'";
/// A held node that needs another lost pair now: from here on that pair's return releases it.
pub const RELABEL: &str = "UPDATE nodewarden_changes SET decision = moved.decision FROM (
        SELECT c.seq, p.decision FROM nodewarden_changes c
        JOIN nodewarden_decisions d ON d.number = c.decision
        JOIN nodes n ON n.uuid = c.held
        JOIN nodewarden_pairs p
            ON p.driver = n.driver AND p.conductor_group = lower(coalesce(n.conductor_group, ''))
        WHERE c.held > ? AND c.held <= ? AND p.state = 'lost'
        AND (d.driver <> p.driver OR d.conductor_group <> p.conductor_group)) AS moved
    WHERE nodewarden_changes.seq = moved.seq";
/// `service_state` is ours alone: what somebody changed by hand is marked again.
pub const MARK_AGAIN: &str =
    "UPDATE nodes SET service_state = 'out_of_service', service_state_since_ms = ?
    WHERE service_state IS NOT 'out_of_service'
    AND uuid IN (SELECT held FROM nodewarden_changes WHERE held > ? AND held <= ?)";
/// What of the new changes goes into one message: same hold's decision, same reason.
pub const RELEASED: &str = "SELECT c.decision, c.back, min(c.seq), max(c.seq), p.decision, r.decided_at_ms
    FROM nodewarden_changes c
    JOIN nodewarden_decisions d ON d.number = c.decision
    LEFT JOIN nodewarden_pairs p
        ON c.back = 'driver_restored' AND p.driver = d.driver AND p.conductor_group = d.conductor_group
    LEFT JOIN nodewarden_decisions r ON r.number = p.decision
    WHERE c.seq > ? GROUP BY c.decision, c.back ORDER BY min(c.seq)";

/// Return decisions that nothing waits for any more, however their last node was given back.
pub const COMPLETE_RESTORED: &str = "UPDATE nodewarden_decisions SET completed_at_ms = ?
    WHERE completed_at_ms IS NULL AND verdict = 'restored' AND NOT EXISTS (
        SELECT 1 FROM nodewarden_changes c JOIN nodewarden_decisions d ON d.number = c.decision
        WHERE c.held IS NOT NULL AND d.driver = nodewarden_decisions.driver
        AND d.conductor_group = nodewarden_decisions.conductor_group)";

// --- put right ---------------------------------------------------------------------------------------

pub const ALL_WINDOW: &str = "SELECT CAST(max(uuid) AS BLOB), count(*) FROM (SELECT uuid FROM nodes
    WHERE uuid > ? AND uuid < x'' ORDER BY uuid LIMIT ?)";
/// Marked, not held, and not about to be taken out: somebody else's doing.
pub const PUT_RIGHT: &str = "UPDATE nodes SET service_state = 'in_service', service_state_since_ms = ?
    WHERE uuid > ? AND uuid <= ? AND service_state IS NOT 'in_service'
    AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = nodes.uuid)
    AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.state = 'lost'
        AND p.driver = nodes.driver AND p.conductor_group = lower(coalesce(nodes.conductor_group, '')))";

// --- sweep; each drops a bounded number of rows, oldest first -----------------------------------------

pub const KEEP_REMAINDER: &str =
    "UPDATE nodewarden_conductors SET hold_remaining_ms = ?, hold_noted_at_ms = ?
    WHERE conductor = ? AND state = 'leaving'";
/// A pair that no conductor names, if no node needs it and nothing is held for it.
pub const FORGET_PAIR: &str =
    "DELETE FROM nodewarden_pairs WHERE driver = ? AND conductor_group = ?
    AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.driver = nodewarden_pairs.driver
        AND lower(coalesce(n.conductor_group, '')) = nodewarden_pairs.conductor_group)
    AND NOT EXISTS (SELECT 1 FROM nodewarden_changes c WHERE c.held IS NOT NULL AND c.decision IN (
        SELECT number FROM nodewarden_decisions d WHERE d.driver = nodewarden_pairs.driver
        AND d.conductor_group = nodewarden_pairs.conductor_group))";
pub const DROP_EVENTS: &str = "DELETE FROM nodewarden_events WHERE received_at_ms < ?
    AND number IN (SELECT number FROM nodewarden_events ORDER BY number LIMIT 20000)";
pub const DROP_CHANGES: &str = "DELETE FROM nodewarden_changes WHERE seq IN (
    SELECT c.seq FROM nodewarden_changes c WHERE c.held IS NULL AND c.since_ms < ? AND c.seq <= coalesce(
        (SELECT max(a.last_seq) FROM nodewarden_announcements a, nodewarden_relay r WHERE a.number <= r.announced), 0)
    ORDER BY c.seq LIMIT 20000)";
pub const DROP_ANNOUNCEMENTS: &str =
    "DELETE FROM nodewarden_announcements WHERE committed_at_ms < ?
    AND number <= (SELECT announced FROM nodewarden_relay) - 1
    AND number IN (SELECT number FROM nodewarden_announcements ORDER BY number LIMIT 20000)";
pub const DROP_DECISIONS: &str = "DELETE FROM nodewarden_decisions WHERE completed_at_ms < ?
    AND number IN (SELECT number FROM nodewarden_decisions ORDER BY number LIMIT 5000)
    AND number NOT IN (SELECT decision FROM nodewarden_changes)
    AND number NOT IN (SELECT decision FROM nodewarden_announcements WHERE decision IS NOT NULL)
    AND number NOT IN (SELECT released_by FROM nodewarden_announcements WHERE released_by IS NOT NULL)
    AND number NOT IN (SELECT decision FROM nodewarden_pairs WHERE decision IS NOT NULL)";

// --- operators' requests ---------------------------------------------------------------------------

pub const REQUEST: &str = "INSERT INTO nodewarden_requests (kind, argument, requested_at_ms)
    VALUES (?, ?, ?) RETURNING number";
pub const REQUESTS: &str = "SELECT number, kind, argument FROM nodewarden_requests
    WHERE done_at_ms IS NULL AND kind = 'forget' ORDER BY number LIMIT 100";
pub const ANSWER: &str =
    "UPDATE nodewarden_requests SET done_at_ms = ?, result = ? WHERE number = ?";
pub const FORGET: &str =
    "DELETE FROM nodewarden_conductors WHERE conductor = ? AND state IN ('left', 'timed_out')";
pub const DROP_REQUESTS: &str = "DELETE FROM nodewarden_requests WHERE done_at_ms < ?";

// --- relay -------------------------------------------------------------------------------------------

pub const PENDING: &str = "SELECT a.number, a.type, a.reason, a.first_seq, a.last_seq, a.epoch, a.decided_at_ms,
    d.decision_id, d.conductor_group, d.driver, d.last_good_at_ms, r.decision_id AS released_by,
    CASE WHEN a.type = 'node.out_of_service' THEN d.cause_event_id ELSE r.cause_event_id END AS cause_event_id,
    CASE WHEN a.type = 'node.out_of_service' THEN d.cause_event ELSE r.cause_event END AS cause_event,
    CASE WHEN a.type = 'node.out_of_service' THEN d.cause_conductor ELSE r.cause_conductor END AS cause_conductor,
    (SELECT stream FROM nodewarden_state) AS stream
    FROM nodewarden_announcements a
    LEFT JOIN nodewarden_decisions d ON d.number = a.decision
    LEFT JOIN nodewarden_decisions r ON r.number = a.released_by
    WHERE a.number > coalesce(?, (SELECT announced FROM nodewarden_relay)) ORDER BY a.number LIMIT ?";
pub const ANNOUNCED_NODES: &str =
    "SELECT seq, CAST(uuid AS BLOB), CAST(name AS BLOB) FROM nodewarden_changes
    WHERE seq >= ? AND seq <= ? ORDER BY seq";
/// Never back, and only for the holder of the epoch.
pub const ANNOUNCED: &str =
    "UPDATE nodewarden_relay SET announced = max(announced, ?), announced_at_ms = ?
    WHERE (SELECT epoch FROM nodewarden_state) = ?";

// --- import --------------------------------------------------------------------------------------------

pub const UPSERT_COUNT_KNOWN: &str = "SELECT count(*) FROM nodes WHERE uuid IN (";
/// The columns follow, those that the file has.
pub const UPSERT: &str = "INSERT INTO nodes ";

// --- looking ---------------------------------------------------------------------------------------------

pub const POSITION: &str =
    "SELECT stream, epoch, commits, seq, last_announcement, holder, taken_at_ms,
    committed_at_ms FROM nodewarden_state WHERE id = 1";
pub const OUTBOX: &str = "SELECT r.announced, r.announced_at_ms,
    (SELECT min(committed_at_ms) FROM nodewarden_announcements WHERE number > r.announced) AS oldest_ms
    FROM nodewarden_relay r";
pub const SNAPSHOT: &str =
    "SELECT CAST(c.held AS BLOB) AS uuid, CAST(c.name AS BLOB) AS name, d.conductor_group, d.driver, d.verdict, d.decision_id,
    c.since_ms FROM nodewarden_changes c JOIN nodewarden_decisions d ON d.number = c.decision
    WHERE c.held > ? ORDER BY c.held LIMIT ?";
pub const SEE_CONDUCTORS: &str = "SELECT conductor, incarnation, conductor_group, drivers, state, since_ms,
    heartbeat_timeout_ms, hold_remaining_ms, hold_noted_at_ms, last_sign_at_ms FROM nodewarden_conductors ORDER BY conductor";
pub const SEE_PAIRS: &str =
    "SELECT conductor_group, driver, state, since_ms, decision FROM nodewarden_pairs";
pub const COUNT_PAIRS: &str =
    "SELECT lower(coalesce(n.conductor_group, '')) AS conductor_group, n.driver,
    count(*) AS nodes, count(c.seq) AS held
    FROM nodes n LEFT JOIN nodewarden_changes c ON c.held = n.uuid
    WHERE n.driver IS NOT NULL GROUP BY 1, 2";
pub const COUNT_NODES_ALL: &str = "SELECT (SELECT count(*) FROM nodes),
    (SELECT count(*) FROM nodewarden_changes WHERE held IS NOT NULL)";
pub const SEE_NODE: &str =
    "SELECT uuid, name, lower(coalesce(conductor_group, '')) AS conductor_group, driver,
    maintenance, service_state, service_state_since_ms FROM nodes WHERE uuid = ?";
pub const SEE_NODE_BY_NAME: &str = "SELECT uuid, name, lower(coalesce(conductor_group, '')) AS conductor_group, driver,
    maintenance, service_state, service_state_since_ms FROM nodes WHERE name = ? ORDER BY uuid LIMIT 2";
pub const SEE_HOLD: &str =
    "SELECT c.seq, c.since_ms, c.decision FROM nodewarden_changes c WHERE c.held = ?";
pub const SEE_LAST_CHANGE: &str =
    "SELECT c.seq, c.since_ms, c.back, c.decision FROM nodewarden_changes c
    WHERE c.uuid = ? ORDER BY c.seq DESC LIMIT 1";
pub const SEE_DECISION: &str =
    "SELECT number, decision_id, conductor_group, driver, verdict, cause, cause_event_id,
    cause_event, cause_conductor, last_good_at_ms, epoch, decided_at_ms, completed_at_ms, nodes
    FROM nodewarden_decisions WHERE number = ?";
pub const SEE_DECISIONS: &str =
    "SELECT number, decision_id, conductor_group, driver, verdict, cause, cause_event_id,
    cause_event, cause_conductor, last_good_at_ms, epoch, decided_at_ms, completed_at_ms, nodes
    FROM nodewarden_decisions ORDER BY number DESC LIMIT ?";
pub const SEE_REQUEST: &str = "SELECT done_at_ms, result FROM nodewarden_requests WHERE number = ?";
