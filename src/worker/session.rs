//! Session after session over their ports, each rebuilt from nothing: the order of joining, deciding,
//! announcing and leaving, for the real replica and for a simulated one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::decider::Decider;
use super::end::End;
use super::fences::{self, Fences, SUSPICION};
use super::ports::{Clock, Ledger, Line, Queue};
use super::ready::ready;
use super::relay::RelayEnd;
use super::rules::Rules;
use super::status::{Role, Status};
use crate::broker::BrokerError;
use crate::clock;
use crate::domain::time::Mono;
use crate::retry::Pauses;
use crate::store::StoreError;
use crate::telemetry;

/// The longest pause before the next attempt at a session.
const PAUSE_CAP: Duration = Duration::from_secs(5);

/// A session that lasted this long was healthy: the next pause is short again.
const HEALTHY: Duration = Duration::from_secs(30);

/// How long a stopping replica announces; the rest is its successor's. Below five seconds with
/// HTTP's end.
const DRAIN: Duration = Duration::from_secs(2);

/// How long a stopping replica takes to step down, some seven round trips to the database, and to leave the
/// line. A connection that is cut leaves it as well.
const LEAVING: Duration = Duration::from_millis(1400);

/// How long it waits for the broker's last goodbyes. With `LEAVING` and `DRAIN` it stays below the time
/// that a stop has.
const PARTING: Duration = Duration::from_millis(700);

/// What a replica is made of.
pub trait Parts {
    /// Its clock; each session begins one.
    type Clock: Clock + Clone;
    /// Its way to the database.
    type Ledger: Ledger;
    /// Its connections to the broker.
    type Broker: Line;
    /// A relay that runs.
    type Relaying: Relaying;

    /// A clock that begins now.
    fn clock(&self) -> Self::Clock;

    /// A ledger that has not connected yet.
    fn ledger(&self) -> Result<Self::Ledger, StoreError>;

    /// Dials the broker, and ensures the topology.
    async fn open(&self) -> Result<Self::Broker, BrokerError>;

    /// Starts the relay of the holder of `epoch`; `wake` tells it that there is something to carry.
    async fn start_relay(
        &self,
        broker: &Self::Broker,
        clock: Self::Clock,
        epoch: u64,
        wake: Arc<Notify>,
    ) -> Result<Self::Relaying, String>;

    /// What the loop goes by.
    fn rules(&self) -> &Rules;

    /// Its name, for people.
    fn holder(&self) -> &str;

    /// Says how it is.
    fn publish_status(&self, status: Status);
}

/// The relay of a session, and what it says.
pub trait Relaying {
    /// Why it ended, if it has; then not to be asked again.
    fn ended(&mut self) -> Option<RelayEnd>;

    /// What keeps announcements back, as a sentence.
    fn trouble(&self) -> Option<String>;

    /// Asks it to stop, waits for `patience`, then drops it.
    async fn stop(self, patience: Duration);
}

/// Why a session ended, whichever part noticed.
enum Over {
    /// We were asked to stop, and what was in hand is done.
    Stopped,
    Decider(End),
    Relay(String),
    Opening(String),
}

impl Over {
    /// In one word, and in a sentence; nothing if it was asked to stop.
    fn told(self) -> Option<(&'static str, String)> {
        let end = match self {
            Self::Stopped => return None,
            Self::Decider(end) => end,
            Self::Relay(why) => return Some(("relay", why)),
            Self::Opening(why) => return Some(("opening", why)),
        };
        let reason = match end {
            End::Fenced(_) => "fenced",
            End::Lost(_) => "lost",
            End::ForeignStream(_) => "foreign_stream",
            End::Broker(_) => "broker",
            End::Store(_) => "database",
            End::Wedged(_) => "wedged",
        };
        Some((reason, end.to_string()))
    }
}

impl From<RelayEnd> for Over {
    /// A replica is fenced, whichever of its two tasks finds it out. The relay knows no more than that the epoch is
    /// another one: where the database went back, the next takeover finds that out.
    fn from(end: RelayEnd) -> Self {
        match end {
            RelayEnd::Store(StoreError::Fenced(epoch)) => Self::Decider(End::Fenced(epoch)),
            end @ (RelayEnd::NoExchange(_) | RelayEnd::Store(_) | RelayEnd::Gone) => {
                Self::Relay(end.to_string())
            }
        }
    }
}

/// Runs sessions until `stop`. Troubles of broker and database end sessions, never this.
pub async fn run<P: Parts>(parts: &P, stop: &CancellationToken) {
    let clock = parts.clock();
    let mut pauses = Pauses::up_to(PAUSE_CAP);
    let (mut fences, mut suspicion) = (Fences::default(), None);
    while !stop.is_cancelled() {
        let began = clock.now().mono;
        let over = session(parts, stop, suspicion.take()).await;
        let pause_anyway = matches!(over, Over::Decider(End::ForeignStream(_)));
        if matches!(over, Over::Decider(End::Fenced(_))) {
            telemetry::FENCED.count(1);
            if fences.another(clock.now().mono) {
                tracing::warn!("{SUSPICION}");
                suspicion = Some(SUSPICION);
            }
        }
        let Some((reason, why)) = over.told() else {
            break;
        };
        let pause = pause(&mut pauses, &clock, began, pause_anyway);
        telemetry::SESSIONS_ENDED.count_as(reason, 1);
        tracing::warn!(
            reason,
            why = telemetry::printable_within(&why, 2000),
            again_in_ms = pause.as_millis() as u64,
            "session over"
        );
        parts.publish_status(Status {
            troubles: vec![why],
            ..Status::default()
        });
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = clock.sleep(pause) => {}
        }
    }
    parts.publish_status(Status {
        troubles: vec!["stopping".to_owned()],
        ..Status::default()
    });
}

/// The pause after a session that began at `began`.
fn pause<C: Clock>(pauses: &mut Pauses, clock: &C, began: Mono, longest: bool) -> Duration {
    if longest {
        return PAUSE_CAP;
    }
    if clock.now().mono.since(began) >= HEALTHY {
        pauses.reset();
    }
    pauses.pause_by(clock.chance())
}

/// One session, from dialling to its end.
async fn session<P: Parts>(
    parts: &P,
    stop: &CancellationToken,
    suspicion: Option<&'static str>,
) -> Over {
    let clock = parts.clock();
    let ledger = match parts.ledger() {
        Ok(ledger) => ledger,
        Err(fault) => return Over::Opening(telemetry::error_chain(&fault)),
    };
    let broker = match stop.run_until_cancelled(parts.open()).await {
        None => return Over::Stopped,
        Some(Ok(broker)) => broker,
        Some(Err(fault)) => {
            return Over::Opening(format!("broker: {}", telemetry::error_chain(&fault)));
        }
    };
    let sitting = sit(parts, &broker, ledger, clock.clone(), stop, suspicion);
    let over = sitting.await.unwrap_or_else(Over::Opening);
    if matches!(over, Over::Stopped) {
        let goodbye = "taking leave of the broker";
        within(&clock, PARTING, goodbye, broker.close()).await;
    } else {
        broker.sever();
    }
    over
}

async fn sit<P: Parts>(
    parts: &P,
    broker: &P::Broker,
    mut ledger: P::Ledger,
    clock: P::Clock,
    stop: &CancellationToken,
    suspicion: Option<&'static str>,
) -> Result<Over, String> {
    // Consume only when able to decide: the database first.
    let found = ready(&mut ledger)
        .await
        .map_err(|fault| format!("database: {}", telemetry::error_chain(&fault)))?;
    let consumer = broker
        .consume(parts.holder())
        .await
        .map_err(|fault| format!("broker: {}", telemetry::error_chain(&fault)))?;
    let rules = parts.rules().clone();
    let holder = parts.holder();
    let mut decider = Decider::join(consumer, ledger, clock.clone(), rules, holder, found);
    let joined = clock.now().mono;
    tracing::info!("in line as a standby");
    let wake = Arc::new(Notify::new());
    let mut relay: Option<P::Relaying> = None;
    let over = loop {
        // What is in hand while the database or the broker is in trouble is the successor's.
        let in_trouble = || decider.trouble().is_some() || broker.blocked().is_some();
        if stop.is_cancelled() && (decider.in_hand() == 0 || in_trouble()) {
            break Over::Stopped;
        }
        match decider.step().await {
            Ok(step) if step.moved > 0 || step.worked => wake.notify_one(),
            Ok(_) => {}
            Err(end) => break Over::Decider(end),
        }
        if let (None, Some(epoch), None) = (&relay, decider.epoch(), broker.blocked()) {
            let clock = clock.clone();
            let started = parts.start_relay(broker, clock, epoch, Arc::clone(&wake));
            match started.await {
                Ok(started) => relay = Some(started),
                // An alarm began meanwhile: later.
                Err(_) if broker.blocked().is_some() => {}
                Err(why) => return Err(why),
            }
        }
        if let Some(end) = relay.as_mut().and_then(Relaying::ended) {
            break end.into();
        }
        let mut status = status(&decider, broker, relay.as_ref());
        let lately = clock.now().mono.since(joined) < fences::WITHIN;
        let suspicion = suspicion.filter(|_| lately).map(str::to_owned);
        status.remarks.extend(suspicion);
        let troubles = status.troubles.clone();
        parts.publish_status(status);
        if let Err(end) = decider.note(&troubles).await {
            break Over::Decider(end);
        }
    };
    if matches!(over, Over::Stopped) {
        // Out of the line first: a successor must not wait for our relay.
        let leaving = async {
            if let Err(fault) = broker.leave(decider.leave().await).await {
                tracing::debug!(fault = telemetry::error_chain(&fault), "leaving the line");
            }
        };
        within(&clock, LEAVING, "leaving the line", leaving).await;
    }
    if let Some(relay) = relay {
        // Asked to stop, it first carries out what is committed; after a doubt it stops at once.
        let patience = match over {
            Over::Stopped => DRAIN,
            Over::Decider(_) | Over::Relay(_) | Over::Opening(_) => Duration::ZERO,
        };
        relay.stop(patience).await;
    }
    Ok(over)
}

/// A step of the stop, or, if it takes too long, its end: what it held is cut off.
async fn within<C: Clock>(
    clock: &C,
    patience: Duration,
    what: &str,
    parting: impl Future<Output = ()>,
) {
    tokio::select! {
        biased;
        () = parting => {}
        () = clock.sleep(patience) => {
            tracing::warn!("{what} took too long; the connection is cut instead");
        }
    }
}

/// How the replica is, and what troubles it.
fn status<Q: Queue, L: Ledger, C: Clock>(
    decider: &Decider<Q, L, C>,
    broker: &impl Line,
    relay: Option<&impl Relaying>,
) -> Status {
    let blocked = broker
        .blocked()
        .map(|why| format!("the broker blocks publishers: {why}"));
    let relay = relay
        .and_then(Relaying::trouble)
        .filter(|said| blocked.as_ref() != Some(said));
    let trouble = decider.trouble().map(|why| format!("database: {why}"));
    Status {
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
        remarks: decider.remark().into_iter().collect(),
        pause: decider.pause().cloned(),
        pending: decider.pending(),
        at: clock::ago(Duration::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_fenced_whether_its_decider_or_its_relay_finds_it_out() {
        let said = "another replica has taken over since epoch 7".to_owned();
        let by_decider = Over::Decider(End::Fenced(7));
        assert_eq!(by_decider.told(), Some(("fenced", said.clone())));
        let by_relay = Over::from(RelayEnd::Store(StoreError::Fenced(7)));
        assert_eq!(by_relay.told(), Some(("fenced", said)));
        let else_ended = Over::from(RelayEnd::Gone);
        assert_eq!(
            else_ended.told(),
            Some(("relay", "the relay ended".to_owned()))
        );
    }
}
