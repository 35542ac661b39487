//! How many rows each statement may read, whatever the size of the tables.

use std::collections::{BTreeMap, BTreeSet};

use nodewarden::config::InventoryKind;
use nodewarden::store::counting::{self, Named, Read};

use nodewarden_tests::database::Kind;

use crate::fleet::Fleet;
use crate::story::WINDOW;

/// What a statement may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// Some rows, by their keys.
    Few,
    /// In proportion to what it changes or returns: the rows of a window, or of a batch.
    Window,
    /// The same in a table of our own. Ironic's has no index of pairs: a pair's window may read it whole.
    Walk,
    /// The same of three pairs.
    Walks,
    /// In proportion to the decisions that are kept of one pair.
    OfPair,
    /// The same of several pairs, and a window.
    OfPairs,
    /// In proportion to the conductors, and the pairs that there are; never to nodes, holds or changes.
    Fleet,
    /// Every node: never in a step, and no request waits for it.
    Nodes,
    /// No step, tick, sweep, scrape or request runs it.
    Never,
}

use Bound::{Few, Fleet as OfFleet, Never, Nodes, OfPair, OfPairs, Walk, Walks, Window};

/// Every statement of the store. One without an entry fails the suite, and so does an entry that no
/// story has run.
const BOUNDS: &[(&str, Bound)] = &[
    ("begin", Never),
    ("begin_look", Never),
    ("create_stream", Never),
    ("create_relay", Never),
    ("stream", Few),
    ("schema", Window),
    ("prove", Few),
    ("take_epoch", Few),
    ("fence", Few),
    ("fence_any", Few),
    ("counters", Few),
    ("save_counters", Few),
    ("step_down", Few),
    ("conductors", OfFleet),
    ("standings", OfFleet),
    ("unheeded", OfFleet),
    ("receipts", Window),
    ("recall", Window),
    ("remember", Window),
    ("save_conductors", Window),
    ("save_unheeded", Window),
    ("save_receipts", Window),
    ("decided", Window),
    ("observed", Few),
    ("overtaken", Window),
    ("stand", Window),
    ("lost_decision", Few),
    ("decisions_of_pairs", Window),
    ("count_nodes", Window),
    ("complete_each", Window),
    ("taken", Window),
    ("complete", Few),
    ("completed", Few),
    ("announce", Few),
    ("holds_window", Window),
    ("holding", OfPair),
    ("holding_of_pairs", OfPairs),
    ("holds_no_more", OfPairs),
    ("holds_of_each", Window),
    ("holds_of", Never),
    ("holds_window_of_pair", Window),
    ("end_holds", Window),
    ("released", Window),
    ("complete_restored", OfFleet),
    ("restored_open", OfFleet),
    ("forget_unknown", OfPair),
    ("unwanted", OfPair),
    ("forget_pair", Few),
    ("drop_events", Window),
    ("drop_changes", Window),
    ("drop_announcements", Window),
    ("drop_decisions", OfFleet),
    ("drop_receipts", Window),
    // At most a hundred rows, which PostgreSQL may read whole.
    ("drop_receipt", Window),
    ("pause", Few),
    ("begin_pause", Few),
    ("end_pause", Few),
    ("keep_pause", Few),
    ("new_stream", Few),
    ("note_stream", Few),
    ("stream_after", Few),
    ("stream_began", Few),
    ("keep_waiting", Few),
    ("request", Few),
    ("request_number", Few),
    ("requests", Window),
    ("answer", Few),
    ("forget_unheeded", Few),
    ("forget", Few),
    ("drop_requests", Window),
    ("pending", Window),
    ("announced_nodes", Window),
    ("announced", Few),
    ("position", Few),
    ("outbox", Few),
    ("snapshot", Window),
    ("see_conductors", OfFleet),
    ("see_conductors_of_group", OfFleet),
    ("see_pairs", OfFleet),
    ("see_pair", Few),
    ("see_hold", Few),
    ("see_last_change", Few),
    ("see_decision", Few),
    ("see_decisions", Window),
    ("see_observed", OfFleet),
    ("see_request", Few),
    ("see_receipts", Window),
    ("see_change", Few),
    ("count_holds", Nodes),
    ("keep_counts", OfFleet),
    ("fold_counts", OfFleet),
    ("drop_counts", OfFleet),
    ("keep_counted", Few),
    ("fold_counted", Few),
    ("note_hearing", Few),
    ("noted_hearing", Few),
    ("note_done", Few),
    ("list_holds", Window),
    ("past_decisions", Window),
    ("past_requests", Window),
    ("see_counted", Few),
    ("see_counts", OfFleet),
    ("moved", Window),
    ("unknown_pairs", OfFleet),
    // The table of nodes. `schema` goes by the same name above.
    ("pair_window", Walk),
    ("hold", Walk),
    ("size_of_each", Walks),
    ("hold_each", Walks),
    ("untaken_each", Walks),
    ("mark_out", Window),
    ("not_marked_out", Window),
    ("left_in", Walk),
    ("release", Window),
    ("release_of_pair", Window),
    ("release_by_hand", Window),
    ("release_by_hand_of_pair", Window),
    ("release_by_hand_of_node", Few),
    ("mark_in", Window),
    ("not_marked_in", Window),
    ("left_out", Window),
    ("relabel", Window),
    ("mark_again", Window),
    ("all_window", Window),
    ("unmark_strays", Window),
    ("survey_all", Window),
    ("survey_open", OfFleet),
    ("survey_pair", Walk),
    ("survey_held", Window),
    ("survey_holds", Window),
    ("survey_marks", Window),
    ("survey_strays", Window),
    ("survey_keyless", Few),
    ("unneeded", Walk),
    ("needed", Few),
    ("count_pair", Nodes),
    ("list", Window),
    ("list_of_pair", Walk),
    ("count_end", Window),
    ("count_window", Window),
    ("see_node", Few),
    ("see_node_by_name", Few),
];

/// Statements that are no part of a table of them: how each begins.
const OTHERS: &[&str] = &[
    "SELECT version() AS version",
    "SELECT version_num FROM alembic_version",
    "SELECT 1 AS one FROM node_maintenance LIMIT 0",
    "SELECT c.character_set_name AS charset",
    "SET SESSION max_statement_time",
];

/// Rows that [`Few`] may read.
const SOME: u64 = 60;

/// PostgreSQL rather reads a small table whole than looks up each row of a window: the pairs, and their
/// decisions, twice. Nodes, holds and changes are more.
fn small_tables(fleet: &Fleet) -> u64 {
    2 * (fleet.last_decision() + fleet.pairs + 200)
}

impl Bound {
    fn rows(self, fleet: &Fleet) -> u64 {
        let small_tables = match (fleet.scratch.kind, fleet.inventory) {
            (Kind::Postgres, InventoryKind::Native) => small_tables(fleet),
            // The keys of an Ironic's nodes have a collation of their own, so that the bounds of a window
            // cannot be said of them.
            (Kind::Postgres, InventoryKind::Ironic) => small_tables(fleet) + 5 * fleet.nodes,
            (Kind::Sqlite | Kind::MySql, _) => 0,
        };
        match self {
            Few => SOME,
            // SQLite's instructions are few where it reads what it should.
            Window if fleet.scratch.kind == Kind::Sqlite => 10 * u64::from(WINDOW) + SOME,
            Window => 20 * u64::from(WINDOW) + SOME + small_tables,
            Walk if fleet.inventory == InventoryKind::Ironic => 4 * fleet.nodes,
            Walk => Window.rows(fleet),
            Walks if fleet.inventory == InventoryKind::Ironic => 3 * Walk.rows(fleet),
            Walks => Window.rows(fleet),
            OfPair => 4 * fleet.decisions_of_big() + SOME,
            OfPairs => OfPair.rows(fleet) + Window.rows(fleet),
            OfFleet => small_tables + 4 * (fleet.pairs + fleet.conductors + 200) + SOME,
            Nodes | Never => u64::MAX,
        }
    }
}

/// Checks each statement of the story against its bound.
pub async fn check(fleet: &Fleet, reads: &[(&'static str, Vec<Read>)]) {
    let named = counting::statements(fleet.database(), &fleet.settings())
        .await
        .unwrap();
    let bounds: BTreeMap<&str, Bound> = BOUNDS.iter().copied().collect();
    let known: BTreeSet<&str> = named.iter().map(|named| named.name).collect();
    let missing: Vec<_> = known
        .iter()
        .filter(|name| !bounds.contains_key(*name))
        .collect();
    assert!(missing.is_empty(), "without a bound: {missing:?}");
    let mut most = BTreeMap::<BTreeSet<&str>, (u64, String)>::new();
    let mut unnamed = Vec::new();
    for (step, reads) in reads {
        for read in reads {
            let names = names(&named, &read.statement);
            if names.is_empty() {
                let known = OTHERS.iter().any(|text| read.statement.starts_with(text));
                unnamed.extend((!known).then_some(&read.statement));
                continue;
            }
            let most = most.entry(names).or_default();
            if read.rows >= most.0 {
                *most = (
                    read.rows,
                    format!("{step}: {}\n{}", read.statement, read.plan),
                );
            }
        }
    }
    let mut wrong: Vec<String> = unnamed
        .iter()
        .map(|statement| format!("no statement by name: {statement}"))
        .collect();
    for (names, (rows, text)) in &most {
        let bound = names.iter().map(|name| bounds[name].rows(fleet)).max();
        if bound.is_some_and(|bound| *rows > bound) {
            let bound = bound.unwrap_or_default();
            wrong.push(format!(
                "{names:?} read {rows} rows, {bound} at most: {text}"
            ));
        }
    }
    let run: BTreeSet<&str> = most.keys().flatten().copied().collect();
    let not_run = known
        .iter()
        .filter(|name| bounds[*name] != Never && !run.contains(*name));
    wrong.extend(not_run.map(|name| format!("no story runs {name}")));
    if std::env::var_os("NODEWARDEN_SCALE").is_some() {
        let about = (fleet.scratch.kind, fleet.inventory, fleet.age);
        for (names, (rows, _)) in most {
            println!("{about:?}: {names:?} {rows}");
        }
    }
    assert!(
        wrong.is_empty(),
        "{} faults:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Checks that each of these statements read no more than a window has.
pub fn within_a_window(fleet: &Fleet, reads: &[Read]) {
    within(Window.rows(fleet), reads);
}

/// Checks that each of these statements read at most so many rows.
pub fn within(bound: u64, reads: &[Read]) {
    let over = reads.iter().filter(|read| read.rows > bound);
    let wrong: Vec<String> = over
        .map(|read| format!("{} rows: {}\n{}", read.rows, read.statement, read.plan))
        .collect();
    assert!(wrong.is_empty(), "over {bound}:\n{}", wrong.join("\n"));
}

/// The names by which this text goes: those whose words fit it best.
fn names<'n>(named: &'n [Named], statement: &str) -> BTreeSet<&'n str> {
    let fits =
        |named: &&Named| statement.starts_with(&named.begins) && statement.ends_with(&named.ends);
    let length = |named: &Named| named.begins.len() + named.ends.len();
    let best = named.iter().filter(fits).map(length).max();
    named
        .iter()
        .filter(fits)
        .filter(|named| Some(length(named)) == best)
        .map(|named| named.name)
        .collect()
}
