//! The real broker and the real clock behind the ports.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::ports::{Clock, Queue};
use super::relay::Announcer;
use crate::broker::{BrokerError, Consumer, Delivery, Outgoing, Published, Publisher};
use crate::domain::time::{Mono, Now};

impl Queue for Consumer {
    async fn receive(&mut self, most: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.receive(most, wait).await
    }

    async fn acknowledge_through(&mut self, tag: u64) -> Result<(), BrokerError> {
        self.acknowledge_through(tag).await
    }

    async fn refuse(&mut self, refused: &[(u64, String, String)]) -> Result<(), BrokerError> {
        self.refuse(refused).await
    }

    async fn send_tick(&mut self, body: Vec<u8>) -> Result<(), BrokerError> {
        self.send_tick(body).await
    }
}

impl Announcer for Publisher {
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, BrokerError> {
        self.publish(messages).await
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

    fn id(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}
