//! What is remembered: conductors, standings, events, requests; and the sweep that forgets.

use std::time::Duration;

use nodewarden::domain::change::{CauseKind, Standing, Verdict};
use nodewarden::domain::ids::{ConductorName, EventId};
use nodewarden::store::{
    Completed, ConductorRecord, Findings, Ledger, Memory, Outbox, Prune, Request, RequestView,
    StandingRecord, StoreError, Sweep, Takeover, WindowDone, request,
};
use nodewarden::words::Word;
use nodewarden_tests::database::Kind;

use crate::harness::{
    StoreOnDatabase, active, decision_id, id, name, pair, remembered, turned, window,
};

on_each!(
    a_takeover_reads_all_that_is_known_under_its_own_epoch,
    a_loss_that_was_only_observed_is_remembered_until_it_is_decided_and_takes_nothing_out_before,
    a_doubt_is_resolved_by_reading_again_and_moves_no_time,
    an_event_is_recalled_by_conductor_and_id_with_its_digest,
    thousands_of_events_and_conductors_are_one_batch,
    a_request_is_seen_answered_and_its_answer_kept,
    a_sweep_announces_the_position_keeps_remainders_and_forgets,
    a_sweep_drops_what_is_older_than_the_rules_allow_and_nothing_that_is_spoken_of,
    a_pair_that_is_forgotten_leaves_no_decision_open,
    proving_that_writing_works_disturbs_no_replica,
);

fn sorted(mut memory: Memory) -> Memory {
    memory.conductors.sort_by(|a, b| a.name.cmp(&b.name));
    memory.standings.sort_by(|a, b| a.0.cmp(&b.0));
    memory
}

/// One conductor in each state, with everything that can be absent once there and once not.
fn four_states() -> Vec<ConductorRecord> {
    let plain = active("c1", "", &[]);
    vec![
        ConductorRecord {
            heartbeat_timeout: Some(Duration::from_secs(3600)),
            last_sent_at_ms: Some(i64::MAX as u64),
            ..active("c1", "rack", &["ipmi", "redfish"])
        },
        ConductorRecord {
            name: name("c2"),
            state: Word::parse("leaving").unwrap(),
            restart_remaining: Some(Duration::from_millis(1500)),
            ..plain.clone()
        },
        ConductorRecord {
            name: name("c3"),
            state: Word::parse("left").unwrap(),
            ..plain.clone()
        },
        ConductorRecord {
            name: name("c4"),
            state: Word::parse("timed_out").unwrap(),
            ..plain
        },
    ]
}

fn batch() -> Findings {
    let mut intake = turned(&pair("ipmi", "rack"), Standing::Lost, 1, "c1");
    intake.conductors = four_states();
    intake.standings.push(StandingRecord {
        pair: pair("redfish", "rack"),
        standing: Standing::Active,
    });
    intake
}

fn after_the_batch() -> Memory {
    Memory {
        unheeded: Vec::new(),
        conductors: four_states(),
        standings: vec![
            (pair("ipmi", "rack"), Standing::Lost),
            (pair("redfish", "rack"), Standing::Active),
        ],
        observed: Vec::new(),
        unknown: Vec::new(),
        receipts: Vec::new(),
    }
}

async fn a_takeover_reads_all_that_is_known_under_its_own_epoch(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let stream = db.stream().await;
    assert_eq!(db.ledger.stream().await.unwrap(), stream);
    db.ledger.commit(1, &batch()).await.unwrap();
    let mut second = db.ledger();
    let mut takeover = second
        .take_epoch("second 🦀", nodewarden::config::Mode::Enforce, 20)
        .await
        .unwrap();
    takeover.memory = sorted(takeover.memory);
    let expected = Takeover {
        stream,
        epoch: 2,
        began: None,
        memory: after_the_batch(),
    };
    assert_eq!(takeover, expected);
    let overview = db.reader.overview().await.unwrap();
    assert_eq!(overview.holder.as_deref(), Some("second 🦀"));
    assert_eq!(overview.taken_at_ms, Some(20));
    let late = db.ledger.commit(1, &batch()).await;
    assert!(matches!(late, Err(StoreError::Fenced(1))), "{late:?}");
    let late = db.ledger.step_down(1, 30).await;
    assert!(matches!(late, Err(StoreError::Fenced(1))), "{late:?}");
    second.step_down(2, 30).await.unwrap();
    let overview = db.reader.overview().await.unwrap();
    assert_eq!((overview.holder, overview.epoch), (None, 2));
}

async fn a_loss_that_was_only_observed_is_remembered_until_it_is_decided_and_takes_nothing_out_before(
    kind: Kind,
) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.nodes("ipmi", "rack", &["n1", "n2"]).await;
    let lost = pair("ipmi", "rack");
    let mut findings = turned(&lost, Standing::Lost, 1, "c1");
    findings.observed = true;
    db.ledger.commit(1, &findings).await.unwrap();
    // By event, by silence, by a planned restart that ended, and never seen: each cause as it was.
    let mut losses = vec![findings.decisions[0].turn.clone()];
    for (number, kind) in [
        CauseKind::Silence,
        CauseKind::RestartOverdue,
        CauseKind::NeverSeen,
    ]
    .into_iter()
    .enumerate()
    {
        let number = number as u64 + 2;
        let mut findings = turned(
            &pair(&format!("d{number}"), ""),
            Standing::Lost,
            number,
            "c1",
        );
        findings.observed = true;
        let decision = &mut findings.decisions[0];
        if kind == CauseKind::NeverSeen {
            decision.verdict = Verdict::Unknown;
            decision.turn.verdict = Some(Verdict::Unknown);
            decision.turn.cause.conductor = None;
            decision.turn.last_good_at_ms = None;
        }
        decision.turn.cause.kind = kind;
        losses.push(decision.turn.clone());
        db.ledger.commit(1, &findings).await.unwrap();
    }
    // What came back since, observed or not, is no loss.
    for (number, standing) in [(5, Standing::Lost), (6, Standing::Active)] {
        let mut findings = turned(&pair("back", ""), standing, number, "c1");
        findings.observed = true;
        db.ledger.commit(1, &findings).await.unwrap();
    }
    let observed = async |db: &mut StoreOnDatabase| {
        let mut observed = db.ledger.resume(1).await.unwrap().observed;
        // The first one has a group; the others are numbered.
        observed.sort_by(|a, b| (&b.pair.group, &a.pair).cmp(&(&a.pair.group, &b.pair)));
        observed
    };
    assert_eq!(observed(&mut db).await, losses);

    let window = window("", 10);
    let done = db.ledger.take_out(1, &lost, &window).await.unwrap();
    assert_eq!(done, WindowDone::default());
    assert_eq!(db.reader.overview().await.unwrap().seq, 0);

    let again = Findings {
        events: Vec::new(),
        ..turned(&lost, Standing::Lost, 7, "c1")
    };
    db.ledger.commit(1, &again).await.unwrap();
    assert_eq!(observed(&mut db).await, losses[1..]);
    let done = db.ledger.take_out(1, &lost, &window).await.unwrap();
    let completed = Some(Completed {
        decision_id: decision_id(7),
        nodes: 2,
    });
    assert_eq!((done.changed, done.completed), (2, completed));
}

async fn a_doubt_is_resolved_by_reading_again_and_moves_no_time(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    assert_eq!(db.ledger.resume(1).await.unwrap(), Memory::default());
    db.ledger.commit(1, &batch()).await.unwrap();
    let memory = sorted(db.ledger.resume(1).await.unwrap());
    assert_eq!(memory, after_the_batch());
    let overview = db.reader.overview().await.unwrap();
    assert_eq!(
        overview.committed_at_ms,
        Some(1001),
        "what people see is when the last batch was committed"
    );
    // The whole of a conductor is replaced, what is absent now as well.
    let mut changed = four_states();
    changed[0] = ConductorRecord {
        state: Word::parse("left").unwrap(),
        ..active("c1", "", &[])
    };
    changed[1].state = Word::parse("active").unwrap();
    changed[1].restart_remaining = None;
    let intake = Findings {
        observed: false,
        now_ms: 1100,
        conductors: changed.clone(),
        ..Findings::default()
    };
    db.ledger.commit(1, &intake).await.unwrap();
    let memory = sorted(db.ledger.resume(1).await.unwrap());
    assert_eq!(memory.conductors, changed);
    db.ledger()
        .take_epoch("second", nodewarden::config::Mode::Enforce, 20)
        .await
        .unwrap();
    let fenced = db.ledger.resume(1).await;
    assert!(matches!(fenced, Err(StoreError::Fenced(1))), "{fenced:?}");
}

async fn an_event_is_recalled_by_conductor_and_id_with_its_digest(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let intake = Findings {
        observed: false,
        now_ms: 1000,
        events: vec![remembered("c1", "a", 0), remembered("c2", "a", 255)],
        ..Findings::default()
    };
    db.ledger.commit(1, &intake).await.unwrap();
    let asked = [("c1", "a"), ("c2", "a"), ("c1", "b"), ("c3", "a")]
        .map(|(conductor, event)| (name(conductor), id(event)));
    let known = db.ledger.recall(&asked).await.unwrap();
    let expected = [
        ((name("c1"), id("a")), [0; 32]),
        ((name("c2"), id("a")), [255; 32]),
    ];
    assert_eq!(known, expected.into_iter().collect());
    assert!(db.ledger.recall(&[]).await.unwrap().is_empty());
    let twice = db.ledger.commit(1, &intake).await;
    assert!(
        matches!(twice, Err(StoreError::Permanent { .. })),
        "an event is remembered once: {twice:?}"
    );
}

async fn thousands_of_events_and_conductors_are_one_batch(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let names: Vec<String> = (0..2100).map(|n| format!("c{n:05}")).collect();
    let intake = Findings {
        observed: false,
        now_ms: 1000,
        events: names.iter().map(|c| remembered(c, "e", 1)).collect(),
        conductors: names.iter().map(|c| active(c, "", &["a"])).collect(),
        ..Findings::default()
    };
    db.ledger.commit(1, &intake).await.unwrap();
    let memory = sorted(db.ledger.resume(1).await.unwrap());
    assert_eq!(memory.conductors, intake.conductors);
    let asked: Vec<(ConductorName, EventId)> = names.iter().map(|c| (name(c), id("e"))).collect();
    assert_eq!(db.ledger.recall(&asked).await.unwrap().len(), 2100);
}

async fn a_request_is_seen_answered_and_its_answer_kept(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let intake = Findings {
        observed: false,
        now_ms: 1000,
        conductors: four_states(),
        ..Findings::default()
    };
    db.ledger.commit(1, &intake).await.unwrap();
    let database = db.database().clone();
    let first = request(&database, Word::parse("forget").unwrap(), "c3", "kim", 1)
        .await
        .unwrap();
    let second = request(&database, Word::parse("forget").unwrap(), "c1", "kim", 2)
        .await
        .unwrap();
    assert!(first < second);
    let asked = |number, argument: &str| Request {
        number,
        kind: Word::parse("forget").unwrap(),
        argument: argument.into(),
    };
    let requests = db.ledger.requests().await.unwrap();
    assert_eq!(requests, [asked(first, "c3"), asked(second, "c1")]);
    let view = db.reader.request(first).await.unwrap();
    assert_eq!(view, RequestView { result: None });
    for (request, forget) in requests.iter().zip([true, false]) {
        let result = format!("forgotten: {forget}");
        let ledger = &mut db.ledger;
        ledger
            .answer_forget(1, request, forget, &result, 3)
            .await
            .unwrap();
    }
    assert_eq!(db.ledger.requests().await.unwrap(), []);
    for (number, result) in [(first, "forgotten: true"), (second, "forgotten: false")] {
        let view = db.reader.request(number).await.unwrap();
        assert_eq!(view.result.as_deref(), Some(result));
    }
    let left = sorted(db.ledger.resume(1).await.unwrap()).conductors;
    let names: Vec<&str> = left.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["c1", "c2", "c4"]);
    // Who counts as active is not forgotten, whatever is asked.
    let counts = asked(second, "c1");
    let ledger = &mut db.ledger;
    ledger.answer_forget(1, &counts, true, "", 4).await.unwrap();
    assert_eq!(db.ledger.resume(1).await.unwrap().conductors.len(), 3);
}

fn sweep() -> Sweep {
    Sweep {
        announces: true,
        pause: None,
        unwanted: Vec::new(),
        restarting: Vec::new(),
        forget: Vec::new(),
        unnamed: Vec::new(),
        now_ms: 2000,
    }
}

async fn a_sweep_announces_the_position_keeps_remainders_and_forgets(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.nodes("needed", "g", &["n1"]).await;
    let mut intake = batch();
    for driver in ["needed", "nobody's"] {
        intake.standings.push(StandingRecord {
            pair: pair(driver, "g"),
            standing: Standing::Active,
        });
    }
    db.ledger.commit(1, &intake).await.unwrap();
    let mut shorter = four_states()[1].clone();
    shorter.restart_remaining = Some(Duration::from_millis(700));
    let forgotten = db
        .ledger
        .begin_sweep(
            1,
            &Sweep {
                announces: true,
                pause: None,
                unwanted: Vec::new(),
                restarting: vec![shorter],
                forget: vec![name("c4"), name("c1")],
                unnamed: vec![pair("needed", "g"), pair("nobody's", "g")],
                ..sweep()
            },
        )
        .await
        .unwrap();
    assert_eq!(forgotten, [pair("nobody's", "g")]);
    let memory = sorted(db.ledger.resume(1).await.unwrap());
    let mut expected = four_states();
    expected.remove(3);
    expected[1].restart_remaining = Some(Duration::from_millis(700));
    assert_eq!(memory.conductors, expected, "c1 is active and stays");
    let views = db.reader.conductors().await.unwrap();
    assert_eq!(views[1].until_ms, Some(2700));
    let pending = db.outbox().pending(None, 10).await.unwrap();
    assert_eq!(pending.len(), 1);
    let position = nodewarden::domain::announcement::Content::Position { seq: 0 };
    assert_eq!((pending[0].number, &pending[0].content), (1, &position));
    assert_eq!(pending[0].decided_at_ms, 2000);
}

async fn a_sweep_drops_what_is_older_than_the_rules_allow_and_nothing_that_is_spoken_of(
    kind: Kind,
) {
    let mut db = StoreOnDatabase::new(kind).await;
    db.nodes("a", "", &["n1", "n2", "n3"]).await;
    let lost = pair("a", "");
    // Out and back, announced; then out again.
    db.lose(&lost, 1).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    db.restore(&lost, 2).await;
    db.ledger
        .give_back(1, Some(&lost), &window("", 10))
        .await
        .unwrap();
    db.lose(&lost, 3).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    let before = db.outbox().pending(Some(0), 100).await.unwrap();
    assert_eq!(before.len(), 6, "two messages each time");
    let mut late = sweep();
    late.now_ms = 1_000_000;
    let counts = async |db: &StoreOnDatabase| {
        let mut counts = Vec::new();
        for table in ["events", "changes", "announcements", "decisions"] {
            let count = format!("SELECT count(*) FROM nodewarden_{table}");
            counts.push(db.scratch.text(&count).await);
        }
        counts.join(" ")
    };
    // Nothing was handed to the broker yet: only events are of no more use.
    let everything = [
        Prune::Events,
        Prune::Changes,
        Prune::Announcements,
        Prune::Decisions,
        Prune::Requests,
    ];
    let prune = async |db: &mut StoreOnDatabase| {
        for what in everything {
            let dropped = db.ledger.prune(1, what, 900_000, 1000).await;
            dropped.unwrap();
        }
    };
    prune(&mut db).await;
    assert_eq!(counts(&db).await, "0 9 6 3");
    db.outbox().announced(1, 6, 1_000_000).await.unwrap();
    db.ledger.begin_sweep(1, &late).await.unwrap();
    prune(&mut db).await;
    // The three that are out, the last announcement and the new position, the lost pair's decision.
    assert_eq!(counts(&db).await, "0 3 2 1");
    assert_eq!(db.out().await, ["n1", "n2", "n3"]);
    assert_eq!(
        db.reader.decisions(9).await.unwrap()[0].decision_id,
        decision_id(3)
    );
}

/// Losses that nothing was done about, as during a pause, of a pair that no conductor names any more and
/// of an unknown one: no walk will complete them, and what is not complete is never dropped.
async fn a_pair_that_is_forgotten_leaves_no_decision_open(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let (lost, unknown) = (pair("a", ""), pair("b", ""));
    db.lose(&lost, 1).await;
    let mut never = turned(&unknown, Standing::Lost, 2, "c1");
    never.decisions[0].verdict = Verdict::Unknown;
    never.decisions[0].turn.verdict = Some(Verdict::Unknown);
    db.ledger.commit(1, &never).await.unwrap();
    let memory = db.ledger.resume(1).await.unwrap();
    let expected = std::slice::from_ref(&unknown);
    assert_eq!(memory.unknown, expected, "a successor knows it");
    let forgets = Sweep {
        announces: false,
        unnamed: vec![lost.clone()],
        unwanted: vec![unknown.clone()],
        ..sweep()
    };
    let forgotten = db.ledger.begin_sweep(1, &forgets).await.unwrap();
    assert_eq!(forgotten, [lost, unknown]);
    let decisions = db.reader.decisions(9).await.unwrap();
    let completed: Vec<_> = decisions.iter().map(|it| it.completed_at_ms).collect();
    assert_eq!(completed, [Some(2000), Some(2000)]);
    let dropped = db.ledger.prune(1, Prune::Decisions, 3000, 10).await;
    assert_eq!(dropped.unwrap(), 2);
}

async fn proving_that_writing_works_disturbs_no_replica(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let before = db.reader.overview().await.unwrap();
    let commits = "SELECT commits FROM nodewarden_state";
    let committed = db.scratch.text(commits).await;
    db.ledger().prove().await.unwrap();
    db.ledger().prove().await.unwrap();
    assert_eq!(db.reader.overview().await.unwrap(), before);
    assert_eq!(db.scratch.text(commits).await, committed);
    let proofs = "SELECT proofs FROM nodewarden_proof";
    assert_eq!(db.scratch.list(proofs).await, ["2"], "it really wrote");
    assert_eq!(db.ledger.resume(1).await.unwrap(), Memory::default());
}
