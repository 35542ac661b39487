//! An announcement that the broker refuses or does not answer: fresh ways first, and only then without it.

use std::time::Duration;

use super::{Relay, RelayEnd};
use crate::broker::Unpublished;
use crate::domain::time::Mono;
use crate::message::{Outgoing, Published};
use crate::telemetry;
use crate::worker::announcer::{Announcer, Fresh};
use crate::worker::ports::{Clock, Outbox};

/// How long fresh channels and connections are tried before a refused announcement is passed by:
/// one full queue must not silence all others, and subscribers see the gap. Those behind it get one
/// fresh try each while the broker goes on refusing.
const NACK_PATIENCE: Duration = Duration::from_secs(30);

/// The same for one that is not answered. A node of a cluster that is frozen or cut off is missed after
/// `net_ticktime`, 60 s and up to a quarter more, and only then do its queues get another leader; meanwhile
/// other subscribers receive it.
const SILENCE_PATIENCE: Duration = Duration::from_secs(90);

/// How long a connection counts as fresh, so that a line of refused ones does not dial too often.
const FRESH: Duration = Duration::from_secs(1);

/// The broker refuses announcements.
pub(super) struct Nacking {
    since: Mono,
    /// The first in line was refused by fresh ones too: one message at a time until one is taken.
    pub(super) alone: bool,
    /// Whether anything fresh was refused since the last whole window.
    fresh_too: bool,
    /// Since when fresh ones answer nothing.
    silent_since: Option<Mono>,
    /// What the last fresh one said that did more than nack.
    why: Option<String>,
    passed_by: u64,
}

impl Nacking {
    /// What keeps announcements back, for people; nothing as long as nothing fresh was refused.
    pub(super) fn sentence(&self) -> Option<String> {
        if !self.fresh_too {
            return None;
        }
        Some(match (self.passed_by, &self.why) {
            (0, Some(why)) => format!("announcements wait: {why}"),
            (0, None) => "the broker refuses announcements on fresh connections too".to_owned(),
            (1, _) => "the broker refuses announcements: 1 message was passed by".to_owned(),
            (many, _) => {
                format!("the broker refuses announcements: {many} messages were passed by")
            }
        })
    }
}

/// What became of a message on something fresh.
enum Tried {
    Taken(Published),
    Refused,
    Silent,
    /// No message would go through, or there is no such thing for now.
    NoWay,
}

impl<O: Outbox, A: Announcer, C: Clock> Relay<O, A, C> {
    /// The first in line was refused: a fresh channel, then a fresh connection. Returns what became
    /// of it; `Nacked`: refused there too for long enough, and passed by.
    pub(super) async fn first_nacked(
        &mut self,
        message: &Outgoing,
    ) -> Result<Option<Published>, RelayEnd> {
        let since = self.nacking().since;
        let (mut all_tried, mut silent) = (true, false);
        for how in [Fresh::Channel, Fresh::Connection] {
            let now = self.clock.now().mono;
            if how == Fresh::Connection && self.connected.is_some_and(|at| now.since(at) < FRESH) {
                // The channel that has just refused belongs to it.
                break;
            }
            match self.on_a_fresh(how, message).await? {
                Tried::Taken(taken) => {
                    let nacking = self.nacking();
                    (nacking.alone, nacking.silent_since) = (false, None);
                    return Ok(Some(taken));
                }
                Tried::Refused => {}
                Tried::Silent => silent = true,
                Tried::NoWay => all_tried = false,
            }
        }
        let now = self.clock.now().mono;
        let nacking = self.nacking();
        nacking.alone = true;
        let patient = match nacking.silent_since.filter(|_| silent) {
            Some(since) => now.since(since) < SILENCE_PATIENCE,
            None => now.since(since) < NACK_PATIENCE,
        };
        if all_tried && !patient {
            self.pass_by(message);
            return Ok(Some(Published::Nacked));
        }
        self.publish_trouble();
        self.pause(|relay| &mut relay.nacks).await;
        Ok(None)
    }

    /// Publishes one message on something fresh.
    async fn on_a_fresh(&mut self, how: Fresh, message: &Outgoing) -> Result<Tried, RelayEnd> {
        let began = self.clock.now().mono;
        if let Err(fault) = self.announcer.renew(how).await {
            tracing::warn!(
                fault = telemetry::error_chain(&fault),
                "the broker refuses announcements and gives the relay no fresh way; trying again"
            );
            return Ok(Tried::NoWay);
        }
        if how == Fresh::Connection {
            self.connected = Some(began);
        }
        let why = match self.publish(std::slice::from_ref(message)).await {
            Ok(results) => match results.first() {
                Some(taken @ (Published::Confirmed | Published::Unroutable)) => {
                    return Ok(Tried::Taken(*taken));
                }
                Some(Published::Nacked) => None,
                None => return Ok(Tried::NoWay),
            },
            Err(why @ Unpublished::NoExchange(_)) => return Err(RelayEnd::NoExchange(why)),
            Err(why) => Some(why),
        };
        let nacking = self.nacking();
        nacking.why = why.as_ref().map(ToString::to_string);
        nacking.fresh_too |= !matches!(why, Some(Unpublished::Disconnected(_)));
        let tried = match why {
            Some(Unpublished::Forbidden(_) | Unpublished::Disconnected(_)) => Tried::NoWay,
            Some(Unpublished::Unanswered(_)) => {
                nacking.silent_since.get_or_insert(began);
                Tried::Silent
            }
            Some(Unpublished::Refused(_) | Unpublished::NoExchange(_)) | None => Tried::Refused,
        };
        self.publish_trouble();
        Ok(tried)
    }

    fn pass_by(&mut self, message: &Outgoing) {
        telemetry::PASSED_BY.count(1);
        let nacking = self.nacking();
        nacking.passed_by += 1;
        let why = nacking.why.clone();
        tracing::error!(
            exchange = self.exchange,
            message_id = message.message_id,
            message_type = message.message_type,
            why,
            "passed an announcement by: fresh channels and connections do not carry it either (a full queue that \
             rejects, one that has lost its majority, max_message_size?); subscribers that missed it see a gap and \
             must take a snapshot"
        );
    }

    /// The broker refuses something now, or has since it last took a whole window.
    pub(super) fn nacking(&mut self) -> &mut Nacking {
        let now = self.clock.now().mono;
        self.nacking.get_or_insert(Nacking {
            since: now,
            alone: false,
            fresh_too: false,
            silent_since: None,
            why: None,
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
