//! What the loop goes by.

use std::time::Duration;

use crate::config::Mode;
use crate::store::Keeping;
use crate::wire::Publishers;

/// What the loop goes by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Whether decisions reach the nodes.
    pub mode: Mode,
    /// At most so many deliveries in one transaction.
    pub batch: usize,
    /// The longest planned restart that is honoured.
    pub back_within_cap: Duration,
    /// After a takeover or a gap of its own, silence proves nothing for that long.
    pub reconnect_grace: Duration,
    /// Conductors gone that long are forgotten.
    pub forget_after: Duration,
    /// How often everything is looked at.
    pub sweep_interval: Duration,
    /// At most so many nodes are looked at in one transaction.
    pub chunk_nodes: u32,
    /// At most so many nodes in one announcement.
    pub nodes_per_message: u32,
    /// How long a pair must never have had a conductor before its nodes go out; `None`: never.
    pub unknown_after: Option<Duration>,
    /// How long records are kept.
    pub keeping: Keeping,
    /// Above so many known conductors, new ones are refused.
    pub most_conductors: usize,
    /// Above so many known pairs, new ones are refused.
    pub most_pairs: usize,
    /// Who may speak for whom.
    pub publishers: Option<Publishers>,
}

#[cfg(test)]
impl Rules {
    /// As the settings have them by default, but keeping nothing.
    pub(super) fn example() -> Self {
        Self {
            mode: Mode::Enforce,
            batch: 256,
            back_within_cap: Duration::from_secs(900),
            reconnect_grace: Duration::from_secs(60),
            forget_after: Duration::from_secs(14 * 86_400),
            sweep_interval: Duration::from_secs(60),
            chunk_nodes: 5000,
            nodes_per_message: 500,
            unknown_after: None,
            keeping: Keeping {
                events: Duration::ZERO,
                announced: Duration::ZERO,
                decisions: Duration::ZERO,
            },
            most_conductors: 10_000,
            most_pairs: 100_000,
            publishers: None,
        }
    }
}
