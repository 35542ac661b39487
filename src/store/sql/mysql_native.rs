//! MySQL's and MariaDB's statements over our own table of nodes.
//!
//! Driver and group are compared in two computed columns, as bytes: neither case nor a trailing
//! space makes two names one. Rows are locked before they are changed, and those that somebody else
//! has locked are passed by; what is changed is found from there (`STRAIGHT_JOIN`), for a plan that
//! begins with all nodes would wait for every locked one. A pair is walked by its own index, whatever
//! statistics say: after an import they tell of a table half filled, and all nodes of the pair were
//! read for each window. A name longer than any message may carry is left out.

use super::Inventory;
use super::sqlite_native::{OF_NODE, OF_PAIR, removed};

/// Ends the holds of a window whose node needs an active pair now.
fn returned(of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY decision, back, uuid), uuid, name, NULL, decision, $2, back, seq FROM (
            SELECT c.seq, c.held AS uuid, CASE WHEN octet_length(n.name) <= 255 THEN n.name END AS name, c.decision,
                CASE WHEN n.nodewarden_driver = d.driver AND n.nodewarden_group = d.conductor_group
                    THEN 'driver_restored' ELSE 'node_changed' END AS back
            FROM nodewarden_changes c
            JOIN nodewarden_decisions d ON d.number = c.decision
            JOIN nodes n ON n.uuid = c.held
            JOIN nodewarden_pairs p
                ON p.driver = n.nodewarden_driver AND p.conductor_group = n.nodewarden_group
            WHERE c.held > $3 AND c.held <= $4 AND p.state = 'active'{of}
            FOR UPDATE SKIP LOCKED) AS locked"
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
            FOR UPDATE SKIP LOCKED) AS locked"
    )
}

pub fn inventory() -> Inventory {
    Inventory {
        schema: "SELECT uuid, name, driver, conductor_group, maintenance, service_state, service_state_since_ms
            FROM nodes LIMIT 0".into(),

        pair_window: "SELECT max(uuid) AS last, count(*) AS seen,
            count(CASE WHEN octet_length(uuid) > 255 THEN 1 END) AS skipped
            FROM (SELECT uuid FROM nodes
            FORCE INDEX (nodewarden_nodes_pair) WHERE nodewarden_driver = $1 AND nodewarden_group = $2
            AND uuid > $3 ORDER BY uuid LIMIT $4) AS w".into(),
        hold: "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms)
            SELECT $1 + row_number() OVER (ORDER BY uuid), uuid, name, uuid, $2, $3 FROM (
                SELECT n.uuid, CASE WHEN octet_length(n.name) <= 255 THEN n.name END AS name FROM nodes n
                FORCE INDEX (nodewarden_nodes_pair) WHERE n.nodewarden_driver = $4 AND n.nodewarden_group = $5 AND n.uuid > $6 AND n.uuid <= $7
                AND octet_length(n.uuid) <= 255
                AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = n.uuid)
                FOR UPDATE SKIP LOCKED) AS locked".into(),
        mark_out: "UPDATE nodewarden_changes c STRAIGHT_JOIN nodes n FORCE INDEX (PRIMARY) ON n.uuid = c.uuid
            SET n.service_state = 'out_of_service', n.service_state_since_ms = $1
            WHERE c.seq > $2 AND c.seq <= $3 AND NOT n.service_state <=> 'out_of_service'".into(),
        left_in: "SELECT count(*) AS nodes FROM nodes n
            FORCE INDEX (nodewarden_nodes_pair) WHERE n.nodewarden_driver = $1 AND n.nodewarden_group = $2 AND n.uuid > $3 AND n.uuid <= $4
            AND octet_length(n.uuid) <= 255 AND $5 > 0
            AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = n.uuid)".into(),

        release: vec![removed(""), returned("")],
        release_of_pair: vec![removed(OF_PAIR), returned(OF_PAIR)],
        release_by_hand: vec![removed(""), by_hand("")],
        release_by_hand_of_pair: vec![removed(OF_PAIR), by_hand(OF_PAIR)],
        release_by_hand_of_node: vec![removed(OF_NODE), by_hand(OF_NODE)],
        // Of a node that is gone there is nothing to unmark, and a new one of that name, in
        // somebody's open transaction, is not to be waited for.
        mark_in: "UPDATE nodewarden_changes c STRAIGHT_JOIN nodes n FORCE INDEX (PRIMARY) ON n.uuid = c.uuid
            SET n.service_state = 'in_service', n.service_state_since_ms = $1
            WHERE c.seq > $2 AND c.seq <= $3 AND c.back <> 'node_removed'
            AND NOT n.service_state <=> 'in_service'".into(),
        left_out: "SELECT count(*) AS nodes FROM nodewarden_changes c
            JOIN nodes n ON n.uuid = c.held
            JOIN nodewarden_pairs p
                ON p.driver = n.nodewarden_driver AND p.conductor_group = n.nodewarden_group
            WHERE c.held > $1 AND c.held <= $2 AND p.state = 'active' AND c.decision IN (
                SELECT number FROM nodewarden_decisions WHERE driver = $3 AND conductor_group = $4)".into(),
        relabel: "UPDATE (
                SELECT c.seq, p.decision FROM nodewarden_changes c
                JOIN nodewarden_decisions d ON d.number = c.decision
                JOIN nodes n ON n.uuid = c.held
                JOIN nodewarden_pairs p ON p.driver = n.nodewarden_driver AND p.conductor_group = n.nodewarden_group
                JOIN nodewarden_decisions o ON o.number = p.decision AND NOT o.observed
                WHERE c.held > $1 AND c.held <= $2 AND p.state = 'lost'
                AND (d.driver <> p.driver OR d.conductor_group <> p.conductor_group)
                FOR UPDATE SKIP LOCKED) AS moved
            STRAIGHT_JOIN nodewarden_changes c ON c.seq = moved.seq
            SET c.decision = moved.decision".into(),
        mark_again: "UPDATE (
                SELECT o.uuid FROM nodes o JOIN nodewarden_changes c ON c.held = o.uuid
                WHERE c.held > $2 AND c.held <= $3 AND NOT o.service_state <=> 'out_of_service'
                FOR UPDATE SKIP LOCKED) AS locked STRAIGHT_JOIN nodes n FORCE INDEX (PRIMARY) ON n.uuid = locked.uuid
            SET n.service_state = 'out_of_service', n.service_state_since_ms = $1".into(),

        all_window: "SELECT max(uuid) AS last, count(*) AS seen FROM (SELECT uuid FROM nodes
            WHERE uuid > $1 ORDER BY uuid LIMIT $2) AS w".into(),
        unmark_strays: "UPDATE (
                SELECT o.uuid FROM nodes o
                WHERE o.uuid > $2 AND o.uuid <= $3 AND NOT o.service_state <=> 'in_service'
                AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = o.uuid)
                AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.state = 'lost'
                    AND p.driver = o.nodewarden_driver AND p.conductor_group = o.nodewarden_group)
                FOR UPDATE SKIP LOCKED) AS locked STRAIGHT_JOIN nodes n FORCE INDEX (PRIMARY) ON n.uuid = locked.uuid
            SET n.service_state = 'in_service', n.service_state_since_ms = $1".into(),

        unneeded: "SELECT driver FROM nodewarden_pairs WHERE driver = $1 AND conductor_group = $2
            AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.nodewarden_driver = nodewarden_pairs.driver
                AND n.nodewarden_group = nodewarden_pairs.conductor_group)
            AND NOT EXISTS (SELECT 1 FROM nodewarden_changes c WHERE c.held IS NOT NULL AND c.decision IN (
                SELECT number FROM nodewarden_decisions d WHERE d.driver = nodewarden_pairs.driver
                AND d.conductor_group = nodewarden_pairs.conductor_group))".into(),

        unknown_pairs: "SELECT DISTINCT n.nodewarden_group AS conductor_group, n.nodewarden_driver AS driver FROM nodes n
            WHERE octet_length(n.nodewarden_driver) BETWEEN 1 AND 255 AND octet_length(n.nodewarden_group) <= 255
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p
                WHERE p.driver = n.nodewarden_driver AND p.conductor_group = n.nodewarden_group)
            ORDER BY 1, 2 LIMIT $1".into(),

        count_pair: "SELECT count(*) - count(h.seq) AS nodes, count(h.seq) AS held
            FROM nodes n LEFT JOIN nodewarden_changes h ON h.held = n.uuid
            WHERE n.nodewarden_driver = $1 AND n.nodewarden_group = $2 AND octet_length(n.uuid) <= 255".into(),
        count_pairs: "SELECT n.nodewarden_group AS conductor_group, n.nodewarden_driver AS driver,
            count(*) AS nodes, count(c.seq) AS held
            FROM nodes n LEFT JOIN nodewarden_changes c ON c.held = n.uuid
            WHERE n.driver IS NOT NULL GROUP BY 1, 2".into(),
        count_all: "SELECT (SELECT count(*) FROM nodes) AS nodes,
            (SELECT count(*) FROM nodewarden_changes WHERE held IS NOT NULL) AS held".into(),
        see_node: "SELECT uuid, name, nodewarden_group AS conductor_group, driver,
            maintenance, service_state, service_state_since_ms FROM nodes WHERE uuid = $1".into(),
        see_node_by_name: "SELECT uuid, name, nodewarden_group AS conductor_group, driver,
            maintenance, service_state, service_state_since_ms FROM nodes WHERE name = $1 ORDER BY uuid LIMIT 2".into(),
    }
}
