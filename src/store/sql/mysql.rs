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
    save_unheeded: (
        "INSERT INTO nodewarden_unheeded (conductor, refused_why, refused_count, refused_since_ms, refused_last_ms,
            refused_remaining_ms, ignored_incarnation, ignored_count, ignored_since_ms, ignored_last_ms) VALUES ",
        " ON DUPLICATE KEY UPDATE
            refused_why = VALUES(refused_why),
            refused_count = VALUES(refused_count),
            refused_since_ms = VALUES(refused_since_ms),
            refused_last_ms = VALUES(refused_last_ms),
            refused_remaining_ms = VALUES(refused_remaining_ms),
            ignored_incarnation = VALUES(ignored_incarnation),
            ignored_count = VALUES(ignored_count),
            ignored_since_ms = VALUES(ignored_since_ms),
            ignored_last_ms = VALUES(ignored_last_ms)",
    ),
    save_receipts: (
        "INSERT INTO nodewarden_receipts (subscriber, stream, seq, applied_at_ms, heard_at_ms) VALUES ",
        " ON DUPLICATE KEY UPDATE stream = VALUES(stream), seq = VALUES(seq),
            applied_at_ms = VALUES(applied_at_ms), heard_at_ms = VALUES(heard_at_ms)",
    ),
    stand: (
        "INSERT INTO nodewarden_pairs (conductor_group, driver, state, since_ms, decision) VALUES ",
        " ON DUPLICATE KEY UPDATE
        since_ms = CASE WHEN state = VALUES(state) THEN since_ms ELSE VALUES(since_ms) END,
        state = VALUES(state), decision = coalesce(VALUES(decision), decision)",
    ),
    taken: "SELECT decision, min(seq) AS first, max(seq) AS last FROM nodewarden_changes FORCE INDEX (PRIMARY)
        WHERE seq > $1 AND seq <= $2 GROUP BY decision ORDER BY min(seq)",
    complete: "UPDATE nodewarden_decisions d JOIN nodewarden_pairs p ON p.decision = d.number
        SET d.completed_at_ms = $1
        WHERE d.completed_at_ms IS NULL AND p.driver = $3 AND p.conductor_group = $2",
    // The last hold of a decision: NULL is before all texts, and to leave it out would read all of them.
    holding: "SELECT d.number FROM nodewarden_decisions d FORCE INDEX (nodewarden_decisions_may_hold)
            WHERE d.driver = $2 AND d.conductor_group = $1 AND d.may_hold = 1
            AND (SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1) > $3",
    holding_of_pairs: (
        "SELECT d.number, d.conductor_group, d.driver, (SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1) AS last,
            (SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1 OFFSET $1) AS beyond
        FROM nodewarden_decisions d FORCE INDEX (nodewarden_decisions_may_hold)
        WHERE d.may_hold = 1 AND (SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1) IS NOT NULL
        AND (d.conductor_group, d.driver) IN (",
        ")",
    ),
    holds_of_each: (
        "SELECT decision, count(*) AS nodes FROM nodewarden_changes FORCE INDEX (nodewarden_changes_holds) WHERE held IS NOT NULL AND decision IN (",
        ") GROUP BY decision",
    ),
    holds_of: (
        "SELECT held FROM (SELECT held FROM nodewarden_changes FORCE INDEX (nodewarden_changes_holds) WHERE decision = ",
        " AND held > $1 ORDER BY held LIMIT $2) AS h",
    ),
    holds_no_more: (
        "UPDATE (SELECT d.number FROM nodewarden_decisions d FORCE INDEX (nodewarden_decisions_may_hold) WHERE d.may_hold = 1
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.decision = d.number)
            AND (SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1) IS NULL
            AND (d.conductor_group, d.driver) IN (",
        ") LIMIT 1000) AS done STRAIGHT_JOIN nodewarden_decisions e ON e.number = done.number SET e.may_hold = 0",
    ),
    end_holds: "UPDATE nodewarden_changes h JOIN nodewarden_changes b ON b.ends = h.seq SET h.held = NULL
        WHERE b.seq > $1 AND b.seq <= $2",
    // DISTINCT keeps the derived table apart from the one that is changed.
    complete_restored: "UPDATE (SELECT DISTINCT r.number FROM nodewarden_decisions r
            WHERE r.completed_at_ms IS NULL AND r.verdict = 'restored' AND NOT EXISTS (
                SELECT 1 FROM nodewarden_decisions d FORCE INDEX (nodewarden_decisions_may_hold)
                WHERE d.driver = r.driver AND d.conductor_group = r.conductor_group AND d.may_hold = 1
                AND (SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1) IS NOT NULL)
            ORDER BY r.number LIMIT $2) AS due
        STRAIGHT_JOIN nodewarden_decisions e ON e.number = due.number SET e.completed_at_ms = $1",
    restored_open: "SELECT count(*) AS decisions FROM nodewarden_decisions r
        WHERE r.completed_at_ms IS NULL AND r.verdict = 'restored' AND NOT EXISTS (
            SELECT 1 FROM nodewarden_decisions d FORCE INDEX (nodewarden_decisions_may_hold)
                WHERE d.driver = r.driver AND d.conductor_group = r.conductor_group AND d.may_hold = 1
            AND (SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1) IS NOT NULL)",
    forget_unknown: "DELETE FROM nodewarden_pairs WHERE driver = $2 AND conductor_group = $1 AND state = 'lost'
        AND EXISTS (SELECT 1 FROM nodewarden_decisions u WHERE u.number = nodewarden_pairs.decision
            AND u.verdict = 'unknown')
        AND NOT EXISTS (SELECT 1 FROM nodewarden_decisions d FORCE INDEX (nodewarden_decisions_may_hold)
            WHERE d.driver = $2 AND d.conductor_group = $1 AND d.may_hold = 1
            AND (SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1) IS NOT NULL)",
    unwanted: "SELECT p.driver FROM nodewarden_pairs p JOIN nodewarden_decisions u ON u.number = p.decision
        WHERE p.driver = $2 AND p.conductor_group = $1 AND p.state = 'lost' AND u.verdict = 'unknown'
        AND NOT EXISTS (SELECT 1 FROM nodewarden_decisions d FORCE INDEX (nodewarden_decisions_may_hold)
            WHERE d.driver = $2 AND d.conductor_group = $1 AND d.may_hold = 1
            AND (SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1) IS NOT NULL)",
    // What is due is found first, by the index of its age: a DELETE takes no hint of it.
    drop_events: "DELETE e FROM (SELECT number FROM nodewarden_events FORCE INDEX (nodewarden_events_received)
            WHERE received_at_ms < $1 ORDER BY received_at_ms LIMIT $2) AS old
        STRAIGHT_JOIN nodewarden_events e ON e.number = old.number",
    drop_changes: "DELETE e FROM (SELECT seq FROM nodewarden_changes FORCE INDEX (nodewarden_changes_ended)
            WHERE held IS NULL AND since_ms < $1 AND seq <= coalesce((SELECT a.last_seq FROM nodewarden_announcements a
                WHERE a.number = (SELECT announced FROM nodewarden_relay WHERE id = 1)), 0)
            AND (lifted IS NULL OR decision NOT IN
                (SELECT p.decision FROM nodewarden_pairs p WHERE p.state = 'lost' AND p.decision IS NOT NULL))
            ORDER BY since_ms LIMIT $2) AS old
        STRAIGHT_JOIN nodewarden_changes e ON e.seq = old.seq",
    drop_announcements: "DELETE e FROM (SELECT number FROM nodewarden_announcements
            FORCE INDEX (nodewarden_announcements_committed) WHERE committed_at_ms < $1
            AND number < (SELECT announced FROM nodewarden_relay WHERE id = 1) ORDER BY committed_at_ms LIMIT $2) AS old
        STRAIGHT_JOIN nodewarden_announcements e ON e.number = old.number",
    drop_decisions: "DELETE e FROM (
            SELECT d.number FROM nodewarden_decisions d FORCE INDEX (nodewarden_decisions_completed)
            WHERE d.completed_at_ms < $1
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.decision = d.number)
            AND (SELECT c.held FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
                WHERE c.decision = d.number ORDER BY c.held DESC LIMIT 1) IS NULL
            AND NOT EXISTS (SELECT 1 FROM nodewarden_changes m WHERE m.marked = d.number)
            AND NOT EXISTS (SELECT 1 FROM nodewarden_announcements a WHERE a.decision = d.number)
            AND NOT EXISTS (SELECT 1 FROM nodewarden_announcements r WHERE r.released_by = d.number)
            ORDER BY d.completed_at_ms LIMIT $2) AS old
        STRAIGHT_JOIN nodewarden_decisions e ON e.number = old.number",
    drop_receipts: "DELETE e FROM (SELECT subscriber FROM nodewarden_receipts
            WHERE heard_at_ms < $1 ORDER BY heard_at_ms, subscriber LIMIT $2) AS old
        STRAIGHT_JOIN nodewarden_receipts e ON e.subscriber = old.subscriber",
    note_hearing: "INSERT INTO nodewarden_hearing (id, epoch, unproven_since_ms, unproven_ms, deaf, troubles, noted_at_ms)
        VALUES (1, $1, $2, $3, $4, $5, $6) ON DUPLICATE KEY UPDATE epoch = VALUES(epoch),
        unproven_since_ms = VALUES(unproven_since_ms), unproven_ms = VALUES(unproven_ms), deaf = VALUES(deaf),
        troubles = VALUES(troubles), noted_at_ms = VALUES(noted_at_ms)",
    request_number: Some("SELECT CAST(last_insert_id() AS SIGNED) AS number"),
    drop_requests: "DELETE e FROM (SELECT number FROM nodewarden_requests
            WHERE done_at_ms < $1 ORDER BY done_at_ms LIMIT $2) AS old
        STRAIGHT_JOIN nodewarden_requests e ON e.number = old.number",
    // From the holds on, or all decisions come first.
    snapshot: "SELECT c.held AS uuid, c.name, d.conductor_group, d.driver, d.verdict, d.decision_id, c.since_ms
        FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_held)
        STRAIGHT_JOIN nodewarden_decisions d ON d.number = c.decision
        WHERE c.held > $1 ORDER BY c.held LIMIT $2",
    list_holds: "SELECT c.held AS uuid, c.name, d.conductor_group AS held_group, d.driver AS held_driver,
        d.verdict, d.decision_id, d.cause, d.cause_event, d.cause_conductor, c.since_ms AS held_since_ms
        FROM nodewarden_changes c FORCE INDEX (nodewarden_changes_held)
        STRAIGHT_JOIN nodewarden_decisions d ON d.number = c.decision
        WHERE c.held > $1 ORDER BY c.held LIMIT $2",
    see_observed: "SELECT verdict, count(*) AS decisions, CAST(coalesce(sum(nodes), 0) AS SIGNED) AS nodes FROM nodewarden_decisions
        WHERE observed AND decided_at_ms > $1 GROUP BY verdict",
    // An index has the rows that are no holds any more as well: they are left out decision by decision.
    count_holds: "SELECT s.seq, h.conductor_group, h.driver, h.nodes FROM nodewarden_state s
        LEFT JOIN (SELECT d.conductor_group, d.driver, count(*) AS nodes FROM nodewarden_decisions d
            STRAIGHT_JOIN nodewarden_changes c FORCE INDEX (nodewarden_changes_holds)
            ON c.decision = d.number AND c.held IS NOT NULL WHERE d.may_hold = 1
            GROUP BY d.conductor_group, d.driver) AS h ON 1 = 1
        WHERE s.id = 1",
    keep_counts: (
        "INSERT INTO nodewarden_counts (conductor_group, driver, nodes, held) VALUES ",
        " ON DUPLICATE KEY UPDATE nodes = VALUES(nodes), held = VALUES(held)",
    ),
    fold_counts: (
        "INSERT INTO nodewarden_counts (conductor_group, driver, nodes, held) VALUES ",
        " ON DUPLICATE KEY UPDATE held = held + VALUES(held)",
    ),
    keep_counted: "INSERT INTO nodewarden_counted (id, counted_at_ms, nodes, held, seq) VALUES (1, $1, $2, $3, $4)
        ON DUPLICATE KEY UPDATE counted_at_ms = VALUES(counted_at_ms), nodes = VALUES(nodes), held = VALUES(held),
            seq = VALUES(seq)",
    // From the changes on: else MariaDB reads all of them again for each decision that there is (LATERAL DERIVED).
    moved: "SELECT d.conductor_group, d.driver, m.nodes FROM (
            SELECT decision, count(CASE WHEN back IS NULL THEN 1 END) - count(back) AS nodes
            FROM nodewarden_changes FORCE INDEX (PRIMARY) WHERE seq > $1 AND seq <= $2 GROUP BY decision) AS m
        STRAIGHT_JOIN nodewarden_decisions d ON d.number = m.decision",
    ..COMMON
};
