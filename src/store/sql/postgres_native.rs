//! PostgreSQL's statements over our own table of nodes.
//!
//! Its texts have the collation "C", so that `lower` turns A to Z alone and everything compares byte
//! by byte. Rows are locked before they are changed, and those that somebody else has locked are
//! passed by. A name longer than any message may carry is left out. What is bounded on one side of a join
//! is bounded on the other as well: over never analysed tables the planner reads a whole table otherwise.
//! What is held already is hashed once for a window (`NOT IN`): for each node by itself the planner may
//! look it up in the index of holds by decision, which has no order by node. And what
//! statistics say of `service_state` was so before the loss: they are kept out of the marking (`coalesce`).

use super::Inventory;
use super::sqlite_native::{OF_NODE, OF_PAIR, removed};

/// Ends the holds of a window whose node needs an active pair now.
fn returned(of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY decision, back, uuid), uuid, name, NULL, decision, $2, back, seq FROM (
            SELECT c.seq, c.held AS uuid, CASE WHEN octet_length(n.name) <= 255 THEN n.name END AS name, c.decision,
                CASE WHEN n.driver = d.driver AND lower(coalesce(n.conductor_group, '')) = d.conductor_group
                    THEN 'driver_restored' ELSE 'node_changed' END AS back
            FROM nodewarden_changes c
            JOIN nodewarden_decisions d ON d.number = c.decision
            JOIN nodes n ON n.uuid = c.held
            JOIN nodewarden_pairs p
                ON p.driver = n.driver AND p.conductor_group = lower(coalesce(n.conductor_group, ''))
            WHERE c.held > $3 AND c.held <= $4 AND n.uuid > $3 AND n.uuid <= $4 AND p.state = 'active'{of}
            FOR UPDATE OF n SKIP LOCKED) AS locked"
    )
}

/// Ends the holds of a window that an operator wants to end.
fn by_hand(of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY decision, uuid), uuid, name, NULL, decision, $2, 'released', seq FROM (
            SELECT c.seq, c.held AS uuid, CASE WHEN octet_length(n.name) <= 255 THEN n.name END AS name, c.decision
            FROM nodewarden_changes c JOIN nodes n ON n.uuid = c.held
            WHERE c.held > $3 AND c.held <= $4{of}
            FOR UPDATE OF n SKIP LOCKED) AS locked"
    )
}

pub fn inventory() -> Inventory {
    Inventory {
        schema: "SELECT uuid, name, driver, conductor_group, maintenance, service_state, service_state_since_ms
            FROM nodes LIMIT 0".into(),

        pair_window: "SELECT max(uuid) AS last, count(*) AS seen,
            count(*) FILTER (WHERE octet_length(uuid) > 255) AS skipped
            FROM (SELECT uuid FROM nodes WHERE driver = $1 AND lower(coalesce(conductor_group, '')) = $2
            AND uuid > $3 ORDER BY uuid LIMIT $4) AS w".into(),
        hold: "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms)
            SELECT $1 + row_number() OVER (ORDER BY uuid), uuid, name, uuid, $2, $3 FROM (
                SELECT n.uuid, CASE WHEN octet_length(n.name) <= 255 THEN n.name END AS name FROM nodes n
                WHERE n.driver = $4 AND lower(coalesce(n.conductor_group, '')) = $5 AND n.uuid > $6 AND n.uuid <= $7
                AND octet_length(n.uuid) <= 255
                AND n.uuid NOT IN (SELECT h.held FROM nodewarden_changes h WHERE h.held > $6 AND h.held <= $7)
                FOR UPDATE OF n SKIP LOCKED) AS locked".into(),
        mark_out: "UPDATE nodes n SET service_state = 'out_of_service', service_state_since_ms = $1
            FROM nodewarden_changes c WHERE c.seq > $2 AND c.seq <= $3 AND n.uuid = c.uuid
            AND coalesce(n.service_state, '') <> 'out_of_service'".into(),
        left_in: "SELECT count(*) AS nodes FROM nodes n
            WHERE n.driver = $1 AND lower(coalesce(n.conductor_group, '')) = $2 AND n.uuid > $3 AND n.uuid <= $4
            AND octet_length(n.uuid) <= 255 AND $5 > 0
            AND n.uuid NOT IN (SELECT h.held FROM nodewarden_changes h WHERE h.held > $3 AND h.held <= $4)".into(),

        release: vec![removed(""), returned("")],
        release_of_pair: vec![removed(OF_PAIR), returned(OF_PAIR)],
        release_by_hand: vec![removed(""), by_hand("")],
        release_by_hand_of_pair: vec![removed(OF_PAIR), by_hand(OF_PAIR)],
        release_by_hand_of_node: vec![removed(OF_NODE), by_hand(OF_NODE)],
        mark_in: "UPDATE nodes n SET service_state = 'in_service', service_state_since_ms = $1
            FROM nodewarden_changes c WHERE c.seq > $2 AND c.seq <= $3 AND n.uuid = c.uuid
            AND coalesce(n.service_state, '') <> 'in_service'".into(),
        left_out: "SELECT count(*) AS nodes FROM nodewarden_changes c
            JOIN nodes n ON n.uuid = c.held
            JOIN nodewarden_pairs p
                ON p.driver = n.driver AND p.conductor_group = lower(coalesce(n.conductor_group, ''))
            WHERE c.held > $1 AND c.held <= $2 AND p.state = 'active' AND c.decision IN (
                SELECT number FROM nodewarden_decisions WHERE driver = $3 AND conductor_group = $4)".into(),
        relabel: "UPDATE nodewarden_changes SET decision = moved.decision FROM (
                SELECT c.seq, p.decision FROM nodewarden_changes c
                JOIN nodewarden_decisions d ON d.number = c.decision
                JOIN nodes n ON n.uuid = c.held
                JOIN nodewarden_pairs p
                    ON p.driver = n.driver AND p.conductor_group = lower(coalesce(n.conductor_group, ''))
                JOIN nodewarden_decisions o ON o.number = p.decision AND NOT o.observed
                WHERE c.held > $1 AND c.held <= $2 AND p.state = 'lost'
                AND (d.driver <> p.driver OR d.conductor_group <> p.conductor_group)) AS moved
            WHERE nodewarden_changes.seq = moved.seq".into(),
        mark_again: "UPDATE nodes n SET service_state = 'out_of_service', service_state_since_ms = $1
            FROM (SELECT o.uuid FROM nodes o JOIN nodewarden_changes c ON c.held = o.uuid
                WHERE c.held > $2 AND c.held <= $3 AND o.service_state IS DISTINCT FROM 'out_of_service'
                FOR UPDATE OF o SKIP LOCKED) AS locked
            WHERE n.uuid = locked.uuid".into(),

        all_window: "SELECT max(uuid) AS last, count(*) AS seen FROM (SELECT uuid FROM nodes
            WHERE uuid > $1 ORDER BY uuid LIMIT $2) AS w".into(),
        unmark_strays: "UPDATE nodes n SET service_state = 'in_service', service_state_since_ms = $1
            FROM (SELECT o.uuid FROM nodes o
                WHERE o.uuid > $2 AND o.uuid <= $3 AND o.service_state IS DISTINCT FROM 'in_service'
                AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = o.uuid)
                AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.state = 'lost'
                    AND p.driver = o.driver AND p.conductor_group = lower(coalesce(o.conductor_group, '')))
                FOR UPDATE OF o SKIP LOCKED) AS locked
            WHERE n.uuid = locked.uuid".into(),

        unneeded: "SELECT driver FROM nodewarden_pairs WHERE driver = $1 AND conductor_group = $2
            AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.driver = nodewarden_pairs.driver
                AND lower(coalesce(n.conductor_group, '')) = nodewarden_pairs.conductor_group)
            AND NOT EXISTS (SELECT 1 FROM nodewarden_changes c WHERE c.held IS NOT NULL AND c.decision IN (
                SELECT number FROM nodewarden_decisions d WHERE d.driver = nodewarden_pairs.driver
                AND d.conductor_group = nodewarden_pairs.conductor_group))".into(),

        unknown_pairs: "SELECT DISTINCT lower(coalesce(n.conductor_group, '')) AS conductor_group, n.driver AS driver FROM nodes n
            WHERE octet_length(n.driver) BETWEEN 1 AND 255 AND octet_length(coalesce(n.conductor_group, '')) <= 255
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p
                WHERE p.driver = n.driver AND p.conductor_group = lower(coalesce(n.conductor_group, '')))
            ORDER BY 1, 2 LIMIT $1".into(),

        count_pair: "SELECT count(*) - count(h.seq) AS nodes, count(h.seq) AS held
            FROM nodes n LEFT JOIN nodewarden_changes h ON h.held = n.uuid
            WHERE n.driver = $1 AND lower(coalesce(n.conductor_group, '')) = $2 AND octet_length(n.uuid) <= 255".into(),
        count_pairs: "SELECT lower(coalesce(n.conductor_group, '')) AS conductor_group, n.driver,
            count(*) AS nodes, count(c.seq) AS held
            FROM nodes n LEFT JOIN nodewarden_changes c ON c.held = n.uuid
            WHERE n.driver IS NOT NULL GROUP BY 1, 2".into(),
        count_all: "SELECT (SELECT count(*) FROM nodes) AS nodes,
            (SELECT count(*) FROM nodewarden_changes WHERE held IS NOT NULL) AS held".into(),
        see_node: "SELECT uuid, name, lower(coalesce(conductor_group, '')) AS conductor_group, driver,
            maintenance, service_state, service_state_since_ms FROM nodes WHERE uuid = $1".into(),
        see_node_by_name: "SELECT uuid, name, lower(coalesce(conductor_group, '')) AS conductor_group, driver,
            maintenance, service_state, service_state_since_ms FROM nodes WHERE name = $1 ORDER BY uuid LIMIT 2".into(),
    }
}
