//! [`Rules`]: what a site says of its Ironic's conductors.

use std::time::Duration;

/// What the judgement goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long `updated_at` must stand still; not less than Ironic's own `heartbeat_timeout`.
    pub heartbeat_timeout: Duration,
    /// The longest pause between two looks of one run.
    pub longest_pause: Duration,
    /// How long a conductor that stopped by itself is expected back; zero: not at all.
    pub restart_grace: Duration,
}

impl Rules {
    /// For looks each `interval`. Three of them and a second may pass, but never half the time-out:
    /// a pause that long must not pass for silence.
    #[must_use]
    pub fn new(heartbeat_timeout: Duration, interval: Duration) -> Self {
        let pause = interval * 3 + Duration::from_secs(1);
        Self {
            heartbeat_timeout,
            longest_pause: pause.min(heartbeat_timeout / 2),
            restart_grace: Duration::ZERO,
        }
    }

    /// The same, for a site whose conductors come back from a stop within `grace`.
    #[must_use]
    pub fn with_restart_grace(self, grace: Duration) -> Self {
        Self {
            restart_grace: grace,
            ..self
        }
    }
}
