//! Schedules that once went wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nodewarden_tests::database::Kind;

use crate::flaky::{self, Goes, Plan, passing};
use crate::harness::{SimSubscriber, Simulation, assert_contiguous};

const S: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test]
async fn a_short_stall_every_minute_does_not_keep_silence_from_being_judged() {
    let mut sim = Simulation::new().await;
    sim.rules.batch = 1;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined_watched("c1", 1, &["a"], S(10));
    sim.settle(&mut worker).await;
    // c1 is dead from here on. Now and then a step takes a little over a second, with the own tick
    // still behind it in the queue.
    for _ in 0..5 {
        sim.pass(&mut worker, 50).await;
        sim.beat("somebody else", 1);
        sim.clock.advance(S(1));
        worker.step().await;
        sim.clock.advance(Duration::from_millis(1200));
        sim.settle(&mut worker).await;
    }
    assert_eq!(sim.decisions().await, ["a lost by c1 silence, 1 nodes"]);
}

#[tokio::test]
async fn what_can_come_again_after_a_long_outage_is_not_forgotten_before_it_comes() {
    let mut sim = Simulation::new().await;
    sim.rules.keeping.events = S(3600);
    sim.nodes("a", 1).await;
    sim.joined("c1", 1, &["a"]);
    sim.timed_out("c1", 1);
    sim.joined("c1", 1, &["a"]);
    let mut first = sim.join().await;
    sim.queue.partition_before_ack(first.session);
    assert!(first.decider.step().await.is_err());
    let once = ["a lost by c1 e2", "a restored by c1 e3"];
    assert_eq!(causes(&sim).await, once);
    // Nobody decides for longer than events are remembered; then they come one by one.
    sim.clock.advance(S(7200));
    sim.rules.batch = 1;
    sim.active().await;
    assert_eq!(sim.queue.events_left(), 0);
    assert_eq!(causes(&sim).await, once);
    assert_eq!(
        sim.text("SELECT count(*) FROM nodewarden_events").await,
        "3"
    );
}

async fn causes(sim: &Simulation) -> Vec<String> {
    let decisions = sim.decisions().await;
    let cause = |decision: &String| decision.split(',').next().unwrap().to_owned();
    decisions.iter().map(cause).collect()
}

#[tokio::test]
async fn a_user_s_long_transaction_does_not_end_the_relay() {
    let sim = Simulation::new().await;
    sim.nodes("a", 1).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    let lock = sim.lock().await;
    relay.step().await.unwrap();
    let once = subscriber.got();
    lock.undo().await;
    while relay.step().await.unwrap() > 0 {}
    let all = sim.announcements().await;
    assert_contiguous(&all);
    let got = subscriber.got();
    assert_eq!(got[..once.len()], once[..]);
    assert!(
        got.ends_with(&once),
        "what was not recorded is repeated, and the same"
    );
    assert_eq!(sim.reader.overview().await.unwrap().announced, 2);
    assert_eq!(all.len(), 2, "a position and one message");
}

#[tokio::test]
async fn a_queue_that_rejects_for_good_delays_announcements_by_thirty_seconds_once() {
    let mut sim = Simulation::new().await;
    sim.rules.nodes_per_message = 1;
    sim.nodes("a", 200).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    let subscriber = SimSubscriber::default();
    subscriber.refuse(true);
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    let began = sim.now();
    let all = sim.reader.overview().await.unwrap().last_announcement;
    assert!(all > 200);
    while sim.reader.overview().await.unwrap().announced < all {
        relay.step().await.unwrap();
        assert!(sim.now().since(began) < S(40), "still not through");
    }
    assert!(sim.now().since(began) >= S(30));
    // Once the queue takes messages again, a refusal is a refusal again.
    subscriber.refuse(false);
    sim.joined("c1", 2, &["a"]);
    sim.settle(&mut worker).await;
    while relay.step().await.unwrap() > 0 {}
    subscriber.refuse(true);
    sim.left("c1", 2);
    sim.settle(&mut worker).await;
    assert_eq!(relay.step().await.unwrap(), 0);
}

#[tokio::test]
async fn a_pair_s_return_gives_back_its_own_holds_and_looks_at_no_other() {
    let mut sim = Simulation::new().await;
    sim.rules.chunk_nodes = 3;
    for driver in ["a", "b", "c"] {
        sim.nodes(driver, 7).await;
    }
    // Uuids of all pairs mixed.
    sim.sql("UPDATE nodes SET uuid = concat(substr(uuid, 3), substr(uuid, 1, 1))")
        .await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a", "b", "c"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await.len(), 21);
    // By hand, between two sweeps: not the business of b's return.
    sim.sql("UPDATE nodes SET service_state = 'in_service' WHERE driver = 'a'")
        .await;
    sim.joined("c2", 1, &["b"]);
    sim.settle(&mut worker).await;
    let out = sim.out().await;
    assert!(out.iter().all(|uuid| !uuid.ends_with('b')), "{out:?}");
    assert_eq!(out.len(), 14);
    assert_eq!(
        sim.list(
            "SELECT DISTINCT driver FROM nodes WHERE service_state = 'in_service' ORDER BY driver"
        )
        .await,
        ["a", "b"]
    );
    sim.pass(&mut worker, 61).await;
    assert_eq!(
        sim.list("SELECT DISTINCT driver FROM nodes WHERE service_state = 'in_service'")
            .await,
        ["b"]
    );
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn the_statements_of_a_pair_use_an_index() {
    let sim = Simulation::new().await;
    let indexes = sim
        .list(match sim.kind() {
            Kind::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'index'",
            Kind::Postgres => "SELECT indexname::text FROM pg_indexes",
            Kind::MySql => {
                "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = database()"
            }
        })
        .await;
    for index in ["nodes_pair", "decisions_pair", "changes_holds"] {
        assert!(
            indexes.contains(&format!("nodewarden_{index}")),
            "{indexes:?}"
        );
    }
}

#[tokio::test]
async fn a_flapping_pair_does_not_starve_another() {
    let mut sim = Simulation::new().await;
    sim.rules.chunk_nodes = 1;
    sim.nodes("a", 5).await;
    sim.nodes("b", 5).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.joined("c2", 1, &["b"]);
    sim.left("c2", 1);
    sim.settle(&mut worker).await;
    sim.joined("c2", 2, &["b"]);
    for n in 1..60 {
        sim.left("c1", n);
        worker.step().await;
        sim.joined("c1", n + 1, &["a"]);
        worker.step().await;
    }
    assert!(
        !sim.out().await.iter().any(|uuid| uuid.starts_with('b')),
        "{:?}",
        sim.out().await
    );
}

/// Loses the reply to the next commit, once `lose_next` says so: it happened, and the decider does not
/// know.
pub fn losing(lose_next: &Arc<AtomicBool>) -> Plan {
    let lose_next = Arc::clone(lose_next);
    Box::new(move |call| match call.op {
        "commit" if lose_next.swap(false, Ordering::Relaxed) => {
            Goes::After(passing("commit a batch of events"))
        }
        _ => Goes::Well,
    })
}

#[tokio::test]
async fn a_lost_reply_to_a_commit_doubles_no_decision_and_leaves_no_node_behind() {
    // After how many windows of the loss, and of the walk over all holds, the restore comes.
    for (windows_of_loss, windows_of_sweep) in [(2, 0), (10, 0), (10, 3), (10, 5), (10, 8)] {
        let mut sim = Simulation::new().await;
        sim.rules.chunk_nodes = 10;
        sim.nodes("a", 35).await;
        let lose_next = Arc::new(AtomicBool::new(false));
        let mut decider = flaky::join(&sim, losing(&lose_next)).await;
        for _ in 0..5 {
            decider.step().await.unwrap();
        }
        sim.joined("c1", 1, &["a"]);
        sim.left("c1", 1);
        for _ in 0..windows_of_loss {
            decider.step().await.unwrap();
        }
        if windows_of_sweep > 0 {
            sim.clock.advance(S(61));
            for _ in 0..windows_of_sweep {
                decider.step().await.unwrap();
            }
        }
        let began = sim.now();
        lose_next.store(true, Ordering::Relaxed);
        sim.joined("c1", 2, &["a"]);
        for _ in 0..30 {
            decider.step().await.unwrap();
        }
        assert!(!lose_next.load(Ordering::Relaxed));
        assert!(sim.now().since(began) < S(30), "no sweep came to help");
        assert_eq!(
            sim.out().await,
            Vec::<String>::new(),
            "{windows_of_loss} {windows_of_sweep}"
        );
        let causes = causes(&sim).await;
        assert_eq!(causes, ["a lost by c1 e2", "a restored by c1 e3"]);
        assert_eq!(sim.queue.events_left(), 0);
        assert_contiguous(&sim.announcements().await);
    }
}

/// Keeps what the watchdog would be told.
#[derive(Default)]
struct Words(std::sync::Mutex<Vec<String>>);

impl nodewarden::store::TransactionWatch for Words {
    fn entered(&self, writer: nodewarden::store::Writer, doing: &'static str) {
        self.0
            .lock()
            .unwrap()
            .push(format!("{writer:?} entered: {doing}"));
    }
    fn left(&self, writer: nodewarden::store::Writer) {
        self.0.lock().unwrap().push(format!("{writer:?} left"));
    }
}

#[tokio::test]
async fn i9_a_relay_that_is_dropped_inside_its_transaction_is_not_watched_any_more() {
    use nodewarden::store::Outbox;
    let sim = Simulation::new().await;
    // A fast answer may let it go on to its end within one look.
    for _ in 0..20 {
        let words = Arc::new(Words::default());
        let told = || words.0.lock().unwrap().clone();
        let mut outbox = nodewarden::store::SqlOutbox::new(&sim.database, words.clone()).unwrap();
        {
            let mut recording = std::pin::pin!(outbox.announced(0, 0, 0));
            while told().is_empty() {
                // One look at a time, so that it stands still right after it has entered.
                let done = std::future::poll_fn(|context| {
                    std::task::Poll::Ready(recording.as_mut().poll(context).is_ready())
                });
                if done.await {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        if told() != ["Relay entered: record what was announced"] {
            continue;
        }
        drop(outbox);
        assert_eq!(
            told(),
            ["Relay entered: record what was announced", "Relay left"]
        );
        return;
    }
    panic!("it was finished before it could be dropped, twenty times");
}
