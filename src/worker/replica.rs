//! One replica: session after session with the broker, each rebuilt from nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::decider::Decider;
use super::end::{End, Step};
use super::relay::{Relay, RelayEnd};
use super::rules::Rules;
use super::status::{Role, Status};
use crate::broker::{Consumer, Session};
use crate::clock::{self, SystemClock};
use crate::config::{Amqp, Database, Inventory};
use crate::lifecycle::{Task, Tasks};
use crate::retry::Pauses;
use crate::store::{SqlLedger, SqlOutbox, TransactionWatch};
use crate::telemetry;

/// The longest pause before the next attempt at a session.
const PAUSE_CAP: Duration = Duration::from_secs(5);

/// A session that lasted this long was healthy: the next pause is short again.
const HEALTHY: Duration = Duration::from_secs(30);

/// How often the relay looks by itself, in case a wake-up was missed.
const RELAY_POLL: Duration = Duration::from_secs(1);

/// How long a stopping replica announces; the rest is its successor's. Below five seconds with
/// HTTP's end.
const DRAIN: Duration = Duration::from_secs(2);

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
    /// Is told about writing transactions.
    pub watch: Arc<dyn TransactionWatch>,
    /// Where it says how it is.
    pub status: watch::Sender<Status>,
    /// Where its relay runs.
    pub tasks: Tasks,
}

/// Why a session ended, whichever part noticed.
enum Over {
    /// We were asked to stop, and what was in hand is done.
    Stopped,
    Decider(End),
    Relay(String),
    Opening(String),
}

/// The relay of a session, and what it says.
struct Relaying {
    task: Task<RelayEnd>,
    trouble: watch::Receiver<Option<String>>,
}

type RealDecider = Decider<Consumer, SqlLedger, SystemClock>;

impl Replica {
    /// Runs sessions until `stop`. Troubles of broker and database end sessions, never the replica.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut pauses = Pauses::up_to(PAUSE_CAP);
        while !stop.is_cancelled() {
            let began = SystemClock::start();
            let (reason, why, pause_anyway) = match self.session(stop).await {
                Over::Stopped => break,
                Over::Decider(end @ End::Fenced(_)) => {
                    telemetry::FENCED.count(1);
                    ("fenced", end.to_string(), false)
                }
                Over::Decider(end @ End::ForeignStream(_)) => {
                    ("foreign_stream", end.to_string(), true)
                }
                Over::Decider(end @ End::Broker(_)) => ("broker", end.to_string(), false),
                Over::Decider(end @ End::Store(_)) => ("database", end.to_string(), false),
                Over::Decider(end @ End::Wedged(_)) => ("wedged", end.to_string(), false),
                Over::Relay(why) => ("relay", why, false),
                Over::Opening(why) => ("opening", why, false),
            };
            if began.mono().0 >= HEALTHY && !pause_anyway {
                pauses.reset();
            }
            let pause = if pause_anyway {
                PAUSE_CAP
            } else {
                pauses.pause()
            };
            telemetry::SESSIONS_ENDED.count_as(reason, 1);
            tracing::warn!(
                reason,
                why = telemetry::printable_within(&why, 2000),
                again_in_ms = pause.as_millis() as u64,
                "session over"
            );
            self.status.send_replace(Status {
                troubles: vec![why],
                ..Status::default()
            });
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        self.status.send_replace(Status {
            troubles: vec!["stopping".to_owned()],
            ..Status::default()
        });
    }

    /// One session, from dialling to its end.
    async fn session(&self, stop: &CancellationToken) -> Over {
        let clock = SystemClock::start();
        let ledger = match SqlLedger::new(
            &self.database,
            self.inventory.clone(),
            Arc::clone(&self.watch),
        ) {
            Ok(ledger) => ledger,
            Err(fault) => return Over::Opening(telemetry::error_chain(&fault)),
        };
        let opening = Session::open(&self.amqp, "replica");
        let broker = match stop.run_until_cancelled(opening).await {
            None => return Over::Stopped,
            Some(Ok(broker)) => broker,
            Some(Err(fault)) => {
                return Over::Opening(format!("broker: {}", telemetry::error_chain(&fault)));
            }
        };
        let over = match self.sit(&broker, ledger, clock, stop).await {
            Ok(over) => over,
            Err(why) => Over::Opening(why),
        };
        if matches!(over, Over::Stopped) {
            broker.close().await;
        } else {
            broker.sever();
        }
        over
    }

    async fn sit(
        &self,
        broker: &Session,
        mut ledger: SqlLedger,
        clock: SystemClock,
        stop: &CancellationToken,
    ) -> Result<Over, String> {
        // Consume only when able to decide: the database first.
        crate::store::Ledger::prove(&mut ledger)
            .await
            .map_err(|fault| format!("database: {}", telemetry::error_chain(&fault)))?;
        let consumer = broker
            .consume(&self.holder)
            .await
            .map_err(|fault| format!("broker: {}", telemetry::error_chain(&fault)))?;
        let mut decider = Decider::join(consumer, ledger, clock, self.rules.clone(), &self.holder)
            .await
            .map_err(|fault| format!("database: {}", telemetry::error_chain(&fault)))?;
        tracing::info!("in line as a standby");
        let wake = Arc::new(Notify::new());
        let mut relay: Option<Relaying> = None;
        let over = loop {
            // What is in hand while the database is in trouble is the successor's.
            if stop.is_cancelled() && (decider.in_hand() == 0 || decider.trouble().is_some()) {
                break Over::Stopped;
            }
            match decider.step().await {
                Ok(step) => self.after(step, &wake),
                Err(end) => break Over::Decider(end),
            }
            if let (None, Some(epoch)) = (&relay, decider.epoch()) {
                relay = Some(
                    self.start_relay(broker, clock, epoch, Arc::clone(&wake))
                        .await?,
                );
            }
            if let Some(ended) = relay.as_mut().and_then(|relay| relay.task.ended()) {
                break Over::Relay(
                    ended.map_or_else(|| "the relay ended".to_owned(), |end| end.to_string()),
                );
            }
            let troubles = self.publish_status(&decider, broker, relay.as_ref());
            if let Err(end) = decider.note(&troubles).await {
                break Over::Decider(end);
            }
        };
        if matches!(over, Over::Stopped) {
            // Out of the line first: a successor must not wait for our relay.
            if let Err(fault) = decider.leave().await.close().await {
                tracing::debug!(fault = telemetry::error_chain(&fault), "leaving the line");
            }
        }
        if let Some(relay) = relay {
            // Asked to stop, it first carries out what is committed; after a doubt it stops at once.
            let patience = if matches!(over, Over::Stopped) {
                DRAIN
            } else {
                Duration::ZERO
            };
            relay.task.stop(patience).await;
        }
        Ok(over)
    }

    fn after(&self, step: Step, wake: &Notify) {
        if step.moved > 0 || step.worked {
            wake.notify_one();
        }
    }

    async fn start_relay(
        &self,
        broker: &Session,
        clock: SystemClock,
        epoch: u64,
        wake: Arc<Notify>,
    ) -> Result<Relaying, String> {
        let announcements = broker
            .announcements()
            .await
            .map_err(|fault| format!("broker: {}", telemetry::error_chain(&fault)))?;
        let outbox = SqlOutbox::new(&self.database, Arc::clone(&self.watch))
            .map_err(|fault| telemetry::error_chain(&fault))?;
        let mut relay = Relay::new(
            outbox,
            announcements,
            clock,
            epoch,
            &self.amqp.nodes_exchange,
        );
        let trouble = relay.trouble();
        let task = self.tasks.start(move |stop| async move {
            loop {
                match relay.step().await {
                    Ok(0) if stop.is_cancelled() => return None,
                    Ok(0) => {
                        tokio::select! {
                            () = wake.notified() => {}
                            () = tokio::time::sleep(RELAY_POLL) => {}
                            () = stop.cancelled() => {}
                        }
                    }
                    Ok(_) => {}
                    Err(end) => return Some(end),
                }
            }
        });
        Ok(Relaying { task, trouble })
    }

    /// Says how this replica is; returns what troubles it.
    fn publish_status(
        &self,
        decider: &RealDecider,
        broker: &Session,
        relay: Option<&Relaying>,
    ) -> Vec<String> {
        let blocked = broker
            .blocked()
            .map(|why| format!("the broker blocks publishers: {why}"));
        let relay = relay
            .and_then(|relay| relay.trouble.borrow().clone())
            .filter(|said| blocked.as_ref() != Some(said));
        let trouble = decider.trouble().map(|why| format!("database: {why}"));
        let status = Status {
            role: if decider.epoch().is_some() {
                Role::Active
            } else {
                Role::Standby
            },
            epoch: decider.epoch(),
            troubles: blocked
                .into_iter()
                .chain(relay)
                .chain(trouble)
                .chain(decider.deafness())
                .collect(),
            unproven: decider.unproven(),
            last_tick: decider.last_tick_age().and_then(clock::ago),
            pause: decider.pause().cloned(),
            pending: decider.pending(),
        };
        let troubles = status.troubles.clone();
        self.status.send_replace(status);
        troubles
    }
}
