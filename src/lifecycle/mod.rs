//! Signals, tasks, the end of the process, and the watchdog that ends a stuck one.
//!
//! The only place that spawns tasks or processes.

mod init;
mod stack;
mod tasks;
pub mod watchdog;

pub use init::as_first_process;
pub use stack::with_deep_stacks;
pub use tasks::{Task, Tasks};

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long a stop may take: a supervisor kills after 10 s (containers) to 90 s (systemd).
const STOP: Duration = Duration::from_millis(4500);

/// Signals so close together are one stop. In a container with a terminal, its interrupt comes twice: to
/// every process, and handed on by the first one.
const SAME_STOP: Duration = Duration::from_millis(500);

/// Exit code of a process that a second signal ended: it did not finish what was in hand.
const IMPATIENT: i32 = 1;

/// A token that SIGTERM or SIGINT cancels: finish what is in hand, then end.
///
/// If that is not done within five seconds, the process ends with 0 all the same: an open transaction is rolled back,
/// and what was not acknowledged comes again to the next replica. A second signal, half a second after the first or
/// later, ends it at once. Errors: The signal handlers cannot be installed.
pub fn stop_on_signals(tasks: &Tasks) -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked = stop.clone();
    tasks.detach(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("asked to stop; finishing the work in hand");
        asked.cancel();
        let again = async {
            let same = async {
                loop {
                    either(&mut terminate, &mut interrupt).await;
                }
            };
            let _: Result<(), _> = tokio::time::timeout(SAME_STOP, same).await;
            either(&mut terminate, &mut interrupt).await;
        };
        tokio::select! {
            () = again => {
                tracing::warn!("asked to stop again; ending at once");
                std::process::exit(IMPATIENT);
            }
            () = tokio::time::sleep(STOP) => {
                tracing::warn!(
                    "stopped without waiting longer: a server does not answer; the events in hand go \
                     to the next replica"
                );
                std::process::exit(0);
            }
        }
    });
    Ok(stop)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
