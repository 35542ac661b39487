//! Gives back what need not be out, and keeps the rest as it should be.

use nodewarden::domain::announcement::{AnnouncementType, BackReason};
use nodewarden::domain::change::{Standing, Verdict};
use nodewarden::domain::ids::Pair;
use nodewarden::store::{Rows, Window, WindowDone};

use super::rows::{ChangeRow, Node};
use super::tables::Tables;
use super::unit::{Fault, Header, Unit};
use super::walk;

/// Which holds of a window are looked at.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// All.
    All,
    /// Those by these decisions.
    Decisions(&'a [u64]),
    /// That of this node.
    Node(&'a str),
}

impl Of<'_> {
    fn is(self, hold: &ChangeRow) -> bool {
        match self {
            Self::All => true,
            Self::Decisions(decisions) => decisions.contains(&hold.decision),
            Self::Node(uuid) => hold.uuid == uuid,
        }
    }
}

/// Why the hold of a node that is there ends; `None`: it stays.
pub type Ends = fn(&Tables, &ChangeRow, &Node) -> Option<BackReason>;

/// Its node needs an active pair now.
pub fn returned(tables: &Tables, hold: &ChangeRow, node: &Node) -> Option<BackReason> {
    let (pair, row) = tables.needed_by(node)?;
    if row.standing != Standing::Active {
        return None;
    }
    let same = tables.label(hold)?.pair == pair;
    Some(match same {
        true => BackReason::DriverRestored,
        false => BackReason::NodeChanged,
    })
}

/// An operator wants it to end.
pub fn by_hand(_: &Tables, _: &ChangeRow, _: &Node) -> Option<BackReason> {
    Some(BackReason::Released)
}

pub fn give_back(
    unit: &mut Unit<'_>,
    pair: Option<&Pair>,
    window: &Window,
) -> Result<WindowDone, Fault> {
    let rows = pair.map_or(Rows::Holds, Rows::HoldsOf);
    let found = walk::window(unit, rows, &window.after, window.nodes);
    let mut done = WindowDone {
        next: found.next(window),
        ..WindowDone::default()
    };
    if let Some(last) = &found.last {
        let of = match pair {
            Some(_) => Of::Decisions(&found.decisions),
            None => Of::All,
        };
        done.changed = release(unit, of, last, returned, window)?;
        match pair {
            Some(_) => {
                let due = due(unit.tables, of, &window.after, last, returned);
                done.locked = due.len() as u64;
            }
            None => keep_marked(unit, last, window)?,
        }
    }
    done.locked += u64::from(found.more);
    if done.next.is_none() && done.locked == 0 {
        match pair {
            Some(pair) if window.completes => done.completed = unit.complete(pair, window.now_ms),
            Some(_) => {}
            None => {
                let most = window.nodes.min(1000) as usize;
                if complete_restored(unit, window.now_ms, most) == most {
                    done.next = Some(window.after.clone());
                }
            }
        }
    }
    Ok(done)
}

/// Holds of the window that are to end, in order of decision, reason and uuid: seq and reason.
pub fn due(
    tables: &Tables,
    of: Of<'_>,
    after: &str,
    last: &str,
    ends: Ends,
) -> Vec<(u64, BackReason)> {
    let holds = tables.holds_within(after, Some(last));
    let mut due: Vec<_> = holds
        .filter(|(_, hold)| of.is(hold))
        .filter_map(|(seq, hold)| {
            let reason = ends(tables, hold, tables.nodes.get(&hold.uuid)?)?;
            Some((hold.decision, reason.as_str(), &hold.uuid, seq, reason))
        })
        .collect();
    due.sort_unstable();
    due.into_iter()
        .map(|(.., seq, reason)| (seq, reason))
        .collect()
}

/// Holds of the window whose node is gone, in order of decision and uuid.
pub fn gone(tables: &Tables, of: Of<'_>, after: &str, last: &str) -> Vec<u64> {
    let holds = tables.holds_within(after, Some(last));
    let mut gone: Vec<_> = holds
        .filter(|(_, hold)| of.is(hold) && !tables.nodes.contains_key(&hold.uuid))
        .map(|(seq, hold)| (hold.decision, &hold.uuid, seq))
        .collect();
    gone.sort_unstable();
    gone.into_iter().map(|(.., seq)| seq).collect()
}

/// How many holds of the window are to end because their node needs an active pair.
pub fn due_back(tables: &Tables, after: &str, last: &str) -> usize {
    due(tables, Of::All, after, last, returned).len()
}

/// Ends holds of the window, unmarks and announces them (I3); returns how many.
pub fn release(
    unit: &mut Unit<'_>,
    of: Of<'_>,
    last: &str,
    ends: Ends,
    window: &Window,
) -> Result<u64, Fault> {
    let base = unit.tables.one.seq;
    for hold in gone(unit.tables, of, &window.after, last) {
        let name = unit.tables.changes[&hold].name.clone();
        end(unit, hold, BackReason::NodeRemoved, name, window.now_ms);
    }
    for (hold, reason) in due(unit.tables, of, &window.after, last, ends) {
        let uuid = unit.tables.changes[&hold].uuid.clone();
        if unit.is_locked(&uuid) {
            continue;
        }
        let name = unit.tables.nodes[&uuid].short_name();
        end(unit, hold, reason, name, window.now_ms);
        unit.mark(&uuid, "in_service", window.now_ms)?;
    }
    let changed = unit.tables.one.seq - base;
    announce(unit, base, window);
    Ok(changed)
}

/// Writes that the hold ended.
fn end(unit: &mut Unit<'_>, hold: u64, back: BackReason, name: Option<String>, now_ms: u64) {
    let tables = &mut *unit.tables;
    tables.one.seq += 1;
    let held = &tables.changes[&hold];
    let (uuid, decision) = (held.uuid.clone(), held.decision);
    tables.held.drop_row(&uuid);
    tables.changes.edit(&hold, |row| row.held = false);
    let row = ChangeRow {
        uuid,
        name,
        held: false,
        decision,
        since_ms: now_ms,
        back: Some(back),
        ends: Some(hold),
    };
    tables.changes.put(tables.one.seq, row);
}

/// Announces the new changes above `base`: in one message what has the same decision and reason.
fn announce(unit: &mut Unit<'_>, base: u64, window: &Window) {
    let changes = unit.tables.changes.range(base + 1..);
    let mut runs: Vec<(u64, BackReason, u64, u64)> = Vec::new();
    for (seq, change) in changes {
        let Some(back) = change.back else { continue };
        match runs.last_mut() {
            Some(run) if (run.0, run.1) == (change.decision, back) => run.3 = *seq,
            _ => runs.push((change.decision, back, *seq, *seq)),
        }
    }
    for (decision, back, first, last) in runs {
        let released_by = released_by(unit.tables, decision, back);
        let header = Header {
            announcement_type: AnnouncementType::BackInService,
            decision: Some(decision),
            reason: Some(back.as_str()),
            released_by: released_by.map(|(number, _)| number),
            decided_at_ms: released_by.map_or(window.now_ms, |(_, at)| at),
            now_ms: window.now_ms,
        };
        unit.announce(&header, first, last, window.nodes_per_message);
        if let Some((number, _)) = released_by {
            unit.count(number, last - first + 1);
        }
    }
}

/// The decision that ended holds by this one, and when it was decided.
fn released_by(tables: &Tables, decision: u64, back: BackReason) -> Option<(u64, u64)> {
    if back != BackReason::DriverRestored {
        return None;
    }
    let pair = &tables.decisions.get(&decision)?.pair;
    let number = tables.pairs.get(pair)?.decision?;
    let by = tables.decisions.get(&number)?;
    (!by.observed).then_some((number, by.decided_at_ms))
}

/// What stays held: labelled with the pair that its node needs now, and marked.
fn keep_marked(unit: &mut Unit<'_>, last: &str, window: &Window) -> Result<(), Fault> {
    for (seq, decision) in moved(unit.tables, &window.after, last) {
        let changes = &mut unit.tables.changes;
        changes.edit(&seq, |hold| hold.decision = decision);
    }
    // A mark that somebody lifted by hand is not set again during a pause: that takes a node out.
    if unit.tables.one.pause.is_some() {
        return Ok(());
    }
    for uuid in lifted(unit.tables, &window.after, last) {
        if !unit.is_locked(&uuid) {
            unit.mark(&uuid, "out_of_service", window.now_ms)?;
        }
    }
    Ok(())
}

/// Holds of the window whose node needs another lost pair now, and that pair's decision.
pub fn moved(tables: &Tables, after: &str, last: &str) -> Vec<(u64, u64)> {
    let holds = tables.holds_within(after, Some(last));
    let moved = holds.filter_map(|(seq, hold)| {
        let label = tables.label(hold)?;
        let (pair, row) = tables.needed_by(tables.nodes.get(&hold.uuid)?)?;
        let number = row.decision?;
        let observed = tables.decisions.get(&number)?.observed;
        let lost = row.standing == Standing::Lost && !observed;
        (lost && label.pair != pair).then_some((seq, number))
    });
    moved.collect()
}

/// Held nodes of the window that somebody marked otherwise.
pub fn lifted(tables: &Tables, after: &str, last: &str) -> Vec<String> {
    let holds = tables.holds_within(after, Some(last));
    let uuids = holds.map(|(_, hold)| &hold.uuid);
    let lifted = uuids.filter(|uuid| {
        let node = tables.nodes.get(*uuid);
        node.is_some_and(|node| node.is_not("out_of_service"))
    });
    lifted.cloned().collect()
}

/// Return decisions that nothing waits for any more.
pub fn restored_open(tables: &Tables) -> Vec<u64> {
    let open = tables.decisions.iter().filter(|(_, row)| {
        let open = row.completed_at_ms.is_none() && row.verdict == Verdict::Restored;
        open && !tables.holds_any(&row.pair)
    });
    open.map(|(number, _)| *number).collect()
}

/// At most so many; returns how many.
fn complete_restored(unit: &mut Unit<'_>, now_ms: u64, most: usize) -> usize {
    let mut due = restored_open(unit.tables);
    due.truncate(most);
    for number in &due {
        let decisions = &mut unit.tables.decisions;
        decisions.edit(number, |row| row.completed_at_ms = Some(now_ms));
    }
    due.len()
}

/// Nodes of a window that are marked without a hold and need no lost pair.
pub fn strays(tables: &Tables, after: &str, last: &str) -> Vec<String> {
    let strays = tables
        .nodes_within(after, Some(last))
        .filter(|(uuid, node)| {
            let lost = tables.needed_by(node);
            let lost = lost.is_some_and(|(_, row)| row.standing == Standing::Lost);
            node.is_not("in_service") && !tables.held.contains_key(*uuid) && !lost
        });
    strays.map(|(uuid, _)| uuid.clone()).collect()
}

/// Unmarks what is marked and not held.
pub fn unmark_strays(unit: &mut Unit<'_>, window: &Window) -> Result<WindowDone, Fault> {
    let found = walk::window(unit, Rows::Nodes, &window.after, window.nodes);
    if let Some(last) = &found.last {
        for uuid in strays(unit.tables, &window.after, last) {
            if !unit.is_locked(&uuid) {
                unit.mark(&uuid, "in_service", window.now_ms)?;
            }
        }
    }
    Ok(WindowDone {
        next: found.next(window),
        ..WindowDone::default()
    })
}
