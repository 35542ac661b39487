//! The loops: follow the stream; carry out what it says; compare all of it each interval.
//!
//! Following never waits for Placement. While the stream is not followed nothing is compared: what
//! was announced is still carried out, and nothing else is changed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::aggregate::{Aggregate, Outcome};
use super::following::Following;
use super::openstack::{ApiFault, OpenStack};
use super::preflight;
use super::snapshot;
use super::status::Status;
use super::wanted::{Heard, Wanted};
use crate::broker::Subscriber;
use crate::clock::SystemClock;
use crate::config::{Amqp, Placement};
use crate::domain::ids::SubscriberName;
use crate::retry::Pauses;
use crate::telemetry;
use crate::wire::Announced;

/// The longest pause before broker, snapshot or Placement are tried again.
const PAUSE_CAP: Duration = Duration::from_secs(10);

/// Messages taken from the queue at once.
const BATCH: usize = 64;

/// So many nodes may fail in a round before it ends: more, and it is Placement that is in trouble.
const FAILURES: usize = 32;

/// How soon a stop is noticed while nothing comes.
const POLL: Duration = Duration::from_millis(200);

/// The service.
pub struct Service {
    openstack: OpenStack,
    http: reqwest::Client,
    pub(super) settings: Placement,
    pub(super) clock: SystemClock,
    wanted: Mutex<Wanted>,
    work: Notify,
    /// Something was carried out.
    pub(super) progress: Notify,
    /// A snapshot was taken and not compared yet.
    begun: AtomicBool,
    /// How often an address gave a snapshot of a stream that the broker does not speak of.
    wrong: AtomicUsize,
    status: watch::Sender<Status>,
}

impl Service {
    /// A service that follows nothing yet. `http` asks for snapshots.
    #[must_use]
    pub fn new(
        openstack: OpenStack,
        http: reqwest::Client,
        settings: Placement,
        clock: SystemClock,
        status: watch::Sender<Status>,
    ) -> Self {
        Self {
            openstack,
            http,
            settings,
            clock,
            wanted: Mutex::default(),
            work: Notify::new(),
            progress: Notify::new(),
            begun: AtomicBool::new(false),
            wrong: AtomicUsize::new(0),
            status,
        }
    }

    /// Runs until `stop`.
    pub async fn run(&self, amqp: &Amqp, stop: &CancellationToken) {
        let all = async {
            tokio::join!(
                self.follow(amqp, stop),
                self.carry_out(stop),
                self.tell(amqp)
            )
        };
        stop.run_until_cancelled(all).await;
    }

    async fn tell(&self, amqp: &Amqp) {
        match SubscriberName::parse(self.settings.subscriber.trim()) {
            Ok(name) => self.report(amqp, &name).await,
            Err(fault) => tracing::error!(%fault, "no receipts: placement.subscriber"),
        }
    }

    pub(super) fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the stream is followed and Placement written.
    pub(super) fn is_well(&self) -> bool {
        let status = self.status.borrow();
        status.stream_trouble.is_none() && status.placement_trouble.is_none()
    }

    fn following(&self) -> bool {
        self.status.borrow().stream_trouble.is_none()
    }

    async fn follow(&self, amqp: &Amqp, stop: &CancellationToken) {
        let mut pauses = Pauses::up_to(PAUSE_CAP);
        while !stop.is_cancelled() {
            let why = match Subscriber::open(amqp, "nodewarden placement").await {
                Ok(mut subscriber) => self.listen(&mut subscriber, &mut pauses).await,
                Err(fault) => fault.to_string(),
            };
            self.stream_trouble(Some(why));
            tokio::time::sleep(pauses.pause()).await;
        }
    }

    /// Follows on one subscription until it ends; why it did.
    async fn listen(&self, subscriber: &mut Subscriber, pauses: &mut Pauses) -> String {
        loop {
            let begun = match self.snapshot().await {
                Ok(following) => self.wanted().begin(following),
                Err(why) => Err(why),
            };
            if let Err(why) = begun {
                return why;
            }
            self.stream_trouble(None);
            // What changed while nothing was heard is in the snapshot alone.
            self.begun.store(true, Ordering::Relaxed);
            self.work.notify_one();
            match self.hear(subscriber, pauses).await {
                Ok(why) => tracing::info!(why, "something was missed; a new snapshot is taken"),
                Err(why) => return why,
            }
        }
    }

    /// A snapshot; if there was one before, of its stream where any replica has it.
    async fn snapshot(&self) -> Result<Following, String> {
        let skipped = self.wrong.load(Ordering::Relaxed);
        snapshot::take(&self.http, &self.settings.snapshot_urls, skipped).await
    }

    /// Follows until something is missed, and what. `Err`: the subscription is over.
    async fn hear(
        &self,
        subscriber: &mut Subscriber,
        pauses: &mut Pauses,
    ) -> Result<String, String> {
        loop {
            let deliveries = match subscriber.receive(BATCH, POLL).await {
                Ok(deliveries) => deliveries,
                Err(fault) => return Err(fault.to_string()),
            };
            for delivery in &deliveries {
                let heard = match Announced::read(delivery) {
                    Ok(Some(message)) => self.wanted().hear(message),
                    Ok(None) => continue,
                    Err(why) => Heard::Missed(why),
                };
                match heard {
                    Heard::Followed => pauses.reset(),
                    Heard::Missed(why) => return Ok(why),
                    // The next address may be a replica of the stream that the broker speaks of.
                    Heard::AnotherStream(why) => {
                        self.wrong.fetch_add(1, Ordering::Relaxed);
                        return Err(format!(
                            "{why}: do amqp.url and placement.snapshot_urls lead to the same nodewarden?"
                        ));
                    }
                }
            }
            if !deliveries.is_empty() {
                if self.wanted().awaits_comparison() {
                    self.begun.store(true, Ordering::Relaxed);
                }
                self.work.notify_one();
            }
        }
    }

    fn stream_trouble(&self, trouble: Option<String>) {
        self.status.send_modify(|status| {
            if status.stream_trouble != trouble {
                match &trouble {
                    Some(why) => tracing::warn!(
                        why,
                        "the stream is not followed; the aggregate stays as it is"
                    ),
                    None => tracing::info!("following the stream"),
                }
            }
            status.stream_trouble = trouble;
        });
    }

    async fn carry_out(&self, stop: &CancellationToken) {
        let mut pauses = Pauses::up_to(PAUSE_CAP);
        let mut due = self.clock.mono();
        let mut aggregate = None;
        while !stop.is_cancelled() {
            let mut outcome = Ok(());
            let begun = self.begun.swap(false, Ordering::Relaxed);
            if self.following() && (begun || self.clock.mono() >= due) {
                match self.compare().await {
                    Ok(uuid) => {
                        aggregate = Some(uuid);
                        due = self.clock.mono().plus(self.settings.interval);
                    }
                    Err(fault) => {
                        self.begun.fetch_or(begun, Ordering::Relaxed);
                        outcome = Err(fault);
                    }
                }
            }
            // What was announced is carried out even while the comparison fails.
            if let Some(uuid) = &aggregate {
                outcome = outcome.and(self.empty_the_line(uuid).await);
            }
            self.placement_trouble(outcome.as_ref().err());
            let pause = if outcome.is_ok() {
                pauses.reset();
                due.since(self.clock.mono())
                    .clamp(POLL, self.settings.interval)
            } else {
                pauses.pause()
            };
            let _ = tokio::time::timeout(pause, self.work.notified()).await;
            if outcome.is_err() {
                // New work is done at once; what failed is not tried without a pause.
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// Compares every member, once everything that can be seen is as it must be; the aggregate.
    async fn compare(&self) -> Result<String, ApiFault> {
        let findings = preflight::look(&self.openstack, &self.settings.aggregate).await?;
        if let Some(condition) = findings.broken() {
            let why = format!("{}: {}", condition.what, condition.detail);
            return Err(ApiFault::Denied(why));
        }
        let (Some(uuid), Some(members)) = (findings.aggregate, findings.members) else {
            return Err(ApiFault::Strange("the aggregate cannot be read".into()));
        };
        let differing = self.wanted().compare(&members);
        if differing > 0 {
            tracing::info!(differing, members = members.len(), "compared");
        }
        let now = self.clock.mono();
        self.status
            .send_modify(|status| status.compared = Some(now));
        Ok(uuid)
    }

    /// Looks at every node that waits, several at a time.
    async fn empty_the_line(&self, uuid: &str) -> Result<(), ApiFault> {
        let aggregate = Aggregate {
            openstack: &self.openstack,
            uuid,
        };
        let look = async |(uuid, member): (String, bool)| {
            let outcome = aggregate.set(&uuid, member).await;
            (uuid, member, outcome)
        };
        let mut looks = FuturesUnordered::new();
        let mut first_fault = None;
        let mut passed = BTreeSet::new();
        loop {
            while passed.len() < FAILURES && looks.len() < self.settings.concurrent {
                // A statement of its own: the guard must not live on.
                let next = self.wanted().take(&passed);
                match next {
                    Some(next) => looks.push(look(next)),
                    None => break,
                }
            }
            let Some((uuid, member, outcome)) = looks.next().await else {
                break;
            };
            match outcome {
                Ok(outcome) => {
                    self.wanted().done(&uuid, outcome != Outcome::Unknown);
                    telemetry::placement_looked(member, outcome.as_str());
                }
                Err(fault) => {
                    self.wanted().failed(&uuid);
                    telemetry::placement_looked(member, "failed");
                    first_fault.get_or_insert(fault);
                    passed.insert(uuid);
                }
            }
            self.tell_counts();
        }
        self.tell_counts();
        first_fault.map_or(Ok(()), Err)
    }

    fn tell_counts(&self) {
        self.progress.notify_one();
        let (wanted, waiting, unknown) = self.wanted().counts();
        self.status.send_modify(|status| {
            (status.wanted, status.waiting, status.unknown) = (wanted, waiting, unknown);
        });
    }

    fn placement_trouble(&self, fault: Option<&ApiFault>) {
        let trouble = fault.map(ToString::to_string);
        self.status.send_if_modified(|status| {
            if status.placement_trouble == trouble {
                return false;
            }
            match &trouble {
                Some(why) => tracing::warn!(why, "Placement is not written; it is tried again"),
                None => tracing::info!("Placement can be written again"),
            }
            status.placement_trouble = trouble;
            true
        });
    }
}
