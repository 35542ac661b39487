//! PostgreSQL's statements over the `nodes` of an OpenStack Ironic; the rules are in
//! `store/ironic.rs`.
//!
//! Our columns have the collation "C" and Ironic's the database's own: where the two meet, the one
//! whose index is wanted is named.

use super::Inventory;
use super::sqlite_native::OF_NODE;

/// What may be touched.
const FREE: &str =
    "n.provision_state = 'available' AND n.instance_uuid IS NULL AND n.reservation IS NULL
    AND NOT coalesce(n.maintenance, FALSE)";

/// What is provably still marked by us, for the decision `m`.
const OURS: &str = "n.maintenance AND n.fault = 'no active conductor'
    AND n.maintenance_reason = 'nodewarden: no active conductor supports this node''s driver; it comes back by itself (decision '
        || m.decision_id || ')'";

/// The pair that a node needs.
const PAIR: &str = "p.driver = n.driver COLLATE \"C\" AND p.conductor_group = lower(n.conductor_group COLLATE \"C\")";

/// Whose UUID is in the mark of the hold `c`.
const MARK: &str = "JOIN nodewarden_decisions m ON m.number = coalesce(c.marked, c.decision)";

const OF_PAIR: &str = " AND c.decision IN (SELECT number FROM nodewarden_decisions
    WHERE driver = $5 AND conductor_group = $6)";

/// Ends the holds of a window whose node is gone.
fn removed(of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY c.decision, c.held), c.held, c.name, NULL, c.decision, $2,
            'node_removed', c.seq
        FROM nodewarden_changes c
        WHERE c.held > $3 AND c.held <= $4
        AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.uuid = c.held COLLATE \"default\"){of}"
    )
}

/// Ends the holds of a window whose mark somebody else lifted or made their own.
fn lifted(of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends, lifted)
        SELECT $1 + row_number() OVER (ORDER BY decision, uuid), uuid, name, NULL, decision, $2, 'node_changed', seq,
            uuid
        FROM (
            SELECT c.seq, c.held AS uuid, n.name, c.decision
            FROM nodewarden_changes c {MARK} JOIN nodes n ON n.uuid = c.held COLLATE \"default\"
            WHERE c.held > $3 AND c.held <= $4 AND NOT coalesce({OURS}, FALSE){of}
            FOR UPDATE OF n SKIP LOCKED) AS locked"
    )
}

/// Ends the holds of a window whose node needs an active pair now and is not reserved.
fn returned(of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY decision, back, uuid), uuid, name, NULL, decision, $2, back, seq FROM (
            SELECT c.seq, c.held AS uuid, n.name, c.decision,
                CASE WHEN p.driver = d.driver AND p.conductor_group = d.conductor_group
                    THEN 'driver_restored' ELSE 'node_changed' END AS back
            FROM nodewarden_changes c {MARK}
            JOIN nodewarden_decisions d ON d.number = c.decision
            JOIN nodes n ON n.uuid = c.held COLLATE \"default\"
            JOIN nodewarden_pairs p ON {PAIR}
            WHERE c.held > $3 AND c.held <= $4 AND p.state = 'active' AND n.reservation IS NULL AND {OURS}{of}
            FOR UPDATE OF n SKIP LOCKED) AS locked"
    )
}

/// Ends the holds of a window by an operator's command, unless somebody has reserved the node.
fn by_hand(of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY decision, uuid), uuid, name, NULL, decision, $2, 'released', seq FROM (
            SELECT c.seq, c.held AS uuid, n.name, c.decision
            FROM nodewarden_changes c {MARK} JOIN nodes n ON n.uuid = c.held COLLATE \"default\"
            WHERE c.held > $3 AND c.held <= $4 AND n.reservation IS NULL AND {OURS}{of}
            FOR UPDATE OF n SKIP LOCKED) AS locked"
    )
}

pub fn inventory() -> Inventory {
    let see_node = "SELECT n.uuid, n.name, lower(n.conductor_group COLLATE \"C\") AS conductor_group, n.driver, n.maintenance,
        CASE WHEN c.held IS NULL THEN 'in_service' ELSE 'out_of_service' END AS service_state,
        c.since_ms AS service_state_since_ms
        FROM nodes n LEFT JOIN nodewarden_changes c ON c.held = n.uuid COLLATE \"C\"";
    let wanted = format!(
        "{FREE} AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE h.held = n.uuid COLLATE \"C\")"
    );
    Inventory {
        schema: "SELECT uuid, name, driver, conductor_group, provision_state, instance_uuid, reservation, maintenance,
            maintenance_reason, fault, updated_at FROM nodes LIMIT 0".into(),

        pair_window: format!("SELECT max(uuid) AS last, count(*) AS seen, CAST(0 AS BIGINT) AS skipped
            FROM (SELECT n.uuid FROM nodes n WHERE n.driver = $1 AND lower(n.conductor_group COLLATE \"C\") = $2
            AND n.uuid > $3 AND {FREE} ORDER BY n.uuid LIMIT $4) AS w"),
        hold: format!("INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms)
            SELECT $1 + row_number() OVER (ORDER BY uuid), uuid, name, uuid, $2, $3 FROM (
                SELECT n.uuid, n.name FROM nodes n
                WHERE n.driver = $4 AND lower(n.conductor_group COLLATE \"C\") = $5 AND n.uuid > $6 AND n.uuid <= $7
                AND {wanted}
                AND NOT EXISTS (SELECT 1 FROM nodewarden_changes l WHERE l.lifted = n.uuid COLLATE \"C\" AND l.decision = $2)
                FOR UPDATE OF n SKIP LOCKED) AS locked"),
        mark_out: "UPDATE nodes n SET maintenance = TRUE, fault = 'no active conductor',
            maintenance_reason = 'nodewarden: no active conductor supports this node''s driver; it comes back by itself (decision '
                || $4 || ')', updated_at = now() AT TIME ZONE 'UTC'
            FROM nodewarden_changes c WHERE c.seq > $2 AND c.seq <= $3 AND n.uuid = c.uuid COLLATE \"default\"".into(),
        left_in: format!("SELECT count(*) AS nodes FROM nodes n
            WHERE n.driver = $1 AND lower(n.conductor_group COLLATE \"C\") = $2 AND n.uuid > $3 AND n.uuid <= $4 AND {wanted}
            AND NOT EXISTS (SELECT 1 FROM nodewarden_changes l WHERE l.lifted = n.uuid COLLATE \"C\" AND l.decision = $5)"),

        release: vec![removed(""), lifted(""), returned("")],
        release_of_pair: vec![removed(OF_PAIR), lifted(OF_PAIR), returned(OF_PAIR)],
        release_by_hand: vec![removed(""), lifted(""), by_hand("")],
        release_by_hand_of_pair: vec![removed(OF_PAIR), lifted(OF_PAIR), by_hand(OF_PAIR)],
        release_by_hand_of_node: vec![removed(OF_NODE), lifted(OF_NODE), by_hand(OF_NODE)],
        mark_in: format!("UPDATE nodes n SET maintenance = FALSE, fault = NULL, maintenance_reason = NULL,
            updated_at = now() AT TIME ZONE 'UTC'
            FROM nodewarden_changes b JOIN nodewarden_changes c ON c.seq = b.ends {MARK}
            WHERE b.seq > $2 AND b.seq <= $3 AND b.back <> 'node_removed' AND n.uuid = b.uuid COLLATE \"default\" AND n.reservation IS NULL AND {OURS}"),
        left_out: format!("SELECT count(*) AS nodes FROM nodewarden_changes c {MARK}
            JOIN nodes n ON n.uuid = c.held COLLATE \"default\"
            JOIN nodewarden_pairs p ON {PAIR}
            WHERE c.held > $1 AND c.held <= $2 AND p.state = 'active' AND n.reservation IS NULL AND {OURS}
            AND c.decision IN (SELECT number FROM nodewarden_decisions WHERE driver = $3 AND conductor_group = $4)"),
        relabel: format!("UPDATE nodewarden_changes SET decision = moved.decision, marked = moved.marked FROM (
                SELECT c.seq, p.decision, coalesce(c.marked, c.decision) AS marked FROM nodewarden_changes c
                JOIN nodewarden_decisions d ON d.number = c.decision
                JOIN nodes n ON n.uuid = c.held COLLATE \"default\"
                JOIN nodewarden_pairs p ON {PAIR}
                JOIN nodewarden_decisions o ON o.number = p.decision AND NOT o.observed
                WHERE c.held > $1 AND c.held <= $2 AND p.state = 'lost'
                AND (d.driver <> p.driver OR d.conductor_group <> p.conductor_group)) AS moved
            WHERE nodewarden_changes.seq = moved.seq"),
        mark_again: String::new(),

        all_window: "SELECT max(uuid) AS last, count(*) AS seen FROM (SELECT uuid FROM nodes
            WHERE uuid > $1 ORDER BY uuid LIMIT $2) AS w".into(),
        unmark_strays: String::new(),

        unneeded: "SELECT p.driver FROM nodewarden_pairs p WHERE p.driver = $1 AND p.conductor_group = $2
            AND NOT EXISTS (SELECT 1 FROM nodes n
                WHERE n.driver = $1 AND lower(n.conductor_group COLLATE \"C\") = $2)
            AND NOT EXISTS (SELECT 1 FROM nodewarden_changes c WHERE c.held IS NOT NULL AND c.decision IN (
                SELECT number FROM nodewarden_decisions d WHERE d.driver = $1 AND d.conductor_group = $2))".into(),

        unknown_pairs: format!("SELECT DISTINCT lower(n.conductor_group COLLATE \"C\") AS conductor_group, n.driver COLLATE \"C\" AS driver FROM nodes n
            WHERE octet_length(n.driver) BETWEEN 1 AND 255 AND octet_length(n.conductor_group) <= 255
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE {PAIR})
            ORDER BY 1, 2 LIMIT $1"),

        count_pair: format!("SELECT count(CASE WHEN c.held IS NULL AND {FREE} THEN 1 END) AS nodes, count(c.seq) AS held
            FROM nodes n LEFT JOIN nodewarden_changes c ON c.held = n.uuid COLLATE \"C\"
            WHERE n.driver = $1 AND lower(n.conductor_group COLLATE \"C\") = $2"),
        count_pairs: "SELECT lower(n.conductor_group COLLATE \"C\") AS conductor_group, n.driver,
            count(*) AS nodes, count(c.seq) AS held
            FROM nodes n LEFT JOIN nodewarden_changes c ON c.held = n.uuid COLLATE \"C\"
            WHERE n.driver IS NOT NULL GROUP BY 1, 2".into(),
        count_all: "SELECT (SELECT count(*) FROM nodes) AS nodes,
            (SELECT count(*) FROM nodewarden_changes WHERE held IS NOT NULL) AS held".into(),
        see_node: format!("{see_node} WHERE n.uuid = $1"),
        see_node_by_name: format!("{see_node} WHERE n.name = $1 ORDER BY n.uuid LIMIT 2"),
    }
}
