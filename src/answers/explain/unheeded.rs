//! Signs of life of a conductor that came and did not count, and the way out.

use super::words::when;
use crate::domain::unheeded::WORTH_SAYING;
use crate::store::ConductorView;
use crate::telemetry::printable;

/// What came of `view` and did not count, a sentence each; none if nothing worth saying did.
#[must_use]
pub fn unheeded(view: &ConductorView, now_ms: u64) -> Vec<String> {
    let name = printable(&view.conductor);
    let mut answer = Vec::new();
    if let Some(refused) = &view.refused {
        answer.push(format!(
            "Messages of conductor {name} have been refused since {} ({} so far, the last at {}): {}. They hold the \
             verdict of silence back for one timeout at most; `nodewarden dead-letters list` shows them.",
            when(refused.since_ms, now_ms),
            refused.count,
            when(refused.last_ms, now_ms),
            printable(&refused.why).trim_end_matches('.'),
        ));
    }
    if let Some(ignored) = view.ignored.as_ref().filter(|it| it.count >= WORTH_SAYING) {
        let signs = format!(
            "its signs of life have been ignored since {} ({} so far, the last at {})",
            when(ignored.since_ms, now_ms),
            ignored.count,
            when(ignored.last_ms, now_ms),
        );
        if ignored.incarnation == view.incarnation {
            answer.push(format!(
                "Conductor {name} goes on sending incarnation {} after its left: {signs}. Only a higher one counts.",
                ignored.incarnation
            ));
            return answer;
        }
        let way_out = match view.state.counts_as_active() {
            true => {
                "Is another process running under its name, or was its clock set back?".to_owned()
            }
            false => {
                format!("Run `nodewarden conductors forget {name}`, and its next joined counts.")
            }
        };
        answer.push(format!(
            "Conductor {name} sends incarnation {}, known {}: {signs}. {way_out}",
            ignored.incarnation, view.incarnation,
        ));
    }
    answer
}
