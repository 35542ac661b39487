//! The tables of a model as they are in a real schema: read from an SQLite file or a PostgreSQL, to
//! compare them, and written to a file, to show a model to whatever reads a database.

use std::time::Duration;

use nodewarden::domain::change::{Cause, CauseKind, CauseWord};
use nodewarden::domain::committed::Committed;
use nodewarden::domain::conductor::ConductorState;
use nodewarden::domain::ids::{
    ConductorName, Driver, EventId, Group, Incarnation, Pair, SubscriberName,
};
use nodewarden::domain::receipt::{Receipt, Received};
use nodewarden::domain::unheeded::{Ignored, Note, Refused};
use nodewarden::store::{ConductorRecord, HearingNote, Pause};
use nodewarden::words::Word;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use super::rows::{
    AnnouncementRow, ChangeRow, ConductorRow, CountRow, Counted, DecisionRow, EventRow, Node,
    PairRow, RequestRow, StreamRow,
};
use super::statements::statements;
use super::tables::Tables;

/// A connection to a database that has our tables: a file, or a PostgreSQL.
pub enum Mirror {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A row of an answer, read as what the real store wrote.
enum Read {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Both kinds of connection and of row have the same methods.
macro_rules! either {
    ($either:expr, $kind:ident, |$inner:ident| $does:expr) => {
        match $either {
            $kind::Sqlite($inner) => $does,
            $kind::Postgres($inner) => $does,
        }
    };
}

impl Read {
    fn number(&self, column: &str) -> Option<u64> {
        let number: Option<i64> = either!(self, Read, |row| row.try_get(column).expect("a number"));
        number.map(|number| number.try_into().expect("it is not negative"))
    }

    fn uint(&self, column: &str) -> u64 {
        self.number(column).expect("it is there")
    }

    fn signed(&self, column: &str) -> i64 {
        either!(self, Read, |row| row.try_get(column).expect("a number"))
    }

    fn text(&self, column: &str) -> Option<String> {
        either!(self, Read, |row| row.try_get(column).expect("a text"))
    }

    fn word<W: Word>(&self, column: &str) -> Option<W> {
        let text = self.text(column)?;
        Some(W::parse(&text).expect("a word"))
    }

    fn flag(&self, column: &str) -> Option<bool> {
        either!(self, Read, |row| row.try_get(column).expect("a flag"))
    }

    fn bytes(&self, column: &str) -> Vec<u8> {
        either!(self, Read, |row| row.try_get(column).expect("bytes"))
    }

    fn ms(&self, column: &str) -> Option<Duration> {
        self.number(column).map(Duration::from_millis)
    }

    fn pair(&self) -> Pair {
        let (group, driver) = self.key();
        Pair {
            group: Group::parse(&group).expect("a group"),
            driver: Driver::parse(&driver).expect("a driver"),
        }
    }

    fn key(&self) -> (String, String) {
        let key = self.text("conductor_group").zip(self.text("driver"));
        key.expect("a pair")
    }

    fn conductor(&self, column: &str) -> Option<ConductorName> {
        let name = self.text(column)?;
        Some(ConductorName::parse(&name).expect("a name"))
    }
}

impl Mirror {
    /// Opens a database that has our tables.
    pub async fn open(url: &str) -> Self {
        match url.starts_with("sqlite:") {
            true => Self::Sqlite(SqliteConnection::connect(url).await.expect("the file")),
            false => Self::Postgres(PgConnection::connect(url).await.expect("the server")),
        }
    }

    /// Runs one statement, with texts for its placeholders.
    pub async fn run(&mut self, statement: &str, texts: &[Option<&str>]) {
        either!(self, Mirror, |link| {
            let query = sqlx::query(AssertSqlSafe(statement.to_owned()));
            let query = texts.iter().fold(query, |query, text| query.bind(*text));
            query.execute(link).await.map(drop).expect(statement);
        });
    }

    async fn all(&mut self, table: &str) -> Vec<Read> {
        let query = sqlx::raw_sql(AssertSqlSafe(format!("SELECT * FROM {table}")));
        match self {
            Self::Sqlite(link) => {
                let rows = link.fetch_all(query).await.expect(table);
                rows.into_iter().map(Read::Sqlite).collect()
            }
            Self::Postgres(link) => {
                let rows = link.fetch_all(query).await.expect(table);
                rows.into_iter().map(Read::Postgres).collect()
            }
        }
    }

    async fn one(&mut self, table: &str) -> Option<Read> {
        self.all(table).await.pop()
    }

    // --- from a database -------------------------------------------------------------------------

    /// All that it holds.
    pub async fn load(&mut self) -> Tables {
        let state = self.one("nodewarden_state").await.expect("a state");
        let mut tables = Tables::new(&state.text("stream").expect("a stream"));
        self.load_singles(&state, &mut tables).await;
        for row in self.all("nodes").await {
            tables
                .nodes
                .put(row.text("uuid").expect("a key"), node(&row));
        }
        for row in self.all("nodewarden_events").await {
            let event = event(&row);
            let (number, key) = (
                row.uint("number"),
                (event.conductor.clone(), event.id.clone()),
            );
            tables.event_numbers.put(key, number);
            tables.events.put(number, event);
        }
        for row in self.all("nodewarden_conductors").await {
            let known = conductor(&row);
            tables.conductors.put(known.record.name.clone(), known);
        }
        for row in self.all("nodewarden_unheeded").await {
            let note = note(&row);
            tables.unheeded.put(note.conductor.clone(), note);
        }
        for row in self.all("nodewarden_receipts").await {
            let received = received(&row);
            let name = received.receipt.subscriber.clone();
            tables.receipts.put(name, received);
        }
        for row in self.all("nodewarden_pairs").await {
            let stands = PairRow {
                standing: row.word("state").expect("a standing"),
                since_ms: row.uint("since_ms"),
                decision: row.number("decision"),
            };
            tables.pairs.put(row.pair(), stands);
        }
        for row in self.all("nodewarden_decisions").await {
            let (number, decision) = (row.uint("number"), decision(&row));
            tables.decision_numbers.put(decision.id.clone(), number);
            tables.decisions_of.put((decision.pair.clone(), number), ());
            tables.decisions.put(number, decision);
        }
        for row in self.all("nodewarden_changes").await {
            let (seq, change) = (row.uint("seq"), change(&row));
            if change.held {
                tables.held.put(change.uuid.clone(), seq);
            }
            tables.changes.put(seq, change);
        }
        for row in self.all("nodewarden_announcements").await {
            tables
                .announcements
                .put(row.uint("number"), announcement(&row));
        }
        for row in self.all("nodewarden_requests").await {
            let request = RequestRow {
                kind: row.word("kind").expect("a kind"),
                argument: row.text("argument").expect("an argument"),
                requested_at_ms: row.uint("requested_at_ms"),
                done_at_ms: row.number("done_at_ms"),
                result: row.text("result"),
            };
            tables.requests.put(row.uint("number"), request);
        }
        for row in self.all("nodewarden_counts").await {
            let count = CountRow {
                nodes: row.signed("nodes"),
                held: row.signed("held"),
            };
            tables.counts.put(row.key(), count);
        }
        tables.commit();
        tables
    }

    async fn load_singles(&mut self, state: &Read, tables: &mut Tables) {
        let one = &mut tables.one;
        one.epoch = state.uint("epoch");
        one.commits = state.uint("commits");
        one.seq = state.uint("seq");
        one.last_announcement = state.uint("last_announcement");
        one.last_decision = state.uint("last_decision");
        one.holder = state.text("holder");
        one.taken_at_ms = state.number("taken_at_ms");
        one.committed_at_ms = state.number("committed_at_ms");
        one.mode = state.word("mode");
        let relay = self.one("nodewarden_relay").await.expect("a relay");
        one.announced = relay.uint("announced");
        one.announced_at_ms = relay.number("announced_at_ms");
        one.pause = self.one("nodewarden_pause").await.map(|row| Pause {
            id: row.text("pause_id").expect("an id"),
            reason: row.text("reason").expect("a reason"),
            who: row.text("who").expect("a name"),
            paused_at_ms: row.uint("paused_at_ms"),
            remaining: row.ms("remaining_ms"),
            noted_at_ms: row.uint("noted_at_ms"),
        });
        let hearing = self.one("nodewarden_hearing").await;
        one.hearing = hearing.map(|row| {
            let troubles = row.text("troubles").expect("troubles");
            let note = HearingNote {
                unproven_since_ms: row.number("unproven_since_ms"),
                unproven: row.ms("unproven_ms").expect("a time"),
                deaf: row.uint("deaf") > 0,
                troubles: troubles.lines().map(str::to_owned).collect(),
                noted_at_ms: row.uint("noted_at_ms"),
            };
            (row.uint("epoch"), note)
        });
        let counted = self.one("nodewarden_counted").await;
        one.counted = counted.map(|row| Counted {
            counted_at_ms: row.uint("counted_at_ms"),
            nodes: row.uint("nodes"),
            held: row.uint("held"),
            seq: row.uint("seq"),
        });
        let proof = self.one("nodewarden_proof").await;
        one.proofs = proof.map_or(0, |row| row.uint("proofs"));
        one.streams = self
            .all("nodewarden_streams")
            .await
            .iter()
            .map(stream)
            .collect();
    }

    // --- to the file -----------------------------------------------------------------------------

    /// Puts the tables in place of all that the file holds.
    pub async fn save(&mut self, tables: &Tables) {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements(tables)));
        match self {
            Self::Sqlite(link) => link.execute(statements).await.map(drop).expect("saved"),
            Self::Postgres(_) => unreachable!("only a file is written"),
        }
    }
}

fn stream(row: &Read) -> StreamRow {
    let committed = |stream: String, of: &str| Committed {
        stream,
        epoch: row.uint(&format!("{of}_epoch")),
        seq: row.uint(&format!("{of}_seq")),
        commits: row.uint(&format!("{of}_commits")),
    };
    let known = row.text("known_stream");
    StreamRow {
        stream: row.text("stream").expect("a stream"),
        began_at_ms: row.uint("began_at_ms"),
        known: known.map(|stream| committed(stream, "known")),
        found: committed(row.text("previous").expect("a stream"), "found"),
        waits: row.ms("waits_ms").expect("a time"),
    }
}

fn node(row: &Read) -> Node {
    Node {
        name: row.text("name"),
        driver: row.text("driver"),
        conductor_group: row.text("conductor_group"),
        maintenance: row.flag("maintenance"),
        service_state: row.text("service_state"),
        service_state_since_ms: row.number("service_state_since_ms"),
    }
}

fn event(row: &Read) -> EventRow {
    EventRow {
        conductor: row.conductor("conductor").expect("a name"),
        id: EventId::parse(&row.text("message_id").expect("an id")).expect("an id"),
        digest: row.bytes("digest").try_into().expect("32 bytes"),
        event_type: row.word("type").expect("a type"),
        outcome: row.word("outcome").expect("an outcome"),
        received_at_ms: row.uint("received_at_ms"),
    }
}

fn conductor(row: &Read) -> ConductorRow {
    let drivers = row.text("drivers").expect("drivers");
    let drivers: Vec<String> = serde_json::from_str(&drivers).expect("a list");
    let driver = |name: &String| Driver::parse(name).expect("a driver");
    let group = row.text("conductor_group").expect("a group");
    let record = ConductorRecord {
        name: row.conductor("conductor").expect("a name"),
        incarnation: Incarnation::new(row.uint("incarnation")).expect("an incarnation"),
        group: Group::parse(&group).expect("a group"),
        drivers: drivers.iter().map(driver).collect(),
        heartbeat_timeout: row.ms("heartbeat_timeout_ms"),
        state: row.word::<ConductorState>("state").expect("a state"),
        restart_remaining: row.ms("hold_remaining_ms"),
        last_sent_at_ms: row.number("last_sent_at_ms"),
        last_sign_at_ms: row.uint("last_sign_at_ms"),
        since_ms: row.uint("since_ms"),
    };
    ConductorRow {
        record,
        noted_at_ms: row.number("hold_noted_at_ms"),
    }
}

fn received(row: &Read) -> Received {
    let name = row.text("subscriber").expect("a name");
    Received {
        receipt: Receipt {
            subscriber: SubscriberName::parse(&name).expect("a name"),
            stream: row.text("stream").expect("a stream"),
            seq: row.uint("seq"),
            applied_at_ms: row.uint("applied_at_ms"),
        },
        heard_at_ms: row.uint("heard_at_ms"),
    }
}

fn note(row: &Read) -> Note {
    let or_zero = |column| row.number(column).unwrap_or_default();
    let refused = |why| {
        let (count, since) = (or_zero("refused_count"), or_zero("refused_since_ms"));
        Refused::stored(why, count, since, or_zero("refused_last_ms"))
    };
    let ignored = |incarnation| Ignored {
        incarnation: Incarnation::new(incarnation).expect("an incarnation"),
        count: or_zero("ignored_count"),
        since_ms: or_zero("ignored_since_ms"),
        last_ms: or_zero("ignored_last_ms"),
    };
    Note {
        conductor: row.conductor("conductor").expect("a name"),
        refused: row.text("refused_why").map(refused),
        remaining: row.ms("refused_remaining_ms"),
        ignored: row.number("ignored_incarnation").map(ignored),
    }
}

fn decision(row: &Read) -> DecisionRow {
    let kind = match row.word("cause").expect("a cause") {
        CauseWord::Silence => CauseKind::Silence,
        CauseWord::RestartOverdue => CauseKind::RestartOverdue,
        CauseWord::NeverSeen => CauseKind::NeverSeen,
        CauseWord::Event => CauseKind::Event {
            id: EventId::parse(&row.text("cause_event_id").expect("an id")).expect("an id"),
            event_type: row.word("cause_event").expect("a type"),
        },
    };
    DecisionRow {
        id: row.text("decision_id").expect("an id"),
        pair: row.pair(),
        verdict: row.word("verdict").expect("a verdict"),
        cause: Cause {
            conductor: row.conductor("cause_conductor"),
            kind,
        },
        last_good_at_ms: row.number("last_good_at_ms"),
        epoch: row.uint("epoch"),
        decided_at_ms: row.uint("decided_at_ms"),
        completed_at_ms: row.number("completed_at_ms"),
        nodes: row.uint("nodes"),
        observed: row.flag("observed").expect("yes or no"),
    }
}

fn change(row: &Read) -> ChangeRow {
    let (uuid, held) = (row.text("uuid").expect("a key"), row.text("held"));
    assert!(held.as_ref().is_none_or(|held| *held == uuid), "{held:?}");
    ChangeRow {
        uuid,
        name: row.text("name"),
        held: held.is_some(),
        decision: row.uint("decision"),
        since_ms: row.uint("since_ms"),
        back: row.word("back"),
        ends: row.number("ends"),
    }
}

fn announcement(row: &Read) -> AnnouncementRow {
    AnnouncementRow {
        announcement_type: row.word("type").expect("a type"),
        decision: row.number("decision"),
        reason: row.text("reason"),
        released_by: row.number("released_by"),
        first_seq: row.uint("first_seq"),
        last_seq: row.uint("last_seq"),
        epoch: row.uint("epoch"),
        decided_at_ms: row.uint("decided_at_ms"),
        committed_at_ms: row.uint("committed_at_ms"),
    }
}
