//! What `status` says of the active replica's hearing and its troubles.

use std::time::Duration;

use super::output;
use crate::answers::explain::{distance, length, when};
use crate::clock::millis;
use crate::store::HearingNote;
use crate::telemetry::printable;

/// For how long silence proves nothing yet; while deaf, from the end of that on.
pub fn unproven(note: &HearingNote, now_ms: u64) -> Duration {
    if note.deaf || note.unproven_since_ms.is_none() {
        return note.unproven;
    }
    let passed = now_ms.saturating_sub(note.noted_at_ms);
    note.unproven.saturating_sub(Duration::from_millis(passed))
}

/// What the active replica says of its hearing and its troubles; nothing while all is well.
pub fn hearing(note: &HearingNote, now_ms: u64) -> Vec<String> {
    let left = unproven(note, now_ms);
    let mut lines = Vec::new();
    if let Some(since) = note.unproven_since_ms.filter(|_| !left.is_zero()) {
        let left = length(millis(left));
        let line = match note.deaf {
            true => format!(
                "Silence:       has proved nothing since {}, because the active replica is deaf; it finds no silent \
                 conductor until {left} after it hears again",
                when(since, now_ms)
            ),
            false => format!(
                "Silence:       has proved nothing since {} and proves nothing for another {left}: after a takeover, or \
                 a gap in its hearing, a replica listens that long first",
                when(since, now_ms)
            ),
        };
        lines.push(output::wrapped(&line, 15).trim_end().to_owned());
    }
    for trouble in &note.troubles {
        let line = format!(
            "Not ready:     {} (said {})",
            printable(trouble),
            distance(note.noted_at_ms, now_ms)
        );
        lines.push(output::wrapped(&line, 15).trim_end().to_owned());
    }
    lines
}
