//! Statements over the nodes: words (`words.rs`, and those for one purpose in `by_pair.rs`, `place.rs` and `hidden.rs`),
//! selects and inserts (`statements.rs`), the same over several pairs (`each.rs`), updates (`updates.rs`), looks for
//! work (`survey.rs`), and what these share (`holds.rs`).

mod by_pair;
mod each;
mod hidden;
mod holds;
mod kinds;
mod place;
mod statements;
mod survey;
mod updates;
mod words;

pub use kinds::{ironic, native};
pub use words::Keys;

statements! {
/// The statements that touch the table of nodes, for one dialect and one kind of inventory. An
/// empty one does not apply.
Inventory {
    /// Every column that is used, looked at without reading a row.
    schema: String,

    // --- take out -------------------------------------------------------------------------------
    /// The end of the next window over a pair's nodes, how many rows it has, and how many of them
    /// have a key longer than any message may carry. `$1`, `$2` the pair, `$3` after, `$4`
    /// limit.
    pair_window: String,
    /// Locks the rows of the window that are to go out and that no other session has locked, and writes
    /// their holds. `$1` seq, `$2` decision, `$3` now, `$4`, `$5` the pair, `$6` after, `$7`
    /// last.
    hold: String,
    /// How many nodes each of several lost pairs has to walk over; NULL if one of them has a key longer than
    /// any message may carry, or, on MySQL, if it has more than `$1`. The numbers of their decisions go in
    /// between.
    size_of_each: (String, String),
    /// As [`hold`](Self::hold), of several pairs as a whole. `$1` seq, `$2` now, `$3` the most nodes of one;
    /// the numbers of their decisions go in between.
    hold_each: (String, String),
    /// Marks exactly the rows of the new holds. `$1` now, `$2`, `$3`: above and up to which `seq`.
    mark_out: String,
    /// How many rows of the new holds are not marked even so: another's trigger, rule or policy cancels the
    /// change, and no database tells. `$1`, `$2`: above and up to which `seq`.
    not_marked_out: String,
    /// How many rows of the window should be out and are not held: another session has locked them.
    /// `$1`, `$2` the pair, `$3` after, `$4` last, `$5` decision.
    left_in: String,
    /// How many nodes of several lost pairs should be out and are not held, by decision, at most `$1` of each.
    /// The numbers of their decisions go in between.
    untaken_each: (String, String),

    // --- give back; `$1` seq, `$2` now, `$3` after, `$4` last; of a pair, its decisions go in between
    /// Each ends the holds of the window that have one reason to end.
    release: Vec<String>,
    release_of_pair: Vec<(String, String)>,
    /// By an operator's command: each ends the holds of the window that it may end, whatever their
    /// pairs are (reason `released`; those whose node is gone, `node_removed`). It locks the rows and
    /// passes by those that another session has locked; what it leaves is counted as such.
    release_by_hand: Vec<String>,
    release_by_hand_of_pair: Vec<(String, String)>,
    /// Here, `$5` is the node's uuid.
    release_by_hand_of_node: Vec<String>,
    /// Unmarks the rows whose holds ended. `$1` now, `$2`, `$3`: above and up to which `seq`.
    mark_in: String,
    /// Likewise, how many rows whose holds ended are still marked. `$1`, `$2`: above and up to which `seq`.
    not_marked_in: String,
    /// How many holds in the window should have ended and did not, by decision: another session has
    /// locked their rows. `$1` after, `$2` last; the decisions go in between.
    left_out: (String, String),
    /// A held node that needs another lost pair now: from here on that pair's return releases it.
    /// `$1` after, `$2` last.
    relabel: String,
    /// What somebody changed by hand is marked again. `$1` now, `$2` after, `$3` last.
    mark_again: String,

    // --- put right ------------------------------------------------------------------------------
    /// `$1` after, `$2` limit.
    all_window: String,
    /// Marked, not held, and not about to be taken out: another's doing. `$1` now, `$2`
    /// after, `$3` last.
    unmark_strays: String,

    // --- survey: how many rows of a window are to be changed; nothing is locked -------------------
    /// Anything at all, in one pass over nodes and holds. `$1` after, `$2` last, `$3` whether nodes of pairs that are
    /// unknown go out.
    survey_all: String,
    /// How many decisions about lost pairs are not completed. `$1` as `$3` there.
    survey_open: String,
    /// Of a lost pair, nodes to take out. `$1`, `$2` the pair, `$3` after, `$4` last, `$5` decision.
    survey_pair: String,
    /// Holds of which not all is as a held node should be, in one pass: without any there is nothing to end, to
    /// re-label or to mark. `$1` after, `$2` last.
    survey_held: String,
    /// Holds to end or to re-label. `$1` after, `$2` last.
    survey_holds: String,
    /// Holds whose node is to be marked again. `$1` after, `$2` last.
    survey_marks: String,
    /// Nodes that are marked without a hold. `$1` after, `$2` last.
    survey_strays: String,

    /// How many rows no walk comes to, for want of a key; up to some thousands.
    survey_keyless: String,

    // --- sweep ----------------------------------------------------------------------------------
    /// The pair, if no node needs it and nothing is held for it. Not one statement with its removal:
    /// MySQL's DELETE would wait for the nodes that another session has locked. `$1`, `$2`
    /// the pair.
    unneeded: String,

    /// A node that needs the pair. `$1`, `$2` the pair.
    needed: String,

    // --- looking --------------------------------------------------------------------------------
    /// What taking a pair out would be about: its `nodes` that are not held and may be taken, and
    /// those that are `held`. `$1`, `$2` the pair.
    count_pair: String,
    /// The end of the next window in an order of the table's own, and how many rows it has. `$1` after,
    /// `$2` limit.
    count_end: String,
    /// How many nodes of that window need each pair. `$1` after, `$2` last.
    count_window: String,
    /// The nodes of a page and what holds them. `$1` after, `$2` limit.
    list: String,
    /// The same of one pair. `$3`, `$4` the pair.
    list_of_pair: String,
    /// `$1` uuid.
    see_node: String,
    /// `$1` name.
    see_node_by_name: String,
}
}
