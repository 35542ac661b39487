//! The statements over the nodes, said in the [`Words`] of a database and a kind of table.
//!
//! Rows are locked before they are changed, and those that another session has locked are passed by.
//! What is bounded on one side of a join is bounded on the other as well: over tables that were
//! never analysed a planner reads a whole one otherwise. Whether a node is held is looked up for each
//! node (`NOT EXISTS`): `NOT IN` becomes a scan for each node once its table outgrows memory.

use super::holds::{MARK, around, bounded, due, freed, gone, mark, ours_to_end};
use super::words::{Kind, Words};
use super::{Inventory, each, survey, updates};

/// By the pair's decisions, so that the holds of all other pairs are not even looked at.
const OF_PAIR: &str = " AND c.decision IN (DECISIONS)";

/// Of one node.
const OF_NODE: &str = " AND c.held = $5";

/// All statements over one table of nodes.
pub fn inventory(words: &Words) -> Inventory {
    let release = |of: &str, last: fn(&Words, &str) -> String| {
        let mut statements = vec![removed(words, of)];
        if words.kind != Kind::Native {
            statements.push(lifted(words, of));
        }
        statements.push(last(words, of));
        statements
    };
    let of_pair = |last: fn(&Words, &str) -> String| -> Vec<(String, String)> {
        let statements = release(OF_PAIR, last);
        statements
            .iter()
            .map(|statement| around(statement))
            .collect()
    };
    Inventory {
        schema: schema(words).into(),
        pair_window: pair_window(words),
        hold: hold(words),
        size_of_each: each::size(words),
        hold_each: each::hold(words),
        mark_out: updates::mark_out(words),
        not_marked_out: updates::not_marked_out(words),
        left_in: left_in(words),
        untaken_each: each::untaken(words),
        release: release("", returned),
        release_of_pair: of_pair(returned),
        release_by_hand: release("", by_hand),
        release_by_hand_of_pair: of_pair(by_hand),
        release_by_hand_of_node: release(OF_NODE, by_hand),
        mark_in: updates::mark_in(words),
        not_marked_in: updates::not_marked_in(words),
        left_out: left_out(words),
        relabel: updates::relabel(words),
        mark_again: updates::mark_again(words),
        all_window: all_window(words),
        unmark_strays: updates::unmark_strays(words),
        survey_all: survey::all(words),
        survey_open: survey::open(words).into(),
        survey_pair: untaken(words),
        survey_held: survey::held(words),
        survey_holds: survey::holds(words),
        survey_marks: survey::marks(words),
        survey_strays: survey::strays(words),
        survey_keyless: survey::keyless(words),
        unneeded: unneeded(words),
        needed: needed(words),
        count_pair: count_pair(words),
        count_end: count_end(words),
        count_window: count_window(words),
        list: list(words, "nodes n", ""),
        list_of_pair: list(
            words,
            words.nodes_by_pair(),
            &format!(" AND {}", words.of_pair("$3", "$4")),
        ),
        see_node: format!("{} WHERE n.uuid = $1", see_node(words)),
        see_node_by_name: format!("{} WHERE n.name = $1 LIMIT 2", see_node(words)),
    }
}

fn schema(words: &Words) -> &'static str {
    match words.kind {
        Kind::Native => {
            "SELECT uuid, name, driver, conductor_group, maintenance, service_state, service_state_since_ms
            FROM nodes LIMIT 0"
        }
        Kind::Ironic(_) => {
            "SELECT uuid, name, driver, conductor_group, provision_state, instance_uuid, reservation, maintenance,
            maintenance_reason, fault, updated_at FROM nodes LIMIT 0"
        }
    }
}

fn pair_window(words: &Words) -> String {
    format!(
        "SELECT max(uuid) AS last, count(*) AS seen, count(CASE WHEN {too_long} > 255 THEN 1 END) AS skipped
        FROM (SELECT n.uuid FROM {nodes} WHERE {of_pair} AND n.uuid > $3{key}{walked}
            ORDER BY n.uuid LIMIT $4) AS w",
        too_long = words.bytes("uuid"),
        nodes = words.nodes_by_pair(),
        of_pair = words.of_pair("$1", "$2"),
        key = words.has_key(),
        walked = words.walked(),
    )
}

/// What of a window, from above `after` up to `last`, may be taken and is not held yet.
fn wanted(words: &Words, decision: &str, after: &str, last: &str) -> String {
    format!(
        "{} AND NOT EXISTS (SELECT 1 FROM nodewarden_changes h WHERE {}{}) AND {}",
        words.free(),
        words.has("h.held"),
        words.held_within("h.held", after, last),
        words.not_lifted(decision)
    )
}

fn hold(words: &Words) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms)
        SELECT $1 + row_number() OVER (ORDER BY uuid), uuid, name, uuid, $2, $3 FROM (
            SELECT n.uuid, {name} AS name FROM {nodes}
            WHERE {of_pair} AND n.uuid > $6 AND n.uuid <= $7 AND {wanted}{lock}) AS locked",
        name = words.name(),
        nodes = words.nodes_by_pair(),
        of_pair = words.of_pair("$4", "$5"),
        wanted = wanted(words, "$2", "$6", "$7"),
        lock = words.lock(),
    )
}

fn left_in(words: &Words) -> String {
    if words.lock().is_empty() {
        return String::new();
    }
    untaken(words)
}

/// How many nodes of a window of a lost pair should be out and are not held.
fn untaken(words: &Words) -> String {
    format!(
        "SELECT count(*) AS nodes FROM {nodes}
        WHERE {of_pair} AND n.uuid > $3 AND n.uuid <= $4 AND {wanted}",
        nodes = words.nodes_by_pair(),
        of_pair = words.of_pair("$1", "$2"),
        wanted = wanted(words, "$5", "$3", "$4"),
    )
}

/// Where holds come from: those of a pair by its decisions, all others by their keys.
fn holds(words: &Words, of: &str) -> &'static str {
    match of {
        OF_PAIR => "nodewarden_changes c",
        _ => words.holds(),
    }
}

/// Ends the holds of a window whose node is gone.
fn removed(words: &Words, of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY c.decision, c.held), c.held, c.name, NULL, c.decision, $2,
            'node_removed', c.seq
        FROM {gone}{of}",
        gone = gone(words, holds(words, of), "$3", "$4"),
    )
}

/// Ends the holds of a window whose mark an operator lifted or made their own.
fn lifted(words: &Words, of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends, lifted)
        SELECT $1 + row_number() OVER (ORDER BY decision, uuid), uuid, name, NULL, decision, $2, 'node_changed', seq,
            uuid
        FROM (
            SELECT c.seq, c.held AS uuid, {name} AS name, c.decision FROM {freed}{of}{lock}) AS locked",
        name = words.name(),
        freed = freed(words, holds(words, of), "$3", "$4"),
        lock = words.lock(),
    )
}

/// Ends the holds of a window whose node needs an active pair now.
fn returned(words: &Words, of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY decision, back, uuid), uuid, name, NULL, decision, $2, back, seq FROM (
            SELECT c.seq, c.held AS uuid, {name} AS name, c.decision,
                CASE WHEN p.driver = d.driver AND p.conductor_group = d.conductor_group
                    THEN 'driver_restored' ELSE 'node_changed' END AS back
            FROM {due}{of}{lock}) AS locked",
        name = words.name(),
        due = due(words, holds(words, of), "$3", "$4"),
        lock = words.lock(),
    )
}

/// Ends the holds of a window that an operator wants to end.
fn by_hand(words: &Words, of: &str) -> String {
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back, ends)
        SELECT $1 + row_number() OVER (ORDER BY decision, uuid), uuid, name, NULL, decision, $2, 'released', seq FROM (
            SELECT c.seq, c.held AS uuid, {name} AS name, c.decision
            FROM {holds} {mark} {join} nodes n ON {is}
            WHERE c.held > $3 AND c.held <= $4{bounded}{ours}{of}{lock}) AS locked",
        name = words.name(),
        holds = holds(words, of),
        join = words.then(),
        mark = mark(words, words.then()),
        is = words.is("c.held"),
        bounded = bounded(words, "$3", "$4"),
        ours = ours_to_end(words),
        lock = words.lock(),
    )
}

fn left_out(words: &Words) -> (String, String) {
    if words.lock().is_empty() {
        return Default::default();
    }
    around(&format!(
        "SELECT c.decision, count(*) AS nodes FROM nodewarden_changes c {mark}
        {join} nodes n ON {is}
        {join} nodewarden_pairs p ON {needs}
        WHERE c.held > $1 AND c.held <= $2{bounded} AND p.state = 'active'{ours}{OF_PAIR} GROUP BY c.decision",
        join = words.then(),
        mark = mark(words, words.then()),
        is = words.is("c.held"),
        needs = words.needs(),
        bounded = bounded(words, "$1", "$2"),
        ours = ours_to_end(words),
    ))
}

fn all_window(words: &Words) -> String {
    format!(
        "SELECT max(uuid) AS last, count(*) AS seen FROM (SELECT n.uuid FROM nodes n
            WHERE n.uuid > $1{} ORDER BY n.uuid LIMIT $2) AS w",
        words.has_key()
    )
}

fn unneeded(words: &Words) -> String {
    format!(
        "SELECT p.driver FROM nodewarden_pairs p WHERE p.driver = $2 AND p.conductor_group = $1
        AND NOT EXISTS (SELECT 1 FROM {nodes} WHERE {of_pair})
        AND NOT EXISTS (SELECT 1 FROM nodewarden_decisions d WHERE d.driver = $2 AND d.conductor_group = $1
            AND d.may_hold = 1 AND {last} IS NOT NULL)",
        last = words.last_held(),
        nodes = words.nodes_by_pair(),
        of_pair = words.of_pair("$1", "$2"),
    )
}

fn needed(words: &Words) -> String {
    format!(
        "SELECT n.uuid FROM {nodes} WHERE {of_pair} LIMIT 1",
        nodes = words.nodes_by_pair(),
        of_pair = words.of_pair("$1", "$2"),
    )
}

fn count_pair(words: &Words) -> String {
    format!(
        "SELECT count(CASE WHEN c.held IS NULL AND {free} THEN 1 END) AS nodes, count(c.seq) AS held
        FROM {nodes} LEFT JOIN nodewarden_changes c ON {has} WHERE {of_pair}",
        free = words.free(),
        nodes = words.nodes_by_pair(),
        has = words.has("c.held"),
        of_pair = words.of_pair("$1", "$2"),
    )
}

/// Nodes are counted as they lie in the table: on SQLite by row, elsewhere by key.
fn count_end(words: &Words) -> String {
    format!(
        "SELECT {last} AS last, count(*) AS seen FROM (SELECT {place} AS place FROM {nodes}
            WHERE {place} > {after} ORDER BY {place} LIMIT $2) AS w",
        last = words.place_as_text("max(place)"),
        place = words.place(),
        nodes = words.nodes_by_place(),
        after = words.place_of("$1"),
    )
}

fn count_window(words: &Words) -> String {
    format!(
        "SELECT {group} AS conductor_group, {driver} AS driver, count(*) AS nodes FROM {nodes}
        WHERE {place} > {after} AND {place} <= {last} AND {names} GROUP BY 1, 2",
        group = words.group(),
        driver = words.driver(),
        nodes = words.nodes_by_place(),
        place = words.place(),
        after = words.place_of("$1"),
        last = words.place_of("$2"),
        names = words.names_a_pair(),
    )
}

/// The page is taken first: what holds its nodes is looked up for each of them alone.
fn list(words: &Words, nodes: &str, of: &str) -> String {
    let (own, since) = match words.kind {
        Kind::Native => (
            ", n.service_state_since_ms AS own_since_ms",
            "n.own_since_ms",
        ),
        Kind::Ironic(_) => ("", "c.since_ms"),
    };
    format!(
        "SELECT n.uuid, n.name, n.listed_group AS conductor_group, n.driver, n.maintenance, {since} AS state_since_ms,
            c.since_ms AS held_since_ms, d.decision_id, d.conductor_group AS held_group, d.driver AS held_driver,
            d.verdict, d.cause, d.cause_event, d.cause_conductor
        FROM (SELECT n.uuid, n.name, {group} AS listed_group, n.driver, n.maintenance{own}
            FROM {nodes} WHERE n.uuid > $1{key}{of} ORDER BY n.uuid LIMIT $2) AS n
        LEFT JOIN nodewarden_changes c ON {has}
        LEFT JOIN nodewarden_decisions d ON d.number = c.decision
        ORDER BY n.uuid",
        group = words.group(),
        key = words.has_key(),
        has = words.has("c.held"),
    )
}

fn see_node(words: &Words) -> String {
    let (group, free) = (words.group(), words.free());
    match words.kind {
        Kind::Native => format!(
            "SELECT n.uuid, n.name, {group} AS conductor_group, n.driver, n.maintenance, n.service_state,
            n.service_state_since_ms, {free} AS free, NULL AS lifted, FALSE AS ours FROM nodes n"
        ),
        Kind::Ironic(_) => format!(
            "SELECT n.uuid, n.name, {group} AS conductor_group, n.driver, n.maintenance,
            CASE WHEN c.held IS NULL THEN 'in_service' ELSE 'out_of_service' END AS service_state,
            c.since_ms AS service_state_since_ms, CASE WHEN {free} THEN TRUE ELSE FALSE END AS free,
            (SELECT max(l.decision) FROM nodewarden_changes l WHERE {lifted}) AS lifted,
            CASE WHEN {ours} THEN TRUE ELSE FALSE END AS ours
            FROM nodes n LEFT JOIN nodewarden_changes c ON {held} LEFT JOIN {MARK}",
            lifted = words.has("l.lifted"),
            ours = words.marked_by_us(),
            held = words.has("c.held"),
        ),
    }
}
