//! A pair that comes and goes every few minutes has tens of thousands of decisions, of which one or two hold
//! anything: no statement about it reads the others (L2).

use std::sync::Arc;

use nodewarden::config::{InventoryKind, Mode};
use nodewarden::domain::change::Standing;
use nodewarden::domain::ids::Pair;
use nodewarden::store::counting::{self, Read};
use nodewarden::store::{Ledger, SqlLedger, Sweep, Unwatched};
use nodewarden_tests::database::Kind;

use crate::bounds;
use crate::fill;
use crate::fleet::{Age, Fleet, NOW, small};
use crate::story::{findings, window};

/// How often it was lost before.
const TIMES: u64 = 20_000;

/// How often it comes and goes here; each time puts away some of what an older version left.
const ROUNDS: usize = 24;

pub async fn reads_little(kind: Kind, age: Age) {
    let fleet = Fleet::new(kind, InventoryKind::Native, age).await;
    let pair = small(5);
    fleet.scratch.run(&fill::lost_before(&fleet, TIMES)).await;
    let database = fleet.database();
    let mut ledger = SqlLedger::new(database, fleet.settings(), Arc::new(Unwatched)).unwrap();
    let taken = ledger.take_epoch("me", Mode::Enforce, NOW).await.unwrap();
    let epoch = taken.epoch;
    let mut reads = Vec::new();
    for round in 0..ROUNDS {
        let together = round % 2 == 1;
        let turn = goes_and_comes(&mut ledger, epoch, &pair, round, together);
        reads.push(counting::reads(turn).await.1);
    }
    // The last two: one alone, one together with others.
    let mut late: Vec<Read> = reads.drain(ROUNDS - 2..).flatten().collect();
    let sweep = Sweep {
        restarting: Vec::new(),
        forget: Vec::new(),
        unnamed: vec![pair.clone()],
        unwanted: vec![pair.clone()],
        announces: false,
        pause: None,
        now_ms: NOW,
    };
    let (forgotten, read) = counting::reads(ledger.begin_sweep(epoch, &sweep)).await;
    assert_eq!(forgotten.unwrap(), [], "nodes need it");
    late.extend(read);
    bounds::within_a_window(&fleet, &late);
}

/// The pair is lost and comes back; its nodes go and come with it.
async fn goes_and_comes(
    ledger: &mut SqlLedger,
    epoch: u64,
    pair: &Pair,
    round: usize,
    together: bool,
) {
    let mut pairs = vec![pair.clone()];
    if together {
        pairs.extend([small(7), small(9)]);
    }
    let mut moved = Vec::new();
    for to in [Standing::Lost, Standing::Active] {
        let run = format!("{}{round}-", to.as_str());
        let findings = findings(&pairs, to, false, &run);
        ledger.commit(epoch, &findings).await.unwrap();
        let done = match (together, to) {
            (true, _) => {
                let done = ledger.carry_out(epoch, to, &pairs, &window("")).await;
                done.unwrap()[0].clone().expect("it is small")
            }
            (false, Standing::Lost) => ledger.take_out(epoch, pair, &window("")).await.unwrap(),
            (false, Standing::Active) => {
                let done = ledger.give_back(epoch, Some(pair), &window("")).await;
                done.unwrap()
            }
        };
        assert!(done.completed.is_some(), "{done:?}");
        moved.push(done.changed);
    }
    assert!(moved[0] > 0 && moved[0] == moved[1], "{moved:?}");
}
