//! What a worker goes by in tests, as shipped settings say unless a test changes a field:
//! `Rules { batch: 1, ..rules() }`.

use std::time::Duration;

use nodewarden::config::Mode;
use nodewarden::store::Keeping;
use nodewarden::worker::Rules;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A worker that enforces, and to which everybody may speak for every conductor.
pub fn rules() -> Rules {
    Rules {
        mode: Mode::Enforce,
        batch: 256,
        back_within_cap: Duration::from_secs(900),
        reconnect_grace: Duration::from_secs(60),
        forget_after: 14 * DAY,
        sweep_interval: Duration::from_secs(60),
        chunk_nodes: 1000,
        nodes_per_message: 500,
        unknown_after: None,
        keeping: Keeping {
            events: 7 * DAY,
            announced: 7 * DAY,
            decisions: 90 * DAY,
        },
        most_conductors: 10_000,
        most_pairs: 100_000,
        publishers: None,
    }
}
