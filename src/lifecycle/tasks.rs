//! Tasks with an owner. A panic in one ends the process (I9): it reaches the task that asks for it,
//! and release builds abort at once.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where tasks are started.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
}

/// A running task, and how it is asked to stop. `E` says why it ended by itself.
#[derive(Debug)]
pub struct Task<E> {
    handle: JoinHandle<Option<E>>,
    stop: CancellationToken,
}

impl Tasks {
    /// Starts a task that ends by itself, with a reason, or when its token is cancelled.
    pub fn start<E, F>(&self, work: impl FnOnce(CancellationToken) -> F) -> Task<E>
    where
        E: Send + 'static,
        F: Future<Output = Option<E>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        Task {
            handle: self.tracker.spawn(work(stop.clone())),
            stop,
        }
    }

    /// Starts a task that lives as long as the process.
    #[expect(
        clippy::disallowed_methods,
        reason = "the only task that is not awaited: it ends with the process"
    )]
    pub(super) fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }
}

impl<E> Task<E> {
    /// Whether it ended, and why; does not wait. Panics: With the task's own panic.
    pub fn ended(&mut self) -> Option<Option<E>> {
        (&mut self.handle).now_or_never().map(outcome)
    }

    /// Waits until it ends. Panics: With the task's own panic.
    pub async fn wait(&mut self) -> Option<E> {
        outcome((&mut self.handle).await)
    }

    /// Asks it to stop, waits for `patience`, then drops it. Panics: With the task's own panic.
    pub async fn stop(mut self, patience: Duration) {
        self.stop.cancel();
        if self.handle.is_finished() {
            return;
        }
        match tokio::time::timeout(patience, &mut self.handle).await {
            Ok(ended) => drop(outcome(ended)),
            Err(_) => self.handle.abort(),
        }
    }
}

fn outcome<E>(ended: Result<Option<E>, tokio::task::JoinError>) -> Option<E> {
    match ended {
        Ok(why) => why,
        Err(fault) if fault.is_panic() => std::panic::resume_unwind(fault.into_panic()),
        Err(_) => None,
    }
}
