//! The third loop: carries out what waits, several things side by side. What is in no haste takes at most
//! half of the places, so that a loss finds one free.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::aggregate::{self, Outcome};
use super::nova;
use super::openstack::ApiFault;
use super::service::{Ours, PAUSE_CAP, POLL, Service};
use super::wanted::{Job, Wish};
use crate::retry::Pauses;
use crate::telemetry;

/// So many nodes may fail in a round before it ends: more, and it is Placement that is in trouble.
const FAILURES: usize = 32;

enum Done {
    Node(String, Wish, Result<Outcome, ApiFault>),
    Switch(u64, bool, Result<(), ApiFault>),
}

impl Service {
    pub(super) async fn keep_writing(&self, stop: &CancellationToken) {
        let mut pauses = Pauses::up_to(PAUSE_CAP);
        while !stop.is_cancelled() {
            let outcome = match self.ours() {
                Some(_) => self.empty_the_line().await,
                None => Ok(()),
            };
            let trouble = outcome.as_ref().err().map(ToString::to_string);
            self.trouble(|troubles| troubles.writing = trouble);
            let pause = match &outcome {
                Err(_) => pauses.pause(),
                Ok(()) => {
                    pauses.reset();
                    // Nodes that wait for their pair are looked at again as time passes.
                    POLL
                }
            };
            let _ = tokio::time::timeout(pause, self.work.notified()).await;
            if outcome.is_err() {
                // New work is done at once; what failed is not tried without a pause.
                tokio::time::sleep(POLL).await;
            }
        }
    }

    fn ours(&self) -> Option<Arc<Ours>> {
        let slot = self.ours.lock().unwrap_or_else(PoisonError::into_inner);
        slot.clone()
    }

    async fn empty_the_line(&self) -> Result<(), ApiFault> {
        let mut jobs = FuturesUnordered::new();
        let mut first_fault = None;
        let mut passed = BTreeSet::new();
        let places = self.settings.concurrent;
        loop {
            while passed.len() < FAILURES && jobs.len() < places {
                // What is in no haste takes a node out of the members that another service has put there, if it
                // does not know of its loss: never while the stream is not followed.
                let may = self.following() && jobs.len() < places.div_ceil(2) && passed.is_empty();
                let now = self.clock.mono();
                // A statement of its own: the guard must not live on.
                let next = self.wanted().take(&passed, now, may);
                match next {
                    Some(next) => jobs.push(self.job(next)),
                    None => break,
                }
            }
            match tokio::time::timeout(POLL, jobs.next()).await {
                // All are under way; something else may be due by now.
                Err(_) => {}
                Ok(None) => break,
                Ok(Some(Done::Node(uuid, wish, Ok(outcome)))) => {
                    self.wanted().done(&uuid, wish, outcome != Outcome::Unknown);
                    telemetry::placement_looked(wish.member, outcome.as_str());
                }
                Ok(Some(Done::Node(uuid, wish, Err(fault)))) => {
                    self.wanted().failed(&uuid);
                    telemetry::placement_looked(wish.member, "failed");
                    first_fault.get_or_insert(fault);
                    passed.insert(uuid);
                }
                Ok(Some(Done::Switch(id, on, outcome))) => self.switched(id, on, outcome),
            }
            self.show_counts();
        }
        self.show_counts();
        first_fault.map_or(Ok(()), Err)
    }

    async fn job(&self, job: Job) -> Done {
        match job {
            Job::Switch { id, on } => {
                let outcome = nova::switch(&self.openstack, id, on).await;
                Done::Switch(id, on, outcome)
            }
            Job::Node { uuid, wish } => {
                let outcome = self.set(&uuid, wish).await;
                Done::Node(uuid, wish, outcome)
            }
        }
    }

    async fn set(&self, uuid: &str, wish: Wish) -> Result<Outcome, ApiFault> {
        let Some(ours) = self.ours() else {
            return Err(ApiFault::Busy("the aggregate is not known yet".into()));
        };
        let mut wished = BTreeSet::new();
        if wish.member {
            wished.insert(ours.aggregate.clone());
        }
        if let Some(id) = wish.pair {
            wished.extend(self.wanted().pairs().uuid(id).map(str::to_owned));
        }
        aggregate::set(&self.openstack, &ours.all, uuid, &wished).await
    }

    fn switched(&self, id: u64, on: bool, outcome: Result<(), ApiFault>) {
        let now = self.clock.mono();
        let again = outcome.is_err().then(|| now.plus(self.settings.interval));
        let mut wanted = self.wanted();
        wanted.switched(id, on, again, now);
        let pair = wanted.pairs().name(id).unwrap_or_default().to_owned();
        drop(wanted);
        match outcome {
            Ok(()) => tracing::info!(pair, on, "switched"),
            Err(fault) => self.pairs_trouble(Some(format!(
                "the aggregate of pair {pair} cannot be switched: {fault}"
            ))),
        }
    }
}
