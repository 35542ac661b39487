//! MySQL's and MariaDB's statements over the `nodes` of an OpenStack Ironic; the rules are in
//! `store/ironic.rs`.
//!
//! Ironic's texts have whatever character set and collation its database was made with, mostly one
//! that ignores case. Keys are looked up in that collation, for its index, and names are compared
//! as bytes beside it. What is changed is found from our own rows (`STRAIGHT_JOIN`): a plan that
//! begins with all nodes would wait for every one that somebody has locked.

use super::sqlite_native::OF_NODE;
use super::{Inventory, Keys};

/// What may be touched.
const FREE: &str =
    "n.provision_state = 'available' AND n.instance_uuid IS NULL AND n.reservation IS NULL
    AND coalesce(n.maintenance, 0) = 0";

/// What is provably still marked by us, for the decision `m`.
const OURS: &str = "n.maintenance = 1 AND n.fault = 'no active conductor'
    AND CAST(CONVERT(n.maintenance_reason USING utf8mb4) AS CHAR CHARACTER SET binary) = concat(
        'nodewarden: no active conductor supports this node''s driver; it comes back by itself (decision ',
        m.decision_id, ')')";

/// As bytes; the group in ASCII lower case (the Hebrew character set has no case of its own).
const DRIVER: &str = "CAST(CONVERT(n.driver USING utf8mb4) AS CHAR CHARACTER SET binary)";
const GROUP: &str = "CAST(lower(CONVERT(CAST(CONVERT(n.conductor_group USING utf8mb4)
    AS CHAR CHARACTER SET binary) USING hebrew)) AS CHAR CHARACTER SET binary)";

/// Whose UUID is in the mark of the hold `c`.
const MARK: &str = "JOIN nodewarden_decisions m ON m.number = coalesce(c.marked, c.decision)";

const OF_PAIR: &str = " AND c.decision IN (SELECT number FROM nodewarden_decisions
    WHERE driver = $5 AND conductor_group = $6)";

/// The parts that depend on Ironic's keys.
struct Words {
    keys: Keys,
}

impl Words {
    /// The node whose key is in a column of ours.
    fn node(&self, ours: &str) -> String {
        format!("n.uuid = {}", self.keys.of(ours))
    }

    /// The node to change whose key is in a column of ours. An UPDATE locks every row that it reads,
    /// and waits for those of others: it must look up that one alone, however small the table is.
    fn changed(&self, ours: &str) -> String {
        format!("nodes n {} ON {}", self.keys.by_key(), self.node(ours))
    }

    /// Ends the holds of a window whose node is gone.
    fn removed(&self, of: &str) -> String {
        format!(
            "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
            SELECT $1 + row_number() OVER (ORDER BY c.decision, c.held), c.held, c.name, NULL, c.decision, $2,
                'node_removed', c.seq
            FROM nodewarden_changes c
            WHERE c.held > $3 AND c.held <= $4
            AND NOT EXISTS (SELECT 1 FROM nodes n WHERE {node}){of}",
            node = self.node("c.held"),
        )
    }

    /// Ends the holds of a window whose mark somebody else lifted or made their own.
    fn lifted(&self, of: &str) -> String {
        format!(
            "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends, lifted)
            SELECT $1 + row_number() OVER (ORDER BY decision, uuid), uuid, name, NULL, decision, $2, 'node_changed',
                seq, uuid
            FROM (
                SELECT c.seq, c.held AS uuid, n.name, c.decision
                FROM nodewarden_changes c {MARK} JOIN nodes n ON {node}
                WHERE c.held > $3 AND c.held <= $4 AND NOT coalesce({OURS}, 0){of}
                FOR UPDATE SKIP LOCKED) AS locked",
            node = self.node("c.held"),
        )
    }

    /// Ends the holds of a window whose node needs an active pair now and is not reserved.
    fn returned(&self, of: &str) -> String {
        format!(
            "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
            SELECT $1 + row_number() OVER (ORDER BY decision, back, uuid), uuid, name, NULL, decision, $2, back, seq
            FROM (
                SELECT c.seq, c.held AS uuid, n.name, c.decision,
                    CASE WHEN p.driver = d.driver AND p.conductor_group = d.conductor_group
                        THEN 'driver_restored' ELSE 'node_changed' END AS back
                FROM nodewarden_changes c {MARK}
                JOIN nodewarden_decisions d ON d.number = c.decision
                JOIN nodes n ON {node}
                JOIN nodewarden_pairs p ON p.driver = {DRIVER} AND p.conductor_group = {GROUP}
                WHERE c.held > $3 AND c.held <= $4 AND p.state = 'active' AND n.reservation IS NULL AND {OURS}{of}
                FOR UPDATE SKIP LOCKED) AS locked",
            node = self.node("c.held"),
        )
    }

    /// Ends the holds of a window by an operator's command, unless somebody has reserved the node.
    fn by_hand(&self, of: &str) -> String {
        format!(
            "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
            SELECT $1 + row_number() OVER (ORDER BY decision, uuid), uuid, name, NULL, decision, $2, 'released', seq
            FROM (
                SELECT c.seq, c.held AS uuid, n.name, c.decision
                FROM nodewarden_changes c {MARK} JOIN nodes n ON {node}
                WHERE c.held > $3 AND c.held <= $4 AND n.reservation IS NULL AND {OURS}{of}
                FOR UPDATE SKIP LOCKED) AS locked",
            node = self.node("c.held"),
        )
    }
}

pub fn inventory(keys: Keys) -> Inventory {
    let of_pair = |driver: &str, group: &str| {
        format!(
            "n.driver = {} AND {DRIVER} = {driver} AND {GROUP} = {group}",
            keys.of(driver)
        )
    };
    let see_node = format!(
        "SELECT n.uuid, n.name, {GROUP} AS conductor_group, n.driver, n.maintenance,
        CASE WHEN c.held IS NULL THEN 'in_service' ELSE 'out_of_service' END AS service_state,
        c.since_ms AS service_state_since_ms
        FROM nodes n LEFT JOIN nodewarden_changes c ON c.held = CONVERT(n.uuid USING utf8mb4) COLLATE utf8mb4_bin"
    );
    let wanted = format!(
        "{FREE} AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h
            WHERE h.held = CONVERT(n.uuid USING utf8mb4) COLLATE utf8mb4_bin)"
    );
    let not_lifted = |decision: &str| {
        format!(
            "NOT EXISTS (SELECT 1 FROM nodewarden_changes l
            WHERE l.lifted = CONVERT(n.uuid USING utf8mb4) COLLATE utf8mb4_bin AND l.decision = {decision})"
        )
    };
    let words = Words { keys: keys.clone() };
    Inventory {
        schema: "SELECT uuid, name, driver, conductor_group, provision_state, instance_uuid, reservation, maintenance,
            maintenance_reason, fault, updated_at FROM nodes LIMIT 0".into(),

        pair_window: format!("SELECT max(uuid) AS last, count(*) AS seen, CAST(0 AS SIGNED) AS skipped
            FROM (SELECT n.uuid FROM nodes n WHERE {} AND n.uuid > $3 AND {FREE} ORDER BY n.uuid LIMIT $4) AS w",
            of_pair("$1", "$2")),
        hold: format!("INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms)
            SELECT $1 + row_number() OVER (ORDER BY uuid), uuid, name, uuid, $2, $3 FROM (
                SELECT n.uuid, n.name FROM nodes n
                WHERE {} AND n.uuid > $6 AND n.uuid <= $7 AND {wanted} AND {}
                FOR UPDATE SKIP LOCKED) AS locked",
            of_pair("$4", "$5"), not_lifted("$2")),
        mark_out: format!("UPDATE nodewarden_changes c STRAIGHT_JOIN {}
            SET n.maintenance = 1, n.fault = 'no active conductor', n.maintenance_reason = concat(
                'nodewarden: no active conductor supports this node''s driver; it comes back by itself (decision ',
                $4, ')'), n.updated_at = utc_timestamp()
            WHERE c.seq > $2 AND c.seq <= $3", words.changed("c.uuid")),
        left_in: format!("SELECT count(*) AS nodes FROM nodes n
            WHERE {} AND n.uuid > $3 AND n.uuid <= $4 AND {wanted} AND {}",
            of_pair("$1", "$2"), not_lifted("$5")),

        release: vec![words.removed(""), words.lifted(""), words.returned("")],
        release_of_pair: vec![words.removed(OF_PAIR), words.lifted(OF_PAIR), words.returned(OF_PAIR)],
        release_by_hand: vec![words.removed(""), words.lifted(""), words.by_hand("")],
        release_by_hand_of_pair: vec![words.removed(OF_PAIR), words.lifted(OF_PAIR), words.by_hand(OF_PAIR)],
        release_by_hand_of_node: vec![words.removed(OF_NODE), words.lifted(OF_NODE), words.by_hand(OF_NODE)],
        mark_in: format!("UPDATE nodewarden_changes b STRAIGHT_JOIN nodewarden_changes c ON c.seq = b.ends
            STRAIGHT_JOIN nodewarden_decisions m ON m.number = coalesce(c.marked, c.decision)
            STRAIGHT_JOIN {}
            SET n.maintenance = 0, n.fault = NULL, n.maintenance_reason = NULL, n.updated_at = utc_timestamp()
            WHERE b.seq > $2 AND b.seq <= $3 AND b.back <> 'node_removed' AND n.reservation IS NULL AND {OURS}",
            words.changed("b.uuid")),
        left_out: format!("SELECT count(*) AS nodes FROM nodewarden_changes c {MARK}
            JOIN nodes n ON {}
            JOIN nodewarden_pairs p ON p.driver = {DRIVER} AND p.conductor_group = {GROUP}
            WHERE c.held > $1 AND c.held <= $2 AND p.state = 'active' AND n.reservation IS NULL AND {OURS}
            AND c.decision IN (SELECT number FROM nodewarden_decisions WHERE driver = $3 AND conductor_group = $4)",
            words.node("c.held")),
        relabel: format!("UPDATE (
                SELECT c.seq, p.decision, coalesce(c.marked, c.decision) AS marked FROM nodewarden_changes c
                JOIN nodewarden_decisions d ON d.number = c.decision
                JOIN nodes n ON {}
                JOIN nodewarden_pairs p ON p.driver = {DRIVER} AND p.conductor_group = {GROUP}
                JOIN nodewarden_decisions o ON o.number = p.decision AND NOT o.observed
                WHERE c.held > $1 AND c.held <= $2 AND p.state = 'lost'
                AND (d.driver <> p.driver OR d.conductor_group <> p.conductor_group)
                FOR UPDATE SKIP LOCKED) AS moved
            STRAIGHT_JOIN nodewarden_changes c ON c.seq = moved.seq
            SET c.marked = moved.marked, c.decision = moved.decision", words.node("c.held")),
        mark_again: String::new(),

        all_window: "SELECT max(uuid) AS last, count(*) AS seen FROM (SELECT uuid FROM nodes
            WHERE uuid > $1 ORDER BY uuid LIMIT $2) AS w".into(),
        unmark_strays: String::new(),

        unneeded: format!("SELECT driver FROM nodewarden_pairs WHERE driver = $1 AND conductor_group = $2
            AND NOT EXISTS (SELECT 1 FROM nodes n WHERE {})
            AND NOT EXISTS (SELECT 1 FROM nodewarden_changes c WHERE c.held IS NOT NULL AND c.decision IN (
                SELECT number FROM nodewarden_decisions d WHERE d.driver = $1 AND d.conductor_group = $2))",
            of_pair("$1", "$2")),

        unknown_pairs: format!("SELECT DISTINCT {GROUP} AS conductor_group, {DRIVER} AS driver FROM nodes n
            WHERE octet_length(CONVERT(n.driver USING utf8mb4)) BETWEEN 1 AND 255
            AND octet_length(CONVERT(n.conductor_group USING utf8mb4)) <= 255
            AND NOT EXISTS (SELECT 1 FROM nodewarden_pairs p WHERE p.driver = {DRIVER} AND p.conductor_group = {GROUP})
            ORDER BY 1, 2 LIMIT $1"),

        count_pair: format!("SELECT count(CASE WHEN c.held IS NULL AND {FREE} THEN 1 END) AS nodes, count(c.seq) AS held
            FROM nodes n LEFT JOIN nodewarden_changes c ON c.held = CONVERT(n.uuid USING utf8mb4) COLLATE utf8mb4_bin
            WHERE {}", of_pair("$1", "$2")),
        count_pairs: format!("SELECT {GROUP} AS conductor_group, {DRIVER} AS driver,
            count(*) AS nodes, count(c.seq) AS held
            FROM nodes n LEFT JOIN nodewarden_changes c ON c.held = CONVERT(n.uuid USING utf8mb4) COLLATE utf8mb4_bin
            WHERE n.driver IS NOT NULL GROUP BY 1, 2"),
        count_all: "SELECT (SELECT count(*) FROM nodes) AS nodes,
            (SELECT count(*) FROM nodewarden_changes WHERE held IS NOT NULL) AS held".into(),
        see_node: format!("{see_node} WHERE n.uuid = $1"),
        see_node_by_name: format!("{see_node} WHERE n.name = $1 ORDER BY n.uuid LIMIT 2"),
    }
}
