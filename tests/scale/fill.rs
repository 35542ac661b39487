//! Filling all tables by statements, with the rows that the worker would have written.
//!
//! Nodes have uuids in no order. Every lost pair has nodes that are held and some that are not yet;
//! some held nodes are gone, need another pair now, or are marked otherwise, and some are marked
//! without a hold: whatever a window is made for, it finds some of it.

use nodewarden::config::InventoryKind;
use nodewarden_tests::database::Kind;

use crate::fleet::{Age, Fleet, KEPT_FROM, NOW};

/// Ironic's tables, as far as they matter.
pub fn ironic_tables(kind: Kind) -> String {
    let options = match kind {
        Kind::MySql => "DEFAULT CHARSET = utf8mb3 COLLATE = utf8mb3_general_ci",
        Kind::Sqlite | Kind::Postgres => "",
    };
    let time = if kind == Kind::Postgres {
        "TIMESTAMP"
    } else {
        "DATETIME"
    };
    format!(
        "CREATE TABLE nodes (uuid VARCHAR(36) UNIQUE, name VARCHAR(255) UNIQUE, driver VARCHAR(255),
            conductor_group VARCHAR(255) NOT NULL DEFAULT '', provision_state VARCHAR(15),
            instance_uuid VARCHAR(36), reservation VARCHAR(255), maintenance BOOLEAN, maintenance_reason TEXT,
            fault VARCHAR(255), version VARCHAR(15), updated_at {time}) {options};
         CREATE INDEX driver_idx ON nodes (driver);
         CREATE INDEX conductor_group_idx ON nodes (conductor_group);
         CREATE INDEX provision_state_idx ON nodes (provision_state);
         CREATE INDEX reservation_idx ON nodes (reservation);
         CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);
         INSERT INTO alembic_version VALUES ('9fb44677ef15')"
    )
}

/// How each database says it.
struct Says(Kind);

impl Says {
    /// Numbers `i` from 0, so many.
    fn series(&self, many: u64) -> String {
        let last = many.max(1) - 1;
        match self.0 {
            Kind::Sqlite => format!(
                "(WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < {last}) SELECT i FROM s) s"
            ),
            Kind::Postgres => format!("generate_series(CAST(0 AS BIGINT), {last}) AS s(i)"),
            Kind::MySql => format!("(SELECT seq AS i FROM seq_0_to_{last}) s"),
        }
    }

    fn div(&self, one: &str, by: u64) -> String {
        match self.0 {
            Kind::MySql => format!("({one} DIV {by})"),
            Kind::Sqlite | Kind::Postgres => format!("({one} / {by})"),
        }
    }

    /// The uuid of the node `i`: neighbours in number lie far apart.
    fn uuid(&self) -> &'static str {
        match self.0 {
            Kind::Sqlite => "printf('%08x-0000-4000-8000-%012x', (i * 2654435761) % 4294967296, i)",
            Kind::Postgres => {
                "concat(lpad(to_hex((i * 2654435761) % 4294967296), 8, '0'), '-0000-4000-8000-', lpad(to_hex(i), 12, '0'))"
            }
            Kind::MySql => {
                "lower(concat(lpad(hex((i * 2654435761) % 4294967296), 8, '0'), '-0000-4000-8000-', lpad(hex(i), 12, '0')))"
            }
        }
    }

    fn digest(&self) -> &'static str {
        match self.0 {
            Kind::Sqlite => "zeroblob(32)",
            Kind::Postgres => "decode(repeat('00', 32), 'hex')",
            Kind::MySql => "repeat(x'00', 32)",
        }
    }

    /// Bounds the size of what one statement has to sort.
    fn analyse(&self, table: &str) -> String {
        match self.0 {
            Kind::Sqlite | Kind::Postgres => format!("ANALYZE {table}"),
            Kind::MySql => format!("ANALYZE TABLE {table}"),
        }
    }
}

/// The statements that fill `fleet`.
pub fn statements(fleet: &Fleet) -> Vec<String> {
    let says = Says(fleet.scratch.kind);
    let mut all = Vec::new();
    if fleet.scratch.kind == Kind::Postgres {
        // Else a table is analysed in the middle of a story now and then, and plans change with it.
        let tables = ["nodes"].into_iter().chain(OURS);
        all.extend(
            tables.map(|table| format!("ALTER TABLE {table} SET (autovacuum_enabled = false)")),
        );
    }
    all.push(pairs(fleet, &says));
    all.extend(decisions(fleet, &says));
    all.push(nodes(fleet, &says));
    all.push(holds(fleet, &says));
    all.extend(history(fleet, &says));
    all.push(events(fleet, &says));
    all.push(conductors(fleet, &says));
    all.push(counters(fleet));
    if fleet.age == Age::Old {
        let tables = ["nodes"].into_iter().chain(OURS);
        all.extend(tables.map(|table| says.analyse(table)));
    }
    all
}

const OURS: [&str; 7] = [
    "nodewarden_pairs",
    "nodewarden_decisions",
    "nodewarden_changes",
    "nodewarden_announcements",
    "nodewarden_events",
    "nodewarden_conductors",
    "nodewarden_requests",
];

/// The small pair `p` of the node `i`, or the big one.
fn of_node(fleet: &Fleet, says: &Says, small: &str, big: &str) -> String {
    let pair = format!("({} % {})", says.div("i", 2), fleet.pairs);
    let small = small.replace("PAIR", &pair);
    format!("CASE WHEN i % 2 = 0 THEN {big} ELSE {small} END")
}

fn driver_of(pair: &str) -> String {
    format!("concat('d', {pair} % 20)")
}

fn group_of(says: &Says, pair: &str) -> String {
    format!("concat('g', {})", says.div(pair, 20))
}

/// The last decision of a small pair; that of the big one is before them.
fn decision_of(fleet: &Fleet, pair: &str) -> String {
    format!("({} + 2 + {pair})", fleet.old_decisions())
}

/// The small pairs, the big one, some that nothing needs, and some that were never known.
fn pairs(fleet: &Fleet, says: &Says) -> String {
    let first = fleet.old_decisions() + 1;
    format!(
        "INSERT INTO nodewarden_pairs (conductor_group, driver, state, since_ms, decision)
         SELECT {group}, {driver}, CASE WHEN i % 2 = 0 THEN 'lost' ELSE 'active' END, 1, {decision} FROM {series};
         INSERT INTO nodewarden_pairs (conductor_group, driver, state, since_ms, decision)
         VALUES ('', 'big', 'lost', 1, {first});
         INSERT INTO nodewarden_pairs (conductor_group, driver, state, since_ms)
         SELECT 'empty', concat('e', i), 'active', 1 FROM {some};
         INSERT INTO nodewarden_pairs (conductor_group, driver, state, since_ms, decision)
         SELECT 'unknown', concat('u', i), 'lost', 1, {unknown} + i FROM {some}",
        group = group_of(says, "i"),
        driver = driver_of("i"),
        decision = decision_of(fleet, "i"),
        series = says.series(fleet.pairs),
        some = says.series(100),
        unknown = first + fleet.pairs + 1,
    )
}

fn decisions(fleet: &Fleet, says: &Says) -> Vec<String> {
    let columns = "INSERT INTO nodewarden_decisions (number, decision_id, conductor_group, driver, verdict, cause,
        epoch, decided_at_ms, completed_at_ms)";
    let old = fleet.old_decisions();
    let mut all = vec![format!(
        "{columns} SELECT {decision}, concat('decision-', {decision}), {group}, {driver},
            CASE WHEN i % 2 = 0 THEN 'lost' ELSE 'restored' END, 'silence', 1, 1,
            CASE WHEN i % 20 <> 1 THEN 2 END FROM {series};
         {columns} VALUES ({first}, 'decision-{first}', '', 'big', 'lost', 'silence', 1, 1, NULL);
         {columns} SELECT {unknown} + i, concat('decision-', {unknown} + i), 'unknown', concat('u', i), 'unknown',
            'never_seen', 1, 1, 2 FROM {some}",
        decision = decision_of(fleet, "i"),
        group = group_of(says, "i"),
        driver = driver_of("i"),
        series = says.series(fleet.pairs),
        some = says.series(100),
        first = old + 1,
        unknown = old + 2 + fleet.pairs,
    )];
    if old > 0 {
        // A tenth of them are about the big pair.
        all.push(format!(
            "{columns} SELECT i + 1, concat('decision-', i + 1),
                CASE WHEN i % 10 = 0 THEN '' ELSE {group} END, CASE WHEN i % 10 = 0 THEN 'big' ELSE {driver} END,
                CASE WHEN i % 2 = 0 THEN 'lost' ELSE 'restored' END, 'silence', 1, 1,
                CASE WHEN i % 4 < 2 THEN 1 ELSE {KEPT_FROM} + i END FROM {series}",
            group = group_of(says, &format!("(i % {})", fleet.pairs)),
            driver = driver_of(&format!("(i % {})", fleet.pairs)),
            series = says.series(old),
        ));
    }
    all
}

/// The pair `small(5)` was lost so many times more, as an older version remembers it.
pub fn lost_before(fleet: &Fleet, times: u64) -> String {
    let says = Says(fleet.scratch.kind);
    let last = format!("({} + {times})", fleet.last_decision());
    let mut all = format!(
        "INSERT INTO nodewarden_decisions (number, decision_id, conductor_group, driver, verdict, cause, epoch,
            decided_at_ms, completed_at_ms)
         SELECT {last} - i, concat('before-', i), 'g0', 'd5', CASE WHEN i % 2 = 0 THEN 'restored' ELSE 'lost' END,
            'silence', 1, 1, {KEPT_FROM} + 1 FROM {series};
         UPDATE nodewarden_state SET last_decision = {last};
         UPDATE nodewarden_pairs SET decision = {last} WHERE driver = 'd5' AND conductor_group = 'g0'",
        series = says.series(times),
    );
    if fleet.age == Age::Old {
        all = format!("{all}; {}", says.analyse("nodewarden_decisions"));
    }
    all
}

fn nodes(fleet: &Fleet, says: &Says) -> String {
    // Some need another pair by now, active, lost or unknown.
    let driver = format!(
        "CASE i % 128 WHEN 8 THEN 'd1' WHEN 12 THEN 'd2' WHEN 3 THEN 'never' ELSE {} END",
        of_node(fleet, says, &driver_of("PAIR"), "'big'")
    );
    let group = format!(
        "CASE i % 128 WHEN 8 THEN 'g0' WHEN 12 THEN 'g0' WHEN 3 THEN 'g1' ELSE {} END",
        of_node(fleet, says, &group_of(says, "PAIR"), "''")
    );
    // Some are gone, and the marks of some were lifted by hand.
    let held = format!("({} AND i % 128 <> 6)", held(fleet, says));
    let (uuid, series) = (says.uuid(), says.series(fleet.nodes));
    let decision = of_node(
        fleet,
        says,
        &decision_of(fleet, "PAIR"),
        &decision_of(fleet, "-1"),
    );
    match fleet.inventory {
        InventoryKind::Native => format!(
            "INSERT INTO nodes (uuid, name, driver, conductor_group, service_state)
             SELECT {uuid}, concat('node-', i), {driver}, {group},
                CASE WHEN {held} OR i % 64 = 1 THEN 'out_of_service' ELSE 'in_service' END FROM {series}
             WHERE i % 128 <> 4"
        ),
        InventoryKind::Ironic => format!(
            "INSERT INTO nodes (uuid, name, driver, conductor_group, provision_state, maintenance, fault,
                maintenance_reason)
             SELECT {uuid}, concat('node-', i), {driver}, {group}, 'available', {held},
                CASE WHEN {held} THEN 'no active conductor' END,
                CASE WHEN {held} THEN concat('nodewarden: no active conductor supports this node''s driver; \
                it comes back by itself (decision decision-', {decision}, ')') END
             FROM {series} WHERE i % 128 <> 4"
        ),
    }
}

/// The node `i` is held: its pair is lost, but for some that are to be taken out yet.
fn held(fleet: &Fleet, says: &Says) -> String {
    let lost = of_node(fleet, says, "(PAIR % 2)", "0");
    format!("({lost} = 0 AND i % 16 NOT IN (2, 5))")
}

/// The last change of each node: for some, that it is held.
fn holds(fleet: &Fleet, says: &Says) -> String {
    let decision = of_node(
        fleet,
        says,
        &decision_of(fleet, "PAIR"),
        &decision_of(fleet, "-1"),
    );
    format!(
        "INSERT INTO nodewarden_changes (seq, uuid, name, held, decision, since_ms, back)
         SELECT {base} + 1 + i, {uuid}, concat('node-', i), CASE WHEN {held} THEN {uuid} END, {decision},
            {KEPT_FROM} + i, CASE WHEN NOT {held} THEN 'driver_restored' END FROM {series}",
        base = past(fleet),
        uuid = says.uuid(),
        series = says.series(fleet.nodes),
        held = held(fleet, says),
    )
}

/// Changes that are no holds any more.
fn past(fleet: &Fleet) -> u64 {
    match fleet.age {
        Age::Young => 0,
        Age::Old => fleet.nodes,
    }
}

/// What was announced long ago and lately, and what is to be announced yet.
fn history(fleet: &Fleet, says: &Says) -> Vec<String> {
    let (past, old) = (past(fleet), fleet.old_decisions());
    let mut all = Vec::new();
    if past > 0 {
        let when = "CASE WHEN i % 2 = 0 THEN i ELSE 5000000000 + i END";
        all.push(format!(
            "INSERT INTO nodewarden_changes (seq, uuid, name, decision, since_ms, back, ends)
             SELECT i + 1, {uuid}, concat('node-', i), 1 + i % {old}, {when},
                CASE WHEN i % 4 > 1 THEN 'driver_restored' END, CASE WHEN i % 4 > 1 THEN i - 1 END FROM {series}",
            uuid = says.uuid(),
            series = says.series(past),
        ));
    }
    let (announced, last) = (past + fleet.nodes / 2, old + 1);
    all.push(format!(
        "INSERT INTO nodewarden_announcements (number, type, decision, reason, first_seq, last_seq, epoch,
            decided_at_ms, committed_at_ms, format)
         SELECT 1 + i, 'node.out_of_service', {decision}, 'driver_lost', 1 + i, 1 + i, 1, 1,
            CASE WHEN i % 2 = 0 AND i < {past} THEN i ELSE 5000000000 + i END, 1 FROM {series};
         UPDATE nodewarden_relay SET announced = {announced}",
        // What is kept speaks of decisions that are kept.
        decision = if old > 0 {
            format!("CASE WHEN i % 2 = 0 AND i < {past} THEN 1 + i % {old} ELSE {last} END")
        } else {
            "1".to_owned()
        },
        series = says.series(past + fleet.nodes),
    ));
    all
}

fn events(fleet: &Fleet, says: &Says) -> String {
    let due = fleet.age == Age::Old;
    format!(
        "INSERT INTO nodewarden_events (conductor, message_id, digest, type, outcome, received_at_ms)
         SELECT concat('c', i % {conductors}), concat('m', i), {digest}, 'conductor.heartbeat', 'applied',
            CASE WHEN {due} AND i % 2 = 0 THEN i ELSE {KEPT_FROM} + i END FROM {series};
         INSERT INTO nodewarden_requests (kind, argument, requested_at_ms, done_at_ms, result)
         SELECT 'forget', concat('c', i), 1, CASE WHEN {due} AND i % 2 = 0 THEN i ELSE {KEPT_FROM} + i END, 'done'
         FROM {some};
         INSERT INTO nodewarden_requests (kind, argument, requested_at_ms) VALUES ('forget', 'c1', 1)",
        conductors = fleet.conductors,
        digest = says.digest(),
        series = says.series(fleet.nodes),
        some = says.series(fleet.nodes / 10),
    )
}

fn conductors(fleet: &Fleet, says: &Says) -> String {
    format!(
        "INSERT INTO nodewarden_conductors (conductor, incarnation, conductor_group, drivers, state, last_sign_at_ms,
            since_ms)
         SELECT concat('c', i), 1, concat('g', i % 50), '[\"d1\", \"d3\", \"d5\"]',
            CASE WHEN i % 10 = 0 THEN 'left' ELSE 'active' END, {NOW}, 1 FROM {}",
        says.series(fleet.conductors)
    )
}

fn counters(fleet: &Fleet) -> String {
    let all = past(fleet) + fleet.nodes;
    format!(
        "UPDATE nodewarden_state SET seq = {all}, last_announcement = {all}, last_decision = {decisions}",
        decisions = fleet.last_decision(),
    )
}
