//! Steps that cover a large part of a table read that part, and no row of it again for each of the others (L2).

use std::sync::Arc;

use nodewarden::config::{InventoryKind, Mode};
use nodewarden::store::Reader;
use nodewarden::store::counting;
use nodewarden::store::{Counts, Ledger, Rows, SqlLedger, Unwatched};
use nodewarden_tests::database::Kind;

use crate::bounds;
use crate::fleet::{Age, Fleet, NOW};
use crate::story::window;

/// Counts that are far behind are folded, and looked at, by one pass over what moved since then.
pub async fn counts_behind(kind: Kind, age: Age) {
    let fleet = Fleet::new(kind, InventoryKind::Native, age).await;
    let mut ledger =
        SqlLedger::new(fleet.database(), fleet.settings(), Arc::new(Unwatched)).unwrap();
    let taken = ledger.take_epoch("me", Mode::Enforce, NOW).await.unwrap();
    let counts = Counts {
        pairs: Default::default(),
        nodes: 0,
        counted_at_ms: NOW,
    };
    ledger
        .keep_counts(taken.epoch, &counts, u32::MAX)
        .await
        .unwrap();
    let behind = "UPDATE nodewarden_counted SET seq = 0; DELETE FROM nodewarden_counts";
    fleet.scratch.run(behind).await;
    let reader = Reader::new(fleet.database(), fleet.settings()).unwrap();
    let (seen, mut reads) = counting::reads(reader.counted_drivers()).await;
    assert!(seen.unwrap().1.len() > 100, "most pairs hold something");
    let (folded, read) = counting::reads(ledger.fold_counts(taken.epoch)).await;
    assert!(
        folded.unwrap() > (fleet.nodes / 4).min(10_000),
        "{} nodes",
        fleet.nodes
    );
    reads.extend(read);
    bounds::within(4 * (fleet.nodes + fleet.last_decision()), &reads);
}

/// A window of a third of all holds reads no other one. Only on MariaDB: others rather read small tables whole.
pub async fn window_of_a_third(age: Age) {
    let fleet = Fleet::new(Kind::MySql, InventoryKind::Native, age).await;
    let mut ledger =
        SqlLedger::new(fleet.database(), fleet.settings(), Arc::new(Unwatched)).unwrap();
    let mut window = window("5");
    window.nodes = u32::try_from(fleet.nodes / 5).unwrap();
    let (found, reads) = counting::reads(ledger.survey(Rows::Holds, &window)).await;
    assert_eq!(found.unwrap().seen, u64::from(window.nodes));
    // What looks for three kinds of work reads each hold three times, and what belongs to it twice.
    bounds::within(9 * u64::from(window.nodes), &reads);
}
