//! The shipped users of broker and database: from a conductor's word to what a scheduler hears, and no
//! step beside that.

use nodewarden_tests::database::{Kind, Scratch, try_run};
use nodewarden_tests::deployment::{Deployment, Other, file};
use nodewarden_tests::ironic::{least_rights, tables};
use nodewarden_tests::own_broker::OwnBroker;
use nodewarden_tests::waiting::eventually_blocking;

use crate::command::{goes_well, is_refused, nodewarden};

/// A broker with the shipped users, each with a password, and definitions.
fn shipped_broker() -> OwnBroker {
    let broker = OwnBroker::start();
    let import = |name: &str| {
        let file = file("deploy/rabbitmq").join(name);
        broker.run(&["ctl"], &["import_definitions", file.to_str().unwrap()]);
    };
    import("users.json");
    // Three times `rabbitmqctl change_password`, in one start of its virtual machine.
    let change = r#"[ok = rabbit_auth_backend_internal:change_password(U, U, <<"test">>)
        || U <- [<<"nodewarden">>, <<"conductor">>, <<"scheduler">>]]."#;
    broker.run(&["ctl"], &["eval", change]);
    import("definitions.json");
    broker
}

fn url(broker: &OwnBroker, user: &str) -> String {
    format!(
        "amqp.url=amqp://{user}:{user}@127.0.0.1:{}/%2f",
        broker.port
    )
}

/// Ironic's tables with one free node, and ours beside them, made by an administrator.
async fn ironic(kind: Kind) -> Scratch {
    let scratch = Scratch::of(kind).await;
    scratch.run(&tables(kind, "9fb44677ef15")).await;
    scratch
        .run(
            "CREATE TABLE conductors (id INTEGER); CREATE TABLE conductor_hardware_interfaces (id INTEGER);
             INSERT INTO nodes (uuid, driver, provision_state) VALUES ('n1', 'ipmi', 'available')",
        )
        .await;
    let admin = format!("database.url={}", scratch.database.url.expose());
    let kind = "inventory.kind=ironic".to_owned();
    goes_well(&mut nodewarden(&["migrate"], &[admin, kind]));
    scratch
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_users_carry_an_event_to_an_announcement_and_may_do_nothing_else() {
    let broker = shipped_broker();
    for kind in [Kind::Postgres, Kind::MySql] {
        let scratch = ironic(kind).await;
        let database = least_rights(&scratch).await;
        carries(&broker, &database);
        does_nothing_else(&database).await;
    }
    speaks_only_for_itself(&broker);
}

fn carries(broker: &OwnBroker, database: &str) {
    let deployment = Deployment::default();
    let settings = [
        url(broker, "nodewarden"),
        "amqp.declare=false".to_owned(),
        "amqp.events_exchange=conductor.events".to_owned(),
        "amqp.events_queue=nodewarden.conductor-events".to_owned(),
        "amqp.nodes_exchange=node.events".to_owned(),
        "amqp.dead_letters_queue=nodewarden.dead-letters".to_owned(),
        format!("database.url={database}"),
        "inventory.kind=ironic".to_owned(),
        "decide.sweep_interval=1s".to_owned(),
    ];
    let given: Vec<&str> = settings.iter().map(String::as_str).collect();
    let replica = deployment.replica(&given);
    let scheduler = Other::start(
        "a scheduler",
        &mut nodewarden(&["tail"], &[url(broker, "scheduler")]),
    );
    // Each sweep says the position, so its queue is bound.
    scheduler.says("a position", |line| {
        line.contains("node.position").then_some(())
    });
    let conductor = [url(broker, "conductor")];
    let says = |words: &[&str]| goes_well(&mut nodewarden(words, &conductor));
    says(&[
        "emit",
        "joined",
        "c1",
        "--driver",
        "ipmi",
        "--incarnation",
        "1",
    ]);
    let heard = |kind: &str, times: usize| {
        eventually_blocking(&format!("{kind} is heard {times} times"), || {
            let lines = scheduler.lines();
            let of_n1 = lines.iter().filter(|line| line.contains("\"n1\""));
            let heard = of_n1.filter(|line| line.contains(kind)).count();
            (heard >= times).then_some(())
        });
    };
    says(&["emit", "left", "c1", "--incarnation", "1"]);
    heard("node.out_of_service", 1);
    says(&[
        "emit",
        "joined",
        "c1",
        "--driver",
        "ipmi",
        "--incarnation",
        "2",
    ]);
    heard("node.back_in_service", 1);
    // What operators do with the same users.
    says(&["emit", "left", "c1", "--incarnation", "2"]);
    heard("node.out_of_service", 2);
    for words in [
        &["status"][..],
        &["explain", "node", "n1"],
        &["pause", "--for", "1m", "--reason", "a test", "--wait"],
        &["release", "--all"],
        &["conductors", "forget", "c1"],
        &["resume"],
        &["history"],
        &["dead-letters", "list"],
    ] {
        goes_well(&mut nodewarden(words, &settings));
    }
    replica.stop();
}

async fn does_nothing_else(database: &str) {
    for forbidden in [
        "INSERT INTO nodes (uuid, driver) VALUES ('n2', 'ipmi')",
        "DELETE FROM nodes",
        "UPDATE nodes SET provision_state = 'active'",
        "UPDATE nodes SET reservation = 'us'",
        "UPDATE nodes SET driver = 'ipmi'",
        "ALTER TABLE nodes ADD COLUMN ours INTEGER",
        "DROP TABLE nodes",
        "UPDATE alembic_version SET version_num = 'x'",
        "INSERT INTO conductors VALUES (1)",
        "UPDATE conductors SET id = 1",
        "DELETE FROM conductor_hardware_interfaces",
        "CREATE TABLE nodewarden_more (id INTEGER)",
        "ALTER TABLE nodewarden_state ADD COLUMN more INTEGER",
        "DROP TABLE nodewarden_state",
        "TRUNCATE TABLE nodewarden_events",
        "CREATE USER more",
    ] {
        let outcome = try_run(database, forbidden).await;
        let fault = outcome.expect_err(forbidden).to_string();
        let refused = fault.contains("denied") || fault.contains("must be owner");
        assert!(refused, "{forbidden}: {fault}");
    }
}

/// A command by a user that has no right to it.
fn speaks_only_for_itself(broker: &OwnBroker) {
    for (user, words) in [
        (
            "scheduler",
            &["emit", "joined", "c9", "--driver", "ipmi"][..],
        ),
        ("scheduler", &["dead-letters", "list"]),
        ("conductor", &["tail", "--for", "1s"]),
        ("conductor", &["dead-letters", "list"]),
    ] {
        let settings = [url(broker, user)];
        is_refused(&mut nodewarden(words, &settings), 1, &["ACCESS_REFUSED"]);
    }
}

/// Commands that read and that write, by a user who may only read, and in a database that takes no writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_can_be_written_a_command_says_so_and_looking_goes_on() {
    for kind in [Kind::Postgres, Kind::MySql] {
        let scratch = ironic(kind).await;
        let reader = reader_of(&scratch).await;
        let settings = [
            format!("database.url={reader}"),
            "inventory.kind=ironic".to_owned(),
        ];
        goes_well(&mut nodewarden(&["status"], &settings));
        let mut pause = nodewarden(&["pause", "--reason", "a test"], &settings);
        is_refused(&mut pause, 1, &["grant the right that is missing"]);
    }
    let scratch = ironic(Kind::Postgres).await;
    let url = scratch.database.url.expose().to_owned();
    let (_, name) = url.rsplit_once('/').unwrap();
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    scratch.run(&read_only).await;
    let settings = [
        format!("database.url={url}"),
        "inventory.kind=ironic".to_owned(),
    ];
    goes_well(&mut nodewarden(&["status"], &settings));
    let mut pause = nodewarden(&["pause", "--reason", "a test"], &settings);
    is_refused(
        &mut pause,
        69,
        &["It takes no writes: it is a standby, or was set read-only"],
    );
}

/// The shipped user without the rights to write.
async fn reader_of(scratch: &Scratch) -> String {
    let url = least_rights(scratch).await;
    let (_, user) = url.split_once("://").unwrap();
    let (user, _) = user.split_once(':').unwrap();
    let (_, name) = url.rsplit_once('/').unwrap();
    let only_read = match scratch.kind {
        Kind::Postgres => {
            format!("REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM {user}")
        }
        Kind::MySql => format!(
            "REVOKE ALL PRIVILEGES, GRANT OPTION FROM '{user}'@'%'; GRANT SELECT ON {name}.* TO '{user}'@'%'"
        ),
        Kind::Sqlite => unreachable!("a file has no users"),
    };
    scratch.run(&only_read).await;
    url
}
