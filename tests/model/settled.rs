//! What must hold of every ledger in any state that operations lead to, tried on the model for its
//! speed: a walk leaves nothing to do, a look overlooks nothing, numbers have no gap.

use std::collections::BTreeMap;

use nodewarden::domain::announcement::{AnnouncementType, Content};
use nodewarden::domain::change::Verdict;
use nodewarden::store::{Ledger, Outbox, Rows, Window};
use nodewarden_tests::model::{Model, Tables};

use crate::modelled::Modelled;
use crate::operations::{Maker, Op};

/// So many seeds in a run of all tests.
const RUNS: u64 = 100;

/// So many operations for each seed.
const OPERATIONS: usize = 150;

/// States after each operation of many seeds.
async fn in_each_state(mut holds: impl AsyncFnMut(Tables) -> Result<(), String>) {
    for seed in 0..RUNS {
        let mut maker = Maker::new(seed);
        let mut modelled = Modelled::new(false);
        for at in 0..OPERATIONS {
            let op: Op = maker.op();
            modelled.apply(&op).await;
            let held = holds(modelled.model.tables()).await;
            held.unwrap_or_else(|why| panic!("seed {seed}, after operation {at}, {op:?}: {why}"));
        }
    }
}

fn all(now_ms: u64) -> Window {
    Window {
        after: String::new(),
        nodes: 1_000,
        nodes_per_message: 3,
        unknown: true,
        completes: true,
        now_ms,
    }
}

/// A change that time alone does not make.
fn same_but_for_the_fence(mut one: Tables, other: &Tables) -> bool {
    one.one.commits = other.one.commits;
    one.one.committed_at_ms = other.one.committed_at_ms;
    one == *other
}

#[tokio::test]
async fn l2_where_a_look_finds_nothing_a_walk_changes_nothing_and_a_walk_leaves_nothing_to_find() {
    in_each_state(async |before| {
        let (epoch, window) = (before.one.epoch, all(9_999));
        let pairs: Vec<_> = before.pairs.keys().cloned().collect();
        let mut walks = vec![Rows::Holds, Rows::Nodes];
        walks.extend(pairs.iter().map(Rows::NodesOf));
        for of in walks {
            let model = Model::of(before.clone());
            let mut ledger = model.ledger("one");
            let Ok(found) = ledger.survey(of, &window).await else {
                // A row that makes no sense stops a walk as well.
                continue;
            };
            let done = match of {
                Rows::NodesOf(pair) => ledger.take_out(epoch, pair, &window).await,
                Rows::Holds | Rows::HoldsOf(_) => ledger.give_back(epoch, None, &window).await,
                Rows::Nodes => ledger.unmark_strays(epoch, &window).await,
            };
            let done = done.map_err(|fault| format!("{of:?}: {fault}"))?;
            if done.paused {
                continue;
            }
            let idle = !found.work && !found.open;
            if idle && !same_but_for_the_fence(model.tables(), &before) {
                return Err(format!("{of:?}: {found:?}, and yet {done:?}"));
            }
            let again = ledger.survey(of, &window).await;
            let again = again.map_err(|fault| fault.to_string())?;
            if again.work || again.open {
                return Err(format!("{of:?}: after {done:?} there is {again:?}"));
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn l2_one_look_over_everything_finds_something_where_another_look_does_and_nowhere_else() {
    in_each_state(async |before| {
        let paused = before.one.pause.is_some();
        let window = Window {
            unknown: before.one.seq % 2 == 0,
            ..all(9_999)
        };
        let pairs: Vec<_> = before.pairs.keys().cloned().collect();
        let mut ledger = Model::of(before).ledger("one");
        let any = ledger.survey_all(&window).await;
        let any = any.map_err(|fault| fault.to_string())?;
        let mut found = Vec::new();
        for of in [Rows::Holds, Rows::Nodes]
            .into_iter()
            .chain(pairs.iter().map(Rows::NodesOf))
        {
            let Ok(look) = ledger.survey(of, &window).await else {
                // A row that makes no sense: that walk says so.
                return Ok(());
            };
            if look.work || look.open || look.skipped > 0 {
                found.push(format!("{of:?}: {look:?}"));
            }
        }
        let idle = !any.work && !any.open;
        // During a pause a mark that somebody lifted is seen, and not set again.
        if idle != found.is_empty() && !(paused && found.is_empty()) {
            return Err(format!("{any:?}, and each by itself {found:?}"));
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn i4_messages_follow_one_another_without_a_gap_and_tell_of_every_hold() {
    in_each_state(async |tables| {
        let kept = (tables.announcements.len(), tables.changes.len());
        let given = (tables.one.last_announcement, tables.one.seq);
        if (kept.0 as u64, kept.1 as u64) != given {
            // Retention has begun.
            return Ok(());
        }
        let mut last = 0;
        let rows = tables.announcements.values();
        for row in rows.filter(|row| row.announcement_type != AnnouncementType::Position) {
            if row.first_seq != last + 1 {
                return Err(format!("{row:?} comes after {last}"));
            }
            last = row.last_seq;
        }
        let held = tables.held_by();
        let held = held.into_keys().map(str::to_owned).collect::<Vec<_>>();
        let mut out: BTreeMap<String, String> = BTreeMap::new();
        let mut outbox = Model::of(tables).outbox("one");
        let told = outbox.pending(Some(0), 1_000).await;
        for message in told.map_err(|fault| fault.to_string())? {
            match message.content {
                Content::OutOfService { nodes, about, .. } => {
                    out.extend(
                        nodes
                            .into_iter()
                            .map(|node| (node.uuid, about.decision_id.clone())),
                    );
                }
                Content::BackInService { nodes, .. } => {
                    for node in nodes {
                        out.remove(&node.uuid);
                    }
                }
                Content::Position { .. } => {}
            }
        }
        let told: Vec<String> = out.into_keys().collect();
        if told != held {
            return Err(format!("told of {told:?}, held are {held:?}"));
        }
        Ok(())
    })
    .await;
}

/// Retention drops only what is complete.
#[tokio::test]
async fn l2_every_open_decision_is_one_that_a_walk_completes() {
    in_each_state(async |tables| {
        let open = tables.decisions.iter();
        for (number, row) in open.filter(|(_, row)| row.completed_at_ms.is_none()) {
            // A walk over a pair completes its last decision, one over all holds the returns.
            let last = tables.pairs.get(&row.pair).and_then(|pair| pair.decision);
            if last != Some(*number) && row.verdict != Verdict::Restored {
                return Err(format!("{number} stays open: {row:?}"));
            }
        }
        Ok(())
    })
    .await;
}
