//! PostgreSQL's statements over our own tables. The fence's UPDATE locks its row, and under READ
//! COMMITTED every later statement sees what was committed before it.

use super::Statements;
use super::common::COMMON;

pub const STATEMENTS: Statements = Statements {
    begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
    begin_look: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    // Rows are compared as pairs, so that the index's own order is the cheapest, however few holds
    // statistics from before a mass loss promise: else all of them are sorted for each window.
    holding_of_pairs: (
        "SELECT d.number, d.conductor_group, d.driver, (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number
                AND c.held IS NOT NULL ORDER BY c.held DESC LIMIT 1) AS last,
            (SELECT c.held FROM nodewarden_changes c
                WHERE (c.decision, c.held) > (d.number, '') AND (c.decision, c.held) < (d.number + 1, '')
                AND c.held IS NOT NULL ORDER BY c.decision DESC, c.held DESC LIMIT 1 OFFSET $1) AS beyond
        FROM nodewarden_decisions d WHERE d.may_hold = 1
        AND (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number
                AND c.held IS NOT NULL ORDER BY c.held DESC LIMIT 1) IS NOT NULL
        AND (d.conductor_group, d.driver) IN (",
        ")",
    ),
    holds_of: (
        "SELECT held FROM (SELECT c.held FROM (SELECT CAST(",
        " AS BIGINT) AS number) AS d CROSS JOIN LATERAL (SELECT h.held FROM nodewarden_changes h
            WHERE (h.decision, h.held) > (d.number, $1) AND (h.decision, h.held) < (d.number + 1, '')
            AND h.held IS NOT NULL ORDER BY h.decision, h.held LIMIT $2) AS c) AS h",
    ),
    holds_no_more: (
        "UPDATE nodewarden_decisions SET may_hold = 0 WHERE number = ANY(ARRAY(
            SELECT d.number FROM nodewarden_decisions d WHERE d.may_hold = 1
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.decision = d.number)
            AND (SELECT c.held FROM nodewarden_changes c WHERE c.decision = d.number AND c.held IS NOT NULL
                ORDER BY c.held DESC LIMIT 1) IS NULL AND (d.conductor_group, d.driver) IN (",
        ") LIMIT 1000))",
    ),
    // An array is looked up one by one; IN may become a pass over the whole table.
    drop_events: "DELETE FROM nodewarden_events WHERE number = ANY(ARRAY(SELECT number FROM nodewarden_events
        WHERE received_at_ms < $1 ORDER BY received_at_ms LIMIT $2))",
    // The number of a sequence is told to those alone that may read the sequence.
    request: "INSERT INTO nodewarden_requests (kind, argument, requested_by, requested_at_ms) VALUES ($1, $2, $3, $4)
        RETURNING number",
    request_number: None,
    note_done: "INSERT INTO nodewarden_requests (kind, argument, requested_at_ms, done_at_ms, result)
        VALUES ($1, $2, $3, $3, $4) RETURNING number",
    drop_requests: "DELETE FROM nodewarden_requests WHERE number = ANY(ARRAY(SELECT number FROM nodewarden_requests
        WHERE done_at_ms < $1 ORDER BY done_at_ms LIMIT $2))",
    // Sorted after the look-up: without statistics the newest of all changes are read until one fits.
    see_last_change: "SELECT since_ms, back FROM nodewarden_changes WHERE uuid = $1 ORDER BY seq + 0 DESC LIMIT 1",
    see_observed: "SELECT verdict, count(*) AS decisions, CAST(coalesce(sum(nodes), 0) AS BIGINT) AS nodes FROM nodewarden_decisions
        WHERE observed AND decided_at_ms > $1 GROUP BY verdict",
    ..COMMON
};
