//! Every statement, by name: the same ones in the same order in one file for each dialect, so that
//! the code above them is written once. Placeholders are numbered (`$1`), in every dialect.
//!
//! [`Statements`] are those over our own tables. [`Inventory`] are those that touch the table of
//! nodes, of which there are two kinds: our own, and that of an OpenStack Ironic.

mod mysql;
mod mysql_ironic;
mod mysql_native;
mod postgres;
mod postgres_ironic;
mod postgres_native;
mod sqlite;
mod sqlite_ironic;
mod sqlite_native;

use crate::store::database::dialect::Dialect;

/// The statements over our own tables.
pub fn statements(dialect: Dialect) -> &'static Statements {
    match dialect {
        Dialect::Sqlite => &sqlite::STATEMENTS,
        Dialect::Postgres => &postgres::STATEMENTS,
        Dialect::MySql => &mysql::STATEMENTS,
    }
}

/// The statements over our own table of nodes.
pub fn native(dialect: Dialect) -> Inventory {
    match dialect {
        Dialect::Sqlite => sqlite_native::inventory(),
        Dialect::Postgres => postgres_native::inventory(),
        Dialect::MySql => mysql_native::inventory(),
    }
}

/// The statements over the nodes of an Ironic, whose keys have this collation (it matters to MySQL
/// alone).
pub fn ironic(dialect: Dialect, keys: Keys) -> Inventory {
    match dialect {
        Dialect::Sqlite => sqlite_ironic::inventory(),
        Dialect::Postgres => postgres_ironic::inventory(),
        Dialect::MySql => mysql_ironic::inventory(keys),
    }
}

/// The character set, the collation and the unique index of somebody else's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    charset: String,
    collation: String,
    index: String,
}

impl Keys {
    /// `None` if these are no names.
    pub fn parse(charset: &str, collation: &str, index: &str) -> Option<Self> {
        let name = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
        };
        (name(charset) && name(collation) && name(index)).then(|| Self {
            charset: charset.to_owned(),
            collation: collation.to_owned(),
            index: index.to_owned(),
        })
    }

    /// Has rows found by their keys alone.
    pub fn by_key(&self) -> String {
        format!("FORCE INDEX (`{}`)", self.index)
    }

    /// A text of ours, made comparable.
    pub fn of(&self, text: &str) -> String {
        format!(
            "CONVERT({text} USING {}) COLLATE {}",
            self.charset, self.collation
        )
    }
}

/// One dialect's statements over our own tables, in the order in which they are used.
pub struct Statements {
    // --- how transactions begin: of a writer, of one who looks at several things at once ---------
    pub begin: &'static str,
    pub begin_look: &'static str,

    // --- fence ----------------------------------------------------------------------------------
    /// Makes the one row that everything hangs on, once. `$1` stream.
    pub create_stream: &'static str,
    pub create_relay: &'static str,
    pub stream: &'static str,
    /// Every table and column that is used, looked at without reading a row: what is missing is
    /// found before the first event is taken.
    pub schema: &'static [&'static str],
    /// A real change of the row that moves no epoch: proves that writing works.
    pub prove: &'static str,
    /// `$1` holder, `$2` now, `$3` mode.
    pub take_epoch: &'static str,
    /// First statement of every writing transaction: no row, no right to write. `$1` now, or NULL
    /// if nothing is decided, `$2` epoch.
    pub fence: &'static str,
    /// The same for an operator's command, which writes within whatever epoch there is. When the
    /// holder last committed stays as it is.
    pub fence_any: &'static str,
    pub counters: &'static str,
    /// `$1` seq, `$2` last announcement, `$3` last decision.
    pub save_counters: &'static str,
    pub step_down: &'static str,
    pub conductors: &'static str,
    pub standings: &'static str,

    // --- intake ---------------------------------------------------------------------------------
    /// Goes before and after the rows of (conductor, message id).
    pub recall: (&'static str, &'static str),
    pub remember: &'static str,
    pub save_conductors: (&'static str, &'static str),
    pub decided: &'static str,
    /// A decision that is only recorded: what it would have moved. `$1` now, `$2` nodes, `$3` number.
    pub observed: &'static str,
    /// A decision that is overtaken completes at that moment. `$1` now, `$2` driver, `$3` group,
    /// `$4` number.
    pub overtaken: &'static str,
    /// `$1` group, `$2` driver, `$3` state, `$4` now, `$5` decision.
    pub stand: &'static str,

    // --- take out and give back -----------------------------------------------------------------
    /// The lost pair's decision; no row: it is not lost, so nothing is to be taken out (I6).
    /// `$1` driver, `$2` group.
    pub lost_decision: &'static str,
    /// A lost pair's decision from now on. `$1` number, `$2` driver, `$3` group.
    pub redecide: &'static str,
    /// `$1` nodes, `$2` decision.
    pub count_nodes: &'static str,
    /// `$1` now, `$2` driver, `$3` group.
    pub complete: &'static str,
    /// The pair's decision. `$1` driver, `$2` group.
    pub completed: &'static str,
    /// Goes before the rows.
    pub announce: &'static str,
    /// `$1` after, `$2` limit.
    pub holds_window: &'static str,
    /// `$1` after, `$2` limit, `$3` driver, `$4` group.
    pub holds_window_of_pair: &'static str,
    /// `$1`, `$2`: above and up to which `seq`.
    pub end_holds: &'static str,
    /// What of the new changes goes into one message: same hold's decision, same reason. `$1` seq.
    pub released: &'static str,
    /// Return decisions that nothing waits for any more. `$1` now.
    pub complete_restored: &'static str,

    // --- sweep; each drops a bounded number of rows, oldest first -------------------------------
    /// `$1` remaining, `$2` now, `$3` conductor.
    pub keep_remainder: &'static str,
    /// A pair that was decided to be unknown, if nothing is held for it. `$1` driver, `$2` group.
    pub forget_unknown: &'static str,
    /// `$1` driver, `$2` group.
    pub forget_pair: &'static str,
    pub drop_events: &'static str,
    pub drop_changes: &'static str,
    pub drop_announcements: &'static str,
    pub drop_decisions: &'static str,

    // --- operators ------------------------------------------------------------------------------
    pub pause: &'static str,
    /// `$1` id, `$2` reason, `$3` who, `$4` now, `$5` remaining or NULL.
    pub begin_pause: &'static str,
    /// `$1` id.
    pub end_pause: &'static str,
    /// What remains of it. `$1` remaining, `$2` now, `$3` id.
    pub keep_pause: &'static str,
    /// A new history, and nobody may write in it who could before. `$1` stream.
    pub new_stream: &'static str,
    /// `$1` kind, `$2` argument, `$3` now.
    pub request: &'static str,
    pub request_number: &'static str,
    pub requests: &'static str,
    /// `$1` now, `$2` result, `$3` number.
    pub answer: &'static str,
    /// `$1` conductor.
    pub forget: &'static str,
    pub drop_requests: &'static str,

    // --- relay ----------------------------------------------------------------------------------
    /// `$1` after which, or NULL; `$2` limit.
    pub pending: &'static str,
    /// `$1`, `$2`: from which to which `seq`.
    pub announced_nodes: &'static str,
    /// Never back, and only for the holder of the epoch. `$1` number, `$2` now, `$3` epoch.
    pub announced: &'static str,

    // --- looking --------------------------------------------------------------------------------
    pub position: &'static str,
    pub outbox: &'static str,
    /// `$1` after, `$2` limit.
    pub snapshot: &'static str,
    pub see_conductors: &'static str,
    pub see_pairs: &'static str,
    /// `$1` uuid.
    pub see_hold: &'static str,
    /// `$1` uuid.
    pub see_last_change: &'static str,
    /// `$1` number.
    pub see_decision: &'static str,
    /// `$1` limit.
    pub see_decisions: &'static str,
    /// What was decided and not carried out, from `$1` on, by verdict.
    pub see_observed: &'static str,
    /// `$1` number.
    pub see_request: &'static str,
}

/// The statements that touch the table of nodes, for one dialect and one kind of inventory. An
/// empty one does not apply.
pub struct Inventory {
    /// Every column that is used, looked at without reading a row.
    pub schema: String,

    // --- take out -------------------------------------------------------------------------------
    /// The end of the next window over a pair's nodes, how many rows it has, and how many of them
    /// have a key longer than any message may carry. `$1` driver, `$2` group, `$3` after, `$4`
    /// limit.
    pub pair_window: String,
    /// Locks the rows of the window that are to go out and that nobody else has locked, and writes
    /// their holds. `$1` seq, `$2` decision, `$3` now, `$4` driver, `$5` group, `$6` after, `$7`
    /// last.
    pub hold: String,
    /// Marks exactly the rows of the new holds. `$1` now, `$2`, `$3`: above and up to which `seq`,
    /// `$4` the decision's UUID.
    pub mark_out: String,
    /// How many rows of the window should be out and are not held: somebody else has locked them.
    /// `$1` driver, `$2` group, `$3` after, `$4` last, `$5` decision.
    pub left_in: String,

    // --- give back; `$1` seq, `$2` now, `$3` after, `$4` last; of a pair, `$5` driver, `$6` group ----
    /// Each ends the holds of the window that have one reason to end.
    pub release: Vec<String>,
    pub release_of_pair: Vec<String>,
    /// By an operator's command: each ends the holds of the window that it may end, whatever their
    /// pairs are (reason `released`; those whose node is gone, `node_removed`). It locks the rows and
    /// passes by those that somebody else has locked; what it leaves is counted as such.
    pub release_by_hand: Vec<String>,
    pub release_by_hand_of_pair: Vec<String>,
    /// Here, `$5` is the node's uuid.
    pub release_by_hand_of_node: Vec<String>,
    /// Unmarks the rows whose holds ended. `$1` now, `$2`, `$3`: above and up to which `seq`.
    pub mark_in: String,
    /// How many holds of a pair in the window should have ended and did not: somebody else has
    /// locked their rows. `$1` after, `$2` last, `$3` driver, `$4` group.
    pub left_out: String,
    /// A held node that needs another lost pair now: from here on that pair's return releases it.
    /// `$1` after, `$2` last.
    pub relabel: String,
    /// What somebody changed by hand is marked again. `$1` now, `$2` after, `$3` last.
    pub mark_again: String,

    // --- put right ------------------------------------------------------------------------------
    /// `$1` after, `$2` limit.
    pub all_window: String,
    /// Marked, not held, and not about to be taken out: somebody else's doing. `$1` now, `$2`
    /// after, `$3` last.
    pub unmark_strays: String,

    // --- sweep ----------------------------------------------------------------------------------
    /// The pair, if no node needs it and nothing is held for it. Not one statement with its removal:
    /// MySQL's DELETE would wait for the nodes that somebody else has locked. `$1` driver, `$2`
    /// group.
    pub unneeded: String,

    /// Pairs that nodes need and nothing was ever decided about, by group and driver. `$1` limit.
    pub unknown_pairs: String,

    // --- looking --------------------------------------------------------------------------------
    /// What taking a pair out would be about: its `nodes` that are not held and may be taken, and
    /// those that are `held`. `$1` driver, `$2` group.
    pub count_pair: String,
    pub count_pairs: String,
    pub count_all: String,
    /// `$1` uuid.
    pub see_node: String,
    /// `$1` name.
    pub see_node_by_name: String,
}
