//! What a replica says about itself: for `/readyz`, metrics and its log.

use std::time::{Duration, Instant};

use crate::store::Pause;
use crate::words::words;

words! {
    /// What this replica does.
    #[derive(Default)]
    Role, "a role" {
        /// It cannot decide yet: the broker or the database is out of reach, or not as it must be.
        #[default]
        Starting = "starting",
        /// It waits in line.
        Standby = "standby",
        /// It decides.
        Active = "active",
    }
}

/// A replica's state, as of its last step.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// What it does.
    pub role: Role,
    /// The epoch that it holds, while active.
    pub epoch: Option<u64>,
    /// Why it is not ready, or what troubles it: sentences for people, no secrets.
    pub troubles: Vec<String>,
    /// What troubles nothing and should be known: sentences for people.
    pub remarks: Vec<String>,
    /// While active: when its own tick last came back fresh; `None` before the first.
    pub last_tick: Option<Instant>,
    /// For how long silence proves nothing yet; zero if it counts, or while not active.
    pub unproven: Duration,
    /// The pause that keeps nodes in, as last looked at.
    pub pause: Option<Pause>,
    /// Pairs that reconcile has still to look at.
    pub pending: usize,
    /// When this was so: after each turn of the loop.
    pub at: Option<Instant>,
}

/// A loop that has not gone round for so long hangs: a dial of the database takes 10 s at most.
pub const HANGS: Duration = Duration::from_secs(15);

impl Status {
    /// A replica is ready if it decides or could, and nothing troubles it.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.role != Role::Starting && self.troubles.is_empty() && self.hangs().is_none()
    }

    /// Why it is not ready although nothing said so: its loop stands still.
    #[must_use]
    pub fn hangs(&self) -> Option<String> {
        let age = self.at.filter(|_| self.role != Role::Starting)?.elapsed();
        (age > HANGS).then(|| format!("its loop has not gone round for {} s", age.as_secs()))
    }
}
