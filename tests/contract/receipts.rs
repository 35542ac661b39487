//! How far subscribers are: stored once each, read back, measured, dropped.

use nodewarden::domain::change::Standing;
use nodewarden::domain::ids::SubscriberName;
use nodewarden::domain::receipt::{Receipt, Received};
use nodewarden::store::{Findings, Ledger, Prune, SubscriberView};
use nodewarden_tests::database::Kind;

use crate::harness::{StoreOnDatabase, pair, turned, window};

on_each!(
    the_newest_receipt_of_each_subscriber_is_kept_and_read_at_a_takeover,
    a_subscriber_is_behind_by_the_changes_it_has_not_applied_since_the_first_of_them,
    subscribers_that_are_silent_for_too_long_are_dropped,
    a_change_was_waited_for_since_its_decision_unless_its_node_was_found_later,
);

const OTHER: &str = "7f1d2a3b-64d4-4a57-9d10-6a1f6d3c0e21";

fn receipt(subscriber: &str, stream: &str, seq: u64) -> Receipt {
    Receipt {
        subscriber: SubscriberName::parse(subscriber).unwrap(),
        stream: stream.to_owned(),
        seq,
        applied_at_ms: 70,
    }
}

fn heard(now_ms: u64, receipts: &[Receipt]) -> Findings {
    Findings {
        now_ms,
        receipts: receipts.to_vec(),
        ..Findings::default()
    }
}

async fn the_newest_receipt_of_each_subscriber_is_kept_and_read_at_a_takeover(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let stream = db.stream().await;
    let first = [
        receipt("Nova", &stream, i64::MAX as u64),
        receipt("nova", &stream, 2),
        receipt("größe", &stream, 3),
    ];
    db.ledger.commit(1, &heard(100, &first)).await.unwrap();
    let again = [receipt("nova", OTHER, 0)];
    db.ledger.commit(1, &heard(200, &again)).await.unwrap();
    let mut stored = db.ledger.resume(1).await.unwrap().receipts;
    stored.sort_by(|a, b| a.receipt.subscriber.cmp(&b.receipt.subscriber));
    let received = |receipt: &Receipt, heard_at_ms| Received {
        receipt: receipt.clone(),
        heard_at_ms,
    };
    let expected = [
        received(&first[0], 100),
        received(&first[2], 100),
        received(&again[0], 200),
    ];
    assert_eq!(stored, expected);
}

async fn a_subscriber_is_behind_by_the_changes_it_has_not_applied_since_the_first_of_them(
    kind: Kind,
) {
    let mut db = StoreOnDatabase::new(kind).await;
    let stream = db.stream().await;
    db.nodes("a", "", &["n1", "n2", "n3"]).await;
    db.lose(&pair("a", ""), 1).await;
    let lost = pair("a", "");
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    let all = [
        receipt("a-first", &stream, 1),
        receipt("b-done", &stream, 3),
        receipt("c-other", OTHER, 3),
        receipt("d-beyond", &stream, 9),
        // The largest that a column holds: nothing can be added to it.
        receipt("e-absurd", &stream, i64::MAX as u64),
    ];
    db.ledger.commit(1, &heard(100, &all)).await.unwrap();
    let view = |receipt: &Receipt, behind, waiting_since_ms| SubscriberView {
        subscriber: receipt.subscriber.to_string(),
        stream: receipt.stream.clone(),
        seq: receipt.seq,
        applied_at_ms: 70,
        heard_at_ms: 100,
        behind,
        waiting_since_ms,
    };
    let expected = [
        view(&all[0], 2, Some(5000)),
        view(&all[1], 0, None),
        view(&all[2], 3, Some(70)),
        view(&all[3], 0, None),
        view(&all[4], 0, None),
    ];
    assert_eq!(db.reader.subscribers().await.unwrap(), expected);
}

async fn subscribers_that_are_silent_for_too_long_are_dropped(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    for (now_ms, name) in [(100, "a"), (200, "b"), (300, "c")] {
        let receipts = [receipt(name, OTHER, 1)];
        db.ledger
            .commit(1, &heard(now_ms, &receipts))
            .await
            .unwrap();
    }
    let prune = Prune::Receipts;
    assert_eq!(db.ledger.prune(1, prune, 300, 1).await.unwrap(), 1);
    assert_eq!(db.ledger.prune(1, prune, 300, 10).await.unwrap(), 1);
    assert_eq!(db.ledger.prune(1, prune, 300, 10).await.unwrap(), 0);
    let left = db.reader.subscribers().await.unwrap();
    let left: Vec<_> = left.iter().map(|view| view.subscriber.as_str()).collect();
    assert_eq!(left, ["c"]);
}

async fn a_change_was_waited_for_since_its_decision_unless_its_node_was_found_later(kind: Kind) {
    let mut db = StoreOnDatabase::new(kind).await;
    let lost = pair("a", "");
    db.nodes("a", "", &["n1"]).await;
    // Decided at 1001, carried out at 5000, which completes it.
    db.lose(&lost, 1).await;
    db.ledger.take_out(1, &lost, &window("", 10)).await.unwrap();
    assert_eq!(db.ledger.waited_since(1).await.unwrap(), Some(1001));
    db.nodes("a", "", &["n2"]).await;
    let later = nodewarden::store::Window {
        now_ms: 6000,
        ..window("", 10)
    };
    db.ledger.take_out(1, &lost, &later).await.unwrap();
    assert_eq!(db.ledger.waited_since(2).await.unwrap(), Some(6000));
    let back = turned(&lost, Standing::Active, 2, "c2");
    db.ledger.commit(1, &back).await.unwrap();
    let later = nodewarden::store::Window {
        now_ms: 7000,
        ..window("", 10)
    };
    db.ledger.give_back(1, Some(&lost), &later).await.unwrap();
    assert_eq!(db.ledger.waited_since(3).await.unwrap(), Some(1002));
    assert_eq!(db.ledger.waited_since(99).await.unwrap(), None);
}
