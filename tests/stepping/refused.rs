//! A batch that the database refuses for its rows: what else came in it counts as if it had come alone, and in
//! time (L3, L4, I7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nodewarden::domain::time::Mono;

use crate::flaky::{self, Call, FlakyDecider, Goes, Plan, lasting};
use crate::harness::{SimClock, Simulation};

const S: fn(u64) -> Duration = Duration::from_secs;

/// The heartbeat time-out of `c1`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A silent conductor is found within its time-out and this.
const MARGIN: Duration = Duration::from_secs(5);

/// `c1` has the only node, and `bad` is heard at the same moment; from then on calls go wrong.
struct Story {
    sim: Simulation,
    decider: FlakyDecider,
    began: Mono,
}

impl Story {
    async fn new(wrong: impl FnOnce(SimClock) -> Plan) -> Self {
        let mut sim = Simulation::new().await;
        sim.rules.reconnect_grace = S(0);
        sim.nodes("a", 1).await;
        sim.joined_watched("c1", 1, &["a"], TIMEOUT);
        sim.joined_watched("bad", 1, &["b"], S(1000));
        let begun = Arc::new(AtomicBool::new(false));
        let begins = Arc::clone(&begun);
        let mut wrong = wrong(sim.clock.clone());
        let plan: Plan = Box::new(move |call| match begun.load(Ordering::Relaxed) {
            true => wrong(call),
            false => Goes::Well,
        });
        let mut decider = flaky::join(&sim, plan).await;
        for _ in 0..4 {
            decider.step().await.unwrap();
        }
        begins.store(true, Ordering::Relaxed);
        let began = sim.now();
        Self {
            sim,
            decider,
            began,
        }
    }

    /// All that there is to do, and half a second.
    async fn pass(&mut self) {
        for _ in 0..12 {
            self.decider.step().await.expect("no session ends");
        }
        self.sim.clock.advance(Duration::from_millis(500));
    }

    /// When the node of `c1` went out, if `says` is said each half second.
    async fn out_after(&mut self, says: impl Fn(&Simulation, u64)) -> Duration {
        for half_second in 0..100 {
            says(&self.sim, half_second);
            self.pass().await;
            if !self.sim.out().await.is_empty() {
                return self.sim.now().since(self.began);
            }
        }
        panic!("the verdict is held back without end");
    }
}

/// Fails for good where a batch has an event of this conductor.
fn never(op: &'static str, conductor: &'static str) -> impl Fn(&Call) -> bool {
    // What ends it is about its driver, too.
    move |call| {
        let about = |what| call.about.iter().any(|name| name == what);
        call.op == op && about(conductor) && !about("a")
    }
}

fn if_so(wrong: bool) -> Goes {
    match wrong {
        true => Goes::Before(lasting("commit")),
        false => Goes::Well,
    }
}

/// An operator puts it back again and again: it holds back once, as what is refused does.
#[tokio::test]
async fn l3_an_event_that_can_never_be_stored_or_recalled_holds_the_verdict_back_for_one_timeout() {
    for op in ["commit", "recall"] {
        let wrong = never(op, "c1");
        let plan = |_| -> Plan { Box::new(move |call| if_so(wrong(call))) };
        let mut story = Story::new(plan).await;
        let says = |sim: &Simulation, half_second: u64| {
            if half_second.is_multiple_of(16) {
                sim.beat("c1", 1);
            }
        };
        let after = story.out_after(says).await;
        assert_eq!(story.sim.queue.refused()[..2], ["unprocessable"; 2], "{op}");
        assert!(
            TIMEOUT * 2 <= after && after <= TIMEOUT * 2 + MARGIN,
            "{op}: {after:?}"
        );
    }
}

#[tokio::test]
async fn i7_what_was_refused_alone_counts_though_the_next_batch_is_not_stored() {
    let plan = |_| -> Plan {
        let (recall, commit) = (never("recall", "c1"), never("commit", "bad"));
        Box::new(move |call| if_so(recall(call) || commit(call)))
    };
    let mut story = Story::new(plan).await;
    let says = |sim: &Simulation, half_second: u64| {
        if half_second == 10 {
            sim.beat("c1", 1);
            sim.beat("bad", 1);
        }
    };
    let after = story.out_after(says).await;
    assert_eq!(story.sim.queue.refused(), ["unprocessable"; 2]);
    let (least, most) = (S(5) + TIMEOUT, S(5) + TIMEOUT + MARGIN);
    assert!(least <= after && after <= most, "{after:?}");
}

#[tokio::test]
async fn l3_ticks_that_come_with_what_is_refused_let_silence_be_judged() {
    let plan = |_| -> Plan {
        let wrong = never("commit", "bad");
        Box::new(move |call| if_so(wrong(call)))
    };
    let mut story = Story::new(plan).await;
    // Before the tick of each second, so that both are in one batch.
    let after = story.out_after(|sim, _| sim.beat("bad", 1)).await;
    assert!(TIMEOUT <= after && after <= TIMEOUT + MARGIN, "{after:?}");
}

#[tokio::test]
async fn l4_an_event_that_is_never_stored_ends_alone_however_long_each_try_takes() {
    let plan = |clock: SimClock| -> Plan {
        let wrong = never("commit", "bad");
        Box::new(move |call| {
            if call.op == "resume" {
                clock.advance(S(6));
            }
            if_so(wrong(call))
        })
    };
    let mut story = Story::new(plan).await;
    for _ in 0..2 {
        story.sim.beat("bad", 1);
        for _ in 0..20 {
            story.pass().await;
        }
    }
    assert_eq!(story.sim.queue.refused(), ["unprocessable"; 2]);
    story.sim.joined("good", 1, &["c"]);
    for _ in 0..6 {
        story.pass().await;
    }
    let known = "SELECT count(*) FROM nodewarden_conductors WHERE conductor = 'good'";
    assert_eq!(story.sim.text(known).await, "1");
}
