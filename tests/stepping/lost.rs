//! Databases that go back (an asynchronous standby is promoted, a backup restored, a crash undoes
//! commits): numbers that were given before are never given again in the same stream, subscribers end
//! with what the database has, and no node goes out for what was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use nodewarden::broker::{BrokerError, Unpublished};
use nodewarden::message::{Outgoing, Published};
use nodewarden::store::{Known, NewStream, SqlOutbox, Unwatched};
use nodewarden::wire::Announced;
use nodewarden::worker::ports::Clock;
use nodewarden::worker::{Announcer, End, Fresh, Relay, Step};

use crate::flaky::{self, Goes, passing};
use crate::harness::{SimSubscriber, Simulation, Worker, event};
use crate::operator::{operator, pause, rest, wait};

const S: fn(u64) -> Duration = Duration::from_secs;

/// A scheduler that goes by the rules for subscribers, and looks whether they are kept.
#[derive(Default)]
struct Scheduler {
    heard: SimSubscriber,
    read: usize,
    position: Option<(String, u64)>,
    out: BTreeSet<String>,
    /// What each number of each stream stood for.
    meant: BTreeMap<(String, u64), String>,
    snapshots: usize,
}

impl Scheduler {
    /// Lets the relay carry all that waits, and reads it.
    async fn follow(&mut self, sim: &Simulation, worker: &Worker) {
        let mut relay = sim.relay(worker.decider.epoch().unwrap(), &self.heard);
        while relay.step().await.unwrap() > 0 {}
        let got = self.heard.got();
        for message in &got[self.read..] {
            let announced = Announced::read(&message.delivered()).unwrap().unwrap();
            self.read(sim, &announced).await;
        }
        self.read = got.len();
    }

    async fn read(&mut self, sim: &Simulation, announced: &Announced) {
        let (sign, nodes) = match announced {
            Announced::Out(message) => ("-", &message.nodes),
            Announced::Back(message) => ("+", &message.nodes),
            Announced::Position(_) => ("", &Vec::new()),
        };
        let stream = announced.stream().to_owned();
        for node in nodes {
            let change = format!("{sign}{}", node.uuid);
            let number = (stream.clone(), node.seq);
            let meant = self.meant.entry(number).or_insert_with(|| change.clone());
            assert_eq!(
                *meant, change,
                "seq {} of {stream} has two meanings",
                node.seq
            );
            let ours = self.position.as_ref().filter(|(ours, _)| *ours == stream);
            match ours.map(|(_, seq)| *seq) {
                Some(last) if node.seq <= last => {}
                Some(last) if node.seq == last + 1 => {
                    match sign {
                        "-" => self.out.insert(node.uuid.clone()),
                        _ => self.out.remove(&node.uuid),
                    };
                    self.position = Some((stream.clone(), node.seq));
                }
                Some(_) | None => self.snapshot(sim).await,
            }
        }
    }

    async fn snapshot(&mut self, sim: &Simulation) {
        let page = sim.reader.snapshot("", 10_000).await.unwrap();
        self.out = page.nodes.into_iter().map(|hold| hold.uuid).collect();
        self.position = Some((page.stream, page.seq));
        self.snapshots += 1;
    }

    /// It, the holds and the marks all say the same.
    async fn assert_agrees(&self, sim: &Simulation) {
        let marked = "SELECT uuid FROM nodes WHERE service_state = 'out_of_service'";
        let marked: BTreeSet<String> = sim.list(marked).await.into_iter().collect();
        let held: BTreeSet<String> = sim.out().await.into_iter().collect();
        assert_eq!(marked, held, "marks and holds");
        assert_eq!(self.out, held, "subscriber and holds");
    }

    /// Every node that went out in this stream.
    fn taken_out_in(&self, stream: &str) -> Vec<&str> {
        let mut out = Vec::new();
        for ((of, _), change) in &self.meant {
            if let Some(uuid) = change.strip_prefix('-').filter(|_| of == stream) {
                out.push(uuid);
            }
        }
        out
    }
}

/// Steps to the end of the session, and begins the next one of the same process.
async fn ends_and_joins(sim: &Simulation, mut worker: Worker, process: &Known) -> (End, Worker) {
    let end = worker.step_to_end().await;
    sim.queue.end(worker.session);
    (end, sim.join_as(process).await)
}

async fn settled(sim: &Simulation, process: &Known) -> Worker {
    let mut worker = sim.join_as(process).await;
    rest(&mut worker).await;
    worker
}

async fn stream(sim: &Simulation) -> String {
    sim.reader.overview().await.unwrap().stream
}

fn stated(sim: &Simulation, id: &str, conductor: &str, incarnation: u64, drivers: &[&str]) {
    sim.queue.publish(event(
        id,
        "conductor.heartbeat",
        &serde_json::json!({"conductor": conductor, "incarnation": incarnation, "drivers": drivers,
            "heartbeat_timeout_ms": 600_000}),
    ));
}

/// Five nodes of `a` and three of `b`, with a conductor each; a copy of that; then the first conductor
/// leaves, its nodes go out, and the subscriber hears of it.
async fn five_out_after_the_copy(
    sim: &Simulation,
    process: &Known,
    scheduler: &mut Scheduler,
) -> Worker {
    sim.nodes("a", 5).await;
    sim.nodes("b", 3).await;
    let mut worker = settled(sim, process).await;
    sim.joined("c1", 1, &["a"]);
    sim.joined("c2", 1, &["b"]);
    rest(&mut worker).await;
    scheduler.snapshot(sim).await;
    sim.copy().await;
    sim.left("c1", 1);
    rest(&mut worker).await;
    scheduler.follow(sim, &worker).await;
    assert_eq!(scheduler.out.len(), 5);
    worker
}

#[tokio::test]
async fn i4_a_database_that_went_back_under_its_replica_goes_on_in_a_new_stream() {
    let sim = Simulation::new().await;
    let (process, mut scheduler) = (Known::default(), Scheduler::default());
    let worker = five_out_after_the_copy(&sim, &process, &mut scheduler).await;
    let before = stream(&sim).await;
    let epoch = worker.decider.epoch().unwrap();
    sim.restore().await;
    // In the old stream, its nodes would get the numbers that those of the other conductor had.
    sim.left("c2", 1);
    let (end, mut worker) = ends_and_joins(&sim, worker, &process).await;
    let End::Lost(loss) = end else {
        panic!("{end:?}");
    };
    assert_eq!(loss.seqs(), Some((1, 5)), "{loss}");
    assert_eq!(loss.known.stream, before);
    rest(&mut worker).await;
    let after = sim.reader.overview().await.unwrap();
    assert_ne!(after.stream, before);
    assert!(after.epoch > epoch + 1, "{}", after.epoch);
    let said = worker.decider.remark().unwrap();
    assert!(said.contains("the changes of seq 1 to 5"), "{said}");
    // What conductors say counts at once, and nodes go out once all had their time to say it.
    assert_eq!(sim.decisions().await, ["b lost by c2 e4, 0 nodes, open"]);
    wait(&sim, &mut worker, 95).await;
    assert_eq!(sim.decisions().await, ["b lost by c2 e4, 3 nodes"]);
    scheduler.follow(&sim, &worker).await;
    scheduler.assert_agrees(&sim).await;
    assert_eq!(
        scheduler.snapshots, 2,
        "the first one, and that of the new stream"
    );
}

#[tokio::test]
async fn a_pause_that_is_lost_with_the_last_commits_is_on_in_the_new_stream_until_it_is_resumed() {
    let (sim, process) = (Simulation::new().await, Known::default());
    sim.nodes("a", 3).await;
    let mut worker = settled(&sim, &process).await;
    sim.joined("c1", 1, &["a"]);
    rest(&mut worker).await;
    sim.copy().await;
    pause(&sim, "the database moves", None).await;
    wait(&sim, &mut worker, 3).await;
    sim.restore().await;
    sim.left("c1", 1);
    let (end, mut worker) = ends_and_joins(&sim, worker, &process).await;
    assert!(matches!(end, End::Lost(_)), "{end:?}");
    wait(&sim, &mut worker, 200).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    let reason = worker.decider.pause().map(|pause| pause.reason.as_str());
    assert_eq!(reason, Some("the database moves"));
    operator(&sim)
        .resume(sim.clock.now().wall_ms)
        .await
        .unwrap();
    wait(&sim, &mut worker, 5).await;
    assert_eq!(sim.out().await.len(), 3);
}

/// A way out on which the database goes back while the broker confirms.
struct GoesBack<'a> {
    sim: &'a Simulation,
    heard: SimSubscriber,
}

impl Announcer for GoesBack<'_> {
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, Unpublished> {
        self.sim.restore().await;
        self.heard.publish(messages).await
    }

    async fn renew(&mut self, how: Fresh) -> Result<(), BrokerError> {
        self.heard.renew(how).await
    }

    fn blocked(&self) -> Option<String> {
        None
    }
}

#[tokio::test]
async fn i4_a_database_that_went_back_while_the_relay_published_hides_nothing_of_its_new_stream() {
    let mut sim = Simulation::new().await;
    sim.rules.nodes_per_message = 1;
    let (process, mut scheduler) = (Known::default(), Scheduler::default());
    sim.nodes("a", 5).await;
    sim.nodes("b", 3).await;
    let mut worker = settled(&sim, &process).await;
    sim.joined("c1", 1, &["a"]);
    sim.joined("c2", 1, &["b"]);
    rest(&mut worker).await;
    scheduler.follow(&sim, &worker).await;
    scheduler.snapshot(&sim).await;
    sim.copy().await;
    let kept = sim.reader.overview().await.unwrap();
    assert_eq!(kept.announced, kept.last_announcement);
    sim.left("c1", 1);
    rest(&mut worker).await;
    let outbox = SqlOutbox::new(&sim.database, Arc::new(Unwatched)).unwrap();
    let (epoch, clock) = (worker.decider.epoch().unwrap(), sim.clock.clone());
    let way = GoesBack {
        sim: &sim,
        heard: scheduler.heard.clone(),
    };
    let mut relay = Relay::new(outbox, way, clock, epoch, "node.events");
    assert!(relay.step().await.unwrap() >= 5);
    let now = sim.reader.overview().await.unwrap();
    assert_eq!(now.announced, kept.last_announcement);
    sim.left("c2", 1);
    let (_, mut worker) = ends_and_joins(&sim, worker, &process).await;
    rest(&mut worker).await;
    wait(&sim, &mut worker, 95).await;
    let lost = ["b lost by c2 e4, 3 nodes"];
    assert_eq!(sim.decisions().await, lost);
    scheduler.follow(&sim, &worker).await;
    scheduler.assert_agrees(&sim).await;
    assert_eq!(scheduler.taken_out_in(&stream(&sim).await).len(), 3);
}

#[tokio::test]
async fn i4_a_takeover_in_the_lost_part_gives_its_epoch_to_no_other() {
    let sim = Simulation::new().await;
    let (process, mut scheduler) = (Known::default(), Scheduler::default());
    let first = five_out_after_the_copy(&sim, &process, &mut scheduler).await;
    sim.queue.end(first.session);
    let other = Known::default();
    let mut frozen = settled(&sim, &other).await;
    assert_eq!(frozen.decider.epoch(), Some(2));
    sim.joined("c1", 2, &["a"]);
    rest(&mut frozen).await;
    scheduler.follow(&sim, &frozen).await;
    assert_eq!(scheduler.out.len(), 0);
    let before = stream(&sim).await;
    sim.restore().await;
    // Another replica comes first, and knows of no takeover but its own.
    sim.queue.partition(frozen.session);
    let mut worker = settled(&sim, &process).await;
    assert_ne!(stream(&sim).await, before);
    assert!(worker.decider.epoch().unwrap() > 2);
    sim.left("c2", 1);
    wait(&sim, &mut worker, 95).await;
    // The one that was frozen has nothing to write with any more.
    let decided = sim.decisions().await;
    assert!(matches!(frozen.step_to_end().await, End::Fenced(2)));
    assert_eq!(sim.decisions().await, decided);
    scheduler.follow(&sim, &worker).await;
    scheduler.assert_agrees(&sim).await;
}

#[tokio::test]
async fn a_replica_whose_own_takeover_was_lost_begins_the_new_stream_by_itself() {
    let sim = Simulation::new().await;
    let (process, mut scheduler) = (Known::default(), Scheduler::default());
    let first = five_out_after_the_copy(&sim, &Known::default(), &mut scheduler).await;
    sim.queue.end(first.session);
    let second = settled(&sim, &process).await;
    let before = stream(&sim).await;
    sim.restore().await;
    sim.clock.advance(S(2));
    let (end, mut worker) = ends_and_joins(&sim, second, &process).await;
    assert!(matches!(end, End::Lost(_)), "{end:?}");
    rest(&mut worker).await;
    assert_ne!(stream(&sim).await, before);
    assert!(worker.decider.epoch().unwrap() > 2);
    sim.left("c2", 1);
    wait(&sim, &mut worker, 95).await;
    scheduler.follow(&sim, &worker).await;
    scheduler.assert_agrees(&sim).await;
}

#[tokio::test]
async fn an_idle_replica_notices_within_seconds() {
    let sim = Simulation::new().await;
    let (process, mut scheduler) = (Known::default(), Scheduler::default());
    let mut worker = five_out_after_the_copy(&sim, &process, &mut scheduler).await;
    wait(&sim, &mut worker, 70).await;
    sim.restore().await;
    sim.clock.advance(S(2));
    assert!(matches!(worker.step_to_end().await, End::Lost(_)));
}

#[tokio::test]
async fn a_replica_that_stood_by_knows_what_the_dead_one_had_committed() {
    let sim = Simulation::new().await;
    let mut scheduler = Scheduler::default();
    let standby = Known::default();
    let active = Known::default();
    let mut worker = five_out_after_the_copy(&sim, &active, &mut scheduler).await;
    let mut second = sim.join_as(&standby).await;
    for _ in 0..5 {
        sim.clock.advance(S(1));
        second.step().await;
        rest(&mut worker).await;
    }
    let before = stream(&sim).await;
    sim.queue.end(worker.session);
    sim.restore().await;
    sim.left("c2", 1);
    rest(&mut second).await;
    assert_ne!(stream(&sim).await, before);
    wait(&sim, &mut second, 95).await;
    scheduler.follow(&sim, &second).await;
    scheduler.assert_agrees(&sim).await;
}

#[tokio::test]
async fn a_database_restored_while_no_replica_ran_is_known_by_the_ticks_that_wait() {
    for behind in [false, true] {
        let sim = Simulation::new().await;
        let mut scheduler = Scheduler::default();
        let worker = five_out_after_the_copy(&sim, &Known::default(), &mut scheduler).await;
        let before = stream(&sim).await;
        let session = worker.session;
        if behind {
            // The first delivery says nothing of what was committed.
            sim.left("c2", 1);
        }
        drop(worker.decider.leave().await);
        sim.queue.end(session);
        sim.restore().await;
        let process = Known::default();
        let mut worker = sim.join_as(&process).await;
        if behind {
            // A batch of one: the tick behind it is not seen in time.
            sim.queue.end(worker.session);
            let mut rules = sim.rules.clone();
            rules.batch = 1;
            worker = sim.join_by(&process, rules.clone()).await;
            let end = worker.step_to_end().await;
            assert!(matches!(end, End::Lost(_)), "{end:?}");
            sim.queue.end(worker.session);
            worker = sim.join_by(&process, rules).await;
        }
        rest(&mut worker).await;
        assert_ne!(stream(&sim).await, before);
        sim.left("c2", 2);
        wait(&sim, &mut worker, 95).await;
        scheduler.follow(&sim, &worker).await;
        scheduler.assert_agrees(&sim).await;
    }
}

#[tokio::test]
async fn i7_no_node_goes_out_for_what_was_lost_while_conductors_say_it_again() {
    let mut sim = Simulation::new().await;
    sim.rules.unknown_after = Some(S(60));
    sim.rules.chunk_nodes = 2;
    sim.nodes("a", 5).await;
    sim.nodes("z", 3).await;
    let (process, mut scheduler) = (Known::default(), Scheduler::default());
    let mut worker = settled(&sim, &process).await;
    stated(&sim, "s1", "c1", 1, &["a"]);
    rest(&mut worker).await;
    scheduler.snapshot(&sim).await;
    // The copy has a pair as lost, and the first of its nodes as out.
    sim.left("c1", 1);
    while sim.out().await.is_empty() {
        worker.step().await;
    }
    sim.copy().await;
    let out = sim.out().await;
    assert!(out.len() < 5, "{out:?}");
    // In what is lost it returned, and the first conductor of another pair came.
    stated(&sim, "s2", "c1", 2, &["a"]);
    stated(&sim, "s3", "c3", 1, &["z"]);
    rest(&mut worker).await;
    scheduler.follow(&sim, &worker).await;
    assert_eq!(scheduler.out.len(), 0);
    sim.restore().await;
    sim.clock.advance(S(2));
    let (_, mut worker) = ends_and_joins(&sim, worker, &process).await;
    let stream = {
        rest(&mut worker).await;
        stream(&sim).await
    };
    // A takeover in between changes nothing.
    wait(&sim, &mut worker, 30).await;
    sim.queue.end(worker.session);
    let mut worker = settled(&sim, &Known::default()).await;
    wait(&sim, &mut worker, 55).await;
    assert_eq!(sim.out().await, out, "as the database says");
    stated(&sim, "s4", "c1", 2, &["a"]);
    stated(&sim, "s5", "c3", 1, &["z"]);
    wait(&sim, &mut worker, 300).await;
    scheduler.follow(&sim, &worker).await;
    scheduler.assert_agrees(&sim).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(
        scheduler.taken_out_in(&stream),
        out,
        "what the database had out"
    );
}

#[tokio::test]
async fn l3_what_is_lost_for_good_goes_out_once_conductors_had_their_time() {
    let sim = Simulation::new().await;
    sim.nodes("a", 5).await;
    let (process, mut scheduler) = (Known::default(), Scheduler::default());
    let mut worker = settled(&sim, &process).await;
    sim.joined_watched("c1", 1, &["a"], S(120));
    rest(&mut worker).await;
    scheduler.snapshot(&sim).await;
    sim.copy().await;
    sim.left("c1", 1);
    rest(&mut worker).await;
    scheduler.follow(&sim, &worker).await;
    sim.restore().await;
    sim.clock.advance(S(2));
    let (_, mut worker) = ends_and_joins(&sim, worker, &process).await;
    // Its leaving is lost, and it is silent: found so after its whole time-out, and not before.
    wait(&sim, &mut worker, 119).await;
    assert_eq!(sim.decisions().await, Vec::<String>::new());
    wait(&sim, &mut worker, 10).await;
    assert_eq!(sim.decisions().await, ["a lost by c1 silence, 5 nodes"]);
    scheduler.follow(&sim, &worker).await;
    scheduler.assert_agrees(&sim).await;
}

#[tokio::test]
async fn every_replica_takes_the_new_stream_as_it_is_and_old_ticks_are_not_foreign() {
    let sim = Simulation::new().await;
    let mut scheduler = Scheduler::default();
    let (one, two) = (Known::default(), Known::default());
    let mut worker = five_out_after_the_copy(&sim, &one, &mut scheduler).await;
    let mut second = sim.join_as(&two).await;
    for _ in 0..3 {
        sim.clock.advance(S(1));
        second.step().await;
        rest(&mut worker).await;
    }
    sim.restore().await;
    second.step().await;
    sim.clock.advance(S(2));
    let end = worker.step_to_end().await;
    assert!(matches!(end, End::Lost(_)), "{end:?}");
    for _ in 0..2 {
        second.step().await;
    }
    sim.queue.end(worker.session);
    let mut third = sim.join_as(&one).await;
    // The one that stood by is next, with ticks of the old stream before its own.
    rest(&mut second).await;
    let began = sim.reader.overview().await.unwrap();
    for _ in 0..3 {
        sim.clock.advance(S(1));
        third.step().await;
        rest(&mut second).await;
    }
    sim.queue.end(second.session);
    wait(&sim, &mut third, 1).await;
    let after = sim.reader.overview().await.unwrap();
    assert_eq!((after.stream, after.epoch), (began.stream, began.epoch + 1));
}

#[tokio::test]
async fn a_database_that_went_back_before_its_new_stream_begins_one_more_for_all() {
    let sim = Simulation::new().await;
    let mut scheduler = Scheduler::default();
    let (one, two) = (Known::default(), Known::default());
    let worker = five_out_after_the_copy(&sim, &one, &mut scheduler).await;
    sim.restore().await;
    sim.clock.advance(S(2));
    let (_, mut worker) = ends_and_joins(&sim, worker, &one).await;
    rest(&mut worker).await;
    let mut second = sim.join_as(&two).await;
    second.step().await;
    let (first, session) = (stream(&sim).await, worker.session);
    sim.restore().await;
    sim.clock.advance(S(2));
    let end = worker.step_to_end().await;
    assert!(matches!(end, End::Fenced(_) | End::Lost(_)), "{end:?}");
    sim.queue.end(session);
    while sim.queue.steal().is_some() {}
    let mut worker = sim.join_as(&one).await;
    sim.queue.end(second.session);
    rest(&mut worker).await;
    let second_one = stream(&sim).await;
    assert_ne!(second_one, first);
    sim.queue.end(worker.session);
    let mut other = sim.join_as(&two).await;
    rest(&mut other).await;
    assert_eq!(stream(&sim).await, second_one, "the other process agrees");
}

#[tokio::test]
async fn a_replica_that_is_behind_and_one_whose_commit_failed_cause_no_new_stream() {
    let sim = Simulation::new().await;
    sim.nodes("a", 5).await;
    let behind = Known::default();
    let mut old = sim.join_as(&behind).await;
    old.step().await;
    // Its commits fail: nothing has happened, and it cannot know that.
    let plan = |call: &flaky::Call| match call.op {
        "commit" => Goes::Before(passing("commit")),
        _ => Goes::Well,
    };
    sim.queue.end(old.session);
    let mut doubtful = flaky::join(&sim, Box::new(plan)).await;
    sim.joined("c1", 1, &["a"]);
    for _ in 0..20 {
        doubtful.step().await.unwrap();
    }
    let before = stream(&sim).await;
    drop(doubtful.leave().await);
    sim.queue.end(2);
    // Ticks of both are in the queue of the one that decides next.
    let mut old = sim.join_as(&behind).await;
    let mut active = sim.join().await;
    let mut settled = 0;
    for turn in 0..200 {
        sim.clock.advance(Duration::from_millis(100));
        let step = old.step().await;
        settled += usize::from(step == Step::default());
        if turn > 20 {
            active.step().await;
        }
    }
    assert!(settled > 0);
    sim.left("c1", 1);
    rest(&mut old).await;
    assert_eq!(sim.decisions().await, ["a lost by c1 e2, 5 nodes"]);
    let after = sim.reader.overview().await.unwrap();
    assert_eq!(after.stream, before);
    assert!(after.epoch < 10, "{}", after.epoch);
}

#[tokio::test]
async fn an_operators_new_stream_gives_no_epoch_that_the_lost_part_had_given() {
    let sim = Simulation::new().await;
    let (process, mut scheduler) = (Known::default(), Scheduler::default());
    let first = five_out_after_the_copy(&sim, &process, &mut scheduler).await;
    sim.queue.end(first.session);
    let mut frozen = settled(&sim, &Known::default()).await;
    assert_eq!(frozen.decider.epoch(), Some(2));
    sim.restore().await;
    let (id, now_ms) = (sim.clock.id(), sim.clock.now().wall_ms);
    let done = operator(&sim).new_stream(&id, now_ms, true).await.unwrap();
    assert_eq!(done, NewStream::Begun);
    assert!(sim.reader.overview().await.unwrap().epoch > 2);
    let before = sim.decisions().await;
    sim.left("c2", 1);
    let end = frozen.step_to_end().await;
    assert!(matches!(end, End::Fenced(2)), "{end:?}");
    assert_eq!(sim.decisions().await, before);
}

#[tokio::test]
async fn a_replica_that_finds_another_stream_than_its_own_decides_no_more() {
    let sim = Simulation::new().await;
    let mut worker = settled(&sim, &Known::default()).await;
    let (id, now_ms) = (sim.clock.id(), sim.clock.now().wall_ms);
    let done = operator(&sim).new_stream(&id, now_ms, true).await.unwrap();
    assert_eq!(done, NewStream::Begun);
    // Idle, and with nothing that it could write.
    sim.clock.advance(S(2));
    let end = worker.step_to_end().await;
    assert!(matches!(end, End::Fenced(1)), "{end:?}");
}

#[tokio::test]
async fn a_tick_of_a_former_stream_is_foreign_once_all_that_waited_are_gone() {
    let sim = Simulation::new().await;
    let first = settled(&sim, &Known::default()).await;
    let mut second = sim.join_as(&Known::default()).await;
    second.step().await;
    // What a replica says that lives on in the stream that was.
    let tick = loop {
        let waiting = sim.queue.steal().expect("a tick waits");
        if waiting.message_type.as_deref() == Some("nodewarden.tick") {
            break waiting;
        }
    };
    sim.queue.end(second.session);
    sim.queue.end(first.session);
    let (id, now_ms) = (sim.clock.id(), sim.clock.now().wall_ms);
    let done = operator(&sim).new_stream(&id, now_ms, true).await.unwrap();
    assert_eq!(done, NewStream::Begun);
    let mut worker = settled(&sim, &Known::default()).await;
    wait(&sim, &mut worker, 80).await;
    sim.queue.publish(tick.clone());
    rest(&mut worker).await;
    wait(&sim, &mut worker, 15).await;
    sim.joined("c1", 1, &["a"]);
    sim.queue.publish(tick);
    let end = worker.step_to_end().await;
    assert!(matches!(end, End::ForeignStream(_)), "{end:?}");
    sim.queue.end(worker.session);
    assert_eq!(sim.queue.events_left(), 1, "the event is still there");
}

#[tokio::test]
async fn the_wait_after_a_loss_ends_though_takeovers_come_more_often_than_sweeps() {
    let sim = Simulation::new().await;
    let (process, mut scheduler) = (Known::default(), Scheduler::default());
    let worker = five_out_after_the_copy(&sim, &process, &mut scheduler).await;
    sim.restore().await;
    sim.clock.advance(S(2));
    let (_, mut worker) = ends_and_joins(&sim, worker, &process).await;
    rest(&mut worker).await;
    let began = sim.reader.overview().await.unwrap().began.unwrap();
    assert!(began.is_first(worker.decider.epoch().unwrap()));
    sim.left("c2", 1);
    rest(&mut worker).await;
    for _ in 0..10 {
        assert!(worker.decider.remark().is_some());
        wait(&sim, &mut worker, 11).await;
        sim.queue.end(worker.session);
        worker = settled(&sim, &Known::default()).await;
        assert!(!began.is_first(worker.decider.epoch().unwrap()));
        if worker.decider.remark().is_none() {
            break;
        }
    }
    assert_eq!(
        worker.decider.remark(),
        None,
        "it is over, and no remark any more"
    );
    wait(&sim, &mut worker, sim.rules.reconnect_grace.as_secs() + 5).await;
    assert_eq!(sim.decisions().await, ["b lost by c2 e4, 3 nodes"]);
}
