//! Random operations on the model and on a real ledger: the same answers, the same tables.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use nodewarden::config::InventoryKind;
use nodewarden::store::{
    self, Counts, Held, Ledger, Memory, Outbox, Rows, SqlLedger, SqlOutbox, StoreError, Unwatched,
};
use nodewarden_tests::database::{Kind, Scratch};
use nodewarden_tests::model::{Mirror, Model, ModelLedger, ModelOutbox, Node, Tables};

use crate::operations::{Act, Call, Edit, FORGET, Maker, Op, Walk, What};

const STREAM: &str = "00000000-0000-4000-8000-000000000000";

/// So many seeds in a run of all tests: a quarter of a second each.
const RUNS: u64 = 24;

/// So many operations for each seed.
const OPERATIONS: usize = 150;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

#[tokio::test]
async fn the_model_answers_as_the_real_ledger_does_and_keeps_the_same_tables() {
    let mut both = Both::new().await;
    let seeds = match number("NODEWARDEN_MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("NODEWARDEN_MODEL_RUNS").unwrap_or(RUNS),
    };
    for seed in seeds {
        let mut maker = Maker::new(seed);
        let operations: Vec<Op> = (0..OPERATIONS).map(|_| maker.op()).collect();
        if let Err(why) = both.run(&operations).await {
            let (operations, why) = fewest(&mut both, operations, why).await;
            panic!("seed {seed}: {operations:#?}\n{why}");
        }
    }
    if number("NODEWARDEN_MODEL_SEED").is_none() {
        let seen = &both.seen;
        println!("{seen:#?}");
        // Where nothing happens, nothing is compared.
        for what in SEEN {
            assert!(seen.contains_key(what), "{what} never happened: {seen:#?}");
        }
    }
}

/// What happens in a run of many seeds.
const SEEN: [&str; 12] = [
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
];

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

/// A real ledger on an SQLite file, and a model.
struct Both {
    scratch: Scratch,
    file: Mirror,
    /// How often what happened.
    seen: BTreeMap<&'static str, u64>,
}

/// What two replicas have open, and the epochs that they took last.
struct Open<L, O> {
    ledgers: [L; 2],
    outboxes: [O; 2],
    epochs: [u64; 2],
}

/// A model alone, and what is open on it.
pub struct Modelled {
    pub model: Model,
    open: Open<ModelLedger, ModelOutbox>,
}

impl Modelled {
    pub fn new() -> Self {
        let model = Model::new(STREAM);
        let open = Open {
            ledgers: [model.ledger("one"), model.ledger("two")],
            outboxes: [model.outbox("one"), model.outbox("two")],
            epochs: [0; 2],
        };
        Self { model, open }
    }

    /// Does it; returns what is told.
    pub async fn apply(&mut self, op: &Op) -> String {
        match &op.what {
            What::Replica(replica, call) => told(&mut self.open, *replica, call, op.now_ms).await,
            What::Operator(act) => operate_model(&self.model, act, op.now_ms),
            What::User(edit) => {
                edit_model(&self.model, edit);
                String::new()
            }
        }
    }
}

impl Both {
    async fn new() -> Self {
        let scratch = Scratch::migrated_of(Kind::Sqlite).await;
        let file = Mirror::open(scratch.database.url.expose()).await;
        Self {
            scratch,
            file,
            seen: BTreeMap::new(),
        }
    }

    /// Runs the operations from empty tables on; an error says after which the two differ.
    async fn run(&mut self, operations: &[Op]) -> Result<(), String> {
        let database = &self.scratch.database;
        self.file.save(&Tables::new(STREAM)).await;
        let mut modelled = Modelled::new();
        let ledger = || SqlLedger::new(database, InventoryKind::Native, Arc::new(Unwatched));
        let outbox = || SqlOutbox::new(database, Arc::new(Unwatched));
        let mut real = Open {
            ledgers: [ledger().unwrap(), ledger().unwrap()],
            outboxes: [outbox().unwrap(), outbox().unwrap()],
            epochs: [0; 2],
        };
        for (at, op) in operations.iter().enumerate() {
            let expected = match &op.what {
                What::Replica(replica, call) => told(&mut real, *replica, call, op.now_ms).await,
                What::Operator(act) => operate(&self.scratch, act, op.now_ms).await,
                What::User(edit) => {
                    edit_file(&mut self.file, edit).await;
                    String::new()
                }
            };
            let found = modelled.apply(op).await;
            let differs = |what: &str, expected: &str, found: &str| {
                Err(format!(
                    "operation {at}, {op:?}: {what}\nreal:  {expected}\nmodel: {found}"
                ))
            };
            if expected != found {
                return differs("the answer", &expected, &found);
            }
            note(&mut self.seen, &op.what, &expected);
            let (expected, found) = (self.file.load().await, modelled.model.tables());
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
    lines.extend(rows("pairs", tables.pairs.iter()));
    lines.extend(rows("decisions", tables.decisions.iter()));
    lines.extend(rows("changes", tables.changes.iter()));
    lines.extend(rows("announcements", tables.announcements.iter()));
    lines.extend(rows("requests", tables.requests.iter()));
    lines.extend(rows("counts", tables.counts.iter()));
    lines
}

/// An answer as text; of an error, which kind it is.
fn answer<T: Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(StoreError::Fenced(epoch)) => format!("fenced in {epoch}"),
        Err(StoreError::Permanent { .. }) => "refused for good".to_owned(),
        Err(StoreError::Corrupt(_)) => "corrupt".to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

fn sorted(mut memory: Memory) -> Memory {
    memory.conductors.sort_by(|a, b| a.name.cmp(&b.name));
    memory.standings.sort_by(|a, b| a.0.cmp(&b.0));
    memory.observed.sort_by(|a, b| a.pair.cmp(&b.pair));
    memory
        .unheeded
        .sort_by(|a, b| a.conductor.cmp(&b.conductor));
    memory
}

fn rows(walk: &Walk) -> Rows<'_> {
    match walk {
        Walk::NodesOf(pair) => Rows::NodesOf(pair),
        Walk::HoldsOf(pair) => Rows::HoldsOf(pair),
        Walk::Holds => Rows::Holds,
        Walk::Nodes => Rows::Nodes,
    }
}

/// What a replica is told.
async fn told<L: Ledger, O: Outbox>(
    open: &mut Open<L, O>,
    replica: usize,
    call: &Call,
    now_ms: u64,
) -> String {
    let (ledger, outbox) = (&mut open.ledgers[replica], &mut open.outboxes[replica]);
    let epoch = open.epochs[replica];
    match call {
        Call::TakeEpoch(mode) => {
            let taken = ledger.take_epoch("a replica", *mode, now_ms).await;
            if let Ok(taken) = &taken {
                open.epochs[replica] = taken.epoch;
            }
            answer(taken.map(|taken| (taken.stream, taken.epoch, sorted(taken.memory))))
        }
        Call::StepDown => answer(ledger.step_down(epoch, now_ms).await),
        Call::Stream => answer(ledger.stream().await),
        Call::Prove => answer(ledger.prove().await),
        Call::Note(note) => answer(ledger.note(epoch, note).await),
        Call::Resume => answer(ledger.resume(epoch).await.map(sorted)),
        Call::Recall(events) => {
            let known = ledger.recall(events).await;
            answer(known.map(|known| known.into_iter().collect::<BTreeMap<_, _>>()))
        }
        Call::Commit(findings) => answer(ledger.commit(epoch, findings).await),
        Call::TakeOut(pair, window) => answer(ledger.take_out(epoch, pair, window).await),
        Call::GiveBack(pair, window) => {
            answer(ledger.give_back(epoch, pair.as_ref(), window).await)
        }
        Call::UnmarkStrays(window) => answer(ledger.unmark_strays(epoch, window).await),
        Call::FirstAfter(walk, after) => answer(ledger.first_after(rows(walk), after).await),
        Call::Survey(walk, window) => answer(ledger.survey(rows(walk), window).await),
        Call::BeginSweep(sweep) => answer(ledger.begin_sweep(epoch, sweep).await),
        Call::Prune(what, before_ms, most) => {
            answer(ledger.prune(epoch, *what, *before_ms, *most).await)
        }
        Call::UnknownPairs(most) => answer(ledger.unknown_pairs(*most).await),
        Call::Needed(pairs) => answer(ledger.needed(pairs).await),
        Call::Count => answer(count(ledger, epoch, now_ms).await),
        Call::Fold => answer(ledger.fold_counts(epoch).await),
        Call::Pause => answer(ledger.pause().await),
        Call::EndPause(id) => answer(ledger.end_pause(epoch, id, now_ms).await),
        Call::Requests => answer(ledger.requests().await),
        Call::AnswerForget(asked, forget) => {
            let answered = ledger.answer_forget(epoch, asked, *forget, "so", now_ms);
            answer(answered.await)
        }
        Call::Pending(after, most) => answer(outbox.pending(*after, *most).await),
        Call::Announced(number) => answer(outbox.announced(epoch, *number, now_ms).await),
    }
}

/// Counts all nodes. A place, and so a window, is each store's own; what all of them count is not.
async fn count(ledger: &mut impl Ledger, epoch: u64, now_ms: u64) -> Result<Counts, StoreError> {
    let mut counts = Counts {
        counted_at_ms: now_ms,
        ..Counts::default()
    };
    let mut after = String::new();
    loop {
        let window = ledger.count_nodes(&after, 3).await?;
        counts.nodes += window.seen;
        for (pair, nodes) in window.pairs {
            *counts.pairs.entry(pair).or_default() += nodes;
        }
        match window.last {
            Some(last) => after = last,
            None => break,
        }
    }
    ledger.keep_counts(epoch, &counts).await?;
    Ok(counts)
}

/// What an operator of the real store is told.
async fn operate(scratch: &Scratch, act: &Act, now_ms: u64) -> String {
    let database = &scratch.database;
    let mut operator = store::Operator::new(database, InventoryKind::Native).unwrap();
    match act {
        Act::Pause(pause) => answer(operator.pause(pause).await),
        Act::Resume => answer(operator.resume().await),
        Act::Note(who) => {
            let kind = store::RequestKind::Release;
            answer(operator.note(kind, who, "what", now_ms).await)
        }
        Act::Forget(name) => answer(store::request(database, FORGET, name, now_ms).await),
        Act::ReleaseAll(window) => answer(operator.release(Held::Everything, window).await),
        Act::ReleasePair(pair, window) => answer(operator.release(Held::Of(pair), window).await),
        Act::ReleaseNode(uuid, window) => answer(operator.release(Held::Node(uuid), window).await),
        Act::NewStream(stream, force) => answer(operator.new_stream(stream, now_ms, *force).await),
    }
}

/// What an operator of the model is told.
fn operate_model(model: &Model, act: &Act, now_ms: u64) -> String {
    let operator = model.operator();
    match act {
        Act::Pause(pause) => answer(operator.pause(pause)),
        Act::Resume => answer(operator.resume()),
        Act::Note(who) => {
            let kind = store::RequestKind::Release;
            answer(operator.note(kind, who, "what", now_ms))
        }
        Act::Forget(name) => answer(operator.request(FORGET, name, now_ms)),
        Act::ReleaseAll(window) => answer(operator.release(Held::Everything, window)),
        Act::ReleasePair(pair, window) => answer(operator.release(Held::Of(pair), window)),
        Act::ReleaseNode(uuid, window) => answer(operator.release(Held::Node(uuid), window)),
        Act::NewStream(stream, force) => answer(operator.new_stream(stream, now_ms, *force)),
    }
}

async fn edit_file(file: &mut Mirror, edit: &Edit) {
    let (statement, texts): (&str, Vec<Option<&str>>) = match edit {
        Edit::Register(uuid, name, driver, group) => (
            "INSERT OR REPLACE INTO nodes (uuid, name, driver, conductor_group) VALUES ($1, $2, $3, $4)",
            vec![
                Some(uuid),
                name.as_deref(),
                driver.as_deref(),
                group.as_deref(),
            ],
        ),
        Edit::Delete(uuid) => ("DELETE FROM nodes WHERE uuid = $1", vec![Some(uuid)]),
        Edit::Driver(uuid, driver) => (
            "UPDATE nodes SET driver = $2 WHERE uuid = $1",
            vec![Some(uuid), driver.as_deref()],
        ),
        Edit::Group(uuid, group) => (
            "UPDATE nodes SET conductor_group = $2 WHERE uuid = $1",
            vec![Some(uuid), group.as_deref()],
        ),
        Edit::Mark(uuid, mark) => (
            "UPDATE nodes SET service_state = $2 WHERE uuid = $1",
            vec![Some(uuid), mark.as_deref()],
        ),
        Edit::Name(uuid, name) => (
            "UPDATE nodes SET name = $2 WHERE uuid = $1",
            vec![Some(uuid), name.as_deref()],
        ),
    };
    file.run(statement, &texts).await;
}

fn edit_model(model: &Model, edit: &Edit) {
    match edit.clone() {
        Edit::Register(uuid, name, driver, conductor_group) => {
            let node = Node {
                name,
                driver,
                conductor_group,
                ..Node::of("", "")
            };
            model.register(&uuid, node);
        }
        Edit::Delete(uuid) => drop(model.delete(&uuid)),
        Edit::Driver(uuid, driver) => drop(model.edit(&uuid, |node| node.driver = driver)),
        Edit::Group(uuid, group) => drop(model.edit(&uuid, |node| node.conductor_group = group)),
        Edit::Mark(uuid, mark) => drop(model.edit(&uuid, |node| node.service_state = mark)),
        Edit::Name(uuid, name) => drop(model.edit(&uuid, |node| node.name = name)),
    }
}
