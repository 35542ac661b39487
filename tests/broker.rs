//! What the broker part promises, tried on a real RabbitMQ: `NODEWARDEN_TEST_AMQP_URL` names
//! it, `tests/servers/rabbitmq start DIR PORT` starts one.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use lapin::BasicProperties;
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use nodewarden::bridge::{BrokerVoice, ports::Voice};
use nodewarden::broker::{
    Announcer, BrokerError, DeadLetters, Emitter, Foreign, Fresh, Kept, Line, Queue, Requeued,
    Session, Subscriber, Which, check_url, publish_event,
};
use nodewarden::config::{Amqp, Brokers};
use nodewarden::message::{Delivery, Outgoing, Published, Refused};
use nodewarden::wire::Reason;
use nodewarden_tests::deployment::broker;
use nodewarden_tests::rabbitmq::{Client, DEADLINE, bodies, numbered, receive, settings};
use nodewarden_tests::waiting::eventually;

/// Long enough that something wrongly sent would have come, short enough not to bore.
const QUIET: Duration = Duration::from_millis(300);

fn outgoing(exchange: &str, routing_key: &str, id: &str) -> Outgoing {
    Outgoing {
        exchange: exchange.into(),
        routing_key: routing_key.into(),
        message_id: id.into(),
        message_type: routing_key.into(),
        content_type: "application/msgpack".into(),
        timestamp_s: 1_700_000_000,
        expires_after_ms: None,
        body: id.as_bytes().to_vec(),
    }
}

async fn open(settings: &Amqp) -> Session {
    Session::open(settings, "test").await.expect("a session")
}

fn only(id: &str) -> Which {
    Which::Ids(HashSet::from([id.to_owned()]))
}

#[tokio::test]
async fn what_is_missing_is_declared_and_a_second_session_agrees() {
    let settings = settings();
    let first = open(&settings).await;
    let second = open(&settings).await;
    let client = Client::connect().await;
    client.event(&settings, 1).await;
    assert_eq!(first.blocked(), None);
    first.close().await;
    second.close().await;
    eventually("the event waits", async || {
        (client.waiting(&settings.events_queue).await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_leave_to_declare_all_that_is_missing_is_named_with_its_recipe() {
    let settings = Amqp {
        declare: false,
        ..settings()
    };
    let Err(BrokerError::Refused(text)) = Session::open(&settings, "test").await else {
        panic!("an empty broker must be refused");
    };
    for name in [
        &settings.events_exchange,
        &settings.nodes_exchange,
        &settings.events_queue,
        &settings.dead_letters_queue,
    ] {
        assert!(text.contains(&format!("name={name} ")), "{name}: {text}");
    }
    assert!(text.contains("x-single-active-consumer"), "{text}");
    assert!(text.contains("routing_key='conductor.#'"), "{text}");
    assert!(!text.contains("guest"), "{text}");
    let declaring = Amqp {
        declare: true,
        ..settings.clone()
    };
    open(&declaring).await.close().await;
    open(&settings).await.close().await;
}

#[tokio::test]
async fn announcements_go_on_through_a_fresh_channel_and_a_fresh_connection_without_the_session_s()
{
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    let hears = format!("{}.hears", settings.nodes_exchange);
    client
        .queue(&hears, &[], Some((&settings.nodes_exchange, "#")))
        .await;
    let mut announcements = session.announcements().await.expect("a way out");
    let mut publish = async |id: &str, fresh: Option<bool>| {
        match fresh {
            Some(true) => announcements.renew(Fresh::Connection).await.expect("fresh"),
            Some(false) => announcements.renew(Fresh::Channel).await.expect("fresh"),
            None => {}
        }
        let message = outgoing(&settings.nodes_exchange, "node.position", id);
        let outcome = announcements.publish(&[message]).await.expect("published");
        assert_eq!(outcome, [Published::Confirmed], "{id}");
    };
    publish("m0", None).await;
    publish("m1", Some(false)).await;
    publish("m2", Some(true)).await;
    publish("m3", Some(false)).await;
    // By then it has a connection of its own.
    session.close().await;
    publish("m4", Some(false)).await;
    publish("m5", Some(true)).await;
    for number in 0..6 {
        let got = client.get(&hears).await.expect("a message");
        assert_eq!(got.data, format!("m{number}").as_bytes());
    }
}

#[tokio::test]
async fn what_a_full_queue_rejects_is_nacked_on_every_fresh_way_until_there_is_room() {
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    let full = format!("{}.full", settings.nodes_exchange);
    let limits = [
        ("x-max-length", AMQPValue::LongInt(1)),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ];
    let bound = Some((settings.nodes_exchange.as_str(), "#"));
    client.queue(&full, &limits, bound).await;
    let message = [outgoing(&settings.nodes_exchange, "node.position", "m0")];
    let mut announcements = session.announcements().await.expect("a way out");
    let first = announcements.publish(&message).await.expect("answered");
    assert_eq!(first, [Published::Confirmed], "there is room");
    for fresh in 0..3 {
        let verdict = announcements.publish(&message).await.expect("answered");
        assert_eq!(verdict, [Published::Nacked], "{fresh}");
        match fresh {
            0 => announcements.renew(Fresh::Channel).await.expect("fresh"),
            _ => announcements.renew(Fresh::Connection).await.expect("fresh"),
        }
    }
    client.get(&full).await.expect("the one that is there");
    let verdict = announcements.publish(&message).await.expect("answered");
    assert_eq!(verdict, [Published::Confirmed], "there is room again");
    session.close().await;
}

#[tokio::test]
async fn a_queue_that_was_made_differently_is_refused_with_a_hint() {
    let settings = settings();
    let client = Client::connect().await;
    client.queue(&settings.events_queue, &[], None).await;
    let Err(BrokerError::Refused(text)) = Session::open(&settings, "test").await else {
        panic!("a classic queue must be refused");
    };
    assert!(text.contains("exists with other properties"), "{text}");
    assert!(text.contains(&settings.events_queue), "{text}");
}

#[tokio::test]
async fn a_wrong_login_is_refused_and_the_password_stays_secret() {
    let url = broker().replace("guest:guest@", "guest:hunter2@");
    let settings = Amqp {
        url: Brokers::new(&url),
        ..settings()
    };
    let Err(fault) = Session::open(&settings, "test").await else {
        panic!("a wrong password must be refused");
    };
    assert!(matches!(fault, BrokerError::Denied(_)), "{fault:?}");
    assert!(!format!("{fault} {fault:?}").contains("hunter2"), "{fault}");
    let told = fault.to_string();
    assert!(told.starts_with("broker refused: 127.0.0.1:"), "{told}");
    assert!(told.contains(": Login was refused"), "{told}");
    assert!(
        told.contains("Are user and password in amqp.url right"),
        "{told}"
    );
    assert!(!told.contains("ACCESS"), "{told}");
}

#[tokio::test]
async fn a_silent_peer_makes_opening_fail_within_the_time_limit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("its address");
    let settings = Amqp {
        url: Brokers::new(&format!("amqp://guest:guest@{address}/%2f")),
        timeout: Duration::from_secs(1),
        ..settings()
    };
    let began = Instant::now();
    let Err(fault) = Session::open(&settings, "test").await else {
        panic!("nobody answers there");
    };
    assert!(matches!(fault, BrokerError::Unreachable(_)), "{fault:?}");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    drop(listener);
    let Err(fault) = Session::open(&settings, "test").await else {
        panic!("nobody listens there");
    };
    assert!(matches!(fault, BrokerError::Unreachable(_)), "{fault:?}");
}

#[test]
fn urls_that_would_be_misread_are_refused() {
    for url in [
        "amqp://guest:guest@localhost/",
        "amqp://guest:guest@::1/%2f",
        "amqp://guest:guest@localhost/%2f?heartbaet=10",
        "mqtt://guest:guest@localhost/%2f",
    ] {
        let refused = check_url(&Brokers::new(url));
        assert!(refused.is_err(), "{url}");
    }
    check_url(&Brokers::new("amqps://[::1]/%2f")).expect("a bracketed IPv6 address is fine");
}

#[tokio::test]
async fn order_survives_the_end_of_a_channel_with_unacknowledged_deliveries() {
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    for number in 0..30 {
        client.event(&settings, number).await;
    }
    let mut first = session.consume("one").await.expect("a consumer");
    let mut second = session.consume("two").await.expect("another");
    let taken = receive(&mut first, 10).await;
    assert_eq!(bodies(&taken), numbered(0..10));
    first
        .acknowledge_through(taken[4].tag)
        .await
        .expect("acknowledged");
    first.close().await.expect("closed");
    assert_eq!(bodies(&receive(&mut second, 25).await), numbered(5..30));
}

#[tokio::test]
async fn a_consumer_that_is_dropped_keeps_the_order_too() {
    let settings = settings();
    let session = open(&settings).await;
    let successor = open(&settings).await;
    let client = Client::connect().await;
    for number in 0..40 {
        client.event(&settings, number).await;
    }
    let mut first = session.consume("one").await.expect("a consumer");
    let mut second = successor.consume("two").await.expect("another");
    assert_eq!(receive(&mut first, 10).await.len(), 10);
    drop(first);
    assert_eq!(bodies(&receive(&mut second, 32).await), numbered(0..32));
}

#[tokio::test]
async fn a_second_consumer_gets_nothing_until_the_first_session_ends() {
    let settings = settings();
    let active = open(&settings).await;
    let standby = open(&settings).await;
    let client = Client::connect().await;
    let mut first = active.consume("active").await.expect("a consumer");
    let mut second = standby.consume("standby").await.expect("another");
    client.event(&settings, 0).await;
    assert_eq!(receive(&mut first, 1).await.len(), 1);
    let nothing = second.receive(10, QUIET).await.expect("the standby lives");
    assert_eq!(nothing, []);
    active.close().await;
    let taken = receive(&mut second, 1).await;
    assert_eq!(bodies(&taken), numbered(0..1));
    assert_eq!(taken[0].delivery_count, 1, "it was delivered once before");
    let over = first.receive(1, DEADLINE).await;
    assert!(matches!(over, Err(BrokerError::Lost(_))), "{over:?}");
}

#[tokio::test]
async fn acknowledging_through_a_tag_takes_all_before_it_and_none_behind() {
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    for number in 0..20 {
        client.event(&settings, number).await;
    }
    let mut consumer = session.consume("one").await.expect("a consumer");
    let taken = receive(&mut consumer, 20).await;
    assert!(taken.iter().all(|delivery| delivery.delivery_count == 0));
    consumer
        .acknowledge_through(taken[11].tag)
        .await
        .expect("acknowledged");
    let again = consumer.acknowledge_through(taken[11].tag).await;
    assert!(matches!(again, Err(BrokerError::Lost(_))), "{again:?}");
    consumer.close().await.expect("closed");
    let mut next = session.consume("two").await.expect("the next");
    assert_eq!(bodies(&receive(&mut next, 8).await), numbered(12..20));
}

#[tokio::test]
async fn no_more_than_two_batches_are_in_flight() {
    let settings = Amqp {
        batch: 3,
        ..settings()
    };
    let session = open(&settings).await;
    let client = Client::connect().await;
    for number in 0..10 {
        client.event(&settings, number).await;
    }
    let mut consumer = session.consume("one").await.expect("a consumer");
    assert_eq!(receive(&mut consumer, 6).await.len(), 6);
    assert_eq!(consumer.receive(10, QUIET).await.expect("alive"), []);
}

#[tokio::test]
async fn a_consumer_that_has_caught_up_goes_on_as_before_and_its_limit_stays() {
    let settings = Amqp {
        batch: 2,
        ..settings()
    };
    let session = open(&settings).await;
    let client = Client::connect().await;
    let mut consumer = session.consume("one").await.expect("a consumer");
    consumer.catch_up().await.expect("nothing to wait for");
    for number in 0..6 {
        client.event(&settings, number).await;
    }
    consumer.catch_up().await.expect("an answer");
    let got = receive(&mut consumer, 4).await;
    assert_eq!(bodies(&got), numbered(0..4));
    assert_eq!(consumer.receive(10, QUIET).await.expect("alive"), []);
    consumer
        .acknowledge_through(got[3].tag)
        .await
        .expect("settled");
    assert_eq!(bodies(&receive(&mut consumer, 2).await), numbered(4..6));
}

#[tokio::test]
async fn a_severed_session_hands_the_queue_over_at_once() {
    let settings = settings();
    let fenced = open(&settings).await;
    let standby = open(&settings).await;
    let client = Client::connect().await;
    let mut first = fenced.consume("fenced").await.expect("a consumer");
    let mut second = standby.consume("standby").await.expect("another");
    client.event(&settings, 0).await;
    let taken = receive(&mut first, 1).await;
    let began = Instant::now();
    fenced.sever();
    assert_eq!(bodies(&receive(&mut second, 1).await), numbered(0..1));
    // Far below two heartbeats, which is what a silent end would take.
    assert!(
        began.elapsed() < settings.heartbeat,
        "{:?}",
        began.elapsed()
    );
    let over = first.receive(1, DEADLINE).await;
    assert!(matches!(over, Err(BrokerError::Lost(_))), "{over:?}");
    let over = first.acknowledge_through(taken[0].tag).await;
    assert!(matches!(over, Err(BrokerError::Lost(_))), "{over:?}");
}

#[tokio::test]
async fn a_deleted_queue_ends_the_session() {
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    let mut consumer = session.consume("one").await.expect("a consumer");
    let options = QueueDeleteOptions::default();
    let queue = settings.events_queue.as_str();
    client
        .channel
        .queue_delete(queue.into(), options)
        .await
        .expect("deleted");
    let over = consumer.receive(1, DEADLINE).await;
    assert!(matches!(over, Err(BrokerError::Lost(_))), "{over:?}");
}

#[tokio::test]
async fn a_tick_comes_back_through_the_queue() {
    let settings = settings();
    let session = open(&settings).await;
    let mut consumer = session.consume("one").await.expect("a consumer");
    for round in 0..3_u8 {
        // One that is sent while the confirm of the one before is still on its way is left out.
        let deadline = Instant::now() + DEADLINE;
        let tick = loop {
            consumer.send_tick(vec![round]).await.expect("sent");
            let wait = Duration::from_millis(100);
            let tick = consumer.receive(1, wait).await.expect("it lives");
            match tick.first() {
                Some(found) if found.body == [round] => break tick,
                // Of the round before, sent twice.
                Some(found) => consumer
                    .acknowledge_through(found.tag)
                    .await
                    .expect("acknowledged"),
                None => {}
            }
            assert!(Instant::now() < deadline, "no tick came back");
        };
        assert_eq!(tick[0].message_type.as_deref(), Some("nodewarden.tick"));
        assert_eq!(tick[0].body, [round]);
        assert_eq!(tick[0].exchange, "");
        consumer
            .acknowledge_through(tick[0].tag)
            .await
            .expect("acknowledged");
    }
}

/// Sends probes until one comes back, which it returns, or is returned to us.
async fn probe(consumer: &mut nodewarden::broker::Consumer) -> Result<Delivery, String> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        consumer
            .send_probe(b"probe".to_vec())
            .await
            .expect("the session goes on");
        let wait = Duration::from_millis(100);
        let found = consumer.receive(1, wait).await.expect("it lives");
        if let Some(why) = consumer.returned_probe().expect("the session goes on") {
            return Err(why);
        }
        if let Some(found) = found.into_iter().next() {
            consumer
                .acknowledge_through(found.tag)
                .await
                .expect("acknowledged");
            return Ok(found);
        }
        assert!(Instant::now() < deadline, "no probe came back");
    }
}

/// Takes away what lies between conductors and the queue.
async fn break_the_way(client: &Client, settings: &Amqp, exchange_too: bool) {
    let (queue, exchange) = (
        settings.events_queue.as_str(),
        settings.events_exchange.as_str(),
    );
    if exchange_too {
        let options = ExchangeDeleteOptions::default();
        let deleted = client.channel.exchange_delete(exchange.into(), options);
        deleted.await.expect("deleted");
    } else {
        let key = "conductor.#".into();
        let none = FieldTable::default();
        let unbound = client
            .channel
            .queue_unbind(queue.into(), exchange.into(), key, none);
        unbound.await.expect("unbound");
    }
}

/// Probes again until one comes back: some may be on their way.
async fn comes_back(consumer: &mut nodewarden::broker::Consumer) -> Delivery {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match probe(consumer).await {
            Ok(back) => return back,
            Err(why) => assert!(Instant::now() < deadline, "{why}"),
        }
    }
}

/// Probes again until one is returned: some may be on their way.
async fn is_returned(consumer: &mut nodewarden::broker::Consumer) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match probe(consumer).await {
            Err(why) => return why,
            Ok(_) => assert!(Instant::now() < deadline, "probes still come back"),
        }
    }
}

#[tokio::test]
async fn l4_a_probe_that_finds_no_way_is_returned_and_the_way_is_made_again_in_the_same_session() {
    let settings = settings();
    let session = open(&settings).await;
    let mut consumer = session.consume("one").await.expect("a consumer");
    let client = Client::connect().await;
    let back = comes_back(&mut consumer).await;
    assert_eq!(back.message_type.as_deref(), Some("nodewarden.probe"));
    assert_eq!(back.routing_key, "conductor.probe");
    assert_eq!(back.exchange, settings.events_exchange);
    for (exchange_too, said) in [(false, "no queue is bound"), (true, "takes none from us")] {
        break_the_way(&client, &settings, exchange_too).await;
        let why = is_returned(&mut consumer).await;
        assert!(why.contains(said), "{why}");
        while consumer.repair().await.expect("the session goes on") {}
        comes_back(&mut consumer).await;
    }
}

#[tokio::test]
async fn without_leave_to_declare_a_way_that_is_gone_stays_gone_until_somebody_makes_it() {
    let declaring = settings();
    open(&declaring).await.close().await;
    let settings = Amqp {
        declare: false,
        ..declaring.clone()
    };
    let session = open(&settings).await;
    let mut consumer = session.consume("one").await.expect("a consumer");
    comes_back(&mut consumer).await;
    break_the_way(&Client::connect().await, &settings, false).await;
    is_returned(&mut consumer).await;
    consumer.repair().await.expect("the session goes on");
    is_returned(&mut consumer).await;
    open(&declaring).await.close().await;
    comes_back(&mut consumer).await;
}

#[tokio::test]
async fn a_refused_message_keeps_its_body_and_loses_every_property_that_could_harm() {
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    let body: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let mut headers = FieldTable::default();
    let events_queue = AMQPValue::LongString(settings.events_queue.as_str().into());
    let mut copies = lapin::types::FieldArray::default();
    copies.push(events_queue);
    headers.insert("CC".into(), AMQPValue::FieldArray(copies));
    headers.insert("note".into(), AMQPValue::LongString("kept".into()));
    let hostile = BasicProperties::default()
        .with_message_id("evil".into())
        .with_user_id("guest".into())
        .with_expiration("60000".into())
        .with_content_type("application/json".into())
        .with_headers(headers);
    let key = "conductor.joined";
    client
        .publish(&settings.events_exchange, key, hostile, &body)
        .await;
    let mut consumer = session.consume("one").await.expect("a consumer");
    // Once by the binding and once by CC: the broker delivers to a queue once.
    let taken = receive(&mut consumer, 1).await;
    assert_eq!(taken[0].user_id.as_deref(), Some("guest"));
    let refusal = Refused {
        tag: taken[0].tag,
        reason: "bad_field",
        detail: "line one\nline two".to_owned(),
    };
    consumer.refuse(&[refusal]).await.expect("refused");
    consumer
        .acknowledge_through(taken[0].tag)
        .await
        .expect("acknowledged");
    assert_eq!(consumer.receive(1, QUIET).await.expect("alive"), []);

    let letter = eventually("the letter", async || {
        client.get(&settings.dead_letters_queue).await
    })
    .await;
    assert_eq!(letter.data, body);
    let live = &letter.properties;
    assert_eq!(*live.user_id(), None);
    assert_eq!(*live.expiration(), None);
    assert_eq!(*live.delivery_mode(), Some(2));
    assert_eq!(
        live.kind().as_ref().map(|kind| kind.as_str()),
        Some("nodewarden.refused")
    );
    assert_ne!(
        live.message_id().as_ref().map(|id| id.as_str()),
        Some("evil")
    );
    let headers = live.headers().as_ref().expect("headers").inner().clone();
    assert!(!headers.contains_key("CC"));
    assert_eq!(
        headers["x-nodewarden-reason"],
        AMQPValue::LongString("bad_field".into())
    );
    assert_eq!(
        headers["x-nodewarden-detail"],
        AMQPValue::LongString("line one line two".into())
    );
    let AMQPValue::FieldTable(original) = &headers["x-nodewarden-original"] else {
        panic!("a table");
    };
    assert_eq!(
        original.inner()["user_id"],
        AMQPValue::LongString("guest".into())
    );
    assert_eq!(
        original.inner()["routing_key"],
        AMQPValue::LongString(key.into())
    );
    assert!(original.inner().contains_key("headers"));
    assert_eq!(client.waiting(&settings.events_queue).await, 0);
}

#[tokio::test]
async fn a_message_whose_headers_fill_a_frame_can_still_be_refused() {
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    let mut headers = FieldTable::default();
    headers.insert(
        "big".into(),
        AMQPValue::LongString("x".repeat(130_000).into()),
    );
    let properties = BasicProperties::default().with_headers(headers);
    client
        .publish(
            &settings.events_exchange,
            "conductor.left",
            properties,
            b"x",
        )
        .await;
    let mut consumer = session.consume("one").await.expect("a consumer");
    let tag = receive(&mut consumer, 1).await[0].tag;
    consumer
        .refuse(&[Refused {
            tag,
            reason: "no_id",
            detail: String::new(),
        }])
        .await
        .expect("refused");
    consumer
        .acknowledge_through(tag)
        .await
        .expect("acknowledged");
    eventually("the letter", async || {
        client.get(&settings.dead_letters_queue).await
    })
    .await;
}

#[tokio::test]
async fn every_message_of_a_mixed_window_gets_its_own_verdict() {
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    let good = format!("{}.good", settings.nodes_exchange);
    let full = format!("{}.full", settings.nodes_exchange);
    client
        .queue(&good, &[], Some((&settings.nodes_exchange, "node.good")))
        .await;
    let limits = [
        ("x-max-length", AMQPValue::LongInt(1)),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ];
    client
        .queue(
            &full,
            &limits,
            Some((&settings.nodes_exchange, "node.full")),
        )
        .await;
    client
        .publish("", &full, BasicProperties::default(), b"fills it")
        .await;
    let mut publisher = session.publisher().await.expect("a publisher");
    let keys = ["node.good", "node.nowhere", "node.full"];
    // More than one window, so that verdicts must not slip from one into the next.
    let messages: Vec<_> = (0..1200)
        .map(|number| {
            outgoing(
                &settings.nodes_exchange,
                keys[number % 7 % 3],
                &number.to_string(),
            )
        })
        .collect();
    let outcomes = publisher.publish(&messages).await.expect("answered");
    assert_eq!(outcomes.len(), messages.len());
    for (message, outcome) in messages.iter().zip(&outcomes) {
        let expected = match message.routing_key.as_str() {
            "node.good" => Published::Confirmed,
            "node.nowhere" => Published::Unroutable,
            _ => Published::Nacked,
        };
        assert_eq!(*outcome, expected, "message {}", message.message_id);
    }
    let mut last = None;
    while let Some(delivery) = client.get(&good).await {
        let id = delivery
            .properties
            .message_id()
            .as_ref()
            .expect("an id")
            .to_string();
        let number: usize = id.parse().expect("a number");
        assert!(last < Some(number), "{number} after {last:?}");
        assert_eq!(
            delivery
                .properties
                .app_id()
                .as_ref()
                .map(|app| app.as_str()),
            Some("nodewarden")
        );
        last = Some(number);
    }
    let good_ones = messages
        .iter()
        .filter(|message| message.routing_key == "node.good");
    assert_eq!(
        last.map(|number| number.to_string()),
        good_ones
            .max_by_key(|message| message.message_id.parse::<usize>().ok())
            .map(|message| message.message_id.clone())
    );
}

#[tokio::test]
async fn a_publisher_whose_connection_ends_says_that_it_does_not_know() {
    let settings = settings();
    let session = open(&settings).await;
    let mut publisher = session.publisher().await.expect("a publisher");
    session.sever();
    for _ in 0..2 {
        let message = outgoing(&settings.nodes_exchange, "node.x", "1");
        let outcome = publisher.publish(&[message]).await;
        assert!(matches!(outcome, Err(BrokerError::Lost(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_event_is_emitted_only_where_a_queue_wants_it() {
    let settings = settings();
    let session = open(&settings).await;
    let event = outgoing(&settings.events_exchange, "conductor.left", "e1");
    publish_event(&settings, event.clone())
        .await
        .expect("a queue is bound");
    let client = Client::connect().await;
    client
        .channel
        .queue_unbind(
            settings.events_queue.as_str().into(),
            settings.events_exchange.as_str().into(),
            "conductor.#".into(),
            FieldTable::default(),
        )
        .await
        .expect("unbound");
    let Err(BrokerError::Refused(text)) = publish_event(&settings, event).await else {
        panic!("no queue is bound any more");
    };
    assert!(text.contains("no queue is bound"), "{text}");
    let mut emitter = Emitter::open(&settings, "test").await.expect("an emitter");
    let nowhere = outgoing("no.such.exchange", "conductor.left", "e2");
    let outcome = emitter.publish(&[nowhere]).await;
    assert!(
        matches!(outcome, Err(BrokerError::Missing(_))),
        "{outcome:?}"
    );
    session.close().await;
}

#[tokio::test]
async fn a_subscriber_hears_what_is_announced() {
    let settings = settings();
    let session = open(&settings).await;
    let mut subscriber = Subscriber::open(&settings, "a listening test")
        .await
        .expect("a subscriber");
    let mut publisher = session.publisher().await.expect("a publisher");
    let message = outgoing(&settings.nodes_exchange, "node.position", "p1");
    publisher.publish(&[message]).await.expect("published");
    let heard = subscriber.receive(10, DEADLINE).await.expect("alive");
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].message_type.as_deref(), Some("node.position"));
    assert_eq!(heard[0].body, b"p1");
    subscriber.close().await;
}

/// Refuses the events `numbers` and returns the session.
async fn with_dead_letters(settings: &Amqp, numbers: std::ops::Range<usize>) -> Session {
    let session = open(settings).await;
    let client = Client::connect().await;
    let mut consumer = session.consume("one").await.expect("a consumer");
    for number in numbers.clone() {
        client.event(settings, number).await;
    }
    for delivery in receive(&mut consumer, numbers.len()).await {
        let refusal = Refused {
            tag: delivery.tag,
            reason: "test",
            detail: String::from_utf8_lossy(&delivery.body).into_owned(),
        };
        consumer.refuse(&[refusal]).await.expect("refused");
        consumer
            .acknowledge_through(delivery.tag)
            .await
            .expect("acknowledged");
    }
    consumer.close().await.expect("closed");
    session
}

#[tokio::test]
async fn looking_at_dead_letters_never_uses_them_up() {
    let settings = settings();
    open(&settings).await.close().await;
    // A policy would set the limit; as an argument it needs no tool beside the broker. Declaring
    // would now complain, so the rest of the test only checks.
    let client = Client::connect().await;
    let dead = settings.dead_letters_queue.as_str();
    let all = QueueDeleteOptions::default();
    client
        .channel
        .queue_delete(dead.into(), all)
        .await
        .expect("deleted");
    let limit = [
        ("x-queue-type", AMQPValue::LongString("quorum".into())),
        ("x-delivery-limit", AMQPValue::LongInt(2)),
    ];
    client.queue(dead, &limit, None).await;
    let settings = Amqp {
        declare: false,
        ..settings
    };
    let session = with_dead_letters(&settings, 0..5).await;
    let mut letters = DeadLetters::open(&settings)
        .await
        .expect("the dead letters");
    let first = letters.list().await.expect("listed");
    assert_eq!(first.len(), 5);
    for look in 1..=10 {
        assert_eq!(letters.list().await.expect("listed"), first, "look {look}");
        let shown = letters
            .show(&first[2].id)
            .await
            .expect("looked")
            .expect("there");
        assert_eq!(shown.body, b"m2");
        assert_eq!(shown.letter, first[2]);
    }
    let rival = DeadLetters::open(&settings).await;
    assert!(
        matches!(rival, Err(BrokerError::Refused(_))),
        "two walks at once"
    );
    letters.close().await;
    session.close().await;
}

#[tokio::test]
async fn letters_of_several_pages_keep_their_order() {
    let settings = Amqp {
        batch: 100,
        ..settings()
    };
    let session = with_dead_letters(&settings, 0..150).await;
    let mut letters = DeadLetters::open(&settings)
        .await
        .expect("the dead letters");
    for _ in 0..3 {
        let listed = letters.list().await.expect("listed");
        let details: Vec<_> = listed.into_iter().map(|letter| letter.detail).collect();
        assert_eq!(details, numbered(0..150));
    }
    letters.close().await;
    session.close().await;
}

#[tokio::test]
async fn a_requeued_letter_is_handled_like_new_and_a_discarded_one_is_gone() {
    let settings = settings();
    let session = with_dead_letters(&settings, 0..4).await;
    let mut letters = DeadLetters::open(&settings)
        .await
        .expect("the dead letters");
    let listed = letters.list().await.expect("listed");
    assert_eq!(listed[1].message_id.as_deref(), Some("m1"));
    assert_eq!(listed[1].routing_key, "conductor.heartbeat");
    assert_eq!(listed[1].reason, "test");
    let gone = letters
        .discard(&only(&listed[0].id))
        .await
        .expect("discarded");
    assert_eq!(gone, listed[..1]);
    let back = letters
        .requeue(&only(&listed[1].id), Foreign::Stays)
        .await
        .expect("requeued");
    assert_eq!(back.moved, listed[1..2]);
    assert_eq!(letters.list().await.expect("listed"), listed[2..]);
    assert_eq!(
        letters
            .requeue(&only("no such id"), Foreign::Stays)
            .await
            .expect("nothing to do"),
        Requeued::default()
    );
    letters
        .requeue(&Which::All, Foreign::Stays)
        .await
        .expect("requeued");
    assert_eq!(letters.list().await.expect("listed"), []);
    letters.close().await;
    let mut consumer = session.consume("two").await.expect("a consumer");
    let again = receive(&mut consumer, 3).await;
    assert_eq!(bodies(&again), numbered(1..4));
    assert_eq!(again[0].message_id.as_deref(), Some("m1"));
    assert_eq!(again[0].exchange, settings.events_exchange);
    assert_eq!(again[0].routing_key, "conductor.heartbeat");
    assert_eq!(again[0].message_type, None, "as it came");
    assert_eq!(again[0].delivery_count, 0);
}

/// Refuses all that waits in the events queue, with these reasons.
async fn refuse_all(session: &Session, reasons: &[&'static str]) {
    let mut consumer = session.consume("refusing").await.expect("a consumer");
    let deliveries = receive(&mut consumer, reasons.len()).await;
    for (delivery, reason) in deliveries.iter().zip(reasons) {
        let refusal = Refused {
            tag: delivery.tag,
            reason,
            detail: "no".into(),
        };
        consumer.refuse(&[refusal]).await.expect("refused");
        consumer
            .acknowledge_through(delivery.tag)
            .await
            .expect("acknowledged");
    }
    consumer.close().await.expect("closed");
}

#[tokio::test]
async fn no_tick_and_no_probe_goes_back_and_a_foreign_publisher_only_by_its_id_and_as_me() {
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    let unknown = Reason::UnknownType.as_str();
    let foreign = Reason::ForeignPublisher.as_str();
    for (id, message_type, key) in [
        ("tick", Some("nodewarden.tick"), "conductor.joined"),
        ("probe", Some("nodewarden.probe"), "conductor.left"),
        ("bare probe", None, "conductor.probe"),
        ("foreign", Some("conductor.left"), "conductor.left"),
        ("bare", None, "conductor.joined"),
    ] {
        let mut properties = BasicProperties::default().with_message_id(id.into());
        if let Some(message_type) = message_type {
            properties = properties.with_type(message_type.into());
        }
        client
            .publish(&settings.events_exchange, key, properties, id.as_bytes())
            .await;
    }
    refuse_all(&session, &[unknown, unknown, unknown, foreign, "test"]).await;

    let mut letters = DeadLetters::open(&settings).await.expect("the letters");
    let listed = letters.list().await.expect("listed");
    let done = letters
        .requeue(&Which::All, Foreign::Stays)
        .await
        .expect("requeued");
    assert_eq!(done.moved, listed[4..]);
    let kept = |what: &[Kept]| -> Vec<_> { listed.iter().cloned().zip(what.to_vec()).collect() };
    let own = [Kept::OurOwn; 3];
    assert_eq!(
        done.kept,
        kept(&[own[0], own[1], own[2], Kept::Foreign]),
        "all"
    );
    assert_eq!(letters.list().await.expect("listed"), listed[..4]);
    let ids: HashSet<String> = listed.iter().map(|letter| letter.id.clone()).collect();
    let done = letters
        .requeue(&Which::Ids(ids), Foreign::AsMe)
        .await
        .expect("requeued");
    assert_eq!(done.moved, listed[3..4]);
    assert_eq!(done.kept, kept(&own), "by id");
    letters.close().await;

    let mut consumer = session.consume("two").await.expect("a consumer");
    let again = receive(&mut consumer, 2).await;
    let told: Vec<_> = again
        .iter()
        .map(|delivery| {
            (
                delivery.message_id.as_deref().expect("an id"),
                delivery.exchange.as_str(),
                delivery.routing_key.as_str(),
                delivery.message_type.as_deref(),
                delivery.user_id.as_deref(),
            )
        })
        .collect();
    let exchange = settings.events_exchange.as_str();
    let me = Some("guest");
    assert_eq!(
        told,
        [
            ("bare", exchange, "conductor.joined", None, me),
            (
                "foreign",
                exchange,
                "conductor.left",
                Some("conductor.left"),
                me
            ),
        ]
    );
}

#[tokio::test]
async fn letters_that_cannot_go_back_stay_and_leftovers_of_a_crash_are_dropped() {
    let settings = settings();
    let session = with_dead_letters(&settings, 0..3).await;
    session.close().await;
    let client = Client::connect().await;
    let queue = settings.events_queue.as_str();
    client
        .channel
        .queue_delete(queue.into(), QueueDeleteOptions::default())
        .await
        .expect("deleted");
    // What a crash leaves between the copy's confirm and the original's end: both.
    let twin = client
        .get(&settings.dead_letters_queue)
        .await
        .expect("a letter");
    for _ in 0..2 {
        let properties = twin.properties.clone();
        client
            .publish("", &settings.dead_letters_queue, properties, &twin.data)
            .await;
    }
    let mut letters = DeadLetters::open(&settings)
        .await
        .expect("the dead letters");
    let stuck = letters
        .requeue(&Which::All, Foreign::Stays)
        .await
        .expect("nothing is lost");
    assert_eq!(stuck.moved, []);
    let why: Vec<_> = stuck.kept.iter().map(|(_, why)| *why).collect();
    assert_eq!(why, [Kept::Unroutable; 3]);
    let listed = letters.list().await.expect("listed");
    let mut ids: Vec<_> = listed
        .iter()
        .filter_map(|letter| letter.message_id.clone())
        .collect();
    ids.sort();
    assert_eq!(ids, numbered(0..3));
    letters.close().await;
    assert_eq!(client.waiting(&settings.dead_letters_queue).await, 3);
}

#[tokio::test]
async fn what_the_broker_itself_dead_lettered_is_shown_like_a_letter() {
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    let expiring = format!("{}.expiring", settings.events_queue);
    let arguments = [
        ("x-dead-letter-exchange", AMQPValue::LongString("".into())),
        (
            "x-dead-letter-routing-key",
            AMQPValue::LongString(settings.dead_letters_queue.as_str().into()),
        ),
    ];
    client
        .queue(
            &expiring,
            &arguments,
            Some((&settings.events_exchange, "conductor.left")),
        )
        .await;
    let properties = BasicProperties::default()
        .with_message_id("slow".into())
        .with_expiration("1".into());
    client
        .publish(
            &settings.events_exchange,
            "conductor.left",
            properties,
            b"late",
        )
        .await;
    let mut letters = DeadLetters::open(&settings)
        .await
        .expect("the dead letters");
    let deadline = Instant::now() + DEADLINE;
    let letter = loop {
        if let Some(letter) = letters.list().await.expect("listed").pop() {
            break letter;
        }
        assert!(Instant::now() < deadline, "it never expired");
    };
    assert_eq!(letter.reason, "broker_expired");
    assert_eq!(letter.message_id.as_deref(), Some("slow"));
    assert_eq!(letter.routing_key, "conductor.left");
    let listed = letters.list().await.expect("listed");
    assert_eq!(listed, std::slice::from_ref(&letter));
    // No replica has judged whether its publisher may say that: it does not become the operator's word.
    let done = letters
        .requeue(&Which::All, Foreign::Stays)
        .await
        .expect("looked at");
    assert_eq!(done.moved, []);
    let expected = [(letter.clone(), Kept::Unjudged)];
    assert_eq!(done.kept, expected);
    let done = letters
        .requeue(&Which::Ids([letter.id.clone()].into()), Foreign::AsMe)
        .await
        .expect("requeued");
    assert_eq!((done.moved, done.kept), (vec![letter], Vec::new()));
    letters.close().await;
    session.close().await;
}

/// In RabbitMQ 3.10 a channel that publishes first just after a queue has lost its leader is refused for as long as
/// that is away.
#[tokio::test]
async fn a_bridge_that_is_refused_speaks_on_a_fresh_connection_next() {
    let settings = settings();
    let _session = open(&settings).await;
    let client = Client::connect().await;
    let full = format!("{}.full", settings.events_queue);
    let arguments = [
        ("x-max-length", AMQPValue::LongInt(0)),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ];
    let bound = (settings.events_exchange.as_str(), "conductor.left");
    client.queue(&full, &arguments, Some(bound)).await;
    let mut voice = BrokerVoice::new(&settings);
    voice.open().await.expect("a session");
    for (key, fate, goes_on) in [
        ("conductor.joined", Published::Confirmed, true),
        ("conductor.left", Published::Nacked, false),
    ] {
        let message = outgoing(&settings.events_exchange, key, key);
        let said = voice.publish(std::slice::from_ref(&message)).await;
        assert_eq!(said.expect("an answer"), [fate]);
        let again = voice.publish(&[]).await;
        assert_eq!(again.is_ok(), goes_on, "{again:?}");
    }
    voice.open().await.expect("a fresh one");
    assert_eq!(voice.publish(&[]).await.expect("an answer"), []);
    voice.close().await;
}

#[tokio::test]
async fn what_the_broker_moved_here_says_when_and_what_went_straight_to_the_queue_may_be_put_back()
{
    const EVENTS: &str = "nodewarden.conductor-events";
    let settings = settings();
    let session = open(&settings).await;
    let client = Client::connect().await;
    let text = |text: &str| AMQPValue::LongString(text.into());
    let mut death = FieldTable::default();
    death.insert("reason".into(), text("expired"));
    death.insert("queue".into(), text(EVENTS));
    death.insert("exchange".into(), text(""));
    death.insert("time".into(), AMQPValue::Timestamp(1_700_000_000));
    let mut keys = lapin::types::FieldArray::default();
    keys.push(text(EVENTS));
    death.insert("routing-keys".into(), AMQPValue::FieldArray(keys));
    let mut deaths = lapin::types::FieldArray::default();
    deaths.push(AMQPValue::FieldTable(death));
    let mut headers = FieldTable::default();
    headers.insert("x-first-death-reason".into(), text("expired"));
    headers.insert("x-death".into(), AMQPValue::FieldArray(deaths));
    let properties = BasicProperties::default()
        .with_message_id("old".into())
        .with_type("conductor.left".into())
        .with_headers(headers);
    client
        .publish("", &settings.dead_letters_queue, properties, b"{}")
        .await;
    let mut letters = DeadLetters::open(&settings)
        .await
        .expect("the dead letters");
    let letter = letters.list().await.expect("listed").pop();
    let letter = letter.expect("a letter");
    assert_eq!(letter.refused_at_s, 1_700_000_000);
    assert_eq!(letter.routing_key, EVENTS);
    let again = letters.list().await.expect("listed");
    assert_eq!(again, std::slice::from_ref(&letter));
    // It is an event, though its routing key is our queue's name; no queue is bound for that.
    let done = letters
        .requeue(&Which::Ids([letter.id.clone()].into()), Foreign::AsMe)
        .await
        .expect("looked at");
    let kept: Vec<_> = done.kept.iter().map(|(_, why)| *why).collect();
    assert_eq!((done.moved, kept), (Vec::new(), vec![Kept::Unroutable]));
    letters.close().await;
    session.close().await;
}

/// A quorum queue's client in the broker holds back acknowledgements while too many are under way,
/// and forgets them when the channel ends.
#[tokio::test]
async fn many_letters_are_gone_when_discard_says_so_and_once_when_they_stay() {
    let settings = settings();
    let dead = settings.dead_letters_queue.as_str();
    open(&settings).await.close().await;
    let client = Client::connect().await;
    for round in 0..4 {
        for number in 0..43 {
            let id = format!("{round}-{number}");
            let properties = BasicProperties::default().with_message_id(id.into());
            client.publish("", dead, properties, b"x").await;
        }
        let mut letters = DeadLetters::open(&settings)
            .await
            .expect("the dead letters");
        if round % 2 == 0 {
            assert_eq!(letters.list().await.expect("listed").len(), 43);
            letters.close().await;
            letters = DeadLetters::open(&settings)
                .await
                .expect("the dead letters");
            assert_eq!(client.waiting(dead).await, 43, "looking leaves no copies");
        }
        let discarded = letters.discard(&Which::All).await.expect("discarded");
        assert_eq!(discarded.len(), 43);
        letters.close().await;
        let mut letters = DeadLetters::open(&settings)
            .await
            .expect("the dead letters");
        assert_eq!(letters.list().await.expect("listed"), []);
        letters.close().await;
    }
}
