//! Taking out, giving back, putting right: chunks, marks, holds, decisions and announcements, whole.

use nodewarden::domain::announcement::{
    About, AnnouncedCause, AnnouncedNode, Announcement, BackReason, Content, OutReason,
};
use nodewarden::domain::event::EventType;
use nodewarden::domain::ids::Pair;
use nodewarden::store::{
    Completed, DecisionView, Held, HoldView, Ledger, Operator, Outbox, Pause, Rows, SnapshotPage,
    StoreError, WindowDone,
};
use nodewarden::words::Word;
use nodewarden_tests::database::Kind;

use crate::harness::{StoreOnDatabase, decision_id, pair, window};

on_each!(
    a_loss_takes_out_window_by_window_and_the_last_one_completes_it,
    a_return_gives_back_exactly_what_was_taken_and_says_by_which_decision,
    nothing_is_taken_of_a_pair_that_is_not_lost_nor_given_back_of_one_that_is,
    a_walk_over_all_holds_ends_relabels_and_marks_again,
    marks_without_a_hold_are_put_right_window_by_window,
    the_first_row_after_a_key_is_named_for_every_walk,
    a_fenced_ledger_moves_no_node,
    the_relay_s_progress_never_goes_back_and_only_the_holder_records_it,
);

on_databases!(what_an_operator_gives_back_and_resumes_is_in_the_history_with_the_same_commit,);

fn chunk(next: Option<&str>, changed: u64) -> WindowDone {
    WindowDone {
        next: next.map(str::to_owned),
        changed,
        ..WindowDone::default()
    }
}

/// The last window of a decision that moved so many nodes in all.
fn last(changed: u64, decision: u64, nodes: u64) -> WindowDone {
    WindowDone {
        completed: Some(Completed {
            decision_id: decision_id(decision),
            nodes,
        }),
        ..chunk(None, changed)
    }
}

fn about(pair: &Pair, hold: u64, cause: u64, event: &str) -> About {
    About {
        decision_id: decision_id(hold),
        pair: pair.clone(),
        cause: AnnouncedCause {
            event_id: Some(format!("e{cause}")),
            event: Some(Word::parse(event).unwrap()),
            conductor: Some("c1".into()),
        },
        last_good_at_ms: Some(900),
    }
}

fn nodes(of: &[(u64, &str)]) -> Vec<AnnouncedNode> {
    of.iter()
        .map(|(seq, uuid)| AnnouncedNode {
            seq: *seq,
            uuid: (*uuid).into(),
            name: Some(format!("name of {uuid}")),
        })
        .collect()
}

fn view(number: u64, pair: &Pair, verdict: &str, nodes: u64, completed: bool) -> DecisionView {
    DecisionView {
        observed: false,
        number,
        decision_id: decision_id(number),
        conductor_group: pair.group.as_str().into(),
        driver: pair.driver.as_str().into(),
        verdict: Word::parse(verdict).unwrap(),
        cause: Word::parse("event").unwrap(),
        cause_event_id: Some(format!("e{number}")),
        cause_event: Some(match verdict {
            "lost" => EventType::Left,
            _ => EventType::Joined,
        }),
        cause_conductor: Some("c1".into()),
        last_good_at_ms: Some(900),
        epoch: 1,
        decided_at_ms: 1000 + number,
        completed_at_ms: completed.then_some(5000),
        nodes,
    }
}

async fn a_loss_takes_out_window_by_window_and_the_last_one_completes_it(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("ipmi", "rack");
    db.nodes("ipmi", "Rack", &["n1", "n2", "n3", "n4", "n5"])
        .await;
    db.nodes("redfish", "rack", &["m1"]).await;
    db.lose(&lost, 1).await;
    let first = db.ledger.take_out(1, &lost, &window("", 3)).await.unwrap();
    assert_eq!(first, chunk(Some("n3"), 3));
    let decisions = db.reader.decisions(9).await.unwrap();
    assert_eq!(decisions, [view(1, &lost, "lost", 3, false)]);
    let second = db
        .ledger
        .take_out(1, &lost, &window("n3", 3))
        .await
        .unwrap();
    assert_eq!(second, last(2, 1, 5));
    let decisions = db.reader.decisions(9).await.unwrap();
    assert_eq!(decisions, [view(1, &lost, "lost", 5, true)]);
    let again = db.ledger.take_out(1, &lost, &window("", 3)).await.unwrap();
    assert_eq!(
        again,
        chunk(Some("n3"), 0),
        "what is out is not taken again"
    );
    let marks = db.marks().await;
    let mut expected: Vec<String> = vec!["m1 in_service".into()];
    expected.extend((1..6).map(|n| format!("n{n} out_of_service")));
    assert_eq!(marks, expected);
    let since = "SELECT DISTINCT service_state_since_ms FROM nodes WHERE driver = 'ipmi'";
    assert_eq!(db.scratch.list(since).await, ["5000"]);
    let stream = db.stream().await;
    let hold = |uuid: &str| HoldView {
        uuid: uuid.into(),
        name: Some(format!("name of {uuid}")),
        conductor_group: "rack".into(),
        driver: "ipmi".into(),
        reason: Word::parse("driver_lost").unwrap(),
        decision_id: decision_id(1),
        since_ms: 5000,
    };
    let page = |nodes: Vec<HoldView>, next: Option<&str>| SnapshotPage {
        stream: stream.clone(),
        epoch: 1,
        seq: 5,
        nodes,
        next: next.map(str::to_owned),
    };
    let first = db.reader.snapshot("", 3).await.unwrap();
    assert_eq!(
        first,
        page(vec![hold("n1"), hold("n2"), hold("n3")], Some("n3"))
    );
    let last = db.reader.snapshot("n3", 3).await.unwrap();
    assert_eq!(last, page(vec![hold("n4"), hold("n5")], None));
    // Two nodes in a message, and no message over the end of a transaction.
    let announcement = |number: u64, of: &[(u64, &str)]| Announcement {
        number,
        stream: stream.clone(),
        epoch: 1,
        decided_at_ms: 1001,
        waited_since_ms: 1001,
        content: Content::OutOfService {
            about: about(&lost, 1, 1, "conductor.left"),
            reason: OutReason::DriverLost,
            nodes: nodes(of),
        },
    };
    let expected = [
        announcement(1, &[(1, "n1"), (2, "n2")]),
        announcement(2, &[(3, "n3")]),
        announcement(3, &[(4, "n4"), (5, "n5")]),
    ];
    assert_eq!(db.outbox().pending(None, 10).await.unwrap(), expected);
    let some = db.outbox().pending(Some(1), 1).await.unwrap();
    assert_eq!(some, expected[1..2]);
}

async fn a_return_gives_back_exactly_what_was_taken_and_says_by_which_decision(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let (lost, other) = (pair("ipmi", ""), pair("other", ""));
    db.nodes("ipmi", "", &["n1", "n2", "n3"]).await;
    db.nodes("other", "", &["n2b"]).await;
    for (pair, decision) in [(&lost, 1), (&other, 2)] {
        db.lose(pair, decision).await;
        db.ledger.take_out(1, pair, &window("", 10)).await.unwrap();
    }
    db.restore(&lost, 3).await;
    let first = db
        .ledger
        .give_back(1, Some(&lost), &window("", 2))
        .await
        .unwrap();
    assert_eq!(first, chunk(Some("n2"), 2));
    let second = db
        .ledger
        .give_back(1, Some(&lost), &window("n2", 2))
        .await
        .unwrap();
    assert_eq!(second, last(1, 3, 3));
    assert_eq!(db.out().await, ["n2b"]);
    assert_eq!(
        db.marks().await,
        [
            "n1 in_service",
            "n2 in_service",
            "n2b out_of_service",
            "n3 in_service"
        ]
    );
    let decisions = db.reader.decisions(2).await.unwrap();
    let expected = [
        view(3, &lost, "restored", 3, true),
        view(2, &other, "lost", 1, true),
    ];
    assert_eq!(decisions, expected);
    let pending = db.outbox().pending(Some(3), 10).await.unwrap();
    let stream = db.stream().await;
    let announcement = |number: u64, of: &[(u64, &str)]| Announcement {
        number,
        stream: stream.clone(),
        epoch: 1,
        decided_at_ms: 1003,
        waited_since_ms: 1003,
        content: Content::BackInService {
            about: about(&lost, 1, 3, "conductor.joined"),
            reason: BackReason::DriverRestored,
            released_by: Some(decision_id(3)),
            nodes: nodes(of),
        },
    };
    let expected = [
        announcement(4, &[(5, "n1"), (6, "n2")]),
        announcement(5, &[(7, "n3")]),
    ];
    assert_eq!(pending, expected);
    assert_eq!(db.reader.overview().await.unwrap().seq, 7);
}

async fn nothing_is_taken_of_a_pair_that_is_not_lost_nor_given_back_of_one_that_is(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let one = pair("ipmi", "");
    db.nodes("ipmi", "", &["n1"]).await;
    let all = window("", 10);
    let unknown = db.ledger.take_out(1, &one, &all).await.unwrap();
    assert_eq!(unknown, WindowDone::default());
    db.lose(&one, 1).await;
    db.restore(&one, 2).await;
    let active = db.ledger.take_out(1, &one, &all).await.unwrap();
    assert_eq!(active, WindowDone::default());
    db.lose(&one, 3).await;
    db.ledger.take_out(1, &one, &all).await.unwrap();
    for over in [Some(&one), None] {
        let lost = db.ledger.give_back(1, over, &all).await.unwrap();
        assert_eq!(lost, WindowDone::default(), "over {over:?}");
    }
    assert_eq!(db.out().await, ["n1"]);
}

async fn a_walk_over_all_holds_ends_relabels_and_marks_again(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let (a, b, live) = (pair("a", ""), pair("b", ""), pair("live", ""));
    db.nodes("a", "", &["n1", "n2", "n3", "n4", "n5"]).await;
    for (pair, decision) in [(&a, 1), (&b, 2), (&live, 3)] {
        db.lose(pair, decision).await;
    }
    db.ledger.take_out(1, &a, &window("", 10)).await.unwrap();
    db.restore(&live, 4).await;
    db.scratch
        .run(
            "DELETE FROM nodes WHERE uuid = 'n1';
             UPDATE nodes SET driver = 'live' WHERE uuid = 'n2';
             UPDATE nodes SET driver = 'b' WHERE uuid = 'n3';
             UPDATE nodes SET service_state = 'in_service' WHERE uuid = 'n4'",
        )
        .await;
    let done = db.ledger.give_back(1, None, &window("", 10)).await.unwrap();
    assert_eq!(done, chunk(None, 2));
    assert_eq!(
        db.marks().await,
        [
            "n2 in_service",
            "n3 out_of_service",
            "n4 out_of_service",
            "n5 out_of_service"
        ]
    );
    let held: Vec<(String, String)> = db
        .reader
        .snapshot("", 10)
        .await
        .unwrap()
        .nodes
        .into_iter()
        .map(|hold| (hold.uuid, hold.driver))
        .collect();
    let expected = [("n3", "b"), ("n4", "a"), ("n5", "a")];
    assert_eq!(
        held,
        expected.map(|(uuid, driver)| (uuid.to_owned(), driver.to_owned()))
    );
    let pending = db.outbox().pending(Some(3), 10).await.unwrap();
    let told: Vec<_> = pending
        .iter()
        .map(|announcement| match &announcement.content {
            Content::BackInService {
                about,
                reason,
                released_by,
                nodes,
            } => (
                about.decision_id.clone(),
                *reason,
                released_by.clone(),
                nodes.clone(),
            ),
            other @ (Content::OutOfService { .. } | Content::Position { .. }) => {
                panic!("{other:?}")
            }
        })
        .collect();
    let expected = [
        (
            decision_id(1),
            BackReason::NodeRemoved,
            None,
            nodes(&[(6, "n1")]),
        ),
        (
            decision_id(1),
            BackReason::NodeChanged,
            None,
            nodes(&[(7, "n2")]),
        ),
    ];
    assert_eq!(told, expected);
}

async fn marks_without_a_hold_are_put_right_window_by_window(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1"]).await;
    db.lose(&lost, 1).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    db.nodes("a", "", &["n2"]).await;
    db.nodes("free", "", &["n3", "n4", "n5"]).await;
    db.scratch
        .run(
            "UPDATE nodes SET service_state = 'out_of_service' WHERE uuid IN ('n2', 'n3');
             UPDATE nodes SET service_state = NULL WHERE uuid = 'n4';
             UPDATE nodes SET service_state = 'nonsense' WHERE uuid = 'n5'",
        )
        .await;
    let first = db.ledger.unmark_strays(1, &window("", 3)).await.unwrap();
    assert_eq!(first, chunk(Some("n3"), 0));
    let second = db.ledger.unmark_strays(1, &window("n3", 3)).await.unwrap();
    assert_eq!(second, chunk(None, 0));
    // n2 is of a lost pair and about to be taken out: its mark is left to that.
    assert_eq!(
        db.marks().await,
        [
            "n1 out_of_service",
            "n2 out_of_service",
            "n3 in_service",
            "n4 in_service",
            "n5 in_service"
        ]
    );
}

async fn the_first_row_after_a_key_is_named_for_every_walk(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let (a, b) = (pair("a", ""), pair("b", ""));
    db.nodes("a", "", &["n1", "n3"]).await;
    db.nodes("b", "", &["n2", "n4"]).await;
    db.lose(&b, 1).await;
    db.ledger.take_out(1, &b, &window("", 1)).await.unwrap();
    for (of, after, expected) in [
        (Rows::NodesOf(&a), "", Some("n1")),
        (Rows::NodesOf(&a), "n1", Some("n3")),
        (Rows::NodesOf(&a), "n3", None),
        (Rows::HoldsOf(&a), "", None),
        (Rows::HoldsOf(&b), "", Some("n2")),
        (Rows::Holds, "", Some("n2")),
        (Rows::Holds, "n2", None),
        (Rows::Nodes, "n1", Some("n2")),
        (Rows::Nodes, "n4", None),
    ] {
        let found = db.ledger.first_after(of, after).await.unwrap();
        assert_eq!(found.as_deref(), expected, "{of:?} after {after:?}");
    }
}

async fn a_fenced_ledger_moves_no_node(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1"]).await;
    db.lose(&lost, 1).await;
    db.ledger()
        .take_epoch("second", nodewarden::config::Mode::Enforce, 20)
        .await
        .unwrap();
    let before = db.reader.overview().await.unwrap();
    let all = window("", 10);
    for outcome in [
        db.ledger.take_out(1, &lost, &all).await,
        db.ledger.give_back(1, None, &all).await,
        db.ledger.unmark_strays(1, &all).await,
    ] {
        assert!(matches!(outcome, Err(StoreError::Fenced(1))), "{outcome:?}");
    }
    assert_eq!(db.reader.overview().await.unwrap(), before);
    assert_eq!(db.marks().await, ["n1 in_service"]);
}

async fn the_relay_s_progress_never_goes_back_and_only_the_holder_records_it(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1", "n2", "n3", "n4", "n5"]).await;
    db.lose(&lost, 1).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    let mut outbox = db.outbox();
    let waiting = async |db: &StoreOnDatabase| {
        let overview = db.reader.overview().await.unwrap();
        (overview.announced, overview.outbox_oldest_ms)
    };
    assert_eq!(waiting(&db).await, (0, Some(5000)));
    outbox.announced(1, 2, 6000).await.unwrap();
    assert_eq!(waiting(&db).await, (2, Some(5000)));
    outbox.announced(1, 1, 6000).await.unwrap();
    assert_eq!(waiting(&db).await, (2, Some(5000)));
    let numbers = |some: Vec<Announcement>| -> Vec<u64> { some.iter().map(|a| a.number).collect() };
    assert_eq!(numbers(outbox.pending(None, 10).await.unwrap()), [3]);
    db.ledger()
        .take_epoch("second", nodewarden::config::Mode::Enforce, 20)
        .await
        .unwrap();
    let late = outbox.announced(1, 3, 6000).await;
    assert!(matches!(late, Err(StoreError::Fenced(1))), "{late:?}");
    assert_eq!(waiting(&db).await, (2, Some(5000)));
    outbox.announced(2, 3, 6000).await.unwrap();
    assert_eq!(waiting(&db).await, (3, None));
    assert_eq!(outbox.pending(None, 10).await.unwrap(), []);
}

async fn what_an_operator_gives_back_and_resumes_is_in_the_history_with_the_same_commit(
    kind: Kind,
) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1", "n2", "n3"]).await;
    db.lose(&lost, 1).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    let operator = || Operator::new(db.database(), nodewarden::config::InventoryKind::Native);
    let pause = Pause {
        id: nodewarden::clock::new_id(),
        reason: "work".into(),
        who: "ada@host".into(),
        paused_at_ms: 5,
        remaining: None,
        noted_at_ms: 5,
    };
    operator().unwrap().pause(&pause).await.unwrap();
    let told = async || {
        let actions = db.reader.past_actions(u64::MAX, 10).await.unwrap();
        let told = actions
            .into_iter()
            .map(|did| (did.at_ms, did.argument, did.result));
        told.collect::<Vec<_>>()
    };
    let paused = (5, "ada@host".to_owned(), Some("work".to_owned()));
    // The command may be ended behind each of its windows.
    let mut one = operator().unwrap().noted("bob@host", "driver a");
    let row = |at, who: &str, what: &str| (at, who.to_owned(), Some(what.to_owned()));
    for (after, given) in [("", "driver a: 1 node"), ("n1", "driver a: 2 nodes")] {
        one.release(Held::Of(&lost), &window(after, 1))
            .await
            .unwrap();
        assert_eq!(told().await, [row(5000, "bob@host", given), paused.clone()]);
    }
    let mut other = operator().unwrap().noted("eve@host", "");
    other.resume(9).await.unwrap();
    other.resume(10).await.unwrap();
    assert_eq!(
        told().await[0],
        row(9, "eve@host", "ends the pause of ada@host: work")
    );
    assert_eq!(told().await.len(), 3);
}
