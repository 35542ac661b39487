//! Receipts: how far the stream is carried out in Placement, said at most once a second and, while all is
//! well, once each interval. Nothing waits for them.

use std::time::Duration;

use super::service::Service;
use crate::broker::Emitter;
use crate::clock::Clock;
use crate::config::Amqp;
use crate::domain::ids::SubscriberName;
use crate::domain::receipt::Receipt;
use crate::domain::time::Mono;
use crate::message::Published;
use crate::retry::Pauses;
use crate::wire;

/// The outside contract's bound.
const EACH: Duration = Duration::from_secs(1);

/// The longest pause after a receipt that could not be published: nothing hangs on it.
const PAUSE_CAP: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Said {
    receipt: Option<Receipt>,
    at: Option<Mono>,
}

impl Service {
    /// Says how far it is, for as long as it is polled. `subscriber` is its name.
    pub(super) async fn report(&self, amqp: &Amqp, subscriber: &SubscriberName) {
        let mut said = Said::default();
        let mut emitter = None;
        let mut pauses = Pauses::up_to(PAUSE_CAP);
        let mut troubled = false;
        loop {
            let since = said.at.map_or(EACH, |at| self.clock.mono().since(at));
            if since < EACH {
                tokio::time::sleep(EACH - since).await;
            }
            if let Some(receipt) = self.next(&said, subscriber) {
                match publish(&mut emitter, amqp, &receipt).await {
                    Ok(()) => {
                        pauses.reset();
                        troubled = false;
                        said.at = Some(self.clock.mono());
                        said.receipt = Some(receipt);
                    }
                    Err(why) => {
                        emitter = None;
                        if !std::mem::replace(&mut troubled, true) {
                            tracing::warn!(why, "receipts cannot be published; trying again");
                        }
                        tokio::time::sleep(pauses.pause()).await;
                    }
                }
            } else {
                let _ = tokio::time::timeout(EACH, self.progress.notified()).await;
            }
        }
    }

    /// The receipt that is due.
    fn next(&self, said: &Said, subscriber: &SubscriberName) -> Option<Receipt> {
        let applied = self.wanted().applied().map(|(s, seq)| (s.to_owned(), seq));
        let (stream, seq) = applied?;
        let receipt = match &said.receipt {
            Some(before) if before.stream == stream && before.seq == seq => before.clone(),
            Some(_) | None => Receipt {
                subscriber: subscriber.clone(),
                stream,
                seq,
                applied_at_ms: self.clock.now().wall_ms,
            },
        };
        let is_new = said.receipt.as_ref() != Some(&receipt);
        let due = said
            .at
            .is_none_or(|at| self.clock.mono().since(at) >= self.settings.interval);
        (is_new || (due && self.is_well())).then_some(receipt)
    }
}

async fn publish(
    emitter: &mut Option<Emitter>,
    amqp: &Amqp,
    receipt: &Receipt,
) -> Result<(), String> {
    let open = match emitter {
        Some(open) => open,
        None => {
            let opened = Emitter::open(amqp, "placement receipts").await;
            emitter.insert(opened.map_err(|fault| fault.to_string())?)
        }
    };
    let exchange = &amqp.receipts_exchange;
    let message = [wire::receipt_message(receipt, exchange)];
    let published = open.publish(&message).await;
    match published.map_err(|fault| fault.to_string())?.first() {
        Some(Published::Confirmed) => Ok(()),
        Some(Published::Unroutable) => Err(format!("no queue is bound to exchange {exchange:?}")),
        Some(Published::Nacked) | None => Err("a full queue rejects them".to_owned()),
    }
}
