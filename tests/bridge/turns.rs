//! The loop over a simulated database, broker and clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nodewarden::bridge::ports::{Clock, Lookout, Voice};
use nodewarden::bridge::{Bridge, Judge, LookFault, Remembered, Sighting, State, Status};
use nodewarden::broker::BrokerError;
use nodewarden::domain::time::Now;
use nodewarden::message::{Outgoing, Published};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::harness::{BEGIN, INTERVAL, SimIronic, TIMEOUT, mono, rules};

/// What the broker does.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Confirms,
    Away,
    /// It takes the message and its answer is lost.
    LosesConfirms,
    HasNoQueue,
}

struct Scene {
    ironic: SimIronic,
    database_fails: bool,
    mood: Mood,
    /// What arrived: type and `message_id`.
    arrived: Vec<(String, String)>,
    looks: u64,
    stop_after: u64,
    stop: CancellationToken,
}

#[derive(Clone)]
struct Simulated(Arc<Mutex<Scene>>);

impl Simulated {
    fn new(ironic: SimIronic) -> Self {
        Self(Arc::new(Mutex::new(Scene {
            ironic,
            database_fails: false,
            mood: Mood::Confirms,
            arrived: Vec::new(),
            looks: 0,
            stop_after: u64::MAX,
            stop: CancellationToken::new(),
        })))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Scene) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    fn bridge(&self) -> (Bridge<Self>, watch::Receiver<Status>) {
        let interval = Duration::from_millis(INTERVAL);
        let (status, seen) = watch::channel(Status::new(interval));
        let judge = Judge::new(rules(), "b1");
        let bridge = Bridge::new(judge, self.clone(), "events", interval, status);
        (bridge, seen)
    }

    fn arrived(&self, message_type: &str) -> Vec<String> {
        self.with(|scene| {
            let all = scene.arrived.iter();
            let of = all.filter(|(kind, _)| kind == message_type);
            of.map(|(_, id)| id.clone()).collect()
        })
    }

    /// Looks and publishes each interval for that long.
    async fn run(&self, bridge: &Bridge<Self>, ms: u64) {
        for _ in 0..ms / INTERVAL {
            self.with(|scene| scene.ironic.pass(INTERVAL));
            let _ = bridge.look(&mut self.clone()).await;
            let _ = bridge.publish(&mut self.clone()).await;
        }
    }
}

impl Lookout for Simulated {
    async fn look(&mut self, to_remember: &[Remembered]) -> Result<Sighting, LookFault> {
        self.with(|scene| {
            scene.looks += 1;
            if scene.looks == scene.stop_after {
                scene.stop.cancel();
            }
            match scene.database_fails {
                true => Err(LookFault::Failed("the database is read-only".into())),
                false => {
                    scene.ironic.remember(to_remember);
                    Ok(scene.ironic.look())
                }
            }
        })
    }
}

impl Voice for Simulated {
    async fn open(&mut self) -> Result<(), BrokerError> {
        match self.with(|scene| scene.mood) {
            Mood::Away => Err(BrokerError::Unreachable("nobody there".into())),
            Mood::Confirms | Mood::LosesConfirms | Mood::HasNoQueue => Ok(()),
        }
    }

    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, BrokerError> {
        self.with(|scene| {
            let outcome = match scene.mood {
                Mood::Away => return Err(BrokerError::Unreachable("nobody there".into())),
                Mood::HasNoQueue => return Ok(vec![Published::Unroutable; messages.len()]),
                Mood::LosesConfirms => Err(BrokerError::Lost("no answer".into())),
                Mood::Confirms => Ok(vec![Published::Confirmed; messages.len()]),
            };
            for message in messages {
                let arrived = (message.message_type.clone(), message.message_id.clone());
                scene.arrived.push(arrived);
            }
            outcome
        })
    }

    fn blocked(&self) -> Option<String> {
        None
    }
}

impl Clock for Simulated {
    fn now(&self) -> Now {
        self.with(|scene| Now {
            wall_ms: BEGIN + scene.ironic.now,
            mono: mono(scene.ironic.now + 10),
        })
    }

    async fn sleep(&self, pause: Duration) {
        let ms = u64::try_from(pause.as_millis()).unwrap();
        self.with(|scene| scene.ironic.pass(ms));
        tokio::task::yield_now().await;
    }

    fn chance(&self) -> f64 {
        0.5
    }

    fn id(&self) -> String {
        unreachable!("a bridge makes no ids while it runs")
    }
}

#[tokio::test]
async fn a_confirm_that_is_lost_means_the_same_message_again() {
    let scene = Simulated::new(SimIronic::with(&["c1"]));
    let (bridge, seen) = scene.bridge();
    scene.with(|scene| scene.mood = Mood::LosesConfirms);
    scene.run(&bridge, 40_000).await;
    let joined = scene.arrived("conductor.joined");
    assert!(joined.len() > 5, "{joined:?}");
    assert!(joined.iter().all(|id| *id == joined[0]));
    assert_eq!(scene.arrived("conductor.heartbeat"), Vec::<String>::new());
    scene.with(|scene| scene.mood = Mood::Confirms);
    scene.run(&bridge, 20_000).await;
    assert!(
        scene
            .arrived("conductor.joined")
            .iter()
            .all(|id| *id == joined[0])
    );
    assert!(!scene.arrived("conductor.heartbeat").is_empty());
    assert_eq!(seen.borrow().conductors.get(&State::Alive), Some(&1));
}

#[tokio::test]
async fn while_the_broker_is_away_looking_goes_on_and_only_what_is_still_true_is_said_after_it() {
    let scene = Simulated::new(SimIronic::with(&["c1", "c2", "c3"]));
    let (bridge, _seen) = scene.bridge();
    scene.run(&bridge, 20_000).await;
    assert_eq!(scene.arrived("conductor.joined").len(), 3);
    scene.with(|scene| {
        scene.mood = Mood::Away;
        scene.ironic.freeze("c1");
        scene.ironic.freeze("c2");
    });
    scene.run(&bridge, TIMEOUT + 20_000).await;
    // One came back before anybody could hear that it was silent.
    scene.with(|scene| scene.ironic.thaw("c1"));
    scene.run(&bridge, 20_000).await;
    scene.with(|scene| scene.mood = Mood::Confirms);
    scene.run(&bridge, 4_000).await;
    assert_eq!(scene.arrived("conductor.heartbeat_timeout").len(), 1);
}

#[tokio::test]
async fn without_a_queue_nothing_counts_as_said() {
    let scene = Simulated::new(SimIronic::with(&["c1"]));
    let (bridge, _seen) = scene.bridge();
    scene.with(|scene| scene.mood = Mood::HasNoQueue);
    scene.run(&bridge, 20_000).await;
    let fault = bridge.publish(&mut scene.clone()).await.unwrap_err();
    assert!(fault.to_string().contains("no queue is bound"), "{fault}");
    scene.with(|scene| scene.mood = Mood::Confirms);
    scene.run(&bridge, 2_000).await;
    assert_eq!(scene.arrived("conductor.joined").len(), 1);
}

#[tokio::test]
async fn looks_that_fail_say_why_and_nothing_is_published_meanwhile() {
    let scene = Simulated::new(SimIronic::with(&["c1"]));
    let (bridge, seen) = scene.bridge();
    scene.run(&bridge, 20_000).await;
    scene.with(|scene| {
        scene.database_fails = true;
        scene.ironic.freeze("c1");
        scene.arrived.clear();
    });
    scene.run(&bridge, 5 * TIMEOUT).await;
    assert_eq!(scene.with(|scene| scene.arrived.len()), 0);
    let reasons = seen.borrow().reasons(scene.now().mono).join("; ");
    assert!(
        reasons.contains("is 5m old; the database is read-only"),
        "{reasons}"
    );
    scene.with(|scene| scene.database_fails = false);
    scene.run(&bridge, TIMEOUT - 4_000).await;
    assert_eq!(scene.with(|scene| scene.arrived.len()), 0);
}

#[tokio::test]
async fn the_loop_looks_and_speaks_until_it_is_asked_to_stop_and_says_how_it_is() {
    let scene = Simulated::new(SimIronic::with(&["c1"]));
    let (bridge, seen) = scene.bridge();
    let now = scene.now().mono;
    let first = seen.borrow().reasons(now).join("; ");
    assert!(first.contains("no good look"), "{first}");
    assert!(first.contains("broker has not been reached"), "{first}");
    let stop = scene.with(|scene| {
        scene.stop_after = 60;
        scene.stop.clone()
    });
    let (mut database, mut broker) = (scene.clone(), scene.clone());
    tokio::join!(
        bridge.watch(&mut database, &stop),
        bridge.speak(&mut broker, &stop)
    );
    assert_eq!(scene.arrived("conductor.joined").len(), 1);
    assert!(scene.arrived("conductor.heartbeat").len() > 2);
    assert_eq!(
        seen.borrow().reasons(scene.now().mono),
        Vec::<String>::new()
    );
}
