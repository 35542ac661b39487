//! [`Probing`]: what is known of the probes of a term.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::hearing::GAP;
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
    /// How much of the silence that goes on is counted as deafness.
    counted: Duration,
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
            counted: Duration::ZERO,
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

    /// We have heard nothing for so long, which goes on: how much of it is to be counted now as deafness.
    pub(in crate::worker) fn deaf_for(&mut self, silent: Duration) -> Duration {
        if silent <= GAP {
            return Duration::ZERO;
        }
        silent.saturating_sub(std::mem::replace(&mut self.counted, silent))
    }

    /// We hear again, and were deaf for so long: how much of that is still to be counted.
    pub(in crate::worker) fn hears_after(&mut self, deaf: Duration) -> Duration {
        deaf.saturating_sub(std::mem::take(&mut self.counted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::example::at;

    #[test]
    fn deafness_is_counted_while_it_goes_on_and_once() {
        let seconds = Duration::from_secs;
        let mut probing = Probing::from(at(0));
        let counted = [1, 3, 4, 5, 9].map(|silent| probing.deaf_for(seconds(silent)));
        assert_eq!(counted, [0, 0, 4, 1, 4].map(seconds));
        assert_eq!(probing.hears_after(seconds(10)), seconds(1));
        assert_eq!(probing.hears_after(seconds(2)), seconds(2), "a stall");
    }

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
