//! What is left to do: which providers are to be looked at, and how far the stream is carried out.
//! Pure.
//!
//! The wish about a node is read when its turn comes, never when it is put into the line: whatever
//! order answers come in, the last wish is carried out last.

use std::collections::{BTreeMap, BTreeSet};

use super::following::{Following, Told};
use crate::wire::Announced;

/// What a comparison would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Out of service, and no member.
    pub add: Vec<String>,
    /// A member, and not out of service.
    pub remove: Vec<String>,
}

impl Plan {
    /// What makes `members` equal to `out`.
    #[must_use]
    pub fn new(out: &BTreeSet<String>, members: &BTreeSet<String>) -> Self {
        Self {
            add: out.difference(members).cloned().collect(),
            remove: members.difference(out).cloned().collect(),
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It was followed, or a repeat.
    Followed,
    /// Something was missed: a new snapshot helps. Says what.
    Missed(String),
    /// The broker speaks of another stream than the snapshot. Says which.
    AnotherStream(String),
}

/// What is wished, and what of it waits.
#[derive(Debug, Default)]
pub struct Wanted {
    following: Option<Following>,
    /// Nodes to look at, and the change that put each there.
    waiting: BTreeMap<String, u64>,
    /// Nodes that are looked at now, and the change that put each there.
    under_way: BTreeMap<String, u64>,
    /// Nodes that Placement does not know, as of the last look at each.
    unknown: BTreeSet<String>,
    /// The broker speaks of the stream that the snapshot is of: only then does what is missing from
    /// the snapshot prove anything.
    heard: bool,
    /// All members were compared with what the snapshot says: what came before it is waiting or done.
    compared: bool,
    /// Everything up to this change was seen to be carried out; nothing, before the first comparison.
    proven: Option<u64>,
}

impl Wanted {
    /// Begins again with a snapshot. One of another stream forgets what waited: that was wished of
    /// another history. One that is older than what was followed is refused.
    ///
    /// # Errors
    /// A sentence; nothing changed.
    pub fn begin(&mut self, following: Following) -> Result<(), String> {
        match &self.following {
            Some(before) if before.stream() != following.stream() => {
                self.heard = false;
                self.waiting.clear();
            }
            Some(before) if before.seq() > following.seq() => {
                return Err(format!(
                    "the snapshot is as of change {}, and {} was heard already: does its replica ask a database \
                     that lags?",
                    following.seq(),
                    before.seq()
                ));
            }
            Some(_) | None => {}
        }
        self.prove();
        self.compared = false;
        if self.following.as_ref().map(Following::stream) != Some(following.stream()) {
            self.proven = None;
        }
        self.following = Some(following);
        Ok(())
    }

    /// Follows one message.
    pub fn hear(&mut self, message: Announced) -> Heard {
        let Some(following) = self.following.as_mut() else {
            return Heard::Followed;
        };
        let of_ours = message.stream() == following.stream();
        self.heard |= of_ours;
        match following.follow(message) {
            Told::Missed(why) if of_ours => Heard::Missed(why),
            Told::Missed(why) => Heard::AnotherStream(why),
            Told::Changed(changes) => {
                for (uuid, seq) in changes {
                    // What is undone yet of an older change is still to be done.
                    self.waiting.entry(uuid).or_insert(seq);
                }
                Heard::Followed
            }
        }
    }

    /// Compares with the members that there are: what differs is to be looked at. What is a member and
    /// is not wished is left alone until the broker was heard to speak of the same stream. How many
    /// differ.
    pub fn compare(&mut self, members: &BTreeSet<String>) -> usize {
        let Some(following) = &self.following else {
            return 0;
        };
        let mut plan = Plan::new(following.out(), members);
        if !self.heard {
            plan.remove.clear();
        }
        // Which change asked for it is not known; what was proven before stays so.
        let seq = self.prove().unwrap_or(0) + 1;
        self.compared = self.heard;
        let count = plan.add.len() + plan.remove.len();
        for uuid in plan.add.into_iter().chain(plan.remove) {
            if !self.under_way.contains_key(&uuid) {
                self.waiting.entry(uuid).or_insert(seq);
            }
        }
        count
    }

    /// The next node to look at that is not among those `passed` by, and whether it is to be a member.
    /// Until the broker was heard to speak of the snapshot's stream, none is to be a member no longer.
    pub fn take(&mut self, passed: &BTreeSet<String>) -> Option<(String, bool)> {
        let following = self.following.as_ref()?;
        let free = |uuid: &&String| {
            let may = self.heard || following.out().contains(*uuid);
            may && !self.under_way.contains_key(*uuid) && !passed.contains(*uuid)
        };
        let uuid = self.waiting.keys().find(free)?.clone();
        let member = self.wishes(&uuid)?;
        let seq = self.waiting.remove(&uuid)?;
        self.under_way.insert(uuid.clone(), seq);
        Some((uuid, member))
    }

    /// A node is as it was wished when its turn came.
    pub fn done(&mut self, uuid: &str, known: bool) {
        self.under_way.remove(uuid);
        if known {
            self.unknown.remove(uuid);
        } else {
            self.unknown.insert(uuid.to_owned());
        }
    }

    /// It could not be done: its turn comes again.
    pub fn failed(&mut self, uuid: &str) {
        if let Some(seq) = self.under_way.remove(uuid) {
            let waiting = self.waiting.entry(uuid.to_owned()).or_insert(seq);
            *waiting = seq.min(*waiting);
        }
    }

    fn wishes(&self, uuid: &str) -> Option<bool> {
        let following = self.following.as_ref()?;
        Some(following.out().contains(uuid))
    }

    /// Everything up to this change of this stream has been carried out, or is superseded; `None`: nothing
    /// is known to be yet.
    pub fn applied(&mut self) -> Option<(&str, u64)> {
        let seq = self.prove()?;
        let following = self.following.as_ref()?;
        Some((following.stream(), seq))
    }

    /// What is proven as of now; it never goes back within a stream.
    fn prove(&mut self) -> Option<u64> {
        if self.compared
            && let Some(following) = &self.following
        {
            let waiting = self.waiting.values().chain(self.under_way.values()).min();
            let seq = waiting.map_or(following.seq(), |seq| seq.saturating_sub(1));
            self.proven = self.proven.max(Some(seq));
        }
        self.proven
    }

    /// Whether the broker was heard to speak of the snapshot's stream and no comparison followed yet.
    #[must_use]
    pub fn awaits_comparison(&self) -> bool {
        self.heard && !self.compared
    }

    /// How many nodes are out of service, wait for their turn, and are unknown to Placement.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let out = self
            .following
            .as_ref()
            .map_or(0, |following| following.out().len());
        let known_out = |uuid: &&String| self.wishes(uuid) == Some(true);
        let unknown = self.unknown.iter().filter(known_out).count();
        (out, self.waiting.len() + self.under_way.len(), unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::out::{Cause, Node, NodeOutOfService, NodePosition, OutOfServiceReason};

    fn set(uuids: &[&str]) -> BTreeSet<String> {
        uuids.iter().map(|uuid| (*uuid).to_owned()).collect()
    }

    fn wanted(out: &[&str]) -> Wanted {
        let mut wanted = Wanted::default();
        let following = Following::new("s".into(), 7, set(out));
        wanted.begin(following).unwrap();
        wanted
    }

    fn position(stream: &str, seq: u64) -> Announced {
        Announced::Position(NodePosition {
            stream: stream.into(),
            epoch: 1,
            seq,
        })
    }

    fn out(seq: u64, uuid: &str) -> Announced {
        Announced::Out(NodeOutOfService {
            stream: "s".into(),
            epoch: 1,
            decision_id: "d".into(),
            conductor_group: String::new(),
            driver: "ipmi".into(),
            reason: OutOfServiceReason::DriverLost,
            cause: Cause {
                event_id: None,
                event: None,
                conductor: None,
            },
            last_good_at_ms: None,
            decided_at_ms: 1,
            nodes: vec![Node {
                seq,
                uuid: uuid.to_owned(),
                name: None,
            }],
        })
    }

    fn drain(wanted: &mut Wanted) -> Vec<(String, bool)> {
        std::iter::from_fn(|| wanted.take(&BTreeSet::new())).collect()
    }

    #[test]
    fn a_member_too_many_stays_until_the_broker_speaks_of_the_same_stream() {
        let mut wanted = wanted(&["a", "b"]);
        assert_eq!(wanted.compare(&set(&["b", "old"])), 1);
        assert_eq!(drain(&mut wanted), [("a".to_owned(), true)]);
        let heard = wanted.hear(position("another", 7));
        assert!(matches!(heard, Heard::AnotherStream(_)), "{heard:?}");
        assert_eq!(wanted.compare(&set(&["a", "b", "old"])), 0);
        assert_eq!(wanted.hear(position("s", 7)), Heard::Followed);
        assert_eq!(wanted.compare(&set(&["a", "b", "old"])), 1);
        assert_eq!(drain(&mut wanted), [("old".to_owned(), false)]);
    }

    #[test]
    fn only_what_is_carried_out_counts_as_applied() {
        let none = BTreeSet::new();
        let mut wanted = wanted(&["a"]);
        wanted.compare(&set(&["old"]));
        assert_eq!(wanted.applied(), None, "what is too much was left alone");
        assert_eq!(wanted.hear(position("s", 7)), Heard::Followed);
        assert!(wanted.awaits_comparison());
        wanted.compare(&set(&["old"]));
        assert_eq!(wanted.applied(), Some(("s", 0)));
        let (uuid, _) = wanted.take(&none).unwrap();
        wanted.failed(&uuid);
        assert_eq!(drain(&mut wanted).len(), 2);
        wanted.done("a", false);
        assert_eq!(wanted.applied(), Some(("s", 0)));
        wanted.done("old", true);
        assert_eq!(wanted.applied(), Some(("s", 7)));
        assert_eq!(wanted.counts(), (1, 0, 1));
        // A member that somebody else removed, and a snapshot of changes that were missed: nothing that
        // was carried out becomes undone.
        wanted.compare(&set(&[]));
        assert_eq!(wanted.applied(), Some(("s", 7)));
        let newer = Following::new("s".into(), 9, set(&["a", "b"]));
        wanted.begin(newer).unwrap();
        assert_eq!(wanted.applied(), Some(("s", 7)));
        wanted.compare(&set(&["a", "b"]));
        assert_eq!(drain(&mut wanted), [("a".to_owned(), true)]);
        wanted.done("a", true);
        assert_eq!(wanted.applied(), Some(("s", 9)));
        let another = Following::new("t".into(), 3, set(&[]));
        wanted.begin(another).unwrap();
        assert_eq!(wanted.applied(), None);
    }

    #[test]
    fn a_node_that_changes_again_before_its_turn_waits_for_its_first_change() {
        let mut wanted = wanted(&[]);
        assert_eq!(wanted.hear(position("s", 7)), Heard::Followed);
        wanted.compare(&set(&[]));
        for seq in [8, 9] {
            assert_eq!(wanted.hear(out(seq, "a")), Heard::Followed);
        }
        assert_eq!(wanted.applied(), Some(("s", 7)));
    }

    #[test]
    fn nothing_is_done_without_a_snapshot() {
        let none = BTreeSet::new();
        let mut wanted = Wanted::default();
        assert_eq!(wanted.hear(position("s", 1)), Heard::Followed);
        assert_eq!(wanted.compare(&set(&["a"])), 0);
        assert_eq!(wanted.take(&none), None);
        assert_eq!(wanted.applied(), None);
    }

    #[test]
    fn what_waited_of_another_history_is_forgotten_and_an_older_snapshot_refused() {
        let mut wanted = wanted(&["a"]);
        assert_eq!(wanted.hear(position("s", 7)), Heard::Followed);
        wanted.compare(&set(&["b"]));
        let older = Following::new("s".into(), 6, set(&[]));
        assert!(wanted.begin(older).unwrap_err().contains("lags"));
        let another = Following::new("empty".into(), 0, set(&[]));
        wanted.begin(another).unwrap();
        wanted.compare(&set(&["a", "b"]));
        assert_eq!(drain(&mut wanted), []);
    }

    #[test]
    fn a_node_that_fails_is_passed_by_for_the_others() {
        let mut wanted = wanted(&["a", "b"]);
        wanted.compare(&set(&[]));
        let (uuid, _) = wanted.take(&BTreeSet::new()).unwrap();
        wanted.failed(&uuid);
        let passed = set(&["a"]);
        assert_eq!(wanted.take(&passed), Some(("b".to_owned(), true)));
        assert_eq!(wanted.take(&passed), None);
    }
}
