//! The operator's hand: pausing, resuming, and giving nodes back.

use std::time::Duration;

use nodewarden::cli::release::Release;
use nodewarden::cli::{Failure, Output};
use nodewarden::config::Settings;
use nodewarden::domain::announcement::{BackReason, Content};
use nodewarden::domain::committed::UNHEARD_EPOCHS;
use nodewarden::domain::ids::{Driver, Group, Pair};
use nodewarden::store::{Held, NewStream, Operator, Pause, Window, WindowDone};
use nodewarden::worker::End;
use nodewarden::worker::ports::Clock;
use nodewarden_tests::database::Kind;

use crate::harness::{SimSubscriber, Simulation, Worker, assert_contiguous, changes};

const S: fn(u64) -> Duration = Duration::from_secs;

pub fn operator(sim: &Simulation) -> Operator {
    Operator::new(&sim.database, sim.inventory()).unwrap()
}

/// An operator pauses; returns whose pause it takes the place of.
pub async fn pause(sim: &Simulation, why: &str, lasting: Option<Duration>) -> Option<String> {
    let now_ms = sim.clock.now().wall_ms;
    let wanted = Pause {
        id: sim.clock.id(),
        reason: why.into(),
        who: "operator@host".into(),
        paused_at_ms: now_ms,
        remaining: lasting,
        noted_at_ms: now_ms,
    };
    let before = operator(sim).pause(&wanted).await.unwrap();
    before.map(|before| before.reason)
}

pub async fn resume(sim: &Simulation) {
    operator(sim).resume(sim.clock.now().wall_ms).await.unwrap();
}

/// One window after the other, as the command does it; `None` if it is not allowed.
pub async fn release(sim: &Simulation, held: Held<'_>) -> Option<WindowDone> {
    let mut operator = operator(sim);
    let mut window = Window {
        after: String::new(),
        nodes: 10,
        nodes_per_message: 4,
        unknown: false,
        completes: false,
        now_ms: sim.clock.now().wall_ms,
    };
    let mut sum = WindowDone::default();
    loop {
        let chunk = operator.release(held, &window).await.unwrap()?;
        assert!(chunk.changed <= 10, "a window is bounded (I8)");
        sum.changed += chunk.changed;
        sum.locked += chunk.locked;
        match chunk.next {
            Some(next) => window.after = next,
            None => return Some(sum),
        }
    }
}

/// What the command says.
pub async fn told(sim: &Simulation, held: Held<'_>) -> Result<String, Failure> {
    let mut command = Release {
        all: false,
        driver: None,
        group: None,
        node: None,
    };
    match held {
        Held::Everything => command.all = true,
        Held::Of(pair) => {
            command.driver = Some(pair.driver.as_str().to_owned());
            command.group = Some(pair.group.as_str().to_owned());
        }
        Held::Node(uuid) => command.node = Some(uuid.to_owned()),
    }
    let settings = Settings {
        database: sim.database.clone(),
        inventory: sim.inventory().into(),
        ..Settings::default()
    };
    command.answer(&settings, Output::Text).await
}

fn pair(driver: &str, group: &str) -> Pair {
    Pair {
        group: Group::parse(group).unwrap(),
        driver: Driver::parse(driver).unwrap(),
    }
}

/// Lets the worker do what it can; during a pause walks may stay pending.
pub async fn rest(worker: &mut Worker) {
    for _ in 0..30 {
        worker.step().await;
    }
}

/// Lets time pass with the worker awake.
pub async fn wait(sim: &Simulation, worker: &mut Worker, seconds: u64) {
    for _ in 0..seconds {
        sim.clock.advance(S(1));
        rest(worker).await;
    }
}

/// `a` is lost with so many nodes, all out.
async fn lost(sim: &Simulation, nodes: usize) -> (Worker, Vec<String>) {
    let uuids = sim.nodes("a", nodes).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.left("c1", 1);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await, uuids);
    (worker, uuids)
}

#[tokio::test]
async fn a_pause_in_the_middle_of_a_loss_stops_it_at_the_next_window_and_returns_go_on() {
    let mut sim = Simulation::new().await;
    sim.rules.chunk_nodes = 10;
    sim.nodes("a", 35).await;
    sim.nodes("b", 3).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.joined("c2", 1, &["b"]);
    sim.left("c2", 1);
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await.len(), 3);
    sim.left("c1", 1);
    worker.step().await;
    worker.step().await;
    assert_eq!(sim.out().await.len(), 23);
    // Not even one window more, before the worker has looked for a pause.
    assert_eq!(pause(&sim, "stop", None).await, None);
    rest(&mut worker).await;
    assert_eq!(sim.out().await.len(), 23);
    assert_eq!(worker.decider.pause().unwrap().reason, "stop");
    sim.joined("c2", 2, &["b"]);
    wait(&sim, &mut worker, 70).await;
    assert_eq!(sim.out().await.len(), 20, "b is back, a stays as it is");
    assert_eq!(
        sim.decisions().await[1],
        "a lost by c1 e4, 20 nodes, open",
        "decisions are made as ever, and nothing is called complete"
    );
    resume(&sim).await;
    wait(&sim, &mut worker, 1).await;
    assert_eq!(sim.out().await.len(), 35);
    assert_eq!(sim.decisions().await[1], "a lost by c1 e4, 35 nodes");
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn a_pause_is_kept_by_whoever_takes_over_in_the_middle_of_it() {
    let sim = Simulation::new().await;
    sim.nodes("a", 3).await;
    let mut first = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut first).await;
    pause(&sim, "work on the network", None).await;
    sim.left("c1", 1);
    sim.queue.end(first.session);
    let mut second = sim.join().await;
    wait(&sim, &mut second, 130).await;
    assert_eq!(sim.decisions().await, ["a lost by c1 e2, 0 nodes, open"]);
    assert_eq!(sim.out().await, Vec::<String>::new());
    resume(&sim).await;
    wait(&sim, &mut second, 1).await;
    assert_eq!(sim.out().await.len(), 3);
}

#[tokio::test]
async fn i7_a_pause_ends_by_itself_never_before_its_time_whoever_takes_over_and_sets_the_clock() {
    for forward in [true, false] {
        let sim = Simulation::new().await;
        sim.nodes("a", 3).await;
        let mut first = sim.active().await;
        sim.joined("c1", 1, &["a"]);
        sim.settle(&mut first).await;
        pause(&sim, "for a while", Some(S(100))).await;
        sim.left("c1", 1);
        wait(&sim, &mut first, 61).await;
        if forward {
            sim.clock.set_wall_forward(S(86_400));
        } else {
            sim.clock.set_wall_back(S(86_400));
        }
        wait(&sim, &mut first, 4).await;
        sim.queue.end(first.session);
        let mut second = sim.join().await;
        rest(&mut second).await;
        // 65 s are over; the last sweep kept what was left after 60 of them.
        wait(&sim, &mut second, 35).await;
        assert_eq!(sim.out().await, Vec::<String>::new(), "100 s");
        wait(&sim, &mut second, 7).await;
        assert_eq!(sim.out().await.len(), 3, "a little later than asked for");
        assert!(second.decider.pause().is_none());
        assert_eq!(sim.reader.overview().await.unwrap().pause, None);
    }
}

#[tokio::test]
async fn a_second_pause_takes_the_place_of_the_first_with_its_own_time() {
    let sim = Simulation::new().await;
    sim.nodes("a", 3).await;
    let mut worker = sim.active().await;
    sim.joined("c1", 1, &["a"]);
    sim.settle(&mut worker).await;
    pause(&sim, "first", Some(S(10))).await;
    wait(&sim, &mut worker, 5).await;
    let before = pause(&sim, "second", Some(S(100))).await;
    assert_eq!(before.as_deref(), Some("first"));
    sim.left("c1", 1);
    wait(&sim, &mut worker, 99).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(worker.decider.pause().unwrap().reason, "second");
    wait(&sim, &mut worker, 3).await;
    assert_eq!(sim.out().await.len(), 3);
}

#[tokio::test]
async fn without_a_pause_nothing_is_released() {
    let sim = Simulation::new().await;
    let (_worker, nodes) = lost(&sim, 3).await;
    assert_eq!(release(&sim, Held::Everything).await, None);
    assert_eq!(sim.out().await, nodes);
}

#[tokio::test]
async fn i4_what_is_released_in_a_pause_is_announced_in_order_and_taken_again_after_it() {
    let mut sim = Simulation::new().await;
    sim.rules.chunk_nodes = 10;
    let (mut worker, nodes) = lost(&sim, 25).await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(worker.decider.epoch().unwrap(), &subscriber);
    pause(&sim, "all out at once", None).await;
    let done = release(&sim, Held::Everything).await.unwrap();
    assert_eq!((done.changed, done.locked), (25, 0));
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_eq!(
        sim.text("SELECT max(service_state) FROM nodes WHERE service_state = 'in_service'")
            .await,
        "in_service"
    );
    // Sweeps of the pause leave them in, and the worker's next change follows without a gap.
    wait(&sim, &mut worker, 70).await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    while relay.step().await.unwrap() > 0 {}
    let announcements = sim.announcements().await;
    assert_contiguous(&announcements);
    assert_eq!(changes(&announcements).len(), 50);
    let released: Vec<_> = announcements
        .iter()
        .filter_map(|announcement| match &announcement.content {
            Content::BackInService {
                about,
                reason,
                released_by,
                nodes,
            } => Some((
                about.pair.clone(),
                *reason,
                released_by.clone(),
                nodes.len(),
            )),
            Content::OutOfService { .. } | Content::Position { .. } => None,
        })
        .collect();
    assert_eq!(
        released.len(),
        8,
        "of at most 4 nodes, and no window's end crossed"
    );
    for (of, reason, by, nodes) in released {
        assert_eq!(
            (of, reason, by),
            (pair("a", ""), BackReason::Released, None)
        );
        assert!(nodes <= 4);
    }
    assert_eq!(subscriber.got().len(), announcements.len());
    resume(&sim).await;
    wait(&sim, &mut worker, 1).await;
    assert_eq!(sim.out().await, nodes, "the driver is still lost");
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn what_is_released_while_no_replica_runs_is_announced_by_the_next_one() {
    let sim = Simulation::new().await;
    let (worker, _) = lost(&sim, 3).await;
    sim.queue.end(worker.session);
    pause(&sim, "uninstall", None).await;
    release(&sim, Held::Everything).await.unwrap();
    let mut next = sim.join().await;
    rest(&mut next).await;
    let subscriber = SimSubscriber::default();
    let mut relay = sim.relay(next.decider.epoch().unwrap(), &subscriber);
    while relay.step().await.unwrap() > 0 {}
    let told: Vec<String> = subscriber
        .got()
        .into_iter()
        .map(|message| message.message_type)
        .collect();
    assert_eq!(
        told.iter()
            .filter(|told| *told != "node.position")
            .collect::<Vec<_>>(),
        ["node.out_of_service", "node.back_in_service"]
    );
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn i5_a_release_of_one_pair_or_one_node_leaves_the_others_and_operators_marks_alone() {
    let sim = Simulation::new().await;
    sim.nodes_in("a", "rack1", 3).await;
    sim.nodes_in("a", "rack2", 3).await;
    sim.nodes("b", 3).await;
    sim.sql("UPDATE nodes SET maintenance = (1 = 1)").await;
    let mut worker = sim.active().await;
    sim.joined_in("c1", 1, "rack1", &["a"]);
    sim.joined_in("c2", 1, "rack2", &["a"]);
    sim.joined("c3", 1, &["b"]);
    for conductor in ["c1", "c2", "c3"] {
        sim.left(conductor, 1);
    }
    sim.settle(&mut worker).await;
    assert_eq!(sim.out().await.len(), 9);
    pause(&sim, "some", None).await;
    let done = release(&sim, Held::Of(&pair("a", "rack2"))).await;
    assert_eq!(done.unwrap().changed, 3);
    let done = release(&sim, Held::Node("b-00001")).await;
    assert_eq!(done.unwrap().changed, 1);
    let done = release(&sim, Held::Node("b-00001")).await;
    assert_eq!(done.unwrap(), WindowDone::default(), "it is back already");
    assert_eq!(
        sim.out().await,
        [
            "arack1-00000",
            "arack1-00001",
            "arack1-00002",
            "b-00000",
            "b-00002"
        ]
    );
    let operators =
        "SELECT CASE WHEN count(*) = 9 THEN 'all' END FROM nodes WHERE maintenance = (1 = 1)";
    assert_eq!(sim.text(operators).await, "all");
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn a_hold_whose_node_is_gone_ends_by_a_release_as_removed() {
    let sim = Simulation::new().await;
    let (_worker, _) = lost(&sim, 3).await;
    sim.sql("DELETE FROM nodes WHERE uuid = 'a-00001'").await;
    pause(&sim, "uninstall", None).await;
    let done = release(&sim, Held::Everything).await.unwrap();
    assert_eq!((done.changed, done.locked), (3, 0));
    assert_eq!(sim.out().await, Vec::<String>::new());
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn a_node_that_somebody_has_locked_is_counted_and_released_by_the_next_try() {
    let sim = Simulation::new().await;
    let (_worker, nodes) = lost(&sim, 3).await;
    pause(&sim, "try again", None).await;
    if sim.kind() == Kind::Sqlite {
        // Its one lock is that of the whole file: nothing can be done meanwhile, nothing is lost.
        let held = sim.lock().await;
        let window = Window {
            after: String::new(),
            nodes: 10,
            nodes_per_message: 4,
            unknown: false,
            completes: false,
            now_ms: 1,
        };
        let fault = operator(&sim).release(Held::Everything, &window).await;
        assert!(fault.unwrap_err().is_transient());
        held.undo().await;
    } else {
        let held = sim.lock().await;
        let done = release(&sim, Held::Everything).await.unwrap();
        assert_eq!((done.changed, done.locked), (0, 3));
        let done = release(&sim, Held::Node("a-00000")).await.unwrap();
        assert_eq!((done.changed, done.locked), (0, 1));
        for (held, told_of) in [
            (
                Held::Everything,
                "3 nodes could not be given back: other sessions lock their rows.",
            ),
            (
                Held::Node("a-00000"),
                "1 node could not be given back: another session locks its row.",
            ),
        ] {
            let message = told(&sim, held).await.unwrap_err().message;
            assert_eq!(message, format!("{told_of} Try again."));
        }
        held.undo().await;
    }
    assert_eq!(sim.out().await, nodes);
    let done = release(&sim, Held::Everything).await.unwrap();
    assert_eq!((done.changed, done.locked), (3, 0));
    assert_contiguous(&sim.announcements().await);
}

#[tokio::test]
async fn a_mark_that_somebody_lifted_by_hand_is_not_set_again_before_the_pause_is_over() {
    let sim = Simulation::new().await;
    let (mut worker, _) = lost(&sim, 1).await;
    pause(&sim, "hands on", None).await;
    sim.sql("UPDATE nodes SET service_state = 'in_service'")
        .await;
    wait(&sim, &mut worker, 130).await;
    let state = "SELECT service_state FROM nodes";
    assert_eq!(sim.text(state).await, "in_service");
    resume(&sim).await;
    wait(&sim, &mut worker, 70).await;
    assert_eq!(sim.text(state).await, "out_of_service");
}

#[tokio::test]
async fn a_new_stream_takes_the_right_to_write_from_everybody_and_goes_on_counting() {
    let sim = Simulation::new().await;
    let (mut worker, nodes) = lost(&sim, 3).await;
    let before = sim.reader.overview().await.unwrap();
    let begin = async |force| {
        let now_ms = sim.clock.now().wall_ms;
        let stream = sim.clock.id();
        let mut operator = operator(&sim);
        operator.new_stream(&stream, now_ms, force).await.unwrap()
    };
    assert_eq!(begin(false).await, NewStream::Running("test".into()));
    assert_eq!(sim.reader.overview().await.unwrap(), before);
    assert_eq!(begin(true).await, NewStream::Begun);
    let after = sim.reader.overview().await.unwrap();
    assert_ne!(after.stream, before.stream);
    assert_eq!(
        (after.epoch, after.seq, after.holder),
        (before.epoch + UNHEARD_EPOCHS, before.seq, None)
    );
    sim.joined("c1", 2, &["a"]);
    assert!(matches!(worker.step_to_end().await, End::Fenced(1)));
    assert_eq!(sim.out().await, nodes);
    // Ticks of the old stream expire; the event comes again.
    sim.queue.end(worker.session);
    while sim.queue.steal().is_some() {}
    sim.joined("c1", 2, &["a"]);
    sim.active().await;
    assert_eq!(sim.out().await, Vec::<String>::new());
    let announcements = sim.announcements().await;
    assert_contiguous(&announcements);
    assert!(announcements.iter().all(|one| one.stream == after.stream));
    // Who was killed without a word counts as running for a minute.
    sim.clock.advance(S(59));
    assert_eq!(begin(false).await, NewStream::Running("test".into()));
    sim.clock.advance(S(2));
    let now_ms = sim.clock.now().wall_ms;
    let mut seldom = operator(&sim).running_within(S(130));
    let begun = seldom.new_stream(&sim.clock.id(), now_ms, false).await;
    assert_eq!(
        begun.unwrap(),
        NewStream::Running("test".into()),
        "it sweeps each minute, and may do nothing else"
    );
    assert_eq!(begin(false).await, NewStream::Begun);
}
