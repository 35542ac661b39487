//! Everything that a replica, a command and a request does with the database, once or a few times.

use std::sync::Arc;
use std::time::Duration;

use nodewarden::config::{InventoryKind, Mode};
use nodewarden::domain::change::{Cause, CauseKind, Standing, Turn, Verdict};
use nodewarden::domain::conductor::Outcome;
use nodewarden::domain::ids::{
    ConductorName, Driver, EventId, Group, Incarnation, Pair, SubscriberName,
};
use nodewarden::domain::receipt::{MOST_SUBSCRIBERS, Receipt};
use nodewarden::domain::unheeded::Note;
use nodewarden::store::counting::{self, Read};
use nodewarden::store::{
    self, ConductorRecord, Counts, DecisionRecord, EventRecord, Findings, HearingNote, Held,
    Ledger, Operator, Outbox, Pause, Prune, Reader, RequestKind, Rows, SqlLedger, SqlOutbox,
    StandingRecord, Sweep, Unwatched, Window,
};
use nodewarden::words::Word;

use crate::fleet::{Fleet, KEPT_FROM, NOW, big, pair, small};

/// Rows in a window, and in a batch.
pub const WINDOW: u32 = 25;

/// Where windows begin: nowhere, in the middle, and near the end.
const AFTER: [&str; 3] = ["", "7", "f"];

/// What each step read.
type Reads = Vec<(&'static str, Vec<Read>)>;

/// Runs a step and notes what it read.
macro_rules! step {
    ($reads:expr, $what:literal, $work:expr) => {{
        let (outcome, read) = counting::reads($work).await;
        $reads.push(($what, read));
        outcome.unwrap_or_else(|fault| panic!("{}: {fault:?}", $what))
    }};
}

pub async fn tell(fleet: &Fleet) -> Reads {
    let mut reads = Reads::new();
    let settings = fleet.settings();
    let mut ledger =
        SqlLedger::new(fleet.database(), settings.clone(), Arc::new(Unwatched)).unwrap();
    step!(reads, "stream", ledger.stream());
    step!(reads, "prove", ledger.prove());
    let taken = step!(
        reads,
        "takeover",
        ledger.take_epoch("me", Mode::Enforce, NOW)
    );
    step!(reads, "resume", ledger.resume(taken.epoch));
    step!(reads, "a former stream", ledger.came_after("another"));
    looks(fleet, &mut reads).await;
    count(&mut ledger, taken.epoch, &mut reads).await;
    walks(fleet, &mut ledger, taken.epoch, &mut reads).await;
    sweeps(fleet, &mut ledger, taken.epoch, &mut reads).await;
    intake(&mut ledger, taken.epoch, &mut reads).await;
    returns(&mut ledger, taken.epoch, &mut reads).await;
    moved(fleet, &mut ledger, taken.epoch, &mut reads).await;
    relay(fleet, taken.epoch, &mut reads).await;
    operators(fleet, &mut ledger, taken.epoch, &mut reads).await;
    reads
}

pub fn window(after: &str) -> Window {
    Window {
        unknown: false,
        after: after.into(),
        nodes: WINDOW,
        nodes_per_message: 10,
        completes: true,
        now_ms: NOW,
    }
}

/// What `/metrics`, the API and commands ask for.
async fn looks(fleet: &Fleet, reads: &mut Reads) {
    let reader = Reader::new(fleet.database(), fleet.settings()).unwrap();
    step!(reads, "overview", reader.overview());
    for after in AFTER {
        step!(reads, "snapshot", reader.snapshot(after, WINDOW));
    }
    step!(reads, "drivers", reader.drivers());
    step!(reads, "conductors", reader.conductors());
    step!(reads, "decisions", reader.decisions(WINDOW));
    step!(reads, "observed", reader.observed(KEPT_FROM));
    for name in ["node-0", "node-1", "node-2", "node-4", "none"] {
        let node = step!(reads, "node", reader.node(name));
        if let Some(node) = node {
            step!(reads, "node by uuid", reader.node_by_uuid(&node.uuid));
        }
    }
    step!(reads, "request", reader.request(1));
    for after in AFTER {
        for of in [None, Some(&big()), Some(&small(2))] {
            step!(reads, "list of nodes", reader.nodes(of, after, WINDOW));
        }
        step!(reads, "list of holds", reader.holds(after, WINDOW));
    }
    for below in [u64::MAX / 2, 50] {
        step!(reads, "history", reader.past_decisions(below, WINDOW));
        step!(reads, "history", reader.past_actions(below, WINDOW));
    }
}

/// More pairs than any fleet of these has.
const EVERY_PAIR: u32 = 100_000;

/// Counts are kept; one pair is needed, and nothing was ever decided about it.
async fn count(ledger: &mut SqlLedger, epoch: u64, reads: &mut Reads) {
    let kept = Counts {
        pairs: [big(), small(2), small(3), pair("nobody", "unheard-of")]
            .iter()
            .map(|pair| ((pair.group.to_string(), pair.driver.to_string()), 1))
            .collect(),
        nodes: 3,
        counted_at_ms: NOW,
    };
    step!(
        reads,
        "keep counts",
        ledger.keep_counts(epoch, &kept, EVERY_PAIR)
    );
    step!(reads, "unknown pairs", ledger.unknown_pairs(WINDOW));
}

/// What moved since then is looked at and folded in.
async fn moved(fleet: &Fleet, ledger: &mut SqlLedger, epoch: u64, reads: &mut Reads) {
    let reader = Reader::new(fleet.database(), fleet.settings()).unwrap();
    step!(reads, "drivers", reader.counted_drivers());
    for of in [None, Some(&big())] {
        step!(reads, "held", reader.held(of));
    }
    step!(reads, "fold counts", ledger.fold_counts(epoch));
    let note = HearingNote {
        unproven_since_ms: Some(NOW),
        unproven: Duration::from_secs(60),
        deaf: true,
        troubles: vec!["deaf".into()],
        noted_at_ms: NOW,
    };
    step!(reads, "note the hearing", ledger.note(epoch, &note));
    step!(reads, "subscribers", reader.subscribers());
    step!(reads, "overview", reader.overview());
}

/// Looking for work, and doing it.
async fn walks(fleet: &Fleet, ledger: &mut SqlLedger, epoch: u64, reads: &mut Reads) {
    let (big, small) = (big(), small(2));
    for after in AFTER {
        for of in [
            Rows::NodesOf(&big),
            Rows::NodesOf(&small),
            Rows::Holds,
            Rows::Nodes,
        ] {
            step!(reads, "survey", ledger.survey(of, &window(after)));
        }
        step!(
            reads,
            "survey",
            ledger.survey(Rows::HoldsOf(&big), &window(after))
        );
    }
    for after in AFTER.into_iter().chain(["g"]) {
        step!(reads, "survey all", ledger.survey_all(&window(after)));
    }
    // Past the last one.
    step!(reads, "survey", ledger.survey(Rows::Holds, &window("g")));
    step!(reads, "first after", ledger.first_after(Rows::Nodes, "8"));
    for after in AFTER {
        for pair in [&big, &small] {
            step!(
                reads,
                "take out",
                ledger.take_out(epoch, pair, &window(after))
            );
            // Where nothing is left to do.
            step!(
                reads,
                "take out again",
                ledger.take_out(epoch, pair, &window(after))
            );
        }
        // What ends makes room for others in the window.
        for _ in 0..4 {
            step!(reads, "keep", ledger.give_back(epoch, None, &window(after)));
            step!(
                reads,
                "survey again",
                ledger.survey(Rows::Holds, &window(after))
            );
        }
        step!(
            reads,
            "put right",
            ledger.unmark_strays(epoch, &window(after))
        );
    }
    step!(
        reads,
        "keep the last",
        ledger.give_back(epoch, None, &window("g"))
    );
    if fleet.inventory == InventoryKind::Native {
        // Where all else is right, one mark was lifted by hand.
        let lift = "UPDATE nodes SET service_state = 'in_service'
            WHERE uuid = (SELECT min(held) FROM nodewarden_changes)";
        fleet.scratch.run(lift).await;
        let lifted = step!(
            reads,
            "survey a mark",
            ledger.survey(Rows::Holds, &window(""))
        );
        assert!(lifted.work, "the mark is to be set again");
        step!(
            reads,
            "mark again",
            ledger.give_back(epoch, None, &window(""))
        );
    }
}

/// Several small pairs in one transaction, and the big one, which is too large for that.
async fn together(
    ledger: &mut SqlLedger,
    epoch: u64,
    to: Standing,
    pairs: [u64; 2],
    reads: &mut Reads,
) {
    let pairs = [small(pairs[0]), big(), small(pairs[1])];
    for _ in 0..2 {
        step!(
            reads,
            "survey together",
            ledger.survey_pairs(&pairs, &window(""))
        );
        let done = step!(
            reads,
            "carry out together",
            ledger.carry_out(epoch, to, &pairs, &window(""))
        );
        let too_large: Vec<bool> = done.iter().map(Option::is_none).collect();
        assert_eq!(too_large, [false, true, false]);
    }
}

async fn sweeps(fleet: &Fleet, ledger: &mut SqlLedger, epoch: u64, reads: &mut Reads) {
    let pause = ("none".to_owned(), Duration::from_secs(1));
    let sweep = Sweep {
        restarting: vec![conductor("c1")],
        forget: vec![name("c20")],
        unnamed: vec![pair("e1", "empty"), pair("big", ""), small(3)],
        unwanted: vec![pair("u1", "unknown"), big()],
        announces: true,
        pause: Some(pause),
        now_ms: NOW,
    };
    step!(reads, "sweep", ledger.begin_sweep(epoch, &sweep));
    let unknown = step!(reads, "unknown pairs", ledger.unknown_pairs(WINDOW));
    step!(reads, "needed", ledger.needed(&unknown));
    step!(reads, "a count of nodes", ledger.count_nodes("", WINDOW));
    for what in [
        Prune::Events,
        Prune::Changes,
        Prune::Announcements,
        Prune::Decisions,
        Prune::Requests,
        Prune::Receipts,
    ] {
        if what == Prune::Decisions {
            // As in a sweep, what speaks of them has gone before.
            let due = format!(
                "DELETE FROM nodewarden_announcements WHERE committed_at_ms < {KEPT_FROM};
                 DELETE FROM nodewarden_changes WHERE held IS NULL AND since_ms < {KEPT_FROM}"
            );
            fleet.scratch.run(&due).await;
        }
        for _ in 0..2 {
            step!(reads, "prune", ledger.prune(epoch, what, KEPT_FROM, WINDOW));
        }
        // Of what lies far back there is nothing.
        step!(reads, "prune nothing", ledger.prune(epoch, what, 0, WINDOW));
    }
}

async fn intake(ledger: &mut SqlLedger, epoch: u64, reads: &mut Reads) {
    let ids: Vec<_> = (0..u64::from(WINDOW))
        .map(|n| {
            (
                name(&format!("c{n}")),
                EventId::parse(&format!("m{n}")).unwrap(),
            )
        })
        .collect();
    step!(reads, "recall", ledger.recall(&ids));
    let pairs: Vec<Pair> = (0..u64::from(WINDOW)).map(|n| small(n * 2 + 1)).collect();
    let observed = findings(&pairs[..1], Standing::Lost, true, "o");
    step!(reads, "observe", ledger.commit(epoch, &observed));
    step!(reads, "measure", ledger.waited_since(1));
    let lost = findings(&pairs, Standing::Lost, false, "l");
    step!(reads, "commit", ledger.commit(epoch, &lost));
    together(ledger, epoch, Standing::Lost, [5, 7], reads).await;
    step!(reads, "fold counts", ledger.fold_counts(epoch));
}

/// Pairs come back, the big one too.
async fn returns(ledger: &mut SqlLedger, epoch: u64, reads: &mut Reads) {
    let back = [big(), small(2), small(5), small(7)];
    let restored = findings(&back, Standing::Active, false, "r");
    step!(reads, "commit", ledger.commit(epoch, &restored));
    together(ledger, epoch, Standing::Active, [5, 7], reads).await;
    for pair in &back[..2] {
        for after in ["", "", "7", "f"] {
            step!(
                reads,
                "give back",
                ledger.give_back(epoch, Some(pair), &window(after))
            );
        }
    }
}

async fn relay(fleet: &Fleet, epoch: u64, reads: &mut Reads) {
    let mut outbox = SqlOutbox::new(fleet.database(), Arc::new(Unwatched)).unwrap();
    let pending = step!(reads, "pending", outbox.pending(None, WINDOW));
    let last = pending.last().unwrap().number;
    step!(reads, "pending", outbox.pending(Some(last), WINDOW));
    step!(reads, "announced", outbox.announced(epoch, last, NOW));
}

async fn operators(fleet: &Fleet, ledger: &mut SqlLedger, epoch: u64, reads: &mut Reads) {
    let mut operator = Operator::new(fleet.database(), fleet.settings()).unwrap();
    step!(
        reads,
        "ask",
        store::request(fleet.database(), RequestKind::Forget, "c30", "kim", NOW)
    );
    let requests = step!(reads, "requests", ledger.requests());
    step!(
        reads,
        "answer",
        ledger.answer_forget(epoch, &requests[0], true, "done", NOW)
    );
    let pause = Pause {
        id: "p".into(),
        reason: "test".into(),
        who: "me".into(),
        paused_at_ms: NOW,
        remaining: None,
        noted_at_ms: NOW,
    };
    step!(reads, "pause", operator.pause(&pause));
    operator = operator.noted("me", "test");
    step!(reads, "look for the pause", ledger.pause());
    let reader = Reader::new(fleet.database(), fleet.settings()).unwrap();
    let held = reader.snapshot("9", 1).await.unwrap().nodes.remove(0);
    let pair = small(4);
    for held in [Held::Node(&held.uuid), Held::Of(&pair), Held::Everything] {
        for after in ["", "7"] {
            step!(reads, "release", operator.release(held, &window(after)));
        }
    }
    step!(reads, "end the pause", ledger.end_pause(epoch, "p", NOW));
    step!(reads, "resume", operator.resume(NOW));
    step!(reads, "step down", ledger.step_down(epoch, NOW));
    step!(
        reads,
        "new stream",
        operator.new_stream(&nodewarden::clock::new_id(), NOW, true)
    );
}

fn name(name: &str) -> ConductorName {
    ConductorName::parse(name).unwrap()
}

fn conductor(of: &str) -> ConductorRecord {
    ConductorRecord {
        name: name(of),
        incarnation: Incarnation::new(1).unwrap(),
        group: Group::parse("g1").unwrap(),
        drivers: [Driver::parse("d1").unwrap()].into(),
        heartbeat_timeout: None,
        state: Word::parse("active").unwrap(),
        restart_remaining: None,
        last_sent_at_ms: None,
        last_sign_at_ms: 40,
        since_ms: 30,
    }
}

/// A batch in which all `pairs` turn.
pub fn findings(pairs: &[Pair], to: Standing, observed: bool, run: &str) -> Findings {
    let verdict = match to {
        Standing::Lost => Verdict::Lost,
        Standing::Active => Verdict::Restored,
    };
    let turn = |pair: &Pair| Turn {
        pair: pair.clone(),
        to,
        verdict: Some(verdict),
        cause: Cause {
            conductor: Some(name("c1")),
            kind: CauseKind::Silence,
        },
        last_good_at_ms: Some(900),
    };
    Findings {
        silent: vec![SubscriberName::parse("gone").unwrap()],
        waits: Some((
            "7f1d2a3b-64d4-4a57-9d10-6a1f6d3c0e21".to_owned(),
            Duration::from_secs(1),
        )),
        observed,
        now_ms: NOW,
        events: (0..WINDOW)
            .map(|n| EventRecord {
                conductor: name("c1"),
                id: EventId::parse(&format!("{run}{n}")).unwrap(),
                digest: [7; 32],
                event_type: Word::parse("conductor.left").unwrap(),
                outcome: Outcome::Applied,
            })
            .collect(),
        conductors: (0..WINDOW).map(|n| conductor(&format!("c{n}"))).collect(),
        receipts: (0..MOST_SUBSCRIBERS as u64)
            .map(|n| Receipt {
                subscriber: SubscriberName::parse(&format!("s{n}")).unwrap(),
                stream: "7f1d2a3b-64d4-4a57-9d10-6a1f6d3c0e21".to_owned(),
                seq: n,
                applied_at_ms: NOW,
            })
            .collect(),
        unheeded: (0..WINDOW)
            .map(|n| Note {
                conductor: name(&format!("c{n}")),
                refused: None,
                remaining: None,
                ignored: None,
            })
            .collect(),
        standings: pairs
            .iter()
            .map(|pair| StandingRecord {
                pair: pair.clone(),
                standing: to,
            })
            .collect(),
        decisions: pairs
            .iter()
            .enumerate()
            .map(|(n, pair)| DecisionRecord {
                id: format!("{run}-{n}"),
                verdict,
                turn: turn(pair),
                decided_at_ms: NOW,
            })
            .collect(),
    }
}
