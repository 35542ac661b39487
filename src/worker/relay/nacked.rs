//! A refused announcement: fresh ways first, and only then without it.

use std::time::Duration;

use super::{Relay, RelayEnd};
use crate::domain::time::Mono;
use crate::message::{Outgoing, Published};
use crate::telemetry;
use crate::worker::announcer::{Announcer, Fresh};
use crate::worker::ports::{Clock, Outbox};

/// How long fresh channels and connections are tried before a refused announcement is passed by:
/// one full queue must not silence all others, and subscribers see the gap. Those behind it get one
/// fresh try each while the broker goes on refusing.
const NACK_PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection counts as fresh, so that a line of refused ones does not dial too often.
const FRESH: Duration = Duration::from_secs(1);

/// The broker refuses announcements.
pub(super) struct Nacking {
    since: Mono,
    /// The first in line was refused by fresh ones too: one message at a time until one is taken.
    pub(super) alone: bool,
    /// Whether anything fresh was refused since the last whole window.
    fresh_too: bool,
    passed_by: u64,
}

impl Nacking {
    /// What keeps announcements back, for people; nothing as long as nothing fresh was refused.
    pub(super) fn sentence(&self) -> Option<String> {
        if !self.fresh_too {
            return None;
        }
        Some(match self.passed_by {
            0 => "the broker refuses announcements on fresh connections too".to_owned(),
            1 => "the broker refuses announcements: 1 message was passed by".to_owned(),
            many => format!("the broker refuses announcements: {many} messages were passed by"),
        })
    }
}

impl<O: Outbox, A: Announcer, C: Clock> Relay<O, A, C> {
    /// The first in line was refused: a fresh channel, then a fresh connection. Returns what became
    /// of it; `Nacked`: refused there too for long enough, and passed by.
    pub(super) async fn first_nacked(
        &mut self,
        message: &Outgoing,
    ) -> Result<Option<Published>, RelayEnd> {
        let since = self.nacking().since;
        let mut all_tried = true;
        for how in [Fresh::Channel, Fresh::Connection] {
            match self.on_a_fresh(how, message).await? {
                Some(taken @ (Published::Confirmed | Published::Unroutable)) => {
                    self.nacking().alone = false;
                    return Ok(Some(taken));
                }
                Some(Published::Nacked) => self.nacking().fresh_too = true,
                None => all_tried = false,
            }
        }
        self.nacking().alone = true;
        if all_tried && self.clock.now().mono.since(since) >= NACK_PATIENCE {
            self.pass_by(message);
            return Ok(Some(Published::Nacked));
        }
        self.publish_trouble();
        self.pause(|relay| &mut relay.nacks).await;
        Ok(None)
    }

    /// Publishes one message on something fresh; nothing if there is no such thing for now.
    async fn on_a_fresh(
        &mut self,
        how: Fresh,
        message: &Outgoing,
    ) -> Result<Option<Published>, RelayEnd> {
        let now = self.clock.now().mono;
        let dialled = self.connected.is_some_and(|at| now.since(at) < FRESH);
        if how == Fresh::Connection && dialled {
            // The channel that has just refused belongs to it.
            return Ok(Some(Published::Nacked));
        }
        if let Err(fault) = self.announcer.renew(how).await {
            tracing::warn!(
                fault = telemetry::error_chain(&fault),
                "the broker refuses announcements and gives the relay no fresh way; trying again"
            );
            return Ok(None);
        }
        if how == Fresh::Connection {
            self.connected = Some(now);
        }
        let results = self.publish(std::slice::from_ref(message)).await?;
        Ok(results.first().copied())
    }

    fn pass_by(&mut self, message: &Outgoing) {
        telemetry::PASSED_BY.count(1);
        self.nacking().passed_by += 1;
        tracing::error!(
            exchange = self.exchange,
            message_id = message.message_id,
            message_type = message.message_type,
            "passed an announcement by: the broker refuses it on fresh channels and connections too (a full queue \
             that rejects?); subscribers that missed it see a gap and must take a snapshot"
        );
    }

    /// The broker refuses something now, or has since it last took a whole window.
    pub(super) fn nacking(&mut self) -> &mut Nacking {
        let now = self.clock.now().mono;
        self.nacking.get_or_insert(Nacking {
            since: now,
            alone: false,
            fresh_too: false,
            passed_by: 0,
        })
    }

    /// The broker took a whole window.
    pub(super) fn taken(&mut self) {
        if let Some(over) = self.nacking.take() {
            self.nacks.reset();
            if over.fresh_too {
                tracing::info!(
                    passed_by = over.passed_by,
                    "the broker takes announcements again"
                );
            }
        }
    }
}
