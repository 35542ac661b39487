//! The service and its first loop: it follows the stream. `writing` carries out what it says, `comparing`
//! compares all of it each interval; none of the three waits for another.
//!
//! While the stream is not followed nothing is compared: what was announced is still carried out, and
//! nothing else is changed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::following::Following;
use super::openstack::OpenStack;
use super::snapshot;
use super::status::Status;
use super::wanted::{Heard, Wanted};
use crate::broker::Subscriber;
use crate::clock::SystemClock;
use crate::config::{Amqp, Placement};
use crate::domain::ids::SubscriberName;
use crate::retry::Pauses;
use crate::wire::Announced;

/// The longest pause before broker, snapshot or Placement are tried again.
pub(super) const PAUSE_CAP: Duration = Duration::from_secs(10);

/// Messages taken from the queue at once.
const BATCH: usize = 64;

/// How soon a stop is noticed while nothing comes.
pub(super) const POLL: Duration = Duration::from_millis(200);

pub(super) struct Ours {
    /// The one for what is out of service.
    pub aggregate: String,
    /// That and those of pairs.
    pub all: BTreeSet<String>,
}

/// Why something does not work, as sentences.
#[derive(Default)]
pub(super) struct Troubles {
    pub comparing: Option<String>,
    pub writing: Option<String>,
}

pub struct Service {
    pub(super) openstack: OpenStack,
    pub(super) http: reqwest::Client,
    pub(super) settings: Placement,
    pub(super) clock: SystemClock,
    wanted: Mutex<Wanted>,
    /// What they are, once they were seen.
    pub(super) ours: Mutex<Option<Arc<Ours>>>,
    troubles: Mutex<Troubles>,
    /// There is something to write.
    pub(super) work: Notify,
    /// There is something to compare.
    pub(super) look: Notify,
    /// Something was carried out.
    pub(super) progress: Notify,
    /// A snapshot was taken and not compared yet.
    pub(super) begun: AtomicBool,
    /// How often an address gave a snapshot of a stream that the broker does not speak of.
    wrong: AtomicUsize,
    pub(super) status: watch::Sender<Status>,
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
            ours: Mutex::default(),
            troubles: Mutex::default(),
            work: Notify::new(),
            look: Notify::new(),
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
                self.keep_comparing(stop),
                self.keep_writing(stop),
                self.send_receipts(amqp)
            )
        };
        stop.run_until_cancelled(all).await;
    }

    async fn send_receipts(&self, amqp: &Amqp) {
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

    pub(super) fn following(&self) -> bool {
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
            let snapshot = self.snapshot().await;
            if let Err(why) = snapshot.and_then(|following| self.wanted().begin(following)) {
                return why;
            }
            self.stream_trouble(None);
            // What changed while nothing was heard is in the snapshot alone.
            self.begun.store(true, Ordering::Relaxed);
            self.look.notify_one();
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

    /// The last change of `stream` that is committed.
    pub(super) async fn position(&self, stream: &str) -> Result<u64, String> {
        let skipped = self.wrong.load(Ordering::Relaxed);
        let urls = &self.settings.snapshot_urls;
        snapshot::position(&self.http, urls, skipped, stream).await
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
                    Ok(Some(message)) => self.wanted().hear(message, self.clock.mono()),
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
                    self.look.notify_one();
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

    pub(super) fn show_counts(&self) {
        self.progress.notify_one();
        let wanted = self.wanted();
        let counts = wanted.counts();
        let switched = wanted.pairs().switched();
        drop(wanted);
        self.status.send_modify(|status| {
            (status.wanted, status.waiting, status.unknown) = counts;
            status.switched = switched;
        });
    }

    /// Says what is wrong with Placement, or that nothing is, after `change`.
    pub(super) fn trouble(&self, change: impl FnOnce(&mut Troubles)) {
        let trouble = {
            let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut troubles);
            let comparing = troubles.comparing.as_ref();
            comparing.or(troubles.writing.as_ref()).cloned()
        };
        self.status.send_if_modified(|status| {
            if status.placement_trouble == trouble {
                return false;
            }
            match &trouble {
                Some(why) => {
                    tracing::warn!(why, "Placement is not as it must be; it is tried again")
                }
                None => tracing::info!("Placement is as it must be again"),
            }
            status.placement_trouble = trouble;
            true
        });
    }

    /// Says why pairs are not switched, or that they are.
    pub(super) fn pairs_trouble(&self, trouble: Option<String>) {
        self.status.send_if_modified(|status| {
            if status.pairs_trouble == trouble {
                return false;
            }
            if let Some(why) = &trouble {
                tracing::warn!(why, "pairs are not switched as they should be");
            }
            status.pairs_trouble = trouble;
            true
        });
    }
}
