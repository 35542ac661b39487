//! What the relay does with a broker that refuses or blocks: nothing is given up that a fresh
//! channel or connection would carry (I4, L4).

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use nodewarden::broker::Unpublished;
use nodewarden::message::Outgoing;
use nodewarden::store::{Outbox, StoreError};
use nodewarden::wire;
use nodewarden::worker::ports::Clock;
use nodewarden_tests::between::{Between, Call, Hook};

use crate::flaky::passing;
use crate::harness::{Ends, Nacks, SimSubscriber, Simulation, Worker};

/// How long fresh channels and connections are tried before a message is passed by.
const PATIENCE: Duration = Duration::from_secs(30);

/// The same for one that is not answered.
const SILENCE: Duration = Duration::from_secs(90);

/// A worker that has taken out five nodes, each with an announcement of its own that waits.
async fn five_waiting() -> (Simulation, Worker, Vec<Outgoing>) {
    let mut sim = Simulation::new().await;
    sim.rules.nodes_per_message = 1;
    sim.nodes("a", 5).await;
    let mut worker = sim.active().await;
    let quiet = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &quiet);
    while relay.step().await.unwrap() > 0 {}
    let gone = sim.announcements().await.len();
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    let waiting: Vec<Outgoing> = sim.announcements().await[gone..]
        .iter()
        .map(|announcement| wire::encode(announcement, "node.events"))
        .collect();
    assert!(waiting.len() >= 5, "{}", waiting.len());
    (sim, worker, waiting)
}

/// Every message once, as a subscriber keeps them, in the order of their first arrival.
fn kept(got: &[Outgoing]) -> Vec<Outgoing> {
    let mut kept: Vec<Outgoing> = Vec::new();
    for message in got {
        if !kept.iter().any(|one| one.message_id == message.message_id) {
            kept.push(message.clone());
        }
    }
    kept
}

/// A repeat has the same properties and bytes.
fn assert_repeats_alike(subscriber: &SimSubscriber) {
    let mut first: BTreeMap<String, Outgoing> = BTreeMap::new();
    for (_, message) in subscriber.tried() {
        let one = first
            .entry(message.message_id.clone())
            .or_insert_with(|| message.clone());
        assert_eq!(*one, message);
    }
}

#[tokio::test]
async fn i4_what_one_channel_refuses_goes_out_at_once_on_a_fresh_one() {
    let (sim, worker, waiting) = five_waiting().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    subscriber.nack(Nacks::ChannelsTo(0));
    let before = sim.clock.now().mono;
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(kept(&subscriber.got()), waiting);
    assert_eq!(sim.clock.now().mono, before, "it paused");
    let (way, _) = subscriber.tried().pop().unwrap();
    assert_eq!((way.connection, way.channel), (0, 1));
    assert_eq!(*relay.trouble().borrow(), None);
    assert_repeats_alike(&subscriber);
}

#[tokio::test]
async fn i4_what_all_channels_of_a_connection_refuse_goes_out_at_once_on_a_fresh_connection() {
    let (sim, worker, waiting) = five_waiting().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    subscriber.nack(Nacks::ConnectionsTo(0));
    let before = sim.clock.now().mono;
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(kept(&subscriber.got()), waiting);
    assert_eq!(sim.clock.now().mono, before, "it paused");
    let (way, _) = subscriber.tried().pop().unwrap();
    assert_eq!((way.connection, way.channel), (1, 2));
    assert_repeats_alike(&subscriber);
}

#[tokio::test]
async fn i4_a_message_that_fresh_ones_refuse_for_good_is_passed_by_alone_and_the_rest_is_confirmed()
{
    let (sim, worker, mut waiting) = five_waiting().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    let refused = waiting.remove(2).message_id;
    subscriber.nack(Nacks::Messages(vec![refused.clone()]));
    let began = sim.clock.now().mono;
    assert_eq!(relay.step().await.unwrap(), 2, "those before it");
    while relay.step().await.unwrap() == 0 {
        assert_eq!(
            relay.trouble().borrow().as_deref(),
            Some("the broker refuses announcements on fresh connections too")
        );
    }
    let took = sim.clock.now().mono.since(began);
    assert!(took >= PATIENCE && took < PATIENCE * 2, "{took:?}");
    assert_eq!(
        relay.trouble().borrow().as_deref(),
        Some("the broker refuses announcements: 1 message was passed by")
    );
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(*relay.trouble().borrow(), None, "it is over");
    assert_eq!(kept(&subscriber.got()), waiting);
    let left = sim.reader.overview().await.unwrap().announced;
    assert_eq!(left, sim.announcements().await.last().unwrap().number);
    assert_repeats_alike(&subscriber);
}

#[tokio::test]
async fn i4_the_patience_for_a_refused_message_begins_with_that_message() {
    let (sim, worker, waiting) = five_waiting().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    let id = |at: usize| waiting[at].message_id.clone();
    subscriber.nack(Nacks::Messages(vec![id(1), id(3)]));
    let began = sim.clock.now().mono;
    assert_eq!(relay.step().await.unwrap(), 1, "the first one");
    while sim.clock.now().mono.since(began) < PATIENCE - Duration::from_secs(5) {
        assert_eq!(relay.step().await.unwrap(), 0);
    }
    // A full queue has room again for a moment.
    subscriber.nack(Nacks::Messages(vec![id(3)]));
    let taken = sim.clock.now().mono;
    let mut out = 1;
    while out < 4 {
        out += relay.step().await.unwrap();
    }
    let took = sim.clock.now().mono.since(taken);
    assert!(took >= PATIENCE && took < PATIENCE * 2, "{took:?}");
    assert_repeats_alike(&subscriber);
}

#[tokio::test]
async fn i4_while_everything_is_refused_each_message_is_tried_on_fresh_ones_and_passed_by_alone() {
    let (sim, worker, waiting) = five_waiting().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    subscriber.refuse(true);
    let began = sim.clock.now().mono;
    let mut passed = Vec::new();
    while passed.len() < 3 {
        let so_far = subscriber.tried().len();
        let done = relay.step().await.unwrap();
        assert!(done <= 1, "{done} at once");
        if done == 1 {
            let tries = subscriber.tried().split_off(so_far);
            let channels: Vec<u32> = tries.iter().map(|(way, _)| way.channel).collect();
            assert!(channels.last() > channels.first(), "{channels:?}");
            for (_, message) in &tries {
                assert_eq!(*message, waiting[passed.len()]);
            }
            passed.push(sim.clock.now().mono.since(began));
        }
    }
    assert!(passed[0] >= PATIENCE, "{passed:?}");
    assert!(passed[2] < PATIENCE * 2, "one patience for all: {passed:?}");
    // Confirms went on: what the broker takes again is not passed by.
    subscriber.refuse(false);
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(kept(&subscriber.got()), waiting[3..]);
    assert_eq!(*relay.trouble().borrow(), None);
    assert_repeats_alike(&subscriber);
}

/// The third of five ends its channel like this, each time and for good: after how long it was passed by.
async fn passed_by_alone(why: Unpublished) -> Duration {
    let (sim, worker, mut waiting) = five_waiting().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    let ended = waiting.remove(2).message_id;
    let said = format!("announcements wait: {why}");
    subscriber.end(Some((Ends::Messages(vec![ended.clone()]), why)));
    let began = sim.clock.now().mono;
    assert_eq!(relay.step().await.unwrap(), 1, "those before it, alone");
    assert_eq!(relay.step().await.unwrap(), 1, "those before it, alone");
    while relay.step().await.unwrap() == 0 {
        assert_eq!(relay.trouble().borrow().as_deref(), Some(said.as_str()));
    }
    let took = sim.clock.now().mono.since(began);
    assert_eq!(
        relay.trouble().borrow().as_deref(),
        Some("the broker refuses announcements: 1 message was passed by")
    );
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(*relay.trouble().borrow(), None, "it is over");
    assert_eq!(kept(&subscriber.got()), waiting);
    let left = sim.reader.overview().await.unwrap().announced;
    assert_eq!(left, sim.announcements().await.last().unwrap().number);
    assert_repeats_alike(&subscriber);
    took
}

#[tokio::test]
async fn i4_l4_a_message_that_the_broker_closes_each_channel_for_is_passed_by_alone() {
    let took = passed_by_alone(Unpublished::Refused("message size 70000".into())).await;
    assert!(took >= PATIENCE && took < PATIENCE * 2, "{took:?}");
}

#[tokio::test]
async fn i4_l4_a_message_that_is_never_answered_is_passed_by_alone_once_a_cluster_would_have_healed()
 {
    let took = passed_by_alone(Unpublished::Unanswered("no answer".into())).await;
    assert!(took >= SILENCE && took < SILENCE + PATIENCE, "{took:?}");
}

#[tokio::test]
async fn i4_l4_without_the_right_to_write_or_a_connection_all_waits_and_nothing_is_passed_by() {
    for why in [
        Unpublished::Forbidden("ACCESS_REFUSED".into()),
        Unpublished::Disconnected("connection reset".into()),
    ] {
        let (sim, worker, waiting) = five_waiting().await;
        let subscriber = SimSubscriber::default();
        let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
        subscriber.end(Some((Ends::Everything, why)));
        let began = sim.clock.now().mono;
        while sim.clock.now().mono.since(began) < Duration::from_secs(3600) {
            assert_eq!(relay.step().await.unwrap(), 0);
        }
        subscriber.end(None);
        while relay.step().await.unwrap() > 0 {}
        assert_eq!(kept(&subscriber.got()), waiting);
        assert_eq!(*relay.trouble().borrow(), None, "it is over");
    }
}

#[tokio::test]
async fn only_what_the_broker_refuses_counts_as_rejected() {
    for (why, rejected) in [
        (Unpublished::Refused("message size 70000".into()), true),
        (Unpublished::Unanswered("no answer".into()), false),
        (Unpublished::Forbidden("ACCESS_REFUSED".into()), false),
        (Unpublished::NoExchange("NOT_FOUND".into()), false),
        (Unpublished::Disconnected("connection reset".into()), false),
    ] {
        let (sim, worker, _) = five_waiting().await;
        let subscriber = SimSubscriber::default();
        let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
        let said = format!("{why:?}");
        subscriber.end(Some((Ends::Everything, why)));
        let recorder = PrometheusBuilder::new().build_recorder();
        let counting = metrics::set_default_local_recorder(&recorder);
        let _ = relay.step().await;
        drop(counting);
        let counted = recorder.handle().render();
        let counts = counted.contains("\nnodewarden_nacked_messages_total ");
        assert_eq!(counts, rejected, "{said}: {counted}");
    }
}

#[tokio::test]
async fn l4_a_missing_exchange_is_for_a_new_session_to_make() {
    let (sim, worker, _) = five_waiting().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    let gone = Unpublished::NoExchange("NOT_FOUND".into());
    subscriber.end(Some((Ends::Everything, gone)));
    let end = relay.step().await.unwrap_err();
    assert_eq!(end.to_string(), "relay: NOT_FOUND");
}

#[tokio::test]
async fn l4_while_the_broker_blocks_us_the_relay_waits_and_says_so_and_ends_no_session() {
    let (sim, worker, waiting) = five_waiting().await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    subscriber.block(true);
    let began = sim.clock.now().mono;
    while sim.clock.now().mono.since(began) < Duration::from_secs(3600) {
        assert_eq!(relay.step().await.unwrap(), 0);
        assert_eq!(
            relay.trouble().borrow().as_deref(),
            Some("the broker blocks publishers: low on memory")
        );
    }
    subscriber.block(false);
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(subscriber.got(), waiting);
    assert_eq!(*relay.trouble().borrow(), None);
}

/// A database that gives the relay no connection for as long as this says.
struct Full(Arc<AtomicBool>);

impl<O: Outbox> Hook<O> for Full {
    async fn around<T: Any>(
        &mut self,
        inner: &mut O,
        _call: Call<'_>,
        happens: impl AsyncFnOnce(&mut O) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(passing("connecting"));
        }
        happens(inner).await
    }
}

#[tokio::test]
async fn l4_a_relay_that_cannot_open_its_own_connection_to_the_database_says_so_until_it_can() {
    let (sim, worker, waiting) = five_waiting().await;
    let subscriber = SimSubscriber::default();
    let full = Arc::new(AtomicBool::new(true));
    let outbox = Between {
        inner: sim.outbox(),
        hook: Full(Arc::clone(&full)),
    };
    let epoch = worker.decider.epoch().unwrap();
    let mut relay = sim.relay_from(outbox, epoch, &subscriber);
    let began = sim.clock.now().mono;
    while sim.clock.now().mono.since(began) < Duration::from_secs(3600) {
        assert_eq!(relay.step().await.unwrap(), 0);
        let said = relay.trouble().borrow().clone().unwrap();
        assert!(said.starts_with("announcements wait: connecting"), "{said}");
    }
    full.store(false, Ordering::Relaxed);
    while relay.step().await.unwrap() > 0 {}
    assert_eq!(subscriber.got(), waiting);
    assert_eq!(*relay.trouble().borrow(), None, "it is over");
}
