//! The counts that are kept: whole, never old where holds are concerned, and written only by the holder
//! of the epoch.

use nodewarden::store::{Counts, Ledger, StoreError};
use nodewarden_tests::database::Kind;

use crate::harness::{StoreOnDatabase, pair, window};

on_each!(
    what_was_never_counted_is_not_shown_as_none,
    nodes_are_counted_by_pair_whatever_the_window,
    holds_are_shown_as_of_now_between_two_counts,
    l1_counts_are_kept_in_parts_that_show_no_hold_twice_and_no_count_half,
    changes_are_folded_into_the_counts_and_nothing_is_counted_twice,
    a_replica_that_lost_the_epoch_keeps_no_counts,
    pairs_of_which_nothing_is_known_are_found_by_the_counts_and_looked_at_again,
);

/// Group, driver, and what is shown in and out of service.
async fn shown(db: &StoreOnDatabase) -> Vec<(String, String, u64, u64)> {
    let views = db.reader.drivers().await.unwrap();
    views
        .into_iter()
        .map(|view| {
            let (nodes, held) = (view.nodes_in_service, view.nodes_out_of_service);
            (view.conductor_group, view.driver, nodes, held)
        })
        .collect()
}

fn row(group: &str, driver: &str, nodes: u64, held: u64) -> (String, String, u64, u64) {
    (group.into(), driver.into(), nodes, held)
}

async fn what_was_never_counted_is_not_shown_as_none(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.nodes("a", "", &["n1"]).await;
    db.lose(&pair("a", ""), 1).await;
    assert_eq!(db.reader.overview().await.unwrap().counted_at_ms, None);
    let (counted_at_ms, drivers) = db.reader.counted_drivers().await.unwrap();
    assert_eq!(counted_at_ms, None);
    assert_eq!(drivers.len(), 1, "a decision names it");
    assert_eq!(drivers[0].counted_at_ms, None);
    db.count(77).await;
    assert_eq!(db.reader.overview().await.unwrap().counted_at_ms, Some(77));
    let (counted_at_ms, drivers) = db.reader.counted_drivers().await.unwrap();
    assert_eq!(
        (counted_at_ms, drivers[0].counted_at_ms),
        (Some(77), Some(77))
    );
}

async fn nodes_are_counted_by_pair_whatever_the_window(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.nodes("a", "", &["n1", "n5", "n9"]).await;
    db.nodes("a", "Rack", &["n2", "n4"]).await;
    db.nodes("a", "rack", &["n3"]).await;
    db.nodes("b", "", &["n6", "n7", "n8"]).await;
    db.scratch
        .run(
            "INSERT INTO nodes (uuid) VALUES ('bare');
             INSERT INTO nodes (uuid, driver, conductor_group) VALUES ('m1', 'a', NULL), ('m2', '', '')",
        )
        .await;
    let expected = [
        row("", "a", 4, 0),
        row("", "b", 3, 0),
        row("rack", "a", 3, 0),
    ];
    db.count(1).await;
    assert_eq!(shown(&db).await, expected);
    assert_eq!(db.reader.overview().await.unwrap().nodes, 12);
    db.scratch
        .run(
            "DELETE FROM nodes WHERE driver = 'b'; UPDATE nodes SET driver = 'c' WHERE uuid = 'n1'",
        )
        .await;
    assert_eq!(shown(&db).await, expected, "as of the count");
    db.count(2).await;
    let expected = [
        row("", "a", 3, 0),
        row("", "c", 1, 0),
        row("rack", "a", 3, 0),
    ];
    assert_eq!(shown(&db).await, expected);
}

async fn holds_are_shown_as_of_now_between_two_counts(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let (a, b) = (pair("a", ""), pair("b", ""));
    db.nodes("a", "", &["n1", "n2", "n3"]).await;
    db.nodes("b", "", &["n4"]).await;
    db.count(1).await;
    db.lose(&a, 1).await;
    db.ledger.take_out(1, &a, &window("", 2)).await.unwrap();
    assert_eq!(shown(&db).await, [row("", "a", 1, 2), row("", "b", 1, 0)]);
    db.lose(&b, 2).await;
    db.ledger.take_out(1, &b, &window("", 9)).await.unwrap();
    db.restore(&a, 3).await;
    db.ledger
        .give_back(1, Some(&a), &window("", 1))
        .await
        .unwrap();
    let expected = [row("", "a", 2, 1), row("", "b", 0, 1)];
    assert_eq!(shown(&db).await, expected);
    assert_eq!(db.reader.overview().await.unwrap().nodes_out_of_service, 2);
    assert_eq!(db.reader.held(None).await.unwrap(), 2);
    assert_eq!(db.reader.held(Some(&b)).await.unwrap(), 1);
    db.count(2).await;
    assert_eq!(shown(&db).await, expected, "and the next count agrees");
    assert_eq!(db.reader.overview().await.unwrap().nodes_out_of_service, 2);
}

async fn l1_counts_are_kept_in_parts_that_show_no_hold_twice_and_no_count_half(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let a = pair("a", "");
    for driver in ["a", "b", "c", "d", "e"] {
        db.nodes(driver, "", &[&format!("{driver}1"), &format!("{driver}2")])
            .await;
    }
    let drivers = ["a", "b", "c", "d", "e"];
    let counts = |nodes: u64, counted_at_ms| Counts {
        pairs: drivers
            .iter()
            .map(|driver| ((String::new(), (*driver).to_owned()), nodes))
            .collect(),
        nodes: 5 * nodes,
        counted_at_ms,
    };
    let mut calls = Vec::new();
    while !db.ledger.keep_counts(1, &counts(2, 1), 2).await.unwrap() {
        calls.push(db.reader.overview().await.unwrap().counted_at_ms);
    }
    assert_eq!(calls, [None, None], "the first count is shown whole");
    db.lose(&a, 1).await;
    db.ledger.take_out(1, &a, &window("", 1)).await.unwrap();
    let of = |a: (u64, u64), others: [u64; 4]| {
        let others = drivers[1..].iter().zip(others);
        let mut rows = vec![row("", "a", a.0, a.1)];
        rows.extend(others.map(|(driver, nodes)| row("", driver, nodes, 0)));
        rows
    };
    assert_eq!(shown(&db).await, of((1, 1), [2; 4]));
    // Three more of each are registered.
    let more = counts(5, 2);
    for expected in [of((4, 1), [5, 2, 2, 2]), of((4, 1), [5, 5, 5, 2])] {
        assert!(!db.ledger.keep_counts(1, &more, 2).await.unwrap());
        assert_eq!(shown(&db).await, expected);
        assert_eq!(db.reader.overview().await.unwrap().nodes_out_of_service, 1);
    }
    assert!(db.ledger.keep_counts(1, &more, 2).await.unwrap());
    assert_eq!(shown(&db).await, of((4, 1), [5; 4]));
    let overview = db.reader.overview().await.unwrap();
    assert_eq!(
        (overview.counted_at_ms, overview.nodes_out_of_service),
        (Some(2), 1)
    );
}

async fn changes_are_folded_into_the_counts_and_nothing_is_counted_twice(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let a = pair("a", "");
    db.nodes("a", "", &["n1", "n2", "n3"]).await;
    assert_eq!(db.ledger.fold_counts(1).await.unwrap(), 0, "no count yet");
    db.count(1).await;
    db.lose(&a, 1).await;
    db.ledger.take_out(1, &a, &window("", 9)).await.unwrap();
    assert_eq!(db.ledger.fold_counts(1).await.unwrap(), 3);
    assert_eq!(shown(&db).await, [row("", "a", 0, 3)]);
    assert_eq!(db.ledger.fold_counts(1).await.unwrap(), 0);
    db.restore(&a, 2).await;
    let two = window("", 2);
    let given = db.ledger.give_back(1, Some(&a), &two);
    assert_eq!(given.await.unwrap().changed, 2);
    assert_eq!(shown(&db).await, [row("", "a", 2, 1)]);
    assert_eq!(db.ledger.fold_counts(1).await.unwrap(), 2);
    assert_eq!(shown(&db).await, [row("", "a", 2, 1)]);
    assert_eq!(db.reader.overview().await.unwrap().nodes_out_of_service, 1);
}

async fn a_replica_that_lost_the_epoch_keeps_no_counts(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.nodes("a", "", &["n1"]).await;
    db.count(1).await;
    let mode = nodewarden::config::Mode::Enforce;
    db.ledger().take_epoch("second", mode, 20).await.unwrap();
    let kept = db.ledger.keep_counts(1, &Counts::default(), 9).await;
    assert!(matches!(kept, Err(StoreError::Fenced(1))), "{kept:?}");
    let folded = db.ledger.fold_counts(1).await;
    assert!(matches!(folded, Err(StoreError::Fenced(1))), "{folded:?}");
    assert_eq!(shown(&db).await, [row("", "a", 1, 0)]);
}

async fn pairs_of_which_nothing_is_known_are_found_by_the_counts_and_looked_at_again(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    for (driver, uuid) in [("a", "n1"), ("b", "n2"), ("c", "n3"), ("d", "n4")] {
        db.nodes(driver, "", &[uuid]).await;
    }
    db.lose(&pair("b", ""), 1).await;
    assert_eq!(db.ledger.unknown_pairs(9).await.unwrap(), [], "not counted");
    db.count(1).await;
    db.scratch
        .run("UPDATE nodes SET driver = 'b' WHERE uuid = 'n3'")
        .await;
    let unknown = db.ledger.unknown_pairs(9).await.unwrap();
    assert_eq!(unknown, [pair("a", ""), pair("c", ""), pair("d", "")]);
    let needed = db.ledger.needed(&unknown).await.unwrap();
    assert_eq!(needed, [pair("a", ""), pair("d", "")], "c was corrected");
    let first = db.ledger.unknown_pairs(1).await.unwrap();
    assert_eq!(first, [pair("a", "")]);
    // What is no name is before them, and there is more of it than was asked for.
    for (uuid, driver) in [("m1", "\u{1}"), ("m2", "\u{2}"), ("m3", "\u{3}")] {
        db.nodes(driver, "", &[uuid]).await;
    }
    db.count(2).await;
    let first = db.ledger.unknown_pairs(2).await.unwrap();
    assert_eq!(first, [pair("a", ""), pair("d", "")]);
}
