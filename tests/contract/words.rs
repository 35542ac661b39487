//! What stands in a row and is none of our words is called corrupt, by the names of its table and
//! column; it is never taken for another word.

use nodewarden::domain::announcement::Content;
use nodewarden::domain::change::Standing;
use nodewarden::store::{Findings, Ledger, Outbox, StoreError};

use crate::harness::{StoreOnDatabase, active, pair, turned, window};
use nodewarden_tests::database::Kind;

on_databases!(
    a_word_that_is_none_of_its_list_is_corrupt_and_named,
    a_node_that_is_out_by_a_decision_to_give_back_is_corrupt,
    what_stands_before_a_corrupt_announcement_goes_out,
);

/// Node `n1` of pair `a` is out, `n2` of pair `b` was out and came back, and that pair `c` was lost is
/// only observed.
async fn out_and_back(kind: Kind) -> StoreOnDatabase {
    let mut db = StoreOnDatabase::new(kind).await;
    let intake = Findings {
        now_ms: 1000,
        conductors: vec![active("c1", "", &["a", "b"])],
        ..Findings::default()
    };
    db.ledger.commit(1, &intake).await.unwrap();
    let (a, b) = (pair("a", ""), pair("b", ""));
    let all = window("", 10);
    db.nodes("a", "", &["n1"]).await;
    db.nodes("b", "", &["n2"]).await;
    db.lose(&a, 1).await;
    db.lose(&b, 2).await;
    db.ledger.take_out(1, &a, &all).await.unwrap();
    db.ledger.take_out(1, &b, &all).await.unwrap();
    db.restore(&b, 3).await;
    db.ledger.give_back(1, Some(&b), &all).await.unwrap();
    let only_observed = Findings {
        observed: true,
        ..turned(&pair("c", ""), Standing::Lost, 4, "c1")
    };
    db.ledger.commit(1, &only_observed).await.unwrap();
    db
}

/// Writes what we never would: our own checks are out of the way.
async fn write(db: &StoreOnDatabase, table: &str, column: &str, text: &str, of: &str) {
    let update = format!("UPDATE {table} SET {column} = '{text}' WHERE {of}");
    let unchecked = match db.scratch.kind {
        Kind::Sqlite => format!("PRAGMA ignore_check_constraints = ON; {update}"),
        Kind::Postgres => format!(
            "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_{column}_check; {update}"
        ),
        Kind::MySql => update,
    };
    db.scratch.run(&unchecked).await;
}

/// That `answer` names the row's place and the word.
#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(answer: Result<T, StoreError>, table: &str, column: &str) {
    let Err(StoreError::Corrupt(told)) = &answer else {
        panic!("{table}.{column}: {answer:?}");
    };
    let place = format!("table {table}: column {column}: \"sideways\" is not a");
    assert!(told.contains(&place), "{told}");
}

async fn a_word_that_is_none_of_its_list_is_corrupt_and_named(kind: Kind) {
    let mut db = out_and_back(kind).await;
    let (a, all) = (pair("a", ""), window("", 10));
    for (table, column, of) in [
        ("nodewarden_conductors", "state", "conductor = 'c1'"),
        ("nodewarden_pairs", "state", "driver = 'a'"),
        ("nodewarden_decisions", "verdict", "number = 1"),
        ("nodewarden_decisions", "cause", "number = 4"),
        ("nodewarden_decisions", "cause_event", "number = 1"),
        ("nodewarden_state", "mode", "id = 1"),
        (
            "nodewarden_changes",
            "back",
            "uuid = 'n2' AND back IS NOT NULL",
        ),
    ] {
        let before = format!("SELECT {column} FROM {table} WHERE {of}");
        let before = db.scratch.text(&before).await;
        write(&db, table, column, "sideways", of).await;
        match (table, column) {
            ("nodewarden_conductors", _) => {
                assert_corrupt(db.ledger.resume(1).await, table, column);
                assert_corrupt(db.reader.conductors().await, table, column);
            }
            ("nodewarden_pairs", _) => {
                assert_corrupt(db.ledger.resume(1).await, table, column);
                assert_corrupt(db.reader.drivers().await, table, column);
            }
            ("nodewarden_decisions", "verdict") => {
                let taken = db.ledger.take_out(1, &a, &all).await;
                assert_corrupt(taken, table, column);
                assert_corrupt(db.reader.decisions(9).await, table, column);
                assert_corrupt(db.reader.snapshot("", 9).await, table, column);
                assert_corrupt(db.reader.node("n1").await, table, column);
            }
            ("nodewarden_decisions", "cause_event") => {
                assert_corrupt(db.reader.decisions(9).await, table, column);
                assert_corrupt(db.outbox().pending(None, 9).await, table, column);
            }
            ("nodewarden_decisions", _) => {
                assert_corrupt(db.ledger.resume(1).await, table, column);
                assert_corrupt(db.reader.decisions(9).await, table, column);
            }
            ("nodewarden_state", _) => {
                assert_corrupt(db.reader.overview().await, table, column);
                assert_corrupt(db.ledger.step_down(1, 20).await, table, column);
            }
            ("nodewarden_changes", _) => {
                assert_corrupt(db.reader.node("n2").await, table, column);
            }
            other => panic!("{other:?} is not tried"),
        }
        write(&db, table, column, &before, of).await;
    }
    // Nothing was written meanwhile, and all is well again.
    assert_eq!(db.out().await, ["n1"]);
    assert_eq!(db.outbox().pending(None, 9).await.unwrap().len(), 3);
    db.ledger.resume(1).await.unwrap();
}

async fn a_node_that_is_out_by_a_decision_to_give_back_is_corrupt(kind: Kind) {
    let db = out_and_back(kind).await;
    write(
        &db,
        "nodewarden_decisions",
        "verdict",
        "restored",
        "number = 1",
    )
    .await;
    let fault = db.reader.snapshot("", 9).await.unwrap_err();
    assert!(matches!(&fault, StoreError::Corrupt(_)), "{fault:?}");
    let told = fault.to_string();
    assert!(told.contains("nodewarden_decisions"), "{told}");
    assert!(told.contains("verdict restored"), "{told}");
}

async fn what_stands_before_a_corrupt_announcement_goes_out(kind: Kind) {
    let table = "nodewarden_announcements";
    for (column, good) in [("type", "node.out_of_service"), ("reason", "driver_lost")] {
        let db = out_and_back(kind).await;
        write(&db, table, column, "sideways", "number = 2").await;
        let mut outbox = db.outbox();
        let first = outbox.pending(None, 9).await.unwrap();
        let numbers: Vec<u64> = first.iter().map(|one| one.number).collect();
        assert_eq!(numbers, [1]);
        assert!(
            matches!(&first[0].content, Content::OutOfService { nodes, .. } if nodes.len() == 1)
        );
        assert_corrupt(outbox.pending(Some(1), 9).await, table, column);
        write(&db, table, column, good, "number = 2").await;
        assert_eq!(outbox.pending(Some(1), 9).await.unwrap().len(), 2);
    }
}
