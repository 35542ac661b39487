//! SQLite's statements over our own tables.

use super::Statements;
use super::common::COMMON;

pub const STATEMENTS: Statements = Statements {
    recall: (
        "SELECT conductor, message_id, digest FROM nodewarden_events WHERE (conductor, message_id) IN (VALUES ",
        ")",
    ),
    overtaken: (
        "UPDATE nodewarden_decisions SET completed_at_ms = $1
        WHERE completed_at_ms IS NULL AND (conductor_group, driver) IN (VALUES ",
        ")",
    ),
    decisions_of_pairs: (
        "SELECT p.conductor_group, p.driver, p.state, d.number, d.decision_id, d.decided_at_ms, d.verdict, d.observed,
            d.completed_at_ms, d.nodes
        FROM nodewarden_pairs p JOIN nodewarden_decisions d ON d.number = p.decision
        WHERE (p.conductor_group, p.driver) IN (VALUES ",
        ")",
    ),
    holds_window:
        "SELECT max(held) AS last, count(*) AS seen FROM (SELECT held FROM nodewarden_changes
        WHERE held > $1 ORDER BY held LIMIT $2)",
    holding_of_pairs: (
        "SELECT d.number, d.conductor_group, d.driver, (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number
                AND c.held IS NOT NULL ORDER BY c.held DESC LIMIT 1) AS last,
            (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number
                AND c.held IS NOT NULL ORDER BY c.held DESC LIMIT 1 OFFSET $1) AS beyond
        FROM nodewarden_decisions d WHERE d.may_hold = 1
        AND (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number
                AND c.held IS NOT NULL ORDER BY c.held DESC LIMIT 1) IS NOT NULL
        AND (d.conductor_group, d.driver) IN (VALUES ",
        ")",
    ),
    holds_no_more: (
        "UPDATE nodewarden_decisions SET may_hold = 0 WHERE number IN (
            SELECT d.number FROM nodewarden_decisions d WHERE d.may_hold = 1
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.decision = d.number)
            AND (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number AND c.held IS NOT NULL
                ORDER BY c.held DESC LIMIT 1) IS NULL AND (d.conductor_group, d.driver) IN (VALUES ",
        ") LIMIT 1000)",
    ),
    // SQLite takes an index of unique values for the best one, and reads each row that has none of them.
    drop_changes: "DELETE FROM nodewarden_changes WHERE seq IN (
        SELECT c.seq FROM nodewarden_changes c INDEXED BY nodewarden_changes_ended
        WHERE c.held IS NULL AND c.since_ms < $1 AND c.seq <= coalesce(
            (SELECT a.last_seq FROM nodewarden_announcements a
            WHERE a.number = (SELECT announced FROM nodewarden_relay WHERE id = 1)), 0)
        AND (c.lifted IS NULL OR NOT EXISTS (
            SELECT 1 FROM nodewarden_pairs p WHERE p.decision = c.decision AND p.state = 'lost'))
        ORDER BY c.since_ms LIMIT $2)",
    announced: "UPDATE nodewarden_relay SET announced_at_ms = $2, announced = max(announced,
            min($1, (SELECT last_announcement FROM nodewarden_state WHERE id = 1)))
        WHERE id = 1 AND (SELECT epoch FROM nodewarden_state WHERE id = 1) = $3",
    ..COMMON
};
