//! PostgreSQL's statements over our own tables. The fence's UPDATE locks its row, and under READ
//! COMMITTED every later statement sees what was committed before it.

use super::Statements;
use super::common::COMMON;

pub const STATEMENTS: Statements = Statements {
    begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
    begin_look: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    holds_window_of_pair: "SELECT max(held) AS last, count(*) AS seen FROM (
        SELECT c.held FROM nodewarden_decisions d CROSS JOIN LATERAL (
            SELECT h.held FROM nodewarden_changes h WHERE h.decision = d.number AND h.held > $1
            ORDER BY h.held LIMIT $2) AS c
        WHERE d.driver = $4 AND d.conductor_group = $3 ORDER BY c.held LIMIT $2) AS w",
    request_number: "SELECT lastval() AS number",
    see_observed: "SELECT verdict, count(*) AS decisions, CAST(coalesce(sum(nodes), 0) AS BIGINT) AS nodes FROM nodewarden_decisions
        WHERE observed AND decided_at_ms > $1 GROUP BY verdict",
    ..COMMON
};
