//! The written contract (`schemas/`) and the code say the same.
//!
//! After a deliberate change of a type: `NODEWARDEN_UPDATE_SCHEMAS=1 cargo test --test schemas`
//! writes the JSON Schemas again. The golden files are what others have on disk and in queues:
//! `NODEWARDEN_UPDATE_GOLDEN=1` writes them again, and a difference in an old one breaks somebody.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nodewarden::domain::announcement::{
    About, AnnouncedCause, AnnouncedNode, Announcement, BackReason, Content, OutReason,
};
use nodewarden::domain::event::EventType;
use nodewarden::domain::event::{Event, EventKind, Statement};
use nodewarden::domain::ids::{
    ConductorName, Driver, EventId, Group, Incarnation, Pair, SubscriberName,
};
use nodewarden::domain::receipt::Receipt;
use nodewarden::message::RECEIPT_TYPE;
use nodewarden::wire::incoming::{
    ConductorHeartbeat, ConductorHeartbeatTimeout, ConductorJoined, ConductorLeft,
};
use nodewarden::wire::out::{NodeBackInService, NodeOutOfService, NodePosition};
use nodewarden::wire::receipt::SchedulerApplied;
use nodewarden::wire::{Incoming, encode, encode_event, receipt_message, to_json};
use nodewarden::words::Word;
use nodewarden_tests::envelope::{Envelope, decode};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

fn read_json(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

/// The schema of each message, generated from its type.
fn generated() -> BTreeMap<&'static str, Value> {
    fn read<T: JsonSchema>() -> Value {
        let settings = SchemaSettings::draft2020_12().for_deserialize();
        settings.into_generator().into_root_schema_for::<T>().into()
    }
    fn written<T: JsonSchema>() -> Value {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        settings.into_generator().into_root_schema_for::<T>().into()
    }
    BTreeMap::from([
        ("conductor.joined", read::<ConductorJoined>()),
        ("conductor.heartbeat", read::<ConductorHeartbeat>()),
        ("conductor.left", read::<ConductorLeft>()),
        (
            "conductor.heartbeat_timeout",
            read::<ConductorHeartbeatTimeout>(),
        ),
        ("node.out_of_service", written::<NodeOutOfService>()),
        ("node.back_in_service", written::<NodeBackInService>()),
        ("node.position", written::<NodePosition>()),
        ("scheduler.applied", read::<SchedulerApplied>()),
    ])
}

fn validator(message_type: &str) -> jsonschema::Validator {
    let schema = read_json(&schemas().join(format!("{message_type}.json")));
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

#[test]
fn the_schema_files_are_those_of_the_types() {
    let update = std::env::var_os("NODEWARDEN_UPDATE_SCHEMAS").is_some();
    for (message_type, schema) in generated() {
        let path = schemas().join(format!("{message_type}.json"));
        if update {
            fs::write(&path, pretty(&schema)).unwrap();
        }
        assert_eq!(
            read_json(&path),
            schema,
            "{} is not what the type says; after a deliberate change write it again with \
             NODEWARDEN_UPDATE_SCHEMAS=1",
            path.display()
        );
        jsonschema::draft202012::meta::validate(&schema).unwrap();
    }
}

#[test]
fn there_is_one_schema_for_each_message_and_no_other() {
    let files: BTreeSet<String> = fs::read_dir(schemas())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    let types: BTreeSet<String> = generated().keys().map(ToString::to_string).collect();
    assert_eq!(files, types);
    assert_eq!(types, message_types());
}

/// What the code calls its messages, from the values of the golden files.
fn message_types() -> BTreeSet<String> {
    let incoming = incoming()
        .into_iter()
        .map(|one| one.event.kind.event_type().as_str());
    let outgoing = outgoing()
        .into_iter()
        .map(|(_, one)| one.content.announcement_type().as_str());
    let all = incoming.chain(outgoing).chain([RECEIPT_TYPE]);
    all.map(str::to_owned).collect()
}

// ---- golden files ----

/// A message in: the file's name, its fields, and what they mean.
struct GoldenIn {
    file: &'static str,
    msgpack: Vec<u8>,
    event: Event,
}

fn golden_in(
    file: &'static str,
    message: &impl Serialize,
    incarnation: u64,
    kind: EventKind,
) -> GoldenIn {
    GoldenIn {
        file,
        msgpack: rmp_serde::to_vec_named(message).unwrap(),
        event: Event {
            id: EventId::parse(file).unwrap(),
            conductor: ConductorName::parse("cond-a").unwrap(),
            incarnation: Incarnation::new(incarnation).unwrap(),
            sent_at_ms: Some(1_700_000_000_123),
            kind,
        },
    }
}

fn incoming() -> Vec<GoldenIn> {
    let conductor = || "cond-a".to_owned();
    let sent_at_ms = Some(1_700_000_000_123);
    let incarnation = 1_700_000_000_000;
    let statement = |group, drivers: &[&str], timeout_ms: Option<u64>| Statement {
        group: Group::parse(group).unwrap(),
        drivers: drivers
            .iter()
            .map(|one| Driver::parse(one).unwrap())
            .collect(),
        heartbeat_timeout: timeout_ms.map(Duration::from_millis),
    };
    vec![
        golden_in(
            "conductor.joined",
            &ConductorJoined {
                conductor: conductor(),
                incarnation,
                conductor_group: Some("Rack-7".to_owned()),
                drivers: vec!["ipmi".to_owned(), "redfish".to_owned()],
                heartbeat_timeout_ms: Some(60_000),
                heartbeat_interval_ms: Some(10_000),
                sent_at_ms,
            },
            incarnation,
            EventKind::Joined(statement("rack-7", &["ipmi", "redfish"], Some(60_000))),
        ),
        golden_in(
            "conductor.heartbeat",
            &ConductorHeartbeat {
                conductor: conductor(),
                incarnation,
                conductor_group: None,
                drivers: Some(vec!["ipmi".to_owned()]),
                heartbeat_timeout_ms: Some(60_000),
                heartbeat_interval_ms: Some(10_000),
                sent_at_ms,
            },
            incarnation,
            EventKind::Heartbeat(Some(statement("", &["ipmi"], Some(60_000)))),
        ),
        golden_in(
            "conductor.heartbeat.bare",
            &ConductorHeartbeat {
                conductor: conductor(),
                incarnation,
                conductor_group: None,
                drivers: None,
                heartbeat_timeout_ms: None,
                heartbeat_interval_ms: None,
                sent_at_ms,
            },
            incarnation,
            EventKind::Heartbeat(None),
        ),
        golden_in(
            "conductor.left",
            &ConductorLeft {
                conductor: conductor(),
                incarnation: i64::MAX as u64,
                back_within_ms: Some(300_000),
                reason: Some("upgrade to 39.0.0".to_owned()),
                sent_at_ms,
            },
            i64::MAX as u64,
            EventKind::Left {
                back_within: Some(Duration::from_secs(300)),
                reason: Some("upgrade to 39.0.0".to_owned()),
            },
        ),
        golden_in(
            "conductor.heartbeat_timeout",
            &ConductorHeartbeatTimeout {
                conductor: conductor(),
                incarnation,
                last_seen_ms: Some(1_699_999_990_000),
                detected_by: Some("watcher-1".to_owned()),
                sent_at_ms,
            },
            incarnation,
            EventKind::HeartbeatTimeout {
                last_seen_ms: Some(1_699_999_990_000),
                detected_by: Some("watcher-1".to_owned()),
            },
        ),
    ]
}

fn outgoing() -> Vec<(&'static str, Announcement)> {
    let about = |cause| About {
        decision_id: "7f1d2a3b-64d4-4a57-9d10-6a1f6d3c0e21".to_owned(),
        pair: Pair {
            group: Group::parse("rack-7").unwrap(),
            driver: Driver::parse("ipmi").unwrap(),
        },
        cause,
        last_good_at_ms: Some(1_700_000_050_000),
    };
    let node = |seq, uuid: &str, name: Option<&str>| AnnouncedNode {
        seq,
        uuid: uuid.to_owned(),
        name: name.map(str::to_owned),
    };
    let announcement = |number, content| Announcement {
        number,
        stream: "2b1a7c1e-50f4-4c0e-8f5e-0d3f6f0a9b11".to_owned(),
        epoch: 3,
        decided_at_ms: 1_700_000_060_999,
        waited_since_ms: 1_700_000_060_999,
        content,
    };
    vec![
        (
            "node.out_of_service",
            announcement(
                41,
                Content::OutOfService {
                    about: about(AnnouncedCause {
                        event_id: Some("event-9".to_owned()),
                        event: Some(EventType::Left),
                        conductor: Some("cond-a".to_owned()),
                    }),
                    reason: OutReason::DriverLost,
                    nodes: vec![
                        node(
                            1001,
                            "406b2f34-0195-4fc2-a6bb-338fb25ccfa4",
                            Some("blade-ä"),
                        ),
                        node(1002, "13fa3c0a-a9a2-47fb-90f4-f9e7347750ad", None),
                    ],
                },
            ),
        ),
        (
            "node.back_in_service",
            announcement(
                42,
                Content::BackInService {
                    about: About {
                        last_good_at_ms: None,
                        ..about(AnnouncedCause::default())
                    },
                    reason: BackReason::DriverRestored,
                    released_by: Some("9a0b6c1d-1f0e-4f86-8a63-5b0f3c2d1e77".to_owned()),
                    nodes: vec![node(1003, "406b2f34-0195-4fc2-a6bb-338fb25ccfa4", None)],
                },
            ),
        ),
        (
            "node.position",
            announcement(43, Content::Position { seq: 1003 }),
        ),
    ]
}

/// The golden pair of `name`, after writing `msgpack` to it where that was asked for.
fn golden(name: &str, msgpack: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let path = |extension| schemas().join("golden").join(format!("{name}.{extension}"));
    if std::env::var_os("NODEWARDEN_UPDATE_GOLDEN").is_some() {
        fs::write(path("msgpack"), msgpack).unwrap();
        fs::write(path("json"), pretty(&to_json(msgpack, None))).unwrap();
    }
    let read = |extension| {
        let path = path(extension);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    (read("msgpack"), read("json"))
}

#[test]
fn golden_messages_in_mean_what_they_meant_when_they_were_written() {
    for one in incoming() {
        let message_type = one.event.kind.event_type().as_str();
        let (msgpack, json) = golden(one.file, &one.msgpack);
        for (body, content_type) in [(&msgpack, None), (&json, Some("application/json"))] {
            let envelope = Envelope {
                exchange: "conductor.events",
                routing_key: message_type,
                message_id: Some(one.event.id.as_str()),
                content_type,
                body,
                ..Envelope::default()
            };
            match decode(&envelope, None) {
                Ok(Incoming::Event { event, .. }) => assert_eq!(event, one.event, "{}", one.file),
                other => panic!("{}: {other:?}", one.file),
            }
        }
        assert_eq!(one.msgpack, msgpack, "{}", one.file);
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(to_json(&msgpack, None), json, "{}", one.file);
        let validator = validator(message_type);
        validator.validate(&json).unwrap();
        validator
            .validate(&to_json(&encode_event(&one.event), None))
            .unwrap();
    }
}

#[test]
fn golden_messages_out_have_the_same_bytes_as_ever() {
    for (file, announcement) in outgoing() {
        let encoded = encode(&announcement, "node.events");
        let (msgpack, json) = golden(file, &encoded.body);
        assert_eq!(encoded.body, msgpack, "{file}");
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(to_json(&msgpack, None), json, "{file}");
        validator(file).validate(&json).unwrap();

        assert_eq!(encoded.message_type, file);
        assert_eq!(encoded.content_type, "application/msgpack");
        assert_eq!(encoded.timestamp_s, 1_700_000_060);
        assert_eq!(
            encoded.message_id,
            format!("{}:{}", announcement.stream, announcement.number)
        );
    }
}

#[test]
fn the_golden_receipt_means_what_it_meant_when_it_was_written() {
    let receipt = Receipt {
        subscriber: SubscriberName::parse("nova-north").unwrap(),
        stream: "2b1a7c1e-50f4-4c0e-8f5e-0d3f6f0a9b11".to_owned(),
        seq: 1003,
        applied_at_ms: 1_700_000_061_500,
    };
    let encoded = receipt_message(&receipt, "scheduler.receipts");
    assert_eq!(encoded.routing_key, RECEIPT_TYPE);
    assert_eq!(encoded.message_type, RECEIPT_TYPE);
    assert_eq!(encoded.expires_after_ms, Some(60_000));
    let (msgpack, json) = golden(RECEIPT_TYPE, &encoded.body);
    assert_eq!(encoded.body, msgpack);
    for (body, content_type) in [(&msgpack, None), (&json, Some("application/json"))] {
        let envelope = Envelope {
            exchange: "scheduler.receipts",
            by_subscriber: true,
            routing_key: RECEIPT_TYPE,
            content_type,
            body,
            ..Envelope::default()
        };
        let read = decode(&envelope, None).unwrap();
        assert_eq!(read, Incoming::Receipt(receipt.clone()));
    }
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(to_json(&msgpack, None), json);
    validator(RECEIPT_TYPE).validate(&json).unwrap();
}

#[test]
fn a_subscriber_in_rust_reads_what_is_written() {
    fn there_and_back<T: DeserializeOwned + Serialize>(body: &[u8]) {
        let message: T = rmp_serde::from_slice(body).unwrap();
        assert_eq!(rmp_serde::to_vec_named(&message).unwrap(), body);
    }
    for (_, announcement) in outgoing() {
        let body = encode(&announcement, "node.events").body;
        match announcement.content {
            Content::OutOfService { .. } => there_and_back::<NodeOutOfService>(&body),
            Content::BackInService { .. } => there_and_back::<NodeBackInService>(&body),
            Content::Position { .. } => there_and_back::<NodePosition>(&body),
        }
    }
}

#[test]
fn every_word_of_the_domain_is_a_word_of_the_schema() {
    let mut out = outgoing().remove(0).1;
    for word in [OutReason::DriverLost, OutReason::DriverUnknown] {
        let Content::OutOfService { reason, .. } = &mut out.content else {
            unreachable!()
        };
        *reason = word;
        let json = to_json(&encode(&out, "node.events").body, None);
        assert_eq!(json["reason"], word.as_str());
        validator("node.out_of_service").validate(&json).unwrap();
    }
    let mut back = outgoing().remove(1).1;
    for word in [
        "driver_restored",
        "node_changed",
        "node_removed",
        "released",
    ] {
        let Content::BackInService {
            reason,
            released_by,
            ..
        } = &mut back.content
        else {
            unreachable!()
        };
        *reason = BackReason::parse(word).unwrap();
        *released_by = None;
        let json = to_json(&encode(&back, "node.events").body, None);
        assert_eq!(json["reason"], word);
        assert_eq!(json["released_by"], Value::Null);
        validator("node.back_in_service").validate(&json).unwrap();
    }
}

#[test]
fn the_fields_come_in_the_order_of_the_contract() {
    let keys = |number: usize| -> Vec<String> {
        let body = encode(&outgoing()[number].1, "node.events").body;
        // MessagePack keeps the order; the text of the same map read in order shows it.
        let message: serde_norway::Mapping = rmp_serde::from_slice(&body).unwrap();
        message
            .keys()
            .map(|key| key.as_str().unwrap().to_owned())
            .collect()
    };
    let shared = [
        "stream",
        "epoch",
        "decision_id",
        "conductor_group",
        "driver",
        "reason",
        "cause",
        "last_good_at_ms",
        "decided_at_ms",
        "nodes",
    ];
    assert_eq!(keys(0), shared);
    assert_eq!(keys(1), [&shared[..], &["released_by"]].concat());
    assert_eq!(keys(2), ["stream", "epoch", "seq"]);
}

// ---- broken messages ----

#[test]
fn a_message_without_a_required_field_does_not_validate() {
    for (message_type, schema) in generated() {
        let golden = read_json(
            &schemas()
                .join("golden")
                .join(format!("{message_type}.json")),
        );
        let required = schema["required"].as_array().unwrap();
        assert!(required.len() >= 2, "{message_type}");
        for field in required {
            let mut broken = golden.clone();
            broken
                .as_object_mut()
                .unwrap()
                .remove(field.as_str().unwrap());
            assert!(
                !validator(message_type).is_valid(&broken),
                "{message_type} without {field}"
            );
        }
        let mut grown = golden;
        grown["added_later"] = json!({"x": 1});
        assert!(
            validator(message_type).is_valid(&grown),
            "{message_type} may grow"
        );
    }
}

#[test]
fn what_the_code_refuses_the_schema_refuses_too() {
    let long = "x".repeat(256);
    let mut cases = vec![
        ("conductor.joined", "heartbeat_timeout_ms", json!(999)),
        ("conductor.joined", "heartbeat_timeout_ms", json!(3_600_001)),
        ("conductor.joined", "heartbeat_interval_ms", json!(0)),
        ("conductor.joined", "drivers", Value::Null),
        ("conductor.heartbeat", "heartbeat_timeout_ms", json!("60s")),
        ("conductor.left", "back_within_ms", json!(-1)),
        (
            "conductor.left",
            "back_within_ms",
            json!(i64::MAX as u64 + 1),
        ),
        ("conductor.left", "reason", json!(["x"])),
        ("conductor.heartbeat_timeout", "last_seen_ms", json!(1.5)),
        ("conductor.heartbeat_timeout", "detected_by", json!(7)),
    ];
    for message_type in ["conductor.joined", "conductor.heartbeat"] {
        for group in [json!(long), json!("a\u{85}b"), json!(7)] {
            cases.push((message_type, "conductor_group", group));
        }
        for drivers in [
            json!("ipmi"),
            json!([""]),
            json!([long]),
            json!(["a\nb"]),
            json!([7]),
        ] {
            cases.push((message_type, "drivers", drivers));
        }
    }
    for message_type in [
        "conductor.joined",
        "conductor.heartbeat",
        "conductor.left",
        "conductor.heartbeat_timeout",
    ] {
        for conductor in [
            json!(""),
            json!(long),
            json!("a\nb"),
            json!("a\u{7f}"),
            json!(7),
        ] {
            cases.push((message_type, "conductor", conductor));
        }
        for incarnation in [
            json!(-1),
            json!(i64::MAX as u64 + 1),
            json!("1"),
            json!(1.5),
        ] {
            cases.push((message_type, "incarnation", incarnation));
        }
        cases.push((message_type, "sent_at_ms", json!("now")));
    }
    for (message_type, field, value) in cases {
        let mut broken = read_json(
            &schemas()
                .join("golden")
                .join(format!("{message_type}.json")),
        );
        broken[field] = value;
        let body = broken.to_string();
        let envelope = Envelope {
            routing_key: message_type,
            message_id: Some("event-1"),
            content_type: Some("application/json"),
            body: body.as_bytes(),
            ..Envelope::default()
        };
        assert!(decode(&envelope, None).is_err(), "{message_type}: {broken}");
        assert!(
            !validator(message_type).is_valid(&broken),
            "{message_type}: {broken}"
        );
    }
}

#[test]
fn a_broken_message_out_does_not_validate() {
    for (message_type, field, value) in [
        ("node.out_of_service", "reason", json!("driver_restored")),
        ("node.out_of_service", "nodes", json!([])),
        (
            "node.out_of_service",
            "nodes",
            json!([{"seq": 1, "uuid": "x"}]),
        ),
        (
            "node.out_of_service",
            "nodes",
            json!([{"seq": -1, "uuid": "x", "name": null}]),
        ),
        ("node.out_of_service", "cause", Value::Null),
        ("node.out_of_service", "stream", json!("not a uuid")),
        ("node.back_in_service", "reason", json!("driver_lost")),
        ("node.back_in_service", "released_by", json!(7)),
        ("node.position", "seq", json!("1003")),
        ("scheduler.applied", "subscriber", json!("")),
        ("scheduler.applied", "stream", json!("not a uuid")),
        ("scheduler.applied", "seq", json!(-1)),
        ("scheduler.applied", "applied_at_ms", json!("now")),
    ] {
        let mut broken = read_json(
            &schemas()
                .join("golden")
                .join(format!("{message_type}.json")),
        );
        broken[field] = value;
        assert!(
            !validator(message_type).is_valid(&broken),
            "{message_type}: {broken}"
        );
    }
}

// ---- AsyncAPI ----

fn asyncapi() -> Value {
    let text = fs::read_to_string(schemas().join("asyncapi.yaml")).unwrap();
    serde_norway::from_str(&text).unwrap()
}

/// Every `$ref` below `value`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(target) if key == "$ref" => found.push(target.to_owned()),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a local reference points at.
fn target<'a>(document: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference["$ref"]
        .as_str()
        .unwrap()
        .strip_prefix('#')
        .unwrap();
    document
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{reference} points nowhere"))
}

#[test]
fn the_asyncapi_document_is_version_3_and_all_its_references_resolve() {
    let document = asyncapi();
    assert_eq!(document["asyncapi"], "3.0.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let (file, pointer) = reference.split_once('#').unwrap_or((&reference, ""));
        let whole = if file.is_empty() {
            document.clone()
        } else {
            read_json(&schemas().join(file))
        };
        assert!(
            whole.pointer(pointer).is_some(),
            "{reference} points nowhere"
        );
    }
}

#[test]
fn each_message_of_the_code_is_in_the_asyncapi_document_with_its_schema() {
    let document = asyncapi();
    let messages = document["components"]["messages"].as_object().unwrap();
    let mut names = BTreeSet::new();
    for message in messages.values() {
        let name = message["name"].as_str().unwrap();
        assert_eq!(
            message["payload"]["schema"]["$ref"],
            format!("./{name}.json")
        );
        assert_eq!(message["bindings"]["amqp"]["messageType"], name);
        assert_eq!(message["contentType"], "application/msgpack");
        names.insert(name.to_owned());
    }
    assert_eq!(names, message_types());
}

#[test]
fn each_message_has_a_channel_whose_address_is_its_type_and_one_operation() {
    let document = asyncapi();
    let mut addresses = BTreeSet::new();
    for channel in document["channels"].as_object().unwrap().values() {
        let binding = &channel["bindings"]["amqp"];
        if binding["is"] == "queue" {
            assert_eq!(binding["queue"]["name"], channel["address"]);
            continue;
        }
        let address = channel["address"].as_str().unwrap();
        let exchange = match address.split('.').next() {
            Some("node") => "node.events",
            Some("scheduler") => "scheduler.receipts",
            _ => "conductor.events",
        };
        assert_eq!(binding["exchange"]["name"], exchange, "{address}");
        assert_eq!(binding["exchange"]["type"], "topic", "{address}");
        assert_eq!(binding["exchange"]["durable"], true, "{address}");
        for message in channel["messages"].as_object().unwrap().values() {
            assert_eq!(target(&document, message)["name"], address);
        }
        addresses.insert(address.to_owned());
    }
    assert_eq!(addresses, message_types());

    let mut operated = BTreeSet::new();
    for operation in document["operations"].as_object().unwrap().values() {
        let address = target(&document, &operation["channel"])["address"]
            .as_str()
            .unwrap();
        let action = if address.starts_with("node.") {
            "send"
        } else {
            "receive"
        };
        assert_eq!(operation["action"], action, "{address}");
        for message in operation["messages"].as_array().unwrap() {
            target(&document, message);
        }
        operated.insert(address.to_owned());
    }
    assert_eq!(operated, message_types());
}
