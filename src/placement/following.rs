//! What a subscriber makes of the stream: a snapshot, then every change above it, once and in order. Pure.

use std::collections::BTreeSet;

use crate::domain::ids::node_id;
use crate::wire::Announced;

/// The nodes that are out of service, as far as the stream was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    /// The history that is followed.
    pub stream: String,
    /// The last change that is known.
    pub seq: u64,
    pub out: BTreeSet<String>,
}

/// What a message told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// These nodes changed, each with the `seq` of its change; none: a repeat, or nothing about nodes.
    Changed(Vec<(String, u64)>),
    /// Something was missed: only a new snapshot helps. Says what.
    Missed(String),
}

impl Following {
    /// Begins with a snapshot: what is out of service as of `seq`.
    #[must_use]
    pub fn new(stream: String, seq: u64, out: BTreeSet<String>) -> Self {
        Self { stream, seq, out }
    }

    pub fn follow(&mut self, message: Announced) -> Told {
        let stream = message.stream();
        if stream != self.stream {
            return Told::Missed(format!("the stream is {stream} now, not {}", self.stream));
        }
        match message {
            Announced::Out(message) => self.apply(&message.nodes, true),
            Announced::Back(message) => self.apply(&message.nodes, false),
            Announced::Position(message) if message.seq > self.seq => Told::Missed(format!(
                "the stream is at {}, the last change heard of is {}",
                message.seq, self.seq
            )),
            Announced::Position(_) => Told::Changed(Vec::new()),
        }
    }

    fn apply(&mut self, nodes: &[crate::wire::out::Node], out: bool) -> Told {
        let mut changed = Vec::new();
        for node in nodes {
            if node.seq <= self.seq {
                continue;
            }
            if node.seq != self.seq + 1 {
                // What came before the gap counts all the same: the snapshot will show it, too.
                return Told::Missed(format!("change {} follows {}", node.seq, self.seq));
            }
            self.seq = node.seq;
            // In Placement's own spelling: a table that users fill may have another.
            let uuid = node_id(&node.uuid);
            if out {
                self.out.insert(uuid.clone());
            } else {
                self.out.remove(&uuid);
            }
            changed.push((uuid, node.seq));
        }
        Told::Changed(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::samples::{self, node, position};
    use crate::wire::out::BackInServiceReason;

    fn out(stream: &str, seqs: &[u64]) -> Announced {
        let nodes = seqs.iter().map(|seq| node(*seq, &format!("node-{seq}")));
        samples::out(stream, nodes.collect())
    }

    fn back(uuid: &str, seq: u64) -> Announced {
        samples::back(BackInServiceReason::DriverRestored, vec![node(seq, uuid)])
    }

    fn following(seq: u64, out: &[&str]) -> Following {
        let out = out.iter().map(|uuid| (*uuid).to_owned()).collect();
        Following::new("s".into(), seq, out)
    }

    #[test]
    fn changes_above_the_snapshot_are_followed_once_and_in_order() {
        let mut following = following(2, &["node-1", "node-2"]);
        let told = following.follow(out("s", &[1, 2, 3, 4]));
        let expected = vec![("node-3".to_owned(), 3), ("node-4".to_owned(), 4)];
        assert_eq!(told, Told::Changed(expected));
        assert_eq!(
            following.follow(out("s", &[3, 4])),
            Told::Changed(Vec::new())
        );
        let told = following.follow(back("node-1", 5));
        assert_eq!(told, Told::Changed(vec![("node-1".to_owned(), 5)]));
        let out: Vec<&String> = following.out.iter().collect();
        assert_eq!(out, ["node-2", "node-3", "node-4"]);
        assert_eq!(following.seq, 5);
    }

    #[test]
    fn a_node_has_one_id_however_its_row_spells_it() {
        let id = "406b2f34-0195-4fc2-a6bb-338fb25cca4f";
        let mut following = following(2, &[id]);
        let told = following.follow(back(&id.to_uppercase(), 3));
        assert_eq!(told, Told::Changed(vec![(id.to_owned(), 3)]));
        assert_eq!(following.out.len(), 0);
    }

    #[test]
    fn a_gap_another_stream_and_a_position_ahead_need_a_snapshot() {
        let cases = [
            (out("s", &[4]), "change 4 follows 2"),
            (out("other", &[3]), "the stream is other now, not s"),
            (
                position("s", 3),
                "the stream is at 3, the last change heard of is 2",
            ),
        ];
        for (message, why) in cases {
            let mut following = following(2, &["node-1"]);
            assert_eq!(following.follow(message), Told::Missed(why.to_owned()));
            assert_eq!(following.seq, 2);
        }
        let told = following(2, &[]).follow(position("s", 2));
        assert_eq!(told, Told::Changed(Vec::new()));
    }
}
