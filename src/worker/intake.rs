//! The first half of a step: what was delivered, from takeover to acknowledgement.

use std::time::Duration;

use super::batch::{self, Batch, Done, Item};
use super::cost::Spent;
use super::end::{End, Fault, unless_about_rows};
use super::identity::Identity;
use super::lost;
use super::ports::{Clock, Ledger, Queue};
use super::refusals::Refusals;
use super::rules::Rules;
use super::silence::too_much;
use super::takeover::take_over;
use super::term::Place;
use super::unheeded;
use crate::domain::ids::ConductorName;
use crate::domain::time::{Mono, Now};
use crate::domain::unheeded::Note;
use crate::failpoints;
use crate::message::{Delivery, Refused};
use crate::store::StoreError;
use crate::telemetry;
use crate::wire::{Reason, Refusal};

/// Deliveries seen this often are handled a few at a time, and soon alone, so that whatever is wrong with one
/// hits no neighbour.
const SEEN_OFTEN: u64 = 3;

/// So many of them together, and a fourth with each time more. All that is in hand is seen again when a
/// session ends: alone at once, a few lost sessions would cost a transaction for each.
const FEW: usize = 64;

/// Received and not yet acknowledged, in queue order.
#[derive(Default)]
pub(super) struct InHand {
    deliveries: Vec<Delivery>,
    /// No more of them together, after some that the database did not take or that did not fit: what is not
    /// handled is read in vain.
    most: Option<usize>,
    /// Those before all others, once an alarm has kept them from being settled.
    unsettled: Option<Unsettled>,
    /// Since when there are any.
    unsettled_since: Option<Mono>,
    refusals: Refusals,
    /// A batch with notes was not taken: the next one goes without.
    without_notes: bool,
}

/// At most so many notes of signs that did not count ride with one batch (L1).
const NOTES: usize = 100;

/// For so long an alarm may keep them. RabbitMQ 4.3 gives what is not acknowledged for half an hour to other
/// sessions, out of order; the end of ours puts it back in its place.
const UNSETTLED: Duration = Duration::from_secs(600);
const UNSETTLED_TOLD: &str =
    "the broker has blocked us for ten minutes, and what was refused cannot be put away";

/// Deliveries that are committed and not acknowledged yet.
struct Unsettled {
    count: usize,
    copies: Vec<Refused>,
}

impl InHand {
    pub(super) fn len(&self) -> usize {
        self.deliveries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// Whether nothing can be done with them before the broker takes something from us.
    pub(super) fn waits(&self) -> bool {
        self.unsettled.is_some()
    }

    pub(super) fn put(&mut self, deliveries: Vec<Delivery>) {
        self.deliveries = deliveries;
    }

    /// The deliveries that the next transaction may take, read; at least one.
    fn next(&self, rules: &Rules) -> Vec<Item> {
        let mut most = self.most.unwrap_or(usize::MAX);
        let mut items: Vec<Item> = Vec::new();
        for delivery in &self.deliveries {
            most = most.min(together(delivery.delivery_count));
            if !items.is_empty() && items.len() >= most {
                break;
            }
            items.push(batch::decode(delivery, rules.publishers.as_ref()));
        }
        items
    }

    /// Of so many that were `read`, `count` fitted into a transaction: not all are read again for the next.
    fn fitted(&mut self, count: usize, read: usize) {
        if count < read {
            self.most = Some(count);
        }
    }

    /// Settles the first `count`, some of them refused; how many are done with.
    async fn settle<Q: Queue>(
        &mut self,
        queue: &mut Q,
        count: usize,
        refused: &[(u64, Refusal)],
        now: Mono,
    ) -> Result<usize, Fault> {
        let copies = refused
            .iter()
            .map(|(tag, refusal)| Refused {
                tag: *tag,
                reason: refusal.reason.as_str(),
                detail: refusal.detail.clone(),
            })
            .collect();
        self.without_notes = false;
        self.finish(queue, Unsettled { count, copies }, now).await
    }

    /// Tries again what an alarm has kept from being settled.
    async fn settle_again<Q: Queue>(&mut self, queue: &mut Q, now: Mono) -> Result<usize, Fault> {
        let Some(unsettled) = self.unsettled.take() else {
            return Ok(0);
        };
        if now.since(*self.unsettled_since.get_or_insert(now)) > UNSETTLED {
            return Err(End::Wedged(UNSETTLED_TOLD).into());
        }
        self.finish(queue, unsettled, now).await
    }

    /// Refused copies first, then the acknowledgement of everything: nothing is ever in neither
    /// queue (I2). During an alarm both wait.
    async fn finish<Q: Queue>(
        &mut self,
        queue: &mut Q,
        unsettled: Unsettled,
        now: Mono,
    ) -> Result<usize, Fault> {
        let copies = &unsettled.copies;
        if !copies.is_empty() && !queue.refuse(copies).await? {
            self.unsettled = Some(unsettled);
            return Ok(0);
        }
        self.refusals.put_away(copies, now);
        self.refusals.tell_rest(now);
        let count = unsettled.count;
        let last = self.deliveries[count - 1].tag;
        queue.acknowledge_through(last).await?;
        self.deliveries.drain(..count);
        self.most = match self.deliveries.is_empty() {
            true => None,
            false => self.most.map(|most| most.saturating_mul(2)),
        };
        Ok(count)
    }

    /// The database will never take the first `count` together: half of them, down to the culprit, which
    /// is refused alone. Each that goes well lets twice as many be tried.
    async fn not_taken<Q: Queue>(
        &mut self,
        place: &mut Place,
        queue: &mut Q,
        count: usize,
        fault: StoreError,
        rules: &Rules,
        now: Now,
    ) -> Result<usize, Fault> {
        if count > 1 {
            tracing::warn!(
                fault = telemetry::error_chain(&fault),
                "a batch cannot be stored; handling half of it"
            );
            self.most = Some(count / 2);
            return Ok(0);
        }
        let (alone, why) = (&self.deliveries[0], fault.to_string());
        if let Some(term) = place.term_mut() {
            unheeded::not_taken(term, alone, rules, &why, now);
        }
        let refused = (alone.tag, Refusal::new(Reason::Unprocessable, why));
        self.settle(queue, 1, &[refused], now.mono).await
    }

    /// A batch with these notes was refused for its rows: nothing of it has come. A note is never worth a
    /// message, so if there are any, it is tried again without; whether it is.
    fn tries_without(
        &mut self,
        place: &mut Place,
        notes: &[Note],
        fault: &StoreError,
        now: Mono,
    ) -> bool {
        if let Some(term) = place.term_mut() {
            term.unheeded.take_back();
            term.unheeded.put_off(notes, now);
        }
        self.without_notes = !notes.is_empty();
        if self.without_notes {
            tracing::warn!(
                fault = telemetry::error_chain(fault),
                "a batch cannot be stored; trying it without its notes of what did not count"
            );
        }
        self.without_notes
    }
}

/// How many deliveries that were seen so often share a transaction at most.
fn together(delivery_count: u64) -> usize {
    let times = delivery_count.checked_sub(SEEN_OFTEN);
    times.map_or(usize::MAX, |times| {
        let shift = u32::try_from(2 * times.min(16)).unwrap_or(u32::MAX);
        FEW.checked_shr(shift).unwrap_or(0).max(1)
    })
}

/// Handles the next deliveries in hand: as many as fit into one transaction (L1), and at least one.
pub(super) async fn intake<Q: Queue, L: Ledger, C: Clock>(
    place: &mut Place,
    in_hand: &mut InHand,
    queue: &mut Q,
    ledger: &mut L,
    clock: &C,
    rules: &Rules,
    us: &mut Identity,
) -> Result<usize, Fault> {
    if in_hand.waits() {
        return in_hand.settle_again(queue, clock.now().mono).await;
    }
    in_hand.unsettled_since = None;
    let rows = place.rows();
    let items = in_hand.next(rules);
    lost::learn(&items, place, ledger, us, clock.now().mono).await?;
    if place.term().is_none() {
        take_over(place, ledger, clock, rules, us).await?;
    }
    let (mut count, read) = (0, items.len());
    let known = unless_about_rows(ledger.recall(&batch::ids(&items)).await)?;
    let now = clock.now();
    let known = match known {
        Ok(known) => known,
        Err(fault) => {
            return in_hand
                .not_taken(place, queue, read, fault, rules, now)
                .await;
        }
    };
    let without_notes = in_hand.without_notes;
    let commit = place.commit(|term| {
        let mut ids = || clock.id();
        let mut batch = Batch::new(term, rules, now, &mut ids);
        for item in items {
            // What an event writes is only known once it is decided.
            if batch.rows() >= rows {
                break;
            }
            batch.take(item, &known, us);
            count += 1;
        }
        Some(batch.finish(if without_notes { 0 } else { NOTES }))
    });
    let Some(commit) = commit else {
        return Ok(0);
    };
    let written = match commit.prepared.writes_nothing() {
        true => Ok(()),
        false => ledger.commit(commit.epoch, &commit.prepared.findings).await,
    };
    let notes = match &written {
        Ok(()) => Vec::new(),
        Err(_) => commit.prepared.findings.unheeded.clone(),
    };
    let outcome = commit.outcome(written);
    let spent = Spent::since(now.mono, clock, ledger);
    let done = match outcome {
        Ok((done, ())) => done,
        Err(fault) if fault.is_about_rows() => {
            if in_hand.tries_without(place, &notes, &fault, now.mono) {
                return Ok(0);
            }
            return in_hand
                .not_taken(place, queue, count, fault, rules, now)
                .await;
        }
        Err(fault) => return Err(too_much(place, fault)),
    };
    follow(place, rules, rows, &done, spent);
    unheeded::told(place, &done, now);
    failpoints::reached("before-ack");
    in_hand.fitted(count, read);
    in_hand.settle(queue, count, &done.refused, now.mono).await
}

/// What follows from a batch that is committed.
fn follow(place: &mut Place, rules: &Rules, rows: u32, done: &Done, spent: Spent) {
    let Some(term) = place.deciding() else {
        return;
    };
    if !done.writes_nothing() {
        telemetry::INTAKE.took(spent.took);
        term.rows.took(rows, done.rows, spent);
    }
    if done.proves {
        term.hearing.prove();
    }
    term.look_at_requests |= done.own_tick;
    if done.own_tick {
        term.unanswered = 0;
    }
    if let Some(sent) = done.fresh {
        term.fresh = Some(sent);
        term.judged = sent;
        let overdue = term.hearing.overdue(&term.map, sent, rules.reconnect_grace);
        let (map, left, unheeded) = (&term.map, &term.left_conductors, &term.unheeded);
        let waits = |name: &ConductorName| {
            let known = map.conductor(name);
            known.is_some_and(|known| unheeded.holds_back(known, sent))
        };
        term.silent = overdue
            .into_iter()
            .filter(|name| !left.has(name, sent) && !waits(name))
            .collect();
    }
    done.report(term.epoch);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_hand(deliveries: &[u64]) -> InHand {
        let delivery = |&delivery_count: &u64| Delivery {
            delivery_count,
            ..Delivery::default()
        };
        let mut in_hand = InHand::default();
        in_hand.put(deliveries.iter().map(delivery).collect());
        in_hand
    }

    #[test]
    fn what_was_seen_often_is_handled_with_few_others_and_at_last_alone() {
        let many = |count: u64| vec![count; 200];
        #[rustfmt::skip]
        let table: &[(&str, &[u64], usize)] = &[
            ("nothing in hand", &[], 0),
            ("all that is there", &[0, 2, 0], 3),
            ("seen often: few", &many(3), 64),
            ("more often: fewer", &many(4), 16),
            ("more often still", &many(5), 4),
            ("at last alone", &many(6), 1),
            ("however often", &many(1_000_000), 1),
            ("up to one that was seen often", &[0, 0, 6, 0], 2),
            ("that one", &[6, 0], 1),
        ];
        for (what, deliveries, expected) in table {
            let items = in_hand(deliveries).next(&Rules::example());
            assert_eq!(items.len(), *expected, "{what}");
        }
    }

    #[test]
    fn l1_what_did_not_fit_is_not_read_again_with_every_transaction() {
        let mut in_hand = in_hand(&[0; 200]);
        in_hand.fitted(2, 200);
        assert_eq!(in_hand.next(&Rules::example()).len(), 2);
        in_hand.most = None;
        in_hand.fitted(200, 200);
        assert_eq!(in_hand.next(&Rules::example()).len(), 200);
    }
}
