//! What those who look see: the reader's answers, whole.

use std::time::Duration;

use nodewarden::domain::change::Standing;
use nodewarden::store::{
    ConductorView, DecisionView, DriverView, Findings, HearingNote, Ledger, NodeFacts, Overview,
    PairFacts, StandingRecord, StoreError,
};
use nodewarden::words::Word;
use nodewarden_tests::database::Kind;

use crate::harness::{StoreOnDatabase, active, decision_id, pair, turned, window};

on_each!(
    the_overview_counts_everything_once,
    what_the_holder_notes_of_its_hearing_is_seen_until_another_holds_the_epoch,
    conductors_and_pairs_are_shown_whole,
    a_node_is_found_by_uuid_and_by_a_name_that_only_one_has,
    decisions_come_newest_first_and_no_more_than_asked,
    many_who_look_at_once_all_get_an_answer,
);

async fn the_overview_counts_everything_once(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let stream = db.stream().await;
    db.nodes("a", "", &["n1", "n2"]).await;
    db.nodes("b", "", &["n3"]).await;
    db.count(900).await;
    db.lose(&pair("a", ""), 1).await;
    db.ledger
        .take_out(1, &pair("a", ""), &window("", 10))
        .await
        .unwrap();
    let expected = Overview {
        began: None,
        mode: Some(Word::parse("enforce").unwrap()),
        pause: None,
        hearing: None,
        stream,
        epoch: 1,
        seq: 2,
        holder: Some("first".into()),
        taken_at_ms: Some(10),
        committed_at_ms: Some(5000),
        last_announcement: 1,
        announced: 0,
        outbox_oldest_ms: Some(5000),
        counted_at_ms: Some(900),
        nodes: 3,
        nodes_out_of_service: 2,
    };
    assert_eq!(db.reader.overview().await.unwrap(), expected);
}

async fn what_the_holder_notes_of_its_hearing_is_seen_until_another_holds_the_epoch(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let note = |troubles: &[&str]| HearingNote {
        unproven_since_ms: (!troubles.is_empty()).then_some(7),
        unproven: Duration::from_millis(60_000),
        deaf: !troubles.is_empty(),
        troubles: troubles.iter().map(|&one| one.to_owned()).collect(),
        noted_at_ms: 9,
    };
    for troubles in [&["木: no queue", "an alarm"][..], &[]] {
        db.ledger.note(1, &note(troubles)).await.unwrap();
        let overview = db.reader.overview().await.unwrap();
        assert_eq!(overview.hearing, Some(note(troubles)));
    }
    let mode = Word::parse("enforce").unwrap();
    db.ledger.take_epoch("second", mode, 20).await.unwrap();
    assert_eq!(db.reader.overview().await.unwrap().hearing, None);
    assert!(matches!(
        db.ledger.note(1, &note(&[])).await,
        Err(StoreError::Fenced(1))
    ));
}

fn shown(conductor: &str, state: &str) -> ConductorView {
    ConductorView {
        refused: None,
        ignored: None,
        conductor: conductor.into(),
        incarnation: 1,
        conductor_group: "g".into(),
        drivers: vec!["a".into()],
        state: Word::parse(state).unwrap(),
        since_ms: 30,
        heartbeat_timeout_ms: None,
        until_ms: (state == "leaving").then_some(2501),
        last_sent_at_ms: (state == "leaving").then_some(38),
        last_sign_at_ms: 40,
    }
}

/// A pair with one that leaves and one that left, and a lost pair.
fn batch() -> Findings {
    let mut leaving = active("c2", "g", &["a"]);
    leaving.state = Word::parse("leaving").unwrap();
    leaving.restart_remaining = Some(std::time::Duration::from_millis(1500));
    leaving.last_sent_at_ms = Some(38);
    let mut left = active("c1", "g", &["a"]);
    left.state = Word::parse("left").unwrap();
    let mut intake = turned(&pair("b", ""), Standing::Lost, 1, "c1");
    intake.conductors = vec![leaving, left];
    intake.standings.push(StandingRecord {
        pair: pair("a", "g"),
        standing: Standing::Active,
    });
    intake
}

fn decided(completed: Option<u64>, nodes: u64) -> DecisionView {
    DecisionView {
        observed: false,
        number: 1,
        decision_id: decision_id(1),
        conductor_group: String::new(),
        driver: "b".into(),
        verdict: Word::parse("lost").unwrap(),
        cause: Word::parse("event").unwrap(),
        cause_event_id: Some("e1".into()),
        cause_event: Some(Word::parse("conductor.left").unwrap()),
        cause_conductor: Some("c1".into()),
        last_good_at_ms: Some(900),
        epoch: 1,
        decided_at_ms: 1001,
        completed_at_ms: completed,
        nodes,
    }
}

async fn conductors_and_pairs_are_shown_whole(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.nodes("a", "G", &["n1"]).await;
    db.nodes("b", "", &["n2", "n3"]).await;
    db.nodes("c", "", &["n4"]).await;
    db.count(900).await;
    db.ledger.commit(1, &batch()).await.unwrap();
    db.ledger
        .take_out(1, &pair("b", ""), &window("", 1))
        .await
        .unwrap();
    let conductors = db.reader.conductors().await.unwrap();
    assert_eq!(conductors, [shown("c1", "left"), shown("c2", "leaving")]);
    let plain = DriverView {
        away: Vec::new(),
        conductor_group: String::new(),
        driver: "c".into(),
        state: Word::parse("unknown").unwrap(),
        since_ms: None,
        until_ms: None,
        decision: None,
        conductors: Vec::new(),
        counted_at_ms: Some(900),
        nodes_in_service: 1,
        nodes_out_of_service: 0,
    };
    let lost = DriverView {
        away: Vec::new(),
        driver: "b".into(),
        state: Word::parse("lost").unwrap(),
        since_ms: Some(1001),
        decision: Some(decided(None, 1)),
        nodes_out_of_service: 1,
        ..plain.clone()
    };
    let holding = DriverView {
        away: vec!["c2".into()],
        conductor_group: "g".into(),
        driver: "a".into(),
        state: Word::parse("holding").unwrap(),
        since_ms: Some(1001),
        until_ms: Some(2501),
        conductors: vec!["c2".into()],
        ..plain.clone()
    };
    let drivers = db.reader.drivers().await.unwrap();
    assert_eq!(drivers, [lost, plain, holding]);
    // A node is told the same of its own pair, but for the number of its nodes.
    let gone = vec![shown("c1", "left")];
    for (uuid, of, gone) in [("n2", 0, vec![]), ("n4", 1, vec![]), ("n1", 2, gone)] {
        let view = DriverView {
            counted_at_ms: None,
            nodes_in_service: 0,
            nodes_out_of_service: 0,
            ..drivers[of].clone()
        };
        let found = db.reader.node(uuid).await.unwrap().unwrap();
        assert_eq!(found.pair, Some(PairFacts { view, gone }), "{uuid}");
    }
}

async fn a_node_is_found_by_uuid_and_by_a_name_that_only_one_has(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.nodes("b", "", &["n1", "n2", "n3"]).await;
    db.scratch
        .run(
            "UPDATE nodes SET name = 'twin', maintenance = TRUE WHERE uuid IN ('n2', 'n3');
             INSERT INTO nodes (uuid) VALUES ('bare')",
        )
        .await;
    db.ledger.commit(1, &batch()).await.unwrap();
    db.ledger
        .take_out(1, &pair("b", ""), &window("", 10))
        .await
        .unwrap();
    let view = DriverView {
        away: Vec::new(),
        conductor_group: String::new(),
        driver: "b".into(),
        state: Word::parse("lost").unwrap(),
        since_ms: Some(1001),
        until_ms: None,
        decision: Some(decided(Some(5000), 3)),
        conductors: Vec::new(),
        counted_at_ms: None,
        nodes_in_service: 0,
        nodes_out_of_service: 0,
    };
    let expected = NodeFacts {
        observing: false,
        pause: None,
        uuid: "n1".into(),
        name: Some("name of n1".into()),
        conductor_group: String::new(),
        driver: Some("b".into()),
        maintenance: false,
        service_state: "out_of_service".into(),
        since_ms: Some(5000),
        free: true,
        lifted: None,
        ours: false,
        hold: Some((5000, decided(Some(5000), 3))),
        last_back: None,
        pair: Some(PairFacts {
            view,
            gone: Vec::new(),
        }),
    };
    for asked in ["n1", "name of n1"] {
        let found = db.reader.node(asked).await.unwrap();
        assert_eq!(found.as_ref(), Some(&expected), "{asked}");
    }
    let found = db.reader.node_by_uuid("n1").await.unwrap();
    assert_eq!(found, Some(expected));
    for asked in ["name of n1", "N1", "nobody"] {
        let found = db.reader.node_by_uuid(asked).await.unwrap();
        assert_eq!(found, None, "{asked}");
    }
    assert!(db.reader.node("n2").await.unwrap().unwrap().maintenance);
    assert_eq!(db.reader.node("twin").await.unwrap(), None);
    assert_eq!(db.reader.node("nobody").await.unwrap(), None);
    let bare = NodeFacts {
        observing: false,
        pause: None,
        uuid: "bare".into(),
        name: None,
        conductor_group: String::new(),
        driver: None,
        maintenance: false,
        service_state: "in_service".into(),
        since_ms: None,
        free: true,
        lifted: None,
        ours: false,
        hold: None,
        last_back: None,
        pair: None,
    };
    assert_eq!(db.reader.node("bare").await.unwrap(), Some(bare));
    db.restore(&pair("b", ""), 2).await;
    let all = window("", 10);
    db.ledger
        .give_back(1, Some(&pair("b", "")), &all)
        .await
        .unwrap();
    let back = db.reader.node("n1").await.unwrap().unwrap();
    assert_eq!(back.hold, None);
    assert_eq!(
        back.last_back,
        Some((Word::parse("driver_restored").unwrap(), 5000))
    );
}

async fn decisions_come_newest_first_and_no_more_than_asked(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    for number in 1..=5 {
        db.lose(&pair("a", ""), number).await;
    }
    let decisions = db.reader.decisions(3).await.unwrap();
    let numbers: Vec<u64> = decisions.iter().map(|decision| decision.number).collect();
    assert_eq!(numbers, [5, 4, 3]);
    let completed: Vec<_> = decisions.iter().map(|d| d.completed_at_ms).collect();
    assert_eq!(
        completed,
        [None, Some(1005), Some(1004)],
        "what is overtaken completes at that moment"
    );
}

async fn many_who_look_at_once_all_get_an_answer(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.nodes("a", "", &["n1"]).await;
    db.count(900).await;
    let mut looks = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let reader = db.reader.clone();
        looks.spawn(async move { reader.overview().await.unwrap().nodes });
    }
    assert_eq!(looks.join_all().await, vec![1; 40]);
}
