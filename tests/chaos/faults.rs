//! [`Fault`]: what happens to a run, and the healing after it.

use std::time::{Duration, Instant};

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use rustix::process::Signal;

use crate::broker;
use crate::seeded::Seeded;
use crate::servers;
use crate::stage::Stage;
use crate::wires;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The deciding replica is killed.
    KillReplica,
    /// It is stopped in the midst of what it does, and goes on when another has taken over, or before.
    FreezeReplica,
    /// The events queue is deleted while nothing is in it.
    DeleteQueue,
    /// The binding of the events queue is deleted.
    Unbind,
    /// The exchange of conductors' events is deleted, and its binding with it.
    DeleteExchange,
    /// The broker is out of memory, and blocks who publishes.
    Alarm,
    /// A policy of the queues is set, changed, or taken away.
    Policy,
    /// The broker node that leads the events queue is killed; it comes back.
    KillLeader,
    /// Each broker node in turn is killed and comes back.
    KillEach,
    /// All broker nodes are killed at the same time; they come back.
    KillBrokers,
    /// A broker node is stopped in the midst of what it does, for longer than two heartbeats or not.
    FreezeBroker,
    /// A broker node is cut off from the others, with its clients or without.
    Partition,
    /// The database, or the node that the deciding replica uses, is killed; it comes back.
    KillDatabase,
    /// It is stopped in the midst of what it does.
    FreezeDatabase,
    /// A node of the database is killed and stays away. Once in a run.
    BuryDatabase,
    /// A user changes the same rows through all nodes of the database.
    WriteElsewhere,
    /// The nodes of the database that the deciding replica does not use fall behind, and it is killed: one of
    /// those goes on.
    LagDatabase,
    /// The database stops for longer than the broker leaves deliveries in hand.
    StallDatabase,
    /// The database is killed and its synchronous standby promoted. Once in a run.
    Promote,
    /// The same with an asynchronous standby, which lacks the last commits. Once in a run.
    PromoteBehind,
    /// The way to the broker delays, swallows, cuts, resets: the deciding replica's, or everybody's.
    BrokerWire,
    /// So does the way to the database.
    DatabaseWire,
    /// Connections are cut at a COMMIT, some before the server has it, some before it can answer.
    CommitWire,
    /// The deciding replica's database is slow, and in the midst of that it is stopped and goes on.
    SlowFreeze,
}

/// From and to, ms, each time: when no replica can have heard anything.
pub type Deaf = Vec<(u64, u64)>;

/// What cannot be healed.
const ONCE: [Fault; 3] = [Fault::BuryDatabase, Fault::Promote, Fault::PromoteBehind];

/// Injects faults for so long: each once, in an order that the seed fixes, then any.
pub async fn inject(
    stage: &mut Stage,
    pool: &[Fault],
    seed: u64,
    how_long: Duration,
) -> (Vec<Fault>, Vec<(u64, u64)>) {
    let mut seeded = Seeded::new(seed, "faults");
    let end = Instant::now() + how_long;
    let (mut done, mut deaf) = (Vec::new(), Vec::new());
    let mut left = pool.to_vec();
    let often = pool.iter().filter(|fault| !ONCE.contains(fault));
    let often: Vec<Fault> = often.copied().collect();
    tokio::time::sleep(seeded.ms(1_000, 3_000)).await;
    while (Instant::now() < end && !often.is_empty()) || !left.is_empty() {
        let fault = if left.is_empty() {
            *seeded.of(&often)
        } else {
            left.swap_remove(seeded.below(left.len()))
        };
        let turn = Instant::now();
        if let Some(times) = fault.apply(stage, &mut seeded).await {
            deaf.extend(times);
            done.push(fault);
        } else {
            println!("{fault:?} did not happen");
            // Tried again while there is time: what made it impossible may last.
            if turn < end && !done.contains(&fault) {
                left.push(fault);
            }
        }
        tokio::time::sleep(seeded.ms(500, 4_000)).await;
    }
    (done, deaf)
}

impl Fault {
    /// `None`: it could not happen.
    async fn apply(self, stage: &mut Stage, seeded: &mut Seeded) -> Option<Deaf> {
        Some(match self {
            Self::KillReplica => {
                let away = seeded.ms(100, 3_000);
                stage.replicas.kill(stage.replicas.active().await?, away);
                Deaf::new()
            }
            Self::FreezeReplica => {
                let number = stage.replicas.active().await?;
                stage.replicas.signal(number, Signal::STOP);
                tokio::time::sleep(seeded.ms(1_000, 9_000)).await;
                stage.replicas.signal(number, Signal::CONT);
                Deaf::new()
            }
            Self::DeleteQueue => {
                let gate = stage.gate.clone();
                let _closed = gate.close().await;
                if !stage.all_is_handled(Duration::from_secs(10)).await {
                    return None;
                }
                let (_connection, channel) = broker::channel(&stage.ground.brokers).await;
                let queue = stage.events_queue.as_str().into();
                let deleted = channel.queue_delete(queue, QueueDeleteOptions::default());
                deleted.await.expect("deleted");
                Deaf::new()
            }
            Self::DeleteExchange => {
                let (_connection, channel) = broker::channel(&stage.ground.brokers).await;
                let exchange = stage.events_exchange.as_str().into();
                let deleted = channel.exchange_delete(exchange, ExchangeDeleteOptions::default());
                deleted.await.expect("deleted");
                Deaf::new()
            }
            Self::Alarm => servers::alarm(stage, seeded).await,
            Self::Policy => servers::policy(stage, seeded),
            Self::KillLeader => servers::kill_leader(stage, seeded).await,
            Self::KillEach => servers::kill_each(stage, seeded).await,
            Self::KillBrokers => servers::kill_brokers(stage, seeded).await,
            Self::FreezeBroker => servers::freeze_broker(stage, seeded).await,
            Self::Partition => servers::partition(stage, seeded).await,
            Self::KillDatabase => servers::kill_database(stage, seeded).await,
            Self::FreezeDatabase => servers::freeze_database(stage, seeded).await,
            Self::BuryDatabase => servers::bury_database(stage).await,
            Self::WriteElsewhere => servers::write_elsewhere(stage, seeded).await,
            Self::LagDatabase => servers::lag_database(stage, seeded).await?,
            Self::StallDatabase => servers::stall_database(stage, seeded).await,
            Self::Promote => servers::promote(stage, seeded).await,
            Self::PromoteBehind => servers::promote_behind(stage, seeded).await?,
            Self::BrokerWire => wires::broker(stage, seeded).await,
            Self::DatabaseWire => wires::database(stage, seeded).await,
            Self::CommitWire => wires::commit(stage, seeded).await,
            Self::SlowFreeze => wires::slow_freeze(stage, seeded).await?,
            Self::Unbind => {
                let (_connection, channel) = broker::channel(&stage.ground.brokers).await;
                let queue = stage.events_queue.as_str();
                let exchange = stage.events_exchange.as_str();
                let none = FieldTable::default();
                let unbound =
                    channel.queue_unbind(queue.into(), exchange.into(), "conductor.#".into(), none);
                unbound.await.expect("unbound");
                Deaf::new()
            }
        })
    }
}
