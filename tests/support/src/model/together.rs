//! Carrying out the decisions of several small pairs at once.

use std::collections::BTreeMap;

use nodewarden::domain::announcement::OutReason;
use nodewarden::domain::change::Standing;
use nodewarden::domain::ids::Pair;
use nodewarden::store::{Rows, Surveyed, Window, WindowDone};

use super::give_back::{Of, due, release, returned};
use super::take_out::{no_reason, take_out};
use super::unit::{Fault, Unit};
use super::walk::{self, Found};

pub fn carry_out(
    unit: &mut Unit<'_>,
    to: Standing,
    pairs: &[Pair],
    window: &Window,
) -> Result<Vec<Option<WindowDone>>, Fault> {
    if to == Standing::Lost && unit.tables.one.pause.is_some() {
        let paused = WindowDone {
            paused: true,
            ..WindowDone::default()
        };
        return Ok(vec![Some(paused); pairs.len()]);
    }
    let mut done = vec![Some(WindowDone::default()); pairs.len()];
    let mut fit: BTreeMap<usize, (u64, Found)> = BTreeMap::new();
    let (each, mut left) = (window.of_each(pairs.len()), u64::from(window.nodes));
    let more = u32::try_from(each + 1).expect("it is at most twice a window");
    for (at, pair) in pairs.iter().enumerate() {
        let Some(number) = applies(unit, to, pair, window)? else {
            continue;
        };
        let of = match to {
            Standing::Lost => Rows::NodesOf(pair),
            Standing::Active => Rows::HoldsOf(pair),
        };
        let found = walk::window(unit, of, "", more);
        if found.seen > each.min(left) || found.skipped > 0 || found.more {
            done[at] = None;
            continue;
        }
        left -= found.seen;
        fit.insert(at, (number, found));
    }
    let whole = Window {
        after: String::new(),
        nodes: more,
        ..window.clone()
    };
    match to {
        Standing::Lost => {
            let mut in_order: Vec<_> = fit.iter().map(|(at, (number, _))| (number, *at)).collect();
            in_order.sort_unstable();
            for (_, at) in in_order {
                done[at] = Some(take_out(unit, &pairs[at], &whole)?);
            }
        }
        Standing::Active => give_back(unit, pairs, &fit, &whole, &mut done)?,
    }
    Ok(done)
}

/// What is to do for each of these lost pairs.
pub fn survey(
    unit: &mut Unit<'_>,
    pairs: &[Pair],
    window: &Window,
) -> Result<Vec<Option<Surveyed>>, Fault> {
    let (each, mut left) = (window.of_each(pairs.len()), u64::from(window.nodes));
    let more = u32::try_from(each + 1).expect("it is at most twice a window");
    let mut all = Vec::new();
    for pair in pairs {
        let Some(number) = applies(unit, Standing::Lost, pair, window)? else {
            all.push(Some(Surveyed::default()));
            continue;
        };
        let found = walk::window(unit, Rows::NodesOf(pair), "", more);
        if found.seen > each.min(left) || found.skipped > 0 {
            all.push(None);
            continue;
        }
        left -= found.seen;
        let untaken = found
            .last
            .map(|last| unit.tables.untaken(pair, "", &last).len());
        all.push(Some(Surveyed {
            seen: found.seen,
            work: untaken > Some(0),
            open: unit.tables.decisions[&number].completed_at_ms.is_none(),
            ..Surveyed::default()
        }));
    }
    Ok(all)
}

/// The number of the pair's last decision, if that is to be carried out now.
fn applies(
    unit: &mut Unit<'_>,
    to: Standing,
    pair: &Pair,
    window: &Window,
) -> Result<Option<u64>, Fault> {
    unit.read += 1;
    let tables = &*unit.tables;
    let row = tables.pairs.get(pair);
    let number = row.and_then(|row| Some((row.standing, row.decision?)));
    let decision = number
        .and_then(|(standing, number)| Some((standing, number, tables.decisions.get(&number)?)));
    let Some((standing, number, decision)) = decision else {
        return Ok(None);
    };
    let idle = match standing {
        Standing::Lost => {
            let reason = OutReason::of(decision.verdict);
            let reason = reason.ok_or_else(|| no_reason(decision.verdict))?;
            decision.observed || (reason == OutReason::DriverUnknown && !window.unknown)
        }
        Standing::Active => false,
    };
    Ok((standing == to && !idle).then_some(number))
}

fn give_back(
    unit: &mut Unit<'_>,
    pairs: &[Pair],
    fit: &BTreeMap<usize, (u64, Found)>,
    whole: &Window,
    done: &mut [Option<WindowDone>],
) -> Result<(), Fault> {
    let all = fit.values().flat_map(|(_, found)| &found.decisions);
    let all: Vec<u64> = all.copied().collect();
    let last = fit
        .values()
        .filter_map(|(_, found)| found.last.as_ref())
        .max();
    let base = unit.tables.one.seq;
    if let Some(last) = last {
        release(unit, Of::Decisions(&all), last, returned, whole)?;
    }
    for (at, (_, found)) in fit {
        let changes = unit.tables.changes.range(base + 1..);
        let changed = changes.filter(|(_, row)| found.decisions.contains(&row.decision));
        let changed = changed.count() as u64;
        let locked = last.map_or(0, |last| {
            due(
                unit.tables,
                Of::Decisions(&found.decisions),
                "",
                last,
                returned,
            )
            .len() as u64
        });
        let completes = locked == 0 && whole.completes;
        let completed = match completes {
            true => unit.complete(&pairs[*at], whole.now_ms),
            false => None,
        };
        done[*at] = Some(WindowDone {
            changed,
            locked,
            completed,
            ..WindowDone::default()
        });
    }
    Ok(())
}
