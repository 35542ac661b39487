//! Waiting for a state to come about, instead of sleeping and hoping.

use std::time::{Duration, Instant};

/// How long a state may take to come about on a busy machine; longer than a tick lives in the queue.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Asks again until there is an answer; panics with `what` at the deadline.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The same for tests without a runtime.
pub fn eventually_blocking<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
