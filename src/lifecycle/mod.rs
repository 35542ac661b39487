//! Signals, tasks, the end of the process, and the watchdog that ends a stuck one.
//!
//! The only place that spawns tasks or processes.

mod stack;
mod tasks;
pub mod watchdog;

pub use stack::with_deep_stacks;
pub use tasks::{Task, Tasks};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that SIGTERM or SIGINT cancels: finish what is in hand, then end.
///
/// # Errors
/// The signal handlers cannot be installed.
pub fn stop_on_signals(tasks: &Tasks) -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked = stop.clone();
    tasks.detach(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop; finishing what is in hand");
        asked.cancel();
    });
    Ok(stop)
}
