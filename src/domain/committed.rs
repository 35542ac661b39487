//! How far a database's history is known to be committed, and what is missing from one that has less.
//!
//! A database can go back: a standby that was behind is promoted, a backup restored, a crash undoes what
//! was not durable. Whoever knows of more commits than the database has must not go on with its numbers,
//! which were given to other changes before.

use std::fmt;

/// A lost part may have seen takeovers that were never heard of, and one of their holders may have been
/// frozen since: more than there can have been, or it could write under an epoch that was given twice.
pub const UNHEARD_EPOCHS: u64 = 1000;

/// A point in a history that is known to be committed. Within a stream no number ever falls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The history, a UUID in text.
    pub stream: String,
    /// The last epoch that was taken.
    pub epoch: u64,
    /// The last `seq` that was given.
    pub seq: u64,
    /// How many transactions have written.
    pub commits: u64,
}

impl Committed {
    /// The furthest of both, if they are of one stream; else as it was.
    pub fn learn(&mut self, other: &Self) {
        if self.stream == other.stream {
            self.epoch = self.epoch.max(other.epoch);
            self.seq = self.seq.max(other.seq);
            self.commits = self.commits.max(other.commits);
        }
    }

    /// Whether nothing between the two took an epoch or began a stream.
    #[must_use]
    pub fn is_in_the_epoch_of(&self, other: &Self) -> bool {
        self.stream == other.stream && self.epoch == other.epoch
    }

    /// Whether a database that stands at `found` lacks some of this. One of another stream lacks all of
    /// it: whether that stream came after this one, the database alone can tell.
    #[must_use]
    pub fn is_missing_from(&self, found: &Self) -> bool {
        self.stream != found.stream
            || self.epoch > found.epoch
            || self.seq > found.seq
            || self.commits > found.commits
    }
}

/// What a database has lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What was known to be committed.
    pub known: Committed,
    /// What the database had.
    pub found: Committed,
}

impl Loss {
    /// How many commits are known to be lost; at least one.
    #[must_use]
    pub fn commits(&self) -> u64 {
        let lost = self.known.commits.saturating_sub(self.found.commits);
        lost.max(1)
    }

    /// The first and the last `seq` that is known to have been given to a change that is lost.
    #[must_use]
    pub fn seqs(&self) -> Option<(u64, u64)> {
        let (found, known) = (self.found.seq, self.known.seq);
        let given = self.known.stream == self.found.stream && known > found;
        given.then_some((found + 1, known))
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, found } = self;
        if known.stream != found.stream {
            return write!(
                f,
                "stream {} and all that was committed in it (epoch {}, seq {}, commit {}); it has stream {}",
                known.stream, known.epoch, known.seq, known.commits, found.stream
            );
        }
        match self.commits() {
            1 => write!(f, "1 commit after commit {}", found.commits)?,
            many => write!(f, "{many} commits after commit {}", found.commits)?,
        }
        match self.seqs() {
            Some((first, last)) if first == last => write!(f, ", with the change of seq {first}")?,
            Some((first, last)) => write!(f, ", with the changes of seq {first} to {last}")?,
            None => write!(f, ", none of them known to have a change")?,
        }
        if known.epoch > found.epoch {
            write!(f, "; epoch {} is back at {}", known.epoch, found.epoch)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(stream: &str, epoch: u64, seq: u64, commits: u64) -> Committed {
        Committed {
            stream: stream.to_owned(),
            epoch,
            seq,
            commits,
        }
    }

    #[test]
    fn a_database_lacks_something_if_any_number_is_less_or_its_stream_is_another() {
        let known = at("s", 2, 30, 400);
        for (found, missing) in [
            (at("s", 2, 30, 400), false),
            (at("s", 3, 31, 401), false),
            (at("s", 1, 31, 401), true),
            (at("s", 3, 29, 401), true),
            (at("s", 3, 31, 399), true),
            (at("t", 3, 31, 401), true),
        ] {
            assert_eq!(known.is_missing_from(&found), missing, "{found:?}");
        }
    }

    #[test]
    fn what_is_known_grows_number_by_number_and_in_its_own_stream_alone() {
        let mut known = at("s", 2, 30, 400);
        known.learn(&at("s", 1, 40, 300));
        assert_eq!(known, at("s", 2, 40, 400));
        known.learn(&at("t", 9, 90, 900));
        assert_eq!(known, at("s", 2, 40, 400));
    }

    #[test]
    fn a_loss_says_how_much_is_gone() {
        #[rustfmt::skip]
        let table = [
            (at("s", 2, 30, 400), at("s", 2, 30, 399),
             "1 commit after commit 399, none of them known to have a change"),
            (at("s", 2, 30, 400), at("s", 2, 29, 390),
             "10 commits after commit 390, with the change of seq 30"),
            (at("s", 2, 30, 400), at("s", 1, 10, 390),
             "10 commits after commit 390, with the changes of seq 11 to 30; epoch 2 is back at 1"),
            (at("t", 2, 30, 400), at("s", 1, 10, 390),
             "stream t and all that was committed in it (epoch 2, seq 30, commit 400); it has stream s"),
        ];
        for (known, found, said) in table {
            assert_eq!(Loss { known, found }.to_string(), said);
        }
    }
}
