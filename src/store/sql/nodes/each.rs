//! What goes over all nodes of several small pairs, by their decisions `d`.
//!
//! The decisions come first and each one's nodes are looked up by the index of pairs, whatever statistics
//! say of how many there are: by a subquery that stands for one number, or one that no planner joins in
//! another order (PostgreSQL: it has a limit and locks; MySQL: `STRAIGHT_JOIN`; SQLite: `CROSS JOIN`).

use super::holds::around;
use super::words::Words;
use crate::store::database::dialect::Dialect::{MySql, Postgres, Sqlite};

/// A pair's nodes that are to be out and are not held, whatever their keys.
fn wanted(words: &Words) -> String {
    format!(
        "{of}{key} AND {free} AND (SELECT h.held FROM nodewarden_changes h WHERE {has} LIMIT 1) IS NULL AND {not_lifted}",
        of = words.of_decision(),
        key = words.has_key_anywhere(),
        free = words.free(),
        has = words.has("h.held"),
        not_lifted = words.not_lifted("d.number"),
    )
}

pub fn size(words: &Words) -> (String, String) {
    let nodes = words.nodes_by_pair();
    let of = format!(
        "{}{}{}",
        words.of_decision(),
        words.has_key_anywhere(),
        words.walked()
    );
    let count = format!(
        "CASE WHEN coalesce(max({}), 0) <= 255 THEN count(*) END",
        words.bytes("w.uuid")
    );
    let order = words.order_of_pair();
    let seen = match words.dialect {
        Sqlite | Postgres => format!(
            "(SELECT {count} FROM (SELECT n.uuid FROM {nodes} WHERE {of} ORDER BY {order} LIMIT $1 + 1) AS w)"
        ),
        // A derived table may not ask for the decision that it is about.
        MySql => format!(
            "CASE WHEN (SELECT n.uuid FROM {nodes} WHERE {of} ORDER BY n.uuid LIMIT 1 OFFSET $1) IS NULL
            THEN (SELECT {count} FROM {nodes} WHERE {of}) END",
            count = count.replace("w.uuid", "n.uuid"),
        ),
    };
    around(&format!(
        "SELECT d.number AS decision, {seen} AS nodes FROM nodewarden_decisions d WHERE d.number IN (DECISIONS)"
    ))
}

pub fn hold(words: &Words) -> (String, String) {
    let (nodes, wanted) = (words.nodes_by_pair(), wanted(words));
    let (name, lock, order) = (words.name(), words.lock(), words.order_of_pair());
    let of = match words.dialect {
        Sqlite => format!(
            "SELECT n.uuid, {name} AS name, d.number AS decision FROM nodewarden_decisions d CROSS JOIN {nodes}
            WHERE d.number IN (DECISIONS) AND {wanted}"
        ),
        Postgres => format!(
            "SELECT l.uuid, l.name, d.number AS decision FROM nodewarden_decisions d
            CROSS JOIN LATERAL (SELECT n.uuid, {name} AS name FROM {nodes} WHERE {wanted}
                ORDER BY {order} LIMIT $3{lock}) AS l
            WHERE d.number IN (DECISIONS)"
        ),
        MySql => format!(
            "SELECT n.uuid, {name} AS name, d.number AS decision FROM nodewarden_decisions d STRAIGHT_JOIN {nodes}
            WHERE d.number IN (DECISIONS) AND {wanted}{lock}"
        ),
    };
    around(&format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms)
        SELECT $1 + row_number() OVER (ORDER BY decision, uuid), uuid, name, uuid, decision, $2 FROM ({of}) AS locked"
    ))
}

pub fn untaken(words: &Words) -> (String, String) {
    let (nodes, wanted) = (words.nodes_by_pair(), wanted(words));
    let order = words.order_of_pair();
    let left = match words.dialect {
        Sqlite | Postgres => format!(
            "(SELECT count(*) FROM (SELECT n.uuid FROM {nodes} WHERE {wanted} ORDER BY {order} LIMIT $1) AS w)"
        ),
        MySql => format!("(SELECT count(*) FROM {nodes} WHERE {wanted} AND $1 > 0)"),
    };
    around(&format!(
        "SELECT d.number AS decision, {left} AS nodes FROM nodewarden_decisions d WHERE d.number IN (DECISIONS)"
    ))
}
