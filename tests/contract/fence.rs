//! Exactly one may write: two connections that compete for it, again and again.

use std::sync::Arc;

use nodewarden::domain::committed::Committed;
use nodewarden::store::{Findings, Ledger, StoreError};
use nodewarden_tests::database::Kind;
use tokio::sync::Barrier;

use crate::harness::{StoreOnDatabase, remembered};

on_each!(
    of_an_old_and_a_new_epoch_that_write_at_once_only_the_new_one_commits,
    an_epoch_that_must_follow_another_one_at_once_is_taken_only_then,
    of_many_takeovers_at_once_each_has_an_epoch_of_its_own,
);

const ROUNDS: u64 = 30;

fn marked(round: u64, by: &str) -> Findings {
    Findings {
        observed: false,
        now_ms: round,
        events: vec![remembered(by, &format!("r{round}"), 1)],
        ..Findings::default()
    }
}

/// Writes until it is done or fenced: what is locked for now is tried again, as the worker does.
async fn write(ledger: &mut impl Ledger, epoch: u64, intake: &Findings) -> Result<(), StoreError> {
    loop {
        match ledger.commit(epoch, intake).await {
            Err(fault) if fault.is_transient() => {}
            done => return done,
        }
    }
}

async fn of_an_old_and_a_new_epoch_that_write_at_once_only_the_new_one_commits(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let (mut old, mut new) = (db.ledger(), db.ledger());
    let mut late = 0;
    for round in 1..=ROUNDS {
        let epoch = old
            .take_epoch("old", nodewarden::config::Mode::Enforce, round)
            .await
            .unwrap()
            .epoch;
        let barrier = Arc::new(Barrier::new(2));
        let other = Arc::clone(&barrier);
        // One writes with its epoch at the moment in which the other takes the next and writes.
        let writing = tokio::spawn(async move {
            other.wait().await;
            let done = write(&mut old, epoch, &marked(round, "old")).await;
            (old, done)
        });
        barrier.wait().await;
        let taken = loop {
            match new
                .take_epoch("new", nodewarden::config::Mode::Enforce, round)
                .await
            {
                Ok(taken) => break taken.epoch,
                Err(fault) => assert!(fault.is_transient(), "{fault:?}"),
            }
        };
        assert_eq!(taken, epoch + 1);
        let before = db.reader.overview().await.unwrap();
        write(&mut new, taken, &marked(round, "new")).await.unwrap();
        let (back, outcome) = writing.await.unwrap();
        old = back;
        let count = format!(
            "SELECT count(*) FROM nodewarden_events WHERE message_id = 'r{round}' AND conductor = 'old'"
        );
        let written = db.scratch.text(&count).await;
        match outcome {
            // It was first: its commit came before the takeover.
            Ok(()) => assert_eq!(written, "1"),
            Err(StoreError::Fenced(fenced)) => {
                assert_eq!((fenced, written.as_str()), (epoch, "0"));
                late += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
        // And from then on never again.
        let again = write(&mut old, epoch, &marked(round, "again")).await;
        assert!(matches!(again, Err(StoreError::Fenced(_))), "{again:?}");
        assert_eq!(before.epoch, taken);
    }
    let again = "SELECT count(*) FROM nodewarden_events WHERE conductor = 'again'";
    assert_eq!(db.scratch.text(again).await, "0");
    let new = "SELECT count(*) FROM nodewarden_events WHERE conductor = 'new'";
    assert_eq!(db.scratch.text(new).await, ROUNDS.to_string());
    println!("{kind:?}: the old one came too late in {late} of {ROUNDS} rounds");
}

async fn an_epoch_that_must_follow_another_one_at_once_is_taken_only_then(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let (mut one, mut two) = (db.ledger(), db.ledger());
    assert_eq!(one.missing().await.unwrap(), None);
    let seen = one.known().furthest().unwrap();
    assert_eq!(seen.epoch, 1);
    for ledger in [&one, &two] {
        ledger.known().follow(seen.clone());
    }
    let mode = nodewarden::config::Mode::Enforce;
    assert_eq!(two.take_epoch("two", mode, 20).await.unwrap().epoch, 2);
    let before = db.reader.overview().await.unwrap();
    let late = one.take_epoch("one", mode, 30).await;
    assert!(matches!(late, Err(StoreError::Fenced(1))), "{late:?}");
    let another = Committed {
        stream: "another".to_owned(),
        epoch: 2,
        ..seen.clone()
    };
    one.known().follow(another);
    let late = one.take_epoch("one", mode, 30).await;
    assert!(matches!(late, Err(StoreError::Fenced(2))), "{late:?}");
    assert_eq!(db.reader.overview().await.unwrap(), before);
    two.commit(2, &marked(1, "two")).await.unwrap();
    one.known().follow(Committed { epoch: 2, ..seen });
    assert_eq!(one.take_epoch("one", mode, 40).await.unwrap().epoch, 3);
}

async fn of_many_takeovers_at_once_each_has_an_epoch_of_its_own(kind: Kind) {
    let db = StoreOnDatabase::new(kind).await;
    let mut takeovers = tokio::task::JoinSet::new();
    for n in 0..10_u64 {
        let mut ledger = db.ledger();
        takeovers.spawn(async move {
            loop {
                match ledger
                    .take_epoch("one", nodewarden::config::Mode::Enforce, n)
                    .await
                {
                    Ok(taken) => return taken.epoch,
                    Err(fault) => assert!(fault.is_transient(), "{fault:?}"),
                }
            }
        });
    }
    let mut epochs = takeovers.join_all().await;
    epochs.sort_unstable();
    assert_eq!(epochs, (2..=11).collect::<Vec<u64>>());
}
