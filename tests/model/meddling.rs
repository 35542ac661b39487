//! Faults and time between a caller and the model.

use std::sync::{Arc, Mutex};

use nodewarden::config::Mode;
use nodewarden::domain::change::Standing;
use nodewarden::store::{Ledger, StoreError};
use nodewarden_tests::model::{
    After, Before, Call, Ended, Meddling, Row, Tables, lasting, passing,
};

use crate::users::{Lost, turned, window};

/// Answers as it is told, and writes down what it was asked.
#[derive(Clone, Default)]
struct Plan(Arc<Mutex<Planned>>);

#[derive(Default)]
struct Planned {
    before: Option<Before>,
    after: Option<After>,
    asked: Vec<Call>,
    told: Vec<(Call, u64)>,
}

impl Plan {
    fn before(&self, before: Before) {
        self.0.lock().unwrap().before = Some(before);
    }

    fn after(&self, after: After) {
        self.0.lock().unwrap().after = Some(after);
    }
}

impl Meddling for Plan {
    fn before(&mut self, call: &Call) -> Before {
        let mut plan = self.0.lock().unwrap();
        plan.asked.push(call.clone());
        plan.before.take().unwrap_or(Before::Goes)
    }

    fn after(&mut self, call: &Call, tables: &Tables) -> After {
        let mut plan = self.0.lock().unwrap();
        plan.told.push((call.clone(), tables.one.seq));
        plan.after.take().unwrap_or(After::Replies)
    }
}

/// Three nodes of a lost pair, and a plan that comes between.
async fn planned() -> (Lost, Plan) {
    let lost = Lost::new(3).await;
    let plan = Plan::default();
    lost.model.meddle(plan.clone());
    (lost, plan)
}

fn call(op: &'static str, rows: u64, ended: Ended) -> Call {
    Call {
        by: "one".into(),
        op,
        epoch: Some(1),
        rows,
        ended,
    }
}

#[tokio::test]
async fn each_call_is_asked_about_and_told_with_its_rows_and_the_tables() {
    let (mut lost, plan) = planned().await;
    lost.take_out("").await.unwrap();
    lost.ledger.resume(2).await.unwrap_err();
    let planned = plan.0.lock().unwrap();
    let not_yet = Ended::NotYet;
    let resume = |rows, ended| Call {
        epoch: Some(2),
        ..call("resume", rows, ended)
    };
    assert_eq!(
        planned.asked,
        [call("take_out", 10, not_yet), resume(1, not_yet)]
    );
    // Read: the fence, the pair, the window and its end. Written: the fence, the decision twice, three
    // nodes, three changes, a message of two nodes and one of one.
    let expected = [
        (call("take_out", 6 + 11, Ended::Committed), 3),
        (resume(1, Ended::RolledBack), 3),
    ];
    assert_eq!(planned.told, expected);
}

#[tokio::test]
async fn a_call_that_fails_before_or_is_fenced_writes_nothing() {
    let (mut lost, plan) = planned().await;
    let before = lost.model.tables();
    plan.before(Before::Fails(passing("take nodes out")));
    let failed = lost.take_out("").await;
    assert!(
        matches!(failed, Err(StoreError::Transient { .. })),
        "{failed:?}"
    );
    plan.before(Before::Fails(lasting("take nodes out", "full")));
    let failed = lost.take_out("").await;
    assert!(
        matches!(failed, Err(StoreError::Permanent { .. })),
        "{failed:?}"
    );
    plan.before(Before::Fenced);
    let failed = lost.take_out("").await;
    assert!(matches!(failed, Err(StoreError::Fenced(1))), "{failed:?}");
    assert_eq!(lost.model.tables(), before);
    assert_eq!(plan.0.lock().unwrap().told, [], "none reached the tables");
}

#[tokio::test]
async fn a_lost_reply_tells_of_a_fault_and_what_was_written_stays() {
    let (mut lost, plan) = planned().await;
    plan.after(After::Loses(passing("take nodes out")));
    let failed = lost.take_out("").await;
    assert!(
        matches!(failed, Err(StoreError::Transient { .. })),
        "{failed:?}"
    );
    assert_eq!(lost.out(), ["n1", "n2", "n3"]);
}

#[tokio::test]
async fn i3_a_row_that_is_refused_half_way_undoes_all_of_the_call() {
    let (mut lost, plan) = planned().await;
    let before = lost.model.tables();
    let row = Row::MarkOf("n2".into());
    plan.before(Before::Refuses(row.clone()));
    let failed = lost.take_out("").await;
    assert!(
        matches!(failed, Err(StoreError::Permanent { .. })),
        "{failed:?}"
    );
    assert_eq!(lost.model.tables(), before);
    // The next one is refused as long as the row is.
    lost.model.refuse(row.clone());
    lost.take_out("").await.unwrap_err();
    assert_eq!(lost.model.tables(), before);
    lost.model.allow(&row);
    lost.take_out("").await.unwrap();
    assert_eq!(lost.out(), ["n1", "n2", "n3"]);
}

#[tokio::test]
async fn each_kind_of_row_can_be_refused() {
    let (mut lost, _) = planned().await;
    let findings = turned(&lost.pair, Standing::Active, 2);
    let rows = [
        Row::EventsOf(findings.events[0].conductor.clone()),
        Row::Conductor(findings.conductors[0].name.clone()),
        Row::DecisionsOf(lost.pair.clone()),
    ];
    for row in rows {
        let before = lost.model.tables();
        lost.model.refuse(row.clone());
        let failed = lost.ledger.commit(1, &findings).await;
        assert!(
            matches!(failed, Err(StoreError::Permanent { .. })),
            "{row:?}: {failed:?}"
        );
        assert_eq!(lost.model.tables(), before, "{row:?}");
        lost.model.allow(&row);
    }
    lost.ledger.commit(1, &findings).await.unwrap();
}

#[tokio::test]
async fn of_two_connections_the_one_with_the_older_epoch_is_fenced_from_then_on() {
    let mut lost = Lost::new(3).await;
    let mut other = lost.model.ledger("two");
    let taken = other.take_epoch("two", Mode::Enforce, 20).await.unwrap();
    assert_eq!(taken.epoch, 2);
    let before = lost.model.tables();
    let fenced = lost.take_out("").await;
    assert!(matches!(fenced, Err(StoreError::Fenced(1))), "{fenced:?}");
    assert_eq!(lost.model.tables(), before);
    other
        .take_out(2, &lost.pair, &window("", 10))
        .await
        .unwrap();
    assert_eq!(lost.out(), ["n1", "n2", "n3"]);
}

#[tokio::test]
async fn a_backup_put_back_loses_what_was_committed_since() {
    let mut lost = Lost::new(3).await;
    let backup = lost.model.tables();
    lost.take_out("").await.unwrap();
    assert_eq!(lost.model.look(|tables| tables.one.seq), 3);
    lost.model.restore(backup.clone());
    assert_eq!(lost.model.tables(), backup);
    assert_eq!(lost.out(), Vec::<String>::new());
}
