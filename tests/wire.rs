//! What comes in over the wire: every reason for refusing has its test, and nothing hostile gets
//! further than `decode`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nodewarden::domain::committed::Committed;
use nodewarden::domain::event::{Event, EventKind, Statement};
use nodewarden::domain::ids::{
    ConductorName, Driver, EventId, Group, INCARNATION_MAX, Incarnation, SubscriberName,
};
use nodewarden::domain::receipt::Receipt;
use nodewarden::message::Delivery;
use nodewarden::wire::{
    self, BODY_BYTES, Incoming, NESTING, Probe, Publishers, Reason, Refusal, Tick, encode_event,
    to_json,
};
use nodewarden_tests::envelope::{Envelope, decode};
use proptest::prelude::*;
use serde_json::{Value, json};

const STREAM: &str = "2b1a7c1e-50f4-4c0e-8f5e-0d3f6f0a9b11";
const SESSION: &str = "f3b0a3a8-54f7-4f43-9a55-6a1b6f3d8f02";

/// A delivery of `body` as `message_type`, with everything else as it should be.
fn delivery<'a>(message_type: &'a str, body: &'a [u8]) -> Envelope<'a> {
    Envelope {
        exchange: "conductor.events",
        routing_key: message_type,
        message_id: Some("event-1"),
        message_type: Some(message_type),
        body,
        ..Envelope::default()
    }
}

/// The same with the content type of JSON.
fn json_delivery<'a>(message_type: &'a str, body: &'a [u8]) -> Envelope<'a> {
    Envelope {
        content_type: Some("application/json"),
        ..delivery(message_type, body)
    }
}

fn msgpack(value: &Value) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

/// What comes of `fields` in both formats, which must be the same but for the digest.
fn decode_fields(message_type: &str, fields: &Value) -> Result<Event, Refusal> {
    let event = |result| match result {
        Ok(Incoming::Event { event, .. }) => Ok(event),
        Ok(other @ (Incoming::Tick(_) | Incoming::Probe(_) | Incoming::Receipt(_))) => {
            panic!("{other:?} is no event")
        }
        Err(refusal) => Err(refusal),
    };
    let packed = msgpack(fields);
    let text = fields.to_string();
    let from_msgpack = event(decode(&delivery(message_type, &packed), None));
    let from_json = event(decode(&json_delivery(message_type, text.as_bytes()), None));
    assert_eq!(from_msgpack, from_json, "{fields}");
    from_msgpack
}

fn joined() -> Value {
    json!({"conductor": "cond-a", "incarnation": 7, "drivers": ["ipmi", "redfish"]})
}

/// `base` with `field` replaced; null stays in, which is the same as leaving it out.
fn with(base: &Value, field: &str, value: Value) -> Value {
    let mut changed = base.clone();
    changed[field] = value;
    changed
}

#[track_caller]
fn assert_refused(result: Result<impl std::fmt::Debug, Refusal>, reason: Reason, detail: &str) {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.reason, reason, "{refusal}");
    assert!(refusal.detail.contains(detail), "{refusal}");
    assert!(refusal.detail.chars().count() <= 200, "{refusal}");
    assert!(!refusal.detail.chars().any(char::is_control), "{refusal}");
}

// ---- what is accepted ----

#[test]
fn a_joined_with_everything_is_read_whole() {
    let fields = json!({
        "conductor": "cond-a", "incarnation": INCARNATION_MAX, "conductor_group": "Rack-7",
        "drivers": ["redfish", "ipmi", "ipmi"], "heartbeat_timeout_ms": 3000,
        "heartbeat_interval_ms": 1000, "sent_at_ms": 1_700_000_000_000_u64,
    });
    assert_eq!(
        decode_fields("conductor.joined", &fields).unwrap(),
        Event {
            id: EventId::parse("event-1").unwrap(),
            conductor: ConductorName::parse("cond-a").unwrap(),
            incarnation: Incarnation::new(INCARNATION_MAX).unwrap(),
            sent_at_ms: Some(1_700_000_000_000),
            kind: EventKind::Joined(Statement {
                group: Group::parse("rack-7").unwrap(),
                drivers: ["ipmi", "redfish"]
                    .map(|d| Driver::parse(d).unwrap())
                    .into(),
                heartbeat_timeout: Some(Duration::from_secs(3)),
            }),
        }
    );
}

#[test]
fn a_heartbeat_is_complete_exactly_when_it_has_drivers() {
    let bare = json!({"conductor": "c", "incarnation": 0, "heartbeat_timeout_ms": 5000});
    let event = decode_fields("conductor.heartbeat", &bare).unwrap();
    assert_eq!(event.kind, EventKind::Heartbeat(None));

    for drivers in [json!([]), json!(["ipmi"])] {
        let complete = with(&bare, "drivers", drivers);
        let event = decode_fields("conductor.heartbeat", &complete).unwrap();
        assert!(
            matches!(event.kind, EventKind::Heartbeat(Some(_))),
            "{complete}"
        );
    }
}

#[test]
fn unknown_fields_are_ignored_and_null_is_absent() {
    let fields = with(&joined(), "conductor_group", Value::Null);
    let fields = with(
        &fields,
        "added_later",
        json!({"deep": [1, 2.5, {"x": null}]}),
    );
    // A field of other messages is an unknown one here.
    let fields = with(&fields, "back_within_ms", json!("soon"));
    assert_eq!(
        decode_fields("conductor.joined", &fields),
        decode_fields("conductor.joined", &joined())
    );
}

#[test]
fn an_extension_in_an_ignored_field_does_not_disturb_what_follows() {
    let mut body = vec![0x83];
    for (key, value) in [
        ("conductor", &b"\xa1c"[..]),
        ("x", b"\xd6\x07abcd"),
        ("incarnation", b"\x01"),
    ] {
        body.extend(msgpack(&json!(key)));
        body.extend(value);
    }
    let result = decode(&delivery("conductor.heartbeat", &body), None);
    assert!(matches!(result, Ok(Incoming::Event { .. })), "{result:?}");
}

#[test]
fn the_routing_key_names_the_message_where_the_type_is_absent() {
    let body = msgpack(&joined());
    for message_type in [None, Some("")] {
        let envelope = Envelope {
            message_type,
            ..delivery("conductor.joined", &body)
        };
        assert!(decode(&envelope, None).is_ok());
    }
    let envelope = Envelope {
        routing_key: "conductor.other",
        ..delivery("conductor.joined", &body)
    };
    assert!(decode(&envelope, None).is_ok());
}

#[test]
fn content_types_and_encodings_are_taken_by_every_name_that_means_one_thing() {
    let (packed, text) = (msgpack(&joined()), joined().to_string());
    for content_type in [
        None,
        Some(""),
        Some("Application/MsgPack; v=1"),
        Some("application/x-msgpack"),
        Some("application/vnd.msgpack"),
        Some("application/octet-stream"),
        Some("application/vnd.fleet+msgpack"),
    ] {
        let envelope = Envelope {
            content_type,
            ..delivery("conductor.joined", &packed)
        };
        assert!(decode(&envelope, None).is_ok(), "{content_type:?}");
    }
    for content_type in [
        "application/json",
        "APPLICATION/JSON ;charset=utf-8",
        "text/json",
        "application/vnd.fleet+json",
    ] {
        let envelope = Envelope {
            content_type: Some(content_type),
            ..delivery("conductor.joined", text.as_bytes())
        };
        assert!(decode(&envelope, None).is_ok(), "{content_type}");
    }
    for encoding in [
        "",
        "identity",
        "UTF-8",
        "binary",
        "utf8",
        "UTF_8",
        " utf-8 ",
        "us-ascii",
        "utf-8-sig",
    ] {
        let envelope = Envelope {
            content_encoding: Some(encoding),
            ..delivery("conductor.joined", &packed)
        };
        assert!(decode(&envelope, None).is_ok(), "{encoding}");
    }
}

#[test]
fn a_body_that_begins_with_a_brace_is_json_where_no_type_is_given() {
    for before in ["", " \r\n\t", "\u{feff}", "\u{feff} "] {
        let body = format!("{before}{}", joined());
        for content_type in [
            None,
            Some(""),
            Some("application/octet-stream"),
            Some("application/data"),
        ] {
            let envelope = Envelope {
                content_type,
                ..delivery("conductor.joined", body.as_bytes())
            };
            assert!(decode(&envelope, None).is_ok(), "{content_type:?} {body}");
        }
        assert!(decode(&json_delivery("conductor.joined", body.as_bytes()), None).is_ok());
    }
    // What stands behind it is checked as ever.
    let broken = delivery("conductor.joined", b"{\"conductor\": ");
    assert_refused(decode(&broken, None), Reason::Undecodable, "JSON");
    let text = joined().to_string();
    let utf_16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for (body, hint) in [
        (
            text.as_bytes(),
            "seems to be JSON: publish it with content_type application/json",
        ),
        (b"[{}]", "seems to be JSON"),
        (&utf_16, "seems to be UTF-16"),
    ] {
        let envelope = Envelope {
            content_type: Some("application/msgpack"),
            ..delivery("conductor.joined", body)
        };
        assert_refused(decode(&envelope, None), Reason::WrongType, hint);
    }
    let packed = msgpack(&joined());
    let mislabelled = json_delivery("conductor.joined", &packed);
    assert_refused(decode(&mislabelled, None), Reason::Undecodable, "UTF-8");
}

#[test]
fn a_json_value_that_no_type_holds_breaks_no_field_but_its_own() {
    let whole = decode(
        &json_delivery("conductor.joined", joined().to_string().as_bytes()),
        None,
    );
    assert!(whole.is_ok());
    for odd in [
        "1e400",
        &"9".repeat(400),
        "\"\\ud83d\"",
        "[1e999, {\"a\": \"\\udc00\"}]",
    ] {
        let text = joined().to_string();
        let unknown = text.replacen('{', &format!("{{\"zz\": {odd}, "), 1);
        let read = decode(&json_delivery("conductor.joined", unknown.as_bytes()), None);
        assert!(read.is_ok(), "{odd}: {read:?}");
        let unknown = text.replacen('{', &format!("{{\"half \\ud83d\": {odd}, "), 1);
        let read = decode(&json_delivery("conductor.joined", unknown.as_bytes()), None);
        assert!(read.is_ok(), "{odd}: {read:?}");
        let known = text.replacen('{', &format!("{{\"sent_at_ms\": {odd}, "), 1);
        let read = decode(&json_delivery("conductor.joined", known.as_bytes()), None);
        assert_refused(read, Reason::WrongType, "sent_at_ms");
    }
}

#[test]
fn a_whole_number_that_is_written_as_a_float_is_that_number() {
    let whole = decode_fields("conductor.joined", &joined()).unwrap();
    for number in [json!(7.0), json!(0.7e1)] {
        let fields = with(&joined(), "incarnation", number);
        assert_eq!(decode_fields("conductor.joined", &fields).unwrap(), whole);
    }
    let most = with(&joined(), "incarnation", json!(9_007_199_254_740_992.0));
    let event = decode_fields("conductor.joined", &most).unwrap();
    assert_eq!(event.incarnation.get(), 1 << 53);
    // 32 bits, which the library above never writes.
    let mut body = vec![0x82];
    body.extend(msgpack(&json!("conductor")));
    body.extend(msgpack(&json!("cond-a")));
    body.extend(msgpack(&json!("incarnation")));
    body.push(0xca);
    body.extend(7.0_f32.to_be_bytes());
    let result = decode(&delivery("conductor.heartbeat", &body), None);
    let Ok(Incoming::Event { event, .. }) = result else {
        panic!("{result:?}")
    };
    assert_eq!(event.incarnation, whole.incarnation);
    let negative = with(&joined(), "incarnation", json!(-7.0));
    assert_refused(
        decode_fields("conductor.joined", &negative),
        Reason::OutOfBounds,
        "negative",
    );
}

#[test]
fn names_are_taken_without_the_white_space_around_them() {
    let plain = json!({"conductor": "c 1", "incarnation": 7, "conductor_group": "rack", "drivers": ["ipmi"]});
    let spaced = json!({"conductor": " c 1\n", "incarnation": 7, "conductor_group": "\track ",
        "drivers": ["ipmi ", "\u{a0}ipmi"]});
    assert_eq!(
        decode_fields("conductor.joined", &spaced),
        decode_fields("conductor.joined", &plain)
    );
    let nothing = with(&plain, "conductor", json!(" \n"));
    assert_refused(
        decode_fields("conductor.joined", &nothing),
        Reason::OutOfBounds,
        "conductor is empty",
    );
}

#[test]
fn the_digest_changes_with_the_type_and_with_the_body_and_with_nothing_else() {
    let digest = |envelope: Envelope| match decode(&envelope, None).unwrap() {
        Incoming::Event { digest, .. } => digest,
        Incoming::Tick(_) | Incoming::Probe(_) | Incoming::Receipt(_) => unreachable!(),
    };
    let (body, other) = (msgpack(&joined()), msgpack(&with(&joined(), "x", json!(1))));
    let first = digest(delivery("conductor.joined", &body));
    let repeat = Envelope {
        message_type: None,
        message_id: Some("event-2"),
        exchange: "",
        ..delivery("conductor.joined", &body)
    };
    assert_eq!(first, digest(repeat));
    assert_ne!(first, digest(delivery("conductor.heartbeat", &body)));
    assert_ne!(first, digest(delivery("conductor.joined", &other)));
}

#[test]
fn words_for_humans_are_shortened_instead_of_refused() {
    let reason = format!("a\nb{}", "ä".repeat(1_000));
    let fields = json!({"conductor": "c", "incarnation": 1, "reason": reason});
    let event = decode_fields("conductor.left", &fields).unwrap();
    let EventKind::Left {
        reason: Some(kept), ..
    } = event.kind
    else {
        panic!("{event:?}");
    };
    assert!(kept.starts_with("a bä") && kept.len() <= 1_000);
}

// ---- ticks ----

fn tick() -> Tick {
    Tick {
        stream: STREAM.to_owned(),
        session: SESSION.to_owned(),
        sent: Duration::from_micros(123_456_789),
        committed: Some(Committed {
            stream: STREAM.to_owned(),
            epoch: 3,
            seq: 40,
            commits: 500,
        }),
    }
}

#[test]
fn a_tick_comes_back_as_it_was_sent() {
    let body = tick().encode();
    let envelope = Envelope {
        exchange: "",
        routing_key: "nodewarden.conductor-events",
        message_type: Some("nodewarden.tick"),
        body: &body,
        ..Envelope::default()
    };
    assert_eq!(decode(&envelope, None), Ok(Incoming::Tick(tick())));
    // Ticks are our own: no map says whether we may speak.
    let nobody = Publishers::new(BTreeMap::new());
    assert!(decode(&envelope, Some(&nobody)).is_ok());
}

#[test]
fn a_tick_of_an_older_version_says_nothing_of_commits_and_half_a_word_is_none() {
    let decoded = |fields: Value| {
        let mut body = json!({"stream": STREAM, "session": SESSION, "sent_us": 1});
        for (field, value) in fields.as_object().unwrap() {
            body[field] = value.clone();
        }
        let body = body.to_string();
        let envelope = Envelope {
            exchange: "",
            ..json_delivery("nodewarden.tick", body.as_bytes())
        };
        decode(&envelope, None)
    };
    let committed = |fields| match decoded(fields) {
        Ok(Incoming::Tick(tick)) => tick.committed.map(|committed| committed.commits),
        other => panic!("{other:?}"),
    };
    assert_eq!(committed(json!({})), None);
    assert_eq!(committed(json!({"epoch": 1, "commits": 5})), None);
    assert_eq!(
        committed(json!({"epoch": 1, "seq": 0, "commits": 5})),
        Some(5)
    );
    // No database counts that far, and the tick still proves that its sender hears.
    for field in ["epoch", "seq", "commits"] {
        for odd in [
            json!((1_u64 << 53) + 1),
            json!(u64::MAX),
            json!(-1),
            json!("many"),
        ] {
            let mut counts = json!({"epoch": 1, "seq": 0, "commits": 5});
            counts[field] = odd;
            assert_eq!(committed(counts), None, "{field}");
        }
    }
}

#[test]
fn a_tick_through_any_other_exchange_is_an_unknown_type() {
    let body = tick().encode();
    assert_refused(
        decode(&delivery("nodewarden.tick", &body), None),
        Reason::UnknownType,
        "nodewarden.tick",
    );
}

#[test]
fn a_probe_is_one_only_if_it_came_through_an_exchange_with_its_own_key_and_is_never_refused_then() {
    let probe = Probe {
        stream: STREAM.to_owned(),
        session: SESSION.to_owned(),
        nonce: "n".to_owned(),
    };
    let body = probe.encode();
    let came = |exchange, routing_key, message_type, body| {
        let envelope = Envelope {
            exchange,
            routing_key,
            message_type,
            body,
            message_id: None,
            ..Envelope::default()
        };
        let nobody = Publishers::new(BTreeMap::new());
        decode(&envelope, Some(&nobody)).map_err(|refusal| refusal.reason)
    };
    let (events, key, kind) = (
        "conductor.events",
        "conductor.probe",
        Some("nodewarden.probe"),
    );
    let unknown = Err(Reason::UnknownType);
    type Came = Result<Incoming, Reason>;
    type Case<'a> = (&'a str, &'a str, &'a str, Option<&'a str>, &'a [u8], Came);
    #[rustfmt::skip]
    let table: [Case<'_>; 7] = [
        ("as it was sent", events, key, kind, &body, Ok(Incoming::Probe(Some(probe)))),
        ("fields that are missing", events, key, kind, b"\x80", Ok(Incoming::Probe(None))),
        ("nothing that can be read", events, key, kind, b"\xc1", Ok(Incoming::Probe(None))),
        ("straight into the queue", "", key, kind, &body, unknown.clone()),
        ("with another routing key", events, "conductor.joined", kind, &body, unknown.clone()),
        ("with another type", events, key, Some("nodewarden.tick"), &body, unknown.clone()),
        ("with none", events, key, None, &body, unknown),
    ];
    for (what, exchange, routing_key, message_type, body, expected) in table {
        assert_eq!(
            came(exchange, routing_key, message_type, body),
            expected,
            "{what}"
        );
    }
}

/// A receipt as a subscriber publishes it, in the form of JSON.
fn receipt<'a>(message_type: &'a str, body: &'a [u8]) -> Envelope<'a> {
    Envelope {
        exchange: "scheduler.receipts",
        routing_key: "scheduler.applied",
        by_subscriber: true,
        message_id: None,
        ..json_delivery(message_type, body)
    }
}

fn applied() -> Value {
    json!({"subscriber": " nova ", "stream": STREAM.to_uppercase(), "seq": 7, "applied_at_ms": 9, "more": {}})
}

#[test]
fn a_receipt_is_read_whole_in_both_formats_and_needs_no_message_id() {
    let expected = Receipt {
        subscriber: SubscriberName::parse("nova").unwrap(),
        stream: STREAM.to_owned(),
        seq: 7,
        applied_at_ms: 9,
    };
    let text = applied().to_string();
    let json = receipt("", text.as_bytes());
    let packed = msgpack(&applied());
    let written = wire::encode_receipt(&expected);
    for envelope in [
        json,
        Envelope {
            content_type: None,
            ..receipt("scheduler.applied", &packed)
        },
        Envelope {
            content_type: None,
            ..receipt("scheduler.applied", &written)
        },
    ] {
        let read = decode(&envelope, None).unwrap();
        assert_eq!(read, Incoming::Receipt(expected.clone()));
    }
}

#[test]
fn a_receipt_with_anything_wrong_is_refused() {
    let above = INCARNATION_MAX + 1;
    for (field, value, reason) in [
        ("subscriber", json!(null), Reason::MissingField),
        ("subscriber", json!(" "), Reason::OutOfBounds),
        ("subscriber", json!("x".repeat(256)), Reason::OutOfBounds),
        ("subscriber", json!("a\tb"), Reason::OutOfBounds),
        ("subscriber", json!(7), Reason::WrongType),
        ("stream", json!(null), Reason::MissingField),
        ("stream", json!("history"), Reason::OutOfBounds),
        ("seq", json!(null), Reason::MissingField),
        ("seq", json!(-1), Reason::OutOfBounds),
        ("seq", json!((1_u64 << 53) + 1), Reason::OutOfBounds),
        ("seq", json!("7"), Reason::WrongType),
        ("applied_at_ms", json!(null), Reason::MissingField),
        ("applied_at_ms", json!(above), Reason::OutOfBounds),
    ] {
        let body = with(&applied(), field, value).to_string();
        let refused = decode(&receipt("scheduler.applied", body.as_bytes()), None);
        assert_refused(refused, reason, field);
    }
}

#[test]
fn what_comes_from_a_subscriber_is_a_receipt_or_refused_and_no_sign_of_a_conductor() {
    let body = joined().to_string();
    for (message_type, routing_key) in [
        ("conductor.joined", "scheduler.applied"),
        ("", "conductor.joined"),
        ("nodewarden.probe", "conductor.probe"),
        ("nodewarden.tick", "scheduler.applied"),
    ] {
        let envelope = Envelope {
            routing_key,
            message_id: Some("event-1"),
            ..receipt(message_type, body.as_bytes())
        };
        assert_refused(decode(&envelope, None), Reason::UnknownType, "subscriber");
    }
    let delivery = Delivery {
        by_subscriber: true,
        message_type: Some("conductor.heartbeat".into()),
        body: body.clone().into_bytes(),
        ..Delivery::default()
    };
    assert_eq!(wire::named(&delivery, None), None);
    let heard = Delivery {
        by_subscriber: false,
        ..delivery
    };
    let name = wire::named(&heard, None);
    assert!(name.is_some());
    let marked = Delivery {
        body: [b"\xef\xbb\xbf", heard.body.as_slice()].concat(),
        ..heard
    };
    assert_eq!(wire::named(&marked, None), name);
}

#[test]
fn a_receipt_the_way_of_conductors_is_an_unknown_type() {
    let body = applied().to_string();
    for exchange in ["conductor.events", ""] {
        let envelope = Envelope {
            exchange,
            by_subscriber: false,
            ..receipt("scheduler.applied", body.as_bytes())
        };
        assert_refused(
            decode(&envelope, None),
            Reason::UnknownType,
            "scheduler.applied",
        );
    }
}

#[test]
fn a_tick_whose_ids_are_no_uuids_is_out_of_bounds() {
    let body = Tick {
        stream: "x".to_owned(),
        ..tick()
    }
    .encode();
    let envelope = Envelope {
        exchange: "",
        ..delivery("nodewarden.tick", &body)
    };
    assert_refused(decode(&envelope, None), Reason::OutOfBounds, "stream");
}

// ---- what is refused, reason by reason ----

#[test]
fn an_empty_body_is_refused() {
    assert_refused(
        decode(&delivery("conductor.joined", b""), None),
        Reason::EmptyBody,
        "empty",
    );
}

#[test]
fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let padding = |extra: usize| {
        let bare = with(&joined(), "x", json!("")).to_string().len();
        with(&joined(), "x", json!(" ".repeat(BODY_BYTES - bare + extra))).to_string()
    };
    assert!(
        decode(
            &json_delivery("conductor.joined", padding(0).as_bytes()),
            None
        )
        .is_ok()
    );
    assert_refused(
        decode(
            &json_delivery("conductor.joined", padding(1).as_bytes()),
            None,
        ),
        Reason::TooLarge,
        "65537 bytes",
    );
}

#[test]
fn nesting_up_to_the_limit_is_accepted_and_one_deeper_is_refused() {
    let nested = |levels: usize| {
        // The map of the body itself is the first level.
        let value = (1..levels).fold(json!(1), |inner, _| json!([inner]));
        with(&joined(), "ignored", value)
    };
    assert!(decode_fields("conductor.joined", &nested(NESTING)).is_ok());
    assert_refused(
        decode_fields("conductor.joined", &nested(NESTING + 1)),
        Reason::TooDeep,
        "16",
    );
    // Brackets inside a text are not nesting.
    let text = with(&joined(), "ignored", json!("[{\"\\[[".repeat(100)));
    assert!(decode_fields("conductor.joined", &text).is_ok());
}

#[test]
fn nesting_of_a_hundred_thousand_is_refused_on_a_small_stack() {
    let on_a_small_stack = || {
        let levels = 100_000;
        for open in [b"\x91".as_slice(), b"\x81\xa1k"] {
            let mut body = b"\x81\xa1x".to_vec();
            body.extend(open.repeat(levels));
            // Whole it is too large; as much of it as may arrive is too deep.
            assert_refused(
                decode(&delivery("conductor.joined", &body), None),
                Reason::TooLarge,
                "at most 65536",
            );
            body.truncate(BODY_BYTES);
            assert_refused(
                decode(&delivery("conductor.joined", &body), None),
                Reason::TooDeep,
                "16",
            );
            assert!(to_json(&body, None)["unreadable"].is_string());
        }
        for open in ["[", "{\"k\":"] {
            let body = format!("{{\"x\":{}", open.repeat(levels));
            assert_refused(
                decode(&json_delivery("conductor.joined", body.as_bytes()), None),
                Reason::TooLarge,
                "at most",
            );
            let body = &body.as_bytes()[..BODY_BYTES];
            assert_refused(
                decode(&json_delivery("conductor.joined", body), None),
                Reason::TooDeep,
                "16",
            );
            assert!(to_json(body, Some("application/json"))["unreadable"].is_string());
        }
    };
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(on_a_small_stack)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn a_body_that_is_not_what_it_says_is_undecodable() {
    let packed = msgpack(&joined());
    let truncated = delivery("conductor.joined", &packed[..packed.len() - 1]);
    assert_refused(decode(&truncated, None), Reason::Undecodable, "MessagePack");
    // 0xc1 is the one byte that MessagePack never uses.
    assert_refused(
        decode(&delivery("conductor.joined", b"\xc1"), None),
        Reason::Undecodable,
        "MessagePack",
    );
    for body in [
        &b"{\"conductor\":"[..],
        b"nonsense",
        b"{\"conductor\": \"\xff\"}",
    ] {
        let envelope = json_delivery("conductor.joined", body);
        assert_refused(
            decode(&envelope, None),
            Reason::Undecodable,
            "the body is not",
        );
    }
    // A list that claims four billion items costs nothing.
    assert_refused(
        decode(
            &delivery("conductor.joined", b"\x81\xa1x\xdd\xff\xff\xff\xff"),
            None,
        ),
        Reason::Undecodable,
        "MessagePack",
    );
}

#[test]
fn anything_after_the_map_is_refused() {
    let mut packed = msgpack(&joined());
    packed.push(0xc0);
    assert_refused(
        decode(&delivery("conductor.joined", &packed), None),
        Reason::TrailingGarbage,
        "1 byte follows the map",
    );
    let json = |text: &str| {
        let envelope = json_delivery("conductor.joined", text.as_bytes());
        decode(&envelope, None)
    };
    assert_refused(
        json(&format!("{} {{}}", joined())),
        Reason::TrailingGarbage,
        "bytes follow the map",
    );
    assert!(json(&format!("\n{} \r\n", joined())).is_ok());
}

#[test]
fn an_event_without_message_id_is_refused() {
    let body = msgpack(&joined());
    let envelope = Envelope {
        message_id: None,
        ..delivery("conductor.joined", &body)
    };
    assert_refused(
        decode(&envelope, None),
        Reason::MissingMessageId,
        "message_id",
    );
}

#[test]
fn a_message_id_that_is_no_name_is_refused() {
    let body = msgpack(&joined());
    let long = "x".repeat(256);
    for id in ["", "a\nb", "\u{85}", long.as_str()] {
        let envelope = Envelope {
            message_id: Some(id),
            ..delivery("conductor.joined", &body)
        };
        assert_refused(decode(&envelope, None), Reason::BadMessageId, "message_id");
    }
}

#[test]
fn an_unknown_type_is_refused() {
    let body = msgpack(&joined());
    for message_type in ["conductor.exploded", "conductor.Joined", "node.position"] {
        assert_refused(
            decode(&delivery(message_type, &body), None),
            Reason::UnknownType,
            message_type,
        );
    }
}

#[test]
fn a_content_type_other_than_messagepack_and_json_is_refused() {
    let body = msgpack(&joined());
    for content_type in ["text/plain", "application/x-json", "application/msgpack2"] {
        let envelope = Envelope {
            content_type: Some(content_type),
            ..delivery("conductor.joined", &body)
        };
        assert_refused(
            decode(&envelope, None),
            Reason::UnknownContentType,
            content_type,
        );
    }
}

#[test]
fn a_content_encoding_that_would_have_to_be_undone_is_refused() {
    let body = msgpack(&joined());
    for encoding in ["gzip", "utf-16", "latin-1", "base64"] {
        let envelope = Envelope {
            content_encoding: Some(encoding),
            ..delivery("conductor.joined", &body)
        };
        assert_refused(
            decode(&envelope, None),
            Reason::UnknownContentEncoding,
            encoding,
        );
    }
}

#[test]
fn a_field_of_the_wrong_kind_is_refused() {
    for (field, value) in [
        ("conductor", json!(7)),
        ("conductor", json!(["cond-a"])),
        ("incarnation", json!("7")),
        ("incarnation", json!(7.5)),
        ("incarnation", json!(9_007_199_254_740_994.0)),
        ("incarnation", json!(1e300)),
        ("incarnation", json!(true)),
        ("conductor_group", json!({})),
        ("drivers", json!("ipmi")),
        ("drivers", json!({"ipmi": true})),
        ("drivers", json!(["ipmi", 7])),
        ("drivers", json!(["ipmi", null])),
        ("heartbeat_timeout_ms", json!(3000.5)),
        ("heartbeat_interval_ms", json!("1s")),
        ("sent_at_ms", json!("2024-01-01T00:00:00Z")),
    ] {
        let fields = with(&joined(), field, value);
        assert_refused(
            decode_fields("conductor.joined", &fields),
            Reason::WrongType,
            field,
        );
    }
    for (message_type, field) in [
        ("conductor.left", "reason"),
        ("conductor.left", "back_within_ms"),
        ("conductor.heartbeat_timeout", "last_seen_ms"),
        ("conductor.heartbeat_timeout", "detected_by"),
    ] {
        let fields = with(&joined(), field, json!([]));
        assert_refused(
            decode_fields(message_type, &fields),
            Reason::WrongType,
            field,
        );
    }
}

#[test]
fn a_text_that_is_not_utf8_is_of_the_wrong_kind() {
    let body = b"\x82\xa9conductor\xa2\xff\xfe\xabincarnation\x01";
    assert_refused(
        decode(&delivery("conductor.heartbeat", body), None),
        Reason::WrongType,
        "conductor must be text, and is binary",
    );
}

#[test]
fn a_body_that_is_not_a_map_is_refused() {
    // The fields in order, as MessagePack writes a struct without names.
    for value in [
        json!(["cond-a", 7, ["ipmi"]]),
        json!([]),
        json!("x"),
        json!(1),
        Value::Null,
    ] {
        assert_refused(
            decode_fields("conductor.joined", &value),
            Reason::WrongType,
            "the body is not a map",
        );
    }
}

#[test]
fn a_key_that_is_not_text_is_refused_at_the_top_and_ignored_below() {
    assert_refused(
        decode(&delivery("conductor.joined", b"\x81\x01\x02"), None),
        Reason::WrongType,
        "a key of the map is a number",
    );
    let body = b"\x83\xa9conductor\xa1c\xabincarnation\x01\xa1x\x81\x01\x02";
    assert!(decode(&delivery("conductor.heartbeat", body), None).is_ok());
}

#[test]
fn a_required_field_that_is_absent_or_null_is_missing() {
    for (message_type, fields) in [
        (
            "conductor.joined",
            &["conductor", "incarnation", "drivers"][..],
        ),
        ("conductor.heartbeat", &["conductor", "incarnation"]),
        ("conductor.left", &["conductor", "incarnation"]),
        ("conductor.heartbeat_timeout", &["conductor", "incarnation"]),
    ] {
        for field in fields {
            let null = with(&joined(), field, Value::Null);
            let mut absent = joined();
            absent.as_object_mut().unwrap().remove(*field);
            for broken in [null, absent] {
                assert_refused(
                    decode_fields(message_type, &broken),
                    Reason::MissingField,
                    &format!("{field} is missing"),
                );
            }
        }
    }
}

#[test]
fn a_value_outside_its_bounds_is_refused() {
    let above = INCARNATION_MAX + 1;
    let long = "x".repeat(256);
    for (message_type, field, value) in [
        ("conductor.joined", "conductor", json!("")),
        ("conductor.joined", "conductor", json!(long)),
        ("conductor.joined", "conductor", json!("a\u{7f}")),
        ("conductor.joined", "conductor_group", json!(long)),
        ("conductor.joined", "conductor_group", json!("a\tb")),
        ("conductor.joined", "drivers", json!(["ipmi", ""])),
        ("conductor.joined", "drivers", json!([long])),
        ("conductor.joined", "incarnation", json!(above)),
        ("conductor.joined", "incarnation", json!(-1)),
        ("conductor.joined", "heartbeat_timeout_ms", json!(999)),
        ("conductor.joined", "heartbeat_timeout_ms", json!(3_600_001)),
        ("conductor.joined", "heartbeat_interval_ms", json!(0)),
        ("conductor.joined", "sent_at_ms", json!(above)),
        ("conductor.left", "back_within_ms", json!(-5)),
        ("conductor.left", "back_within_ms", json!(above)),
        ("conductor.heartbeat_timeout", "last_seen_ms", json!(-1)),
    ] {
        let fields = with(&joined(), field, value);
        assert_refused(
            decode_fields(message_type, &fields),
            Reason::OutOfBounds,
            field,
        );
    }
    for timeout in [1_000, 3_600_000] {
        let fields = with(&joined(), "heartbeat_timeout_ms", json!(timeout));
        assert!(decode_fields("conductor.joined", &fields).is_ok());
    }
}

#[test]
fn a_timeout_under_three_intervals_is_refused() {
    let fields = |interval: u64| {
        let fields = with(&joined(), "heartbeat_timeout_ms", json!(3_000));
        with(&fields, "heartbeat_interval_ms", json!(interval))
    };
    for message_type in ["conductor.joined", "conductor.heartbeat"] {
        assert!(decode_fields(message_type, &fields(1_000)).is_ok());
        for interval in [1_001, INCARNATION_MAX] {
            assert_refused(
                decode_fields(message_type, &fields(interval)),
                Reason::BadInterval,
                "at least 3 times",
            );
        }
    }
}

#[test]
fn a_key_given_twice_is_refused_whether_known_or_not() {
    let packed = |key: &str| {
        let mut body = vec![0x84];
        for (name, value) in [
            ("conductor", &b"\xa1c"[..]),
            ("incarnation", b"\x01"),
            (key, b"\x01"),
            (key, b"\xc0"),
        ] {
            body.extend(msgpack(&json!(name)));
            body.extend(value);
        }
        body
    };
    for key in ["sent_at_ms", "unheard_of"] {
        assert_refused(
            decode(&delivery("conductor.heartbeat", &packed(key)), None),
            Reason::DuplicateKey,
            key,
        );
        // The second one is spelt with an escape, and is the same key all the same.
        let (first, rest) = key.split_at(1);
        let escaped = format!("\\u{:04x}{rest}", first.chars().next().unwrap() as u32);
        let text = format!(r#"{{"conductor": "c", "incarnation": 1, "{key}": 1, "{escaped}": 1}}"#);
        let envelope = json_delivery("conductor.heartbeat", text.as_bytes());
        assert_refused(decode(&envelope, None), Reason::DuplicateKey, key);
    }
}

#[test]
fn somebody_who_may_not_speak_for_a_conductor_is_refused() {
    let body = msgpack(&joined());
    let publishers = Publishers::new(BTreeMap::from([
        ("rack-7".to_owned(), vec!["cond-*".to_owned()]),
        (
            "rack-8".to_owned(),
            vec!["cond-b".to_owned(), "x-*".to_owned()],
        ),
    ]));
    let from = |user_id| {
        let envelope = Envelope {
            user_id,
            ..delivery("conductor.joined", &body)
        };
        decode(&envelope, Some(&publishers))
    };
    assert!(from(Some("rack-7")).is_ok());
    assert_refused(from(Some("rack-8")), Reason::ForeignPublisher, "rack-8");
    assert_refused(from(Some("stranger")), Reason::ForeignPublisher, "stranger");
    assert_refused(from(None), Reason::ForeignPublisher, "no user_id");
    // Without the setting a user_id says nothing.
    let envelope = Envelope {
        user_id: Some("stranger"),
        ..delivery("conductor.joined", &body)
    };
    assert!(decode(&envelope, None).is_ok());
}

#[test]
fn the_reasons_that_only_the_worker_finds_have_codes_too() {
    assert_eq!(Reason::MessageIdConflict.as_str(), "message_id_conflict");
    assert_eq!(Reason::Unprocessable.as_str(), "unprocessable");
    assert_eq!(
        Refusal::new(Reason::Unprocessable, "x").to_string(),
        "unprocessable: x"
    );
}

#[test]
fn a_hostile_name_is_quoted_short_and_harmless() {
    let hostile = format!("\u{1b}]0;owned\u{7}\n\u{202e}{}", "x".repeat(10_000));
    let fields = with(&joined(), "conductor", json!(hostile));
    let refusal = decode_fields("conductor.joined", &fields).unwrap_err();
    assert!(refusal.detail.chars().count() <= 200);
    assert!(
        !refusal
            .detail
            .contains(|c: char| c.is_control() || c == '\u{202e}')
    );
}

// ---- for eyes only ----

#[test]
fn a_body_is_shown_even_where_json_has_no_word_for_it() {
    // {"b": bin 01 ff, 1: NaN, "e": ext 5 [00]}
    let body = b"\x83\xa1b\xc4\x02\x01\xff\x01\xcb\x7f\xf8\0\0\0\0\0\0\xa1e\xd4\x05\x00";
    assert_eq!(
        to_json(body, None),
        json!({"b": {"bytes": "01ff"}, "1": "NaN", "e": {"extension": [5, {"bytes": "00"}]}})
    );
    assert_eq!(
        to_json(joined().to_string().as_bytes(), Some(wire::JSON)),
        joined()
    );
    assert_eq!(to_json(b"\xc1", None)["bytes"], "c1");
    assert_eq!(to_json(b"hello", Some("text/plain"))["size"], 5);
}

#[test]
fn a_body_that_would_fill_the_memory_is_not_taken_apart() {
    // A list of 1,000,000 maps of three bytes each.
    let mut body = b"\xdd\x00\x0f\x42\x40".to_vec();
    body.extend(b"\x81\xa0\xc0".repeat(1_000_000));
    assert_eq!(
        to_json(&body, None)["unreadable"],
        "it holds too many values to be shown"
    );
    let json = format!("[{}0]", "0,".repeat(1_000_000));
    let shown = to_json(json.as_bytes(), Some("application/json"));
    assert!(
        shown["unreadable"]
            .as_str()
            .unwrap()
            .contains("too many values")
    );
    let shown = to_json(&[0xc0; 5_000_000], None);
    assert_eq!(shown["unreadable"], "it is too large to be shown");
    assert_eq!(shown["bytes"].as_str().unwrap().chars().count(), 513);
}

#[test]
fn the_largest_announcement_is_shown_whole() {
    let node = json!({"seq": u64::MAX, "uuid": "x".repeat(255), "name": "y".repeat(255)});
    let message = json!({ "stream": STREAM, "nodes": vec![node; 5_000] });
    assert_eq!(to_json(&msgpack(&message), None), message);
}

// ---- for all ----

fn name() -> impl Strategy<Value = String> {
    // Up to four bytes a character: 63 of them are never more than 255.
    "\\PC{1,63}".prop_filter("no control characters, nothing to cut off", |text| {
        !text.contains(char::is_control) && text.trim() == text
    })
}

fn statement() -> impl Strategy<Value = Statement> {
    (
        proptest::option::of(name()),
        proptest::collection::btree_set(name(), 0..5),
        proptest::option::of(1_000_u64..=3_600_000),
    )
        .prop_map(|(group, drivers, timeout)| Statement {
            group: Group::parse(&group.unwrap_or_default()).unwrap(),
            drivers: drivers
                .iter()
                .map(|driver| Driver::parse(driver).unwrap())
                .collect::<BTreeSet<_>>(),
            heartbeat_timeout: timeout.map(Duration::from_millis),
        })
}

fn kind() -> impl Strategy<Value = EventKind> {
    use proptest::option::of;

    prop_oneof![
        statement().prop_map(EventKind::Joined),
        of(statement()).prop_map(EventKind::Heartbeat),
        (of(0..=INCARNATION_MAX), of(name())).prop_map(|(back_within, reason)| EventKind::Left {
            back_within: back_within.map(Duration::from_millis),
            reason,
        }),
        (of(0..=INCARNATION_MAX), of(name())).prop_map(|(last_seen_ms, detected_by)| {
            EventKind::HeartbeatTimeout {
                last_seen_ms,
                detected_by,
            }
        }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let sent_at_ms = proptest::option::of(0..=INCARNATION_MAX);
    (name(), name(), 0..=INCARNATION_MAX, sent_at_ms, kind()).prop_map(
        |(id, conductor, incarnation, sent_at_ms, kind)| Event {
            id: EventId::parse(&id).unwrap(),
            conductor: ConductorName::parse(&conductor).unwrap(),
            incarnation: Incarnation::new(incarnation).unwrap(),
            sent_at_ms,
            kind,
        },
    )
}

/// Any value of a field, right or wrong.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..10_000).prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(20, 60, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::hash_map("[a-c]", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_type() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(vec![
            "conductor.joined", "conductor.heartbeat", "conductor.left",
            "conductor.heartbeat_timeout", "nodewarden.tick", "nodewarden.probe", "conductor.probe",
        ]).prop_map(str::to_owned),
        1 => ".{0,10}",
    ]
}

proptest! {
    #[test]
    fn whatever_arrives_decode_answers(
        message_type in any_type(),
        routing_key in any_type(),
        exchange in prop_oneof![Just(""), Just("conductor.events")],
        by_subscriber in any::<bool>(),
        message_id in proptest::option::of(".{0,10}"),
        content_type in proptest::option::of(prop_oneof![
            Just("application/json".to_owned()), Just("application/msgpack".to_owned()), ".{0,10}",
        ]),
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            any_value().prop_map(|value| msgpack(&value)),
            any_value().prop_map(|value| value.to_string().into_bytes()),
        ],
        cut in 0_usize..300,
    ) {
        let body = &body[..body.len().min(cut)];
        let envelope = Envelope {
            exchange,
            by_subscriber,
            routing_key: &routing_key,
            message_id: message_id.as_deref(),
            message_type: Some(&message_type),
            content_type: content_type.as_deref(),
            content_encoding: None,
            user_id: message_id.as_deref(),
            body,
        };
        if let Err(refusal) = decode(&envelope, Some(&Publishers::default())) {
            prop_assert!(refusal.detail.chars().count() <= 200);
            prop_assert!(!refusal.detail.contains(char::is_control));
        }
        let _ = to_json(body, content_type.as_deref());
    }

    #[test]
    fn every_valid_event_survives_the_journey(event in event()) {
        let body = encode_event(&event);
        let envelope = Envelope {
            message_id: Some(event.id.as_str()),
            ..delivery(event.kind.event_type().as_str(), &body)
        };
        let decoded = decode(&envelope, None);
        prop_assert!(
            matches!(&decoded, Ok(Incoming::Event { event: back, .. }) if *back == event),
            "{event:?} came back as {decoded:?}"
        );
    }

    #[test]
    fn json_and_messagepack_of_the_same_map_mean_the_same(
        message_type in proptest::sample::select(vec![
            "conductor.joined", "conductor.heartbeat", "conductor.left",
            "conductor.heartbeat_timeout",
        ]),
        changes in proptest::collection::vec((proptest::sample::select(vec![
            "conductor", "incarnation", "conductor_group", "drivers", "heartbeat_timeout_ms",
            "heartbeat_interval_ms", "sent_at_ms", "back_within_ms", "reason", "last_seen_ms",
            "detected_by", "unknown",
        ]), any_value()), 0..3),
    ) {
        let fields = changes
            .into_iter()
            .fold(joined(), |fields, (field, value)| with(&fields, field, value));
        // Compares both formats and fails where they differ.
        let _ = decode_fields(message_type, &fields);
    }
}
