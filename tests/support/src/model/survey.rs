//! Looking for work in a window, without fence or lock.

use nodewarden::domain::change::{Standing, Verdict};
use nodewarden::domain::ids::Pair;
use nodewarden::store::{Rows, Surveyed, Window};

use super::give_back::{Of, due_back, gone, lifted, moved, restored_open, strays};
use super::rows::DecisionRow;
use super::take_out::may_go;
use super::unit::{Fault, Unit};
use super::walk;

/// What is to be done in the next window of `of`.
pub fn at(unit: &mut Unit<'_>, of: Rows<'_>, window: &Window) -> Result<Surveyed, Fault> {
    match of {
        Rows::NodesOf(pair) => of_pair(unit, pair, window),
        Rows::HoldsOf(_) => {
            let found = covered(unit, of, window);
            Ok(Surveyed {
                work: found.seen > 0,
                open: true,
                ..found
            })
        }
        Rows::Holds => {
            let mut found = covered(unit, of, window);
            let (after, tables) = (window.after.as_str(), &*unit.tables);
            if let Some(last) = &found.last {
                found.work = !gone(tables, Of::All, after, last).is_empty()
                    || due_back(tables, after, last) > 0
                    || !moved(tables, after, last).is_empty()
                    || (tables.one.pause.is_none() && !lifted(tables, after, last).is_empty());
            }
            if found.seen < u64::from(window.nodes) {
                found.open = !restored_open(tables).is_empty();
            }
            Ok(found)
        }
        Rows::Nodes => {
            let mut found = covered(unit, of, window);
            if let Some(last) = &found.last {
                found.work = !strays(unit.tables, &window.after, last).is_empty();
            }
            Ok(found)
        }
    }
}

/// Whether anything is to be done in the next window of all nodes, or behind the last one.
pub fn all(unit: &mut Unit<'_>, window: &Window) -> Surveyed {
    let mut found = covered(unit, Rows::Nodes, window);
    let (after, tables) = (window.after.as_str(), &*unit.tables);
    let lost = |pair: &Pair| {
        let row = &tables.pairs[pair];
        let decision = row
            .decision
            .and_then(|number| tables.decisions.get(&number));
        let unknown = |by: &&DecisionRow| by.verdict == Verdict::Unknown && !window.unknown;
        decision.filter(|by| row.standing == Standing::Lost && !by.observed && !unknown(by))
    };
    if let Some(last) = &found.last {
        let unheld = tables.nodes_within(after, Some(last)).any(|(uuid, node)| {
            let needed = tables.needed_by(node);
            !tables.held.contains_key(uuid) && needed.is_some_and(|(pair, _)| lost(&pair).is_some())
        });
        found.work = unheld
            || !gone(tables, Of::All, after, last).is_empty()
            || due_back(tables, after, last) > 0
            || !moved(tables, after, last).is_empty()
            || !lifted(tables, after, last).is_empty()
            || !strays(tables, after, last).is_empty();
    }
    if found.seen < u64::from(window.nodes) && !found.work {
        let after = found.last.as_deref().unwrap_or(after);
        found.work = tables.holds_within(after, None).next().is_some();
        let mut pairs = tables.pairs.keys().filter_map(lost);
        found.open = !restored_open(tables).is_empty()
            || pairs.any(|decision| decision.completed_at_ms.is_none());
    }
    found
}

/// Nodes of a lost pair. Nothing where taking out would do nothing, either.
fn of_pair(unit: &mut Unit<'_>, pair: &Pair, window: &Window) -> Result<Surveyed, Fault> {
    let Some((_, decision, _)) = may_go(unit, pair, window)? else {
        return Ok(Surveyed::default());
    };
    let mut found = covered(unit, Rows::NodesOf(pair), window);
    if let Some(last) = &found.last {
        let untaken = unit.tables.untaken(pair, &window.after, last);
        found.work = !untaken.is_empty();
    }
    found.open = decision.completed_at_ms.is_none();
    Ok(found)
}

fn covered(unit: &mut Unit<'_>, of: Rows<'_>, window: &Window) -> Surveyed {
    let found = walk::window(unit, of, &window.after, window.nodes);
    Surveyed {
        last: found.last,
        seen: found.seen,
        skipped: found.skipped,
        ..Surveyed::default()
    }
}
