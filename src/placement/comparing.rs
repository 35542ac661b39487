//! The second loop: each interval everything is read and compared, and aggregates of pairs are made where
//! some are missing. It writes no membership: what differs goes into the line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::aggregate;
use super::listing;
use super::nova::{self, NovaAggregate};
use super::openstack::ApiFault;
use super::pairs::PairRead;
use super::preflight::{self, Findings};
use super::service::{Ours, PAUSE_CAP, POLL, Service};
use super::wanted::Wanted;
use crate::retry::Pauses;

/// At most so many pairs have aggregates of their own; nodes of further ones go one by one.
const PAIRS: usize = 1000;

/// About so many members are read each interval: ten seconds of Placement's time. All of them in turn.
const READ: usize = 20_000;

/// How long a change that is committed may take to be heard of before a comparison is given up.
const CATCH_UP: Duration = Duration::from_secs(5);

/// How often it is looked whether it was.
const LOOK: Duration = Duration::from_millis(20);

/// Lists of members that are read side by side: Placement makes each of them in memory.
const LISTS: usize = 2;

/// What was read about pairs.
struct PairsRead {
    read: Vec<PairRead>,
    /// Node → the pair it needs.
    listed: BTreeMap<String, String>,
}

impl Service {
    pub(super) async fn keep_comparing(&self, stop: &CancellationToken) {
        let mut pauses = Pauses::up_to(PAUSE_CAP);
        let mut due = self.clock.mono();
        let mut turn = 0;
        while !stop.is_cancelled() {
            let mut pause = due.since(self.clock.mono()).max(POLL);
            let begun = self.begun.swap(false, Ordering::Relaxed);
            if self.following() && (begun || self.clock.mono() >= due) {
                let outcome = self.compare(&mut turn).await;
                let trouble = outcome.as_ref().err().map(ToString::to_string);
                self.trouble(|troubles| troubles.comparing = trouble);
                if outcome.is_ok() {
                    pauses.reset();
                    due = self.clock.mono().plus(self.settings.interval);
                    pause = self.settings.interval;
                } else {
                    self.begun.fetch_or(begun, Ordering::Relaxed);
                    pause = pauses.pause();
                    // Nothing new makes it try sooner.
                    tokio::time::sleep(pause).await;
                    continue;
                }
            } else {
                self.begun.fetch_or(begun, Ordering::Relaxed);
            }
            let _ = tokio::time::timeout(pause, self.look.notified()).await;
        }
    }

    /// Compares every member, once everything that can be seen is as it must be.
    async fn compare(&self, turn: &mut u64) -> Result<(), ApiFault> {
        self.wanted().reading();
        let findings = preflight::look(&self.openstack, &self.settings).await?;
        if let Some(condition) = findings.broken() {
            return Err(ApiFault::Denied(condition.to_string()));
        }
        let (Some(uuid), Some(members)) = (&findings.aggregate, &findings.members) else {
            return Err(ApiFault::Strange("the aggregate cannot be read".into()));
        };
        // First: with its pair a node may be where it should be.
        let mut pairs = None;
        let trouble = match findings.broken_of_pairs() {
            Some(condition) => Some(condition.to_string()),
            None if self.settings.pair_aggregates => {
                let read = self.read_pairs(&findings, turn).await;
                read.map_or_else(Some, |(read, refused)| {
                    pairs = Some(read);
                    refused
                })
            }
            None => None,
        };
        self.pairs_trouble(trouble);
        self.use_aggregate(uuid);
        self.hear_of_all().await?;
        if let Some(pairs) = pairs {
            self.use_pairs(uuid, pairs);
        }
        let differing = self.wanted().compare(members);
        if differing > 0 {
            tracing::info!(differing, members = members.len(), "compared");
        }
        let now = self.clock.mono();
        self.status
            .send_modify(|status| status.compared = Some(now));
        self.work.notify_one();
        Ok(())
    }

    /// Members of pairs are written once they were read: until then those aggregates are left alone.
    fn use_aggregate(&self, uuid: &str) {
        let mut slot = self.ours.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_none_or(|ours| ours.aggregate != uuid) {
            let (aggregate, all) = (uuid.to_owned(), [uuid.to_owned()].into());
            *slot = Some(Arc::new(Ours { aggregate, all }));
        }
    }

    /// Returns once everything was heard of that may have led to what was read: else this would undo what
    /// another service did about a newer change.
    async fn hear_of_all(&self) -> Result<(), ApiFault> {
        let position = |wanted: &Wanted| {
            let position = wanted.position();
            position.map(|(stream, seq)| (stream.to_owned(), seq))
        };
        let Some((stream, _)) = position(&self.wanted()) else {
            return Ok(());
        };
        let committed = self.position(&stream).await.map_err(ApiFault::Busy)?;
        let end = self.clock.mono().plus(CATCH_UP);
        loop {
            let heard = position(&self.wanted()).filter(|(now, _)| *now == stream);
            let heard = heard.map_or(0, |(_, seq)| seq);
            if heard >= committed {
                return Ok(());
            }
            if self.clock.mono() >= end || !self.following() {
                return Err(ApiFault::Busy(format!(
                    "nothing is compared: change {committed} is committed, the broker has told of {heard}"
                )));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn use_pairs(&self, aggregate: &str, pairs: PairsRead) {
        let found = pairs.read.iter().map(|pair| pair.uuid.clone());
        let mut all: BTreeSet<String> = found.collect();
        all.insert(aggregate.to_owned());
        self.wanted().load(pairs.read, pairs.listed);
        let aggregate = aggregate.to_owned();
        let mut slot = self.ours.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::new(Ours { aggregate, all }));
    }

    /// Makes aggregates that are missing, and reads which nodes are in which, and should be; why one
    /// could not be made. `turn` goes round all of them. `Err`: a sentence.
    async fn read_pairs(
        &self,
        findings: &Findings,
        turn: &mut u64,
    ) -> Result<(PairsRead, Option<String>), String> {
        let listed = listing::take(&self.http, &self.settings.snapshot_urls).await?;
        let named: BTreeSet<&String> = listed.values().collect();
        let mut found = findings.pairs.clone();
        let missing = named
            .iter()
            .filter(|pair| !found.iter().any(|(known, _)| known == **pair));
        let room = PAIRS.saturating_sub(found.len());
        let missing: Vec<String> = missing.take(room).map(|pair| (*pair).clone()).collect();
        let (made, refused) = self.make(&findings.name, missing).await;
        found.extend(made);
        let read = self.read_members(found, turn).await;
        let read = read.map_err(|fault| format!("the members of pairs cannot be read: {fault}"))?;
        Ok((PairsRead { read, listed }, refused))
    }

    /// Makes aggregates of `pairs`, as many as can be made in the time that one answer may take: the others'
    /// turn comes with the next comparison. Why one could not be made.
    async fn make(
        &self,
        name: &str,
        pairs: Vec<String>,
    ) -> (Vec<(String, NovaAggregate)>, Option<String>) {
        let end = self.clock.mono().plus(self.settings.timeout);
        let (mut made, mut refused) = (Vec::new(), None);
        for pair in pairs {
            if self.clock.mono() >= end {
                break;
            }
            let name = preflight::pair_name(name, &pair);
            match nova::create(&self.openstack, &name).await {
                Ok(one) => made.push((pair, one)),
                // Another service was faster: it is read with the next comparison.
                Err(ApiFault::Conflict(_)) => {}
                Err(fault) => {
                    refused
                        .get_or_insert(format!("the aggregate {name:?} cannot be made: {fault}"));
                    if matches!(fault, ApiFault::Busy(_)) {
                        break;
                    }
                }
            }
        }
        (made, refused)
    }

    async fn read_members(
        &self,
        found: Vec<(String, NovaAggregate)>,
        turn: &mut u64,
    ) -> Result<Vec<PairRead>, ApiFault> {
        let due = self.due(&found, turn);
        let read = async |(pair, found): (String, NovaAggregate)| {
            let members = match due.contains(&found.id) {
                false => None,
                true => Some(aggregate::members(&self.openstack, &found.uuid).await?),
            };
            Ok(PairRead {
                id: found.id,
                on: found.is_on(),
                uuid: found.uuid,
                pair,
                members,
            })
        };
        let all = stream::iter(found).map(read).buffer_unordered(LISTS);
        all.try_collect().await
    }

    /// Those whose members are read this time: the ones never read, and others as their turn comes.
    fn due(&self, found: &[(String, NovaAggregate)], turn: &mut u64) -> BTreeSet<u64> {
        let ids: BTreeSet<u64> = found.iter().map(|(_, found)| found.id).collect();
        let wanted = self.wanted();
        let size = |id: u64| wanted.pairs().size(id);
        let unread = ids.iter().filter(|id| size(**id).is_none());
        let mut due: BTreeSet<u64> = unread.copied().collect();
        let mut budget = READ;
        let turned = ids.range(*turn..).chain(ids.range(..*turn)).copied();
        for id in turned.filter(|id| size(*id).is_some()) {
            due.insert(id);
            // An empty list costs a request, too.
            budget = budget.saturating_sub(size(id).unwrap_or(0) + READ / PAIRS);
            if budget == 0 {
                *turn = id + 1;
                break;
            }
        }
        due
    }
}
