//! The commands that look, and those that fill: what they print, and how they fail.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::{CommandFactory, Parser};
use nodewarden::app::AppFault;
use nodewarden::broker::BrokerError;
use nodewarden::cli::conductors::{Conductors, Forget};
use nodewarden::cli::explain::Explain;
use nodewarden::cli::history::History;
use nodewarden::cli::list::List;
use nodewarden::cli::migrate::Migrate;
use nodewarden::cli::nodes::{Import, Nodes};
use nodewarden::cli::pause::{Pause, Resume};
use nodewarden::cli::status::Status;
use nodewarden::cli::streamed::Streamed;
use nodewarden::cli::whatif::WhatIf;
use nodewarden::cli::{FAILED, Failure, Output, UNREACHABLE, USAGE};
use nodewarden::config::{Database, InventoryKind, Mode, SecretUrl, Settings, SettingsFault};
use nodewarden::domain::committed::Committed;
use nodewarden::domain::ids::SubscriberName;
use nodewarden::domain::receipt::Receipt;
use nodewarden::store::{self, FORGOTTEN, Findings, HearingNote, Ledger, NodeUpsert, Reader};
use nodewarden_tests::story::{DECISION, Story, T};
use serde_json::{Value, json};

fn settings(directory: &tempfile::TempDir) -> Settings {
    let url = format!("sqlite://{}", directory.path().join("new.db").display());
    Settings {
        database: Database {
            url: SecretUrl::new(&url),
            ..Database::default()
        },
        ..Settings::default()
    }
}

async fn with_tables(directory: &tempfile::TempDir) -> Settings {
    let settings = settings(directory);
    let stream = nodewarden::clock::new_id();
    let migrated = store::migrate(&settings.database, InventoryKind::Native, &stream).await;
    migrated.expect("tables");
    settings
}

fn import(directory: &tempfile::TempDir, name: &str, text: &str) -> Import {
    let file = directory.path().join(name);
    std::fs::write(&file, text).expect("a file");
    Import {
        file,
        allow_empty: false,
    }
}

fn failure<T: std::fmt::Debug>(answer: Result<T, Failure>) -> Failure {
    answer.expect_err("it fails")
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|fault| panic!("{fault}: {text}"))
}

async fn explained(story: &Story, what: Explain) -> Result<String, Failure> {
    let text = what.answer(&story.settings, Output::Text).await?;
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    Ok(text.replace('\n', " "))
}

#[tokio::test]
async fn migrate_makes_the_tables_once_and_keeps_the_stream() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(&directory);
    let first = value(
        &Migrate::default()
            .answer(&settings, Output::Json)
            .await
            .expect("migrated"),
    );
    let again = value(
        &Migrate::default()
            .answer(&settings, Output::Json)
            .await
            .expect("migrated"),
    );
    assert_eq!(first, again);
    assert_eq!(
        (
            &first["nodes"],
            &first["nodes_out_of_service"],
            &first["epoch"]
        ),
        (&json!(null), &json!(0), &json!(0)),
        "no replica has counted nodes yet"
    );
    let text = Migrate::default()
        .answer(&settings, Output::Text)
        .await
        .expect("migrated");
    assert!(text.ends_with(", 0 nodes out of service."), "{text}");
}

#[tokio::test]
async fn import_counts_what_it_added_and_what_it_knew() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = with_tables(&directory).await;
    let json = import(
        &directory,
        "nodes.json",
        r#"[{"uuid": "u1", "driver": "a"}, {"uuid": "u2", "driver": "b"}]"#,
    );
    let text = json
        .answer(&settings, Output::Text)
        .await
        .expect("imported");
    assert!(
        text.starts_with("2 nodes imported from ")
            && text.ends_with("2 added, 0 updated, 0 unchanged.\n2 nodes are known now."),
        "{text}"
    );
    let csv = import(
        &directory,
        "nodes.csv",
        "UUID,Driver,Maintenance\nu2,b,True\nu3,a,False\n",
    );
    let counts = value(&csv.answer(&settings, Output::Json).await.expect("imported"));
    assert_eq!(
        counts,
        json!({
            "added": 1,
            "updated": 1,
            "unchanged": 0,
            "known": 3,
            "not_in_file": { "nodes": 1, "first": [{ "uuid": "u1", "name": null }] },
        })
    );
    let reader = Reader::new(&settings.database, InventoryKind::Native).expect("a reader");
    let u2 = reader.node("u2").await.expect("read").expect("there");
    assert!(u2.maintenance);
}

#[tokio::test]
async fn nodes_that_no_replica_has_counted_yet_are_not_shown_as_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = with_tables(&directory).await;
    let nodes = import(&directory, "nodes.csv", "uuid,driver\nu1,a\n");
    let imported = nodes.answer(&settings, Output::Text).await;
    assert!(imported.is_ok());
    let text = Status::default().answer(&settings, Output::Text).await;
    let text = text.expect("a page");
    assert!(
        text.contains("Nodes:         not counted yet; the replica that decides counts them"),
        "{text}"
    );
    let json = value(
        &Status::default()
            .answer(&settings, Output::Json)
            .await
            .expect("JSON"),
    );
    for field in ["nodes", "nodes_out_of_service", "counted_at_ms"] {
        assert_eq!(json[field], json!(null), "{field}");
    }
}

#[tokio::test]
async fn import_says_which_known_nodes_the_file_does_not_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = with_tables(&directory).await;
    let rows = |numbers: std::ops::Range<u32>| {
        let rows: String = numbers.map(|n| format!("u{n:02},name-{n},a\n")).collect();
        format!("uuid,name,driver\n{rows}")
    };
    let before = import(&directory, "before.csv", &rows(0..20));
    let said = before.answer(&settings, Output::Text).await;
    assert!(said.expect("imported").ends_with("20 nodes are known now."));
    let after = import(&directory, "after.csv", &rows(12..22));
    let said = after.answer(&settings, Output::Text).await;
    let said = said.expect("imported");
    let (first, second) = said.split_once('\n').expect("two lines");
    assert!(
        first.ends_with(": 2 added, 0 updated, 8 unchanged."),
        "{said}"
    );
    assert_eq!(
        second,
        "22 nodes are known now, of which the file does not name 12: name-0, name-1, name-2, name-3, name-4, … An \
         import removes none; delete the rows of machines that are gone."
    );
}

#[tokio::test]
async fn a_bad_file_names_every_line_and_field_and_imports_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = with_tables(&directory).await;
    let bad = import(
        &directory,
        "nodes.csv",
        "uuid,driver,maintenance\nu1,a,False\nu2,,perhaps\nu1,b,True\n",
    );
    let failure = failure(bad.answer(&settings, Output::Text).await);
    assert_eq!(failure.code, FAILED);
    for part in [
        "line 3: driver ",
        "line 3: maintenance ",
        "line 4: uuid ",
        "nothing was imported",
    ] {
        assert!(
            failure.message.contains(part),
            "{part}: {}",
            failure.message
        );
    }
    let reader = Reader::new(&settings.database, InventoryKind::Native).expect("a reader");
    assert_eq!(reader.overview().await.expect("read").nodes, 0);
}

#[tokio::test]
async fn a_missing_database_fails_as_one_without_tables_and_says_how_to_make_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(&directory);
    let nodes = import(
        &directory,
        "nodes.json",
        r#"[{"uuid": "u1", "driver": "a"}]"#,
    );
    let forget = Forget {
        name: "c1".into(),
        wait: Duration::ZERO,
    };
    let node = Explain::Node { name: "n1".into() };
    for failure in [
        failure(nodes.answer(&settings, Output::Text).await),
        failure(Status::default().answer(&settings, Output::Text).await),
        failure(forget.answer(&settings, Output::Text).await),
        failure(node.answer(&settings, Output::Text).await),
    ] {
        assert_eq!(failure.code, FAILED, "{failure}");
        assert!(failure.message.contains("nodewarden migrate"), "{failure}");
    }
    std::fs::write(directory.path().join("new.db"), b"").expect("an empty file");
    let empty = failure(Status::default().answer(&settings, Output::Text).await);
    assert!(empty.message.contains("nodewarden migrate"), "{empty}");
}

#[test]
fn every_error_has_its_exit_code() {
    let settings_fault = SettingsFault::Refused("amqp.batch must be 1 to 2000".into());
    assert_eq!(Failure::from(settings_fault).code, USAGE);
    let died = Failure::from(AppFault::Died("the HTTP interface died: inner".into()));
    assert_eq!(
        (died.code, died.message.as_str()),
        (FAILED, "the HTTP interface died: inner")
    );
    let lost = BrokerError::Lost("the connection was closed".into());
    assert_eq!(Failure::from(lost).code, UNREACHABLE);
}

#[tokio::test]
async fn l4_status_says_for_how_long_silence_proves_nothing_and_why_the_active_replica_is_not_ready()
 {
    let mut story = Story::told().await;
    let now = nodewarden::clock::now_ms();
    const DEAF: &str = "conductors' events do not reach this replica: no queue is bound; no silent conductor is found meanwhile";
    // Since how long, for how long, deaf, what troubles it: what is said of it.
    type Words = &'static [&'static str];
    type Case = (Option<u64>, u64, bool, Words, Words, Words);
    #[rustfmt::skip]
    let table: [Case; 4] = [
        (None, 0, false, &[], &[], &["Silence:", "Not ready:"]),
        (Some(10_000), 120_000, false, &[],
            &["Silence:       has proved nothing since", "and proves nothing for another ",
              ": after a takeover, or a gap in its hearing, a replica listens that long first"], &["Not ready:"]),
        (Some(300_000), 60_000, true, &[DEAF],
            &["because the active replica is deaf; it finds no silent conductor until 1 min after it hears again",
              "Not ready:     conductors' events"], &[]),
        (Some(300_000), 0, false, &[], &[], &["Silence:"]),
    ];
    for (since, unproven, is_deaf, troubles, said, unsaid) in table {
        let note = HearingNote {
            unproven_since_ms: since.map(|since| now - since),
            unproven: Duration::from_millis(unproven),
            deaf: is_deaf,
            troubles: troubles.iter().map(|&one| one.to_owned()).collect(),
            noted_at_ms: now,
        };
        story.ledger.note(story.epoch, &note).await.unwrap();
        let text = Status::default()
            .answer(&story.settings, Output::Text)
            .await
            .unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in said {
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(&said), "{said}: {text}");
        }
        for unsaid in unsaid {
            assert!(!text.contains(unsaid), "{unsaid}: {text}");
        }
        let json = value(
            &Status::default()
                .answer(&story.settings, Output::Json)
                .await
                .unwrap(),
        );
        assert_eq!(json["hearing"]["troubles"], json!(troubles));
        assert_eq!(json["hearing"]["deaf"], json!(is_deaf));
    }
}

#[tokio::test]
async fn status_shows_how_far_each_subscriber_is() {
    let mut story = Story::told().await;
    let receipt = |name: &str, stream: &str, seq| Receipt {
        subscriber: SubscriberName::parse(name).expect("a name"),
        stream: stream.to_owned(),
        seq,
        applied_at_ms: T,
    };
    let said = Findings {
        now_ms: T,
        receipts: vec![
            receipt("done", &story.stream, 1),
            receipt("late", &story.stream, 0),
            receipt("lost", "7f1d2a3b-64d4-4a57-9d10-6a1f6d3c0e21", 1),
        ],
        ..Findings::default()
    };
    let epoch = story.epoch;
    story.ledger.commit(epoch, &said).await.expect("stored");
    let status = Status::default();
    let answer = status.answer(&story.settings, Output::Text);
    let text = answer.await.expect("a page");
    let (_, table) = text.split_once("\nSUBSCRIBER").expect("a table");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .take(4)
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .take(3)
                .collect()
        })
        .collect();
    assert_eq!(rows[0], ["APPLIED", "BEHIND", "SINCE"]);
    assert_eq!(rows[1], ["done", "1", "0"]);
    assert_eq!(rows[2], ["late", "0", "1"]);
    assert_eq!(rows[3], ["lost", "-", "another stream"]);
    // Where they cannot be read, all else is shown.
    story.spoils_receipts().await;
    let without = status.answer(&story.settings, Output::Text);
    let without = without.await.expect("a page");
    assert!(!without.contains("SUBSCRIBER"), "{without}");
    assert!(without.contains("\nCONDUCTOR"), "{without}");
}

#[tokio::test]
async fn status_shows_everything_on_one_page() {
    let story = Story::told().await;
    let text = Status::default()
        .answer(&story.settings, Output::Text)
        .await
        .expect("a page");
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    for part in [
        "Active:        host-1/42 with epoch 1 since 2026-03-01T10:00:00Z",
        "WARNING: no replica has committed anything for ",
        "Nodes:         3 in service, 1 out of service because of nodewarden (counted ",
        "Announcements: 0 confirmed by the broker, 1 waiting, the oldest from ",
        " at seq 1\n",
        "DRIVER  GROUP      STATE            SINCE",
        "\na       (default)  active (only 1)  ",
        "\nCONDUCTOR  INCARNATION  GROUP      STATE    SINCE",
        "Pairs to look at, and why:\n- Driver b in the default group has been LOST since",
        "- Driver zz in the default group never had an active conductor",
        "- Driver r in group rack-1 counts as active only by a planned restart: c3 may be away until",
        "\n\nNearly lost: driver a in the default group depends on conductor c2 alone: 1 node.",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let mut page = value(
        &Status::default()
            .answer(&story.settings, Output::Json)
            .await
            .expect("a page"),
    );
    let drivers = page["drivers"].take();
    let conductors = page["conductors"].take();
    assert_eq!(
        page,
        json!({
            "stream": story.stream, "epoch": 1, "seq": 1, "nodes": 4, "nodes_out_of_service": 1,
            "counted_at_ms": T,
            "active": { "holder": "host-1/42", "since_ms": T, "last_commit_at_ms": T + 1500, "seems_alive": false },
            "announcements": { "made": 1, "confirmed": 0, "oldest_waiting_since_ms": T + 1500 },
            "mode": "enforce", "observed": null, "hearing": null, "paused": null, "began": null,
            "drivers": null, "conductors": null, "subscribers": [],
        })
    );
    assert_eq!(
        (
            drivers.as_array().map(Vec::len),
            conductors.as_array().map(Vec::len)
        ),
        (Some(4), Some(3))
    );
    assert_eq!(
        (&drivers[1]["driver"], &drivers[1]["state"]),
        (&json!("b"), &json!("lost"))
    );
    let nearly_lost = [true, false, false, false].map(Value::Bool);
    for (driver, expected) in drivers.as_array().expect("a list").iter().zip(nearly_lost) {
        assert_eq!(driver["nearly_lost"], expected, "{driver}");
    }
}

#[tokio::test]
async fn status_says_that_the_stream_began_because_commits_were_lost() {
    let mut story = Story::told().await;
    let ledger = &mut story.ledger;
    ledger.known().provide(nodewarden::clock::new_id());
    assert_eq!(ledger.missing().await.expect("a look"), None);
    let found = ledger.known().furthest().expect("the look's");
    ledger.known().told(&Committed {
        seq: 9,
        commits: found.commits + 42,
        ..found.clone()
    });
    let taken = ledger.take_epoch("host-2/1", Mode::Enforce, T + 3000).await;
    let taken = taken.expect("taken");
    let page = Status::default()
        .answer(&story.settings, Output::Text)
        .await
        .expect("a page");
    let one_line = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = format!(
        "Stream: {} at seq 1 It began 2026-03-01T10:00:03Z (",
        taken.stream
    );
    assert!(one_line.contains(&expected), "{page}");
    let expected = format!(
        "because the database had lost 42 commits after commit {}, with the changes of seq 2 to 9",
        found.commits
    );
    assert!(one_line.contains(&expected), "{page}");
    let page = Status::default()
        .answer(&story.settings, Output::Json)
        .await
        .expect("a page");
    assert_eq!(
        value(&page)["began"],
        json!({ "at_ms": T + 3000, "lost_commits": 42, "lost_first_seq": 2, "lost_last_seq": 9,
            "previous_stream": story.stream })
    );
}

#[tokio::test]
async fn who_hangs_on_one_conductor_is_named_only_while_that_is_so() {
    let mut story = Story::told().await;
    story.joins("c4", 1, "", &["a", "new"], T + 2000).await;
    let page = Status::default()
        .answer(&story.settings, Output::Text)
        .await
        .expect("a page");
    // c4 is the second one for `a`, and no node needs the driver that it alone supports.
    assert!(!page.contains("Nearly lost"), "{page}");
    assert!(
        page.contains("\nnew     (default)  active (only 1)  "),
        "{page}"
    );
    assert_eq!(page.matches("(only 1)").count(), 1, "{page}");
}

#[tokio::test]
async fn explain_answers_why_for_nodes_drivers_and_conductors() {
    let story = Story::told().await;
    let name = |name: &str| name.to_owned();
    let n2 = explained(
        &story,
        Explain::Node {
            name: name("web-2"),
        },
    )
    .await
    .expect("explained");
    for part in [
        "Node web-2 (n2) has been OUT of service since 2026-03-01T10:00:01Z",
        "driver b in the default group lost its last active conductor. Its last conductor, c1, left (event c1-1772359201000).",
        &format!("Decision {DECISION} by epoch 1 at 2026-03-01T10:00:01Z"),
        "It comes back by itself as soon as a conductor that supports driver b in the default group joins.",
    ] {
        assert!(n2.contains(part), "{part}: {n2}");
    }
    let n1 = explained(&story, Explain::Node { name: name("n1") })
        .await
        .expect("explained");
    assert!(
        n1.contains("is active through c2. An operator has set maintenance on it"),
        "{n1}"
    );
    let n3 = explained(&story, Explain::Node { name: name("n3") })
        .await
        .expect("explained");
    assert!(
        n3.contains("driver r in group rack-1 counts as active only by a planned restart"),
        "{n3}"
    );
    let n4 = explained(&story, Explain::Node { name: name("n4") })
        .await
        .expect("explained");
    assert!(
        n4.contains("Driver zz in the default group never had an active conductor"),
        "{n4}"
    );
    let r = explained(
        &story,
        Explain::Driver {
            name: name("r"),
            group: name("RACK-1"),
        },
    )
    .await
    .expect("explained");
    assert!(
        r.contains("counts as active only by a planned restart"),
        "{r}"
    );
    let c1 = explained(&story, Explain::Conductor { name: name("c1") })
        .await
        .expect("explained");
    assert!(
        c1.starts_with("Conductor c1 has not counted as active since 2026-03-01T10:00:01Z"),
        "{c1}"
    );
    let object = Explain::Node { name: name("n2") }
        .answer(&story.settings, Output::Json)
        .await
        .expect("an object");
    assert_eq!(value(&object)["decision"]["decision_id"], DECISION);
}

#[tokio::test]
async fn who_asks_for_something_unknown_is_told_what_there_is() {
    let story = Story::told().await;
    let name = "nobody".to_owned();
    for (what, says) in [
        (
            Explain::Node { name: name.clone() },
            "no node has the uuid or name nobody; `nodewarden nodes list`",
        ),
        (
            Explain::Driver {
                name: name.clone(),
                group: String::new(),
            },
            "no pair of driver nobody is known yet; the replica that decides finds",
        ),
        (
            Explain::Driver {
                name: "r".into(),
                group: String::new(),
            },
            "but there is one in rack-1: use --group",
        ),
        (Explain::Conductor { name }, "no conductor nobody is known"),
    ] {
        let failure = failure(explained(&story, what).await);
        assert_eq!(failure.code, FAILED);
        assert!(failure.message.contains(says), "{failure}");
    }
}

#[tokio::test]
async fn a_name_that_several_nodes_have_leads_to_their_uuids() {
    let story = Story::told().await;
    let twins = ["d-1", "d-2"].map(|uuid| NodeUpsert {
        uuid: uuid.into(),
        name: Some(Some("same".into())),
        driver: "a".into(),
        conductor_group: None,
        maintenance: None,
    });
    let imported = store::import(&story.settings.database, &twins, |_| {}).await;
    imported.expect("imported");
    let same = Explain::Node {
        name: "same".into(),
    };
    let failure = failure(explained(&story, same).await);
    assert_eq!(
        failure.message,
        "more than one node has the name same: give the uuid, such as d-1 or d-2"
    );
}

#[tokio::test]
async fn texts_of_the_database_never_steer_the_terminal() {
    let story = Story::told().await;
    let hostile = NodeUpsert {
        uuid: "n9".into(),
        name: Some(Some("\x1b[2J\r\nroot# \u{202e}".into())),
        driver: "d\x1b]0;x\x07".into(),
        conductor_group: None,
        maintenance: None,
    };
    store::import(&story.settings.database, &[hostile], |_| {})
        .await
        .expect("imported");
    let node = explained(&story, Explain::Node { name: "n9".into() })
        .await
        .expect("explained");
    let page = Status::default()
        .answer(&story.settings, Output::Text)
        .await
        .expect("a page");
    for text in [node, page.replace('\n', " ")] {
        assert!(
            !text.chars().any(|c| c.is_control() || c == '\u{202e}'),
            "{text:?}"
        );
    }
}

#[tokio::test]
async fn forget_is_refused_for_who_counts_or_is_not_known() {
    let story = Story::told().await;
    for (name, says) in [
        (
            "c2",
            "conductor c2 is active and counts, so nodewarden does not forget it. If it is gone for good, publish its \
             end first: `nodewarden emit left c2 --incarnation 1`",
        ),
        // The end of the start that is leaving was said already.
        ("c3", "`nodewarden emit left c3 --incarnation 2`"),
        ("c8", "no conductor c8 is known"),
    ] {
        let forget = Forget {
            name: name.into(),
            wait: Duration::ZERO,
        };
        let failure = failure(forget.answer(&story.settings, Output::Text).await);
        assert_eq!(failure.code, FAILED);
        assert!(failure.message.contains(says), "{failure}");
    }
}

#[tokio::test]
async fn forget_is_recorded_and_answered_by_the_one_who_decides() {
    let mut story = Story::told().await;
    let forget = |wait| Forget {
        name: " c1 ".into(),
        wait,
    };
    let text = forget(Duration::ZERO)
        .answer(&story.settings, Output::Text)
        .await
        .expect("recorded");
    assert_eq!(
        text,
        "It is recorded (request 1). No replica has answered within 0s; the next active one will do it."
    );
    let settings = story.settings.clone();
    let asks = async || {
        forget(Duration::from_secs(60))
            .answer(&settings, Output::Json)
            .await
    };
    let mut decides = async |number, forgets, result| loop {
        let requests = story.ledger.requests().await.expect("read");
        if let Some(request) = requests.iter().find(|request| request.number == number) {
            assert_eq!(request.argument, "c1");
            let done = story
                .ledger
                .answer_forget(story.epoch, request, forgets, result, T + 9000)
                .await;
            return done.expect("answered");
        }
        tokio::task::yield_now().await;
    };
    let refusal = "it counts as active; nothing was forgotten";
    let both = async { tokio::join!(asks(), decides(2, false, refusal)) };
    let (answer, ()) = tokio::time::timeout(Duration::from_secs(60), both)
        .await
        .expect("in time");
    let refused = failure(answer);
    assert_eq!(
        (refused.code, refused.message),
        (FAILED, format!("c1: {refusal}"))
    );
    let both = async { tokio::join!(asks(), decides(3, true, FORGOTTEN)) };
    let (answer, ()) = tokio::time::timeout(Duration::from_secs(60), both)
        .await
        .expect("in time");
    assert_eq!(
        value(&answer.expect("answered")),
        json!({ "request": 3, "done": true, "result": "forgotten" })
    );
    let reader = Reader::new(&settings.database, InventoryKind::Native).expect("a reader");
    let left: Vec<String> = reader
        .conductors()
        .await
        .expect("read")
        .into_iter()
        .map(|known| known.conductor)
        .collect();
    assert_eq!(left, ["c2", "c3"]);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = Import {
        file: PathBuf::from("/nowhere/nodes.json"),
        allow_empty: false,
    };
    let failure = failure(missing.answer(&settings(&directory), Output::Text).await);
    assert_eq!(failure.code, FAILED);
    assert!(
        failure
            .message
            .starts_with("cannot read /nowhere/nodes.json: "),
        "{failure}"
    );
}

/// As the program offers them.
#[derive(Debug, Parser)]
enum Offered {
    Status(Status),
    Migrate(Migrate),
    #[command(subcommand)]
    Explain(Explain),
    #[command(subcommand)]
    Nodes(Nodes),
    #[command(subcommand)]
    Conductors(Conductors),
}

#[test]
fn the_commands_are_spelled_as_the_contract_does() {
    Offered::command().debug_assert();
    for line in [
        "nodewarden status",
        "nodewarden migrate",
        "nodewarden explain node web-1",
        "nodewarden explain driver a --group rack-1",
        "nodewarden explain conductor c1",
        "nodewarden nodes import -",
        "nodewarden conductors forget c1 --wait 2s",
    ] {
        if let Err(fault) = Offered::try_parse_from(line.split(' ')) {
            panic!("{line}: {fault}");
        }
    }
}

#[test]
fn every_command_helps_with_what_it_does_and_how_it_ends() {
    fn all(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        for inner in command
            .get_subcommands()
            .filter(|inner| !inner.is_hide_set())
        {
            let path = format!("{path} {}", inner.get_name());
            if inner.has_subcommands() {
                all(inner, &path, found);
            } else {
                let help = inner.clone().render_long_help().to_string();
                found.push((path, help));
            }
        }
    }
    let mut found = Vec::new();
    all(&nodewarden::cli::command(), "nodewarden", &mut found);
    for (path, help) in found {
        let (about, _) = help.split_once("\nUsage:").expect("a usage");
        assert!(about.trim().lines().count() > 2, "{path}: {help}");
        assert!(help.contains("Exit codes: 0 done"), "{path}: {help}");
        if path.split(' ').count() == 3 && !path.ends_with("help") {
            assert!(
                about.contains(&format!("Example: `{path}")),
                "{path}: {help}"
            );
        }
    }
}

async fn listed(story: &Story, list: &List, output: Output) -> String {
    list.answer(&story.settings, output).await.expect("listed")
}

#[tokio::test]
async fn nodes_list_says_of_each_node_why_and_since_when() {
    let story = Story::told().await;
    let text = listed(&story, &List::default(), Output::Text).await;
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    #[rustfmt::skip]
    assert_eq!(lines, [
        vec!["STATE", "SINCE", "UUID", "NAME", "DRIVER", "GROUP", "WHY"],
        vec!["in_service", "-", "n1", "web-1", "a", "-", "maintenance", "(an", "operator's)"],
        vec!["out_of_service", "2026-03-01T10:00:01Z", "n2", "web-2", "b", "-",
            "driver_lost:", "conductor.left", "of", "c1"],
        vec!["in_service", "-", "n3", "web-3", "r", "rack-1", "-"],
        vec!["in_service", "-", "n4", "web-4", "zz", "-", "-"],
    ]);
    let out = List {
        out: true,
        ..List::default()
    };
    let expected = json!({
        "uuid": "n2", "name": "web-2", "conductor_group": "", "driver": "b", "state": "out_of_service",
        "since_ms": T + 1500, "maintenance": null, "reason": "driver_lost", "cause": "conductor.left",
        "cause_conductor": "c1", "decision_id": DECISION,
    });
    assert_eq!(value(&listed(&story, &out, Output::Json).await), expected);
    let tsv = listed(&story, &out, Output::Tsv).await;
    assert_eq!(
        tsv.lines().nth(1),
        Some(
            format!(
                "out_of_service\t{}\tn2\tweb-2\t\tb\tdriver_lost\tconductor.left\tc1\t{DECISION}\t",
                T + 1500
            )
            .as_str()
        )
    );
}

#[tokio::test]
async fn nodes_list_takes_a_driver_a_group_or_both() {
    let story = Story::told().await;
    let uuids = async |driver: Option<&str>, group: Option<&str>, out: bool| {
        let list = List {
            out,
            driver: driver.map(Into::into),
            group: group.map(Into::into),
        };
        let text = listed(&story, &list, Output::Json).await;
        let lines: Vec<String> = text
            .lines()
            .map(|line| value(line)["uuid"].as_str().expect("text").to_owned())
            .collect();
        lines.join(" ")
    };
    assert_eq!(uuids(Some("b"), None, false).await, "n2");
    assert_eq!(uuids(Some("b"), None, true).await, "n2");
    assert_eq!(uuids(Some("a"), None, true).await, "");
    assert_eq!(uuids(None, Some("RACK-1"), false).await, "n3");
    assert_eq!(uuids(None, Some(""), false).await, "n1 n2 n4");
    assert_eq!(uuids(Some("r"), Some("rack-1"), false).await, "n3");
    assert_eq!(uuids(Some("r"), Some(""), false).await, "");
}

#[tokio::test]
async fn nodes_list_shows_every_node_once_over_many_pages() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = with_tables(&directory).await;
    let nodes: Vec<NodeUpsert> = (0..4500)
        .map(|number| NodeUpsert {
            uuid: format!("u{number:05}"),
            name: None,
            driver: "a".into(),
            conductor_group: None,
            maintenance: None,
        })
        .collect();
    store::import(&settings.database, &nodes, |_| {})
        .await
        .expect("nodes");
    for driver in [None, Some("a".to_owned())] {
        let list = List {
            group: driver.as_ref().map(|_| String::new()),
            driver,
            out: false,
        };
        let text = list.answer(&settings, Output::Tsv).await.expect("listed");
        let uuids: Vec<&str> = text
            .lines()
            .skip(1)
            .map(|line| line.split('\t').nth(2).expect("a uuid"))
            .collect();
        let expected: Vec<&str> = nodes.iter().map(|node| node.uuid.as_str()).collect();
        assert!(uuids == expected, "{} of {}", uuids.len(), expected.len());
    }
}

#[tokio::test]
async fn whatif_tells_what_is_lost_without_conductors_and_what_no_order_helps() {
    let story = Story::told().await;
    let asked = async |whatif: WhatIf, output| whatif.answer(&story.settings, output).await;
    let without = |names: &[&str]| WhatIf {
        without: names.iter().map(|&name| name.to_owned()).collect(),
        restart_order: false,
    };
    let lost = value(
        &asked(without(&["c2", "c3", "c2"]), Output::Json)
            .await
            .expect("answered"),
    );
    assert_eq!(
        lost,
        json!({
            "without": ["c2", "c3"],
            "lost": [
                {"conductor_group": "", "driver": "a", "nodes": 1},
                {"conductor_group": "rack-1", "driver": "r", "nodes": 1},
            ],
            "nodes": 2,
        })
    );
    let text = asked(without(&["c2"]), Output::Text)
        .await
        .expect("answered");
    assert!(
        text.starts_with("Without c2, 1 pair would be lost, and 1 node with it:\n"),
        "{text}"
    );
    let text = asked(without(&["c1"]), Output::Text)
        .await
        .expect("answered");
    assert_eq!(text, "Without c1, no pair would be lost.");
    let unknown = failure(asked(without(&["nope"]), Output::Text).await);
    assert_eq!(unknown.code, FAILED);
    let order = WhatIf {
        restart_order: true,
        ..WhatIf::default()
    };
    let order = value(&asked(order, Output::Json).await.expect("answered"));
    // c3 is away already; c2 alone supports a.
    assert_eq!(order["order"], json!(["c3"]));
    assert_eq!(order["alone"][0]["conductor"], json!("c2"));
    assert_eq!(order["longest_grace_ms"], json!(900_000));
}

fn paused() -> Pause {
    Pause {
        lasting: None,
        reason: "work on rack 1".to_owned(),
        who: Some("kim".to_owned()),
        wait: true,
        timeout: Some(Duration::ZERO),
    }
}

#[tokio::test]
async fn history_tells_decisions_and_what_operators_did_newest_first() {
    let story = Story::told().await;
    let pause = paused().answer(&story.settings, Output::Text).await;
    pause.expect("paused");
    let resumed = Resume {}.answer(&story.settings, Output::Text).await;
    resumed.expect("resumed");
    let forgotten = Forget {
        name: "c1".to_owned(),
        wait: Duration::ZERO,
    };
    let forgotten = forgotten.answer(&story.settings, Output::Text).await;
    forgotten.expect("asked for");
    let told = async |since: u64, driver: Option<&str>, output| {
        let history = History {
            since: Duration::from_secs(since),
            driver: driver.map(Into::into),
            group: None,
        };
        let answer = history.answer(&story.settings, output).await;
        answer.expect("told")
    };
    const DAY: u64 = 24 * 3600;
    let entries: Vec<Value> = told(3650 * DAY, None, Output::Json)
        .await
        .lines()
        .map(value)
        .collect();
    let what: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry["what"].as_str())
        .collect();
    assert_eq!(what, ["forget", "resume", "pause", "lost"]);
    assert_eq!(
        entries[1]["why"],
        json!("ends the pause of kim: work on rack 1")
    );
    assert_eq!(
        (&entries[0]["by"], &entries[0]["why"]),
        (&entries[1]["by"], &json!("c1: not done yet"))
    );
    assert_eq!(
        (&entries[2]["by"], &entries[2]["why"]),
        (&json!("kim"), &json!("work on rack 1"))
    );
    assert_eq!(
        entries[3],
        json!({
            "at_ms": T + 1000, "what": "lost", "driver": "b", "conductor_group": "", "nodes": 1,
            "by": format!("epoch {}", story.epoch), "why": "conductor.left of c1", "decision_id": DECISION,
        })
    );
    let text = told(3650 * DAY, Some("b"), Output::Text).await;
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.starts_with("WHEN "), "{text}");
    // What operators did stays; the decision is about another driver, or older.
    assert_eq!(
        told(3650 * DAY, Some("a"), Output::Json)
            .await
            .lines()
            .count(),
        3
    );
    assert_eq!(told(DAY, None, Output::Json).await.lines().count(), 3);
}

#[tokio::test]
async fn a_pause_waits_for_the_holder_and_says_what_is_missing() {
    let mut story = Story::told().await;
    paused()
        .answer(&story.settings, Output::Text)
        .await
        .expect("paused");
    let late = failure(paused().obeyed(&story.settings).await);
    assert_eq!(late.code, FAILED);
    assert!(
        late.message.contains(
            "host-1/42 (epoch 1) has committed nothing since (an idle replica commits once each"
        ) && late
            .message
            .contains("the broker has not confirmed 1 announcement from before it"),
        "{}",
        late.message
    );
    story
        .ledger
        .step_down(story.epoch, T + 5000)
        .await
        .expect("stopped");
    let late = failure(paused().obeyed(&story.settings).await);
    assert!(!late.message.contains("host-1"), "{}", late.message);
}

/// Runs the binary with these arguments; its exit code and what it says on standard error.
fn ran(words: &[&str], stdout: Stdio) -> (Option<i32>, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_nodewarden"))
        .args(words)
        .env_clear()
        .stdout(stdout)
        .output()
        .expect("it runs");
    let said = String::from_utf8(done.stderr).expect("UTF-8");
    (done.status.code(), said)
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_to_write() {
    for (words, says) in [
        (
            "emit heartbeat c --incarnation 1 --driver a --heartbeat-timeout 2s --every 30s",
            "--heartbeat-timeout must be at least three --every",
        ),
        ("pause --reason r --timeout 5s", "--wait"),
        ("status --interval 5s", "--watch"),
        ("dead-letters requeue", "--all"),
        ("explain node", "<NAME>"),
        ("release --node=", "--node <UUID>"),
        ("whatif --without=", "--without <CONDUCTORS>"),
        (
            "status --database-url postgres://u:p@127.0.0.1:1/db?sslmode=x",
            "database.url postgres://127.0.0.1:1/db: unknown value \"x\" for `ssl_mode`; in user",
        ),
        (
            "status --database-url mysql://u:p@h",
            "database.url names no database: write its name behind the host, as in HOST/DATABASE",
        ),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let (code, said) = ran(&words, Stdio::null());
        assert_eq!(code, Some(USAGE.into()), "{words:?}: {said}");
        assert!(said.contains(says), "{words:?}: {said}");
    }
    let (code, said) = ran(&["explain", "node", ""], Stdio::null());
    assert_eq!(code, Some(USAGE.into()), "{said}");
}

#[test]
fn what_replicas_read_otherwise_is_said_and_so_is_what_a_broker_lacks() {
    let broker = "--amqp-url=amqp://127.0.0.1:1/%2f";
    let joined = ["emit", "joined", "c4", "--driver", "a,b", broker];
    let left = [
        "emit",
        "left",
        "c4",
        "--incarnation=1",
        "--back-within=5d",
        broker,
    ];
    for (words, warning) in [
        (
            &joined[..],
            "\"a,b\" is one driver with a comma in its name: for several, repeat --driver",
        ),
        (
            &left,
            "--back-within is above decide.back_within_cap: replicas wait for 15m at most",
        ),
    ] {
        let (code, said) = ran(words, Stdio::null());
        assert_eq!(code, Some(UNREACHABLE.into()), "{said}");
        assert!(said.starts_with(warning), "{said}");
        let hint = "\nIs the broker running, and are host and port in amqp.url right?\n";
        assert!(said.ends_with(hint), "{said}");
    }
    let refused = "declare: NOT-FOUND: NOT_FOUND - no exchange 'x' in vhost '/'";
    assert_eq!(
        Failure::from(BrokerError::Missing(refused.into())).message,
        "broker refused: declare: NOT_FOUND - no exchange 'x' in vhost '/'\n\
         `nodewarden run` declares what is missing: is it running, with the same names in [amqp]?"
    );
}

#[tokio::test]
async fn where_a_file_cannot_be_made_or_written_or_an_answer_not_printed_the_reason_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = with_tables(&directory).await;
    let url = settings.database.url.expose();
    let pause = |url: &str, stdout| {
        let url = format!("--database-url={url}");
        ran(&["pause", "--reason", "r", &url], stdout)
    };
    let (code, said) = pause(&format!("{url}?mode=ro"), Stdio::null());
    assert_eq!(code, Some(UNREACHABLE.into()), "{said}");
    assert!(
        said.contains("This user may not write the file or its directory"),
        "{said}"
    );

    let full = std::fs::File::create("/dev/full").expect("a full device");
    let (code, said) = pause(url, full.into());
    assert_eq!(code, Some(FAILED.into()), "{said}");
    assert!(
        said.starts_with("cannot write to standard output: ")
            && said.ends_with("; what the command was asked for is done\n"),
        "{said}"
    );
    let resumed = Resume {}.answer(&settings, Output::Text).await;
    assert!(resumed.expect("resumed").starts_with("Resumed. "));

    let nowhere = directory.path().join("nowhere");
    let url = format!("--database-url=sqlite://{}/new.db", nowhere.display());
    let (code, said) = ran(&["migrate", &url], Stdio::null());
    assert_eq!(code, Some(UNREACHABLE.into()), "{said}");
    let says = format!("The directory {} does not exist.", nowhere.display());
    assert!(said.contains(&says) && !said.contains("migrate"), "{said}");
}

#[test]
fn a_signal_ends_what_waits_for_a_broker_that_does_not_answer() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("its address").port();
    let broker = format!("--amqp-url=amqp://127.0.0.1:{port}/%2f");
    let beat = "emit heartbeat c1 --incarnation 1 --every 10s";
    for words in ["tail", beat] {
        let child = Command::new(env!("CARGO_BIN_EXE_nodewarden"))
            .args(words.split(' '))
            .arg(&broker)
            .env_clear()
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let (_dialled, _) = silent.accept().expect("it dials");
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).expect("told to end");
        let done = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(0), "{words}: {said}");
        assert!(!said.contains("stopped without waiting"), "{words}: {said}");
    }
}
