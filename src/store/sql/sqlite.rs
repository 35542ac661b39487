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
    holds_window:
        "SELECT max(held) AS last, count(*) AS seen FROM (SELECT held FROM nodewarden_changes
        WHERE held > $1 ORDER BY held LIMIT $2)",
    announced: "UPDATE nodewarden_relay SET announced = max(announced, $1), announced_at_ms = $2
        WHERE id = 1 AND (SELECT epoch FROM nodewarden_state WHERE id = 1) = $3",
    ..COMMON
};
