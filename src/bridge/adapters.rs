//! The real broker and the real clock behind the ports.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::ports::{Clock, Voice};
use crate::broker::{BrokerError, Emitter, Outgoing, Published};
use crate::config::Amqp;
use crate::domain::time::{Mono, Now};

/// One session with the broker after the other, each rebuilt from nothing.
pub struct BrokerVoice {
    settings: Amqp,
    session: Option<Emitter>,
}

impl BrokerVoice {
    /// Does not dial yet.
    #[must_use]
    pub fn new(settings: &Amqp) -> Self {
        Self {
            settings: settings.clone(),
            session: None,
        }
    }

    /// Takes leave politely, within the time limit.
    pub async fn close(self) {
        if let Some(session) = self.session {
            session.close().await;
        }
    }
}

impl Voice for BrokerVoice {
    async fn open(&mut self) -> Result<(), BrokerError> {
        if self.session.is_none() {
            self.session = Some(Emitter::open(&self.settings, "bridge").await?);
        }
        Ok(())
    }

    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, BrokerError> {
        // Taken, and put back only after an answer: whoever is dropped in between leaves none.
        let Some(mut session) = self.session.take() else {
            return Err(BrokerError::Lost("there is no session".into()));
        };
        let outcomes = session.publish(messages).await?;
        self.session = Some(session);
        Ok(outcomes)
    }

    fn blocked(&self) -> Option<String> {
        self.session.as_ref().and_then(Emitter::blocked)
    }
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A monotonic clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// The monotonic clock alone.
    #[must_use]
    pub fn mono(&self) -> Mono {
        Mono(self.start.elapsed())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Now {
            wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
            mono: Mono(self.start.elapsed()),
        }
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}
