//! Looking for work before anything is locked (L2): each kind of work is seen, by the very window
//! that has it, and where there is none nothing is.

use nodewarden::domain::change::Standing;
use nodewarden::domain::ids::Pair;
use nodewarden::store::{Ledger, Rows, Surveyed, Window};
use nodewarden_tests::database::Kind;

use crate::harness::{StoreOnDatabase, pair, turned, window};

on_each!(
    a_lost_pair_has_work_where_a_node_may_be_taken_and_is_open_until_it_is_carried_out,
    a_pair_that_may_not_be_taken_out_has_no_work,
    holds_have_work_where_one_is_to_end_or_to_be_labelled_or_marked_again,
    a_return_is_open_until_nothing_is_held_for_it,
    l1_open_returns_are_completed_as_many_at_once_as_the_window_has_nodes,
    nodes_have_work_where_a_mark_has_no_hold,
    one_look_over_everything_sees_each_kind_of_work_in_its_own_window,
    one_look_over_everything_sees_decisions_that_are_open,
);

/// What a look at `seen` rows up to `last` finds, if there is nothing to do.
fn seen(seen: u64, last: &str) -> Surveyed {
    Surveyed {
        last: Some(last.to_owned()),
        seen,
        ..Surveyed::default()
    }
}

fn work(found: Surveyed) -> Surveyed {
    Surveyed {
        work: true,
        ..found
    }
}

fn open(found: Surveyed) -> Surveyed {
    Surveyed {
        open: true,
        ..found
    }
}

/// Looks, and sees to it that looking wrote nothing.
async fn look(db: &mut StoreOnDatabase, of: Rows<'_>, window: &Window) -> Surveyed {
    let commits = "SELECT CAST(commits AS CHAR(9)) FROM nodewarden_state";
    let before = db.scratch.text(commits).await;
    let found = db.ledger.survey(of, window).await.unwrap();
    assert_eq!(db.scratch.text(commits).await, before, "{of:?}");
    found
}

/// A database on which these nodes of `a` are held, and the decision is carried out.
async fn held(kind: Kind, uuids: &[&str]) -> (StoreOnDatabase, Pair) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", uuids).await;
    db.lose(&lost, 1).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    (db, lost)
}

/// Looks at everything at once, and sees to it that looking wrote nothing.
async fn look_at_all(db: &mut StoreOnDatabase, window: &Window) -> Surveyed {
    let commits = "SELECT CAST(commits AS CHAR(9)) FROM nodewarden_state";
    let before = db.scratch.text(commits).await;
    let found = db.ledger.survey_all(window).await.unwrap();
    assert_eq!(db.scratch.text(commits).await, before, "{window:?}");
    found
}

async fn a_lost_pair_has_work_where_a_node_may_be_taken_and_is_open_until_it_is_carried_out(
    kind: Kind,
) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    let of = Rows::NodesOf(&lost);
    db.nodes("a", "", &["n1", "n2", "n3"]).await;
    db.nodes("b", "", &["m1"]).await;
    db.lose(&lost, 1).await;
    let all = window("", 10);
    let found = look(&mut db, of, &all).await;
    assert_eq!(found, open(work(seen(3, "n3"))));
    db.ledger.take_out(1, &lost, &window("", 2)).await.unwrap();
    let found = look(&mut db, of, &window("", 2)).await;
    assert_eq!(found, open(seen(2, "n2")), "the first two are out");
    db.ledger
        .take_out(1, &lost, &window("n2", 2))
        .await
        .unwrap();
    assert_eq!(look(&mut db, of, &all).await, seen(3, "n3"));
    let nothing = look(&mut db, of, &window("n3", 10)).await;
    assert_eq!(nothing, Surveyed::default());
    // A node that is registered after the loss.
    db.nodes("a", "", &["n4"]).await;
    let first = look(&mut db, of, &window("", 3)).await;
    assert_eq!(first, seen(3, "n3"));
    let second = look(&mut db, of, &window("n3", 3)).await;
    assert_eq!(second, work(seen(1, "n4")));
    let of_holds = look(&mut db, Rows::HoldsOf(&lost), &all).await;
    assert_eq!(of_holds, open(work(seen(3, "n3"))));
}

async fn a_pair_that_may_not_be_taken_out_has_no_work(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let all = window("", 10);
    for driver in ["never", "active", "observed", "unknown"] {
        db.nodes(driver, "", &[driver]).await;
        let pair = pair(driver, "");
        let mut findings = turned(&pair, Standing::Lost, 1, driver);
        match driver {
            "active" => findings = turned(&pair, Standing::Active, 1, driver),
            "observed" => findings.observed = true,
            "unknown" => {
                let verdict = nodewarden::domain::change::Verdict::Unknown;
                findings.decisions[0].verdict = verdict;
                findings.decisions[0].turn.verdict = Some(verdict);
                findings.decisions[0].id = crate::harness::decision_id(9);
            }
            _ => {}
        }
        if let Some(decision) = findings.decisions.first_mut() {
            decision.id = format!("00000000-0000-4000-8000-{:0>12}", driver.len());
        }
        if driver != "never" {
            db.ledger.commit(1, &findings).await.unwrap();
        }
        let found = look(&mut db, Rows::NodesOf(&pair), &all).await;
        assert_eq!(found, Surveyed::default(), "{driver}");
    }
    let wanted = Window {
        unknown: true,
        ..all.clone()
    };
    let unknown = pair("unknown", "");
    let found = look(&mut db, Rows::NodesOf(&unknown), &wanted).await;
    assert_eq!(found, open(work(seen(1, "unknown"))));
    for (window, expected) in [(&all, false), (&wanted, true)] {
        let found = look_at_all(&mut db, window).await;
        assert_eq!((found.work, found.seen), (expected, 4), "{window:?}");
    }
}

async fn holds_have_work_where_one_is_to_end_or_to_be_labelled_or_marked_again(kind: Kind) {
    let (mut db, _) = held(kind, &["n1", "n2", "n3", "n4", "n5"]).await;
    let (two, three) = (window("", 2), window("n2", 10));
    let mut active = turned(&pair("up", ""), Standing::Active, 2, "c2");
    active.decisions.clear();
    db.ledger.commit(1, &active).await.unwrap();
    db.lose(&pair("b", ""), 3).await;
    assert_eq!(look(&mut db, Rows::Holds, &two).await, seen(2, "n2"));
    assert_eq!(look(&mut db, Rows::Holds, &three).await, seen(3, "n5"));
    for (what, change, back) in [
        (
            "its node needs an active pair",
            "UPDATE nodes SET driver = 'up' WHERE uuid = 'n4'",
            "UPDATE nodes SET driver = 'a' WHERE uuid = 'n4'",
        ),
        (
            "its node needs another lost pair",
            "UPDATE nodes SET driver = 'b' WHERE uuid = 'n4'",
            "UPDATE nodes SET driver = 'a' WHERE uuid = 'n4'",
        ),
        (
            "its node is marked otherwise",
            "UPDATE nodes SET service_state = 'in_service' WHERE uuid = 'n4'",
            "UPDATE nodes SET service_state = 'out_of_service' WHERE uuid = 'n4'",
        ),
        (
            "its node is gone",
            "DELETE FROM nodes WHERE uuid = 'n4'",
            "INSERT INTO nodes (uuid, driver, service_state) VALUES ('n4', 'a', 'out_of_service')",
        ),
    ] {
        db.scratch.run(change).await;
        let found = look(&mut db, Rows::Holds, &three).await;
        assert_eq!(found, work(seen(3, "n5")), "{what}");
        let found = look(&mut db, Rows::Holds, &two).await;
        assert_eq!(found, seen(2, "n2"), "{what}, in another window");
        db.scratch.run(back).await;
        let found = look(&mut db, Rows::Holds, &three).await;
        assert_eq!(found, seen(3, "n5"), "not any more: {what}");
    }
    // A mark that somebody lifted by hand is not set again during a pause.
    db.scratch
        .run(
            "UPDATE nodes SET service_state = 'in_service' WHERE uuid = 'n4';
             INSERT INTO nodewarden_pause (id, pause_id, reason, who, paused_at_ms, noted_at_ms)
                VALUES (1, 'p', 'test', 'me', 1, 1)",
        )
        .await;
    assert_eq!(look(&mut db, Rows::Holds, &three).await, seen(3, "n5"));
}

async fn a_return_is_open_until_nothing_is_held_for_it(kind: Kind) {
    let (mut db, lost) = held(kind, &["n1", "n2"]).await;
    let all = window("", 10);
    assert_eq!(look(&mut db, Rows::Holds, &all).await, seen(2, "n2"));
    db.restore(&lost, 2).await;
    assert_eq!(look(&mut db, Rows::Holds, &all).await, work(seen(2, "n2")));
    db.ledger
        .give_back(1, Some(&lost), &window("", 1))
        .await
        .unwrap();
    assert_eq!(look(&mut db, Rows::Holds, &all).await, work(seen(1, "n2")));
    // The walk that gives the rest back leaves the decision open.
    let incomplete = Window {
        completes: false,
        ..all.clone()
    };
    db.ledger
        .give_back(1, Some(&lost), &incomplete)
        .await
        .unwrap();
    let found = look(&mut db, Rows::Holds, &all).await;
    assert_eq!(found, open(Surveyed::default()));
    db.ledger.give_back(1, None, &all).await.unwrap();
    let found = look(&mut db, Rows::Holds, &all).await;
    assert_eq!(found, Surveyed::default());
}

async fn l1_open_returns_are_completed_as_many_at_once_as_the_window_has_nodes(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    for (driver, incarnation) in ["a", "b", "c", "d", "e"].iter().zip((1..).step_by(2)) {
        let pair = pair(driver, "");
        db.lose(&pair, incarnation).await;
        db.restore(&pair, incarnation + 1).await;
    }
    let open = "SELECT CAST(count(*) AS CHAR(9)) FROM nodewarden_decisions
        WHERE verdict = 'restored' AND completed_at_ms IS NULL";
    let behind = window("z", 2);
    for (left, next) in [("3", Some("z")), ("1", Some("z")), ("0", None)] {
        let done = db.ledger.give_back(1, None, &behind).await.unwrap();
        assert_eq!(done.next.as_deref(), next);
        assert_eq!(db.scratch.text(open).await.trim_end(), left);
    }
}

async fn nodes_have_work_where_a_mark_has_no_hold(kind: Kind) {
    let (mut db, _) = held(kind, &["n1", "n2"]).await;
    db.nodes("free", "", &["n3", "n4"]).await;
    let (two, rest) = (window("", 2), window("n2", 10));
    assert_eq!(look(&mut db, Rows::Nodes, &two).await, seen(2, "n2"));
    assert_eq!(look(&mut db, Rows::Nodes, &rest).await, seen(2, "n4"));
    for state in ["'out_of_service'", "'nonsense'", "NULL"] {
        db.scratch
            .run(&format!(
                "UPDATE nodes SET service_state = {state} WHERE uuid = 'n4'"
            ))
            .await;
        let found = look(&mut db, Rows::Nodes, &rest).await;
        assert_eq!(found, work(seen(2, "n4")), "{state}");
    }
    // Of a lost pair it is about to be taken out.
    db.scratch
        .run("UPDATE nodes SET driver = 'a' WHERE uuid = 'n4'")
        .await;
    assert_eq!(look(&mut db, Rows::Nodes, &rest).await, seen(2, "n4"));
    assert_eq!(look(&mut db, Rows::Nodes, &two).await, seen(2, "n2"));
}

async fn one_look_over_everything_sees_each_kind_of_work_in_its_own_window(kind: Kind) {
    let (mut db, _) = held(kind, &["n1", "n2", "n3", "n4", "n5"]).await;
    db.nodes("free", "", &["f1", "f2"]).await;
    let mut active = turned(&pair("up", ""), Standing::Active, 2, "c2");
    active.decisions.clear();
    db.ledger.commit(1, &active).await.unwrap();
    let all = window("", 10);
    for (lost, decision) in [(pair("b", ""), 3), (pair("a", "rack"), 4)] {
        db.lose(&lost, decision).await;
        db.ledger.take_out(1, &lost, &all).await.unwrap();
    }
    let (before, last) = (window("", 3), window("n1", 10));
    assert_eq!(look_at_all(&mut db, &all).await, seen(7, "n5"));
    assert_eq!(look_at_all(&mut db, &last).await, seen(4, "n5"));
    let held_is_free = "UPDATE nodes SET driver = 'free' WHERE uuid = 'n4'";
    let remove = "DELETE FROM nodes WHERE uuid IN ('n41', 'n42')";
    // Whether there is anything to do, and how many rows there are now.
    #[rustfmt::skip]
    let table = [
        ("a node should be out", "INSERT INTO nodes (uuid, driver) VALUES ('n41', 'a')", remove, true, 5),
        ("in no group", "INSERT INTO nodes (uuid, driver, conductor_group) VALUES ('n41', 'a', NULL)", remove, true, 5),
        ("in a group with capitals", "INSERT INTO nodes (uuid, driver, conductor_group) VALUES ('n41', 'a', 'RACK')", remove, true, 5),
        ("another group", "INSERT INTO nodes (uuid, driver, conductor_group) VALUES ('n41', 'a', 'rac')", remove, false, 5),
        ("another driver: a space is one", "INSERT INTO nodes (uuid, driver) VALUES ('n41', 'a ')", remove, false, 5),
        ("and so is none", "INSERT INTO nodes (uuid, driver) VALUES ('n41', 'a '), ('n42', 'a')", remove, true, 6),
        ("no driver", "INSERT INTO nodes (uuid, driver) VALUES ('n41', NULL)", remove, false, 5),
        ("it needs an active pair", "UPDATE nodes SET driver = 'up' WHERE uuid = 'n4'",
            "UPDATE nodes SET driver = 'a' WHERE uuid = 'n4'", true, 4),
        ("it needs another lost pair", "UPDATE nodes SET driver = 'b' WHERE uuid = 'n4'",
            "UPDATE nodes SET driver = 'a' WHERE uuid = 'n4'", true, 4),
        ("it needs a pair that is not known", held_is_free, "UPDATE nodes SET driver = 'a' WHERE uuid = 'n4'", false, 4),
        ("it is marked otherwise", "UPDATE nodes SET service_state = 'in_service' WHERE uuid = 'n4'",
            "UPDATE nodes SET service_state = 'out_of_service' WHERE uuid = 'n4'", true, 4),
        ("it is gone", "DELETE FROM nodes WHERE uuid = 'n4'",
            "INSERT INTO nodes (uuid, driver, service_state) VALUES ('n4', 'a', 'out_of_service')", true, 3),
        ("it is gone, and was the last", "DELETE FROM nodes WHERE uuid = 'n5'",
            "INSERT INTO nodes (uuid, driver, service_state) VALUES ('n5', 'a', 'out_of_service')", true, 3),
        ("a mark has no hold", "INSERT INTO nodes (uuid, driver, service_state) VALUES ('n41', 'free', NULL)", remove, true, 5),
    ];
    for (what, change, back, expected, rows) in table {
        db.scratch.run(change).await;
        let found = look_at_all(&mut db, &last).await;
        assert_eq!((found.work, found.seen), (expected, rows), "{what}");
        let found = look_at_all(&mut db, &before).await;
        assert_eq!(found, seen(3, "n1"), "{what}, in another window");
        db.scratch.run(back).await;
        let found = look_at_all(&mut db, &last).await;
        assert_eq!(found, seen(4, "n5"), "not any more: {what}");
    }
    // Behind the last one there is nothing, but for a hold without a node.
    let behind = window("n5", 10);
    assert_eq!(look_at_all(&mut db, &behind).await, Surveyed::default());
    db.scratch.run("DELETE FROM nodes").await;
    let found = look_at_all(&mut db, &all).await;
    assert_eq!(found, work(Surveyed::default()));
}

async fn one_look_over_everything_sees_decisions_that_are_open(kind: Kind) {
    let (mut db, lost) = held(kind, &["n1", "n2"]).await;
    let all = window("", 10);
    assert_eq!(look_at_all(&mut db, &all).await, seen(2, "n2"));
    let other = pair("b", "");
    db.lose(&other, 2).await;
    assert_eq!(look_at_all(&mut db, &all).await, open(seen(2, "n2")));
    let first = look_at_all(&mut db, &window("", 2)).await;
    assert_eq!(first, seen(2, "n2"), "at the end of the walk alone");
    db.ledger.take_out(1, &other, &all).await.unwrap();
    assert_eq!(look_at_all(&mut db, &all).await, seen(2, "n2"));
    db.restore(&lost, 3).await;
    assert_eq!(look_at_all(&mut db, &all).await, work(seen(2, "n2")));
    let incomplete = Window {
        completes: false,
        ..all.clone()
    };
    let back = db.ledger.give_back(1, Some(&lost), &incomplete).await;
    assert_eq!(back.unwrap().changed, 2);
    assert_eq!(look_at_all(&mut db, &all).await, open(seen(2, "n2")));
    db.ledger.give_back(1, None, &all).await.unwrap();
    assert_eq!(look_at_all(&mut db, &all).await, seen(2, "n2"));
}
