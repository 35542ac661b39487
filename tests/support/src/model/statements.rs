//! The statements that write all tables of a model to an SQLite file.

use std::fmt::Write as _;

use nodewarden::domain::change::CauseKind;
use nodewarden::words::Word;

use super::rows::{ConductorRow, DecisionRow, EventRow, Singles};
use super::tables::Tables;

/// A value as SQLite writes it.
trait Literal {
    fn literal(&self) -> String;
}

macro_rules! numbers {
    ($($number:ty),*) => { $(impl Literal for $number {
        fn literal(&self) -> String {
            self.to_string()
        }
    })* };
}
numbers!(u32, u64, i64);

impl Literal for bool {
    fn literal(&self) -> String {
        u32::from(*self).literal()
    }
}

impl Literal for str {
    fn literal(&self) -> String {
        format!("'{}'", self.replace('\'', "''"))
    }
}

impl Literal for String {
    fn literal(&self) -> String {
        self.as_str().literal()
    }
}

impl<T: Literal + ?Sized> Literal for &T {
    fn literal(&self) -> String {
        (*self).literal()
    }
}

impl<T: Literal> Literal for Option<T> {
    fn literal(&self) -> String {
        self.as_ref().map_or_else(|| "NULL".to_owned(), T::literal)
    }
}

impl Literal for std::time::Duration {
    fn literal(&self) -> String {
        self.as_millis().to_string()
    }
}

/// `(a, b), (c, d)` for `INSERT`.
macro_rules! row {
    ($($value:expr),* $(,)?) => {
        format!("({})", [$(($value).literal()),*].join(", "))
    };
}

/// What puts the tables in place of all that a file holds.
pub fn statements(tables: &Tables) -> String {
    let mut text = "BEGIN IMMEDIATE;".to_owned();
    singles(&mut text, &tables.one);
    nodes(&mut text, tables);
    decided(&mut text, tables);
    known(&mut text, tables);
    announced(&mut text, tables);
    text.push_str("COMMIT;");
    text
}

/// Replaces all rows of a table.
fn replace(text: &mut String, table: &str, columns: &str, rows: impl Iterator<Item = String>) {
    writeln!(text, "DELETE FROM {table};").expect("written");
    for row in rows {
        writeln!(text, "INSERT INTO {table} ({columns}) VALUES {row};").expect("written");
    }
}

fn singles(text: &mut String, one: &Singles) {
    let state = row![
        1_u32,
        one.stream,
        one.epoch,
        one.commits,
        one.seq,
        one.last_announcement,
        one.last_decision,
        one.holder,
        one.taken_at_ms,
        one.committed_at_ms,
        one.mode.map(Word::as_str),
    ];
    let columns =
        "id, stream, epoch, commits, seq, last_announcement, last_decision, holder, taken_at_ms,
        committed_at_ms, mode";
    replace(text, "nodewarden_state", columns, [state].into_iter());
    let streams = one.streams.iter().map(|row| {
        let (known, found) = (row.known.as_ref(), &row.found);
        row![
            row.stream,
            found.stream,
            row.began_at_ms,
            known.map(|known| &known.stream),
            known.map(|known| known.epoch),
            known.map(|known| known.seq),
            known.map(|known| known.commits),
            found.epoch,
            found.seq,
            found.commits,
            row.waits,
        ]
    });
    let columns =
        "stream, previous, began_at_ms, known_stream, known_epoch, known_seq, known_commits,
        found_epoch, found_seq, found_commits, waits_ms";
    replace(text, "nodewarden_streams", columns, streams);
    let relay = row![1_u32, one.announced, one.announced_at_ms];
    let columns = "id, announced, announced_at_ms";
    replace(text, "nodewarden_relay", columns, [relay].into_iter());
    let pause = one.pause.iter().map(|pause| {
        let (id, at_ms) = (&pause.id, pause.paused_at_ms);
        let (reason, who, left) = (&pause.reason, &pause.who, pause.remaining);
        row![1_u32, id, reason, who, at_ms, left, pause.noted_at_ms]
    });
    let columns = "id, pause_id, reason, who, paused_at_ms, remaining_ms, noted_at_ms";
    replace(text, "nodewarden_pause", columns, pause);
    let hearing = one.hearing.iter().map(|(epoch, note)| {
        let (since, for_ms) = (note.unproven_since_ms, note.unproven);
        let (deaf, troubles) = (note.deaf, note.troubles.join("\n"));
        row![
            1_u32,
            epoch,
            since,
            for_ms,
            deaf,
            troubles,
            note.noted_at_ms
        ]
    });
    let columns = "id, epoch, unproven_since_ms, unproven_ms, deaf, troubles, noted_at_ms";
    replace(text, "nodewarden_hearing", columns, hearing);
    let counted = one
        .counted
        .iter()
        .map(|at| row![1_u32, at.counted_at_ms, at.nodes, at.held, at.seq]);
    let columns = "id, counted_at_ms, nodes, held, seq";
    replace(text, "nodewarden_counted", columns, counted);
    let proofs = (one.proofs > 0).then(|| row![1_u32, one.proofs]);
    replace(text, "nodewarden_proof", "id, proofs", proofs.into_iter());
}

fn nodes(text: &mut String, tables: &Tables) {
    let nodes = tables.nodes.iter().map(|(uuid, node)| {
        let (name, driver, group) = (&node.name, &node.driver, &node.conductor_group);
        let (state, since) = (&node.service_state, node.service_state_since_ms);
        row![uuid, name, driver, group, node.maintenance, state, since]
    });
    let columns =
        "uuid, name, driver, conductor_group, maintenance, service_state, service_state_since_ms";
    replace(text, "nodes", columns, nodes);
    let counts = tables.counts.iter();
    let counts = counts.map(|((group, driver), row)| row![group, driver, row.nodes, row.held]);
    let columns = "conductor_group, driver, nodes, held";
    replace(text, "nodewarden_counts", columns, counts);
}

fn decided(text: &mut String, tables: &Tables) {
    let pairs = tables.pairs.iter().map(|(pair, row)| {
        let (group, driver) = (pair.group.as_str(), pair.driver.as_str());
        let state = row.standing.as_str();
        row![group, driver, state, row.since_ms, row.decision]
    });
    let columns = "conductor_group, driver, state, since_ms, decision";
    replace(text, "nodewarden_pairs", columns, pairs);
    let decisions = tables.decisions.iter();
    let decisions = decisions.map(|(number, decision)| of_decision(*number, decision));
    let columns =
        "number, decision_id, conductor_group, driver, verdict, cause, cause_event_id, cause_event,
        cause_conductor, last_good_at_ms, epoch, decided_at_ms, completed_at_ms, nodes, observed";
    replace(text, "nodewarden_decisions", columns, decisions);
}

fn of_decision(number: u64, decision: &DecisionRow) -> String {
    let (id, event) = match &decision.cause.kind {
        CauseKind::Event { id, event_type } => (Some(id.as_str()), Some(event_type.as_str())),
        CauseKind::Silence | CauseKind::RestartOverdue | CauseKind::NeverSeen => (None, None),
    };
    row![
        number,
        decision.id,
        decision.pair.group.as_str(),
        decision.pair.driver.as_str(),
        decision.verdict.as_str(),
        decision.cause.kind.word().as_str(),
        id,
        event,
        decision.cause.conductor.as_ref().map(|name| name.as_str()),
        decision.last_good_at_ms,
        decision.epoch,
        decision.decided_at_ms,
        decision.completed_at_ms,
        decision.nodes,
        decision.observed,
    ]
}

fn known(text: &mut String, tables: &Tables) {
    let events = tables.events.iter();
    let events = events.map(|(number, event)| of_event(*number, event));
    let columns = "number, conductor, message_id, digest, type, outcome, received_at_ms";
    replace(text, "nodewarden_events", columns, events);
    let columns = "conductor, incarnation, conductor_group, drivers, heartbeat_timeout_ms, state,
        hold_remaining_ms, hold_noted_at_ms, last_sent_at_ms, last_sign_at_ms, since_ms";
    let conductors = tables.conductors.values().map(of_conductor);
    replace(text, "nodewarden_conductors", columns, conductors);
    let notes = tables.unheeded.values().map(|note| {
        let (refused, ignored) = (note.refused.as_ref(), note.ignored.as_ref());
        row![
            note.conductor.as_str(),
            refused.map(|it| it.why.as_str()),
            refused.map(|it| it.count),
            refused.map(|it| it.since_ms),
            refused.map(|it| it.last_ms),
            note.remaining,
            ignored.map(|it| it.incarnation.get()),
            ignored.map(|it| it.count),
            ignored.map(|it| it.since_ms),
            ignored.map(|it| it.last_ms),
        ]
    });
    let columns = "conductor, refused_why, refused_count, refused_since_ms, refused_last_ms,
        refused_remaining_ms, ignored_incarnation, ignored_count, ignored_since_ms, ignored_last_ms";
    replace(text, "nodewarden_unheeded", columns, notes);
    let receipts = tables.receipts.values().map(|received| {
        let receipt = &received.receipt;
        row![
            receipt.subscriber.as_str(),
            receipt.stream.as_str(),
            receipt.seq,
            receipt.applied_at_ms,
            received.heard_at_ms,
        ]
    });
    let columns = "subscriber, stream, seq, applied_at_ms, heard_at_ms";
    replace(text, "nodewarden_receipts", columns, receipts);
}

fn of_event(number: u64, event: &EventRow) -> String {
    let digest: String = event
        .digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "({number}, {}, {}, x'{digest}', {}, {}, {})",
        event.conductor.as_str().literal(),
        event.id.as_str().literal(),
        event.event_type.as_str().literal(),
        event.outcome.as_str().literal(),
        event.received_at_ms
    )
}

fn of_conductor(known: &ConductorRow) -> String {
    let record = &known.record;
    let drivers: Vec<&str> = record.drivers.iter().map(|name| name.as_str()).collect();
    row![
        record.name.as_str(),
        record.incarnation.get(),
        record.group.as_str(),
        serde_json::json!(drivers).to_string(),
        record.heartbeat_timeout,
        record.state.as_str(),
        record.restart_remaining,
        known.noted_at_ms,
        record.last_sent_at_ms,
        record.last_sign_at_ms,
        record.since_ms,
    ]
}

fn announced(text: &mut String, tables: &Tables) {
    let changes = tables.changes.iter().map(|(seq, row)| {
        let held = row.held.then_some(&row.uuid);
        let back = row.back.map(Word::as_str);
        row![
            seq,
            row.uuid,
            row.name,
            held,
            row.decision,
            row.since_ms,
            back,
            row.ends
        ]
    });
    let columns = "seq, uuid, name, held, decision, since_ms, back, ends";
    replace(text, "nodewarden_changes", columns, changes);
    let announcements = tables.announcements.iter().map(|(number, row)| {
        row![
            number,
            row.announcement_type.as_str(),
            row.decision,
            row.reason,
            row.released_by,
            row.first_seq,
            row.last_seq,
            row.epoch,
            row.decided_at_ms,
            row.committed_at_ms,
            1_u32,
        ]
    });
    let columns =
        "number, type, decision, reason, released_by, first_seq, last_seq, epoch, decided_at_ms,
        committed_at_ms, format";
    replace(text, "nodewarden_announcements", columns, announcements);
    let requests = tables.requests.iter().map(|(number, row)| {
        let (kind, asked) = (row.kind.as_str(), row.requested_at_ms);
        row![
            number,
            kind,
            row.argument,
            asked,
            row.done_at_ms,
            row.result
        ]
    });
    let columns = "number, kind, argument, requested_at_ms, done_at_ms, result";
    replace(text, "nodewarden_requests", columns, requests);
}
