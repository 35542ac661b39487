//! Whatever is delivered: decoded to what its sender meant, or refused with a reason.

use nodewarden::domain::event::Event;
use nodewarden::domain::ids::INCARNATION_MAX;
use nodewarden::message::Delivery;
use nodewarden::wire::{self, BODY_BYTES, DRIVERS, Incoming, Reason, Refusal, encode_event};
use serde_json::Value;

use super::packed::{self, Node};
use super::random::Random;
use super::{Target, bytes, corpus};

const TYPES: &[&str] = &[
    "conductor.joined",
    "conductor.heartbeat",
    "conductor.left",
    "conductor.heartbeat_timeout",
    "nodewarden.tick",
    "nodewarden.probe",
    "scheduler.applied",
    "node.out_of_service",
    "",
    "conductor.\n",
];

const CONTENT_TYPES: &[Option<&str>] = &[
    Some("application/msgpack"),
    Some("application/json"),
    None,
    Some(""),
    Some("APPLICATION/JSON; charset=utf-8"),
    Some("application/x-msgpack"),
    Some("text/plain"),
    Some("application/\0json"),
];

const MUST_OCCUR: &[&str] = &[
    "conductor.joined",
    "conductor.heartbeat",
    "conductor.left",
    "conductor.heartbeat_timeout",
    "tick",
    "undecodable ",
    "missing_field ",
    "wrong_type ",
    "out_of_bounds ",
    "duplicate_key ",
    "trailing_garbage ",
    "unknown_type ",
    "unknown_content_type ",
];

const MESSAGE_IDS: &[Option<&str>] = &[Some("e1"), None, Some(""), Some("a\nb"), Some("\u{202e}")];

/// Deliveries that are nearly good, and whatever else.
pub struct Decoder {
    /// Good messages: their type, and what they say.
    good: Vec<(&'static str, Value)>,
    /// Bodies that were interesting once.
    bodies: Vec<Vec<u8>>,
}

impl Decoder {
    pub fn new() -> Self {
        let good = corpus::golden()
            .into_iter()
            .filter_map(|(name, value)| {
                let of = TYPES
                    .iter()
                    .find(|of| !of.is_empty() && name.starts_with(**of));
                Some((*of?, value))
            })
            .chain([(
                "nodewarden.tick",
                serde_json::json!({"stream": "2b1a7c1e-50f4-4c0e-8f5e-0d3f6f0a9b11",
                    "session": "f3b0a3a8-54f7-4f43-9a55-6a1b6f3d8f02", "sent_us": 17}),
            )])
            .collect();
        Self {
            good,
            bodies: corpus::kept("decoder"),
        }
    }

    fn body(&self, random: &mut Random, good: &Value) -> Vec<u8> {
        let mut body = Vec::new();
        match random.below(8) {
            // By the grammar of MessagePack.
            0..=3 => {
                let mut node = Node::from(good);
                for _ in 0..random.below(4) {
                    packed::mutate(random, &mut node);
                }
                packed::write(random, &node, &mut body);
            }
            // JSON, and pieces of other bodies in it.
            4 | 5 => {
                body = good.to_string().into_bytes();
                let other = random.one_of(&self.bodies).clone();
                bytes::mutate(random, &mut body, &other);
            }
            6 => {
                body = random.one_of(&self.bodies).clone();
                let other = random.one_of(&self.bodies).clone();
                bytes::mutate(random, &mut body, &other);
            }
            _ => {
                packed::write(random, &Node::from(good), &mut body);
                let other = random.one_of(&self.bodies).clone();
                bytes::mutate(random, &mut body, &other);
            }
        }
        body
    }
}

impl Target for Decoder {
    type Input = Delivery;

    fn name(&self) -> &'static str {
        "decoder"
    }

    fn input(&self, random: &mut Random) -> Delivery {
        let (of, good) = random.one_of(&self.good);
        let body = self.body(random, good);
        let odd = |random: &mut Random| random.once_in(16);
        let of = if odd(random) {
            random.one_of(TYPES)
        } else {
            of
        };
        let (exchange, routing_key) = match *of {
            "nodewarden.tick" if !odd(random) => ("", "nodewarden.conductor-events"),
            "nodewarden.probe" if !odd(random) => ("conductor.events", "conductor.probe"),
            _ => ("conductor.events", *of),
        };
        let content_type = match odd(random) {
            true => *random.one_of(CONTENT_TYPES),
            false if body.first() == Some(&b'{') => Some("application/json"),
            false => Some("application/msgpack"),
        };
        let id = match odd(random) {
            true => *random.one_of(MESSAGE_IDS),
            false => Some("e1"),
        };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Delivery {
            exchange: exchange.to_owned(),
            routing_key: routing_key.to_owned(),
            message_id: owned(id),
            message_type: (!random.once_in(8)).then(|| (*of).to_owned()),
            content_type: owned(content_type),
            content_encoding: odd(random).then(|| "utf-8".to_owned()),
            body,
            ..Delivery::default()
        }
    }

    fn kept(&self, input: &Delivery) -> Vec<u8> {
        input.body.clone()
    }

    fn judge(&self, random: &mut Random, input: &Delivery) -> String {
        let outcome = wire::decode(input, None);
        let named = wire::named(input, None);
        // For people who look at dead letters; any body whatever.
        let _ = wire::to_json(&input.body, input.content_type.as_deref());
        match outcome {
            Err(refusal) => {
                is_told(&refusal);
                format!("{} {}", refusal.reason.as_str(), shape(&refusal.detail))
            }
            Ok(Incoming::Event { event, digest }) => {
                is_bounded(&event, input);
                assert_eq!(named.as_ref(), Some(&event.conductor), "who it is about");
                again(&event, input);
                neighbours(random, &event, input, digest);
                event.kind.event_type().to_string()
            }
            Ok(Incoming::Tick(tick)) => {
                let again = with_body(input, tick.encode());
                assert_eq!(wire::decode(&again, None), Ok(Incoming::Tick(tick)));
                "tick".to_owned()
            }
            Ok(Incoming::Probe(Some(probe))) => {
                let again = with_body(input, probe.encode());
                assert_eq!(wire::decode(&again, None), Ok(Incoming::Probe(Some(probe))));
                "probe".to_owned()
            }
            Ok(other) => format!("{:?}", std::mem::discriminant(&other)),
        }
    }

    fn must_occur(&self) -> &'static [&'static str] {
        MUST_OCCUR
    }
}

/// A refusal says why, on one line that any terminal bears.
fn is_told(refusal: &Refusal) {
    assert!(Reason::ALL.contains(&refusal.reason));
    let detail = &refusal.detail;
    assert!(
        !detail.is_empty() && detail.chars().count() <= 200,
        "{detail}"
    );
    assert!(!detail.chars().any(char::is_control), "{detail:?}");
}

/// What comes in is within the bounds of the contract, whatever was sent.
fn is_bounded(event: &Event, input: &Delivery) {
    let name = |text: &str| {
        let length = (1..=255).contains(&text.len());
        length && !text.chars().any(char::is_control) && text.trim() == text
    };
    assert!(input.body.len() <= BODY_BYTES);
    assert!(name(event.conductor.as_str()), "{event:?}");
    assert!(event.incarnation.get() <= INCARNATION_MAX);
    assert!(event.sent_at_ms.is_none_or(|at| at <= i64::MAX as u64));
    let Some(said) = event.kind.statement() else {
        return;
    };
    assert!(said.drivers.len() <= DRIVERS);
    assert!(
        said.drivers.iter().all(|driver| name(driver.as_str())),
        "{said:?}"
    );
    let group = said.group.to_string();
    assert!(group.is_empty() || name(&group), "{said:?}");
    assert_eq!(group, group.to_ascii_lowercase());
    let timeout = said.heartbeat_timeout.map(|timeout| timeout.as_millis());
    assert!(
        timeout.is_none_or(|ms| (1_000..=3_600_000).contains(&ms)),
        "{said:?}"
    );
}

fn with_body(input: &Delivery, body: Vec<u8>) -> Delivery {
    Delivery {
        content_type: Some("application/msgpack".to_owned()),
        body,
        ..input.clone()
    }
}

fn decoded(input: &Delivery) -> Result<(Event, [u8; 32]), Reason> {
    match wire::decode(input, None) {
        Ok(Incoming::Event { event, digest }) => Ok((event, digest)),
        Ok(other) => panic!("no event any more: {other:?}"),
        Err(refusal) => Err(refusal.reason),
    }
}

/// What we would write of it means the same.
fn again(event: &Event, input: &Delivery) {
    let again = with_body(input, encode_event(event));
    assert_eq!(decoded(&again).map(|(event, _)| event).as_ref(), Ok(event));
}

/// Small changes of a good body have a known outcome.
fn neighbours(random: &mut Random, event: &Event, input: &Delivery, digest: [u8; 32]) {
    let is_json = input.body.trim_ascii_start().first() == Some(&b'{')
        || input.body.starts_with(b"\xef\xbb\xbf");
    let mut more = input.clone();
    match random.below(3) {
        // Cut short: broken, in either format, unless white space is cut off.
        0 if input.body.len() > 1
            && !input.body.ends_with(b" ")
            && !input.body.ends_with(b"\n") =>
        {
            more.body.truncate(input.body.len() - 1);
            let cut = decoded(&more).map(|_| ());
            let space = input.body.last().is_some_and(u8::is_ascii_whitespace);
            assert!(space || cut == Err(Reason::Undecodable), "{cut:?}");
        }
        1 if input.body.len() < BODY_BYTES => {
            more.body.push(0x01);
            assert_eq!(decoded(&more).map(|_| ()), Err(Reason::TrailingGarbage));
        }
        // A field that a later version adds changes nothing but the digest.
        _ if !is_json
            && (0x80..0x8f).contains(&input.body[0])
            && input.body.len() < BODY_BYTES / 2 =>
        {
            let mut field = Vec::new();
            let key = Node::Text(b"a field of the future".to_vec());
            packed::write(random, &key, &mut field);
            let value = Node::Unsigned(random.next());
            packed::write(random, &value, &mut field);
            more.body[0] += 1;
            more.body.splice(1..1, field);
            let (future, other) = decoded(&more).expect("unknown fields are ignored");
            assert_eq!(&future, event);
            assert_ne!(other, digest);
        }
        _ => {}
    }
}

/// The words of a detail, without what it quotes and counts.
fn shape(detail: &str) -> String {
    let mut parts = detail.split('"');
    let outside = parts.next().unwrap_or_default();
    outside.chars().filter(|c| !c.is_ascii_digit()).collect()
}
