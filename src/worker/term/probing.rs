//! [`Probing`]: what is known of the probes of a term.

use std::collections::VecDeque;

use crate::domain::time::Mono;

/// Probes that are remembered: one a second, and one that is older than a second proves nothing.
const REMEMBERED: usize = 8;

/// What is known of the probes of a term.
pub(in crate::worker) struct Probing {
    /// Nonces and sending instants of the last ones.
    sent: VecDeque<(String, Mono)>,
    /// Why the last one was returned; cleared when one comes back.
    pub(in crate::worker) returned: Option<String>,
    /// Whether the log has a line that this replica is deaf, and none yet that it hears again.
    pub(in crate::worker) said_deaf: bool,
    pub(in crate::worker) last_repair: Mono,
    pub(in crate::worker) repair_at_once: bool,
    /// Parts of the topology are still to be made again.
    pub(in crate::worker) repairing: bool,
    /// When the last one was.
    pub(in crate::worker) last_part: Mono,
}

impl Probing {
    /// A term begins, on a topology that was ensured when the session was opened.
    pub(in crate::worker) fn from(now: Mono) -> Self {
        Self {
            sent: VecDeque::new(),
            returned: None,
            said_deaf: false,
            last_repair: now,
            repair_at_once: false,
            repairing: false,
            last_part: now,
        }
    }

    /// One was sent; the oldest is forgotten.
    pub(in crate::worker) fn sent(&mut self, nonce: String, at: Mono) {
        self.sent.truncate(REMEMBERED - 1);
        self.sent.push_front((nonce, at));
    }

    /// When the probe with this nonce was sent, if it is one of ours.
    pub(in crate::worker) fn sent_at(&self, nonce: &str) -> Option<Mono> {
        let ours = self.sent.iter().find(|(one, _)| one == nonce);
        ours.map(|(_, at)| *at)
    }

    /// One of ours came back.
    pub(in crate::worker) fn came_back(&mut self) {
        self.returned = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::example::at;

    #[test]
    fn i7_only_a_probe_of_ours_that_is_not_long_past_is_known() {
        let mut probing = Probing::from(at(0));
        for second in 0..=REMEMBERED as u64 {
            probing.sent(format!("n{second}"), at(second));
        }
        assert_eq!(probing.sent_at("n0"), None, "forgotten");
        assert_eq!(probing.sent_at("n1"), Some(at(1)));
        assert_eq!(probing.sent_at("n8"), Some(at(8)));
        assert_eq!(probing.sent_at("forged"), None);
    }
}
