//! A transaction that takes too long is given up before the watchdog would kill for it.

use std::time::{Duration, Instant};

use nodewarden::config::Database;
use nodewarden::store::{Findings, Ledger};
use nodewarden_tests::database::Kind;

use crate::harness::{StoreOnDatabase, ledger, pair, window};

on_databases!(l1_a_statement_that_takes_too_long_is_a_passing_fault_and_gives_its_locks_back);

async fn l1_a_statement_that_takes_too_long_is_a_passing_fault_and_gives_its_locks_back(
    kind: Kind,
) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1", "n2", "n3"]).await;
    db.lose(&lost, 1).await;
    // Counting all triples of them takes longer than a test: SQLite cannot sleep, and MariaDB notices at
    // once that one who only sleeps is gone.
    let names: Vec<String> = (0..2000).map(|n| format!("z{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    db.nodes("b", "", &names).await;
    if kind == Kind::Sqlite {
        db.scratch
            .run(
                "CREATE TRIGGER stubborn BEFORE UPDATE OF service_state ON nodes WHEN new.uuid = 'n2'
                 BEGIN SELECT count(*) FROM nodes a, nodes b, nodes c
                 WHERE a.uuid || b.uuid > c.uuid; END",
            )
            .await;
    } else {
        db.scratch.slow_update_of("n2").await;
    }
    let database = Database {
        transaction_limit: Duration::from_millis(1500),
        ..db.database().clone()
    };
    let mut ledger = ledger(&database);
    let began = Instant::now();
    let fault = ledger
        .take_out(1, &lost, &window("", 10))
        .await
        .unwrap_err();
    assert!(fault.is_transient(), "{fault:?}");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    // Its lock of the fence goes, and smaller ones succeed.
    let nothing = Findings::default();
    while let Err(fault) = ledger.commit(1, &nothing).await {
        assert!(fault.is_transient(), "{fault:?}");
        assert!(began.elapsed() < Duration::from_secs(15), "{fault:?}");
    }
    let smaller = ledger.take_out(1, &lost, &window("", 1)).await.unwrap();
    assert_eq!(smaller.changed, 1);
    assert_eq!(db.out().await, ["n1"]);
}
