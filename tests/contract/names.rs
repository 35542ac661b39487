//! Names that a database likes to take for one: other case, a trailing space, letters of four bytes,
//! quotes.

use nodewarden::domain::change::Standing;
use nodewarden::domain::ids::Pair;
use nodewarden::store::{Findings, Ledger, Rows, StandingRecord, WindowDone};
use nodewarden_tests::database::Kind;

use crate::harness::{StoreOnDatabase, active, id, name, node, pair, remembered, turned, window};

on_each!(
    drivers_that_differ_only_in_case_or_a_trailing_space_are_different,
    groups_are_one_in_ascii_lower_case_and_different_in_everything_else,
    conductors_and_events_that_differ_only_in_case_or_a_trailing_space_are_different,
    every_name_takes_letters_of_four_bytes_quotes_backslashes_and_percent_signs,
    the_longest_names_fit,
);

on_databases!(l4_a_key_that_begins_with_any_sign_is_walked_and_rows_without_a_key_are_counted,);

/// Which nodes go out when just this pair is lost; they are back afterwards.
async fn taken_with(db: &mut StoreOnDatabase, lost: &Pair, decision: u64) -> Vec<String> {
    db.lose(lost, decision).await;
    db.ledger
        .take_out(1, lost, &window("", 1000))
        .await
        .unwrap();
    let out = db.out().await;
    db.restore(lost, decision + 1).await;
    db.ledger
        .give_back(1, Some(lost), &window("", 1000))
        .await
        .unwrap();
    assert_eq!(db.out().await, Vec::<String>::new());
    out
}

async fn drivers_that_differ_only_in_case_or_a_trailing_space_are_different(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let drivers = ["ipmi", "IPMI", "ipmi ", "ipmí", "ıpmi"];
    for (n, driver) in drivers.iter().enumerate() {
        db.nodes(driver, "", &[&format!("n{n}")]).await;
    }
    for (n, driver) in (0..).zip(drivers) {
        let taken = taken_with(&mut db, &pair(driver, ""), 2 * n + 1).await;
        assert_eq!(taken, [format!("n{n}")], "{driver:?}");
    }
    db.count(900).await;
    let views = db.reader.drivers().await.unwrap();
    let mut shown: Vec<(String, u64)> = views
        .into_iter()
        .map(|view| (view.driver, view.nodes_in_service))
        .collect();
    shown.sort();
    let mut expected: Vec<(String, u64)> = drivers.iter().map(|d| ((*d).into(), 1)).collect();
    expected.sort();
    assert_eq!(shown, expected);
    let unnamed: Vec<Pair> = drivers[1..].iter().map(|d| pair(d, "")).collect();
    db.scratch.run("DELETE FROM nodes WHERE uuid <> 'n0'").await;
    let sweep = nodewarden::store::Sweep {
        announces: true,
        pause: None,
        unwanted: Vec::new(),
        restarting: Vec::new(),
        forget: Vec::new(),
        unnamed: unnamed.clone(),
        now_ms: 9000,
    };
    assert_eq!(db.ledger.begin_sweep(1, &sweep).await.unwrap(), unnamed);
    let memory = db.ledger.resume(1).await.unwrap();
    assert_eq!(memory.standings, [(pair("ipmi", ""), Standing::Active)]);
}

async fn groups_are_one_in_ascii_lower_case_and_different_in_everything_else(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    for (uuid, group) in [
        ("n1", "Rack"),
        ("n2", "rack"),
        ("n3", "rack "),
        ("n4", "ÄRA"),
        ("n5", "ära"),
        ("n6", "Σ🦀É"),
        ("n7", "K"),
        ("n8", "\u{212a}"),
    ] {
        db.nodes("a", group, &[uuid]).await;
    }
    db.scratch
        .run("INSERT INTO nodes (uuid, driver, conductor_group) VALUES ('n9', 'a', NULL)")
        .await;
    let cases: [(&str, &[&str]); 9] = [
        ("rack", &["n1", "n2"]),
        ("RACK ", &["n3"]),
        ("ÄRA", &["n4"]),
        ("ära", &["n5"]),
        ("Σ🦀É", &["n6"]),
        ("σ🦀é", &[]),
        ("k", &["n7"]),
        ("\u{212a}", &["n8"]),
        ("", &["n9"]),
    ];
    for (n, (group, expected)) in (0..).zip(cases) {
        let taken = taken_with(&mut db, &pair("a", group), 2 * n + 1).await;
        assert_eq!(taken, expected, "{group:?}");
    }
    // Every letter of two bytes, and some of more, stays as it is.
    let letters: Vec<char> = ('\u{80}'..'\u{800}')
        .chain(['ẞ', 'Ω', '𝔄', '𐐀', 'Ａ'])
        .filter(|letter| !letter.is_control())
        .collect();
    for (n, some) in (40..).step_by(2).zip(letters.chunks(100)) {
        let group: String = some.iter().collect();
        db.scratch.run("DELETE FROM nodes").await;
        db.nodes("a", &group, &["n1"]).await;
        let taken = taken_with(&mut db, &pair("a", &group), n).await;
        assert_eq!(taken, ["n1"], "{group}");
    }
}

async fn conductors_and_events_that_differ_only_in_case_or_a_trailing_space_are_different(
    kind: Kind,
) {
    let mut db = StoreOnDatabase::new(kind).await;
    let names = ["C1", "C1 ", "c1", "c1 ", "ç1"];
    let mut intake = Findings {
        observed: false,
        now_ms: 1000,
        conductors: names.iter().map(|n| active(n, "", &["a"])).collect(),
        ..Findings::default()
    };
    for conductor in names {
        for event in ["E", "E ", "e", "e ", "é"] {
            let digest = u8::try_from(intake.events.len()).unwrap();
            intake.events.push(remembered(conductor, event, digest));
        }
    }
    db.ledger.commit(1, &intake).await.unwrap();
    let shown: Vec<String> = db
        .reader
        .conductors()
        .await
        .unwrap()
        .into_iter()
        .map(|view| view.conductor)
        .collect();
    assert_eq!(shown, names, "in the order of their bytes");
    for event in &intake.events {
        let asked = [(event.conductor.clone(), event.id.clone())];
        let known = db.ledger.recall(&asked).await.unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!(known[&asked[0]], event.digest);
    }
    let missing = [(name("c1  "), id("e")), (name("c1"), id("e  "))];
    assert!(db.ledger.recall(&missing).await.unwrap().is_empty());
}

async fn every_name_takes_letters_of_four_bytes_quotes_backslashes_and_percent_signs(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    for (n, odd) in (0..).zip([
        "🦀🧶",
        "it's",
        "\"quoted\"",
        "back\\slash\\",
        "100%_",
        "`tick`",
        "$1 ? :name {}",
        "-- no; comment /*",
    ]) {
        let odd_pair = pair(odd, odd);
        let mut sample = node(odd, odd, odd);
        sample.name = Some(Some(odd.into()));
        nodewarden::store::import(db.database(), &[sample], |_| {})
            .await
            .unwrap();
        let mut intake = turned(&odd_pair, Standing::Lost, n + 1, odd);
        intake.events[0].id = id(odd);
        intake.conductors = vec![active(odd, odd, &[odd])];
        db.ledger.commit(1, &intake).await.unwrap();
        db.ledger
            .take_out(1, &odd_pair, &window("", 10))
            .await
            .unwrap();
        let memory = db.ledger.resume(1).await.unwrap();
        assert!(memory.conductors.contains(&intake.conductors[0]), "{odd}");
        let asked = [(name(odd), id(odd))];
        assert_eq!(db.ledger.recall(&asked).await.unwrap().len(), 1);
        let found = db.reader.node(odd).await.unwrap().unwrap();
        assert_eq!(
            (
                found.uuid.as_str(),
                found.name.as_deref(),
                found.driver.as_deref()
            ),
            (odd, Some(odd), Some(odd))
        );
        let (_, decision) = found.hold.expect("it is out");
        assert_eq!(decision.cause_conductor.as_deref(), Some(odd));
    }
}

async fn the_longest_names_fit(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let longest = format!("{}abc", "🦀".repeat(63));
    assert_eq!(longest.len(), 255);
    let lost = pair(&longest, &longest);
    db.nodes(&longest, &longest, &[&longest[..40]]).await;
    let mut intake = turned(&lost, Standing::Lost, 1, &longest);
    intake.events[0].id = id(&longest);
    intake.conductors = vec![active(&longest, &longest, &[&longest])];
    intake.standings.push(StandingRecord {
        pair: pair("a", &longest),
        standing: Standing::Active,
    });
    db.ledger.commit(1, &intake).await.unwrap();
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    assert_eq!(db.out().await, [&longest[..40]]);
    let memory = db.ledger.resume(1).await.unwrap();
    assert_eq!(memory.conductors, intake.conductors);
}

async fn l4_a_key_that_begins_with_any_sign_is_walked_and_rows_without_a_key_are_counted(
    kind: Kind,
) {
    let mut db = StoreOnDatabase::new(kind).await;
    // As a careless export leaves them.
    let keys = [
        "\u{1}",
        "\ttab",
        "\nlf",
        " blank",
        "plain",
        "plain\t",
        "\u{1f980}",
    ];
    let lost = pair("a", "");
    db.nodes("a", "", &keys).await;
    db.scratch
        .run("INSERT INTO nodes (uuid, driver) VALUES ('', 'a')")
        .await;
    let mut keyless = 1;
    if kind == Kind::Sqlite {
        let blobs = "INSERT INTO nodes (uuid, driver) VALUES (x'6162', 'a'), (x'ff', 'b')";
        db.scratch.run(blobs).await;
        keyless += 2;
    }
    db.lose(&lost, 1).await;
    // Two at a time, and all of them together.
    for (round, size) in [(2, 2), (4, 100)] {
        let mut at = window("", size);
        let mut taken = 0;
        loop {
            let done = db.ledger.take_out(1, &lost, &at).await.unwrap();
            taken += done.changed;
            match done.next {
                Some(next) => at.after = next,
                None => break,
            }
        }
        assert_eq!(taken, keys.len() as u64);
        let mut out = db.out().await;
        out.sort_unstable();
        let mut expected = keys.map(str::to_owned).to_vec();
        expected.sort_unstable();
        assert_eq!(out, expected);
        let listed = db.reader.nodes(None, "", 100).await.unwrap();
        assert_eq!(listed.len(), keys.len());
        assert_eq!(
            db.reader.snapshot("", 100).await.unwrap().nodes.len(),
            keys.len()
        );
        let all = db
            .ledger
            .survey(Rows::Nodes, &window("", 100))
            .await
            .unwrap();
        assert_eq!((all.seen, all.skipped), (keys.len() as u64, keyless));
        let any = db.ledger.survey_all(&window("", 100)).await.unwrap();
        assert_eq!((any.work, any.skipped), (false, keyless));
        let later = db
            .ledger
            .survey(Rows::Nodes, &window("plain", 100))
            .await
            .unwrap();
        assert_eq!(later.skipped, 0, "once in a walk");
        db.restore(&lost, round).await;
        let back = db.ledger.give_back(1, Some(&lost), &window("", 100)).await;
        assert_eq!(back.unwrap().changed, keys.len() as u64);
        db.lose(&lost, round + 1).await;
    }
    // Several pairs at once.
    db.nodes("p", "", &["zz"]).await;
    db.nodes("q", "", &["zz\t"]).await;
    let each = [lost, pair("p", ""), pair("q", "")];
    for (pair, decision) in each.iter().zip(9..) {
        db.lose(pair, decision).await;
    }
    let all = window("", 100);
    let out = db.ledger.carry_out(1, Standing::Lost, &each, &all).await;
    assert_eq!(moved(out.unwrap()), [keys.len() as u64, 1, 1]);
    for (pair, decision) in each.iter().zip(12..) {
        db.restore(pair, decision).await;
    }
    let back = db
        .ledger
        .carry_out(1, Standing::Active, &each[1..], &all)
        .await;
    assert_eq!(moved(back.unwrap()), [1, 1]);
}

fn moved(done: Vec<Option<WindowDone>>) -> Vec<u64> {
    done.into_iter()
        .flatten()
        .map(|done| done.changed)
        .collect()
}
