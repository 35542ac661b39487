//! The fourth store: the model of the ledger in memory (`nodewarden_tests::model`), held against the
//! same stories.
//!
//! Its tables are kept in an SQLite file between calls: users, operators, commands and looks are the
//! real ones, on that file, and each call of the ledger and the outbox is the model's.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use nodewarden::config::Mode;
use nodewarden::domain::announcement::Announcement;
use nodewarden::domain::change::Standing;
use nodewarden::domain::committed::Loss;
use nodewarden::domain::ids::{ConductorName, EventId, Pair};
use nodewarden::store::{
    Counts, CountsWindow, Findings, HearingNote, Known, Ledger, Memory, Outbox, Pause, Prune,
    Request, Rows, SqlLedger, SqlOutbox, StoreError, Surveyed, Sweep, Takeover, Window, WindowDone,
};
use nodewarden_tests::database::Scratch;
use nodewarden_tests::model::{Mirror, Model, ModelLedger, ModelOutbox};
use tokio::sync::Mutex;

tokio::task_local! {
    static MODELLED: ();
}

/// Runs a story whose ledgers are the model.
pub async fn on_the_model(story: impl Future<Output = ()>) {
    MODELLED.scope((), story).await;
}

/// The file that holds the tables of the model between calls; several connections share it.
pub type File = Arc<Mutex<Mirror>>;

/// The file, if this story is about the model.
pub async fn file(scratch: &Scratch) -> Option<File> {
    MODELLED.try_with(|()| ()).ok()?;
    let file = Mirror::open(scratch.database.url.expose()).await;
    Some(Arc::new(Mutex::new(file)))
}

/// The ledger of a story, whichever store it is about.
pub enum AnyLedger {
    Sql(Box<SqlLedger>),
    Model(File, Known),
}

/// The outbox of a story.
pub enum AnyOutbox {
    Sql(Box<SqlOutbox>),
    Model(File, ()),
}

/// A connection of a model that goes by what was known before the call.
trait Knowing<K> {
    fn by(self, known: &K) -> Self;
}

impl Knowing<Known> for ModelLedger {
    fn by(self, known: &Known) -> Self {
        self.knowing(known.clone())
    }
}

impl Knowing<()> for ModelOutbox {
    fn by(self, (): &()) -> Self {
        self
    }
}

/// Calls the method on the real connection, or on a model that has what the file holds.
macro_rules! call {
    ($any:expr, $connection:ident, $kind:ident.$method:ident($($argument:expr),*)) => {
        match $any {
            $kind::Sql(real) => real.$method($($argument),*).await,
            $kind::Model(file, known) => {
                let mut file = file.lock().await;
                let model = Model::of(file.load().await);
                let mut modelled = model.$connection("a replica").by(known);
                let done = modelled.$method($($argument),*).await;
                file.save(&model.tables()).await;
                done
            }
        }
    };
}

/// Implements a trait method by method.
macro_rules! forwarded {
    ($kind:ident by $connection:ident { $(
        $method:ident($($argument:ident: $type:ty),*) -> $answer:ty;
    )* }) => { $(
        async fn $method(&mut self, $($argument: $type),*) -> Result<$answer, StoreError> {
            call!(self, $connection, $kind.$method($($argument),*))
        }
    )* };
}

impl Ledger for AnyLedger {
    fn known(&self) -> &Known {
        match self {
            Self::Sql(real) => real.known(),
            Self::Model(_, known) => known,
        }
    }

    forwarded! { AnyLedger by ledger {
        stream() -> String;
        came_after(stream: &str) -> bool;
        missing() -> Option<Loss>;
        prove() -> ();
        take_epoch(holder: &str, mode: Mode, now_ms: u64) -> Takeover;
        step_down(epoch: u64, now_ms: u64) -> ();
        note(epoch: u64, note: &HearingNote) -> ();
        resume(epoch: u64) -> Memory;
        recall(events: &[(ConductorName, EventId)]) -> HashMap<(ConductorName, EventId), [u8; 32]>;
        commit(epoch: u64, intake: &Findings) -> ();
        take_out(epoch: u64, pair: &Pair, window: &Window) -> WindowDone;
        give_back(epoch: u64, pair: Option<&Pair>, window: &Window) -> WindowDone;
        carry_out(
            epoch: u64,
            to: Standing,
            pairs: &[Pair],
            window: &Window
        ) -> Vec<Option<WindowDone>>;
        unmark_strays(epoch: u64, window: &Window) -> WindowDone;
        first_after(of: Rows<'_>, after: &str) -> Option<String>;
        survey(of: Rows<'_>, window: &Window) -> Surveyed;
        survey_all(window: &Window) -> Surveyed;
        survey_pairs(pairs: &[Pair], window: &Window) -> Vec<Option<Surveyed>>;
        begin_sweep(epoch: u64, sweep: &Sweep) -> Vec<Pair>;
        prune(epoch: u64, what: Prune, before_ms: u64, most: u32) -> u64;
        unknown_pairs(most: u32) -> Vec<Pair>;
        needed(pairs: &[Pair]) -> Vec<Pair>;
        count_nodes(after: &str, limit: u32) -> CountsWindow;
        keep_counts(epoch: u64, counts: &Counts, most: u32) -> bool;
        fold_counts(epoch: u64) -> u64;
        waited_since(seq: u64) -> Option<u64>;
        pause() -> Option<Pause>;
        end_pause(epoch: u64, id: &str, now_ms: u64) -> bool;
        requests() -> Vec<Request>;
        answer_forget(
            epoch: u64,
            request: &Request,
            forget: bool,
            result: &str,
            now_ms: u64
        ) -> ();
    } }
}

impl Outbox for AnyOutbox {
    forwarded! { AnyOutbox by outbox {
        pending(after: Option<u64>, most: u32) -> Vec<Announcement>;
        announced(epoch: u64, number: u64, now_ms: u64) -> ();
    } }
}

/// Which stories are not told of the model, by file, and why.
const NOT_OF_THE_MODEL: [(&str, &str, &[&str]); 16] = [
    (
        "commands.rs",
        "commands of the real binary, which the model is no part of",
        &[
            "a_wrong_password_host_or_database_ends_each_command_with_69_and_a_clear_sentence",
            "run_makes_no_tables_on_a_server_and_says_who_does",
            "run_makes_its_tables_by_itself_on_sqlite",
            "run_warns_where_commits_are_not_durable",
        ],
    ),
    (
        "errors.rs",
        "triggers, missing tables, locks and rights are SQL's; the suite `model` refuses rows of the model",
        &[
            "what_a_trigger_or_a_constraint_refuses_is_permanent_and_leaves_nothing",
            "i3_what_a_trigger_silently_cancels_is_an_error_of_the_row_and_leaves_nothing",
            "a_table_or_a_column_that_is_missing_says_what_to_do",
            "a_column_that_somebody_added_and_nothing_fills_is_permanent",
            "a_lock_that_lasts_too_long_passes",
            "a_deadlock_passes_and_leaves_nothing",
            "a_limit_of_mariadb_that_others_have_exhausted_passes",
            "a_right_that_is_missing_says_what_to_do",
            "a_serialisation_failure_that_comes_at_commit_passes_on_postgresql",
            "a_postgresql_that_takes_no_writes_says_so_to_migrate",
            "what_answers_in_the_place_of_postgresql_is_said_to_be_something_else",
        ],
    ),
    (
        "errors.rs",
        "tables of the model hold words, not any text",
        &["a_row_of_ours_that_makes_no_sense_is_called_corrupt"],
    ),
    (
        "fairness.rs",
        "writers of one file that wait for each other; calls of the model wait for nothing",
        &[
            "a_pause_wins_within_two_seconds_ten_times_of_ten",
            "the_relay_records_its_progress_and_an_import_begins_all_the_same",
        ],
    ),
    (
        "holds.rs",
        "the history of operators' commands: the model's operator notes nothing",
        &["what_an_operator_gives_back_and_resumes_is_in_the_history_with_the_same_commit"],
    ),
    (
        "hosts.rs",
        "servers behind a URL; the model has none",
        &[
            "a_dead_host_in_front_is_passed_by",
            "where_no_host_answers_each_is_named_without_the_password",
            "a_server_that_takes_no_writes_is_passed_by_on_postgresql",
            "looks_leave_a_server_that_takes_no_writes_any_more_on_postgresql",
        ],
    ),
    (
        "locks.rs",
        "transactions that users leave open in SQL; the suite `model` locks rows of the model",
        &[
            "locked_rows_are_passed_by_counted_and_taken_once_they_are_free",
            "locked_rows_are_passed_by_on_the_way_back_too",
            "a_locked_row_holds_up_no_walk_over_everything",
            "a_node_that_is_being_put_back_in_an_open_transaction_holds_up_no_other",
            "a_frozen_owner_of_an_open_transaction_is_ended_by_the_server",
            "a_standby_proves_that_it_can_write_while_the_active_one_holds_the_fence",
            "a_node_that_is_registered_again_between_two_statements_comes_back_once",
        ],
    ),
    (
        "names.rs",
        "keys that are none: tables of the model have a key for each row",
        &["l4_a_key_that_begins_with_any_sign_is_walked_and_rows_without_a_key_are_counted"],
    ),
    (
        "replies.rs",
        "a connection cut around COMMIT; the suite `model` loses replies of the model",
        &[
            "after_a_lost_reply_to_a_commit_resume_shows_what_was_committed",
            "after_a_commit_that_never_arrived_resume_shows_that_nothing_was",
            "l4_a_server_that_says_nothing_more_is_given_up_wherever_that_begins",
        ],
    ),
    (
        "restarts.rs",
        "servers that restart, and their settings",
        &[
            "a_server_restarted_in_the_middle_of_a_chunk_leaves_nothing_of_it_and_goes_on",
            "settings_with_which_a_crash_loses_commits_are_named",
            "durable_settings_are_not_worth_a_word",
            "a_setting_of_a_postgresql_database_alone_is_named_too",
        ],
    ),
    (
        "sessions.rs",
        "settings and rights of servers",
        &[
            "a_mariadb_set_up_for_another_application_loses_nothing",
            "a_postgresql_database_set_up_for_another_application_loses_nothing",
            "who_may_not_make_tables_in_postgresql_is_told_which_right_is_missing",
        ],
    ),
    (
        "slow.rs",
        "the time limit of a statement",
        &["l1_a_statement_that_takes_too_long_is_a_passing_fault_and_gives_its_locks_back"],
    ),
    (
        "tables.rs",
        "migrations: the model has no schema",
        &[
            "a_migration_that_was_broken_off_is_made_again",
            "migrating_again_and_from_many_sides_at_once_keeps_stream_and_rows",
            "before_the_tables_are_made_everything_says_to_migrate",
            "a_database_of_postgresql_that_cannot_hold_every_name_is_refused_at_the_start",
        ],
    ),
    (
        "tables.rs",
        "imports: no part of the ledger",
        &[
            "an_import_adds_and_updates_and_never_writes_a_mark",
            "an_import_of_what_is_there_writes_no_row",
            "an_import_that_fails_half_way_imports_nothing",
            "thousands_of_nodes_are_imported_with_progress",
        ],
    ),
    (
        "together.rs",
        "triggers, locks and an Ironic's tables",
        &[
            "a_node_that_cannot_be_written_fails_them_all_and_nothing_of_them_is_written",
            "a_locked_row_keeps_its_pair_open_and_no_other",
            "an_ironic_s_nodes_go_out_and_come_back_as_they_would_one_by_one",
            "an_ironic_s_marks_that_were_lifted_and_nodes_that_were_changed_are_each_told_once",
        ],
    ),
    (
        "words.rs",
        "tables of the model hold words, not any text",
        &[
            "a_word_that_is_none_of_its_list_is_corrupt_and_named",
            "a_node_that_is_out_by_a_decision_to_give_back_is_corrupt",
            "what_stands_before_a_corrupt_announcement_goes_out",
        ],
    ),
];

/// The names between the parentheses of a macro of this file.
fn named<'t>(text: &'t str, begins: &str) -> Vec<&'t str> {
    let lists = text.split(begins).skip(1);
    let lists = lists.map(|list| list.split_once(");").expect("an end").0);
    let names = lists.flat_map(|list| list.split(','));
    names
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_story_is_told_of_the_model_or_is_listed_with_the_reason() {
    let (mut told, mut not_told) = (0, BTreeSet::new());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        // It has the macros themselves.
        if file == "main.rs" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        told += named(&text, "\non_each!(").len();
        let of_databases = named(&text, "\non_databases!(").into_iter();
        let of_one = text.split("\n#[tokio::test").skip(1);
        let of_one = of_one.map(|rest| rest.split_once("async fn ").unwrap().1);
        let stories = of_databases
            .chain(named(&text, "\non_servers!("))
            .chain(of_one.map(|story| story.split_once('(').unwrap().0));
        not_told.extend(stories.map(|story| (file.clone(), story.to_owned())));
    }
    let listed = NOT_OF_THE_MODEL.iter().flat_map(|(file, _, stories)| {
        let stories = stories.iter();
        stories.map(|story| ((*file).to_owned(), (*story).to_owned()))
    });
    assert_eq!(listed.collect::<BTreeSet<_>>(), not_told);
    assert!(told > 30, "{told}");
}
