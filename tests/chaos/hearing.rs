//! [`Hearing`]: the subscriber of the contract, section 2: it follows `seq`, skips repeats, notices gaps, and
//! holds what it hears against the tables. The types here are its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::event::Pair;
use crate::evidence::{Change, Decided, Evidence, Heard, Loss, Tables};
use crate::judge::Findings;

#[derive(Deserialize)]
struct Announcement {
    stream: String,
    epoch: u64,
    decision_id: String,
    conductor_group: String,
    driver: String,
    reason: String,
    cause: Cause,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Cause {
    event_id: Option<String>,
}

#[derive(Deserialize)]
struct Node {
    seq: u64,
    uuid: String,
}

#[derive(Deserialize)]
struct Position {
    stream: String,
    epoch: u64,
    seq: u64,
}

/// What the subscriber knows.
#[derive(Default)]
pub struct Hearing {
    /// By what it heard.
    pub out: BTreeSet<String>,
    last: u64,
    epoch: u64,
    messages: BTreeMap<String, Heard>,
    changes: BTreeMap<u64, Change>,
    /// The database has lost commits, and its new stream began.
    began_again: bool,
}

impl Hearing {
    pub fn of(evidence: &Evidence, findings: &mut Findings) -> Self {
        let mut hearing = Self::default();
        let decisions = evidence.tables.decisions.iter();
        let decisions: BTreeMap<&str, &Decided> =
            decisions.map(|one| (one.id.as_str(), one)).collect();
        let nodes = evidence.nodes.iter();
        let pairs: BTreeMap<&str, &Pair> =
            nodes.map(|node| (node.uuid.as_str(), &node.pair)).collect();
        for heard in &evidence.heard {
            if let Some(before) = hearing.messages.get(&heard.id) {
                if before != heard {
                    let words = format!("{} was repeated with other bytes", heard.id);
                    findings.contradictions.push(words);
                }
            } else {
                hearing.messages.insert(heard.id.clone(), heard.clone());
            }
            if let Err(fault) = hearing.hear(evidence, heard, &decisions, &pairs, findings) {
                let words = format!("{} cannot be read: {fault}", heard.id);
                findings.contradictions.push(words);
            }
        }
        hearing.compare(evidence, findings);
        hearing
    }

    fn hear(
        &mut self,
        evidence: &Evidence,
        heard: &Heard,
        decisions: &BTreeMap<&str, &Decided>,
        pairs: &BTreeMap<&str, &Pair>,
        findings: &mut Findings,
    ) -> Result<(), rmp_serde::decode::Error> {
        let out = match heard.kind.as_str() {
            "node.out_of_service" => true,
            "node.back_in_service" => false,
            "node.position" => {
                let position: Position = rmp_serde::from_slice(&heard.body)?;
                self.follow(evidence, &heard.id, &position.stream, findings);
                if position.seq > self.last {
                    self.missed(position.seq, findings);
                }
                self.decided_by(position.epoch, position.seq == self.last, findings);
                return Ok(());
            }
            other => {
                findings
                    .contradictions
                    .push(format!("{} is a {other}", heard.id));
                return Ok(());
            }
        };
        let message: Announcement = rmp_serde::from_slice(&heard.body)?;
        self.follow(evidence, &heard.id, &message.stream, findings);
        let known = decisions.get(message.decision_id.as_str());
        let loss = evidence.loss.as_ref().filter(|_| !self.began_again);
        let is_left = |seq: u64| loss.is_none_or(|loss| seq <= loss.seq);
        if message.nodes.iter().any(|node| is_left(node.seq))
            && !known.is_some_and(|decided| agrees(decided, &message, out))
        {
            let words = format!("{} does not say what was decided", heard.id);
            findings.contradictions.push(words);
        }
        let pair = (message.conductor_group.clone(), message.driver.clone());
        let mut new = false;
        for node in message.nodes {
            if pairs
                .get(node.uuid.as_str())
                .is_none_or(|its| **its != pair)
            {
                let words = format!("{} names {}, which is not of {pair:?}", heard.id, node.uuid);
                findings.contradictions.push(words);
            }
            let change = Change {
                seq: node.seq,
                uuid: node.uuid,
                out,
            };
            new |= self.change(change, findings);
        }
        self.decided_by(message.epoch, new, findings);
        Ok(())
    }

    fn follow(&mut self, evidence: &Evidence, id: &str, stream: &str, findings: &mut Findings) {
        let loss = evidence.loss.as_ref().filter(|_| !self.began_again);
        if let Some(loss) = loss
            && stream == evidence.tables.stream
        {
            self.begin_again(loss, &evidence.tables);
        } else if loss.map_or(&evidence.tables.stream, |loss| &loss.stream) != stream {
            let words = format!("{id} is of another stream, {stream}");
            findings.contradictions.push(words);
        }
    }

    /// As the contract says of another stream: forgets, and takes a snapshot.
    fn begin_again(&mut self, loss: &Loss, tables: &Tables) {
        self.began_again = true;
        drop(self.changes.split_off(&(loss.seq + 1)));
        self.out.clear();
        for change in tables.changes.iter().filter(|one| one.seq <= loss.seq) {
            match change.out {
                true => self.out.insert(change.uuid.clone()),
                false => self.out.remove(&change.uuid),
            };
            let heard = self.changes.entry(change.seq);
            heard.or_insert_with(|| change.clone());
        }
        self.last = loss.seq;
    }

    /// Epochs never fall along the stream.
    fn decided_by(&mut self, epoch: u64, new: bool, findings: &mut Findings) {
        if new && epoch < self.epoch {
            let words = format!("epoch {epoch} follows {} at {}", self.epoch, self.last);
            findings.contradictions.push(words);
        }
        self.epoch = self.epoch.max(epoch);
    }

    /// Whether it is new.
    fn change(&mut self, change: Change, findings: &mut Findings) -> bool {
        if change.seq <= self.last {
            if self
                .changes
                .get(&change.seq)
                .is_some_and(|before| *before != change)
            {
                let words = format!("{} means two things", change.seq);
                findings.contradictions.push(words);
            }
            return false;
        }
        if change.seq > self.last + 1 {
            self.missed(change.seq - 1, findings);
        }
        let moved = if change.out {
            self.out.insert(change.uuid.clone())
        } else {
            self.out.remove(&change.uuid)
        };
        if !moved {
            let words = format!("{} changes nothing: {change:?}", change.seq);
            findings.contradictions.push(words);
        }
        self.last = change.seq;
        self.changes.insert(change.seq, change);
        true
    }

    fn missed(&mut self, through: u64, findings: &mut Findings) {
        let words = format!("{} to {through} were not heard in time", self.last + 1);
        findings.gaps.push(words);
        self.last = through;
    }

    /// What was heard is what the tables have.
    fn compare(&mut self, evidence: &Evidence, findings: &mut Findings) {
        let tables = &evidence.tables;
        if evidence.loss.is_some() && !self.began_again {
            let words = "commits were lost, and no new stream began";
            findings.unnoticed.push(words.to_owned());
        }
        if self.last < tables.seq {
            self.missed(tables.seq, findings);
        }
        if self.last > tables.seq {
            let words = format!("{} was heard, the database is at {}", self.last, tables.seq);
            findings.contradictions.push(words);
        }
        let heard: Vec<&Change> = self.changes.values().collect();
        let stored: Vec<&Change> = tables.changes.iter().collect();
        if heard != stored {
            let pairs = heard.iter().zip(&stored);
            let same = pairs.take_while(|(heard, stored)| heard == stored).count();
            findings.contradictions.push(format!(
                "heard {:?}, stored {:?}, after {same} equal changes",
                heard.get(same),
                stored.get(same)
            ));
        }
    }
}

/// Whether a message says of its decision what the tables say of it.
fn agrees(decided: &Decided, message: &Announcement, out: bool) -> bool {
    let pair = (message.conductor_group.clone(), message.driver.clone());
    // One about a return is about the hold that ends, with the cause of the return.
    let cause = message.cause.event_id.as_deref().unwrap_or_default();
    decided.pair == pair
        && decided.verdict == "lost"
        && if out {
            message.reason == "driver_lost"
                && decided.event == cause
                && decided.epoch <= message.epoch
        } else {
            message.reason == "driver_restored"
        }
}
