//! Rows that a user's long transaction has locked, and a fence that a frozen owner holds: on servers.

use std::time::{Duration, Instant};

use nodewarden::domain::change::Standing;
use nodewarden::store::{Ledger, Sweep, WindowDone};
use nodewarden_tests::database::{Kind, OpenTransaction};
use sqlx::Connection as _;
use sqlx::Executor as _;

use crate::harness::{StoreOnDatabase, pair, window};

on_servers!(
    locked_rows_are_passed_by_counted_and_taken_once_they_are_free,
    locked_rows_are_passed_by_on_the_way_back_too,
    a_locked_row_holds_up_no_walk_over_everything,
    a_node_that_is_being_put_back_in_an_open_transaction_holds_up_no_other,
    a_frozen_owner_of_an_open_transaction_is_ended_by_the_server,
    a_standby_proves_that_it_can_write_while_the_active_one_holds_the_fence,
);

/// Locks just these: one statement each, for one over several may read, and lock, the whole table.
fn lock(uuids: &[&str]) -> String {
    uuids
        .iter()
        .map(|uuid| format!("UPDATE nodes SET maintenance = TRUE WHERE uuid = '{uuid}';"))
        .collect()
}

async fn locked_rows_are_passed_by_counted_and_taken_once_they_are_free(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1", "n2", "n3", "n4", "n5"]).await;
    db.lose(&lost, 1).await;
    let user = db.scratch.hold(&lock(&["n2", "n4"])).await;
    let began = Instant::now();
    let first = db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "it does not wait");
    let locked = |changed, locked| WindowDone {
        changed,
        locked,
        ..WindowDone::default()
    };
    assert_eq!(first, locked(3, 2));
    assert_eq!(db.out().await, ["n1", "n3", "n5"]);
    assert_eq!(
        db.reader.decisions(1).await.unwrap()[0].completed_at_ms,
        None
    );
    let again = db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    assert_eq!(again, locked(0, 2));
    user.undo().await;
    let last = db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    assert_eq!((last.changed, last.locked), (2, 0));
    assert_eq!(last.completed.map(|done| done.nodes), Some(5));
    assert_eq!(db.out().await.len(), 5);
    let decisions = db.reader.decisions(1).await.unwrap();
    assert_eq!(
        (decisions[0].completed_at_ms, decisions[0].nodes),
        (Some(5000), 5)
    );
}

async fn locked_rows_are_passed_by_on_the_way_back_too(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1", "n2", "n3", "n4", "n5"]).await;
    db.lose(&lost, 1).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    db.restore(&lost, 2).await;
    let user = db.scratch.hold(&lock(&["n2", "n4"])).await;
    let all = window("", 10);
    let first = db.ledger.give_back(1, Some(&lost), &all).await.unwrap();
    assert_eq!((first.changed, first.locked), (3, 2));
    assert_eq!(db.out().await, ["n2", "n4"]);
    assert_eq!(
        db.reader.decisions(1).await.unwrap()[0].completed_at_ms,
        None
    );
    user.commit().await;
    let last = db.ledger.give_back(1, Some(&lost), &all).await.unwrap();
    assert_eq!((last.changed, last.locked), (2, 0));
    assert_eq!(db.out().await, Vec::<String>::new());
    let decisions = db.reader.decisions(1).await.unwrap();
    assert_eq!(
        (decisions[0].completed_at_ms, decisions[0].nodes),
        (Some(5000), 5)
    );
    let marked = "SELECT uuid FROM nodes WHERE maintenance ORDER BY uuid";
    assert_eq!(
        db.scratch.list(marked).await,
        ["n2", "n4"],
        "what the user wrote is there"
    );
}

fn sweep() -> Sweep {
    Sweep {
        announces: true,
        pause: None,
        unwanted: Vec::new(),
        restarting: Vec::new(),
        forget: Vec::new(),
        unnamed: Vec::new(),
        now_ms: 9000,
    }
}

async fn a_locked_row_holds_up_no_walk_over_everything(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let (a, b) = (pair("a", ""), pair("b", ""));
    db.nodes("a", "", &["n1", "n2", "n3", "n4"]).await;
    db.nodes("free", "", &["n5", "n6"]).await;
    db.nodes("c", "", &["n7"]).await;
    for (pair, decision) in [(&a, 1), (&b, 2), (&pair("c", ""), 3)] {
        db.lose(pair, decision).await;
    }
    db.restore(&pair("c", ""), 4).await;
    db.ledger.take_out(1, &a, &window("", 10)).await.unwrap();
    // A held row that moved, one whose mark was changed, and one that is marked and not held: each
    // locked by a user, beside one that is not.
    db.scratch
        .run(
            "UPDATE nodes SET driver = 'b' WHERE uuid IN ('n1', 'n2');
             UPDATE nodes SET service_state = 'in_service' WHERE uuid IN ('n3', 'n4');
             UPDATE nodes SET service_state = 'out_of_service' WHERE uuid IN ('n5', 'n6')",
        )
        .await;
    let user = db.scratch.hold(&lock(&["n2", "n4", "n6", "n7"])).await;
    let began = Instant::now();
    db.ledger.give_back(1, None, &window("", 10)).await.unwrap();
    db.ledger.unmark_strays(1, &window("", 10)).await.unwrap();
    let unnamed = vec![pair("a", ""), pair("b", ""), pair("c", "")];
    let swept = Sweep { unnamed, ..sweep() };
    assert_eq!(db.ledger.begin_sweep(1, &swept).await.unwrap(), []);
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    let marks = db.marks().await;
    assert_eq!(marks[2], "n3 out_of_service");
    assert_eq!(marks[4], "n5 in_service");
    user.undo().await;
    db.ledger.give_back(1, None, &window("", 10)).await.unwrap();
    db.ledger.unmark_strays(1, &window("", 10)).await.unwrap();
    let out = |n: u64| format!("n{n} out_of_service");
    let in_service = (5..8).map(|n| format!("n{n} in_service"));
    let expected: Vec<String> = (1..5).map(out).chain(in_service).collect();
    assert_eq!(db.marks().await, expected);
    let drivers: Vec<String> = db
        .reader
        .snapshot("", 10)
        .await
        .unwrap()
        .nodes
        .into_iter()
        .map(|hold| hold.driver)
        .collect();
    assert_eq!(drivers, ["b", "b", "a", "a"]);
}

async fn a_node_that_is_being_put_back_in_an_open_transaction_holds_up_no_other(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1", "n2"]).await;
    db.lose(&lost, 1).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    db.scratch.run("DELETE FROM nodes WHERE uuid = 'n1'").await;
    let again = "INSERT INTO nodes (uuid, driver) VALUES ('n1', 'a')";
    let user = db.scratch.hold(again).await;
    let began = Instant::now();
    let done = db.ledger.give_back(1, None, &window("", 10)).await.unwrap();
    assert_eq!((done.changed, done.locked), (1, 0), "its hold ends");
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    user.commit().await;
    let last = db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    assert_eq!(last.changed, 1, "it is a new one, and its driver is lost");
    assert_eq!(db.out().await, ["n1", "n2"]);
}

/// Whether the server is MariaDB, which has a limit of its own for idle transactions, and not MySQL.
async fn mariadb(db: &StoreOnDatabase) -> bool {
    let version = db.scratch.text("SELECT version()").await;
    version.contains("MariaDB")
}

/// A client that took the fence, with the limits that our own connections set, and then says nothing.
async fn frozen(db: &StoreOnDatabase) -> OpenTransaction {
    let url = db.database().url.expose();
    let fence = "UPDATE nodewarden_state SET commits = commits + 1 WHERE id = 1";
    match db.scratch.kind {
        Kind::Sqlite => unreachable!("a file has no server"),
        Kind::Postgres => {
            let mut link = sqlx::PgConnection::connect(url).await.unwrap();
            let limit = "SET idle_in_transaction_session_timeout = 5000";
            link.execute(limit).await.unwrap();
            link.execute("BEGIN").await.unwrap();
            link.execute(fence).await.unwrap();
            OpenTransaction::Postgres(link)
        }
        Kind::MySql => {
            let mut link = sqlx::MySqlConnection::connect(url).await.unwrap();
            let limit = if mariadb(db).await {
                "SET SESSION idle_write_transaction_timeout = 5"
            } else {
                "SET SESSION wait_timeout = 20"
            };
            link.execute(sqlx::raw_sql(limit)).await.unwrap();
            link.execute(sqlx::raw_sql("START TRANSACTION"))
                .await
                .unwrap();
            link.execute(sqlx::raw_sql(fence)).await.unwrap();
            OpenTransaction::MySql(link)
        }
    }
}

async fn a_frozen_owner_of_an_open_transaction_is_ended_by_the_server(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.lose(&pair("a", ""), 1).await;
    let owner = frozen(&db).await;
    let began = Instant::now();
    let mut successor = db.ledger();
    let taken = loop {
        match successor
            .take_epoch("successor", nodewarden::config::Mode::Enforce, 20)
            .await
        {
            Ok(taken) => break taken,
            Err(fault) => assert!(fault.is_transient(), "{fault:?}"),
        }
    };
    let took = began.elapsed();
    println!("{kind:?}: taken over {took:?} after the owner froze");
    assert!(
        took > Duration::from_secs(3),
        "it was held at first: {took:?}"
    );
    let limit = if kind == Kind::MySql && !mariadb(&db).await {
        23
    } else {
        8
    };
    assert!(took < Duration::from_secs(limit), "{took:?}");
    assert_eq!(taken.epoch, 2);
    assert_eq!(taken.memory.standings, [(pair("a", ""), Standing::Lost)]);
    drop(owner);
}

/// On the other databases nothing can come between: SQLite has one writer, and a trigger of MySQL
/// may not write what its statement reads.
#[tokio::test]
async fn a_node_that_is_registered_again_between_two_statements_comes_back_once() {
    let mut db = StoreOnDatabase::new(Kind::Postgres).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1", "n2"]).await;
    db.lose(&lost, 1).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    let mut up = crate::harness::turned(&pair("up", ""), Standing::Active, 2, "c2");
    up.decisions.clear();
    db.ledger.commit(1, &up).await.unwrap();
    // As soon as the removal is noted, the node is there again, and needs an active pair.
    db.scratch
        .run(
            "CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO nodes (uuid, driver) VALUES (new.uuid, 'up'); RETURN NULL; END $$;
             CREATE TRIGGER again AFTER INSERT ON nodewarden_changes
                FOR EACH ROW WHEN (new.back = 'node_removed') EXECUTE FUNCTION again();
             DELETE FROM nodes WHERE uuid = 'n1'",
        )
        .await;
    let done = db.ledger.give_back(1, None, &window("", 10)).await.unwrap();
    assert_eq!(done.changed, 1);
    let back =
        "SELECT concat(seq, ' ', uuid, ' ', back) FROM nodewarden_changes WHERE back IS NOT NULL";
    assert_eq!(db.scratch.list(back).await, ["3 n1 node_removed"]);
    assert_eq!(db.marks().await, ["n1 in_service", "n2 out_of_service"]);
}

async fn a_standby_proves_that_it_can_write_while_the_active_one_holds_the_fence(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let fence = "UPDATE nodewarden_state SET commits = commits + 1";
    let active = db.scratch.hold(fence).await;
    db.ledger().prove().await.unwrap();
    active.commit().await;
}
