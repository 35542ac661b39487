//! What is said at start about the longest time from a conductor's death to the announcement.

use std::time::Duration;

use super::AppFault;
use crate::config::{InventoryKind, Settings};
use crate::domain::conductor::ConductorState;
use crate::domain::hearing::{FRESH, TICK_INTERVAL, slack};
use crate::store::Reader;

/// Says at start how long a dead conductor's nodes can stay in service, with today's time-outs.
pub(super) async fn log(settings: &Settings, reader: &Reader) -> Result<(), AppFault> {
    let conductors = reader
        .conductors()
        .await
        .map_err(|source| AppFault::database(settings, source))?;
    let longest = conductors
        .iter()
        .filter(|conductor| conductor.state != ConductorState::Left)
        .filter_map(|conductor| conductor.heartbeat_timeout_ms)
        .max()
        .map(Duration::from_millis);
    let unwatched = conductors
        .iter()
        .filter(|conductor| {
            conductor.state == ConductorState::Active && conductor.heartbeat_timeout_ms.is_none()
        })
        .count();
    tracing::info!(
        "{}; a stall of nodewarden's own adds its length",
        worst_case(settings.decide.reconnect_grace, longest)
    );
    // With an Ironic the bridge watches them.
    if unwatched > 0 && settings.inventory.kind == InventoryKind::Native {
        tracing::warn!(
            conductors = unwatched,
            "active conductors without heartbeat_timeout_ms are never found dead: only `left` and \
             `heartbeat_timeout` end them"
        );
    }
    Ok(())
}

/// The time-out, a tick's interval and its freshness (and the slack of a short time-out).
fn worst_case(reconnect_grace: Duration, longest: Option<Duration>) -> String {
    let show = |duration: Duration| humantime::format_duration(duration).to_string();
    let margin = TICK_INTERVAL + FRESH + longest.map(slack).unwrap_or_default();
    match longest {
        Some(longest) => format!(
            "worst case from a conductor's death to the announcement: {} (the longest heartbeat timeout known, {}, \
             + {}); after a takeover or a gap of its own: {}",
            show(longest + margin),
            show(longest),
            show(margin),
            show(longest + longest.max(reconnect_grace) + margin),
        ),
        None => format!(
            "worst case from a conductor's death to the announcement: its own heartbeat_timeout_ms + {}; after a \
             takeover or a gap of our own: its time-out + the larger of it and decide.reconnect_grace ({}) + {}",
            show(margin),
            show(reconnect_grace),
            show(margin),
        ),
    }
}
