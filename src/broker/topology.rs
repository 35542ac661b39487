//! Exchanges, queues and binding: declared where the user may, otherwise checked, with a complaint
//! that names all that is missing and how to make it.
//!
//! Limits belong in policies: an argument could not change without deleting the queue.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use super::BrokerError;
use super::error::{chain, classify, no_answer, reply_code, short};
use super::link::BrokerConnection;
use super::values::{table, text};
use crate::config::Amqp;
use crate::message::RECEIPT_TYPE;

/// Which routing keys of the events exchange reach the queue.
const EVENTS_KEY: &str = "conductor.#";

/// What the exchanges begin with that the shipped rights let subscribers declare and bind.
const SUBSCRIBERS: &str = "scheduler.";

/// Whether what comes through this exchange is from a subscriber: that of the receipts, or one of a
/// subscriber's own, which it may bind to that.
pub(super) fn is_of_subscribers(exchange: &str, settings: &Amqp) -> bool {
    exchange == settings.receipts_exchange
        || (exchange.starts_with(SUBSCRIBERS) && exchange != settings.events_exchange)
}

const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

/// One thing that must be there.
enum Part {
    Exchange {
        setting: &'static str,
        name: ShortString,
    },
    Queue {
        setting: &'static str,
        name: ShortString,
        single_active: bool,
    },
    Binding {
        queue: ShortString,
        exchange: ShortString,
        key: &'static str,
    },
}

/// Declares what is missing, or checks that nothing is.
pub(super) async fn ensure(link: &BrokerConnection, settings: &Amqp) -> Result<(), BrokerError> {
    let complaints = complaints(link, settings, parts(settings)?).await?;
    // Receipts inform; a topology from before there were any is no reason to decide nothing.
    if complaints.is_empty() {
        let missing = self::complaints(link, settings, receipts(settings)?).await?;
        if !missing.is_empty() {
            tracing::warn!(
                missing = missing.join("; "),
                "subscribers' receipts cannot come in"
            );
        }
        return Ok(());
    }
    Err(BrokerError::Refused(complaints.join("; ")))
}

/// How many parts there are.
pub(super) const PARTS: usize = 7;

/// The same for one part alone, counted from 0: three round trips.
pub(super) async fn ensure_part(
    link: &BrokerConnection,
    settings: &Amqp,
    number: usize,
) -> Result<(), BrokerError> {
    let mut all = parts(settings)?.into_iter().chain(receipts(settings)?);
    let part = all.nth(number).into_iter();
    let missing = complaints(link, settings, part).await?;
    match missing.is_empty() {
        true => Ok(()),
        false => Err(BrokerError::Refused(missing.join("; "))),
    }
}

/// What is missing of `parts`, and how to make it.
async fn complaints(
    link: &BrokerConnection,
    settings: &Amqp,
    parts: impl IntoIterator<Item = Part>,
) -> Result<Vec<String>, BrokerError> {
    let mut complaints = Vec::new();
    for part in parts {
        let mut tried = false;
        if settings.declare {
            match ask(link, &part, false).await? {
                None => continue,
                Some((PRECONDITION_FAILED, text)) => {
                    complaints.push(part.different(&text));
                    continue;
                }
                Some(_) => tried = true,
            }
        }
        if matches!(part, Part::Binding { .. }) {
            // AMQP cannot ask whether a binding exists; only making it tells.
            if complaints.is_empty() {
                tracing::info!("not checked, because AMQP cannot: {}", part.recipe());
            } else {
                complaints.push(format!("and bind it: {}", part.recipe()));
            }
            continue;
        }
        if let Some((code, text)) = ask(link, &part, true).await? {
            complaints.push(part.missing(code, &text, tried));
        }
    }
    Ok(complaints)
}

fn parts(settings: &Amqp) -> Result<[Part; 5], BrokerError> {
    let queue = short(&settings.events_queue)?;
    let exchange = short(&settings.events_exchange)?;
    Ok([
        Part::Exchange {
            setting: "amqp.events_exchange",
            name: exchange.clone(),
        },
        Part::Exchange {
            setting: "amqp.nodes_exchange",
            name: short(&settings.nodes_exchange)?,
        },
        Part::Queue {
            setting: "amqp.dead_letters_queue",
            name: short(&settings.dead_letters_queue)?,
            single_active: false,
        },
        Part::Queue {
            setting: "amqp.events_queue",
            name: queue.clone(),
            single_active: true,
        },
        Part::Binding {
            queue,
            exchange,
            key: EVENTS_KEY,
        },
    ])
}

fn receipts(settings: &Amqp) -> Result<[Part; 2], BrokerError> {
    let exchange = short(&settings.receipts_exchange)?;
    Ok([
        Part::Exchange {
            setting: "amqp.receipts_exchange",
            name: exchange.clone(),
        },
        Part::Binding {
            queue: short(&settings.events_queue)?,
            exchange,
            key: RECEIPT_TYPE,
        },
    ])
}

/// Asks on a channel that is thrown away: a "no" closes it. Code and text of that; `None`: all is fine.
async fn ask(
    link: &BrokerConnection,
    part: &Part,
    passive: bool,
) -> Result<Option<(u16, String)>, BrokerError> {
    let channel = link.channel().await?;
    let what = part.what();
    let answer = match tokio::time::timeout(link.limit(), part.ask(&channel, passive)).await {
        Err(_) => return Err(no_answer(&what, link.limit())),
        Ok(Ok(())) => None,
        Ok(Err(fault)) => match reply_code(&fault) {
            Some(code) => Some((code, chain(&fault))),
            None => return Err(classify(&what, &fault)),
        },
    };
    if channel.status().connected() {
        // Nothing depends on it; the connection would close it at its own end.
        let goodbye = channel.close(200, "OK".into());
        let _ = tokio::time::timeout(link.limit(), goodbye).await;
    }
    Ok(answer)
}

impl Part {
    async fn ask(&self, channel: &Channel, passive: bool) -> lapin::Result<()> {
        let none = FieldTable::default;
        match self {
            Self::Exchange { name, .. } => {
                let options = ExchangeDeclareOptions {
                    passive,
                    durable: true,
                    ..ExchangeDeclareOptions::default()
                };
                channel
                    .exchange_declare(name.clone(), ExchangeKind::Topic, options, none())
                    .await
            }
            Self::Queue {
                name,
                single_active,
                ..
            } => {
                let options = QueueDeclareOptions {
                    passive,
                    durable: true,
                    ..QueueDeclareOptions::default()
                };
                channel
                    .queue_declare(name.clone(), options, queue_arguments(*single_active))
                    .await
                    .map(|_| ())
            }
            Self::Binding {
                queue,
                exchange,
                key,
            } => {
                let options = QueueBindOptions::default();
                channel
                    .queue_bind(
                        queue.clone(),
                        exchange.clone(),
                        (*key).into(),
                        options,
                        none(),
                    )
                    .await
            }
        }
    }

    fn what(&self) -> String {
        match self {
            Self::Exchange { setting, name } => format!("exchange \"{name}\" ({setting})"),
            Self::Queue { setting, name, .. } => format!("queue \"{name}\" ({setting})"),
            Self::Binding {
                queue, exchange, ..
            } => {
                format!("binding of queue \"{queue}\" to exchange \"{exchange}\"")
            }
        }
    }

    /// How an operator makes it.
    fn recipe(&self) -> String {
        match self {
            Self::Exchange { name, .. } => {
                format!("rabbitmqadmin declare exchange name={name} type=topic durable=true")
            }
            Self::Queue {
                name,
                single_active,
                ..
            } => {
                let single = if *single_active {
                    r#","x-single-active-consumer":true"#
                } else {
                    ""
                };
                format!(
                    r#"rabbitmqadmin declare queue name={name} durable=true arguments='{{"x-queue-type":"quorum"{single}}}'"#
                )
            }
            Self::Binding {
                queue,
                exchange,
                key,
            } => format!(
                "rabbitmqadmin declare binding source={exchange} destination={queue} routing_key='{key}'"
            ),
        }
    }

    fn missing(&self, code: u16, text: &str, tried: bool) -> String {
        let (what, recipe) = (self.what(), self.recipe());
        let whose = match (code, tried) {
            (NOT_FOUND, true) => "is missing and this user may not declare it",
            (NOT_FOUND, false) => "is missing",
            (ACCESS_REFUSED, _) => "may not be used by this user",
            _ => "cannot be used",
        };
        format!("{what} {whose}: {text}; to create it: {recipe}")
    }

    fn different(&self, text: &str) -> String {
        format!(
            "{} exists with other properties: {text}; delete it or choose another name, then: {}",
            self.what(),
            self.recipe()
        )
    }
}

/// Quorum: a classic queue with a single active consumer can crash when consumers come and go
/// (rabbitmq-server issue 5460), and one lost disk must not lose an event.
fn queue_arguments(single_active: bool) -> FieldTable {
    let mut arguments = table([("x-queue-type", text("quorum"))]);
    if single_active {
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    }
    arguments
}
