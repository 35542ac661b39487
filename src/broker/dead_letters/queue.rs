//! The dead-letter queue, locked for one operator, and the walk over it.

use std::collections::HashSet;
use std::sync::Arc;

use lapin::options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, message};

use super::letter::{DeadLetter, DeadLetterContent, Found};
use crate::broker::BrokerError;
use crate::broker::confirmed::{ConfirmedChannel, Parcel};
use crate::broker::error::{reply_code, short, within};
use crate::broker::link::BrokerConnection;
use crate::clock::new_id;
use crate::config::Amqp;
use crate::message::Published;
use crate::words::words;

/// Letters in hand at once. Each is settled by a command of its own; with more than 32 under way the broker may
/// forget some, though it took the acknowledgement (3.10.8: of 43, ten stayed). Half of that is safe.
const PAGE_LETTERS: usize = 16;

/// Bytes of bodies in hand at once; one larger letter makes a page of its own.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// The broker's answer when another connection has the exclusive queue.
const RESOURCE_LOCKED: u16 = 405;

/// The dead-letter queue, locked for us.
pub struct DeadLetters {
    link: Arc<BrokerConnection>,
    take: Channel,
    put: ConfirmedChannel,
    queue: ShortString,
    events_exchange: ShortString,
    settings: Amqp,
}

/// Which letters are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All that are there.
    All,
    /// Those with these ids.
    Ids(HashSet<String>),
}

impl Which {
    fn means(&self, letter: &DeadLetter) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => ids.contains(&letter.id),
        }
    }
}

/// Whether a letter goes back whose publisher may not speak for that conductor, or was never judged: it
/// would go back under our own login, as if this command's user had said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// It stays.
    Stays,
    /// Its words become those of our login.
    AsMe,
}

/// What a walk put back, and what it left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requeued {
    /// The letters that are gone from here.
    pub moved: Vec<DeadLetter>,
    /// The letters that were meant and are still here, with the reason.
    pub kept: Vec<(DeadLetter, Kept)>,
}

words! {
    /// Why a letter did not go back. The code of [`Kept::Foreign`] is the reason for which the letter was refused.
    Kept, "a reason to keep a letter" {
        /// It calls itself a tick or a probe of nodewarden.
        OurOwn = "our_own",
        /// It came from a subscriber: only its newest receipt counts.
        Receipt = "receipt",
        /// Its publisher may not speak for that conductor.
        Foreign = "foreign_publisher",
        /// It was never judged whether its publisher may speak for that conductor: the broker, or whoever may
        /// write to the queue, put it here.
        Unjudged = "unjudged",
        /// No queue is bound to the events exchange for its routing key.
        Unroutable = "unroutable",
    }
}

/// What becomes of a letter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Requeue,
    Discard,
}

impl DeadLetters {
    /// Dials and takes the lock. [`BrokerError::Refused`] says what to do.
    pub async fn open(settings: &Amqp) -> Result<Self, BrokerError> {
        let queue = short(&settings.dead_letters_queue)?;
        let lock = short(&format!("{queue}.lock"))?;
        let link = Arc::new(BrokerConnection::open(settings, "nodewarden dead-letters").await?);
        Self::equip(link, queue, lock, settings)
            .await
            .map_err(BrokerError::before_session)
    }

    async fn equip(
        link: Arc<BrokerConnection>,
        queue: ShortString,
        lock: ShortString,
        settings: &Amqp,
    ) -> Result<Self, BrokerError> {
        let events_exchange = short(&settings.events_exchange)?;
        let take = link.channel().await?;
        let options = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let locking = async {
            match take
                .queue_declare(lock, options, FieldTable::default())
                .await
            {
                Ok(_) => Ok(true),
                Err(fault) if reply_code(&fault) == Some(RESOURCE_LOCKED) => Ok(false),
                Err(fault) => Err(fault),
            }
        };
        if !within(link.limit(), "locking the dead letters", locking).await? {
            return Err(BrokerError::Refused(
                "another command is working on the dead letters; try again when it has finished"
                    .into(),
            ));
        }
        let put = ConfirmedChannel::open(&link).await?;
        Ok(Self {
            link,
            take,
            put,
            queue,
            events_exchange,
            settings: settings.clone(),
        })
    }

    /// All letters, oldest first; an error loses none.
    pub async fn list(&mut self) -> Result<Vec<DeadLetter>, BrokerError> {
        let mut letters = Vec::new();
        self.walk(|found, _| {
            letters.push(found.letter.clone());
            Fate::Keep
        })
        .await?;
        Ok(letters)
    }

    /// One letter with its body, if it is there; an error loses none.
    pub async fn show(&mut self, id: &str) -> Result<Option<DeadLetterContent>, BrokerError> {
        let mut content = None;
        self.walk(|found, body| {
            if found.letter.id == id {
                content = Some(DeadLetterContent {
                    letter: found.letter.clone(),
                    original: found.described(),
                    body: body.to_vec(),
                });
            }
            Fate::Keep
        })
        .await?;
        Ok(content)
    }

    /// Publishes originals again with their routing key, through the events exchange, under our own
    /// login: the broker takes no other. After an error, what could not go back is here.
    pub async fn requeue(
        &mut self,
        which: &Which,
        foreign: Foreign,
    ) -> Result<Requeued, BrokerError> {
        let mut done = Requeued::default();
        let user = self.link.user().to_owned();
        let settings = self.settings.clone();
        let stuck = self
            .walk(|found, _| {
                let letter = &found.letter;
                if !which.means(letter) {
                    return Fate::Keep;
                }
                let kept = if found.is_our_own() {
                    Kept::OurOwn
                } else if found.is_of_a_subscriber(&settings) {
                    Kept::Receipt
                } else if letter.reason == Kept::Foreign.as_str() && foreign == Foreign::Stays {
                    Kept::Foreign
                } else if found.is_unjudged(&user) && foreign == Foreign::Stays {
                    Kept::Unjudged
                } else {
                    done.moved.push(letter.clone());
                    return Fate::Requeue;
                };
                done.kept.push((letter.clone(), kept));
                Fate::Keep
            })
            .await?;
        done.moved.retain(|letter| !stuck.contains(letter));
        let stuck = stuck.into_iter().map(|letter| (letter, Kept::Unroutable));
        done.kept.extend(stuck);
        Ok(done)
    }

    /// Throws letters away and returns them; an error may come after some of them.
    pub async fn discard(&mut self, which: &Which) -> Result<Vec<DeadLetter>, BrokerError> {
        let mut removed = Vec::new();
        self.walk(|found, _| {
            if !which.means(&found.letter) {
                return Fate::Keep;
            }
            removed.push(found.letter.clone());
            Fate::Discard
        })
        .await?;
        Ok(removed)
    }

    /// Frees the lock and takes leave.
    pub async fn close(self) {
        self.link.close().await;
    }

    /// Takes every letter in hand once, and lets `judge` say what becomes of it. Returns those that
    /// were to go back and stay, for want of a bound queue.
    async fn walk(
        &mut self,
        mut judge: impl FnMut(&Found, &[u8]) -> Fate,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        let walk = new_id();
        let mut stuck = Vec::new();
        let mut seen = HashSet::new();
        let mut left = self.waiting().await?;
        while left > 0 {
            let mut page = self.page(left).await?;
            let Some(last) = page.last().map(|delivery| delivery.delivery_tag) else {
                break;
            };
            left = left.saturating_sub(page.len());
            let mut fates = Vec::with_capacity(page.len());
            for delivery in &mut page {
                let found = Found::read(delivery, self.link.frame_max());
                let fate = if found.walk.as_ref() == Some(&walk) {
                    // Our own copy: somebody took letters away meanwhile and we are round.
                    left = 0;
                    Fate::Keep
                } else if seen.insert(found.letter.id.clone()) {
                    judge(&found, &delivery.data)
                } else {
                    // A leftover of a crash; its twin was handled a moment ago.
                    Fate::Discard
                };
                fates.push((found, fate));
            }
            stuck.extend(self.settle(&walk, &page, &fates, last).await?);
        }
        Ok(stuck)
    }

    /// Publishes what stays or goes back, then acknowledges the page. Returns what was to go back and stays.
    async fn settle(
        &mut self,
        walk: &str,
        page: &[message::Delivery],
        fates: &[(Found, Fate)],
        last: u64,
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        let user = short(self.link.user())?;
        let letters = || fates.iter().zip(page);
        let requeued: Vec<_> = letters()
            .filter(|((_, fate), _)| *fate == Fate::Requeue)
            .collect();
        let parcels: Vec<_> = requeued
            .iter()
            .map(|((found, _), delivery)| Parcel {
                exchange: self.events_exchange.clone(),
                routing_key: found.routing_key(),
                properties: found.as_before().with_user_id(user.clone()),
                body: &delivery.data,
            })
            .collect();
        let outcomes = self.put.publish(&parcels).await?;
        let failed = requeued
            .iter()
            .zip(outcomes)
            .filter(|(_, what)| *what != Published::Confirmed);
        let failed: Vec<_> = failed.map(|(letter, what)| (*letter, what)).collect();

        let kept = letters().filter(|((_, fate), _)| *fate == Fate::Keep);
        let copies: Vec<_> = kept
            .chain(failed.iter().map(|(letter, _)| *letter))
            .map(|((found, _), delivery)| Parcel {
                exchange: ShortString::default(),
                routing_key: self.queue.clone(),
                properties: found.rewritten(walk),
                body: &delivery.data,
            })
            .collect();
        let outcomes = self.put.publish(&copies).await?;
        if outcomes.iter().any(|what| *what != Published::Confirmed) {
            // Nothing is acknowledged: with our channel's end every letter is back in its place.
            return Err(BrokerError::Refused(format!(
                "the queue {:?} does not take the copies of its letters; look at its length limit",
                self.queue.as_str()
            )));
        }
        let ack = self
            .take
            .basic_ack(last, BasicAckOptions { multiple: true });
        within(self.link.limit(), "acknowledging", ack).await?;
        let rejected = failed.iter().filter(|(_, what)| *what == Published::Nacked);
        match rejected.count() {
            0 => Ok(failed
                .iter()
                .map(|(((found, _), _), _)| found.letter.clone())
                .collect()),
            count => Err(BrokerError::Refused(format!(
                "{count} of the letters could not go back and are still here: a queue behind exchange {:?} rejects \
                 messages",
                self.events_exchange.as_str(),
            ))),
        }
    }

    /// How many letters there are.
    async fn waiting(&self) -> Result<usize, BrokerError> {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let look = self
            .take
            .queue_declare(self.queue.clone(), options, FieldTable::default());
        let what = format!("looking at queue {:?}", self.queue.as_str());
        let queue = within(self.link.limit(), &what, look).await?;
        Ok(queue.message_count() as usize)
    }

    async fn page(&self, most: usize) -> Result<Vec<message::Delivery>, BrokerError> {
        let mut page: Vec<message::Delivery> = Vec::new();
        let mut bytes = 0;
        while page.len() < most.min(PAGE_LETTERS) && bytes < PAGE_BYTES {
            let get = self
                .take
                .basic_get(self.queue.clone(), BasicGetOptions::default());
            let Some(got) = within(self.link.limit(), "fetching a dead letter", get).await? else {
                break;
            };
            bytes += got.delivery.data.len();
            page.push(got.delivery);
        }
        Ok(page)
    }
}
