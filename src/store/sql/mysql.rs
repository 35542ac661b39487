//! MySQL's and MariaDB's statements over our own tables.
//!
//! An UPDATE returns no rows here, may not read its own table in a subquery, and a `LIMIT` may not
//! stand in one: hence joins, and counters that are read once the fence has locked them. The fence
//! really changes its row, so that a certifying cluster (Galera) sees two writers collide.

use super::Statements;
use super::common::COMMON;

pub const STATEMENTS: Statements = Statements {
    begin: "START TRANSACTION",
    begin_look: "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    create_stream: "INSERT IGNORE INTO nodewarden_state
        (id, stream, epoch, commits, seq, last_announcement, last_decision) VALUES (1, $1, 0, 0, 0, 0, 0)",
    create_relay: "INSERT IGNORE INTO nodewarden_relay (id, announced) VALUES (1, 0)",
    prove: "INSERT INTO nodewarden_proof (id, proofs) VALUES (1, 1) ON DUPLICATE KEY UPDATE proofs = proofs + 1",
    save_conductors: (
        "INSERT INTO nodewarden_conductors (conductor, incarnation, conductor_group, drivers, heartbeat_timeout_ms,
            state, hold_remaining_ms, hold_noted_at_ms, last_sent_at_ms, last_sign_at_ms, since_ms) VALUES ",
        " ON DUPLICATE KEY UPDATE
            incarnation = VALUES(incarnation), conductor_group = VALUES(conductor_group), drivers = VALUES(drivers),
            heartbeat_timeout_ms = VALUES(heartbeat_timeout_ms), state = VALUES(state),
            hold_remaining_ms = VALUES(hold_remaining_ms), hold_noted_at_ms = VALUES(hold_noted_at_ms),
            last_sent_at_ms = VALUES(last_sent_at_ms), last_sign_at_ms = VALUES(last_sign_at_ms),
            since_ms = VALUES(since_ms)",
    ),
    stand: (
        "INSERT INTO nodewarden_pairs (conductor_group, driver, state, since_ms, decision) VALUES ",
        " ON DUPLICATE KEY UPDATE
        since_ms = CASE WHEN state = VALUES(state) THEN since_ms ELSE VALUES(since_ms) END,
        state = VALUES(state), decision = coalesce(VALUES(decision), decision)",
    ),
    complete: "UPDATE nodewarden_decisions d JOIN nodewarden_pairs p ON p.decision = d.number
        SET d.completed_at_ms = $1
        WHERE d.completed_at_ms IS NULL AND p.driver = $3 AND p.conductor_group = $2",
    // Bounded above by where the first of the pair's decisions has enough: else all of the pair's holds
    // were sorted for each window.
    holds_window_of_pair: "SELECT max(held) AS last, count(*) AS seen FROM (SELECT c.held FROM nodewarden_decisions d
        STRAIGHT_JOIN nodewarden_changes c FORCE INDEX (nodewarden_changes_holds) ON c.decision = d.number
        WHERE d.driver = $4 AND d.conductor_group = $3 AND c.held > $1 AND c.held <= coalesce((SELECT min(nth) FROM (
            SELECT (SELECT h.held FROM nodewarden_changes h WHERE h.decision = e.number AND h.held > $1
                ORDER BY h.held LIMIT 1 OFFSET $2) AS nth
            FROM nodewarden_decisions e WHERE e.driver = $4 AND e.conductor_group = $3) AS n), _utf8mb4 x'F48FBFBF')
        ORDER BY c.held LIMIT $2) AS w",
    end_holds: "UPDATE nodewarden_changes h JOIN nodewarden_changes b ON b.ends = h.seq SET h.held = NULL
        WHERE b.seq > $1 AND b.seq <= $2",
    complete_restored: "UPDATE nodewarden_decisions r
        LEFT JOIN (SELECT DISTINCT d.driver, d.conductor_group FROM nodewarden_changes c
            JOIN nodewarden_decisions d ON d.number = c.decision WHERE c.held IS NOT NULL) AS h
            ON h.driver = r.driver AND h.conductor_group = r.conductor_group
        SET r.completed_at_ms = $1
        WHERE r.completed_at_ms IS NULL AND r.verdict = 'restored' AND h.driver IS NULL",
    drop_events: "DELETE FROM nodewarden_events WHERE received_at_ms < $1 ORDER BY received_at_ms LIMIT $2",
    drop_changes: "DELETE FROM nodewarden_changes WHERE held IS NULL AND since_ms < $1 AND seq <= coalesce(
            (SELECT a.last_seq FROM nodewarden_announcements a
            WHERE a.number = (SELECT announced FROM nodewarden_relay WHERE id = 1)), 0)
        AND (lifted IS NULL OR decision NOT IN
            (SELECT p.decision FROM nodewarden_pairs p WHERE p.state = 'lost' AND p.decision IS NOT NULL))
        ORDER BY since_ms LIMIT $2",
    drop_announcements: "DELETE FROM nodewarden_announcements WHERE committed_at_ms < $1
        AND number < (SELECT announced FROM nodewarden_relay WHERE id = 1) ORDER BY committed_at_ms LIMIT $2",
    // A LIMIT may not stand in a subquery of IN, but in a table made from one.
    drop_decisions: "DELETE FROM nodewarden_decisions WHERE number IN (SELECT number FROM (
        SELECT d.number FROM nodewarden_decisions d WHERE d.completed_at_ms < $1
        AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.decision = d.number)
        AND NOT EXISTS (SELECT 1 FROM nodewarden_changes c WHERE c.decision = d.number AND c.held IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM nodewarden_changes m WHERE m.marked = d.number)
        AND NOT EXISTS (SELECT 1 FROM nodewarden_announcements a WHERE a.decision = d.number)
        AND NOT EXISTS (SELECT 1 FROM nodewarden_announcements r WHERE r.released_by = d.number)
        ORDER BY d.completed_at_ms LIMIT $2) AS old)",
    note: "INSERT INTO nodewarden_hearing (id, epoch, unproven_since_ms, unproven_ms, deaf, troubles, noted_at_ms)
        VALUES (1, $1, $2, $3, $4, $5, $6) ON DUPLICATE KEY UPDATE epoch = VALUES(epoch),
        unproven_since_ms = VALUES(unproven_since_ms), unproven_ms = VALUES(unproven_ms), deaf = VALUES(deaf),
        troubles = VALUES(troubles), noted_at_ms = VALUES(noted_at_ms)",
    request_number: "SELECT CAST(last_insert_id() AS SIGNED) AS number",
    drop_requests: "DELETE FROM nodewarden_requests WHERE done_at_ms < $1 ORDER BY number LIMIT $2",
    see_observed: "SELECT verdict, count(*) AS decisions, CAST(coalesce(sum(nodes), 0) AS SIGNED) AS nodes FROM nodewarden_decisions
        WHERE observed AND decided_at_ms > $1 GROUP BY verdict",
    ..COMMON
};
