//! The real broker, database and clock behind the ports.

use std::time::Duration;

use super::look::{Remembered, Row, Sighting};
use super::ports::{LookFault, Lookout, Voice};
use crate::broker::{BrokerError, Emitter};
use crate::clock::{Clock, SystemClock};
use crate::config::{Amqp, Database};
use crate::message::{Outgoing, Published};
use crate::store::{ConductorsOfIronic, IronicConductor, NumberOfConductor, StoreError};
use crate::telemetry::error_chain;

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
        // Taken, and put back only after an answer: a publish that is dropped in between leaves none.
        let Some(mut session) = self.session.take() else {
            return Err(BrokerError::Lost("there is no session".into()));
        };
        let outcomes = session.publish(messages).await?;
        if outcomes.contains(&Published::Nacked) {
            // A channel that published first just after its queue had lost its leader is refused until that
            // node is back; a fresh one is not.
            session.close().await;
        } else {
            self.session = Some(session);
        }
        Ok(outcomes)
    }

    fn blocked(&self) -> Option<String> {
        self.session.as_ref().and_then(Emitter::blocked)
    }
}

/// The shortest time that a look may take: less is no sign of trouble on a busy server.
const LOOK_AT_LEAST: Duration = Duration::from_secs(2);

/// Ironic's database. A look that is not done in time is given up, and its connection dropped.
pub struct IronicLookout {
    store: ConductorsOfIronic,
    clock: SystemClock,
    limit: Duration,
}

impl IronicLookout {
    /// Does not connect yet. A look may take as long as `interval`, and two seconds at least.
    #[must_use]
    pub fn new(database: &Database, bridge: &str, clock: SystemClock, interval: Duration) -> Self {
        Self {
            store: ConductorsOfIronic::new(database, bridge),
            clock,
            limit: interval.max(LOOK_AT_LEAST),
        }
    }

    /// As [`Lookout::look`], with the error as it was; `None`: it took too long.
    pub async fn try_look(
        &mut self,
        to_remember: &[Remembered],
    ) -> Result<Sighting, Option<StoreError>> {
        let numbers: Vec<NumberOfConductor> = to_remember.iter().map(number).collect();
        // Before the look and its limit: a host that is away takes longer, and the next one may answer.
        let kept = self.store.connect().await.map_err(Some)?;
        let mut now = self.clock.now();
        let mut seen = self.within_the_limit(now.wall_ms, &numbers).await;
        // Servers and firewalls end connections that are idle for long: then on a new one.
        if kept && matches!(&seen, Err(Some(fault)) if fault.is_transient()) {
            self.store.connect().await.map_err(Some)?;
            now = self.clock.now();
            seen = self.within_the_limit(now.wall_ms, &numbers).await;
        }
        let (rows, numbers) = seen?;
        let ended = self.clock.mono();
        // Stopped in the middle (SIGSTOP), we would not have noticed the limit.
        if ended.since(now.mono) > self.limit {
            return Err(None);
        }
        Ok(Sighting {
            began: now.mono,
            ended,
            beats: self.store.beats().map_err(Some)?,
            rows: rows.into_iter().map(row).collect(),
            remembered: numbers.into_iter().map(remembered).collect(),
        })
    }

    async fn within_the_limit(
        &mut self,
        now_ms: u64,
        numbers: &[NumberOfConductor],
    ) -> Result<(Vec<IronicConductor>, Vec<NumberOfConductor>), Option<StoreError>> {
        let looking = self.store.look(now_ms, numbers);
        match tokio::time::timeout(self.limit, looking).await {
            Ok(seen) => seen.map_err(Some),
            Err(_) => {
                self.store.forget();
                Err(None)
            }
        }
    }

    /// How long a look may take.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Cleans up after itself, if that is possible at once.
    pub async fn close(self) {
        if let Ok(Err(fault)) = tokio::time::timeout(self.limit, self.store.leave()).await {
            tracing::debug!(fault = error_chain(&fault), "the bridge's row stays");
        }
    }
}

impl Lookout for IronicLookout {
    async fn look(&mut self, to_remember: &[Remembered]) -> Result<Sighting, LookFault> {
        let limit = self.limit;
        self.try_look(to_remember)
            .await
            .map_err(|fault| match fault {
                None => LookFault::Slow(limit),
                Some(fault) => LookFault::Failed(error_chain(&fault)),
            })
    }
}

fn row(conductor: IronicConductor) -> Row {
    Row {
        hostname: conductor.hostname,
        online: conductor.online,
        updated_at_ms: conductor.updated_at_ms,
        group: conductor.conductor_group,
        drivers: conductor.drivers,
        registered_at_ms: conductor.registered_at_ms,
    }
}

fn number(remembered: &Remembered) -> NumberOfConductor {
    NumberOfConductor {
        conductor: remembered.conductor.clone(),
        registered_at_ms: remembered.registered_at_ms,
        incarnation: remembered.incarnation,
    }
}

fn remembered(number: NumberOfConductor) -> Remembered {
    Remembered {
        conductor: number.conductor,
        registered_at_ms: number.registered_at_ms,
        incarnation: number.incarnation,
    }
}
