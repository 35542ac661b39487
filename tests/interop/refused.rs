//! Every kind of message that is refused, sent to the real binary over the real broker: each is
//! kept with its reason, none delays the good one behind it, and operators can look at it, put it
//! back and throw it away.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use lapin::BasicProperties;
use lapin::options::{BasicGetOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use lapin::uri::AMQPUri;
use nodewarden::wire::Reason;
use nodewarden_tests::deployment::{Deployment, Replica, broker, eventually};
use nodewarden_tests::rabbitmq::Client;
use serde_json::{Value, json};

/// From a good message behind a refused one to its effect. Each takes milliseconds; a delay by a
/// refusal would be a time-out or a pause of a second and more.
const WITHOUT_DELAY: Duration = Duration::from_secs(5);

/// A message that must be refused.
struct Bad {
    reason: &'static str,
    properties: BasicProperties,
    key: &'static str,
    body: Vec<u8>,
}

fn user() -> String {
    let uri: AMQPUri = broker().parse().expect("a broker's URL");
    uri.authority.userinfo.username
}

/// As a well-behaved conductor sets them.
fn good(id: &str) -> BasicProperties {
    BasicProperties::default()
        .with_message_id(id.into())
        .with_type("conductor.joined".into())
        .with_content_type("application/msgpack".into())
        .with_user_id(user().as_str().into())
        .with_delivery_mode(2)
}

fn as_json(id: &str) -> BasicProperties {
    good(id).with_content_type("application/json; charset=utf-8".into())
}

fn joined(conductor: &str) -> Value {
    json!({"conductor": conductor, "incarnation": 1, "drivers": ["d"]})
}

fn msgpack(body: &Value) -> Vec<u8> {
    rmp_serde::to_vec_named(body).expect("plain data")
}

/// A good body, changed in one field.
fn with(field: &str, value: Value) -> Vec<u8> {
    let mut body = joined("ok-0");
    body[field] = value;
    msgpack(&body)
}

/// `{"x": [[[…]]]}`, where unknown fields are ignored.
fn nested(levels: usize) -> Vec<u8> {
    [&b"\x81\xa1x"[..], &vec![0x91; levels], &b"\xc0"[..]].concat()
}

fn bad_messages(queue: &str) -> Vec<Bad> {
    const KEY: &str = "conductor.joined";
    let mut messages = Vec::new();
    let mut add = |reason, properties, key, body| {
        messages.push(Bad {
            reason,
            properties,
            key,
            body,
        });
    };
    let fine = || msgpack(&joined("ok-0"));
    add("empty_body", good("empty"), KEY, Vec::new());
    add("undecodable", good("undecodable"), KEY, vec![0xc1]);
    add(
        "undecodable",
        as_json("half"),
        KEY,
        b"{\"conductor\": \"o".to_vec(),
    );
    let garbage = [fine(), vec![0xc0]].concat();
    add("trailing_garbage", good("trailing"), KEY, garbage);
    let large = with("reason", "x".repeat(64 * 1024).into());
    add("too_large", good("large"), KEY, large);
    add("too_deep", good("deep"), KEY, nested(1000));
    let no_id = BasicProperties::default()
        .with_type(KEY.into())
        .with_user_id(user().as_str().into());
    add("missing_message_id", no_id, KEY, fine());
    add("bad_message_id", good("an\nid"), KEY, fine());
    let other = with("drivers", json!(["other"]));
    add("message_id_conflict", good("first"), KEY, other);
    let of_the_future = good("type").with_type("conductor.retired".into());
    add("unknown_type", of_the_future, KEY, fine());
    // Nobody but us ticks.
    let tick = good("tick").with_type("nodewarden.tick".into());
    add("unknown_type", tick, "conductor.tick", fine());
    let xml = good("content").with_content_type("application/xml".into());
    add("unknown_content_type", xml, KEY, fine());
    let gzip = good("encoding").with_content_encoding("gzip".into());
    add("unknown_content_encoding", gzip, KEY, fine());
    add(
        "wrong_type",
        good("number"),
        KEY,
        with("incarnation", "1".into()),
    );
    add(
        "wrong_type",
        good("list"),
        KEY,
        msgpack(&json!(["ok-0", 1])),
    );
    add(
        "missing_field",
        good("null"),
        KEY,
        with("drivers", Value::Null),
    );
    let long = with("conductor", "x".repeat(256).into());
    add("out_of_bounds", good("long"), KEY, long);
    let control = with("drivers", json!(["a\u{7}b"]));
    add("out_of_bounds", good("control"), KEY, control);
    let mut hasty = joined("ok-0");
    hasty["heartbeat_timeout_ms"] = 5000.into();
    hasty["heartbeat_interval_ms"] = 2000.into();
    add("bad_interval", good("hasty"), KEY, msgpack(&hasty));
    let many: Vec<String> = (0..257).map(|number| format!("d{number}")).collect();
    let many = with("drivers", json!(many));
    add("too_many_drivers", good("drivers"), KEY, many);
    let another = with("drivers", json!(["d", "another"]));
    add("too_many_pairs", good("pairs"), KEY, another);
    let twice = br#"{"conductor": "ok-0", "conductor": "ok-1", "incarnation": 1, "drivers": []}"#;
    add("duplicate_key", as_json("twice"), KEY, twice.to_vec());
    let somebody = msgpack(&joined("somebody-else"));
    add("foreign_publisher", good("foreign"), KEY, somebody);
    let nobody = BasicProperties::default()
        .with_message_id("nobody".into())
        .with_type(KEY.into());
    add("foreign_publisher", nobody, KEY, fine());
    // Live on the copy, CC would send it round forever, and the expiration would lose it.
    let mut headers = FieldTable::default();
    let copies = FieldArray::from(vec![AMQPValue::LongString(queue.into())]);
    headers.insert("CC".into(), AMQPValue::FieldArray(copies));
    let hostile = good("hostile")
        .with_headers(headers)
        .with_expiration("60000".into());
    add("undecodable", hostile, KEY, vec![0xc1]);
    messages
}

fn knows(replica: &Replica, conductor: &str) -> bool {
    let (_, answer) = replica.http_get("/v1/conductors");
    let all = answer["conductors"].as_array().expect("a list");
    all.iter().any(|one| one["conductor"] == conductor)
}

async fn publish(client: &Client, deployment: &Deployment, bad: &Bad) {
    let properties = bad.properties.clone();
    client
        .publish(&deployment.events_exchange, bad.key, properties, &bad.body)
        .await;
}

/// The dead letters: reason, id, type, routing key, size.
fn letters(deployment: &Deployment) -> Vec<Value> {
    let answer = deployment.ask(&["dead-letters", "list"]);
    answer["dead_letters"].as_array().expect("a list").clone()
}

fn id_of(letters: &[Value], message_id: &str) -> String {
    let letter = letters
        .iter()
        .find(|letter| letter["message_id"] == message_id)
        .expect("it is there");
    letter["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refused_kind_is_kept_with_its_reason_and_delays_no_good_message() {
    let deployment = Deployment::default();
    let allowed = format!(r#"security.allowed_publishers={{ {} = ["ok-*"] }}"#, user());
    // All conductors serve one driver.
    let replica = deployment.replica(&[&allowed, "decide.max_pairs=1"]);
    let client = Client::connect().await;
    let first = Bad {
        reason: "",
        properties: good("first"),
        key: "conductor.joined",
        body: msgpack(&joined("ok-0")),
    };
    publish(&client, &deployment, &first).await;

    let messages = bad_messages(&deployment.events_queue);
    for (number, bad) in messages.iter().enumerate() {
        publish(&client, &deployment, bad).await;
        let conductor = format!("ok-{}", number + 1);
        let next = Bad {
            reason: "",
            properties: good(&conductor),
            key: "conductor.joined",
            body: msgpack(&joined(&conductor)),
        };
        publish(&client, &deployment, &next).await;
        let sent = Instant::now();
        let what = format!("the good message behind {} is handled", bad.reason);
        eventually(&what, || knows(&replica, &conductor).then_some(()));
        let took = sent.elapsed();
        assert!(took < WITHOUT_DELAY, "{what}: only after {took:?}");
    }

    // In queue order.
    let expected: Vec<Value> = messages
        .iter()
        .map(|bad| {
            json!([
                bad.reason,
                bad.properties.message_id().as_ref().map(|id| id.as_str()),
                bad.properties.kind().as_ref().map(|kind| kind.as_str()),
                bad.key,
                bad.body.len()
            ])
        })
        .collect();
    let found = letters(&deployment);
    let short: Vec<Value> = found
        .iter()
        .map(|letter| {
            json!([
                letter["reason"],
                letter["message_id"],
                letter["type"],
                letter["routing_key"],
                letter["size"]
            ])
        })
        .collect();
    assert_eq!(short, expected);
    // What only the worker's own troubles can cause is left out, what would refuse the good messages,
    // too, and what refuses receipts alone; nothing else.
    let tried: BTreeSet<&str> = messages.iter().map(|bad| bad.reason).collect();
    let all = Reason::ALL.iter().map(|reason| reason.as_str());
    assert_eq!(
        tried,
        all.filter(|reason| {
            ![
                "unprocessable",
                "too_many_conductors",
                "too_many_subscribers",
            ]
            .contains(reason)
        })
        .collect()
    );

    nothing_of_the_original_is_live(&client, &deployment, messages.len()).await;
    look_and_mend(&deployment, replica, &allowed);
}

/// The copies carry no property of the original that the broker would act on.
async fn nothing_of_the_original_is_live(client: &Client, deployment: &Deployment, count: usize) {
    let mut last = 0;
    for _ in 0..count {
        let options = BasicGetOptions::default();
        let got = client
            .channel
            .basic_get(deployment.dead_letters_queue.as_str().into(), options)
            .await
            .expect("the queue can be read")
            .expect("a letter");
        let properties = &got.delivery.properties;
        assert_eq!(properties.expiration(), &None);
        assert_eq!(properties.user_id(), &None);
        let headers = properties.headers().as_ref().expect("headers");
        assert!(!headers.inner().contains_key("CC"), "{headers:?}");
        last = got.delivery.delivery_tag;
    }
    let back = BasicNackOptions {
        multiple: true,
        requeue: true,
    };
    client
        .channel
        .basic_nack(last, back)
        .await
        .expect("put back");
    // It has no answer; what comes behind it on the channel has.
    let behind = client.channel.basic_qos(1, BasicQosOptions::default());
    behind.await.expect("put back");
}

/// What a command that fails with 1 says.
fn fails(deployment: &Deployment, words: &[&str]) -> String {
    let output = deployment.command(&[], words).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requeue_all_lets_no_conductor_tick_and_no_publisher_speak_for_another() {
    let deployment = Deployment::default();
    let only = |who: &str| {
        format!(
            r#"security.allowed_publishers={{ {} = ["{who}"] }}"#,
            user()
        )
    };
    let replica = deployment.replica(&[&only("*")]);
    deployment.run(&[
        "emit",
        "joined",
        "c1",
        "--driver",
        "d",
        "--incarnation",
        "1",
    ]);
    eventually("c1 is known", || knows(&replica, "c1").then_some(()));
    replica.stop();

    // A publisher that may speak for others alone ends c1 far in the future, and ticks like a
    // replica of another database.
    let replica = deployment.replica(&[&only("m-*")]);
    let client = Client::connect().await;
    let left = json!({"conductor": "c1", "incarnation": 1_u64 << 62});
    let tick =
        json!({"stream": "11111111-1111-4111-8111-111111111111", "session": "s", "sent_ms": 1});
    for (id, message_type, body) in [
        ("left", "conductor.left", left),
        ("tick", "nodewarden.tick", tick),
    ] {
        let bad = Bad {
            reason: "",
            properties: good(id).with_type(message_type.into()),
            key: "conductor.left",
            body: msgpack(&body),
        };
        publish(&client, &deployment, &bad).await;
    }
    eventually("both are refused", || {
        (letters(&deployment).len() == 2).then_some(())
    });
    replica.stop();

    // This command's user may speak for everybody.
    let replica = deployment.replica(&[&only("*")]);
    let output = deployment
        .command(&[], &["dead-letters", "requeue", "--all"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "requeued 0\n");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "1 letter stays: a tick or a probe of nodewarden is never put back; discard it\n\
         1 letter stays: refused as foreign_publisher; look at it, then requeue it by its id with --as-me to say \
         the same under your own broker user\n"
    );
    deployment.run(&["emit", "joined", "c2", "--driver", "d"]);
    eventually("what comes behind is handled", || {
        knows(&replica, "c2").then_some(())
    });
    let (_, answer) = replica.http_get("/v1/conductors");
    let c1 = answer["conductors"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["conductor"] == "c1")
        .expect("c1 is known");
    assert_eq!(
        (&c1["state"], &c1["incarnation"]),
        (&json!("active"), &json!(1))
    );
    assert_eq!(letters(&deployment).len(), 2);
    replica.stop();
}

/// `show`, `requeue` and `discard`, as an operator uses them.
fn look_and_mend(deployment: &Deployment, replica: Replica, allowed: &str) {
    let count = letters(deployment).len();
    let before = letters(deployment);
    let hostile = deployment.ask(&["dead-letters", "show", &id_of(&before, "hostile")]);
    assert_eq!(hostile["reason"], "undecodable");
    assert_eq!(hostile["original"]["expiration"], "60000");
    assert_eq!(
        hostile["original"]["headers.CC"],
        format!("[{}]", deployment.events_queue)
    );
    let foreign = id_of(&before, "foreign");
    let shown = deployment.ask(&["dead-letters", "show", &foreign]);
    assert_eq!(shown["body"], joined("somebody-else"));
    assert_eq!(shown["original"]["user_id"], user());

    // The operator finds that this publisher may speak for that conductor after all.
    replica.stop();
    let more = allowed.replace("[\"ok-*\"]", "[\"ok-*\", \"somebody-*\"]");
    let replica = deployment.replica(&[&more]);
    let refused = fails(deployment, &["dead-letters", "requeue", &foreign]);
    assert_eq!(
        refused,
        "1 letter stays: refused as foreign_publisher; look at it, then requeue it by its id with --as-me to say \
         the same under your own broker user\n"
    );
    let tick = id_of(&before, "tick");
    let refused = fails(deployment, &["dead-letters", "requeue", "--as-me", &tick]);
    assert_eq!(
        refused,
        "1 letter stays: a tick or a probe of nodewarden is never put back; discard it\n"
    );
    assert_eq!(letters(deployment), before);
    let moved = deployment.ask(&["dead-letters", "requeue", "--as-me", &foreign]);
    assert_eq!(moved, json!({"requeued": [foreign], "kept": []}));
    eventually("the message that went back is handled", || {
        knows(&replica, "somebody-else").then_some(())
    });
    // And `emit` speaks under its login as well.
    let emitted = ["emit", "joined", "ok-emitted", "--driver", "d"];
    let once = [&emitted[..], &["--message-id", "m"]].concat();
    let without = deployment.command(&[], &once).output().expect("it runs");
    assert_eq!(without.status.code(), Some(64), "{without:?}");
    let without = String::from_utf8_lossy(&without.stderr);
    assert!(
        without.contains("--message-id needs --incarnation too"),
        "{without}"
    );
    let once = [&once[..], &["--incarnation", "7"]].concat();
    for command in [&once, &once] {
        deployment.run(command);
    }
    deployment.run(&["emit", "joined", "ok-behind", "--driver", "d"]);
    eventually("the emitted events are handled", || {
        (knows(&replica, "ok-emitted") && knows(&replica, "ok-behind")).then_some(())
    });
    assert_eq!(letters(deployment).len(), count - 1);

    let empty = id_of(&before, "empty");
    // As `head` does to a long list.
    for args in [
        vec!["dead-letters", "list"],
        vec!["dead-letters", "show", &empty],
    ] {
        let mut child = (deployment.command(&[], &args))
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{args:?}");
    }
    let gone = deployment.ask(&["dead-letters", "discard", &empty]);
    assert_eq!(gone, json!({"discarded": [empty]}));
    let output = deployment
        .command(&[], &["dead-letters", "discard", &empty])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!(
            "no dead letter has the id {empty}; `nodewarden dead-letters list` shows those that are there\n"
        )
    );
    let rest = deployment.ask(&["dead-letters", "discard", "--all"]);
    assert_eq!(rest["discarded"].as_array().map(Vec::len), Some(count - 2));
    assert_eq!(letters(deployment), Vec::<Value>::new());
    replica.stop();
}
