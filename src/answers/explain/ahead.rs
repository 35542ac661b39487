//! A conductor whose clock ran ahead once.

use super::length;
use crate::store::ConductorView;

/// Clocks of hosts differ by less.
const AHEAD_MS: u64 = 60_000;

/// What others report of its silence is stale until time has caught up.
pub fn ahead(view: &ConductorView) -> Option<String> {
    let by = view.last_sent_at_ms?.checked_sub(view.last_sign_at_ms)?;
    (by > AHEAD_MS).then(|| {
        format!(
            "The latest sent_at_ms that is known of it was {} ahead of our clock when it was last heard: a \
             heartbeat_timeout with an earlier last_seen_ms is stale. A higher incarnation, or its left, ends that.",
            length(by)
        )
    })
}
