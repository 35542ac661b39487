//! `nodewarden status --watch`: the page again and again.

use std::io::IsTerminal;
use std::time::Duration;

use super::{Failure, Output, UNREACHABLE, output};
use crate::lifecycle::{Tasks, stop_on_signals};
use crate::telemetry::printable;

/// Looking more often would only load the database.
const SOONEST: Duration = Duration::from_millis(100);

/// Clears a terminal and goes to its upper left corner.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Shows it until a signal, or until nothing reads it any more. A database that is out of reach for a
/// while is told, once it has answered before.
pub(super) async fn watch(
    interval: Duration,
    output: Output,
    mut look: impl AsyncFnMut() -> Result<String, Failure>,
) -> Result<(), Failure> {
    let stop = stop_on_signals(&Tasks::default())?;
    let terminal = std::io::stdout().is_terminal();
    let mut shown = false;
    loop {
        let answer = tokio::select! {
            answer = look() => answer,
            () = stop.cancelled() => return Ok(()),
        };
        let text = match answer {
            Ok(text) => text,
            Err(failure) if shown && failure.code == UNREACHABLE => {
                output::aside(&printable(&failure.message));
                match output {
                    Output::Text => "The database does not answer; it is tried again.".to_owned(),
                    Output::Json | Output::Tsv => String::new(),
                }
            }
            Err(failure) => return Err(failure),
        };
        let before = match (output, terminal) {
            (Output::Text, true) => CLEAR,
            (Output::Text, false) if shown => "---\n",
            (Output::Text | Output::Json | Output::Tsv, _) => "",
        };
        shown = true;
        if !text.is_empty() && !output::part(&format!("{before}{text}\n"))? {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(interval.max(SOONEST)) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
