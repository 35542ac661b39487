//! Random operations on the model and on a real ledger: the same answers, the same tables. On SQLite, or
//! on PostgreSQL, where users lock rows (`NODEWARDEN_TEST_STORE`).

use std::collections::BTreeMap;
use std::fmt::Debug;

use nodewarden::store::Prune;
use nodewarden_tests::database::Kind;
use nodewarden_tests::model::Tables;

use crate::modelled::Modelled;
use crate::operations::{Call, Maker, Op, What};
use crate::real::Real;

/// So many seeds in a run of all tests: half a second each.
const RUNS: u64 = 20;

/// On a server, where one takes some seconds.
const RUNS_ON_A_SERVER: u64 = 6;

/// So many operations for each seed.
const OPERATIONS: usize = 150;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

#[tokio::test]
async fn the_model_answers_as_the_real_ledger_does_and_keeps_the_same_tables() {
    let kind = Kind::chosen();
    assert_ne!(
        kind,
        Kind::MySql,
        "what a locked row holds up differs there"
    );
    let mut both = Both {
        real: Real::new(kind).await,
        seen: BTreeMap::new(),
    };
    let runs = match kind {
        Kind::Sqlite => RUNS,
        Kind::Postgres | Kind::MySql => RUNS_ON_A_SERVER,
    };
    let seeds = match number("NODEWARDEN_MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("NODEWARDEN_MODEL_RUNS").unwrap_or(runs),
    };
    for seed in seeds.clone() {
        let mut maker = Maker::new(seed);
        let operations = (0..OPERATIONS).map(|_| fitting(kind, maker.op()));
        let operations: Vec<Op> = operations.collect();
        if let Err(why) = both.run(&operations).await {
            let (operations, why) = fewest(&mut both, operations, why).await;
            panic!("seed {seed}: {operations:#?}\n{why}");
        }
    }
    let seen = &both.seen;
    println!("{seeds:?}: {seen:#?}");
    // Where nothing happens, nothing is compared.
    let expected = match kind {
        Kind::Sqlite => &SEEN[..SEEN.len() - 1],
        Kind::Postgres | Kind::MySql => &["nodes went out", "nodes came back", LOCKED],
    };
    for what in expected.iter().filter(|_| seeds.end - seeds.start >= runs) {
        assert!(seen.contains_key(what), "{what} never happened: {seen:#?}");
    }
}

/// The operation as this kind of database always does it in the same way.
fn fitting(kind: Kind, mut op: Op) -> Op {
    if let What::Replica(_, Call::Prune(what, _, most)) = &mut op.what
        && kind != Kind::Sqlite
    {
        // Of rows of the same time a server drops any first, and it gives no number twice.
        *most = 1_000;
        if *what == Prune::Requests {
            *what = Prune::Events;
        }
    }
    op
}

/// What happens in a run of many seeds.
const SEEN: [&str; 16] = [
    "nodes went out",
    "nodes came back",
    "nodes were released by hand",
    "a window was full",
    "a key was too long",
    "a decision was completed",
    "a pause held nodes in",
    "a look found work",
    "announcements were pending",
    "old rows were dropped",
    "fenced",
    "refused for good",
    "a new stream began in the midst of a term",
    "a new stream began with a takeover",
    "nodes of several pairs moved together",
    LOCKED,
];

const LOCKED: &str = "a row was locked";

/// Notes what of [`SEEN`] this answer shows.
fn note(seen: &mut BTreeMap<&'static str, u64>, what: &What, told: &str) {
    let out = matches!(what, What::Replica(_, Call::TakeOut(..)));
    let by_hand = matches!(what, What::Operator(_));
    let changed = told.contains("changed: ") && !told.contains("changed: 0");
    let pruned = matches!(what, What::Replica(_, Call::Prune(..)));
    let shown = [
        changed && out,
        changed && !out && !by_hand,
        changed && by_hand,
        told.contains("next: Some"),
        told.contains("skipped: 1"),
        told.contains("completed: Some"),
        told.contains("paused: true"),
        told.contains("work: true"),
        told.contains("[Announcement"),
        pruned && told.parse().is_ok_and(|dropped: u64| dropped > 0),
        told.starts_with("fenced"),
        told.starts_with("refused"),
        told.starts_with("lost"),
        told.contains("Some(Began"),
        matches!(what, What::Replica(_, Call::CarryOut(..))) && changed,
        told.contains("locked: ") && !told.contains("locked: 0"),
    ];
    for (what, shown) in SEEN.into_iter().zip(shown) {
        if shown {
            *seen.entry(what).or_default() += 1;
        }
    }
}

/// The fewest of these operations that still fail.
async fn fewest(both: &mut Both, mut operations: Vec<Op>, mut why: String) -> (Vec<Op>, String) {
    let mut size = operations.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < operations.len() {
            let mut fewer = operations.clone();
            fewer.drain(at..(at + size).min(fewer.len()));
            match both.run(&fewer).await {
                Err(still) => (operations, why) = (fewer, still),
                Ok(()) => at += size,
            }
        }
        size /= 2;
    }
    (operations, why)
}

/// A real ledger, and a model.
struct Both {
    real: Real,
    /// How often what happened.
    seen: BTreeMap<&'static str, u64>,
}

impl Both {
    /// Runs the operations from empty tables on; an error says after which the two differ.
    async fn run(&mut self, operations: &[Op]) -> Result<(), String> {
        let locks = self.real.scratch.kind != Kind::Sqlite;
        let mut modelled = Modelled::new(locks);
        self.real.begin().await;
        for (at, op) in operations.iter().enumerate() {
            let (expected, found) = (self.real.apply(op).await, modelled.apply(op).await);
            note(&mut self.seen, &op.what, &expected);
            let differs = |what: &str, expected: &str, found: &str| {
                Err(format!(
                    "operation {at}, {op:?}: {what}\nreal:  {expected}\nmodel: {found}"
                ))
            };
            if expected != found {
                return differs("the answer", &expected, &found);
            }
            let (mut expected, mut found) = (self.real.tables().await, modelled.model.tables());
            if locks {
                (expected, found) = (expected.renumbered(), found.renumbered());
            }
            if expected != found {
                let (expected, found) = (lines(&expected), lines(&found));
                let only = |these: &[String], others: &[String]| {
                    let only = these.iter().filter(|line| !others.contains(line));
                    only.cloned().collect::<Vec<_>>().join("\n")
                };
                let (real, model) = (only(&expected, &found), only(&found, &expected));
                return differs("the tables", &real, &model);
            }
        }
        Ok(())
    }
}

/// The tables, a row a line.
fn lines(tables: &Tables) -> Vec<String> {
    fn rows<'t, K: Debug + 't, V: Debug + 't>(
        table: &str,
        rows: impl IntoIterator<Item = (&'t K, &'t V)>,
    ) -> Vec<String> {
        let rows = rows.into_iter();
        rows.map(|(key, row)| format!("{table}: {key:?}: {row:?}"))
            .collect()
    }
    let mut lines = vec![format!("{:?}", tables.one)];
    lines.extend(rows("nodes", tables.nodes.iter()));
    lines.extend(rows("events", tables.events.iter()));
    lines.extend(rows("conductors", tables.conductors.iter()));
    lines.extend(rows("unheeded", tables.unheeded.iter()));
    lines.extend(rows("receipts", tables.receipts.iter()));
    lines.extend(rows("pairs", tables.pairs.iter()));
    lines.extend(rows("decisions", tables.decisions.iter()));
    lines.extend(rows("changes", tables.changes.iter()));
    lines.extend(rows("announcements", tables.announcements.iter()));
    lines.extend(rows("requests", tables.requests.iter()));
    lines.extend(rows("counts", tables.counts.iter()));
    lines
}
