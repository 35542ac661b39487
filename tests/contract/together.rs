//! Several small pairs in one transaction: what each comes to is what it would alone, to the last row.

use std::sync::Arc;

use nodewarden::config::{InventoryKind, Mode};
use nodewarden::domain::announcement::Content;
use nodewarden::domain::change::{Standing, Verdict};
use nodewarden::domain::ids::Pair;
use nodewarden::store::{
    self, Completed, Ledger, Outbox, Pause, Rows, SqlLedger, SqlOutbox, StoreError, Surveyed,
    Unwatched, Window, WindowDone,
};
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::ironic::tables;

use crate::harness::{StoreOnDatabase, decision_id, pair, turned, window};
use crate::modelled::AnyLedger;

on_each!(
    several_pairs_go_out_and_come_back_as_they_would_one_by_one,
    what_is_too_large_waits_for_a_walk_of_its_own_and_holds_up_no_other,
    what_is_not_to_go_out_stays_and_is_done_with,
    a_pause_keeps_all_in_and_lets_all_come_back,
    nodes_that_are_gone_end_their_holds_with_the_others,
);
on_servers!(a_locked_row_keeps_its_pair_open_and_no_other,);
on_databases!(
    a_node_that_cannot_be_written_fails_them_all_and_nothing_of_them_is_written,
    an_ironic_s_nodes_go_out_and_come_back_as_they_would_one_by_one,
    an_ironic_s_marks_that_were_lifted_and_nodes_that_were_changed_are_each_told_once,
);

/// Pairs, and how many nodes each has; the third has none.
const PAIRS: [(&str, usize); 5] = [("e", 3), ("a", 1), ("none", 0), ("b", 2), ("c", 1)];

fn pairs() -> Vec<Pair> {
    PAIRS
        .iter()
        .map(|(driver, _)| pair(driver, "rack"))
        .collect()
}

fn done(changed: u64, decision: u64) -> Option<WindowDone> {
    Some(WindowDone {
        changed,
        completed: Some(Completed {
            decision_id: decision_id(decision),
            nodes: changed,
        }),
        ..WindowDone::default()
    })
}

/// Everything that says what happened, in order.
async fn all(scratch: &Scratch, inventory: InventoryKind) -> Vec<String> {
    let marks = match inventory {
        InventoryKind::Native => {
            "SELECT concat(uuid, ' ', service_state, ' ', coalesce(service_state_since_ms, 0)) FROM nodes ORDER BY uuid"
        }
        InventoryKind::Ironic => {
            "SELECT concat(uuid, ' ', CASE WHEN maintenance THEN 'yes' ELSE 'no' END, ' ', coalesce(fault, '-'), ' ',
                coalesce(maintenance_reason, '-')) FROM nodes ORDER BY uuid"
        }
    };
    let mut all = Vec::new();
    for query in [
        "SELECT concat(seq, ' ', uuid, ' ', coalesce(name, '-'), ' ', coalesce(held, '-'), ' ', decision, ' ', since_ms,
            ' ', coalesce(back, '-'), ' ', coalesce(ends, 0), ' ', coalesce(marked, 0), ' ', coalesce(lifted, '-'))
            FROM nodewarden_changes ORDER BY seq",
        "SELECT concat(number, ' ', type, ' ', coalesce(decision, 0), ' ', coalesce(reason, '-'), ' ',
            coalesce(released_by, 0), ' ', first_seq, ' ', last_seq, ' ', epoch, ' ', decided_at_ms, ' ',
            committed_at_ms, ' ', format) FROM nodewarden_announcements ORDER BY number",
        "SELECT concat(number, ' ', driver, ' ', verdict, ' ', coalesce(completed_at_ms, 0), ' ', nodes)
            FROM nodewarden_decisions ORDER BY number",
        "SELECT concat(seq, ' ', last_announcement, ' ', last_decision) FROM nodewarden_state",
        marks,
    ] {
        all.push(query.split_whitespace().last().unwrap().to_owned());
        all.extend(scratch.list(query).await);
    }
    all
}

/// How many rows were seen, whether there is work, and whether a decision is open.
fn told_found(found: Surveyed) -> (u64, bool, bool) {
    (found.seen, found.work, found.open)
}

/// What a fleet goes through, either together or one by one.
async fn both_ways(
    ledger: &mut AnyLedger,
    scratch: &Scratch,
    inventory: InventoryKind,
    together: bool,
) -> [Vec<String>; 2] {
    let pairs = pairs();
    for (pair, decision) in pairs.iter().zip(1..) {
        let lost = turned(pair, Standing::Lost, decision, "c1");
        ledger.commit(1, &lost).await.unwrap();
    }
    let nodes = PAIRS.map(|(_, nodes)| nodes as u64);
    if together {
        let found = ledger.survey_pairs(&pairs, &window("", 9)).await.unwrap();
        let found: Vec<_> = found
            .into_iter()
            .map(|found| found.map(told_found))
            .collect();
        let expected = nodes.map(|nodes| Some((nodes, nodes > 0, true)));
        assert_eq!(found, expected);
        let took = ledger
            .carry_out(1, Standing::Lost, &pairs, &window("", 9))
            .await;
        let expected: Vec<_> = nodes
            .iter()
            .zip(1..)
            .map(|(nodes, at)| done(*nodes, at))
            .collect();
        assert_eq!(took.unwrap(), expected);
    } else {
        for (pair, (nodes, at)) in pairs.iter().zip(nodes.iter().zip(1..)) {
            let took = ledger.take_out(1, pair, &window("", 9)).await.unwrap();
            assert_eq!(Some(took), done(*nodes, at));
        }
    }
    let out = all(scratch, inventory).await;
    // Of an Ironic's nodes only those are looked at that may be taken.
    let seen = |nodes| match inventory {
        InventoryKind::Native => nodes,
        InventoryKind::Ironic => 0,
    };
    let found = ledger.survey_pairs(&pairs, &window("", 9)).await.unwrap();
    let found: Vec<_> = found
        .into_iter()
        .map(|found| found.map(told_found))
        .collect();
    assert_eq!(found, nodes.map(|nodes| Some((seen(nodes), false, false))));
    for (pair, decision) in pairs.iter().zip(6..) {
        let back = turned(pair, Standing::Active, decision, "c1");
        ledger.commit(1, &back).await.unwrap();
    }
    if together {
        let gave = ledger
            .carry_out(1, Standing::Active, &pairs, &window("", 9))
            .await;
        let expected: Vec<_> = nodes
            .iter()
            .zip(6..)
            .map(|(nodes, at)| done(*nodes, at))
            .collect();
        assert_eq!(gave.unwrap(), expected);
    } else {
        for (pair, (nodes, at)) in pairs.iter().zip(nodes.iter().zip(6..)) {
            let gave = ledger
                .give_back(1, Some(pair), &window("", 9))
                .await
                .unwrap();
            assert_eq!(Some(gave), done(*nodes, at));
        }
    }
    [out, all(scratch, inventory).await]
}

async fn several_pairs_go_out_and_come_back_as_they_would_one_by_one(kind: Kind) {
    let mut told = Vec::new();
    for together in [true, false] {
        let mut db = StoreOnDatabase::new(kind).await;
        for (driver, nodes) in PAIRS {
            let uuids: Vec<String> = (0..nodes).map(|n| format!("{n}-of-{driver}")).collect();
            let uuids: Vec<&str> = uuids.iter().map(String::as_str).collect();
            db.nodes(driver, "Rack", &uuids).await;
        }
        db.nodes("a", "other", &["0-other"]).await;
        let StoreOnDatabase {
            ledger, scratch, ..
        } = &mut db;
        told.push(both_ways(ledger, scratch, InventoryKind::Native, together).await);
    }
    assert_eq!(told[0], told[1]);
}

/// A ledger over an Ironic's nodes, each of a pair in the group `rack`.
async fn ironic(kind: Kind, nodes: &[(String, &str)]) -> (Scratch, AnyLedger) {
    let scratch = Scratch::of(kind).await;
    scratch.run(&tables(kind, "9fb44677ef15")).await;
    let stream = nodewarden::clock::new_id();
    store::migrate(&scratch.database, InventoryKind::Ironic, &stream)
        .await
        .unwrap();
    for (uuid, driver) in nodes {
        let node = format!(
            "INSERT INTO nodes (uuid, name, driver, conductor_group, provision_state, version)
             VALUES ('{uuid}', 'name of {uuid}', '{driver}', 'Rack', 'available', '1.41')"
        );
        scratch.run(&node).await;
    }
    let watch = Arc::new(Unwatched);
    let ledger = SqlLedger::new(&scratch.database, InventoryKind::Ironic, watch).unwrap();
    let mut ledger = AnyLedger::Sql(Box::new(ledger));
    ledger.take_epoch("first", Mode::Enforce, 10).await.unwrap();
    (scratch, ledger)
}

async fn an_ironic_s_nodes_go_out_and_come_back_as_they_would_one_by_one(kind: Kind) {
    let mut told = Vec::new();
    for together in [true, false] {
        let nodes = PAIRS.iter().flat_map(|(driver, nodes)| {
            (0..*nodes).map(move |n| (format!("{n}-of-{driver}"), *driver))
        });
        let mut nodes: Vec<_> = nodes.collect();
        nodes.push(("9-deployed".into(), "a"));
        let (scratch, mut ledger) = ironic(kind, &nodes).await;
        let deployed = "UPDATE nodes SET provision_state = 'active' WHERE uuid = '9-deployed'";
        scratch.run(deployed).await;
        told.push(both_ways(&mut ledger, &scratch, InventoryKind::Ironic, together).await);
    }
    assert_eq!(told[0], told[1]);
}

async fn what_is_too_large_waits_for_a_walk_of_its_own_and_holds_up_no_other(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let [big, one, two, last] = ["big", "one", "two", "last"].map(|driver| pair(driver, ""));
    db.nodes("big", "", &["b1", "b2", "b3"]).await;
    db.nodes("one", "", &["n1", "n2"]).await;
    db.nodes("two", "", &["n3", "n4"]).await;
    db.nodes("last", "", &["n5"]).await;
    let pairs = [big, one, two, last];
    for (pair, decision) in pairs.iter().zip(1..) {
        db.lose(pair, decision).await;
    }
    // Two of each, and four in all.
    let some = window("", 4);
    assert_eq!(some.of_each(4), 2);
    let took = db.ledger.carry_out(1, Standing::Lost, &pairs, &some).await;
    assert_eq!(took.unwrap(), [None, done(2, 2), done(2, 3), None]);
    assert_eq!(db.out().await, ["n1", "n2", "n3", "n4"]);
    let rest = [pairs[0].clone(), pairs[3].clone()];
    let took = db.ledger.carry_out(1, Standing::Lost, &rest, &some).await;
    assert_eq!(took.unwrap(), [done(3, 1), done(1, 4)]);

    for (pair, decision) in pairs.iter().zip(5..) {
        db.restore(pair, decision).await;
    }
    let gave = db
        .ledger
        .carry_out(1, Standing::Active, &pairs, &some)
        .await;
    assert_eq!(gave.unwrap(), [None, done(2, 6), done(2, 7), None]);
    assert_eq!(db.out().await, ["b1", "b2", "b3", "n5"]);
    let gave = db.ledger.carry_out(1, Standing::Active, &rest, &some).await;
    assert_eq!(gave.unwrap(), [done(3, 5), done(1, 8)]);
    assert_eq!(db.out().await, Vec::<String>::new());
}

async fn what_is_not_to_go_out_stays_and_is_done_with(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let drivers = ["observed", "unknown", "active", "unheard-of", "lost"];
    let pairs = drivers.map(|driver| pair(driver, ""));
    for (driver, uuid) in drivers.iter().zip(["n1", "n2", "n3", "n4", "n5"]) {
        db.nodes(driver, "", &[uuid]).await;
    }
    let mut observed = turned(&pairs[0], Standing::Lost, 1, "c1");
    observed.observed = true;
    db.ledger.commit(1, &observed).await.unwrap();
    let mut unknown = turned(&pairs[1], Standing::Lost, 2, "c1");
    unknown.decisions[0].verdict = Verdict::Unknown;
    unknown.decisions[0].turn.verdict = Some(Verdict::Unknown);
    db.ledger.commit(1, &unknown).await.unwrap();
    db.restore(&pairs[2], 3).await;
    db.lose(&pairs[4], 4).await;
    let nothing = || Some(WindowDone::default());
    let all = window("", 20);
    let took = db.ledger.carry_out(1, Standing::Lost, &pairs, &all).await;
    let expected = [nothing(), nothing(), nothing(), nothing(), done(1, 4)];
    assert_eq!(took.unwrap(), expected);
    assert_eq!(db.out().await, ["n5"]);
    // None comes back whose pair is lost (I6), and what is active completes.
    let gave = db.ledger.carry_out(1, Standing::Active, &pairs, &all).await;
    let expected = [nothing(), nothing(), done(0, 3), nothing(), nothing()];
    assert_eq!(gave.unwrap(), expected);
    assert_eq!(db.out().await, ["n5"]);
    let unknown = Window {
        unknown: true,
        ..all
    };
    let took = db
        .ledger
        .carry_out(1, Standing::Lost, &pairs, &unknown)
        .await;
    assert_eq!(took.unwrap()[1], done(1, 2));
    assert_eq!(db.out().await, ["n2", "n5"]);
}

async fn a_pause_keeps_all_in_and_lets_all_come_back(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let pairs = ["a", "b"].map(|driver| pair(driver, ""));
    db.nodes("a", "", &["n1"]).await;
    db.nodes("b", "", &["n2"]).await;
    db.lose(&pairs[0], 1).await;
    let all = window("", 20);
    db.ledger.take_out(1, &pairs[0], &all).await.unwrap();
    db.lose(&pairs[1], 2).await;
    let pause = Pause {
        id: "p".into(),
        reason: "works".into(),
        who: "me".into(),
        paused_at_ms: 1,
        remaining: None,
        noted_at_ms: 1,
    };
    store::Operator::new(db.database(), InventoryKind::Native)
        .unwrap()
        .pause(&pause)
        .await
        .unwrap();
    let took = db.ledger.carry_out(1, Standing::Lost, &pairs, &all).await;
    let paused = Some(WindowDone {
        paused: true,
        ..WindowDone::default()
    });
    assert_eq!(took.unwrap(), [paused.clone(), paused]);
    assert_eq!(db.out().await, ["n1"]);
    db.restore(&pairs[0], 3).await;
    db.restore(&pairs[1], 4).await;
    let gave = db.ledger.carry_out(1, Standing::Active, &pairs, &all).await;
    assert_eq!(gave.unwrap(), [done(1, 3), done(0, 4)]);
    assert_eq!(db.out().await, Vec::<String>::new());
}

async fn a_node_that_cannot_be_written_fails_them_all_and_nothing_of_them_is_written(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let pairs = ["a", "b"].map(|driver| pair(driver, ""));
    db.nodes("a", "", &["n1"]).await;
    db.nodes("b", "", &["n2"]).await;
    for (pair, decision) in pairs.iter().zip(1..) {
        db.lose(pair, decision).await;
    }
    db.scratch.refuse_update_of("n2").await;
    let before = all(&db.scratch, InventoryKind::Native).await;
    let some = window("", 20);
    let refused = db.ledger.carry_out(1, Standing::Lost, &pairs, &some).await;
    assert!(
        matches!(refused, Err(StoreError::Permanent { .. })),
        "{refused:?}"
    );
    assert_eq!(all(&db.scratch, InventoryKind::Native).await, before);
    let took = db
        .ledger
        .carry_out(1, Standing::Lost, &pairs[..1], &some)
        .await;
    assert_eq!(took.unwrap(), [done(1, 1)]);
}

async fn nodes_that_are_gone_end_their_holds_with_the_others(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let pairs = ["a", "b"].map(|driver| pair(driver, ""));
    db.nodes("a", "", &["n1", "n3"]).await;
    db.nodes("b", "", &["n2", "n4"]).await;
    for (pair, decision) in pairs.iter().zip(1..) {
        db.lose(pair, decision).await;
    }
    let all = window("", 20);
    db.ledger
        .carry_out(1, Standing::Lost, &pairs, &all)
        .await
        .unwrap();
    db.scratch
        .run("DELETE FROM nodes WHERE uuid IN ('n1', 'n2')")
        .await;
    for (pair, decision) in pairs.iter().zip(3..) {
        db.restore(pair, decision).await;
    }
    let gave = db
        .ledger
        .carry_out(1, Standing::Active, &pairs, &all)
        .await
        .unwrap();
    let told = gave.into_iter().flatten().map(|done| {
        let completed = done.completed.expect("it is carried out");
        (done.changed, completed.decision_id, completed.nodes)
    });
    let told: Vec<_> = told.collect();
    // A node that is gone was not brought back by the decision.
    assert_eq!(told, [(2, decision_id(3), 1), (2, decision_id(4), 1)]);
    let pending = db.outbox().pending(Some(2), 10).await.unwrap();
    let expected = ["5 n1 of a", "6 n2 of b", "7 n3 of a", "8 n4 of b"];
    assert_eq!(told_back(&pending), expected);
    let look = db.ledger.survey(Rows::Holds, &all).await.unwrap();
    assert!(!look.work, "{look:?}");
}

/// Each seq, its node and the pair that the message tells of.
fn told_back(messages: &[nodewarden::domain::announcement::Announcement]) -> Vec<String> {
    let told = messages.iter().flat_map(|message| match &message.content {
        Content::BackInService { about, nodes, .. } => nodes
            .iter()
            .map(|node| {
                format!(
                    "{} {} of {}",
                    node.seq,
                    node.uuid,
                    about.pair.driver.as_str()
                )
            })
            .collect(),
        Content::OutOfService { .. } | Content::Position { .. } => Vec::new(),
    });
    told.collect()
}

async fn a_locked_row_keeps_its_pair_open_and_no_other(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let pairs = ["a", "b"].map(|driver| pair(driver, ""));
    db.nodes("a", "", &["n1", "n2"]).await;
    db.nodes("b", "", &["n3"]).await;
    for (pair, decision) in pairs.iter().zip(1..) {
        db.lose(pair, decision).await;
    }
    let lock = "UPDATE nodes SET maintenance = TRUE WHERE uuid = 'n2'";
    let locked = |changed| {
        Some(WindowDone {
            changed,
            locked: 1,
            ..WindowDone::default()
        })
    };
    let all = window("", 20);
    let user = db.scratch.hold(lock).await;
    let took = db.ledger.carry_out(1, Standing::Lost, &pairs, &all).await;
    assert_eq!(took.unwrap(), [locked(1), done(1, 2)]);
    user.undo().await;
    let took = db
        .ledger
        .carry_out(1, Standing::Lost, &pairs, &all)
        .await
        .unwrap();
    let completed = took[0].clone().unwrap().completed;
    assert_eq!(
        (took[0].clone().unwrap().changed, completed.unwrap().nodes),
        (1, 2)
    );
    assert_eq!(db.out().await, ["n1", "n2", "n3"]);

    for (pair, decision) in pairs.iter().zip(3..) {
        db.restore(pair, decision).await;
    }
    let user = db.scratch.hold(lock).await;
    let gave = db.ledger.carry_out(1, Standing::Active, &pairs, &all).await;
    assert_eq!(gave.unwrap(), [locked(1), done(1, 4)]);
    user.undo().await;
    let gave = db
        .ledger
        .carry_out(1, Standing::Active, &pairs, &all)
        .await
        .unwrap();
    assert_eq!(gave[0].clone().unwrap().changed, 1);
    assert_eq!(db.out().await, Vec::<String>::new());
}

async fn an_ironic_s_marks_that_were_lifted_and_nodes_that_were_changed_are_each_told_once(
    kind: Kind,
) {
    let nodes = [("n1", "a"), ("n2", "b"), ("n3", "a")];
    let nodes = nodes.map(|(uuid, driver)| (uuid.to_owned(), driver));
    let (scratch, mut ledger) = ironic(kind, &nodes).await;
    let [a, b, live] = ["a", "b", "live"].map(|driver| pair(driver, "rack"));
    for (pair, decision) in [(&a, 1), (&b, 2)] {
        let lost = turned(pair, Standing::Lost, decision, "c1");
        ledger.commit(1, &lost).await.unwrap();
    }
    ledger
        .commit(1, &turned(&live, Standing::Active, 3, "c1"))
        .await
        .unwrap();
    let all = window("", 20);
    ledger
        .carry_out(1, Standing::Lost, &[a, b], &all)
        .await
        .unwrap();
    // Somebody lifts two marks, and gives the third node another driver: each for the same reason.
    let lift = "UPDATE nodes SET maintenance = FALSE, maintenance_reason = NULL, fault = NULL
        WHERE uuid IN ('n1', 'n2')";
    scratch.run(lift).await;
    scratch
        .run("UPDATE nodes SET driver = 'live' WHERE uuid = 'n3'")
        .await;
    ledger.give_back(1, None, &all).await.unwrap();
    let mut outbox = SqlOutbox::new(&scratch.database, Arc::new(Unwatched)).unwrap();
    let pending = outbox.pending(Some(2), 10).await.unwrap();
    assert_eq!(told_back(&pending), ["4 n1 of a", "5 n2 of b", "6 n3 of a"]);
}
