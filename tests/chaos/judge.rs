//! [`judge`]: what contradicts the contract in a run's evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::Signal;

use crate::event::Pair;
use crate::evidence::{Decided, Evidence, Timed};
use crate::hearing::Hearing;
use crate::reference::Reference;

/// How long after a sign of life was confirmed a replica may not know of it yet: it waits in the queue, and
/// the transaction that decides may be retried.
const UNSEEN_MS: u64 = 3_000;

/// How far a time that was written may lie before the moment it speaks of.
const ROUNDING_MS: u64 = 1_000;

/// One sentence for each thing that must not be, by kind.
#[derive(Debug, Default)]
pub struct Findings {
    /// Confirmed events that were not handled, and good ones that were refused.
    pub missing: Vec<String>,
    /// Subscriber, holds, marks and reference do not say the same, or bytes changed.
    pub contradictions: Vec<String>,
    /// Numbers that the subscriber never got, or not in order.
    pub gaps: Vec<String>,
    /// Decisions other than those of one worker.
    pub beyond: Vec<String>,
    /// Nodes taken out although their conductor's signs were in time.
    pub false_removals: Vec<String>,
    /// What should have happened by the end and did not.
    pub unnoticed: Vec<String>,
    /// Replicas that panicked, or did not stop well when they were asked to.
    pub bad_ends: Vec<String>,
}

impl Findings {
    pub fn kinds(&self) -> [(&'static str, &Vec<String>); 7] {
        [
            ("missing", &self.missing),
            ("contradictions", &self.contradictions),
            ("gaps", &self.gaps),
            ("beyond", &self.beyond),
            ("false removals", &self.false_removals),
            ("never noticed", &self.unnoticed),
            ("bad ends", &self.bad_ends),
        ]
    }

    pub fn count(&self) -> usize {
        self.kinds().iter().map(|(_, found)| found.len()).sum()
    }
}

pub fn judge(evidence: &Evidence) -> Findings {
    let mut findings = Findings::default();
    handled(evidence, &mut findings);
    let reference = decided(evidence, &mut findings);
    let hearing = Hearing::of(evidence, &mut findings);
    states(evidence, &reference, &hearing, &mut findings);
    ended(evidence, &mut findings);
    findings
}

/// No replica panicked, and each stopped with code 0 when it was asked to.
fn ended(evidence: &Evidence, findings: &mut Findings) {
    for end in &evidence.ends {
        let words = match end.status {
            None => "did not stop in time".to_owned(),
            Some(status) if panicked(status) => format!("panicked: {status}"),
            Some(status) if end.asked && !status.success() => {
                format!("did not stop well: {status}")
            }
            Some(_) => continue,
        };
        findings
            .bad_ends
            .push(format!("replica {} {words}", end.replica));
    }
}

/// By unwinding out of `main`, or by aborting.
fn panicked(status: ExitStatus) -> bool {
    status.code() == Some(101) || status.signal() == Some(Signal::ABORT.as_raw())
}

/// Every confirmed event was handled, and only those that must be were refused.
fn handled(evidence: &Evidence, findings: &mut Findings) {
    let all = evidence.lanes.iter().flatten();
    let all = all.chain(evidence.timed.iter().flat_map(|timed| &timed.said));
    let mut refusable = BTreeSet::new();
    for said in all {
        let name = format!("{} of {} ({})", said.kind.key(), said.conductor, said.id);
        if said.confirmed_ms.is_none() {
            findings.missing.push(format!("never confirmed: {name}"));
        } else if said.conflict {
            let body = said.body();
            if !evidence.refused.contains(&body) {
                findings.missing.push(format!("not refused: {name}"));
            }
            refusable.insert(body);
        } else if !evidence.tables.events.contains(&said.key()) && !evidence.is_lost(said) {
            findings.missing.push(format!("not handled: {name}"));
        }
    }
    for body in &evidence.refused {
        if !refusable.contains(body) {
            let body = String::from_utf8_lossy(body);
            findings
                .missing
                .push(format!("refused without a fault: {body}"));
        }
    }
}

/// The decisions about each pair are those of one worker.
fn decided(evidence: &Evidence, findings: &mut Findings) -> Reference {
    let mut by_pair: BTreeMap<Pair, Vec<&Decided>> = BTreeMap::new();
    let mut epoch = 0;
    for decided in &evidence.tables.decisions {
        by_pair
            .entry(decided.pair.clone())
            .or_default()
            .push(decided);
        if decided.epoch < epoch {
            let words = format!("epoch {} decides after {epoch}", decided.epoch);
            findings.contradictions.push(words);
        }
        epoch = decided.epoch;
        if !decided.complete {
            let words = format!(
                "decision {} about {:?} is not complete",
                decided.id, decided.pair
            );
            findings.unnoticed.push(words);
        }
    }
    let mut reference = Reference::default();
    for said in evidence.lanes.iter().flatten() {
        if said.confirmed_ms.is_some() && !evidence.is_lost(said) {
            reference.handle(said);
        }
    }
    let mut expected: BTreeMap<Pair, Vec<String>> = BTreeMap::new();
    for one in &reference.decided {
        let words = format!("{} by {}", one.verdict, one.event);
        expected.entry(one.pair.clone()).or_default().push(words);
    }
    for timed in &evidence.timed {
        let decisions = by_pair.remove(&timed.pair).unwrap_or_default();
        of_time(evidence, timed, &decisions, findings);
    }
    let pairs: BTreeSet<Pair> = by_pair.keys().chain(expected.keys()).cloned().collect();
    for pair in pairs {
        let got = by_pair.remove(&pair).unwrap_or_default();
        let got = got
            .iter()
            .map(|one| format!("{} by {}", one.verdict, one.event));
        let wanted = expected.remove(&pair).unwrap_or_default();
        differences(&pair, &wanted, &got.collect::<Vec<_>>(), findings);
    }
    reference
}

fn differences(pair: &Pair, wanted: &[String], got: &[String], findings: &mut Findings) {
    for number in 0..wanted.len().max(got.len()) {
        let (wanted, got) = (wanted.get(number), got.get(number));
        if wanted != got {
            let words = format!("{pair:?}, decision {number}: {got:?}, one worker: {wanted:?}");
            findings.beyond.push(words);
        }
    }
}

/// Decisions about a pair whose one conductor time may end.
fn of_time(evidence: &Evidence, timed: &Timed, decisions: &[&Decided], findings: &mut Findings) {
    let mut lost = false;
    for decided in decisions {
        let name = format!(
            "{} is {} at {}",
            timed.conductor, decided.verdict, decided.at_ms
        );
        match (decided.verdict.as_str(), decided.cause.as_str()) {
            ("lost", cause) if !lost && cause != "event" => {
                if let Some(why) = too_early(evidence, timed, decided) {
                    findings.false_removals.push(format!("{name}: {why}"));
                }
            }
            ("restored", "event") if lost => {
                if !timed.said.iter().any(|said| said.id == decided.event) {
                    findings.beyond.push(format!("{name} by {}", decided.event));
                }
            }
            (_, cause) => findings
                .beyond
                .push(format!("{name} by {cause}, lost before: {lost}")),
        }
        lost = decided.verdict == "lost";
    }
    if lost != timed.dead {
        let words = format!("{} is dead: {}, lost: {lost}", timed.conductor, timed.dead);
        findings.unnoticed.push(words);
    }
}

/// Why time cannot have ended a conductor at that moment.
fn too_early(evidence: &Evidence, timed: &Timed, decided: &Decided) -> Option<String> {
    let at = decided.at_ms;
    let grace = evidence.grace_ms.max(timed.timeout_ms.unwrap_or(0));
    let seen = |confirmed: u64| confirmed + UNSEEN_MS < at;
    let last = timed
        .said
        .iter()
        .rfind(|said| said.confirmed_ms.is_some_and(seen));
    let Some(last) = last else {
        return Some("nothing was heard of it yet".to_owned());
    };
    let Some(patience) = last.back_within_ms.or(timed.timeout_ms) else {
        return Some("it never promised to be heard".to_owned());
    };
    if last.began_ms + patience > at + ROUNDING_MS {
        let ago = at.saturating_sub(last.began_ms);
        return Some(format!("its last sign, {}, was {ago} ms before", last.id));
    }
    let taken = evidence.takeovers.get(&decided.epoch).copied();
    if let Some(taken) = taken.filter(|taken| taken + grace > at + ROUNDING_MS) {
        let ago = at.saturating_sub(taken);
        return Some(format!("epoch {} was taken {ago} ms before", decided.epoch));
    }
    let deaf = evidence.deaf.iter();
    let mut deaf = deaf.filter(|(from, to)| at > from + UNSEEN_MS && at + ROUNDING_MS < to + grace);
    let (from, to) = deaf.next()?;
    Some(format!("no replica heard anything from {from} to {to}"))
}

/// Subscriber, holds, marks and reference say the same of every node.
fn states(evidence: &Evidence, reference: &Reference, hearing: &Hearing, findings: &mut Findings) {
    let lost = reference.lost();
    let tables = &evidence.tables;
    let snapshot = evidence.snapshot.as_ref();
    if !snapshot.is_some_and(|snapshot| snapshot.seq == tables.seq && snapshot.out == tables.held) {
        let words = format!(
            "at {}, snapshot: {:?}",
            tables.seq,
            snapshot.map(|one| one.seq)
        );
        findings.contradictions.push(words);
    }
    if tables.nodes.len() != evidence.nodes.len() {
        let words = format!("{} nodes in the table", tables.nodes.len());
        findings.contradictions.push(words);
    }
    for node in &evidence.nodes {
        let timed = evidence.timed.iter().find(|timed| timed.pair == node.pair);
        let wanted = timed.map_or(lost.contains(&node.pair), |timed| timed.dead);
        let Some((marked, maintenance)) = tables.nodes.get(&node.uuid) else {
            findings
                .contradictions
                .push(format!("{} is gone", node.uuid));
            continue;
        };
        if *maintenance != node.maintenance {
            let words = format!("{}: its operators' maintenance changed", node.uuid);
            findings.contradictions.push(words);
        }
        let (held, heard) = (
            tables.held.contains(&node.uuid),
            hearing.out.contains(&node.uuid),
        );
        if [*marked, held, heard] != [wanted; 3] {
            findings.contradictions.push(format!(
                "{}: out by mark {marked}, hold {held}, subscriber {heard}, reference {wanted}",
                node.uuid
            ));
        }
    }
}
