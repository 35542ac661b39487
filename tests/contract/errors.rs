//! What an error means: try again, never again with this input, or somebody must change something.

use nodewarden::config::{Database, InventoryKind, SecretUrl};
use nodewarden::domain::change::Standing;
use nodewarden::store::{Findings, Ledger, Outbox, StoreError, migrate};
use nodewarden_tests::database::{Kind, OpenTransaction, Scratch};
use nodewarden_tests::waiting::eventually;

use crate::harness::{StoreOnDatabase, active, ledger, pair, turned, window};

on_databases!(
    what_a_trigger_or_a_constraint_refuses_is_permanent_and_leaves_nothing,
    i3_what_a_trigger_silently_cancels_is_an_error_of_the_row_and_leaves_nothing,
    a_table_or_a_column_that_is_missing_says_what_to_do,
    a_row_of_ours_that_makes_no_sense_is_called_corrupt,
);
on_servers!(
    a_column_that_somebody_added_and_nothing_fills_is_permanent,
    a_lock_that_lasts_too_long_passes,
    a_deadlock_passes_and_leaves_nothing,
    a_right_that_is_missing_says_what_to_do,
);

/// What the server says when others have used up what it has of something, said by a trigger.
#[tokio::test]
async fn a_limit_of_mariadb_that_others_have_exhausted_passes() {
    let mut db = StoreOnDatabase::new(Kind::MySql).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1"]).await;
    db.lose(&lost, 1).await;
    for number in [1203, 1226, 1461] {
        db.scratch
            .run(&format!(
                "CREATE TRIGGER full BEFORE UPDATE ON nodes FOR EACH ROW
                 SIGNAL SQLSTATE '42000' SET MESSAGE_TEXT = 'no more', MYSQL_ERRNO = {number}"
            ))
            .await;
        let fault = db.ledger.take_out(1, &lost, &window("", 10)).await;
        let fault = fault.unwrap_err();
        assert!(fault.is_transient(), "{number}: {fault:?}");
        db.scratch.run("DROP TRIGGER full").await;
    }
    let done = db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    assert_eq!(done.changed, 1);
}

async fn what_a_trigger_or_a_constraint_refuses_is_permanent_and_leaves_nothing(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1", "n2"]).await;
    db.lose(&lost, 1).await;
    let before = db.reader.overview().await.unwrap();
    db.scratch.refuse_update_of("n2").await;
    let refused = db.ledger.take_out(1, &lost, &window("", 10)).await;
    assert!(
        matches!(refused, Err(StoreError::Permanent { .. })),
        "{refused:?}"
    );
    assert!(refused.unwrap_err().to_string().contains("not this one"));
    db.scratch.allow_updates().await;
    // A decision that is there already.
    let mut twice = turned(&lost, Standing::Active, 2, "c1");
    twice.decisions[0].id = crate::harness::decision_id(1);
    let refused = db.ledger.commit(1, &twice).await;
    assert!(
        matches!(refused, Err(StoreError::Permanent { .. })),
        "{refused:?}"
    );
    assert_eq!(db.reader.overview().await.unwrap(), before);
    assert_eq!(db.marks().await, ["n1 in_service", "n2 in_service"]);
    let done = db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    assert_eq!(done.changed, 2);
}

async fn i3_what_a_trigger_silently_cancels_is_an_error_of_the_row_and_leaves_nothing(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let pairs = ["a", "b"].map(|driver| pair(driver, ""));
    db.nodes("a", "", &["n1", "n2"]).await;
    db.nodes("b", "", &["n3"]).await;
    for (pair, decision) in pairs.iter().zip(1..) {
        db.lose(pair, decision).await;
    }
    let all = window("", 20);
    db.scratch.ignore_update_of("n2").await;
    let alone = db.ledger.take_out(1, &pairs[0], &all).await;
    let told = alone.unwrap_err().to_string();
    assert_eq!(
        told,
        "take nodes out of service: table nodes: 1 node stays in service though the database reported no error: a trigger, \
         a rule or a policy there cancels the change"
    );
    let together = db.ledger.carry_out(1, Standing::Lost, &pairs, &all).await;
    assert!(
        matches!(together, Err(StoreError::Corrupt(_))),
        "{together:?}"
    );
    assert_eq!(db.out().await, Vec::<String>::new());
    db.scratch.allow_updates().await;
    db.ledger
        .carry_out(1, Standing::Lost, &pairs, &all)
        .await
        .unwrap();
    let out = [
        "n1 out_of_service",
        "n2 out_of_service",
        "n3 out_of_service",
    ];
    assert_eq!(db.marks().await, out);
    for (pair, decision) in pairs.iter().zip(3..) {
        db.restore(pair, decision).await;
    }
    db.scratch.ignore_update_of("n2").await;
    let alone = db.ledger.give_back(1, Some(&pairs[0]), &all).await;
    let told = alone.unwrap_err().to_string();
    assert!(
        told.contains("1 node stays out of service though"),
        "{told}"
    );
    let together = db.ledger.carry_out(1, Standing::Active, &pairs, &all).await;
    assert!(
        matches!(together, Err(StoreError::Corrupt(_))),
        "{together:?}"
    );
    assert_eq!(db.out().await, ["n1", "n2", "n3"]);
    assert_eq!(db.marks().await, out);
}

fn assert_schema(fault: Option<StoreError>, names: &str) {
    let fault = fault.expect("it fails");
    assert!(matches!(fault, StoreError::Missing { .. }), "{fault:?}");
    let told = fault.to_string();
    assert!(told.contains(names), "{told}");
    assert!(told.contains("run `nodewarden migrate`"), "{told}");
}

async fn a_table_or_a_column_that_is_missing_says_what_to_do(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.scratch
        .run("ALTER TABLE nodewarden_pairs RENAME COLUMN since_ms TO then_ms")
        .await;
    assert_schema(db.ledger().prove().await.err(), "since_ms");
    assert_schema(db.reader.drivers().await.err(), "since_ms");
    let intake = turned(&pair("a", ""), Standing::Lost, 1, "c1");
    assert_schema(db.ledger.commit(1, &intake).await.err(), "since_ms");
    db.scratch
        .run("ALTER TABLE nodewarden_announcements RENAME TO elsewhere")
        .await;
    assert_schema(
        db.outbox().pending(None, 1).await.err(),
        "nodewarden_announcements",
    );
    db.scratch.run("ALTER TABLE nodes RENAME TO machines").await;
    let mut late = ledger(db.database());
    let all = window("", 10);
    assert_schema(late.unmark_strays(1, &all).await.err(), "nodes");
}

async fn a_row_of_ours_that_makes_no_sense_is_called_corrupt(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let intake = Findings {
        observed: false,
        now_ms: 1000,
        conductors: vec![active("c1", "", &["a"])],
        ..Findings::default()
    };
    db.ledger.commit(1, &intake).await.unwrap();
    db.scratch
        .run("UPDATE nodewarden_conductors SET drivers = 'no list'")
        .await;
    let fault = db.ledger.resume(1).await;
    assert!(matches!(fault, Err(StoreError::Corrupt(_))), "{fault:?}");
    let fault = db
        .ledger()
        .take_epoch("second", nodewarden::config::Mode::Enforce, 20)
        .await;
    assert!(matches!(fault, Err(StoreError::Corrupt(_))), "{fault:?}");
}

/// One conductor, whose row a user has locked.
async fn locked_conductor(db: &mut StoreOnDatabase, before: &str) -> (Findings, OpenTransaction) {
    let intake = Findings {
        observed: false,
        now_ms: 1000,
        conductors: vec![active("c1", "", &["a"])],
        ..Findings::default()
    };
    db.ledger.commit(1, &intake).await.unwrap();
    let lock = format!("{before} UPDATE nodewarden_conductors SET since_ms = 0");
    let user = db.scratch.hold(&lock).await;
    (intake, user)
}

async fn a_lock_that_lasts_too_long_passes(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let (intake, user) = locked_conductor(&mut db, "").await;
    let fault = db.ledger.commit(1, &intake).await.unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    user.undo().await;
    db.ledger.commit(1, &intake).await.unwrap();
}

/// Waits until the batch has come to the row that the user has locked.
async fn until_one_waits(db: &StoreOnDatabase) {
    let waiting = match db.scratch.kind {
        Kind::Sqlite => unreachable!("a file has no server"),
        Kind::Postgres => {
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'"
        }
        Kind::MySql => {
            // What InnoDB tells of its locks stands still while one asks often.
            "SELECT count(*) FROM information_schema.processlist
             WHERE db = database() AND info LIKE 'INSERT INTO nodewarden_conductors%'"
        }
    };
    eventually("one waits for a lock", async || {
        (db.scratch.text(waiting).await != "0").then_some(())
    })
    .await;
}

async fn a_deadlock_passes_and_leaves_nothing(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    // The user is spared: it waits for the verdict longer, or has more work to lose.
    let many: Vec<String> = (0..300).map(|n| format!("('u{n}')")).collect();
    let before = match kind {
        Kind::Postgres => "SET LOCAL deadlock_timeout = '1min';".to_owned(),
        Kind::Sqlite | Kind::MySql => {
            format!("INSERT INTO nodes (uuid) VALUES {};", many.join(", "))
        }
    };
    let (mut intake, mut user) = locked_conductor(&mut db, &before).await;
    intake.events = vec![crate::harness::remembered("c1", "e1", 1)];
    let mut ledger = db.ledger();
    let batch = intake.clone();
    let writing = tokio::spawn(async move { ledger.commit(1, &batch).await });
    until_one_waits(&db).await;
    user.run("UPDATE nodewarden_state SET commits = commits + 1")
        .await;
    let fault = writing.await.unwrap().unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    assert!(
        fault.to_string().to_lowercase().contains("deadlock"),
        "{fault}"
    );
    user.undo().await;
    assert!(db.ledger.resume(1).await.is_ok());
    let events = "SELECT count(*) FROM nodewarden_events";
    assert_eq!(db.scratch.text(events).await, "0");
    db.ledger.commit(1, &intake).await.unwrap();
}

async fn a_column_that_somebody_added_and_nothing_fills_is_permanent(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let column = "ALTER TABLE nodes ADD COLUMN owner VARCHAR(20) NOT NULL";
    db.scratch.run(column).await;
    let nodes = [crate::harness::node("n1", "a", "")];
    let fault = nodewarden::store::import(db.database(), &nodes, |_| {}).await;
    assert!(
        matches!(fault, Err(StoreError::Permanent { .. })),
        "{fault:?}"
    );
}

async fn a_right_that_is_missing_says_what_to_do(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let weak = db.scratch.weak_user().await;
    let mut ledger = ledger(&weak);
    let told = ledger.prove().await.unwrap_err();
    assert!(matches!(told, StoreError::Denied(_)), "{told:?}");
    let told = told.to_string();
    assert!(told.contains("denied"), "{told}");
    assert!(told.contains("grant the right that is missing"), "{told}");
    db.scratch.drop_weak_user().await;
}

#[tokio::test]
async fn a_serialisation_failure_that_comes_at_commit_passes_on_postgresql() {
    let mut db = StoreOnDatabase::new(Kind::Postgres).await;
    db.scratch
        .run(
            "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'at commit' USING ERRCODE = '40001'; END $$;
             CREATE CONSTRAINT TRIGGER late AFTER INSERT ON nodewarden_decisions
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()",
        )
        .await;
    let intake = turned(&pair("a", ""), Standing::Lost, 1, "c1");
    let fault = db.ledger.commit(1, &intake).await.unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    assert!(fault.to_string().contains("at commit"), "{fault}");
    assert_eq!(db.ledger.resume(1).await.unwrap().standings, []);
    db.scratch.run("DROP FUNCTION late() CASCADE").await;
    db.ledger.commit(1, &intake).await.unwrap();
    assert_eq!(db.reader.decisions(9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_postgresql_that_takes_no_writes_says_so_to_migrate() {
    let scratch = Scratch::of(Kind::Postgres).await;
    let read_only =
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',
        current_database()); END $$";
    scratch.run(read_only).await;
    let stream = nodewarden::clock::new_id();
    let fault = migrate(&scratch.database, InventoryKind::Native, &stream).await;
    let fault = fault.unwrap_err();
    assert!(fault.is_read_only(), "{fault:?}");
    assert_eq!(
        fault.to_string(),
        "create or upgrade the tables: cannot execute CREATE TABLE in a read-only transaction"
    );
}

#[tokio::test]
async fn what_answers_in_the_place_of_postgresql_is_said_to_be_something_else() {
    let there = Scratch::of(Kind::MySql).await;
    let (_, place) = there.database.url.expose().split_once("://").unwrap();
    let database = Database {
        url: SecretUrl::new(&format!("postgres://{place}")),
        ..Database::default()
    };
    let stream = nodewarden::clock::new_id();
    let fault = migrate(&database, InventoryKind::Native, &stream).await;
    let told = fault.unwrap_err().to_string();
    let begins = "open the database: what answers there does not speak the protocol of this database as \
                  nodewarden does: ";
    assert!(
        told.starts_with(begins) && told.len() > begins.len(),
        "{told}"
    );
}
