//! SQLite's statements over our own table of nodes.
//!
//! Groups are compared in ASCII lower case; SQLite's `lower` does just that. Keys that are not text
//! (SQLite lets anybody store a blob) sort after all texts and are no keys of ours. No row is locked
//! by itself: the writer has the whole file. A name longer than any message may carry is left out.

use super::Inventory;

/// Ends the holds of a window whose node needs an active pair now.
fn returned(of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY decision, back, uuid), uuid, name, NULL, decision, $2, back, seq FROM (
            SELECT c.seq, c.held AS uuid, CASE WHEN length(CAST(n.name AS BLOB)) <= 255 THEN n.name END AS name,
                c.decision,
                CASE WHEN n.driver = d.driver AND lower(coalesce(n.conductor_group, '')) = d.conductor_group
                    THEN 'driver_restored' ELSE 'node_changed' END AS back
            FROM nodewarden_changes c
            JOIN nodewarden_decisions d ON d.number = c.decision
            JOIN nodes n ON n.uuid = c.held
            JOIN nodewarden_pairs p
                ON p.driver = n.driver AND p.conductor_group = lower(coalesce(n.conductor_group, ''))
            WHERE c.held > $3 AND c.held <= $4 AND p.state = 'active'{of})"
    )
}

/// Ends the holds of a window whose node is gone.
pub(super) fn removed(of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY c.decision, c.held), c.held, c.name, NULL, c.decision, $2,
            'node_removed', c.seq
        FROM nodewarden_changes c
        WHERE c.held > $3 AND c.held <= $4
        AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.uuid = c.held){of}"
    )
}

/// By the pair's decisions, so that the holds of all other pairs are not even looked at.
pub(super) const OF_PAIR: &str = " AND c.decision IN (SELECT number FROM nodewarden_decisions
    WHERE driver = $5 AND conductor_group = $6)";

/// Of one node.
pub(super) const OF_NODE: &str = " AND c.held = $5";

/// Ends the holds of a window that an operator wants to end.
fn by_hand(of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY decision, uuid), uuid, name, NULL, decision, $2, 'released', seq FROM (
            SELECT c.seq, c.held AS uuid, CASE WHEN length(CAST(n.name AS BLOB)) <= 255 THEN n.name END AS name, c.decision
            FROM nodewarden_changes c JOIN nodes n ON n.uuid = c.held
            WHERE c.held > $3 AND c.held <= $4{of})"
    )
}

pub fn inventory() -> Inventory {
    Inventory {
        schema: "SELECT uuid, name, driver, conductor_group, maintenance, service_state, service_state_since_ms
            FROM nodes LIMIT 0".into(),

        pair_window: "SELECT max(uuid) AS last, count(*) AS seen,
            count(*) FILTER (WHERE length(CAST(uuid AS BLOB)) > 255) AS skipped
            FROM (SELECT uuid FROM nodes WHERE driver = $1 AND lower(coalesce(conductor_group, '')) = $2
            AND uuid > $3 AND uuid < x'' ORDER BY uuid LIMIT $4)".into(),
        hold: "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms)
            SELECT $1 + row_number() OVER (ORDER BY n.uuid), n.uuid,
                CASE WHEN length(CAST(n.name AS BLOB)) <= 255 THEN n.name END, n.uuid, $2, $3
            FROM nodes n
            WHERE n.driver = $4 AND lower(coalesce(n.conductor_group, '')) = $5 AND n.uuid > $6 AND n.uuid <= $7
            AND length(CAST(n.uuid AS BLOB)) <= 255
            AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = n.uuid)".into(),
        mark_out: "UPDATE nodes SET service_state = 'out_of_service', service_state_since_ms = $1
            WHERE uuid IN (SELECT held FROM nodewarden_changes WHERE seq > $2 AND seq <= $3)
            AND service_state IS NOT 'out_of_service'".into(),
        left_in: String::new(),

        release: vec![removed(""), returned("")],
        release_of_pair: vec![removed(OF_PAIR), returned(OF_PAIR)],
        release_by_hand: vec![removed(""), by_hand("")],
        release_by_hand_of_pair: vec![removed(OF_PAIR), by_hand(OF_PAIR)],
        release_by_hand_of_node: vec![removed(OF_NODE), by_hand(OF_NODE)],
        mark_in: "UPDATE nodes SET service_state = 'in_service', service_state_since_ms = $1
            WHERE uuid IN (SELECT uuid FROM nodewarden_changes WHERE seq > $2 AND seq <= $3)
            AND service_state IS NOT 'in_service'".into(),
        left_out: String::new(),
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
        mark_again: "UPDATE nodes SET service_state = 'out_of_service', service_state_since_ms = $1
            WHERE service_state IS NOT 'out_of_service'
            AND uuid IN (SELECT held FROM nodewarden_changes WHERE held > $2 AND held <= $3)".into(),

        all_window: "SELECT max(uuid) AS last, count(*) AS seen FROM (SELECT uuid FROM nodes
            WHERE uuid > $1 AND uuid < x'' ORDER BY uuid LIMIT $2)".into(),
        unmark_strays: "UPDATE nodes SET service_state = 'in_service', service_state_since_ms = $1
            WHERE uuid > $2 AND uuid <= $3 AND service_state IS NOT 'in_service'
            AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = nodes.uuid)
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.state = 'lost'
                AND p.driver = nodes.driver AND p.conductor_group = lower(coalesce(nodes.conductor_group, '')))".into(),

        unneeded: "SELECT driver FROM nodewarden_pairs WHERE driver = $1 AND conductor_group = $2
            AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.driver = nodewarden_pairs.driver
                AND lower(coalesce(n.conductor_group, '')) = nodewarden_pairs.conductor_group)
            AND NOT EXISTS (SELECT 1 FROM nodewarden_changes c WHERE c.held IS NOT NULL AND c.decision IN (
                SELECT number FROM nodewarden_decisions d WHERE d.driver = nodewarden_pairs.driver
                AND d.conductor_group = nodewarden_pairs.conductor_group))".into(),

        unknown_pairs: "SELECT DISTINCT lower(coalesce(n.conductor_group, '')) AS conductor_group, n.driver AS driver FROM nodes n
            WHERE typeof(n.driver) = 'text' AND length(CAST(n.driver AS BLOB)) BETWEEN 1 AND 255
            AND length(CAST(coalesce(n.conductor_group, '') AS BLOB)) <= 255
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p
                WHERE p.driver = n.driver AND p.conductor_group = lower(coalesce(n.conductor_group, '')))
            ORDER BY 1, 2 LIMIT $1".into(),

        count_pair: "SELECT count(*) - count(h.seq) AS nodes, count(h.seq) AS held
            FROM nodes n LEFT JOIN nodewarden_changes h ON h.held = n.uuid
            WHERE n.driver = $1 AND lower(coalesce(n.conductor_group, '')) = $2 AND length(CAST(n.uuid AS BLOB)) <= 255".into(),
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
