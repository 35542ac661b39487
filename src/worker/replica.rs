//! One replica over the real broker and database.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::relay::{Relay, RelayEnd, carry_on};
use super::rules::Rules;
use super::session::{self, Parts, Relaying};
use super::status::Status;
use crate::broker::{BrokerError, Session};
use crate::clock::SystemClock;
use crate::config::{Amqp, Database, Inventory};
use crate::lifecycle::{Task, Tasks};
use crate::store::{Known, SqlLedger, SqlOutbox, StoreError, TransactionWatch};
use crate::telemetry;

/// What a replica is made of.
pub struct Replica {
    /// The broker.
    pub amqp: Amqp,
    /// The database.
    pub database: Database,
    /// Which table of nodes is worked on.
    pub inventory: Inventory,
    /// What the loop goes by.
    pub rules: Rules,
    /// Its name, for people: host and process.
    pub holder: String,
    /// What it knows to be committed, from one session to the next.
    pub known: Known,
    /// Is told about writing transactions.
    pub watch: Arc<dyn TransactionWatch>,
    /// Where it says how it is.
    pub status: watch::Sender<Status>,
    /// Where its relay runs.
    pub tasks: Tasks,
}

/// The relay's task, and what it says.
pub struct RunningRelay {
    task: Task<RelayEnd>,
    trouble: watch::Receiver<Option<String>>,
}

impl Replica {
    /// Runs sessions until `stop`. Troubles of broker and database end sessions, never the replica.
    pub async fn run(&self, stop: &CancellationToken) {
        session::run(self, stop).await;
    }
}

impl Parts for Replica {
    type Clock = SystemClock;
    type Ledger = SqlLedger;
    type Broker = Session;
    type Relaying = RunningRelay;

    fn clock(&self) -> SystemClock {
        SystemClock::start()
    }

    fn ledger(&self) -> Result<SqlLedger, StoreError> {
        let watch = Arc::clone(&self.watch);
        let ledger = SqlLedger::new(&self.database, self.inventory.clone(), watch)?;
        Ok(ledger.knowing(self.known.clone()))
    }

    async fn open(&self) -> Result<Session, BrokerError> {
        Session::open(&self.amqp, "replica").await
    }

    async fn start_relay(
        &self,
        broker: &Session,
        clock: SystemClock,
        epoch: u64,
        wake: Arc<Notify>,
    ) -> Result<RunningRelay, String> {
        let announcements = broker
            .announcements()
            .await
            .map_err(|fault| format!("broker: {}", telemetry::error_chain(&fault)))?;
        let outbox = SqlOutbox::new(&self.database, Arc::clone(&self.watch))
            .map_err(|fault| telemetry::error_chain(&fault))?;
        let exchange = &self.amqp.nodes_exchange;
        let relay = Relay::new(outbox, announcements, clock, epoch, exchange);
        let trouble = relay.trouble();
        let task = self
            .tasks
            .start(move |stop| carry_on(relay, clock, wake, stop));
        Ok(RunningRelay { task, trouble })
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn holder(&self) -> &str {
        &self.holder
    }

    fn publish_status(&self, status: Status) {
        self.status.send_replace(status);
    }
}

impl Relaying for RunningRelay {
    fn ended(&mut self) -> Option<RelayEnd> {
        Some(self.task.ended()?.unwrap_or(RelayEnd::Gone))
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }

    async fn stop(self, patience: Duration) {
        self.task.stop(patience).await;
    }
}
