//! The nodes of an OpenStack Ironic: what may be touched, what is written, and what is provably ours
//! to release. The tables here have the columns that nodewarden uses and one that it must not touch;
//! tests/ironic has the real ones.

use std::time::Duration;

use nodewarden::answers::explain;
use nodewarden::cli::Output;
use nodewarden::cli::whatif::WhatIf;
use nodewarden::config::{InventoryKind, Mode, Settings};
use nodewarden::store::{self, Held};
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::ironic::{least_rights, tables};

use crate::harness::{Simulation, Worker, assert_contiguous, changes};
use crate::operator::{pause, release, resume, told};

async fn ironic() -> Simulation {
    ironic_on(Kind::chosen()).await
}

/// On this database.
pub async fn ironic_on(kind: Kind) -> Simulation {
    Simulation::over(
        tables_in(Scratch::of(kind).await).await,
        InventoryKind::Ironic,
    )
}

/// Ironic's tables and ours beside them.
async fn tables_in(scratch: Scratch) -> Scratch {
    scratch.run(&tables(scratch.kind, "9fb44677ef15")).await;
    store::migrate(
        &scratch.database,
        InventoryKind::Ironic,
        &nodewarden::clock::new_id(),
    )
    .await
    .unwrap();
    scratch
}

/// A node of driver `a`; `more` are further columns and their values.
async fn node(sim: &Simulation, uuid: &str, more: &[(&str, &str)]) {
    let columns: String = more.iter().map(|(name, _)| format!(", {name}")).collect();
    let values: String = more.iter().map(|(_, value)| format!(", {value}")).collect();
    let driver = if more.iter().any(|(name, _)| *name == "driver") {
        ("", "")
    } else {
        (", driver", ", 'a'")
    };
    sim
        .sql(&format!(
            "INSERT INTO nodes (uuid, name, version{}{columns}) VALUES ('{uuid}', 'name of {uuid}', '1.41'{}{values})",
            driver.0, driver.1
        ))
        .await;
}

pub async fn free(sim: &Simulation, uuids: &[&str]) {
    for uuid in uuids {
        node(sim, uuid, &[("provision_state", "'available'")]).await;
    }
}

/// Maintenance, fault and reason of a node, without the decision's UUID.
async fn mark(sim: &Simulation, uuid: &str) -> String {
    let mark = sim
        .text(&format!(
            "SELECT concat(CASE WHEN maintenance THEN 'yes' ELSE 'no' END, ' | ', coalesce(fault, '-'), ' | ',
                coalesce(maintenance_reason, '-'), CASE WHEN updated_at IS NULL THEN '' ELSE ' | updated' END)
             FROM nodes WHERE uuid = '{uuid}'"
        ))
        .await;
    match mark.split_once("(decision ") {
        Some((before, after)) => format!("{before}(decision …{}", &after[36..]),
        None => mark,
    }
}

const OURS: &str = "yes | no active conductor | nodewarden: no active conductor supports this node's driver; \
                    it comes back by itself (decision …) | updated";

async fn lose(sim: &Simulation) -> Worker {
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "b"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    worker
}

async fn sweep(sim: &Simulation, worker: &mut Worker) {
    sim.clock.advance(Duration::from_secs(61));
    sim.settle(worker).await;
}

#[tokio::test]
async fn only_free_nodes_are_put_into_maintenance_and_only_four_columns_are_written() {
    let sim = ironic().await;
    free(&sim, &["n1", "n2"]).await;
    for (uuid, column, value) in [
        ("deployed", "provision_state", "'active'"),
        ("deploying", "provision_state", "'deploying'"),
        ("waiting", "provision_state", "'wait call-back'"),
    ] {
        node(&sim, uuid, &[(column, value)]).await;
    }
    let available = ("provision_state", "'available'");
    node(&sim, "used", &[available, ("instance_uuid", "'i1'")]).await;
    node(&sim, "reserved", &[available, ("reservation", "'c1'")]).await;
    node(&sim, "theirs", &[available, ("maintenance", "TRUE")]).await;
    node(&sim, "other", &[available, ("driver", "'c'")]).await;
    let untouched = async || {
        sim.text(
            "SELECT CAST(count(*) AS CHAR(9)) FROM nodes WHERE updated_at IS NULL AND fault IS NULL
                 AND maintenance_reason IS NULL AND version = '1.41'",
        )
        .await
        .trim()
        .to_owned()
    };
    assert_eq!(untouched().await, "9");
    let _worker = lose(&sim).await;
    assert_eq!(sim.out().await, ["n1", "n2"]);
    assert_eq!(mark(&sim, "n1").await, OURS);
    assert_eq!(mark(&sim, "n2").await, OURS);
    assert_eq!(untouched().await, "7");
    assert_eq!(
        sim
            .text("SELECT concat(provision_state, coalesce(reservation, '-'), version) FROM nodes WHERE uuid = 'n1'")
            .await,
        "available-1.41"
    );
    let page = sim.reader.snapshot("", 10).await.unwrap();
    assert_eq!(page.nodes[0].name.as_deref(), Some("name of n1"));
    let facts = sim.reader.node("name of n1").await.unwrap().unwrap();
    assert_eq!(facts.service_state, "out_of_service");
    assert!(facts.maintenance && facts.ours);
    let answer = explain::node(&facts, 0);
    assert!(!answer.contains("An operator"), "{answer}");
    for (uuid, free) in [
        ("deployed", false),
        ("used", false),
        ("reserved", false),
        ("theirs", false),
        ("other", true),
    ] {
        let facts = sim.reader.node(uuid).await.unwrap().unwrap();
        assert_eq!(
            (facts.free, facts.lifted, facts.ours),
            (free, None, false),
            "{uuid}"
        );
    }
}

#[tokio::test]
async fn a_node_that_becomes_free_later_is_found_by_the_sweep() {
    let sim = ironic().await;
    node(&sim, "n1", &[("provision_state", "'cleaning'")]).await;
    let mut worker = lose(&sim).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    sim.sql("UPDATE nodes SET provision_state = 'available'")
        .await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["n1"]);
    assert_eq!(mark(&sim, "n1").await, OURS);
}

#[tokio::test]
async fn i5_the_return_releases_ours_and_leaves_what_an_operator_set_before_meanwhile_or_after() {
    let sim = ironic().await;
    free(&sim, &["ours", "meanwhile", "relabelled"]).await;
    let available = ("provision_state", "'available'");
    let before = [
        available,
        ("maintenance", "TRUE"),
        ("maintenance_reason", "'fan'"),
    ];
    node(&sim, "before", &before).await;
    let mut worker = lose(&sim).await;
    assert_eq!(sim.out().await, ["meanwhile", "ours", "relabelled"]);
    // An operator's PUT changes the reason and leaves the fault.
    sim.sql("UPDATE nodes SET maintenance_reason = 'disk swap' WHERE uuid = 'meanwhile'")
        .await;
    // Somebody else's fault, with our text.
    sim.sql("UPDATE nodes SET fault = 'power failure' WHERE uuid = 'relabelled'")
        .await;
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(mark(&sim, "ours").await, "no | - | - | updated");
    assert_eq!(mark(&sim, "before").await, "yes | - | fan");
    assert_eq!(
        mark(&sim, "meanwhile").await,
        "yes | no active conductor | disk swap | updated"
    );
    assert!(
        mark(&sim, "relabelled")
            .await
            .starts_with("yes | power failure | nodewarden")
    );
    let announcements = sim.announcements().await;
    assert_contiguous(&announcements);
    let told: Vec<String> = changes(&announcements)
        .into_iter()
        .map(|(_, change)| change)
        .collect();
    assert_eq!(
        told,
        [
            "-meanwhile",
            "-ours",
            "-relabelled",
            "+meanwhile",
            "+relabelled",
            "+ours"
        ]
    );
}

#[tokio::test]
async fn what_an_operator_cleared_is_not_taken_again_by_the_same_decision_but_by_the_next() {
    let sim = ironic().await;
    free(&sim, &["n1", "n2"]).await;
    let mut worker = lose(&sim).await;
    let clear = "UPDATE nodes SET maintenance = FALSE, maintenance_reason = NULL, fault = NULL WHERE uuid = 'n1'";
    sim.sql(clear).await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["n2"]);
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["n2"]);
    assert_eq!(mark(&sim, "n1").await, "no | - | - | updated");
    // A successor knows it as well.
    sim.queue.end(worker.session);
    let mut worker = sim.active().await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["n2"]);
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    sim.left("c1", 2);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, ["n1", "n2"]);
}

#[tokio::test]
async fn a_reserved_node_keeps_its_mark_until_nothing_works_on_it() {
    let sim = ironic().await;
    free(&sim, &["n1", "n2"]).await;
    let mut worker = lose(&sim).await;
    sim.sql(
        "UPDATE nodes SET reservation = 'c9', provision_state = 'manageable' WHERE uuid = 'n1'",
    )
    .await;
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, ["n1"]);
    assert_eq!(mark(&sim, "n1").await, OURS);
    sim.sql("UPDATE nodes SET reservation = NULL").await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(mark(&sim, "n1").await, "no | - | - | updated");
}

#[tokio::test]
async fn a_node_that_needs_another_lost_driver_now_comes_back_with_that_one_and_its_mark_is_still_known()
 {
    let sim = ironic().await;
    free(&sim, &["n1"]).await;
    let mut worker = lose(&sim).await;
    sim.sql("UPDATE nodes SET driver = 'b'").await;
    sweep(&sim, &mut worker).await;
    sim.joined("c1", 2, &["a"]);
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["n1"]);
    sim.joined("c2", 1, &["b"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(mark(&sim, "n1").await, "no | - | - | updated");
}

#[tokio::test]
async fn a_deleted_node_ends_its_hold() {
    let sim = ironic().await;
    free(&sim, &["n1"]).await;
    let mut worker = lose(&sim).await;
    sim.sql("DELETE FROM nodes").await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn names_are_compared_as_ironic_does() {
    let sim = ironic().await;
    let available = ("provision_state", "'available'");
    for (uuid, driver, group) in [
        ("exact", "'a'", "'rack'"),
        ("upper-group", "'a'", "'RACK'"),
        ("upper-driver", "'A'", "'rack'"),
        ("space-driver", "'a '", "'rack'"),
        ("space-group", "'a'", "'rack '"),
        ("other-group", "'a'", "''"),
    ] {
        let more = [available, ("driver", driver), ("conductor_group", group)];
        node(&sim, uuid, &more).await;
    }
    let mut worker = sim.active().await;
    sim.joined_in("c1", 1, "Rack", &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, ["exact", "upper-group"]);
    let drivers = sim.reader.drivers().await.unwrap();
    let told: Vec<String> = drivers
        .iter()
        .map(|pair| {
            format!(
                "{}/{} {} {}+{}",
                pair.conductor_group,
                pair.driver,
                pair.state,
                pair.nodes_in_service,
                pair.nodes_out_of_service
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "/a unknown 1+0",
            "rack/A unknown 1+0",
            "rack/a lost 0+2",
            "rack/a  unknown 1+0",
            "rack /a unknown 1+0",
        ]
    );
    sim.joined_in("c1", 2, "rack", &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_schema_that_is_not_known_is_refused_and_no_event_is_taken() {
    for (revision, more, expected) in [
        ("0123456789ab", "", "this Ironic has schema revision"),
        (
            "9fb44677ef15",
            "CREATE TABLE node_maintenance (id INTEGER)",
            "this Ironic has a table node_maintenance",
        ),
        (
            "9fb44677ef15",
            "ALTER TABLE nodes DROP COLUMN fault",
            "check the table of nodes",
        ),
        (
            "9fb44677ef15",
            "DROP TABLE alembic_version",
            "inventory.kind = \"ironic\" needs the database of an OpenStack Ironic",
        ),
    ] {
        let sim = ironic().await;
        sim.sql(&format!(
            "UPDATE alembic_version SET version_num = '{revision}'"
        ))
        .await;
        if !more.is_empty() {
            sim.sql(more).await;
        }
        sim.joined("c1", 1, &["a"]);
        let fault = sim.try_join().await.err().expect("it does not join");
        assert!(fault.to_string().starts_with(expected), "{fault}");
        assert_eq!(sim.queue.events_left(), 1);
    }
}

#[tokio::test]
async fn an_ironic_upgraded_under_a_replica_is_left_alone_and_an_operator_can_still_release() {
    let sim = ironic().await;
    let uuids = ["n1", "n2", "n3"];
    free(&sim, &uuids).await;
    let mut worker = lose(&sim).await;
    assert_eq!(sim.out().await, uuids);

    sim.sql("UPDATE alembic_version SET version_num = '0123456789ab'")
        .await;
    sim.clock.advance(Duration::from_secs(61));
    let end = worker.step_to_end().await.to_string();
    assert!(
        end.starts_with("database: this Ironic has schema revision"),
        "{end}"
    );
    sim.joined("c1", 2, &["a"]);
    let fault = sim.try_join().await.err().expect("it does not join");
    assert!(
        fault.to_string().starts_with("this Ironic has schema"),
        "{fault}"
    );
    assert_eq!(sim.out().await, uuids);

    pause(&sim, "Ironic was upgraded", None).await;
    let released = release(&sim, Held::Everything).await.expect("it may");
    assert_eq!((released.changed, released.locked), (3, 0));
    assert_eq!(sim.out().await, Vec::<String>::new());
}

#[tokio::test]
async fn ironic_s_own_tables_are_not_altered() {
    let sim = ironic().await;
    let query = match sim.kind() {
        Kind::Sqlite => "SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info('nodes')
            UNION ALL SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'nodes' AND sql IS NOT NULL)",
        Kind::Postgres => "SELECT string_agg(name, ',') FROM (SELECT column_name AS name FROM information_schema.columns
            WHERE table_name = 'nodes' UNION ALL SELECT indexname FROM pg_indexes WHERE tablename = 'nodes'
            AND indexname NOT LIKE 'nodes\\_%') AS found",
        Kind::MySql => "SELECT group_concat(name) FROM (SELECT column_name AS name FROM information_schema.columns
            WHERE table_schema = database() AND table_name = 'nodes' UNION ALL SELECT index_name
            FROM information_schema.statistics WHERE table_schema = database() AND table_name = 'nodes'
            AND index_name NOT IN ('uuid', 'name')) AS found",
    };
    let found = sim.text(query).await;
    let mut found: Vec<&str> = found.split(',').collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "conductor_group",
            "driver",
            "driver_idx",
            "fault",
            "instance_uuid",
            "maintenance",
            "maintenance_reason",
            "name",
            "provision_state",
            "reservation",
            "updated_at",
            "uuid",
            "version",
        ]
    );
}

#[tokio::test]
async fn observing_counts_what_would_be_taken_and_touches_no_row_of_ironic_s() {
    let mut sim = ironic().await;
    sim.rules.mode = Mode::Observe;
    free(&sim, &["n1", "n2"]).await;
    node(&sim, "deployed", &[("provision_state", "'active'")]).await;
    let _worker = lose(&sim).await;
    assert_eq!(
        sim.decisions().await,
        ["a lost by c1 e2, 2 nodes", "b lost by c1 e2, 0 nodes"]
    );
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(mark(&sim, "n1").await, "no | - | -");
}

#[tokio::test]
async fn an_operator_gets_ours_back_and_what_is_reserved_is_said_and_waits() {
    let sim = ironic().await;
    free(&sim, &["n1", "n2", "n3", "n4"]).await;
    let mut worker = lose(&sim).await;
    assert!(
        release(&sim, Held::Everything).await.is_none(),
        "not unless it is paused"
    );
    pause(&sim, "a mistake", None).await;
    sim.sql("UPDATE nodes SET reservation = 'c9' WHERE uuid = 'n2'")
        .await;
    sim.sql("UPDATE nodes SET maintenance_reason = 'mine' WHERE uuid = 'n3'")
        .await;
    let one = release(&sim, Held::Node("n4")).await.unwrap();
    assert_eq!((one.changed, one.locked), (1, 0));
    let all = release(&sim, Held::Everything).await.unwrap();
    assert_eq!((all.changed, all.locked), (2, 1));
    assert_eq!(sim.out().await, ["n2"]);
    assert_eq!(mark(&sim, "n1").await, "no | - | - | updated");
    assert_eq!(mark(&sim, "n2").await, OURS);
    assert_eq!(
        mark(&sim, "n3").await,
        "yes | no active conductor | mine | updated"
    );
    assert_eq!(mark(&sim, "n4").await, "no | - | - | updated");
    assert_contiguous(&sim.announcements().await);
    // Released by a command is not lifted by hand: once nothing is paused any more, they go again.
    resume(&sim).await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["n1", "n2", "n4"]);
}

#[tokio::test]
async fn release_says_that_ironic_may_have_reserved_what_it_passed_by() {
    let sim = ironic().await;
    free(&sim, &["n1", "n2", "n3"]).await;
    let _worker = lose(&sim).await;
    pause(&sim, "a mistake", None).await;
    sim.sql("UPDATE nodes SET reservation = 'c9' WHERE uuid <> 'n1'")
        .await;
    assert_eq!(
        told(&sim, Held::Everything).await.unwrap_err().message,
        "2 nodes could not be given back: other sessions lock their rows, or Ironic has reserved the nodes. Try again \
         later."
    );
    assert_eq!(sim.out().await, ["n2", "n3"]);
    assert_eq!(
        told(&sim, Held::Node("n2")).await.unwrap_err().message,
        "1 node could not be given back: another session locks its row, or Ironic has reserved the node. Try again \
         later."
    );
    sim.sql("UPDATE nodes SET reservation = NULL").await;
    assert_eq!(
        told(&sim, Held::Everything).await.unwrap(),
        "2 nodes given back; schedulers are told as soon as a replica reaches the broker."
    );
}

#[tokio::test]
async fn nodes_whose_driver_never_had_a_conductor_are_taken_out_only_if_they_are_free() {
    let mut sim = ironic().await;
    sim.rules.unknown_after = Some(Duration::from_secs(60));
    let available = ("provision_state", "'available'");
    node(&sim, "n1", &[available, ("driver", "'never'")]).await;
    let active = ("provision_state", "'active'");
    node(&sim, "n2", &[active, ("driver", "'never'")]).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.pass(&mut worker, 190).await;
    assert_eq!(sim.out().await, ["n1"]);
    sim.joined("c2", 1, &["never"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(mark(&sim, "n1").await, "no | - | - | updated");
}

/// A user's guard that keeps a node as it is, and reports no error.
async fn guard(sim: &Simulation, kind: Kind, uuid: &str) {
    let guard = match kind {
        Kind::Sqlite => format!(
            "CREATE TRIGGER guard BEFORE UPDATE ON nodes WHEN new.uuid = '{uuid}' BEGIN SELECT raise(IGNORE); END"
        ),
        Kind::Postgres => format!(
            "CREATE RULE guard AS ON UPDATE TO nodes WHERE new.uuid = '{uuid}' DO INSTEAD NOTHING"
        ),
        Kind::MySql => format!(
            "CREATE TRIGGER guard BEFORE UPDATE ON nodes FOR EACH ROW BEGIN
             IF new.uuid = '{uuid}' THEN SET new.maintenance = old.maintenance; END IF; END"
        ),
    };
    sim.sql(&guard).await;
}

#[tokio::test]
async fn i3_a_node_that_a_user_s_guard_keeps_as_it_is_is_neither_taken_nor_given_back() {
    let kind = Kind::chosen();
    let unguard = match kind {
        Kind::Sqlite | Kind::MySql => "DROP TRIGGER guard",
        Kind::Postgres => "DROP RULE guard ON nodes",
    };
    let sim = ironic().await;
    free(&sim, &["n1", "n2", "n3"]).await;
    guard(&sim, kind, "n2").await;
    let mut worker = lose(&sim).await;
    assert_eq!(sim.out().await, ["n1", "n3"]);
    assert_eq!(mark(&sim, "n2").await, "no | - | -");
    sim.sql(unguard).await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, ["n1", "n2", "n3"]);
    guard(&sim, kind, "n2").await;
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, ["n2"]);
    assert_eq!(mark(&sim, "n2").await, OURS);
    sim.sql(unguard).await;
    sweep(&sim, &mut worker).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(mark(&sim, "n2").await, "no | - | - | updated");
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn whatif_says_that_only_free_nodes_of_those_that_it_counts_would_go() {
    let sim = ironic().await;
    free(&sim, &["n1"]).await;
    node(&sim, "used", &[("provision_state", "'active'")]).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut worker).await;
    sweep(&sim, &mut worker).await;
    let settings = Settings {
        database: sim.database.clone(),
        inventory: InventoryKind::Ironic.into(),
        ..Settings::default()
    };
    let without = WhatIf {
        without: vec!["c1".to_owned()],
        restart_order: false,
    };
    let text = without.answer(&settings, Output::Text).await.unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        text,
        "Without c1, 1 pair would be lost, and at most 2 nodes with it: DRIVER GROUP NODES a (default) 2 NODES counts \
         all nodes in service. Of these, only the nodes that Ironic has free would go out: those that are available \
         and have no instance, no reservation and no maintenance."
    );
    let json = without.answer(&settings, Output::Json).await.unwrap();
    assert!(
        json.contains("\"at_most\":true") || json.contains("\"at_most\": true"),
        "{json}"
    );
}

#[tokio::test]
async fn a_row_that_somebody_has_locked_holds_up_no_other_on_the_way_out_and_back() {
    for kind in [Kind::Postgres, Kind::MySql] {
        let scratch = tables_in(Scratch::of(kind).await).await;
        let sim = Simulation::over(scratch, InventoryKind::Ironic);
        free(&sim, &["n1", "n2", "n3"]).await;
        let lock = "UPDATE nodes SET version = '1.42' WHERE uuid = 'n2'";
        let locked = sim.hold(lock).await;
        let mut worker = sim.active().await;
        sim.joined("c1", 1, &["a"]);
        sim.left("c1", 1);
        let some = async |sim: &Simulation, worker: &mut Worker| {
            for _ in 0..20 {
                sim.clock.advance(Duration::from_secs(1));
                worker.step().await;
            }
        };
        some(&sim, &mut worker).await;
        assert_eq!(sim.out().await, ["n1", "n3"], "{kind:?}");
        locked.undo().await;
        some(&sim, &mut worker).await;
        assert_eq!(sim.out().await, ["n1", "n2", "n3"], "{kind:?}");
        let locked = sim.hold(lock).await;
        sim.joined("c1", 2, &["a"]);
        some(&sim, &mut worker).await;
        assert_eq!(sim.out().await, ["n2"], "{kind:?}");
        assert_eq!(mark(&sim, "n3").await, "no | - | - | updated");
        locked.undo().await;
        some(&sim, &mut worker).await;
        assert_eq!(sim.out().await, Vec::<String>::new(), "{kind:?}");
        assert_contiguous(&sim.announcements().await);
    }
}

#[tokio::test]
async fn somebody_else_s_nodes_are_neither_altered_nor_filled_by_native_commands() {
    let scratch = Scratch::of(Kind::chosen()).await;
    scratch.run(&tables(scratch.kind, "9fb44677ef15")).await;
    let node = store::NodeUpsert {
        uuid: "n1".into(),
        name: None,
        driver: "a".into(),
        conductor_group: None,
        maintenance: None,
    };
    let migrated = store::migrate(
        &scratch.database,
        InventoryKind::Native,
        &nodewarden::clock::new_id(),
    )
    .await;
    let imported = store::import(&scratch.database, &[node], |_| {}).await;
    for fault in [migrated.unwrap_err(), imported.unwrap_err()] {
        assert!(
            fault
                .to_string()
                .starts_with("its table `nodes` belongs to another program"),
            "{fault}"
        );
    }
    let count = "SELECT CAST(count(*) AS CHAR(9)) FROM nodes";
    assert_eq!(scratch.text(count).await.trim(), "0");
    // And the right kind is not held up by the attempt.
    store::migrate(
        &scratch.database,
        InventoryKind::Ironic,
        &nodewarden::clock::new_id(),
    )
    .await
    .unwrap();
    // A database that is not an Ironic's gets no table at all.
    let empty = Scratch::of(Kind::chosen()).await;
    store::migrate(
        &empty.database,
        InventoryKind::Ironic,
        &nodewarden::clock::new_id(),
    )
    .await
    .unwrap_err();
    let made = nodewarden_tests::database::try_run(
        empty.database.url.expose(),
        "SELECT stream FROM nodewarden_state",
    );
    assert!(made.await.is_err());
}

#[tokio::test]
async fn the_least_rights_that_are_shipped_are_enough_and_allow_nothing_else() {
    for kind in [Kind::MySql, Kind::Postgres] {
        let scratch = tables_in(Scratch::of(kind).await).await;
        scratch
            .run(
                "CREATE TABLE conductors (id INTEGER); CREATE TABLE conductor_hardware_interfaces (id INTEGER);
                 INSERT INTO nodes (uuid, driver, provision_state) VALUES ('n1', 'a', 'available')",
            )
            .await;
        let url = least_rights(&scratch).await;
        let mut sim = Simulation::over(scratch, InventoryKind::Ironic);
        sim.use_url(&url);
        let mut worker = lose(&sim).await;
        assert_eq!(sim.out().await, ["n1"]);
        sim.joined("c1", 2, &["a"]);
        sim.settle(&mut worker).await;
        sweep(&sim, &mut worker).await;
        assert_eq!(sim.out().await, Vec::<String>::new());
        assert_eq!(mark(&sim, "n1").await, "no | - | - | updated");
        for forbidden in [
            "UPDATE nodes SET provision_state = 'active'",
            "DELETE FROM nodes",
            "UPDATE conductors SET id = 1",
            "DROP TABLE nodewarden_state",
        ] {
            let outcome = nodewarden_tests::database::try_run(&url, forbidden).await;
            assert!(outcome.is_err(), "{kind:?} allowed {forbidden}");
        }
    }
}
